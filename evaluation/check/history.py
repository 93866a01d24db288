"""Questions against what was accepted: earlier quarters, the same quarter, other sites, sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from evaluation.check import slips
from evaluation.check.before import Before, Held, Others, QuestionParameters
from evaluation.check.read import Cells
from evaluation.check.report import Problem, in_digits, problem, shown, times_in_digits
from evaluation.check.rules import Severity
from evaluation.check.usual import (
    Case,
    Given,
    Together,
    case_of,
    cases_of,
    counts,
    declared_spread,
    together,
    usual,
)
from evaluation.finance import BOOKS
from evaluation.programme import Outcome, Programme
from evaluation.quarters import NAMES, Period
from evaluation.returns.form import Observation, form

_SLIPS = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001)  # likelier ones first: the first best fit counts


def check_quarters(
    cells: Cells, programme: Programme, before: Before, period: Period | None
) -> list[Problem]:
    """Every question that earlier quarters raise; one slip is asked about once."""
    cases = [c for c in cases_of(cells, programme, before) if not _is_paid_in_lumps(c)]
    problems = slips.copies(cells, cases, period)
    by_outcome: dict[str, list[Case]] = {}
    for case in cases:
        by_outcome.setdefault(case.outcome.code, []).append(case)
    moved = {code: together(own, before) for code, own in by_outcome.items()}
    changes = {code: one.change for code, one in moved.items()}
    shifted, explained = slips.shifts(cells, cases, changes)
    problems += shifted
    for code, own in by_outcome.items():
        left = [case for case in own if case.entry not in explained]
        if moved[code].questionable and left:
            # One question for the column: where all figures moved together, each by itself tells
            # nothing more.
            problems.append(_column_problem(cells, own, changes[code]))
        problems += _of_outcome(cells, left, moved[code])
    return problems + slips.same_figures(cells, by_outcome)


def _is_paid_in_lumps(case: Case) -> bool:
    """Whether a figure is of money and no slip of a digit: nothing one quarter, much the next."""
    if case.outcome.instrument != BOOKS:
        return False
    if not case.last or not case.figure:
        return True
    small, large = sorted((abs(case.last), abs(case.figure)))
    return large < math.sqrt(10) * small


def _of_outcome(cells: Cells, cases: Sequence[Case], moved: Together) -> list[Problem]:
    problems, explained = slips.exchanges(cells, cases, moved.change)
    for case in cases:
        if case.entry in explained:
            continue
        problems += _denominator(cells, case)
        problems += _figure(cells, case, moved)
    return problems


def _column_problem(cells: Cells, cases: Sequence[Case], change: float) -> Problem:
    how = f"{times_in_digits(math.exp(change))} times as high"
    message = f"All {len(cases)} figures of {cases[0].outcome.title} together are {how} as usual."
    return cells.problem("R061", cases[0].entry, "numerator", message, value=cases[0].figure)


def _denominator(cells: Cells, case: Case) -> list[Problem]:
    ask, given, fixed = case.ask, case.denominator, case.fixed
    if given is None or not fixed or given <= 0 or given == fixed:
        return []
    # In logs: twice and half are equally far.
    far = abs(math.log(given / fixed)) > math.log(ask.denominator_ratio)
    # An outcome whose denominators usually move is not asked about a small change.
    if case.spread.fixed < ask.fixed_share and not far:
        return []
    message = f"The accepted denominator is {shown(fixed)}."
    mend = f"Write {shown(fixed)}; if the denominator has changed, confirm it with a reason."
    return [cells.problem("R065", case.entry, "denominator", message, value=given, mend=mend)]


def _figure(cells: Cells, case: Case, moved: Together) -> list[Problem]:
    """At most one question about one figure: the most telling."""
    ask, change = case.ask, moved.change
    # What slips and copies are told by stays as learnt; a single jump is one beside its neighbours.
    case = replace(case, usual=case.usual.restless(moved.restless))
    if case.figure == 0 and _never_zero(case, change):
        message = f"There were always some before; the last accepted figure is {shown(case.last)}."
        return [cells.problem("R069", case.entry, "numerator", message, value=0.0)]
    if not _jumped(case, change) and not (moved.restless and _slipped(case, change)):
        return []
    # The slip that would make the figure fit best; powers of ten are digits too many or lost.
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


class Surprise(NamedTuple):
    """How far a figure lies from what its area's history leads one to expect.

    ``size`` is in standard deviations; ``factor`` is how many times the usual level it is, above
    one whichever way; both beside what all areas moved by. ``level`` is that level.
    """

    size: float
    factor: float
    level: float


def surprises(rows: Sequence[Observation], outcome: Outcome, before: Before) -> dict[str, Surprise]:
    """Area -> how surprising its figure of one outcome is; those without a history are left out."""
    cases = [
        case
        for entry, row in enumerate(rows)
        if row.outcome == outcome.code and row.numerator is not None
        for given in [Given(row.numerator, row.denominator)]
        if (case := case_of(entry, row.area_code, outcome, given, before)) is not None
    ]
    if not cases:
        return {}
    moved = together(cases, before)
    return {case.area: _surprise(case, moved) for case in cases}


def _surprise(case: Case, moved: Together) -> Surprise:
    expected = case.usual.restless(moved.restless)
    size = abs(expected.surprise(case.figure, moved.change))
    return Surprise(
        size=size, factor=_factor(case, moved.change), level=expected.level * math.exp(moved.change)
    )


def _factor(case: Case, change: float) -> float:
    # Half an event, or zero and one would be infinitely far apart.
    half = 0.5 if case.usual.counted else 0.0
    # Against what is usual after all areas' common move: a season moves all.
    level = case.usual.level * math.exp(change)
    small, large = sorted((abs(case.figure) + half, abs(level) + half))
    return large / small if small > 0 else math.inf


def _jumped(case: Case, change: float) -> bool:
    ask = case.ask
    if abs(case.usual.surprise(case.figure, change)) <= ask.jump:
        return False
    return _factor(case, change) > ask.jump_ratio


def _slipped(case: Case, change: float) -> bool:
    """Whether a figure is nearer to a digit too many or lost than to its level, and fits so.

    Where a benefit is rolled out some areas do move threefold in a quarter, and no distance alone
    tells a slip.
    """
    own = _misfit(case, case.figure, change)
    undone = min(_misfit(case, case.figure / slip, change) for slip in _SLIPS[:2])
    return own**2 - undone**2 > case.ask.slip and _factor(case, change) > math.sqrt(10)


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
        return f"{times_in_digits(abs(figure / before))} times as many?"
    return f"Only one in {times_in_digits(abs(before / figure))} of it?"


def check_others(cells: Cells, programme: Programme, before: Before) -> list[Problem]:
    """Figures far from all other areas where there is no history, or against another source."""
    problems: list[Problem] = []
    for entry, area, outcome in _known(cells, programme):
        if cells.numerator[entry] is None:
            continue
        key = area, outcome.code
        if (held := before.elsewhere.get(key)) is not None:
            problems += _against_source(cells, entry, outcome, held, before.ask)
        others = before.others.get(outcome.code)
        if others is not None and not before.earlier.get(key):
            problems += _against_areas(cells, entry, outcome, others, before.ask)
    return problems


class _Known(NamedTuple):
    """A row of which it is known what it is about."""

    entry: int
    area: str
    outcome: Outcome


def _known(cells: Cells, programme: Programme) -> Iterator[_Known]:
    for entry in cells.once:
        area, code = cells.area_code[entry], cells.outcome[entry]
        if area is not None and code in programme.outcome_by_code:
            yield _Known(entry, area, programme.outcome_by_code[code])


def value_of(outcome: Outcome, above: float | None, below: float | None) -> float | None:
    """A figure in its outcome's unit; None where it has none."""
    if above is None or (outcome.form == "ratio" and not below):
        return None
    return above if outcome.form == "value" or not below else outcome.per * above / below


