"""Imputation (Borusyak, Jaravel and Spiess 2024, Review of Economic Studies 91).

Area and period effects are fitted on the untreated cells, and every treated cell is
compared with what they predict for it. Under each assignment the fit is made anew: its normal
equations in the period effects are sums over areas, so that moving a start takes one area's part
out and puts another in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import InferenceRefused
from evaluation.estimate import samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws, Influence
from evaluation.estimate.part_periods import per_whole_period
from evaluation.estimate.placebo_effects import counted, mean_by_site
from evaluation.estimate.samples import left_out
from evaluation.progress import watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

CHUNK = 500
# Entries of the equations count areas: below this a period has none, or two periods share none.
EMPTY = 1e-9


@dataclass(frozen=True, kw_only=True)
class ImputationSettings:
    """Settings of `imputation`.

    scale : ``level`` or ``log``. anticipation : periods before a start in which an effect may
    already show; they are left out of the fit. cluster : name of an area column to cluster
    analytic errors by; None: the area itself. replication : compute analytic errors for a published
    table where they would be refused.
    """

    scale: samples.Scale = "level"
    anticipation: int = 0
    cluster: str | None = None
    replication: bool = False

    def __post_init__(self) -> None:
        samples.one_of("scale", self.scale, samples.Scale)
        samples.whole_periods("anticipation", self.anticipation)


def imputation(
    panel: Panel,
    outcome: str,
    *,
    settings: ImputationSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Effects by site and treated period, against two-way effects of the untreated cells.

    Periods before a start have no effect here: they made the fit. A cell without a figure is left
    out of the fit and of the means. Strata of the assignments bound where starts are re-drawn;
    the fit is over all areas.

    Parameters
    ----------
    inference : ``placebo`` re-assigns the starts (default); ``analytic`` takes the conservative
        clustered errors of the paper's Theorem 3 (many areas only).

    Raises
    ------
    EstimateError : the panel cannot bear the estimate.
    InferenceRefused : the bootstrap; analytic errors below ten treated areas in ten authorities.
    """
    settings = settings or ImputationSettings()
    samples.check_call(panel, settings, ImputationSettings, inference, level)
    if inference == "bootstrap":
        raise InferenceRefused(
            "imputation has no bootstrap here.", mend="use inference='placebo' or 'analytic'"
        )
    sample = samples.take(panel, outcome, settings.scale)
    samples.last_seen(sample, settings.anticipation)
    warnings, draws, influence = sample.warnings, None, None
    if inference == "analytic":
        warnings += samples.refuse_few(sample, "imputation", replication=settings.replication)
        effects, influence = _influence(sample, settings)
    else:
        if assignments is None:
            assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
        samples.same_areas(assignments, sample)
        warnings += samples.not_to_scale(sample)
        draws = _placebo(sample, assignments, settings)
        effects = draws.raw[0].copy()
    fit = _Fit.of(sample, settings)
    differences = fit.differences
    left_out(sample, fit.known)
    samples.require_effects(sample, effects)
    warnings += left_out(sample, differences)
    exposure, observed = samples.unit_basis(sample, outcome, differences)
    found = Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator="imputation",
        estimand="gap to imputed two-way effects, by site and started period",
        inference=inference,
        level=level,
        index=samples.entries(sample, differences),
        effects=effects,
        draws=draws,
        influence=influence,
        exposure=exposure,
        observed=observed,
        paths=samples.site_paths(sample, effects),
        area_effects=samples.area_table(sample, samples.mean_after(differences), level),
        sample=sample.describe(),
        settings=settings,
        warnings=warnings,
        diagnostics=samples.describe_assignments(assignments) if assignments else {},
        panel=sample.panel,
        provenance=samples.provenance(panel, sample, assignments),
        # An area's own effect is the mean of what it had before its start, less what all had.
        base_weight=samples.base_weight(sample, settings.anticipation),
    )
    return per_whole_period(found, sample)


