"""Problem and Checked: what a check found, its report in plain words, reasons given, the reply."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from evaluation.check.rules import Severity, rules
from evaluation.errors import ReturnFileError, UserError
from evaluation.returns.form import INVISIBLE, Return, address, corners, form
from evaluation.returns.reply import KINDS, LIST_COLUMNS, REASON, Mark, write_reply
from evaluation.returns.workbook import RawReturn, RawRow, heading, plain_text, text_rows

_ORDER: dict[Severity, int] = {"error": 0, "confirm": 1, "note": 2}
T = TypeVar("T")
_WIDTH = 110
_ALONE, _LISTED = 3, 8
_SHOWN = 60
# Above 2^53, about 9e15, doubles skip whole numbers; below this the digits are surely exact.
_ENDLESS = 1e15
CONFIRM = (
    "If right, say why: in the marked copy (--reply), or by --confirm why.csv (rule,cell,reason)"
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong in a return.

    ``cell`` is its A1 name, None where the fault is in no single cell; ``sheet`` is None for a
    CSV; ``value`` is what stood in the cell. ``cells`` is how many cells it is about: more than one
    where a very long file has more of a kind than are told one by one, and ``cell`` is their first.
    ``place`` is where a return says whose it is or for which quarter (``file name``, ``Guide!B5``,
    ``Return!C``), ``likely_wrong`` that the evidence speaks against that place.
    """

    rule: str
    severity: Severity
    sheet: str | None
    cell: str | None
    value: str | float | bool | None
    message: str
    mend: str
    cells: int = 1
    place: str | None = None
    likely_wrong: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart check --json`` prints; what is not said is left out of it."""
        content = asdict(self)
        if isinstance(self.value, float) and not math.isfinite(self.value):
            content["value"] = str(self.value)  # JSON knows neither NaN nor infinity
        if self.cells == 1:
            del content["cells"]
        if self.place is None:
            del content["place"]
        if not self.likely_wrong:
            del content["likely_wrong"]
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

    ``whose`` says in words whose return it was taken to be, ``months`` for which. ``returned`` is
    the content of the return where no error stands in its way. It is ``accepted`` if there is
    nothing to confirm either.
    """

    file: str
    sha256: str
    site: str
    agency: str
    quarter: str
    problems: tuple[Problem, ...]
    stages: tuple[Stage, ...]
    returned: Return | None
    programme: str = ""
    whose: str = ""
    months: str = ""

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
            "whose": self.whose,
            "months": self.months,
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
    severity: Severity | None = None,
) -> Problem:
    """A problem under a rule of the registry; the rule's own mend where no better one is given.

    ``severity`` is given where this finding of the rule is graver, or lighter, than most.
    """
    kept = value if value is None or isinstance(value, str | float | bool) else str(value)
    return Problem(
        rule=rule,
        severity=severity or rules()[rule].severity,
        sheet=sheet,
        cell=cell,
        value=kept,
        message=message,
        mend=mend or rules()[rule].mend,
        cells=cells,
    )


