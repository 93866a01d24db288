"""Areas of one site that start at different times, clusters without a name, seeds that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import imputation
from evaluation.panel import Panel


def frame() -> pd.DataFrame:
    """Thirty areas, eight years; ten of them, all of one site, start in three different years."""
    rng = np.random.default_rng(11)
    starts = {a: 2003 + a % 3 for a in range(10)}
    rows = [
        (f"A{a:02}", 2000 + t, a + t + rng.normal() - (2000 + t >= starts.get(a, 9999)))
        for a in range(30)
        for t in range(8)
    ]
    table = pd.DataFrame(rows, columns=["area", "year", "y"])
    number = table["area"].str[1:].astype(int)
    table["start"] = number.map(starts).fillna(0).astype(int)
    table["site"] = np.where(number < 10, "S", "")
    table["authority"] = "L" + (number % 12).astype(str)
    return table


def panel(table: pd.DataFrame, **names: str) -> Panel:
    given = {"area": "area", "period": "year", "outcomes": "y", "start": "start"} | names
    return Panel.from_long(table, frequency="A", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("estimator", [did, imputation])
def test_areas_of_one_site_that_start_at_different_times_are_all_counted(estimator) -> None:
    estimate = estimator(panel(frame(), site="site"), "y")
    assert estimate.overall()["n_areas"].item() == 10
    assert estimate.by("site")["n_areas"].tolist() == [10]
    # The first cohort has four areas, the others three: at the first event times all are there.
    times = estimate.by("event_time")["n_areas"]
    assert (times.loc[0], times.loc[2], times.loc[3], times.loc[4]) == (10, 10, 7, 4)
    assert sorted(estimate.by("cohort")["n_areas"]) == [3, 3, 4]


@pytest.mark.parametrize("row", [0, 29])
def test_an_area_without_its_cluster_is_named(row: int) -> None:
    table = frame()
    table.loc[table["area"] == f"A{row:02}", "authority"] = None
    with pytest.raises(EstimateError, match=f"area A{row:02} has no authority to be clustered by"):
        did(
            panel(table, authority="authority"),
            "y",
            settings=DidSettings(cluster="authority", replication=True),
            inference="analytic",
        )


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(EstimateError, match="is no seed"):
        Assignments.draw(panel(frame()), n=99, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [-1, 0, 1.5, None, "a", False])
def test_what_is_no_count_of_assignments_is_refused(n: object) -> None:
    with pytest.raises(EstimateError, match="assignments cannot be drawn"):
        Assignments.draw(panel(frame()), n=n)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of_treated", "of_others", "said"),
    [("X", "", "all treated areas have one"), ("", "Y", "all comparison areas have one")],
)
def test_one_cluster_bears_no_error(of_treated: str, of_others: str, said: str) -> None:
    """Before, its error was 1e-16 and its p value 0."""
    table = frame()
    treated = table["start"] > 0
    own = table["area"].str[1:]
    table["authority"] = np.where(treated, of_treated or own, of_others or own)
    with pytest.raises(EstimateError, match=said):
        did(
            panel(table, authority="authority"),
            "y",
            settings=DidSettings(cluster="authority", replication=True),
            inference="analytic",
        )
