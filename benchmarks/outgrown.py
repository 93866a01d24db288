"""Where one machine is outgrown: the same Parquet, the same SQL, by pandas, DuckDB and Spark.

``python -m benchmarks.outgrown [--spark PYTHON] [MILLIONS ...]`` writes invented observations in
the shape of ``newstart ledger export``, one file a quarter, so many millions of rows (unless said
a tenth of a nation's quarters, all of them, its months, and three times these), some of them sent
again. Each program, in a process of its own and on two threads, takes the last version of every
figure and averages it by outcome and quarter; DuckDB and Spark by one statement to the letter.
Each has four gigabytes: pandas ends where it needs more. What is recorded is processor time and
the largest memory, since the machine may be busy with others; and that the answers are the same.
Spark wants Java (Debian: ``default-jre-headless``) and a Python that has ``pyspark``, which is no
part of this package.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

RECORD = Path(__file__).parent / "results" / "outgrown.json"
AREAS, OUTCOMES = 33_755, ("claimants", "universal_credit", "antisocial_behaviour", "residents")
SIZES = (0.4, 4.3, 13.0, 39.0)
# Of a hundred figures one is revised once.
REVISED = 0.01
SQL = """
WITH latest AS (
  SELECT area_code, quarter, outcome, max(revision) AS revision FROM observations
  GROUP BY area_code, quarter, outcome
)
SELECT o.outcome, o.quarter, count(*) AS areas, avg(1000 * o.numerator / o.denominator) AS mean
FROM observations o JOIN latest l
  ON o.area_code = l.area_code AND o.quarter = l.quarter AND o.outcome = l.outcome
  AND o.revision = l.revision
GROUP BY o.outcome, o.quarter ORDER BY o.outcome, o.quarter
"""
MEMORY = """
def largest(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 2**20
"""
PANDAS = """
import json, os, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
import pandas as pd
begun = time.process_time()
held = pd.read_parquet(sys.argv[1])
held = held.sort_values("revision", kind="stable")
held = held.drop_duplicates(["area_code", "quarter", "outcome"], keep="last")
held["rate"] = 1000 * held["numerator"] / held["denominator"]
made = held.groupby(["outcome", "quarter"], observed=True)["rate"].agg(["count", "mean"])
rows = [[o, str(q), int(n), m] for (o, q), n, m in made.sort_index().itertuples()]
told = {"version": pd.__version__, "seconds": time.process_time() - begun, "rows": rows}
print(json.dumps(told | {"gib": largest(os.getpid())}))
"""
DUCKDB = """
import json, os, sys, time
import duckdb
begun = time.process_time()
db = duckdb.connect(config={"threads": 2, "memory_limit": "3GB"})
db.execute(f"CREATE VIEW observations AS FROM read_parquet('{sys.argv[1]}/*/*.parquet')")
rows = [list(row) for row in db.execute(sys.argv[2]).fetchall()]
told = {"version": duckdb.__version__, "seconds": time.process_time() - begun, "rows": rows}
print(json.dumps(told | {"gib": largest(os.getpid())}))
"""
SPARK = """
import json, os, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
         .config("spark.driver.memory", "3g").config("spark.sql.shuffle.partitions", "8")
         .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
spark.read.parquet(sys.argv[1]).createOrReplaceTempView("observations")
rows = [list(row) for row in spark.sql(sys.argv[2]).collect()]
java = spark._jvm.java.lang.management.ManagementFactory
pid = java.getRuntimeMXBean().getPid()
fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
print(json.dumps({"version": spark.version, "seconds": ticks, "rows": rows, "gib": largest(pid)}))
"""


def write(folder: Path, rows: int) -> dict[str, Any]:
    """Quarter after quarter of every area and outcome, until there are so many rows."""
    draw = np.random.default_rng(7)
    codes = pa.array([f"E0{1_000_000 + n}" for n in range(AREAS)]).dictionary_encode()
    a_quarter = AREAS * len(OUTCOMES)
    quarters = max(rows // a_quarter, 1)
    written = 0
    for number in range(quarters):
        year, quarter = divmod(number, 4)
        name = f"{1900 + year}-Q{quarter + 1}"
        place = folder / f"quarter={name}"
        place.mkdir(parents=True)
        areas = np.tile(np.arange(AREAS), len(OUTCOMES))
        outcomes = np.repeat(np.arange(len(OUTCOMES)), AREAS)
        again = draw.random(a_quarter) < REVISED
        areas, outcomes = (np.concatenate([held, held[again]]) for held in (areas, outcomes))
        revision = np.concatenate([np.zeros(a_quarter), np.ones(int(again.sum()))])
        table = pa.table(
            {
                "area_code": pa.DictionaryArray.from_arrays(areas, codes.dictionary).cast("string"),
                "outcome": pa.DictionaryArray.from_arrays(outcomes, list(OUTCOMES)).cast("string"),
                "revision": revision.astype(np.int64),
                "numerator": draw.poisson(40, len(areas)).astype(float),
                "denominator": np.full(len(areas), 1_700.0),
                "status": pa.array([""] * len(areas)),
            }
        )
        pq.write_table(table, place / "part.parquet", compression="zstd")
        written += table.num_rows
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return {"rows": written, "quarters": quarters, "megabytes": round(size / 2**20)}


def asked(python: str, script: str, folder: Path) -> dict[str, Any]:
    """What one program answers; where it cannot, how it ended."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "ARROW_IO_THREADS"), "2")
    done = subprocess.run(
        [python, "-W", "ignore", "-c", MEMORY + script, str(folder), SQL],
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
        check=False,
    )
    # A program may write to its output as well: the answer is the line that is one.
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not answers:
        return {"ended": done.stderr.strip().splitlines()[-1:] or done.returncode}
    return dict(json.loads(answers[-1]))


def alike(one: list[list[Any]], other: list[list[Any]]) -> bool:
    """Whether two answers are the same to twelve digits."""
    return len(one) == len(other) and all(
        a[:3] == b[:3] and abs(a[3] - b[3]) <= 1e-12 * abs(b[3])
        for a, b in zip(one, other, strict=True)
    )


def measure(millions: float, spark: str) -> dict[str, Any]:
    """One size by every program."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = write(folder, round(millions * 1e6))
        programs = [("pandas", sys.executable, PANDAS), ("duckdb", sys.executable, DUCKDB)]
        programs += [("spark", spark, SPARK)] if spark else []
        found = {label: asked(python, script, folder) for label, python, script in programs}
    first = found["duckdb"].get("rows", [])
    for one in found.values():
        if "rows" in one:
            one["same_answer"] = alike(one.pop("rows"), first)
            one["processor_seconds"] = round(one.pop("seconds"), 2)
            one["gib"] = round(one["gib"], 2)
    return {**held, "programs": found}


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", type=float, nargs="*", default=list(SIZES))
    parser.add_argument("--spark", default="", help="a Python that has pyspark")
    given = parser.parse_args()
    sizes: list[dict[str, Any]] = []
    for size in given.millions:
        sizes.append(measure(size, given.spark))
        result = {"command": "python -m benchmarks.outgrown --spark PYTHON", "sizes": sizes}
        # After each: a machine that is shared may not be had for the largest.
        RECORD.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(RECORD.read_text("utf-8"))


if __name__ == "__main__":
    main()
