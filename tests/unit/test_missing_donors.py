"""Comparison areas that lack a figure: no donors, but re-assigned at every look as before."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design import simulation
from evaluation.design.simulation import Simulation
from evaluation.estimate import interim, registry, synthetic_placebos, synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.registry import Choices
from evaluation.estimate.synthetic import (
    AugmentedSettings,
    SdidSettings,
    SyntheticSettings,
    method_of,
    synthetic_control,
)
from tests.unit.test_dropped_donors import by_hand

FIRST = 12
HOW = Simulation(started=3, looks=4)
SYNTHETIC_UNITS = ("synthetic_control", "augmented_synthetic_control", "synthetic_did")


@pytest.fixture(scope="module")
def whole():
    drawn = Invented(areas=24, quarters=16).draw(0)
    return simulation._with_pilots(drawn, HOW, np.random.default_rng(0))[0]


@pytest.fixture(scope="module")
def others(whole):
    return np.flatnonzero(~whole.treated)


def without(panel, *cells):
    figures = panel.array("y").copy()
    for area, period in cells:
        figures[area, period] = np.nan
    return replace(panel, figures={"y": figures})


def drawn_for(panel, n=199):
    return Assignments.draw(panel, n=n, strata=(), block="area", seed=1)


def test_a_later_gap_makes_no_donor_and_leaves_the_assignments(whole, others):
    area = int(others[4])
    panel, drawn = without(whole, (area, FIRST + 1)), drawn_for(whole)
    found = synthetic_control(panel, "y", assignments=drawn)
    assert found.provenance["assignments"] == drawn.fingerprint
    assert panel.areas.index[area] not in set(found.weights["donor"])
    assert any("1 comparison areas" in said and "no donor" in said for said in found.warnings)
    assert np.isfinite(found.draws.raw[:, FIRST:]).all()


def test_a_gap_before_the_start_is_left_out_of_the_areas_own_fit(whole, others):
    area = int(others[4])
    panel, drawn = without(whole, (area, FIRST - 3)), drawn_for(whole)
    found = synthetic_control(panel, "y", assignments=drawn)
    assert found.provenance["assignments"] == drawn.fingerprint
    synthetic_unit = synthetic_weights.fit_all(
        panel, "y", "level", synthetic_weights.control
    ).synthetic_units[FIRST]
    assert list(np.flatnonzero(~synthetic_unit.pre_period_mask[area, :FIRST])) == [FIRST - 3]
    assert synthetic_unit.pre_period_mask[np.arange(24) != area, :FIRST].all()
    assert np.isfinite(found.draws.raw[:, FIRST:]).all()


@pytest.mark.parametrize("name", ["did", "synthetic_control", "synthetic_did"])
def test_noisy_areas_with_gaps_are_judged_against_their_like(name):
    """Small areas are noisy and have counts withheld; left out, they could not be pilots' likes."""
    crossed = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        panel = Invented(areas=40, quarters=16).draw(seed)
        figures = panel.array("y").copy()
        figures[:20] += 4 * rng.standard_normal((20, 16))
        figures[np.arange(20), rng.integers(0, FIRST, 20)] = np.nan
        placed = replace(panel, figures={"y": figures})
        started, _ = simulation._with_pilots(placed, replace(HOW, started=1), rng)
        drawn = Assignments.draw(started, strata=(), block="area", seed=seed)
        estimate = registry.to_test(name, started, "y", Choices(), drawn)
        crossed.append(placebo_p(interim.statistic(estimate, (0, 3)).raw) <= 0.05)
    # 5 % of 60 is 3; by the rule that left such areas out it was a quarter of them.
    assert sum(crossed) <= 7


SETTINGS = [
    SyntheticSettings(),
    SyntheticSettings(variant="demeaned"),
    AugmentedSettings(),
    SdidSettings(),
]


