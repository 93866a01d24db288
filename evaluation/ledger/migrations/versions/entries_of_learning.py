"""The learning log: entries that take their place in the chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, append_only

revision = "entries_of_learning"
down_revision = "history_in_one_go"


def upgrade() -> None:
    """Add the table; a ledger from before has no entry."""
    op.create_table(
        "log_entries",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entry_id", Words, nullable=False, unique=True),
        sa.Column("programme", Words, nullable=False),
        sa.Column("content", Words, nullable=False),
        sa.Column("received", Words, nullable=False),
        sa.Column("by", Words, nullable=False, server_default="", quote=True),
        sa.Column("synthetic_clock", sa.Boolean, nullable=False),
        sa.Column("previous_hash", Words, nullable=False, unique=True),
        sa.Column("chain_hash", Words, nullable=False, unique=True),
    )
    unique, dialect = ("entry_id", "previous_hash", "chain_hash"), op.get_bind().dialect.name
    for statement in append_only(dialect, "log_entries", key=["seq"], unique=unique):
        op.execute(statement)
