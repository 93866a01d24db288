"""Slips that leave every figure possible: old copies, slipped or exchanged rows, filled-down cells.

Each is found by comparing two explanations of the same figures, so that one slip is one question
and not one for each row that it touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby, pairwise
from typing import NamedTuple

from evaluation.check.read import Cells
from evaluation.check.report import Problem, shown
from evaluation.check.usual import Case
from evaluation.quarters import Period
from evaluation.returns.form import address

_CAP = 40.0
"""The most that one figure counts for: beyond this a misfit is a misfit."""
_FEW_ROWS = 8
_FEW_PAIRS = 28
"""Of so few rows."""


def copies(cells: Cells, cases: Sequence[Case], period: Period | None) -> list[Problem]:
    """The return, or else single outcomes of it, that repeat an earlier quarter's figures."""
    # Outcomes that often repeat by themselves prove no copy.
    able = [c for c in cases if c.usual.counted and c.spread.repeats < c.ask.usual_repeats]
    whole = _copied(able)
    if whole is not None:
        return [_copy_problem(cells, able, whole, period, "this return")]
    problems = []
    for outcome in dict.fromkeys(case.outcome for case in able):
        own = [case for case in able if case.outcome is outcome]
        if len(own) < len(able) and (found := _copied(own)) is not None:
            problems.append(_copy_problem(cells, own, found, period, outcome.title))
    return problems


class _Copy(NamedTuple):
    """The ordinal of an earlier period, and the cases that repeat its figures."""

    period: int
    same: list[Case]


def _copied(cases: Sequence[Case]) -> _Copy | None:
    """The earlier period whose figures are repeated more often than chance repeats them."""
    if not cases:
        return None
    ask = cases[0].ask
    known: dict[int, list[Case]] = {}
    repeated: dict[int, list[Case]] = {}
    for case in cases:
        for held in case.earlier:
            if held.numerator is not None:
                known.setdefault(held.period, []).append(case)
                if held.numerator == case.figure:
                    repeated.setdefault(held.period, []).append(case)
    best: _Copy | None = None
    # The newest first: of two that repeat as much, the last return is the likelier source.
    for period in sorted(repeated, reverse=True):
        there, same = known[period], repeated[period]
        enough = len(same) >= max(ask.copy_figures, ask.copy_share * len(there))
        whole = ask.same_rows <= len(same) == len(there)
        if not (enough or whole) or (best is not None and len(same) <= len(best.same)):
            continue
        # Each figure's chance of being equal by luck, added up: small counts repeat, large ones do
        # not.
        by_chance = sum(case.usual.chance_of(case.figure) for case in there)
        if _at_least(len(same), by_chance) < ask.copy_chance:
            best = _Copy(period, same)
    return best


def _at_least(count: int, mean: float) -> float:
    """A bound on the chance of ``count`` or more where ``mean`` are expected (Chernoff)."""
    if count <= mean or count == 0:
        return 1.0
    # Where chance could repeat none, the logarithm would divide by zero.
    return math.exp(count - mean - count * math.log(count / max(mean, 1e-12)))


def _copy_problem(
    cells: Cells, cases: Sequence[Case], found: _Copy, period: Period | None, what: str
) -> Problem:
    when = "the last accepted return"
    if period is not None and found.period:
        when = str(Period(period.frequency, found.period))
    message = f"{len(found.same)} of {len(cases)} figures of {what} are those of {when}."
    first = found.same[0]
    return cells.problem("R062", first.entry, "numerator", message, value=first.figure)


class Slips(NamedTuple):
    """Slips that were found, and the entries of the figures that they explain."""

    problems: list[Problem]
    explained: set[int]


class _Gain(NamedTuple):
    """A case, and how much better its figure fits the other row's history than its own."""

    case: Case
    size: float


def shifts(cells: Cells, cases: Sequence[Case], changes: Mapping[str, float]) -> Slips:
    """Runs of figures that fit the row above or below much better than their own.

    ``changes`` is what each outcome's areas have moved by together, in log points.
    """
    if not cases:
        return Slips([], set())
    ask = cases[0].ask
    by_entry = {case.entry: case for case in cases}
    problems, explained = [], set[int]()
    for step, where in ((-1, "above"), (1, "below")):
        gains = [
            _Gain(case, _gain(case, by_entry.get(case.entry + step), changes))
            for case in cases
            # Figures that one direction explains are out of the other: one slip is one question.
            if case.entry not in explained
        ]
        run = _best_run(gains)
        if sum(gain.size for gain in run) < ask.shift or len(run) < ask.shift_rows:
            continue
        first, last = run[0].case, run[-1].case
        end = address(cells.rows[last.entry], cells.columns["numerator"])
        message = f"From here to {end} each figure fits the row {where} better than its own."
        problems.append(
            cells.problem("R063", first.entry, "numerator", message, value=first.figure)
        )
        explained |= {gain.case.entry for gain in run}
    return Slips(problems, explained)


