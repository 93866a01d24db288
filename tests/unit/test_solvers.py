"""The simplex solvers against clarabel, and what they say of each fit; all panels are invented."""

import numpy as np
import pytest

from evaluation.estimate.solvers import ridge, simplex
from tests.unit.quadratic_programs import least_norm_meeting, on_simplex

SHAPES = [(20, 38), (18, 150), (4, 30), (60, 40), (12, 12), (1, 8), (30, 2)]


def walks(periods: int, areas: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(periods, areas)).cumsum(axis=0)


def every_area(x: np.ndarray) -> simplex.SimplexFit:
    return simplex.fit(x, x.T, np.arange(x.shape[1])[:, None])


@pytest.mark.parametrize(("periods", "donors"), SHAPES)
def test_no_objective_is_above_clarabels(periods: int, donors: int) -> None:
    """1e-9 of the objective and 1e-13 of the figures' scale allow for clarabel's own tolerance."""
    x = walks(periods, donors + 1, periods + donors)
    fitted = every_area(x)
    assert fitted.converged.all()
    for i in range(0, donors + 1, max(1, donors // 8)):
        others = np.delete(x, i, axis=1)
        w = on_simplex(np.zeros((donors, donors)), np.zeros(donors), others, x[:, i])
        theirs = ((others @ w - x[:, i]) ** 2).sum()
        assert fitted.objective[i] <= theirs * (1 + 1e-9) + 1e-13 * (x[:, i] ** 2).sum()


def test_the_gap_that_is_stated_is_the_gap() -> None:
    """Recomputed from the weights alone: w'g - min g over the donors allowed, twice."""
    x = walks(24, 60, 1)
    fitted = every_area(x)
    w = fitted.weights
    np.testing.assert_allclose(w.sum(axis=1), 1, atol=1e-12)
    assert (w >= 0).all()
    assert (np.diag(w) == 0).all()
    gradient = (w @ x.T - x.T) @ x
    allowed = np.where(np.eye(60, dtype=bool), np.inf, gradient)
    gap = 2 * ((w * gradient).sum(axis=1) - allowed.min(axis=1)) / fitted.objective
    assert gap.max() <= 1e-10
    assert (fitted.status == simplex.OPTIMAL).all()


def test_a_target_met_exactly_is_said_to_be() -> None:
    x = walks(6, 80, 2)
    fitted = every_area(x)
    met = fitted.objective < 1e-20
    assert met.sum() > 10
    assert (fitted.status[met] == simplex.ROUNDED).all()
    assert (fitted.status[~met] != simplex.STOPPED).all()


def test_a_fit_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simplex, "MAX_ROUNDS", 2)
    fitted = every_area(walks(24, 60, 1))
    assert (fitted.status == simplex.STOPPED).any()
    assert not fitted.converged.all()


def test_leaving_a_period_out_equals_never_having_had_it() -> None:
    x = walks(9, 20, 3)
    full = every_area(x)
    for k in (0, 4, 8):
        variation = simplex.Variation(held_out=np.full(20, k), start=full)
        warm = simplex.fit(x, x.T, np.arange(20)[:, None], variation)
        cold = every_area(np.delete(x, k, axis=0))
        np.testing.assert_allclose(warm.objective, cold.objective, rtol=1e-8)
        np.testing.assert_allclose(warm.weights, cold.weights, atol=1e-6)


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize(("periods", "donors"), [(20, 30), (6, 40)])
def test_penalised_weights_are_optimal(periods: int, donors: int, penalty: float) -> None:
    """Abadie and L'Hour's linear term; also where donors outnumber periods and fits stall."""
    x = walks(periods, donors + 1, donors)
    count = donors + 1
    variation = simplex.Variation(penalty=np.full(count, penalty))
    fitted = simplex.fit(x, x.T, np.arange(count)[:, None], variation)
    assert fitted.converged.all()
    for i in range(0, count, 6):
        others = np.delete(x, i, axis=1)
        apart = ((others - x[:, [i]]) ** 2).sum(axis=0)
        w = on_simplex(np.zeros((donors, donors)), penalty / 2 * apart, others, x[:, i])
        theirs = ((others @ w - x[:, i]) ** 2).sum() + penalty * w @ apart
        assert fitted.objective[i] <= theirs * (1 + 1e-9)
        np.testing.assert_allclose(np.delete(fitted.weights[i], i), w, atol=2e-4)


def test_a_large_penalty_takes_the_nearest_donor() -> None:
    x = walks(8, 12, 4)
    variation = simplex.Variation(penalty=np.full(12, 1e6))
    fitted = simplex.fit(x, x.T, np.arange(12)[:, None], variation)
    apart = ((x[:, :, None] - x[:, None, :]) ** 2).sum(axis=0) + np.diag(np.full(12, np.inf))
    assert (fitted.weights.argmax(axis=1) == apart.argmin(axis=1)).all()
    np.testing.assert_allclose(fitted.weights.max(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize(("periods", "donors"), [(12, 40), (5, 60), (40, 20)])
def test_ridge_weights_agree_with_clarabel(periods: int, donors: int) -> None:
    x = walks(periods, donors + 1, donors)
    eta = np.linspace(0.5, 20, donors + 1)
    fitted = ridge.fit(x, x.T, np.arange(donors + 1), eta)
    assert fitted.converged.all()
    for i in range(0, donors + 1, 7):
        others = np.delete(x, i, axis=1)
        w = on_simplex(eta[i] * np.eye(donors), np.zeros(donors), others, x[:, i])
        np.testing.assert_allclose(np.delete(fitted.weights[i], i), w, atol=1e-7)


def test_small_quadratic_problems_agree_with_clarabel() -> None:
    rng = np.random.default_rng(6)
    factors = rng.normal(size=(25, 30, 15))
    g, c = factors.transpose(0, 2, 1) @ factors, rng.normal(size=(25, 15))
    fitted = simplex.least_quadratic(g, c)
    assert fitted.converged.all()
    for i in range(25):
        w = on_simplex(g[i], -c[i], np.zeros((1, 15)), np.zeros(1))
        np.testing.assert_allclose(fitted.weights[i], w, atol=1e-6)


def test_many_exact_fits_have_one_answer_from_every_start() -> None:
    """More donors than periods: solvers started at different donors return different weights, all
    of which meet the target; the tie-break makes one of them, which clarabel confirms."""
    x = walks(5, 60, 7)
    donors, target = x[:, 1:], (x[:, 1:] @ np.full(59, 1 / 59))[None]
    none = np.array([-1])
    answers, before = [], []
    for first in (0, 17, 40):
        start = simplex.SimplexFit(
            columns=np.array([[first]]),
            values=np.ones((1, 1)),
            n_donors=59,
            objective=np.zeros(1),
            gap=np.zeros(1),
            status=np.zeros(1, dtype=np.int8),
        )
        found = simplex.fit(donors, target, none[:, None], simplex.Variation(start=start))
        assert found.objective[0] < 1e-18
        before.append(found.weights[0])
        answers.append(ridge.least_norm_weights(donors, target, none, found)[0])
    assert np.abs(before[0] - before[1]).max() > 0.01
    for answer in answers:
        np.testing.assert_allclose(answer, least_norm_meeting(donors, target[0]), atol=1e-6)


def test_copies_of_a_donor_share_its_weight() -> None:
    x = walks(20, 12, 8)
    target, none = x[:, 0][None], np.array([-1])
    plain = simplex.fit(x[:, 1:], target, none[:, None])
    twice = np.hstack([x[:, 1:], x[:, 1:]])
    fitted = simplex.fit(twice, target, none[:, None])
    shared = ridge.least_norm_weights(twice, target, none, fitted)[0]
    np.testing.assert_allclose(shared[:11], plain.weights[0] / 2, atol=1e-6)
    np.testing.assert_allclose(shared[11:], plain.weights[0] / 2, atol=1e-6)


def test_a_fit_with_one_answer_keeps_it() -> None:
    x = walks(24, 40, 9)
    fitted = every_area(x)
    np.testing.assert_array_equal(
        ridge.least_norm_weights(x, x.T, np.arange(40), fitted), fitted.weights
    )


@pytest.mark.slow
def test_every_fit_of_a_national_panel_is_optimal_or_says_otherwise() -> None:
    """6,791 invented areas x 24 quarters, each fitted by all others."""
    rng = np.random.default_rng(10)
    common = rng.normal(size=(24, 3)).cumsum(axis=0) @ rng.normal(size=(3, 6_791))
    x = common + 0.3 * walks(24, 6_791, 10)
    fitted = every_area(x)
    optimal = fitted.status == simplex.OPTIMAL
    assert fitted.gap[optimal].max() <= 1e-10
    assert (fitted.status != simplex.STOPPED).all()
    assert optimal.mean() > 0.95


def test_a_donor_that_gets_no_weight_leaves_and_no_weight_is_lost() -> None:
    """Counts: two donors fall to rounding together, and then have nothing left to move by."""
    shifted = np.array(
        [[-2, 1, 0, 0, 0], [2, 2, 0, -2, 0], [6, 2, 0, -2, 0], [-2, 0, 0, 0, 3], [-1, -1, 0, 1, 0]]
    ).astype(float)
    weights = np.array([[0.263986963607, 0, 0.186311787072, 0.010863661054, 0.538837588267]])
    start = simplex.ActiveSet.start(
        shifted, np.zeros((1, 5)), np.arange(5)[None], weights / weights.sum(), None
    )
    start.held[:] = True
    start.shifted[:] = shifted
    start.gram[:] = shifted @ shifted.T
    start.descend(np.arange(1), None)
    assert start.weights.sum() == pytest.approx(1.0)
    assert np.isfinite(start.weights).all()
    np.testing.assert_allclose(start.weights[0], [0, 1 / 3, 0, 0, 2 / 3], atol=1e-9)