def _placebo(
    sample: samples.Sample, assignments: Assignments, settings: ImputationSettings
) -> Draws:
    raw = _placebo_effects(sample, assignments, settings)
    unit = replace(sample, figures=samples.unit_figures(sample))
    shift = _placebo_effects(unit, assignments, settings)
    cleaned = replace(sample, figures=sample.figures - samples.placed_effects(sample, raw[0]))
    net = _placebo_effects(cleaned, assignments, settings)
    return samples.finished_draws(assignments, raw, shift, net)


def _influence(sample: samples.Sample, settings: ImputationSettings) -> tuple[Floats, Influence]:
    """Effects and their influence functions: Theorem 3, equations 7 and 8.

    An area adds the sum over its cells of implied weight times residual. In untreated cells the
    weights are -(a_i + b_t) of the fit's own equations (Proposition A3), of which only b_t counts,
    since an area's residuals sum to zero; in treated cells, the residual is the effect less the
    mean effect of the areas that started together, in that period.
    """
    fit = _Fit.of(sample, settings)
    treated, n, n_periods = sample.treated, *sample.figures.shape
    start = treated.starts[treated.cohort_of]
    fitted, gram, periods = fit.real()
    pinned = _pinned(gram[None])
    count = np.maximum(fitted.sum(axis=1), 1)
    residual = np.where(fitted > 0, sample.figures - periods.effects[0], 0.0)
    # A cell alone with its area or its period is met exactly.
    residual = np.nan_to_num(residual)
    residual = fitted * (residual - (residual.sum(axis=1) / count)[:, None])
    effects = np.full((len(treated.names), n_periods), np.nan)
    functions = np.zeros((len(treated.names), n_periods, n))
    for s, g in enumerate(treated.starts.tolist()):
        together, own = treated.units[start == g], treated.units[treated.cohort_of == s]
        differences = fit.difference(together, g, periods)[:, g:]
        mine = np.isin(together, own)
        held = np.isfinite(differences[mine])
        share = held / np.maximum(held.sum(axis=0), 1)
        effects[s, g:] = samples.masked_mean(differences[mine])
        toward = np.eye(n_periods)[:, g:] - (fitted[own] / count[own, None]).T @ share
        toward[pinned.pins[0]] = 0.0
        solved = np.linalg.solve(pinned.gram[0], toward)
        functions[s, g:] = -(residual @ solved).T
        away = differences[mine] - samples.masked_mean(differences)
        functions[s, g:, own] += np.where(held, share * away, 0.0)
    # Scaled so that a standard error is sqrt(sum of squares) / n, as for every estimator here.
    functions *= n
    return effects.ravel(), Influence(
        figures=functions.reshape(-1, n).T,
        # The paper's errors take the weights of an average as given.
        site=samples.site_of(sample),
        mass=np.zeros((n, 1)),
        cluster=samples.clusters(sample, settings.cluster),
        multipliers=np.empty((0, 0)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """What areas add to the normal equations if they start in one period (or never).

    within : (N, T) figures less the area's own mean over its fitted cells, 0 elsewhere.
    fitted : (N, T) which cells are fitted. mean : (N) that own mean.
    """

    within: Floats
    fitted: Floats
    mean: Floats

    @classmethod
    def of(cls, figures: Floats, last: int) -> _Part:
        """``last`` : how many periods are fitted."""
        fitted = np.isfinite(figures) * (np.arange(figures.shape[1]) < last)
        count = np.maximum(fitted.sum(axis=1), 1)
        plain = np.where(fitted > 0, figures, 0.0)
        mean = plain.sum(axis=1) / count
        return cls(within=(plain - mean[:, None]) * fitted, fitted=fitted.astype(float), mean=mean)

    def gram(self, areas: NDArray[np.int64]) -> Floats:
        """(..., T, T) the areas' part of the equations in the period effects."""
        fitted = self.fitted[areas]
        count = np.maximum(fitted.sum(axis=-1), 1)[..., None, None]
        both = fitted[..., :, None] * fitted[..., None, :]
        eye = np.eye(fitted.shape[-1])
        gram: Floats = fitted[..., :, None] * eye - both / count
        return gram


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """The parts of a sample: as never treated, and as treated from each of its starts.

    gram : (T, T), moment : (T) the normal equations with every area as never treated.
    """

    sample: samples.Sample
    never: _Part
    starting: dict[int, _Part]
    gram: Floats
    moment: Floats

    @classmethod
    def of(cls, sample: samples.Sample, settings: ImputationSettings) -> _Fit:
        never = _Part.of(sample.figures, sample.n_periods)
        starts = sorted({int(g) for g in sample.treated.starts})
        return cls(
            sample=sample,
            never=never,
            starting={g: _Part.of(sample.figures, g - settings.anticipation) for g in starts},
            gram=_equations(never.fitted),
            moment=never.within.sum(axis=0),
        )

    def period_effects(self, pseudo_treated: NDArray[np.int64]) -> _Periods:
        """Fitted without the cells that the pseudo-treated areas' starts take out."""
        treated = self.sample.treated
        # Without holes the equations depend on how many areas start when, never on which.
        alike = bool(np.isfinite(self.sample.figures).all())
        gram = np.repeat(self.gram[None], 1 if alike else len(pseudo_treated), axis=0)
        moment = np.repeat(self.moment[None], len(pseudo_treated), axis=0)
        for unit, g in enumerate(treated.starts[treated.cohort_of].tolist()):
            area, part = pseudo_treated[:, unit], self.starting[g]
            moved = area[:1] if alike else area
            gram += part.gram(moved) - self.never.gram(moved)
            moment += part.within[area] - self.never.within[area]
        return _period_effects(gram, moment)

    def real(self) -> tuple[Floats, Floats, _Periods]:
        """Under the real starts: (N, T) fitted cells, (T, T) equations, period effects."""
        treated, fitted, within = (
            self.sample.treated,
            self.never.fitted.copy(),
            self.never.within.copy(),
        )
        for g, part in self.starting.items():
            members = treated.units[treated.starts[treated.cohort_of] == g]
            fitted[members], within[members] = part.fitted[members], part.within[members]
        gram = _equations(fitted)
        return fitted, gram, _period_effects(gram[None], within.sum(axis=0)[None])

    @property
    def known(self) -> dict[int, Floats]:
        """Start -> (N, T) figures of areas that are fitted at all, NaN of others."""
        some = {g: part.fitted.any(axis=1, keepdims=True) for g, part in self.starting.items()}
        return {g: np.where(held, self.sample.figures, np.nan) for g, held in some.items()}

    @property
    def differences(self) -> dict[int, Floats]:
        """Start -> (N, T) effect on every area had it started then, by the real fit."""
        periods, everyone = self.real()[2], np.arange(len(self.sample.figures))
        return {g: self.difference(everyone, g, periods) for g in self.starting}

    def difference(self, areas: NDArray[np.int64], g: int, periods: _Periods) -> Floats:
        """(b, T) figures of areas that start in g less what the fit predicts for them.

        NaN where no chain of areas and periods links a period to those that an area was fitted on:
        nothing then says how the two differ.
        """
        part = self.starting[g]
        fitted = part.fitted[areas]
        count = fitted.sum(axis=1)
        predicted = np.where(fitted > 0, periods.effects, 0.0).sum(axis=1)
        own = part.mean[areas] - predicted / np.maximum(count, 1)
        difference = self.sample.figures[areas] - own[:, None] - periods.effects
        first = fitted.argmax(axis=1)[:, None]
        linked = periods.linked == np.take_along_axis(
            np.broadcast_to(periods.linked, fitted.shape), first, axis=1
        )
        return np.where(linked & (count[:, None] > 0), difference, np.nan)


def _placebo_effects(
    sample: samples.Sample, assignments: Assignments, settings: ImputationSettings
) -> Floats:
    """(B + 1, S * T) effects of every site and period; NaN before the start."""
    fit = _Fit.of(sample, settings)
    chunks = np.array_split(assignments.pseudo_treated, max(1, len(assignments) // CHUNK))
    return np.concatenate(
        [_chunk(fit, drawn) for drawn in watched("imputation, assignments by the hundred", chunks)]
    )


def _chunk(fit: _Fit, pseudo_treated: NDArray[np.int64]) -> Floats:
    treated, n_periods = fit.sample.treated, fit.sample.n_periods
    periods = fit.period_effects(pseudo_treated)
    starts = treated.starts[treated.cohort_of].tolist()
    differences = np.stack(
        [fit.difference(pseudo_treated[:, m], g, periods) for m, g in enumerate(starts)], axis=1
    )
    # As in `placebo_effects`, the gaps of a treated area are copied to whoever stands for it.
    held = samples.observed(fit.sample, fit.known)
    held = counted(np.isfinite(differences), held, treated.cohort_of)
    mass = held * fit.sample.weights[pseudo_treated][:, :, None]
    effects = mean_by_site(np.where(mass > 0, differences, 0.0) * mass, mass, treated)
    before = np.arange(n_periods) < treated.starts[:, None]
    return np.where(before, np.nan, effects).reshape(len(pseudo_treated), -1)


def _equations(fitted: Floats) -> Floats:
    """(T, T) equations in the period effects, areas taken out: the sum of every area's `gram`."""
    count = np.maximum(fitted.sum(axis=1), 1)
    gram: Floats = np.diag(fitted.sum(axis=0)) - fitted.T @ (fitted / count[:, None])
    return gram


@dataclass(frozen=True, kw_only=True, eq=False)
class _Periods:
    """Period effects of a batch of fits.

    effects : (b, T) NaN in a period that no cell is fitted in. linked : (b, T) the number of its
    group: periods of one group are linked by areas that are fitted in both, and within a group
    alone do differences of effects mean something.
    """

    effects: Floats
    linked: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pinned:
    """Normal equations with one solution.

    gram : (b, T, T). pins : (b, T) periods whose effect is set to 0: the first of each group, since
    only differences are fitted, and those of no cell, which are ``empty``. linked : as in
    `_Periods`.
    """

    gram: Floats
    pins: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    linked: NDArray[np.int64]


def _pinned(gram: Floats) -> _Pinned:
    """The equations with the periods pinned that they leave open."""
    size = gram.shape[1]
    diagonal = np.arange(size)
    empty = gram[:, diagonal, diagonal] <= EMPTY
    linked = np.where(empty, -1, size)
    pins = empty.copy()
    together = (np.abs(gram) > EMPTY).astype(float)
    while (open_to := linked == size).any():
        first = open_to.argmax(axis=1)
        row = np.flatnonzero(open_to.any(axis=1))
        pins[row, first[row]] = True
        reached = np.zeros((len(row), size))
        reached[np.arange(len(row)), first[row]] = 1.0
        while True:
            further = ((reached[:, None, :] @ together[row])[:, 0] > 0).astype(float)
            further = np.maximum(further, reached)
            if np.array_equal(further, reached):
                break
            reached = further
        linked[row] = np.where(reached > 0, first[row, None], linked[row])
    gram = gram.copy()
    row, period = np.nonzero(pins)
    gram[row, period, :] = 0.0
    gram[row, :, period] = 0.0
    gram[row, period, period] = 1.0
    return _Pinned(gram=gram, pins=pins, empty=empty, linked=linked)


def _period_effects(gram: Floats, moment: Floats) -> _Periods:
    """Period effects; the first of each group is 0, since only their differences are fitted."""
    pinned = _pinned(gram)
    moment = np.where(pinned.pins, 0.0, moment)
    solved = np.linalg.solve(pinned.gram, moment[..., None])[..., 0]
    return _Periods(effects=np.where(pinned.empty, np.nan, solved), linked=pinned.linked)
