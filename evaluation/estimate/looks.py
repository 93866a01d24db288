"""Repeated looks: a test that may be asked again every quarter and keeps its error rate.

At each look a spending function buys the right to remove the most extreme assignments that are
still alive; the verdict is whether the real one (the first) is removed. Under re-assignment every
assignment is removed with the same chance, so the real one is removed under no effect with at most
the alpha spent, whatever the correlation of the looks, and whether looks are skipped, added or made
on restated data: a row of the look ledger is never recomputed. (Sequential conditional
randomisation tests: Plamadeala and Rosenberger 2012, Annals of Statistics 40(1), section 3;
spending functions: Lan and DeMets 1983, Biometrika 70.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate.inference import TIE

if TYPE_CHECKING:
    from numpy.typing import NDArray

Spending = Literal["obrien_fleming", "pocock", "open_ended"]
Side = Literal["two", "greater", "less"]
ROUNDING = 1e-9
BISECTIONS = 60
WIDEST = 2.0**40


@dataclass(frozen=True, kw_only=True)
class LookPlan:
    """How alpha is spent over the looks; fixed in the protocol.

    alpha : chance of a false finding over all looks, for ever.
    spending : ``obrien_fleming`` spends little early, ``pocock`` evenly (both by the horizon);
        ``open_ended`` has no end: half of alpha by the horizon, never all of it.
    horizon : planned looks, one a period; time 1 is the last of them.
    reserve : part of alpha kept for looks past the horizon.
    side : ``two``; ``greater`` and ``less`` test one direction.

    Raises
    ------
    EstimateError : alpha outside 0-1, a reserve that leaves nothing, or no planned look.
    """

    alpha: float = 0.05
    spending: Spending = "obrien_fleming"
    horizon: int = 8
    reserve: float = 0.01
    side: Side = "two"

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise EstimateError(f"alpha cannot be {self.alpha!r}.", expected="say 0.05")
        if not 0 <= self.reserve < self.alpha:
            raise EstimateError(
                f"a reserve of {self.reserve!r} leaves nothing of an alpha of {self.alpha!r}.",
                expected="less than alpha, say a fifth of it",
            )
        if self.horizon < 1:
            raise EstimateError("a plan needs at least one look.", expected="horizon >= 1")

    def spent(self, time: float) -> float:
        """Alpha spent by ``time`` (looks elapsed over the horizon; above 1 past the horizon)."""
        if time <= 0:
            return 0.0
        if self.spending == "open_ended":
            return self.alpha * time / (1 + time)
        planned, within = self.alpha - self.reserve, min(time, 1.0)
        if self.spending == "pocock":
            spent = planned * math.log(1 + (math.e - 1) * within)
        else:
            normal = NormalDist()
            bound = normal.inv_cdf(1 - planned / 2)
            spent = 2 * normal.cdf(-bound / math.sqrt(within))
        late = max(time - 1.0, 0.0) * self.horizon
        return spent + self.reserve * late / (1 + late)

    def scaled(self, alpha: float) -> LookPlan:
        """The same shape of spending for another alpha."""
        return replace(self, alpha=alpha, reserve=self.reserve * alpha / self.alpha)


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One look: what was spent, what was removed, who is left. Never recomputed.

    time : looks elapsed over the horizon. spent : alpha spent by then. threshold : the smallest
    statistic removed at this look (infinite: none). alive : (B + 1), the real assignment first.
    lost : (B + 1) those that had no statistic at some look so far. They are judged no more, and
    neither removed nor counted: with second chances to be removed, the others would have too many.
    """

    time: float
    spent: float
    threshold: float
    alive: NDArray[np.bool_]
    lost: NDArray[np.bool_]

    @property
    def removed(self) -> int:
        """How many assignments have been removed up to now."""
        return int((~self.alive).sum())

    @property
    def crossed(self) -> bool:
        """Whether the real assignment has been removed: the null hypothesis is rejected."""
        return not self.alive[0]


