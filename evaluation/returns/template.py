"""The file that a submitter fills in: its areas and outcomes in place, as xlsx or CSV."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.errors import ReturnFileError, WorkspaceError
from evaluation.programme import Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures, column_letter, form


def saved(book: Any) -> bytes:
    """The bytes of an openpyxl workbook, the same on every run."""
    out = io.BytesIO()
    book.save(out)
    return _without_the_hour(out.getvalue())


def _without_the_hour(content: bytes) -> bytes:
    """The same workbook with no trace of when it was written, so that its hash says what it holds.

    openpyxl stamps the time into its properties as it saves, and the archive into every member.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as made, zipfile.ZipFile(out, "w") as kept:
        for member in made.infolist():
            part = made.read(member)
            if member.filename == "docProps/core.xml":
                part = re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", part)
            fixed = zipfile.ZipInfo(member.filename, date_time=(1980, 1, 1, 0, 0, 0))
            fixed.compress_type = zipfile.ZIP_DEFLATED
            kept.writestr(fixed, part)
    return out.getvalue()


Rows = Sequence[Sequence[str | float | None]]
_SHADED, _HEADING, _QUIET = "FFFFF9DB", "FFE7E6E6", "FF595959"
_BESIDE = {"empty": "empty", "given": "given", "either": "empty or given"}
_NEXT = (
    "The file is checked as it comes. If something is to be mended or asked, your own workbook"
    " comes back with the cells marked and a list on the sheet Problems: mend it, write a reason"
    " beside what is right, and send it again. If not, you get a receipt with a number: keep it."
    " The figures stand from then on, and a later correction replaces them without deleting them."
)
_STEPS = (
    "Fill in the shaded cells of column E (numerator) on the sheet Return: one figure for each area"
    " and outcome.",
    "Column F (denominator) is what the figure is out of. Fill it in where it is shaded; leave it"
    " where it is in place.",
    "Where there is no figure, leave column E empty and choose its symbol in column G (status)."
    " Never write <5, *, N/A or 0 in its place.",
    "Column H (note) is for what a reader must know about a figure. No names of people.",
    "Column I (last_accepted) shows the figure that was accepted last time. It is not read.",
    "Keep the columns and rows as they are. Paste values, not formulas.",
    "What is counted, and what each symbol means, stands on the sheet Notes.",
    "A figure that was rounded before it came to you has [r] in column G, and its note says to"
    " what: rounded to 5.",
    "If you can, check it before you send it: newstart check FILE. It names every fault in its"
    " cell.",
)


class Told(NamedTuple):
    """A line of the guide that nobody has to guess: what it is about, and what it says."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked from a submitter: shown on the sheet of notes and offered in drop-downs.

    ``told`` are the lines of the guide in words.
    """

    areas: tuple[Area, ...]
    outcomes: tuple[Outcome, ...]
    told: tuple[Told, ...] = ()


def told(programme: Programme, site: str, agency: str, period: Period) -> tuple[Told, ...]:
    """Whose return it is in words, for which months, who to ask, by when, and what happens next."""
    due = period.last_day + timedelta(days=programme.due_days)
    name = programme.site_by_code[site].name if site in programme.site_by_code else "a source"
    agencies = programme.agencies | {source.code: source.name for source in programme.sources}
    return (
        Told("Programme", programme.title),
        Told("Site", f"{name} ({site})"),
        Told("Agency", f"{agencies.get(agency, agency)} ({agency})"),
        Told("Months", f"{period.months} ({period.label})"),
        # %d would print 01, and %-d is not portable.
        Told("Send it by", f"{due.day} {due:%B %Y}"),
        Told("Send it to, and ask", programme.contact or "whoever sent you this file"),
        Told("What happens next", _NEXT),
    )


