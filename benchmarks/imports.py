"""What importing costs, by the clock: ``python -m benchmarks.imports`` records it.

Each in a process of its own, five times; the median and the quickest. The machine's load stands
beside them: on a shared machine the clock also tells of others.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.ledger.record import record_as

ROOT = Path(__file__).resolve().parents[1]
TIMES, SECONDS = 5, 0.2
WHAT = {
    "the package": "import evaluation",
    "its command line": "import evaluation.cli",
    "a panel": "from evaluation import Panel",
}
PROGRAM = """
import time
before = time.perf_counter()
{what}
print(time.perf_counter() - before)
"""


def seconds(what: str) -> list[float]:
    """Seconds of an import in fresh processes."""
    command = [sys.executable, "-c", PROGRAM.format(what=what)]
    return [
        float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        for _ in range(TIMES)
    ]


def main() -> None:
    """Time each import and record it."""
    before = os.getloadavg()[0]
    taken = {name: seconds(what) for name, what in WHAT.items()}
    result = {
        "times": TIMES,
        "bar": {"seconds_of_the_package": SECONDS},
        "load_of_the_machine": [round(before, 1), round(os.getloadavg()[0], 1)],
        "seconds": {
            name: {"median": round(statistics.median(all_of), 3), "least": round(min(all_of), 3)}
            for name, all_of in taken.items()
        },
    }
    record_as("imports", "python -m benchmarks.imports", result)


if __name__ == "__main__":
    main()
