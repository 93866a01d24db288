"""An honest workbook, from which the hostile ones are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.programme import Programme
from evaluation.returns.form import Figures
from tests.hostile.packages import honest_workbook


@pytest.fixture
def honest(tiny: Programme, denominators: Figures, tmp_path: Path) -> bytes:
    return honest_workbook(tiny, denominators, tmp_path / "honest.xlsx")
