"""Few periods and many donors: synthetic controls with many weightings that fit alike, and memory.

``OMP_NUM_THREADS=1 python -m benchmarks.many_donors`` takes the simplex estimator with every tie
broken and 9,999 placebo assignments through invented panels of 1,000 and 3,000 areas x 4 periods,
a tenth of them started; the partially pooled one through homicide in 50 states, as it is and with
1,000,000 added; and a national panel of 6,791 areas. Each runs in a process of its own with one
thread; seconds are of the processor, megabytes those of the whole process at its peak.
``--at PATH`` measures another checkout in the same way, say that of an earlier commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RESULT = Path(__file__).parent / "results" / "many_donors.json"
TIMEOUT = 300
FIRST = 2_000
MILLION = 1e6
# Areas, periods, areas started, periods from the start on.
SIMPLEX = {
    "1,000 x 4, 100 started": (1_000, 4, 100, 1),
    "3,000 x 4, 300 started": (3_000, 4, 300, 1),
    "6,791 x 28, 6 started": (6_791, 28, 6, 4),
}
POOLED = {"castle doctrine, 50 x 11": 0.0, "castle doctrine, 50 x 11, plus 1,000,000": MILLION}


def long_table(areas: int, periods: int, started: int, after: int) -> pd.DataFrame:
    """Areas around three common paths, without an effect."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(areas, 3)) @ rng.normal(size=(3, periods)).cumsum(axis=1)
    y = 10 + common + 0.5 * rng.normal(size=(areas, periods))
    start = np.where(np.arange(areas) < started, FIRST + periods - after, 0)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(areas), periods),
            "t": np.tile(np.arange(FIRST, FIRST + periods), areas),
            "y": y.ravel(),
            "start": np.repeat(start, periods),
        }
    )


def castle(added: float) -> pd.DataFrame:
    """Castle doctrine laws and the logarithm of homicide (Cheng and Hoekstra 2013)."""
    from benchmarks.published import data_of

    frame = pd.read_stata(data_of("causaldata", "castle/castle.dta"))
    first = frame[frame["post"] == 1].groupby("sid")["year"].min()
    return pd.DataFrame(
        {
            "id": frame["sid"].astype(int),
            "t": frame["year"].astype(int),
            "y": frame["l_homicide"].astype(float) + added,
            "start": frame["sid"].map(first).fillna(0).astype(int),
        }
    )


def measure(task: str) -> dict[str, Any]:
    """One task in this process."""
    from evaluation.estimate.pooled import pooled_synthetic_control
    from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
    from evaluation.panel import Panel

    warnings.simplefilter("ignore")
    table = long_table(*SIMPLEX[task]) if task in SIMPLEX else castle(POOLED[task])
    panel = Panel.from_long(
        table, area="id", period="t", outcomes="y", start="start", frequency="A"
    )
    del table
    begun = time.process_time()
    if task in SIMPLEX:
        estimate = synthetic_control(panel, "y", settings=SyntheticSettings(variant="simplex"))
    else:
        estimate = pooled_synthetic_control(panel, "y")
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = estimate.overall().iloc[0]
    return {
        "seconds": round(seconds, 2),
        "megabytes": round(peak / 1024),
        "effect": float(row["effect"]),
        "p_value": float(row["p_value"]),
    }


def measured(task: str, at: Path) -> dict[str, Any]:
    """The same in a process of its own; without figures where it took too long."""
    path = {"PYTHONPATH": f"{at}{os.pathsep}{Path(__file__).parents[1]}"}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    # The script itself, so that the engine of another checkout is measured by today's measure.
    command = [sys.executable, str(Path(__file__).resolve()), "--task", task]
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, **threads, **path},
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {TIMEOUT} seconds"}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Every task, here or at another checkout; what was measured elsewhere stays on record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_donors")
    parser.add_argument("--at", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--called", default="now", help="what this state is called in the record")
    parser.add_argument("--task", help="this one alone, printed and not recorded")
    asked = parser.parse_args()
    if asked.task:
        print(json.dumps(measure(asked.task)))
        return
    held = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {"rows": []}
    rows = [row for row in held["rows"] if row["state"] != asked.called]
    for task in (*SIMPLEX, *POOLED):
        row = {"state": asked.called, "task": task, **measured(task, asked.at.resolve())}
        print(row, flush=True)
        rows.append(row)
    record = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.many_donors",
        "python": platform.python_version(),
        "rows": rows,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