def workbook(rows: Rows, guide: Sequence[str], asked: Asked | None) -> bytes:
    """The workbook of a return; without ``asked`` it offers no drop-downs and has no notes."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = form().return_sheet
    _write_table(sheet, rows)
    _write_guide(book.create_sheet(form().guide_sheet), guide, asked.told if asked else ())
    if asked is not None:
        lists = _write_notes(book.create_sheet(form().notes_sheet), asked)
        _offer(sheet, rows, asked, lists)
        _shade(sheet, rows, asked)
    for one in book.worksheets:
        fit_to_width(one)
    return saved(book)


def fit_to_width(sheet: Any) -> None:
    """Print a sheet in landscape, as wide as the paper and as long as it is."""
    sheet.page_setup.orientation = "landscape"
    # 0 is as many pages as it takes.
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def wrap(sheet: Any, row: int, columns: int) -> None:
    """Wrap the texts of a row whose column widths are set, and make it tall enough for them.

    ``columns`` is how many cells the row has; asked of the sheet, it would count all of its cells.
    """
    from openpyxl.styles import Alignment

    lines = 1
    wrapped = Alignment(wrap_text=True, vertical="top", horizontal="left")
    for cell in next(sheet.iter_rows(row, row, 1, columns)):
        cell.alignment = wrapped
        width = sheet.column_dimensions[cell.column_letter].width
        # Some room: letters may be wider than the digit that Excel counts widths in.
        lines = max(lines, math.ceil(1.15 * len(str(cell.value or "")) / width))
    sheet.row_dimensions[row].height = 15 * lines


def _write_table(sheet: Any, rows: Rows) -> None:
    from openpyxl.styles import Font

    heads = _heads(rows)
    sheet.append(heads)
    for row in rows:
        sheet.append(list(row))
    _heading(sheet[1])
    declared = {column.name: column.width for column in (*form().columns, *form().beside)}
    widths = [declared.get(name, 14) for name in heads]
    figures = {"numerator", "denominator", *form().ignored, *form().known[len(form().names) :]}
    for column, width in zip(sheet.columns, widths, strict=True):
        sheet.column_dimensions[column[0].column_letter].width = width
        # Text, or Excel turns codes and quarters into numbers and dates.
        number = "General" if column[0].value in figures else "@"
        for cell in column[1:]:
            cell.number_format = number
            if column[0].value in form().ignored:
                cell.font = Font(italic=True, color=_QUIET)
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"


def _heads(rows: Rows) -> list[str]:
    """The headings: those of samples stand last, and only where a row reaches so far."""
    usual = [*form().names, *form().ignored]
    sampled = list(form().known[len(form().names) :])
    return usual + (sampled if any(len(row) > len(usual) for row in rows) else [])


def _heading(cells: Sequence[Any]) -> None:
    from openpyxl.styles import Font, PatternFill

    for cell in cells:
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor=_HEADING)


def _write_guide(sheet: Any, guide: Sequence[str], lines: Sequence[Told]) -> None:
    from openpyxl.styles import Font

    sheet.column_dimensions["A"].width = 20
    sheet.column_dimensions["B"].width = 90
    for label, value in zip(form().guide, guide, strict=True):
        sheet.append([label, value])
        sheet.cell(sheet.max_row, 2).number_format = "@"
    if lines:
        sheet.append([])
    for line in lines:
        sheet.append(list(line))
        wrap(sheet, sheet.max_row, 2)
    sheet.append([])
    sheet.append(["How to fill it in"])
    sheet.cell(sheet.max_row, 1).font = Font(bold=True)
    for number, step in enumerate(_STEPS, start=1):
        sheet.append([number, step])
        wrap(sheet, sheet.max_row, sheet.max_column)


def _write_notes(sheet: Any, asked: Asked) -> dict[str, str]:
    """Write the notes; where the lists stand that drop-downs offer, by column of the return."""
    for letter, width in zip("ABCDE", (36, 40, 44, 36, 22), strict=True):
        sheet.column_dimensions[letter].width = width
    tables: tuple[tuple[str, str, tuple[str, ...], list[tuple[str, ...]]], ...] = (
        (
            "status",
            "Status symbols",
            ("symbol", "meaning", "the figure beside it"),
            [(s.symbol, s.about, _BESIDE[s.figure]) for s in form().symbols],
        ),
        (
            "outcome",
            "Outcomes",
            ("code", "title", "what is counted", "out of", "numbers"),
            [_defined(outcome) for outcome in asked.outcomes],
        ),
        ("area_code", "Areas", ("code", "name"), [(a.code, a.name) for a in asked.areas]),
    )
    lists = {}
    for column, title, heads, lines in tables:
        if sheet.max_row > 1:
            sheet.append([])
        sheet.append([title])
        _heading(sheet[sheet.max_row][:1])
        sheet.append(list(heads))
        _heading(sheet[sheet.max_row][: len(heads)])
        first = sheet.max_row + 1
        for line in lines:
            sheet.append(list(line))
            for cell in sheet[sheet.max_row]:
                cell.number_format = "@"
            wrap(sheet, sheet.max_row, sheet.max_column)
        lists[column] = f"{form().notes_sheet}!$A${first}:$A${sheet.max_row}"
    return lists


def _defined(outcome: Outcome) -> tuple[str, ...]:
    numbers = "whole numbers" if outcome.whole else "decimals are right"
    out_of = outcome.denominator or "nothing: a value by itself"
    return outcome.code, outcome.title, outcome.numerator, out_of, numbers


def _offer(sheet: Any, rows: Rows, asked: Asked, lists: dict[str, str]) -> None:
    """Drop-downs and limits; what they refuse, they refuse in the words of the check."""
    last = len(rows) + 1
    place = {name: column_letter(number) for number, name in enumerate(form().names)}
    if not rows:
        return
    for column, source in lists.items():
        _validate(
            sheet,
            f"{place[column]}2:{place[column]}{last}",
            _Allowed("list", source),
            "Choose from the list; the sheet Notes explains it.",
        )
    quarter = f'"{rows[0][2]}"'
    _validate(
        sheet,
        f"{place['quarter']}2:{place['quarter']}{last}",
        _Allowed("list", quarter),
        f"This return is for {Period.parse(rows[0][2]).described}.",
    )
    missing = "A missing or withheld one stays empty, with its symbol in status."
    end = 1
    declared = {outcome.code: outcome for outcome in asked.outcomes}
    # Not every outcome is asked for every area: the rows themselves say where each stands.
    for code, block in groupby(rows, key=itemgetter(3)):
        outcome, start = declared[str(code)], end + 1
        end += sum(1 for _ in block)
        figures, below = (
            f"{place['numerator']}{start}:{place['numerator']}{end}",
            (f"{place['denominator']}{start}:{place['denominator']}{end}"),
        )
        ratio = outcome.form == "ratio"
        what = "A whole number, 0 or more." if outcome.whole else "A number."
        kind = "whole" if outcome.whole else "decimal"
        # Excel wants some limit here; this one refuses nothing that is real.
        low = "0" if ratio or outcome.whole else "-1000000000"
        at_least = _Allowed(kind, low, "greaterThanOrEqual")
        _validate(sheet, figures, at_least, f"{what} {missing}")
        if ratio:
            above_zero = _Allowed("decimal", "0", "greaterThan")
            _validate(sheet, below, above_zero, "A number above 0.")
        else:
            empty = _Allowed("textLength", "0", "equal")
            _validate(sheet, below, empty, "A value by itself: none.")


class _Allowed(NamedTuple):
    """What a cell may hold, in Excel's words: a kind, what it is held against, and how."""

    kind: str
    formula: str
    operator: str | None = None


