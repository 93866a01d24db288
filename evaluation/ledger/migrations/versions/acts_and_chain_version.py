"""Withdrawals and redactions as records; each return says what its chain hash binds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, append_only

revision = "acts_and_chain_version"
down_revision = "first_schema"


def upgrade() -> None:
    """Add the table and the column; returns accepted before are of chain version 1."""
    version = sa.Column("chain_version", sa.Integer, nullable=False, server_default="1")
    op.add_column("returns", version)
    op.create_table(
        "acts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("act_id", Words, nullable=False, unique=True),
        sa.Column("kind", Words, nullable=False),
        sa.Column("return_seq", sa.Integer, sa.ForeignKey("returns.seq"), nullable=False),
        sa.Column("received", Words, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("previous_hash", Words, nullable=False, unique=True),
        sa.Column("chain_hash", Words, nullable=False, unique=True),
        sa.Column("synthetic_clock", sa.Boolean, nullable=False),
    )
    op.create_index("acts_by_return", "acts", ["return_seq"])
    unique = ("act_id", "previous_hash", "chain_hash")
    for statement in append_only(op.get_bind().dialect.name, "acts", key=["seq"], unique=unique):
        op.execute(statement)