def counted_by_hand(each, observed):
    """A pseudo-treated area counts where the treated area that it stands for is observed.

    Where another of them lacks a figure, one more counts in its place, so that as many areas are
    behind the placebo effect as behind the real one.
    """
    kept = np.where(observed, each, np.nan)
    for t in range(each.shape[1]):
        for area in np.flatnonzero(np.isfinite(each[:, t]) & ~observed[:, t]):
            if np.isfinite(kept[:, t]).sum() < observed[:, t].sum():
                kept[area, t] = each[area, t]
    return kept


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{type(s).__name__}")
def test_effects_equal_those_summed_from_each_fillers_own_fit(whole, others, settings):
    """Every filler, of a panel with gaps, fitted alone: on all donors, those lost then dropped."""
    lost = [
        (int(others[5]), 4),
        (int(others[3]), FIRST + 2),
        (int(others[8]), FIRST),
        (int(others[8]), FIRST + 1),
    ]
    lost += [(int(np.flatnonzero(whole.treated)[0]), FIRST + 3)]
    panel, drawn = without(whole, *lost), drawn_for(whole, 60)
    y, method = panel.array("y"), method_of(settings)
    donors = np.flatnonzero(~panel.treated & np.isfinite(y).all(axis=1))
    assert len(donors) == len(others) - 3
    fitted = synthetic_weights.fit_all(panel, "y", "level", method)
    raw, shift = synthetic_placebos.raw_and_shift(fitted.sample, fitted.synthetic_units, drawn)
    label = str(panel.periods[FIRST])

    def gap(pseudo_treated_unit, donors_left):
        periods = np.flatnonzero(np.isfinite(y[pseudo_treated_unit, :FIRST]))
        ground = synthetic_weights.Ground.on(
            y, np.array([pseudo_treated_unit]), donors, periods, FIRST, label
        )
        fit = method(ground)
        weights, time = fit.unit[0], fit.time[0]
        kept = np.isin(donors, donors_left)
        if weights[kept].sum() < 1e-9:
            return np.full(y.shape[1], np.nan)
        path = y[pseudo_treated_unit] - weights[kept] / weights[kept].sum() @ y[donors[kept]]
        return path - np.nansum(path * (time > 0) * time)

    for b, pseudo_treated in enumerate(drawn.pseudo_treated):
        left = np.setdiff1d(donors, pseudo_treated)
        if isinstance(settings, AugmentedSettings):
            each = np.stack(
                [
                    by_hand(fitted.synthetic_units[FIRST], pseudo_treated, pseudo_treated_unit)
                    for pseudo_treated_unit in pseudo_treated
                ]
            )
        else:
            each = np.stack(
                [gap(pseudo_treated_unit, left) for pseudo_treated_unit in pseudo_treated]
            )
        each = counted_by_hand(each, np.isfinite(y[drawn.treated.units]))
        assert raw[b, FIRST:] == pytest.approx(np.nanmean(each[:, FIRST:], axis=0), abs=1e-7)
        held = np.isfinite(each) & np.isfinite(y[pseudo_treated])
        unit = np.isin(pseudo_treated, np.flatnonzero(panel.treated))[:, None] * held
        assert shift[b, FIRST:] == pytest.approx((unit.sum(0) / held.sum(0))[FIRST:], abs=1e-12)


@pytest.mark.parametrize("name", SYNTHETIC_UNITS)
def test_looks_with_later_gaps_are_those_of_each_quarter(whole, others, name):
    """Figures that go missing later change no earlier look, and no look is refused."""
    panel = without(whole, (int(others[2]), FIRST + 1), (int(others[6]), FIRST + 3))
    drawn, taken = drawn_for(whole), np.arange(4)
    assert not registry.estimated_once(name, panel, "y")
    how = replace(HOW, withheld=-1e9)
    raw, _ = simulation._statistics(panel, name, how, drawn, taken, 0)
    for look in range(4):
        known = panel.until(panel.periods[FIRST + look])
        then = registry.to_test(name, known, "y", Choices(), drawn)
        assert raw[look] == pytest.approx(interim.statistic(then, (0, look)).raw, abs=1e-9)
    clean, _ = simulation._statistics(whole, name, how, drawn, taken[:1], 0)
    assert raw[0] == pytest.approx(clean[0], abs=1e-9)


@pytest.mark.parametrize("name", ["fixed_effects", "first_differences"])
def test_looks_by_two_way_effects_keep_their_assignments_whatever_goes_missing(whole, others, name):
    panel, drawn = (
        without(whole, (int(others[2]), 3), (int(others[6]), FIRST + 1)),
        drawn_for(whole),
    )
    raw, _ = simulation._statistics(
        panel, name, replace(HOW, withheld=-1e9), drawn, np.arange(3), 0
    )
    for look in range(3):
        known = panel.until(panel.periods[FIRST + look])
        then = registry.to_test(name, known, "y", Choices(), drawn)
        assert raw[look] == pytest.approx(interim.statistic(then, (0, look)).raw, abs=1e-9)
        assert raw.shape[1] == len(drawn.pseudo_treated)


NET = [*SYNTHETIC_UNITS, "did", "imputation"]


@pytest.mark.parametrize("name", NET)
def test_net_draws_are_those_of_the_data_without_the_effect(whole, others, name):
    """An assignment's effects after the estimate is taken out of each started cell, with gaps."""
    pilots = np.flatnonzero(whole.treated)
    lost = [(int(others[0]), FIRST + 1), (int(others[1]), FIRST + 1), (int(pilots[0]), FIRST + 2)]
    figures = without(whole, *lost).array("y").copy()
    figures[pilots, FIRST:] -= 50
    panel, drawn = replace(whole, figures={"y": figures}), drawn_for(whole)
    found = registry.fit(name, panel, "y", Choices(), drawn)
    cleaned = figures.copy()
    cleaned[pilots, FIRST:] -= found.effects[FIRST:]
    apart = np.flatnonzero(~np.isin(drawn.pseudo_treated, pilots).any(axis=1))[:20]
    some = np.flatnonzero(np.isin(drawn.pseudo_treated, pilots).sum(axis=1) == 1)[:20]
    again = registry.fit(name, replace(panel, figures={"y": cleaned}), "y", Choices(), drawn)
    for rows, scale in ((apart, 1.0), (some, (3 / 2) ** 0.5)):
        net = found.draws.net[rows, FIRST:]
        assert net == pytest.approx(scale * again.draws.raw[rows, FIRST:], abs=1e-6)
