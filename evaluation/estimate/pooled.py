"""Partially pooled synthetic control, for cohorts that start at different times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import arguments, pre_period_fit, samples, synthetic_placebos
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws
from evaluation.estimate.part_periods import per_whole_period
from evaluation.estimate.placebo_effects import counted, mean_by_site
from evaluation.estimate.solvers import ridge, simplex
from evaluation.estimate.synthetic import refuse
from evaluation.estimate.synthetic_weights import around_mean
from evaluation.progress import watched
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import TreatedAreas
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]


SWEEPS = 500
# The share of the objective that a round of steps has to gain for another one to follow.
SETTLED = 1e-12
# Of the targets' scale: below it both misfits are rounding and their ratio means nothing.
PERFECT = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledFit:
    """Weights of J treated areas in each of B assignments.

    fits : one batch of B simplex fits for each of the J units. donors, aims : for each unit what
    these were fitted on, (L_j, N), and to, (B, L_j): its own figures and its share of the others'
    misfit. errors : (B, J, L) misfits, 0 without a period. share : (B)
    nu. separate, pooled : (B) q_sep and q_pool of the weights; apart : (B, 2) the same of weights
    fitted apart. converged : (B) whether the last round of steps gained less than 1e-12 of the
    objective.
    """

    fits: list[simplex.SimplexFit]
    donors: list[Floats]
    aims: list[Floats]
    errors: Floats
    share: Floats
    separate: Floats
    pooled: Floats
    apart: Floats
    converged: NDArray[np.bool_]


def fit(
    targets: list[Floats],
    donors: list[Floats],
    excluded_donors: Positions,
    share: float | None,
    rounding: float = 0.0,
) -> PooledFit:
    """Fit the areas of every assignment together.

    Parameters
    ----------
    targets : for each of J units, (B, L_j) figures of its area, the last period before the start
        first. donors : for each unit, (L_j, N).
    excluded_donors : (B, K) donors that an assignment may not use; -1 for none.
    share : nu, between 0 (apart) and 1 (the average alone); None takes the authors' rule, the
        length of the average error over the average length of the errors, fitted apart.
    rounding : of the figures; misfits no larger are none.

    Raises
    ------
    ValueError : a figure is not finite, or an assignment leaves no donor.
    """
    # Weights sum to one, so that a level taken from donors and target alike changes no misfit. Left
    # in, a large one would hide what is left to fit behind its rounding.
    centres = [x.mean(axis=1) for x in donors]
    targets = [y - centre for y, centre in zip(targets, centres, strict=True)]
    donors = [x - centre[:, None] for x, centre in zip(donors, centres, strict=True)]
    # What rounding leaves of donors that are alike would be taken for a difference.
    donors = [np.where(np.abs(x) <= rounding, 0.0, x) for x in donors]
    known = simplex.Variation(rounding=rounding)
    apart = [
        simplex.fit(x, y, excluded_donors, known) for x, y in zip(donors, targets, strict=True)
    ]
    errors = _errors(targets, donors, apart)
    lengths = np.array([y.shape[1] for y in targets])
    measures = _measures(errors, lengths)
    if share is None:
        size = np.sqrt((errors**2).sum(axis=2)).mean(axis=1)
        together = np.sqrt((errors.mean(axis=1) ** 2).sum(axis=1))
        nu = np.divide(together, size, out=np.zeros_like(size), where=size > 0)
    else:
        nu = np.full(len(excluded_donors), share)
    # Ben-Michael, Feller and Rothstein's objective: nu times the squared pooled misfit and 1 - nu
    # times the separate ones, each over its value when fitted apart, so that nu has no unit.
    # An assignment whose areas are all met exactly has nothing left to pool.
    scale = np.sqrt(np.mean([(y**2).mean(axis=1) for y in targets], axis=0)) + 1e-300
    least = np.maximum(PERFECT * scale, rounding)
    nu = np.where((measures > least[:, None]).all(axis=1), nu, 0.0)
    # A square of less would underflow to nothing.
    squares = np.maximum(measures, 1e-150) ** 2
    pull = nu / (lengths.max() * squares[:, 1]) / len(targets) ** 2
    own = (1 - nu)[:, None] / (len(targets) * lengths[None, :] * squares[:, [0]])
    found = _in_turn(targets, donors, excluded_donors, apart, pull, own, rounding)
    errors = _errors(targets, donors, found.fits)
    reached = _measures(errors, lengths)
    return PooledFit(
        fits=[
            ridge.least_norm_fit(x, aim, excluded_donors, part)
            for x, aim, part in zip(donors, found.aims, found.fits, strict=True)
        ],
        donors=donors,
        aims=found.aims,
        errors=errors,
        share=nu,
        separate=reached[:, 0],
        pooled=reached[:, 1],
        apart=measures,
        converged=found.converged,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Swept:
    """What is left when areas have been fitted in turn.

    fits : of each area. aims : (B, L_j) what each was last fitted to: its own figures, leaned
    towards what the others leave. converged : (B).
    """

    fits: list[simplex.SimplexFit]
    aims: list[Floats]
    converged: NDArray[np.bool_]


def _errors(targets: list[Floats], donors: list[Floats], fits: list[simplex.SimplexFit]) -> Floats:
    """(B, J, L) misfit of each area's synthetic control by pre-period; 0 without one."""
    out = np.zeros((len(targets[0]), len(targets), max(y.shape[1] for y in targets)))
    for j, (y, x, part) in enumerate(zip(targets, donors, fits, strict=True)):
        out[:, j, : y.shape[1]] = y - part.predict(x.T)
    return out


