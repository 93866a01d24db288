"""Every cell's type: text into codes, quarters, numbers and symbols, or a problem in its cell.

Each cell is read by itself, so that one text in a number column hides no other fault. The raw
value is kept for the message; nothing is guessed or coerced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from evaluation.check.header import Headed
from evaluation.check.problems import Problem, problem
from evaluation.check.tally import Tally
from evaluation.errors import PeriodError
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.workbook import address, plain_text

# [0-9], because \d takes the digits of every script; fullmatch, because $ allows a line break.
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[+-]?\.[0-9]+")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_EXCEL_ERROR = re.compile(r"#(?:DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!|ERROR|SPILL!|CALC!)")
_WITHHELD = re.compile(r"[<≤]\s*[0-9]+|\*+|\[[cC]\]")
_WITHHELD_WORDS = frozenset({"s", "supp", "supp.", "suppressed", "c"})
_NOTHING = re.compile(r"-+|–|—|\.+|:|\?|\[.*\]")
_NOTHING_WORDS = frozenset({"n/a", "na", "none", "null", "nil", "nan", "tbc", "x", "z"})
_EMPTY_AND_SYMBOL = "Leave the cell empty and put [c], [z] or [x] in status."
_KEPT = 10_000
"""Distinct texts of a column whose reading is kept: more of them do not repeat, they differ."""
_QUARTER_NUMBER = re.compile(r"Q\s*([0-9]+)", re.IGNORECASE)
T = TypeVar("T")


class Fault(NamedTuple):
    """Why a single cell cannot be read: rule, what is wrong, how to mend it."""

    rule: str
    message: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The typed columns, one entry a row; None where a cell is empty or could not be read.

    ``rows`` are the row numbers in the sheet, ``columns`` the positions of the columns, and
    ``unread`` names, for each column, the entries that are None because of a fault. ``period`` is
    the return's own; ``tally`` counts the cells of which something was told.
    """

    sheet: str | None
    rows: tuple[int, ...]
    columns: dict[str, int]
    area_code: list[str | None]
    area_name: list[str | None]
    quarter: list[Period | None]
    outcome: list[str | None]
    numerator: list[float | None]
    denominator: list[float | None]
    status: list[str | None]
    note: list[str | None]
    unread: dict[str, frozenset[int]]
    period: Period | None
    tally: Tally

    @cached_property
    def once(self) -> tuple[int, ...]:
        """The entries that are compared with other returns: of each area and outcome the first.

        A second row is refused as that; one of another quarter does not stand for the right one.
        """
        first: dict[tuple[str | None, str | None, bool], int] = {}
        for entry, key in enumerate(zip(self.area_code, self.outcome, self.quarter, strict=True)):
            first.setdefault((key[0], key[1], key[2] == self.period), entry)
        return tuple(first.values())

    def room(self, rule: str, entry: int, column: str) -> bool:
        """Whether a cell is told by itself; where not, it is counted."""
        return self.tally.room(rule, column, self.rows[entry])

    def told(
        self,
        rule: str,
        entry: int,
        column: str,
        message: str,
        *,
        value: object,
        mend: str | Callable[[], str] = "",
    ) -> list[Problem]:
        """The problem of a cell where it is told by itself; none where it is only counted.

        For a rule that any number of rows can break. A ``mend`` that takes long to find is given
        as a function.
        """
        if not self.room(rule, entry, column):
            return []
        found = mend if isinstance(mend, str) else mend()
        return [self.problem(rule, entry, column, message, value=value, mend=found)]

    def problem(
        self, rule: str, entry: int, column: str, message: str, *, value: object, mend: str = ""
    ) -> Problem:
        """A problem in the cell of ``column`` in the row of ``entry``."""
        cell = address(self.rows[entry], self.columns[column]) if column in self.columns else None
        return problem(rule, message, sheet=self.sheet, cell=cell, value=value, mend=mend)


def read_cells(
    headed: Headed, sheet: str | None, period: Period | None
) -> tuple[Cells, list[Problem]]:
    """Read every cell by its column's type, and tell each one that cannot be read.

    ``period`` is the return's own, for the mend of a quarter that cannot be read.
    """
    problems: list[Problem] = []
    unread: dict[str, frozenset[int]] = {}
    rows = tuple(row.number for row in headed.rows)
    tally = Tally()

    def column(name: str, read: Callable[[Any], T | Fault | None]) -> list[T | None]:
        if name not in headed.columns:
            unread[name] = frozenset(range(len(rows)))
            return [None] * len(rows)
        position = headed.columns[name]
        values = [
            row.values[position] if position < len(row.values) else None for row in headed.rows
        ]
        typed, faults = _read_column(values, read)
        unread[name] = frozenset(faults)
        for entry, fault in faults.items():
            if not tally.room(fault.rule, name, rows[entry]):
                continue
            cell = address(rows[entry], position)
            rule, message, mend = fault
            value = values[entry]
            problems.append(problem(rule, message, sheet=sheet, cell=cell, value=value, mend=mend))
        return typed

    example = str(period) if period else "2026 Q3"
    cells = Cells(
        sheet=sheet,
        rows=rows,
        columns=headed.columns,
        area_code=column("area_code", lambda value: read_code(value, "area")),
        area_name=column("area_name", plain_text),
        quarter=column("quarter", lambda value: read_quarter(value, example)),
        outcome=column("outcome", lambda value: read_code(value, "outcome")),
        numerator=column("numerator", read_number),
        denominator=column("denominator", read_number),
        status=column("status", read_status),
        note=column("note", plain_text),
        unread=unread,
        period=period,
        tally=tally,
    )
    return cells, problems


