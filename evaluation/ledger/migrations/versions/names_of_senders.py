"""Who sent a return, and who withdrew or redacted one; nobody, for what was recorded before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words

revision = "names_of_senders"
down_revision = "acts_and_chain_version"


def upgrade() -> None:
    """Add the column to both tables of the chain."""
    for table in ("returns", "acts"):
        op.add_column(table, sa.Column("by", Words, nullable=False, server_default="", quote=True))
