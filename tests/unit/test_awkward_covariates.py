"""Covariates that say nothing, the same twice, too much or in words: a number or a refusal."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.panel import Panel

N, YEARS = 24, 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)
MANY = {f"r{i}": RNG.normal(size=N) for i in range(25)}
FIGURES = RNG.normal(size=(N, YEARS)).cumsum(axis=1)
START = np.where(np.arange(N) < 3, 2005, 0)


def fitted(columns: dict[str, Any], **how: Any) -> Estimate:
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(N), YEARS),
            "year": np.tile(np.arange(2000, 2000 + YEARS), N),
            "y": FIGURES.ravel(),
            "start": np.repeat(START, YEARS),
            **{name: np.repeat(np.asarray(one), YEARS) for name, one in columns.items()},
        }
    )
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    panel = Panel.from_long(frame, **names, covariates=list(columns), frequency="A")  # type: ignore[arg-type]
    settings = DidSettings(
        covariates=tuple(columns), method=how.get("method", "reg"), replication=True
    )
    if how.get("inference") == "analytic":
        return did(panel, "y", settings=settings, inference="analytic")
    drawn = Assignments.draw(panel, n=99, block="area", strata=(), seed=1)
    return did(panel, "y", settings=settings, assignments=drawn)


REFUSED = {
    "collinear": ({"x": X, "twice": 3 - 2 * X}, "'twice' follows from those named before it"),
    "nearly": ({"x": X, "near": X + 1e-9 * MANY["r0"]}, "'near' follows from those"),
    "constant": ({"one": np.ones(N)}, "'one' is the same in all comparison areas"),
    "zero": ({"zero": np.zeros(N)}, "'zero' is the same in all comparison areas"),
    "the treatment": ({"on": START > 0}, "'on' is the same in all comparison areas"),
    "too many": (MANY, "25 covariates are too many for 21 comparison areas"),
    "text": ({"kind": list("ab" * (N // 2))}, "'kind' is 'a' in area 0"),
    "missing": ({"x": np.where(np.arange(N) == 4, np.nan, X)}, "'x' is missing in some areas"),
}


@pytest.mark.parametrize("inference", ["placebo", "analytic"])
@pytest.mark.parametrize("method", ["reg", "ipw", "dr"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_adjusted_for_is_named(case: str, method: str, inference: str) -> None:
    columns, said = REFUSED[case]
    with pytest.raises(EstimateError, match=said):
        fitted(columns, method=method, inference=inference)


@pytest.mark.parametrize("column", [1e9 + X, 1e-9 * X, 1e9 * X, X.astype(str), X.astype(object)])
def test_level_unit_and_type_of_a_covariate_change_no_estimate(column: Any) -> None:
    plain, other = fitted({"x": X}), fitted({"x": column})
    # A level of 1e9 leaves seven digits of what varies.
    np.testing.assert_allclose(other.effects, plain.effects, rtol=1e-5, atol=1e-6)
    assert other.overall()["p_value"].item() == plain.overall()["p_value"].item()
    analytic = fitted({"x": column}, inference="analytic").overall()
    assert analytic["effect"].item() == pytest.approx(plain.overall()["effect"].item(), rel=1e-5)


def test_as_many_covariates_as_there_is_room_for_is_plain_least_squares() -> None:
    some = {name: MANY[name] for name in ("r0", "r1", "r2")}
    found = fitted(some)
    design, control = np.column_stack([np.ones(N), *some.values()]), START == 0
    for t in range(5, YEARS):
        change = FIGURES[:, t] - FIGURES[:, 4]
        beta = np.linalg.lstsq(design[control], change[control], rcond=None)[0]
        apart = (change - design @ beta)[~control].mean()
        effect = found.effects[found.index["quarter"] == 2000 + t].item()
        assert effect == pytest.approx(apart, abs=1e-10)


def test_assignments_that_cannot_tell_a_covariate_apart_are_left_out() -> None:
    """One control alone has the property: where it is drawn, nobody is left to learn it from."""
    only = (np.arange(N) == 20) * 1.0
    found = fitted({"only": only})
    assert found.draws is not None
    drawn_rows = np.isnan(found.draws.raw).all(axis=1)
    assert 0 < drawn_rows.sum() < len(drawn_rows)
    assert not drawn_rows[0]
    assert np.isfinite(found.overall().drop(columns=["low", "high"])).all(axis=None)
