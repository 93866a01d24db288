"""The first schema: returns, their confirmations, their observations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, append_only

revision = "first_schema"
down_revision = None


def upgrade() -> None:
    """Make the three tables, and let the database refuse to change a record."""
    _returns()
    op.create_table(
        "confirmations",
        sa.Column("return_seq", sa.Integer, sa.ForeignKey("returns.seq"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *(sa.Column(name, Words, nullable=False) for name in ("rule", "cell", "value", "reason")),
        sqlite_with_rowid=False,
    )
    key = ("programme", "outcome", "area_code", "quarter")
    op.create_table(
        "observations",
        *(sa.Column(name, Words, primary_key=True) for name in key),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("return_seq", sa.Integer, sa.ForeignKey("returns.seq"), nullable=False),
        sa.Column("numerator", sa.Float),
        sa.Column("denominator", sa.Float),
        sa.Column("status", Words, nullable=False),
        sa.Column("note", Words, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("observations_by_return", "observations", ["return_seq"])
    by_quarter = ["programme", "quarter", "outcome", "area_code"]
    op.create_index("observations_by_quarter", "observations", by_quarter)
    unique = ("return_id", "previous_hash", "chain_hash")
    dialect = op.get_bind().dialect.name
    for statement in (
        *append_only(dialect, "returns", key=["seq"], unique=unique),
        *append_only(dialect, "confirmations", key=["return_seq", "number"]),
        *append_only(dialect, "observations", key=[*key, "revision"]),
    ):
        op.execute(statement)


def _returns() -> None:
    op.create_table(
        "returns",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("return_id", Words, nullable=False, unique=True),
        *(
            sa.Column(name, Words, nullable=False)
            for name in ("programme", "site", "agency", "quarter", "received")
        ),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("file_sha256", Words, nullable=False),
        sa.Column("content_hash", Words, nullable=False),
        sa.Column("previous_hash", Words, nullable=False, unique=True),
        sa.Column("chain_hash", Words, nullable=False, unique=True),
        sa.Column("changes", Words, nullable=False),
        sa.Column("synthetic_clock", sa.Boolean, nullable=False),
    )
    by_submitter = ["programme", "site", "agency", "quarter", "seq"]
    op.create_index("returns_by_submitter", "returns", by_submitter)
