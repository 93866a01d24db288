"""Several outcomes at once, and what becomes of cells without a figure."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation import (
    Estimate,
    Panel,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.errors import EstimateError
from evaluation.estimate import synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.solvers import simplex
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_controls
from tests.unit.panels import long_table, panel

Estimator = Callable[..., Estimate]
ESTIMATORS: list[Estimator] = [synthetic_control, augmented_synthetic_control, synthetic_did]


def two_outcomes(table: pd.DataFrame | None = None) -> Panel:
    """The second outcome is a thousand times as large, with noise of its own."""
    table = long_table() if table is None else table
    noise = np.random.default_rng(5).normal(size=len(table))
    table = table.assign(z=1000 * (table["y"] + noise))
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes=["y", "z"],
        start="start",
        site="site",
        authority="authority",
        population="population",
        frequency="A",
    )


def test_separate_weights_are_those_of_each_outcome_alone() -> None:
    held = two_outcomes()
    found = synthetic_controls(held, ["y", "z"], weights="separate")
    for name, estimate in found.items():
        alone = synthetic_control(held, name)
        np.testing.assert_allclose(estimate.effects, alone.effects, rtol=1e-12)
        pd.testing.assert_frame_equal(estimate.weights, alone.weights)


def test_shared_weights_fit_both_outcomes_alike() -> None:
    """By hand: the outcomes side by side, each in units of its donors' spread."""
    held = two_outcomes()
    found = synthetic_controls(held, ["y", "z"], weights="shared")
    pd.testing.assert_frame_equal(found["y"].weights, found["z"].weights)
    stacked = []
    for name in ("y", "z"):
        before = held.array(name)[:, :5]
        donors = before[4:]
        stacked.append(before / np.sqrt(((donors - donors.mean(axis=0)) ** 2).mean()))
    x = np.hstack(stacked)
    w = simplex.fit(x[4:].T, x[[0]], np.array([[-1]])).weights[0]
    own = found["y"].weights[found["y"].weights["area"] == "a00"]
    np.testing.assert_allclose(own["weight"], w[w > 1e-8], atol=1e-8)
    for name in ("y", "z"):
        gap = held.array(name)[0] - w @ held.array(name)[4:]
        area = found[name].by("area").loc["a00", "effect"]
        assert area == pytest.approx(gap[5:].mean(), rel=1e-6)


def test_the_unit_of_an_outcome_does_not_move_shared_weights() -> None:
    held = two_outcomes()
    found = synthetic_controls(held, ["y", "z"])
    scaled = Panel(
        areas=held.areas,
        periods=held.periods,
        figures={"y": held.array("y"), "z": held.array("z") / 1e6},
    )
    again = synthetic_controls(scaled, ["y", "z"])
    np.testing.assert_allclose(again["y"].effects, found["y"].effects, atol=1e-8)
    np.testing.assert_allclose(again["z"].effects * 1e6, found["z"].effects, rtol=1e-6)


