"""What a newcomer guesses wrong, at every public door: refused in plain words, never by a library.

Each guess is something that was typed by somebody who had read the tutorial and nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from matplotlib import pyplot

import evaluation as ev
from evaluation import (
    Assignments,
    Estimate,
    Panel,
    Predictor,
    Runs,
    SyntheticSettings,
    between_sites,
    calibrate,
    did,
    forest,
    honest_bounds,
    plot_bounds,
    power,
    synthetic_control,
    worth,
)
from evaluation.design.match import MatchPlan
from evaluation.diagnose import balance_table
from evaluation.errors import PanelError, UserError
from evaluation.estimate.did import DidSettings
from evaluation.estimate.pooled import PooledSettings
from evaluation.estimate.synthetic import AugmentedSettings, synthetic_controls
from tests.unit.panels import long_table


def of(table: pd.DataFrame, **how: Any) -> Panel:
    named = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    return Panel.from_long(table, **(named | {"frequency": "A"} | how))


@cache
def table() -> pd.DataFrame:
    return long_table(n=12, effect=1.0)


@cache
def known() -> Panel:
    return of(table())


@cache
def estimated() -> Estimate:
    return did(known(), "y")


def dated(start: object) -> pd.DataFrame:
    """The same areas by month from 2020 on, all with this start."""
    held, first = table(), pd.Period("2020-01", "M")
    months = [str(first + int(year - held["year"].min())) for year in held["year"]]
    return held.assign(month=months, start=start)


@pytest.mark.parametrize(
    "start",
    [pd.Timestamp("1970-01-01"), "1970-01-01", "1970-01", np.datetime64(0, "ns")],
    ids=["timestamp", "day", "month", "numpy"],
)
def test_a_date_of_zero_is_no_start(start: object) -> None:
    with pytest.raises(PanelError, match=r"could mean never(.|\n)*leave the start blank"):
        of(dated(start), period="month", frequency="M")
    by_day = dated(start).assign(day=lambda held: held["month"] + "-01")
    if start != "1970-01":
        with pytest.raises(PanelError, match="could mean never"):
            of(by_day, period="day", frequency="D")
    quarters = table().assign(quarter=[f"{year} Q1" for year in table()["year"]], start="1970 Q1")
    with pytest.raises(PanelError, match="could mean never"):
        of(quarters, period="quarter", frequency="Q")


def test_a_start_in_1970_is_one_where_the_panel_has_it_or_years_are_numbers() -> None:
    held = table().assign(month=[f"19{year - 1932}-01" for year in table()["year"]])
    first = of(held.assign(start="1970-01"), period="month", frequency="M")
    assert first.treated.all()
    assert (of(table().assign(start=1970)).areas["start"] == "1970").all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": 1}, "first treated period of an area"),
        ({"start": True}, "first treated period of an area"),
        ({"start": "yes"}, "first treated period of an area"),
        ({"y": 1 + 2j}, "complex"),
        ({"y": pd.Timestamp("2020-01-01")}, "dates or times"),
        ({"y": pd.Timedelta(days=2)}, "dates or times"),
        ({"year": np.nan}, "rows have no period"),
        ({"population": "many"}, "a number of people"),
        ({"population": -1}, "a number of people"),
    ],
)
def test_columns_that_hold_another_thing(change: dict[str, Any], said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PanelError, match=said):
            of(table().assign(**change), population="population")


@pytest.mark.parametrize(
    ("period", "frequency"),
    [("Q1 2019", "Q"), ("2019 q1", "Q"), ("Jan 2019", "M"), ("01/2019", "M"), ("2019/20", "A")],
)
def test_periods_in_another_notation_say_how_they_are_written(period: str, frequency: str) -> None:
    with pytest.raises(PanelError, match=r"in every row, like (.|\n)*to mend"):
        of(table().assign(p=period), period="p", frequency=frequency)


@pytest.mark.parametrize(
    ("frequency", "letter"), [("Y", "A"), ("month", "M"), ("QS", "Q"), ("weekly", "W")]
)
def test_other_names_of_a_frequency_are_told(frequency: str, letter: str) -> None:
    with pytest.raises(PanelError, match=f"pass frequency='{letter}'"):
        of(table(), frequency=frequency)


def test_ids_that_differ_in_spaces_or_capitals_alone_are_one_area() -> None:
    held = table()
    spaced = [f"{area} " if k % 2 else area for k, area in enumerate(held["area"])]
    with pytest.raises(PanelError, match="spaces alone"):
        of(held.assign(area=spaced))
    late = held["year"] > held["year"].median()
    raised = held["area"].where(~late, held["area"].str.upper())
    with pytest.raises(PanelError, match="capitals alone"):
        of(held.assign(area=raised))
    # Two whole areas may be called a00 and A00.
    both = pd.concat([held, held.assign(area=held["area"].str.upper())])
    assert len(of(both).areas) == 24


def test_a_table_with_its_keys_in_the_index_is_told_to_reset_it() -> None:
    with pytest.raises(PanelError, match="reset_index"):
        of(table().set_index(["area", "year"]))


@pytest.mark.parametrize("outcome", ["area", "year", "start"])
def test_an_outcome_is_none_of_the_keys(outcome: str) -> None:
    with pytest.raises(PanelError, match="and as an outcome"):
        of(table(), outcomes=outcome)


def test_an_exposure_without_a_start_is_a_share_of_nothing() -> None:
    with pytest.raises(PanelError, match="no start is named"):
        of(table().assign(share=0.5), start=None, exposure="share")


def few() -> dict[str, Any]:
    return {"runs": Runs(2), "started": [2], "looks": 2}


CALLS: dict[str, Callable[[], object]] = {
    "detectable at text": lambda: estimated().detectable("x"),
    "detectable at two": lambda: estimated().detectable(2),
    "detectable at nothing": lambda: estimated().detectable(float("nan")),
    "drawn on a word": lambda: estimated().plot(axes="x"),
    "drawn on a figure": lambda: estimated().plot(axes=pyplot.figure()),
    "drawn on several": lambda: estimated().plot_gaps(axes=pyplot.subplots(1, 2)[1]),
    "panel on a number": lambda: known().plot(axes=3),
    "back by none": lambda: estimated().in_time_placebo(0),
    "back by a half": lambda: estimated().in_time_placebo(1.5),
    "back by text": lambda: estimated().in_time_placebo("3"),
    "back by truth": lambda: estimated().in_time_placebo(True),
    "back with a word": lambda: estimated().in_time_placebo(2, foo=1),
    "donors as one": lambda: estimated().with_donors("a05"),
    "donors as a number": lambda: estimated().with_donors(3),
    "donors as lists": lambda: estimated().with_donors([["a05"]]),
    "without one": lambda: estimated().with_donors(without="a05"),
    "with a word": lambda: estimated().with_donors(without=["a05"], zz=1),
    "bounds of nothing": lambda: honest_bounds(None),
    "bounds of a panel": lambda: honest_bounds(known()),
    "bounds beside text": lambda: plot_bounds(honest_bounds(estimated()), "x"),
    "forest of one": lambda: forest(estimated()),
    "forest of nothing": lambda: forest(None),
    "forest of text": lambda: forest("x"),
    "forest of tables": lambda: forest([estimated().overall()]),
    "forest of numbers": lambda: forest([estimated(), 3]),
    "forest by number": lambda: forest({1: estimated()}),
    "power of a table": lambda: power(table(), "y", treated=["a00"]),
    "power of a number": lambda: power(known(), "y", treated=3),
    "power by text": lambda: power(known(), "y", treated=["a08"], looks="2"),
    "power by truth": lambda: power(known(), "y", treated=["a08"], looks=True),
    "power by a half": lambda: power(known(), "y", treated=["a08"], looks=1.5),
    "calibrate a table": lambda: calibrate(table(), "y", **few()),
    "none started": lambda: calibrate(known(), "y", **(few() | {"started": [0]})),
    "started alone": lambda: calibrate(known(), "y", **(few() | {"started": 2})),
    "effect alone": lambda: calibrate(known(), "y", effects=0.0, **few()),
    "effect as text": lambda: calibrate(known(), "y", effects=["x"], **few()),
    "effect unknown": lambda: calibrate(known(), "y", effects=[float("nan")], **few()),
    "no looks": lambda: calibrate(known(), "y", **(few() | {"looks": 0})),
    "too many looks": lambda: calibrate(known(), "y", **(few() | {"looks": 50})),
    "runs as a number": lambda: calibrate(known(), "y", **(few() | {"runs": 5})),
    "no runs": lambda: Runs(0),
    "runs as text": lambda: Runs("5"),
    "assignments as a number": lambda: did(known(), "y", assignments=5),
    "draw from a table": lambda: Assignments.draw(table()),
    "draw by a word": lambda: Assignments.draw(known(), block="x"),
    "bands of nothing": lambda: Assignments.draw(known(), strata=None),
    "bands of letters": lambda: Assignments.draw(known(), strata="levels"),
    "bootstrapped from text": lambda: did(known(), "y", inference="bootstrap", seed="a"),
    "bootstrapped from below": lambda: did(known(), "y", inference="bootstrap", seed=-1),
    "bootstrapped never": lambda: DidSettings(bootstrap_draws=0),
    "bootstrapped by halves": lambda: DidSettings(bootstrap_draws=199.5),
    "weighed by a list": lambda: did(known(), "y", settings=DidSettings(weights=["a"])),
    "weighed by text": lambda: did(known(), "y", settings=DidSettings(weights="role")),
    "penalty as text": lambda: SyntheticSettings(variant="penalised", penalty="x"),
    "penalty of truth": lambda: AugmentedSettings(penalty=True),
    "predictors of nothing": lambda: SyntheticSettings(predictors=None),
    "covariates of nothing": lambda: AugmentedSettings(covariates=None),
    "share as text": lambda: PooledSettings(share="x"),
    "outcomes as one": lambda: synthetic_controls(known(), "y"),
    "bounds at a word": lambda: honest_bounds(estimated(), level="x"),
    "power at text": lambda: power(known(), "y", treated=["a08"], at="x"),
    "power at two": lambda: power(known(), "y", treated=["a08"], at=2),
    "power by a word": lambda: power(known(), "y", plan="x"),
    "nearest as text": lambda: MatchPlan(nearest="x"),
    "balance of text": lambda: balance_table(
        known(), "y", Assignments.draw(known(), strata=(), n=9), covariates=("role",)
    ),
    "balance of one": lambda: balance_table(
        known(), "y", Assignments.draw(known(), strata=(), n=9), covariates="population"
    ),
    "sites of a table": lambda: between_sites(table()),
    "worth of one": lambda: worth(estimated(), None),
    "worth in no programme": lambda: worth([estimated()], None),
    "predictor of one year": lambda: synthetic_control(
        known(), "y", settings=SyntheticSettings(predictors=(Predictor("y", 2003),))
    ),
    "select by names": lambda: known().select(["a00"]),
    "select by places": lambda: known().select(np.array([0, 1])),
    "select too few": lambda: known().select(np.array([True])),
    "until before": lambda: known().until(1990),
    "ahead to before": lambda: known().ahead("1990"),
    "until a word": lambda: known().until("then"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_no_guess_meets_a_librarys_error_or_warning(call: Callable[[], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserError) as refused:
            call()
    pyplot.close("all")
    assert "to mend" in str(refused.value) or "expected" in str(refused.value)


def test_a_panel_can_be_cut_at_a_period_as_it_is_written() -> None:
    assert known().until(2005).labels[-1] == known().until("2005").labels[-1] == "2005"
    assert known().ahead("2012").labels[-1] == "2012"


def test_one_estimator_by_its_name_is_enough() -> None:
    found = calibrate(known(), "y", "did", **few())
    assert {row["estimator"] for row in found["rows"]} == {"did"}


def test_every_public_name_is_listed() -> None:
    assert {"DidSettings", "Predictor", "Runs", "did", "Panel"} <= set(dir(ev))


@pytest.mark.parametrize(
    ("places", "named", "said"),
    [
        (("area", "year", "y"), {}, "takes only frame by place, and was given 4 so"),
        ((), {"area": "area", "period": "year"}, "from_long lacks outcomes"),
        (
            (),
            {"areas": "area", "period": "year", "outcomes": "y"},
            "no argument areas; it lacks area",
        ),
    ],
)
def test_columns_that_are_not_given_by_name_are_told(
    places: tuple[str, ...], named: dict[str, str], said: str
) -> None:
    with pytest.raises(PanelError, match=said) as refused:
        Panel.from_long(long_table(), *places, **named)  # type: ignore[call-arg]
    assert "area=COLUMN, period=COLUMN, outcomes=COLUMN" in str(refused.value)


def test_an_error_within_the_call_is_not_taken_for_its_arguments() -> None:
    with pytest.raises(PanelError, match="covariates"):
        of(long_table(), covariates=3)
