"""The book's table of published figures, from its record."""

import json
from pathlib import Path

import pytest

from evaluation.edition.pages import measured
from evaluation.errors import BookError

BOOK = Path(__file__).parents[2] / "book"


def test_every_case_has_its_table_and_says_how_near_it_is() -> None:
    found = measured.published_view(BOOK)["published"]
    titles = [case["title"] for case in found]
    assert titles[0] == (
        "Minimum wages and teenage employment (mpdta): 16 of 16 figures agree with what was printed"
    )
    assert "\u22120.0399513" in found[0]["table"]
    record = json.loads((BOOK / "published.json").read_text(encoding="utf-8"))
    assert len(titles) == len({row["case"] for row in record["rows"]})


def test_what_is_recorded_beside_it_becomes_tables(tmp_path: Path) -> None:
    fires = {"pre_trend": {"share": 0.04, "mc_se": 0.01, "seeds": 200}}
    rare = {"spillover": {"share": 1.0, "mc_se": 0.0, "seeds": 200}}
    record = {
        "rows": [],
        "checks": {
            "seeds": 200,
            "rows": [{"switch": "none", "fires": fires | rare}, {"switch": "x", "fires": fires}],
        },
        "speed": {
            "rows": [
                {
                    "task": "group_time",
                    "areas": 2000,
                    "program": "ours",
                    "seconds": 0.1,
                    "megabytes": 40,
                    "time_of_ours": 1.0,
                },
                {"task": "group_time", "areas": 2000, "program": "other", "failed": "too long"},
                {
                    "task": "group_time",
                    "areas": 2000,
                    "program": "third",
                    "failed": "a.b._MemoryError: Unable to allocate 33.5 GiB for an array",
                },
            ]
        },
    }
    (tmp_path / "published.json").write_text(json.dumps(record), encoding="utf-8")
    found = measured.published_view(tmp_path)
    assert "4%" in found["noticed"]
    assert "too long" in found["speed"]
    assert "it asked for 33.5 GiB of memory" in found["speed"] and "Error:" not in found["speed"]
    assert found["published"] == []


def test_without_a_record_there_is_nothing_and_a_broken_one_is_told(tmp_path: Path) -> None:
    assert measured.published_view(tmp_path) == {"published": [], "noticed": None, "speed": None}
    (tmp_path / "published.json").write_text("{", encoding="utf-8")
    with pytest.raises(BookError, match="no valid JSON"):
        measured.published_view(tmp_path)
