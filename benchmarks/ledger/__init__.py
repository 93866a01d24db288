"""Drills of the ledger: what it promises, tried until it would break."""