def in_digits(value: float) -> str:
    """A figure to four digits, and a large one to the last before the point: never 4e+04."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < _ENDLESS else f"{value:.4g}"


def times_in_digits(factor: float) -> str:
    """How many times, to three digits, and a large one whole: never 1e+03."""
    return f"{factor:,.0f}" if 100 <= factor < _ENDLESS else f"{factor:.3g}"


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
    if isinstance(value, float) and value.is_integer() and abs(value) < _ENDLESS:
        return str(int(value))
    return str(value)


def quoted(values: Iterable[object], most: int = 3) -> str:
    """The first few of some words as they stand, in quotation marks; empty where there is none."""
    texts = (" ".join(str(value).split()) for value in values if value is not None)
    found = [shown(text) for text in islice((text for text in texts if text), most + 1)]
    return ", ".join(found[:most]) + (" ..." if len(found) > most else "")


def with_notes(checked: Checked, notes: Iterable[Problem]) -> Checked:
    """The same check with more to note."""
    return replace(checked, problems=(*checked.problems, *notes))


def unreadable(name: str, sha256: str, error: ReturnFileError) -> Checked:
    """A file that cannot be opened as a return: one problem like others, and nothing checked."""
    message = f"{error.what} Right would be: {error.expected}." if error.expected else error.what
    message, mend = (text[:1].upper() + text[1:] for text in (message, error.mend))
    return Checked(
        file=name,
        sha256=sha256,
        site="",
        agency="",
        quarter="",
        problems=(problem("R001", message, sheet=None, mend=mend),),
        stages=(Stage("file", False, "nothing in it could be checked"),),
        returned=None,
    )


UNOPENED = {"already_held": False, "receipt": None}
"""What ``check --json`` and ``submit --json`` both add where a file cannot be opened."""


def report(checked: Checked) -> str:
    """What a data officer reads: counts first, then a line a problem, cell first, mend last."""
    whose = f"Read as: {checked.whose}." if checked.whose else ""
    return "\n".join([_headline(checked), whose, *_table(checked)]) + "\n"


def _headline(checked: Checked) -> str:
    counts = [
        f"{many:,} {'thing ' if many == 1 else 'things '}{what}"
        if what == "to mend"
        else f"{many:,} {what}"
        for severity, what in _WORDS
        if (many := sum(found.cells for found in checked.of(severity)))
    ]
    if checked.accepted:
        many = len(checked.returned.rows) if checked.returned else 0
        rows = "1 row" if many == 1 else f"{many:,} rows"
        notes = f" ({counts[0]})" if counts else ""
        return f"{checked.file} can be accepted: {rows}, nothing to mend{notes}."
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
            lines += [] if severity == "error" else ["", severity]
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
        cells = [place_of(one) for one in same[1:]]
        more = f" and {len(cells) - _LISTED} more" if len(cells) > _LISTED else ""
        alike = len({one.message for one in same}) == 1
        what = same[0].message if alike else rules()[same[0].rule].title
        message = f"{what.rstrip('.')}; also in {', '.join(cells[:_LISTED])}{more}."
        listed.append(replace(same[0], message=message))
    return tuple(sorted(listed, key=lambda one: one.order))


def _lines(found: tuple[Problem, ...], severity: Literal["error", "confirm", "note"]) -> list[str]:
    cells = [place_of(p) for p in found]
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


def place_of(p: Problem) -> str:
    """The cell; with its sheet where that is not the sheet of the figures."""
    if p.cell is None:
        return p.place or "-"
    return p.cell if p.sheet in (None, form().return_sheet) else f"{p.sheet}!{p.cell}"


_COLUMNS = ("rule", "cell", "reason")
_ASKED = KINDS["confirm"]
_NOWHERE = frozenset({"", "-"})


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Why a value that was questioned is right; kept with the return for ever.

    ``cell`` has its sheet where that is not the sheet of the figures (``people!B2``). ``asked`` are
    the words of the question, where they are known: a reason holds for no other. ``where`` says
    where the reason was written. ``scope`` is ``"rule"`` where one reason was given for all that a
    rule asked, and ``by`` who gave it; ``area_code`` and ``outcome`` are then what the cell is
    about.
    """

    rule: str
    cell: str
    reason: str
    value: str = ""
    scope: str = ""
    by: str = ""
    area_code: str = ""
    outcome: str = ""
    asked: str = ""
    where: str = ""

    @property
    def gives_reason(self) -> bool:
        """Whether the reason is in words: a question mark, a dash or a tick confirms nothing."""
        return any(sign.isalpha() for sign in self.reason)


