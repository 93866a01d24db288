"""A period that nobody has, and comparison areas that stand still: what is said of them is true."""

import warnings
from collections.abc import Callable
from typing import Any

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
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
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


def placed(figures: np.ndarray, years: np.ndarray, start: int | np.ndarray) -> Panel:
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(N), len(years)),
            "year": np.tile(years, N),
            "y": figures.ravel(),
            "start": np.repeat(np.where(TREATED, start, 0), len(years)),
        }
    )
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    return Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]


def drawn(panel: Panel) -> Assignments:
    return Assignments.draw(panel, n=19, block="area", strata=())


SHARED = {
    **{fit.__name__: fit for fit in FITS},
    "pooled_synthetic_control": pooled_synthetic_control,
    "demeaned": lambda p, y, assignments: synthetic_control(
        p, y, settings=SyntheticSettings(variant="demeaned"), assignments=assignments
    ),
    "penalised": lambda p, y, assignments: synthetic_control(
        p, y, settings=SyntheticSettings(variant="penalised", penalty=0.1), assignments=assignments
    ),
    "first_differences": lambda p, y, assignments: two_way_fixed_effects(
        p, y, settings=TwoWaySettings(method="first_differences"), assignments=assignments
    ),
}


@pytest.mark.parametrize("empty", [[2], [4], [0], [5], [4, 5], [0, 9], [1, 3, 5, 7, 9]])
@pytest.mark.parametrize("name", SHARED)
def test_a_period_that_nobody_has_changes_nothing_but_itself(name: str, empty: list[int]) -> None:
    """As if the periods with figures were numbered in a row, and starts moved to the next one."""
    fit, years = SHARED[name], np.arange(2000, 2000 + YEARS)
    gap = FIGURES.copy()
    gap[:, empty] = np.nan
    kept = np.setdiff1d(np.arange(YEARS), empty)
    whole = placed(FIGURES[:, kept], 2000 + np.arange(len(kept)), 2000 + int((kept < 5).sum()))
    holed = placed(gap, years, 2005)
    found = fit(holed, "y", assignments=drawn(holed))
    row = fit(whole, "y", assignments=drawn(whole))
    columns = ["effect", "se", "low", "high", "p_value", "n_areas"]
    pd.testing.assert_frame_equal(
        found.overall()[columns], row.overall()[columns], rtol=1e-9, atol=1e-12
    )
    assert "empty_periods" in [getattr(said, "code", "") for said in found.warnings]
    if len(found.effects) > 1:
        effects = found.effects.reshape(-1, YEARS)
        assert np.isnan(effects[:, empty]).all()
        np.testing.assert_allclose(
            effects[:, kept], row.effects.reshape(len(effects), -1), rtol=1e-9, atol=1e-9
        )
        assert found.by("event_time").index.isin(np.array(kept) - 5).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("anticipation", [0, 1, 2, 3])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_a_panel_of_every_other_year_is_that_of_a_peer(comparison: Any, anticipation: int) -> None:
    """Starts in years with figures and between them; the base is the last year before that has."""
    from diff_diff import CallawaySantAnna

    years = np.arange(1990, 1990 + 2 * YEARS, 2)
    start = np.where(np.arange(N) < 1, 2001, np.where(np.arange(N) < 2, 2004, 2007))
    panel = placed(FIGURES, years, start)
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(N), YEARS),
            "year": np.tile(years, N),
            "y": FIGURES.ravel(),
            "start": np.repeat(np.where(TREATED, start, 0), YEARS),
        }
    )
    for base in ("universal", "varying"):
        peer = CallawaySantAnna(
            control_group=f"{comparison}_treated", base_period=base, anticipation=anticipation
        ).fit(frame, outcome="y", unit="area", time="year", first_treat="start")
        settings = DidSettings(comparison=comparison, base=base, anticipation=anticipation)  # type: ignore[arg-type]
        found = did(panel, "y", settings=settings, assignments=drawn(panel))
        ours = {
            cell: effect
            for cell, effect in zip(
                found.index[["cohort", "quarter"]].itertuples(index=False, name=None),
                found.effects,
                strict=True,
            )
            if np.isfinite(effect)
        }
        compared = 0
        for (g, t), theirs in peer.group_time_effects.items():
            # Inside the window R's did has corrected what diff-diff does with a varying base.
            if base == "universal" or not g - anticipation <= t < g:
                assert ours[g, t] == pytest.approx(float(theirs["effect"]), abs=1e-12)
                compared += 1
        assert compared > 3 * (YEARS - 4)
        # Its average counts the window before the start as treated.
        if not anticipation:
            average = found.overall()["effect"].item()
            assert average == pytest.approx(float(peer.overall_att), abs=1e-12)
        assert all(np.isnan(found.effects[(found.index["quarter"] % 2 == 1).to_numpy()]))