def take_look(
    statistics: NDArray[np.float64], time: float, plan: LookPlan, before: Look | None = None
) -> Look:
    """One more look.

    Parameters
    ----------
    statistics : (B + 1) of the data as now known, the real assignment first. One without a figure
        (NaN) is lost from this look on.
    time : looks elapsed over the plan's horizon.
    before : the look before this one; it is taken as it was.

    Raises
    ------
    EstimateError : the real assignment has no statistic, time runs backwards, or the number of
        assignments has changed.
    """
    if not np.isfinite(statistics[0]):
        raise EstimateError("the real assignment has no statistic at this look.")
    alive = np.ones(len(statistics), dtype=bool) if before is None else before.alive
    if len(alive) != len(statistics):
        raise EstimateError(
            f"this look has {len(statistics)} assignments and the one before {len(alive)}.",
            mend="use the assignments that the protocol stores",
        )
    if before is not None and time < before.time - ROUNDING:
        raise EstimateError(
            f"a look at time {time:g} cannot follow one at time {before.time:g}.",
            mend="an older vintage keeps the verdict of its own look",
        )
    lost = np.isnan(statistics) if before is None else before.lost | np.isnan(statistics)
    spent, held = plan.spent(time), ~lost
    budget = math.floor(spent * int(held.sum()) + ROUNDING) - int((held & ~alive).sum())
    size = np.where(alive & held, extremity(statistics, plan.side), -np.inf)
    gone, threshold = _most_extreme(size, min(budget, int((alive & held).sum())))
    return Look(time=time, spent=spent, threshold=threshold, alive=alive & ~gone, lost=lost)


def extremity(statistics: NDArray[np.float64], side: Side) -> NDArray[np.float64]:
    """How far each statistic speaks against no effect; NaN for one without a figure."""
    out: NDArray[np.float64] = {"two": np.abs, "greater": np.positive, "less": np.negative}[side](
        statistics
    )
    return out


def _most_extreme(size: NDArray[np.float64], budget: int) -> tuple[NDArray[np.bool_], float]:
    """The ``budget`` largest; where equals straddle the line, none of them (they wait)."""
    if budget < 1:
        return np.zeros(len(size), dtype=bool), math.inf
    line = float(np.partition(size, len(size) - budget)[len(size) - budget])
    slack = TIE * abs(line) if math.isfinite(line) else 0.0
    gone = size >= line - slack
    if int(gone.sum()) > budget:
        gone = size > line + slack
    return gone, float(size[gone].min()) if gone.any() else math.inf


def run_looks(
    statistics: NDArray[np.float64], times: Sequence[float], plan: LookPlan
) -> list[Look]:
    """Looks in a row, each with what was known then.

    Parameters
    ----------
    statistics : (L, B + 1). times : (L), rising.
    """
    looks: list[Look] = []
    for row, time in zip(statistics, times, strict=True):
        looks.append(take_look(row, time, plan, looks[-1] if looks else None))
    return looks


def repeated_interval(
    raw: NDArray[np.float64], shift: NDArray[np.float64], times: Sequence[float], plan: LookPlan
) -> tuple[float, float]:
    """The constant effects that no look so far has rejected: valid at every look at once.

    Effect kappa is rejected where the looks at ``raw - kappa shift`` remove the real assignment
    (Jennison and Turnbull 1989, JRSS B 51, here by re-assignment). Ends are found by bisection to
    a millionth of their distance from the estimate.

    Parameters
    ----------
    raw, shift : (L, B + 1) statistics of the data and of a unit effect, each as known at its look.

    Returns
    -------
    low, high : infinite where nothing can be rejected; NaN where every effect tried is rejected,
        which only strongly changing effects bring about.
    """

    def rejected(kappa: float) -> bool:
        return run_looks(raw - kappa * shift, times, plan)[-1].crossed

    estimates = raw[:, 0] / shift[:, 0]
    inside = [float(kappa) for kappa in estimates[::-1] if not rejected(float(kappa))]
    if not inside:
        return math.nan, math.nan
    unit = float(np.nanstd(raw[-1] / shift[-1, 0])) or 1.0
    low = -math.inf if plan.side == "less" else _end(rejected, inside[0], -unit)
    high = math.inf if plan.side == "greater" else _end(rejected, inside[0], unit)
    return low, high


def _end(rejected: Callable[[float], bool], inside: float, step: float) -> float:
    """Where rejection begins, from ``inside`` in the direction of ``step``."""
    reach = 1.0
    while not rejected(inside + reach * step):
        reach *= 2
        if reach > WIDEST:
            return math.copysign(math.inf, step)
    kept, out = (0.0 if reach == 1.0 else reach / 2), reach
    for _ in range(BISECTIONS):
        middle = (kept + out) / 2
        if rejected(inside + middle * step):
            out = middle
        else:
            kept = middle
        if out - kept <= 1e-6 * out:
            break
    return inside + out * step


def sequential_p(
    statistics: NDArray[np.float64], times: Sequence[float], plan: LookPlan, *, steps: int = 120
) -> float:
    """The smallest alpha, spent in the plan's shape, at which the looks so far would have crossed.

    Alpha is scanned down from one over ``steps`` values equally spaced in logarithm and the scan
    stops at the first that does not cross, so that the figure is never too small.
    """
    p = 1.0
    for alpha in np.geomspace(1.0, 1.0 / statistics.shape[1], steps):
        looks = run_looks(statistics, times, plan.scaled(float(alpha)))
        if not looks[-1].crossed:
            return p
        p = float(alpha)
    return p
