"""Workbooks that are no returns (a price list that a ministry publishes), through the same gate."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from evaluation.errors import UserError
from evaluation.returns import gate
from evaluation.returns.archive import damaged
from evaluation.returns.workbook import RawRow


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