def _against_source(
    cells: Cells, entry: int, outcome: Outcome, held: Held, ask: QuestionParameters
) -> list[Problem]:
    ours = value_of(outcome, cells.numerator[entry], cells.denominator[entry])
    theirs = value_of(outcome, held.numerator, held.denominator)
    if ours is None or theirs is None:
        return []
    small, large = sorted((abs(ours), abs(theirs)))
    # Compared without dividing: the smaller may be zero.
    if large <= small * ask.elsewhere_ratio:
        return []
    message = f"{shown(held.numerator)} was accepted from another source for this {_name(cells)}."
    figure = cells.numerator[entry]
    return [cells.problem("R091", entry, "numerator", message, value=figure)]


def _against_areas(
    cells: Cells, entry: int, outcome: Outcome, others: Others, ask: QuestionParameters
) -> list[Problem]:
    figure = cells.numerator[entry]
    value = value_of(outcome, figure, cells.denominator[entry])
    if value is None or value <= 0 or figure is None or figure <= 0:
        return []
    # The variance of a log count by chance alone is about one over the count.
    chance = 1 / (figure + 0.5) if counts(outcome) else 0.0
    apart = abs(math.log(value) - others.level)
    if apart <= ask.far * math.sqrt(others.spread**2 + chance) or apart <= math.log(ask.far_ratio):
        return []
    usual = math.exp(others.level)
    message = f"This makes {in_digits(value)} {outcome.unit}; in {others.areas} other areas it is"
    message = f"{message} about {in_digits(usual)}."
    return [cells.problem("R090", entry, "numerator", message, value=figure)]


