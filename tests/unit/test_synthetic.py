"""Synthetic control: exact against an independent solver; never fitted on its own donors."""

import numpy as np
import pytest
from scipy.optimize import nnls

from evaluation.errors import InferenceRefused
from evaluation.estimate import simplex
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize(("periods", "donors"), [(20, 38), (18, 150), (4, 30), (60, 40)])
def test_weights_are_optimal_against_nonnegative_least_squares(periods: int, donors: int) -> None:
    """The sum constraint enters SciPy's NNLS as a heavy row; objectives agree to 1e-6 relative."""
    rng = np.random.default_rng(periods)
    x = rng.normal(size=(periods, donors)).cumsum(axis=0)
    fitted = simplex.fit(x, x.T, np.eye(donors, dtype=bool))
    assert fitted.converged.all()
    np.testing.assert_allclose(fitted.weights.sum(axis=1), 1.0, atol=1e-12)
    assert (fitted.weights >= 0).all()
    assert (np.diag(fitted.weights) == 0).all()
    heavy = 1e5
    for b in range(0, donors, 7):
        a = np.vstack([np.delete(x, b, axis=1), heavy * np.ones(donors - 1)])
        w, _ = nnls(a, np.append(x[:, b], heavy), maxiter=10_000)
        best = ((np.delete(x, b, axis=1) @ (w / w.sum()) - x[:, b]) ** 2).sum()
        assert fitted.objective[b] <= best * (1 + 1e-6) + 1e-9


def test_a_target_inside_the_hull_is_fitted_exactly() -> None:
    x = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    fitted = simplex.fit(x, np.array([[0.5, 0.5]]), np.zeros((1, 3), dtype=bool))
    assert fitted.objective[0] < 1e-20
    np.testing.assert_allclose(fitted.weights[0], [0.5, 0.25, 0.25], atol=1e-8)


def test_impossible_inputs_are_refused() -> None:
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="no donor left"):
        simplex.fit(x, np.ones((1, 3)), np.ones((1, 2), dtype=bool))
    with pytest.raises(ValueError, match="finite"):
        simplex.fit(x * np.nan, np.ones((1, 3)), np.zeros((1, 2), dtype=bool))


def test_started_areas_are_donors_for_nobody() -> None:
    estimate = synthetic_control(panel(), "y")
    assert not set(estimate.weights["donor"]) & {"a00", "a01", "a02", "a03"}
    sums = estimate.weights.groupby("area")["weight"].sum()
    np.testing.assert_allclose(sums, 1.0, atol=1e-8)


def test_the_gap_is_the_path_less_its_twin() -> None:
    held = panel()
    estimate = synthetic_control(held, "y")
    y = held.values("y")
    gap = np.zeros(10)
    for area in ("a00", "a01"):
        own = estimate.weights[estimate.weights["area"] == area].set_index("donor")["weight"]
        gap += (y.loc[area] - own @ y.loc[own.index]).to_numpy() / 2
    np.testing.assert_allclose(estimate.effects[:10], gap, atol=1e-7)


def test_a_filler_is_no_donor_for_another_filler() -> None:
    """Every placebo gap equals one recomputed with the other fillers dropped by hand."""
    held = panel(n=10)
    estimate = synthetic_control(held, "y")
    y = held.array("y")
    never = np.arange(4, 10)
    from evaluation.estimate.assignment import Assignments

    assignments = Assignments.draw(held, strata=())
    assert estimate.draws is not None
    for b in (1, 5, 17):
        fillers = assignments.fillers[b]
        gaps = []
        for i in fillers[:2]:
            barred = (never == i)[None, :]
            w = simplex.fit(y[never][:, :5].T, y[[i], :5], barred).weights[0]
            w = np.where(np.isin(never, fillers), 0.0, w)
            if w.sum() > 1e-9:
                gaps.append(y[i] - (w / w.sum()) @ y[never])
        np.testing.assert_allclose(estimate.draws.raw[b][:10], np.mean(gaps, axis=0), atol=1e-7)


def test_demeaned_fits_are_blind_to_level() -> None:
    table = long_table()
    high = table["area"].isin(["a00", "a01"])
    lifted = table.assign(y=table["y"] + 100.0 * high)
    settings = SyntheticSettings(variant="demeaned")
    one = synthetic_control(panel(table), "y", settings=settings).overall()
    other = synthetic_control(panel(lifted), "y", settings=settings).overall()
    assert one["effect"].item() == pytest.approx(other["effect"].item(), abs=1e-7)


def test_incomplete_comparison_areas_are_left_out_and_said() -> None:
    table = long_table()
    table.loc[(table["area"] == "a09") & (table["year"] == 2002), "y"] = np.nan
    estimate = synthetic_control(panel(table), "y")
    assert any("1 comparison areas" in w for w in estimate.warnings)
    assert "a09" not in set(estimate.weights["donor"])


def test_only_reassignment_is_offered() -> None:
    with pytest.raises(InferenceRefused, match="inference='placebo'"):
        synthetic_control(panel(), "y", inference="analytic")