def _validate(sheet: Any, cells: str, allowed: _Allowed, message: str) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    kind, formula, operator = allowed
    # Validation stops typing, not pasting: the check still looks at everything.
    offered = DataValidation(type=kind, operator=operator, formula1=formula, allow_blank=True)
    offered.error, offered.errorTitle = message, "This cell"
    offered.showErrorMessage = True
    offered.add(cells)
    sheet.add_data_validation(offered)


def _shade(sheet: Any, rows: Rows, asked: Asked) -> None:
    """Shade what is to be filled in, and part the outcomes with a line."""
    from openpyxl.styles import Border, PatternFill, Side

    form_of = {outcome.code: outcome.form for outcome in asked.outcomes}
    shade, line = PatternFill("solid", fgColor=_SHADED), Border(top=Side("thin", color=_QUIET))
    before = None
    for number, row in enumerate(rows, start=2):
        outcome = str(row[3])
        sheet.cell(number, 5).fill = shade
        if row[5] is None and form_of[outcome] == "ratio":
            sheet.cell(number, 6).fill = shade
        if before not in (None, outcome):
            for cell in sheet[number]:
                cell.border = line
        before = outcome


Row = list[str | float | None]


def write_template(
    programme: Programme,
    site: str,
    agency: str,
    period: Period,
    path: Path,
    *,
    last_accepted: Figures | None = None,
) -> int:
    """Write the empty return of one submitter for one period to ``path`` (.xlsx or .csv).

    Gives the number of rows whose denominator is not known and has to be filled in.

    Parameters
    ----------
    last_accepted : the submitter's last accepted figures; their denominators are put in place and
        their numerators shown beside the empty cells. Where there is none, the denominator that
        the programme declares is put in place.

    Raises
    ------
    WorkspaceError : if the programme has no such submitter, or asks nothing from it then.
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    areas, _ = programme.expected(site, agency)
    outcomes = programme.asked_in(site, agency, period)
    if not areas or not outcomes:
        raise WorkspaceError(
            f"nothing is asked from {site} with agency {agency} for {period}.",
            mend="choose another quarter, or a year where the outcomes are yearly.",
        )
    guide = [form().template_version, programme.name, site, agency, str(period)]
    known: Figures = {key: (None, below) for key, below in programme.fixed_denominators.items()}
    for key, (numerator, below) in (last_accepted or {}).items():
        # A figure once accepted without a denominator does not hide the one that is declared.
        known[key] = (numerator, below if below is not None else known.get(key, (None, None))[1])
    rows: list[Row] = []
    for outcome in outcomes:
        of_it = programme.areas_of(site, agency, outcome.code)
        rows += _rows([area for area in areas if area.code in of_it], outcome, period, known)
    lines = told(programme, site, agency, period)
    write_return(path, guide, rows, asked=Asked(areas=areas, outcomes=outcomes, told=lines))
    ratios = {outcome.code for outcome in outcomes if outcome.form == "ratio"}
    return sum(row[5] is None and row[3] in ratios for row in rows)


def write_return(
    path: Path, guide: list[str], rows: list[Row], *, asked: Asked | None = None
) -> None:
    """Write rows (columns A-I of the form) as a return file; ``guide`` fills ``Guide!B1:B5``.

    Rows of samples go on to column K: standard error and respondents.

    Raises
    ------
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    if path.suffix.lower() == ".csv":
        # csv ends its lines itself; the platform would double the carriage return.
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([_heads(rows), *rows])
    elif path.suffix.lower() == ".xlsx":
        path.write_bytes(workbook(rows, guide, asked))
    else:
        raise ReturnFileError(
            f"a return is written as .xlsx or .csv, not {path.suffix!r}.", where=str(path)
        )


def _rows(areas: Sequence[Area], outcome: Outcome, period: Period, last: Figures) -> list[Row]:
    rows: list[Row] = []
    for area in areas:
        numerator, denominator = last.get((area.code, outcome.code), (None, None))
        given = [area.code, area.name, period.label, outcome.code]
        # What a value is the mean of is no denominator of it.
        below = as_typed(denominator) if outcome.form == "ratio" else None
        row = [*given, None, below, None, None, as_typed(numerator)]
        rows.append([*row, None, None] if outcome.sampled else row)
    return rows


def as_typed(figure: float | None) -> float | None:
    """A whole number without its ``.0``, as an officer would type it."""
    return int(figure) if figure is not None and figure == int(figure) else figure
