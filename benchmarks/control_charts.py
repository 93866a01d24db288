"""How often control charts call a stable series unusual, and whether a shift is seen.

``python -m benchmarks.control_charts [SERIES]`` counts alarms of the shipped
`evaluation.learning.control_charts.control_chart` in the last four points of series in which
nothing happened: independent, remembering (AR .3 and .6) and drifting (a tenth of a standard
deviation a point); points flagged in counts that vary beyond Poisson, by u and by u'; and how often
a lasting shift is seen within four and eight points.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.learning.control_charts import control_chart

RESULT = Path(__file__).parent / "results" / "control_charts.json"
LAST = 4
SHAPES = ((12, 12), (16, 12), (24, 12), (24, 20))
"""Points, and how many of them are the baseline."""


def series(kind: str, points: int, rng: np.random.Generator) -> Any:
    """A stable series of standard deviation one, or one that drifts."""
    rho = {"ar .3": 0.3, "ar .6": 0.6}.get(kind, 0.0)
    noise, out = rng.normal(0, 1, points + 30), np.zeros(points + 30)
    for k in range(1, len(out)):
        out[k] = rho * out[k - 1] + np.sqrt(1 - rho**2) * noise[k]
    drift = 0.1 * np.arange(points) if kind == "drift" else 0.0
    return out[30:] + drift


def false_alarms(kind: str, points: int, baseline: int, number: int) -> float:
    """Share of series with an alarm in the last points."""
    rng = np.random.default_rng([points, baseline, len(kind)])
    hits = 0
    for _ in range(number):
        found = control_chart("XmR", series(kind, points, rng), baseline=baseline)
        hits += bool(found.unusual[-LAST:].any())
    return hits / number


def flagged(mean: float, beyond: float, number: int) -> dict[str, float]:
    """Share of points outside three sigma in counts that really vary beyond Poisson."""
    rng = np.random.default_rng(int(mean))
    plain = primed = points = 0
    for _ in range(number):
        rate = mean * np.exp(rng.normal(0, beyond, 24))
        counts = rng.poisson(rate).astype(float)
        found = control_chart("u'", counts, np.ones(24), baseline=24)
        primed += int(((found.values < found.low) | (found.values > found.high)).sum())
        plain += int((np.abs(counts - counts.mean()) > 3 * np.sqrt(counts.mean())).sum())
        points += 24
    return {"u": plain / points, "u'": primed / points}


def seen(shift: float, number: int) -> dict[str, float]:
    """Share of lasting shifts at point 13 that are seen within four and eight points."""
    rng = np.random.default_rng(int(shift * 10))
    within = {4: 0, 8: 0}
    for _ in range(number):
        values = rng.normal(0, 1, 20)
        values[12:] += shift
        found = control_chart("XmR", values, baseline=12)
        for later in within:
            within[later] += bool(found.unusual[12 : 12 + later].any())
    return {f"within {later}": hits / number for later, hits in within.items()}


def main() -> None:
    """Measure and record."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    record = {
        "command": f"python -m benchmarks.control_charts {number}",
        "series": number,
        "mc_error_at_most": round(0.5 / number**0.5, 4),
        "false_alarms": [
            {"points": points, "baseline": baseline}
            | {
                kind: false_alarms(kind, points, baseline, number)
                for kind in ("independent", "ar .3", "ar .6", "drift")
            }
            for points, baseline in SHAPES
        ],
        "counts": [
            {"mean": mean, "beyond": beyond} | flagged(mean, beyond, number // 4)
            for mean, beyond in ((400.0, 0.08), (8.0, 0.08))
        ],
        "shifts": [{"shift": shift} | seen(shift, number) for shift in (1.0, 1.5, 2.0, 3.0)],
    }
    print(json.dumps(record, indent=1))
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
