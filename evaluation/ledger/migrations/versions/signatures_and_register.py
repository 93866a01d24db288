"""Signatures of output checking, and the register of printed values; none, in what came before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, append_only

revision = "signatures_and_register"
down_revision = "keyed_hashes"


def upgrade() -> None:
    """Add the two tables."""
    if sa.inspect(op.get_bind()).has_table("signatures"):
        return
    op.create_table(
        "signatures",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("signature_id", Words, nullable=False, unique=True),
        sa.Column("programme", Words, nullable=False),
        sa.Column("content", Words, nullable=False),
        sa.Column("received", Words, nullable=False),
        sa.Column("synthetic_clock", sa.Boolean, nullable=False),
        sa.Column("previous_hash", Words, nullable=False, unique=True),
        sa.Column("chain_hash", Words, nullable=False, unique=True),
    )
    op.create_table(
        "printed_values",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, Words, nullable=False)
            for name in ("programme", "edition", "address", "kind", "printed")
        ),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("key", Words, nullable=False, quote=True),
        sa.Column("previous_hash", Words, nullable=False, unique=True),
        sa.Column("row_hash", Words, nullable=False, unique=True),
    )
    dialect = op.get_bind().dialect.name
    for statement in (
        *append_only(
            dialect,
            "signatures",
            key=["seq"],
            unique=("signature_id", "previous_hash", "chain_hash"),
        ),
        *append_only(
            dialect, "printed_values", key=["number"], unique=("previous_hash", "row_hash")
        ),
    ):
        op.execute(statement)
