"""Anticipation: whole periods only, and no difference of two periods inside the window."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import ImputationSettings
from evaluation.panel import Panel


@pytest.mark.parametrize("wrong", [-1, 1.5, 1.0, True, None, "1", np.nan])
@pytest.mark.parametrize("settings", [DidSettings, ImputationSettings])
def test_anticipation_is_a_whole_number_of_periods(settings: Any, wrong: object) -> None:
    with pytest.raises(EstimateError, match="anticipation cannot be") as refused:
        settings(anticipation=wrong)
    assert "0, 1, 2" in refused.value.expected
    assert settings(anticipation=np.int64(2)).anticipation == 2


def staggered(seed: int) -> pd.DataFrame:
    """30 areas, three cohorts of four from 2004, 2005 and 2007, ten years."""
    rng = np.random.default_rng(seed)
    start = np.repeat([2004, 2005, 2007, 0], [4, 4, 4, 18])
    figures = rng.normal(size=(30, 10)).cumsum(axis=1)
    return pd.DataFrame(
        {
            "area": np.repeat(np.arange(30), 10),
            "year": np.tile(np.arange(2000, 2010), 30),
            "y": figures.ravel(),
            "start": np.repeat(start, 10),
        }
    )


def ours(table: pd.DataFrame, settings: DidSettings) -> dict[tuple[int, int], float]:
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    held = Panel.from_long(table, **names, frequency="A")  # type: ignore[arg-type]
    few = Assignments.draw(held, n=9, block="area", strata=())
    found = did(held, "y", settings=settings, assignments=few)
    cells = found.index[["cohort", "quarter"]].itertuples(index=False, name=None)
    return dict(zip(cells, found.effects.tolist(), strict=True))


def theirs(table: pd.DataFrame, **settings: Any) -> dict[tuple[int, int], float]:
    from diff_diff import CallawaySantAnna

    fit = CallawaySantAnna(**settings).fit(
        table, outcome="y", unit="area", time="year", first_treat="start"
    )
    return {cell: float(found["effect"]) for cell, found in fit.group_time_effects.items()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("anticipation", [0, 1, 2])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_the_base_of_every_cell_is_right_with_anticipation(
    comparison: Any, anticipation: int
) -> None:
    """As in diff-diff, but for its varying base inside the window, which R's did has corrected."""
    table = staggered(seed=anticipation)
    wanted = {"control_group": f"{comparison}_treated", "anticipation": anticipation}
    universal = theirs(table, base_period="universal", **wanted)
    varying = theirs(table, base_period="varying", **wanted)
    settings = {"comparison": comparison, "anticipation": anticipation}
    found = ours(table, DidSettings(base="universal", **settings))
    assert {k: found[k] for k in universal} == pytest.approx(universal, abs=1e-12)
    found = ours(table, DidSettings(base="varying", **settings))
    for (start, year), effect in found.items():
        if year == 2000:
            assert np.isnan(effect)
        else:
            in_window = start - anticipation <= year < start
            peer = universal if in_window else varying
            assert effect == pytest.approx(peer[start, year], abs=1e-12), (start, year)


def test_an_effect_that_begins_early_shows_in_full_all_through_the_window() -> None:
    """Flat areas, treated from 2005, whose effect of 3 begins two years before."""
    table = staggered(seed=0)
    table["start"] = np.where(table["start"] == 2004, 0, table["start"])
    early = (table["start"] > 0) & (table["year"] >= table["start"] - 2)
    table["y"] = table["area"] + 3.0 * early
    found = ours(table, DidSettings(base="varying", anticipation=2))
    for (start, year), effect in found.items():
        if year > 2000:
            assert effect == pytest.approx(3.0 if year >= start - 2 else 0.0, abs=1e-12)