def read_confirmations(path: Path) -> tuple[Confirmation, ...]:
    """Read a CSV with the columns rule, cell and reason, as any spreadsheet saves it.

    Raises
    ------
    UserError : if it cannot be read, a column is missing, or rows are given in part.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"the confirmations cannot be opened ({error.strerror}).", where=str(path)
        ) from None
    try:
        rows = [row for row in text_rows(content, path.name, _COLUMNS) if not row.blank]
    except ReturnFileError as error:
        raise UserError(
            f"the confirmations cannot be read: {error.what}", where=str(path), mend=error.mend
        ) from None
    names = [heading(value) for value in rows[0].values] if rows else []
    if missing := [name for name in _COLUMNS if name not in names]:
        raise UserError(
            f"the confirmations have no column {missing[0]}.",
            where=str(path),
            expected="columns rule, cell, reason; like R060,E41,a new ward opened in July",
        )
    at = {name: place for place, name in enumerate(names)}
    given = tuple(_given(row, at, f"{path.name}, row {row.number}") for row in rows[1:])
    if half := [one for one in given if not one.rule or not one.gives_reason]:
        raise UserError(
            "a confirmation needs a rule and a reason in words; given in part: "
            + ", ".join(one.where for one in half)
            + ".",
            where=str(path),
            expected="columns rule, cell, reason; like R060,E41,a new ward opened in July",
        )
    return given


def in_marked_copy(raw: RawReturn) -> tuple[Confirmation, ...]:
    """The reasons written into the sheet of problems of a marked copy that comes back."""
    wanted = {heading(name) for name in (*LIST_COLUMNS, REASON)}
    for place, head in enumerate(raw.reasons):
        at = {heading(value): n for n, value in enumerate(head.values) if value is not None}
        if at.keys() >= wanted:
            return tuple(_marked(raw.reasons[place + 1 :], at))
    return ()


def _marked(rows: Iterable[RawRow], at: Mapping[str, int]) -> Iterable[Confirmation]:
    names = {"rule": "rule", "cell": "cell", "reason": REASON, "value": "value"}
    names |= {"asked": "what_is_wrong", "kind": "kind"}
    for row in rows:
        held = {name: _text(row, at.get(heading(column))) for name, column in names.items()}
        if held["reason"]:
            where = f"{form().problems_sheet}, row {row.number}"
            asked = held["asked"] if held["kind"] == _ASKED else ""
            yield Confirmation(
                rule=held["rule"],
                cell="" if held["cell"] in _NOWHERE else held["cell"],
                reason=held["reason"],
                value=held["value"],
                asked=asked or "(nothing was asked here)",
                where=where,
            )


def _text(row: RawRow, at: int | None) -> str:
    return plain_text(row.values[at]) if at is not None and at < len(row.values) else ""


def _given(row: RawRow, at: Mapping[str, int], where: str) -> Confirmation:
    rule, cell, reason = (_text(row, at[name]).strip(INVISIBLE) for name in _COLUMNS)
    sheet = _text(row, at.get("sheet"))
    cell = f"{sheet}!{cell}" if sheet and sheet != form().return_sheet else cell
    return Confirmation(rule=rule.upper(), cell=_upper(cell), reason=reason, where=where)


def _upper(cell: str) -> str:
    """A cell's name in capitals; a sheet's name stays as it is written."""
    sheet, bang, name = cell.rpartition("!")
    return f"{sheet}{bang}{name.upper()}"


class Confirmed(NamedTuple):
    """The reasons with the values that they confirm, and the questions still without one."""

    kept: tuple[Confirmation, ...]
    open: tuple[Problem, ...]


def confirmed(checked: Checked, given: Sequence[Confirmation]) -> Confirmed:
    """Which questions the reasons answer: each by rule, sheet and cell.

    A cell that is named without its sheet is that of the figures; where nothing is asked there, it
    is the one of another sheet, if only one asks.
    """
    kept, open_ = [], []
    for asked in checked.of("confirm"):
        one = _chosen(asked, checked, given)
        if one is None:
            open_.append(asked)
            continue
        value = "" if asked.value is None else str(asked.value)
        value = value if asked.cells == 1 else f"{asked.cells:,} cells"
        place = place_of(asked)
        cell = "" if asked.cell is None else place
        kept.append(Confirmation(rule=asked.rule, cell=cell, reason=one.reason, value=value))
    return Confirmed(tuple(kept), tuple(open_))


def _chosen(asked: Problem, checked: Checked, given: Sequence[Confirmation]) -> Confirmation | None:
    """The reason that answers a question.

    Of several questions about one place without a cell, such as the file's name, each takes a
    reason of its own, in their order: that the site is right says nothing of the quarter.
    """
    fit = [one for one in given if one.gives_reason and _answers(one, asked, checked)]
    if (exact := next((one for one in fit if one.asked), None)) is not None:
        return exact
    alike = [asked] if asked.cell is not None else _alike(asked, checked)
    if len(fit) < len(alike):
        return None
    return next((one for one, p in zip(fit, alike, strict=False) if p is asked), None)


def _alike(asked: Problem, checked: Checked) -> list[Problem]:
    """The questions by the same rule about the same place, where that is no cell."""
    return [
        p
        for p in checked.of("confirm")
        if p.cell is None and (p.rule, p.place) == (asked.rule, asked.place)
    ]


def _answers(given: Confirmation, asked: Problem, checked: Checked) -> bool:
    if given.rule != asked.rule:
        return False
    # A marked copy holds the question as it was put: what has changed since is another one.
    if given.asked and (given.asked, given.value) != (asked.message, shown(asked.value)):
        return False
    if asked.cell is None:
        return given.cell in _NOWHERE or given.cell.casefold() == (asked.place or "").casefold()
    if given.cell == place_of(asked):
        return True
    # Without its sheet: only where this is the one that can be meant.
    return given.cell == asked.cell and [
        p for p in checked.of("confirm") if (p.rule, p.cell) == (asked.rule, asked.cell)
    ] == [asked]


def unused(checked: Checked, given: Sequence[Confirmation]) -> tuple[Problem, ...]:
    """A note for each reason that answers no question, or is given in part."""
    asked = checked.of("confirm")
    chosen = (_chosen(p, checked, given) for p in asked)
    used = {id(one) for one in chosen if one is not None}
    found = []
    for one in given:
        if id(one) in used:
            continue
        note = problem("R095", _why_unused(one, checked), sheet=None, value=one.reason or None)
        found.append(replace(note, place=one.where or None))
    return tuple(found)


def _why_unused(one: Confirmation, checked: Checked) -> str:
    start = f"{one.where}: " if one.where else ""
    at = one.cell or "no cell"
    if not one.rule or not one.reason:
        lacks = "reason" if not one.reason else "rule"
        return f"{start}the {lacks} is missing for {one.rule or one.cell or 'this row'}."
    if not one.gives_reason:
        return f"{start}{one.reason!r} is no answer to {one.rule} in {at}: write why it is right."
    if one.rule not in rules():
        return f"{start}there is no rule {one.rule}."
    same = [p for p in checked.of("confirm") if p.rule == one.rule]
    if one.asked and any(place_of(p) == one.cell for p in same):
        return f"{start}the value in {at} or what is asked about it has changed since."
    if len([p for p in same if p.cell == one.cell]) > 1:
        sheets = ", ".join(place_of(p) for p in same)
        return f"{start}{one.rule} is asked in several sheets; write which cell: {sheets}."
    if same and same[0].cell is None and len(_alike(same[0], checked)) > 1:
        return (
            f"{start}{one.rule} asks {len(same)} things of {place_of(same[0])}: give a reason for "
            "each, a row for each, in the order in which they are asked."
        )
    if any(_answers(one, p, checked) for p in same):
        return f"{start}{one.rule} in {at} has a reason already: this one is not kept."
    where = ", ".join(place_of(p) for p in same[:3])
    instead = f" It is asked in {where}." if where else ""
    return f"{start}{one.rule} asks nothing in {at}.{instead}"


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
    # Reasons that were written into an earlier copy go on, where the question is still the same.
    given = in_marked_copy(raw)
    marks = [
        _mark(asked, next((g.reason for g in given if _answers(g, asked, checked)), ""))
        for asked in checked.problems
    ]
    write_reply(raw, _headline(checked), marks, path, programme=checked.programme)


def _mark(problem: Problem, reason: str) -> Mark:
    return Mark(
        reason=reason,
        severity=problem.severity,
        rule=problem.rule,
        sheet=problem.sheet,
        cell=problem.cell,
        place=place_of(problem),
        value=shown(problem.value),
        message=problem.message,
        # The copy has a column for reasons and says so once; whoever opens it has no terminal.
        mend=problem.mend,
    )
