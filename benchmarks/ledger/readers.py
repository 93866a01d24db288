"""The open export read by others' tools as it is: the same as-of figures as from the ledger.

One statement of plain SQL, run by DuckDB and, where a Python with pyspark is named, by Spark; and
the files as a pyarrow dataset. Nothing of this package is used to read.

``python -m benchmarks.ledger readers --number RETURNS [--spark PYTHON]``
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.ledger.content import START, fill
from evaluation.ledger.export import export
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.quarters import Period, format_instant

AS_OF = """
WITH known AS (
  SELECT return_id FROM returns
  WHERE programme = 'drill' AND received <= '{instant}' AND NOT withheld
    AND (withdrawn IS NULL OR withdrawn > '{instant}')
),
numbered AS (
  SELECT o.*, row_number() OVER (
    PARTITION BY area_code, quarter, outcome ORDER BY revision DESC) AS place
  FROM observations o WHERE return_id IN (SELECT return_id FROM known)
)
SELECT outcome, area_code, quarter, numerator, return_id FROM numbered WHERE place = 1
"""
SPARK = """
import json, sys
from pyspark.sql import SparkSession
folder, statements = sys.argv[1], json.loads(sys.argv[2])
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "2").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
spark.read.parquet(f"{folder}/returns.parquet").createOrReplaceTempView("returns")
spark.read.parquet(f"{folder}/observations").createOrReplaceTempView("observations")
answers = [[list(row) for row in spark.sql(one).collect()] for one in statements]
print(json.dumps({"version": spark.version, "answers": answers}))
"""
Rows = list[tuple[Any, ...]]


def readers(database: Path | str, raw: Path, number: int, spark: str | None) -> dict[str, Any]:
    """Fill a ledger, export it, read four vintages with each reader and compare."""
    with tempfile.TemporaryDirectory() as name, Ledger.open(database, raw) as ledger:
        folder = Path(name)
        fill(ledger, number)
        export(ledger, folder, {"drill": _programme()})
        days = [START + timedelta(days=share * number // 3) for share in (0, 1, 2, 4)]
        wanted = [_rows(ledger.observations("drill", as_of=day)) for day in days]
        statements = [AS_OF.format(instant=format_instant(day)) for day in days]
        instants = [format_instant(day) for day in days]
        told = {
            "duckdb": _told(duckdb.__version__, _duckdb(folder, statements), wanted),
            "pyarrow": _told(pa.__version__, _pyarrow(folder, instants), wanted),
        }
        if spark:
            version, found = _spark(spark, folder, statements)
            told["spark"] = _told(version, found, wanted)
        return {"figures_of_each_vintage": [len(one) for one in wanted], "readers": told}


def _programme() -> Programme:
    period = Period.parse("2024 Q1")
    return Programme(
        name="drill",
        title="A drill",
        question="Is it read?",
        synthetic=True,
        first=period,
        last=period + 8,
        agencies={},
        sites=(),
        areas=(),
        outcomes=(),
    )


def _told(version: str, found: list[Rows], wanted: list[Rows]) -> dict[str, Any]:
    return {"version": version, "same_as_the_ledger": found == wanted}


def _rows(frame: pd.DataFrame) -> Rows:
    columns = frame[["outcome", "area_code", "quarter", "numerator", "return_id"]]
    plain = columns.astype(object).where(columns.notna(), None)
    return _sorted([tuple(row) for row in plain.to_numpy().tolist()])


def _sorted(rows: Rows) -> Rows:
    told = [(row[0], row[1], row[2].replace("-", " "), *row[3:]) for row in rows]
    return sorted(told, key=lambda row: row[:3])


def _duckdb(folder: Path, statements: list[str]) -> list[Rows]:
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW returns AS FROM '{folder}/returns.parquet'")
    connection.execute(
        f"CREATE VIEW observations AS FROM read_parquet('{folder}/observations/**/*.parquet',"
        " hive_types = {quarter: VARCHAR})"
    )
    return [_sorted(connection.execute(one).fetchall()) for one in statements]


def _pyarrow(folder: Path, instants: list[str]) -> list[Rows]:
    parts = ds.partitioning(pa.schema([("quarter", pa.string())]), flavor="hive")
    figures = ds.dataset(folder / "observations", partitioning=parts).to_table().to_pandas()
    returns = ds.dataset(folder / "returns.parquet").to_table().to_pandas()
    found = []
    for instant in instants:
        gone = returns["withdrawn"].notna() & (returns["withdrawn"] <= instant)
        known = returns.loc[(returns["received"] <= instant) & ~gone, "return_id"]
        standing = figures[figures["return_id"].isin(known)].sort_values("revision")
        latest = standing.drop_duplicates(["area_code", "quarter", "outcome"], keep="last")
        found.append(_rows(latest))
    return found


def _spark(python: str, folder: Path, statements: list[str]) -> tuple[str, list[Rows]]:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", SPARK, str(folder), json.dumps(statements)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return told["version"], [_sorted([tuple(row) for row in one]) for one in told["answers"]]
