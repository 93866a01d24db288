"""Closed-form intervals rest on this: an effect taken out moves every placebo in a straight line.

Estimated anew on the data less the effect, for every assignment; among the seeds are assignments in
which a filler's every donor is a filler too. ``python -m benchmarks.intervals`` has the ends found
by refitting.
"""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.family_bars import STARTED, piloted
from benchmarks.invented import Invented
from evaluation.design.calibrate import SHORT
from evaluation.estimate import interim, registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.registry import Choices


@pytest.mark.parametrize("seed", [0, 1, 5, 18])
@pytest.mark.parametrize("name", SHORT.values())
def test_statistics_of_the_data_less_an_effect_lie_on_the_line(name, seed) -> None:
    panel = piloted(Invented(areas=60).draw(seed), np.random.default_rng([seed, STARTED]))
    assignments = Assignments.draw(panel, n=199, block="area", strata=(), seed=seed)
    on = (panel.start_index[:, None] >= 0) & (np.arange(24) >= panel.start_index[:, None])
    less = replace(panel, figures={"y": panel.array("y") - 1.5 * on})

    def found(held):
        return interim.statistic(registry.to_test(name, held, "y", Choices(), assignments), (0, 7))

    before, after = found(panel), found(less)
    assert np.abs(after.raw - (before.raw - 1.5 * before.shift)).max() < 1e-10
