"""Frank-Wolfe steps as the published code of SDID takes them, for comparison with the optimum.

Arkhangelsky et al.'s R package (``synthdid``) minimises by Frank-Wolfe with exact line search and
stops once a step gains less than a share of the noise, after at most 10,000 steps; weights found in
a first hundred steps are made sparse and serve as the start. Its printed figures are those of
stopped steps, not of the optimum: -15.604 for Proposition 99 where the optimum is -15.6054, and
-19.6 for synthetic control where it is -19.5136. Nothing here is meant for use beyond such a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FIRST_STEPS, MOST_STEPS = 100, 10_000
LEAST_DECREASE = 1e-5
KEPT_SHARE = 4


def fit(a: Floats, b: Floats, open_to: Flags, zeta: Floats, noise: Floats) -> Floats:
    """Weights of a batch: min zeta^2 ||w||^2 + ||A w - b||^2 / rows on the simplex, stopped early.

    Parameters
    ----------
    a : (B, R, N). b : (B, R). open_to : (B, N) weights that may differ from nought.
    zeta : (B) the penalty. noise : (B) noise level; a step must gain (1e-5 noise)^2.

    Returns
    -------
    (B, N) weights, rows summing to one.
    """
    start = open_to / open_to.sum(axis=1, keepdims=True)
    first = _walk(a, b, start, (open_to, zeta, noise), FIRST_STEPS)
    sparse = np.where(first <= first.max(axis=1, keepdims=True) / KEPT_SHARE, 0.0, first)
    sparse = sparse / sparse.sum(axis=1, keepdims=True)
    return _walk(a, b, sparse, (open_to, zeta, noise), MOST_STEPS)


def _walk(
    a: Floats, b: Floats, start: Floats, problem: tuple[Flags, Floats, Floats], most: int
) -> Floats:
    open_to, zeta, noise = problem
    weights, live = start.copy(), np.arange(len(b))
    value = np.full(len(b), np.inf)
    for step in range(most):
        moved = _step(a[live], b[live], weights[live], open_to[live], a.shape[1] * zeta[live] ** 2)
        weights[live] = moved
        error = (a[live] @ moved[:, :, None])[:, :, 0] - b[live]
        now = zeta[live] ** 2 * (moved**2).sum(axis=1) + (error**2).sum(axis=1) / a.shape[1]
        going = value[live] - now > (LEAST_DECREASE * noise[live]) ** 2
        value[live] = now
        if step > 0:
            live = live[going]
        if len(live) == 0:
            break
    return weights


def _step(a: Floats, b: Floats, weights: Floats, open_to: Flags, eta: Floats) -> Floats:
    fitted = (a @ weights[:, :, None])[:, :, 0]
    gradient = ((fitted - b)[:, None, :] @ a)[:, 0] + eta[:, None] * weights
    best = np.where(open_to, gradient, np.inf).argmin(axis=1)
    rows = np.arange(len(b))
    toward = -weights
    toward[rows, best] += 1.0
    moves = ((a[rows, :, best] - fitted) ** 2).sum(axis=1) + eta * (toward**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nan_to_num(-(gradient * toward).sum(axis=1) / moves)
    out: Floats = weights + np.clip(size, 0.0, 1.0)[:, None] * toward
    return out
