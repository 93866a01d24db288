"""National size: 33,755 areas, 40 quarters, 19 outcomes, and 8 waves that restate 2 % of it.

The export is written directly, in the very shape that ``ledger export`` writes, and read through
``evaluation.ledger.export``. The ledger's own load is measured on one outcome by submitting it.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation import fingerprint
from evaluation.ledger import export
from evaluation.ledger.export import OBSERVATION, RETURN, RETURNS, path_of, write_whole
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period, format_instant
from evaluation.returns.form import Observation, Return

AREAS, QUARTERS, OUTCOMES, WAVES, RESTATED = 33_755, 40, 19, 8, 0.02
SOURCES = 6
FIRST = Period.parse("2016 Q4")
START = datetime(2017, 1, 20, 9, tzinfo=UTC)
QUARTER = timedelta(days=91)


def write_export(folder: Path, areas: int, quarters: int, outcomes: int) -> int:
    """Write the files of every return and wave; how many observations there are."""
    draw = np.random.default_rng(0)
    codes = np.array([f"E0{1_000_000 + n}" for n in range(areas)])
    revision = np.zeros((outcomes, areas, quarters), dtype=np.int32)
    listed: list[dict[str, Any]] = []
    count = 0
    for instant, wave, quarter in _calendar(quarters):
        for source in range(SOURCES):
            own = range(source, outcomes, SOURCES)
            parts = []
            for outcome in own:
                rows = np.arange(areas)
                if wave:
                    rows = np.flatnonzero(draw.random(areas) < RESTATED)
                    revision[outcome, rows, quarter] += 1
                parts.append((f"outcome_{outcome:02}", rows, revision[outcome, rows, quarter]))
            one = _listed(f"{wave}.{quarter}.{source}", source, FIRST + quarter, instant)
            table = _table(parts, codes, draw, one)
            write_whole(path_of(folder, one["quarter"], one["return_id"]), table)
            listed.append(one | {"rows": table.num_rows})
            count += table.num_rows
    write_whole(folder / RETURNS, pa.Table.from_pylist(listed, schema=RETURN))
    return count


def _calendar(quarters: int) -> Iterator[tuple[datetime, int, int]]:
    """The instant, wave (0 = the first return) and quarter of each batch, in order of receipt."""
    every = max(1, quarters // WAVES)
    for quarter in range(quarters):
        yield START + quarter * QUARTER, 0, quarter
        if (quarter + 1) % every == 0:
            wave = (quarter + 1) // every
            for earlier in range(quarter + 1):
                yield START + quarter * QUARTER + timedelta(days=30), wave, earlier


def _listed(name: str, source: int, period: Period, instant: datetime) -> dict[str, Any]:
    digest = fingerprint.of_bytes(name.encode())
    return {
        "return_id": digest[:12],
        "programme": "nation",
        "site": "OPEN",
        "agency": f"source_{source}",
        "quarter": period.label,
        "received": format_instant(instant),
        "file_sha256": digest,
        "content_hash": digest,
        "previous_hash": digest,
        "chain_hash": digest,
        "withdrawn": None,
        "withdrawn_reason": None,
        "withheld": False,
    }


def _table(
    parts: list[tuple[str, Any, Any]], codes: Any, draw: np.random.Generator, one: dict[str, Any]
) -> pa.Table:
    rows = np.concatenate([part[1] for part in parts])
    n = len(rows)
    columns = {
        "programme": ["nation"] * n,
        "outcome": np.repeat([part[0] for part in parts], [len(part[1]) for part in parts]),
        "area_code": codes[rows],
        "revision": np.concatenate([part[2] for part in parts]),
        "numerator": draw.integers(1, 900, n).astype(float),
        "denominator": draw.integers(1_000, 9_000, n).astype(float),
        "status": [""] * n,
        "note": [""] * n,
        "received": [one["received"]] * n,
        "return_id": [one["return_id"]] * n,
    }
    return pa.table(
        {name: pa.array(columns[name], OBSERVATION.field(name).type) for name in columns}
    )


def read(folder: Path, quarters: int, outcomes: int) -> dict[str, Any]:
    """Time one outcome as of five days, and every outcome as now known, one after the other."""
    days = [START + quarters * QUARTER * share for share in (0.2, 0.4, 0.6, 0.8)]
    one = []
    with export.connect() as connection:
        for day in (*days, None):
            timed = _Timed()
            frame = export.observations_as_of(
                folder, "nation", "outcome_07", as_of=day, connection=connection
            )
            one.append({**timed.told(), "figures": len(frame)})
        timed, figures = _Timed(), 0
        for outcome in range(outcomes):
            frame = export.observations_as_of(
                folder, "nation", f"outcome_{outcome:02}", connection=connection
            )
            figures += len(frame)
    return {
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "one_outcome_as_of": one,
        "every_outcome": {**timed.told(), "figures": figures},
    }


class _Timed:
    """Seconds by the clock, and of processors: on a shared machine the two differ."""

    def __init__(self) -> None:
        self.clock, self.work = time.perf_counter(), time.process_time()

    def told(self) -> dict[str, float]:
        clock, work = time.perf_counter() - self.clock, time.process_time() - self.work
        return {"seconds": round(clock, 2), "processor_seconds": round(work, 2)}


def load(database: Path | str, raw: Path, areas: int, quarters: int = QUARTERS) -> dict[str, Any]:
    """Submit one outcome, quarter by quarter, then read one site's five areas back."""
    codes = [f"E0{1_000_000 + n}" for n in range(areas)]
    draw = np.random.default_rng(1)
    growth: list[dict[str, float]] = []
    with Ledger.open(database, raw) as ledger:
        for quarter in range(quarters):
            figures = draw.integers(1, 900, areas).astype(float)
            period, content = FIRST + quarter, figures.tobytes()
            rows = tuple(
                Observation(code, period, "outcome_00", figure, 5000.0, "", "")
                for code, figure in zip(codes, figures.tolist(), strict=True)
            )
            returned = Return(
                programme="nation",
                site="OPEN",
                agency="source_0",
                period=period,
                rows=rows,
                sha256=fingerprint.of_bytes(content),
            )
            timed = _Timed()
            ledger.submit(returned, content, received=START + quarter * QUARTER)
            growth.append(timed.told())
    warm, cold = _one_site(database, raw, codes)
    with Ledger.open(database, raw) as ledger:
        began = time.perf_counter()
        ok = ledger.verify().ok
        verified = time.perf_counter() - began
    size = 0 if isinstance(database, str) else database.stat().st_size
    return {
        "figures": areas * quarters,
        "seconds": round(sum(one["seconds"] for one in growth), 1),
        "seconds_a_return": [one["seconds"] for one in growth],
        "processor_seconds_a_return": [one["processor_seconds"] for one in growth],
        "megabytes": round(size / 1e6) or None,
        "one_site_milliseconds": warm,
        "one_site_cold_milliseconds": cold,
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "verified": ok,
        "verify_seconds": round(verified, 1),
    }


