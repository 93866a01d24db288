"""Against the last accepted return: revisions of the same quarter, and figures that vanish."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.check.before import Before, Held
from evaluation.check.cells import Cells
from evaluation.check.parameters import QuestionParameters
from evaluation.check.problems import Problem, shown
from evaluation.check.usual import declared_spread, usual
from evaluation.programme import Outcome, Programme
from evaluation.returns.form import form

REVISED = "[r]"


def check_accepted(cells: Cells, programme: Programme, before: Before) -> list[Problem]:
    """Every figure that replaces an accepted one, and every one that was given until now."""
    problems: list[Problem] = []
    for entry, outcome, area in _entries(cells, programme):
        key = area, outcome.code
        held = before.accepted.get(key)
        if held is not None:
            problems += _revised(cells, entry, held, before)
        elif cells.status[entry] == REVISED:
            message = "Nothing was accepted for this quarter before."
            problems.append(cells.problem("R053", entry, "status", message, value=REVISED))
        if held is None or held.numerator is not None:
            problems += _gone(cells, entry, outcome, before)
    return problems


def _entries(cells: Cells, programme: Programme) -> Iterator[tuple[int, Outcome, str]]:
    for entry in cells.once:
        area, code = cells.area_code[entry], cells.outcome[entry]
        readable = entry not in cells.unread["numerator"] and entry not in cells.unread["status"]
        if area is not None and code in programme.outcome_by_code and readable:
            yield entry, programme.outcome_by_code[code], area


def _revised(cells: Cells, entry: int, held: Held, before: Before) -> list[Problem]:
    was, now = held.numerator, cells.numerator[entry]
    if was == now and (was is not None or held.status == (cells.status[entry] or "")):
        return []
    now_said = cells.status[entry] or "nothing" if now is None else shown(now)
    was_said = held.status or "nothing" if was is None else shown(was)
    message = f"{was_said} was accepted for this quarter; it becomes {now_said}."
    rule = (
        "R067" if was is not None and now is not None and _large(was, now, before.ask) else "R066"
    )
    return [cells.problem(rule, entry, "numerator", message, value=now)]


def _large(was: float, now: float, ask: QuestionParameters) -> bool:
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
    return [cells.problem("R068", entry, "status", message, value=status)]
