"""Areas whose every figure is withheld, before or since the start: no warning, no false alarm."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.diagnose import balance_table, outlier_controls
from evaluation.estimate.assignments import Assignments
from tests.unit.panels import long_table, panel


@pytest.mark.parametrize("part", ["before", "since", "all but one"])
def test_checks_leave_an_area_without_figures_out(part: str) -> None:
    table = long_table()
    gone = {"before": table["year"] < 2005, "since": table["year"] >= 2005}
    hidden = gone.get(part, table["year"] != 2003)
    # A whole authority, which then has no change since the start.
    table.loc[table["area"].isin(["a10", "a11"]) & hidden, "y"] = np.nan
    held = panel(table)
    assert outlier_controls(held, "y", "level").result == "holds"
    table = balance_table(held, "y", Assignments.draw(held, n=99, strata=(), seed=0))
    assert np.isfinite(table.to_numpy(dtype=float)).all()
