"""The open export, one Parquet file a return, and reading it as of an instant at national size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from evaluation.errors import LedgerError
from evaluation.ledger.destruction import destructions
from evaluation.ledger.engine import transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import acts, observations, returns
from evaluation.programme import OPEN_SITE, Programme
from evaluation.quarters import Period, format_instant

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


RETURNS = "returns.parquet"
OBSERVATIONS = "observations"
LEAST_ROWS_IN_A_GROUP = 10_000
"""A group of rows ends where an outcome does, so that one outcome of a national file is read
without the others; outcomes of a few rows share a group."""

# The quarter is no column: it stands in the folder's name (Hive), where engines look for it.
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
        ("se", pa.float64()),
        ("respondents", pa.float64()),
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
    # By site and agency of the return: a site that copies such a source into its own file is not
    # caught here.
    closed = {
        (name, OPEN_SITE, source.code)
        for name, programme in programmes.items()
        for source in programme.sources
        if not source.redistribute
    }
    written = there = 0
    with transaction(ledger.engine) as connection:
        rows, destroyed = _returns(connection), destructions(connection)
        unknown = sorted({row["programme"] for row in rows} - programmes.keys())
        if unknown:
            raise LedgerError(
                f"what may be passed on of {unknown[0]!r} is not known: it is declared nowhere.",
                expected=f"studies/{unknown[0]}/programme.yaml",
            )
        for row in rows:
            row["withheld"] = (row["programme"], row["site"], row["agency"]) in closed
            path = path_of(folder, row["quarter"], row["return_id"])
            if row["withheld"]:
                continue
            figures = _observations(connection, row) if row["seq"] in destroyed else None
            # A return that was accepted changes only where figures of it are destroyed: any other
            # file that is there is whole and right.
            if path.is_file() and (figures is None or _rows_of(path) == figures.num_rows):
                there += 1
                continue
            write_whole(path, _observations(connection, row) if figures is None else figures)
            written += 1
    # The list last: it names no observations that are not there yet.
    write_whole(folder / RETURNS, pa.Table.from_pylist(rows, schema=RETURN))
    withheld = sum(row["withheld"] for row in rows)
    return Exported(written=written, there_already=there, withheld=withheld)


def _rows_of(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def path_of(folder: Path, quarter: str, return_id: str) -> Path:
    """Where the observations of a return lie: one return is about one quarter."""
    partition = f"quarter={Period.parse(quarter).slug}"
    return folder / OBSERVATIONS / partition / f"{return_id}.parquet"


def _returns(connection: sa.Connection) -> list[dict[str, Any]]:
    query = (
        sa.select(returns, acts.c.received.label("withdrawn"))
        .add_columns(acts.c.reason.label("withdrawn_reason"))
        # A left join: most returns were never withdrawn. One withdrawal a return at most, so no row
        # doubles.
        .outerjoin(acts, sa.and_(acts.c.return_seq == returns.c.seq, acts.c.kind == "withdrawal"))
        .order_by(returns.c.seq)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _observations(connection: sa.Connection, of: Mapping[str, Any]) -> pa.Table:
    o = observations.c
    kept = ("programme", "outcome", "area_code", "revision", "numerator", "denominator")
    found = connection.execute(
        sa.select(*(o[name] for name in (*kept, "status", "note", "se", "respondents")))
        .where(o.return_seq == of["seq"])
        .order_by(o.outcome, o.area_code)
    )
    receipt = {"received": of["received"], "return_id": of["return_id"]}
    return pa.Table.from_pylist([dict(row._mapping) | receipt for row in found], schema=OBSERVATION)


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all: a reader never meets half of one.

    A table of observations is sorted by outcome.

    Raises
    ------
    LedgerError : if the file cannot be written.
    """
    # In the same folder, since replace is only atomic on one file system; a leading dot, so that no
    # reader's glob takes it; the process number, so that two exports do not share it.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(part, table.schema, compression="zstd") as writer:
            for first, rows in _groups(table):
                # Parquet refuses groups of no rows.
                writer.write_table(table.slice(first, rows), row_group_size=max(rows, 1))
        with part.open("rb") as stream:
            # The bytes before the name, which a later export takes for a whole file.
            os.fsync(stream.fileno())
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
        # Never inside an outcome: the statistics of a group then name one outcome, or a few.
        if end - first >= LEAST_ROWS_IN_A_GROUP or end == ends[-1]:
            groups.append((first, end - first))
            first = end
    return groups


