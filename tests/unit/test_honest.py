"""Bounds on broken trends against linear programmes, brute force and simulation."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from evaluation.diagnose.event_study import EventStudy
from evaluation.diagnose.honest import (
    Moments,
    Restriction,
    _moments,
    _relative,
    _smooth,
    _vertices,
    breakdown,
    critical,
    honest_bounds,
    honest_interval,
    sensitivity,
    shortest,
)
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from tests.unit.panels import panel


def study(before: int = 4, after: int = 3, seed: int = 0) -> EventStudy:
    rng = np.random.default_rng(seed)
    n = before + after
    root = rng.normal(size=(n, n)) + 2 * np.eye(n)
    times = np.array([t for t in range(-before, after + 1) if t])
    effects = rng.normal(size=n) + 3.0 * (times > 0)
    return EventStudy(times=times, effects=effects, covariance=root @ root.T / 20)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["relative", "smooth"])
def test_the_vertices_give_the_optimum_of_the_linear_programme(seed: int, kind: str) -> None:
    """Min eta, nuisance: Y - a theta - X nuisance <= eta sd, by HiGHS, at random thetas: 1e-9."""
    held, rng = study(seed=seed), np.random.default_rng(seed)
    restrictions = _relative(held, 1.5) if kind == "relative" else [_smooth(held, 0.1)]
    target = np.array([0.5, 0.25, 0.25])
    basis = np.linalg.svd(target[None, :])[2][1:].T
    for restriction in restrictions:
        rows, slack = restriction.rows()
        sd = np.sqrt(np.diag(rows @ held.covariance @ rows.T))
        moments = Moments.of(restriction, (held.effects, held.covariance), target, 0.05)
        after = rows[:, held.n_before :]
        for theta in rng.normal(3, 3, 4):
            level = rows @ held.effects - slack - after @ target / (target @ target) * theta
            solved = linprog(
                np.array([1.0, 0, 0]),
                A_ub=-np.column_stack([sd, after @ basis]),
                b_ub=-level,
                bounds=(None, None),
                method="highs",
            )
            ours = (moments.level - theta * moments.slope).max()
            assert ours == pytest.approx(solved.fun, abs=1e-9)


@pytest.mark.parametrize("after", [1, 2, 5])
def test_the_vertices_are_feasible(after: int) -> None:
    rng = np.random.default_rng(after)
    matrix, target = np.tril(rng.normal(size=(after, after))) + np.eye(after), np.ones(after)
    sd = rng.uniform(1, 2, 2 * after)
    vertices = _vertices(matrix, target, sd)
    assert (vertices >= 0).all()
    np.testing.assert_allclose(vertices @ sd, 1.0, atol=1e-12)
    both = vertices @ np.concatenate([matrix, -matrix])
    along = both @ target / (target @ target)
    np.testing.assert_allclose(both, along[:, None] * target, atol=1e-9)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bend", [0.05, 0.4])
def test_the_interval_is_the_shortest_and_its_bias_the_worst(seed: int, bend: float) -> None:
    """Against a general optimiser over the weights, and a linear programme for the bias."""
    held, target = study(seed=seed), np.array([1.0, 0.0, 0.0])
    found = shortest(held, bend, target, 0.05)
    before = np.arange(held.n_before, 0, -1)

    def length(free: np.ndarray) -> float:
        weights = np.append(free, (1 - free @ before[:-1]) / before[-1])
        every = np.append(weights, target)
        error = np.sqrt(every @ held.covariance @ every)
        return float(error * critical(worst_bias(every, bend) / error, 0.05))

    starts = np.random.default_rng(0).normal(0, 0.3, (3, held.n_before - 1))
    best = min(minimize(length, start, method="Nelder-Mead").fun for start in starts)
    assert found.half <= best * (1 + 1e-6)
    assert found.half == pytest.approx(best, rel=2e-3)


def worst_bias(weights: np.ndarray, bend: float, before: int = 4) -> float:
    """Max of weights' delta over second differences within ``bend``, by HiGHS."""
    n = len(weights)
    steps = np.eye(n + 1)[1:] - np.eye(n + 1)[:-1]
    bends = np.delete(steps[1:] - steps[:-1], before, axis=1)
    solved = linprog(
        -weights,
        A_ub=np.concatenate([bends, -bends]),
        b_ub=np.full(2 * len(bends), bend),
        bounds=(-1e6, 1e6),
        method="highs",
    )
    return -float(solved.fun)


def test_the_bias_reported_is_the_worst() -> None:
    held = study()
    found = shortest(held, 0.3, np.array([0.0, 1.0, 0.0]), 0.05)
    assert found.half == pytest.approx(found.error * critical(found.bias / found.error, 0.05))
    assert found.bias >= 0.3 * 3


