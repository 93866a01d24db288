"""Say what can be measured, and what was: each recorded result with the command that made it."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
RUN = (
    "python -m benchmarks.published",
    "python -m benchmarks.did",
    "python -m benchmarks.agreement",
    "python -m benchmarks.diagnostics PROGRAMMES",
    "python -m benchmarks.returns",
    "python -m benchmarks.check",
    "python -m benchmarks.value",
    "python -m benchmarks.value_coverage SEEDS",
    "python -m benchmarks.editions [COUNT] [--tiny] [--keep FOLDER]",
    "python -m benchmarks.entries WORKSPACE [STUDY] [--record NAME]",
    "python -m benchmarks.hostile",
    "python -m benchmarks.imports",
    "OMP_NUM_THREADS=1 python -m benchmarks.synthetic",
    "OMP_NUM_THREADS=1 python -m benchmarks.solver_proofs [PATH]",
    "python -m benchmarks.donors_started",
    "python -m benchmarks.placebo_study NAME PATH --area .. --period .. --outcome .. --windows ..",
    "python -m benchmarks.ledger killed --engine sqlite|postgresql --number KILLS",
    "python -m benchmarks.ledger writers --engine sqlite|postgresql --number PROCESSES",
    "python -m benchmarks.ledger flips --engine sqlite|postgresql --number FLIPS",
    "python -m benchmarks.ledger load --engine sqlite|postgresql --number AREAS",
    "python -m benchmarks.ledger national --number AREAS",
    "python -m benchmarks.ledger readers --number RETURNS [--spark PYTHON]",
    "python -m benchmarks.ledger s3 --number RETURNS",
    "python -m benchmarks.ledger.book",
    "OMP_NUM_THREADS=1 python -m benchmarks.inference",
    "python -m benchmarks.intervals [PANELS]",
    "OMP_NUM_THREADS=1 python -m benchmarks.refuters [SEEDS]",
    "OMP_NUM_THREADS=1 python -m benchmarks.findings [SEEDS] [SEEDS_OF_NOTHING]",
)

if __name__ == "__main__":
    print("What can be run:")
    for command in RUN:
        print(f"  {command}")
    print("What is recorded:")
    for path in sorted(RESULTS.glob("*.json")):
        print(f"  {path.name}: {json.loads(path.read_text(encoding='utf-8')).get('command', '')}")
