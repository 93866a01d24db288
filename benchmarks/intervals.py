"""The closed-form interval against a refit at every effect tried: what SDID's time weights cost.

An interval by inversion in closed form supposes that a placebo effect moves in a straight line with
the effect taken out of the data. Where weights use periods before the start alone it does, and the
two agree to rounding. The time weights of synthetic difference-in-differences also use the
comparisons' later figures, so that under re-assignment they move with the effect: here is by how
much. ``python -m benchmarks.intervals [panels]`` finds both ends of the 95 % interval by bisection,
estimating anew at each effect, on invented panels of 60 areas, 6 started, 8 quarters on, with a
true effect of two standard deviations, and records the distance in shares of the half-width.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.family_bars import STARTED, piloted
from benchmarks.invented import Invented
from evaluation.design.calibrate import SHORT
from evaluation.estimate import interim, registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.inference import TIE, placebo_interval
from evaluation.estimate.registry import Choices
from evaluation.panel import Panel

RESULT = Path(__file__).parent / "results" / "intervals.json"
PANEL = Invented(areas=60)
PLACEBOS, ALPHA, EFFECT, LAST = 199, 0.05, -2.0, 7
STEPS = 40


def one(name: str, seed: int) -> dict[str, float]:
    """Distances of the two ends, in shares of the closed form's half-width, and its length."""
    panel = piloted(PANEL.draw(seed), np.random.default_rng([seed, STARTED]))
    panel = without(panel, -EFFECT)
    assignments = Assignments.draw(panel, n=PLACEBOS, block="area", strata=(), seed=seed)
    found = statistic(name, panel, assignments)
    low, high = placebo_interval(found.raw, found.shift, ALPHA)
    half = (high - low) / 2

    def rejected(kappa: float) -> bool:
        at = np.abs(statistic(name, without(panel, kappa), assignments).raw)
        count = int((at >= at[0] * (1 - TIE)).sum())
        return count <= int(ALPHA * len(at) + 1e-9)

    ends = [_end(rejected, found.effect, side * half) for side in (-1, 1)]
    return {
        "low": abs(ends[0] - low) / half,
        "high": abs(ends[1] - high) / half,
        "longer": (ends[1] - ends[0]) / (2 * half),
    }


def statistic(name: str, panel: Panel, assignments: Assignments) -> interim.Statistic:
    """Of the first eight quarters, as a look takes it."""
    estimator = SHORT[name]
    tested = registry.to_test(estimator, panel, "y", Choices(), assignments)
    return interim.statistic(tested, (0, LAST))


def without(panel: Panel, effect: float) -> Panel:
    """The panel less a constant effect in every started cell."""
    start = panel.start_index
    on = (start[:, None] >= 0) & (np.arange(len(panel.periods)) >= start[:, None])
    return replace(panel, figures={"y": panel.array("y") - effect * on})


def _end(rejected: Any, inside: float, step: float) -> float:
    """Where rejection begins, from the estimate in the direction of ``step``."""
    reach = 1.0
    while not rejected(inside + reach * step):
        reach *= 1.5
    kept = 0.0
    for _ in range(STEPS):
        middle = (kept + reach) / 2
        kept, reach = (kept, middle) if rejected(inside + middle * step) else (middle, reach)
    return inside + reach * step


def main() -> None:
    """Measure and record."""
    panels = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rows = []
    for name in SHORT:
        found = [one(name, seed) for seed in range(panels)]
        far = np.array([max(f["low"], f["high"]) for f in found])
        rows.append(
            {
                "estimator": SHORT[name],
                "panels": panels,
                "median": float(np.median(far)),
                "largest": float(far.max()),
                "length": float(np.mean([f["longer"] for f in found])),
            }
        )
        print(rows[-1], flush=True)
    record = {"command": f"python -m benchmarks.intervals {panels}", "rows": rows}
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
