"""Effects under 200 re-assignments, batched, against estimating each re-drawn panel from scratch.

The batched code gathers and subtracts sums; from scratch is other code: for group-time effects one
2 x 2 comparison after another (the influence-function path), for imputation least squares with a
dummy for every area and period. They agree to 1e-12 (1e-10 with a covariate, 1e-11 against the
least squares: normal equations lose digits).
"""

from typing import Any

import numpy as np
import pytest

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import ImputationSettings, imputation
from evaluation.panel import Panel
from tests.unit.panels import long_table

SLOTS = [(2005, "A")] * 2 + [(2007, "B")] * 2
SETTINGS: list[dict[str, Any]] = [
    {"base": "universal"},
    {"base": "varying", "comparison": "not_yet"},
    {"base": "mean", "weights": "w"},
    {"base": "universal", "comparison": "not_yet", "anticipation": 1},
    {"base": "universal", "covariates": ("x",), "weights": "w"},
    {"base": "varying", "comparison": "not_yet", "covariates": ("x",)},
]


def held(gaps: bool, starts: dict[str, tuple[int, str]] | None = None) -> Panel:
    """24 areas x 10 years, weights and a covariate; starts as given, else the real ones."""
    table = long_table()
    rng = np.random.default_rng(5)
    number = table["area"].astype("category").cat.codes.to_numpy()
    table["x"], table["w"] = rng.normal(size=24)[number], rng.uniform(0.5, 2, 24)[number]
    if gaps:
        empty = (rng.random(len(table)) < 0.05) & table["year"].between(2001, 2008)
        table.loc[empty, "y"] = np.nan
    if starts is not None:
        table["start"] = table["area"].map(lambda a: starts.get(a, (0, None))[0])
        table["site"] = table["area"].map(lambda a: starts.get(a, (0, None))[1])
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes=["y"],
        start="start",
        site="site",
        authority="authority",
        population="population",
        covariates=["x", "w"],
        frequency="A",
    )


def redrawn(panel: Panel, assignments: Assignments, b: int, gaps: bool) -> Panel:
    codes = panel.areas.index[assignments.pseudo_treated[b]]
    return held(gaps, dict(zip(codes, SLOTS, strict=True)))


def group_time(settings: dict[str, Any], gaps: bool, n: int) -> None:
    panel = held(gaps)
    drawn = Assignments.draw(panel, n=n, block="area", strata=(), seed=1)
    batched = did(panel, "y", settings=DidSettings(**settings), assignments=drawn).draws
    assert batched is not None
    alone = DidSettings(**settings, replication=True)
    tolerance = 1e-10 if "covariates" in settings else 1e-12
    for b in range(n + 1):
        again = redrawn(panel, drawn, b, gaps)
        scratch = did(again, "y", settings=alone, inference="analytic").effects
        np.testing.assert_allclose(batched.raw[b], scratch, rtol=0, atol=tolerance)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_few_assignments(settings: dict[str, Any]) -> None:
    group_time(settings, True, 12)


@pytest.mark.slow
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_two_hundred_assignments(settings: dict[str, Any], gaps: bool) -> None:
    group_time(settings, gaps, 200)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_imputation(gaps: bool, anticipation: int) -> None:
    panel = held(gaps)
    drawn = Assignments.draw(panel, n=200, block="area", strata=(), seed=1)
    settings = ImputationSettings(anticipation=anticipation)
    batched = imputation(panel, "y", settings=settings, assignments=drawn).draws
    assert batched is not None
    figures, dummies = panel.array("y"), np.eye(24)
    design = np.stack(
        [np.concatenate([dummies[i], np.eye(10)[t]]) for i in range(24) for t in range(10)]
    )
    for b in range(201):
        start = np.full(24, 99)
        start[drawn.pseudo_treated[b]] = [5, 5, 7, 7]
        fitted = np.isfinite(figures) & (np.arange(10) < start[:, None] - anticipation)
        beta = np.linalg.lstsq(design[fitted.ravel()], figures[fitted], rcond=None)[0]
        gap = figures - (design @ beta).reshape(24, 10)
        scratch = np.full((2, 10), np.nan)
        for s, g in enumerate((5, 7)):
            own = drawn.pseudo_treated[b, 2 * s : 2 * s + 2]
            scratch[s, g:] = np.nanmean(gap[own, g:], axis=0)
        np.testing.assert_allclose(batched.raw[b], scratch.ravel(), rtol=0, atol=1e-12 * 10)
