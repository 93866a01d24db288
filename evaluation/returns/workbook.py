"""From a file to addressed cells: xlsx through python-calamine, CSV through the csv module.

Workbooks that are no returns (a price list that a ministry publishes) come through the same gate.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evaluation import fingerprint
from evaluation.errors import PeriodError, ReturnFileError, UserError
from evaluation.quarters import Period
from evaluation.returns import gate
from evaluation.returns.archive import MAX_RECTANGLE, damaged
from evaluation.returns.form import address, form
from evaluation.returns.sheets import MAX_ROW, Sheet

_MAX_FIELDS, _MAX_BLANK = 200, 10_000


class RawRow(NamedTuple):
    """A row of the sheet: its number (1 is the first) and its values from column A on."""

    number: int
    values: tuple[Any, ...]

    @property
    def blank(self) -> bool:
        return all(value is None for value in self.values)


@dataclass(frozen=True, kw_only=True)
class RawReturn:
    """A return file as it came.

    ``sheet`` is the sheet's name, None for a CSV. ``guide`` says whose return it is:
    template_version, programme, site, agency, quarter, as text, empty where the file does not
    say. ``header`` is the first row that holds anything, ``rows`` all rows below it. Values are
    None (empty), text, numbers, booleans, dates. ``sheets`` are the sheets of the workbook as
    their XML has them, none for a CSV.
    """

    path_name: str
    content: bytes
    sha256: str
    sheet: str | None
    guide: dict[str, str]
    header: RawRow
    rows: tuple[RawRow, ...]
    sheets: tuple[Sheet, ...] = ()

    @property
    def figures(self) -> Sheet | None:
        """What the XML of the return sheet says beyond its values; None for a CSV."""
        return next((sheet for sheet in self.sheets if sheet.title == self.sheet), None)


def read_return(path: Path) -> RawReturn:
    """Read a return file (.xlsx or .csv) into addressed cells.

    Raises
    ------
    ReturnFileError : if it cannot be opened as a workbook or CSV, or is beyond the bounds.
    UserError : if there is no such file.
    """
    try:
        # Before reading: a file of gigabytes is refused without being loaded.
        size = path.stat().st_size
        gate.check_size(size, path.name)
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the file cannot be opened ({error.strerror}).", where=str(path)) from None
    sheets: tuple[Sheet, ...] = ()
    sheet: str | None = None
    if path.suffix.lower() == ".xlsx":
        passed = gate.pass_workbook(content, path.name)
        sheet, sheets = form().return_sheet, passed.sheets
        guide, rows = _read_xlsx(passed, path.name)
    elif path.suffix.lower() == ".csv":
        guide, rows = guide_from_name(path.name), _read_csv(content, path.name)
    else:
        raise gate.wrong_suffix(path.suffix, path.name)
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
        sheet=sheet,
        guide=guide,
        header=rows[filled],
        rows=tuple(rows[filled + 1 :]),
        sheets=sheets,
    )


def guide_from_name(name: str) -> dict[str, str]:
    """Whose return it is, from ``<site>_<agency>_<2026-Q3>.csv``; empty where it does not say.

    An agency's code may hold underscores, a site's may not.
    """
    guide = dict.fromkeys(form().guide, "")
    parts = Path(name).stem.split("_")
    if len(parts) < 3:
        return guide
    try:
        quarter = Period.parse(parts[-1]).label
    except PeriodError:
        return guide
    return guide | {"site": parts[0], "agency": "_".join(parts[1:-1]), "quarter": quarter}


def csv_name(site: str, agency: str, period: Period) -> str:
    """The name that a submitter's CSV carries."""
    return f"{site}_{agency}_{period.slug}.csv"


def _read_csv(content: bytes, name: str) -> list[RawRow]:
    text = gate.pass_text(content, name)
    # Otherwise csv mends a lost quotation mark by swallowing the rest of the file into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[RawRow] = []
    cells = line = blank = 0
    try:
        for record in reader:
            # A blank line has no fields and still costs memory.
            cells += max(len(record), 1)
            line = reader.line_num
            if len(rows) == MAX_ROW or cells > MAX_RECTANGLE or len(record) > _MAX_FIELDS:
                raise ReturnFileError(
                    f"line {line} goes beyond what a return can hold: {MAX_ROW:,} rows of"
                    f" {_MAX_FIELDS} columns, {MAX_RECTANGLE:,} cells in all.",
                    where=name,
                    mend="send the rows of one quarter and the columns of the template alone.",
                )
            rows.append(RawRow(len(rows) + 1, tuple(value or None for value in record)))
            blank += not any(record)
            if blank > _MAX_BLANK:
                raise ReturnFileError(
                    f"more than {_MAX_BLANK:,} rows are blank, the last of them in line {line}.",
                    where=name,
                    mend="delete the blank rows, or export the figures again.",
                )
    except csv.Error:
        raise ReturnFileError(
            f"the file is no sound CSV from line {line + 1} on.",
            where=name,
            mend="look there for a quotation mark that is opened and never closed.",
        ) from None
    # As Excel writes CSV where a comma is the decimal sign; counted on the first row alone, since a
    # note may hold semicolons.
    if rows and len(rows[0].values) == 1 and str(rows[0].values[0]).count(";") > 2:
        raise ReturnFileError(
            "the columns are separated by semicolons.",
            where=name,
            mend="save it with commas between the columns.",
        )
    return rows


def _read_xlsx(passed: gate.Passed, name: str) -> tuple[dict[str, str], list[RawRow]]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    wanted = form().return_sheet
    held = {sheet.title: sheet for sheet in passed.sheets}
    if wanted not in held:
        raise ReturnFileError(
            f"the workbook has no sheet called {wanted}; it has {', '.join(held)}.",
            where=name,
            mend=f"rename the sheet with the figures to {wanted}.",
        )
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(passed.content))
        # The parser reads a failed formula as an empty cell: its error is put back from the XML.
        rows = _sheet_rows(book.get_sheet_by_name(wanted), held[wanted].errors)
        guide = dict.fromkeys(form().guide, "")
        if form().guide_sheet in held:
            guide |= _read_guide(_sheet_rows(book.get_sheet_by_name(form().guide_sheet), {}))
    except (CalamineError, PasswordError):
        raise damaged(name, "its sheets cannot be read") from None
    return guide, rows


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
    # Blanks alone, so that what no officer can see is told and not mended in silence.
    return str(value).strip(" ")


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
        return {name: _rows(book.get_sheet_by_name(name)) for name in book.sheet_names}
    except (CalamineError, PasswordError):
        raise damaged(path.name, "its sheets cannot be read") from None


def _rows(sheet: Any) -> list[RawRow]:
    if sheet.start is None:
        return []
    return [
        RawRow(number, tuple(None if value == "" else value for value in values))
        for number, values in enumerate(sheet.to_python(skip_empty_area=False), start=1)
    ]
