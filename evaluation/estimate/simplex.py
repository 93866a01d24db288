"""Exact simplex least squares for many targets at once: min ||X w - y||^2, w >= 0, sum w = 1.

A primal active-set method in Wolfe's nearest-point form (Wolfe 1976, Math. Programming 11), run in
lockstep over a batch of targets that share their donors; each target bars some donors (itself).
Problems that have converged leave the batch; every fit carries a status and its KKT gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

TOLERANCE = 1e-10
MAX_ROUNDS = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class SimplexFit:
    """Weights of a batch of B targets over N donors.

    weights : (B, N), rows sum to one. objective : (B) ||X w - y||^2.
    gap : (B) largest gain that any donor still offers, relative to the target's own scale.
    converged : (B) whether the gap is below the tolerance.
    """

    weights: Floats
    objective: Floats
    gap: Floats
    converged: Flags


def fit(donors: Floats, targets: Floats, barred: Flags) -> SimplexFit:
    """Fit every target as a convex combination of the donors it may use.

    Parameters
    ----------
    donors : (T0, N) figures of the donors before the start.
    targets : (B, T0) figures of the targets.
    barred : (B, N) donors that a target may not use (itself).

    Raises
    ------
    ValueError : a target has no donor left, or a figure is not finite.
    """
    if not (np.isfinite(donors).all() and np.isfinite(targets).all()):
        raise ValueError("donors and targets must be finite.")
    if barred.all(axis=1).any():
        raise ValueError("a target has no donor left.")
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    scale = np.maximum((y**2).sum(axis=1), (x**2).sum(axis=0).mean()) + 1e-300
    weights = _nearest_vertex(x, y, barred)
    gap = np.full(len(y), np.inf)
    live = np.arange(len(y))
    for _ in range(MAX_ROUNDS):
        w = weights[live]
        predicted = w @ x.T
        gradient = np.where(barred[live], np.inf, (predicted - y[live]) @ x)
        value = np.einsum("bn,bn->b", w, np.where(w > 0, gradient, 0.0))
        enters = gradient.argmin(axis=1)
        gap[live] = (value - gradient[np.arange(len(live)), enters]) / scale[live]
        going = gap[live] > TOLERANCE
        live, enters = live[going], enters[going]
        if len(live) == 0:
            break
        stalled = weights[live, enters] > 0
        live, enters = live[~stalled], enters[~stalled]
        if len(live) == 0:
            break
        weights[live] = _corral(x, y[live], weights[live], enters)
    objective = ((weights @ x.T - y) ** 2).sum(axis=1)
    return SimplexFit(
        weights=weights, objective=objective, gap=np.maximum(gap, 0.0), converged=gap <= TOLERANCE
    )


def _nearest_vertex(x: Floats, y: Floats, barred: Flags) -> Floats:
    distance = (x**2).sum(axis=0)[None, :] - 2 * y @ x
    first = np.where(barred, np.inf, distance).argmin(axis=1)
    weights = np.zeros((len(y), x.shape[1]))
    weights[np.arange(len(y)), first] = 1.0
    return weights


def _corral(x: Floats, y: Floats, weights: Floats, enters: NDArray[np.int64]) -> Floats:
    """Let one donor a problem enter, then move to the best point, dropping donors."""
    support = weights > 0
    support[np.arange(len(y)), enters] = True
    w = weights.copy()
    pending = np.arange(len(y))
    while len(pending):
        columns, held = _padded(support[pending])
        target = _affine_minimum(x, y[pending], columns, held)
        now = np.take_along_axis(w[pending], columns, axis=1) * held
        falling = held & (target <= 1e-14)
        done = ~np.asarray(falling.any(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(falling, now / (now - target), np.inf)
        step = np.where(done, 1.0, np.minimum(ratio.min(axis=1), 1.0))
        moved = now + step[:, None] * (target - now)
        drop = falling & (ratio <= step[:, None] * (1 + 1e-12)) & ~done[:, None]
        moved = np.where(held & ~drop, np.maximum(moved, 0.0), 0.0)
        moved /= moved.sum(axis=1, keepdims=True)
        for row, b in enumerate(pending):
            w[b] = 0.0
            w[b, columns[row, held[row]]] = moved[row, held[row]]
            support[b, columns[row, drop[row]]] = False
        pending = pending[~done]
    return w


def _padded(support: Flags) -> tuple[NDArray[np.int64], Flags]:
    """Columns of each support, padded to the largest one, and which of them are real."""
    size = int(support.sum(axis=1).max())
    columns = np.argsort(~support, axis=1, kind="stable")[:, :size]
    return columns, np.take_along_axis(support, columns, axis=1)


def _affine_minimum(x: Floats, y: Floats, columns: NDArray[np.int64], held: Flags) -> Floats:
    """Best weights summing to one on each support: M u = 1, z = u / sum u, M of shifted columns."""
    shifted = (x.T[columns] - y[:, None, :]) * held[:, :, None]
    gram = shifted @ shifted.transpose(0, 2, 1)
    size = columns.shape[1]
    trace = np.trace(gram, axis1=1, axis2=2) / held.sum(axis=1) + 1e-300
    eye = np.eye(size)
    gram += eye * np.where(held, 1e-13 * trace[:, None], trace[:, None])[:, :, None]
    solved = np.linalg.solve(gram, held.astype(float)[:, :, None])[:, :, 0] * held
    out: Floats = solved / solved.sum(axis=1, keepdims=True)
    return out
