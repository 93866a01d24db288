"""What each synthetic method fits for one start: weights of donors and of periods, for every area.

Kept apart from the estimators, which turn these weights into effects under assignments.
"""

from __future__ import annotations

from collections.abc import Callable
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
Method = Callable[["Ground"], Twins]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What a fit for one start stands on.

    donors : positions of the never-started areas. usable : positions of the complete periods before
    the start ``g``. barred : (N) which donor each area may not use, itself; -1 for none.
    """

    figures: Floats
    donors: Places
    usable: Places
    barred: Places
    g: int
    label: str

    @classmethod
    def of(cls, sample: frame.Sample, g: int) -> Ground:
        """The ground of one start.

        Raises
        ------
        EstimateError : fewer than two donors, or no complete period before the start.
        """
        never = np.flatnonzero(sample.panel.start_index == -1)
        if len(never) < 2:
            raise EstimateError("fewer than two complete comparison areas are left as donors.")
        usable = np.flatnonzero(np.isfinite(sample.figures[:, :g]).all(axis=0))
        label = str(sample.panel.periods[g])
        if len(usable) == 0:
            raise EstimateError(f"no complete period before the start in {label}.")
        barred = np.full(len(sample.figures), -1)
        barred[never] = np.arange(len(never))
        return cls(
            figures=sample.figures, donors=never, usable=usable, barred=barred, g=g, label=label
        )

    @property
    def before(self) -> Floats:
        """(N, T0) figures in the periods of the fit."""
        return self.figures[:, self.usable]

    def around_mean(self) -> tuple[Floats, Floats]:
        """(N, T0) figures around each area's mean of those periods, and (N, T) its weights."""
        base = np.zeros_like(self.figures)
        base[:, self.usable] = 1 / len(self.usable)
        return self.before - self.before.mean(axis=1, keepdims=True), base

    def twins(self, weights: Floats, time: Floats, converged: NDArray[np.bool_]) -> Twins:
        return Twins(
            donors=self.donors, unit_weights=weights, time_weights=time, figures=self.figures,
            fitted_on=self.usable, converged=converged,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The twins of every area for every start of a panel, and the sample that they were fitted on.

    said : what has to be said of areas that were left out.
    """

    sample: frame.Sample
    twins: dict[int, Twins]
    said: tuple[str, ...]


def fit_all(panel: Panel, outcome: str, scale: frame.Scale, method: Method) -> Fitted:
    """Fit every area for every start; comparison areas with a missing figure are left out.

    Raises
    ------
    EstimateError : the panel cannot bear the fit.
    """
    kept, said = twins.complete(panel, outcome)
    sample = frame.take(kept, outcome, scale)
    fitted = {int(g): method(Ground.of(sample, int(g))) for g in np.unique(sample.slots.starts)}
    return Fitted(sample=sample, twins=fitted, said=said)


def control(
    ground: Ground, *, demeaned: bool = False, penalty: float | None = None, break_ties: bool = True
) -> Twins:
    """Simplex weights; where several fit equally, those of least norm."""
    before, base = ground.before, np.zeros_like(ground.figures)
    if demeaned:
        before, base = ground.around_mean()
    x, barred = before[ground.donors].T, ground.barred[:, None]
    variation = None if penalty is None else simplex.Variation(
        penalty=np.full(len(before), penalty)
    )  # fmt: skip
    fitted = simplex.fit(x, before, barred, variation)
    weights = fitted.weights
    if break_ties and penalty is None:
        weights = ties.least_norm(x, before, ground.barred, fitted)
    return ground.twins(weights, base, fitted.converged)


def augment(ground: Ground, penalty: augmented.Penalty) -> Twins:
    """Ridge-augmented weights."""
    before = ground.before
    if len(ground.usable) < 3 and penalty.given is None:
        raise EstimateError(
            f"fewer than three complete periods before the start in {ground.label}, so that none "
            "can be left out to find the ridge penalty.",
            mend="give a penalty, or use synthetic_control",
        )
    fitted = augmented.fit(before[ground.donors].T, before, ground.barred, penalty)
    return ground.twins(fitted.weights, np.zeros_like(ground.figures), fitted.base.converged)


def control_as_published(ground: Ground) -> Twins:
    """Simplex weights by Frank-Wolfe steps that stop early, as the published code takes them."""
    before, donors = ground.before, ground.donors
    noise = (
        _noise(before[donors], ground.barred) if len(ground.usable) > 1 else np.ones(len(before))
    )
    weights = _unit_steps(before, ground, TIME_RIDGE * noise, noise)
    return ground.twins(weights, np.zeros_like(ground.figures), np.ones(len(before), dtype=bool))


def sdid(ground: Ground, *, exact: bool = True) -> Twins:
    """Unit and time weights of synthetic difference-in-differences, for each area alone."""
    if len(ground.usable) < 2:
        raise EstimateError(
            f"fewer than two complete periods before the start in {ground.label}.",
            mend="use synthetic_control or did",
        )
    before, donors, barred = ground.before, ground.donors, ground.barred
    after = ground.figures[donors][:, ground.g :]
    noise = _noise(before[donors], barred)
    zeta = after.shape[1] ** 0.25 * noise
    centred, base = ground.around_mean()
    if exact:
        units = ridge.fit(centred[donors].T, centred, barred, zeta**2 * len(ground.usable))
        weights, converged = units.weights, units.converged
    else:
        weights, converged = _unit_steps(centred, ground, zeta, noise), np.ones(len(before), bool)
    time = _time_weights if exact else _time_steps
    base[:, ground.usable], solved = time(before[donors], after.mean(axis=1), barred, noise)
    return ground.twins(weights, base, converged & solved)


def _unit_steps(before: Floats, ground: Ground, zeta: Floats, noise: Floats) -> Floats:
    """(N, donors) unit weights by the published steps."""
    donors = before[ground.donors].T
    open_to = np.ones((len(before), donors.shape[1]), dtype=bool)
    own = np.flatnonzero(ground.barred >= 0)
    open_to[own, ground.barred[own]] = False
    matrices = np.broadcast_to(donors, (len(before), *donors.shape))
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
