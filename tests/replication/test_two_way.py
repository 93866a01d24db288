"""The re-assigned coefficients against linearmodels fitted anew under each assignment."""

import numpy as np
import pytest

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize("method", ["fixed_effects", "first_differences"])
def test_each_reassigned_coefficient_is_a_refit(method: str) -> None:
    table = long_table(n=12)
    held = panel(table)
    chosen = TwoWaySettings(method=method)  # type: ignore[arg-type]
    assignments = Assignments.draw(held, strata=(), n=8, seed=1)
    estimate = two_way_fixed_effects(held, "y", settings=chosen, assignments=assignments)
    assert estimate.draws is not None
    for b in range(1, 9):
        redrawn = table.assign(start=0, site=None)
        for place, pseudo_treated_unit in enumerate(assignments.pseudo_treated[b]):
            area = held.areas.index[pseudo_treated_unit]
            redrawn.loc[redrawn["area"] == area, ["start", "site"]] = (
                [2005, "A"] if place < 2 else [2007, "B"]
            )
        again = panel(redrawn)
        only = Assignments.draw(again, strata=(), n=19)
        refit = two_way_fixed_effects(again, "y", settings=chosen, assignments=only)
        assert estimate.draws.raw[b, 0] == pytest.approx(refit.effects[0], abs=1e-9)


def test_areas_with_a_gap_are_left_out_and_said() -> None:
    table = long_table()
    table.loc[(table["area"] == "a09") & (table["year"] == 2002), "y"] = np.nan
    estimate = two_way_fixed_effects(panel(table), "y")
    assert any("1 areas (0 of them started)" in warning for warning in estimate.warnings)


def test_one_coefficient_cannot_be_split_by_quarter() -> None:
    estimate = two_way_fixed_effects(panel(), "y")
    with pytest.raises(EstimateError, match="cannot be split by quarter"):
        estimate.by("quarter")


def test_analytic_errors_are_refused_for_few_areas() -> None:
    with pytest.raises(InferenceRefused, match="fixed effects need at least 10 treated areas"):
        two_way_fixed_effects(panel(), "y", inference="analytic")
