"""Simplex least squares with a ridge, for many targets at once: the unit weights of SDID.

min 1/2 ||X w - y||^2 + eta/2 ||w||^2 over w >= 0, sum w = 1. The dual has one variable a period
and one for the sum: with Z = [X; 1'], d = (y, 1), s = theta'Z and p = max(s, 0), maximise
-1/2 ||theta_1..T0||^2 + theta'd - ||p||^2 / (2 eta); then w = p / eta. Solved by a semismooth
Newton method, the whole batch in lockstep; all its second derivatives are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOLERANCE = 1e-11
MAX_STEPS = 200
HALVINGS = 40
SUFFICIENT = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class RidgeFit:
    """(B, N) weights, rows summing to one, and (B) whether each reached its optimum."""

    weights: Floats
    converged: NDArray[np.bool_]


def fit(donors: Floats, targets: Floats, barred: NDArray[np.bool_], eta: Floats) -> RidgeFit:
    """Fit every target with its own ridge.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0). barred : (B, N) donors that a target may not use.
    eta : (B) ridge, above 0.

    Raises
    ------
    ValueError : a figure is not finite, a ridge is not above 0, or a target has no donor left.
    """
    if not (np.isfinite(donors).all() and np.isfinite(targets).all()):
        raise ValueError("donors and targets must be finite.")
    if not (eta > 0).all():
        raise ValueError("the ridge must be above zero.")
    if barred.all(axis=1).any():
        raise ValueError("a target has no donor left.")
    scale = np.sqrt((donors**2).sum(axis=0).mean()) + 1e-300
    z = np.vstack([donors / scale, np.ones(donors.shape[1])])
    d = np.hstack([targets / scale, np.ones((len(targets), 1))])
    dual = _Dual(z=z, d=d, allowed=~barred, eta=eta / scale**2)
    theta = np.zeros_like(d)
    theta[:, -1] = dual.eta / dual.allowed.sum(axis=1)
    settled = np.zeros(len(d), dtype=bool)
    for _ in range(MAX_STEPS):
        live = np.flatnonzero(~settled)
        gradient = dual.gradient(theta[live], live)
        settled[live] = np.abs(gradient).max(axis=1) <= TOLERANCE
        live, gradient = live[~settled[live]], gradient[~settled[live]]
        if len(live) == 0:
            break
        theta[live] = _step(dual, theta[live], gradient, live)
    weights = dual.positive(theta, np.arange(len(d))) / dual.eta[:, None]
    return RidgeFit(weights=weights / weights.sum(axis=1, keepdims=True), converged=settled)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Dual:
    """The dual problem of a batch; methods take the rows ``live`` of it."""

    z: Floats
    d: Floats
    allowed: NDArray[np.bool_]
    eta: Floats

    def positive(self, theta: Floats, live: NDArray[np.int64]) -> Floats:
        return np.maximum(theta @ self.z, 0.0) * self.allowed[live]

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
        products = (self.z[:, None, :] * self.z[None, :, :]).reshape(size * size, -1)
        active = (self.positive(theta, live) > 0).astype(float)
        part = (active @ products.T).reshape(-1, size, size) / self.eta[live, None, None]
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