WITHHELD = "[c]"


def check_accepted(cells: Cells, programme: Programme, before: Before) -> list[Problem]:
    """Every figure that replaces an accepted one, and every one that was given until now."""
    problems: list[Problem] = []
    changed = 0
    for entry, area, outcome in _known(cells, programme):
        if entry in cells.unread["numerator"] or entry in cells.unread["status"]:
            continue
        key = area, outcome.code
        held = before.accepted.get(key)
        if held is not None:
            revised = _revised(cells, entry, held, before)
            problems += revised
            changed += len(revised)
        if held is None or held.numerator is not None:
            problems += _gone(cells, entry, outcome, before)
    return problems + _replaced(cells, before, changed)


def _name(cells: Cells) -> str:
    return NAMES["Q" if cells.period is None else cells.period.frequency]


def _replaced(cells: Cells, before: Before, changed: int) -> list[Problem]:
    """One question where a return would put others in the place of most accepted figures."""
    ask, held = before.ask, len(before.accepted)
    if changed < ask.replaced_figures or changed <= ask.replaced_share * held:
        return []
    period = cells.period.described if cells.period is not None else "this quarter"
    message = f"{changed} of {held} figures accepted for {period} would be replaced by others."
    message += f" Is this file of that {_name(cells)}?"
    return [problem("R092", message, sheet=cells.sheet)]


def _revised(cells: Cells, entry: int, held: Held, before: Before) -> list[Problem]:
    was, now = held.numerator, cells.numerator[entry]
    # Two missing figures are only the same if their symbols are.
    if was == now and (was is not None or held.status == (cells.status[entry] or "")):
        return []
    before_text = held.status or "nothing" if was is None else shown(was)
    now_text = cells.status[entry] or "nothing" if now is None else shown(now)
    message = f"{before_text} was accepted for this {_name(cells)}; it becomes {now_text}."
    rule = (
        "R067" if was is not None and now is not None and _large(was, now, before.ask) else "R066"
    )
    return [cells.problem(rule, entry, "numerator", message, value=now)]


def _large(was: float, now: float, ask: QuestionParameters) -> bool:
    # A difference of a few events is never large, whatever its ratio.
    if abs(now - was) <= ask.revision_count and was == int(was) and now == int(now):
        return False
    small, large = sorted((abs(was), abs(now)))
    return small == 0 or large / small > ask.revision_ratio or was * now < 0


def _gone(cells: Cells, entry: int, outcome: Outcome, before: Before) -> list[Problem]:
    """A figure that was given until now, in whose place a symbol stands."""
    status = cells.status[entry] or ""
    if cells.numerator[entry] is not None or form().figure_of.get(status) is None:
        return []
    area = cells.area_code[entry] or ""
    earlier = before.earlier.get((area, outcome.code), ())
    if not earlier or earlier[-1].numerator is None:
        return []
    spread = before.spreads.get(outcome.code) or declared_spread()
    expected = usual(outcome, earlier, spread, cells.denominator[entry])
    small = expected is None or expected.level < before.ask.gone_level
    if expected is None or (small and expected.counted):
        return []
    message = f"The last accepted figure is {shown(earlier[-1].numerator)}; now there is {status}."
    # [c] says why by itself, and an officer may have been told to write it: nothing is asked.
    severity: Severity | None = "note" if status == WITHHELD else None
    return [cells.problem("R068", entry, "status", message, value=status, severity=severity)]
