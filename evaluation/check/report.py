"""Problem and Checked: what a check found, its report in plain words, reasons given, the reply."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from evaluation.check.rules import Severity, rules
from evaluation.errors import UserError
from evaluation.returns.form import Return, address, corners, form
from evaluation.returns.reply import Mark, write_reply
from evaluation.returns.workbook import RawReturn

_ORDER: dict[Severity, int] = {"error": 0, "confirm": 1, "note": 2}
T = TypeVar("T")
_WIDTH = 110
_ALONE, _LISTED = 3, 8
_SHOWN = 60
CONFIRM = "If right, say why: newstart submit ... --confirm why.csv (columns rule,cell,reason)"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong in a return.

    ``cell`` is its A1 name, None where the fault is in no single cell; ``sheet`` is None for a
    CSV; ``value`` is what stood in the cell. ``cells`` is how many cells it is about: more than one
    where a very long file has more of a kind than are told one by one, and ``cell`` is their first.
    """

    rule: str
    severity: Severity
    sheet: str | None
    cell: str | None
    value: str | float | bool | None
    message: str
    mend: str
    cells: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart check --json`` prints; ``cells`` where there are several."""
        content = asdict(self)
        if self.cells == 1:
            del content["cells"]
        return content

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Errors first, then by row and column."""
        place = corners(self.cell) if self.cell else None
        # What stands in no cell comes before row 1.
        row, column = (place.first_row, place.first_column) if place else (0, -1)
        return _ORDER[self.severity], row, column, self.rule


class Read(NamedTuple, Generic[T]):
    """A part of a file as it was understood, and what stands against it."""

    value: T
    problems: list[Problem]


@dataclass(frozen=True)
class Stage:
    """A step of the check; one that could not run says why, and the others still run."""

    name: str
    ran: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of a check.

    ``returned`` is the content of the return where no error stands in its way. It is ``accepted``
    if there is nothing to confirm either.
    """

    file: str
    sha256: str
    site: str
    agency: str
    quarter: str
    problems: tuple[Problem, ...]
    stages: tuple[Stage, ...]
    returned: Return | None

    def of(self, severity: Severity) -> tuple[Problem, ...]:
        """The problems of one severity."""
        return tuple(p for p in self.problems if p.severity == severity)

    @property
    def accepted(self) -> bool:
        """Whether the return can be accepted as it is, without a confirmation."""
        return self.returned is not None and not self.of("confirm")

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart check --json`` prints."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "site": self.site,
            "agency": self.agency,
            "quarter": self.quarter,
            "accepted": self.accepted,
            "problems": [problem.as_dict() for problem in self.problems],
            "stages": [asdict(stage) for stage in self.stages],
        }


def problem(
    rule: str,
    message: str,
    *,
    sheet: str | None,
    cell: str | None = None,
    value: object = None,
    mend: str = "",
    cells: int = 1,
) -> Problem:
    """A problem under a rule of the registry; the rule's own mend where no better one is given."""
    kept = value if value is None or isinstance(value, str | float | bool) else str(value)
    return Problem(
        rule=rule,
        severity=rules()[rule].severity,
        sheet=sheet,
        cell=cell,
        value=kept,
        message=message,
        mend=mend or rules()[rule].mend,
        cells=cells,
    )


def shown(value: object) -> str:
    """A cell's value as an officer would recognise it: text in quotation marks, 37.0 as 37.

    What a terminal would obey and not print is replaced, and a long text is cut short.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        # A control sequence in a cell could rewrite the officer's screen.
        visible = "".join(sign if sign.isprintable() else "�" for sign in value[:_SHOWN])
        return f'"{visible}{" ..." if len(value) > _SHOWN else ""}"'
    # Above 2^53, about 9e15, doubles skip whole numbers; below 1e15 the text is surely exact.
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def report(checked: Checked) -> str:
    """What a data officer reads: counts first, then a line a problem, cell first, mend last."""
    return "\n".join([_headline(checked), *_table(checked)]) + "\n"


def _headline(checked: Checked) -> str:
    counts = [
        f"{many:,} {'thing ' if many == 1 else 'things '}{what}"
        if what == "to mend"
        else f"{many:,} {what}"
        for severity, what in _WORDS
        if (many := sum(found.cells for found in checked.of(severity)))
    ]
    if checked.accepted:
        rows = len(checked.returned.rows) if checked.returned else 0
        notes = f" ({counts[0]})" if counts else ""
        return f"{checked.file} can be accepted: {rows} rows, nothing to mend{notes}."
    return f"{checked.file} cannot be accepted yet: {', '.join(counts)}."


_WORDS: tuple[tuple[Severity, str], ...] = (
    ("error", "to mend"),
    ("confirm", "to confirm"),
    ("note", "to note"),
)


def _table(checked: Checked) -> list[str]:
    lines: list[str] = []
    for severity, _ in _WORDS:
        found = checked.of(severity)
        if found:
            lines += [""] if severity == "error" else ["", severity]
            lines += _lines(_together(found), severity)
    missed = [stage for stage in checked.stages if not stage.ran]
    if missed:
        lines += ["", "not checked yet"] + [f" {stage.name}: {stage.reason}" for stage in missed]
    return lines


def _together(found: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """One problem for many with one cause, at the first of its cells; the JSON has each of them."""
    causes: dict[tuple[str, str], list[Problem]] = {}
    for one in found:
        # What is asked needs a reason for each case, so each is shown; notes are many and alike.
        cause = "" if one.severity == "note" else f"{one.message} {one.mend}"
        alone = one.cell if one.severity == "confirm" else ""
        causes.setdefault((one.rule, f"{cause} {alone}"), []).append(one)
    listed: list[Problem] = []
    for same in causes.values():
        if len(same) <= _ALONE:
            listed += same
            continue
        cells = [_place(one) for one in same[1:]]
        more = f" and {len(cells) - _LISTED} more" if len(cells) > _LISTED else ""
        what = rules()[same[0].rule].title if same[0].severity == "note" else same[0].message
        message = f"{what.rstrip('.')}; also in {', '.join(cells[:_LISTED])}{more}."
        listed.append(replace(same[0], message=message))
    return tuple(sorted(listed, key=lambda one: one.order))


def _lines(found: tuple[Problem, ...], severity: Literal["error", "confirm", "note"]) -> list[str]:
    cells = [_place(p) for p in found]
    values = [shown(p.value) for p in found]
    widths = [max(map(len, cells)), min(16, max(map(len, values)))]
    asking = severity == "confirm"
    messages = [f"{p.message} ({p.rule})" if asking else p.message for p in found]
    longest = max(map(len, messages))
    lines: list[str] = []
    for p, cell, value, message in zip(found, cells, values, messages, strict=True):
        mend = CONFIRM if asking else p.mend
        start = f" {cell.ljust(widths[0])}  {value.ljust(widths[1])}  "
        if len(start) + longest + len(mend) + 2 <= _WIDTH:
            lines.append(f"{start}{message.ljust(longest)}  {mend}".rstrip())
        else:
            lines += [(start + message).rstrip(), " " * len(start) + mend]
    return lines


def _place(p: Problem) -> str:
    """The cell; with its sheet where that is not the sheet of the figures."""
    if p.cell is None:
        return "-"
    return p.cell if p.sheet in (None, "Return") else f"{p.sheet}!{p.cell}"


_COLUMNS = ("rule", "cell", "reason")


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Why a value that was questioned is right; kept with the return for ever.

    ``scope`` is ``"rule"`` where one reason was given for all that a rule asked, and ``by`` who
    gave it; ``area_code`` and ``outcome`` are then what the cell is about.
    """

    rule: str
    cell: str
    reason: str
    value: str = ""
    scope: str = ""
    by: str = ""
    area_code: str = ""
    outcome: str = ""


