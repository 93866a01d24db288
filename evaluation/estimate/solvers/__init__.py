"""Exact batched solvers, each answer with a certificate: on the simplex, or with a ridge."""
