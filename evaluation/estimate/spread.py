"""Areas of unlike population: how much more a small area's gap varies, and placebo gaps to scale.

Where few of many areas are re-drawn one by one, a placebo gap of a small area says little about a
large one's. Ferman and Pinto (2019, Review of Economics and Statistics 101(3), section 3) let the
variance of an area's mean change be A + B / population, estimate it, and bring every placebo gap
to the scale of the area whose place it takes. Re-drawing within bands of population does the same
without a model; this is for panels too small for bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


REWEIGHED = 10


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Variance of an area's change, A + B / population; neither part is negative.

    common : A, in squared units of the outcome's scale. by_size : B, the same times people.
    """

    common: float
    by_size: float

    def of(self, panel: Panel) -> Floats:
        """(N) standard deviation of each area's change, as far as its population says.

        Raises
        ------
        EstimateError : an area has no population.
        """
        deviation: Floats = np.sqrt(self.common + self.by_size / populations(panel))
        return deviation


def populations(panel: Panel) -> Floats:
    """(N) populations.

    Raises
    ------
    EstimateError : an area has none, or one that is not positive.
    """
    found = panel.areas["population"].to_numpy(dtype=float)
    lacking = ~(found > 0)
    if lacking.any():
        raise EstimateError(
            f"{int(lacking.sum())} areas have no population to scale their gaps by (first: "
            f"{panel.areas.index[int(np.flatnonzero(lacking)[0])]}).",
            mend="give every area a population, or leave the gaps as they are",
        )
    return found


def by_population(panel: Panel, figures: Floats, first: int) -> Spread:
    """The spread that the periods before the first start tell of; every area is taken alike.

    The squared deviation of each area's change (mean of later periods less mean of earlier ones,
    over the middle splits of the periods before) from the mean change is regressed on a constant
    and one over the population, neither part below nought. The paper's least squares, weighed by
    the fitted variance, since the square of a noisy area's change is the noisiest.

    Parameters
    ----------
    figures : (N, T) on the estimate's scale. first : position of the first start.

    Raises
    ------
    EstimateError : fewer than four complete periods before the first start, or no population.
    """
    from scipy.optimize import nnls

    before = figures[:, :first]
    held = np.isfinite(before).all(axis=1)
    if first < 4 or held.sum() < 4:
        raise EstimateError(
            f"{first} periods before the first start and {int(held.sum())} areas without a gap in "
            "them do not tell how the spread of gaps goes with population.",
            expected="at least four of each",
        )
    size = populations(panel)[held]
    squares = np.mean([_squared_change(before[held], t) for t in _splits(first)], axis=0)
    scale = float(np.exp(np.log(size).mean()))
    design = np.column_stack([np.ones(len(size)), scale / size])
    fitted = np.full(len(size), squares.mean())
    if not fitted.any():
        raise EstimateError("no area's figures move before the first start.")
    for _ in range(REWEIGHED):
        (common, by_size), _ = nnls(design / fitted[:, None], squares / fitted)
        fitted = design @ np.array([common, by_size])
    return Spread(common=float(common), by_size=float(by_size) * scale)


def _splits(first: int) -> range:
    quarter = max(1, first // 4)
    return range(quarter, first - quarter + 1)


def _squared_change(before: Floats, split: int) -> Floats:
    change = before[:, split:].mean(axis=1) - before[:, :split].mean(axis=1)
    n = len(change)
    squared: Floats = (change - change.mean()) ** 2 * n / (n - 1)
    return squared
