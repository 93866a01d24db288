"""From a file to addressed cells: xlsx through python-calamine, CSV through the csv module.

Workbooks that are no returns (a price list that a ministry publishes) come through the same gate.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from evaluation import fingerprint
from evaluation.errors import ReturnFileError, UserError
from evaluation.quarters import Frequency, Period
from evaluation.returns import gate
from evaluation.returns.archive import MAX_RECTANGLE, damaged
from evaluation.returns.form import INVISIBLE, address, form
from evaluation.returns.notation import notation
from evaluation.returns.sheets import MAX_ROW, Sheet

_MAX_FIELDS, _MAX_BLANK = 200, 10_000
_TEXTS = frozenset({".csv", ".txt", ".tsv", ".tab"})
# Titles and notes above a table are rarely longer; the first letters of so many rows.
_FIRST_ROWS, _FIRST_LETTERS = 12, 20_000
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes (|)"}
_SEP_LINE = re.compile(r'"?sep=(.)"?[^\S\r\n]*(?:\r\n|\r|\n)', re.IGNORECASE)


def empty(value: object) -> bool:
    """Whether a cell holds nothing, or spaces alone."""
    return value is None or (isinstance(value, str) and not value.strip())


class RawRow(NamedTuple):
    """A row of the sheet: its number (1 is the first) and its values from column A on."""

    number: int
    values: tuple[Any, ...]

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it, or spaces alone, which nobody sees."""
        return all(empty(value) for value in self.values)


class Wrapping(NamedTuple):
    """Something around the figures that was read without doubt: what, and the cell if in one."""

    message: str
    sheet: str | None = None
    cell: str | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class RawReturn:
    """A return file as it came.

    ``sheet`` is the sheet's name, None for a CSV. ``guide`` says whose return it is:
    template_version, programme, site, agency, quarter, as text, empty where the file does not
    say; it is that of ``guide_sheet``, or of the file's name where that is None. ``header`` is the
    first row that holds anything, ``rows`` all rows below it. Values are
    None (empty), text, numbers, booleans, dates. ``sheets`` are the sheets of the workbook as
    their XML has them, none for a CSV; ``reasons`` are the rows of its sheet of problems, if an
    earlier marked copy comes back. ``wrapping`` is what was read around the figures.
    """

    path_name: str
    content: bytes
    sha256: str
    sheet: str | None
    guide: dict[str, str]
    header: RawRow
    rows: tuple[RawRow, ...]
    sheets: tuple[Sheet, ...] = ()
    guide_sheet: str | None = None
    reasons: tuple[RawRow, ...] = ()
    others: tuple[OtherSheet, ...] = ()
    wrapping: tuple[Wrapping, ...] = ()

    @property
    def figures(self) -> Sheet | None:
        """What the XML of the return sheet says beyond its values; None for a CSV."""
        return next((sheet for sheet in self.sheets if sheet.title == self.sheet), None)


class OtherSheet(NamedTuple):
    """A sheet of a workbook that is not of the form, and its first rows."""

    title: str
    rows: tuple[RawRow, ...]


def read_return(path: Path) -> RawReturn:
    """Read a return file (.xlsx or .csv) into addressed cells.

    What it is is told by its content: a CSV under the name of a workbook is read, and the reverse.

    Raises
    ------
    ReturnFileError : if it cannot be opened as a workbook or CSV, or is beyond the bounds.
    UserError : if there is no such file.
    """
    try:
        # Before reading: a file of gigabytes is refused without being loaded.
        size = path.stat().st_size
        gate.check_name(path.name)
        gate.check_size(size, path.name)
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the file cannot be opened ({error.strerror}).", where=str(path)) from None
    return of_bytes(path.name, content)


