"""What each synthetic method fits for one start: weights of donors and of periods, for every area.

Kept apart from the estimators, which turn these weights into effects under assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import (
    augmented,
    frame,
    frank_wolfe,
    quadratic,
    ridge,
    simplex,
    ties,
    twins,
)
from evaluation.estimate.twins import Twins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

TIME_RIDGE = 1e-6
LEAST_PERIODS = 3
"""Periods before the start that an area needs to be fitted, or all where there are fewer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """unit : (R, donors), rows summing to one. time : (R, T), rows summing to one or to nothing.

    converged : (R) whether each fit reached its optimum. base, penalty : what augmented weights
    stand on.
    """

    unit: Floats
    time: Floats
    converged: NDArray[np.bool_]
    base: Floats | None = None
    penalty: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What the fit of some areas for one start stands on.

    figures : (N, T). rows : (R) positions of the areas to be fitted. donors : positions of the
    donors. barred : (R) which donor each area may not use, itself; -1 for none. usable : positions
    of the periods before the start ``g`` in which these areas have figures.
    """

    figures: Floats
    rows: Places
    donors: Places
    barred: Places
    usable: Places
    g: int
    label: str

    @classmethod
    def each(cls, sample: frame.Sample, g: int) -> list[Ground]:
        """Every area of a sample for one start, those with figures in the same periods together.

        Pilots and others by one rule, so that it does not depend on which areas really started:
        each is fitted on the periods before the start in which it has figures itself, unless they
        are fewer than `LEAST_PERIODS`.

        Raises
        ------
        EstimateError : fewer than two donors.
        """
        donors, label = donors_of(sample), str(sample.panel.periods[g])
        held = np.isfinite(sample.figures[:, :g])
        able = np.flatnonzero(enough(held))
        return [
            cls.on(sample.figures, able[rows], donors, periods, (g, label))
            for periods, rows in twins.alike(held[able])
        ]

    @classmethod
    def on(
        cls, figures: Floats, rows: Places, donors: Places, usable: Places, start: tuple[int, str]
    ) -> Ground:
        """Some areas and donors; an area among the donors is barred from itself."""
        place = np.full(len(figures), -1)
        place[donors] = np.arange(len(donors))
        return cls(
            figures=figures,
            rows=rows,
            donors=donors,
            barred=place[rows],
            usable=usable,
            g=start[0],
            label=start[1],
        )

    @property
    def before(self) -> Floats:
        """(R, T0) figures of the areas to be fitted, in the periods of the fit."""
        return self.figures[np.ix_(self.rows, self.usable)]

    @property
    def donors_before(self) -> Floats:
        """(donors, T0) figures of the donors, in the periods of the fit."""
        return self.figures[np.ix_(self.donors, self.usable)]

    @property
    def no_base(self) -> Floats:
        """(R, T) time weights of a gap that is measured from nothing."""
        return np.zeros((len(self.rows), self.figures.shape[1]))

    @property
    def mean_base(self) -> Floats:
        """(R, T) time weights of a gap that is measured from the mean of the periods of the fit."""
        base = self.no_base
        base[:, self.usable] = 1 / len(self.usable)
        return base

    def gaps(self, weights: Weights) -> Floats:
        """(R, T) each area's path less its twin's, less the same in its weighted periods before."""
        gap = self.figures[self.rows] - weights.unit @ self.figures[self.donors]
        before = (np.where(weights.time > 0, gap, 0.0) * weights.time).sum(axis=1)
        out: Floats = gap - before[:, None]
        return out


Method = Callable[[Ground], Weights]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The twins of every area for every start of a panel, and the sample that they were fitted on.

    said : what has to be said of areas with missing figures.
    """

    sample: frame.Sample
    twins: dict[int, Twins]
    said: tuple[str, ...]


def fit_all(panel: Panel, outcome: str, scale: frame.Scale, method: Method) -> Fitted:
    """Fit every area for every start; comparison areas with a missing figure are no donors.

    Raises
    ------
    EstimateError : the panel cannot bear the fit.
    """
    sample = frame.take(panel, outcome, scale)
    fitted = {g: fit_start(sample, g, method) for g in np.unique(sample.slots.starts).tolist()}
    return Fitted(sample=sample, twins=fitted, said=no_donors(sample, fitted))


def fit_start(sample: frame.Sample, g: int, method: Method) -> Twins:
    """The twins of every area for the start ``g``."""
    grounds = Ground.each(sample, g)
    return twins_of(grounds, [method(ground) for ground in grounds])


