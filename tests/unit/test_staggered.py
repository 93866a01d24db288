"""Partially pooled synthetic control against one joint problem solved by clarabel."""

import numpy as np
import pytest

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import pooled
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.pooled import PooledSettings, pooled_synthetic_control
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from tests.unit.panels import long_table, panel
from tests.unit.quadratic_programs import on_simplexes

STARTS = (9, 7, 12)


def problem(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Three areas that start after 9, 7 and 12 periods, and 15 donors; the last period first."""
    y = np.random.default_rng(seed).normal(size=(18, 12)).cumsum(axis=1)
    return [y[[j], :g][:, ::-1] for j, g in enumerate(STARTS)], [
        y[3:, :g][:, ::-1].T for g in STARTS
    ]


def objective(errors: list[np.ndarray], share: float, apart: np.ndarray) -> float:
    """Equation 6 of the paper, from the errors alone."""
    together = np.zeros(max(STARTS))
    for error in errors:
        together[: len(error)] += error / len(errors)
    q_pool = (together**2).sum() / max(STARTS)
    q_sep = np.mean([(error**2).mean() for error in errors])
    return float(share * q_pool / apart[1] ** 2 + (1 - share) * q_sep / apart[0] ** 2)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, None])
@pytest.mark.parametrize("seed", [0, 1])
def test_weights_solve_the_joint_problem(share: float | None, seed: int) -> None:
    targets, donors = problem(seed)
    fitted = pooled.fit(targets, donors, np.array([[-1]]), share)
    assert fitted.converged.all()
    nu, apart = float(fitted.share[0]), fitted.apart[0]
    own = [np.sqrt((1 - nu) / (3 * g)) / apart[0] for g in STARTS]
    pull = np.sqrt(nu / max(STARTS)) / apart[1] / 3
    rows, right = [], []
    for j, (y, x) in enumerate(zip(targets, donors, strict=True)):
        wide = np.zeros((len(x), 45))
        wide[:, 15 * j : 15 * (j + 1)] = x
        rows.append(own[j] * wide)
        right.append(own[j] * y[0])
    together, aim = np.zeros((max(STARTS), 45)), np.zeros(max(STARTS))
    for j, (y, x) in enumerate(zip(targets, donors, strict=True)):
        together[: len(x), 15 * j : 15 * (j + 1)] = pull * x
        aim[: len(x)] += pull * y[0]
    w = on_simplexes(np.vstack([*rows, together]), np.concatenate([*right, aim]), 3)
    ours = [
        y[0] - part.predict(x.T)[0] for y, x, part in zip(targets, donors, fitted.fits, strict=True)
    ]
    theirs = [
        y[0] - x @ w[15 * j : 15 * (j + 1)]
        for j, (y, x) in enumerate(zip(targets, donors, strict=True))
    ]
    assert objective(ours, nu, apart) <= objective(theirs, nu, apart) * (1 + 1e-6)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-3)


def test_pooling_trades_each_areas_fit_for_their_average() -> None:
    targets, donors = problem(2)
    some, more = (pooled.fit(targets, donors, np.array([[-1]]), share) for share in (0.3, 0.95))
    assert more.pooled[0] < some.pooled[0] < some.apart[0, 1]
    assert more.separate[0] > some.separate[0] > some.apart[0, 0]
    rule = pooled.fit(targets, donors, np.array([[-1]]), None)
    assert 0 < rule.share[0] < 1


def test_fitted_apart_it_is_synthetic_control_without_the_fillers() -> None:
    held = panel(n=12)
    assignments = Assignments.draw(held, n=40, strata=())
    for demeaned, variant in ((False, "simplex"), (True, "demeaned")):
        chosen = PooledSettings(share=0.0, demeaned=demeaned)
        ours = pooled_synthetic_control(held, "y", settings=chosen, assignments=assignments)
        plain = synthetic_control(
            held, "y", settings=SyntheticSettings(variant=variant), assignments=assignments
        )
        np.testing.assert_allclose(ours.effects, plain.effects, atol=1e-6)


def test_every_assignment_is_fitted_anew_without_its_fillers() -> None:
    held = panel(n=12)
    y, never = held.array("y"), np.arange(4, 12)
    assignments = Assignments.draw(held, n=40, strata=())
    chosen = PooledSettings(share=0.5, demeaned=False)
    estimate = pooled_synthetic_control(held, "y", settings=chosen, assignments=assignments)
    assert estimate.draws is not None
    starts = (5, 5, 7, 7)
    for b in (1, 8):
        pseudo_treated = assignments.pseudo_treated[b]
        left = np.setdiff1d(never, pseudo_treated)
        alone = pooled.fit(
            [y[[i], :g][:, ::-1] for i, g in zip(pseudo_treated, starts, strict=True)],
            [y[left, :g][:, ::-1].T for g in starts],
            np.array([[-1]]),
            0.5,
        )
        gaps = [
            y[i] - part.predict(y[left])[0]
            for i, part in zip(pseudo_treated, alone.fits, strict=True)
        ]
        np.testing.assert_allclose(
            estimate.draws.raw[b], [*(gaps[0] + gaps[1]) / 2, *(gaps[2] + gaps[3]) / 2], atol=1e-4
        )


def test_it_finds_a_known_effect_and_refuses_what_it_cannot_do() -> None:
    held = panel(effect=5.0)
    assignments = Assignments.draw(held, n=99, strata=())
    row = pooled_synthetic_control(held, "y", assignments=assignments).overall().iloc[0]
    assert row["low"] < 5 < row["high"]
    with pytest.raises(InferenceRefused, match="inference='placebo'"):
        pooled_synthetic_control(held, "y", inference="analytic")
    with pytest.raises(EstimateError, match="below 1"):
        PooledSettings(share=1.0)
    table = long_table()
    table.loc[(table["area"] == "a00") & (table["year"] == 2003), "y"] = np.nan
    with pytest.raises(EstimateError, match="lined up"):
        pooled_synthetic_control(panel(table), "y")