def of_bytes(name: str, content: bytes) -> RawReturn:
    """A return that lies in memory, as it would be read from a file of that name.

    Raises
    ------
    ReturnFileError : as `read_return`.
    """
    path = PurePath(name)
    gate.check_name(path.name)
    gate.check_size(len(content), path.name)
    suffix = path.suffix.lower()
    if suffix not in {".xlsx", *_TEXTS}:
        raise gate.wrong_suffix(path.suffix, path.name)
    named_otherwise = f"whatever the end of its name says ({path.suffix})"
    if gate.is_container(content):
        # A name that says whose return it is was given by an officer and got the wrong ending; any
        # other may be any file.
        if suffix in _TEXTS and not any(guide_from_name(path.name).values()):
            gate.pass_workbook(content, path.name)
            raise ReturnFileError(
                "this is an Excel workbook, not a CSV.",
                where=path.name,
                mend="give it the ending .xlsx and send it again.",
            )
        found = _read_xlsx(gate.pass_workbook(content, path.name), path.name)
        odd = Wrapping(f"This is an Excel workbook, {named_otherwise}; it was read as that.")
        return _raw(path, content, found, [odd] if suffix in _TEXTS else [])
    if suffix in _TEXTS:
        return _raw(path, content, _read_csv(content, path.name), [])
    if not _is_table(content):
        gate.pass_workbook(content, path.name)  # says what the file is instead
    odd = Wrapping(f"This is a CSV, {named_otherwise}; it was read as that.")
    return _raw(path, content, _read_csv(content, path.name), [odd])


class _Found(NamedTuple):
    """What a file holds: whose it is, the rows of figures, and what was read around them."""

    rows: list[RawRow]
    guide: dict[str, str]
    wrapping: list[Wrapping]
    sheet: str | None = None
    guide_sheet: str | None = None
    sheets: tuple[Sheet, ...] = ()
    reasons: list[RawRow] | None = None
    others: list[OtherSheet] | None = None


def _raw(path: PurePath, content: bytes, found: _Found, odd: list[Wrapping]) -> RawReturn:
    rows, named = found.rows, _named(path, found)
    filled = next((i for i, row in enumerate(rows) if not row.blank), None)
    if filled is None:
        raise ReturnFileError(
            "there is nothing in the return.",
            where=path.name,
            mend="check that the figures stand in the sheet Return, and save it again.",
        )
    return RawReturn(
        path_name=path.name,
        content=content,
        sha256=fingerprint.of_bytes(content),
        sheet=found.sheet,
        guide=found.guide,
        header=rows[filled],
        rows=tuple(rows[filled + 1 :]),
        sheets=found.sheets,
        guide_sheet=found.guide_sheet,
        reasons=tuple(found.reasons or ()),
        others=tuple(found.others or ()),
        wrapping=(*odd, *named, *found.wrapping),
    )


def _named(path: PurePath, found: _Found) -> list[Wrapping]:
    """Said where a name that stands for the guide has more in it, or is written otherwise."""
    if found.guide_sheet is not None or not any(found.guide.values()):
        return []
    return _name_told(path.name, found.guide)


def _name_told(name: str, guide: Mapping[str, str]) -> list[Wrapping]:
    plain = f"{guide['site']}_{guide['agency']}_{guide['quarter'].replace(' ', '-')}"
    same = PurePath(name).stem == plain
    return [] if same else [Wrapping(f"The file's name was read as {plain}.")]


def _is_table(content: bytes) -> bool:
    """Whether a file under a workbook's name is a return in text: nothing less is read as one."""
    try:
        text = gate.pass_text(content, "").text
    except ReturnFileError:
        return False  # neither a text: the workbook's gate says what it is
    first = text[:_FIRST_LETTERS]
    return _headings(_lines(first), _separator(first)) >= len(_required())


def _required() -> list[str]:
    return [column.name for column in form().columns if column.required]


def heading(value: object) -> str:
    """The name of a column as the form spells it, from a heading in any case and spacing."""
    return re.sub(r"[\s_-]+", "_", plain_text(value).casefold())


# With blanks or hyphens between its parts: only behind a code with a digit, as sites have.
_LOOSE_NAME = re.compile(
    r"([A-Z]+[0-9]+)[ -]+([A-Z]+(?:[ _-][A-Z]+)*)[ _-]+([0-9]{4}[ _-]?Q[1-4])", re.IGNORECASE
)
# What a program, a person or a mail system adds to a file's name.
_BEFORE = re.compile(r"(?:copy (?:\([0-9]+\) )?of |fwd?[ _-]+|re[ _-]+)+", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:[ _]*[(\[][0-9]{1,3}[)\]]"
    r"|[ _.-]+(?:copy(?: [0-9]{1,3})?|final|draft|mended|corrected|signed|reply|v ?[0-9]+)"
    r"|\.(?:xlsx|csv|txt|tsv|tab))+",
    re.IGNORECASE,
)


