"""The file that a submitter fills in: its areas and outcomes in place, as xlsx or CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from evaluation.errors import ReturnFileError
from evaluation.programme import Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.content import Figures
from evaluation.returns.form import form
from evaluation.returns.saving import saved

_NOTES = (
    "One row an area and outcome; do not add, move or rename columns.",
    "Fill in column E (numerator). Column F (denominator) is what the figure is out of.",
    "A figure that is missing stays empty, with its symbol in column G (status):",
)


def write_template(
    programme: Programme,
    site: str,
    agency: str,
    period: Period,
    path: Path,
    *,
    last_accepted: Figures | None = None,
) -> None:
    """Write the empty return of one submitter for one period to ``path`` (.xlsx or .csv).

    Parameters
    ----------
    last_accepted : the submitter's last accepted figures; their denominators are put in place and
        their numerators shown beside the empty cells.

    Raises
    ------
    WorkspaceError : if the programme has no such submitter.
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    areas, outcomes = programme.expected(site, agency)
    outcomes = tuple(o for o in outcomes if o.period_frequency == period.frequency)
    guide = [form().template_version, programme.name, site, agency, str(period)]
    write_return(path, guide, _rows(areas, outcomes, period, last_accepted or {}))


def write_return(path: Path, guide: list[str], rows: list[list[str | float | None]]) -> None:
    """Write rows (columns A-I of the form) as a return file; ``guide`` fills ``Guide!B1:B5``.

    Raises
    ------
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([[*form().names, *form().ignored], *rows])
    elif path.suffix.lower() == ".xlsx":
        _write_xlsx(rows, guide, path)
    else:
        raise ReturnFileError(
            f"a return is written as .xlsx or .csv, not {path.suffix!r}.", where=str(path)
        )


def _rows(
    areas: tuple[Area, ...], outcomes: tuple[Outcome, ...], period: Period, last: Figures
) -> list[list[str | float | None]]:
    rows: list[list[str | float | None]] = []
    for outcome in outcomes:
        for area in areas:
            numerator, denominator = last.get((area.code, outcome.code), (None, None))
            given = [area.code, area.name, period.label, outcome.code]
            rows.append([*given, None, _plain(denominator), None, None, _plain(numerator)])
    return rows


def _plain(figure: float | None) -> float | None:
    """A whole number without its ``.0``, as an officer would type it."""
    return int(figure) if figure is not None and figure == int(figure) else figure


def _write_xlsx(rows: list[list[str | float | None]], guide: list[str], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None  # a new workbook has a sheet
    sheet.title = form().return_sheet
    sheet.append([*form().names, *form().ignored])
    for row in rows:
        sheet.append(row)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    widths = [column.width for column in form().columns] + [14] * len(form().ignored)
    for column, width in zip(sheet.columns, widths, strict=True):
        sheet.column_dimensions[column[0].column_letter].width = width
        if column[0].value in ("numerator", "denominator"):
            for cell in column[1:]:
                cell.number_format = "General"
        else:
            for cell in column[1:]:
                cell.number_format = "@"
    sheet.freeze_panes = "A2"
    about = book.create_sheet(form().guide_sheet)
    for label, value in zip(form().guide, guide, strict=True):
        about.append([label, value])
        about.cell(about.max_row, 2).number_format = "@"
    about.append([])
    for line in ("Notes", *_NOTES):
        about.append([line])
    for symbol in form().symbols:
        about.append([symbol.symbol, symbol.about])
    about.column_dimensions["A"].width = 20
    about.column_dimensions["B"].width = 60
    path.write_bytes(saved(book))
