"""Fast ways give the numbers of the slow ones: event studies, dropped donors, pooled weights."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.did import long_table
from benchmarks.many_donors import long_table as many
from evaluation.estimate import did as group_time
from evaluation.estimate import samples, synthetic_placebos, synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.placebo_effects import Rule
from evaluation.estimate.pooled import PooledSettings, pooled_synthetic_control
from evaluation.estimate.synthetic import SyntheticSettings, method_of
from evaluation.panel import Panel


def panel_of(table, **named) -> Panel:
    given = {"area": "id", "period": "t", "outcomes": "y", "start": "start", "frequency": "A"}
    return Panel.from_long(table, **{**given, **named})


@pytest.mark.parametrize("base", ["varying", "universal", "mean"])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
@pytest.mark.parametrize("level", [0.0, 1e6])
def test_influence_by_sums_over_sites_is_that_of_every_area(base, comparison, level) -> None:
    """1e-12 of the functions' size, weighed and in clusters, whatever the level of the figures."""
    table = long_table(150, seed=4)
    table["y"] += level
    table["w"], table["c"] = 1 + table["id"] % 5, table["id"] // 4
    held = panel_of(table, covariates=("w", "c"))
    settings = DidSettings(
        base=base, comparison=comparison, anticipation=1, weights="w", cluster="c"
    )
    fast = did(held, "y", settings=settings, inference="analytic")
    assert fast.influence is not None
    assert fast.influence.loadings is not None
    sample = samples.take(held, "y", "level", "w")
    rule = Rule(comparison=comparison, reach=1, varying=base == "varying")
    differences = group_time.long_differences(sample, settings)
    effects, slow = group_time._influence(sample, differences, rule, settings, None)
    room = 1e-12 * max(1.0, level)
    assert np.allclose(fast.effects, effects, rtol=0, atol=room, equal_nan=True)
    size = np.abs(slow.functions).max()
    assert np.abs(fast.influence.functions - slow.functions).max() <= room * size
    written = replace(fast, influence=slow, effects=effects)
    for key in ("event_time", "cohort", "quarter"):
        one, two = fast.by(key), written.by(key)
        assert np.allclose(one, two, rtol=0, atol=10 * room, equal_nan=True)
    for weights in ("simple", "event_time", "cohort", "quarter"):
        one, two = fast.overall(weights), written.overall(weights)
        assert np.allclose(one, two, rtol=0, atol=10 * room, equal_nan=True)


@pytest.mark.parametrize("variant", ["simplex", "demeaned"])
@pytest.mark.parametrize("periods", [4, 12])
def test_donors_that_start_too_are_found_alike_by_planes_and_one_by_one(
    variant, periods, monkeypatch
) -> None:
    """Weights of least norm are linear where positive; what is taken away is the same to 1e-10."""
    held = panel_of(many(140, periods, 70, 1))
    settings = SyntheticSettings(variant=variant)
    fitted = synthetic_weights.fit_all(held, "y", "level", method_of(settings))
    (unit,) = fitted.synthetic_units.values()
    if periods == 4:
        assert unit.planes.holds.mean() > 0.5
    drawn = Assignments.draw(held, n=40, block="area", strata=(), seed=2).pseudo_treated
    column = unit.column[drawn]
    fast = synthetic_placebos._taken_away(unit, drawn, column)
    lost = synthetic_placebos._without_donors(unit, drawn, column)
    monkeypatch.setattr(synthetic_placebos, "MANY", 1_000)
    slow = synthetic_placebos._taken_away(unit, drawn, column)
    assert np.abs(fast[0] - slow[0]).max() < 1e-10
    assert np.abs(fast[1] - slow[1]).max() < 1e-8
    assert np.array_equal(lost, slow[0] >= synthetic_placebos.ALL)


def test_an_area_whose_every_donor_starts_is_lost() -> None:
    held = panel_of(many(30, 12, 3, 1))
    fitted = synthetic_weights.fit_all(held, "y", "level", method_of(SyntheticSettings()))
    (unit,) = fitted.synthetic_units.values()
    area = int(np.argmin(np.where(unit.n_drawn_on > 0, unit.n_drawn_on, 99)))
    donors = unit.donors[np.flatnonzero(unit.unit_weights[area] > 0)]
    drawn = np.array([[area, *donors], [area, *donors[:-1], int(np.flatnonzero(held.treated)[0])]])
    lost = synthetic_placebos._without_donors(unit, drawn, unit.column[drawn])
    assert lost[0, 0]
    assert not lost[1, 0]


def test_a_level_or_another_order_of_donors_moves_no_pooled_effect() -> None:
    """Few periods: many weightings fit alike, and the one of least norm is taken."""
    table = many(40, 6, 6, 2)
    settings = PooledSettings()
    found = []
    for changed in (
        table,
        table.assign(y=table["y"] + 1e6),
        table.assign(y=table["y"] * 1e-3),
        table.assign(id=np.where(table["id"] < 6, table["id"], 500 - table["id"])),
    ):
        held = panel_of(changed)
        drawn = Assignments.draw(held, n=4, block="area", strata=(), seed=0)
        found.append(pooled_synthetic_control(held, "y", settings=settings, assignments=drawn))
    first, *others = (float(e.overall()["effect"].iloc[0]) for e in found)
    spread = float(table["y"].std())
    assert others[0] == pytest.approx(first, abs=1e-6 * spread)
    assert others[1] == pytest.approx(first * 1e-3, abs=1e-9 * spread)
    assert others[2] == pytest.approx(first, abs=1e-6 * spread)
