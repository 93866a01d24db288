"""A call with another word for the same thing works; one that means nothing is refused clearly."""

from functools import cache

import pandas as pd
import pytest

from evaluation.diagnose.honest import honest_bounds
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import did
from evaluation.estimate.estimate import Estimate
from evaluation.panel import Panel
from tests.unit.panels import long_table, panel


@cache
def yearly() -> Estimate:
    held = panel(effect=1.0)
    return did(held, "y", assignments=Assignments.draw(held, n=199, block="area", strata=()))


@cache
def quarterly() -> Estimate:
    table = long_table(n_periods=8, effect=1.0)
    first = pd.Period("2020Q1", freq="Q")
    table["when"] = [str(first + (year - 2000)) for year in table["year"]]
    table["from"] = [str(first + (year - 2000)) if year else None for year in table["start"]]
    held = Panel.from_long(table, area="area", period="when", outcomes="y", start="from")
    return did(held, "y", assignments=Assignments.draw(held, n=99, block="area", strata=()))


@pytest.mark.parametrize(
    ("other", "known"), [("group", "cohort"), ("period", "quarter"), ("year", "quarter")]
)
def test_another_name_of_a_column_gives_the_same_table(other: str, known: str) -> None:
    table = yearly().by(other)  # type: ignore[arg-type]
    assert table.index.name == other
    pd.testing.assert_frame_equal(
        table,
        yearly().by(known),  # type: ignore[arg-type]
        check_names=False,
    )
    pd.testing.assert_frame_equal(
        yearly().overall(other),  # type: ignore[arg-type]
        yearly().overall(known),  # type: ignore[arg-type]
    )


def test_quarters_are_split_by_period_and_not_by_year() -> None:
    assert quarterly().by("period").index.tolist() == quarterly().by("quarter").index.tolist()
    with pytest.raises(EstimateError, match="cannot be split by 'year'") as refused:
        quarterly().by("year")
    assert "'quarter'" in str(refused.value)
    assert "'year'" not in refused.value.expected


@pytest.mark.parametrize("wrong", ["month", "", None, 3, ["site"], {}])
def test_an_unknown_split_or_weighting_names_those_there_are(wrong: object) -> None:
    with pytest.raises(EstimateError, match="split by") as refused:
        yearly().by(wrong)  # type: ignore[arg-type]
    assert "'event_time' or 'cohort' or 'group' or 'site' or 'area'" in refused.value.expected
    with pytest.raises(EstimateError, match="weighed by") as refused:
        yearly().overall(wrong)  # type: ignore[arg-type]
    assert "'simple' or 'event_time' or 'cohort' or 'group'" in refused.value.expected


@pytest.mark.parametrize("window", [3, (0,), (), "07", (0, 1, 2), (0.0, 1.5)])
def test_a_window_that_is_no_pair_is_refused(window: object) -> None:
    with pytest.raises(EstimateError, match="names no event times"):
        yearly().overall(window=window)  # type: ignore[arg-type]


def test_one_bound_is_a_sequence_of_one() -> None:
    one = honest_bounds(yearly(), m=1.0)
    pd.testing.assert_frame_equal(one, honest_bounds(yearly(), m=(1.0,)))
    assert one["m"].tolist() == [1.0]


@pytest.mark.parametrize("bad", ["1", None, (), ("a",), float("nan"), float("inf"), -1.0])
def test_a_bound_that_is_no_number_is_refused(bad: object) -> None:
    with pytest.raises(EstimateError, match="bound"):
        honest_bounds(yearly(), m=bad)  # type: ignore[arg-type]
