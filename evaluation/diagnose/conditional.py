"""Tests of moment inequalities with nuisance parameters, for bounds on broken trends.

Andrews, Roth and Pakes (2023, Review of Economic Studies 90), as Rambachan and Roth (2023, Review
of Economic Studies 90, section 3) use them: under the true effects tau the departure from parallel
trends delta = beta - tau satisfies ``|D delta| <= M w' delta + d`` row by row. With the target
theta = l' tau and the other effects as nuisance, theta is rejected where no nuisance value makes
all the inequalities hold closely enough:

    eta = min over nuisance of the largest standardised violation        (their eq. 15)

By duality eta is the largest of gamma' Y over the vertices gamma of {gamma >= 0, gamma' X = 0,
gamma' sd = 1}. D has as many rows as there are effects after the start, so that the polytope has
T + 2 vertices only, known in closed form (see `_vertices`); the linear programme is then an exact
maximum over them (a test holds it against HiGHS), and all thetas of a grid are tested at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIMULATED = 100_000
HYBRID_SHARE = 0.1
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

        The first stage of the hybrid test (their section 4.4; kappa = alpha / 10 as in the R
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
        """Whether the hybrid test accepts each theta (their section 4.4: C-LF)."""
        statistics = self.level - theta[:, None] * self.slope
        best = statistics.argmax(axis=1)
        eta = statistics[np.arange(len(theta)), best]
        variance = np.diag(self.covariance)[best]
        error = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
        share = self.covariance[best] / np.where(variance > 0, variance, np.inf)[:, None]
        rest = statistics - share * eta[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = rest / (1 - share)
        low = np.where(share < 1 - 1e-10, limit, -np.inf).max(axis=1) / error
        high = np.where(share > 1 + 1e-10, limit, np.inf).min(axis=1)
        high = np.minimum(high, self.least_favourable) / error
        z = eta / error
        with np.errstate(invalid="ignore"):  # beyond the first stage's critical value: both -inf
            tail = _log_between(z, high) - _log_between(low, high)
        conditional = (z > 0) & (low <= z) & (z <= high) & (tail < np.log(self.size))
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
    with np.errstate(divide="ignore", invalid="ignore"):
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

    reach = 20 * spread
    for _ in range(10):
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
    for _ in range(40):
        middle = (outside + inside) / 2
        if accepted(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return inside
