"""What the simplex solver promises, shown at size: gaps, clarabel's objectives, one answer.

``OMP_NUM_THREADS=1 python -m benchmarks.solver_proofs`` fits 1,000 random problems beside clarabel
and every area of an invented national panel; with the path of a long table of real figures (columns
``msoa11_code, q, rate_per_1000_wa``, or others by name) every area of that too. Only results are
recorded.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.synthetic import figures, ours
from benchmarks.synthetic_peers import by_clarabel
from evaluation.estimate.solvers import simplex

RESULTS = Path(__file__).parent / "results" / "solver_proofs.json"
PROBLEMS = 1_000
QUARTERS = 24


def gaps(x: np.ndarray) -> dict[str, Any]:
    """Every area of a panel, (periods, areas), by all others."""
    start = time.process_time()
    fitted = ours(x)
    spent = time.process_time() - start
    optimal = fitted.status == simplex.OPTIMAL
    return {
        "areas": x.shape[1],
        "periods": x.shape[0],
        "processor_seconds": round(spent, 2),
        "optimal": int(optimal.sum()),
        "largest_gap_of_these": float(fitted.gap[optimal].max()),
        "met_to_rounding": int((fitted.status == simplex.ROUNDED).sum()),
        "stopped": int((fitted.status == simplex.STOPPED).sum()),
    }


def beside_clarabel(problems: int) -> dict[str, Any]:
    """Random shapes: 2-40 periods, 2-200 donors; how far our objective lies above clarabel's."""
    rng = np.random.default_rng(0)
    above, below = [], 0
    for _ in range(problems):
        periods, donors = int(rng.integers(2, 41)), int(rng.integers(2, 201))
        x = rng.normal(size=(periods, donors + 1)).cumsum(axis=0)
        fitted = simplex.fit(x[:, 1:], x[:, :1].T, np.array([[-1]]))
        w = np.maximum(by_clarabel(x, 0), 0)
        theirs = float(((x[:, 1:] @ (w / w.sum()) - x[:, 0]) ** 2).sum())
        scale = float((x[:, 0] ** 2).sum())
        above.append((float(fitted.objective[0]) - theirs) / scale)
        below += fitted.objective[0] <= theirs
    return {
        "problems": problems,
        "ours_at_most_theirs": int(below),
        "largest_excess_relative_to_the_figures": max(above),
    }


def real(asked: argparse.Namespace) -> dict[str, Any]:
    """The last 24 periods of a table, areas with all of them, levels and logarithms."""
    table = pd.read_csv(asked.path)
    wide = table.pivot_table(index=asked.area, columns=asked.period, values=asked.outcome)
    wide = wide.iloc[:, -QUARTERS:]
    whole = wide[(wide > 0).all(axis=1)].to_numpy().T
    return {"areas_in_the_table": len(wide), "levels": gaps(whole), "logs": gaps(np.log(whole))}


def main() -> None:
    """Show everything and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?")
    parser.add_argument("--area", default="msoa11_code")
    parser.add_argument("--period", default="q")
    parser.add_argument("--outcome", default="rate_per_1000_wa")
    asked = parser.parse_args()
    content: dict[str, Any] = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.solver_proofs PATH",
        "beside_clarabel": beside_clarabel(PROBLEMS),
        "invented_national_panel": gaps(figures(6_790, QUARTERS)),
    }
    if asked.path:
        content["real_panel"] = real(asked)
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
