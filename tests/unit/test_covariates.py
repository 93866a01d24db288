"""Covariate adjustment: three methods, against definitions, refits and known biases."""

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate import did as estimator
from evaluation.estimate import samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import (
    DidSettings,
    Method,
    TwoByTwo,
    adjusted_att,
    did,
    long_differences,
)
from evaluation.panel import Panel
from tests.unit.panels import long_table

METHODS: tuple[Method, ...] = ("reg", "ipw", "dr")


def confounded(seed: int, n: int = 4_000) -> TwoByTwo:
    """Started areas have a higher x, and x alone makes the outcome grow: the true ATT is 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    started = (rng.random(n) < 1 / (1 + np.exp(1 - x))).astype(float)
    change = 2 * x + started + rng.normal(size=n)
    design = np.stack([np.ones(n), x], axis=1)
    return TwoByTwo(change=change, treated=started, design=design, weights=np.ones(n))


@pytest.mark.parametrize("method", METHODS)
def test_confounding_by_a_covariate_is_taken_out(method: Method) -> None:
    data = confounded(1)
    raw = data.change[data.treated == 1].mean() - data.change[data.treated == 0].mean()
    att, influence = adjusted_att(data, method)
    error = np.sqrt((influence**2).sum()) / len(influence)
    assert raw > 2
    assert abs(att - 1) < 4 * error
    assert abs(influence.mean()) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_stated_errors_are_those_of_repeated_samples(method: Method) -> None:
    """200 samples: mean stated error within 15 % of the spread of the estimates."""
    found = [adjusted_att(confounded(seed, 400), method) for seed in range(200)]
    spread = np.std([att for att, _ in found], ddof=1)
    stated = np.mean([np.sqrt((inf**2).sum()) / len(inf) for _, inf in found])
    assert stated == pytest.approx(spread, rel=0.15)


def test_the_methods_agree_without_covariates() -> None:
    data = confounded(2, 300)
    alone = TwoByTwo(
        change=data.change, treated=data.treated, design=data.design[:, :1], weights=data.weights
    )
    plain = data.change[data.treated == 1].mean() - data.change[data.treated == 0].mean()
    for method in METHODS:
        assert adjusted_att(alone, method)[0] == pytest.approx(plain, abs=1e-9)


def test_perfect_separation_is_refused_with_a_way_out() -> None:
    data = confounded(3, 100)
    split = TwoByTwo(
        change=data.change,
        treated=(data.design[:, 1] > 0).astype(float),
        design=data.design,
        weights=data.weights,
    )
    with pytest.raises(EstimateError, match="method='reg'"):
        adjusted_att(split, "dr")


def table() -> pd.DataFrame:
    frame = long_table()
    wealth = {a: np.sin(7 * k) for k, a in enumerate(sorted(frame["area"].unique()))}
    return frame.assign(wealth=frame["area"].map(wealth))


def panel(frame: pd.DataFrame) -> Panel:
    return Panel.from_long(
        frame,
        area="area",
        period="year",
        outcomes="y",
        start="start",
        site="site",
        authority="authority",
        covariates=["wealth"],
        frequency="A",
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_reassigned_effects_equal_a_refit(method: Method, comparison: str) -> None:
    frame = table()
    held = panel(frame)
    chosen = DidSettings(
        method=method,
        covariates=("wealth",),
        comparison=comparison,  # type: ignore[arg-type]
    )
    assignments = Assignments.draw(held, block="area", strata=(), n=19, seed=2)
    estimate = did(held, "y", settings=chosen, assignments=assignments)
    assert estimate.draws is not None
    for b in (1, 7, 19):
        redrawn = frame.assign(start=0, site=None)
        for place, pseudo_treated_unit in enumerate(assignments.pseudo_treated[b]):
            area = held.areas.index[pseudo_treated_unit]
            redrawn.loc[redrawn["area"] == area, ["start", "site"]] = (
                [2005, "A"] if place < 2 else [2007, "B"]
            )
        only = Assignments.draw(panel(redrawn), block="area", strata=(), n=1)
        refit = did(panel(redrawn), "y", settings=chosen, assignments=only)
        np.testing.assert_allclose(estimate.draws.raw[b], refit.effects, rtol=0, atol=1e-9)


def test_batched_regression_equals_the_one_by_one() -> None:
    """The real effects by normal equations equal those of the analytic way, cell by cell."""
    held = panel(table())
    chosen = DidSettings(covariates=("wealth",), replication=True)
    placebo = did(held, "y", settings=chosen).effects
    analytic = did(held, "y", settings=chosen, inference="analytic").effects
    np.testing.assert_allclose(placebo, analytic, rtol=0, atol=1e-10)


def test_a_propensity_score_is_refitted_at_fewer_assignments_and_says_so() -> None:
    estimate = did(panel(table()), "y", settings=DidSettings(method="dr", covariates=("wealth",)))
    assert estimate.draws is not None
    used = len(estimate.draws.raw) - 1
    assert 0 < used < 199
    assert f"fitted anew under each of {used} assignments" in estimate.warnings[-1]
    assert f"{199 - used} assignments under which it has no solution" in estimate.warnings[-1]
    assert np.isfinite(estimate.draws.raw).any(axis=1).all()


def test_an_unknown_or_missing_covariate_is_named() -> None:
    held = panel(table())
    with pytest.raises(EstimateError, match="no covariate 'age'"):
        did(held, "y", settings=DidSettings(covariates=("age",)))
    holed = table()
    holed.loc[holed["area"] == "a09", "wealth"] = np.nan
    with pytest.raises(EstimateError, match="'wealth' is missing"):
        did(panel(holed), "y", settings=DidSettings(covariates=("wealth",)))


def test_a_score_under_some_of_all_assignments_is_fitted_over_all_areas() -> None:
    """All pairs of forty areas stand in order: the first two hundred hold the same six areas."""
    frame = long_table(n=40)
    frame.loc[frame["site"] == "B", ["start", "site"]] = [0, None]
    held = panel(frame.assign(wealth=np.sin(frame["population"])))
    settings = DidSettings(method="ipw", covariates=("wealth",))
    sample = samples.take(held, "y", "level")
    drawn = Assignments.draw(held, block="area", strata=())
    assert drawn.enumerated and len(drawn) == 780
    used, _ = estimator._fewer(drawn, sample, long_differences(sample, settings), settings, 0)
    counts = np.bincount(used.pseudo_treated[1:].ravel(), minlength=40)
    assert len(used) > 150 and counts.max() <= 20 and counts.min() >= 1
