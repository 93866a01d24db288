"""What a test of the paths before the start could have seen (Roth 2022, AER: Insights 4).

A pre-trend test that does not reject is reassuring only if it would have rejected a trend large
enough to matter. So: the slope that it finds in half or in four fifths of cases, the bias that such
a trend would leave in the effect, and that bias among the studies that pass the test, which is
often the larger.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.diagnose.event_study import EventStudy

    Floats = NDArray[np.float64]

Pretest = Literal["any", "slope"]
SIMULATED = 50_000
SEED = 0


def pre_trend_power(
    study: EventStudy,
    *,
    powers: tuple[float, ...] = (0.5, 0.8),
    pretest: Pretest = "any",
    window: tuple[int, int] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """One row a power: the linear trend that the pre-test finds with it, and what it would do.

    Parameters
    ----------
    pretest : ``any``: rejects if any effect before the start is significant by itself (section
        II.A); ``slope``: if the least-squares slope of the path up to the reference is.
    window : first and last event time of the mean effect that is biased; by default all from 0 on.
    level : of the pre-test.

    Returns
    -------
    ``slope`` in the estimate's unit a period; ``bias``: the trend's mean over the window;
    ``bias_if_passed``: the mean error of the effect among draws that pass (Proposition 2),
    by ``SIMULATED`` normal draws with a fixed seed.

    Raises
    ------
    EstimateError : a power at or below the test's size, or an unknown pre-test.
    """
    size, before = 1 - level, study.n_before
    if pretest not in ("any", "slope") or not all(size < power < 1 for power in powers):
        raise EstimateError(
            f"no slope is found with powers {powers} by pre-test {pretest!r}.",
            expected=f"powers between {size:.2f} and 1; 'any' or 'slope'",
        )
    target, times = study.target(window), study.times.astype(float)
    noise, maps = _pretest(study, pretest)
    critical = NormalDist().inv_cdf(0.5 + level / 2)
    path = maps @ times[:before]

    def passes(slope: float) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = (np.abs(noise @ maps.T + slope * path) <= critical).all(axis=1)
        return kept

    before_to_after = np.linalg.solve(
        study.covariance[:before, :before], study.covariance[:before, before:] @ target
    )
    top = 10 * critical / float(np.abs(path).max())
    rows = []
    for power in powers:
        slope = float(brentq(lambda s, p=power: 1 - passes(s).mean() - p, 0.0, top, xtol=1e-10))
        bias = slope * float(target @ times[before:])
        kept = noise[passes(slope)].mean(axis=0)
        rows.append((slope, bias, bias + float(kept @ before_to_after)))
    columns = ["slope", "bias", "bias_if_passed"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(powers, name="power"))


def _pretest(study: EventStudy, pretest: Pretest) -> tuple[Floats, Floats]:
    """(draws, P) noise of the effects before the start; (tests, P) maps to unit-variance tests."""
    before = study.n_before
    covariance = study.covariance[:before, :before]
    normal = np.random.default_rng(SEED).standard_normal((SIMULATED, before))
    noise = normal @ np.linalg.cholesky(covariance).T
    maps = np.eye(before)
    if pretest == "slope":
        with_reference = np.append(study.times[:before], 0).astype(float)
        maps = (study.times[:before] - with_reference.mean())[None, :]
    errors = np.sqrt(np.diag(maps @ covariance @ maps.T))
    return noise, maps / errors[:, None]