def _measures(errors: Floats, lengths: Positions) -> Floats:
    """(B, 2) q_sep and q_pool."""
    own = ((errors**2).sum(axis=2) / lengths[None, :]).mean(axis=1)
    together = (errors.mean(axis=1) ** 2).sum(axis=1) / lengths.max()
    out: Floats = np.sqrt(np.stack([own, together], axis=1))
    return out


def _in_turn(
    targets: list[Floats],
    donors: list[Floats],
    excluded_donors: Positions,
    apart: list[simplex.SimplexFit],
    pull: Floats,
    own: Floats,
    rounding: float,
) -> _Swept:
    """Fit each area to what the others leave, in turn, until a round gains next to nothing."""
    fits, aims = list(apart), [y.copy() for y in targets]
    errors = _errors(targets, donors, apart)
    live = np.flatnonzero(pull > 0)
    value = _objective(errors, pull, own)
    for _ in watched("pooled synthetic control, rounds", range(SWEEPS)):
        if len(live) == 0:
            break
        for j, (y, x) in enumerate(zip(targets, donors, strict=True)):
            others = (errors[live].sum(axis=1) - errors[live, j])[:, : y.shape[1]]
            lean = pull[live] / (pull[live] + own[live, j])
            aims[j][live] = y[live] + lean[:, None] * others
            start = simplex.Variation(start=fits[j].rows(live), rounding=rounding)
            again = simplex.fit(x, aims[j][live], excluded_donors[live], start)
            fits[j] = fits[j].replaced(live, again)
            errors[live, j, : y.shape[1]] = y[live] - again.predict(x.T)
        now = _objective(errors[live], pull[live], own[live])
        going = value[live] - now > SETTLED * value[live]
        value[live] = now
        live = live[going]
    converged = np.ones(len(excluded_donors), dtype=bool)
    converged[live] = False
    return _Swept(fits=fits, aims=aims, converged=converged)


def _objective(errors: Floats, pull: Floats, own: Floats) -> Floats:
    together = pull * (errors.sum(axis=1) ** 2).sum(axis=1)
    out: Floats = together + (own * (errors**2).sum(axis=2)).sum(axis=1)
    return out


# Every assignment is a fit of its own here; 499 give p-values down to 0.002.
DRAWS = 499


@dataclass(frozen=True, kw_only=True)
class PooledSettings:
    """Settings of `pooled_synthetic_control`.

    share : nu, the weight on the average error of all treated areas against each area's own; 0 fits
        them apart; None takes the authors' rule, anew in every assignment.
    demeaned : whether paths are fitted around each area's mean before its start (the authors'
        intercept shift), so that areas above or below all others can be fitted.
    scale : ``level`` or ``log``.
    """

    share: float | None = None
    demeaned: bool = True
    scale: samples.Scale = "level"

    def __post_init__(self) -> None:
        # At 1 an area's own fit would not matter at all.
        share = self.share
        if share is not None and not (arguments.is_number(share) and 0 <= share < 1):
            raise EstimateError(
                f"a share of {share}.", expected="a number from 0 to below 1, or None"
            )
        samples.one_of("scale", self.scale, samples.Scale)


