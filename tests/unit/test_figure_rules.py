"""The column rules of one return, in plain Python, name what pandera names in a frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import tables
from evaluation.check.figures import figure_failures
from evaluation.programme import Bounds, Outcome, load_outcomes
from evaluation.workspace import packaged_schemas
from tests.corpus.world import VALUE

DECLARED = {outcome.code: outcome for outcome in load_outcomes(packaged_schemas() / "outcomes")}
TIGHT = DECLARED["arrears"].model_copy(
    update={"bounds": Bounds(low=20, high=400), "soft_limits": Bounds(low=50, high=200)}
)
OPEN = DECLARED[VALUE].model_copy(
    update={"whole": True, "bounds": Bounds(), "soft_limits": Bounds(low=2, high=8)}
)
OUTCOMES = (*DECLARED.values(), TIGHT, OPEN)
ODD = (None, math.nan, math.inf, -math.inf, 0.0, -0.0, -3.0, 3.5, 1e300, -1e300, 5e-324, 1e308)
FIGURES = st.one_of(
    st.sampled_from(ODD),
    st.integers(-3, 12).map(float),
    st.integers(0, 6_000).map(float),
    st.floats(allow_nan=True, allow_infinity=True),
)


def both(outcome: Outcome, rows: list[tuple[float | None, float | None]]) -> None:
    above, below = [row[0] for row in rows], [row[1] for row in rows]
    with np.errstate(all="ignore"):
        in_frame = tables.column_failures(outcome, above, below)
    plain = figure_failures(outcome, above, below)
    assert sorted(plain) == sorted(in_frame)
    assert len(set(plain)) == len(plain)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.code)
def test_every_pair_of_odd_figures_fails_alike(outcome: Outcome) -> None:
    figures = (*ODD, 1.0, 5.0, 100.0, 5_000.0)
    both(outcome, [(above, below) for above in figures for below in figures])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    outcome=st.sampled_from(OUTCOMES),
    rows=st.lists(st.tuples(FIGURES, FIGURES), min_size=1, max_size=30),
)
def test_random_cells_fail_alike(
    outcome: Outcome, rows: list[tuple[float | None, float | None]]
) -> None:
    both(outcome, rows)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.code)
def test_figures_at_and_beside_each_limit_fail_alike(outcome: Outcome) -> None:
    limits = [outcome.bounds.low, outcome.bounds.high]
    limits += [outcome.soft_limits.low, outcome.soft_limits.high]
    rows: list[tuple[float | None, float | None]] = []
    for limit in limits:
        if limit is not None:
            for beside in (math.nextafter(limit, -math.inf), limit, math.nextafter(limit, 1e9)):
                rows += [(beside, None), (beside, outcome.per), (beside * 7, 7 * outcome.per)]
    both(outcome, rows or [(1.0, 1.0)])
