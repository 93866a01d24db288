"""Names, order, unit and level of the figures change no estimate, whichever the estimator.

On awkward panels above all: where several answers are as good, an estimator has to say which one it
takes by a rule that knows no names, and where none is, all names are refused alike.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import imputation
from evaluation.estimate.pooled import PooledSettings, pooled_synthetic_control
from evaluation.estimate.synthetic import (
    AugmentedSettings,
    SyntheticSettings,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.panel import Panel

AREAS, YEARS = 14, 9
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
    "ridge, best": lambda p, a: augmented_synthetic_control(
        p, "y", settings=AugmentedSettings(choice="least", folds="published"), assignments=a
    ),
    "sdid": lambda p, a: synthetic_did(p, "y", assignments=a),
    "did, varying, early": lambda p, a: did(
        p, "y", settings=DidSettings(base="varying", anticipation=1), assignments=a
    ),
    "first differences": lambda p, a: two_way_fixed_effects(
        p, "y", settings=TwoWaySettings(method="first_differences"), assignments=a
    ),
    "pooled": lambda p, a: pooled_synthetic_control(p, "y", assignments=a),
    "pooled, levels": lambda p, a: pooled_synthetic_control(
        p, "y", settings=PooledSettings(demeaned=False), assignments=a
    ),
    "pooled, half": lambda p, a: pooled_synthetic_control(
        p, "y", settings=PooledSettings(share=0.5), assignments=a
    ),
}
# By linearmodels each takes as long as ten others, and none has anything to choose.
SLOW = ("two-way", "first differences")


def table(figures: np.ndarray, start: np.ndarray, first: int = 2000) -> pd.DataFrame:
    areas, years = figures.shape
    return pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(areas)], years),
            "year": np.tile(np.arange(first, first + years), areas),
            "y": figures.ravel(),
            "start": np.repeat(start, years),
        }
    )


def panels(seed: int) -> dict[str, pd.DataFrame]:
    """Random walks about levels of their own, two starting in 2005, one in 2006, made awkward."""
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(AREAS, YEARS)).cumsum(axis=1) + rng.normal(20, 2, size=(AREAS, 1))
    start = np.repeat([2005, 2006, 0], [2, 1, AREAS - 3])
    together = np.where(start > 0, 2005, 0)

    def changed(rows: object, figures: object, columns: object = slice(None, 5)) -> pd.DataFrame:
        other = plain.copy()
        other[rows, columns] = figures  # type: ignore[index]
        return table(other, start)

    gaps = np.where(rng.random(plain.shape) < 0.1, np.nan, plain)
    gaps[:3], gaps[-6:] = plain[:3], plain[-6:]
    return {
        "plain": table(plain, start),
        "three before": table(plain[:, 2:], start, 2002),
        "one before": table(plain[:, 4:], together, 2004),
        "zeros before": changed(slice(None), 0.0),
        "flat donors": changed(slice(3, None), plain[3:, :1]),
        "donors that are alike": changed(slice(8, 12), plain[3:7, :5]),
        "treated like donors": changed(slice(0, 3), plain[3:6, :5]),
        "a period of nobody": changed(slice(None), np.nan, slice(3, 5)),
        "gaps": table(gaps, start),
        "counts": table(rng.poisson(3, size=plain.shape).astype(float), start),
        "one far away": changed(0, plain[0] + 1e4, slice(None)),
        "few": table(plain[[0, *range(-5, 0)]], np.array([2005, 0, 0, 0, 0, 0])),
    }


def effects(fit: Fit, frame: pd.DataFrame) -> np.ndarray | str:
    """Effects, or the refusal's words."""
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    panel = Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]
    try:
        return fit(panel, Assignments.draw(panel, n=3, block="area", strata=())).effects
    except EstimateError as refused:
        return refused.what


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Names shuffled, so that donors come in another order wherever names are sorted."""
    names = frame["area"].unique()
    other = np.random.default_rng(1).permutation([f"z{i:02d}" for i in range(len(names))])
    return frame.assign(area=frame["area"].map(dict(zip(names, other, strict=True))))


def near(name: str) -> float:
    """Of the largest effect. A level of 1e6 leaves ten digits of the figures, and solving for
    weights costs three or four; pooled fits stop where a round gains 1e-12 of the squared misfit,
    which is 1e-6 of the misfit, and more of weights that hardly change it."""
    return 1e-4 if name.startswith("pooled") else 1e-6


@pytest.mark.parametrize("awkward", panels(1))
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if "," in name else name for name in FITS]
)
def test_names_order_unit_and_level_change_no_estimate(name: str, awkward: str) -> None:
    fit, frame = FITS[name], panels(1)[awkward]
    if name in SLOW and awkward not in ("plain", "gaps", "a period of nobody"):
        return
    plain = effects(fit, frame)
    changes = [
        (renamed(frame).sample(frac=1, random_state=2), 1.0),
        (frame.assign(y=frame["y"] * 1e3), 1e3),
        (frame.assign(y=frame["y"] * 1e-3), 1e-3),
        (frame.assign(y=frame["y"] + 1e6), 1.0),
    ]
    for changed, factor in changes:
        found = effects(fit, changed)
        if isinstance(plain, str) or isinstance(found, str):
            assert found == plain
            assert "fewer than" in str(plain) or "has a figure" in str(plain)
            continue
        scale = np.nanmax(np.abs(plain))
        np.testing.assert_allclose(found / factor, plain, rtol=0, atol=near(name) * scale + 1e-9)


def test_another_seed_and_the_order_of_rows_alone() -> None:
    frame = panels(2)["three before"]
    for name in set(FITS) - set(SLOW):
        plain = effects(FITS[name], frame)
        mixed = effects(FITS[name], frame.sample(frac=1, random_state=2))
        np.testing.assert_array_equal(mixed, plain)
        other = effects(FITS[name], renamed(frame))
        np.testing.assert_allclose(other, plain, rtol=near(name), atol=near(name))  # type: ignore[arg-type]


def test_one_period_before_the_start_weighs_no_donor_by_its_name() -> None:
    """Demeaned there is nothing to fit: all donors weigh alike, as in differences."""
    frame = panels(1)["one before"]
    plain = effects(FITS["did"], frame)
    for name in ("demeaned", "pooled", "pooled, half"):
        np.testing.assert_allclose(effects(FITS[name], frame), plain, atol=1e-9)  # type: ignore[arg-type]


def test_bands_of_areas_that_are_alike_know_no_names() -> None:
    """Levels of zero before the start, populations of one: one band, whatever the areas' order."""
    frame = panels(1)["zeros before"].assign(people=1_000)
    for one in (frame, renamed(frame)):
        panel = Panel.from_long(
            one,
            area="area",
            period="year",
            outcomes="y",
            start="start",
            population="people",
            frequency="A",
        )
        drawn = Assignments.draw(panel, n=9, block="area")
        assert len(set(drawn.strata.tolist())) == 1
