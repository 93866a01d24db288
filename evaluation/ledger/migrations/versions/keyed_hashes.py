"""Nonces, seals and keyed hashes: what was accepted before keeps its chain, and gets a seal."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.schema import Words, append_only, kept_until_redacted

revision = "keyed_hashes"
down_revision = "figures_of_samples"


def upgrade() -> None:
    """Add the columns and the tables; returns accepted before stay of their chain version."""
    from evaluation.ledger.keyed import seal_unsealed

    looked = sa.inspect(op.get_bind())
    for table, column in (
        ("returns", sa.Column("keyed_hash", Words, nullable=False, server_default="")),
        ("acts", sa.Column("chain_version", sa.Integer, nullable=False, server_default="2")),
        ("acts", sa.Column("keyed_hash", Words, nullable=False, server_default="")),
    ):
        if column.name not in {one["name"] for one in looked.get_columns(table)}:
            op.add_column(table, column)
    dialect = op.get_bind().dialect.name
    tables: dict[str, tuple[sa.Column[Any], ...]] = {
        "nonces": (_numbered(), sa.Column("nonce", Words, nullable=False, unique=True)),
        "seals": (_numbered(), sa.Column("seal", Words, nullable=False, unique=True)),
    }
    for name, columns in tables.items():
        if looked.has_table(name):
            continue
        op.create_table(name, *columns)
        protected = (
            kept_until_redacted(dialect)
            if name == "nonces"
            else append_only(dialect, name, key=["seq"], unique=["seal"])
        )
        for statement in protected:
            op.execute(statement)
    seal_unsealed(op.get_bind())


def _numbered() -> sa.Column[int]:
    return sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False)
