"""Destruction: what remains of a destroyed return is bound, and its figures may go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, kept_until_destroyed

revision = "destruction_of_returns"
down_revision = "signatures_and_register"


def upgrade() -> None:
    """Add the column, and let the guards of the tables ask for an act of destruction."""
    bind = op.get_bind()
    if "remains" not in {one["name"] for one in sa.inspect(bind).get_columns("acts")}:
        op.add_column("acts", sa.Column("remains", Words, nullable=False, server_default=""))
    for statement in kept_until_destroyed(bind.dialect.name):
        op.execute(statement)
