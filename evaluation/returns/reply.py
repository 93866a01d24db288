"""The reply: the officer's own workbook, its problem cells coloured and commented, and a list.

The officer's values and formats stay. A text that begins like a formula stays a text, so that
nothing from a CSV is ever executed by the program that opens the reply.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.errors import ReplyTooLong, UserError
from evaluation.returns.form import corners, form
from evaluation.returns.remarks import AUTHOR, OWN_WORDS
from evaluation.returns.sheets import Sheet
from evaluation.returns.template import fit_to_width, saved, wrap
from evaluation.returns.workbook import RawReturn

# openpyxl holds an object a cell; beyond this a reply takes longer than an officer waits.
MAX_CELLS, MAX_MARKS = 30_000, 1_000
_FILLS = {"error": "FFF8D0CE", "confirm": "FFFFEDB3", "note": "FFD6E6F5"}
KINDS = {"error": "to mend", "confirm": "to confirm", "note": "to note"}
REASON = "Your reason"
"""The column of the list in which an officer says why a questioned value is right."""
_WIDTHS = {"Cell": 16, "Value": 18, "What is wrong": 60, "What to do": 60, "Kind": 12, "Rule": 8}
LIST_COLUMNS = tuple(_WIDTHS)
_SHADED = "FFFFF9DB"
_LIST_FROM = 4
_HOW = (
    "Each cell below is a link. Mend the cells; where a value is questioned and right, write why in"
    f" the shaded cell of the column {REASON}; then send this workbook again."
)

# What openpyxl raises on workbooks that it does not understand; it has no error of its own. Its
# parser of XML, the standard one or lxml where that is installed, raises a SyntaxError.
_NOT_UNDERSTOOD = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    OSError,
    SyntaxError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What is said about a cell; ``sheet`` and ``cell`` are None where it is about none.

    ``reason`` is what an officer has answered already.
    """

    severity: Literal["error", "confirm", "note"]
    rule: str
    sheet: str | None
    cell: str | None
    place: str
    value: str
    message: str
    mend: str
    reason: str = ""


def write_reply(
    raw: RawReturn, headline: str, marks: Sequence[Mark], path: Path, *, programme: str = ""
) -> None:
    """Write the marked copy of a return to ``path``; the list is in the order of ``marks``.

    No more than ``MAX_MARKS`` are made, and the list says how many are left out.

    A CSV comes back as a workbook with the same cells, its guide filled from its name and with
    ``programme``, and so does a workbook whose formats cannot be read.

    Raises
    ------
    ReplyTooLong : if the return is too long to mark.
    UserError : if ``path`` is no .xlsx or cannot be written.
    """
    if path.suffix.lower() != ".xlsx":
        raise UserError(
            f"a reply is an Excel workbook (.xlsx), not {path.suffix!r}.", where=str(path)
        )
    cells = sum(len(row.values) for row in raw.rows)
    for sheet in raw.sheets:  # with the empty ones: each is an object to openpyxl
        cells = max(cells, sheet.cells, sheet.last_row * (sheet.last_column + 1))
    if cells > MAX_CELLS:
        raise ReplyTooLong(
            f"the return has {cells:,} cells; a marked copy is made of up to {MAX_CELLS:,}.",
            where=raw.path_name,
            mend="work from the list above, which is complete.",
        )
    book = _own_workbook(raw) if raw.sheet is not None else None
    if book is None:
        book = _from_cells(raw, programme)
    else:
        _make_ready(book, raw.sheets)
    marked = marks[:MAX_MARKS]
    _mark_cells(book, marked)
    _list_problems(book, headline, marked, more=len(marks) - len(marked))
    try:
        path.write_bytes(saved(book))
    except OSError as error:
        raise UserError(
            f"the reply cannot be written ({error.strerror}).", where=str(path)
        ) from None


def _own_workbook(raw: RawReturn) -> Any | None:
    """The officer's own workbook; None where its formats are beyond understanding.

    What can be read and not be written again is found by doing so once, unmarked: then whatever
    fails later is a fault of ours, and no workbook's.
    """
    from openpyxl import load_workbook

    def load() -> Any:
        # Links are not carried on; rich text is, or an officer's formats inside a cell would be
        # lost.
        return load_workbook(io.BytesIO(raw.content), keep_links=False, rich_text=True)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that are left out, in a developer's words
            load().save(io.BytesIO())  # on a copy of its own: pictures can be written only once
            book = load()
    except _NOT_UNDERSTOOD:
        return None
    known = {sheet.title for sheet in raw.sheets}
    # A workbook whose sheets were not all looked at by the gate is built anew from its values.
    return book if all(sheet.title in known for sheet in book.worksheets) else None


