"""The accepted figures of a programme in memory, and what a check is handed of them.

Plain Python throughout: a check of one return must not wait for numpy or pandas to load.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import NamedTuple, Protocol

from evaluation.check.before import Before, Held, Key, Others, Spread, parameters
from evaluation.check.history import value_of
from evaluation.check.usual import MAD_TO_SD, Rate, counts, declared_spread, spread_of
from evaluation.programme import Outcome, Programme
from evaluation.quarters import Frequency, Period
from evaluation.returns.form import Return

SiteAgency = tuple[str, str]
"""Who sends a return."""


class RowKey(Protocol):
    """What names a figure but for its period."""

    @property
    def area(self) -> str: ...

    @property
    def outcome(self) -> str: ...


class Entry(NamedTuple):
    """An accepted figure in its latest version, and who gave it."""

    numerator: float | None
    denominator: float | None
    status: str
    submitter: SiteAgency


@dataclass(frozen=True, kw_only=True)
class _Moves:
    """What is learnt from one outcome before one period: its spread, and each area's newest."""

    spread: Spread
    levels: Mapping[str, float]


class AcceptedFigures:
    """The accepted figures of one programme, by outcome, area and period."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._figures: dict[str, dict[str, dict[int, Entry]]] = {}
        self._given: dict[tuple[SiteAgency, Frequency], set[int]] = {}
        self._moves: dict[tuple[str, int], _Moves] = {}

    def asked_by(self, programme: Programme) -> AcceptedFigures:
        """The same figures, compared as this programme asks for them."""
        # Costs are figures of the same ledger, which a view of the programme asks for.
        if programme is self.programme:
            return self
        other = AcceptedFigures(programme)
        other._figures, other._given = self._figures, self._given
        return other

    def add(self, returned: Return) -> None:
        """Go on with a return that was accepted."""
        submitter = returned.site, returned.agency
        for row in returned.rows:
            entry = Entry(row.numerator, row.denominator, row.status, submitter)
            self.hold(row.outcome, row.area_code, {row.quarter.ordinal: entry})
        given = {row.outcome for row in returned.rows}
        at = returned.period.ordinal
        # What was learnt of later periods rests on this return as well.
        self._moves = {
            key: moves for key, moves in self._moves.items() if key[0] not in given or key[1] <= at
        }

    def hold(self, outcome: str, area: str, figures: Mapping[int, Entry]) -> None:
        """Hold figures, by the ordinals of their periods, in place of those that were held.

        Whole numbers name the periods: comparing periods a million times is slower.
        """
        self._figures.setdefault(outcome, {}).setdefault(area, {}).update(figures)
        known = self.programme.outcome_by_code.get(outcome)
        of = self.programme.first.frequency if known is None else known.period_frequency
        for ordinal, entry in figures.items():
            self._given.setdefault((entry.submitter, of), set()).add(ordinal)

    def given(self, submitter: SiteAgency, of: Frequency) -> set[int]:
        """The ordinals of the periods, of one kind, for which a submitter's figures were accepted.

        Whoever sends some figures by month and some by quarter owes each in its own order.
        """
        return self._given.get((submitter, of), set())

    def numerator(self, row: RowKey, period: int) -> float | None:
        """The accepted figure of a row's area and outcome in a period, by its ordinal."""
        entry = self._figures.get(row.outcome, {}).get(row.area, {}).get(period)
        return entry.numerator if entry is not None else None

    def denominator(self, row: RowKey) -> float | None:
        """The newest accepted denominator of a row's area and outcome, else the declared one."""
        entries = self._figures.get(row.outcome, {}).get(row.area, {})
        newest = (entries[period].denominator for period in sorted(entries, reverse=True))
        declared = self.programme.fixed_denominators.get((row.area, row.outcome))
        return next((below for below in newest if below is not None), declared)

    def before(self, submitter: SiteAgency, period: Period, *, today: date | None = None) -> Before:
        """What a check of this submitter's return for ``period`` is compared with.

        Raises
        ------
        WorkspaceError : if the programme has no such submitter.
        """
        areas, _ = self.programme.expected(*submitter)
        own = {area.code for area in areas}
        asked = self.programme.asked_in(*submitter, period)
        at = period.ordinal
        earlier: dict[Key, tuple[Held, ...]] = {}
        accepted: dict[Key, Held] = {}
        elsewhere: dict[Key, Held] = {}
        for outcome in asked:
            for area, entries in self._of(
                outcome.code, self.programme.areas_of(*submitter, outcome.code)
            ):
                key = area, outcome.code
                if past := self._earlier(entries, at):
                    earlier[key] = past
                if (now := entries.get(at)) is not None:
                    # A figure of the same period from somebody else is a comparison, and no
                    # revision.
                    mine = now.submitter == submitter
                    (accepted if mine else elsewhere)[key] = _held(at, now)
        return Before(
            earlier=earlier,
            accepted=accepted,
            elsewhere=elsewhere,
            spreads={o.code: self._moved(o, at).spread for o in asked if o.code in self._figures},
            others=dict(self._others(asked, own, at)),
            today=today,
        )

    def _of(self, outcome: str, own: frozenset[str]) -> Iterator[tuple[str, dict[int, Entry]]]:
        for area, entries in self._figures.get(outcome, {}).items():
            if area in own:
                yield area, entries

    def _earlier(self, entries: Mapping[int, Entry], at: int) -> tuple[Held, ...]:
        first = at - parameters().history.quarters
        # Entries come in the order of acceptance; a history is read in time.
        return tuple(_held(p, entries[p]) for p in sorted(entries) if first <= p < at)

    def _moved(self, outcome: Outcome, at: int) -> _Moves:
        key = outcome.code, at
        if key not in self._moves:
            self._moves[key] = _learn(outcome, self._figures.get(outcome.code, {}), at)
        return self._moves[key]

    def _others(
        self, outcomes: Sequence[Outcome], own: set[str], at: int
    ) -> Iterator[tuple[str, Others]]:
        """Levels and this period's change in the areas that the submitter does not return."""
        least = parameters().history.least_areas
        for outcome in outcomes:
            levels = self._moved(outcome, at).levels
            known, changes = [], []
            for area, entries in self._figures.get(outcome.code, {}).items():
                if area in own:
                    continue
                now = entries.get(at)
                value = value_of(outcome, now.numerator, now.denominator) if now else None
                usual = levels.get(area)
                newest = value if value is not None else usual
                if newest is not None and newest > 0:
                    # In logs, as effects are: a small and a large area differ by as much from half
                    # as from double.
                    known.append(math.log(newest))
                if value and usual and value > 0 and usual > 0:
                    changes.append(math.log(value / usual))
            if len(known) >= least:
                middle = median(known)
                yield (
                    outcome.code,
                    Others(
                        areas=len(known),
                        level=middle,
                        # Median and MAD: one slip in another area must not widen what is usual for
                        # all.
                        spread=MAD_TO_SD * median(abs(one - middle) for one in known),
                        change=median(changes) if len(changes) >= least else None,
                    ),
                )


