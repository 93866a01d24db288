"""How far trends may break before an effect is in doubt (Rambachan and Roth 2023, REStud 90)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq, lsq_linear, minimize_scalar
from scipy.special import log_ndtr, ndtr

from evaluation.diagnose.event_study import EventStudy
from evaluation.errors import EstimateError
from evaluation.estimate import arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.drawing.canvas import Axes
    from evaluation.estimate.estimate import Estimate

    Floats = NDArray[np.float64]


SIMULATED = 100_000
"""Draws of the first stage: a quantile at 0.995 is known to about 0.0002 of probability."""
HYBRID_SHARE = 0.1
"""kappa / alpha, the share of alpha that the first stage may use, as in the R package."""
SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Restriction:
    """``|D delta| <= scale * (w' delta) + slack``: what departures from parallel trends may do.

    differences : D, (T, P + T), of full rank in its last T columns. largest : w, (P + T), zero in
    its last T columns. scale, slack : numbers.
    """

    differences: Floats
    largest: Floats
    scale: float
    slack: float

    def rows(self) -> tuple[Floats, Floats]:
        """A (2T, P + T) and d (2T) of A delta <= d."""
        bound = self.scale * self.largest
        return (
            np.concatenate([self.differences - bound, -self.differences - bound]),
            np.full(2 * len(self.differences), self.slack),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """One restriction, set against an event study, as statistics linear in the target.

    level, slope : (V) the statistic of each vertex at theta is ``level - theta * slope``.
    covariance : (V, V) of those statistics. least_favourable : critical value of the first stage.
    size : of the second stage.
    """

    level: Floats
    slope: Floats
    covariance: Floats
    least_favourable: float
    size: float

    @classmethod
    def of(
        cls, restriction: Restriction, study: tuple[Floats, Floats], target: Floats, alpha: float
    ) -> Moments:
        """The moments of (effects, covariance) for the target l' tau.

        The first stage of the hybrid test (their section 3; kappa = alpha / 10 as in the R
        package) is of least-favourable critical value, simulated with a fixed seed.
        """
        rows, slack = restriction.rows()
        effects, covariance = study
        errors = rows @ covariance @ rows.T
        after = restriction.differences[:, -len(target) :]
        vertices = _vertices(after, target, np.sqrt(np.diag(errors)))
        spread = vertices @ errors @ vertices.T
        kappa = HYBRID_SHARE * alpha
        largest = (_root(spread) @ _normal(len(vertices))).max(axis=0)
        unit = np.concatenate([after, -after]) @ (target / (target @ target))
        return cls(
            level=vertices @ (rows @ effects - slack),
            slope=vertices @ unit,
            covariance=spread,
            least_favourable=float(np.quantile(largest, 1 - kappa)),
            size=(alpha - kappa) / (1 - kappa),
        )

    def accepts(self, theta: Floats) -> NDArray[np.bool_]:
        """Whether the hybrid test accepts each theta (their section 3: C-LF)."""
        # The largest studentised moment, eta, is the value of a linear programme with fixed dual
        # vertices. Given the vertex that attains it, eta is a normal cut to [low, high]: there
        # another vertex would take over as eta moves along their covariance (Lee et al. 2016,
        # Annals of Statistics 44, lemma 5.1).
        statistics = self.level - theta[:, None] * self.slope
        best = statistics.argmax(axis=1)
        eta = statistics[np.arange(len(theta)), best]
        variance = np.diag(self.covariance)[best]
        error = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
        share = self.covariance[best] / np.where(variance > 0, variance, np.inf)[:, None]
        rest = statistics - share * eta[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = rest / (1 - share)
        # A vertex that moves one for one with the maximiser (itself, above all) never takes over:
        # its share is 1 but for rounding, and its limit would be a division by zero.
        low = np.where(share < 1 - 1e-10, limit, -np.inf).max(axis=1) / error
        high = np.where(share > 1 + 1e-10, limit, np.inf).min(axis=1)
        high = np.minimum(high, self.least_favourable) / error
        z = eta / error
        with np.errstate(invalid="ignore"):  # beyond the first stage's critical value: both -inf
            tail = _log_between(z, high) - _log_between(low, high)
        conditional = (z > 0) & (low <= z) & (z <= high) & (tail < np.log(self.size))
        # Without variance there is nothing to test: the moment holds or it does not.
        fixed = variance < np.finfo(float).eps
        rejects = np.where(fixed, eta > 0, (eta > self.least_favourable) | conditional)
        accepted: NDArray[np.bool_] = ~rejects
        return accepted


def _vertices(after: Floats, target: Floats, sd: Floats) -> Floats:
    """(T + 2, 2T) vertices of {gamma >= 0, gamma' X = 0, gamma' sd = 1}.

    X is (after, -after) times a basis of the nuisance space {tau : l' tau = 0}. The difference of
    gamma's two halves has to be a multiple of u = after'^-1 l. So a vertex is a pair (row t and its
    opposite), or the positive part of u above and the negative part below, or the reverse.
    """
    n = len(after)
    direction = np.linalg.solve(after.T, target)
    # Both halves have to hold exact zeros: what solving leaves of one would open a false vertex.
    direction[np.abs(direction) < 1e-12 * np.abs(direction).max()] = 0.0
    up, down = np.maximum(direction, 0), np.maximum(-direction, 0)
    pairs = np.concatenate([np.eye(n), np.eye(n)], axis=1)
    every = np.concatenate([[np.append(up, down)], [np.append(down, up)], pairs])
    vertices: Floats = every / (every @ sd)[:, None]
    return vertices


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0))
    return root


@lru_cache(maxsize=2)
def _normal(n: int) -> Floats:
    """(n, draws) standard normal numbers, the same on every call."""
    return np.random.default_rng(SEED).standard_normal((n, SIMULATED))


def _log_between(low: Floats, high: Floats) -> Floats:
    """log(Phi(high) - Phi(low)), exact in both tails; -inf where low >= high."""
    flip = low > 0
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    top, bottom = log_ndtr(b), log_ndtr(a)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out: Floats = np.where(a < b, top + np.log1p(-np.exp(bottom - top)), -np.inf)
    return out


def confidence_set(
    accepts: list[Moments], centre: float, spread: float, points: int = 1_000
) -> tuple[float, float]:
    """The smallest interval that holds every theta which one of the moments accepts.

    A grid of ``points`` over ``centre`` +- 20 ``spread``, widened while its ends are accepted; each
    end is then bisected between its two grid points. Empty: (nan, nan). Unbounded: infinite.
    """

    def accepted(theta: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.any([one.accepts(theta) for one in accepts], axis=0)
        return found

    # Wide first: a set cut off by its grid would look tighter than it is.
    reach = 20 * spread
    for _ in range(10):  # 4 ** 10 times as wide: what is still accepted there has no end
        grid = centre + np.linspace(-reach, reach, points)
        inside = accepted(grid)
        if not (inside[0] or inside[-1]):
            break
        reach *= 4
    if not inside.any():
        return np.nan, np.nan
    first, last = np.flatnonzero(inside)[[0, -1]]
    low = -np.inf if first == 0 else _bisected(accepted, grid[first - 1], grid[first])
    high = np.inf if last == points - 1 else _bisected(accepted, grid[last + 1], grid[last])
    return low, high


def _bisected(
    accepted: Callable[[Floats], NDArray[np.bool_]], outside: float, inside: float
) -> float:
    for _ in range(40):  # 2 ** -40 of a grid step, below the rounding of an estimate
        middle = (outside + inside) / 2
        if accepted(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return inside


@dataclass(frozen=True, kw_only=True)
class FixedLength:
    """A fixed-length interval: its centre, half its length, its worst bias and standard error."""

    centre: float
    half: float
    bias: float
    error: float


def shortest(study: EventStudy, bend: float, target: Floats, alpha: float) -> FixedLength:
    """The shortest fixed-length interval of ``target' tau``: no second difference passes bend."""
    n, m = study.n_before, study.n_after
    base, moving = _weights(n, target)
    root = np.linalg.cholesky(study.covariance)
    design, aim = root.T @ moving, -(root.T @ base)
    after = np.arange(1, m + 1)
    ahead = np.maximum(after[None, :] - np.arange(m)[:, None], 0) @ target
    fixed = bend * np.abs(ahead).sum()

    def at(weights: Floats) -> FixedLength:
        every = base + moving @ weights
        error = float(np.sqrt(every @ study.covariance @ every))
        # The worst of all trends bends by its most at every period, each time in the direction of
        # that period's weight, so that the absolute weights add up.
        bias = float(fixed + bend * np.abs(weights).sum())
        return FixedLength(
            centre=float(every @ study.effects),
            half=error * critical(bias / error, alpha),
            bias=bias,
            error=error,
        )

    if n == 1:
        return at(np.empty(0))
    path = _lasso(design, aim)
    # Bias is linear and variance quadratic in the weights, so that for each bias the least variance
    # is a point of the lasso path; the interval is shortest at one of them. At this penalty every
    # weight is zero.
    top = float(np.abs(design.T @ aim).max())
    # Bias grows with |c| and noise falls: the best compromise lies on the lasso path between the
    # weights of least variance and those of least bias, which are tried themselves too.
    free, none = at(path(0.0)), at(np.zeros(n - 1))
    if bend == 0 or top == 0:
        return free
    found = minimize_scalar(
        lambda share: at(path(share * top)).half,
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return min(free, none, at(path(float(found.x) * top)), key=lambda one: one.half)


def _weights(n: int, target: Floats) -> tuple[Floats, Floats]:
    """Weights of an estimator that no slope moves: (P + T) base + (P + T, P - 1) moving @ c.

    c_j is the weight of the second difference at j periods before the reference. The weight of the
    period k before it, v_k, follows from c by c_j = sum_{k > j} v_k (k - j), and v_1 from the
    condition that the slope cancels, sum_k k v_k = sum_t t l_t.
    """
    m = len(target)
    second = np.maximum(np.arange(2, n + 1)[None, :] - np.arange(1, n)[:, None], 0)
    of_c = np.linalg.inv(second.astype(float)) if n > 1 else np.empty((0, 0))
    slope = float(np.arange(1, m + 1) @ target)
    moving = np.zeros((n + m, n - 1))
    moving[n - 2 :: -1][: n - 1] = of_c
    moving[n - 1] = -np.arange(2, n + 1) @ of_c
    base = np.append(np.zeros(n), target)
    base[n - 1] = slope
    return base, moving


def _lasso(design: Floats, aim: Floats) -> Callable[[float], Floats]:
    """The lasso path: penalty -> minimiser of |design c - aim|^2 / 2 + penalty |c|_1.

    By its dual: c = G^-1 (g - u), with u the bounded least-squares solution of
    |R^-T (g - u)|, |u| <= penalty (G = design' design = R' R, g = design' aim).
    """
    gram, toward = design.T @ design, design.T @ aim
    inverse: Floats = np.linalg.inv(np.linalg.cholesky(gram))

    def at(penalty: float) -> Floats:
        if penalty <= 0:
            return np.asarray(np.linalg.solve(gram, toward), dtype=np.float64)
        dual = lsq_linear(
            inverse, inverse @ toward, bounds=(-penalty, penalty), method="bvls", tol=1e-14
        ).x
        weights: Floats = inverse.T @ (inverse @ (toward - dual))
        return weights

    return at


def critical(bias: float, alpha: float) -> float:
    """The 1 - alpha quantile of |N(bias, 1)|."""
    return float(
        brentq(lambda x: ndtr(x - bias) - ndtr(-x - bias) - (1 - alpha), 0, bias + 10, xtol=1e-12)
    )


Kind = Literal["relative_magnitudes", "smoothness", "smoothness_conditional"]
Window = tuple[int, int]
KINDS: dict[str, Kind] = {"relative": "relative_magnitudes", "smoothness": "smoothness"}


def honest_interval(
    study: EventStudy,
    kind: Kind,
    bound: float,
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """The interval for the mean effect over a window when trends may break by ``bound``.

    Parameters
    ----------
    kind : ``relative_magnitudes``: Delta^RM of section 2.4.1, the set of the hybrid test with
        least-favourable first stage (section 3; C-LF in the R package, its default), using the
        inequalities on periods after the start; ``smoothness``: Delta^SD of section 2.4.2, the
        fixed-length interval (section 4; FLCI, the R package's default);
        ``smoothness_conditional``: the same restriction by the hybrid test.
    bound : M: a multiple of the largest break before the start, or a change of slope a period in
        the estimate's own unit.
    window : first and last event time of the target; by default every event time from 0 on.

    Returns
    -------
    low, high : in the estimate's unit; infinite on a side without a bound.

    Raises
    ------
    EstimateError : a negative bound, an unknown kind, a level outside 0.5-1.
    """
    if not (arguments.is_number(level) and 0 <= bound < np.inf and 0.5 < level < 1):
        raise EstimateError(
            f"a bound of {bound} at level {level} has no meaning.",
            expected="a bound of 0 or more, a level such as 0.95",
        )
    target = study.target(window)
    if kind == "smoothness":
        found = shortest(study, bound, target, 1 - level)
        return found.centre - found.half, found.centre + found.half
    held = _moments(study, kind, bound, target, 1 - level)
    after = study.effects[study.n_before :]
    errors = study.covariance[study.n_before :, study.n_before :]
    spread = float(np.sqrt(target @ errors @ target))
    return confidence_set(held, float(target @ after), spread)


def breakdown(
    study: EventStudy,
    kind: Kind,
    *,
    window: Window | None = None,
    level: float = 0.95,
    largest: float = 10.0,
) -> float:
    """The largest bound whose interval still leaves zero out; 0 if none does.

    ``largest`` : where the search ends (for smoothness, in standard errors of the target); beyond
    it the breakdown is infinite.
    """
    target = study.target(window)

    def leaves_out(bound: float) -> bool:
        if kind == "smoothness":
            low, high = honest_interval(study, kind, bound, window=window, level=level)
            return low > 0 or high < 0
        held = _moments(study, kind, bound, target, 1 - level)
        return not any(one.accepts(np.zeros(1))[0] for one in held)

    errors = study.covariance[study.n_before :, study.n_before :]
    top = largest
    if kind != "relative_magnitudes":
        top *= float(np.sqrt(target @ errors @ target))
    if not leaves_out(0.0):
        return 0.0
    if leaves_out(top):
        return np.inf
    low, high = 0.0, top
    while high - low > 1e-4 * top:
        middle = (low + high) / 2
        low, high = (middle, high) if leaves_out(middle) else (low, middle)
    return low


def sensitivity(
    study: EventStudy,
    kind: Kind,
    bounds: Sequence[float],
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """One row a bound: ``low, high``; in ``attrs`` the breakdown value and the covariance used."""
    rows = [honest_interval(study, kind, m, window=window, level=level) for m in bounds]
    table = pd.DataFrame(rows, columns=["low", "high"], index=pd.Index(bounds, name="bound"))
    table.attrs = {
        "kind": kind,
        "breakdown": breakdown(study, kind, window=window, level=level),
        "covariance": study.covariance_from,
    }
    return table


def honest_bounds(
    estimate: Estimate,
    kind: Literal["relative", "smoothness"] = "relative",
    m: float | Sequence[float] = (0.5, 1.0),
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """What an estimate's mean effect could be if trends may break by each ``m``.

    `sensitivity` for an estimate: one row an ``m``, columns ``m, low, high``, in ``attrs`` the
    breakdown value and the covariance used.

    Parameters
    ----------
    kind : ``relative``: m times the largest break before the start; ``smoothness``: a change of
        slope of m a period, in the estimate's unit.
    m : one bound or several.

    Raises
    ------
    EstimateError : the estimate is no event study (see `EventStudy.of`), or a bound has no meaning.
    """
    if kind not in KINDS:
        raise EstimateError(f"no bounds of kind {kind!r}.", expected=" or ".join(KINDS))
    bounds = list(m) if isinstance(m, Iterable) else [m]
    if not bounds or not all(isinstance(one, (int, float, np.number)) for one in bounds):
        raise EstimateError(
            f"m={m!r} is no bound.", expected="a number of 0 or more, or several: (0.5, 1.0)"
        )
    arguments.an_estimate(estimate)
    study = EventStudy.of(estimate)
    table = sensitivity(study, KINDS[kind], bounds, window=window, level=level)
    shown = table.rename_axis("m").reset_index()
    shown.attrs = {**table.attrs, "kind": kind}
    return shown


def plot_bounds(
    table: pd.DataFrame, estimate: Estimate | None = None, *, axes: Axes | None = None
) -> Axes:
    """The ranges of `honest_bounds` as trends may break by more, with the breakdown value.

    Parameters
    ----------
    table : as `honest_bounds` gives it.
    estimate : its estimate, whose plain range is then drawn beside them.
    axes : matplotlib's axes to draw on; by default a figure of its own.

    Raises
    ------
    EstimateError : a table that is not of `honest_bounds`.
    """
    from evaluation.drawing.canvas import NOTEBOOK
    from evaluation.drawing.notebook import Bounds, bounds

    if not {"m", "low", "high"} <= set(getattr(table, "columns", ())):
        raise EstimateError(
            "these are no bounds.", mend="plot_bounds(honest_bounds(estimate, m=(0.5, 1.0)))"
        )
    if estimate is not None:
        arguments.an_estimate(estimate)
    across = "m: breaks of trend, in units of the largest one before the start"
    if table.attrs.get("kind") == "smoothness":
        across = "m: how far the slope of the trend may change a period"
    overall = None if estimate is None else estimate.overall().iloc[0]
    own = (
        {}
        if overall is None
        else {
            "effect": float(overall["effect"]),
            "own_low": float(overall["low"]),
            "own_high": float(overall["high"]),
        }
    )
    found = table.attrs.get("breakdown")
    series = Bounds(
        m=tuple(map(float, table["m"])),
        low=tuple(map(float, table["low"])),
        high=tuple(map(float, table["high"])),
        unit="mean effect" if estimate is None else f"mean effect on {estimate.outcome}",
        across=across,
        breakdown=float("nan") if found is None else float(found),
        **own,
    )
    draw = bounds(series, NOTEBOOK.on(axes))
    draw.title("What is left of the effect if trends break")
    drawn: Axes = draw.axes
    return drawn


def _moments(
    study: EventStudy, kind: Kind, bound: float, target: Floats, alpha: float
) -> list[Moments]:
    given = (study.effects, study.covariance)
    if kind == "smoothness_conditional":
        restrictions = [_smooth(study, bound)]
    elif kind == "relative_magnitudes":
        restrictions = _relative(study, bound)
    else:
        raise EstimateError(
            f"no bound of kind {kind!r}.",
            expected="relative_magnitudes, smoothness or smoothness_conditional",
        )
    return [Moments.of(one, given, target, alpha) for one in restrictions]


def _first_differences(study: EventStudy) -> Floats:
    """(P + T, P + T) each period less the one before it, the reference being zero."""
    size = study.n_before + study.n_after
    steps = np.eye(size + 1)[1:] - np.eye(size + 1)[:-1]
    return np.delete(steps, study.n_before, axis=1)


def _relative(study: EventStudy, bound: float) -> list[Restriction]:
    """Delta^RM: a union over which break before the start is the largest, and its sign."""
    steps = _first_differences(study)
    return [
        Restriction(
            differences=steps[study.n_before :], largest=sign * steps[s], scale=bound, slack=0.0
        )
        for s in range(study.n_before)
        for sign in (1.0, -1.0)
    ]


def _smooth(study: EventStudy, bound: float) -> Restriction:
    """Delta^SD: second differences from the reference on."""
    steps = _first_differences(study)
    bends = steps[1:] - steps[:-1]
    after = bends[study.n_before - 1 :]
    return Restriction(differences=after, largest=np.zeros(steps.shape[1]), scale=0.0, slack=bound)
