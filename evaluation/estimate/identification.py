"""What the data can say where many weights fit a started area exactly.

With more donors than periods before the start an area often lies inside the donors' hull: then
infinitely many weights meet it, each with its own effect. The estimate takes those of least norm;
the range says how far any other exact fit could have moved it. (Two linear programmes an area,
solved by HiGHS in SciPy.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import fits, frame
from evaluation.estimate.synthetic import SyntheticSettings, method_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.twins import Twins
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

EXACT = 1e-6


def identification_range(panel: Panel, outcome: str, settings: SyntheticSettings) -> pd.DataFrame:
    """One row a started area: the mean effects that exact fits of it allow.

    Returns
    -------
    DataFrame (index: area) with ``effect, low, high, exact``. ``exact`` says whether the area is
    met to a millionth of the donors' spread; where it is not, weights that fit best are (but for
    copies of a donor) unique, and low and high equal the effect.

    Raises
    ------
    EstimateError : a variant other than ``simplex`` or ``demeaned``.
    """
    if settings.variant == "penalised":
        raise EstimateError("a penalty leaves one answer: there is no range to give.")
    fitted = fits.fit_all(panel, outcome, settings.scale, method_of(settings))
    sample, rows = fitted.sample, []
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        g = int(sample.slots.starts[s])
        twin = fitted.twins[g]
        effect = float(np.nanmean(twin.gaps[place, g:]))
        donors = sample.figures[np.ix_(twin.donors, np.flatnonzero(twin.fitted_on[place]))]
        spread = float(donors.std(axis=0).mean())
        exact = bool(twin.rmspe[place] <= EXACT * spread)
        low, high = _range(sample, (place, g), twin, settings) if exact else (effect,) * 2
        rows.append(
            {
                "area": sample.panel.areas.index[place],
                "effect": effect,
                "low": low,
                "high": high,
                "exact": exact,
            }
        )
    return pd.DataFrame(rows).set_index("area")


def _range(
    sample: frame.Sample, which: tuple[int, int], twin: Twins, settings: SyntheticSettings
) -> tuple[float, float]:
    from scipy.optimize import linprog

    place, g = which
    usable = np.flatnonzero(twin.fitted_on[place])
    own, others = sample.figures[place], sample.figures[twin.donors]
    if settings.variant == "demeaned":
        own, others = own - own[usable].mean(), others - others[:, usable].mean(axis=1)[:, None]
    after = np.flatnonzero(np.isfinite(own) & (np.arange(len(own)) >= g))
    scale = others[:, usable].std() + 1e-300
    meet = np.vstack([others[:, usable].T / scale, np.ones(len(others))])
    target = np.append(own[usable] / scale, 1.0)
    each = others[:, after].mean(axis=1)
    ends = []
    for sign in (1, -1):
        found = linprog(sign * each, A_eq=meet, b_eq=target, bounds=(0, None), method="highs")
        if not found.success:
            raise ArithmeticError(
                f"the range of {sample.panel.areas.index[place]} could not be found: "
                f"{found.message}"
            )
        ends.append(float(own[after].mean() - each @ found.x))
    return min(ends), max(ends)
