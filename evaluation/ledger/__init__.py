"""The ledger: every accepted return for ever, receipts, and any vintage read back."""
