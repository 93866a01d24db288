"""A panel is what its table said, or an error that names the cell."""

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import PanelError
from evaluation.panel import Panel
from tests.unit.panels import long_table, panel


def test_values_stand_where_the_table_had_them_in_any_row_order() -> None:
    table = long_table()
    shuffled = table.sample(frac=1, random_state=1)
    one, other = panel(table), panel(shuffled)
    assert one.fingerprint == other.fingerprint
    cell = table[(table["area"] == "a03") & (table["year"] == 2004)]["y"].item()
    assert one.values("y").loc["a03", 2004] == cell


def test_starts_sites_and_roles_are_read() -> None:
    areas = panel().areas
    assert areas.loc["a00", "start"] == "2005"
    assert pd.isna(areas.loc["a04", "start"])
    assert areas["role"].value_counts().to_dict() == {"comparison": 20, "pilot": 4}


def test_a_start_after_the_last_period_is_not_yet_started() -> None:
    table = long_table()
    table.loc[table["area"] == "a00", "start"] = 2050
    table.loc[table["area"] == "a00", "site"] = "C"
    assert not panel(table).treated[0]


def test_quarters_may_be_periods_or_text() -> None:
    table = pd.DataFrame(
        {"a": ["x"] * 2, "q": pd.PeriodIndex(["2026Q1", "2026Q2"], freq="Q"), "y": [1, 2]}
    )
    held = Panel.from_long(table, area="a", period="q", outcomes="y")
    assert held.labels == ["2026 Q1", "2026 Q2"]


def test_a_missing_cell_stays_missing() -> None:
    table = long_table().iloc[1:]
    assert np.isnan(panel(table).array("y")[0, 0])


def test_a_duplicate_cell_is_named() -> None:
    table = long_table()
    with pytest.raises(PanelError, match="area a00 has more than one row for 2000"):
        panel(pd.concat([table, table.iloc[:1]]))


def test_an_unknown_column_is_named_with_those_there_are() -> None:
    with pytest.raises(PanelError, match="no column 'z'"):
        Panel.from_long(long_table(), area="area", period="year", outcomes="z", frequency="A")


def test_a_start_that_changes_over_time_is_an_error() -> None:
    table = long_table()
    table.loc[0, "start"] = 2006
    with pytest.raises(PanelError, match="'start' changes over time in area a00"):
        panel(table)


def test_years_read_as_quarters_are_refused_with_the_mend() -> None:
    with pytest.raises(PanelError, match="frequency='A'"):
        Panel.from_long(long_table(), area="area", period="year", outcomes="y")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: t.assign(y="n/a"), r"'y' is 'n/a' in area a00, 2000"),
        (lambda t: t.assign(year=pd.to_datetime(t["year"].astype(str))), r"to_period\('Q'\)"),
        (lambda t: t.set_index("year"), r"reset_index\(\)"),
    ],
)
def test_common_mistakes_say_how_to_mend_them(change, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PanelError, match=said):
        panel(change(long_table()))
