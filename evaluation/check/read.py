"""From rows to typed cells: the header, headings in each other's place, every cell or a problem."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any, Generic, NamedTuple, TypeVar

from evaluation.check.before import Key
from evaluation.check.report import Problem, Read, Tally, problem, quoted
from evaluation.check.rules import Severity
from evaluation.programme import Outcome, Programme
from evaluation.quarters import NAMES, WRITTEN, Frequency, Period
from evaluation.returns.form import INVISIBLE, address, column_letter, form
from evaluation.returns.notation import notation
from evaluation.returns.workbook import RawReturn, RawRow, empty, heading, plain_text

# Rows: titles and notes above a table are rarely longer.
_SEARCHED = 10


@dataclass(frozen=True, kw_only=True)
class Headed:
    """Rows under their header: column name -> position (A is 0), and the rows that hold values.

    ``header`` is the row in which the headings stand.
    """

    columns: dict[str, int]
    rows: tuple[RawRow, ...]
    header: RawRow

    @property
    def number(self) -> int:
        """The row in which the header stands."""
        return self.header.number


def read_header(raw: RawReturn) -> Read[Headed]:
    """Find the header and name every fault in it; a column with a near name is still read."""
    header, below = _find(raw)
    problems = [_above(raw, header)] if header.number != 1 else []
    columns, faults = _place(header, below, raw.sheet)
    problems += faults
    rows, faults = _filled(header, below, set(columns.values()), raw.sheet)
    problems += faults
    if not rows:
        problems.append(problem("R016", "There is no row of figures.", sheet=raw.sheet))
    return Read(Headed(columns=columns, rows=rows, header=header), problems)


def _above(raw: RawReturn, header: RawRow) -> Problem:
    """What stands above the header: read past, and said."""
    rows = (row for row in (raw.header, *raw.rows[:_SEARCHED]) if row.number < header.number)
    words = quoted(value for row in rows for value in row.values)
    message = f"The header stands in row {header.number}, not in row 1, and was read there."
    message += f" What stands above it is not read: {words}." if words else ""
    return problem("R010", message, sheet=raw.sheet, cell=f"A{header.number}")


class _Table(NamedTuple):
    header: RawRow
    below: tuple[RawRow, ...]


def _find(raw: RawReturn) -> _Table:
    """The row that looks most like the header among the first ones, and what is below it."""
    candidates = (raw.header, *raw.rows[:_SEARCHED])
    known = [sum(heading(v) in form().known for v in row.values) for row in candidates]
    # The first of the best: a header repeated lower down is a row.
    best = known.index(max(known))
    return _Table(candidates[best], raw.rows[best:])


def _ignored(header: RawRow) -> set[int]:
    return {c for c, value in enumerate(header.values) if heading(value) in form().ignored}


def _place(header: RawRow, below: Iterable[RawRow], sheet: str | None) -> Read[dict[str, int]]:
    problems: list[Problem] = []
    columns: dict[str, int] = {}
    strangers: list[int] = []
    for position, value in enumerate(header.values):
        name, cell = heading(value), address(header.number, position)
        if value is None or name in form().ignored:
            continue
        if name not in form().known:
            strangers.append(position)
        elif name in columns:
            first = address(header.number, columns[name])
            message = f"The column {name} stands twice, here and in {first}."
            problems.append(problem("R013", message, sheet=sheet, cell=cell, value=value))
        else:
            columns[name] = position
    apart: list[int] = []
    for position in strangers:
        value, cell = header.values[position], address(header.number, position)
        free = [name for name in form().names if name not in columns]
        # By their full names only: two letters are near to too much.
        free += [
            name
            for name in form().known[len(form().names) :]
            if name not in columns and len(name) > 2
        ]
        # Share of letters alike; below it, suggestions confuse more than they help.
        near = difflib.get_close_matches(heading(value), free, n=1, cutoff=0.6)
        near = near or _by_place(position, header, columns, free)
        if not near:
            apart.append(position)
            continue
        message, mend = (
            "A return has no such column.",
            f"Did you mean {near[0]}? Correct the heading.",
        )
        problems.append(problem("R012", message, sheet=sheet, cell=cell, value=value, mend=mend))
        columns[near[0]] = position
    missing = [c for c in form().columns if c.required and c.name not in columns]
    problems += [
        problem("R011", f"The column {c.name} is missing: {c.about}.", sheet=sheet) for c in missing
    ]
    for position in apart:
        beside = not missing and position > max(columns.values())
        problems.append(_stranger(position, header, below, sheet, beside=beside))
    return Read(columns, problems)


def _stranger(
    position: int, header: RawRow, below: Iterable[RawRow], sheet: str | None, *, beside: bool
) -> Problem:
    """A column that is none of a return's.

    ``beside`` the table, numbers are somebody's working and are read past; words are asked about.
    """
    value, cell = header.values[position], address(header.number, position)
    message = "A return has no such column."
    if not beside:
        return problem("R012", message, sheet=sheet, cell=cell, value=value)
    words = quoted(_words(below, position))
    if words:
        message = f"{message} It says {words}, which is not read. Does a figure rest on it?"
        return problem(
            "R012", message, sheet=sheet, cell=cell, value=value, severity="confirm", mend=_NOTE
        )
    message = f"{message} It stands beside the table and is not read."
    mend = "Nothing, if it is your own working."
    return problem("R012", message, sheet=sheet, cell=cell, value=value, severity="note", mend=mend)


_NOTE = "Write what a reader must know in the column note, beside its figure."


def _words(rows: Iterable[RawRow], position: int) -> Iterator[object]:
    """The values of a column that are no numbers."""
    for row in rows:
        value = row.values[position] if position < len(row.values) else None
        if isinstance(value, str) and isinstance(read_number(value), Fault):
            yield value


def _by_place(position: int, header: RawRow, columns: dict[str, int], free: list[str]) -> list[str]:
    """The template's column at this place, where no other heading could be it.

    So that a renamed column does not hide the faults below it.
    """
    if position >= len(form().names) or form().names[position] not in free:
        return []
    # A column that need not be there is not missed: another one there is somebody's own.
    if not form().columns[position].required:
        return []
    # By its place only where every heading that is known stands in its own place: else the columns
    # have been moved.
    rest = {c: form().names[c] for c in columns.values() if c < len(form().names)}
    in_place = all(columns.get(name) == c for c, name in rest.items())
    return [form().names[position]] if in_place and header.values[position] else []


def _filled(
    header: RawRow, below: tuple[RawRow, ...], headed: set[int], sheet: str | None
) -> Read[tuple[RawRow, ...]]:
    """The rows that hold values; blank ones between them and values beside them are told."""
    ignored = _ignored(header)
    named = {c for c, value in enumerate(header.values) if value is not None}
    filled = [row for row in below if _holds(row, range(len(row.values)), ignored)]
    kept = {row.number for row in filled}
    # Blank rows after the last figure are how spreadsheets end, and no fault.
    last = filled[-1].number if filled else 0
    problems = [
        _blank(first, end, sheet)
        for first, end in runs(
            row.number for row in below if row.number < last and row.number not in kept
        )
    ]
    width = max((len(row.values) for row in filled), default=0)
    right = max(headed, default=width)
    for position in sorted(set(range(width)) - named):
        problems += _unheaded(filled, position, sheet, beside=position > right)
    # Rows that hold something only beside the columns are told above and not read.
    return Read(tuple(row for row in filled if _holds(row, headed)), problems)


def _unheaded(
    rows: Sequence[RawRow], position: int, sheet: str | None, *, beside: bool
) -> list[Problem]:
    """The first value of a column without a heading; the rest would repeat it."""
    for row in rows:
        value = row.values[position] if position < len(row.values) else None
        if value is None:
            continue
        cell = address(row.number, position)
        message = f"Column {column_letter(position)} is no column of the return."
        if not beside:
            return [problem("R014", message, sheet=sheet, cell=cell, value=value)]
        words = quoted(_words(rows, position))
        asked: Severity = "confirm" if words else "note"
        message += f" It says {words}, which is not read." if words else " It is not read."
        mend = _NOTE if words else "Nothing, if it is your own working."
        return [
            problem("R014", message, sheet=sheet, cell=cell, value=value, severity=asked, mend=mend)
        ]
    return []


def _blank(first: int, last: int, sheet: str | None) -> Problem:
    message = "This row is blank." if first == last else f"Rows {first} to {last} are blank."
    return problem("R015", message, sheet=sheet, cell=f"A{first}", cells=last - first + 1)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbours in rising numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _holds(row: RawRow, columns: Iterable[int], but: Container[int] = ()) -> bool:
    # Spaces are no value: nobody sees a row of them.
    return any(c < len(row.values) and not empty(row.values[c]) for c in columns if c not in but)


# [0-9], because \d takes the digits of every script; fullmatch, because $ allows a line break.
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[+-]?\.[0-9]+")
_SHORTENED = re.compile(r"[+-]?[0-9.]+(?:E[+-]?[0-9]+|e\+?[0-9]+)")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})")
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
    """Why a single cell cannot be read: rule, what is wrong, how to mend it.

    ``symbol`` is the status symbol that was meant, where a misspelt one can be told.
    """

    rule: str
    message: str
    mend: str = ""
    symbol: str = ""


class Unread(NamedTuple):
    """A cell that could not be read: what stands in it, and why."""

    value: Any
    fault: Fault


class Aside(NamedTuple):
    """A cell that was read, and what is said of it: the rule, and the words."""

    entry: int
    column: str
    rule: str
    value: Any
    message: str


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The typed columns, one entry a row; None where a cell is empty or could not be read.

    ``asides`` are cells that were read although they hold something odd; ``quarter_said`` is what
    stands in those that name their quarter in another notation, by entry.
    ``rows`` are the row numbers in the sheet, ``columns`` the positions of the columns. ``unread``
    names, for each column, the entries that are None because there is no such column or the cell
    could not be read; ``faults`` says why not, by column and entry, for as many as are listed by
    themselves. ``period`` is the return's own; ``tally`` counts the cells against which something
    stands.
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
    se: list[float | None]
    respondents: list[float | None]
    unread: dict[str, frozenset[int]]
    faults: dict[str, dict[int, Unread]]
    period: Period | None
    tally: Tally
    asides: tuple[Aside, ...] = ()
    quarter_said: Mapping[int, Any] = field(default_factory=dict)

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
        """Whether a cell is listed by itself; where not, it is counted."""
        return self.tally.room(rule, column, self.rows[entry])

    def listed(
        self,
        rule: str,
        entry: int,
        column: str,
        message: str,
        *,
        value: object,
        mend: str | Callable[[], str] = "",
    ) -> list[Problem]:
        """The problem of a cell where it is listed by itself; none where it is only counted.

        For a rule that any number of rows can break. A ``mend`` that takes long to find is given
        as a function.
        """
        if not self.room(rule, entry, column):
            return []
        found = mend if isinstance(mend, str) else mend()
        return [self.problem(rule, entry, column, message, value=value, mend=found)]

    def problem(
        self,
        rule: str,
        entry: int,
        column: str,
        message: str,
        *,
        value: object,
        mend: str = "",
        severity: Severity | None = None,
    ) -> Problem:
        """A problem in the cell of ``column`` in the row of ``entry``."""
        cell = address(self.rows[entry], self.columns[column]) if column in self.columns else None
        return problem(
            rule, message, sheet=self.sheet, cell=cell, value=value, mend=mend, severity=severity
        )


def read_cells(headed: Headed, sheet: str | None, period: Period | None) -> Cells:
    """Read every cell by its column's type.

    ``period`` is the return's own, for a quarter that can be read in two ways or not at all.
    """
    tally = Tally()
    asides: list[Aside] = []
    faults: dict[str, dict[int, Unread]] = {}
    unread: dict[str, frozenset[int]] = {}

    def column(name: str, read: Callable[[Any], T | Fault | None]) -> list[T | None]:
        if name not in headed.columns:
            # A missing column counts as unread, so that no rule blames each of its cells.
            unread[name] = frozenset(range(len(headed.rows)))
            return [None] * len(headed.rows)
        at = headed.columns[name]
        values = [row.values[at] if at < len(row.values) else None for row in headed.rows]
        typed, found = _read_column(values, read)
        if name in _READ_PAST:
            numbers = [row.number for row in headed.rows]
            asides.extend(
                aside
                for aside in _asides(name, values, typed, found)
                if tally.room(aside.rule, name, numbers[aside.entry])
            )
        unread[name] = frozenset(found)
        faults[name] = {  # of the rest of a very long file only the count is kept
            entry: Unread(values[entry], fault)
            for entry, fault in found.items()
            if tally.room(fault.rule, name, headed.rows[entry].number)
        }
        return typed

    quarters = column("quarter", lambda value: read_quarter(value, period))
    return Cells(
        sheet=sheet,
        rows=tuple(row.number for row in headed.rows),
        columns=headed.columns,
        area_code=column("area_code", lambda value: read_code(value, "area")),
        area_name=column("area_name", plain_text),
        quarter=quarters,
        outcome=column("outcome", lambda value: read_code(value, "outcome")),
        numerator=column("numerator", read_number),
        denominator=column("denominator", read_number),
        status=column("status", read_status),
        note=column("note", plain_text),
        se=column("se", read_number),
        respondents=column("respondents", read_number),
        unread=unread,
        faults=faults,
        period=period,
        tally=tally,
        asides=tuple(asides),
        quarter_said=_said_otherwise(headed, quarters),
    )


def _said_otherwise(headed: Headed, quarters: Sequence[Period | None]) -> dict[int, Any]:
    at = headed.columns.get("quarter")
    if at is None:
        return {}
    return {
        entry: row.values[at]
        for entry, (row, period) in enumerate(zip(headed.rows, quarters, strict=True))
        if period is not None and row.values[at] != period.label
    }


_READ_PAST = frozenset({"area_code", "quarter", "outcome", "numerator", "denominator", "status"})


def _asides(
    name: str, values: Sequence[Any], typed: Sequence[object], faults: Container[int]
) -> Iterator[Aside]:
    """What was read past in a column: blanks that nobody sees, digits that arithmetic left."""
    told: dict[Any, int] = {}
    for entry, value in enumerate(values):
        if value is None or entry in faults:
            continue
        if type(value) is str and len(bare := value.strip(INVISIBLE)) != len(value.strip(" ")):
            what = "Blanks that cannot be seen stand around this; it was read without them."
            yield Aside(entry, name, "R019", bare or None, what)
        number = typed[entry]
        if type(number) is float and number.is_integer():
            exact = value if type(value) is float else None
            if type(value) is str and "." in value:
                exact = float(value.strip(INVISIBLE))
            if exact is not None and exact != number:
                yield Aside(entry, name, "R019", value, f"This was read as {number:.0f}.")
        if name == "quarter" and value not in told:
            told[value] = entry
    for value, entry in told.items():
        period = typed[entry]
        found = notation(value, period.frequency if isinstance(period, Period) else "Q")
        if found.own or not isinstance(period, Period) or isinstance(value, int | float):
            continue
        rows = sum(one == value for one in values)
        where = f" (in {rows} rows)" if rows > 1 else ""
        others = [one.described for one in found.periods if one != period]
        if not others:
            what = f"This was read as {period.described}{where}."
            yield Aside(entry, name, "R028", value, what)
        else:
            what = f"This can be {period.described} or {others[0]}; the first was taken{where}."
            yield Aside(entry, name, "R039", value, what)


class _Column(NamedTuple, Generic[T]):
    """A column's cells as they were read, and by entry those that could not be."""

    typed: list[T | None]
    faults: dict[int, Fault]