def enough(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N) which areas have enough of the periods before a start (N, T0) to be fitted."""
    out: NDArray[np.bool_] = held.sum(axis=1) >= min(LEAST_PERIODS, held.shape[1])
    return out


def donors_of(sample: frame.Sample) -> Places:
    """Positions of the comparison areas that have every figure.

    Raises
    ------
    EstimateError : there are fewer than two.
    """
    whole = np.isfinite(sample.figures).all(axis=1)
    donors: Places = np.flatnonzero(~sample.panel.started & whole)
    if len(donors) < 2:
        raise EstimateError(
            "fewer than two complete comparison areas are left as donors.",
            mend="use did or imputation, which make do with missing figures",
        )
    return donors


def no_donors(sample: frame.Sample, fitted: Mapping[int, Twins]) -> tuple[str, ...]:
    """What has to be said of comparison areas that are no donors for want of figures."""
    gap = int((~sample.panel.started).sum()) - len(next(iter(fitted.values())).donors)
    if not gap:
        return ()
    return (f"{gap} comparison areas have a missing or withheld figure and serve as no donor",)


def twins_of(grounds: Sequence[Ground], weights: Sequence[Weights]) -> Twins:
    """The twins that weights make; an area that was not fitted has none (NaN)."""
    figures, rows = grounds[0].figures, [ground.rows for ground in grounds]
    fitted_on, converged = np.zeros(figures.shape, dtype=bool), np.ones(len(figures), dtype=bool)
    time = np.zeros_like(figures)
    for ground, fitted in zip(grounds, weights, strict=True):
        fitted_on[np.ix_(ground.rows, ground.usable)] = True
        time[ground.rows], converged[ground.rows] = fitted.time, fitted.converged
    base = [fitted.base for fitted in weights if fitted.base is not None]
    penalty = [fitted.penalty for fitted in weights if fitted.penalty is not None]
    augmented = None
    if base:
        augmented = twins.Augmented(
            base=_of_all(base, rows, len(figures)), penalty=_of_all(penalty, rows, len(figures))
        )
    return Twins(
        donors=grounds[0].donors,
        unit_weights=_of_all([w.unit for w in weights], rows, len(figures)),
        time_weights=time,
        figures=figures,
        fitted_on=fitted_on,
        converged=converged,
        augmented=augmented,
    )


def _of_all(parts: Sequence[Floats], rows: Sequence[Places], count: int) -> Floats:
    """(N, ...) the parts in their rows, NaN in rows of none; one part with all rows as it is."""
    if len(parts) == 1 and len(rows[0]) == count:
        return parts[0]
    out: Floats = np.full((count, *parts[0].shape[1:]), np.nan)
    for part, held in zip(parts, rows, strict=True):
        out[held] = part
    return out


def control(
    ground: Ground, *, demeaned: bool = False, penalty: float | None = None, break_ties: bool = True
) -> Weights:
    """Simplex weights; where several fit equally, those of least norm."""
    before, donors = ground.before, ground.donors_before
    if demeaned:
        before, donors = _around_mean(before), _around_mean(donors)
    variation = simplex.Variation(
        penalty=None if penalty is None else np.full(len(before), penalty)
    )
    fitted = simplex.fit(donors.T, before, ground.barred[:, None], variation)
    weights = fitted.weights
    if break_ties and penalty is None:
        weights = ties.least_norm(donors.T, before, ground.barred, fitted)
    base = ground.mean_base if demeaned else ground.no_base
    return Weights(unit=weights, time=base, converged=fitted.converged)


def augment(ground: Ground, penalty: augmented.Penalty) -> Weights:
    """Ridge-augmented weights."""
    if len(ground.usable) < 3 and penalty.given is None:
        raise EstimateError(
            f"fewer than three complete periods before the start in {ground.label}, so that none "
            "can be left out to find the ridge penalty.",
            mend="give a penalty, or use synthetic_control",
        )
    fitted = augmented.fit(ground.donors_before.T, ground.before, ground.barred, penalty)
    return Weights(
        unit=fitted.weights,
        time=ground.no_base,
        converged=fitted.base.converged,
        base=fitted.base.weights,
        penalty=fitted.penalty,
    )


def control_as_published(ground: Ground) -> Weights:
    """Simplex weights by Frank-Wolfe steps that stop early, as the published code takes them."""
    before, donors = ground.before, ground.donors_before
    noise = np.ones(len(before))
    if len(ground.usable) > 1:
        noise = _noise(donors, ground.barred)
    weights = _unit_steps(before, donors, ground.barred, TIME_RIDGE * noise, noise)
    return Weights(unit=weights, time=ground.no_base, converged=np.ones(len(before), dtype=bool))


def sdid(ground: Ground, *, exact: bool = True) -> Weights:
    """Unit and time weights of synthetic difference-in-differences, for each area alone."""
    if len(ground.usable) < 2:
        raise EstimateError(
            f"fewer than two complete periods before the start in {ground.label}.",
            mend="use synthetic_control or did",
        )
    donors, barred = ground.donors_before, ground.barred
    after = ground.figures[ground.donors][:, ground.g :]
    noise = _noise(donors, barred)
    zeta = after.shape[1] ** 0.25 * noise
    own, others = _around_mean(ground.before), _around_mean(donors)
    if exact:
        units = ridge.fit(others.T, own, barred, zeta**2 * len(ground.usable))
        weights, converged = units.weights, units.converged
    else:
        weights = _unit_steps(own, others, barred, zeta, noise)
        converged = np.ones(len(own), dtype=bool)
    base, time = ground.no_base, _time_weights if exact else _time_steps
    base[:, ground.usable], solved = time(donors, after.mean(axis=1), barred, noise)
    return Weights(unit=weights, time=base, converged=converged & solved)


def _around_mean(before: Floats) -> Floats:
    out: Floats = before - before.mean(axis=1, keepdims=True)
    return out


def _unit_steps(
    before: Floats, donors: Floats, barred: Places, zeta: Floats, noise: Floats
) -> Floats:
    """(R, donors) unit weights by the published steps."""
    open_to = np.ones((len(before), len(donors)), dtype=bool)
    own = np.flatnonzero(barred >= 0)
    open_to[own, barred[own]] = False
    matrices = np.broadcast_to(donors.T, (len(before), *donors.T.shape))
    return frank_wolfe.fit(matrices, before, open_to, zeta, noise)


def _time_steps(
    before: Floats, after: Floats, barred: Places, noise: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, T0) time weights by the published steps; areas that bar nobody share one problem."""
    which, first, back = np.unique(barred, return_index=True, return_inverse=True)
    out = np.empty((len(which), before.shape[1]))
    for row, own in enumerate(which):
        kept = np.arange(len(before)) != own
        x, y = before[kept], after[kept]
        x, y = x - x.mean(axis=0), y - y.mean()
        level = noise[first[[row]]]
        open_to = np.ones((1, x.shape[1]), dtype=bool)
        out[row] = frank_wolfe.fit(x[None], y[None], open_to, TIME_RIDGE * level, level)[0]
    return out[back], np.ones(len(barred), dtype=bool)


