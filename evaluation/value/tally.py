"""From net draws to events avoided, and one pass over them: by quarter, by site, cashable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.quarters import Period
from evaluation.value.cashable import after_lag, in_whole_lumps

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Outcome, Programme
    from evaluation.value.parameters import Cashable
    from evaluation.value.pricing import Line

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


Budget = tuple[str, str]
_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The sites and quarters of all outcomes, in order."""

    sites: tuple[str, ...]
    quarters: tuple[str, ...]

    @classmethod
    def of(cls, nets: Sequence[NetEffects], paid_in: Sequence[str]) -> Grid:
        """The sites of the effects; their quarters and those in which something was paid."""
        sites = {str(site) for net in nets for site in net.index["site"]}
        quarters = {quarter for net in nets for quarter in net.index["quarter"]} | set(paid_in)
        ordered = sorted(quarters, key=lambda quarter: Period.parse(quarter).ordinal)
        return cls(sites=tuple(sorted(sites)), quarters=tuple(ordered))

    def cells(self, net: NetEffects) -> NDArray[np.int64]:
        """(K) the place of each entry among site x quarter."""
        site = {name: place for place, name in enumerate(self.sites)}
        quarter = {name: place for place, name in enumerate(self.quarters)}
        return np.array(
            [
                site[str(s)] * len(self.quarters) + quarter[q]
                for s, q in zip(net.index["site"], net.index["quarter"], strict=True)
            ],
            dtype=np.int64,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Avoided:
    """Events (or people at a time, of a stock) avoided; the estimate first, then D draws.

    by_quarter : (D + 1, Q). by_site : (D + 1, S), summed over quarters. widening as in
    `NetEffects`.
    """

    by_quarter: Floats
    by_site: Floats
    widening: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """What becomes of released spending: the rule of each budget, its drawn share, its lump.

    share : (D + 1). lump : pounds of the price base a year and site.
    """

    rule: Mapping[Budget, Cashable]
    share: Mapping[Budget, Floats]
    lump: Mapping[Budget, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What the pass leaves: avoided by outcome; cashable pounds by budget, (D + 1, Q)."""

    avoided: Mapping[str, Avoided]
    cashable: Mapping[Budget, Floats]


def tally(
    nets: Sequence[NetEffects],
    lines: Sequence[Line],
    grid: Grid,
    rows: Mapping[str, NDArray[np.int64]],
    factors: Mapping[str, Floats],
    rules: Rules,
) -> Tally:
    """Add up the draws.

    Parameters
    ----------
    rows : (D) the assignment of each draw, by outcome; the same for all where draws are joint.
    factors : (D + 1) factor of each price, by `Line.factor`.
    """
    draws = len(next(iter(rows.values())))
    n_sites, n_quarters = len(grid.sites), len(grid.quarters)
    quarterly = {net.outcome.code: np.zeros((draws + 1, n_quarters)) for net in nets}
    by_site = {net.outcome.code: np.zeros((draws + 1, n_sites)) for net in nets}
    cashable = {budget: np.zeros((draws + 1, n_quarters)) for budget in rules.rule}
    places = {net.outcome.code: grid.cells(net) for net in nets}
    fiscal = [line for line in lines if line.fiscal and not line.given_up]
    for part in _parts(draws + 1):
        released = {b: np.zeros((_length(part), n_sites * n_quarters)) for b in rules.rule}
        for net in nets:
            code = net.outcome.code
            cells = _on_grid(_avoided(net, rows[code], part), places[code], n_sites * n_quarters)
            shaped = cells.reshape(-1, n_sites, n_quarters)
            quarterly[code][part] = shaped.sum(axis=1)
            by_site[code][part] = shaped.sum(axis=2)
            for budget, worth in _pounds_by_budget(fiscal, code, factors, part).items():
                if budget in released:
                    released[budget] += cells * worth[:, None]
        for budget, pounds in released.items():
            shaped = pounds.reshape(-1, n_sites, n_quarters)
            cashable[budget][part] = _cashed(shaped, budget, rules, part).sum(axis=1)
    return Tally(
        avoided={
            net.outcome.code: Avoided(
                by_quarter=quarterly[net.outcome.code],
                by_site=by_site[net.outcome.code],
                widening=net.widening,
            )
            for net in nets
        },
        cashable=cashable,
    )


def _parts(total: int) -> Iterator[slice]:
    """The estimate by itself, then the draws a few hundred at a time."""
    yield slice(0, 1)
    for first in range(1, total, _AT_ONCE):
        yield slice(first, min(first + _AT_ONCE, total))


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _avoided(net: NetEffects, rows: NDArray[np.int64], part: slice) -> Floats:
    if part.start == 0:
        return events_avoided(net, net.effects[None, :])
    drawn = drawn_effects(net, rows[part.start - 1 : part.stop - 1])
    return events_avoided(net, drawn)


def _on_grid(avoided: Floats, places: NDArray[np.int64], size: int) -> Floats:
    if len(places) == size and (places == np.arange(size)).all():
        return avoided
    full = np.zeros((len(avoided), size))
    full[:, places] = avoided
    return full


def _pounds_by_budget(
    fiscal: Sequence[Line], code: str, factors: Mapping[str, Floats], part: slice
) -> dict[Budget, Floats]:
    """(R) pounds for one unit of the outcome, by the budget that they are released from."""
    found: dict[Budget, Floats] = {}
    for line in fiscal:
        if line.outcome.code == code:
            budget = (line.cost.agency, line.cost.budget)
            worth = line.pounds_for_one * factors[line.factor][part]
            found[budget] = found[budget] + worth if budget in found else worth
    return found


def _cashed(released: Floats, budget: Budget, rules: Rules, part: slice) -> Floats:
    """(R, S, Q) pounds that leave the budget: share, whole lumps at each site, lag."""
    shared = released * rules.share[budget][part][:, None, None]
    lumps = in_whole_lumps(shared, rules.lump[budget])
    return after_lag(lumps, rules.rule[budget].lag_quarters)
