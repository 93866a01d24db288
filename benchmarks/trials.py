"""Small trials inside a site: how often a change that does nothing is called one.

``python -m benchmarks.trials [TRIALS]`` draws trials in which both arms have the same chance of a
yes, by the shipped assignment and the shipped exact test, and counts how often the p-value is below
.05 and how often the range of the difference holds it, with and without a true difference.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.learning.site_trial import TrialPlan, arms_of, compare

RESULT = Path(__file__).parent / "results" / "trials.json"
CASES = ((50, 0.2, 0.0), (100, 0.5, 0.0), (400, 0.2, 0.0), (400, 0.2, 0.08), (800, 0.5, 0.07))
"""Units an arm, chance of a yes in the usual arm, difference."""


def plan(units: int) -> TrialPlan:
    """A plan of two arms of so many units."""
    return TrialPlan(
        question="Does a call after the letter help?",
        arms=("letter", "letter and call"),
        unit="household",
        outcome="answered",
        n=2 * units,
        stop=date(2027, 1, 1),
        harms="complaints",
        left_out="nobody",
    )


def case(units: int, base: float, gap: float, trials: int) -> dict[str, Any]:
    """Shares over trials with their Monte Carlo errors."""
    rng, asked = np.random.default_rng([units, int(100 * base), int(100 * gap)]), plan(units)
    names = [f"h{k}" for k in range(2 * units)]
    rejected = held = 0
    for trial in range(trials):
        arms = arms_of(asked, names, f"seed {trial}")
        # What a household would do is its own: it is drawn before the arm is looked at.
        would = rng.random(2 * units)
        second = np.array([arms[name] == asked.arms[1] for name in names])
        yes = would < base + gap * second
        found = compare(
            asked.arms, (int(yes[~second].sum()), int(yes[second].sum())), (units, units)
        )
        rejected += found.p_value < 0.05
        held += found.low <= gap <= found.high
    share = rejected / trials
    return {
        "units_an_arm": units,
        "base": base,
        "difference": gap,
        "rejected": share,
        "mc_error": round(float(np.sqrt(share * (1 - share) / trials)), 4),
        "range_holds_it": held / trials,
    }


def main() -> None:
    """Measure and record."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    record = {
        "command": f"python -m benchmarks.trials {trials}",
        "trials": trials,
        "rows": [case(*one, trials) for one in CASES],
    }
    print(json.dumps(record, indent=1))
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