def _gain(case: Case, other: Case | None, changes: Mapping[str, float]) -> float:
    """How much better the figure fits the other row's history than its own."""
    if other is None:
        return 0.0
    own = _misfit(case, case.figure, changes[case.outcome.code])
    gain = own - _misfit(other, case.figure, changes[other.outcome.code])
    # Capped, so that one odd figure cannot make a run by itself.
    return min(gain, case.ask.shift_row)


def _misfit(case: Case, figure: float, change: float) -> float:
    # Squared surprises add up like a log likelihood of normals.
    return min(case.usual.surprise(figure, change) ** 2, _CAP)


def _best_run(gains: Sequence[_Gain]) -> Sequence[_Gain]:
    """The run of neighbouring rows with the largest sum."""
    best, start, total, most = slice(0, 0), 0, 0.0, 0.0
    for place, gain in enumerate(gains):
        # Kadane's algorithm: a run that has lost all it gained is no start for another.
        if total <= 0:
            start, total = place, 0.0
        total += gain.size
        if total > most:
            most, best = total, slice(start, place + 1)
    return gains[best]


class _Pair(NamedTuple):
    """Two cases, and how much better their figures fit exchanged."""

    gain: float
    one: Case
    other: Case


def exchanges(cells: Cells, cases: Sequence[Case], change: float) -> Slips:
    """Pairs of rows of one outcome that hold each other's figures.

    ``change`` is what the outcome's areas have moved by together, in log points.
    """
    problems, explained = [], set[int]()
    # The clearest pair first: its two cases are then taken.
    for _, one, other in sorted(_exchanged(cases, change), key=lambda pair: -pair.gain):
        if one.entry in explained or other.entry in explained:
            continue
        place = address(cells.rows[other.entry], cells.columns["numerator"])
        message = f"This figure and that in {place} fit each other's area better than their own."
        if _by_denominator(one, other):
            message = (
                f"The figures of this row and of row {cells.rows[other.entry]} look exchanged."
            )
        problems.append(cells.problem("R063", one.entry, "numerator", message, value=one.figure))
        explained |= {one.entry, other.entry}
    return Slips(problems, explained)


def _exchanged(cases: Sequence[Case], change: float) -> Iterator[_Pair]:
    pairs: Iterable[tuple[Case, Case]] = pairwise(cases)
    # Wherever in a list two rows were exchanged, it is one slip: the longer the list, the better
    # must one of its pairs fit exchanged (twice the log of the odds against each pair).
    least = cases[0].ask.exchange + 2 * math.log(max(len(cases) / _FEW_PAIRS, 1)) if cases else 0.0
    # All pairs of a short list; of a long one neighbours alone, since pairs grow with the square
    # and chance finds one.
    if len(cases) <= _FEW_ROWS:
        pairs = combinations(cases, 2)
    for one, other in pairs:
        if _by_denominator(one, other):
            yield _Pair(math.inf, one, other)
            continue
        there = _misfit(one, one.figure, change) + _misfit(other, other.figure, change)
        exchanged = _misfit(one, other.figure, change) + _misfit(other, one.figure, change)
        # Better is not enough: exchanged, both figures must fit.
        if there - exchanged > least and exchanged < one.ask.jump**2:
            yield _Pair(there - exchanged, one, other)


def _by_denominator(one: Case, other: Case) -> bool:
    """Whether each row holds exactly the denominator that was accepted for the other."""
    given, fixed = (one.denominator, other.denominator), (other.fixed, one.fixed)
    return None not in given and given == fixed and given[0] != given[1]


def same_figures(cells: Cells, by_outcome: Mapping[str, Sequence[Case]]) -> list[Problem]:
    """Runs of neighbouring rows that hold one figure, longer than chance would make them."""
    problems = []
    for cases in by_outcome.values():
        counted = [case for case in cases if case.usual.counted and case.figure > 0]
        for figure, group in groupby(counted, key=lambda case: case.figure):
            run = list(group)
            # For any of the places where such a run could begin, times the chance that each further
            # row repeats the first.
            chance = len(counted) * math.prod(case.usual.chance_of(figure) for case in run[1:])
            if len(run) < run[0].ask.same_rows or chance >= run[0].ask.same_chance:
                continue
            last = address(cells.rows[run[-1].entry], cells.columns["numerator"])
            message = f"{shown(figure)} stands in {len(run)} rows, from here to {last}."
            problems.append(cells.problem("R057", run[0].entry, "numerator", message, value=figure))
    return problems
