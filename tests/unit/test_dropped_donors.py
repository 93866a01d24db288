"""Donors that are started in an assignment are dropped, and what is left is fitted as it should."""

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design import simulation
from evaluation.design.simulation import Simulation
from evaluation.estimate import synthetic_placebos, synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.solvers import simplex

FIRST = 12


@pytest.fixture(scope="module")
def panel():
    how = Simulation(started=6, looks=4)
    found, _ = simulation._with_pilots(
        Invented(areas=40, quarters=16).draw(0), how, np.random.default_rng(0)
    )
    return found


def by_hand(synthetic_unit, pseudo_treated, pseudo_treated_unit):
    """Gap of one filler: weights scaled up; below a ridge regression, both fitted anew."""
    left = [k for k, donor in enumerate(synthetic_unit.donors) if donor not in pseudo_treated]
    y = synthetic_unit.figures
    weights = (
        synthetic_unit.unit_weights[pseudo_treated_unit, left]
        / synthetic_unit.unit_weights[pseudo_treated_unit, left].sum()
    )
    if synthetic_unit.augmented:
        periods = np.flatnonzero(synthetic_unit.pre_period_mask[pseudo_treated_unit])
        x = y[synthetic_unit.donors[left]][:, periods].T
        alone = simplex.fit(x, y[[pseudo_treated_unit]][:, periods], np.array([[-1]]))
        assert alone.converged.all()
        weights = alone.weights[0]
        x = x - x.mean(axis=1, keepdims=True)
        rest = (
            y[pseudo_treated_unit, periods] - y[synthetic_unit.donors[left]][:, periods].T @ weights
        )
        ridge = x @ x.T + synthetic_unit.augmented.penalty[pseudo_treated_unit] * np.eye(
            len(periods)
        )
        weights = weights + x.T @ np.linalg.solve(ridge, rest)
    return y[pseudo_treated_unit] - weights @ y[synthetic_unit.donors[left]]


@pytest.mark.parametrize(
    "method",
    [
        synthetic_weights.control,
        lambda g: synthetic_weights.augment(g, synthetic_weights.Penalty()),
    ],
)
def test_gaps_equal_those_without_the_started_donors(panel, method):
    fitted = synthetic_weights.fit_all(panel, "y", "level", method)
    drawn = Assignments.draw(panel, n=40, strata=(), block="area", seed=0)
    synthetic_unit = fitted.synthetic_units[FIRST]
    found = synthetic_placebos.placebo_differences(fitted.synthetic_units)(
        FIRST, drawn.pseudo_treated
    )
    for row, pseudo_treated in enumerate(drawn.pseudo_treated):
        for place, pseudo_treated_unit in enumerate(pseudo_treated):
            held = [
                k for k, donor in enumerate(synthetic_unit.donors) if donor not in pseudo_treated
            ]
            if (
                synthetic_unit.augmented
                or synthetic_unit.unit_weights[pseudo_treated_unit, held].sum() > 1e-9
            ):
                assert found[row, place] == pytest.approx(
                    by_hand(synthetic_unit, pseudo_treated, pseudo_treated_unit), abs=1e-9
                )
    assert found[0] == pytest.approx(synthetic_unit.gaps[drawn.pseudo_treated[0]], abs=1e-9)


def test_augmented_gaps_of_placebos_are_no_wider_than_the_real_kind(panel):
    """Scaling up what is left of augmented weights made placebo gaps many times too wide."""
    fitted = synthetic_weights.fit_all(
        panel, "y", "level", lambda g: synthetic_weights.augment(g, synthetic_weights.Penalty())
    )
    drawn = Assignments.draw(panel, n=200, strata=(), block="area", seed=0)
    found = synthetic_placebos.placebo_differences(fitted.synthetic_units)(
        FIRST, drawn.pseudo_treated[1:]
    )[:, :, FIRST:]
    own = fitted.synthetic_units[FIRST].gaps[:, FIRST:]
    assert np.nanstd(found) < 1.15 * np.nanstd(own)


def test_a_twin_is_lost_with_the_last_donor_that_is_left_to_it(panel):
    fitted = synthetic_weights.fit_all(
        panel, "y", "level", lambda g: synthetic_weights.augment(g, synthetic_weights.Penalty())
    )
    synthetic_unit = fitted.synthetic_units[FIRST]
    started = np.setdiff1d(np.arange(len(synthetic_unit.figures)), synthetic_unit.donors)[:1]
    for left, finite in ((0, False), (1, True)):
        pseudo_treated = np.append(started, synthetic_unit.donors[left:])[None]
        gaps = synthetic_placebos.placebo_differences({FIRST: synthetic_unit})(
            FIRST, pseudo_treated
        )[0, 0]
        carried = synthetic_placebos.where_synthetic_units_are_left(
            {FIRST: synthetic_unit}, {FIRST: synthetic_unit.gaps}
        )(FIRST, pseudo_treated)
        assert np.isfinite(gaps).all() == finite == np.isfinite(carried[0, 0]).all()
