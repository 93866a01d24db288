"""Monthly control charts of a site's own figures: what is unusual for this site, and no more.

u' and p' charts take out the variation that counts have beyond Poisson and binomial (Laney 2002,
Quality Engineering 14: 531-537); XmR charts are for values (Wheeler). A point is unusual outside
three sigma, as the last of seven on one side of the mean, or as the last of two of three beyond two
sigma on one side; a run of rises or falls is left to the eye. Nothing here says why, or that
anything got better: with the rules below a stable independent series has an alarm now and then, and
one that drifts or remembers has them often (`python -m benchmarks.control_charts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ChartKind = Literal["u'", "p'", "XmR"]
# A mean moving range times this is a standard deviation (d2 of two: 1.128).
D2 = 1.128
LEAST_BASELINE = 12
RUN = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlChart:
    """A series with its limits, and which points are unusual for this site.

    values, low, high, unusual : (T). centre : of the baseline.
    """

    kind: ChartKind
    values: Floats
    centre: float
    low: Floats
    high: Floats
    unusual: NDArray[np.bool_]


def control_chart(
    kind: ChartKind,
    numerators: Floats,
    denominators: Floats | None = None,
    *,
    baseline: int = LEAST_BASELINE,
) -> ControlChart:
    """The chart of a series.

    Parameters
    ----------
    numerators : (T) counts, or the values themselves for XmR. denominators : (T) what counts are
        out of, for u' and p'. baseline : the first so many points set the limits.

    Raises
    ------
    EstimateError : the baseline is shorter than twelve points or than the series allows, a figure
        is missing, or denominators are lacking.
    """
    counts = np.asarray(numerators, dtype=float)
    if baseline < LEAST_BASELINE or baseline > len(counts):
        raise EstimateError(
            f"a baseline of {baseline} of {len(counts)} points sets no limits.",
            expected=f"at least {LEAST_BASELINE} points: a year of months",
        )
    if kind == "XmR":
        values, error = counts, np.ones(len(counts))
        centre = float(values[:baseline].mean())
    else:
        if denominators is None:
            raise EstimateError(f"a {kind} chart needs what the counts are out of.")
        of = np.asarray(denominators, dtype=float)
        values = counts / of
        centre = float(counts[:baseline].sum() / of[:baseline].sum())
        spread = centre if kind == "u'" else centre * (1 - centre)
        # By Poisson or binomial alone; the moving range below says how far beyond it really goes.
        error = np.sqrt(spread / of)
    if not np.isfinite(values).all():
        raise EstimateError("a figure of the series is missing, so its ranges do not follow on.")
    standard = (values - centre) / np.where(error > 0, error, 1.0)
    beyond = float(np.abs(np.diff(standard[:baseline])).mean()) / D2
    reach = 3 * beyond * error
    outside = np.abs(values - centre) > reach
    apart = np.where(reach > 0, 3 * (values - centre) / np.where(reach > 0, reach, 1.0), 0.0)
    return ControlChart(
        kind=kind,
        values=values,
        centre=centre,
        low=centre - reach,
        high=centre + reach,
        unusual=outside | _runs(apart) | _two_of_three(apart),
    )


def _runs(apart: Floats) -> NDArray[np.bool_]:
    """(T) whether a point is the last of seven or more on one side of the mean."""
    side, found = np.sign(apart), np.zeros(len(apart), dtype=bool)
    length = 0
    for k in range(len(apart)):
        same = k > 0 and side[k] == side[k - 1] and side[k] != 0
        length = length + 1 if same else int(side[k] != 0)
        found[k] = length >= RUN
    return found


def _two_of_three(apart: Floats) -> NDArray[np.bool_]:
    """(T) whether a point lies beyond two sigma with one of the two before it, on its side."""
    found = np.zeros(len(apart), dtype=bool)
    for k in range(1, len(apart)):
        near = apart[max(0, k - 2) : k + 1]
        for side in (1.0, -1.0):
            far = side * near > 2
            found[k] |= bool(far[-1] and far.sum() >= 2)
    return found
