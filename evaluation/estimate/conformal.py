"""A test by shifting residuals in time, offered as a sensitivity alone.

Chernozhukov, Wuthrich and Zhu (2021, JASA 116, section 2.3): fit the twin to all periods, as the
null of no effect allows, and ask how extreme the residuals after the start are among all cyclic
shifts of the residuals. It rests on residuals that are alike over time, where re-assignment rests
on areas that are alike. With T periods its smallest p is 1 / T, so that with fewer than 20 it can
never reach 0.05; there it is refused. Their other test, over all orders of the periods, rejects up
to a fifth of true nulls where residuals are correlated, and is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import frame, simplex
from evaluation.estimate.twins import complete

if TYPE_CHECKING:
    from evaluation.estimate.synthetic import SyntheticSettings
    from evaluation.panel import Panel


@dataclass(frozen=True, kw_only=True)
class ShiftTest:
    """What shifting the residuals in time gives: a sensitivity, never a finding's own p-value.

    statistic : mean absolute residual after the start. p_value, smallest_p : over ``shifts``.
    """

    outcome: str
    statistic: float
    p_value: float
    smallest_p: float
    shifts: int
    role: str = "sensitivity"


def conformal_test(
    panel: Panel, outcome: str, *, settings: SyntheticSettings, alpha: float = 0.05
) -> ShiftTest:
    """Test the null of no effect in any period for areas that start together.

    Raises
    ------
    InferenceRefused : the panel has too few periods for p to reach ``alpha``.
    EstimateError : areas start in different periods, a cell of theirs is missing, or a variant
        other than ``simplex`` or ``demeaned``.
    """
    if settings.variant == "penalised":
        raise EstimateError("the shift test is offered for the simplex and demeaned variants.")
    kept, _ = complete(panel, [outcome])
    sample = frame.take(kept, outcome, settings.scale)
    starts = np.unique(sample.slots.starts)
    if len(starts) > 1:
        raise EstimateError(
            "areas start in different periods, and a shift in time is the same for all.",
            mend="test one start at a time",
        )
    figures, places = sample.figures, sample.slots.places
    if np.isnan(figures[places]).any():
        raise EstimateError("a started area lacks a figure, so its residuals cannot be shifted.")
    periods = figures.shape[1]
    if 1 / periods > alpha:
        raise InferenceRefused(
            f"with {periods} periods the shift test cannot go below p = {1 / periods:.3f}.",
            expected=f"at least {int(np.ceil(1 / alpha))} periods",
            mend="use re-assignment, which rests on areas rather than on periods",
        )
    if settings.variant == "demeaned":
        figures = figures - figures.mean(axis=1, keepdims=True)
    donors = figures[np.flatnonzero(sample.panel.start_index == -1)]
    none = np.full((len(places), 1), -1)
    fitted = simplex.fit(donors.T, figures[places], none)
    residual = (figures[places] - fitted.predict(donors)).mean(axis=0)
    after = np.arange(int(starts[0]), periods)
    shifted = np.abs(residual[(after[None, :] + np.arange(periods)[:, None]) % periods])
    size = shifted.mean(axis=1)
    return ShiftTest(
        outcome=outcome,
        statistic=float(size[0]),
        shifts=periods,
        smallest_p=1 / periods,
        p_value=float((size >= size[0] * (1 - 1e-10)).mean()),
    )
