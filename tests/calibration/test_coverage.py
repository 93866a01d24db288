"""A sample of the calibration: 60 seeds of the tiny programme, and the record in the book."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import Bench, coverage, diagnostics
from evaluation.workspace import Workspace

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "book" / "calibration.json"
WORKSPACE = Workspace(root=ROOT)


def test_a_sample_of_seeds_covers_within_its_error() -> None:
    """60 seeds, nominal 95 %: fewer than 50 covered would happen 4 times in 100,000."""
    found = coverage(Bench.of(WORKSPACE, "tiny", "ae_attendances"), 60)
    assert found["coverage"]["share"] >= 50 / 60
    assert found["size"]["share"] <= 10 / 60
    assert abs(found["bias"]) <= 4 * found["bias_mc_se"]


def test_the_recorded_coverage_meets_its_bar() -> None:
    record = json.loads(RECORD.read_text())
    row = next(r for r in record["rows"] if r["what"] == "coverage, tiny programme (2 sites)")
    assert row["seeds"] >= 500
    assert abs(row["measured"] - 0.95) <= 2.5 * np.sqrt(0.95 * 0.05 / row["seeds"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switch", "check"),
    [
        ("chosen_on_trend", "pre_trend"),
        ("spillover", "spillover"),
        ("chosen_on_level", "pre_level"),
    ],
)
def test_departures_are_shown_by_the_diagnostic_meant_for_them(switch: str, check: str) -> None:
    bench = Bench.of(WORKSPACE, "full", "ae_attendances")
    assert diagnostics(bench, 20, switch)["fires"][check]["share"] >= 0.5
    assert diagnostics(bench, 20, None)["fires"][check]["share"] <= 0.25
