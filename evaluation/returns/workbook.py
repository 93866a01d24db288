"""From a file to addressed cells: xlsx through python-calamine, CSV through the csv module.

Nothing is judged here. Every row keeps its number in the sheet, so that a problem can name the
cell that the officer sees, and every cell keeps the value that stood in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from evaluation import fingerprint
from evaluation.errors import PeriodError, ReturnFileError, UserError
from evaluation.quarters import Period
from evaluation.returns import gate
from evaluation.returns.form import form


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
    None (empty), text, numbers, booleans, dates.
    """

    path_name: str
    content: bytes
    sha256: str
    sheet: str | None
    guide: dict[str, str]
    header: RawRow
    rows: tuple[RawRow, ...]


@lru_cache(maxsize=256)
def column_letter(column: int) -> str:
    """The letter of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    """The A1 name of a cell: row counted from 1, column from 0."""
    return f"{column_letter(column)}{row}"


def read_return(path: Path) -> RawReturn:
    """Read a return file (.xlsx or .csv) into addressed cells.

    Raises
    ------
    ReturnFileError : if it cannot be opened as a workbook or CSV, or is beyond the bounds.
    UserError : if there is no such file.
    """
    try:
        size = path.stat().st_size
        gate.check_size(size, path.name)
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the file cannot be opened ({error.strerror}).", where=str(path)) from None
    if path.suffix.lower() == ".xlsx":
        sheet, guide, rows = _read_xlsx(content, path.name)
    elif path.suffix.lower() == ".csv":
        sheet, guide, rows = None, guide_from_name(path.name), _read_csv(content, path.name)
    else:
        raise ReturnFileError(
            f"a return is an Excel workbook or a CSV file; this one ends in {path.suffix!r}.",
            where=path.name,
            mend="save it as Excel workbook (.xlsx) or CSV UTF-8 (.csv).",
        )
    filled = next((i for i, row in enumerate(rows) if not row.blank), None)
    if filled is None:
        raise ReturnFileError("there is nothing in the return.", where=path.name)
    return RawReturn(
        path_name=path.name,
        content=content,
        sha256=fingerprint.of_bytes(content),
        sheet=sheet,
        guide=guide,
        header=rows[filled],
        rows=tuple(rows[filled + 1 :]),
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
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ReturnFileError(
            f"line {line} holds characters that are not UTF-8.",
            where=name,
            mend="save it as CSV UTF-8 (in Excel: Save as, CSV UTF-8).",
        ) from None
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ReturnFileError(
            f"the file is no sound CSV ({error}).",
            where=name,
            mend="look for a quotation mark that is opened and never closed.",
        ) from None
    if records and len(records[0]) == 1 and records[0][0].count(";") > 2:
        raise ReturnFileError(
            "the columns are separated by semicolons.",
            where=name,
            mend="save it with commas between the columns.",
        )
    return [
        RawRow(number, tuple(value or None for value in record))
        for number, record in enumerate(records, start=1)
    ]


def _read_xlsx(content: bytes, name: str) -> tuple[str, dict[str, str], list[RawRow]]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    wanted = form().return_sheet
    errors = gate.error_cells(content, wanted, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        titles = book.sheet_names
        if wanted not in titles:
            raise ReturnFileError(
                f"the workbook has no sheet called {wanted}; it has {', '.join(titles)}.",
                where=name,
                mend=f"rename the sheet with the figures to {wanted}.",
            )
        rows = _sheet_rows(book.get_sheet_by_name(wanted), errors)
        guide = dict.fromkeys(form().guide, "")
        if form().guide_sheet in titles:
            guide |= _read_guide(_sheet_rows(book.get_sheet_by_name(form().guide_sheet), {}))
    except PasswordError:
        raise ReturnFileError(
            "the workbook is protected by a password.", where=name, mend="save it without one."
        ) from None
    except CalamineError as error:
        raise ReturnFileError(
            f"the workbook cannot be read ({error}).",
            where=name,
            mend="open it in your spreadsheet program and save it as Excel workbook (.xlsx).",
        ) from None
    return wanted, guide, rows


def _sheet_rows(sheet: Any, errors: dict[str, str]) -> list[RawRow]:
    """The rows of a sheet, from row 1 and column A, whatever is blank before the first value."""
    if sheet.start is None and not errors:
        return []
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
    return str(value).strip(" ")
