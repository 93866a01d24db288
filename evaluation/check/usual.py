"""What an area's own history leads one to expect, and the figures that have such a history."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from evaluation.check.before import Before, Held, QuestionParameters, Spread, parameters
from evaluation.check.read import Cells
from evaluation.programme import Outcome, Programme

MAD_TO_SD = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
_NARROWEST = 0.01  # log points: below, rounding alone would be a surprise
_FARTHEST = 1e9
"""Standard deviations: what lies farther is no likelier, and its square is still a number."""
_LARGEST_CHANGE = 600.0
"""Log points: its exponential, and that of a few more, is still a number."""


def counts(outcome: Outcome) -> bool:
    """Whether chance adds to an outcome's figures as it does to counts.

    So it does to means of counts too, as of three months: they are not whole, and near zero they
    scatter like counts all the same. Where figures are large it adds next to nothing.
    """
    low = outcome.bounds.low
    return outcome.form == "ratio" and (outcome.whole or (low is not None and low >= 0))


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is expected: ``level``, and its relative ``variance`` with that of the figure itself.

    ``counted`` says that chance adds to it as it does to counts; ``figures`` is how many accepted
    figures it rests on.
    """

    level: float
    variance: float
    counted: bool
    figures: int

    def restless(self, more: float) -> Usual:
        """The same with a variance larger by ``more``, of the figure and of its level."""
        return replace(self, variance=self.variance + more * (1 + 1 / self.figures))

    def surprise(self, figure: float, change: float = 0.0) -> float:
        """How many standard deviations ``figure`` lies above the level (below: negative).

        ``change`` is what all areas have moved by, in log points.
        """
        return max(-_FARTHEST, min(_FARTHEST, self._surprise(figure, change)))

    def _surprise(self, figure: float, change: float) -> float:
        level = self.level * math.exp(change)
        spread = math.sqrt(self.variance)
        # Two over the spread brings steps of Anscombe's transform to unit variance.
        if self.counted and figure >= 0:
            return 2 / spread * (_even(figure, self.variance) - _even(level, self.variance))
        if figure > 0 and level > 0:
            # Not of their ratio, which may be no number.
            return (math.log(figure) - math.log(level)) / spread
        # A value may be zero or below, where no logarithm is: relative to its level, which is kept
        # from zero.
        return (figure - level) / (spread * max(abs(level), 1e-12))

    def chance_of(self, figure: float) -> float:
        """About how probable exactly this count is."""
        # The normal density at its surprise: 0.4 is 1 / sqrt(2 pi). A level near zero would make a
        # certainty of it, so a deviation of half a case is the least, and one in two the most.
        deviation = math.sqrt(max(self.level + self.variance * self.level**2, 0.25))
        return min(0.5, 0.4 / deviation * math.exp(-0.5 * min(self.surprise(figure) ** 2, 50.0)))


def _even(count: float, variance: float) -> float:
    # Anscombe's transform (Biometrika 1948) of a count whose variance is mean + variance x mean^2:
    # equal steps are equally surprising for small and large counts. 3/8 is his correction.
    return math.asinh(math.sqrt(variance * (count + 0.375)))


def usual(
    outcome: Outcome, earlier: Sequence[Held], spread: Spread, denominator: float | None
) -> Usual | None:
    """The usual figure of an area with this history; None where it has none.

    A withheld figure counts as half the threshold below which it is withheld. Where denominators
    are fixed, the accepted one is used: the one in the return may itself be wrong.
    """
    rules = parameters()
    known = [
        (figure, below)
        # The newest quarters alone: a level drifts.
        for one in earlier[-rules.history.level :]
        if (figure := _figure(one, outcome)) is not None
        for below in [one.denominator if outcome.form == "ratio" else 1.0]
        if below is not None and below > 0
    ]
    if not known:
        return None
    if outcome.form == "value":
        below = 1.0
    elif spread.fixed >= rules.questions.fixed_share or denominator is None or denominator <= 0:
        # The last accepted denominator, since one that never moves and does now is likelier wrong.
        below = known[-1][1]
    else:
        below = denominator
    total = sum(figure for figure, _ in known)
    level = total / sum(per for _, per in known) * below
    # A new figure's own spread and that of the level it is held against.
    variance = spread.cell**2 * (1 + 1 / len(known))
    counted = counts(outcome)
    if counted:
        variance += 1 / (total + 0.5)  # of a log count, about 1 / count; half so that none has one
    return Usual(level=level, variance=variance, counted=counted, figures=len(known))


def _figure(one: Held, outcome: Outcome) -> float | None:
    if one.numerator is None and one.status in ("[c]", "[low]"):
        return outcome.disclosure.threshold / 2
    return one.numerator


class Rate(NamedTuple):
    """A figure that is known and what it is out of; 1 where the outcome is a value."""

    numerator: float
    denominator: float


