"""Exact simplex least squares for many targets at once: min ||X w - y||^2, w >= 0, sum w = 1.

A primal active-set method in Wolfe's nearest-point form (Wolfe 1976, Math. Programming 11), run in
lockstep over a batch of targets that share their donors. Every round lets one donor a problem
enter and moves to the best point of its donors, dropping those that fall to nothing. Problems that
have converged leave the batch; every fit carries a status and its optimality gap. Weights are kept
as the few donors that have one, so that memory grows with the targets, not with their square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.estimate.corral import Corral

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

TOLERANCE = 1e-11
PROMISED = 1e-10
PERFECT = 1e-24
ROUNDED_GAP = 1e-14
LEAST_GAIN = 1e-15
MAX_ROUNDS = 2_000
PATIENCE = 8
BLOCK = 600_000
OPTIMAL, ROUNDED, STOPPED = 0, 1, 2


@dataclass(frozen=True, kw_only=True, eq=False)
class SimplexFit:
    """Weights of a batch of B targets over N donors.

    columns, values : (B, S) the donors with weight, and their weights; padded with weight 0.
    objective : (B) ||X w - y||^2 (with the linear term, where there is one).
    gap : (B) bound on how far the objective lies above its least value, relative to the objective.
    status : (B) ``OPTIMAL``: the gap is at most 1e-10; ``ROUNDED``: the target is met so closely
        that the gap is above that share of next to nothing, but within the rounding of the figures
        themselves (1e-14 of their sum of squares); ``STOPPED``: neither.
    """

    columns: Places
    values: Floats
    n_donors: int
    objective: Floats
    gap: Floats
    status: NDArray[np.int8]

    @property
    def weights(self) -> Floats:
        """(B, N) weights, rows summing to one."""
        out = np.zeros((len(self.values), self.n_donors))
        rows, slots = np.nonzero(self.values)
        out[rows, self.columns[rows, slots]] = self.values[rows, slots]
        return out

    @property
    def converged(self) -> NDArray[np.bool_]:
        """(B) whether the fit is optimal, at least to rounding."""
        return np.not_equal(self.status, STOPPED)

    def predict(self, figures: Floats) -> Floats:
        """(B, T) weighted mean of the donors' figures, (N, T), for every target."""
        out = np.empty((len(self.values), figures.shape[1]))
        size = max(1, BLOCK // (self.values.shape[1] * figures.shape[1]))
        for first in range(0, len(out), size):
            part = slice(first, first + size)
            out[part] = (self.values[part, None, :] @ figures[self.columns[part]])[:, 0]
        return out

    def rows(self, which: Places) -> SimplexFit:
        """The fits of some targets."""
        return SimplexFit(
            columns=self.columns[which],
            values=self.values[which],
            n_donors=self.n_donors,
            objective=self.objective[which],
            gap=self.gap[which],
            status=self.status[which],
        )

    def replaced(self, which: Places, by: SimplexFit) -> SimplexFit:
        """The same fits with some of them exchanged."""
        order = np.arange(len(self.values))
        order[which] = len(self.values) + np.arange(len(which))
        return _joined([self, by], self.n_donors).rows(order)


@dataclass(frozen=True, kw_only=True, eq=False)
class Variation:
    """What sets problems of a batch apart beyond their targets.

    held_out : (B) position of the period that a problem leaves out of its fit, -1 for none.
    penalty : (B) lambda of Abadie and L'Hour's (2021, JASA 116, equation 6) linear term
        lambda sum_j w_j ||x_j - y||^2.
    start : fits of the same B targets to start from, instead of the nearest donor.
    """

    held_out: Places | None = None
    penalty: Floats | None = None
    start: SimplexFit | None = None

    def rows(self, which: Places) -> Variation:
        """The same for some of the problems."""
        return Variation(
            held_out=None if self.held_out is None else self.held_out[which],
            penalty=None if self.penalty is None else self.penalty[which],
            start=None if self.start is None else self.start.rows(which),
        )


def fit(
    donors: Floats, targets: Floats, barred: Places, variation: Variation | None = None
) -> SimplexFit:
    """Fit every target as a convex combination of the donors it may use.

    Parameters
    ----------
    donors : (T0, N) figures of the donors before the start.
    targets : (B, T0) figures of the targets.
    barred : (B, K) positions of the donors that a target may not use (itself); -1 for none.

    Raises
    ------
    ValueError : a target has no donor left, or a figure is not finite.
    """
    if not (np.isfinite(donors).all() and np.isfinite(targets).all()):
        raise ValueError("donors and targets must be finite.")
    n, own = donors.shape[1], np.sort(barred, axis=1)
    distinct = (own >= 0) & np.diff(own, axis=1, prepend=-1).astype(bool)
    if n == 0 or (distinct.sum(axis=1) >= n).any():
        raise ValueError("a target has no donor left.")
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    variation = variation or Variation()
    parts = []
    for rows in np.array_split(np.arange(len(y)), max(1, -(-len(y) * (n + 16 * len(x)) // BLOCK))):
        parts.append(_fit_block(x, y[rows], barred[rows], variation.rows(rows)))
    return _joined(parts, n)


def _joined(parts: list[SimplexFit], n: int) -> SimplexFit:
    size = max(part.columns.shape[1] for part in parts)

    def room(part: SimplexFit) -> tuple[tuple[int, int], tuple[int, int]]:
        return (0, 0), (0, size - part.columns.shape[1])

    return SimplexFit(
        columns=np.concatenate([np.pad(part.columns, room(part)) for part in parts]),
        values=np.concatenate([np.pad(part.values, room(part)) for part in parts]),
        n_donors=n,
        objective=np.concatenate([part.objective for part in parts]),
        gap=np.concatenate([part.gap for part in parts]),
        status=np.concatenate([part.status for part in parts]),
    )


def _fit_block(x: Floats, y: Floats, barred: Places, variation: Variation) -> SimplexFit:
    problem = _Problem.of(x, y, barred, variation)
    batch = Corral.start(x.T, y, problem.first(variation.start), variation.held_out)
    done: list[tuple[Places, Corral, Floats, Floats]] = []
    live = np.arange(len(y))
    best, waited = np.full(len(y), np.inf), np.zeros(len(y), dtype=np.int64)
    if variation.start is not None:
        batch.descend(np.arange(len(y)), problem.linear_at(batch, live))
    for _ in range(MAX_ROUNDS):
        objective, gap, enters = problem.price(batch, live, waited)
        small = PERFECT * problem.scale[live]
        improved = objective < best * (1 - LEAST_GAIN)
        best, waited = np.minimum(best, objective), np.where(improved, 0, waited + 1)
        leave = (gap <= TOLERANCE * objective) | (objective <= small) | (waited > PATIENCE)
        if leave.any():
            done.append((live[leave], batch.rows(leave), objective[leave], gap[leave]))
            stay = ~leave
            live, batch, enters = live[stay], batch.rows(stay), enters[stay]
            best, waited = best[stay], waited[stay]
        if len(live) == 0:
            break
        fresh = ~batch.holds(enters)
        batch.enter(np.flatnonzero(fresh), enters[fresh])
        batch.descend(np.arange(len(live)), problem.linear_at(batch, live))
    else:
        objective, gap, _ = problem.price(batch, live, waited)
        done.append((live, batch, objective, gap))
    return _finished(done, problem, x.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """What stays fixed while a block is solved: donors, targets, bars, the linear term."""

    x: Floats
    y: Floats
    barred: Places
    linear: Floats | None
    nearest: Places | None
    scale: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats, barred: Places, variation: Variation) -> _Problem:
        """Squared distances serve the first donor and the linear term."""
        scale = np.maximum((y**2).sum(axis=1), (x**2).sum(axis=0).mean()) + 1e-300
        linear, nearest = None, None
        if variation.start is None or variation.penalty is not None:
            distance = (x**2).sum(axis=0)[None, :] - 2 * (y @ x) + (y**2).sum(axis=1)[:, None]
            if variation.held_out is not None:
                rows = np.flatnonzero(variation.held_out >= 0)
                out = variation.held_out[rows]
                distance[rows] -= (x[out] - y[rows, out][:, None]) ** 2
            if variation.penalty is not None:
                linear = variation.penalty[:, None] / 2 * distance
            _bar(distance, barred)
            nearest = distance.argmin(axis=1)
        return cls(x=x, y=y, barred=barred, linear=linear, nearest=nearest, scale=scale)

    def first(self, start: SimplexFit | None) -> tuple[Places, Floats]:
        """Where to begin: at another fit's weights, or at the nearest donor."""
        if start is not None:
            return start.columns, start.values
        assert self.nearest is not None  # it is found whenever there is no other start
        return self.nearest[:, None], np.ones((len(self.y), 1))

    def linear_at(self, batch: Corral, live: Places) -> Floats | None:
        """(b, S) the linear term's half gradient at the donors held."""
        if self.linear is None:
            return None
        return np.take_along_axis(self.linear[live], batch.columns, axis=1)

    def price(self, batch: Corral, live: Places, waited: Places) -> tuple[Floats, Floats, Places]:
        """Objective, optimality gap and the donor that should enter, of every live problem.

        The steepest donor enters; a problem that has stopped improving takes the first one that
        improves at all (Bland's rule), so that it cannot go round in circles.
        """
        residual = batch.residual()
        gradient = residual @ self.x
        objective = (residual**2).sum(axis=1)
        linear = self.linear_at(batch, live)
        if self.linear is not None:
            gradient += self.linear[live]
        held = np.take_along_axis(gradient, batch.columns, axis=1)
        level = (batch.weights * held).sum(axis=1)
        if linear is not None:
            objective += 2 * (batch.weights * linear).sum(axis=1)
        _bar(gradient, self.barred[live])
        enters = gradient.argmin(axis=1)
        gap = 2 * (level - gradient[np.arange(len(live)), enters])
        for row in np.flatnonzero(waited > PATIENCE // 2):
            better = np.flatnonzero(gradient[row] < level[row] - TOLERANCE * objective[row] / 2)
            enters[row] = better[0] if len(better) else enters[row]
        return objective, gap, enters


def _bar(matrix: Floats, barred: Places) -> None:
    """Make sure that no barred donor looks best."""
    for k in range(barred.shape[1]):
        rows = np.flatnonzero(barred[:, k] >= 0)
        matrix[rows, barred[rows, k]] = np.inf


def _finished(
    done: list[tuple[Places, Corral, Floats, Floats]], problem: _Problem, n: int
) -> SimplexFit:
    count, size = len(problem.y), max(batch.columns.shape[1] for _, batch, _, _ in done)
    columns, values = np.zeros((count, size), dtype=np.int64), np.zeros((count, size))
    objective, gap = np.empty(count), np.empty(count)
    for rows, batch, reached, left in done:
        held = batch.columns.shape[1]
        columns[rows, :held], values[rows, :held] = batch.columns, batch.weights
        objective[rows], gap[rows] = reached, left
    gap = np.maximum(gap, 0.0)
    relative = gap / np.maximum(objective, 1e-300)
    rounded = gap <= ROUNDED_GAP * problem.scale
    rounded |= objective <= 100 * PERFECT * problem.scale
    status = np.where(relative <= PROMISED, OPTIMAL, np.where(rounded, ROUNDED, STOPPED))
    return SimplexFit(
        columns=columns,
        values=values,
        n_donors=n,
        objective=objective,
        gap=relative,
        status=status.astype(np.int8),
    )
