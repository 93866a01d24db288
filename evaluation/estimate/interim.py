"""Interim analyses: a test that may be asked again every quarter and keeps its error rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, assert_never

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate.inference import TIE, apply_map
from evaluation.estimate.samples import one_of
from evaluation.protocol import Score, Spending

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.inference import Draws


Side = Literal["two", "greater", "less"]
# A budget of 2.9999999999 assignments is three; also how far a time may seem to run backwards.
ROUNDING = 1e-9
# Sixty halvings reach the precision of a double from any bracket.
BISECTIONS = 60
# Standard deviations after which an end that is still not rejected is called infinite.
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
    EstimateError : alpha outside 0-1, a reserve that leaves nothing, no planned look, or a spending
        or side of another name.
    """

    alpha: float = 0.05
    spending: Spending = "obrien_fleming"
    horizon: int = 8
    reserve: float = 0.01
    side: Side = "two"

    def __post_init__(self) -> None:
        one_of("spending", self.spending, Spending)
        one_of("side", self.side, Side)
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
        elif self.spending == "obrien_fleming":
            normal = NormalDist()
            bound = normal.inv_cdf(1 - planned / 2)
            spent = 2 * normal.cdf(-bound / math.sqrt(within))
        else:
            assert_never(self.spending)
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


# Assignments an event time below which the covariance is too noisy to weigh by.
ENOUGH = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """The part of an estimate that a test needs: effects, and the same under every assignment.

    index, effects, draws : as in an estimate; ``draws.net`` is not made.
    """

    outcome: str
    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: Draws


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistic:
    """One number under every assignment, the real one first.

    raw : (B + 1) of the data as they are. shift : (B + 1) of a unit effect in the treated cells.
    net : (B + 1) after the estimated effect has been taken out, for everything after the test.
    """

    raw: NDArray[np.float64]
    shift: NDArray[np.float64]
    net: NDArray[np.float64]

    @property
    def effect(self) -> float:
        """The estimate: the real assignment's statistic for a unit of effect."""
        return float(self.raw[0] / self.shift[0])

    def less(self, effect: float) -> Statistic:
        """The statistic of the data without a constant effect; for margins."""
        return Statistic(raw=self.raw - effect * self.shift, shift=self.shift, net=self.net)


def statistic(
    estimate: Estimate | Tested, window: tuple[int, int], score: Score = "mean"
) -> Statistic:
    """The statistic of one look at one estimate.

    Parameters
    ----------
    window : first and last event time of the estimand.
    score : ``mean`` averages treated areas and periods alike, as ``overall`` does; ``gls`` weighs
        the event times by the inverse covariance of their placebo effects, which gives the most
        power against a constant effect; an interval that inverts the test keeps these weights,
        which saw the effect. With fewer than 20 assignments an event time, ``gls`` is
        ``mean``.

    Raises
    ------
    EstimateError : the estimate has no draws, nothing inside the window has started, or a score of
        another name.
    """
    one_of("score", score, Score)
    if estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: looks need the effects under re-assignment.",
            mend="estimate with inference='placebo'",
        )
    maps = _event_maps(estimate, window)
    gls = score == "gls" and len(estimate.draws.raw) >= ENOUGH * len(maps)
    if not gls:
        maps = maps.sum(axis=0, keepdims=True)
    normalised = maps / maps.sum(axis=1, keepdims=True)
    is_identity = np.stack(
        [estimate.draws.is_identity[:, row > 0].all(axis=1) for row in maps], axis=1
    )
    raw, shift, net = (
        apply_map(part, normalised)
        for part in (estimate.draws.raw, estimate.draws.shift, estimate.draws.net)
    )
    raw, shift = np.where(is_identity, raw[0], raw), np.where(is_identity, shift[0], shift)
    if not gls:
        return Statistic(raw=raw[:, 0], shift=shift[:, 0], net=net[:, 0])
    weights, held = gls_weights(raw, shift[0]), np.isfinite(raw)
    # An assignment that lacks an event time rests on those it has: a unit effect is still one.
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(held, weights, 0.0) / (held @ (weights * shift[0]))[:, None]
    raw, shift, net = ((np.nan_to_num(part) * each).sum(axis=1) for part in (raw, shift, net))
    return Statistic(raw=raw, shift=shift, net=net)


def gls_weights(raw: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L) weights ``Sigma^-1 m``, scaled so that a unit effect gives one.

    Parameters
    ----------
    raw : (B + 1, L) statistics; their covariance treats every assignment alike.
    signal : (L) what a unit effect gives in each, m.
    """
    held = raw[np.isfinite(raw).all(axis=1)]
    covariance = np.atleast_2d(np.cov(held, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    # Event times that move as one would get weights of opposite sign without bound.
    values = np.maximum(values, values.max() * 1e-8)
    weights = vectors @ ((vectors.T @ signal) / values)
    out: NDArray[np.float64] = weights / (weights @ signal)
    return out


def _event_maps(estimate: Estimate | Tested, window: tuple[int, int]) -> NDArray[np.float64]:
    """(L, K) weights of the entries in each event time of the window."""
    event = estimate.index["event_time"].to_numpy()
    inside = (event >= max(window[0], 0)) & (event <= window[1]) & np.isfinite(estimate.effects)
    if not inside.any():
        raise EstimateError(f"{estimate.outcome}: no treated period falls inside the window.")
    weight = np.where(inside, estimate.index["weight"].to_numpy(dtype=float), 0.0)
    return np.stack([weight * (event == time) for time in np.unique(event[inside])])