def _read_column(values: Iterable[Any], read: Callable[[Any], T | Fault | None]) -> _Column[T]:
    seen: dict[str, T | Fault | None] = {}  # codes and quarters repeat down a column
    typed: list[T | None] = []
    faults: dict[int, Fault] = {}
    for entry, value in enumerate(values):
        # Texts only: True, 1 and 1.0 are equal keys to Python, and read differently.
        if type(value) is str and value in seen:
            result = seen[value]
        else:
            result = read(value)
            if type(value) is str and len(seen) < _KEPT:
                seen[value] = result
        if isinstance(result, Fault):
            faults[entry] = result
            result = None
        typed.append(result)
    return _Column(typed, faults)


def read_number(value: Any) -> float | Fault | None:
    """A number, None for an empty cell, or why it is neither."""
    if value is None or type(value) is float:
        return value if value is None or value.is_integer() else _without_tail(value)
    # Before int: to Python a bool is one.
    if isinstance(value, bool):
        return Fault("R020", "TRUE or FALSE is no number.")
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, datetime | date | time | timedelta):
        return Fault(
            "R020", "This is a date or time, not a number.", "Set the cell's format to number."
        )
    text = str(value).strip(INVISIBLE)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return _explain(text)
    number = float(text)
    # Infinity is told as what it is, a number that no cell holds.
    if _SHORTENED.fullmatch(text) and math.isfinite(number):
        return Fault("R029", f"A spreadsheet has shortened this number to {text}.")
    return _without_tail(number)


