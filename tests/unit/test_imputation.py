"""Imputation against least squares with dummies, and under re-assignment."""

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import InferenceRefused
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import ImputationSettings, imputation
from tests.unit.panels import long_table, panel


def by_dummies(table: pd.DataFrame) -> pd.Series:
    """Started cells less the fit of area and year dummies on all other cells."""
    on = (table["start"] > 0) & (table["year"] >= table["start"])
    held = table.dropna(subset=["y"])
    fit = held[~on.loc[held.index]]
    dummies = pd.get_dummies(table[["area", "year"]].astype(str), dtype=float)
    beta, *_ = np.linalg.lstsq(dummies.loc[fit.index].to_numpy(), fit["y"].to_numpy(), rcond=None)
    gap = table["y"] - dummies.to_numpy() @ beta
    return gap[on].groupby([table["site"], table["year"]]).mean()


@pytest.mark.parametrize("holes", [False, True])
def test_effects_are_those_of_least_squares_with_dummies(holes: bool) -> None:
    table = long_table(effect=2.0)
    if holes:
        rng = np.random.default_rng(3)
        table.loc[rng.choice(len(table), 12, replace=False), "y"] = np.nan
    estimate = imputation(panel(table), "y")
    expected = by_dummies(table)
    found = estimate.index.assign(effect=estimate.effects).dropna(subset=["effect"])
    for row in found.itertuples():
        assert row.effect == pytest.approx(expected[(row.site, row.quarter)], abs=1e-9)
    assert len(found) == expected.notna().sum()


def test_reassigned_effects_equal_a_refit() -> None:
    table = long_table()
    held = panel(table)
    assignments = Assignments.draw(held, block="area", strata=(), n=19, seed=2)
    estimate = imputation(held, "y", assignments=assignments)
    assert estimate.draws is not None
    for b in (1, 8, 19):
        redrawn = table.assign(start=0, site=None)
        for place, pseudo_treated_unit in enumerate(assignments.pseudo_treated[b]):
            area = held.areas.index[pseudo_treated_unit]
            redrawn.loc[redrawn["area"] == area, ["start", "site"]] = (
                [2005, "A"] if place < 2 else [2007, "B"]
            )
        expected = by_dummies(redrawn).to_numpy()
        got = estimate.draws.raw[b]
        np.testing.assert_allclose(got[np.isfinite(got)], expected, atol=1e-9)


def test_one_cohort_in_a_balanced_panel_is_the_difference_from_the_mean_before() -> None:
    table = long_table()
    table.loc[table["site"] == "B", ["start", "site"]] = [0, None]
    held = panel(table)
    ours = imputation(held, "y").overall()["effect"].item()
    other = did(held, "y", settings=DidSettings(base="mean")).overall()["effect"].item()
    assert ours == pytest.approx(other, abs=1e-10)


def test_a_known_effect_is_found_and_leaves_the_net_draws() -> None:
    estimate = imputation(panel(effect=5.0), "y")
    row = estimate.overall().iloc[0]
    assert row["low"] < 5 < row["high"]
    assert estimate.draws is not None
    post = np.isfinite(estimate.effects)
    assert np.abs(estimate.draws.net[0, post]).max() < 1e-9


def test_anticipation_leaves_periods_out_of_the_fit() -> None:
    table = long_table()
    early = (table["site"] == "A") & (table["year"] == 2004)
    moved = table.assign(y=table["y"] + 50.0 * early)
    chosen = ImputationSettings(anticipation=1)
    one = imputation(panel(table), "y", settings=chosen).by("site").loc["A", "effect"]
    other = imputation(panel(moved), "y", settings=chosen).by("site").loc["A", "effect"]
    assert one == pytest.approx(other, abs=1e-9)


def test_area_effects_average_to_the_site() -> None:
    estimate = imputation(panel(effect=1.0), "y")
    areas = estimate.by("area")
    assert areas.loc[["a00", "a01"], "effect"].mean() == pytest.approx(
        estimate.by("site").loc["A", "effect"], abs=1e-9
    )


def test_only_reassignment_is_offered() -> None:
    with pytest.raises(InferenceRefused, match="placebo"):
        imputation(panel(), "y", inference="analytic")


def test_a_quarter_that_few_areas_have_leaves_assignments_without_it_and_breaks_nothing() -> None:
    """Returns trickle in: where all who have it are started, nothing foretells the quarter."""
    table = long_table()
    last = table["year"] == 2009
    table.loc[last & ~table["area"].isin(["a10", "a11", "a00"]), "y"] = np.nan
    held = panel(table)
    assignments = Assignments.draw(held, strata=(), block="area", n=4_000)
    rows = np.isin(assignments.pseudo_treated, [10, 11, 0]).sum(axis=1) == 3
    assert rows.any()
    found = imputation(held, "y", assignments=assignments)
    sites = found.draws.raw.reshape(len(assignments), 2, 10)
    assert np.isnan(sites[rows][:, :, 9]).all()
    assert np.isfinite(sites[:, :, 8]).all()
