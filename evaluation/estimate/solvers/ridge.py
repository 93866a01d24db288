"""Simplex least squares with a ridge, and the least norm where many weights fit equally well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.solvers.simplex import SimplexFit

    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]


# Of the dual's gradient, on donors scaled to one: well above the rounding of doubles.
TOLERANCE = 1e-11
MAX_STEPS = 200
# Cells of a block of problems, about 5 MB, to bound memory.
BLOCK = 600_000
# The ridge of minimum-norm tie-breaking, relative to the donors' scale, walked down with warm
# starts: from a cold start Newton's method fails as the ridge goes to zero.
PATH = (1e-1, 1e-3, 1e-5, 1e-7, 1e-9)
# How near the path has to be met for the weights of least norm to be taken: the last ridge leaves a
# misfit of its own size, and worse means that the walk failed.
MET = 1e-7
HALVINGS = 40
# Armijo's rule: a step has to gain this share of what its slope promises.
SUFFICIENT = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class RidgeFit:
    """(B, N) weights, rows summing to one, and (B) whether each reached its optimum."""

    weights: Floats
    converged: NDArray[np.bool_]


def fit(
    donors: Floats, targets: Floats, excluded_donors: NDArray[np.int64], eta: Floats
) -> RidgeFit:
    """Fit every target with its own ridge.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0). excluded_donors : (B) the donor that a target may not use
        (itself), -1 for none.
    eta : (B) ridge, above 0.

    Raises
    ------
    ValueError : a figure is not finite, a ridge is not above 0, or a target has no donor left.
    """
    if not (np.isfinite(donors).all() and np.isfinite(targets).all()):
        raise ValueError("donors and targets must be finite.")
    if not (eta > 0).all():
        raise ValueError("the ridge must be above zero.")
    left = donors.shape[1] - (excluded_donors >= 0)
    if (left < 1).any():
        raise ValueError("a target has no donor left.")
    z, scale = _scaled(donors)
    d = np.hstack([targets / scale, np.ones((len(targets), 1))])
    blocks = np.array_split(np.arange(len(d)), max(1, -(-len(d) * z.shape[1] // BLOCK)))
    weights, settled = np.empty((len(d), z.shape[1])), np.empty(len(d), dtype=bool)
    for rows in blocks:
        open_to = np.ones((len(rows), z.shape[1]), dtype=bool)
        own = np.flatnonzero(excluded_donors[rows] >= 0)
        open_to[own, excluded_donors[rows[own]]] = False
        dual = _Dual.of(z, d[rows], open_to, eta[rows] / scale**2)
        theta = np.zeros_like(dual.d)
        theta[:, -1] = dual.eta / left[rows]
        theta, settled[rows] = _solve(dual, theta)
        weights[rows] = dual.weights(theta)
    return RidgeFit(weights=weights, converged=settled)


def least_norm(donors: Floats, paths: Floats, open_to: NDArray[np.bool_]) -> RidgeFit:
    """Of all weights on the donors open to it that meet a path, those of least sum of squares.

    Parameters
    ----------
    donors : (T0, N). paths : (B, T0) in the hull of the open donors. open_to : (B, N).

    Returns
    -------
    ``converged`` where the path is met to 1e-7 of the donors' scale.
    """
    z, scale = _scaled(donors)
    d = np.hstack([paths / scale, np.ones((len(paths), 1))])
    dual = _Dual.of(z, d, open_to, np.full(len(d), PATH[0]))
    theta = np.zeros_like(d)
    theta[:, -1] = PATH[0] / open_to.sum(axis=1)
    for step, ridge in enumerate(PATH):
        if step:
            # In the limit the multipliers are proportional to the ridge: a warm start.
            theta = theta * (ridge / PATH[step - 1])
        dual = replace(dual, eta=np.full(len(d), ridge))
        theta, _ = _solve(dual, theta)
    weights = dual.weights(theta)
    apart = np.abs(weights @ z[:-1].T - d[:, :-1]).max(axis=1)
    return RidgeFit(weights=weights, converged=apart <= MET)


def _scaled(donors: Floats) -> tuple[Floats, float]:
    scale = float(np.sqrt((donors**2).sum(axis=0).mean()) + 1e-300)
    return np.vstack([donors / scale, np.ones(donors.shape[1])]), scale


def _solve(dual: _Dual, theta: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    settled = np.zeros(len(theta), dtype=bool)
    for _ in range(MAX_STEPS):
        live = np.flatnonzero(~settled)
        gradient = dual.gradient(theta[live], live)
        settled[live] = np.abs(gradient).max(axis=1) <= TOLERANCE
        live, gradient = live[~settled[live]], gradient[~settled[live]]
        if len(live) == 0:
            break
        theta[live] = _step(dual, theta[live], gradient, live)
    return theta, settled


@dataclass(frozen=True, kw_only=True, eq=False)
class _Dual:
    """The dual problem of a batch; methods take the rows ``live`` of it.

    products : (N, (T0 + 1)(T0 + 2) / 2) the distinct products of Z's rows, one column each.
    """

    z: Floats
    d: Floats
    open_to: NDArray[np.bool_]
    eta: Floats
    products: Floats

    @classmethod
    def of(cls, z: Floats, d: Floats, open_to: NDArray[np.bool_], eta: Floats) -> _Dual:
        above, across = np.triu_indices(len(z))
        return cls(z=z, d=d, open_to=open_to, eta=eta, products=(z[above] * z[across]).T)

    def positive(self, theta: Floats, live: NDArray[np.int64]) -> Floats:
        found: Floats = np.maximum(theta @ self.z, 0.0) * self.open_to[live]
        return found

    def weights(self, theta: Floats) -> Floats:
        """(B, N) the primal weights, rows summing to one."""
        found = self.positive(theta, np.arange(len(theta))) / self.eta[:, None]
        out: Floats = found / found.sum(axis=1, keepdims=True)
        return out

    def value(self, theta: Floats, live: NDArray[np.int64]) -> Floats:
        fit = -0.5 * (theta[:, :-1] ** 2).sum(axis=1) + (theta * self.d[live]).sum(axis=1)
        out: Floats = fit - (self.positive(theta, live) ** 2).sum(axis=1) / (2 * self.eta[live])
        return out

    def gradient(self, theta: Floats, live: NDArray[np.int64]) -> Floats:
        own = np.hstack([theta[:, :-1], np.zeros((len(theta), 1))])
        return self.d[live] - own - self.positive(theta, live) @ self.z.T / self.eta[live, None]

    def curvature(self, theta: Floats, live: NDArray[np.int64]) -> Floats:
        """(b, T0 + 1, T0 + 1) minus the second derivatives."""
        size = len(self.z)
        active = (self.positive(theta, live) > 0).astype(float)
        above, across = np.triu_indices(size)
        part = np.empty((len(live), size, size))
        part[:, above, across] = active @ self.products / self.eta[live, None]
        part[:, across, above] = part[:, above, across]
        own = np.diag(np.append(np.ones(size - 1), 0.0))
        return part + own


def _step(dual: _Dual, theta: Floats, gradient: Floats, live: NDArray[np.int64]) -> Floats:
    """One Newton step, halved until the dual rises enough."""
    curve = dual.curvature(theta, live)
    damp = 1e-14 * np.trace(curve, axis1=1, axis2=2)
    curve = curve + damp[:, None, None] * np.eye(curve.shape[1])
    direction = np.linalg.solve(curve, gradient[..., None])[..., 0]
    slope, before = (direction * gradient).sum(axis=1), dual.value(theta, live)
    size = np.ones(len(theta))
    for _ in range(HALVINGS):
        after = dual.value(theta + size[:, None] * direction, live)
        short = after < before + SUFFICIENT * size * slope - 1e-14 * np.abs(before)
        if not short.any():
            break
        size = np.where(short, size / 2, size)
    return theta + size[:, None] * direction


# Gradients nearer than this, relative to the target's squares, count as equal: well above the
# solver's 1e-11 and well below any difference between donors that a figure would show.
TIED = 1e-9


def least_norm_weights(
    donors: Floats, targets: Floats, excluded_donors: Positions, fitted: SimplexFit
) -> Floats:
    """(B, N) weights that fit as well as ``fitted``, of least norm where several do.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0).
    excluded_donors : (B) or (B, K) the donors that a target may not use; -1: none.
    """
    weights, paths = fitted.weights, fitted.predict(donors.T)
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    for rows in np.array_split(np.arange(len(y)), max(1, -(-len(y) * x.shape[1] // BLOCK))):
        path = paths[rows] - centre.T
        open_to = _tied(x, y[rows], excluded_donors[rows], path, weights[rows])
        several = open_to.sum(axis=1) > (weights[rows] > 0).sum(axis=1)
        if several.any():
            part = rows[several]
            again = least_norm(x, path[several], open_to[several])
            weights[part[again.converged]] = again.weights[again.converged]
    return weights


def least_norm_fit(
    donors: Floats, targets: Floats, excluded_donors: Positions, fitted: SimplexFit
) -> SimplexFit:
    """The fits with their weights exchanged for those of least norm (see `least_norm_weights`).

    Parameters
    ----------
    excluded_donors : (B, K) donors that a target may not use; -1 for none.
    """
    weights = least_norm_weights(donors, targets, excluded_donors, fitted)
    size = max(int((weights > 0).sum(axis=1).max()), 1)
    columns = np.argsort(-weights, axis=1, kind="stable")[:, :size]
    values = np.take_along_axis(weights, columns, axis=1)
    return replace(fitted, columns=columns, values=values)


def _tied(
    x: Floats, y: Floats, excluded_donors: Positions, path: Floats, weights: Floats
) -> NDArray[np.bool_]:
    """(B, N) donors whose gradient is as low as that of the donors with weight."""
    gradient = (path - y) @ x
    level = (weights * gradient).sum(axis=1, keepdims=True)
    scale = np.maximum((y**2).sum(axis=1), (x**2).sum(axis=0).mean())[:, None]
    open_to: NDArray[np.bool_] = (gradient - level <= TIED * scale) | (weights > 0)
    for excluded in np.atleast_2d(excluded_donors.T):
        rows = np.flatnonzero(excluded >= 0)
        open_to[rows, excluded[rows]] = False
    return open_to