class Given(NamedTuple):
    """A figure as it was given, and what it is out of, if that was given."""

    numerator: float
    denominator: float | None


def declared_spread() -> Spread:
    """What stands in where too little has been accepted to learn from."""
    declared = parameters().history
    return Spread(cell=declared.spread, common=declared.common_spread)


def spread_of(histories: Sequence[Sequence[Rate | None]], *, counted: bool) -> Spread:
    """Learn how an outcome moves from accepted figures.

    Parameters
    ----------
    histories : for each area its figures, oldest period first; None where there is none.
    counted : whether the numerators are counts.
    """
    declared = parameters().history
    changes = _changes(histories, declared.level, counted)
    if len(changes.sizes) < declared.least_changes:
        return declared_spread()
    by_period: dict[int, list[float]] = {}
    for period, size in zip(changes.periods, changes.sizes, strict=True):
        by_period.setdefault(period, []).append(size)
    common = {
        period: median(sizes)
        for period, sizes in by_period.items()
        # A median over few areas is their noise, and no common move.
        if len(sizes) >= declared.least_areas
    }
    # Quarters: the spread of fewer common moves is not learnt.
    moved = MAD_TO_SD * median(map(abs, common.values())) if len(common) >= 4 else 0.0
    # Each area's move beside the common one, or a season would make every area look restless.
    own = [
        size - common.get(period, 0.0)
        for period, size in zip(changes.periods, changes.sizes, strict=True)
    ]
    pairs = repeats = fixed = 0
    for known in histories:
        for earlier, later in pairwise(known):
            if earlier is not None and later is not None:
                pairs += 1
                repeats += earlier.numerator == later.numerator
                fixed += earlier.denominator == later.denominator
    return Spread(
        cell=max(_beyond_chance(own, changes.chances), _NARROWEST),
        common=moved if moved > 0 else declared.common_spread,
        repeats=repeats / pairs if pairs else 0.0,
        fixed=fixed / pairs if pairs else 0.0,
        changes=len(changes.sizes),
    )


@dataclass(frozen=True, kw_only=True)
class _Changes:
    """Log changes of figures from the usual level before them, and their variances by chance.

    Three lists of one length and no list of objects: a nation has eighty thousand of them.
    """

    periods: list[int] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)


def _changes(histories: Sequence[Sequence[Rate | None]], window: int, counted: bool) -> _Changes:
    half = 0.5 if counted else 0.0
    found = _Changes()
    for known in histories:
        for period, one in enumerate(known):
            if one is None:
                continue
            total = per = 0.0
            for past in known[max(0, period - window) : period]:
                if past is not None:
                    total += past.numerator
                    per += past.denominator
            if per <= 0:
                continue
            level = total / per * one.denominator
            above, below = one.numerator + half, level + half
            # Values of opposite sign have no logarithm of their ratio.
            if below and above / below > 0:
                found.periods.append(period)
                found.sizes.append(math.log(above / below))
                # The delta method: a log count varies by about one over the count, and the level's
                # own by one over its total.
                found.chances.append(1 / (level + 0.5) + 1 / (total + 0.5) if counted else 0.0)
    return found


_MANY = 1_000
"""Changes among which the two in the middle are as good as one."""


def _beyond_chance(sizes: Sequence[float], chances: Sequence[float]) -> float:
    """The spread that, added to chance, makes half of the changes lie within 0.6745 of it.

    A change lies outside where its excess is more than the squared spread. With an even number,
    the median is the mean of the two in the middle, which excesses alone cannot tell.
    """
    excess = sorted(
        (MAD_TO_SD * size) ** 2 - chance for size, chance in zip(sizes, chances, strict=True)
    )
    # Three log points are a factor of twenty: no outcome moves so from quarter to quarter.
    low, high = 0.0, 3.0
    # Thirty halvings of three leave 3e-9.
    for _ in range(30):
        middle = (low + high) / 2
        outside = len(excess) - bisect_right(excess, middle**2)
        wider = 2 * outside > len(excess)
        if 2 * outside == len(excess):
            if len(excess) > _MANY:
                return middle
            apart = (
                abs(size) / math.sqrt(middle**2 + chance)
                for size, chance in zip(sizes, chances, strict=True)
            )
            wider = median(apart) > 1 / MAD_TO_SD
        low, high = (middle, high) if wider else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, kw_only=True)
