"""What a look tests is the same to the bit whether a whole estimate is made or only that."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design import simulation
from evaluation.design.simulation import Simulation
from evaluation.estimate import interim, registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.registry import Choices
from evaluation.protocol import EstimatorName
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize("score", ["mean", "gls"])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", get_args(EstimatorName)[:5])
def test_the_short_way_gives_the_same_statistics(name, gaps, score) -> None:
    table = long_table(effect=-0.5)
    if gaps:
        table.loc[(table["area"] == "a09") & (table["year"] == 2003), "y"] = np.nan
    held = panel(table)
    assignments = Assignments.draw(held, n=299, strata=(), block="area", seed=3)
    choices = Choices(scale="level")
    whole = registry.fit(name, held, "y", choices, assignments)
    short = registry.to_test(name, held, "y", choices, assignments)
    one, other = (interim.statistic(e, (0, 2), score) for e in (whole, short))
    assert np.array_equal(one.raw, other.raw, equal_nan=True)
    assert np.array_equal(one.shift, other.shift, equal_nan=True)


def test_gls_of_an_assignment_that_lacks_an_event_time_rests_on_the_others(monkeypatch) -> None:
    monkeypatch.setattr(interim, "ENOUGH", 2)  # one pilot of 40 areas has 40 assignments
    panel, _ = simulation._with_pilots(
        Invented(areas=40, quarters=16).draw(0),
        Simulation(started=1, looks=4),
        np.random.default_rng(0),
    )
    figures = panel.array("y").copy()
    lacking = np.flatnonzero(~panel.treated)[:9]
    figures[lacking, 12 + np.arange(9) % 4] = np.nan
    held = replace(panel, figures={"y": figures})
    drawn = Assignments.draw(held, strata=(), block="area", n=199, seed=0)
    estimate = registry.to_test("did", held, "y", Choices(), drawn)
    with_gaps = interim.statistic(estimate, (0, 3), "gls")
    assert np.isfinite(with_gaps.raw).all() and np.isfinite(with_gaps.net).all()
    whole = interim.statistic(registry.to_test("did", panel, "y", Choices(), drawn), (0, 3), "gls")
    assert (with_gaps.shift[0], whole.shift[0]) == (pytest.approx(1.0), pytest.approx(1.0))
