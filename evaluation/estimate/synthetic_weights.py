"""Weights of donors and of periods that each synthetic method fits, for every area of one start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import samples, synthetic_placebos
from evaluation.estimate.solvers import ridge, simplex
from evaluation.estimate.synthetic_placebos import SyntheticUnits
from evaluation.progress import watched
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.solvers.simplex import SimplexFit
    from evaluation.panel import Panel

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]


Folds = Literal["every", "published"]
Choice = Literal["one_error", "least"]
# Lambdas as the authors' R package augsynth tries them: 20 steps down to 1e-8 of the largest.
GRID = 20
SMALLEST = 1e-8
# Fits without a period that are made at once, to bound memory.
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


def ridge_augmented(
    donors: Floats,
    targets: Floats,
    excluded_donors: Positions,
    penalty: Penalty,
    given: Floats | None = None,
    beside: int = 0,
) -> AugmentedFit:
    """Fit every target.

    Parameters
    ----------
    donors : (T0, N). targets : (B, T0). excluded_donors : (B) the donor that a target may not use
        (itself); -1 for none.
    given : (B) a lambda for each target, in place of that of ``penalty``.
    beside : how many of the last rows are no periods but covariates, which are never left out to
        find the penalty.

    Raises
    ------
    ValueError : a figure is not finite, or a target has no donor left.
    """
    # Where several weights fit alike, those of least norm, here as without a regression: which ones
    # the solver found first would hang on the donors' order.
    base = simplex.fit(donors, targets, excluded_donors[:, None])
    base = ridge.least_norm_fit(donors, targets, excluded_donors, base)
    centre = donors.mean(axis=1, keepdims=True)
    x, y = _rounded(donors - centre, donors), targets - centre.T
    tilt = np.empty_like(y)
    if given is None and penalty.given is not None:
        given = np.full(len(y), penalty.given)
    chosen = np.zeros(len(y)) if given is None else given.copy()
    tried = np.zeros((len(y), GRID + 1)) if given is None else given[:, None].copy()
    periods = _folds(len(x) - beside, penalty.folds)
    errors = np.full(tried.shape, np.nan)
    for rows in np.array_split(np.arange(len(y)), max(1, -(-len(y) * len(x) // FOLD_FITS))):
        part, own = base.rows(rows), excluded_donors[rows]
        squares = _Squares.of(x, own)
        if given is None:
            # Donors that are alike teach a regression nothing, whatever its penalty.
            largest = np.where(squares.values[:, [-1]] > 0, squares.values[:, [-1]], 1.0)
            tried[rows] = largest * SMALLEST ** (np.arange(GRID + 1) / GRID)
            errors[rows], spread = _errors(x, y[rows], part, squares, tried[rows], periods)
            best = _choose(errors[rows], spread, penalty.choice)
            chosen[rows] = tried[rows, best]
        tilt[rows] = squares.solve(y[rows] - part.predict(x.T), chosen[rows])
    return AugmentedFit(
        weights=_weights(x, excluded_donors, base, tilt),
        base=base,
        penalty=chosen,
        penalties=tried,
        errors=errors,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Squares:
    """X'X of each target's own donors, centred at their mean, by eigenvectors.

    excluded_donors : (B). values : (B, T0), from the smallest up. vectors : (B, T0, T0) in columns.
    """

    excluded_donors: Positions
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, x: Floats, excluded_donors: Positions) -> _Squares:
        n = x.shape[1]
        own = np.where((excluded_donors >= 0)[:, None], x.T[excluded_donors], 0.0) * np.sqrt(
            n / max(n - 1, 1)
        )
        squares = (x @ x.T)[None] - own[:, :, None] * own[:, None, :]
        values, vectors = np.linalg.eigh(squares)
        return cls(excluded_donors=excluded_donors, values=np.maximum(values, 0.0), vectors=vectors)

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


def _folds(count: int, which: Folds) -> Positions:
    """The periods that are left out in turn."""
    return np.arange(count - 1 if which == "published" and count > 2 else count)


def _errors(
    x: Floats, y: Floats, base: SimplexFit, squares: _Squares, penalties: Floats, periods: Positions
) -> tuple[Floats, Floats]:
    """(B, L) mean squared error of the periods left out, and its standard error."""
    left = _left_without(x, y, squares.excluded_donors, base, periods)
    square = squares.held_out_errors(left, penalties)[:, periods] ** 2
    spread: Floats = square.std(axis=1, ddof=1) / np.sqrt(len(periods))
    return square.mean(axis=1), spread


def _left_without(
    x: Floats, y: Floats, excluded_donors: Positions, base: SimplexFit, periods: Positions
) -> Floats:
    """(B, T0, T0) what simplex weights that leave out each period in turn leave of all periods."""
    rows = np.repeat(np.arange(len(y)), len(periods))
    variation = simplex.Variation(held_out=np.tile(periods, len(y)), start=base.rows(rows))
    refitted = simplex.fit(x, y[rows], excluded_donors[rows, None], variation)
    out = np.zeros((len(y), len(x), len(x)))
    for k, period in enumerate(periods):
        # Weights that fit the other periods alike foretell the one left out differently.
        part, others = refitted.rows(np.arange(len(y)) * len(periods) + k), np.arange(len(x))
        others = others[others != period]
        settled = ridge.least_norm_fit(x[others], y[:, others], excluded_donors, part)
        out[:, period] = y - settled.predict(x.T)
    return out


def _choose(errors: Floats, spread: Floats, choice: Choice) -> Positions:
    """(B) which of the penalties, ordered from the largest down."""
    best: Positions = np.argmin(errors, axis=1)
    if choice == "least":
        return best
    rows = np.arange(len(errors))
    bound = errors[rows, best] + spread[rows, best]
    chosen: Positions = np.argmax(errors <= bound[:, None], axis=1)
    return chosen


def _weights(x: Floats, excluded_donors: Positions, base: SimplexFit, solved: Floats) -> Floats:
    """Simplex weights and the regression's, whose centre is each area's own donors' mean."""
    n = x.shape[1]
    tilt = solved @ x
    own = np.flatnonzero(excluded_donors >= 0)
    tilt[own] += (tilt[own, excluded_donors[own]] / max(n - 1, 1))[:, None]
    tilt[own, excluded_donors[own]] = 0.0
    return base.weights + tilt


