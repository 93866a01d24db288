"""The decomposition sums to linearmodels' coefficient, and shows the comparisons to distrust."""

import numpy as np
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.two_way import TwoWaySettings, bacon_decomposition, two_way_fixed_effects
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("never", [True, False])
def test_weights_times_effects_are_the_coefficient(seed: int, never: bool) -> None:
    table = long_table(n=18, seed=seed, effect=1.0)
    if not never:
        third = table["area"] >= "a04"
        table.loc[third, ["start", "site"]] = [2008, "C"]
        table.loc[table["area"] >= "a16", ["start", "site"]] = [0, None]
    held = panel(table)
    parts = bacon_decomposition(held, "y")
    assert parts["weight"].sum() == pytest.approx(1)
    assert (parts["weight"] > 0).all()
    whole = two_way_fixed_effects(
        held, "y", inference="analytic", settings=TwoWaySettings(replication=True)
    )
    assert (parts["weight"] * parts["effect"]).sum() == pytest.approx(whole.effects[0], abs=1e-10)


def test_growing_effects_turn_the_forbidden_comparisons() -> None:
    """Effects grow by 1 a year: true 2 x 2s are positive, those with early starters negative."""
    table = long_table(n=40)
    since = (table["year"] - table["start"]).where(table["start"] > 0, -1)
    table["y"] = (since + 1).clip(lower=0).astype(float) + np.arange(len(table)) % 3 * 1e-6
    parts = bacon_decomposition(panel(table), "y").set_index("kind")["effect"]
    assert (parts[["never started", "not yet started"]] > 0).all()
    assert parts["already started"] < 0


def test_a_gap_is_refused() -> None:
    table = long_table()
    table.loc[5, "y"] = np.nan
    with pytest.raises(EstimateError, match="balanced panel"):
        bacon_decomposition(panel(table), "y")
