"""Monthly control charts of a site's own figures: what is unusual for this site, and no more.

u' and p' charts take out the variation that counts have beyond Poisson and binomial (Laney 2002,
Quality Engineering 14: 531-537); XmR charts are for values (Wheeler). A point is unusual outside
three sigma, as the last of seven on one side of the mean, or as the last of two of three beyond two
sigma on one side. These are the tests of the Western Electric Statistical Quality Control Handbook
(1956; also Nelson 1984, Journal of Quality Technology 16: 237-239), with the seven in a row of NHS
England's Making Data Count in place of eight or nine; its fourth, a run of rises or falls, is left
to the eye. Nothing here says why, or that anything got better: with these rules a stable
independent series has an alarm now and then, and one that drifts or remembers has them often
(`python -m benchmarks.control_charts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.learning.practice import LEAST_BASELINE, ChartKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A mean moving range times this is a standard deviation (d2 of two: 1.128).
D2 = 1.128
RUN = 7


class Rule(StrEnum):
    """By which a point is unusual."""

    OUTSIDE = "outside the limits"
    RUN = "seven in a row on one side"
    NEAR = "two of three near a limit"


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlChart:
    """A series with its limits, and which points are unusual for this site.

    values, low, high : (T), NaN where a figure is missing. centre : of the baseline. broken : rule
    -> (T) whether a point is unusual by it.
    """

    kind: ChartKind
    values: Floats
    centre: float
    low: Floats
    high: Floats
    broken: Mapping[Rule, NDArray[np.bool_]]

    @property
    def unusual(self) -> NDArray[np.bool_]:
        """(T) whether a point is unusual by any rule."""
        found = np.zeros(len(self.values), dtype=bool)
        for one in self.broken.values():
            found |= one
        return found


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
        out of, for u' and p'; NaN in either where a figure is missing: over a gap no range is
        taken, and a run ends there. baseline : the first so many known points set the limits.

    Raises
    ------
    EstimateError : the baseline is shorter than twelve points or than the series allows, the first
        points lie so far apart that none follows another, or denominators are lacking.
    """
    counts = np.asarray(numerators, dtype=float)
    of = np.ones(len(counts)) if denominators is None else np.asarray(denominators, dtype=float)
    if kind != "XmR" and denominators is None:
        raise EstimateError(f"a {kind} chart needs what the counts are out of.")
    values = np.divide(counts, of, out=np.full(len(counts), np.nan), where=of > 0)
    places = np.flatnonzero(np.isfinite(values))[:baseline]
    if baseline < LEAST_BASELINE or baseline > len(places):
        raise EstimateError(
            f"a baseline of {baseline} of {len(places)} points sets no limits.",
            expected=f"at least {LEAST_BASELINE} points: a year of months",
        )
    if kind == "XmR":
        centre, error = float(values[places].mean()), np.ones(len(counts))
    else:
        centre = float(counts[places].sum() / of[places].sum())
        spread = centre if kind == "u'" else centre * (1 - centre)
        # By Poisson or binomial alone; the moving range below says how far beyond it really goes.
        error = np.sqrt(spread / np.where(np.isfinite(values), of, np.nan))
    standard = (values - centre) / np.where(error > 0, error, 1.0)
    ranges = np.abs(np.diff(standard[: places[-1] + 1]))
    if not np.isfinite(ranges).any():
        raise EstimateError("no figure of the baseline follows another, so it has no ranges.")
    beyond = float(np.nanmean(ranges)) / D2
    reach = 3 * beyond * error
    outside = np.abs(values - centre) > reach
    apart = np.where(reach > 0, 3 * (values - centre) / np.where(reach > 0, reach, 1.0), 0.0)
    return ControlChart(
        kind=kind,
        values=values,
        centre=centre,
        low=centre - reach,
        high=centre + reach,
        broken={Rule.OUTSIDE: outside, Rule.RUN: _runs(apart), Rule.NEAR: _two_of_three(apart)},
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