def test_outcomes_share_their_assignments_even_where_one_lacks_figures() -> None:
    table = long_table()
    held = two_outcomes(table)
    gap = held.array("z").copy()
    gap[20, 3] = np.nan
    figures = {"y": held.array("y"), "z": gap}
    lacking = Panel(areas=held.areas, periods=held.periods, figures=figures)
    found = synthetic_controls(lacking, ["y", "z"])
    for estimate in found.values():
        assert any("1 comparison areas" in said for said in estimate.warnings)
        assert "a20" not in set(estimate.weights["donor"])
    assert found["y"].provenance["assignments"] == found["z"].provenance["assignments"]


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(EstimateError, match="no outcome"):
        synthetic_controls(panel(), [])
    with pytest.raises(EstimateError, match="simplex or demeaned"):
        synthetic_controls(
            panel(), ["y"], settings=SyntheticSettings(variant="penalised", penalty=1.0)
        )
    demeaned = SyntheticSettings(variant="demeaned")
    found = synthetic_controls(panel(), ["y"], settings=demeaned)["y"]
    alone = synthetic_control(panel(), "y", settings=demeaned)
    np.testing.assert_allclose(found.effects, alone.effects, atol=1e-7)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_started_areas_missing_period_before_is_left_out_of_its_own_fit(
    estimator: Estimator,
) -> None:
    """The area's effect is as if nobody had figures for that period; the others' fits keep it."""
    table = long_table()
    table.loc[(table["area"] == "a00") & (table["year"] == 2002), "y"] = np.nan
    found = estimator(panel(table), "y")
    assert any("1 of 240 cells" in said and "1 in" in said for said in found.warnings)
    assert found.sample["missing_cells"] == 1
    # The period is moved to the front and cut off, so that the remaining ones are unbroken.
    rest = long_table()
    rest = rest[rest["year"] != 2002].assign(
        year=lambda t: np.where(t["year"] < 2002, t["year"] + 1, t["year"])
    )
    again = estimator(panel(rest), "y")
    whole = estimator(panel(), "y")
    for area, same in (("a00", again), ("a01", whole), ("a02", whole), ("a03", whole)):
        effect = same.area_effects.loc[area, "effect"]
        assert found.area_effects.loc[area, "effect"] == pytest.approx(effect, abs=1e-7)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_started_areas_missing_period_after_counts_for_nothing(estimator: Estimator) -> None:
    table = long_table(effect=4.0)
    whole = estimator(panel(table), "y")
    table.loc[(table["area"] == "a00") & (table["year"] == 2006), "y"] = np.nan
    found = estimator(panel(table), "y")
    one = found.index[(found.index["site"] == "A") & (found.index["quarter"] == 2006)].index[0]
    assert np.isfinite(found.effects[one])
    others = np.delete(np.arange(len(found.effects)), one)
    np.testing.assert_allclose(found.effects[others], whole.effects[others], atol=1e-7)


def test_an_area_with_too_few_periods_before_a_start_fills_no_place_of_it() -> None:
    """One period before site A's start and three before B's: no place of A, and one of B."""
    table = long_table()
    table.loc[(table["area"] == "a10") & table["year"].between(2001, 2004), "y"] = np.nan
    held = panel(table)
    assignments = Assignments.draw(held, strata=())
    estimate = synthetic_control(held, "y", assignments=assignments)
    assert estimate.draws is not None
    pseudo_treated, y = assignments.pseudo_treated, held.array("y")
    never = np.delete(np.arange(4, 24), 6)

    def gap(i: int, row: np.ndarray, start: int) -> np.ndarray:
        periods = np.flatnonzero(np.isfinite(y[i, :start]))
        ground = synthetic_weights.Ground.on(y, np.array([i]), never, periods, start, "")
        w = synthetic_weights.control(ground).unit[0]
        w = np.where(np.isin(never, row), 0.0, w)
        return y[i] - (w / w.sum()) @ y[never]

    in_a = np.flatnonzero((pseudo_treated[:, 0] == 10) & (pseudo_treated[:, 1] != 10))[:3]
    in_b = np.flatnonzero((pseudo_treated[:, 2] == 10) & (pseudo_treated[:, 3] >= 4))[:3]
    assert len(in_a) == len(in_b) == 3
    for b in in_a:
        alone = gap(pseudo_treated[b, 1], pseudo_treated[b], 5)
        np.testing.assert_allclose(estimate.draws.raw[b][5:10], alone[5:], atol=1e-7)
    for b in in_b:
        pair = np.stack([gap(i, pseudo_treated[b], 7) for i in pseudo_treated[b, 2:]])
        np.testing.assert_allclose(estimate.draws.raw[b][17:], pair[:, 7:].mean(axis=0), atol=1e-7)


def test_a_pilot_with_too_few_periods_is_named() -> None:
    table = long_table()
    table.loc[(table["area"] == "a00") & table["year"].between(2000, 2002), "y"] = np.nan
    estimate = synthetic_control(panel(table), "y")
    assert any("1 started areas lack the figures" in w and "a00" in w for w in estimate.warnings)


def test_too_few_complete_areas_is_an_error_with_its_reason() -> None:
    table = long_table()
    few = table["area"].isin([f"a{i:02d}" for i in range(5, 24)]) & (table["year"] == 2001)
    table.loc[few, "y"] = np.nan
    with pytest.raises(EstimateError):
        synthetic_control(panel(table), "y")
