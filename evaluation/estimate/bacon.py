"""What a two-way fixed-effects coefficient is made of (Goodman-Bacon 2021, J. Econometrics 225).

With staggered starts the coefficient is a weighted average of 2 x 2 comparisons. Those of later
starters with earlier ones take areas that have already started as comparisons; where effects grow
over time they count the growth with the wrong sign. Theorem 1 gives the weights.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import frame
from evaluation.panel import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel


def bacon_decomposition(
    panel: Panel, outcome: str, *, scale: frame.Scale = "level"
) -> pd.DataFrame:
    """One row a 2 x 2 comparison: ``started, compared, kind, weight, effect``.

    ``kind`` is ``never started``, ``not yet started`` or ``already started``, by what is compared
    with; weights sum to one, and weights times effects to the two-way coefficient.

    Raises
    ------
    EstimateError : a figure is missing (the weights are those of a balanced panel).
    """
    sample = frame.take(panel, outcome, scale)
    if np.isnan(sample.figures).any():
        raise EstimateError(
            f"{outcome} has missing figures; the decomposition needs a balanced panel.",
            mend="leave out the areas with gaps",
        )
    start = np.where(sample.panel.start_index < 0, NEVER, sample.panel.start_index)
    groups = {int(g): (start == g) for g in np.unique(start)}
    means = {g: sample.figures[members].mean(axis=0) for g, members in groups.items()}
    share = {g: float(members.mean()) for g, members in groups.items()}
    on = {g: 0.0 if g == NEVER else 1 - g / sample.n_periods for g in groups}
    label = {g: "never" if g == NEVER else sample.panel.periods[g].label for g in groups}
    cohorts = [g for g in sorted(groups) if g != NEVER]
    rows: list[tuple[str, str, str, float, float]] = []
    if NEVER in groups:
        for g in cohorts:
            spread = share[g] * share[NEVER] * on[g] * (1 - on[g])
            effect = _two_by_two(means[g], means[NEVER], (0, g), (g, sample.n_periods))
            rows.append((label[g], label[NEVER], "never started", spread, effect))
    for early, late in itertools.combinations(cohorts, 2):
        both = share[early] * share[late] * (on[early] - on[late])
        effect = _two_by_two(means[early], means[late], (0, early), (early, late))
        rows.append((label[early], label[late], "not yet started", both * (1 - on[early]), effect))
        effect = _two_by_two(means[late], means[early], (early, late), (late, sample.n_periods))
        rows.append((label[late], label[early], "already started", both * on[late], effect))
    table = pd.DataFrame(rows, columns=["started", "compared", "kind", "weight", "effect"])
    table["weight"] /= table["weight"].sum()
    return table


def _two_by_two(
    own: NDArray[np.float64],
    other: NDArray[np.float64],
    before: tuple[int, int],
    after: tuple[int, int],
) -> float:
    """Change of the one from ``before`` to ``after`` less the change of the other."""
    gap = own - other
    return float(gap[slice(*after)].mean() - gap[slice(*before)].mean())