def _without_tail(number: float) -> float:
    """A whole number that arithmetic in a spreadsheet has left a hair's breadth off: 285.99...94.

    Doubles carry some sixteen digits; a sum of a few cells is off in the last two or three.
    """
    if not math.isfinite(number):
        return number
    whole = round(number)
    return float(whole) if abs(number - whole) <= 1e-11 * max(1.0, abs(number)) else number


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
    if _DECIMAL_COMMA.fullmatch(bare):
        mend = f"Write {bare.replace(',', '.')} if the comma is a decimal point."
        return Fault("R022", "A number is written with a decimal point.", mend)
    if not text.isascii() and any(sign.isdigit() and not sign.isascii() for sign in text):
        return Fault("R024", "These digits are not 0 to 9, though they look like it.")
    return Fault(
        "R020", "A figure must be a number.", f"Write it in digits, or: {_EMPTY_AND_SYMBOL}"
    )


def read_code(value: Any, what: str) -> str | Fault:
    """A code as text, or why there is none; ``what`` it is the code of."""
    # Excel turns codes such as 1-2 into dates in silence.
    if isinstance(value, bool | datetime | date | time | timedelta):
        return Fault("R027", f"This is no code of an {what}.", "Set the cell's format to text.")
    text = plain_text(value)
    return text or Fault("R027", f"The code of the {what} is missing.")


