"""Change one stored value after another, in every column and the raw files: each is noticed.

A value is changed behind the ledger's back (its triggers are taken away first), the ledger is
verified, and the value is put back. Noticed is not enough: the record must be named.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.ledger.content import fill
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import (
    acts,
    log_entries,
    metadata,
    printed_values,
    returns,
    signatures,
)
from evaluation.ledger.store import raw_path

RAW = "raw file"


class Drill:
    """A filled ledger without its triggers, and the records that own each stored value."""

    def __init__(self, database: Path | str, raw: Path, seed: int) -> None:
        self.ledger, self.raw, self.draw = Ledger.open(database, raw), raw, random.Random(seed)
        fill(self.ledger)
        self.engine = self.ledger.engine
        with self.engine.begin() as connection:
            for statement in _unprotected(connection):
                connection.exec_driver_sql(statement)
            rows = [
                *connection.execute(sa.select(returns.c.seq, returns.c.return_id)),
                *connection.execute(sa.select(acts.c.seq, acts.c.act_id)),
                *connection.execute(sa.select(log_entries.c.seq, log_entries.c.entry_id)),
                *connection.execute(sa.select(signatures.c.seq, signatures.c.signature_id)),
            ]
            self.owner = dict(map(tuple, rows))
            redacted = connection.execute(
                sa.select(returns.c.file_sha256).join(acts).where(acts.c.kind == "redaction")
            ).scalars()
            kept = sa.select(returns.c.file_sha256, returns.c.return_id)
            kept = kept.where(returns.c.file_sha256.not_in(list(redacted)))
            self.files = [tuple(row) for row in connection.execute(kept)]
        self.columns = [(t, c) for t in metadata.sorted_tables for c in t.columns]

    def flip(self, place: int) -> tuple[str, bool]:
        """Change one value at the ``place``-th column in turn; its name, and whether it was named.

        One more place than there are columns stands for the raw files.
        """
        place %= len(self.columns) + 1
        if place == len(self.columns):
            return RAW, self._flip_file()
        table, column = self.columns[place]
        name = f"{table.name}.{column.name}"
        while True:
            named = self._flip_value(table, column)
            if named is not None:
                return name, named

    def _flip_file(self) -> bool:
        sha256, owner = self.draw.choice(self.files)
        path = raw_path(self.raw, sha256)
        before = path.read_bytes()
        changed = bytearray(before)
        changed[self.draw.randrange(len(changed))] ^= 1 << self.draw.randrange(8)
        path.write_bytes(changed)
        named = self._named(owner)
        path.write_bytes(before)
        return named

    def _flip_value(self, table: sa.Table, column: sa.Column[Any]) -> bool | None:
        """None where the database would not hold the changed value, or holds it as the same."""
        with self.engine.connect() as connection:
            plain = [sa.type_coerce(c, sa.Integer) if _flag(c) else c for c in table.columns]
            row = self.draw.choice(connection.execute(sa.select(*plain)).all())
        values = dict(zip(table.columns.keys(), row, strict=True))
        before = values[column.name]
        after = self._changed(before, column)
        if after == before:
            return None
        if not self._put(table, column, values, after):
            return None
        owner = self._owner(table, values)
        named = self._named(owner)
        values[column.name] = after
        if not self._put(table, column, values, before):
            raise RuntimeError(f"{table.name}.{column.name} could not be put back.")
        return named

    def _put(self, table: sa.Table, column: sa.Column[Any], row: dict[str, Any], to: Any) -> bool:
        key = {f"key_{c.name}": row[c.name] for c in table.primary_key}
        same = " AND ".join(f'"{name[4:]}" = {_text(name, key[name])}' for name in key)
        change = f'UPDATE {table.name} SET "{column.name}" = {_text("to", to)} WHERE {same}'
        statement = sa.text(change)
        try:
            with self.engine.begin() as connection:
                if self.engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("COMMIT")  # the pragma is not heard inside one
                    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                return connection.execute(statement, key | {"to": to}).rowcount == 1
        except (sa.exc.IntegrityError, sa.exc.DataError):
            return False

    def _changed(self, value: Any, column: sa.Column[Any]) -> Any:
        if _flag(column):
            exact = self.engine.dialect.name == "postgresql"
            return (not value) if exact else self.draw.choice([1 - value, 2, -1])
        if isinstance(column.type, sa.Integer):
            return value ^ (1 << self.draw.randrange(20))
        if isinstance(column.type, sa.Float):
            if value is None:
                return float(self.draw.randrange(2))
            bits = struct.unpack("<q", struct.pack("<d", value))[0] ^ (1 << self.draw.randrange(63))
            changed = struct.unpack("<d", struct.pack("<q", bits))[0]
            return None if changed != changed else changed
        return self._changed_text(value)

    def _changed_text(self, value: str) -> Any:
        content = bytearray(value.encode())
        if not content:
            return "x"
        content[self.draw.randrange(len(content))] ^= 1 << self.draw.randrange(8)
        if self.engine.dialect.name == "sqlite":
            return bytes(content)
        return content.decode("utf-8", "replace").replace("\0", "?")

    def _owner(self, table: sa.Table, values: dict[str, Any]) -> str:
        if table is printed_values:
            return f"printed {values['number']}"
        by_return = "return_seq" in values and table is not acts
        return str(self.owner[values["return_seq" if by_return else "seq"]])

    def _named(self, owner: str) -> bool:
        return owner in {one.return_id for one in self.ledger.verify().broken}


def _flag(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.Boolean)


def _text(name: str, value: Any) -> str:
    """How a value is handed over: bytes stand for the text of those bytes, valid or not."""
    return f"CAST(:{name} AS TEXT)" if isinstance(value, bytes) else f":{name}"


def _unprotected(connection: sa.Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        return [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in metadata.tables]
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    return [f"DROP TRIGGER {name}" for name in names.scalars().all()]


def flips(database: Path | str, raw: Path, number: int, seed: int = 0) -> dict[str, Any]:
    """Make ``number`` changes over every column and the raw files in turn; what was missed."""
    drill = Drill(database, raw, seed)
    if not drill.ledger.verify().ok:
        raise RuntimeError("the ledger does not hold before anything was changed")
    made, missed = Counter[str](), Counter[str]()
    for place in range(number):
        name, named = drill.flip(place)
        made[name] += 1
        missed[name] += not named
    ok = drill.ledger.verify().ok
    drill.ledger.close()
    return {
        "flips": number,
        "named": number - missed.total(),
        "missed": {name: n for name, n in missed.items() if n},
        "whole_again_afterwards": ok,
        "by_column": dict(sorted(made.items())),
    }
