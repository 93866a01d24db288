"""A figure of a sample keeps its standard error, and how many answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "figures_of_samples"
down_revision = "entries_of_learning"


def upgrade() -> None:
    """Add the two columns; figures accepted before are of no sample, and their hashes hold."""
    for name in ("se", "respondents"):
        op.add_column("observations", sa.Column(name, sa.Float))
