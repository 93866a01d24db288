"""The triggers by which the database itself keeps the ledger append-only.

Not only UPDATE and DELETE are refused. In SQLite an INSERT OR REPLACE deletes without firing a
delete trigger, so inserting over an existing key is refused before it happens; in PostgreSQL a
TRUNCATE is no DELETE and is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

_FUNCTION = """
CREATE OR REPLACE FUNCTION newstart_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: ' || TG_OP || ' refused';
END $$
"""


def append_only(
    dialect: str, table: str, *, key: Sequence[str], unique: Sequence[str] = ()
) -> list[str]:
    """The statements that protect one table.

    ``dialect`` is ``sqlite`` or ``postgresql``; ``key`` and ``unique`` are the columns that
    identify a record, together and each for itself.
    """
    if dialect == "postgresql":
        return [
            _FUNCTION,
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION newstart_append_only()",
        ]
    same = " OR ".join(
        [
            "(" + " AND ".join(f"{name} = NEW.{name}" for name in key) + ")",
            *(f"{name} = NEW.{name}" for name in unique),
        ]
    )
    refused = [
        f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN"
        f" SELECT RAISE(ABORT, 'the ledger is append-only: {action} refused'); END"
        for action in ("UPDATE", "DELETE")
    ]
    return [
        *refused,
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN"
        " SELECT RAISE(ABORT, 'the ledger is append-only: a record is never replaced'); END",
    ]