def read_confirmations(path: Path) -> tuple[Confirmation, ...]:
    """Read a CSV with the columns rule, cell and reason.

    Raises
    ------
    UserError : if it cannot be read, a column is missing, or a row gives no reason.
    """
    try:
        # Excel writes a byte-order mark, which would become part of the first heading.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise UserError(
            f"the confirmations cannot be opened ({error.strerror}).", where=str(path)
        ) from None
    except UnicodeDecodeError:
        raise UserError(
            "the confirmations are not UTF-8 text.", where=str(path), mend="save them as CSV UTF-8."
        ) from None
    except csv.Error as error:
        raise UserError(f"the confirmations are no sound CSV ({error}).", where=str(path)) from None
    confirmations = []
    for number, row in enumerate(rows, start=2):
        rule, cell, reason = ((row.get(name) or "").strip() for name in _COLUMNS)
        if not reason or not rule:
            raise UserError(
                "a confirmation needs a rule and a reason.",
                where=f"{path}, row {number}",
                expected="columns rule, cell, reason; like R060,E41,a new ward opened in July",
            )
        confirmations.append(Confirmation(rule=rule, cell=cell.upper(), reason=reason))
    return tuple(confirmations)


def confirmed(
    checked: Checked, given: Sequence[Confirmation]
) -> tuple[tuple[Confirmation, ...], tuple[Problem, ...]]:
    """The confirmations with the values that they confirm, and the problems still without one."""
    by_place = {(one.rule, one.cell): one for one in given}
    kept, open_ = [], []
    for problem in checked.of("confirm"):
        one = by_place.get((problem.rule, problem.cell or ""))
        if one is None:
            open_.append(problem)
        else:
            value = "" if problem.value is None else str(problem.value)
            value = value if problem.cells == 1 else f"{problem.cells:,} cells"
            kept.append(Confirmation(rule=one.rule, cell=one.cell, reason=one.reason, value=value))
    return tuple(kept), tuple(open_)


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
    cells, title = count.cells - EACH, rules()[rule].title
    cell, span = None, ""
    if position is not None:
        cell = address(count.first, position)
        span = f", from {cell} to {address(count.last, position)}"
    message = f"{cells:,} more of this column: {title[0].lower()}{title[1:]}{span}."
    message = f"{message} The first {EACH:,} are told one by one."
    return problem(rule, message, sheet=sheet, cell=cell, cells=cells)


def reply(raw: RawReturn, checked: Checked, path: Path) -> None:
    """Write the marked copy of a checked return, in the words and the order of the report.

    Raises
    ------
    ReplyTooLong : if the return is too long to mark.
    UserError : if ``path`` is no .xlsx or cannot be written.
    """
    write_reply(raw, _headline(checked), [_mark(problem) for problem in checked.problems], path)


def _mark(problem: Problem) -> Mark:
    elsewhere = problem.sheet not in (None, form().return_sheet)
    return Mark(
        severity=problem.severity,
        rule=problem.rule,
        sheet=problem.sheet,
        cell=problem.cell,
        place=f"{problem.sheet}!{problem.cell}" if elsewhere else problem.cell or "-",
        value=shown(problem.value),
        message=problem.message,
        mend=CONFIRM if problem.severity == "confirm" else problem.mend,
    )
