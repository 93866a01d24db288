"""What a look tests is the same to the bit whether a whole estimate is made or only that."""

from typing import get_args

import numpy as np
import pytest

from evaluation.estimate import ladder, scores
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.ladder import Choices
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
    whole = ladder.fit(name, held, "y", choices, assignments)
    short = ladder.to_test(name, held, "y", choices, assignments)
    one, other = (scores.statistic(e, (0, 2), score) for e in (whole, short))
    assert np.array_equal(one.raw, other.raw, equal_nan=True)
    assert np.array_equal(one.shift, other.shift, equal_nan=True)
