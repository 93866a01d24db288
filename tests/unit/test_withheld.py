"""Withheld counts at both ends: the true estimate lies between, and the ends are what they say."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.estimate import registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.registry import Choices
from evaluation.estimate.sensitivity import at_ends, hidden_cells

THRESHOLD = 5


def with_small_counts(seed, effect=0.5):
    base = Invented(areas=40, quarters=16, counts=9.0).draw(seed)
    rng = np.random.default_rng([seed, 9])
    names = [f"S{i}" if i in (3, 11, 27) else None for i in range(40)]
    starts = [base.labels[10] if name else None for name in names]
    areas = base.areas.assign(site=names, start=starts)
    counts = base.array("y").copy()
    counts[[3, 11, 27], 10:] = rng.binomial(counts[[3, 11, 27], 10:].astype(int), effect)
    counts = np.maximum(counts, 1)
    denominators = np.full(counts.shape, 1_000.0)
    status = np.where(counts < THRESHOLD, "[c]", "").astype(object)
    whole = replace(
        base,
        areas=areas,
        figures={"y": counts},
        denominators={"y": denominators},
        per={"y": 1_000.0},
    )
    seen = replace(
        whole, figures={"y": np.where(status == "[c]", np.nan, counts)}, statuses={"y": status}
    )
    return whole, seen


def effect_of(panel, scale):
    assignments = Assignments.draw(panel, n=19, strata=(), block="area", seed=0)
    settings = DidSettings(base="mean", scale=scale)
    return float(
        did(panel, "y", settings=settings, assignments=assignments).overall()["effect"].iloc[0]
    )


@pytest.mark.parametrize("scale", ["level", "log"])
@pytest.mark.parametrize("seed", range(6))
def test_the_estimate_of_the_whole_counts_lies_between_the_ends(scale, seed):
    whole, seen = with_small_counts(seed)
    assert hidden_cells(seen, "y").any()
    ends = at_ends(seen, "y", THRESHOLD, lambda end: effect_of(end, scale))
    low, high = (effect_of(end, scale) for end in ends)
    assert low <= effect_of(whole, scale) <= high


def test_leaving_small_counts_out_hides_a_success():
    """What the ends are for: cells that success made small are the ones that go missing."""
    gaps = []
    for seed in range(8):
        whole, seen = with_small_counts(seed)
        gaps.append(effect_of(seen, "level") - effect_of(whole, "level"))
    assert np.mean(gaps) > 0.3


def test_without_withheld_cells_the_ends_are_the_panel():
    whole, _ = with_small_counts(0)
    low, high = at_ends(whole, "y", THRESHOLD, lambda end: effect_of(end, "level"))
    assert np.array_equal(low.array("y"), whole.array("y"))
    assert np.array_equal(high.array("y"), whole.array("y"))


def staggered(cells, strata=()):
    """Sites that start in periods 4 and 10; some counts of comparison areas and pilots withheld."""
    base = Invented(areas=24, quarters=14, counts=60.0).draw(1)
    names = [{0: "early", 1: "early", 2: "late"}.get(i) for i in range(24)]
    starts = [{"early": base.labels[4], "late": base.labels[10]}.get(name) for name in names]
    counts = base.array("y").copy()
    status = np.full(counts.shape, "", dtype=object)
    for cell in cells:
        counts[cell], status[cell] = np.nan, "[c]"
    panel = replace(
        base,
        areas=base.areas.assign(site=names, start=starts),
        figures={"y": counts},
        denominators={"y": np.full(counts.shape, 1_000.0)},
        per={"y": 1_000.0},
        statuses={"y": status},
    )
    return panel, Assignments.draw(panel, n=19, strata=strata, block="area", seed=0)


@pytest.mark.parametrize("strata", [(), ("population",)])
@pytest.mark.parametrize("name", ["did", "imputation"])
def test_between_two_starts_the_ends_are_the_extremes_of_all_corners(name, strata):
    """A cell between the starts is after for one site and before for the other."""
    cells = [(10, 6), (11, 6), (15, 12), (0, 8), (2, 8)]
    panel, drawn = staggered(cells, strata)

    def effect(held):
        estimate = registry.fit(name, held, "y", Choices(), drawn)
        return float(estimate.overall()["effect"].iloc[0])

    corners = []
    for corner in itertools.product((1.0, 199.0), repeat=len(cells)):
        figures = panel.array("y").copy()
        for cell, value in zip(cells, corner, strict=True):
            figures[cell] = value
        corners.append(effect(replace(panel, figures={"y": figures})))
    low, high = (effect(end) for end in at_ends(panel, "y", 200, effect, drawn.strata))
    assert (low, high) == (pytest.approx(min(corners)), pytest.approx(max(corners)))
