"""Questions against earlier quarters: figures that moved further than figures of their kind do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluation.check import slips
from evaluation.check.before import Before
from evaluation.check.cases import Case, Together, cases_of, together
from evaluation.check.cells import Cells
from evaluation.check.problems import Problem, shown
from evaluation.programme import Programme
from evaluation.quarters import Period

_SLIPS = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001)


def check_quarters(
    cells: Cells, programme: Programme, before: Before, period: Period | None
) -> list[Problem]:
    """Every question that earlier quarters raise; one slip is asked about once."""
    cases = cases_of(cells, programme, before)
    problems = slips.copies(cells, cases, period)
    by_outcome: dict[str, list[Case]] = {}
    for case in cases:
        by_outcome.setdefault(case.outcome.code, []).append(case)
    moved = {code: together(own, before) for code, own in by_outcome.items()}
    changes = {code: one.change for code, one in moved.items()}
    shifted, told = slips.shifts(cells, cases, changes)
    problems += shifted
    for code, own in by_outcome.items():
        left = [case for case in own if case.entry not in told]
        if moved[code].questionable and left:
            problems.append(_column_problem(cells, own, changes[code]))
        problems += _of_outcome(cells, left, moved[code])
    return problems + slips.same_figures(cells, by_outcome)


def _of_outcome(cells: Cells, cases: Sequence[Case], moved: Together) -> list[Problem]:
    problems: list[Problem] = []
    exchanged, told = slips.exchanges(cells, cases, moved.change)
    problems += exchanged
    for case in cases:
        if case.entry in told:
            continue
        problems += _denominator(cells, case)
        problems += _figure(cells, case, moved.change)
    return problems


def _column_problem(cells: Cells, cases: Sequence[Case], change: float) -> Problem:
    times = math.exp(change)
    how = f"{times:,.3g} times as high" if change > 0 else f"{times:,.2g} times as high"
    message = f"All {len(cases)} figures of {cases[0].outcome.title} together are {how} as usual."
    return cells.problem("R061", cases[0].entry, "numerator", message, value=cases[0].figure)


def _denominator(cells: Cells, case: Case) -> list[Problem]:
    ask, given, fixed = case.ask, case.denominator, case.fixed
    if given is None or not fixed or given <= 0 or given == fixed:
        return []
    far = abs(math.log(given / fixed)) > math.log(ask.denominator_ratio)
    if case.spread.fixed < ask.fixed_share and not far:
        return []
    message = f"The accepted denominator is {shown(fixed)}."
    mend = f"Write {shown(fixed)}; if the denominator has changed, confirm it with a reason."
    return [cells.problem("R065", case.entry, "denominator", message, value=given, mend=mend)]


def _figure(cells: Cells, case: Case, change: float) -> list[Problem]:
    """At most one question about one figure: the most telling."""
    ask = case.ask
    if case.figure == 0 and _never_zero(case, change):
        message = f"There were always some before; the last accepted figure is {shown(case.last)}."
        return [cells.problem("R069", case.entry, "numerator", message, value=0.0)]
    if not _jumped(case, change):
        return []
    slip = min(_SLIPS, key=lambda slip: _misfit(case, case.figure / slip, change))
    rate = _as_rate(case)
    if rate is not None and _misfit(case, case.figure / rate, change) < min(
        ask.fits, _misfit(case, case.figure / slip, change)
    ):
        message = f"{shown(case.figure)} is about the rate {case.outcome.unit}, not the count."
        mend = f"Give the number of {case.outcome.people}; if this is it, confirm it."
        return [
            cells.problem("R064", case.entry, "numerator", message, value=case.figure, mend=mend)
        ]
    before = case.usual.level if case.last is None else case.last
    message = f"The last accepted figure is {shown(before)}. {_times(before, case.figure)}"
    if _misfit(case, case.figure / slip, change) < ask.fits:
        message += " A digit too many?" if slip > 1 else " A digit lost?"
    return [cells.problem("R060", case.entry, "numerator", message, value=case.figure)]


def _jumped(case: Case, change: float) -> bool:
    ask = case.ask
    if abs(case.usual.surprise(case.figure, change)) <= ask.jump:
        return False
    half = 0.5 if case.usual.counted else 0.0
    small, large = sorted((abs(case.figure) + half, case.usual.level * math.exp(change) + half))
    return small <= 0 or large / small > ask.jump_ratio


def _misfit(case: Case, figure: float, change: float) -> float:
    return abs(case.usual.surprise(figure, change))


def _never_zero(case: Case, change: float) -> bool:
    if _misfit(case, 0.0, change) < case.ask.fits:
        return False
    known = [held.numerator for held in case.earlier if held.numerator is not None]
    return len(known) >= case.ask.never_zero and 0 not in known


def _as_rate(case: Case) -> float | None:
    """What a count is multiplied by to become the rate in the outcome's unit."""
    below = case.fixed or case.denominator
    if not case.usual.counted or not below or below <= 0:
        return None
    return case.outcome.per / below


def _times(before: float, figure: float) -> str:
    if before == 0 or figure == 0:
        return "Is that right?"
    if abs(figure) > abs(before):
        return f"{abs(figure / before):,.3g} times as many?"
    return f"Only one in {abs(before / figure):,.3g} of it?"
