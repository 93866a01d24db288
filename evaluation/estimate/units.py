"""Effects in units: people, events and households, from effects on a rate or its logarithm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import interim, registry, samples
from evaluation.estimate.inference import placebo_interval, placebo_p

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.registry import Choices
    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitEffects:
    """Change in the numerator by site and started period.

    index : rows ``site, cohort, quarter, event_time, n_areas, weight``, started periods only.
    effects : (K) change in numerator units in that period (a stock: in the stock at that time).
    draws : (B, K) the same under the uncertainty of the estimate.
    observed, exposure : (K) the observed numerator and denominator / per, missing cells left out.
    widening : by how much the draws' deviations were stretched to match the test; infinite where
        the test sets no limits, and then the draws are as they are and say too little.
    """

    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: NDArray[np.float64]
    observed: NDArray[np.float64]
    exposure: NDArray[np.float64]
    widening: float


def in_units(estimate: Estimate) -> UnitEffects:
    """The change in numerator units that an estimate implies for its pilot areas.

    Raises
    ------
    EstimateError : the outcome has no denominators, or the estimate no placebo draws.
    """
    if estimate.exposure is None or estimate.observed is None or estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: units need denominators in the panel and draws in the estimate.",
            mend="estimate by re-assignment (inference='placebo') from a panel with denominators",
        )
    index = estimate.index
    post = (index["event_time"] >= 0).to_numpy() & np.isfinite(estimate.effects)
    net = estimate.draws.net[1:, post]
    effects = estimate.effects[post]
    deviations = _whole(net - np.nanmean(net, axis=0))
    widening = _widening(estimate, deviations, post)
    if np.isfinite(widening):
        deviations = widening * deviations
    draws = effects - deviations
    observed, exposure = estimate.observed[post], estimate.exposure[post]
    if estimate.scale == "log":
        effects, draws = observed * -np.expm1(-effects), observed * -np.expm1(-draws)
    else:
        effects, draws = exposure * effects, exposure * draws
    return UnitEffects(
        index=index[post].reset_index(drop=True),
        effects=effects,
        draws=draws,
        observed=observed,
        exposure=exposure,
        widening=widening,
    )


def _widening(
    estimate: Estimate, deviations: NDArray[np.float64], post: NDArray[np.bool_]
) -> float:
    """Half-width of the overall interval by inversion over that of the draws, at least one.

    With few authorities the spread of the draws is itself uncertain and their quantiles cover too
    seldom; the inverted test does not. Money then says no more than the effect that it rests on.
    """
    weight = estimate.index["weight"].to_numpy(dtype=float)[post]
    overall = deviations @ (weight / weight.sum())
    return stretch(overall, estimate.overall().iloc[0], estimate.level)


def stretch(deviations: NDArray[np.float64], row: pd.Series, level: float) -> float:
    """Half-width of an average's interval over that of its draws, at least one.

    Parameters
    ----------
    deviations : (B) of the draws from their centre. row : of a table of averages, ``low, high``.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(deviations, [tail, 1 - tail])
    return float(max(1.0, (row["high"] - row["low"]) / (high - low)))


def _whole(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations with holes filled by their own row's mean: a hole is no certainty."""
    held = np.isfinite(deviations)
    mean = np.where(held, deviations, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return np.where(held, deviations, mean[:, None])


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
    sample = samples.take(panel, outcome, "level")
    cells = sample.figures * samples.unit_figures(sample)
    if not np.nansum(cells) > 0:
        raise EstimateError(
            f"{outcome} has no figure above zero in started cells, to be multiplied by anything.",
            mend="choose another outcome, or estimate an additive effect",
        )
    started = replace(sample.panel, figures={outcome: cells})
    now, level = (
        interim.statistic(registry.to_test(name, held, outcome, choices, assignments), window).raw
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