# The day on which somebody saved or sent it, before the name or behind it.
_DAY = r"20[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.(?:20)?[0-9]{2}"
_DAY_BEFORE = re.compile(rf"(?:{_DAY})[ _-]+")
_DAY_AFTER = re.compile(rf"[ _-]+(?:{_DAY})")


def bare_stem(name: str) -> str:
    """A file's name without its ending and without what copies and mail systems add to it."""
    stem = name.strip(INVISIBLE)
    if (found := _BEFORE.match(stem)) is not None:
        stem = stem[found.end() :]
    # From the end on: each of the additions is short, and their number is that of the name.
    while (ends := [m for m in _AFTER.finditer(stem) if m.end() == len(stem)]) and ends[0].start():
        stem = stem[: ends[0].start()]
    return stem


def counted_in(raw: RawReturn, of: Frequency) -> RawReturn:
    """The return as it is read where periods are of another kind than quarters.

    Only a file's name is read anew, where it stands for the guide: ``2026-07`` is then a month.
    """
    if of != "M" or raw.guide_sheet is not None or not any(raw.guide.values()):
        return raw
    guide = guide_from_name(raw.path_name, of)
    if not any(guide.values()):
        # It names no month: whose return it is, it says all the same.
        return raw
    # What was said of the name was said of it as a quarter's.
    told = [one for one in raw.wrapping if one not in _name_told(raw.path_name, raw.guide)]
    told += _name_told(raw.path_name, guide)
    return replace(raw, guide=guide, wrapping=tuple(told))


def guide_from_name(name: str, of: Frequency = "Q") -> dict[str, str]:
    """Whose return it is, from ``<site>_<agency>_<2026-Q3>.csv``; empty where it does not say.

    An agency's code may hold underscores, a site's may not.
    """
    guide = dict.fromkeys(form().guide, "")
    stem = bare_stem(name)
    if (day := _DAY_BEFORE.match(stem)) is not None:
        stem = stem[day.end() :]
    found = _by_parts(stem, of)
    if not found and (days := list(_DAY_AFTER.finditer(stem))) and days[-1].end() == len(stem):
        # Only where it says nothing with it: a quarter may be written as its first day.
        found = _by_parts(stem[: days[-1].start()], of)
    return guide | found


def _by_parts(stem: str, of: Frequency) -> dict[str, str]:
    """Site, agency and quarter from a name's parts; nothing where one of them is not there."""
    if (loose := _LOOSE_NAME.fullmatch(stem)) is not None:
        agency = re.sub(r"[ _-]+", "_", loose[2])
        stem = f"{loose[1]}_{agency}_{loose[3]}"
    parts = stem.split("_")
    if len(parts) < 3:
        return {}
    periods = notation(parts[-1], of).periods
    if not periods and len(parts) > 3:  # 2026_Q3, as a mail system writes a blank
        parts[-2:] = [f"{parts[-2]} {parts[-1]}"]
        periods = notation(parts[-1], of).periods
    if len(periods) != 1:
        return {}
    found = {"site": parts[0], "agency": "_".join(parts[1:-1]), "quarter": periods[0].label}
    return {line: value.strip(INVISIBLE) for line, value in found.items()}


def csv_name(site: str, agency: str, period: Period) -> str:
    """The name that a submitter's CSV carries."""
    return f"{site}_{agency}_{period.slug}.csv"


def _read_csv(content: bytes, name: str) -> _Found:
    passed = gate.pass_text(content, name)
    text, wrapping = passed.text, []
    if passed.encoding != "UTF-8":
        wrapping.append(Wrapping(f"The file is kept as {passed.encoding}; it was read as that."))
    declared = _SEP_LINE.match(text)
    if declared is not None:
        # Excel hides this line: rows are counted as an officer sees them.
        text = text[declared.end() :]
    first = text[:_FIRST_LETTERS]
    separator = _separator(first)
    # What a first line says holds, unless the headings are parted otherwise beyond doubt.
    if declared is not None and _headings(_lines(first), declared[1]) >= _headings(
        _lines(first), separator
    ):
        separator = declared[1]
    if separator != "," or declared is not None:
        what = _SEPARATORS.get(separator, f"the sign {separator}")
        wrapping.append(Wrapping(f"The columns are separated by {what}; they were read so."))
    rows = list(csv_rows(text, separator, name))
    return _Found(rows, guide_from_name(name), wrapping)


