"""The donors that each problem of a batch holds, and the steps to the best point among them.

Wolfe (1976) calls the set of points that carry weight a corral. Here a whole batch of corrals is
kept as padded arrays: which donors, their weights, their figures less the target's, and the Gram
matrix of those, to which an entering donor adds one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Places = NDArray[np.int64]

NOTHING = 1e-14
DAMPING = 1e-14


@dataclass(kw_only=True, eq=False)
class Corral:
    """The corrals of b problems, each of at most S donors; changed in place as they are solved.

    donors : (N, T0) centred figures, shared. targets : (b, T0). kept : (b, T0) 1 for the periods of
    the fit, or None for all. columns, weights : (b, S). held : (b, S) which slots are in use.
    shifted : (b, S, T0) donor less target. gram : (b, S, S) its products; 1 on the diagonal of
    slots that are not in use.
    """

    donors: Floats
    targets: Floats
    kept: Floats | None
    columns: Places
    weights: Floats
    held: Flags
    shifted: Floats
    gram: Floats

    @classmethod
    def start(
        cls, donors: Floats, targets: Floats, first: tuple[Places, Floats], held_out: Places | None
    ) -> Corral:
        """The corrals of given weights, each without the period that it holds out (-1: none)."""
        columns, weights = first
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
        slots = np.arange(columns.shape[1])
        gram[:, slots, slots] += ~held
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

    def rows(self, which: Flags) -> Corral:
        """The corrals of some problems, without the slots that none of them uses."""
        slots = np.flatnonzero(self.held[which].any(axis=0))
        return Corral(
            donors=self.donors,
            targets=self.targets[which],
            kept=None if self.kept is None else self.kept[which],
            columns=self.columns[which][:, slots],
            weights=self.weights[which][:, slots],
            held=self.held[which][:, slots],
            shifted=self.shifted[which][:, slots],
            gram=self.gram[which][:, slots][:, :, slots],
        )

    def residual(self) -> Floats:
        """(b, T0) fitted less target, 0 in a period left out."""
        out: Floats = (self.weights[:, None, :] @ self.shifted)[:, 0]
        return out

    def holds(self, donors: Places) -> Flags:
        """(b) whether each problem holds this donor already."""
        found: Flags = ((self.columns == donors[:, None]) & self.held).any(axis=1)
        return found

    def enter(self, rows: Places, donors: Places) -> None:
        """Let one donor enter each of some problems, with no weight yet."""
        if len(rows) == 0:
            return
        if self.held[rows].all(axis=1).any():
            self._widen()
        slot = self.held[rows].argmin(axis=1)
        figures = self.donors[donors] - self.targets[rows]
        if self.kept is not None:
            figures *= self.kept[rows]
        self.columns[rows, slot], self.held[rows, slot] = donors, True
        self.shifted[rows, slot] = figures
        products = (self.shifted[rows] @ figures[:, :, None])[:, :, 0]
        self.gram[rows, slot] = products
        self.gram[rows, :, slot] = products

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

    def descend(self, pending: Places, linear: Floats | None) -> None:
        """Move to the best point of the donors held, dropping donors that fall to nothing."""
        while len(pending):
            now, held = self.weights[pending], self.held[pending]
            shifted = self.shifted[pending]
            residual = now[:, None, :] @ shifted
            slope = (shifted @ residual.transpose(0, 2, 1))[:, :, 0]
            if linear is not None:
                slope = slope + linear[pending] * held
            move = _to_affine_minimum(self.gram[pending], slope, held)
            falling = held & (now + move <= NOTHING)
            stuck = falling.any(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                reach = np.where(falling, now / -move, np.inf)
            step = np.minimum(np.where(stuck, reach.min(axis=1), 1.0), 1.0)
            moved = np.maximum(now + step[:, None] * move, 0.0)
            drop = falling & (reach <= step[:, None] * (1 + 1e-12))
            moved[drop | ~held] = 0.0
            self.weights[pending] = moved / moved.sum(axis=1, keepdims=True)
            pending = pending[stuck]
            self._drop(pending, drop[stuck])

    def _drop(self, rows: Places, drop: Flags) -> None:
        places, slots = np.nonzero(drop)
        rows = rows[places]
        self.held[rows, slots] = False
        self.shifted[rows, slots] = 0.0
        self.gram[rows, slots] = 0.0
        self.gram[rows, :, slots] = 0.0
        self.gram[rows, slots, slots] = 1.0


def _to_affine_minimum(gram: Floats, slope: Floats, held: Flags) -> Floats:
    """The move, summing to nothing, to the least value on each problem's donors.

    Written as a correction from where the problem stands, so that the damping that keeps the
    equations solvable slows the last step and never moves the optimum.
    """
    slots = np.arange(gram.shape[1])
    diagonal = gram[:, slots, slots]
    mean = (diagonal * held).sum(axis=1) / held.sum(axis=1) + 1e-300
    gram[:, slots, slots] = np.where(held, diagonal + DAMPING * mean[:, None], mean[:, None])
    # A constant in every cell changes nothing for moves that sum to nothing, and keeps the
    # equations solvable where the target lies in the donors' hull.
    gram += mean[:, None, None] * (held[:, :, None] & held[:, None, :])
    both = np.linalg.solve(gram, np.stack([-slope * held, held.astype(float)], axis=2))
    along, level = both[:, :, 0], both[:, :, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = along.sum(axis=1) / level.sum(axis=1)
    move: Floats = along - np.nan_to_num(share)[:, None] * level
    return move