def test_what_is_said_of_a_period_that_nobody_has_is_true() -> None:
    gap = FIGURES.copy()
    gap[:, [3, 4]] = np.nan
    panel = placed(gap, np.arange(2000, 2000 + YEARS), 2005)
    said = did(panel, "y", assignments=drawn(panel)).warnings
    assert said == (
        "no area has a figure in 2003, 2004: these periods count in nothing",
        "effects of the start in 2005 are measured from 2002, the last period before it that has "
        "figures",
    )
    mean = did(panel, "y", settings=DidSettings(base="mean"), assignments=drawn(panel))
    assert len(mean.warnings) == 1
    assert mean.sample["missing_cells"] == 0


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        (slice(0, 5), "no period before the start in 2005 has a figure|both before and after"),
        (slice(5, None), "has a figure in or after the period of its start|both before and after"),
        (slice(None), "has no figure in any area and period"),
    ],
)
@pytest.mark.parametrize("name", SHARED)
def test_nothing_on_one_side_of_the_start_is_said_as_it_is(
    name: str, empty: slice, said: str
) -> None:
    gap = FIGURES.copy()
    gap[:, empty] = np.nan
    panel = placed(gap, np.arange(2000, 2000 + YEARS), 2005)
    with pytest.raises(EstimateError, match=said):
        SHARED[name](panel, "y", assignments=drawn(panel))


@pytest.mark.parametrize("periods", [slice(4, 5), slice(5, None)])
@pytest.mark.parametrize("name", SHARED)
def test_figures_that_no_comparison_area_has_give_no_effect(name: str, periods: slice) -> None:
    """Treated areas alone have the base, or every later period."""
    gap = FIGURES.copy()
    gap[~TREATED, periods] = np.nan
    panel = placed(gap, np.arange(2000, 2000 + YEARS), 2005)
    if name in ("imputation", "two_way_fixed_effects") and periods.stop == 5:
        # Least squares over all cells: the other periods before the start tell it.
        found = SHARED[name](panel, "y", assignments=drawn(panel)).overall()
        assert np.isfinite(found["effect"].item())
        return
    with pytest.raises(EstimateError, match="comparison area"):
        SHARED[name](panel, "y", assignments=drawn(panel))


def test_no_complete_area_is_none_that_tells_nothing() -> None:
    """Every area lacks a figure, each another one: least squares with dummies over the others."""
    holes = FIGURES.copy()
    holes[np.arange(N), np.arange(N) % YEARS] = np.nan
    found = fitted(two_way_fixed_effects, holes)
    on = np.outer(TREATED, np.arange(YEARS) >= 5).astype(float)
    columns = [np.repeat(np.eye(N), YEARS, axis=0), np.tile(np.eye(YEARS), (N, 1))]
    held = np.isfinite(holes.ravel())
    design = np.hstack([on.reshape(-1, 1), *columns])[held]
    beta = np.linalg.lstsq(design, holes.ravel()[held], rcond=None)[0]
    assert found.effects.item() == pytest.approx(beta[0], abs=1e-9)


@pytest.mark.parametrize("before", ["flat", "zero", "level"])
@pytest.mark.parametrize("name", SHARED)
def test_comparison_areas_that_stand_still_weigh_alike(name: str, before: str) -> None:
    """No weights follow better than others: with equal ones every method is a plain difference."""
    figures = FIGURES.copy()
    if before == "level":
        figures[~TREATED, :5] = 0.1
    elif before == "flat":
        figures[~TREATED, :5] = FIGURES[~TREATED, :1]
    else:
        figures[:, :5] = 0.0
    panel = placed(figures, np.arange(2000, 2000 + YEARS), 2005)
    found = SHARED[name](panel, "y", assignments=drawn(panel))
    effect, after = found.overall()["effect"].item(), figures[:, 5:].mean(axis=1)
    apart = after[TREATED].mean() - after[~TREATED].mean()
    mean = figures[:, :5].mean(axis=1)
    moved = apart - mean[TREATED].mean() + mean[~TREATED].mean()
    last = apart - figures[TREATED, 4].mean() + figures[~TREATED, 4].mean()
    codes = [getattr(said, "code", "") for said in found.warnings]
    if name in ("synthetic_did", "demeaned", "pooled_synthetic_control"):
        assert effect == pytest.approx(moved, abs=1e-6)
        assert "weights_not_unique" in codes
    elif name in ("imputation", "two_way_fixed_effects"):
        assert effect == pytest.approx(moved, abs=1e-10)
    elif name == "did":
        assert effect == pytest.approx(last, abs=1e-10)
    elif name != "first_differences" and before != "flat":
        assert effect == pytest.approx(apart, abs=1e-6)
        assert "weights_not_unique" in codes
    assert np.isfinite(found.overall()[["effect", "se", "p_value"]]).all(axis=None)


def test_an_outcome_of_zeros_before_the_start_is_that_of_a_peer() -> None:
    from diff_diff import SyntheticDiD

    figures = FIGURES.copy()
    figures[:, :5] = 0.0
    panel = placed(figures, np.arange(2000, 2000 + YEARS), 2005)
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(N), YEARS),
            "year": np.tile(np.arange(2000, 2000 + YEARS), N),
            "y": figures.ravel(),
            "on": np.repeat(TREATED.astype(int), YEARS),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = SyntheticDiD(variance_method="placebo", n_bootstrap=10, seed=0).fit(
            frame,
            outcome="y",
            treatment="on",
            unit="area",
            time="year",
            post_periods=list(range(2005, 2010)),
        )
    found = synthetic_did(panel, "y", assignments=drawn(panel))
    assert found.overall()["effect"].item() == pytest.approx(float(peer.att), abs=1e-9)


def test_an_outcome_that_never_moves_is_refused_however_it_is_rounded() -> None:
    for constant in (0.0, 0.1, 1e9, -1 / 3):
        panel = placed(np.full((N, YEARS), constant), np.arange(2000, 2000 + YEARS), 2005)
        for fit in SHARED.values():
            with pytest.raises(EstimateError, match="the same in every area and period"):
                fit(panel, "y", assignments=drawn(panel))
