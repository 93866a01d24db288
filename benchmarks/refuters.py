"""Whether refuters tell a true effect from a planted confounded one, over seeds.

``OMP_NUM_THREADS=1 python -m benchmarks.refuters [SEEDS]`` draws, for each seed, a panel with an
effect on pilots chosen at random, and one with no effect and pilots chosen for the path they were
on (`tests.unit.refuted`), and records how often each attack fails. On the first a failure is a
false alarm, on the second (for attacks on validity) a discovery.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from evaluation.finding.refutation import refute
from tests.unit.refuted import attack, world

RESULTS = Path(__file__).parent / "results" / "refuters.json"
SIMULATIONS = 30


def main(seeds: int) -> None:
    """Attack both worlds of every seed, and write the rates down."""
    began = time.monotonic()
    failed = {name: Counter[str]() for name in ("true", "confounded")}
    any_validity = Counter[str]()
    for seed in range(seeds):
        for name in failed:
            found = refute(attack(world(seed, name == "confounded"), SIMULATIONS, seed))
            fails = [one for one in found if one.result == "fails"]
            failed[name].update(one.code for one in fails)
            any_validity[name] += any(one.kind == "validity" for one in fails)
    codes = (
        "placebo_start",
        "negative_control",
        "placebo_treatment",
        "random_common_cause",
        "data_subset",
    )
    rates = {
        name: {code: counts[code] / seeds for code in codes}
        | {"any_validity": any_validity[name] / seeds}
        for name, counts in failed.items()
    }
    RESULTS.write_text(
        json.dumps(
            {
                "what": "share of panels on which an attack fails at 5 %: a false alarm in the "
                "true world, for attacks on validity a discovery in the confounded one",
                "command": f"OMP_NUM_THREADS=1 python -m benchmarks.refuters {seeds}",
                "seeds": seeds,
                "simulations": SIMULATIONS,
                "rates": rates,
                "cores": os.cpu_count(),
                "seconds": round(time.monotonic() - began),
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    for name, row in rates.items():
        print(name, row)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
