"""Exact least squares on the simplex, a batch at once: min ||X w - y||^2, w >= 0, sum w = 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.progress import watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]


# Weights are shares of one, so a hundred times the rounding of a double is no weight at all.
NOTHING = 1e-14
# Added to the diagonal so that copies of a donor can be solved for; it slows a step and moves no
# optimum, since steps are corrections.
DAMPING = 1e-14


@dataclass(kw_only=True, eq=False)
class ActiveSet:
    """The active sets of b problems, each of at most S donors; changed in place as they are solved.

    donors : (N, T0) centred figures, shared. targets : (b, T0). kept : (b, T0) 1 for the periods of
    the fit, or None for all. columns, weights : (b, S). held : (b, S) which columns are in use.
    shifted : (b, S, T0) donor less target. gram : (b, S, S) its products; 1 on the diagonal of
    columns that are not in use.
    """

    donors: Floats
    targets: Floats
    kept: Floats | None
    columns: Positions
    weights: Floats
    held: Flags
    shifted: Floats
    gram: Floats

    @classmethod
    def start(
        cls,
        donors: Floats,
        targets: Floats,
        columns: Positions,
        weights: Floats,
        held_out: Positions | None,
    ) -> ActiveSet:
        """Active sets of given weights, each without the period that it holds out (-1: none)."""
        kept = None
        if held_out is not None:
            kept = np.ones_like(targets)
            rows = np.flatnonzero(held_out >= 0)
            kept[rows, held_out[rows]] = 0.0
        held = weights > 0
        shifted = (donors[columns] - targets[:, None, :]) * held[:, :, None]
        if kept is not None:
            shifted *= kept[:, None, :]
        gram = shifted @ shifted.transpose(0, 2, 1)
        columns_held = np.arange(columns.shape[1])
        gram[:, columns_held, columns_held] += ~held
        return cls(
            donors=donors,
            targets=targets,
            kept=kept,
            columns=columns.copy(),
            weights=weights.copy(),
            held=held,
            shifted=shifted,
            gram=gram,
        )

    def rows(self, which: Flags) -> ActiveSet:
        """The active sets of some problems, without the columns that none of them uses."""
        columns_held = np.flatnonzero(self.held[which].any(axis=0))
        return ActiveSet(
            donors=self.donors,
            targets=self.targets[which],
            kept=None if self.kept is None else self.kept[which],
            columns=self.columns[which][:, columns_held],
            weights=self.weights[which][:, columns_held],
            held=self.held[which][:, columns_held],
            shifted=self.shifted[which][:, columns_held],
            gram=self.gram[which][:, columns_held][:, :, columns_held],
        )

    def residual(self) -> Floats:
        """(b, T0) fitted less target, 0 in a period left out."""
        out: Floats = (self.weights[:, None, :] @ self.shifted)[:, 0]
        return out

    def holds(self, donors: Positions) -> Flags:
        """(b) whether each problem holds this donor already."""
        found: Flags = ((self.columns == donors[:, None]) & self.held).any(axis=1)
        return found

    def enter(self, rows: Positions, donors: Positions) -> None:
        """Let one donor enter each of some problems, with no weight yet."""
        if len(rows) == 0:
            return
        if self.held[rows].all(axis=1).any():
            self._widen()
        column = self.held[rows].argmin(axis=1)
        figures = self.donors[donors] - self.targets[rows]
        if self.kept is not None:
            figures *= self.kept[rows]
        self.columns[rows, column], self.held[rows, column] = donors, True
        self.shifted[rows, column] = figures
        products = (self.shifted[rows] @ figures[:, :, None])[:, :, 0]
        self.gram[rows, column] = products
        self.gram[rows, :, column] = products

    def _widen(self) -> None:
        count, size, periods = self.shifted.shape
        more = max(2, size // 3)
        self.columns = np.pad(self.columns, ((0, 0), (0, more)))
        self.weights = np.pad(self.weights, ((0, 0), (0, more)))
        self.held = np.pad(self.held, ((0, 0), (0, more)))
        self.shifted = np.concatenate([self.shifted, np.zeros((count, more, periods))], axis=1)
        wider = np.zeros((count, size + more, size + more))
        wider[:, :size, :size] = self.gram
        new = np.arange(size, size + more)
        wider[:, new, new] = 1.0
        self.gram = wider

    def descend(self, pending: Positions, linear: Floats | None) -> None:
        """Move to the best point of the donors held, dropping donors that fall to nothing."""
        while len(pending):
            now, held = self.weights[pending], self.held[pending]
            shifted = self.shifted[pending]
            residual = now[:, None, :] @ shifted
            slope = (shifted @ residual.transpose(0, 2, 1))[:, :, 0]
            if linear is not None:
                slope = slope + linear[pending] * held
            # To the least value on the donors held, or as far as the first weight falls to zero;
            # that donor leaves and the rest is solved again (Wolfe's minor cycle). A donor that has
            # next to none and gets none leaves at once.
            move = _to_affine_minimum(self.gram[pending], slope, held)
            falling = held & (now + move <= NOTHING)
            stuck = falling.any(axis=1)
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                reach = np.where(falling, np.where(move < 0, now / -move, 0.0), np.inf)
            step = np.minimum(np.where(stuck, reach.min(axis=1), 1.0), 1.0)
            moved = np.maximum(now + step[:, None] * move, 0.0)
            drop = falling & (reach <= step[:, None] * (1 + 1e-12))
            moved[drop | ~held] = 0.0
            self.weights[pending] = moved / moved.sum(axis=1, keepdims=True)
            pending = pending[stuck]
            self._drop(pending, drop[stuck])

    def _drop(self, rows: Positions, drop: Flags) -> None:
        places, columns_held = np.nonzero(drop)
        rows = rows[places]
        self.held[rows, columns_held] = False
        self.shifted[rows, columns_held] = 0.0
        self.gram[rows, columns_held] = 0.0
        self.gram[rows, :, columns_held] = 0.0
        self.gram[rows, columns_held, columns_held] = 1.0


def _to_affine_minimum(gram: Floats, slope: Floats, held: Flags) -> Floats:
    """The move, summing to nothing, to the least value on each problem's donors.

    Written as a correction from where the problem stands, so that the damping that keeps the
    equations solvable slows the last step and never moves the optimum.
    """
    columns_held = np.arange(gram.shape[1])
    diagonal = gram[:, columns_held, columns_held]
    mean = (diagonal * held).sum(axis=1) / held.sum(axis=1)
    # Donors that all meet the target give no scale, and any will do; below, squares underflow.
    mean = np.where(mean > 1e-200, mean, 1.0)
    gram[:, columns_held, columns_held] = np.where(
        held, diagonal + DAMPING * mean[:, None], mean[:, None]
    )
    # A constant in every cell changes nothing for moves that sum to nothing, and keeps the
    # equations solvable where the target lies in the donors' hull: their products are singular.
    gram += mean[:, None, None] * (held[:, :, None] & held[:, None, :])
    both = np.linalg.solve(gram, np.stack([-slope * held, held.astype(float)], axis=2))
    along, level = both[:, :, 0], both[:, :, 1]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = along.sum(axis=1) / level.sum(axis=1)
    move: Floats = along - np.nan_to_num(share)[:, None] * level
    return move


# Rounds stop at a tenth of the promised gap, so that rounding in the last round cannot break it.
TOLERANCE = 1e-11
PROMISED = 1e-10
# Of the target's sum of squares, hence a misfit of 1e-12 of its figures: a gap relative to an
# objective that small would be noise over noise.
PERFECT = 1e-24
ROUNDED_GAP = 1e-14
# A round that gains less than rounding counts as none. After half of PATIENCE such rounds Bland's
# rule breaks a possible cycle; after all of them the problem leaves, with its gap on record.
LEAST_GAIN = 1e-15
PATIENCE = 8
MAX_ROUNDS = 2_000
# Cells of a block of problems, about 5 MB, to bound memory.
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

    columns: Positions
    values: Floats
    n_donors: int
    objective: Floats
    gap: Floats
    status: NDArray[np.int8]

    @property
    def weights(self) -> Floats:
        """(B, N) weights, rows summing to one."""
        out = np.zeros((len(self.values), self.n_donors))
        rows, columns_held = np.nonzero(self.values)
        out[rows, self.columns[rows, columns_held]] = self.values[rows, columns_held]
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

    def rows(self, which: Positions) -> SimplexFit:
        """The fits of some targets."""
        return SimplexFit(
            columns=self.columns[which],
            values=self.values[which],
            n_donors=self.n_donors,
            objective=self.objective[which],
            gap=self.gap[which],
            status=self.status[which],
        )

    def replaced(self, which: Positions, by: SimplexFit) -> SimplexFit:
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
    rounding : of the figures, where a level was taken out of them: a misfit no larger is none.
    """

    held_out: Positions | None = None
    penalty: Floats | None = None
    start: SimplexFit | None = None
    rounding: float = 0.0

    def rows(self, which: Positions) -> Variation:
        """The same for some of the problems."""
        return Variation(
            held_out=None if self.held_out is None else self.held_out[which],
            penalty=None if self.penalty is None else self.penalty[which],
            start=None if self.start is None else self.start.rows(which),
            rounding=self.rounding,
        )