# Instants are compared as text: all are UTC in one format, so text sorts as time.
_KNOWN = """
SELECT return_id, quarter FROM read_parquet($returns)
WHERE programme = $programme AND received <= $instant AND NOT withheld
  AND (withdrawn IS NULL OR withdrawn > $instant)
"""
# Only figures that were ever given again can be out of date; they are few, so the later versions
# are gathered and everything else passes through.
# Files written before samples had columns of their own lack two of them: united by name.
# Folders' names have a hyphen where labels have a blank, and DuckDB would guess dates from them.
_QUERY = """
WITH observed AS (
  SELECT area_code, replace(quarter, '-', ' ') AS quarter, outcome, numerator, denominator,
    status, note, received, return_id, revision, se, respondents
  FROM (
    SELECT NULL::DOUBLE AS se, NULL::DOUBLE AS respondents WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet($files, hive_partitioning = true,
      hive_types = {quarter: VARCHAR}, union_by_name = true)
  )
  WHERE programme = $programme AND outcome = $outcome
),
again AS (
  SELECT area_code, quarter, max(revision) AS latest FROM observed
  WHERE revision > 0 GROUP BY ALL
)
SELECT observed.* FROM observed LEFT JOIN again USING (area_code, quarter)
WHERE revision >= coalesce(latest, 0)
ORDER BY area_code, quarter
"""
# Sorts after every instant written as text.
_FOR_EVER = "9999"
_COLUMNS = (
    "area_code",
    "quarter",
    "outcome",
    "numerator",
    "denominator",
    "status",
    "note",
    "received",
    "return_id",
    "revision",
    "se",
    "respondents",
)


def connect(*, memory_gb: float = 3, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory, bounded.

    Raises
    ------
    LedgerError : if DuckDB is not installed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise LedgerError(
            "reading the export needs DuckDB, which is not installed.",
            mend="install this package with its extra 'national'.",
        ) from None
    settings: dict[str, Any] = {"memory_limit": f"{memory_gb}GB", "threads": threads}
    connection = duckdb.connect(config=settings)
    connection.execute("LOAD parquet")
    connection.execute("SET parquet_metadata_cache = true")  # the same files for each outcome
    return connection


def observations_as_of(
    folder: Path,
    programme: str,
    outcome: str,
    *,
    as_of: datetime | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pd.DataFrame:
    """What was known of one outcome at an instant, read from an export.

    Parameters
    ----------
    as_of : inclusive; None for everything.
    connection : one to use again for many outcomes.

    Raises
    ------
    LedgerError : if the folder holds no export, or DuckDB is not installed.
    """
    if not (folder / RETURNS).is_file():
        raise LedgerError(
            "there is no export here.", where=str(folder), mend="newstart ledger export DIR"
        )
    if connection is None:
        with connect() as own:
            return observations_as_of(folder, programme, outcome, as_of=as_of, connection=own)
    vintage = {
        "returns": str(folder / RETURNS),
        "programme": programme,
        "instant": _FOR_EVER if as_of is None else format_instant(as_of),
    }
    known = connection.sql(_KNOWN, params=vintage).fetchall()
    # Files are named one by one and not by a glob: those of returns that were unknown then are
    # never opened.
    files = [str(path_of(folder, quarter, return_id)) for return_id, quarter in known]
    if not files:
        return _nothing()
    asked = {"files": files, "programme": programme, "outcome": outcome}
    # Passed as parameters, never pasted into the text.
    found: Any = connection.sql(_QUERY, params=asked).to_arrow_table()
    frame: pd.DataFrame = found.to_pandas()
    return frame.astype({"revision": int})


def _nothing() -> pd.DataFrame:
    import pandas as pd

    texts = ("area_code", "quarter", "outcome", "status", "note", "received", "return_id")
    empty = pd.DataFrame(columns=list(_COLUMNS)).astype(dict.fromkeys(texts, "str"))
    floats = dict.fromkeys(("numerator", "denominator", "se", "respondents"), float)
    return empty.astype({**floats, "revision": int})