def _noise(before: Floats, barred: NDArray[np.int64]) -> Floats:
    """(N) standard deviation of the donors' first differences, each area's own donors only."""
    change = np.diff(before, axis=1)
    own = np.where((barred >= 0)[:, None], change[barred], 0.0)
    count = (len(change) - (barred >= 0)) * change.shape[1]
    mean = (change.sum() - own.sum(axis=1)) / count
    square = (change**2).sum() - (own**2).sum(axis=1)
    out: Floats = np.sqrt(np.maximum((square - count * mean**2) / (count - 1), 1e-300))
    return out


def _time_weights(
    before: Floats, after: Floats, barred: NDArray[np.int64], noise: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, T0) weights of the periods before, which best foretell the donors' mean after.

    The problem without an area among its own donors is that of all donors less one outer product;
    areas that bar nobody share one problem. The ridge is the published 1e-6 times the noise.
    """
    which, first, back = np.unique(barred, return_index=True, return_inverse=True)
    x, y = before - before.mean(axis=0), after - after.mean()
    n = len(x)
    own = (which >= 0).astype(float) * n / max(n - 1, 1)
    figures, goal = x[which], y[which]
    g = (x.T @ x)[None] - own[:, None, None] * figures[:, :, None] * figures[:, None, :]
    c = (x.T @ y)[None] - own[:, None] * figures * goal[:, None]
    left = n - (which >= 0)
    periods = np.arange(x.shape[1])
    g[:, periods, periods] += ((TIME_RIDGE * noise[first]) ** 2 * left)[:, None]
    fitted = quadratic.fit(g, c)
    return fitted.weights[back], fitted.converged[back]