def read_quarter(value: Any, own: Period | None = None) -> Period | Fault:
    """A quarter or year in any notation that can mean only one, or why it is none.

    ``own`` is the return's own, which is meant where a notation can mean two and this is one.
    """
    of: Frequency = own.frequency if own is not None else "Q"
    name = NAMES[of]
    mend = f"Write it like {WRITTEN[of]}."
    if own is not None:
        mend = f"Which {name} is this row of? If it is {own.described}, write {own}."
    if value is None:
        return Fault("R025", f"The {name} is missing.", mend)
    if type(value) is float or isinstance(value, int | time | timedelta):
        value = plain_text(value)
    found = notation(value, of)
    if found.month:
        around = found.periods[0].described
        return Fault("R025", f"This is one month of {around}; a return is for a quarter.", mend)
    if len(found.periods) == 1 or own in found.periods:
        return own if own is not None and own in found.periods else found.periods[0]
    if found.periods:
        either = " or ".join(period.described for period in found.periods)
        return Fault("R025", f"This can mean {either}.", mend)
    text = plain_text(value)
    number = _QUARTER_NUMBER.search(text)
    wrong = of == "Q" and number is not None and number[1] not in ("1", "2", "3", "4")
    what = "There are four quarters in a year." if wrong else f"This names no {name}."
    return Fault("R025", what, mend)


