"""The page of the bars says what was measured, misses among it."""

import json

import pytest

from evaluation.edition.pages.measured import view
from evaluation.errors import BookError


def row(**changes):
    return {
        "what": "size, 6 of 60 started",
        "estimator": "did",
        "areas": 60,
        "measured": 0.05,
        "mc_se": 0.005,
        "low": 0.035,
        "high": 0.065,
        "claim": True,
        "passes": True,
        "refused": 0.0,
        "simulations": 2_000,
    } | changes


def written(folder, *rows):
    (folder / "bars.json").write_text(json.dumps({"rows": list(rows), "recorded": "", "seed": 1}))
    return view(folder)


def test_a_missed_bar_is_named_with_its_figure(tmp_path):
    seen = written(tmp_path, row(), row(what="size, 1 of 60 started", measured=0.09, passes=False))
    assert seen["bars_said"].startswith("1 of 2 rates meet their bar.")
    assert "size, 1 of 60 started (9.0%)" in seen["bars_said"]
    assert "no" in seen["bars_tables"][0][1]


def test_what_promises_nothing_stands_apart(tmp_path):
    seen = written(tmp_path, row(), row(what="pilots chosen on level", measured=0.7, claim=False))
    assert "70" in seen["bars_shown"]
    assert "pilots chosen" not in "".join(shown for _, shown in seen["bars_tables"])


def test_no_record_and_a_broken_one(tmp_path):
    assert view(tmp_path) == {"bars": None}
    (tmp_path / "bars.json").write_text("{")
    with pytest.raises(BookError, match="no valid JSON"):
        view(tmp_path)


def test_a_rate_of_refusals_is_told_as_such(tmp_path) -> None:
    row = {
        "what": "size, figures withheld",
        "estimator": "did",
        "areas": 60,
        "measured": 0.0,
        "mc_se": 0.0,
        "low": 0.0,
        "high": 0.065,
        "claim": False,
        "passes": True,
        "refused": 0.999,
        "simulations": 2000,
    }
    for refused, said in ((0.999, "refused in 99.9%"), (0.01, "0.0%")):
        record = {"rows": [row | {"refused": refused}]}
        (tmp_path / "bars.json").write_text(json.dumps(record), encoding="utf-8")
        assert said in view(tmp_path)["bars_shown"]
