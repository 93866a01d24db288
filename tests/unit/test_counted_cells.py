"""Which cells of pseudo-treated areas count, against the rule taken one cell at a time."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.estimate.placebo_effects import counted


def _cell_by_cell(own: np.ndarray, real: np.ndarray, cohort_of: np.ndarray) -> np.ndarray:
    held = own & real
    for b, t, s in np.ndindex(len(own), own.shape[2], cohort_of.max() + 1):
        areas = np.flatnonzero(cohort_of == s)
        wanted = real[areas, t].sum()
        for m in areas:
            if held[b, areas, t].sum() < wanted and own[b, m, t]:
                held[b, m, t] = True
    return held


@pytest.mark.parametrize("seed", range(20))
def test_gaps_are_copied_and_others_stand_in(seed: int) -> None:
    draws = np.random.default_rng(seed)
    cohort_of = np.sort(draws.integers(0, 3, 7))
    own = draws.random((5, 7, 6)) < draws.uniform(0.3, 1)
    real = draws.random((7, 6)) < draws.uniform(0.3, 1)
    assert (counted(own, real, cohort_of) == _cell_by_cell(own, real, cohort_of)).all()


def test_without_gaps_all_of_their_own_count() -> None:
    own = np.random.default_rng(1).random((4, 3, 5)) < 0.5
    assert counted(own, np.ones((3, 5), dtype=bool), np.zeros(3, dtype=int)) is own
