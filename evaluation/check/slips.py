"""Slips that leave every figure possible: old copies, slipped or exchanged rows, filled-down cells.

Each is found by comparing two explanations of the same figures, so that one slip is one question
and not one for each row that it touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby, pairwise

from evaluation.check.read import Cells
from evaluation.check.report import Problem, shown
from evaluation.check.usual import Case
from evaluation.quarters import Period
from evaluation.returns.form import address

_CAP = 40.0
"""The most that one figure counts for: beyond this a misfit is a misfit."""
_FEW_ROWS = 8


def copies(cells: Cells, cases: Sequence[Case], period: Period | None) -> list[Problem]:
    """The return, or else single outcomes of it, that repeat an earlier quarter's figures."""
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


def _copied(cases: Sequence[Case]) -> tuple[int, list[Case]] | None:
    """The earlier period whose figures are repeated more often than chance repeats them."""
    if not cases:
        return None
    ask = cases[0].ask
    periods = {held.period for case in cases for held in case.earlier}
    best: tuple[int, list[Case]] | None = None
    for period in sorted(periods, reverse=True):
        there = [
            (case, held.numerator)
            for case in cases
            for held in case.earlier
            if held.period == period and held.numerator is not None
        ]
        same = [case for case, figure in there if figure == case.figure]
        enough = len(same) >= max(ask.copy_figures, ask.copy_share * len(there))
        whole = ask.same_rows <= len(same) == len(there)
        if not (enough or whole) or (best is not None and len(same) <= len(best[1])):
            continue
        by_chance = sum(case.usual.chance_of(case.figure) for case, _ in there)
        if _at_least(len(same), by_chance) < ask.copy_chance:
            best = period, same
    return best


def _at_least(count: int, mean: float) -> float:
    """A bound on the chance of ``count`` or more where ``mean`` are expected (Chernoff)."""
    if count <= mean or count == 0:
        return 1.0
    return math.exp(count - mean - count * math.log(count / max(mean, 1e-12)))


def _copy_problem(
    cells: Cells,
    cases: Sequence[Case],
    found: tuple[int, list[Case]],
    period: Period | None,
    what: str,
) -> Problem:
    ordinal, same = found
    when = "the last accepted return"
    if period is not None and ordinal:
        when = str(Period(period.frequency, ordinal))
    message = f"{len(same)} of {len(cases)} figures of {what} are those of {when}."
    first = same[0]
    return cells.problem("R062", first.entry, "numerator", message, value=first.figure)


def shifts(
    cells: Cells, cases: Sequence[Case], changes: Mapping[str, float]
) -> tuple[list[Problem], set[int]]:
    """Runs of figures that fit the row above or below much better than their own.

    ``changes`` is what each outcome's areas have moved by together, in log points.
    """
    if not cases:
        return [], set()
    ask = cases[0].ask
    by_entry = {case.entry: case for case in cases}
    problems, told = [], set[int]()
    for step, where in ((-1, "above"), (1, "below")):
        gains = [
            (case, _gain(case, by_entry.get(case.entry + step), changes))
            for case in cases
            if case.entry not in told
        ]
        run = _best_run(gains)
        if sum(gain for _, gain in run) < ask.shift or len(run) < ask.shift_rows:
            continue
        first, last = run[0][0], run[-1][0]
        end = address(cells.rows[last.entry], cells.columns["numerator"])
        message = f"From here to {end} each figure fits the row {where} better than its own."
        problems.append(
            cells.problem("R063", first.entry, "numerator", message, value=first.figure)
        )
        told |= {case.entry for case, _ in run}
    return problems, told


def _gain(case: Case, other: Case | None, changes: Mapping[str, float]) -> float:
    """How much better the figure fits the other row's history than its own."""
    if other is None:
        return 0.0
    own = _misfit(case, case.figure, changes[case.outcome.code])
    gain = own - _misfit(other, case.figure, changes[other.outcome.code])
    return min(gain, case.ask.shift_row)


def _misfit(case: Case, figure: float, change: float) -> float:
    return min(case.usual.surprise(figure, change) ** 2, _CAP)


def _best_run(gains: Sequence[tuple[Case, float]]) -> Sequence[tuple[Case, float]]:
    """The run of neighbouring rows with the largest sum."""
    best, start, total, most = slice(0, 0), 0, 0.0, 0.0
    for place, (_, gain) in enumerate(gains):
        if total <= 0:
            start, total = place, 0.0
        total += gain
        if total > most:
            most, best = total, slice(start, place + 1)
    return gains[best]


def exchanges(cells: Cells, cases: Sequence[Case], change: float) -> tuple[list[Problem], set[int]]:
    """Pairs of rows of one outcome that hold each other's figures.

    ``change`` is what the outcome's areas have moved by together, in log points.
    """
    problems, told = [], set[int]()
    for _, one, other in sorted(_exchanged(cases, change), key=lambda found: -found[0]):
        if one.entry in told or other.entry in told:
            continue
        place = address(cells.rows[other.entry], cells.columns["numerator"])
        message = f"This figure and that in {place} fit each other's area better than their own."
        if _by_denominator(one, other):
            message = (
                f"The figures of this row and of row {cells.rows[other.entry]} look exchanged."
            )
        problems.append(cells.problem("R063", one.entry, "numerator", message, value=one.figure))
        told |= {one.entry, other.entry}
    return problems, told


def _exchanged(cases: Sequence[Case], change: float) -> Iterator[tuple[float, Case, Case]]:
    pairs: Iterable[tuple[Case, Case]] = pairwise(cases)
    if len(cases) <= _FEW_ROWS:
        pairs = combinations(cases, 2)
    for one, other in pairs:
        if _by_denominator(one, other):
            yield math.inf, one, other
            continue
        there = _misfit(one, one.figure, change) + _misfit(other, other.figure, change)
        exchanged = _misfit(one, other.figure, change) + _misfit(other, one.figure, change)
        if there - exchanged > one.ask.exchange and exchanged < one.ask.jump**2:
            yield there - exchanged, one, other


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
            chance = len(counted) * math.prod(case.usual.chance_of(figure) for case in run[1:])
            if len(run) < run[0].ask.same_rows or chance >= run[0].ask.same_chance:
                continue
            last = address(cells.rows[run[-1].entry], cells.columns["numerator"])
            message = f"{shown(figure)} stands in {len(run)} rows, from here to {last}."
            problems.append(cells.problem("R057", run[0].entry, "numerator", message, value=figure))
    return problems
