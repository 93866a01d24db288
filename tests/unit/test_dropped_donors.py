"""Donors that are started in an assignment are dropped, and what is left is fitted as it should."""

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design import simulation
from evaluation.design.simulation import Rehearsal
from evaluation.estimate import synthetic_placebos, synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.solvers import simplex

FIRST = 12


@pytest.fixture(scope="module")
def panel():
    how = Rehearsal(started=6, looks=4)
    found, _ = simulation._with_pilots(
        Invented(areas=40, quarters=16).draw(0), how, np.random.default_rng(0)
    )
    return found


def by_hand(twin, fillers, filler):
    """Gap of one filler: weights scaled up; below a ridge regression, both fitted anew."""
    left = [k for k, donor in enumerate(twin.donors) if donor not in fillers]
    y = twin.figures
    weights = twin.unit_weights[filler, left] / twin.unit_weights[filler, left].sum()
    if twin.augmented:
        periods = np.flatnonzero(twin.fitted_on[filler])
        x = y[twin.donors[left]][:, periods].T
        alone = simplex.fit(x, y[[filler]][:, periods], np.array([[-1]]))
        assert alone.converged.all()
        weights = alone.weights[0]
        x = x - x.mean(axis=1, keepdims=True)
        rest = y[filler, periods] - y[twin.donors[left]][:, periods].T @ weights
        ridge = x @ x.T + twin.augmented.penalty[filler] * np.eye(len(periods))
        weights = weights + x.T @ np.linalg.solve(ridge, rest)
    return y[filler] - weights @ y[twin.donors[left]]


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
    twin = fitted.twins[FIRST]
    found = synthetic_placebos.filler_gaps(fitted.twins)(FIRST, drawn.fillers)
    for row, fillers in enumerate(drawn.fillers):
        for place, filler in enumerate(fillers):
            held = [k for k, donor in enumerate(twin.donors) if donor not in fillers]
            if twin.augmented or twin.unit_weights[filler, held].sum() > 1e-9:
                assert found[row, place] == pytest.approx(by_hand(twin, fillers, filler), abs=1e-9)
    assert found[0] == pytest.approx(twin.gaps[drawn.fillers[0]], abs=1e-9)


def test_augmented_gaps_of_placebos_are_no_wider_than_the_real_kind(panel):
    """Scaling up what is left of augmented weights made placebo gaps many times too wide."""
    fitted = synthetic_weights.fit_all(
        panel, "y", "level", lambda g: synthetic_weights.augment(g, synthetic_weights.Penalty())
    )
    drawn = Assignments.draw(panel, n=200, strata=(), block="area", seed=0)
    found = synthetic_placebos.filler_gaps(fitted.twins)(FIRST, drawn.fillers[1:])[:, :, FIRST:]
    own = fitted.twins[FIRST].gaps[:, FIRST:]
    assert np.nanstd(found) < 1.15 * np.nanstd(own)


def test_a_twin_is_lost_with_the_last_donor_that_is_left_to_it(panel):
    fitted = synthetic_weights.fit_all(
        panel, "y", "level", lambda g: synthetic_weights.augment(g, synthetic_weights.Penalty())
    )
    twin = fitted.twins[FIRST]
    started = np.setdiff1d(np.arange(len(twin.figures)), twin.donors)[:1]
    for left, finite in ((0, False), (1, True)):
        fillers = np.append(started, twin.donors[left:])[None]
        gaps = synthetic_placebos.filler_gaps({FIRST: twin})(FIRST, fillers)[0, 0]
        carried = synthetic_placebos.where_twins_are_left({FIRST: twin}, {FIRST: twin.gaps})(
            FIRST, fillers
        )
        assert np.isfinite(gaps).all() == finite == np.isfinite(carried[0, 0]).all()
