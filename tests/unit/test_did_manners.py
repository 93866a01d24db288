"""What must not matter does not; what cannot be borne is said: group-time and imputation alike."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimateError, InferenceRefused, PanelError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import ImputationSettings, imputation
from evaluation.estimate.two_way import two_way_fixed_effects
from evaluation.panel import Panel
from tests.unit.panels import long_table, panel

Fit = Callable[[Panel], Estimate]
FEW = {"max_examples": 15, "deadline": None}


def few(held: Panel) -> Assignments:
    return Assignments.draw(held, n=99, block="area", strata=(), seed=3)


FITS: dict[str, Fit] = {
    "universal": lambda p: did(p, "y", assignments=few(p)),
    "mean, not yet": lambda p: did(
        p, "y", assignments=few(p), settings=DidSettings(base="mean", comparison="not_yet")
    ),
    "imputation": lambda p: imputation(p, "y", assignments=few(p)),
}
ESTIMATORS: dict[str, Callable[..., Estimate]] = {
    "did": did,
    "imputation": imputation,
    "two_way": two_way_fixed_effects,
}


@pytest.mark.parametrize("name", FITS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(**FEW)
def test_the_order_of_rows_does_not_matter(name: str, seed: int) -> None:
    table = long_table(n=12)
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        FITS[name](panel(shuffled)).overall(), FITS[name](panel(table)).overall()
    )


@pytest.mark.parametrize("name", FITS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(**FEW)
def test_the_names_of_areas_do_not_matter(name: str, seed: int) -> None:
    """Other codes in another order: the same effects and the same effect of every area."""
    table = long_table(n=12)
    codes = table["area"].unique()
    other = dict(zip(codes, np.random.default_rng(seed).permutation(codes), strict=True))
    plain, renamed = FITS[name](panel(table)), FITS[name](panel(table.replace({"area": other})))
    np.testing.assert_allclose(plain.effects, renamed.effects, rtol=0, atol=1e-12)
    for area, row in plain.area_effects.iterrows():
        assert renamed.area_effects.loc[other[area], "effect"] == pytest.approx(row["effect"])


@pytest.mark.parametrize("name", FITS)
@given(
    shift=st.floats(-50, 50), scale=st.floats(0.1, 20) | st.floats(-20, -0.1), tilt=st.floats(-3, 3)
)
@settings(**FEW)
def test_outcomes_shift_and_scale_as_they_must(
    name: str, shift: float, scale: float, tilt: float
) -> None:
    """A constant, a constant of each area, and a common path move nothing; a scale scales."""
    table = long_table(n=12)
    number = table["area"].astype("category").cat.codes
    moved = table.assign(
        y=shift + scale * table["y"] + number * tilt + np.sin(table["year"] * (1 + tilt))
    )
    plain, other = FITS[name](panel(table)).overall(), FITS[name](panel(moved)).overall()
    for column in ("effect", "se"):
        size = abs(scale) if column == "se" else scale
        assert other[column].item() == pytest.approx(size * plain[column].item(), abs=1e-9)
    assert other["p_value"].item() == plain["p_value"].item()


@pytest.mark.parametrize("name", FITS)
@given(size=st.floats(-5, 5))
@settings(**FEW)
def test_areas_that_never_start_get_no_effect(name: str, size: float) -> None:
    """Only started areas have effects; a constant effect is found whole in each of them."""
    table = long_table(n=12)
    on = (table["start"] > 0) & (table["year"] >= table["start"])
    plain = FITS[name](panel(table))
    moved = FITS[name](panel(table.assign(y=table["y"] + size * on)))
    assert set(moved.area_effects.index) == set(table.loc[table["start"] > 0, "area"])
    assert set(moved.index["site"]) == {"A", "B"}
    post = (plain.index["event_time"] >= 0).to_numpy() & np.isfinite(plain.effects)
    np.testing.assert_allclose(moved.effects[post], plain.effects[post] + size, atol=1e-9)


def ten(authorities: int, started: int = 10) -> Panel:
    table = long_table(n=40, starts=False)
    number = table["area"].astype("category").cat.codes
    table["start"] = np.where(number < started, 2005, 0)
    table["authority"] = "L" + (number % authorities).astype(str)
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes=["y"],
        start="start",
        authority="authority",
        frequency="A",
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_analytic_errors_need_ten_started_areas_in_ten_authorities(name: str) -> None:
    fit = ESTIMATORS[name]
    assert fit(ten(10), "y", inference="analytic").overall()["se"].item() > 0
    for held in (ten(9), ten(10, started=9)):
        with pytest.raises(InferenceRefused, match="at least 10 treated areas") as refused:
            fit(held, "y", inference="analytic")
        assert "re-assignment" in str(refused.value) or "placebo" in str(refused.value)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_outcome_that_says_nothing_is_refused(name: str) -> None:
    table, fit = long_table(), ESTIMATORS[name]
    with pytest.raises(EstimateError, match="same in every area and period"):
        fit(panel(table.assign(y=1.0)), "y")
    with pytest.raises(PanelError, match="no outcome 'z'"):
        fit(panel(table), "z")
    with pytest.raises(EstimateError, match="at or before the first"):
        fit(panel(table.assign(start=table["start"].replace(2005, 2000))), "y")


@pytest.mark.parametrize("name", ["did", "imputation"])
def test_a_quarter_without_figures_and_withheld_pilots_are_told(name: str) -> None:
    table, fit = long_table(), ESTIMATORS[name]
    empty = table.assign(y=table["y"].where(table["year"] != 2003))
    assert "no area has a figure in 2003" in fit(panel(empty), "y").warnings[0]
    started = table["start"] > 0
    before = started & (table["year"] < table["start"])
    with pytest.raises(EstimateError, match="no treated area has figures both before and after"):
        fit(panel(table.assign(y=table["y"].where(~before))), "y")
    one = before & (table["area"] == "a00")
    estimate = fit(panel(table.assign(y=table["y"].where(~one))), "y")
    assert any("left out: a00" in said for said in estimate.warnings)
    alone = fit(panel(table[table["area"] != "a00"]), "y")
    if name == "did":
        np.testing.assert_allclose(estimate.effects, alone.effects, atol=1e-12)


def test_donors_with_gaps_are_counted() -> None:
    table = long_table()
    gaps = (table["area"] == "a09") & (table["year"] == 2003)
    estimate = did(panel(table.assign(y=table["y"].where(~gaps))), "y")
    assert "1 of 240 cells are missing or suppressed (0 in started areas)" in estimate.warnings[0]


def test_a_missing_base_period_leaves_an_area_out_and_says_so() -> None:
    table = long_table()
    gap = (table["area"] == "a01") & (table["year"] == 2004)
    held = panel(table.assign(y=table["y"].where(~gap)))
    assert any("left out: a01" in said for said in did(held, "y").warnings)
    by_mean = did(held, "y", settings=DidSettings(base="mean"))
    assert not any("left out: a01" in said for said in by_mean.warnings)


def test_imputation_clusters_and_refuses_a_bootstrap() -> None:
    held = ten(20)
    by_area, by_authority = (
        imputation(held, "y", inference="analytic", settings=ImputationSettings(cluster=cluster))
        .overall()["se"]
        .item()
        for cluster in (None, "authority")
    )
    assert by_area != pytest.approx(by_authority)
    with pytest.raises(InferenceRefused, match="no bootstrap"):
        imputation(held, "y", inference="bootstrap")
