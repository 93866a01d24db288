"""Synthetic control, its ridge augmentation and synthetic difference-in-differences.

Synthetic control: Abadie, Diamond and Hainmueller (2010, JASA 105). Augmentation: Ben-Michael,
Feller and Rothstein (2021, JASA 116). SDID: Arkhangelsky, Athey, Hirshberg, Imbens and Wager
(2021, AER 111), per start. For each start, every area is fitted on its periods before that start by
never-started areas (never itself); real effects are the pilots' gaps, placebo effects the gaps of
the areas that fill the places in an assignment, with any donor that is itself a filler dropped and
the others renormalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import exclusions, fits, frame, twins
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.augmented import Choice, Folds, Penalty
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.scores import Tested

if TYPE_CHECKING:
    from evaluation.panel import Panel

Variant = Literal["simplex", "demeaned", "penalised"]
Solver = Literal["exact", "published"]


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """Settings of `synthetic_control`.

    variant : ``simplex`` fits levels; ``demeaned`` fits paths around each area's own mean before
        the start (Ferman and Pinto 2021, Quantitative Economics 12), so that an area above or
        below all others can be fitted; ``penalised`` adds ``penalty`` times the weighted squared
        distance of the donors (Abadie and L'Hour 2021, JASA 116, equation 6), which prefers donors
        that are each like the area to donors that are so only on average.
    penalty : lambda of the penalised variant, above 0; it has no unit, being relative to the fit.
    scale : ``level`` or ``log``.
    solver : ``exact``, or for the simplex variant ``published``: Frank-Wolfe steps that stop early,
        as in the code that printed -19.6 for Proposition 99; for comparison only.
    """

    variant: Variant = "simplex"
    penalty: float | None = None
    scale: frame.Scale = "level"
    solver: Solver = "exact"

    def __post_init__(self) -> None:
        frame.one_of("variant", self.variant, Variant)
        frame.one_of("scale", self.scale, frame.Scale)
        frame.one_of("solver", self.solver, Solver)
        if self.solver == "published" and self.variant != "simplex":
            raise EstimateError("the published steps are those of the simplex variant alone.")
        if (self.variant == "penalised") != (self.penalty is not None):
            raise EstimateError(
                f"variant {self.variant!r} with a penalty of {self.penalty}.",
                expected="a penalty with variant 'penalised', and with no other",
            )
        if self.penalty is not None and not 0 < self.penalty < np.inf:
            raise EstimateError(f"a penalty of {self.penalty}.", expected="a number above 0")


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
    """

    scale: frame.Scale = "level"
    penalty: float | None = None
    folds: Folds = "every"
    choice: Choice = "one_error"

    def __post_init__(self) -> None:
        frame.one_of("scale", self.scale, frame.Scale)
        frame.one_of("folds", self.folds, Folds)
        frame.one_of("choice", self.choice, Choice)
        if self.penalty is not None and not 0 < self.penalty < np.inf:
            raise EstimateError(f"a penalty of {self.penalty}.", expected="a number above 0")


@dataclass(frozen=True, kw_only=True)
class SdidSettings:
    """Settings of `synthetic_did`.

    scale : ``level`` or ``log``.
    solver : ``exact`` finds the optimum; ``published`` takes the Frank-Wolfe steps of the authors'
        code, which stop early, so that its figures differ in the third decimal.
    """

    scale: frame.Scale = "level"
    solver: Solver = "exact"

    def __post_init__(self) -> None:
        frame.one_of("scale", self.scale, frame.Scale)
        frame.one_of("solver", self.solver, Solver)


Settings = SyntheticSettings | AugmentedSettings | SdidSettings


def method_of(settings: Settings) -> fits.Method:
    """What fits the twins of one start under these settings."""
    if isinstance(settings, SdidSettings):
        return partial(fits.sdid, exact=settings.solver == "exact")
    if isinstance(settings, AugmentedSettings):
        penalty = Penalty(given=settings.penalty, folds=settings.folds, choice=settings.choice)
        return partial(fits.augment, penalty=penalty)
    if settings.solver == "published":
        return fits.control_as_published
    return partial(fits.control, demeaned=settings.variant == "demeaned", penalty=settings.penalty)


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
    """Gaps between started areas and their synthetic twins, by site and period.

    Comparison areas with a missing figure are no donors. Every area, pilot or not, is fitted on the
    periods before the start in which it has figures, and with too few of them fills no place of
    that start. A missing figure after the start counts in no mean, of pilots and of fillers alike.
    The assignments stay as they are. What is left out is counted in ``warnings``.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, or fewer than two donors are complete.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or SyntheticSettings()
    frame.check_call(panel, chosen, SyntheticSettings, inference, level)
    what = ("synthetic_control", f"gap to the synthetic twin ({chosen.variant}) by site and period")
    refuse(inference, what[0])
    fitted = fits.fit_all(panel, outcome, chosen.scale, method_of(chosen))
    return estimate_from(fitted, outcome, chosen, what, assignments, level, seed)


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
    """Gaps to synthetic twins whose remaining misfit a ridge regression takes out.

    Weights sum to one and may be negative. Missing figures as in `synthetic_control`.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, fewer than two donors are complete, or too
        few periods before the start to find the penalty.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or AugmentedSettings()
    frame.check_call(panel, chosen, AugmentedSettings, inference, level)
    what = ("augmented_synthetic_control", "gap to the ridge-augmented twin by site and period")
    refuse(inference, what[0])
    fitted = fits.fit_all(panel, outcome, chosen.scale, method_of(chosen))
    return estimate_from(fitted, outcome, chosen, what, assignments, level, seed)


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
    """Synthetic difference-in-differences of every started area, by site and period.

    Unit and time weights are fitted for each area alone, with the published penalties for one
    started area. Missing figures as in `synthetic_control`.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, or fewer than two donors are complete.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or SdidSettings()
    frame.check_call(panel, chosen, SdidSettings, inference, level)
    what = ("synthetic_did", "gap to the synthetic twin, measured from weighted periods before")
    refuse(inference, what[0])
    fitted = fits.fit_all(panel, outcome, chosen.scale, method_of(chosen))
    return estimate_from(fitted, outcome, chosen, what, assignments, level, seed)


def refuse(inference: Inference, estimator: str) -> None:
    """Refuse what a synthetic method has no theory for with few started areas."""
    if inference != "placebo":
        raise InferenceRefused(
            f"{estimator.replace('_', ' ')} has no analytic error with few started areas.",
            mend="use inference='placebo'",
        )


def tested(panel: Panel, outcome: str, settings: Settings, assignments: Assignments) -> Tested:
    """What a look tests of these estimators; the rest of an estimate is not made.

    Raises
    ------
    EstimateError : as the estimators do.
    """
    fitted = fits.fit_all(panel, outcome, settings.scale, method_of(settings))
    sample, assignments = fitted.sample, _among_the_fitted(fitted, assignments)
    raw, shift = twins.raw_and_shift(sample, fitted.twins, assignments)
    return Tested(
        outcome=outcome,
        index=frame.entries(sample),
        effects=raw[0],
        draws=frame.finished_draws(assignments, raw, shift, raw),
    )


def _among_the_fitted(
    fitted: fits.Fitted, assignments: Assignments | None, seed: int = 0
) -> Assignments:
    """The assignments; drawn where none are given."""
    if assignments is None:
        return Assignments.draw(fitted.sample.panel, strata=(), seed=seed)
    frame.same_areas(assignments, fitted.sample)
    return assignments


def estimate_from(
    fitted: fits.Fitted,
    outcome: str,
    settings: Settings,
    what: tuple[str, str],
    assignments: Assignments | None,
    level: float,
    seed: int,
) -> Estimate:
    """The estimate that fitted twins make: effects, and the same under every assignment."""
    sample = fitted.sample
    assignments = _among_the_fitted(fitted, assignments, seed)
    draws, effects = twins.placebo(sample, fitted.twins, assignments)
    exposure, observed = frame.unit_basis(sample, outcome)
    gaps = {g: twin.gaps for g, twin in fitted.twins.items()}
    said = fitted.said + exclusions.left_out(sample, gaps)
    return Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator=what[0],
        estimand=what[1],
        inference="placebo",
        level=level,
        index=frame.entries(sample),
        effects=effects,
        draws=draws,
        exposure=exposure,
        observed=observed,
        paths=frame.site_paths(sample, effects),
        weights=twins.weight_table(sample, fitted.twins),
        area_effects=frame.area_table(sample, gaps, level),
        sample=sample.describe(),
        settings=settings,
        warnings=sample.warnings + said + twins.unconverged(fitted.twins),
        diagnostics=twins.fit_diagnostics(sample, fitted.twins),
        provenance=frame.provenance(sample.panel, sample, assignments),
    )
