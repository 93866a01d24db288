"""The ledger's tables, and the triggers by which the database itself keeps them append-only.

Not only UPDATE and DELETE are refused: an INSERT OR REPLACE deletes without firing a delete
trigger, so inserting over an existing key is refused before it happens.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

returns = Table(
    "returns",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("return_id", Text, nullable=False, unique=True),
    Column("programme", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("quarter", Text, nullable=False),
    Column("received", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False, unique=True),  # a chain has no forks
    Column("chain_hash", Text, nullable=False, unique=True),
    Column("changes", Text, nullable=False),
    Column("synthetic_clock", Boolean, nullable=False),
    Index("returns_by_submitter", "programme", "site", "agency", "quarter", "seq"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("return_seq", Integer, ForeignKey("returns.seq"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The key is the order in which a panel is read, so a vintage is one pass without sorting.
observations = Table(
    "observations",
    metadata,
    Column("programme", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("area_code", Text, primary_key=True),
    Column("quarter", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("return_seq", Integer, ForeignKey("returns.seq"), nullable=False),
    Column("numerator", Float),
    Column("denominator", Float),
    Column("status", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index("observations_by_return", "return_seq"),
    Index("observations_by_quarter", "programme", "quarter", "outcome", "area_code"),
    sqlite_with_rowid=False,
)


def triggers() -> list[str]:
    """The statements that make SQLite refuse to change, remove or replace a record."""
    statements = []
    for table in metadata.sorted_tables:
        for action in ("UPDATE", "DELETE"):
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{action.lower()}"
                f" BEFORE {action} ON {table.name} BEGIN"
                f" SELECT RAISE(ABORT, 'the ledger is append-only: {action} refused'); END"
            )
        statements.append(
            f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_replace"
            f" BEFORE INSERT ON {table.name} WHEN EXISTS"
            f" (SELECT 1 FROM {table.name} WHERE {_same_record(table)}) BEGIN"
            " SELECT RAISE(ABORT, 'the ledger is append-only: a record is never replaced'); END"
        )
    return statements


def _same_record(table: Table) -> str:
    key = " AND ".join(f"{column.name} = NEW.{column.name}" for column in table.primary_key)
    unique = [column.name for column in table.columns if column.unique]
    return " OR ".join([f"({key})", *(f"{name} = NEW.{name}" for name in unique)])