def read_status(value: Any) -> str | Fault:
    """A symbol, empty text, or why it is neither."""
    text = plain_text(value)
    if not text or text in form().figure_of:
        return text
    bracketed = f"[{text.strip('[]() ').casefold()}]"
    if bracketed in form().figure_of:
        mend = f"Write {bracketed}."
        return Fault("R026", "This is no status symbol.", mend, symbol=bracketed)
    return Fault("R026", "This is no status symbol.", _one_of_the_symbols())


@lru_cache(maxsize=1)
def _one_of_the_symbols() -> str:
    return f"One of {', '.join(form().figure_of)}, or empty."


# Below three rows a fit is luck; a tenth of a column may be faulty by itself.
_ENOUGH, _NEARLY_ALL = 3, 0.9
_LOOKED_AT = 200
"""Rows: a heading in the wrong place is wrong in each of them."""

Fits = Callable[[Any], bool]


def right_headings(
    headed: Headed, sheet: str | None, programme: Programme, fixed: Mapping[Key, float]
) -> Read[Headed]:
    """The columns as they were meant, and a problem for each two headings that are exchanged.

    ``fixed`` are the accepted denominators.
    """
    columns, problems = dict(headed.columns), []
    for one, other in _exchanged(headed, programme, fixed):
        # Each column is exchanged once: a third that fits as well would undo it.
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
    return Read(replace(headed, columns=columns) if problems else headed, problems)