# All four as in the authors' R package synthdid: a first walk of 100 steps, weights below a quarter
# of the largest set to zero, then until a step gains less than (1e-5 times the noise) squared.
FIRST_STEPS, MOST_STEPS = 100, 10_000
LEAST_DECREASE = 1e-5
KEPT_SHARE = 4


def frank_wolfe(a: Floats, b: Floats, open_to: Flags, zeta: Floats, noise: Floats) -> Floats:
    """Weights of a batch: min zeta^2 ||w||^2 + ||A w - b||^2 / rows on the simplex, stopped early.

    Parameters
    ----------
    a : (B, R, N). b : (B, R). open_to : (B, N) weights that may differ from zero.
    zeta : (B) the penalty. noise : (B) noise level; a step must gain (1e-5 noise)^2.

    Returns
    -------
    (B, N) weights, rows summing to one.
    """
    start = open_to / open_to.sum(axis=1, keepdims=True)
    first = _walk(a, b, start, open_to, zeta, noise, FIRST_STEPS)
    sparse = np.where(first <= first.max(axis=1, keepdims=True) / KEPT_SHARE, 0.0, first)
    sparse = sparse / sparse.sum(axis=1, keepdims=True)
    return _walk(a, b, sparse, open_to, zeta, noise, MOST_STEPS)


def _walk(
    a: Floats, b: Floats, start: Floats, open_to: Flags, zeta: Floats, noise: Floats, most: int
) -> Floats:
    weights, live = start.copy(), np.arange(len(b))
    value = np.full(len(b), np.inf)
    for step in range(most):
        moved = _step(a[live], b[live], weights[live], open_to[live], a.shape[1] * zeta[live] ** 2)
        weights[live] = moved
        error = (a[live] @ moved[:, :, None])[:, :, 0] - b[live]
        now = zeta[live] ** 2 * (moved**2).sum(axis=1) + (error**2).sum(axis=1) / a.shape[1]
        going = value[live] - now > (LEAST_DECREASE * noise[live]) ** 2
        value[live] = now
        if step > 0:
            live = live[going]
        if len(live) == 0:
            break
    return weights


