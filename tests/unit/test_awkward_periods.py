"""A period that nobody has, and comparison areas that stand still: what is said of them is true."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import imputation
from evaluation.estimate.synthetic import (
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.two_way import two_way_fixed_effects
from evaluation.panel import Panel

N, YEARS = 24, 10
FIGURES = np.random.default_rng(0).normal(size=(N, YEARS)).cumsum(axis=1)
TREATED = np.arange(N) < 3
FITS = [
    did,
    imputation,
    two_way_fixed_effects,
    synthetic_control,
    synthetic_did,
    augmented_synthetic_control,
]


def fitted(fit: Callable[..., Estimate], figures: np.ndarray, **periods: Any) -> Estimate:
    years = periods.get("years", np.arange(2000, 2000 + YEARS))
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(N), YEARS),
            "year": np.tile(years, N),
            "y": figures.ravel(),
            "start": np.repeat(np.where(TREATED, years[5], 0), YEARS),
        }
    )
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    panel = Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]
    return fit(panel, "y", assignments=Assignments.draw(panel, n=19, block="area", strata=()))


@pytest.mark.parametrize("fit", FITS)
def test_a_period_that_nobody_has_is_named_with_a_mend_that_works(fit: Any) -> None:
    gap = FIGURES.copy()
    gap[:, 2] = np.nan
    with pytest.raises(EstimateError, match="no figure at all in 2002") as refused:
        fitted(fit, gap)
    assert "number those with figures" in refused.value.mend
    with pytest.raises(EstimateError, match="no figure at all in 2001") as refused:
        fitted(fit, FIGURES, years=2000 + 2 * np.arange(YEARS))
    assert "in a row" in refused.value.mend
    late = FIGURES.copy()
    late[:, -1] = np.nan
    with pytest.raises(EstimateError, match="no figure at all in 2009") as refused:
        fitted(fit, late)
    assert refused.value.mend == "end the panel before that period"


def test_no_complete_area_is_said_as_it_is() -> None:
    holes = FIGURES.copy()
    holes[np.arange(N), np.arange(N) % YEARS] = np.nan
    with pytest.raises(EstimateError, match="every area has a missing or suppressed figure"):
        fitted(two_way_fixed_effects, holes)


@pytest.mark.parametrize("before", ["flat", "zero"])
@pytest.mark.parametrize("fit", [synthetic_did, augmented_synthetic_control])
def test_comparison_areas_that_stand_still_are_said_to(fit: Any, before: str) -> None:
    figures = FIGURES.copy()
    figures[~TREATED if before == "flat" else slice(None), :5] = 5.0 if before == "flat" else 0.0
    with pytest.raises(EstimateError, match="no comparison area moves before the start"):
        fitted(fit, figures)
    assert np.isfinite(fitted(did, figures).overall()["effect"].item())
