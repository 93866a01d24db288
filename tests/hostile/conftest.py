"""An honest workbook, from which the hostile ones are made."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.content import Figures
from evaluation.returns.saving import saved
from evaluation.returns.template import write_template
from tests.hostile.packages import as_excel_writes


@pytest.fixture
def honest(tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path) -> bytes:
    path = tmp_path / "honest.xlsx"
    write_template(tiny, "S01", "nhs", quarter, path, last_accepted=denominators)
    book = openpyxl.load_workbook(path)
    for cell, value in {"E2": 215, "E3": 251, "E4": 24, "E5": 33}.items():
        book["Return"][cell] = value
    return as_excel_writes(saved(book))