def test_intervals_widen_with_the_bound_and_zero_leaves_at_the_breakdown() -> None:
    held = study()
    for kind, bounds in (("relative_magnitudes", (0.0, 0.5, 1, 2)), ("smoothness", (0, 0.1, 1))):
        table = sensitivity(held, kind, bounds)  # type: ignore[arg-type]
        assert (np.diff(table["low"]) <= 1e-3).all()
        assert (np.diff(table["high"]) >= -1e-3).all()
        at = table.attrs["breakdown"]
        assert 0 < at < np.inf
        assert honest_interval(held, kind, at * 0.99)[0] > 0  # type: ignore[arg-type]
        assert honest_interval(held, kind, at * 1.02)[0] <= 0  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_sets_cover_the_truth() -> None:
    """300 draws at the edge of what the bound allows; nominal 95 %, Monte Carlo error 1.3 points.

    The true departure is at its worst: a linear trend for relative magnitudes with M = 1, a bend
    of exactly M for smoothness. Coverage may be above nominal (the sets are conservative).
    """
    base = study(before=3, after=2)
    rng, target = np.random.default_rng(1), np.array([1.0, 0.0])
    root = np.linalg.cholesky(base.covariance)
    held = {"relative_magnitudes": 0, "smoothness": 0, "smoothness_conditional": 0}
    for _ in range(300):
        noise = root @ rng.standard_normal(len(base.times))
        for kind in held:
            path = base.times if kind == "relative_magnitudes" else np.maximum(base.times, 0) * 0.5
            effects = path + 2.0 * (base.times > 0) + noise
            drawn = EventStudy(times=base.times, effects=effects, covariance=base.covariance)
            if kind == "smoothness":
                low, high = honest_interval(drawn, kind, 0.5, window=(0, 0))
                held[kind] += low <= 2.0 <= high
            else:
                bound = 1.0 if kind == "relative_magnitudes" else 0.5
                moments = _moments(drawn, kind, bound, target, 0.05)  # type: ignore[arg-type]
                held[kind] += any(one.accepts(np.array([2.0]))[0] for one in moments)
    assert min(held.values()) / 300 >= 0.95 - 3 * 0.013


def test_from_an_estimate_by_re_assignment() -> None:
    held = panel(n=40, effect=3.0)
    assignments = Assignments.draw(held, strata=(), n=499)
    by_base = []
    for base in ("universal", "mean"):
        settings = DidSettings(base=base)  # type: ignore[arg-type]
        found = EventStudy.of(did(held, "y", settings=settings, assignments=assignments))
        assert "499 re-assignments" in found.covariance_from
        by_base.append(found)
    first, second = by_base
    # Sites at event time t and at the reference: the base drops out of their difference.
    np.testing.assert_allclose(first.effects, second.effects, atol=1e-12)
    assert first.times.tolist() == [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5]
    low, high = honest_interval(first, "smoothness", 0.0)
    assert low < high
    assert breakdown(first, "relative_magnitudes") >= 0


@pytest.mark.parametrize("kind", ["relative", "smoothness"])
def test_bounds_of_an_estimate_are_those_of_its_event_study(kind: Any) -> None:
    held = panel(n=40, effect=3.0)
    drawn = Assignments.draw(held, strata=(), n=199)
    estimate = did(held, "y", settings=DidSettings(base="mean"), assignments=drawn)
    found = honest_bounds(estimate, kind, m=(0.1, 0.4))
    longer: Any = {"relative": "relative_magnitudes"}.get(kind, kind)
    peer = sensitivity(EventStudy.of(estimate), longer, (0.1, 0.4))
    assert found.columns.tolist() == ["m", "low", "high"]
    assert found["m"].tolist() == [0.1, 0.4]
    np.testing.assert_array_equal(found[["low", "high"]], peer[["low", "high"]])
    assert found.attrs["breakdown"] == peer.attrs["breakdown"]
    with pytest.raises(EstimateError, match="no bounds of kind"):
        honest_bounds(estimate, "other")


def test_influence_functions_give_the_errors_of_the_table() -> None:
    held = panel(n=40, effect=3.0)
    estimate = did(held, "y", inference="analytic", settings=DidSettings(replication=True))
    found = EventStudy.of(estimate)
    table = estimate.by("event_time").drop(index=-1)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), table["se"], atol=1e-12)
    np.testing.assert_allclose(found.effects, table["effect"], atol=1e-12)


def test_what_cannot_be_asked_is_refused() -> None:
    held = panel(n=24)
    varying = did(held, "y", settings=DidSettings(base="varying"))
    with pytest.raises(EstimateError, match="varying base"):
        EventStudy.of(varying)
    assignments = Assignments.draw(held, strata=(), n=9)
    few = did(held, "y", settings=DidSettings(), assignments=assignments)
    with pytest.raises(EstimateError, match="not of full rank"):
        EventStudy.of(few)
    with pytest.raises(EstimateError, match="no meaning"):
        honest_interval(study(), "smoothness", -1.0)
    with pytest.raises(EstimateError, match="no bound of kind"):
        honest_interval(study(), "other", 1.0)  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="without gaps"):
        EventStudy(times=np.array([-3, -1, 1]), effects=np.zeros(3), covariance=np.eye(3))
    with pytest.raises(EstimateError, match="no event time"):
        study().target((7, 9))


def test_a_restriction_states_its_rows() -> None:
    held = Restriction(
        differences=np.array([[0.0, 1.0]]), largest=np.array([1.0, 0.0]), scale=2.0, slack=0.5
    )
    rows, slack = held.rows()
    assert rows.tolist() == [[-2.0, 1.0], [-2.0, -1.0]]
    assert slack.tolist() == [0.5, 0.5]
