"""Many outcomes on the same assignments: one error rate for a family, whatever binds them.

Closed testing over the primary outcomes and every look (Marcus, Peritz and Gabriel 1976,
Biometrika 63): an outcome is rejected when every set of outcomes that holds it has crossed its
boundary in a series of looks of its own, which tests the set's largest standardised statistic.
Westfall and Young's (1993, algorithm 2.8) step-down max-T for a family at one look. Anderson's
(2008, JASA 103, section 3.2.1) index as one summary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate.inference import TIE
from evaluation.estimate.interim import Look, LookPlan, Side, extremity, take_look

if TYPE_CHECKING:
    from numpy.typing import NDArray


Subset = tuple[str, ...]
MOST = 3


def subsets(outcomes: Sequence[str]) -> list[Subset]:
    """Every non-empty set of outcomes, each in the order given.

    Raises
    ------
    EstimateError : more than three outcomes, which closed testing over looks is not made for.
    """
    if not 1 <= len(outcomes) <= MOST:
        raise EstimateError(
            f"closed testing takes one to {MOST} primary outcomes, not {len(outcomes)}.",
            mend="name the others as secondary; they are tested by false discovery rate",
        )
    sizes = range(1, len(outcomes) + 1)
    return [chosen for size in sizes for chosen in combinations(outcomes, size)]


def closed_look(
    statistics: Mapping[str, NDArray[np.float64]],
    time: float,
    plan: LookPlan,
    before: Mapping[Subset, Look] | None = None,
) -> dict[Subset, Look]:
    """One look at every set of primary outcomes.

    Parameters
    ----------
    statistics : outcome -> (B + 1) as now known. before : the sets' looks before this one.
    """
    taken = {}
    scaled = {code: standardised(row) for code, row in statistics.items()}
    for chosen in subsets(list(statistics)):
        # A lower-sided joint statistic has been turned: large speaks against the null.
        upward = replace(plan, side="greater") if plan.side == "less" else plan
        # The largest of the statistics that there are.
        joint = np.fmax.reduce([extremity(scaled[code], plan.side) for code in chosen])
        taken[chosen] = take_look(joint, time, upward, before[chosen] if before else None)
    return taken


def rejected(looks: Mapping[Subset, Look]) -> dict[str, bool]:
    """Outcome -> whether every set that holds it has crossed by this look."""
    outcomes = dict.fromkeys(code for chosen in looks for code in chosen)
    return {
        code: all(look.crossed for chosen, look in looks.items() if code in chosen)
        for code in outcomes
    }


def standardised(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Statistics over their spread across all assignments, which treats them alike."""
    spread = float(np.nanstd(statistics))
    return statistics / spread if spread > 0 else statistics


def westfall_young(
    statistics: Mapping[str, NDArray[np.float64]], side: Side = "two"
) -> dict[str, float]:
    """Adjusted p-values of a family at one look, by step-down max-T.

    Parameters
    ----------
    statistics : outcome -> (B + 1), the real assignment first.

    Returns
    -------
    outcome -> the chance, under re-assignment, that the family's largest remaining statistic is as
    large as this outcome's; it holds the chance of any false finding in the family. NaN, as of
    `placebo_p`, for an outcome without a statistic under the real assignment, which is then none of
    the family.
    """
    sizes = {
        code: extremity(standardised(row), side)
        for code, row in statistics.items()
        if not np.isnan(row[0])
    }
    ordered = sorted(sizes, key=lambda code: -sizes[code][0])
    adjusted, floor = dict.fromkeys(statistics, np.nan), 0.0
    for position, code in enumerate(ordered):
        rest = np.fmax.reduce([sizes[other] for other in ordered[position:]])
        held = rest[~np.isnan(rest)]
        floor = max(floor, float((held >= sizes[code][0] * (1 - TIE)).mean()))
        adjusted[code] = floor
    return adjusted


def anderson_index(
    statistics: Mapping[str, NDArray[np.float64]], better: Mapping[str, int]
) -> NDArray[np.float64]:
    """(B + 1) one summary of a family: standardised effects, weighed by how little they repeat.

    Parameters
    ----------
    better : outcome -> +1 where a rise is better, -1 where a fall is; the index rises for the good.
    """
    rows = np.stack([better[code] * standardised(row) for code, row in statistics.items()])
    if len(rows) == 1:
        only: NDArray[np.float64] = rows[0]
        return only
    held = np.isfinite(rows).all(axis=0)
    weights = np.linalg.pinv(np.cov(rows[:, held])).sum(axis=1)
    index: NDArray[np.float64] = weights @ rows / weights.sum()
    return index
