"""The open export: one Parquet file a return, partitioned by quarter, and a table of returns.

``observations/quarter=2026-Q3/<return_id>.parquet`` and ``returns.parquet``: DuckDB, Spark and
Trino read them as they are. A file of observations is never written again, so a later export adds
only what is new; withdrawals are in the table of returns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from evaluation.errors import LedgerError
from evaluation.ledger.engine import transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import acts, observations, returns
from evaluation.programme import OPEN_SITE, Programme
from evaluation.quarters import Period

RETURNS = "returns.parquet"
OBSERVATIONS = "observations"
LEAST_ROWS_IN_A_GROUP = 10_000
"""A group of rows ends where an outcome does, so that one outcome of a national file is read
without the others; outcomes of a few rows share a group."""

OBSERVATION = pa.schema(
    [
        ("programme", pa.string()),
        ("outcome", pa.string()),
        ("area_code", pa.string()),
        ("revision", pa.int32()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("status", pa.string()),
        ("note", pa.string()),
        ("received", pa.string()),
        ("return_id", pa.string()),
    ]
)
RETURN = pa.schema(
    [
        (name, pa.string())
        for name in (
            "return_id",
            "programme",
            "site",
            "agency",
            "quarter",
            "received",
            "file_sha256",
            "content_hash",
            "previous_hash",
            "chain_hash",
            "withdrawn",
            "withdrawn_reason",
        )
    ]
    + [("rows", pa.int64()), ("withheld", pa.bool_())]
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote: new files, files that were there, returns that may not be passed on."""

    written: int
    there_already: int
    withheld: int


def export(ledger: Ledger, folder: Path, programmes: Mapping[str, Programme]) -> Exported:
    """Write what a folder does not hold yet; ``programmes`` say which sources may be passed on.

    The figures of a source with ``redistribute: false`` stay out; its returns are listed as
    withheld.

    Raises
    ------
    LedgerError : if a programme of the ledger is not given, or the folder cannot be written.
    """
    closed = {
        (name, OPEN_SITE, source.code)
        for name, programme in programmes.items()
        for source in programme.sources
        if not source.redistribute
    }
    written = there = 0
    with transaction(ledger.engine) as connection:
        rows = _returns(connection)
        unknown = sorted({row["programme"] for row in rows} - programmes.keys())
        if unknown:
            raise LedgerError(
                f"what may be passed on of {unknown[0]!r} is not known: it is declared nowhere.",
                expected=f"studies/{unknown[0]}/programme.yaml",
            )
        for row in rows:
            row["withheld"] = (row["programme"], row["site"], row["agency"]) in closed
            path = path_of(folder, row["quarter"], row["return_id"])
            if row["withheld"] or path.is_file():
                there += not row["withheld"]
                continue
            write_whole(path, _observations(connection, row))
            written += 1
    write_whole(folder / RETURNS, pa.Table.from_pylist(rows, schema=RETURN))
    withheld = sum(row["withheld"] for row in rows)
    return Exported(written=written, there_already=there, withheld=withheld)


def path_of(folder: Path, quarter: str, return_id: str) -> Path:
    """Where the observations of a return lie: one return is about one quarter."""
    partition = f"quarter={Period.parse(quarter).slug}"
    return folder / OBSERVATIONS / partition / f"{return_id}.parquet"


def _returns(connection: sa.Connection) -> list[dict[str, Any]]:
    query = (
        sa.select(returns, acts.c.received.label("withdrawn"))
        .add_columns(acts.c.reason.label("withdrawn_reason"))
        .outerjoin(acts, sa.and_(acts.c.return_seq == returns.c.seq, acts.c.kind == "withdrawal"))
        .order_by(returns.c.seq)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _observations(connection: sa.Connection, of: Mapping[str, Any]) -> pa.Table:
    o = observations.c
    kept = ("programme", "outcome", "area_code", "revision", "numerator", "denominator")
    found = connection.execute(
        sa.select(*(o[name] for name in (*kept, "status", "note")))
        .where(o.return_seq == of["seq"])
        .order_by(o.outcome, o.area_code)
    )
    told = {"received": of["received"], "return_id": of["return_id"]}
    return pa.Table.from_pylist([dict(row._mapping) | told for row in found], schema=OBSERVATION)


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all: a reader never meets half of one.

    A table of observations is sorted by outcome.

    Raises
    ------
    LedgerError : if the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(part, table.schema, compression="zstd") as writer:
            for first, rows in _groups(table):
                writer.write_table(table.slice(first, rows), row_group_size=max(rows, 1))
        part.replace(path)
    except OSError as error:
        raise LedgerError(
            f"the export could not be written ({error.strerror}).", where=str(path)
        ) from None


def _groups(table: pa.Table) -> list[tuple[int, int]]:
    """First row and number of rows of each group."""
    if "outcome" not in table.column_names or table.num_rows == 0:
        return [(0, table.num_rows)]
    ends = pc.run_end_encode(table["outcome"].combine_chunks()).run_ends.to_pylist()
    groups, first = [], 0
    for end in ends:
        if end - first >= LEAST_ROWS_IN_A_GROUP or end == ends[-1]:
            groups.append((first, end - first))
            first = end
    return groups
