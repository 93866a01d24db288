"""The fast way to many looks equals an estimate at each of them."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.errors import EstimateError
from evaluation.estimate import interim, samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.did_looks import Window, did_looks, did_tested


def staggered(seed=0):
    """40 areas, three sites of 1, 2 and 3 areas that start in three quarters."""
    panel = Invented(areas=40, quarters=20, shared=0.2).draw(seed)
    areas = panel.areas.copy()
    site, start, role = (
        areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")
    )
    for name, members, first in (("A", [3], 12), ("B", [9, 20], 14), ("C", [25, 31, 38], 12)):
        site[members], start[members] = name, panel.labels[first]
        role[members] = "pilot"
    areas = areas.assign(site=site, start=start, role=role)
    return replace(panel, areas=areas, figures={"y": panel.array("y")})


@pytest.mark.parametrize("base", ["mean", "universal"])
@pytest.mark.parametrize("strata", [(), ("level",)])
@pytest.mark.parametrize("window", [(0, 7), (1, 3), (0, 100)])
def test_every_look_equals_an_estimate_made_then(base, strata, window):
    panel = staggered()
    assignments = Assignments.draw(panel, n=150, block="area", strata=strata, seed=1)
    looks = (13, 15, 19)
    raw, shift = did_looks(
        panel.array("y")[None],
        assignments,
        Window(first=window[0], last=window[1], looks=looks, base=base),
    )
    for position, look in enumerate(looks):
        known = panel.until(panel.periods[look])
        then = assignments.known(known)
        estimate = did(known, "y", settings=DidSettings(base=base), assignments=then)
        slow = interim.statistic(estimate, window)
        assert raw[0, position] == pytest.approx(slow.raw, abs=1e-12)
        assert shift[position] == pytest.approx(slow.shift, abs=1e-12)


def test_outcomes_do_not_touch_each_other():
    panel = staggered()
    assignments = Assignments.draw(panel, n=99, block="area", strata=(), seed=1)
    y = panel.array("y")
    other = np.random.default_rng(0).standard_normal(y.shape)
    window = Window(first=0, last=7, looks=(15, 19))
    both = did_looks(np.stack([y, other]), assignments, window)[0]
    assert np.array_equal(both[0], did_looks(y[None], assignments, window)[0][0])
    assert np.array_equal(both[1], did_looks(other[None], assignments, window)[0][0])


@pytest.mark.parametrize("strata", [(), ("level",)])
@pytest.mark.parametrize("base", ["mean", "universal"])
def test_with_missing_cells_a_look_equals_an_estimate(strata, base):
    panel = staggered()
    y = panel.array("y").copy()
    y[np.random.default_rng(4).random(y.shape) < 0.03] = np.nan
    panel = replace(panel, figures={"y": y})
    assignments = Assignments.draw(panel, n=150, block="area", strata=strata, seed=1)
    settings = DidSettings(base=base)
    slow = interim.statistic(did(panel, "y", settings=settings, assignments=assignments), (0, 5))
    sample = samples.take(panel, "y", "level")
    fast = interim.statistic(did_tested("y", sample, assignments, settings), (0, 5))
    assert fast.raw == pytest.approx(slow.raw, abs=1e-12, nan_ok=True)
    assert fast.shift == pytest.approx(slow.shift, abs=1e-12, nan_ok=True)


def test_a_missing_cell_is_refused():
    panel = staggered()
    assignments = Assignments.draw(panel, n=99, block="area", strata=(), seed=1)
    y = panel.array("y").copy()
    y[0, 0] = np.nan
    with pytest.raises(EstimateError, match="missing"):
        did_looks(y[None], assignments, Window(first=0, last=7, looks=(15,)))
