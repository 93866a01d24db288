"""Against others: areas of other sites, and another source of the same figure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from evaluation.check.before import Before, Held, Others
from evaluation.check.cells import Cells
from evaluation.check.parameters import QuestionParameters
from evaluation.check.problems import Problem, shown
from evaluation.programme import Outcome, Programme


def check_others(cells: Cells, programme: Programme, before: Before) -> list[Problem]:
    """Figures far from all other areas where there is no history, or against another source."""
    problems: list[Problem] = []
    for entry, outcome, area in _given(cells, programme):
        key = area, outcome.code
        if (held := before.elsewhere.get(key)) is not None:
            problems += _against_source(cells, entry, outcome, held, before.ask)
        others = before.others.get(outcome.code)
        if others is not None and not before.earlier.get(key):
            problems += _against_areas(cells, entry, outcome, others, before.ask)
    return problems


def _given(cells: Cells, programme: Programme) -> Iterator[tuple[int, Outcome, str]]:
    for entry in cells.once:
        area, code = cells.area_code[entry], cells.outcome[entry]
        known = area is not None and cells.numerator[entry] is not None
        if known and area is not None and code in programme.outcome_by_code:
            yield entry, programme.outcome_by_code[code], area


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
    if large <= small * ask.elsewhere_ratio:
        return []
    message = f"{shown(held.numerator)} was accepted from another source for this quarter."
    figure = cells.numerator[entry]
    return [cells.problem("R091", entry, "numerator", message, value=figure)]


def _against_areas(
    cells: Cells, entry: int, outcome: Outcome, others: Others, ask: QuestionParameters
) -> list[Problem]:
    figure = cells.numerator[entry]
    value = value_of(outcome, figure, cells.denominator[entry])
    if value is None or value <= 0 or figure is None or figure <= 0:
        return []
    chance = 1 / (figure + 0.5) if outcome.form == "ratio" and outcome.whole else 0.0
    apart = abs(math.log(value) - others.level)
    if apart <= ask.far * math.sqrt(others.spread**2 + chance) or apart <= math.log(ask.far_ratio):
        return []
    usual = math.exp(others.level)
    message = f"This makes {value:,.4g} {outcome.unit}; in {others.areas} other areas it is"
    message = f"{message} about {usual:,.4g}."
    return [cells.problem("R090", entry, "numerator", message, value=figure)]