def fit(
    donors: Floats, targets: Floats, excluded_donors: Positions, variation: Variation | None = None
) -> SimplexFit:
    """Fit every target as a convex combination of the donors it may use.

    Parameters
    ----------
    donors : (T0, N) figures of the donors before the start.
    targets : (B, T0) figures of the targets.
    excluded_donors : (B, K) positions of the donors that a target may not use (itself); -1 for
        none.

    Raises
    ------
    ValueError : a target has no donor left, or a figure is not finite.
    """
    if not (np.isfinite(donors).all() and np.isfinite(targets).all()):
        raise ValueError("donors and targets must be finite.")
    n, own = donors.shape[1], np.sort(excluded_donors, axis=1)
    distinct = (own >= 0) & np.diff(own, axis=1, prepend=-1).astype(bool)
    if n == 0 or (distinct.sum(axis=1) >= n).any():
        raise ValueError("a target has no donor left.")
    # Weights sum to one, so moving donors and target together changes no weight; around the mean
    # the products are better conditioned.
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    variation = variation or Variation()
    # Doubles hold a figure to half of this.
    rounding = float(
        np.finfo(float).eps * max(np.abs(part).max(initial=0.0) for part in (donors, targets))
    )
    variation = replace(variation, rounding=max(rounding, variation.rounding))
    parts = []
    blocks = np.array_split(np.arange(len(y)), max(1, -(-len(y) * (n + 16 * len(x)) // BLOCK)))
    for rows in watched("synthetic controls, blocks of areas", blocks):
        parts.append(_fit_block(x, y[rows], excluded_donors[rows], variation.rows(rows)))
    return _joined(parts, n)


def _joined(parts: list[SimplexFit], n: int) -> SimplexFit:
    count, size = sum(len(part.values) for part in parts), max(p.values.shape[1] for p in parts)
    columns, values, first = np.zeros((count, size), dtype=np.int64), np.zeros((count, size)), 0
    for part in parts:
        last, held = first + len(part.values), part.values.shape[1]
        columns[first:last, :held], values[first:last, :held] = part.columns, part.values
        first = last
    return SimplexFit(
        columns=columns,
        values=values,
        n_donors=n,
        objective=np.concatenate([part.objective for part in parts]),
        gap=np.concatenate([part.gap for part in parts]),
        status=np.concatenate([part.status for part in parts]),
    )


def _fit_block(
    x: Floats, y: Floats, excluded_donors: Positions, variation: Variation
) -> SimplexFit:
    problem = _Problem.of(x, y, excluded_donors, variation)
    batch = ActiveSet.start(x.T, y, *problem.first(variation.start), variation.held_out)
    done: list[_Done] = []
    live = np.arange(len(y))
    best, waited = np.full(len(y), np.inf), np.zeros(len(y), dtype=np.int64)
    if variation.start is not None:
        batch.descend(np.arange(len(y)), problem.linear_at(batch, live))
    for _ in range(MAX_ROUNDS):
        objective, gap, enters = problem.price(batch, live, waited)
        small = problem.perfect[live]
        improved = objective < best * (1 - LEAST_GAIN)
        best, waited = np.minimum(best, objective), np.where(improved, 0, waited + 1)
        leave = (gap <= TOLERANCE * objective) | (objective <= small) | (waited > PATIENCE)
        if leave.any():
            done.append(
                _Done(
                    rows=live[leave],
                    batch=batch.rows(leave),
                    objective=objective[leave],
                    gap=gap[leave],
                )
            )
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
        done.append(_Done(rows=live, batch=batch, objective=objective, gap=gap))
    return _finished(done, problem, x.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """What stays fixed while a block is solved: donors, targets, bars, the linear term."""

    x: Floats
    y: Floats
    excluded_donors: Positions
    linear: Floats | None
    nearest: Positions | None
    scale: Floats
    rounding: float

    @property
    def perfect(self) -> Floats:
        """(B) sums of squared misfits that are none: of the figures' scale, or their rounding."""
        out: Floats = np.maximum(PERFECT * self.scale, len(self.x) * self.rounding**2)
        return out

    @classmethod
    def of(cls, x: Floats, y: Floats, excluded_donors: Positions, variation: Variation) -> _Problem:
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
            _bar(distance, excluded_donors)
            nearest = distance.argmin(axis=1)
        return cls(
            x=x,
            y=y,
            excluded_donors=excluded_donors,
            linear=linear,
            nearest=nearest,
            scale=scale,
            rounding=variation.rounding,
        )

    def first(self, start: SimplexFit | None) -> tuple[Positions, Floats]:
        """Where to begin: at another fit's weights, or at the nearest donor."""
        if start is not None:
            return start.columns, start.values
        assert self.nearest is not None  # it is found whenever there is no other start
        return self.nearest[:, None], np.ones((len(self.y), 1))

    def linear_at(self, batch: ActiveSet, live: Positions) -> Floats | None:
        """(b, S) the linear term's half gradient at the donors held."""
        if self.linear is None:
            return None
        return np.take_along_axis(self.linear[live], batch.columns, axis=1)

    def price(
        self, batch: ActiveSet, live: Positions, waited: Positions
    ) -> tuple[Floats, Floats, Positions]:
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
        _bar(gradient, self.excluded_donors[live])
        enters = gradient.argmin(axis=1)
        # The Frank-Wolfe (duality) gap: no weights on the simplex lie further below than this.
        gap = 2 * (level - gradient[np.arange(len(live)), enters])
        for row in np.flatnonzero(waited > PATIENCE // 2):
            better = np.flatnonzero(gradient[row] < level[row] - TOLERANCE * objective[row] / 2)
            enters[row] = better[0] if len(better) else enters[row]
        return objective, gap, enters


def _bar(matrix: Floats, excluded_donors: Positions) -> None:
    """Make sure that no excluded donor looks best."""
    rows, place = np.nonzero(excluded_donors >= 0)
    matrix[rows, excluded_donors[rows, place]] = np.inf


@dataclass(frozen=True, kw_only=True, eq=False)
class _Done:
    """Problems of a block that were solved in the same round: which, and with what."""

    rows: Positions
    batch: ActiveSet
    objective: Floats
    gap: Floats


def _finished(done: list[_Done], problem: _Problem, n: int) -> SimplexFit:
    count, size = len(problem.y), max(part.batch.columns.shape[1] for part in done)
    columns, values = np.zeros((count, size), dtype=np.int64), np.zeros((count, size))
    objective, gap = np.empty(count), np.empty(count)
    for part in done:
        rows, held = part.rows, part.batch.columns.shape[1]
        columns[rows, :held], values[rows, :held] = part.batch.columns, part.batch.weights
        objective[rows], gap[rows] = part.objective, part.gap
    gap = np.maximum(gap, 0.0)
    relative = gap / np.maximum(objective, 1e-300)
    rounded = gap <= ROUNDED_GAP * problem.scale
    rounded |= objective <= 100 * problem.perfect
    status = np.where(relative <= PROMISED, OPTIMAL, np.where(rounded, ROUNDED, STOPPED))
    return SimplexFit(
        columns=columns,
        values=values,
        n_donors=n,
        objective=objective,
        gap=relative,
        status=status.astype(np.int8),
    )


# Relative to the mean diagonal of G, to which every problem is scaled.
QUADRATIC_TOLERANCE = 1e-12
QUADRATIC_MAX_ROUNDS = 1_000
QUADRATIC_PATIENCE = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticFit:
    """(B, T) weights, rows summing to one, and (B) whether each reached its optimum.

    gap : (B) bound on how far the objective lies above its least value, relative to the mean
    diagonal of G.
    """

    weights: Floats
    gap: Floats
    converged: Flags


def least_quadratic(g: Floats, c: Floats) -> QuadraticFit:
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
    for _ in range(QUADRATIC_MAX_ROUNDS):
        slope = (g[live] @ weights[live][:, :, None])[:, :, 0] - c[live]
        enters = slope.argmin(axis=1)
        steepest = slope[np.arange(len(live)), enters]
        left = (weights[live] * slope).sum(axis=1) - steepest
        waited[live] = np.where(left < gap[live], 0, waited[live] + 1)
        gap[live] = np.minimum(gap[live], left)
        going = (left > QUADRATIC_TOLERANCE) & (waited[live] <= QUADRATIC_PATIENCE)
        live, enters, slope = live[going], enters[going], slope[going]
        if len(live) == 0:
            break
        weights[live] = _step(g[live], c[live], weights[live], enters)
    gap = np.maximum(gap, 0.0)
    return QuadraticFit(weights=weights, gap=gap, converged=gap <= 100 * QUADRATIC_TOLERANCE)


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
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            reach = np.where(falling, np.where(move < 0, now / -move, 0.0), np.inf)
        step = np.minimum(np.where(stuck, reach.min(axis=1), 1.0), 1.0)
        moved = np.maximum(now + step[:, None] * move, 0.0)
        drop = falling & (reach <= step[:, None] * (1 + 1e-12))
        moved[drop | ~real] = 0.0
        moved /= moved.sum(axis=1, keepdims=True)
        place, column = np.nonzero(real)
        w[pending[place], columns[place, column]] = moved[place, column]
        place, column = np.nonzero(drop)
        held[pending[place], columns[place, column]] = False
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
    columns_held = np.arange(columns.shape[1])
    part[:, columns_held, columns_held] += np.where(real, DAMPING, 1.0)
    ones = real.astype(float)
    # A shift by the mean slope keeps the right-hand side small; the sum to nothing undoes it.
    mean = (slope * ones).sum(axis=1, keepdims=True) / ones.sum(axis=1, keepdims=True)
    both = np.linalg.solve(part, np.stack([-(slope - mean) * ones, ones], axis=2))
    share = both[:, :, 0].sum(axis=1) / both[:, :, 1].sum(axis=1)
    move: Floats = both[:, :, 0] - share[:, None] * both[:, :, 1]
    return move
