"""Small quadratic problems on the simplex, a batch at once: min 1/2 l'G l - c'l, l >= 0, sum l = 1.

SDID's time weights are such problems, one for each area that is left out of its own donors: their
matrices come from sums over all donors less one term, so that no pass over the donors is repeated.
The same primal active set as in `simplex`, on matrices that differ from problem to problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

TOLERANCE = 1e-12
MAX_ROUNDS = 1_000
PATIENCE = 4
NOTHING = 1e-14
DAMPING = 1e-14


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticFit:
    """(B, T) weights, rows summing to one, and (B) whether each reached its optimum.

    gap : (B) bound on how far the objective lies above its least value, relative to the mean
    diagonal of G.
    """

    weights: Floats
    gap: Floats
    converged: Flags


def fit(g: Floats, c: Floats) -> QuadraticFit:
    """Minimise every problem of the batch.

    Parameters
    ----------
    g : (B, T, T) positive semidefinite. c : (B, T).

    Raises
    ------
    ValueError : a figure is not finite.
    """
    if not (np.isfinite(g).all() and np.isfinite(c).all()):
        raise ValueError("the problems must be finite.")
    scale = np.trace(g, axis1=1, axis2=2) / g.shape[1] + 1e-300
    g, c = g / scale[:, None, None], c / scale[:, None]
    count, size = c.shape
    weights = np.zeros((count, size))
    diagonal = np.diagonal(g, axis1=1, axis2=2)
    weights[np.arange(count), (diagonal / 2 - c).argmin(axis=1)] = 1.0
    gap, waited = np.full(count, np.inf), np.zeros(count, dtype=np.int64)
    live = np.arange(count)
    for _ in range(MAX_ROUNDS):
        slope = (g[live] @ weights[live][:, :, None])[:, :, 0] - c[live]
        enters = slope.argmin(axis=1)
        steepest = slope[np.arange(len(live)), enters]
        left = (weights[live] * slope).sum(axis=1) - steepest
        waited[live] = np.where(left < gap[live], 0, waited[live] + 1)
        gap[live] = np.minimum(gap[live], left)
        going = (left > TOLERANCE) & (waited[live] <= PATIENCE)
        live, enters, slope = live[going], enters[going], slope[going]
        if len(live) == 0:
            break
        weights[live] = _step(g[live], c[live], weights[live], enters)
    gap = np.maximum(gap, 0.0)
    return QuadraticFit(weights=weights, gap=gap, converged=gap <= 100 * TOLERANCE)


def _step(g: Floats, c: Floats, weights: Floats, enters: NDArray[np.int64]) -> Floats:
    """Let one variable a problem enter, then move to the best point, dropping variables."""
    held = weights > 0
    held[np.arange(len(g)), enters] = True
    w, pending = weights.copy(), np.arange(len(g))
    while len(pending):
        columns, real = _padded(held[pending])
        now = np.take_along_axis(w[pending], columns, axis=1) * real
        slope = (g[pending] @ w[pending][:, :, None])[:, :, 0] - c[pending]
        move = _to_minimum(g[pending], np.take_along_axis(slope, columns, axis=1), columns, real)
        falling = real & (now + move <= NOTHING)
        stuck = falling.any(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            reach = np.where(falling, now / -move, np.inf)
        step = np.minimum(np.where(stuck, reach.min(axis=1), 1.0), 1.0)
        moved = np.maximum(now + step[:, None] * move, 0.0)
        drop = falling & (reach <= step[:, None] * (1 + 1e-12))
        moved[drop | ~real] = 0.0
        moved /= moved.sum(axis=1, keepdims=True)
        place, slot = np.nonzero(real)
        w[pending[place], columns[place, slot]] = moved[place, slot]
        place, slot = np.nonzero(drop)
        held[pending[place], columns[place, slot]] = False
        pending = pending[stuck]
    return w


def _padded(held: Flags) -> tuple[NDArray[np.int64], Flags]:
    """Columns of each support, padded to the largest one, and which of them are real."""
    size = int(held.sum(axis=1).max())
    columns = np.argsort(~held, axis=1, kind="stable")[:, :size]
    return columns, np.take_along_axis(held, columns, axis=1)


def _to_minimum(g: Floats, slope: Floats, columns: NDArray[np.int64], real: Flags) -> Floats:
    """The move, summing to nothing, to the least value on each problem's support."""
    rows = np.arange(len(g))[:, None, None]
    part = g[rows, columns[:, :, None], columns[:, None, :]]
    # A constant in every cell changes nothing for moves that sum to nothing, and keeps the
    # equations solvable where G is singular.
    part = (part + 1.0) * (real[:, :, None] & real[:, None, :])
    slots = np.arange(columns.shape[1])
    part[:, slots, slots] += np.where(real, DAMPING, 1.0)
    ones = real.astype(float)
    # A shift by the mean slope keeps the right-hand side small; the sum to nothing undoes it.
    mean = (slope * ones).sum(axis=1, keepdims=True) / ones.sum(axis=1, keepdims=True)
    both = np.linalg.solve(part, np.stack([-(slope - mean) * ones, ones], axis=2))
    share = both[:, :, 0].sum(axis=1) / both[:, :, 1].sum(axis=1)
    move: Floats = both[:, :, 0] - share[:, None] * both[:, :, 1]
    return move
