"""Names, order, unit and level of the figures change no estimate, whichever the estimator."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import imputation
from evaluation.estimate.pooled import pooled_synthetic_control
from evaluation.estimate.synthetic import (
    SyntheticSettings,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.two_way import two_way_fixed_effects
from evaluation.panel import Panel

AREAS, YEARS = 16, 9
Fit = Callable[[Panel, Assignments], Estimate]


def synthetic(variant: str) -> Fit:
    penalty = 0.1 if variant == "penalised" else None
    chosen = SyntheticSettings(variant=variant, penalty=penalty)  # type: ignore[arg-type]
    return lambda p, a: synthetic_control(p, "y", settings=chosen, assignments=a)


FITS: dict[str, Fit] = {
    "did": lambda p, a: did(p, "y", assignments=a),
    "did, mean, not yet": lambda p, a: did(
        p, "y", settings=DidSettings(base="mean", comparison="not_yet"), assignments=a
    ),
    "imputation": lambda p, a: imputation(p, "y", assignments=a),
    "two-way": lambda p, a: two_way_fixed_effects(p, "y", assignments=a),
    "simplex": synthetic("simplex"),
    "demeaned": synthetic("demeaned"),
    "penalised": synthetic("penalised"),
    "ridge": lambda p, a: augmented_synthetic_control(p, "y", assignments=a),
    "sdid": lambda p, a: synthetic_did(p, "y", assignments=a),
}


def table(seed: int) -> pd.DataFrame:
    """16 areas in random walks about levels of their own; two start in 2005, one in 2006."""
    rng = np.random.default_rng(seed)
    figures = rng.normal(size=(AREAS, YEARS)).cumsum(axis=1) + rng.normal(20, 2, size=(AREAS, 1))
    start = np.repeat([2005, 2006, 0], [2, 1, AREAS - 3])
    return pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(AREAS)], YEARS),
            "year": np.tile(np.arange(2000, 2000 + YEARS), AREAS),
            "y": figures.ravel(),
            "start": np.repeat(start, YEARS),
        }
    )


def effects(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    panel = Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]
    return fit(panel, Assignments.draw(panel, n=3, block="area", strata=())).effects


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Names shuffled, so that donors come in another order wherever names are sorted."""
    names = frame["area"].unique()
    other = np.random.default_rng(1).permutation([f"z{i:02d}" for i in range(len(names))])
    return frame.assign(area=frame["area"].map(dict(zip(names, other, strict=True))))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", FITS)
def test_names_order_unit_and_level_change_no_estimate(name: str, seed: int) -> None:
    fit, frame = FITS[name], table(seed)
    plain = effects(fit, frame)
    same = {"rtol": 1e-7, "atol": 1e-9}
    np.testing.assert_allclose(effects(fit, renamed(frame)), plain, **same)
    mixed = frame.sample(frac=1, random_state=2)
    np.testing.assert_array_equal(effects(fit, mixed), plain)
    for factor in (2.0**-12, 2.0**12):
        scaled = effects(fit, frame.assign(y=frame["y"] * factor))
        np.testing.assert_allclose(scaled / factor, plain, **same)
    for constant in (-16.0, 1024.0):
        moved = effects(fit, frame.assign(y=frame["y"] + constant))
        np.testing.assert_allclose(moved, plain, **same)


def test_weights_that_any_order_of_names_would_change_are_refused() -> None:
    """One period before the start, or flat comparison areas: whatever the weights, the fit is 0."""
    frame = table(1).query("year >= 2004").assign(start=lambda t: t["start"].replace(2006, 0))
    flat = table(1).assign(y=lambda t: t["y"].where(t["start"] > 0, t["area"].str[1:].astype(int)))
    for one in (frame, flat):
        with pytest.raises(EstimateError, match="all weights fit alike"):
            effects(lambda p, a: pooled_synthetic_control(p, "y", assignments=a), one)