def _from_cells(raw: RawReturn, programme: str) -> Any:
    """A fresh workbook with the same values in the same cells."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = form().return_sheet
    for row in (raw.header, *raw.rows):
        for column, value in enumerate(row.values, start=1):
            if value is not None:
                _put(sheet.cell(row.number, column), value)
    about = book.create_sheet(form().guide_sheet)
    guide = dict(raw.guide)
    if raw.guide_sheet is None and any(guide.values()):
        # What only a workbook says: the file was checked as one of this version and programme.
        guide |= {"template_version": form().template_version, "programme": programme}
    for number, line in enumerate(form().guide, start=1):
        _put(about.cell(number, 1), line)
        _put(about.cell(number, 2), guide[line])
    return book


def _put(cell: Any, value: object) -> None:
    """Set a value; a text stays a text whatever it begins with, and loses what no cell can hold."""
    # Excel calls a file with NaN in it damaged.
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        cell.value = value
        return
    cell.value = _clean(str(value))
    # Set after the value: openpyxl has by then made a formula of a text that begins with "=".
    cell.data_type = "s"


def _make_ready(book: Any, sheets: Sequence[Sheet]) -> None:
    """Without the marks of an earlier reply, or numbers that no spreadsheet program opens."""
    if form().problems_sheet in book.sheetnames:
        del book[form().problems_sheet]
    reach = {sheet.title: (sheet.last_row, sheet.last_column + 1) for sheet in sheets}
    for sheet in book.worksheets:
        last_row, last_column = reach[sheet.title]
        # A format far outside is a cell to openpyxl: walk no further than there are values.
        for row in sheet.iter_rows(max_row=last_row + 1, max_col=last_column + 1):
            for cell in row:
                _clear_old_mark(cell)
                if isinstance(cell.value, float) and not math.isfinite(cell.value):
                    _put(cell, cell.value)


def _clear_old_mark(cell: Any) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    # Only our own marks: an officer's colours and comments stay.
    if cell.comment is not None and cell.comment.author == AUTHOR:
        # What we put our words before comes back as the officer's comment.
        _, found, own = cell.comment.text.partition(OWN_WORDS)
        cell.comment = Comment(own, "") if found else None
        cell.fill = PatternFill()


def _mark_cells(book: Any, marks: Sequence[Mark]) -> None:
    by_cell: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        sheet = mark.sheet or form().return_sheet
        if mark.cell is not None and sheet in book.sheetnames:
            cell = _first_of_merged(book[sheet], mark.cell)
            by_cell[sheet, cell].append(mark)
    for (sheet, cell), marks in by_cell.items():
        _mark(book[sheet][cell], marks)


def _mark(cell: Any, marks: Sequence[Mark]) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    text = "\n\n".join(f"{mark.message}\n{mark.mend} ({mark.rule})" for mark in marks)
    if cell.comment is not None:
        text = f"{text}{OWN_WORDS}{cell.comment.text}"
    comment = Comment(_clean(text), AUTHOR)
    # About 45 letters a line at this width: Excel does not grow a comment by itself.
    comment.width, comment.height = 320, 60 + 18 * (len(text) // 45 + text.count("\n"))
    cell.comment = comment
    # Keys stand from the worst on.
    worst = min((mark.severity for mark in marks), key=list(_FILLS).index)
    cell.fill = PatternFill("solid", fgColor=_FILLS[worst])


def _clean(text: str) -> str:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    # Excel holds 32,767 characters in a cell.
    return str(ILLEGAL_CHARACTERS_RE.sub("�", text))[:32_000]


def _first_of_merged(sheet: Any, name: str) -> str:
    row, column, _, _ = corners(name) or (1, 0, 1, 0)
    for merged in sheet.merged_cells.ranges:
        if merged.min_row <= row <= merged.max_row and (
            merged.min_col <= column + 1 <= merged.max_col
        ):
            # Only the first cell of a merge can hold a comment.
            return f"{merged.start_cell.coordinate}"
    return name


def _list_problems(book: Any, headline: str, marks: Sequence[Mark], more: int) -> None:
    from openpyxl.styles import Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    sheet = book.create_sheet(form().problems_sheet)
    _put(sheet["A1"], headline)
    sheet["A1"].font = Font(bold=True, size=14)
    _put(sheet["A2"], _HOW)
    if more:
        what = f"The first {len(marks):,} are listed and marked here, {more:,} more are not:"
        _put(sheet["A3"], f"{what} newstart check lists every one.")
    for column, (title, width) in enumerate((_WIDTHS | {REASON: 50}).items(), start=1):
        _put(sheet.cell(_LIST_FROM, column), title)
        sheet.cell(_LIST_FROM, column).font = Font(bold=True)
        sheet.column_dimensions[sheet.cell(_LIST_FROM, column).column_letter].width = width
    for number, mark in enumerate(marks, start=_LIST_FROM + 1):
        shown = (mark.place, mark.value, mark.message, mark.mend, KINDS[mark.severity], mark.rule)
        for column, value in enumerate(shown, start=1):
            _put(sheet.cell(number, column), value)
        wrap(sheet, number, len(shown))
        if mark.severity == "confirm":
            answer = sheet.cell(number, len(shown) + 1)
            answer.fill = PatternFill("solid", fgColor=_SHADED)
            if mark.reason:
                _put(answer, mark.reason)
        first = sheet.cell(number, 1)
        first.fill = PatternFill("solid", fgColor=_FILLS[mark.severity])
        target = mark.sheet or form().return_sheet
        if mark.cell is not None and target in book.sheetnames:
            # A quotation mark in a sheet's name is doubled inside a reference.
            quoted = target.replace("'", "''")
            first.hyperlink = Hyperlink(ref=first.coordinate, location=f"'{quoted}'!{mark.cell}")
            first.font = Font(underline="single", color="FF0B3D91")
    sheet.freeze_panes = f"A{_LIST_FROM + 1}"
    fit_to_width(sheet)
    book.active = book.sheetnames.index(sheet.title)
    for other in book.worksheets:  # two selected sheets would be edited as one
        other.sheet_view.tabSelected = other is sheet
