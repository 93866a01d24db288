"""The database itself refuses to change a record, also through a raw connection."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from benchmarks.postgres import Cluster
from evaluation.check.report import Confirmation
from evaluation.errors import LedgerError
from evaluation.ledger.engine import HEAD
from evaluation.ledger.learning_log import Entry
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import metadata
from evaluation.ledger.signatures import PrintedValue, Signed
from tests.ledger.returns_at_hand import DAY, returned, submit

REASONS = [Confirmation(rule="R060", cell="E2", reason="a new ward", value="210.0")]
CHANGES = [
    ("returns", "received"),
    ("observations", "numerator"),
    ("confirmations", "reason"),
    ("acts", "reason"),
    ("log_entries", "content"),
]


def fill(ledger: Ledger) -> None:
    receipt = submit(ledger, returned({"E01": 210.0}), confirmations=REASONS)
    ledger.withdraw(receipt.return_id, reason="sent in error", received=DAY)
    learnt = Entry(programme="tiny", site="S01", kind="change", what="letters", why="no answer")
    ledger.note(learnt, received=DAY)
    printed = PrintedValue(
        edition="2026-Q2", address="a", kind="count", printed="65", low=61.0, high=69.0
    )
    ledger.print_values(
        Signed(programme="tiny", kind="publication", by="Per"),
        [printed],
        received=DAY,
        synthetic_clock=False,
    )
    submit(ledger, returned({"E01": 210.0}), days=1, confirmations=REASONS)


@pytest.mark.parametrize(("table", "column"), CHANGES)
def test_update_and_delete_are_refused(
    ledger: Ledger, database: Path | str, table: str, column: str
) -> None:
    fill(ledger)
    before = ledger.observations("tiny")
    statements = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if isinstance(database, str):
        statements.append(f"TRUNCATE {table} CASCADE")
        for statement in statements:
            with (
                psycopg.connect(database) as connection,
                pytest.raises(psycopg.errors.RaiseException, match="append-only"),
            ):
                connection.execute(statement.encode())
    else:
        connection = sqlite3.connect(database)
        for statement in statements:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
        connection.close()
    assert ledger.observations("tiny").equals(before)


def test_upserts_are_refused(ledger: Ledger, database: Path | str) -> None:
    """SQLite's OR REPLACE deletes without a delete trigger; PostgreSQL's ON CONFLICT updates."""
    fill(ledger)
    for table in metadata.sorted_tables:
        names = ", ".join(column.name for column in table.columns)
        if isinstance(database, str):
            key = ", ".join(column.name for column in table.primary_key)
            last = list(table.columns)[-1].name
            with (
                psycopg.connect(database) as connection,
                pytest.raises(psycopg.errors.RaiseException, match="append-only"),
            ):
                connection.execute(
                    f"INSERT INTO {table.name} SELECT * FROM {table.name}"
                    f" ON CONFLICT ({key}) DO UPDATE SET {last} = excluded.{last}".encode()
                )
            continue
        shifted = names
        for counted in ("seq", "number"):
            if names.startswith(f"{counted},"):
                shifted = names.replace(f"{counted},", f"{counted} + 7,", 1)
        connection = sqlite3.connect(database)
        for chosen in {names, shifted}:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(
                    f"INSERT OR REPLACE INTO {table.name} ({names}) SELECT {chosen}"
                    f" FROM {table.name}"
                )
        connection.close()


def test_the_application_role_may_add_and_read_and_nothing_else(
    cluster: Cluster, raw: Path
) -> None:
    owned = cluster.new_database()
    name = sa.make_url(owned).database or ""
    cluster.run(f"CREATE ROLE app_{name} LOGIN")
    with Ledger.open(owned, raw) as ledger:
        ledger.prepare(f"app_{name}")
    address = cluster.url(name, f"app_{name}")
    with Ledger.open(address, raw) as ledger:
        fill(ledger)
        assert ledger.verify().ok
    for table in metadata.tables:
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):
            with (
                psycopg.connect(address) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement.encode())
        with (
            psycopg.connect(address) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())


def test_roles_are_for_postgresql_and_must_exist(cluster: Cluster, tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path / "ledger.sqlite", tmp_path) as ledger,
        pytest.raises(LedgerError, match="has no roles"),
    ):
        ledger.prepare("app")
    with (
        Ledger.open(cluster.new_database(), tmp_path) as ledger,
        pytest.raises(LedgerError, match="nobody_here"),
    ):
        ledger.prepare("nobody_here")


def test_a_file_is_written_durably_and_checks_references(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite", tmp_path) as ledger:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
        with ledger.engine.connect() as inside:
            assert inside.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert inside.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_the_steps_lead_to_the_tables_as_they_are(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
