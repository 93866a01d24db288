"""Effects in units: people, events and households, from effects on a rate or its logarithm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

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

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class NetEffects:
    """One outcome's effects by treated site and period, and what turns them into units.

    index : (K) rows, with ``site`` and ``quarter`` at least. effects : (K) on ``scale``; ``ratio``
    is a proportional effect. deviations : (B, K) centred net placebo effects, in the order of the
    assignments. observed : (K) numerator. exposure : (K) denominator / per. widening : by how much
    the deviations are stretched to match the test's interval; infinite where the test sets no
    limits, and then they are as they are and say too little.
    """

    outcome: str
    scale: Literal["log", "level", "ratio"]
    index: pd.DataFrame
    effects: Floats
    deviations: Floats
    observed: Floats
    exposure: Floats
    widening: float

    def drawn(self, rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """(R, K) effects under the assignments of these rows: the estimate less its deviation."""
        drawn: Floats = self.effects - self.deviations[rows]
        return drawn

    def avoided(self, effects: Floats) -> Floats:
        """Events (or people, of a stock) avoided in each cell under given effects (..., K).

        The observed figure is the one with the programme in it: without an effect e on logarithms
        it would have been ``observed * exp(-e)``, so that no model of its level is needed.
        """
        if self.scale == "level":
            return effects * -self.exposure
        # Near zero, where most draws lie, exp(-e) - 1 would lose the digits that expm1 keeps.
        growth = np.expm1(-effects) if self.scale == "log" else 1 / (1 + effects) - 1.0
        growth *= self.observed
        return growth


def net_effects(estimate: Estimate, exposure: Floats | None = None) -> NetEffects:
    """The treated entries of an estimate with their net draws (inference by re-assignment).

    Parameters
    ----------
    exposure : (K) people / per of each entry where the panel holds no denominators.

    Raises
    ------
    EstimateError : the outcome has no denominators, or the estimate no placebo draws.
    """
    exposure = estimate.exposure if exposure is None else exposure
    if exposure is None or estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: units need denominators in the panel and draws in the estimate.",
            mend="estimate by re-assignment (inference='placebo') from a panel with denominators",
        )
    post = (estimate.index["event_time"] >= 0).to_numpy() & np.isfinite(estimate.effects)
    net = estimate.draws.net[1:, post]
    deviations = _without_holes(net - samples.masked_mean(net))
    index = estimate.index[post].reset_index(drop=True)
    weight = index["weight"].to_numpy(dtype=float)
    overall = deviations @ (weight / weight.sum())
    widening = stretch(overall, estimate.overall().iloc[0], estimate.level)
    observed = exposure if estimate.observed is None else estimate.observed
    share = np.ones(int(post.sum()))
    if estimate.treated_share is not None:
        # People were reached for as long as the site ran, and not for the whole of its first
        # period.
        share = estimate.treated_share[post]
    return NetEffects(
        outcome=estimate.outcome,
        scale=estimate.scale,
        index=index,
        effects=estimate.effects[post] * share,
        deviations=(deviations * widening if np.isfinite(widening) else deviations) * share,
        observed=observed[post],
        exposure=exposure[post],
        widening=widening,
    )


def stretch(deviations: Floats, row: pd.Series, level: float) -> float:
    """Half-width of an average's interval over that of its draws, at least one.

    Infinite where the interval has no end, or where draws that do not vary cannot be stretched to
    it.

    With few authorities the spread of the draws is itself uncertain and their quantiles cover too
    seldom; the inverted test does not. Money then says no more than the effect that it rests on.

    Parameters
    ----------
    deviations : (B) of the draws from their centre. row : of a table of averages, ``low, high``.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(deviations, [tail, 1 - tail])
    width, wanted = float(high - low), float(row["high"] - row["low"])
    if width == 0:
        return float("inf") if wanted > 0 else 1.0
    return max(1.0, wanted / width)


def _without_holes(deviations: Floats) -> Floats:
    """Deviations with holes filled by their own row's mean: a hole is no certainty."""
    held = np.isfinite(deviations)
    if held.all():
        return deviations
    mean = np.where(held, deviations, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return np.where(held, deviations, mean[:, None])


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitEffects:
    """Change in the numerator by site and treated period.

    index : rows ``site, cohort, quarter, event_time, n_areas, weight``, treated periods only.
    effects : (K) change in numerator units in that period (a stock: in the stock at that time).
    draws : (B, K) the same under the uncertainty of the estimate.
    observed, exposure, widening : as in `NetEffects`, missing cells left out.
    """

    index: pd.DataFrame
    effects: Floats
    draws: Floats
    observed: Floats
    exposure: Floats
    widening: float


def in_units(estimate: Estimate) -> UnitEffects:
    """The change in numerator units that an estimate implies for its pilot areas.

    Raises
    ------
    EstimateError : the outcome has no denominators, or the estimate no placebo draws.
    """
    net = net_effects(estimate)
    return UnitEffects(
        index=net.index,
        effects=-net.avoided(net.effects),
        draws=-net.avoided(net.drawn()),
        observed=net.observed,
        exposure=net.exposure,
        widening=net.widening,
    )


LINEAR: tuple[EstimatorName, ...] = ("did", "imputation")


@dataclass(frozen=True, kw_only=True)
class RatioEffect:
    """A proportional effect rho: -0.1 is a fall by ten per cent of what would have been.

    low, high : at the level of the choices; infinite where re-assignment rejects no effect in that
    direction, which is common with one treated area.
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
    EstimateError : another estimator or scale, no treated figure above zero, or whatever the
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
            f"{outcome} has no figure above zero in treated cells, to be multiplied by anything.",
            mend="choose another outcome, or estimate an additive effect",
        )
    treated = replace(sample.panel, figures={outcome: cells}, sampling_error={})
    # To scale once, by the figures as they are: of the treated cells alone nothing is to be learnt
    # of how areas vary, and both have to be weighed alike.
    scaled = registry.to_scale(name, panel, outcome, choices, assignments)
    if name == "did":
        scaled = samples.to_scale(scaled, sample)
    plain = replace(choices, gaps="as_they_are")
    now, level = (
        interim.statistic(registry.to_test(name, held, outcome, plain, scaled), window).raw
        for held in (panel, treated)
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
