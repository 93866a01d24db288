"""Ridge-augmented synthetic controls that are like an area in its characteristics too.

Ben-Michael, Feller and Rothstein (2021, JASA 116, section 6): covariates stand beside the figures
before the start, either met exactly or, like these figures, as far as a ridge regression goes. An
area's donors differ from area to area, for no area is its own and none that is treated in the same
assignment is one; so everything here is fitted on the donors that are left, and fitted again under
every assignment that takes one away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import synthetic_weights
from evaluation.estimate.predictors import Predictor, column_of
from evaluation.estimate.synthetic_weights import Ground, Penalty, Weights
from evaluation.panel import characteristic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]

Covariate = str | Predictor
Balance = Literal["exact", "penalised"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Covariates:
    """Characteristics of areas: (N, K) figures, each in standard deviations over the areas.

    balance : ``exact``, met without error; ``penalised``, as far as the ridge regression goes.
    """

    figures: Floats
    balance: Balance


def covariates_of(panel: Panel, named: Sequence[Covariate], balance: Balance) -> Covariates:
    """The covariates of a panel's areas: attributes by name, outcomes averaged over some periods.

    Raises
    ------
    EstimateError : one that the panel lacks, that an area lacks, that is no number, or that is the
        same in all areas.
    """
    first = int(panel.start_index[panel.treated].min())
    columns = []
    for one in named:
        if isinstance(one, Predictor):
            columns.append(column_of(panel, one, first))
            continue
        column = characteristic(panel, one)
        spread = float(column.std())
        if spread <= 1e-12 * np.abs(column).max(initial=0.0):
            raise EstimateError(f"covariate {one!r} is the same in all areas.", mend="leave it out")
        columns.append((column - column.mean()) / spread)
    return Covariates(figures=np.stack(columns, axis=1), balance=balance)


def augment_beside(ground: Ground, penalty: Penalty, covariates: Covariates) -> Weights:
    """Ridge-augmented weights of every area of a ground, beside its covariates.

    Raises
    ------
    EstimateError : fewer than three periods to find a penalty, or too many covariates.
    """
    synthetic_weights.require_folds(ground, penalty)
    _require_donors(len(ground.donors), covariates)
    every = np.full(len(ground.rows), np.nan)
    held = _fitted(ground, ground.excluded_donors[:, None], penalty, every, covariates)

    def again(areas: Positions, usable: Positions, gone: Positions, lambdas: Floats) -> Floats:
        """(R, donors) weights of areas without the donors ``gone`` (R, M), -1 for none."""
        part = replace(ground, rows=areas, usable=usable)
        return _fitted(part, gone, penalty, lambdas, covariates).unit

    return replace(held, again=again)


def _require_donors(count: int, covariates: Covariates) -> None:
    """Refuse covariates that the donors cannot all meet.

    Raises
    ------
    EstimateError : as it says.
    """
    k = covariates.figures.shape[1]
    if covariates.balance == "exact" and k > count - 3:
        raise EstimateError(
            f"{k} covariates are too many to be met exactly by {count} donors.",
            expected=f"at most {max(count - 3, 0)}",
            mend="use fewer, or balance='penalised'",
        )


def _fitted(
    ground: Ground, gone: Positions, penalty: Penalty, lambdas: Floats, covariates: Covariates
) -> Weights:
    """Weights of areas that may not use the donors ``gone`` (R, M); ``lambdas`` NaN: to be found.

    Areas with the same donors are fitted together.
    """
    n, count = len(ground.rows), len(ground.donors)
    unit, base = np.zeros((n, count)), np.zeros((n, count))
    found, converged = np.zeros(n), np.ones(n, dtype=bool)
    sets, which = np.unique(np.sort(gone, axis=1), axis=0, return_inverse=True)
    for k, own in enumerate(sets):
        rows = np.flatnonzero(which == k)
        left = np.setdiff1d(np.arange(count), own[own >= 0])
        given = None if np.isnan(lambdas[rows]).any() else lambdas[rows]
        part = _together(ground, rows, left, penalty, given, covariates)
        unit[np.ix_(rows, left)], base[np.ix_(rows, left)] = part.unit, part.base
        found[rows], converged[rows] = part.penalty, part.converged
    return Weights(unit=unit, time=ground.no_base, converged=converged, base=base, penalty=found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """(R, donors left) weights, those of the simplex below them, and (R) what they came with."""

    unit: Floats
    base: Floats
    penalty: Floats
    converged: NDArray[np.bool_]


def _together(
    ground: Ground,
    rows: Positions,
    left: Positions,
    penalty: Penalty,
    given: Floats | None,
    covariates: Covariates,
) -> _Part:
    """Areas of a ground on some of its donors alone."""
    x, y = ground.donors_before[left].T, ground.before[rows]
    centre = covariates.figures[ground.donors[left]].mean(axis=0)
    z = covariates.figures[ground.donors[left]] - centre
    own = covariates.figures[ground.rows[rows]] - centre
    if covariates.balance == "exact":
        # Lemma 4: what the covariates explain is taken out of the figures, ridge augmentation is
        # fitted to the rest, and the least change of its weights that meets the covariates is made.
        inverse = np.linalg.pinv(z)
        slope = inverse @ x.T
        apart = synthetic_weights.ridge_augmented(
            x - slope.T @ z.T, y - own @ slope, np.full(len(rows), -1), penalty, given
        )
        unit = apart.weights + (own - apart.weights @ z) @ inverse
    else:
        # Covariates on the scale of the figures, and no more to be left out than a covariate is
        # a period: the penalty is found by what is foretold of periods.
        spread = float((x - x.mean(axis=1, keepdims=True)).std())
        size = np.where(z.std(axis=0) > 0, z.std(axis=0), 1.0) / (spread or 1.0)
        apart = synthetic_weights.ridge_augmented(
            np.vstack([x, (z / size).T]),
            np.hstack([y, own / size]),
            np.full(len(rows), -1),
            penalty,
            given,
            beside=z.shape[1],
        )
        unit = apart.weights
    return _Part(
        unit=unit, base=apart.base.weights, penalty=apart.penalty, converged=apart.base.converged
    )
