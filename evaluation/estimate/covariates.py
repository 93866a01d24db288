"""Covariate adjustment of one 2 x 2 comparison: outcome regression, weighting, doubly robust.

Sant'Anna and Zhao (2020, J. Econometrics 219), the panel estimators: ``reg`` (their eq. 2.2),
``ipw`` (eq. 2.3 with normalised weights), ``dr`` (eq. 2.6 with a logit and least squares).
Each gives the ATT and its influence function over the areas of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Method = Literal["reg", "ipw", "dr"]
NEWTON_STEPS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoByTwo:
    """One comparison over n areas.

    change : (n) change of the outcome. started : (n) 1 in started areas, 0 in comparisons.
    design : (n, p) covariates with a constant. weights : (n).
    """

    change: Floats
    started: Floats
    design: Floats
    weights: Floats


def adjusted_att(data: TwoByTwo, method: Method) -> tuple[float, Floats]:
    """The ATT of one comparison and its influence function (n).

    Raises
    ------
    EstimateError : too few comparison areas for the covariates, or a propensity score that does
        not converge or separates started from comparison areas perfectly.
    """
    if method == "reg":
        return _regression(data)
    return _weighting(data) if method == "ipw" else _doubly_robust(data)


def _regression(data: TwoByTwo) -> tuple[float, Floats]:
    fitted, leading = _least_squares(data)
    weight = data.weights * data.started
    gap = weight * (data.change - fitted)
    att = gap.mean() / weight.mean()
    toward = (weight[:, None] * data.design).mean(axis=0)
    influence = (gap - weight * att - leading @ toward) / weight.mean()
    return float(att), influence


def _weighting(data: TwoByTwo) -> tuple[float, Floats]:
    score, leading = _propensity(data)
    started = data.weights * data.started
    compared = data.weights * score * (1 - data.started) / (1 - score)
    own = (started * data.change).mean() / started.mean()
    other = (compared * data.change).mean() / compared.mean()
    toward = ((compared * (data.change - other))[:, None] * data.design).mean(axis=0)
    part = compared * (data.change - other) + leading @ toward
    influence = started * (data.change - own) / started.mean() - part / compared.mean()
    return float(own - other), influence


def _doubly_robust(data: TwoByTwo) -> tuple[float, Floats]:
    fitted, regression = _least_squares(data)
    score, propensity = _propensity(data)
    started = data.weights * data.started
    compared = data.weights * score * (1 - data.started) / (1 - score)
    rest = data.change - fitted
    own, other = ((w * rest).mean() / w.mean() for w in (started, compared))
    toward = (started[:, None] * data.design).mean(axis=0)
    first = started * (rest - own) - regression @ toward
    by_score = ((compared * (rest - other))[:, None] * data.design).mean(axis=0)
    by_fit = (compared[:, None] * data.design).mean(axis=0)
    second = compared * (rest - other) + propensity @ by_score - regression @ by_fit
    return float(own - other), first / started.mean() - second / compared.mean()


def _least_squares(data: TwoByTwo) -> tuple[Floats, Floats]:
    """Fitted change from the comparisons, and the coefficients' linear representation (n, p)."""
    weight = data.weights * (1 - data.started)
    weighted = weight[:, None] * data.design
    gram = weighted.T @ data.design
    if np.linalg.matrix_rank(gram) < len(gram):
        raise EstimateError(
            "the comparison areas do not vary enough to adjust for these covariates.",
            mend="use fewer covariates, or more comparison areas",
        )
    fitted = data.design @ np.linalg.solve(gram, weighted.T @ data.change)
    leading = (weighted * (data.change - fitted)[:, None]) @ np.linalg.inv(gram / len(weight))
    return fitted, leading


def score_exists(started: Floats, design: Floats, weights: Floats) -> bool:
    """Whether a logit of ``started`` on ``design`` has a finite solution."""
    return _logit(started, design, weights) is not None


def _propensity(data: TwoByTwo) -> tuple[Floats, Floats]:
    """Logit score, and the coefficients' linear representation (n, p)."""
    fitted = _logit(data.started, data.design, data.weights)
    if fitted is None:
        raise EstimateError(
            "the propensity score has no solution: the covariates separate started from "
            "comparison areas, or repeat one another.",
            mend="use method='reg', or fewer covariates",
        )
    score, curve = fitted
    lead = (data.weights * (data.started - score))[:, None] * data.design
    return np.minimum(score, 1 - 1e-6), lead @ np.linalg.inv(curve) * len(lead)


def _logit(started: Floats, design: Floats, weights: Floats) -> tuple[Floats, Floats] | None:
    """Score (n) and curvature (p, p) at the maximum, by Newton's method; None without one."""
    beta = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        score = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        slope = design.T @ (weights * (started - score))
        curve = design.T @ ((weights * score * (1 - score))[:, None] * design)
        if np.linalg.matrix_rank(curve) < len(curve):
            return None
        step = np.linalg.solve(curve, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-12 * (1 + np.abs(beta).max()):
            return 1 / (1 + np.exp(-design @ beta)), curve
    return None
