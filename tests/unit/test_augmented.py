"""Ridge-augmented synthetic control: each area by hand, with equations of its own."""

import numpy as np
import pytest

from evaluation import augmented_synthetic_control, synthetic_control
from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import synthetic_weights
from evaluation.estimate.sensitivity import fit_table
from evaluation.estimate.solvers import simplex
from evaluation.estimate.synthetic import AugmentedSettings, SyntheticSettings, synthetic_controls
from tests.unit.panels import long_table, panel


def by_hand(
    x: np.ndarray, i: int, penalties: np.ndarray, folds: int
) -> tuple[np.ndarray, float, np.ndarray]:
    """Errors, penalty and weights of one area: every period refitted, every system solved anew."""
    donors = np.delete(x, i, axis=1)
    centre = donors.mean(axis=1, keepdims=True)
    a, y = donors - centre, x[:, i] - centre[:, 0]

    def weights(a: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
        w = simplex.fit(a, y[None], np.array([[-1]])).weights[0]
        return w + np.linalg.solve(a @ a.T + penalty * np.eye(len(a)), y - a @ w) @ a

    errors = np.empty((folds, len(penalties)))
    for k in range(folds):
        kept = np.arange(len(x)) != k
        for at, penalty in enumerate(penalties):
            errors[k, at] = (y[k] - weights(a[kept], y[kept], penalty) @ a[k]) ** 2
    mean = errors.mean(axis=0)
    bound = mean.min() + errors[:, mean.argmin()].std(ddof=1) / np.sqrt(folds)
    chosen = penalties[mean <= bound].max()
    return mean, chosen, weights(a, y, chosen)


@pytest.mark.parametrize(("periods", "areas"), [(8, 14), (6, 5)])
@pytest.mark.parametrize("folds", ["every", "published"])
def test_every_area_agrees_with_itself_alone(
    periods: int, areas: int, folds: synthetic_weights.Folds
) -> None:
    """The batched equations against one refit for each area, period and penalty (1e-6 relative)."""
    x = np.random.default_rng(periods).normal(size=(periods, areas)).cumsum(axis=0)
    fitted = synthetic_weights.ridge_augmented(
        x, x.T, np.arange(areas), synthetic_weights.Penalty(folds=folds)
    )
    assert np.allclose(fitted.weights.sum(axis=1), 1)
    assert (np.diag(fitted.weights) == 0).all()
    for i in range(areas):
        count = periods - (folds == "published")
        errors, penalty, weights = by_hand(x, i, fitted.penalties[i], count)
        np.testing.assert_allclose(fitted.errors[i], errors, rtol=1e-6)
        assert fitted.penalty[i] == pytest.approx(penalty)
        np.testing.assert_allclose(np.delete(fitted.weights[i], i), weights, atol=1e-7)


def test_a_large_penalty_leaves_the_simplex_weights_and_a_small_one_fits_better() -> None:
    x = np.random.default_rng(1).normal(size=(8, 12)).cumsum(axis=0)
    none, some = (
        synthetic_weights.ridge_augmented(
            x, x.T, np.arange(12), synthetic_weights.Penalty(given=penalty)
        )
        for penalty in (1e12, 1.0)
    )
    np.testing.assert_allclose(none.weights, none.base.weights, atol=1e-9)
    misfit = [np.abs(fit.weights @ x.T - x.T).sum() for fit in (none, some)]
    assert misfit[1] < 0.5 * misfit[0]
    assert (some.weights < 0).any()


def test_a_target_that_is_no_donor_uses_all_of_them() -> None:
    x = np.random.default_rng(2).normal(size=(7, 10)).cumsum(axis=0)
    together = synthetic_weights.ridge_augmented(
        x[:, 1:], x.T, np.arange(-1, 9), synthetic_weights.Penalty()
    )
    errors, _, weights = by_hand(x, 0, together.penalties[0], 7)
    np.testing.assert_allclose(together.errors[0], errors, rtol=1e-6)
    np.testing.assert_allclose(together.weights[0], weights, atol=1e-7)


def test_the_estimate_finds_a_known_effect_and_counts_its_donors() -> None:
    estimate = augmented_synthetic_control(panel(effect=5.0), "y")
    row = estimate.overall().iloc[0]
    assert row["low"] < 5 < row["high"]
    assert row["effect"] == pytest.approx(5, abs=1)
    np.testing.assert_allclose(estimate.weights.groupby("area")["weight"].sum(), 1, atol=1e-6)
    assert not set(estimate.weights["donor"]) & {"a00", "a01", "a02", "a03"}


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(InferenceRefused, match="inference='placebo'"):
        augmented_synthetic_control(panel(), "y", inference="analytic")
    with pytest.raises(EstimateError, match="above 0"):
        AugmentedSettings(penalty=0.0)
    table = long_table()
    short = table[table["year"] >= 2003]
    with pytest.raises(EstimateError, match="give a penalty"):
        augmented_synthetic_control(panel(short), "y")
    given = AugmentedSettings(penalty=1.0)
    assert len(augmented_synthetic_control(panel(short), "y", settings=given).effects)


@pytest.mark.parametrize("penalty", [None, 3.0])
def test_it_is_the_ridge_variant_of_synthetic_control_too(penalty: float | None) -> None:
    held = panel()
    own = AugmentedSettings(penalty=penalty)
    variant = SyntheticSettings(variant="ridge", penalty=penalty)
    one = augmented_synthetic_control(held, "y", settings=own)
    other = synthetic_control(held, "y", settings=variant)
    assert one.overall().equals(other.overall())
    assert one.by("event_time").equals(other.by("event_time"))
    assert fit_table(held, "y", own).equals(fit_table(held, "y", variant))
    with pytest.raises(EstimateError, match="of its own for each outcome"):
        synthetic_controls(held, ["y"], settings=variant)
