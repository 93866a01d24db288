"""The tutorial's cells run as they stand, and print what its text says of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

mpl.use("Agg")

from matplotlib import pyplot

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
PAGES = sorted(TUTORIAL.glob("[1-9]*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(page: Path) -> dict[str, Any]:
    """All cells of a page, one after the other, in one namespace."""
    held: dict[str, Any] = {}
    for cell in CELL.findall(page.read_text("utf-8")):
        exec(compile(cell, str(page), "exec"), held)
    pyplot.close("all")
    return held


def test_there_are_five_pages() -> None:
    assert len(PAGES) == 5
    listed = (TUTORIAL / "README.md").read_text("utf-8")
    assert all(f"({page.name})" in listed for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_cell_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    held = run(page)
    said = capsys.readouterr().out
    if page.stem.startswith("3"):
        assert "use inference='placebo'" in said
        assert held["estimate"].to_dict()["smallest_p"] == pytest.approx(1 / 27)
    if page.stem.startswith("5"):
        assert "\\toprule" in said
        assert "1980 to 1988" in said