def _exchanged(
    headed: Headed, programme: Programme, fixed: Mapping[Key, float]
) -> Iterator[tuple[str, str]]:
    fits = _fits(programme)
    for one, other in combinations([name for name in fits if name in headed.columns], 2):
        values = {name: _below(headed, name) for name in (one, other)}
        # None of the values may fit its own heading: a column of mixed things is left as it stands.
        # Asked first, since the first value of a column that is right answers it.
        if all(len(held) >= _ENOUGH for held in values.values()) and (
            not any(map(fits[one], values[one]))
            and not any(map(fits[other], values[other]))
            and _share(values[one], fits[other]) >= _NEARLY_ALL
            and _share(values[other], fits[one]) >= _NEARLY_ALL
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
        "quarter": lambda value: not isinstance(read_quarter(value, programme.last), Fault),
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
        _is_exchanged(ratio, fixed.get((ratio.area, ratio.outcome.code)))
        for ratio in _ratios(headed, programme)
        # All of 31 posts are filled either way round: such a row speaks for neither.
        if ratio.above != ratio.below
    ]
    return len(found) >= _ENOUGH and all(found)


class _Ratio(NamedTuple):
    area: str
    outcome: Outcome
    above: float
    below: float


def _ratios(headed: Headed, programme: Programme) -> Iterator[_Ratio]:
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
            yield _Ratio(plain_text(area), outcome, figures[0], figures[1])


def _is_exchanged(ratio: _Ratio, fixed: float | None) -> bool:
    _, outcome, above, below = ratio
    if fixed is not None:
        return above == fixed != below
    high = outcome.bounds.high
    if high is None or min(above, below) <= 0:
        return False
    # Impossible as it stands and possible the other way round: nothing weaker turns columns over.
    return outcome.per * above / below > high >= outcome.per * below / above