def _read_column(
    values: Iterable[Any], read: Callable[[Any], T | Fault | None]
) -> tuple[list[T | None], dict[int, Fault]]:
    seen: dict[str, T | Fault | None] = {}  # codes and quarters repeat down a column
    typed: list[T | None] = []
    faults: dict[int, Fault] = {}
    for entry, value in enumerate(values):
        if type(value) is str:
            if value in seen:
                result = seen[value]
            else:
                result = read(value)
                if len(seen) < _KEPT:
                    seen[value] = result
        else:
            result = read(value)
        if isinstance(result, Fault):
            faults[entry] = result
            typed.append(None)
        else:
            typed.append(result)
    return typed, faults


def read_number(value: Any) -> float | Fault | None:
    """A number, None for an empty cell, or why it is neither."""
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool):
        return Fault("R020", "TRUE or FALSE is no number.")
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, datetime | date | time | timedelta):
        return Fault(
            "R020", "This is a date or time, not a number.", "Set the cell's format to number."
        )
    text = str(value).strip(" ")
    if not text:
        return None
    return float(text) if _NUMBER.fullmatch(text) else _explain(text)


def _explain(text: str) -> Fault:
    """What an officer meant by a text that is no number, as far as it can be told."""
    word = text.casefold() if text[0].isalpha() else ""
    if word in _WITHHELD_WORDS or (not word and _WITHHELD.fullmatch(text)):
        return Fault("R021", "A figure is a number; a withheld one has its symbol in status.")
    if not word and _EXCEL_ERROR.fullmatch(text):
        return Fault("R023", "The formula in this cell failed.")
    if word in _NOTHING_WORDS or (not word and _NOTHING.fullmatch(text)):
        return Fault("R020", "A missing figure is an empty cell with a symbol.", _EMPTY_AND_SYMBOL)
    if text.endswith("%"):
        mend = "Give the count as numerator and what it is out of as denominator."
        return Fault("R022", "A percentage is not the count that is asked for.", mend)
    bare = "" if word else text.lstrip("£$€ ")
    if _GROUPED.fullmatch(bare) or (bare != text and _NUMBER.fullmatch(bare)):
        return Fault(
            "R022", "Write a number without commas or signs.", f"Write {bare.replace(',', '')}."
        )
    if not text.isascii() and any(sign.isdigit() and not sign.isascii() for sign in text):
        return Fault("R024", "These digits are not 0 to 9, though they look like it.")
    return Fault(
        "R020", "A figure must be a number.", f"Write it in digits, or: {_EMPTY_AND_SYMBOL}"
    )


def read_code(value: Any, what: str) -> str | Fault:
    """A code as text, or why there is none; ``what`` it is the code of."""
    if isinstance(value, bool | datetime | date | time | timedelta):
        return Fault("R027", f"This is no code of an {what}.", "Set the cell's format to text.")
    text = plain_text(value)
    return text or Fault("R027", f"The code of the {what} is missing.")


def read_quarter(value: Any, example: str) -> Period | Fault:
    """A quarter or year, or why it is none; ``example`` is the return's own."""
    mend = f"This return is for {example}."
    if value is None:
        return Fault("R025", "The quarter is missing.", mend)
    if isinstance(value, datetime | date):
        return Fault("R025", f"This is a date; write the quarter like {example}.", mend)
    text = plain_text(value)
    if text[:1].isdigit():  # as every quarter and year begins
        with suppress(PeriodError):
            return Period.parse(text)
    found = _QUARTER_NUMBER.search(text)
    wrong = found is not None and found[1] not in ("1", "2", "3", "4")
    what = "There are four quarters in a year." if wrong else f"Write it like {example}."
    return Fault("R025", what, mend)


def read_status(value: Any) -> str | Fault:
    """A symbol, empty text, or why it is neither."""
    text = plain_text(value)
    if not text or text in form().figure_of:
        return text
    bracketed = f"[{text.strip('[]() ').casefold()}]"
    mend = f"Write {bracketed}." if bracketed in form().figure_of else _one_of_the_symbols()
    return Fault("R026", "This is no status symbol.", mend)


@lru_cache(maxsize=1)
def _one_of_the_symbols() -> str:
    return f"One of {', '.join(form().figure_of)}, or empty."
