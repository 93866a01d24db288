"""What printing does to ranges: ``python -m benchmarks.released_ranges [--draws N]``.

Estimates with a normal error of one, of no effect (size) and of an effect of 1.96 errors. Each is
printed by the release at steps of 0.05 to half an error, the coarsest that is printed. Coverage and
size are told of the ranges as they are inside, and as printed; and how much wider they are.
"""

from __future__ import annotations

import argparse
import math
import statistics

import numpy as np

from benchmarks.ledger.record import record_as
from evaluation.disclosure.key import Key
from evaluation.release.rounding import Rounding

DRAWS, STEPS, Z = 20_000, (0.05, 0.1, 0.2, 0.5), 1.959964


def ranges(step: float, effect: float, draws: int, seed: int) -> dict[str, float]:
    """Coverage, rejection and width of ranges inside and as printed, with their errors."""
    rng = np.random.default_rng(seed)
    inside, printed, out, out_printed, wider = 0, 0, 0, 0, []
    for number, found in enumerate(rng.normal(effect, 1.0, draws)):
        rounding = Rounding(address=f"a.{number}", key=Key(secret=rng.bytes(32)))
        low, high = float(found) - Z, float(found) + Z
        shown = [
            rounding.at(end, step, name, away=away, apart=(0.0,))
            for end, name, away in ((low, "low", -1), (high, "high", 1))
        ]
        lower, upper = (math.nan if one is None else one for one in shown)
        inside += low <= effect <= high
        printed += lower <= effect <= upper
        out += low > 0 or high < 0
        out_printed += lower > 0 or upper < 0
        wider.append((upper - lower) / (high - low) - 1)
    return {
        "step": step,
        "effect": effect,
        "coverage_inside": inside / draws,
        "coverage_printed": printed / draws,
        "leaves_out_zero_inside": out / draws,
        "leaves_out_zero_printed": out_printed / draws,
        "median_widening": round(statistics.median(wider), 4),
        "mc_se": round(math.sqrt(0.05 * 0.95 / draws), 5),
    }


def main() -> None:
    """Simulate and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    given = parser.parse_args()
    rows = [ranges(step, effect, given.draws, 1) for step in STEPS for effect in (0.0, Z)]
    result: dict[str, object] = {"draws": given.draws, "seed": 1, "rows": rows}
    record_as("released_ranges", "python -m benchmarks.released_ranges", result)


if __name__ == "__main__":
    main()
