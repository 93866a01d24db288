"""The shortest fixed-length interval when trends may bend by no more than M (Rambachan and Roth).

Section 4.1 of Rambachan and Roth (2023), after Armstrong and Kolesar (2018, Econometrica 86): of
all estimators linear in the effects, the one whose interval, with room for its own worst bias, is
shortest. Writing a departure as a slope and second differences, the worst bias of an estimator is

    M * (fixed part from the start on  +  sum of |c_j| over the second differences before it)

once its weights before the start cancel the slope; so that, for each admitted bias, the estimator
is a lasso, solved exactly as a bounded least squares of its dual, and its length is then minimised
over the penalty (the length is convex along that path).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq, lsq_linear, minimize_scalar
from scipy.special import ndtr

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.diagnose.event_study import EventStudy

    Floats = NDArray[np.float64]


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
    top = float(np.abs(design.T @ aim).max())
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
