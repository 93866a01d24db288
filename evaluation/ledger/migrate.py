"""Bring a ledger's tables up to date, and say who may do what with them on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from evaluation.errors import LedgerError
from evaluation.ledger.schema import metadata, returns

HEAD = "acts_and_chain_version"
"""The step that the tables of ``schema.py`` stand at."""
BEFORE_STEPS_WERE_KEPT = "first_schema"


def is_current(connection: sa.Connection) -> bool:
    """Whether the tables are those of ``schema.py``."""
    return _held(connection) == HEAD


def upgrade(connection: sa.Connection) -> None:
    """Run, in the caller's transaction, every step that the database lacks.

    Raises
    ------
    LedgerError : if the tables were made by a later version of this program.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    held = _held(connection)
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if held is not None and held not in known:
        raise LedgerError(
            f"the ledger's tables stand at {held!r}, which this version does not know.",
            mend="use the version of this program that wrote to it last, or a later one.",
        )
    if held is None and sa.inspect(connection).has_table(returns.name):
        command.stamp(config, BEFORE_STEPS_WERE_KEPT)
    command.upgrade(config, "head")


def grant(connection: sa.Connection, role: str) -> None:
    """Let a PostgreSQL role add and read records, and nothing else."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    for table in metadata.sorted_tables:
        connection.exec_driver_sql(f"REVOKE ALL ON {table.name} FROM {quoted}")
        connection.exec_driver_sql(f"GRANT INSERT, SELECT ON {table.name} TO {quoted}")
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {quoted}")


def _held(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
