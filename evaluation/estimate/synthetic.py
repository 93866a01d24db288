"""Synthetic control, its ridge augmentation and synthetic difference-in-differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import (
    arguments,
    pre_period_fit,
    samples,
    synthetic_placebos,
    synthetic_weights,
)
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.covariate_balance import Balance, Covariate, augment_beside, covariates_of
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.interim import Tested
from evaluation.estimate.part_periods import per_whole_period
from evaluation.estimate.predictors import Predictor, V, control_by_predictors, predicted, told
from evaluation.estimate.solvers import ridge, simplex
from evaluation.estimate.synthetic_weights import Choice, Folds, Penalty
from evaluation.wording import Figure, Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


Variant = Literal["simplex", "demeaned", "penalised", "ridge"]
Solver = Literal["exact", "frank_wolfe"]


def _refuse_penalty(penalty: object) -> None:
    if penalty is not None and not (arguments.is_number(penalty) and penalty > 0):
        raise EstimateError(f"a penalty of {penalty}.", expected="a number above 0")


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """Settings of `synthetic_control`.

    variant : ``simplex`` fits levels; ``demeaned`` fits paths around each area's own mean before
        the start (Ferman and Pinto 2021, Quantitative Economics 12), so that an area above or
        below all others can be fitted; ``penalised`` adds ``penalty`` times the weighted squared
        distance of the donors (Abadie and L'Hour 2021, JASA 116, equation 6), which prefers donors
        that are each like the area to donors that are so only on average; ``ridge`` is
        `augmented_synthetic_control`, whose `AugmentedSettings` have more to choose.
    penalty : lambda of the penalised variant, above 0; it has no unit, being relative to the fit.
        Of ``ridge`` as in `AugmentedSettings`, or None.
    scale : ``level`` or ``log``.
    solver : ``exact``, or for the simplex variant ``frank_wolfe``: steps that stop early, as in the
        code that printed -19.6 for Proposition 99; for comparison only.
    predictors : what donors have to be like beside, or in place of, each period's outcome: outcomes
        of the panel averaged over chosen periods (`evaluation.estimate.predictors.Predictor`). None
        by default: the outcome in every period before the start.
    v : how much each predictor weighs: ``equal``, a number for each, or ``nested``: searched, for
        every area anew, so that the outcome before the start is met best. It is not identified, and
        ``est.diagnostics`` says how far the effect moves over those that fit as well.
    """

    variant: Variant = "simplex"
    penalty: float | None = None
    scale: samples.Scale = "level"
    solver: Solver = "exact"
    predictors: tuple[Predictor, ...] = ()
    v: V = "equal"

    def __post_init__(self) -> None:
        samples.one_of("variant", self.variant, Variant)
        samples.one_of("scale", self.scale, samples.Scale)
        samples.one_of("solver", self.solver, Solver)
        if self.solver == "frank_wolfe" and self.variant != "simplex":
            raise EstimateError("Frank-Wolfe steps are those of the simplex variant alone.")
        if self.variant != "ridge" and (self.variant == "penalised") != (self.penalty is not None):
            raise EstimateError(
                f"variant {self.variant!r} with a penalty of {self.penalty}.",
                expected="a penalty with variant 'penalised' (or 'ridge'), and with no other",
            )
        _refuse_penalty(self.penalty)
        if isinstance(self.predictors, Predictor):
            object.__setattr__(self, "predictors", (self.predictors,))
        several = arguments.several("predictors", self.predictors, '(Predictor("income"),)')
        object.__setattr__(self, "predictors", tuple(several))
        if not isinstance(self.v, Mapping):
            samples.one_of("v", self.v, Literal["nested", "equal"])
        if not all(isinstance(one, Predictor) for one in self.predictors):
            raise EstimateError(
                "a predictor is none.", expected='Predictor("income", periods=(1985, 1992))'
            )
        if self.v != "equal" and not self.predictors:
            raise EstimateError("v weighs predictors, and there are none.", mend="name predictors")
        if self.predictors and (self.variant != "simplex" or self.solver != "exact"):
            raise EstimateError("predictors are met by exact weights of the simplex variant.")


@dataclass(frozen=True, kw_only=True)
class AugmentedSettings:
    """Settings of `augmented_synthetic_control`.

    scale : ``level`` or ``log``.
    penalty : lambda of the ridge regression, in squared units of the outcome; None finds it for
        every area by leaving out one period before the start at a time.
    folds : ``every`` period before the start is left out in turn; ``published``: never the last
        one, as in the authors' R package.
    choice : ``one_error``: the largest lambda within one standard error of the least squared error
        (the R package's rule); ``least``: the best one.
    covariates : characteristics to be alike in beside the outcome before the start: names of the
        areas' attributes, or outcomes averaged over chosen periods
        (`evaluation.estimate.predictors.Predictor`). None by default.
    balance : ``exact``: the synthetic control has the area's very covariates, for a few of them
        beside many donors; ``penalised``: covariates count as periods do, on the same scale
        (Ben-Michael, Feller and Rothstein 2021, JASA 116, section 6 has both).
    """

    scale: samples.Scale = "level"
    penalty: float | None = None
    folds: Folds = "every"
    choice: Choice = "one_error"
    covariates: tuple[Covariate, ...] = ()
    balance: Balance = "exact"

    def __post_init__(self) -> None:
        samples.one_of("scale", self.scale, samples.Scale)
        samples.one_of("folds", self.folds, Folds)
        samples.one_of("choice", self.choice, Choice)
        samples.one_of("balance", self.balance, Balance)
        if isinstance(self.covariates, str | Predictor):
            object.__setattr__(self, "covariates", (self.covariates,))
        several = arguments.several("covariates", self.covariates, "('population',)")
        object.__setattr__(self, "covariates", tuple(several))
        if not all(isinstance(one, str | Predictor) for one in self.covariates):
            raise EstimateError(
                "a covariate is neither a name nor a predictor.",
                expected='"population", or Predictor("income", periods=(1985, 1992))',
            )
        if len(set(self.covariates)) < len(self.covariates):
            raise EstimateError("a covariate is named twice.", mend="leave one of them out")
        _refuse_penalty(self.penalty)


@dataclass(frozen=True, kw_only=True)
class SdidSettings:
    """Settings of `synthetic_did`.

    scale : ``level`` or ``log``.
    solver : ``exact`` finds the optimum; ``frank_wolfe`` takes the steps of the authors' code,
        which stop early, so that its figures differ in the third decimal.
    """

    scale: samples.Scale = "level"
    solver: Solver = "exact"

    def __post_init__(self) -> None:
        samples.one_of("scale", self.scale, samples.Scale)
        samples.one_of("solver", self.solver, Solver)


Settings = SyntheticSettings | AugmentedSettings | SdidSettings


def _fitted_by(settings: Settings) -> Settings:
    """The settings of what is fitted: ridge augmentation has its own, by whichever name it came."""
    if isinstance(settings, SyntheticSettings) and settings.variant == "ridge":
        return AugmentedSettings(scale=settings.scale, penalty=settings.penalty)
    return settings


def method_of(settings: Settings, panel: Panel | None = None) -> synthetic_weights.Method:
    """What fits the synthetic controls of one start of a panel under these settings.

    Raises
    ------
    EstimateError : predictors that the panel's areas have not.
    """
    settings = _fitted_by(settings)
    if isinstance(settings, SyntheticSettings) and settings.predictors:
        if panel is None:
            raise EstimateError("predictors are read from a panel.", mend="name the panel")
        which = predicted(panel.eligible(), settings.predictors, settings.v)
        return partial(control_by_predictors, which=which)
    if isinstance(settings, SdidSettings):
        return partial(synthetic_weights.sdid, exact=settings.solver == "exact")
    if isinstance(settings, AugmentedSettings):
        penalty = Penalty(given=settings.penalty, folds=settings.folds, choice=settings.choice)
        if settings.covariates:
            if panel is None:
                raise EstimateError("covariates are read from a panel.", mend="name the panel")
            beside = covariates_of(panel.eligible(), settings.covariates, settings.balance)
            return partial(augment_beside, penalty=penalty, covariates=beside)
        return partial(synthetic_weights.augment, penalty=penalty)
    if settings.solver == "frank_wolfe":
        return synthetic_weights.control_as_published
    return partial(
        synthetic_weights.control, demeaned=settings.variant == "demeaned", penalty=settings.penalty
    )


def _kind(settings: Settings) -> pre_period_fit.Kind:
    """What these settings fit, and how much of it the figures leave open."""
    if isinstance(settings, AugmentedSettings):
        # With covariates, what else would do depends on them too, and is not looked for.
        return pre_period_fit.Kind(remedy="regression", unique=bool(settings.covariates))
    if isinstance(settings, SdidSettings):
        return pre_period_fit.Kind(remedy="regression", unique=True)
    return pre_period_fit.Kind(
        remedy="shifted" if settings.variant == "demeaned" else "level",
        unique=settings.solver == "frank_wolfe" or bool(settings.predictors),
        penalty=settings.penalty or 0.0,
    )


def synthetic_control(
    panel: Panel,
    outcome: str,
    *,
    settings: SyntheticSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Gaps between treated areas and their synthetic controls, by site and period.

    Comparison areas with a missing figure are no donors. Every area, pilot or not, is fitted on the
    periods before the start in which it has figures, and with too few of them is no pseudo-treated
    area of that start. A missing figure after the start counts in no mean, of treated and of
    pseudo-treated areas alike. The assignments stay as they are. What is left out is counted in
    ``warnings``.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, or fewer than two donors are complete.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or SyntheticSettings()
    samples.check_call(panel, chosen, SyntheticSettings, inference, level)
    if isinstance(augmented := _fitted_by(chosen), AugmentedSettings):
        return augmented_synthetic_control(
            panel,
            outcome,
            settings=augmented,
            inference=inference,
            assignments=assignments,
            level=level,
            seed=seed,
        )
    refuse(inference, "synthetic_control")
    fitted = synthetic_weights.fit_all(panel, outcome, chosen.scale, method_of(chosen, panel))
    by = f" by {len(chosen.predictors)} predictors" if chosen.predictors else ""
    found = estimate_from(
        fitted,
        outcome,
        chosen,
        assignments,
        kind=_kind(chosen),
        estimator="synthetic_control",
        estimand=f"gap to the synthetic twin ({chosen.variant}{by}) by site and period",
        level=level,
        seed=seed,
    )
    return _with_v(found, fitted.sample, chosen) if chosen.predictors else found


def _with_v(found: Estimate, sample: samples.Sample, settings: SyntheticSettings) -> Estimate:
    """The estimate with V, and how far the average effect moves over V that fit as well."""
    which = predicted(sample.panel, settings.predictors, settings.v)
    v: dict[str, Any] = {}
    low, high, tried, as_well = [], [], 0, 0
    for g in np.unique(sample.treated.starts).tolist():
        own = sample.treated.units[sample.treated.starts[sample.treated.cohort_of] == g].tolist()
        of_start = told(synthetic_weights.Ground.each(sample, g), which, own)
        names = sample.panel.areas.index
        v |= {str(names[unit]): weights for unit, weights in of_start["v"].items()}
        low += list(of_start["low"].values())
        high += list(of_start["high"].values())
        tried, as_well = tried + of_start["tried"], as_well + of_start["as_well"]
    diagnostics = {**found.diagnostics, "v": next(iter(v.values())) if len(v) == 1 else v}
    said = found.warnings
    if low:
        ends = float(np.mean(low)), float(np.mean(high))
        diagnostics |= {"v_effect_low": ends[0], "v_effect_high": ends[1]}
        diagnostics |= {"v_tried": tried, "v_as_well": as_well}
        said += (
            Sentence.of(
                f"V is not identified: {as_well} of the {tried} tried meet the time before the "
                "start within 5 per cent of the best, and under these the average effect lies "
                "between {low} and {high}",
                "v_not_identified",
                low=Figure(kind="number", value=ends[0], digits=None),
                high=Figure(kind="number", value=ends[1], digits=None),
            ),
        )
    return replace(found, diagnostics=diagnostics, warnings=said)


def augmented_synthetic_control(
    panel: Panel,
    outcome: str,
    *,
    settings: AugmentedSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Gaps to synthetic controls whose remaining misfit a ridge regression takes out.

    Weights sum to one and may be negative. Missing figures as in `synthetic_control`. With
    covariates, weights are fitted again under every assignment that takes a donor away, which takes
    some seconds for each thousand assignments.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, fewer than two donors are complete, or too
        few periods before the start to find the penalty.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or AugmentedSettings()
    samples.check_call(panel, chosen, AugmentedSettings, inference, level)
    refuse(inference, "augmented_synthetic_control")
    return estimate_from(
        synthetic_weights.fit_all(panel, outcome, chosen.scale, method_of(chosen, panel)),
        outcome,
        chosen,
        assignments,
        kind=_kind(chosen),
        estimator="augmented_synthetic_control",
        estimand="gap to the ridge-augmented twin by site and period" + _beside(chosen),
        level=level,
        seed=seed,
    )


def _beside(settings: AugmentedSettings) -> str:
    names = [one if isinstance(one, str) else one.label for one in settings.covariates]
    return f", like it in {', '.join(names)} ({settings.balance})" if names else ""


def synthetic_did(
    panel: Panel,
    outcome: str,
    *,
    settings: SdidSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Synthetic difference-in-differences of every treated area, by site and period.

    Unit and time weights are fitted for each area alone, with the published penalties for one
    treated area. Missing figures as in `synthetic_control`.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, or fewer than two donors are complete.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or SdidSettings()
    samples.check_call(panel, chosen, SdidSettings, inference, level)
    refuse(inference, "synthetic_did")
    return estimate_from(
        synthetic_weights.fit_all(panel, outcome, chosen.scale, method_of(chosen, panel)),
        outcome,
        chosen,
        assignments,
        kind=_kind(chosen),
        estimator="synthetic_did",
        estimand="gap to the synthetic twin, measured from weighted periods before",
        level=level,
        seed=seed,
    )


def refuse(inference: Inference, estimator: str) -> None:
    """Refuse what a synthetic method has no theory for with few treated areas."""
    if inference != "placebo":
        raise InferenceRefused(
            f"{estimator.replace('_', ' ')} has no analytic error with few treated areas.",
            mend="use inference='placebo'",
        )


def tested(panel: Panel, outcome: str, settings: Settings, assignments: Assignments) -> Tested:
    """What a look tests of these estimators; the rest of an estimate is not made.

    Raises
    ------
    EstimateError : as the estimators do.
    """
    fitted = synthetic_weights.fit_all(panel, outcome, settings.scale, method_of(settings, panel))
    sample, assignments = fitted.sample, _among_the_fitted(fitted, assignments)
    raw, shift = synthetic_placebos.raw_and_shift(sample, fitted.synthetic_units, assignments)
    return Tested(
        outcome=outcome,
        index=samples.entries(sample, {g: unit.gaps for g, unit in fitted.synthetic_units.items()}),
        effects=raw[0],
        draws=samples.finished_draws(assignments, raw, shift, raw),
    )


def _among_the_fitted(
    fitted: synthetic_weights.Fitted, assignments: Assignments | None, seed: int = 0
) -> Assignments:
    """The assignments, drawn where none are given; to scale where sampling errors are known."""
    if assignments is None:
        assignments = Assignments.draw(fitted.sample.panel, strata=(), seed=seed)
    samples.same_areas(assignments, fitted.sample)
    return samples.to_scale(assignments, fitted.sample)


def estimate_from(
    fitted: synthetic_weights.Fitted,
    outcome: str,
    settings: Settings,
    assignments: Assignments | None,
    *,
    kind: pre_period_fit.Kind,
    estimator: str,
    estimand: str,
    level: float,
    seed: int,
) -> Estimate:
    """The estimate of fitted synthetic controls: effects, and the same under every assignment."""
    sample = fitted.sample
    assignments = _among_the_fitted(fitted, assignments, seed)
    draws = synthetic_placebos.placebo(sample, fitted.synthetic_units, assignments)
    effects = draws.raw[0].copy()
    gaps = {g: synthetic_unit.gaps for g, synthetic_unit in fitted.synthetic_units.items()}
    exposure, observed = samples.unit_basis(sample, outcome, gaps)
    said = fitted.said + samples.left_out(sample, gaps)
    samples.require_effects(sample, effects)
    said += pre_period_fit.said_of(
        pre_period_fit.fits(sample, fitted.synthetic_units, kind), sample, kind.remedy
    )
    found = Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator=estimator,
        estimand=estimand,
        inference="placebo",
        level=level,
        index=samples.entries(sample, gaps),
        effects=effects,
        draws=draws,
        exposure=exposure,
        observed=observed,
        paths=samples.site_paths(sample, effects),
        weights=synthetic_placebos.weight_table(sample, fitted.synthetic_units),
        area_effects=samples.area_table(
            sample,
            samples.mean_after(gaps),
            level,
            assignments,
            synthetic_placebos.compared(fitted.synthetic_units, assignments),
        ),
        sample=sample.describe(),
        settings=settings,
        warnings=sample.warnings + said + synthetic_placebos.unconverged(fitted.synthetic_units),
        diagnostics=synthetic_placebos.fit_diagnostics(sample, fitted.synthetic_units),
        panel=sample.panel,
        provenance=samples.provenance(sample.panel, sample, assignments),
        base_weight=synthetic_placebos.base_weight(sample, fitted.synthetic_units),
    )
    return per_whole_period(found, sample)


Sharing = Literal["shared", "separate"]


def synthetic_controls(
    panel: Panel,
    outcomes: Sequence[str],
    *,
    weights: Sharing = "shared",
    settings: SyntheticSettings | None = None,
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """One estimate for each outcome, from the same areas and under the same assignments.

    Missing figures as in `synthetic_control`. With shared weights a comparison area that lacks a
    figure of any outcome is no donor for any.

    Raises
    ------
    EstimateError : no outcome, the panel cannot bear an estimate, the ridge variant, or weights
        shared in the penalised one.
    """
    chosen = settings or SyntheticSettings()
    samples.check_call(panel, chosen, SyntheticSettings, "placebo", level)
    samples.one_of("weights", weights, Sharing)
    outcomes = list(dict.fromkeys(arguments.several("outcomes", outcomes, "['arrears']")))
    if not outcomes:
        raise EstimateError("no outcome is named.", expected="at least one, say ['arrears']")
    if chosen.variant == "ridge":
        raise EstimateError(
            "ridge augmentation has weights of its own for each outcome.",
            mend="call augmented_synthetic_control for each",
        )
    if weights == "shared" and (
        chosen.variant == "penalised" or chosen.solver != "exact" or chosen.predictors
    ):
        raise EstimateError(
            "shared weights are exact and of the simplex or demeaned variant.",
            mend="choose one of these variants, or weights='separate'",
        )
    taken = {name: samples.take(panel, name, chosen.scale) for name in outcomes}
    if assignments is None:
        assignments = Assignments.draw(panel.eligible(), strata=(), seed=seed)
    fitted = _shared(taken, chosen) if weights == "shared" else _separate(taken, chosen)
    found = {}
    for name, sample in taken.items():
        said = synthetic_weights.no_donors(sample, fitted[name])
        part = synthetic_weights.Fitted(sample=sample, synthetic_units=fitted[name], said=said)
        found[name] = estimate_from(
            part,
            name,
            chosen,
            assignments,
            # Shared weights are settled by all outcomes together: one alone says not how far.
            kind=replace(_kind(chosen), unique=weights == "shared"),
            estimator=f"synthetic_control ({weights} weights)",
            estimand=f"gap to the synthetic twin ({chosen.variant}) by site and period",
            level=level,
            seed=seed,
        )
    return found


ByOutcome = dict[str, dict[int, synthetic_placebos.SyntheticUnits]]


def _separate(taken: dict[str, samples.Sample], settings: SyntheticSettings) -> ByOutcome:
    found: ByOutcome = {}
    for name, sample in taken.items():
        method = method_of(settings, sample.panel)
        starts = np.unique(sample.treated.starts).tolist()
        found[name] = {g: synthetic_weights.fit_start(sample, g, method) for g in starts}
    return found


def _shared(taken: dict[str, samples.Sample], settings: SyntheticSettings) -> ByOutcome:
    found: ByOutcome = {name: {} for name in taken}
    starts = next(iter(taken.values())).treated.starts
    for g in np.unique(starts).tolist():
        together = _grounds(taken, g)
        weights = [_shared_weights(grounds, settings) for grounds in together]
        for name in taken:
            found[name][g] = synthetic_weights.synthetic_units_of(
                [grounds[name] for grounds in together], [held[name] for held in weights]
            )
    return found


def _grounds(taken: dict[str, samples.Sample], g: int) -> list[dict[str, synthetic_weights.Ground]]:
    """The grounds of every outcome, for areas with figures in the same periods of each."""
    of_all = [sample.figures for sample in taken.values()]
    donors = reduce(
        np.intersect1d, [synthetic_weights.donors_of(sample) for sample in taken.values()]
    )
    if len(donors) < 2:
        raise EstimateError("fewer than two comparison areas have every figure of every outcome.")
    held = np.stack([np.isfinite(figures[:, :g]) for figures in of_all], axis=1)
    able = np.flatnonzero(
        np.all([synthetic_weights.enough(held[:, k]) for k in range(len(of_all))], axis=0)
    )
    label = str(next(iter(taken.values())).panel.periods[g])
    return [
        {
            name: synthetic_weights.Ground.on(
                sample.figures, able[rows], donors, periods[periods // g == k] - k * g, g, label
            )
            for k, (name, sample) in enumerate(taken.items())
        }
        for periods, rows in synthetic_placebos.alike(held[able].reshape(len(able), -1))
    ]


def _shared_weights(
    grounds: dict[str, synthetic_weights.Ground], settings: SyntheticSettings
) -> dict[str, synthetic_weights.Weights]:
    parts = [_in_donors_spread(ground, settings) for ground in grounds.values()]
    own = np.hstack([before for before, _ in parts])
    others = np.hstack([donors for _, donors in parts])
    excluded_donors = next(iter(grounds.values())).excluded_donors
    solved = simplex.fit(others.T, own, excluded_donors[:, None])
    unit = ridge.least_norm_weights(others.T, own, excluded_donors, solved)
    return {
        name: synthetic_weights.Weights(
            unit=unit,
            converged=solved.converged,
            time=ground.mean_base if settings.variant == "demeaned" else ground.no_base,
        )
        for name, ground in grounds.items()
    }


def _in_donors_spread(
    ground: synthetic_weights.Ground, settings: SyntheticSettings
) -> tuple[Floats, Floats]:
    """Figures before the start of all areas and of the donors, on a scale that outcomes share."""
    before, donors = ground.before, ground.donors_before
    if settings.variant == "demeaned":
        before = before - before.mean(axis=1, keepdims=True)
        donors = donors - donors.mean(axis=1, keepdims=True)
    spread = np.sqrt(((donors - donors.mean(axis=0)) ** 2).mean() * donors.shape[1]) + 1e-300
    return before / spread, donors / spread
