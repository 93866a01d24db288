"""As-of reading of the Parquet export, for sizes that no longer fit one table in memory.

DuckDB's only door. What comes back is what ``Ledger.observations`` gives.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import LedgerError
from evaluation.ledger.export import RETURNS, path_of
from evaluation.quarters import format_instant

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_KNOWN = """
SELECT return_id, quarter FROM read_parquet($returns)
WHERE programme = $programme AND received <= $instant AND NOT withheld
  AND (withdrawn IS NULL OR withdrawn > $instant)
"""
# Only figures that were ever given again can be out of date; they are few, so the later versions
# are gathered and everything else passes through.
_QUERY = """
WITH observed AS (
  SELECT area_code, replace(quarter, '-', ' ') AS quarter, outcome, numerator, denominator,
    status, note, received, return_id, revision
  FROM read_parquet($files, hive_partitioning = true, hive_types = {quarter: VARCHAR})
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


def observations(
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
            return observations(folder, programme, outcome, as_of=as_of, connection=own)
    vintage = {
        "returns": str(folder / RETURNS),
        "programme": programme,
        "instant": _FOR_EVER if as_of is None else format_instant(as_of),
    }
    known = connection.sql(_KNOWN, params=vintage).fetchall()
    files = [str(path_of(folder, quarter, return_id)) for return_id, quarter in known]
    if not files:
        return _nothing()
    asked = {"files": files, "programme": programme, "outcome": outcome}
    found: Any = connection.sql(_QUERY, params=asked).to_arrow_table()
    frame: pd.DataFrame = found.to_pandas()
    return frame.astype({"revision": int})


def _nothing() -> pd.DataFrame:
    import pandas as pd

    texts = ("area_code", "quarter", "outcome", "status", "note", "received", "return_id")
    empty = pd.DataFrame(columns=list(_COLUMNS)).astype(dict.fromkeys(texts, "str"))
    return empty.astype({"numerator": float, "denominator": float, "revision": int})
