"""How many cells break each rule, so that a file of wrong cells is not a file of sentences.

Every cell that breaks a rule is told by itself, up to a number that no site's return reaches. In a
larger file the rest of them are one problem, made once, with their count and where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.check.problems import Problem, problem
from evaluation.check.rules import RULES
from evaluation.returns.addresses import address

EACH = 2_500
"""Cells of one rule and column that are told one by one: a return of so many rows is told whole."""


@dataclass
class _Count:
    cells: int = 0
    first: int = 0
    last: int = 0


class Tally:
    """The cells that break each rule, column by column, as they are found."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Count] = {}

    def room(self, rule: str, column: str, row: int) -> bool:
        """Whether the cell in ``row`` is told by itself; where not, it is counted."""
        count = self._counts.get((rule, column))
        if count is None:
            count = self._counts[rule, column] = _Count()
        count.cells += 1
        if count.cells <= EACH:
            return True
        if row < count.first or not count.first:
            count.first = row
        if row > count.last:
            count.last = row
        return False

    def rest(self, columns: Mapping[str, int], sheet: str | None) -> list[Problem]:
        """One problem for the cells of a rule and column that were not told one by one.

        ``columns`` are the positions of the columns.
        """
        return [
            _rest(rule, columns.get(column), count, sheet)
            for (rule, column), count in self._counts.items()
            if count.cells > EACH
        ]


def _rest(rule: str, position: int | None, count: _Count, sheet: str | None) -> Problem:
    cells = count.cells - EACH
    what = f"{cells:,} more" if cells > 1 else "1 more"
    message = f"{what} of this column: {RULES[rule].title[0].lower()}{RULES[rule].title[1:]}."
    cell = None
    if position is not None:
        cell, last = address(count.first, position), address(count.last, position)
        message = f"{message[:-1]}, from {cell} to {last}."
    message = f"{message} The first {EACH:,} are told one by one."
    return problem(rule, message, sheet=sheet, cell=cell, cells=cells)
