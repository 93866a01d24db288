"""Synthetic controls from predictors: averages over chosen periods, and the weights V among them.

Abadie and Gardeazabal (2003, American Economic Review 93) and Abadie, Diamond and Hainmueller
(2010, JASA 105): donors' weights meet an area's predictors as closely as V says each matters, and V
is that under which they meet the outcome before the start best. V is not identified: many V give
the same weights, others weights that fit nearly as well and another effect; programs that search it
end in different places. It is therefore never the default, is searched anew for every area that a
placebo takes for treated, and the effect is told over all V found that fit as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate.solvers import simplex
from evaluation.estimate.synthetic_weights import Ground, Weights
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

V = Literal["nested", "equal"] | Mapping[str, float]


@dataclass(frozen=True)
class Predictor:
    """An outcome of the panel averaged over some periods.

    outcome : its name. periods : first and last period, as the panel writes them (``(1985, 1992)``,
    ``("2026-01", "2026-06")``), both included; None takes all before the first start.
    """

    outcome: str
    periods: tuple[Any, Any] | None = None

    @property
    def label(self) -> str:
        """``income 1985-1992``; the name alone where it is averaged over all periods before."""
        if self.periods is None:
            return self.outcome
        held: Any = self.periods
        if not isinstance(held, Collection) or isinstance(held, str) or len(held) != 2:
            return f"{self.outcome} {self.periods}"
        first, last = map(str, self.periods)
        return f"{self.outcome} {first}" if first == last else f"{self.outcome} {first}-{last}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """What is to be met beside the outcome.

    figures : (N, K) predictors, each in standard deviations over the areas. labels : their names.
    given : (K) V where it is given, else None: it is searched.
    """

    figures: Floats
    labels: tuple[str, ...]
    given: Floats | None


def predicted(panel: Panel, predictors: Sequence[Predictor], v: V) -> Predicted:
    """The predictors of a panel's areas.

    Raises
    ------
    EstimateError : a predictor that the panel lacks, whose periods are none before the first start,
        that an area has no figure of, or that is the same in all areas; a V that names another.
    """
    first = int(panel.start_index[panel.treated].min())
    columns = [column_of(panel, one, first) for one in predictors]
    labels = tuple(one.label for one in predictors)
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise EstimateError(f"predictor {twice!r} is named twice.", mend="leave one of them out")
    return Predicted(figures=np.stack(columns, axis=1), labels=labels, given=_given(predictors, v))


def column_of(panel: Panel, one: Predictor, first: int) -> Floats:
    """(N) one predictor, in standard deviations over the areas.

    ``first`` is the position of the first start: a predictor lies before it.

    Raises
    ------
    EstimateError : as `predicted` does.
    """
    if one.outcome not in panel.outcomes:
        raise EstimateError(
            f"the panel holds no outcome {one.outcome!r} to predict by.",
            expected=", ".join(panel.outcomes),
            mend="name the column among outcomes= of Panel.from_long",
        )
    inside = slice(0, first)
    if one.periods is not None:
        given: Any = one.periods
        if not isinstance(given, Collection) or isinstance(given, str) or len(given) != 2:
            raise EstimateError(
                f"periods of predictor {one.outcome!r} cannot be {given!r}.",
                expected="the first and the last, such as (1985, 1992); for one alone it twice",
            )
        low, high = (Period.parse(end, panel.frequency) - panel.periods[0] for end in one.periods)
        if not 0 <= low <= high < first:
            raise EstimateError(
                f"predictor {one.label!r} is averaged over periods that are not all before the "
                f"first start, {panel.periods[first]}, and in the panel.",
                expected=f"first and last period from {panel.periods[0]} to "
                f"{panel.periods[first - 1]}",
            )
        inside = slice(low, high + 1)
    figures = panel.array(one.outcome)[:, inside]
    held = np.isfinite(figures)
    if not held.any(axis=1).all():
        lacking = panel.areas.index[int(np.argmin(held.any(axis=1)))]
        raise EstimateError(
            f"area {lacking} has no figure of predictor {one.label!r} in those periods.",
            mend="choose other periods, or leave the area or the predictor out",
        )
    mean = np.where(held, figures, 0.0).sum(axis=1) / held.sum(axis=1)
    spread = float(mean.std())
    if spread <= 1e-12 * np.abs(mean).max():
        raise EstimateError(
            f"predictor {one.label!r} is the same in all areas.", mend="leave it out"
        )
    out: Floats = (mean - mean.mean()) / spread
    return out


def _given(predictors: Sequence[Predictor], v: V) -> Floats | None:
    if v == "nested":
        return None
    if isinstance(v, str):
        return np.full(len(predictors), 1 / len(predictors))
    known = {name for one in predictors for name in (one.label, one.outcome)}
    if unknown := [name for name in v if name not in known]:
        raise EstimateError(
            f"v weighs {unknown[0]!r}, which is no predictor.", expected=", ".join(sorted(known))
        )
    weights = np.array([float(v.get(one.label, v.get(one.outcome, 0.0))) for one in predictors])
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise EstimateError(
            "the weights in v are no weights.", expected="0 or above, and one of them above 0"
        )
    out: Floats = weights / weights.sum()
    return out


# Of V tried for all areas alike, and then for each around the best of these.
SHARED, OWN = 160, 60
# The least share of a predictor in a V that is searched: one that weighs nothing is not met at all,
# and V of one predictor alone leaves the weights open.
LEAST = 1e-5
# Among weights that meet the predictors alike, those are taken that meet the outcome best: its part
# in the sum of squares is so small that it decides nothing else.
TIE = 1e-4
# Of the root mean squared gap before the start: other V within it fit as well.
AS_WELL = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """V of one area, and every V tried: (C, K), its root mean squared gap and its weights."""

    v: Floats
    tried: Floats
    error: Floats
    weights: Floats

    @property
    def as_well(self) -> NDArray[np.bool_]:
        """(C) which fit within five per cent of the best."""
        held: NDArray[np.bool_] = self.error <= self.error.min() * (1 + AS_WELL) + 1e-12
        return held


def control_by_predictors(ground: Ground, which: Predicted) -> Weights:
    """Simplex weights of every area of a ground by its predictors, with V searched for each."""
    if which.given is not None:
        weights, converged = _meet(ground, which, which.given, np.arange(len(ground.rows)))
        return Weights(unit=weights, time=ground.no_base, converged=converged)
    found = searched(ground, which, np.arange(len(ground.rows)))
    unit = np.stack([one.weights[int(np.argmin(one.error))] for one in found])
    return Weights(unit=unit, time=ground.no_base, converged=np.ones(len(unit), dtype=bool))


def searched(ground: Ground, which: Predicted, rows: NDArray[np.int64]) -> list[Searched]:
    """V of some areas of a ground: the one of all tried under which the outcome is met best.

    The same V are tried for every area, drawn once: each predictor alone, all alike, and
    Dirichlet draws, most of which weigh few of them; then steps from each area's best.
    """
    rng, k = np.random.default_rng(0), len(which.labels)
    shared = np.concatenate(
        [np.full((1, k), 1 / k), np.eye(k), rng.dirichlet(np.full(k, 0.5), SHARED)]
    )
    shared = _with_least(shared)
    fits = [_meet(ground, which, v, rows)[0] for v in shared]
    weights = np.stack(fits, axis=1)
    error = _errors(ground, weights, rows)
    steps = rng.normal(0.0, 1.0, (OWN, k))
    return [
        _walked(ground, which, row, Searched(v=shared[0], tried=shared, error=e, weights=w), steps)
        for row, e, w in zip(rows, error, weights, strict=True)
    ]


def _walked(ground: Ground, which: Predicted, row: int, found: Searched, steps: Floats) -> Searched:
    """The search of one area carried on around the best so far, by ever smaller steps."""
    best = int(np.argmin(found.error))
    v, least = found.tried[best], float(found.error[best])
    tried, errors, weights = [], [], []
    for n, step in enumerate(steps):
        moved = v * np.exp(step * 2.0 * 0.95**n)
        moved = _with_least(moved / moved.sum())
        unit, _ = _meet(ground, which, moved, np.array([row]))
        error = float(_errors(ground, unit[:, None], np.array([row]))[0, 0])
        tried.append(moved)
        errors.append(error)
        weights.append(unit[0])
        if error < least:
            v, least = moved, error
    every = np.concatenate([found.error, errors])
    of_v = np.concatenate([found.tried, tried])
    return Searched(
        v=of_v[int(np.argmin(every))],
        tried=of_v,
        error=every,
        weights=np.concatenate([found.weights, weights]),
    )


def _with_least(v: Floats) -> Floats:
    """V, summing to one, with no share below the least."""
    out: Floats = (1 - v.shape[-1] * LEAST) * v + LEAST
    return out


def _meet(
    ground: Ground, which: Predicted, v: Floats, rows: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    """(R, donors) weights that meet the predictors as V says, and whether each was found."""
    spread = float(ground.donors_before.std()) or 1.0
    root = np.sqrt(v)
    own = which.figures[ground.rows[rows]] * root
    others = which.figures[ground.donors] * root
    tie = TIE / (spread * np.sqrt(len(ground.usable)))
    targets = np.hstack([own, tie * ground.before[rows]])
    donors = np.hstack([others, tie * ground.donors_before]).T
    solved = simplex.fit(donors, targets, ground.excluded_donors[rows][:, None])
    return solved.weights, solved.converged


def _errors(ground: Ground, weights: Floats, rows: NDArray[np.int64]) -> Floats:
    """(R, C) root mean squared gap before the start of each area under each of its weights."""
    gap = ground.before[rows][:, None] - weights @ ground.donors_before
    out: Floats = np.sqrt((gap**2).mean(axis=2))
    return out


def told(grounds: Sequence[Ground], which: Predicted, units: Sequence[int]) -> dict[str, Any]:
    """V of the treated areas of one start, and how far their effect moves over V that fit as well.

    Returns
    -------
    ``v``: unit -> weights by label; ``low, high``: unit -> ends of its mean effect; ``tried`` and
    ``as_well``: how many V were tried, and fit as well.
    """
    out: dict[str, Any] = {"v": {}, "low": {}, "high": {}, "tried": 0, "as_well": 0}
    for ground in grounds:
        rows = np.flatnonzero(np.isin(ground.rows, units))
        if which.given is not None:
            for row in rows.tolist():
                out["v"][int(ground.rows[row])] = _named(which, which.given)
            continue
        for row, one in zip(rows.tolist(), searched(ground, which, rows), strict=True):
            unit = int(ground.rows[row])
            effects = _effects(ground, unit, one.weights[one.as_well])
            out["v"][unit] = _named(which, one.v)
            out["low"][unit], out["high"][unit] = float(effects.min()), float(effects.max())
            out["tried"] += len(one.tried)
            out["as_well"] += int(one.as_well.sum())
    return out


def _named(which: Predicted, v: Floats) -> dict[str, float]:
    return dict(zip(which.labels, map(float, v), strict=True))


def _effects(ground: Ground, unit: int, weights: Floats) -> Floats:
    """(C) mean effect of an area since its start under each of its weights."""
    own, donors = ground.figures[unit, ground.g :], ground.figures[ground.donors][:, ground.g :]
    gap = own - weights @ donors
    held = np.isfinite(gap)
    out: Floats = np.where(held, gap, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return out