def _one_site(
    database: Path | str, raw: Path, codes: list[str]
) -> tuple[list[float], list[float] | None]:
    """The history of ten sites of five areas each: as it comes, and with nothing of the file held.

    Cold is an SQLite file of which the system has been told to keep no page, read by a connection
    that has read nothing; a PostgreSQL server's own memory cannot be emptied from here.
    """
    import pandas  # noqa: F401 - what is timed is the reading, not the first import

    def read(first: int, ledger: Ledger) -> float:
        began = time.perf_counter()
        ledger.observations("nation", outcomes=["outcome_00"], areas=codes[first : first + 5])
        return round(1000 * (time.perf_counter() - began), 1)

    with Ledger.open(database, raw) as ledger:
        warm = [read(first, ledger) for first in range(0, 50, 5)]
    if isinstance(database, str):
        return warm, None
    cold = []
    for first in range(1_000, 1_050, 5):
        with Ledger.open(database, raw) as ledger:
            ledger.receipts("none")  # opens the connection
            _forget(database)
            cold.append(read(first, ledger))
    return warm, cold


def _forget(database: Path) -> None:
    """Tell the system to keep no page of the file; the write-ahead log is in it by then."""
    handle = os.open(database, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def national_size(areas: int, quarters: int = QUARTERS, outcomes: int = OUTCOMES) -> dict[str, Any]:
    """The whole drill in a folder of its own; nothing of it is kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        count = write_export(folder / "export", areas, quarters, outcomes)
        written = round(time.perf_counter() - began, 1)
        size = sum(path.stat().st_size for path in (folder / "export").rglob("*.parquet"))
        told = read(folder / "export", quarters, outcomes)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        return {
            "areas": areas,
            "quarters": quarters,
            "outcomes": outcomes,
            "observations": count,
            "export": {"seconds": written, "megabytes": round(size / 1e6)},
            **told,
            "peak_gigabytes": round(peak, 2),
        }
