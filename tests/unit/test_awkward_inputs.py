"""Sizes, shapes and calls at the edge: a number or a clear refusal, and no library's warning."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.diagnose.event_study import EventStudy
from evaluation.diagnose.honest import honest_bounds
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import imputation
from evaluation.estimate.sensitivity import identification_range, leave_one_donor_out
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from evaluation.estimate.two_way import two_way_fixed_effects
from evaluation.panel import Panel

N, YEARS = 12, 8
FIGURES = np.random.default_rng(0).normal(size=(N, YEARS)).cumsum(axis=1) + 5


def read(figures: np.ndarray, treated: int = 2, start: int = 2004) -> Panel:
    areas = len(figures)
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(areas), YEARS),
            "year": np.tile(np.arange(2000, 2000 + YEARS), areas),
            "y": figures.ravel(),
            "start": np.repeat(np.where(np.arange(areas) < treated, start, 0), YEARS),
        }
    )
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    return Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]


def drawn(panel: Panel) -> Assignments:
    return Assignments.draw(panel, n=19, block="area", strata=())


FITS: list[Any] = [did, imputation, two_way_fixed_effects, synthetic_control]


@pytest.mark.parametrize("factor", [1e200, 1e-200])
@pytest.mark.parametrize("fit", FITS)
def test_figures_whose_squares_no_double_holds_are_refused(fit: Any, factor: float) -> None:
    panel = read(FIGURES * factor)
    with pytest.raises(EstimateError, match=r"in another unit|whose squares"):
        fit(panel, "y", assignments=drawn(panel))


@pytest.mark.parametrize("factor", [1e12, 1e-12])
@pytest.mark.parametrize("fit", FITS)
def test_very_large_and_small_figures_give_the_same_p(fit: Any, factor: float) -> None:
    plain, other = read(FIGURES), read(FIGURES * factor)
    one, two = (fit(p, "y", assignments=drawn(p)).overall() for p in (plain, other))
    assert two["effect"].item() / factor == pytest.approx(one["effect"].item(), rel=1e-6)
    assert two["p_value"].item() == one["p_value"].item()


def test_one_treated_and_one_control_area_give_a_number_without_an_error() -> None:
    panel = read(FIGURES[:2], treated=1)
    for fit in (did, imputation):
        found = fit(panel, "y", assignments=drawn(panel))
        assert np.isfinite(found.overall()["effect"].item())
        assert np.isnan(found.overall()["se"].item())
        assert np.isnan(found.by("area")["se"].item())
    settings = DidSettings(replication=True, bootstrap_draws=99)
    booted = did(panel, "y", settings=settings, inference="bootstrap")
    assert np.isfinite(booted.overall()["effect"].item())
    with pytest.raises(EstimateError, match=r"too few|not of full rank"):
        EventStudy.of(did(panel, "y", assignments=drawn(panel)))


def test_one_coefficient_is_weighed_by_nothing() -> None:
    panel = read(FIGURES)
    found = two_way_fixed_effects(panel, "y", assignments=drawn(panel))
    for weights in ("cohort", "group", "quarter"):
        with pytest.raises(EstimateError, match="cannot be weighed by"):
            found.overall(weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1.0, 1e12, 1e-12])
def test_bounds_of_any_unit_warn_of_nothing(factor: float) -> None:
    panel = read(np.round(FIGURES, 1) * factor)
    few = Assignments.draw(panel, n=99, block="area", strata=())
    table = honest_bounds(did(panel, "y", assignments=few), m=1.0)
    assert table["low"].item() < table["high"].item()


def test_an_area_without_figures_has_no_range_and_no_donor_to_leave_out() -> None:
    figures = FIGURES.copy()
    figures[0] = np.nan
    both = read(figures)
    settings = SyntheticSettings()
    assert identification_range(both, "y", settings).index.tolist() == ["1"]
    assert leave_one_donor_out(both, "y", settings)["area"].unique().tolist() == [1]
    alone = read(figures, treated=1)
    with pytest.raises(EstimateError, match="no treated area has a figure"):
        identification_range(alone, "y", settings)
