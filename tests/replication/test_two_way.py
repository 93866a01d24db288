"""The re-assigned coefficients against linearmodels fitted anew under each assignment."""

import numpy as np
import pytest

from evaluation import Panel
from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize("method", ["fixed_effects", "first_differences"])
def test_each_reassigned_coefficient_is_a_refit(method: str) -> None:
    table = long_table(n=12)
    held = panel(table)
    chosen = TwoWaySettings(method=method)  # type: ignore[arg-type]
    assignments = Assignments.draw(held, strata=(), n=8, seed=1)
    estimate = two_way_fixed_effects(held, "y", settings=chosen, assignments=assignments)
    assert estimate.draws is not None
    for b in range(1, 9):
        redrawn = table.assign(start=0, site=None)
        for place, pseudo_treated_unit in enumerate(assignments.pseudo_treated[b]):
            area = held.areas.index[pseudo_treated_unit]
            redrawn.loc[redrawn["area"] == area, ["start", "site"]] = (
                [2005, "A"] if place < 2 else [2007, "B"]
            )
        again = panel(redrawn)
        only = Assignments.draw(again, strata=(), n=19)
        refit = two_way_fixed_effects(again, "y", settings=chosen, assignments=only)
        assert estimate.draws.raw[b, 0] == pytest.approx(refit.effects[0], abs=1e-9)


def with_dummies(figures: np.ndarray, on: np.ndarray, method: str) -> float:
    """The coefficient by least squares with a column an area and a period, over cells that are."""
    if method == "first_differences":
        figures, on = np.diff(figures, axis=1), np.diff(on, axis=1)
    n, periods = figures.shape
    columns = [on.reshape(-1, 1), np.tile(np.eye(periods), (n, 1))]
    if method == "fixed_effects":
        columns.append(np.repeat(np.eye(n), periods, axis=0))
    held = np.isfinite(figures.ravel())
    solved = np.linalg.lstsq(np.hstack(columns)[held], figures.ravel()[held], rcond=None)[0]
    return float(solved[0])


def started(starts: np.ndarray, periods: int) -> np.ndarray:
    return ((starts[:, None] >= 0) & (np.arange(periods) >= starts[:, None])).astype(float)


@pytest.mark.parametrize("share", [0.02, 0.15, 0.35])
@pytest.mark.parametrize("method", ["fixed_effects", "first_differences"])
def test_areas_with_gaps_count_with_what_they_have(method: str, share: float) -> None:
    """Least squares with dummies over all cells, under the real and under drawn starts (1e-9)."""
    table = long_table(effect=1.0, seed=3)
    table.loc[np.random.default_rng(5).random(len(table)) < share, "y"] = np.nan
    held = panel(table)
    drawn = Assignments.draw(held, strata=(), n=30, block="area", seed=2)
    chosen = TwoWaySettings(method=method)  # type: ignore[arg-type]
    found = two_way_fixed_effects(held, "y", settings=chosen, assignments=drawn)
    y, real = held.array("y"), held.start_index
    assert found.draws is not None
    starts = drawn.treated.starts[drawn.treated.cohort_of]
    compared = 0
    for b, pseudo in enumerate(drawn.pseudo_treated):
        placed = np.full(len(y), -1)
        placed[pseudo] = starts
        if np.isnan(found.draws.raw[b, 0]):
            continue
        expected = with_dummies(y, started(placed, y.shape[1]), method)
        assert found.draws.raw[b, 0] == pytest.approx(expected, abs=1e-9)
        compared += 1
    assert compared > 20
    own = with_dummies(y, started(real, y.shape[1]), method)
    assert found.effects.item() == pytest.approx(own, abs=1e-9)
    assert any("cells are missing" in said for said in found.warnings)


@pytest.mark.parametrize("errors", ["clustered", "nested", "unadjusted"])
def test_analytic_errors_with_gaps_are_those_of_a_regression_with_dummies(errors: str) -> None:
    import statsmodels.api as sm

    table = long_table(n=30, effect=1.0, seed=3)
    table["start"] = np.where(table["area"] < "a12", 2005, 0)
    table["site"] = np.where(table["area"] < "a12", "A", None)
    table["authority"] = table["area"]
    table.loc[np.random.default_rng(5).random(len(table)) < 0.2, "y"] = np.nan
    held = panel(table)
    chosen = TwoWaySettings(errors=errors, replication=True)  # type: ignore[arg-type]
    found = two_way_fixed_effects(held, "y", settings=chosen, inference="analytic")
    y = held.array("y")
    n, periods = y.shape
    on = started(held.start_index, periods).reshape(-1, 1)
    areas = np.repeat(np.eye(n), periods, axis=0)
    design = np.hstack([on, areas, np.tile(np.eye(periods), (n, 1))[:, 1:]])
    kept = np.isfinite(y.ravel())
    plain = sm.OLS(y.ravel()[kept], design[kept])
    if errors == "unadjusted":
        expected = plain.fit().bse[0]
    else:
        groups = np.repeat(np.arange(n), periods)[kept]
        expected = plain.fit(cov_type="cluster", cov_kwds={"groups": groups}).bse[0]
        if errors == "nested":
            # Area effects are nested in the clusters and not counted: K is periods and the effect.
            count = int(kept.sum())
            expected *= np.sqrt((count - design.shape[1]) / (count - periods - 1))
    assert found.overall()["se"].item() == pytest.approx(expected, rel=1e-6)


def test_a_first_period_in_part_counts_for_its_share_or_not_at_all() -> None:
    table = long_table(seed=3)
    table["share"] = np.where(table["start"] > 0, 0.25, np.nan)
    on = np.where(table["year"] == table["start"], 0.25, table["year"] > table["start"])
    table["y"] += 4.0 * on * (table["start"] > 0)
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    none = two_way_fixed_effects(panel(long_table(seed=3)), "y").effects.item()
    for partial in ("scale", "drop"):
        held = Panel.from_long(
            table,
            exposure="share",
            partial=partial,  # type: ignore[arg-type]
            frequency="A",
            **names,  # type: ignore[arg-type]
        )
        found = two_way_fixed_effects(held, "y").effects.item()
        y, shares = held.array("y").copy(), started(held.start_index, 10)
        first = (np.arange(24)[:4], held.start_index[:4])
        shares[first] = 0.25
        if partial == "drop":
            y[first] = np.nan
        assert found == pytest.approx(with_dummies(y, shares, "fixed_effects"), abs=1e-9)
        assert found - none == pytest.approx(4.0, abs=0.3)


def test_figures_that_tell_no_effect_are_refused() -> None:
    table = long_table(n=12)
    gone = (table["area"] >= "a04") & (table["year"] >= 2005)
    table.loc[gone | ((table["area"] == "a02") | (table["area"] == "a03")), "y"] = np.nan
    with pytest.raises(EstimateError, match="no comparison area has figures in the periods"):
        two_way_fixed_effects(panel(table), "y")


def test_one_coefficient_cannot_be_split_by_quarter() -> None:
    estimate = two_way_fixed_effects(panel(), "y")
    with pytest.raises(EstimateError, match="cannot be split by quarter"):
        estimate.by("quarter")


def test_analytic_errors_are_refused_for_few_areas() -> None:
    with pytest.raises(InferenceRefused, match="fixed effects need at least 10 treated areas"):
        two_way_fixed_effects(panel(), "y", inference="analytic")