class Case:
    """One figure that was read, beside what its area's history leads one to expect.

    ``entry`` is its row among the cells; ``fixed`` the accepted denominator.
    """

    entry: int
    area: str
    outcome: Outcome
    figure: float
    denominator: float | None
    earlier: tuple[Held, ...]
    spread: Spread
    usual: Usual
    ask: QuestionParameters

    @property
    def fixed(self) -> float | None:
        # The newest that has one: a withheld figure may have come without.
        return next((h.denominator for h in self.earlier[::-1] if h.denominator is not None), None)

    @property
    def last(self) -> float | None:
        """The last accepted figure that is one."""
        return next((h.numerator for h in self.earlier[::-1] if h.numerator is not None), None)

    @property
    def log_change(self) -> float | None:
        """From the usual level to the figure; None where there is no logarithm."""
        half = 0.5 if self.usual.counted else 0.0
        above, below = self.figure + half, self.usual.level + half
        if not (above > 0 and below > 0):
            return None
        # A figure far beyond all others: their ratio may be no number, their logarithms are.
        change = math.log(above) - math.log(below)
        return max(-_LARGEST_CHANGE, min(_LARGEST_CHANGE, change))


def cases_of(cells: Cells, programme: Programme, before: Before) -> list[Case]:
    """Every figure that can be compared, in the order of the rows.

    A figure that was accepted for this very quarter already is not asked about again.
    """
    found = []
    for entry in cells.once:
        area, code, figure = cells.area_code[entry], cells.outcome[entry], cells.numerator[entry]
        if area is None or code is None or figure is None or not math.isfinite(figure):
            continue
        outcome = programme.outcome_by_code.get(code)
        if outcome is None or _is_accepted(before.accepted.get((area, code)), cells, entry):
            continue
        one = case_of(entry, area, outcome, Given(figure, cells.denominator[entry]), before)
        if one is not None:
            found.append(one)
    return found


def case_of(entry: int, area: str, outcome: Outcome, given: Given, before: Before) -> Case | None:
    """One figure beside its area's history; None where it has none to be compared with."""
    earlier = before.earlier.get((area, outcome.code), ())
    spread = before.spreads.get(outcome.code) or declared_spread()
    expected = usual(outcome, earlier, spread, given.denominator)
    if expected is None or (given.numerator < 0 and expected.counted):
        return None
    return Case(
        entry=entry,
        area=area,
        outcome=outcome,
        figure=given.numerator,
        denominator=given.denominator,
        earlier=earlier,
        spread=spread,
        usual=expected,
        ask=before.ask,
    )


def _is_accepted(held: Held | None, cells: Cells, entry: int) -> bool:
    return held is not None and (held.numerator, held.denominator) == (
        cells.numerator[entry],
        cells.denominator[entry],
    )


@dataclass(frozen=True, kw_only=True)
class Together:
    """How far an outcome's areas have moved together.

    ``change`` is in log points; ``questionable`` says that it is too far to pass unasked.
    ``restless`` is by how much the areas' moves beside it vary more than the outcome's usually do
    (squared log points).
    """

    change: float
    questionable: bool
    restless: float = 0.0


def together(cases: Sequence[Case], before: Before) -> Together:
    """The change of one outcome's cases that is common to them, beside that of other areas."""
    ask = cases[0].ask
    others = before.others.get(cases[0].outcome.code)
    base = others.change if others is not None else None
    changes = sorted(c for case in cases if (c := case.log_change) is not None)
    own = changes[len(changes) // 2] if changes else 0.0
    if len(changes) % 2 == 0 and changes:
        own = (own + changes[len(changes) // 2 - 1]) / 2
    if len(changes) >= ask.column_areas:
        spread = cases[0].spread
        # With other areas' move known the common part is no surprise, and leaves the variance.
        variance = spread.cell**2 + (spread.common**2 if base is None else 0.0)
        variance += sum(_chance(case) for case in cases) / len(cases) ** 2
        apart = abs(own - (base or 0.0))
        if apart > ask.column * math.sqrt(variance) and apart > math.log(ask.column_ratio):
            return Together(change=own, questionable=True, restless=_restless(cases, own))
    if base is None:
        # Enough own areas tell a season from an error by themselves; fewer must not vouch for
        # themselves.
        base = own if len(changes) >= 2 * parameters().history.least_areas else 0.0
    return Together(change=base, questionable=False, restless=_restless(cases, own))


def _restless(cases: Sequence[Case], change: float) -> float:
    """How much more than usually one quarter's areas vary beside what is common to them.

    A benefit that is rolled out moves some areas and not others, and while little has been accepted
    nothing tells how far areas move. A return of many areas tells it by itself: its middle half is
    no slip of anybody's. One of few areas must not vouch for itself.
    """
    moves = [(case, size) for case in cases if (size := case.log_change) is not None]
    if len(moves) < parameters().history.least_changes:
        return 0.0
    cell = cases[0].spread.cell
    chances = [
        case.usual.variance - cell**2 * (1 + 1 / case.usual.figures) + _chance(case)
        for case, _ in moves
    ]
    found = _beyond_chance([size - change for _, size in moves], chances)
    return max(found**2 - cell**2, 0.0)


def _chance(case: Case) -> float:
    return 1 / (case.usual.level + 0.5) if case.usual.counted else 0.0
