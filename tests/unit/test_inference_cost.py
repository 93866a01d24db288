"""What the tests cost, in the book: what was recorded, drawn and said, or nothing."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluation.edition.files import Generated
from evaluation.edition.pages import measured
from evaluation.errors import BookError

BOOK = Path(__file__).parents[2] / "book"


def test_the_record_is_said_drawn_and_tabled(tmp_path: Path) -> None:
    record = json.loads((BOOK / "inference.json").read_text(encoding="utf-8"))
    shown = measured.inference_cost_view(BOOK, Generated(tmp_path / "_edition"))
    assert "2,000 areas" in shown["cost_said"] and "9,999 assignments" in shown["cost_said"]
    charts = sorted((tmp_path / "_edition").rglob("inference-*.svg"))
    assert len(charts) == 8 and all(ElementTree.parse(path) is not None for path in charts)
    for chart, what in zip(
        shown["cost_charts"], ("areas", "assignments", "looks", "outcomes"), strict=True
    ):
        assert f"alt='Line chart of processor seconds, by number of {what}" in chart
    assert f"{record['growth'][0]['processor_seconds']:.2f}" in shown["cost_table"]


def test_the_record_keeps_what_is_promised_of_it() -> None:
    record = json.loads((BOOK / "inference.json").read_text(encoding="utf-8"))
    assert record["size"] == {
        "areas": 2_000,
        "quarters": 40,
        "outcomes": 19,
        "n": 9_999,
        "looks": 12,
    }
    assert record["seconds"]["all"] <= 3 and record["megabytes_above"] <= 300


def test_without_a_record_nothing_is_said_and_a_broken_one_stops_the_build(tmp_path: Path) -> None:
    out = Generated(tmp_path / "_edition")
    assert measured.inference_cost_view(tmp_path, out) == {"cost": None}
    (tmp_path / "inference.json").write_text("{", encoding="utf-8")
    with pytest.raises(BookError, match="no valid JSON"):
        measured.inference_cost_view(tmp_path, out)
