"""Ridge-augmented synthetic control: simplex weights, then a ridge regression of what they leave.

Ben-Michael, Feller and Rothstein (2021, JASA 116, equations 9-13): with X the donors' figures
before the start, centred, and r what the simplex weights leave unfitted, the augmented weights are
w + X (X'X + lambda I)^-1 r. They sum to one and may be negative. lambda is found for every area by
leaving out one period at a time (their section 5.3).

Leaving a period out divides by a diagonal entry of the inverse, so that the cross-validation needs
each area's X'X taken apart once, whatever the number of periods and penalties; only the simplex
weights are fitted anew, each from those of all periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.estimate import simplex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.simplex import SimplexFit

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

Folds = Literal["every", "published"]
Choice = Literal["one_error", "least"]
GRID = 20
SMALLEST = 1e-8
FOLD_FITS = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class AugmentedFit:
    """Augmented weights of a batch of B targets over N donors.

    weights : (B, N), rows summing to one; some negative. base : the simplex fits below them.
    penalty : (B) the lambda of each target. penalties : (B, L) those tried, from the largest down;
    errors : (B, L) mean squared error of the periods left out, NaN where the penalty was given.
    """

    weights: Floats
    base: SimplexFit
    penalty: Floats
    penalties: Floats
    errors: Floats


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """How lambda is found.

    given : a lambda for every target; None for cross-validation over 21 values from the largest
        eigenvalue of X'X, the target's own donors alone, down to 1e-8 of it.
    folds : ``every`` leaves out each period before the start in turn; ``published`` never the last
        one, as the authors' R package does.
    choice : ``one_error`` takes the largest lambda within one standard error of the least mean
        squared error, as the R package does; ``least`` the best one.
    """

    given: float | None = None
    folds: Folds = "every"
    choice: Choice = "one_error"


def fit(donors: Floats, targets: Floats, barred: Places, penalty: Penalty) -> AugmentedFit:
    """Fit every target.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0). barred : (B) the donor that a target may not use (itself);
        -1 for none.

    Raises
    ------
    ValueError : a figure is not finite, or a target has no donor left.
    """
    base = simplex.fit(donors, targets, barred[:, None])
    centre = donors.mean(axis=1, keepdims=True)
    x, y = donors - centre, targets - centre.T
    tilt = np.empty_like(y)
    chosen = np.full(len(y), penalty.given or 0.0)
    tried = np.full((len(y), 1 if penalty.given else GRID + 1), penalty.given or 0.0)
    errors = np.full(tried.shape, np.nan)
    for rows in np.array_split(np.arange(len(y)), max(1, -(-len(y) * len(x) // FOLD_FITS))):
        part, own = base.rows(rows), barred[rows]
        squares = _Squares.of(x, own)
        if penalty.given is None:
            tried[rows] = squares.values[:, [-1]] * SMALLEST ** (np.arange(GRID + 1) / GRID)
            errors[rows], spread = _errors(x, y[rows], part, (squares, tried[rows], penalty.folds))
            best = _choose(errors[rows], spread, penalty.choice)
            chosen[rows] = tried[rows, best]
        tilt[rows] = squares.solve(y[rows] - part.predict(x.T), chosen[rows])
    return AugmentedFit(
        weights=_weights(x, barred, base, tilt),
        base=base,
        penalty=chosen,
        penalties=tried,
        errors=errors,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Squares:
    """X'X of each target's own donors, centred at their mean, by eigenvectors.

    barred : (B). values : (B, T0), from the smallest up. vectors : (B, T0, T0) in columns.
    """

    barred: Places
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, x: Floats, barred: Places) -> _Squares:
        n = x.shape[1]
        own = np.where((barred >= 0)[:, None], x.T[barred], 0.0) * np.sqrt(n / max(n - 1, 1))
        squares = (x @ x.T)[None] - own[:, :, None] * own[:, None, :]
        values, vectors = np.linalg.eigh(squares)
        return cls(barred=barred, values=np.maximum(values, 0.0), vectors=vectors)

    def solve(self, left: Floats, penalty: Floats) -> Floats:
        """(B, T0) (X'X + lambda I)^-1 r of each target."""
        along = (left[:, None, :] @ self.vectors)[:, 0] / (self.values + penalty[:, None])
        out: Floats = (self.vectors @ along[:, :, None])[:, :, 0]
        return out

    def held_out_errors(self, left: Floats, penalties: Floats) -> Floats:
        """(B, T0, L) error in each period if the ridge regression does not use it.

        left : (B, T0 held out, T0) what the simplex weights without that period leave. With P the
        inverse of X'X + lambda I over all periods, the error is (P r)_k / P_kk.
        """
        inverse = 1 / (self.values[:, :, None] + penalties[:, None, :])
        above = (self.vectors * (left @ self.vectors)) @ inverse
        below = self.vectors**2 @ inverse
        out: Floats = above / below
        return out


def _errors(
    x: Floats, y: Floats, base: SimplexFit, plan: tuple[_Squares, Floats, Folds]
) -> tuple[Floats, Floats]:
    """(B, L) mean squared error of the periods left out, and its standard error."""
    squares, penalties, which = plan
    periods = np.arange(len(x) - 1 if which == "published" and len(x) > 2 else len(x))
    left = _left_without(x, y, squares.barred, base, periods)
    square = squares.held_out_errors(left, penalties)[:, periods] ** 2
    spread: Floats = square.std(axis=1, ddof=1) / np.sqrt(len(periods))
    return square.mean(axis=1), spread


def _left_without(
    x: Floats, y: Floats, barred: Places, base: SimplexFit, periods: Places
) -> Floats:
    """(B, T0, T0) what simplex weights that leave out each period in turn leave of all periods."""
    rows = np.repeat(np.arange(len(y)), len(periods))
    variation = simplex.Variation(held_out=np.tile(periods, len(y)), start=base.rows(rows))
    refitted = simplex.fit(x, y[rows], barred[rows, None], variation)
    out = np.zeros((len(y), len(x), len(x)))
    out[:, periods] = (y[rows] - refitted.predict(x.T)).reshape(len(y), len(periods), len(x))
    return out


def _choose(errors: Floats, spread: Floats, choice: Choice) -> Places:
    """(B) which of the penalties, ordered from the largest down."""
    best: Places = np.argmin(errors, axis=1)
    if choice == "least":
        return best
    rows = np.arange(len(errors))
    bound = errors[rows, best] + spread[rows, best]
    chosen: Places = np.argmax(errors <= bound[:, None], axis=1)
    return chosen


def _weights(x: Floats, barred: Places, base: SimplexFit, solved: Floats) -> Floats:
    """Simplex weights and the regression's, whose centre is each area's own donors' mean."""
    n = x.shape[1]
    tilt = solved @ x
    own = np.flatnonzero(barred >= 0)
    tilt[own] += (tilt[own, barred[own]] / max(n - 1, 1))[:, None]
    tilt[own, barred[own]] = 0.0
    return base.weights + tilt
