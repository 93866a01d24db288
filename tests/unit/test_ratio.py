"""Proportional effects from levels: the closed form against estimating anew at each end."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design import simulation
from evaluation.design.simulation import Simulation
from evaluation.errors import EstimateError
from evaluation.estimate import interim, registry, samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.registry import Choices
from evaluation.estimate.units import ratio_effect

FIRST, HOW = 12, Simulation(started=4, looks=4)
BASE = DidSettings(base="mean")


def held(rho=-0.2, gaps=False, seed=0):
    drawn = Invented(areas=30, quarters=16, counts=20.0).draw(seed)
    panel, _ = simulation._with_pilots(drawn, HOW, np.random.default_rng(seed))
    figures = panel.array("y").copy()
    figures[np.flatnonzero(panel.treated)[:, None], np.arange(FIRST, 16)] *= 1 + rho
    if gaps:
        figures[np.flatnonzero(~panel.treated)[:3], [2, 13, 14]] = np.nan
    panel = replace(panel, figures={"y": figures})
    return panel, Assignments.draw(panel, strata=(), block="area", n=399, seed=1)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", ["did", "imputation"])
def test_the_ends_are_those_that_estimating_anew_rejects(name, gaps):
    panel, drawn = held(gaps=gaps)
    found = ratio_effect(name, panel, "y", Choices(), drawn)
    on = panel.treated[:, None] & (np.arange(16) >= FIRST)

    def p(rho):
        without = np.where(on, panel.array("y") / (1 + rho), panel.array("y"))
        again = registry.to_test(
            name, replace(panel, figures={"y": without}), "y", Choices(), drawn
        )
        return placebo_p(interim.statistic(again, (0, 10)).raw)

    width = found.high - found.low
    for end, inwards in ((found.low, 1e-6), (found.high, -1e-6)):
        assert p(end + inwards * width) > 0.05
        assert p(end - inwards * width) <= 0.05
    without = np.where(on, panel.array("y") / (1 + found.effect), panel.array("y"))
    left = registry.to_test(name, replace(panel, figures={"y": without}), "y", Choices(), drawn)
    assert interim.statistic(left, (0, 10)).raw[0] == pytest.approx(0.0, abs=1e-9)


def test_it_finds_what_was_planted_and_covers_it():
    found = []
    for seed in range(60):
        panel, drawn = held(seed=seed)
        found.append(ratio_effect("did", panel, "y", Choices(), drawn))
    assert np.mean([one.effect for one in found]) == pytest.approx(-0.2, abs=0.02)
    covered = np.mean([one.low <= -0.2 <= one.high for one in found])
    assert covered > 0.95 - 2 * (0.95 * 0.05 / 60) ** 0.5


def test_what_it_refuses():
    panel, drawn = held()
    with pytest.raises(EstimateError, match="weights move with the figures"):
        ratio_effect("synthetic_did", panel, "y", Choices(), drawn)
    with pytest.raises(EstimateError, match="proportional already"):
        ratio_effect("did", panel, "y", Choices(scale="log"), drawn)
    figures = np.where(panel.treated[:, None] & (np.arange(16) >= FIRST), 0.0, panel.array("y"))
    with pytest.raises(EstimateError, match="no figure above zero"):
        ratio_effect("did", replace(panel, figures={"y": figures}), "y", Choices(), drawn)


def test_zeros_have_an_effect_and_one_area_may_have_no_bound():
    panel, drawn = held()
    figures = panel.array("y").copy()
    figures[np.flatnonzero(panel.treated)[0], FIRST] = 0.0
    zero = replace(panel, figures={"y": figures})
    assert ratio_effect("did", zero, "y", Choices(), drawn).p_value > 0
    one, _ = simulation._with_pilots(
        Invented(areas=15, quarters=16, counts=9.0).draw(1),
        replace(HOW, started=1),
        np.random.default_rng(1),
    )
    few = Assignments.draw(one, strata=(), block="area")
    found = ratio_effect("did", one, "y", Choices(), few)
    assert (found.low, found.high) == (-1.0, np.inf)


@pytest.mark.parametrize("gaps", ["as_they_are", "by_population"])
def test_gaps_brought_to_scale_are_so_in_the_figures_and_in_what_is_taken_off(gaps):
    """By testing anew at either end, with the scale that the figures themselves give."""
    panel, drawn = held()
    rng = np.random.default_rng(3)
    people = rng.uniform(1_000, 9_000, len(panel.areas))
    panel = replace(panel, areas=panel.areas.assign(population=people))
    choices = Choices(gaps=gaps)
    if gaps == "as_they_are":
        error = np.repeat(rng.uniform(0.5, 2.0, len(people))[:, None], 16, axis=1)
        panel = replace(panel, sampling_error={"y": error})
    found = ratio_effect("did", panel, "y", choices, drawn)
    plain = ratio_effect("did", replace(panel, sampling_error={}), "y", Choices(), drawn)
    assert found.effect == pytest.approx(plain.effect) and found.low != plain.low
    scaled = registry.to_scale("did", panel, "y", choices, drawn)
    scaled = samples.to_scale(scaled, samples.take(panel, "y", "level"))
    on = panel.treated[:, None] & (np.arange(16) >= FIRST)

    def p(rho):
        without = np.where(on, panel.array("y") / (1 + rho), panel.array("y"))
        again = did(replace(panel, figures={"y": without}), "y", settings=BASE, assignments=scaled)
        return placebo_p(interim.statistic(again, (0, 10)).raw)

    width = found.high - found.low
    for end, inwards in ((found.low, 1e-6), (found.high, -1e-6)):
        assert p(end + inwards * width) > 0.05
        assert p(end - inwards * width) <= 0.05
