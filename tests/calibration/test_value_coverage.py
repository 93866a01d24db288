"""A few seeds of the coverage of pounds, and the whole record."""

import json

import pytest

from benchmarks.value_coverage import RECORD, coverage, run


def test_a_few_seeds_hold_the_truth() -> None:
    """6 seeds, nominal 95 %: fewer than 4 held would happen 2 times in 1,000."""
    found = run(6, first=1_000)
    assert found["fixed"]["coverage"] >= 4 / 6
    assert found["drawn"]["coverage"] >= 4 / 6
    assert found["drawn"]["mean_width"] > found["fixed"]["mean_width"]
    assert found["independent"]["mean_width"] < 0.9 * found["fixed"]["mean_width"]


def test_coverage_counts_the_ranges_that_hold_the_truth() -> None:
    ranges = [{"truth": 1.0, "mean": 1.5, "low": low, "high": 2.0} for low in (0.0, 0.5, 1.5, 1.0)]
    found = coverage(ranges)
    assert (found["coverage"], found["below"], found["above"]) == (0.75, 0.25, 0.0)
    assert found["bias"] == 0.5


@pytest.mark.parametrize("way", ["fixed", "drawn"])
def test_the_recorded_coverage_of_pounds_is_within_its_bar(way: str) -> None:
    record = json.loads(RECORD.read_text())
    measured = record["measured"][way]
    assert measured["seeds"] >= 500
    assert 0.93 <= measured["coverage"] <= 0.98
    assert abs(measured["bias"]) <= 4 * measured["bias_mc_se"]


def test_taken_as_independent_the_outcomes_cover_less() -> None:
    measured = json.loads(RECORD.read_text())["measured"]
    assert measured["independent"]["coverage"] < measured["fixed"]["coverage"] - 0.05
