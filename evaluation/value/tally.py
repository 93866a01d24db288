"""One pass over the draws of events avoided: by quarter, by site, cashable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.estimate import units
from evaluation.estimate.units import NetEffects
from evaluation.quarters import Period
from evaluation.value.cashable import after_lag, in_whole_lumps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Programme
    from evaluation.value.parameters import Cashable
    from evaluation.value.pricing import Line

    Floats = NDArray[np.float64]


def net_effects(estimate: Estimate, programme: Programme) -> NetEffects:
    """The treated entries of an estimate with their net draws (inference by re-assignment).

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
    exposure = estimate.exposure
    if exposure is None:
        exposure = declared_exposure(estimate, programme)
    return units.net_effects(estimate, exposure)


def declared_exposure(estimate: Estimate, programme: Programme) -> Floats:
    """(K) people that the programme declares for a figure per head without denominators.

    Raises
    ------
    ValueChainError : it does not declare it for every site, or areas of a site start at different
        times, so that nobody knows whose people an effect is on.
    """
    people: dict[str, float] = {}
    for area in programme.areas:
        held = programme.fixed_denominators.get((area.code, estimate.outcome))
        # Pilot areas only: an effect is on the people of a site.
        if area.site is not None and held is not None:
            people[area.site] = people.get(area.site, 0.0) + held
    sites = [str(site) for site in estimate.index["site"]]
    if not set(sites) <= set(people):
        raise ValueChainError(
            f"{estimate.outcome}: nothing says of how many people this figure is the mean.",
            mend="declare them by area in the programme's denominators",
        )
    starts = estimate.index[["site", "cohort"]].drop_duplicates()["site"]
    if mixed := sorted({str(site) for site in starts[starts.duplicated()]}):
        raise ValueChainError(
            f"{estimate.outcome}: areas of {mixed[0]} start at different times, and how many "
            "people there are is declared for the site as a whole.",
            mend="estimate from a panel with denominators, or give each start a site of its own",
        )
    return np.array([people[site] for site in sites])


Budget = tuple[str, str]
# Draws worked on at once: all of them by every site and quarter would take gigabytes.
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
        # Quarters in which something was only paid stay in, or the totals would lose their cost.
        quarters = {str(quarter) for net in nets for quarter in net.index["quarter"]} | set(paid_in)
        # By calendar and not by label, which need not sort as text.
        ordered = sorted(quarters, key=lambda quarter: Period.parse(quarter).ordinal)
        return cls(sites=tuple(sorted(sites)), quarters=tuple(ordered))

    def cells(self, net: NetEffects) -> NDArray[np.int64]:
        """(K) the position of each entry among site x quarter."""
        site = {name: place for place, name in enumerate(self.sites)}
        quarter = {name: place for place, name in enumerate(self.quarters)}
        return np.array(
            [
                site[str(s)] * len(self.quarters) + quarter[str(q)]
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
    # Kept by quarter and by site, never by both at once: (D, S, Q) for each outcome would not fit.
    quarterly = {net.outcome: np.zeros((draws + 1, n_quarters)) for net in nets}
    by_site = {net.outcome: np.zeros((draws + 1, n_sites)) for net in nets}
    cashable = {budget: np.zeros((draws + 1, n_quarters)) for budget in rules.rule}
    places = {net.outcome: grid.cells(net) for net in nets}
    fiscal = [line for line in lines if line.fiscal and not line.given_up]
    for part in _parts(draws + 1):
        released = {b: np.zeros((part.stop - part.start, n_sites * n_quarters)) for b in rules.rule}
        for net in nets:
            code = net.outcome
            cells = _on_grid(_avoided(net, rows[code], part), places[code], n_sites * n_quarters)
            shaped = cells.reshape(-1, n_sites, n_quarters)
            quarterly[code][part] = shaped.sum(axis=1)
            by_site[code][part] = shaped.sum(axis=2)
            for budget, worth in _pounds_by_budget(fiscal, code, factors, part).items():
                if budget in released:
                    released[budget] += cells * worth[:, None]
        # Lumps are whole at a site: what two sites release together frees no post at either.
        for budget, pounds in released.items():
            shaped = pounds.reshape(-1, n_sites, n_quarters)
            cashable[budget][part] = _cashed(shaped, budget, rules, part).sum(axis=1)
    return Tally(
        avoided={
            net.outcome: Avoided(
                by_quarter=quarterly[net.outcome],
                by_site=by_site[net.outcome],
                widening=net.widening,
            )
            for net in nets
        },
        cashable=cashable,
    )


def _parts(total: int) -> Iterator[slice]:
    """The estimate by itself, then the draws a few hundred at a time."""
    # Apart, because the estimate is no row of the draws and is converted from its effects.
    yield slice(0, 1)
    for first in range(1, total, _AT_ONCE):
        yield slice(first, min(first + _AT_ONCE, total))


def _avoided(net: NetEffects, rows: NDArray[np.int64], part: slice) -> Floats:
    if part.start == 0:
        return net.avoided(net.effects[None, :])
    return net.avoided(net.drawn(rows[part.start - 1 : part.stop - 1]))


def _on_grid(avoided: Floats, places: NDArray[np.int64], size: int) -> Floats:
    # The common case, every site in every quarter in order: no copy.
    if len(places) == size and (places == np.arange(size)).all():
        return avoided
    full = np.zeros((len(avoided), size))
    # Added and not set: a site whose areas start at different times has an entry for each cohort.
    for place, entry in zip(places.tolist(), avoided.T, strict=True):
        full[:, place] += entry
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
    # In this order: a post goes when the share that can be had fills it, and the money comes a lag
    # after.
    shared = released * rules.share[budget][part][:, None, None]
    lumps = in_whole_lumps(shared, rules.lump[budget])
    return after_lag(lumps, rules.rule[budget].lag_quarters)
