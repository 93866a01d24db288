"""Headings in each other's place: one fault, which would else be told at every cell below it.

Found by what stands below: each of the two columns can be read as the other one, and neither as
itself. The columns are then read in their right places, so that what else is wrong is told too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from evaluation.check.before import Key
from evaluation.check.cells import Fault, read_number, read_quarter
from evaluation.check.header import Headed
from evaluation.check.problems import Problem, problem
from evaluation.programme import Outcome, Programme
from evaluation.returns.workbook import address, plain_text

_ENOUGH, _NEARLY_ALL = 3, 0.9
_LOOKED_AT = 200
"""Rows: a heading in the wrong place is wrong in each of them."""

Fits = Callable[[Any], bool]


def right_headings(
    headed: Headed, sheet: str | None, programme: Programme, fixed: Mapping[Key, float]
) -> tuple[Headed, list[Problem]]:
    """The columns as they were meant, and a problem for each two headings that are exchanged.

    ``fixed`` are the accepted denominators.
    """
    columns, problems = dict(headed.columns), []
    for one, other in _exchanged(headed, programme, fixed):
        if {one, other} & {name for name in columns if columns[name] != headed.columns[name]}:
            continue
        columns[one], columns[other] = columns[other], columns[one]
        first, second = sorted((one, other), key=lambda name: headed.columns[name])
        there = address(headed.number, headed.columns[second])
        message = f"Below this heading stands {second}, and below the one in {there} {first}."
        problems.append(
            problem(
                "R017",
                message,
                sheet=sheet,
                value=first,
                cell=address(headed.number, headed.columns[first]),
                mend=f"Write {second} here and {first} in {there}.",
            )
        )
    return (replace(headed, columns=columns), problems) if problems else (headed, [])


def _exchanged(
    headed: Headed, programme: Programme, fixed: Mapping[Key, float]
) -> Iterator[tuple[str, str]]:
    fits = _fits(programme)
    for one, other in combinations([name for name in fits if name in headed.columns], 2):
        values = {name: _below(headed, name) for name in (one, other)}
        if all(len(held) >= _ENOUGH for held in values.values()) and (
            _share(values[one], fits[other]) >= _NEARLY_ALL
            and _share(values[other], fits[one]) >= _NEARLY_ALL
            and not any(map(fits[one], values[one]))
            and not any(map(fits[other], values[other]))
        ):
            yield one, other
    if _figures_exchanged(headed, programme, fixed):
        yield "numerator", "denominator"


def _fits(programme: Programme) -> dict[str, Fits]:
    """What each column holds, as far as one column can be told from another by its values."""
    names = {area.name.casefold() for area in programme.areas}
    return {
        "area_code": lambda value: plain_text(value) in programme.area_by_code,
        "area_name": lambda value: plain_text(value).casefold() in names,
        "quarter": lambda value: not isinstance(read_quarter(value, ""), Fault),
        "outcome": lambda value: plain_text(value) in programme.outcome_by_code,
        "numerator": lambda value: not isinstance(read_number(value), Fault),
        "denominator": lambda value: not isinstance(read_number(value), Fault),
    }


def _below(headed: Headed, name: str) -> list[Any]:
    at = headed.columns[name]
    cells = (row.values[at] if at < len(row.values) else None for row in headed.rows[:_LOOKED_AT])
    return [value for value in cells if value is not None]


def _share(values: list[Any], fits: Fits) -> float:
    return sum(map(fits, values)) / len(values)


def _figures_exchanged(headed: Headed, programme: Programme, fixed: Mapping[Key, float]) -> bool:
    """Whether every numerator can only be a denominator, and the other way round."""
    found = [
        _is_exchanged(outcome, above, below, fixed.get((area, outcome.code)))
        for area, outcome, above, below in _ratios(headed, programme)
    ]
    return len(found) >= _ENOUGH and all(found)


def _ratios(headed: Headed, programme: Programme) -> Iterator[tuple[str, Outcome, float, float]]:
    wanted = ("area_code", "outcome", "numerator", "denominator")
    if not headed.columns.keys() >= set(wanted):
        return
    places = [headed.columns[name] for name in wanted]
    for row in headed.rows[:_LOOKED_AT]:
        area, code, above, below = (
            row.values[at] if at < len(row.values) else None for at in places
        )
        outcome = programme.outcome_by_code.get(plain_text(code))
        if outcome is None or outcome.form != "ratio":
            continue
        figures = read_number(above), read_number(below)
        if isinstance(figures[0], float) and isinstance(figures[1], float):
            yield plain_text(area), outcome, figures[0], figures[1]


def _is_exchanged(outcome: Outcome, above: float, below: float, fixed: float | None) -> bool:
    if fixed is not None:
        return above == fixed != below
    high = outcome.bounds.high
    if high is None or min(above, below) <= 0:
        return False
    return outcome.per * above / below > high >= outcome.per * below / above
