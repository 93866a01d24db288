"""Rates on real neighbourhoods: what the command wrote, good or bad, and no figure of any place."""

import json

import pytest

from evaluation.edition.pages.measured import neighbourhoods_view
from evaluation.errors import BookError


def row(effect, **changes):
    return {
        "estimator": "did",
        "started": 6,
        "effect": effect,
        "look": "any",
        "mc_se": 0.005,
        "size": 0.05 if effect == 0 else None,
        "power": None if effect == 0 else 0.5,
        "coverage": 0.96,
        "refused": 0.0,
        "simulations": 2_000,
    } | changes


def record(folder, name, **changes):
    found = {
        "title": "Wards",
        "command": "newstart design calibrate",
        "areas": 215,
        "periods": 15,
        "looks": 8,
        "pilots": "random",
        "strata": [],
        "block": "area",
        "scale": "log",
        "sample": 0,
        "shape": "constant",
        "rows": [row(0.0), row(-5.0, coverage=0.941)],
        "detectable": [{"estimator": "did", "started": 6, "percent": 9.1}],
    } | changes
    (folder / "neighbourhoods").mkdir(exist_ok=True)
    (folder / "neighbourhoods" / f"{name}.json").write_text(json.dumps(found))


def test_rates_stand_with_their_errors(tmp_path):
    record(tmp_path, "wards")
    (one,) = neighbourhoods_view(tmp_path)["neighbourhoods"]
    assert "in 5.0% to 5.0% of the simulations" in one["said"]
    assert "held what was planted in 94.1% or more" in one["said"]
    assert "5.0% ± 1.0" in one["table"]
    assert "9.1%" in one["table"]


def test_estimators_measured_one_after_another_stand_in_one_table(tmp_path):
    """Each estimator has its own rates, in the order of the ladder, and every command is shown."""
    late = [{"estimator": "imputation", "started": 6, "percent": 8.2}]
    record(
        tmp_path,
        "wards-b",
        detectable=late,
        command="second",
        rows=[row(0.0, estimator="imputation", size=0.031), row(-5.0, estimator="imputation")],
    )
    record(
        tmp_path,
        "wards-c",
        detectable=[late[0] | {"estimator": "synthetic_did"}],
        rows=[
            row(0.0, estimator="synthetic_did", size=0.044),
            row(-5.0, estimator="synthetic_did"),
        ],
    )
    record(tmp_path, "wards-d")
    record(tmp_path, "other", title="Elsewhere")
    _, one = neighbourhoods_view(tmp_path)["neighbourhoods"]
    assert "in 3.1% to 5.0% of the simulations" in one["said"]
    assert {held["command"] for held in one["records"]} == {"second", "newstart design calibrate"}
    names = ["Difference-in-differences", "Imputation", "Synthetic difference-in-differences"]
    at = [one["table"].index(f">{name}<") for name in names]
    assert at == sorted(at)
    assert all(figure in one["table"] for figure in ("9.1%", "8.2%", "3.1% ± 1.0", "4.4% ± 1.0"))


def test_pilots_unlike_the_rest_stand_apart_with_their_remedy(tmp_path):
    record(tmp_path, "wards")
    record(tmp_path, "level", pilots="top_level", rows=[row(0.0, size=0.6)])
    record(tmp_path, "mended", pilots="top_level", strata=["level"], rows=[row(0.0, size=0.06)])
    record(tmp_path, "one", pilots="one_authority", block="authority", rows=[row(0.0, refused=1.0)])
    seen = neighbourhoods_view(tmp_path)
    assert len(seen["neighbourhoods"]) == 1
    shown = seen["neighbourhoods_shown"]
    assert "60.0%" in shown
    assert "within bands of level" in shown
    assert "refused" in shown


def test_nothing_recorded_and_a_broken_record(tmp_path):
    assert neighbourhoods_view(tmp_path)["neighbourhoods"] == []
    record(tmp_path, "wards")
    (tmp_path / "neighbourhoods" / "wards.json").write_text("{")
    with pytest.raises(BookError, match="no valid JSON"):
        neighbourhoods_view(tmp_path)
