"""How the ledger grows, in the book: what was recorded, drawn and said, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluation.edition.files import Generated
from evaluation.edition.pages import measured
from evaluation.errors import BookError

BOOK = Path(__file__).parents[2] / "book"


def test_the_record_is_said_drawn_and_tabled(tmp_path: Path) -> None:
    record = json.loads((BOOK / "ledger.json").read_text(encoding="utf-8"))
    shown = measured.ledger_size_view(BOOK, Generated(tmp_path / "_edition"))
    assert f"{record['submit']['figures']:,}" in shown["ledger_said"]
    charts = sorted((tmp_path / "_edition").rglob("ledger-*.svg"))
    assert len(charts) == 4 and all(ElementTree.parse(path) is not None for path in charts)
    for chart in shown["ledger_charts"]:
        assert "alt='Line chart of processor seconds" in chart
    assert f"{max(record['read']['seconds'])} s" in shown["ledger_table"]
    assert record["submit"]["command"].startswith("python -m benchmarks.ledger load")


def test_without_a_record_nothing_is_said_and_a_broken_one_stops_the_build(tmp_path: Path) -> None:
    out = Generated(tmp_path / "_edition")
    assert measured.ledger_size_view(tmp_path, out) == {"ledger": None}
    (tmp_path / "ledger.json").write_text("{", encoding="utf-8")
    with pytest.raises(BookError, match="no valid JSON"):
        measured.ledger_size_view(tmp_path, out)
