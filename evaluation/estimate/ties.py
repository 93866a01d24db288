"""One answer where many weights fit equally well: those of least norm.

With more donors than periods many areas are met exactly by many different weights, and a donor that
is a copy of another can give up its weight to it. Which of those a solver returns depends on where
it started. Here the fit is kept and, among all weights that give it, those of least sum of squares
are taken: a small ridge, walked down until what it costs in fit is nothing. They spread over alike
donors evenly, and do not depend on the order of areas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.estimate import ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.simplex import SimplexFit

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

TIED = 1e-9
BLOCK = 600_000


def least_norm(donors: Floats, targets: Floats, barred: Places, fitted: SimplexFit) -> Floats:
    """(B, N) weights that fit as well as ``fitted``, of least norm where several do.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0). barred : (B) the donor that a target may not use; -1: none.
    """
    weights, paths = fitted.weights, fitted.predict(donors.T)
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    for rows in np.array_split(np.arange(len(y)), max(1, -(-len(y) * x.shape[1] // BLOCK))):
        path = paths[rows] - centre.T
        open_to = _tied(x, y[rows], barred[rows], path, weights[rows])
        several = open_to.sum(axis=1) > (weights[rows] > 0).sum(axis=1)
        if several.any():
            part = rows[several]
            again = ridge.least_norm(x, path[several], open_to[several])
            weights[part[again.converged]] = again.weights[again.converged]
    return weights


def _tied(x: Floats, y: Floats, barred: Places, path: Floats, weights: Floats) -> NDArray[np.bool_]:
    """(B, N) donors whose gradient is as low as that of the donors with weight."""
    gradient = (path - y) @ x
    level = (weights * gradient).sum(axis=1, keepdims=True)
    scale = np.maximum((y**2).sum(axis=1), (x**2).sum(axis=0).mean())[:, None]
    open_to: NDArray[np.bool_] = (gradient - level <= TIED * scale) | (weights > 0)
    rows = np.flatnonzero(barred >= 0)
    open_to[rows, barred[rows]] = False
    return open_to
