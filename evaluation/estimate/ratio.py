"""Proportional effects from levels, where cells are zero or too small for logarithms.

If the programme multiplies each started figure by 1 + rho, the figures without it are
Y - kappa D Y with kappa = rho / (1 + rho) and D one in started cells. An estimator that is linear
in the figures gives a_b - kappa c_b under assignment b, where a_b comes from Y and c_b from D Y,
so that the interval inverts the test in closed form, as for an additive effect. The estimate is a
ratio of totals over the started areas: it is not the mean of the areas' log effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import frame, ladder, scores
from evaluation.estimate.inference import placebo_interval, placebo_p

if TYPE_CHECKING:
    from evaluation.estimate.assignment import Assignments
    from evaluation.estimate.ladder import Choices
    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName

LINEAR: tuple[EstimatorName, ...] = ("did", "imputation")


@dataclass(frozen=True, kw_only=True)
class RatioEffect:
    """A proportional effect rho: -0.1 is a fall by ten per cent of what would have been.

    low, high : at the level of the choices; infinite where re-assignment rejects no effect in that
    direction, which is common with one started area.
    """

    outcome: str
    effect: float
    low: float
    high: float
    p_value: float


def ratio_effect(
    name: EstimatorName,
    panel: Panel,
    outcome: str,
    choices: Choices,
    assignments: Assignments,
    window: tuple[int, int] = (0, 10**6),
) -> RatioEffect:
    """The proportional effect over a window of event times, by re-assignment.

    Parameters
    ----------
    name : an estimator that is linear in the figures, ``did`` or ``imputation``. choices : on scale
        ``level``.

    Raises
    ------
    EstimateError : another estimator or scale, no started figure above zero, or whatever the
        estimator refuses.
    """
    if name not in LINEAR:
        raise EstimateError(
            f"a proportional effect from levels cannot be had from {name.replace('_', ' ')}: its "
            "weights move with the figures.",
            expected=" or ".join(LINEAR),
            mend="or estimate on scale='log', which every estimator can",
        )
    if choices.scale != "level":
        raise EstimateError(
            "on scale 'log' the effect is proportional already.", mend="take the estimate itself"
        )
    sample = frame.take(panel, outcome, "level")
    cells = sample.figures * frame.unit_figures(sample)
    if not np.nansum(cells) > 0:
        raise EstimateError(
            f"{outcome} has no figure above zero in started cells, to be multiplied by anything.",
            mend="choose another outcome, or estimate an additive effect",
        )
    started = replace(sample.panel, figures={outcome: cells})
    now, level = (
        scores.statistic(ladder.to_test(name, held, outcome, choices, assignments), window).raw
        for held in (panel, started)
    )
    low, high = placebo_interval(now, level, 1 - choices.level)
    return RatioEffect(
        outcome=outcome,
        effect=_as_ratio(float(now[0] / level[0])),
        low=_as_ratio(low),
        high=_as_ratio(high),
        p_value=placebo_p(now),
    )


def _as_ratio(kappa: float) -> float:
    """The rho of a kappa, which is below one: figures without the programme are above zero."""
    if kappa == -np.inf:
        return -1.0
    return kappa / (1 - kappa) if kappa < 1 else np.inf