def _held(period: int, entry: Entry) -> Held:
    return Held(period, entry.numerator, entry.denominator, entry.status)


def _learn(outcome: Outcome, figures: Mapping[str, Mapping[int, Entry]], at: int) -> _Moves:
    """From the quarters before ``at``: how the outcome moves, and each area's usual level."""
    declared = parameters().history
    periods = range(at - declared.quarters, at)
    rates = {
        area: [_rate(outcome, entries.get(period)) for period in periods]
        for area, entries in figures.items()
    }
    if not rates:
        return _Moves(spread=declared_spread(), levels={})
    spread = spread_of(list(rates.values()), counted=counts(outcome))
    scale = outcome.per if outcome.form == "ratio" else 1.0
    levels = {}
    for area, known in rates.items():
        latest = [rate for rate in known[-declared.level :] if rate is not None]
        # A rate of totals over the last quarters: a mean of rates would let a quarter of few people
        # count as much.
        per = sum(rate.denominator for rate in latest)
        if per > 0:
            levels[area] = scale * sum(rate.numerator for rate in latest) / per
    return _Moves(spread=spread, levels=levels)


def _rate(outcome: Outcome, entry: Entry | None) -> Rate | None:
    if entry is None or entry.numerator is None:
        return None
    per = entry.denominator if outcome.form == "ratio" else 1.0
    # A denominator of zero has no rate; its fault is named elsewhere.
    return Rate(entry.numerator, per) if per else None
