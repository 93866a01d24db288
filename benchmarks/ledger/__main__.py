"""Run a drill of the ledger and record it: ``python -m benchmarks.ledger DRILL``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.ledger.flips import flips
from benchmarks.ledger.killed import killed
from benchmarks.ledger.national import load, national_size
from benchmarks.ledger.readers import readers
from benchmarks.ledger.record import record
from benchmarks.ledger.s3 import s3
from benchmarks.ledger.writers import writers
from benchmarks.postgres import private_cluster

ENGINES = ("sqlite", "postgresql")


@contextmanager
def _place(engine: str) -> Iterator[tuple[Path | str, Path]]:
    """A new database of one kind and a folder for raw files; both go afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        if engine == "sqlite":
            yield Path(folder) / "ledger.sqlite", raw
        else:
            with private_cluster(durable=True) as cluster:
                yield cluster.new_database(), raw


def _run(drill: str, engine: str, number: int, spark: str | None) -> None:
    kinds: dict[str, Callable[[Path | str, Path], dict[str, Any]]] = {
        "flips": lambda database, raw: flips(database, raw, number),
        "killed": lambda database, raw: killed(database, raw, number),
        "load": lambda database, raw: load(database, raw, number),
        "readers": lambda database, raw: readers(database, raw, number, spark),
        "s3": lambda database, raw: s3(database, raw.parent, number),
        "writers": lambda database, raw: writers(database, raw, number),
    }
    with _place(engine) as (database, raw):
        result = kinds[drill](database, raw)
    command = f"{drill} --engine {engine} --number {number}"
    command += " --spark PYTHON" if drill == "readers" and spark else ""
    record(f"ledger_{drill}_{engine}", command, {"engine": engine, **result})


def main() -> None:
    """Read the arguments, run one drill."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    drills = ["flips", "killed", "writers", "load", "national", "readers", "s3"]
    parser.add_argument("drill", choices=drills)
    parser.add_argument("--spark", help="a Python in which pyspark is installed, for readers")
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument(
        "--number", type=int, required=True, help="flips, kills, processes, areas or returns"
    )
    given = parser.parse_args()
    if given.drill == "national":
        record("ledger_national", f"national --number {given.number}", national_size(given.number))
        return
    _run(given.drill, given.engine, given.number, given.spark)


if __name__ == "__main__":
    main()
