"""A table that people really have becomes a panel, or a refusal that says what is wrong with it.

Above all no treated area may become a control because its id, or its start, could not be read.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import PanelError, UserError
from evaluation.estimate.did import did
from evaluation.panel import Panel
from tests.unit.panels import long_table

Change = Callable[[pd.DataFrame], Any]
FIRST = 10  # rows of area a00, which is treated


def read(table: Any, **changes: Any) -> Panel:
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    return Panel.from_long(table, **{**names, "frequency": "A", **changes})


def renamed(value: object) -> Change:
    """The table with the id of a treated area replaced in all its rows."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table["area"] = table["area"].astype(object)
        table.loc[: FIRST - 1, "area"] = pd.Series([value] * FIRST, dtype=object)
        return table

    return change


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  ", "nan", "<NA>", "None"])
def test_a_missing_id_is_refused_with_its_rows(missing: object) -> None:
    with pytest.raises(PanelError, match=r"10 rows name no area in column 'area'.*in 2000"):
        read(renamed(missing)(long_table()))


@pytest.mark.parametrize("dtype", ["string", "Int64", "float64", "category"])
def test_a_missing_id_is_refused_whatever_the_columns_type(dtype: str) -> None:
    table = long_table()
    ids = table["area"].str.slice(1)
    table["area"] = ids.astype("int64").astype(dtype) if dtype != "string" else ids.astype(dtype)
    assert read(table).treated.sum() == 4
    table.loc[: FIRST - 1, "area"] = pd.NA
    with pytest.raises(PanelError, match="10 rows name no area"):
        read(table)


class Polars:
    """As a table of another library is seen from here."""

    columns = ("area", "year", "y", "start")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renamed(7), "partly text and partly numbers"),
        (renamed(("a", 1)), "neither text nor a number"),
        (renamed(["a"]), "neither text nor a number"),
        (renamed({"a": 1}), "neither text nor a number"),
        (lambda t: pd.concat([t, t[["y"]]], axis=1), "more than one column 'y'"),
        (lambda t: pd.concat([t, t[["start"]]], axis=1), "more than one column 'start'"),
        (lambda t: t.to_dict("list"), "is a dict, not a pandas DataFrame"),
        (lambda t: t.to_dict("records"), "is a list, not a pandas DataFrame"),
        (lambda _: Polars(), "is a Polars, not a pandas DataFrame"),
        (lambda t: t.assign(y=[(1, 2)] * len(t)), "'y' is"),
    ],
)
def test_what_is_no_such_table_is_refused_with_the_mend(change: Change, said: str) -> None:
    with pytest.raises(PanelError, match=said):
        read(change(long_table()))


@pytest.mark.parametrize("outcomes", [5, (5,), None, (), [None], ["y", 5]])
def test_an_outcome_without_a_textual_name_is_refused(outcomes: object) -> None:
    with pytest.raises(PanelError, match="names no column by text"):
        read(long_table().rename(columns={"y": 5}), outcomes=outcomes)


def test_numbered_columns_are_read_and_the_first_of_them_too() -> None:
    table = long_table()[["start", "area", "year", "y"]]
    table.columns = pd.Index([0, 1, 2, "y"])
    assert read(table, area=1, period=2, start=0).treated.sum() == 4


@pytest.mark.parametrize("ids", [int, float, np.int64, Decimal, pd.Timestamp])
def test_ids_of_one_kind_give_the_same_figures(ids: Callable[[int], object]) -> None:
    table = long_table()
    table["area"] = [ids(int(code[1:])) for code in table["area"]]
    np.testing.assert_array_equal(read(table).array("y"), read(long_table()).array("y"))
    assert read(table).treated.sum() == 4


NEVER = [None, np.nan, pd.NA, 0, 0.0, "0", "", "  ", np.inf, float("inf"), "inf", pd.NaT, "NaT"]


@pytest.mark.parametrize("never", NEVER)
def test_every_way_to_say_never_is_never_and_no_other_start_is_lost(never: object) -> None:
    table = long_table()
    starts = [year or never for year in table["start"]]
    table["start"] = pd.Series(starts, dtype=object)
    held = read(table)
    assert held.treated.tolist() == read(long_table()).treated.tolist()
    assert held.areas["start"].dropna().tolist() == ["2005", "2005", "2007", "2007"]


@pytest.mark.parametrize("start", ["soon", -np.inf, -1, 2005.5, "2005 Q1", pd.Timestamp("2005")])
def test_a_start_that_is_no_period_of_the_panel_is_refused(start: object) -> None:
    table = long_table()
    table["start"] = table["start"].astype(object)
    table.loc[: FIRST - 1, "start"] = pd.Series([start] * FIRST, dtype=object)
    with pytest.raises(UserError, match=r"no quarter or year|not of the stated frequency"):
        read(table)


def test_a_covariate_takes_no_other_columns_place() -> None:
    table = long_table().assign(first=lambda t: t["start"])
    for name in ("start", "role"):
        with pytest.raises(PanelError, match=f"cannot be called '{name}'"):
            read(table.assign(role=1), start="first", covariates=name)
        with pytest.raises(PanelError, match=f"cannot be called '{name}'"):
            read(table.assign(role=1), start=None, covariates=name)
    assert read(table, covariates="population").areas["population"].notna().all()


@pytest.mark.parametrize("outcome", [["y"], 5, None, {}])
def test_an_outcome_that_the_panel_cannot_hold_is_refused(outcome: Any) -> None:
    with pytest.raises(PanelError, match="holds no outcome"):
        did(read(long_table()), outcome)
