"""What one person moves an estimate by, as its method says and by public figures alone.

An effect is a mean over areas and periods, less a level of before: whoever is counted in one of its
periods moves it by one part in so many, and whoever is counted before by as much as that period
weighs in the level, once for each period that is measured from it. Which areas have figures in
which periods, and when each site began, everybody knows; what one person is worth there is taken
from populations, and in logarithms from what is printed of the site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evaluation.disclosure.counts import Count
from evaluation.disclosure.effects import step_of
from evaluation.disclosure.policy import Policy
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.study.record import OutcomeResult, SiteResult

PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A site's areas in one period.

    areas : how many have a figure. moves : what one person in one of them moves its figure by, in
    the estimate's unit (per cent where it is of logarithms). event_time : periods since the start.
    """

    site: str
    period: str
    event_time: int
    areas: int
    moves: float


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What one person moves estimates of an outcome by.

    window : first and last event time that the overall effect is of. people : how many people a
    step is worth.
    """

    cells: tuple[Cell, ...]
    window: tuple[int, int]
    people: int

    @cached_property
    def one_area(self) -> float:
        """One person in one area and period, where he counts most."""
        return max(one.moves for one in self.cells)

    @cached_property
    def _before(self) -> Mapping[str, float]:
        """Site -> the most that one person moves a figure of before its start by."""
        found: dict[str, float] = {}
        for one in self.cells:
            if one.event_time < 0:
                found[one.site] = max(found.get(one.site, 0.0), one.moves)
        return found

    def row(self, by: str, which: str = "") -> tuple[Cell, ...]:
        """The cells that a row of an estimate is the mean of: by what, and which one.

        ``all`` are those of every started period, ``period`` those of one period, started or not.
        """
        return tuple(one for one in self.cells if self._is_of(one, by, which))

    def _is_of(self, one: Cell, by: str, which: str) -> bool:
        if by == "event_time":
            return str(one.event_time) == which
        if by == "period":
            return one.period == which
        if by == "overall":
            return max(self.window[0], 0) <= one.event_time <= self.window[1]
        if one.event_time < 0:
            return False
        own = {"site": one.site, "cohort": self.cohorts.get(one.site), "quarter": one.period}
        return by == "all" or own[by] == which

    @cached_property
    def cohorts(self) -> Mapping[str, str]:
        """Site -> the period of its start."""
        return {one.site: one.period for one in self.cells if one.event_time == 0}

    def look(self, last: str) -> tuple[Cell, ...]:
        """The cells of the overall effect that were known after a period."""
        until = Period.parse(last)
        return tuple(one for one in self.row("overall") if Period.parse(one.period) <= until)

    def of_level(self, cells: Sequence[Cell], areas: int | None = None) -> float:
        """Of a mean of figures as they are, measured from nothing."""
        if not cells:
            return self.one_area / max(areas or 1, 1)
        return max(one.moves for one in cells) / _many(cells, areas)

    def of_effect(
        self, cells: Sequence[Cell], base_weight: float | None, areas: int | None = None
    ) -> float:
        """Of an effect over these cells.

        Parameters
        ----------
        base_weight : the most that one period weighs in what it is measured from; None: not known,
            and taken as one. areas : that the row is of, where they are fewer than have figures.
        """
        periods: dict[str, int] = {}
        for one in cells:
            periods[one.site] = periods.get(one.site, 0) + 1
        own = 1.0 if base_weight is None else base_weight
        before = [own * many * self._before.get(site, 0.0) for site, many in periods.items()]
        now = self.of_level(cells, areas)
        return max(now, max(before, default=0.0) / _many(cells, areas))

    def of_sites(self, base_weight: float | None) -> float:
        """Of a mean of sites' effects, weighed anywhere between alike and by their figures."""
        held = {site: self.row("site", site) for site in self.cohorts}
        whole = sum(one.areas for cells in held.values() for one in cells)
        moved = [
            self.of_effect(cells, base_weight)
            * max(1 / len(held), sum(one.areas for one in cells) / whole)
            for cells in held.values()
        ]
        return max(moved, default=self.one_area)

    def of_some(self, areas: int, base_weight: float | None) -> float:
        """Of the overall effect of so many areas, wherever they lie."""
        held = [len({c.period for c in self.row("overall") if c.site == s}) for s in self.cohorts]
        most, fewest = (end((n for n in held if n), default=1) for end in (max, min))
        own = 1.0 if base_weight is None else base_weight
        return self.one_area / max(areas, 1) * max(1.0, own * most) / fewest

    def step(self, moves: float) -> float:
        """The step of what one person moves by so much."""
        return step_of(moves, self.people)