def text_rows(content: bytes, name: str, names: Sequence[str]) -> list[RawRow]:
    """The rows of a small table in text, however a spreadsheet program kept it.

    UTF-8, UTF-16 or a Windows code page, with any of the usual separators; ``names`` are columns
    that it should have.

    Raises
    ------
    ReturnFileError : if it is no text, or no sound table.
    """
    try:
        text = gate.pass_text(content, name).text
    except ReturnFileError:
        # What Excel calls CSV (comma delimited) is kept in the code page of the machine: only
        # where it is no Unicode. Words that a person reads again bear a wrong letter.
        if gate.is_container(content) or b"\0" in content:
            raise
        text = gate.pass_text(content.decode("cp1252", "replace").encode(), name).text
    declared = _SEP_LINE.match(text)
    if declared is not None:
        return list(csv_rows(text[declared.end() :], declared[1], name))
    first = _lines(text[:_FIRST_LETTERS])[:1]

    def known(sign: str) -> int:
        cells = [heading(cell.strip('"')) for line in first for cell in line.split(sign)]
        return sum(one in names for one in cells)

    return list(csv_rows(text, max(_SEPARATORS, key=known), name))


def _lines(text: str) -> list[str]:
    return text.splitlines()[:_FIRST_ROWS]


def _headings(lines: Iterable[str], separator: str) -> int:
    """How many names of columns a line holds, at most."""
    cells = ([heading(cell.strip('"')) for cell in line.split(separator)] for line in lines)
    return max((sum(name in form().known for name in row) for row in cells), default=0)


def _separator(first: str) -> str:
    """The sign that parts the headings; a comma where none is better."""
    lines = _lines(first)
    return max(_SEPARATORS, key=lambda sign: _headings(lines, sign))


def csv_rows(text: str, separator: str, name: str) -> Iterable[RawRow]:
    """The rows of a CSV, within the bounds of a return.

    Raises
    ------
    ReturnFileError : if it is no sound CSV, or goes beyond a bound.
    """
    # Otherwise csv mends a lost quotation mark by swallowing the rest of the file into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    cells = line = blank = count = 0
    try:
        for record in reader:
            # A blank line has no fields and still costs memory.
            cells += max(len(record), 1)
            line = reader.line_num
            if count == MAX_ROW or cells > MAX_RECTANGLE or len(record) > _MAX_FIELDS:
                raise ReturnFileError(
                    f"line {line} goes beyond what a return can hold: {MAX_ROW:,} rows of"
                    f" {_MAX_FIELDS} columns, {MAX_RECTANGLE:,} cells in all.",
                    where=name,
                    mend="send the rows of one quarter and the columns of the template alone.",
                )
            count += 1
            blank += not any(record)
            if blank > _MAX_BLANK:
                raise ReturnFileError(
                    f"more than {_MAX_BLANK:,} rows are blank, the last of them in line {line}.",
                    where=name,
                    mend="delete the blank rows, or export the figures again.",
                )
            yield RawRow(count, tuple(value or None for value in record))
    except csv.Error:
        raise ReturnFileError(
            f"the file is no sound CSV from line {line + 1} on.",
            where=name,
            mend="look there for a quotation mark that is opened and never closed.",
        ) from None


