"""Learning: what sites did, which link of the chain moved, which decision rules are met."""