def pooled_synthetic_control(
    panel: Panel,
    outcome: str,
    *,
    settings: PooledSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Gaps of treated areas to synthetic controls that are fitted together, by site and period.

    Every assignment is fitted anew, without its own pseudo-treated areas among the donors, so that
    assignments cost what estimates cost: by default 499 are drawn.

    Raises
    ------
    EstimateError : fewer than two complete comparison areas, or a treated area lacks a figure
        before its start.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or PooledSettings()
    samples.check_call(panel, chosen, PooledSettings, inference, level)
    refuse(inference, "pooled_synthetic_control")
    kept, said = synthetic_placebos.complete(panel, [outcome])
    sample = samples.take(kept, outcome, chosen.scale)
    if assignments is None:
        assignments = Assignments.draw(kept, n=DRAWS, strata=(), seed=seed)
    elif said:
        assignments = assignments.redrawn(kept)
    samples.same_areas(assignments, sample)
    said += samples.not_to_scale(sample)
    fitted, never = _fit(sample, assignments, chosen)
    draws = _draws(sample, assignments, fitted, never, chosen)
    effects = draws.raw[0].copy()
    # No base is needed that an area could lack: where it has a figure it has an effect.
    own = dict.fromkeys(_starts(sample.treated), sample.figures)
    said += samples.left_out(sample, own)
    remedy: pre_period_fit.Remedy = "shifted" if chosen.demeaned else "level"
    said += pre_period_fit.said_of(_fits(sample, fitted, never, chosen), sample, remedy)
    exposure, observed = samples.unit_basis(sample, outcome, own)
    left = int((~fitted.converged).sum())
    stopped = f"{left} assignments stopped before their optimum"
    found = Estimate(
        outcome=outcome,
        unit="log points" if chosen.scale == "log" else "outcome's unit",
        scale=chosen.scale,
        estimator="pooled_synthetic_control",
        estimand="gap to partially pooled twins by site and period",
        inference="placebo",
        level=level,
        index=samples.entries(sample, own),
        effects=effects,
        draws=draws,
        exposure=exposure,
        observed=observed,
        paths=samples.site_paths(sample, effects),
        weights=_weight_table(sample, fitted, never),
        sample=sample.describe(),
        settings=chosen,
        warnings=sample.warnings + said + ((Sentence.of(stopped, "unconverged"),) if left else ()),
        diagnostics={
            "share": float(fitted.share[0]),
            "separate_rmspe": float(fitted.separate[0]),
            "pooled_rmspe": float(fitted.pooled[0]),
            "separate_rmspe_apart": float(fitted.apart[0, 0]),
            "pooled_rmspe_apart": float(fitted.apart[0, 1]),
        },
        panel=sample.panel,
        provenance=samples.provenance(sample.panel, sample, assignments),
    )
    return per_whole_period(found, sample)


def _starts(treated: TreatedAreas) -> list[int]:
    """The start of each treated unit."""
    return [int(g) for g in treated.starts[treated.cohort_of]]


def _fit(
    sample: samples.Sample, assignments: Assignments, settings: PooledSettings
) -> tuple[PooledFit, Positions]:
    never = np.flatnonzero(~sample.panel.treated)
    pseudo_treated = assignments.pseudo_treated
    # A common level is taken out before means are, whose rounding it would carry.
    held = sample.figures[never]
    figures = sample.figures - held[np.isfinite(held)].mean()
    if len(never) < 2:
        raise EstimateError(
            "fewer than two complete comparison areas are left as donors.",
            mend="use did or imputation, which make do with missing figures",
        )
    if len(never) <= pseudo_treated.shape[1]:
        raise EstimateError(
            "an assignment could take every comparison area, and leave no donor.",
            mend="add comparison areas, or start fewer",
        )
    starts, seen = _starts(assignments.treated), sample.seen
    samples.last_seen(sample)
    before_last = seen & (np.arange(sample.n_periods) < max(starts))
    if not np.isfinite(figures[sample.panel.treated][:, before_last]).all():
        raise EstimateError(
            "a treated area lacks a figure before the last start, so that periods cannot be lined "
            "up by how far they lie before each start.",
            mend="use synthetic_control, which leaves such periods out",
        )
    column_of = np.full(len(figures), -1)
    column_of[never] = np.arange(len(never))
    targets, donors = [], []
    for column, g in enumerate(starts):
        # Lined up by how many periods with figures lie between, where some have none.
        before = figures[:, :g][:, seen[:g]][:, ::-1]
        if settings.demeaned:
            before = around_mean(before)
        targets.append(before[pseudo_treated[:, column]])
        donors.append(before[never].T)
    # A double holds figures to half of this; means over periods add as much again.
    rounding = 4 * float(np.finfo(float).eps * np.nanmax(np.abs(sample.figures)))
    return fit(targets, donors, column_of[pseudo_treated], settings.share, rounding), never


def _fits(
    sample: samples.Sample, fitted: PooledFit, never: Positions, settings: PooledSettings
) -> list[pre_period_fit.Fit]:
    """The fit of every treated area, beside those of the areas that stood for it."""
    found, treated = [], sample.treated
    for j, (area, g) in enumerate(zip(treated.units.tolist(), _starts(treated), strict=True)):
        donors, weights = fitted.donors[j].T, fitted.fits[j].rows(np.array([0])).weights[0]
        after = np.isfinite(sample.figures[area]) & (np.arange(sample.n_periods) >= g)
        figures = sample.figures[never]
        base = figures[:, :g][:, sample.seen[:g]].mean(axis=1) if settings.demeaned else 0.0
        several = None
        if after.any():
            later = figures[:, after].mean(axis=1) - base
            several = pre_period_fit.ways(fitted.aims[j][0], donors, weights, later)
        misfits = np.sqrt((fitted.errors[:, j, : donors.shape[1]] ** 2).mean(axis=1))
        found.append(
            pre_period_fit.Fit(
                area=str(sample.panel.areas.index[area]),
                misfit=float(misfits[0]),
                usual=float(np.median(misfits[1:])) if len(misfits) > 1 else 0.0,
                spread=pre_period_fit.spread_of(donors),
                size=float(np.nanmax(np.abs(figures))),
                ways=several,
            )
        )
    return found


def _draws(
    sample: samples.Sample,
    assignments: Assignments,
    fitted: PooledFit,
    never: Positions,
    settings: PooledSettings,
) -> Draws:
    """Effects of every assignment, of the data, of a unit effect, and net of the effect."""

    def effects(figures: Floats, synthetic_unit: list[Floats] | None) -> Floats:
        treated, pseudo_treated = assignments.treated, assignments.pseudo_treated
        gaps = np.empty((*pseudo_treated.shape, figures.shape[1]))
        for column, g in enumerate(_starts(treated)):
            gap = figures[pseudo_treated[:, column]]
            gap = gap if synthetic_unit is None else gap - synthetic_unit[column]
            if settings.demeaned:
                gap = gap - gap[:, :g][:, sample.seen[:g]].mean(axis=1, keepdims=True)
            gaps[:, column] = gap
        # As in `placebo_effects`, the gaps of a treated area are copied to whoever stands for it.
        real = np.isfinite(sample.figures[treated.units])
        held = counted(np.isfinite(gaps), real, treated.cohort_of)
        effects = mean_by_site(np.where(held, gaps, 0.0), held.astype(float), treated)
        return effects.reshape(len(pseudo_treated), -1)

    raw = effects(sample.figures, [part.predict(sample.figures[never]) for part in fitted.fits])
    shift = effects(samples.unit_figures(sample), None)
    net = raw - effects(samples.placed_effects(sample, raw[0]), None)
    return samples.finished_draws(assignments, raw, shift, net)


def _weight_table(sample: samples.Sample, fitted: PooledFit, never: Positions) -> pd.DataFrame:
    codes, treated = sample.panel.areas.index, sample.treated
    rows = [
        (treated.names[s], codes[unit], codes[never[column]], weight)
        for unit, s, part in zip(treated.units, treated.cohort_of, fitted.fits, strict=True)
        for column, weight in zip(part.columns[0], part.values[0], strict=True)
        if weight > synthetic_placebos.WEIGHTY
    ]
    return pd.DataFrame(rows, columns=["site", "area", "donor", "weight"])
