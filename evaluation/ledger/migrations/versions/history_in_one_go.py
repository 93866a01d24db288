"""Returns loaded as history, and reasons given for a whole rule; neither, for what came before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words

revision = "history_in_one_go"
down_revision = "names_of_senders"


def upgrade() -> None:
    """Add the columns; what was recorded before has their defaults and hashes as it did."""
    history = sa.Column("history", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("returns", history)
    for name in ("scope", "by", "area_code", "outcome"):
        column = sa.Column(name, Words, nullable=False, server_default="", quote=True)
        op.add_column("confirmations", column)