def _step(a: Floats, b: Floats, weights: Floats, open_to: Flags, eta: Floats) -> Floats:
    fitted = (a @ weights[:, :, None])[:, :, 0]
    gradient = ((fitted - b)[:, None, :] @ a)[:, 0] + eta[:, None] * weights
    best = np.where(open_to, gradient, np.inf).argmin(axis=1)
    rows = np.arange(len(b))
    toward = -weights
    toward[rows, best] += 1.0
    moves = ((a[rows, :, best] - fitted) ** 2).sum(axis=1) + eta * (toward**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nan_to_num(-(gradient * toward).sum(axis=1) / moves)
    out: Floats = weights + np.clip(size, 0.0, 1.0)[:, None] * toward
    return out


# zeta of the time weights over the noise level (Arkhangelsky and others 2021): it only makes them
# unique.
TIME_RIDGE = 1e-6
LEAST_PERIODS = 3
"""Periods before the start that an area needs to be fitted, or all where there are fewer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """unit : (R, donors), rows summing to one. time : (R, T), rows summing to one or to nothing.

    converged : (R) whether each fit reached its optimum. base, penalty : what augmented weights
    stand on. again : how they are fitted without some donors, where more than figures before the
    start goes into them.
    """

    unit: Floats
    time: Floats
    converged: NDArray[np.bool_]
    base: Floats | None = None
    penalty: Floats | None = None
    again: synthetic_placebos.Again | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What the fit of some areas for one start stands on.

    figures : (N, T). rows : (R) positions of the areas to be fitted. donors : positions of the
    donors. excluded_donors : (R) which donor each area may not use, itself; -1 for none. usable :
    positions of the periods before the start ``g`` in which these areas have figures.
    """

    figures: Floats
    rows: Positions
    donors: Positions
    excluded_donors: Positions
    usable: Positions
    g: int
    label: str

    @classmethod
    def each(cls, sample: samples.Sample, g: int) -> list[Ground]:
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
            cls.on(sample.figures, able[rows], donors, periods, g, label)
            for periods, rows in synthetic_placebos.alike(held[able])
        ]

    @classmethod
    def on(
        cls,
        figures: Floats,
        rows: Positions,
        donors: Positions,
        usable: Positions,
        g: int,
        label: str,
    ) -> Ground:
        """Some areas and donors; an area among the donors is excluded from itself."""
        column_of = np.full(len(figures), -1)
        column_of[donors] = np.arange(len(donors))
        return cls(
            figures=figures,
            rows=rows,
            donors=donors,
            excluded_donors=column_of[rows],
            usable=usable,
            g=g,
            label=label,
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
        """(R, T) each area's gap to its synthetic control, less its weighted pre-period gap."""
        gap = self.figures[self.rows] - weights.unit @ self.figures[self.donors]
        before = (np.where(weights.time > 0, gap, 0.0) * weights.time).sum(axis=1)
        out: Floats = gap - before[:, None]
        return out


Method = Callable[[Ground], Weights]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """Synthetic controls of every area for every start of a panel, and the sample they rest on.

    said : what has to be said of areas with missing figures.
    """

    sample: samples.Sample
    synthetic_units: dict[int, SyntheticUnits]
    said: tuple[str, ...]


def fit_all(panel: Panel, outcome: str, scale: samples.Scale, method: Method) -> Fitted:
    """Fit every area for every start; comparison areas with a missing figure are no donors.

    Raises
    ------
    EstimateError : the panel cannot bear the fit.
    """
    sample = samples.take(panel, outcome, scale)
    starts = np.unique(sample.treated.starts).tolist()
    fitted = {
        g: fit_start(sample, g, method) for g in watched("synthetic controls, starts", starts)
    }
    return Fitted(sample=sample, synthetic_units=fitted, said=no_donors(sample, fitted))


def fit_start(sample: samples.Sample, g: int, method: Method) -> SyntheticUnits:
    """The synthetic controls of every area for the start ``g``.

    Raises
    ------
    EstimateError : no period before it has a figure, or fewer than two donors.
    """
    samples.last_seen(sample)
    grounds = Ground.each(sample, g)
    return synthetic_units_of(grounds, [method(ground) for ground in grounds])


def enough(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N) which areas have enough of the periods before a start (N, T0) to be fitted."""
    there = int(held.any(axis=0).sum())
    out: NDArray[np.bool_] = held.sum(axis=1) >= max(min(LEAST_PERIODS, there), 1)
    return out


def donors_of(sample: samples.Sample) -> Positions:
    """Positions of the comparison areas that have a figure in every period that any area has one.

    Raises
    ------
    EstimateError : there are fewer than two.
    """
    whole = np.isfinite(sample.figures[:, sample.seen]).all(axis=1)
    donors: Positions = np.flatnonzero(~sample.panel.treated & whole)
    if len(donors) < 2:
        raise EstimateError(
            "fewer than two complete comparison areas are left as donors.",
            mend="use did or imputation, which make do with missing figures",
        )
    return donors


def no_donors(sample: samples.Sample, fitted: Mapping[int, SyntheticUnits]) -> tuple[str, ...]:
    """What has to be said of comparison areas that are no donors for want of figures."""
    gap = int((~sample.panel.treated).sum()) - len(next(iter(fitted.values())).donors)
    if not gap:
        return ()
    none = f"{gap} comparison areas have a missing or withheld figure and serve as no donor"
    return (Sentence.of(none, "no_donors"),)


def synthetic_units_of(grounds: Sequence[Ground], weights: Sequence[Weights]) -> SyntheticUnits:
    """The synthetic controls that weights make; an area that was not fitted has none (NaN)."""
    figures, rows = grounds[0].figures, [ground.rows for ground in grounds]
    pre_period_mask, converged = (
        np.zeros(figures.shape, dtype=bool),
        np.ones(len(figures), dtype=bool),
    )
    time = np.zeros_like(figures)
    for ground, fitted in zip(grounds, weights, strict=True):
        pre_period_mask[np.ix_(ground.rows, ground.usable)] = True
        time[ground.rows], converged[ground.rows] = fitted.time, fitted.converged
    base = [fitted.base for fitted in weights if fitted.base is not None]
    penalty = [fitted.penalty for fitted in weights if fitted.penalty is not None]
    augmented = None
    if base:
        augmented = synthetic_placebos.Augmented(
            base=_of_all(base, rows, len(figures)),
            penalty=_of_all(penalty, rows, len(figures)),
            again=weights[0].again,
        )
    return SyntheticUnits(
        donors=grounds[0].donors,
        unit_weights=_of_all([w.unit for w in weights], rows, len(figures)),
        time_weights=time,
        figures=figures,
        pre_period_mask=pre_period_mask,
        converged=converged,
        augmented=augmented,
    )


def _of_all(parts: Sequence[Floats], rows: Sequence[Positions], count: int) -> Floats:
    """(N, ...) the parts in their rows, NaN in rows of none; one part with all rows as it is."""
    if len(parts) == 1 and len(rows[0]) == count:
        return parts[0]
    out: Floats = np.full((count, *parts[0].shape[1:]), np.nan)
    for part, held in zip(parts, rows, strict=True):
        out[held] = part
    return out


def control(ground: Ground, *, demeaned: bool = False, penalty: float | None = None) -> Weights:
    """Simplex weights; where several fit equally, those of least norm."""
    before, donors = ground.before, ground.donors_before
    if demeaned:
        before, donors = around_mean(before), around_mean(donors)
    variation = simplex.Variation(
        penalty=None if penalty is None else np.full(len(before), penalty),
        rounding=float(np.finfo(float).eps * np.abs(ground.donors_before).max()),
    )
    fitted = simplex.fit(donors.T, before, ground.excluded_donors[:, None], variation)
    weights = ridge.least_norm_weights(
        donors.T, before, ground.excluded_donors, fitted, penalty or 0.0
    )
    base = ground.mean_base if demeaned else ground.no_base
    return Weights(unit=weights, time=base, converged=fitted.converged)


def augment(ground: Ground, penalty: Penalty) -> Weights:
    """Ridge-augmented weights."""
    require_folds(ground, penalty)
    fitted = ridge_augmented(ground.donors_before.T, ground.before, ground.excluded_donors, penalty)
    return Weights(
        unit=fitted.weights,
        time=ground.no_base,
        converged=fitted.base.converged,
        base=fitted.base.weights,
        penalty=fitted.penalty,
    )


def require_folds(ground: Ground, penalty: Penalty) -> None:
    """Refuse a penalty to be found from too few periods.

    Raises
    ------
    EstimateError : there are fewer than three before the start.
    """
    if len(ground.usable) < 3 and penalty.given is None:
        raise EstimateError(
            f"fewer than three complete periods before the start in {ground.label}, so that none "
            "can be left out to find the ridge penalty.",
            mend="give a penalty, or use synthetic_control",
        )


def control_as_published(ground: Ground) -> Weights:
    """Simplex weights by Frank-Wolfe steps that stop early, as the published code takes them."""
    before, donors = ground.before, ground.donors_before
    noise = np.ones(len(before))
    if len(ground.usable) > 1:
        noise = _noise(donors, ground.excluded_donors)
    weights = _unit_steps(before, donors, ground.excluded_donors, TIME_RIDGE * noise, noise)
    return Weights(unit=weights, time=ground.no_base, converged=np.ones(len(before), dtype=bool))


def sdid(ground: Ground, *, exact: bool = True) -> Weights:
    """Unit and time weights of synthetic difference-in-differences, for each area alone."""
    if len(ground.usable) < 2:
        raise EstimateError(
            f"fewer than two complete periods before the start in {ground.label}.",
            mend="use synthetic_control or did",
        )
    donors, excluded_donors = ground.donors_before, ground.excluded_donors
    after = ground.figures[ground.donors][:, ground.g :]
    # A period that the donors have no figure in nobody has.
    after = after[:, np.isfinite(after).all(axis=0)]
    noise = _noise(donors, excluded_donors)
    # Donors that all move alike are fitted alike by all weights, and the published penalties, which
    # go with how they differ, vanish. In that limit all weigh alike, donors and periods.
    still = noise <= FLAT * np.abs(donors).max()
    noise = np.where(still, 1.0 + np.abs(donors).max(), noise)
    # zeta = (treated units x periods after)^(1/4) times the noise (Arkhangelsky and others 2021);
    # every area is fitted as the only treated one.
    zeta = max(after.shape[1], 1) ** 0.25 * noise
    own, others = around_mean(ground.before), around_mean(donors)
    if exact:
        units = ridge.fit(others.T, own, excluded_donors, zeta**2 * len(ground.usable))
        weights, converged = units.weights, units.converged
    else:
        weights = _unit_steps(own, others, excluded_donors, zeta, noise)
        converged = np.ones(len(own), dtype=bool)
    time, solved = ground.mean_base, np.ones(len(own), dtype=bool)
    if after.shape[1] and not still.all():
        fit_time = _time_weights if exact else _time_steps
        fitted, solved = fit_time(donors, after.mean(axis=1), excluded_donors, noise)
        time[:, ground.usable] = np.where(still[:, None], time[:, ground.usable], fitted)
    return Weights(unit=weights, time=time, converged=converged & (solved | still))


def around_mean(before: Floats) -> Floats:
    """(R, T0) figures less each row's mean, with what rounding leaves of a flat row taken out."""
    return _rounded(before - before.mean(axis=1, keepdims=True), before)


# Of the largest figure: what rounding leaves of figures that do not differ.
FLAT = 1e-13


def _rounded(apart: Floats, figures: Floats) -> Floats:
    out: Floats = np.where(np.abs(apart) <= FLAT * np.abs(figures).max(initial=0.0), 0.0, apart)
    return out


def _unit_steps(
    before: Floats, donors: Floats, excluded_donors: Positions, zeta: Floats, noise: Floats
) -> Floats:
    """(R, donors) unit weights by the published steps."""
    open_to = np.ones((len(before), len(donors)), dtype=bool)
    own = np.flatnonzero(excluded_donors >= 0)
    open_to[own, excluded_donors[own]] = False
    matrices = np.broadcast_to(donors.T, (len(before), *donors.T.shape))
    return frank_wolfe(matrices, before, open_to, zeta, noise)


def _time_steps(
    before: Floats, after: Floats, excluded_donors: Positions, noise: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, T0) time weights by the published steps; areas that bar nobody share one problem."""
    which, first, back = np.unique(excluded_donors, return_index=True, return_inverse=True)
    out = np.empty((len(which), before.shape[1]))
    for row, own in enumerate(which):
        kept = np.arange(len(before)) != own
        x, y = before[kept], after[kept]
        x, y = x - x.mean(axis=0), y - y.mean()
        level = noise[first[[row]]]
        open_to = np.ones((1, x.shape[1]), dtype=bool)
        out[row] = frank_wolfe(x[None], y[None], open_to, TIME_RIDGE * level, level)[0]
    return out[back], np.ones(len(excluded_donors), dtype=bool)


def _noise(before: Floats, excluded_donors: NDArray[np.int64]) -> Floats:
    """(N) standard deviation of the donors' first differences, each area's own donors only."""
    change = np.diff(before, axis=1)
    own = np.where((excluded_donors >= 0)[:, None], change[excluded_donors], 0.0)
    count = (len(change) - (excluded_donors >= 0)) * change.shape[1]
    # One change alone has no deviation: it is taken for none.
    mean = (change.sum() - own.sum(axis=1)) / count
    square = (change**2).sum() - (own**2).sum(axis=1)
    out: Floats = np.sqrt(np.maximum((square - count * mean**2) / np.maximum(count - 1, 1), 1e-300))
    return out


def _time_weights(
    before: Floats, after: Floats, excluded_donors: NDArray[np.int64], noise: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, T0) weights of the periods before, which best foretell the donors' mean after.

    The problem without an area among its own donors is that of all donors less one outer product;
    areas that bar nobody share one problem. The ridge is the published 1e-6 times the noise.
    """
    which, first, back = np.unique(excluded_donors, return_index=True, return_inverse=True)
    x, y = before - before.mean(axis=0), after - after.mean()
    n = len(x)
    own = (which >= 0).astype(float) * n / max(n - 1, 1)
    figures, goal = x[which], y[which]
    g = (x.T @ x)[None] - own[:, None, None] * figures[:, :, None] * figures[:, None, :]
    c = (x.T @ y)[None] - own[:, None] * figures * goal[:, None]
    left = n - (which >= 0)
    periods = np.arange(x.shape[1])
    g[:, periods, periods] += ((TIME_RIDGE * noise[first]) ** 2 * left)[:, None]
    fitted = simplex.least_quadratic(g, c)
    weights = _alike_periods(before, which, fitted.weights)
    return weights[back], fitted.converged[back]


def _alike_periods(before: Floats, which: Positions, weights: Floats) -> Floats:
    """(W, T0) time weights with those of periods that are alike to all donors made alike.

    The published ridge says so, but it is too small for doubles: which of the periods the solver
    took would hang on the last digits.

    Parameters
    ----------
    before : (n, T0). which : (W) the donor that each row of weights leaves out; -1 for none.
    """
    least = FLAT**2 * (before**2).sum(axis=0).max(initial=0.0)
    alike = np.tile(np.eye(before.shape[1]), (len(which), 1, 1))
    for s, figures in enumerate(before.T):
        apart = (before - figures[:, None]) ** 2
        total = apart.sum(axis=0)
        # Without one donor no more falls away than the largest part.
        for t in np.flatnonzero(total - apart.max(axis=0) <= least):
            own = np.where(which >= 0, apart[which, t], 0.0)
            alike[:, s, t] = np.maximum(alike[:, s, t], total[t] - own <= least)
    return np.asarray((alike @ (weights / alike.sum(axis=2))[:, :, None])[:, :, 0])
