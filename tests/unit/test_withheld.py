"""Withheld counts at both ends: the true estimate lies between, and the ends are what they say."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.design.invented import Invented
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.withheld import at_ends, hidden_cells

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
        base, areas=areas, figures={"y": counts}, denominators={"y": denominators},
        per={"y": 1_000.0},
    )  # fmt: skip
    seen = replace(
        whole, figures={"y": np.where(status == "[c]", np.nan, counts)}, statuses={"y": status}
    )
    return whole, seen


def effect_of(panel, scale):
    assignments = Assignments.draw(panel, n=19, strata=(), block="area", seed=0)
    settings = DidSettings(base="mean", scale=scale)
    return float(did(panel, "y", settings=settings, assignments=assignments)
                 .overall()["effect"].iloc[0])  # fmt: skip


@pytest.mark.parametrize("scale", ["level", "log"])
@pytest.mark.parametrize("seed", range(6))
def test_the_estimate_of_the_whole_counts_lies_between_the_ends(scale, seed):
    whole, seen = with_small_counts(seed)
    assert hidden_cells(seen, "y").any()
    low, high = (effect_of(end, scale) for end in at_ends(seen, "y", THRESHOLD))
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
    low, high = at_ends(whole, "y", THRESHOLD)
    assert np.array_equal(low.array("y"), whole.array("y"))
    assert np.array_equal(high.array("y"), whole.array("y"))