def _many(cells: Iterable[Cell], areas: int | None) -> float:
    """Over how many figures the mean is, where a row may be of fewer areas than have some."""
    held = list(cells)
    widest: dict[str, int] = {}
    for one in held:
        widest[one.site] = max(widest.get(one.site, 0), one.areas)
    many, whole = sum(one.areas for one in held), sum(widest.values())
    return max(many * min((areas or whole) / max(whole, 1), 1.0), 1.0)


def sensitivity_of(
    outcome: OutcomeResult,
    printed: Callable[[str, str], Count],
    policy: Policy,
    design: Design,
    answers: Mapping[str, float] | None = None,
) -> Sensitivity | None:
    """Of an outcome's estimates; None where nothing was counted beneath them.

    Parameters
    ----------
    answers : of a survey mean, wave -> the most that one respondent moves the mean of an area by:
        the span of answers times his largest weight over how many answered
        (`released_lives.one_answer`).

    In logarithms one person of an area's count c moves its figure by 1/c; c is taken from what is
    printed of its site, so that the step says nothing of what is not.
    """
    if answers is not None:
        cells = tuple(design.asked(outcome, answers))
    else:
        cells = tuple(design.counted(outcome, printed, policy))
    if not cells:
        return None
    return Sensitivity(cells=cells, window=design.window, people=policy.step_people)


@dataclass(frozen=True, kw_only=True)
class Design:
    """When sites began, and over which event times effects are told."""

    sites: Sequence[SiteResult]
    window: tuple[int, int]

    def counted(
        self, outcome: OutcomeResult, printed: Callable[[str, str], Count], policy: Policy
    ) -> Iterator[Cell]:
        """Of what sites count."""
        since = self._event_times(outcome)
        for one in outcome.counts:
            areas = len(one.areas)
            if outcome.estimate.scale == "log":
                shown = printed(one.site, one.period).printed
                held = policy.shown_from if shown is None else max(shown, policy.shown_from)
                moves = PERCENT * areas / held
            else:
                moves = outcome.per * areas / one.denominator
            if (one.site, one.period) in since:
                yield Cell(
                    site=one.site,
                    period=one.period,
                    event_time=since[one.site, one.period],
                    areas=areas,
                    moves=moves,
                )

    def asked(self, outcome: OutcomeResult, answers: Mapping[str, float]) -> Iterator[Cell]:
        """Of what people in sites were asked, in each wave."""
        worst = max(answers.values())
        asked = {row.period for row in outcome.paths if row.pilot is not None}
        many = {one.code: one.areas for one in self.sites}
        for (site, period), event_time in self._event_times(outcome).items():
            if period in asked:
                yield Cell(
                    site=site,
                    period=period,
                    event_time=event_time,
                    areas=many[site],
                    moves=answers.get(period, worst),
                )

    def _event_times(self, outcome: OutcomeResult) -> Mapping[tuple[str, str], int]:
        """Site and period -> how many periods since its start."""
        periods = sorted((row.period for row in outcome.paths), key=Period.parse)
        found: dict[tuple[str, str], int] = {}
        for site in self.sites:
            start = Period.parse(site.start)
            before = sum(Period.parse(one) < start for one in periods)
            found |= {(site.code, one): at - before for at, one in enumerate(periods)}
        return found