def _read_xlsx(passed: gate.Passed, name: str) -> _Found:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    held = {sheet.title: sheet for sheet in passed.sheets}
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(passed.content))
        wanted = _sheet_called(held, form().return_sheet) or _sheet_of_figures(book, held, name)
        # The parser reads a failed formula as an empty cell: its error is put back from the XML.
        rows = _sheet_rows(book.get_sheet_by_name(wanted), held[wanted].errors)
        of_guide = _sheet_called(held, form().guide_sheet)
        of_problems = _sheet_called(held, form().problems_sheet)
        guide = dict.fromkeys(form().guide, "")
        if of_guide is not None:
            guide |= _read_guide(_sheet_rows(book.get_sheet_by_name(of_guide), {}))
        reasons = _sheet_rows(book.get_sheet_by_name(of_problems), {}) if of_problems else []
        ours = {wanted, of_guide, of_problems, form().notes_sheet}
        others = [
            OtherSheet(title, tuple(_first_rows(book.get_sheet_by_name(title))))
            for title, sheet in held.items()
            if title not in ours and sheet.first
        ]
    except (CalamineError, PasswordError):
        raise damaged(name, "its sheets cannot be read") from None
    wrapping = []
    if wanted != form().return_sheet:
        what = f"The figures stand on the sheet “{wanted}”; they were read there."
        wrapping.append(Wrapping(what, sheet=wanted))
    if not any(guide.values()) and any((named := guide_from_name(name)).values()):
        what = "There is no guide; whose return it is was read from the file's name."
        wrapping.append(Wrapping(what))
        guide, of_guide = named, None
    return _Found(
        rows,
        guide,
        wrapping,
        sheet=wanted,
        guide_sheet=of_guide,
        sheets=passed.sheets,
        reasons=reasons,
        others=others,
    )


def _sheet_called(held: Iterable[str], name: str) -> str | None:
    """The sheet of this name; one that differs by case or blanks alone is the same."""
    return next((t for t in held if t.strip(INVISIBLE).casefold() == name.casefold()), None)


def _sheet_of_figures(book: Any, held: dict[str, Sheet], name: str) -> str:
    """The one sheet under another name that has every heading of a return."""
    able = []
    for title, sheet in held.items():
        if sheet.first and not sheet.hidden:
            rows = _first_rows(book.get_sheet_by_name(title))
            names = [{heading(value) for value in row.values} for row in rows]
            if any(known >= set(_required()) for known in names):
                able.append(title)
    if len(able) == 1:
        return able[0]
    wanted = form().return_sheet
    which = f"{', '.join(able)} could each be it" if able else f"it has {', '.join(held)}"
    raise ReturnFileError(
        f"the workbook has no sheet called {wanted}; {which}.",
        where=name,
        mend=f"rename the sheet with the figures to {wanted} (double-click on its name).",
    )


def _first_rows(sheet: Any) -> list[RawRow]:
    if sheet.start is None:
        return []
    table = sheet.to_python(skip_empty_area=False, nrows=sheet.start[0] + _FIRST_ROWS)
    return [
        RawRow(number, tuple(None if value == "" else value for value in values))
        for number, values in enumerate(table, start=1)
    ]


def _sheet_rows(sheet: Any, errors: dict[str, str]) -> list[RawRow]:
    """The rows of a sheet, from row 1 and column A, whatever is blank before the first value."""
    if sheet.start is None and not errors:
        return []
    # Otherwise rows are counted from the first filled one, and every address is off.
    table: Sequence[Sequence[Any]] = sheet.to_python(skip_empty_area=False)
    rows = [
        RawRow(number, tuple(None if value == "" else value for value in values))
        for number, values in enumerate(table, start=1)
    ]
    if not errors:
        return rows
    return [
        RawRow(
            row.number,
            tuple(errors.get(address(row.number, c), v) for c, v in enumerate(row.values)),
        )
        for row in rows
    ]


def _read_guide(rows: list[RawRow]) -> dict[str, str]:
    values = [row.values[1] if len(row.values) > 1 else None for row in rows]
    return {name: plain_text(value) for name, value in zip(form().guide, values, strict=False)}


def plain_text(value: Any) -> str:
    """A cell's value as text; a whole number loses the ``.0`` that Excel gives every number."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip(INVISIBLE)


def read_sheets(path: Path) -> dict[str, list[RawRow]]:
    """Every sheet of a workbook by its title: rows from row 1 and column A, None where empty.

    Raises
    ------
    UserError : there is no such file.
    ReturnFileError : it is no sound workbook, breaks a bound of the gate, or holds what the gate
        does not let through (macros, links to other files).
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the file cannot be opened ({error.strerror}).", where=str(path)) from None
    gate.check_size(len(content), path.name)
    passed = gate.pass_workbook(content, path.name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(passed.content))
        return {name: _sheet_rows(book.get_sheet_by_name(name), {}) for name in book.sheet_names}
    except (CalamineError, PasswordError):
        raise damaged(path.name, "its sheets cannot be read") from None
