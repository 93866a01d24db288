"""From net draws to events avoided, cell by cell (site x quarter), jointly over outcomes.

A level effect e on a rate is e x denominator / per people; a log effect e is observed x
(1 - exp(-e)), since the observed figure already holds the effect; a ratio effect r is observed x
r / (1 + r). Avoided is less of it, so the sign is turned; whether less is good is for words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import ValueChainError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Outcome, Programme

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class NetEffects:
    """One outcome's effects by started site and quarter, and their net draws.

    index : K rows ``site, quarter``. effects : (K) on ``scale``. deviations : (B, K) centred net
    placebo effects, in the order of the assignments. observed : (K) numerator. exposure : (K)
    denominator / per, for a level effect. widening : by how much the deviations are stretched to
    match the test's interval; infinite where the test sets no limits.
    """

    outcome: Outcome
    scale: Literal["log", "level", "ratio"]
    index: pd.DataFrame
    effects: Floats
    deviations: Floats
    observed: Floats
    exposure: Floats
    widening: float


def net_effects(estimate: Estimate, programme: Programme) -> NetEffects:
    """The started entries of an estimate with their net draws (inference by re-assignment).

    Raises
    ------
    ValueChainError : the estimate has no placebo draws, or nothing says of how many people its
        figure is.
    """
    if estimate.draws is None:
        raise ValueChainError(
            f"{estimate.outcome}: pounds need the draws of a re-assignment.",
            mend="estimate with inference='placebo'",
        )
    post = (estimate.index["event_time"] >= 0).to_numpy() & np.isfinite(estimate.effects)
    index = estimate.index.loc[post, ["site", "quarter"]].reset_index(drop=True)
    index["quarter"] = index["quarter"].astype(str)
    net = estimate.draws.net[1:, post]
    deviations = _whole(net - np.nanmean(net, axis=0))
    widening = _widening(estimate, deviations, post)
    exposure = _exposure(estimate, programme)[post]
    observed = exposure if estimate.observed is None else estimate.observed[post]
    return NetEffects(
        outcome=programme.outcome_by_code[estimate.outcome],
        scale=estimate.scale,
        index=index,
        effects=estimate.effects[post],
        observed=observed,
        exposure=exposure,
        widening=widening,
        deviations=deviations * widening if np.isfinite(widening) else deviations,
    )


def _exposure(estimate: Estimate, programme: Programme) -> Floats:
    """(K) people / per: the panel's own, or what the programme declares for a figure per head.

    Raises
    ------
    ValueChainError : neither holds it.
    """
    if estimate.exposure is not None:
        return estimate.exposure
    people: dict[str, float] = {}
    for area in programme.areas:
        held = programme.fixed_denominators.get((area.code, estimate.outcome))
        if area.site is not None and held is not None:
            people[area.site] = people.get(area.site, 0.0) + held
    sites = [str(site) for site in estimate.index["site"]]
    if not set(sites) <= set(people):
        raise ValueChainError(
            f"{estimate.outcome}: nothing says of how many people this figure is the mean.",
            mend="declare them by area in the programme's denominators",
        )
    return np.array([people[site] for site in sites])


def _widening(estimate: Estimate, deviations: Floats, post: NDArray[np.bool_]) -> float:
    """Width of the overall interval by inversion over that of the draws, at least one.

    With few authorities the spread of the draws is itself uncertain and their quantiles cover too
    seldom; the inverted test does not. Money then says no more than the effect that it rests on.
    """
    row = estimate.overall().iloc[0]
    weight = estimate.index["weight"].to_numpy(dtype=float)[post]
    overall = deviations @ (weight / weight.sum())
    tail = (1 - estimate.level) / 2
    low, high = np.quantile(overall, [tail, 1 - tail])
    return float(max(1.0, (row["high"] - row["low"]) / (high - low)))


def _whole(deviations: Floats) -> Floats:
    """Deviations with holes filled by their own row's mean: a hole is no certainty."""
    held = np.isfinite(deviations)
    if held.all():
        return deviations
    mean = np.where(held, deviations, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return np.where(held, deviations, mean[:, None])


def events_avoided(net: NetEffects, effects: Floats) -> Floats:
    """Events (or people, of a stock) avoided in each cell under given effects (..., K)."""
    if net.scale == "level":
        avoided: Floats = effects * -net.exposure
        return avoided
    growth = np.exp(-effects) if net.scale == "log" else 1 / (1 + effects)
    growth -= 1.0
    growth *= net.observed
    return growth


def drawn_effects(net: NetEffects, rows: NDArray[np.int64]) -> Floats:
    """(R, K) effects under the assignments of these rows: the estimate less its net deviation."""
    drawn = net.deviations[rows]
    np.subtract(net.effects, drawn, out=drawn)
    return drawn
