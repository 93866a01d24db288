"""Group-time difference-in-differences (Callaway and Sant'Anna 2021, J. Econometrics 225)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import arguments, samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import (
    Draws,
    Influence,
    SiteContrasts,
    linear_influence,
    multipliers,
)
from evaluation.estimate.part_periods import per_whole_period
from evaluation.estimate.placebo_effects import (
    Areas,
    Rule,
    centres,
    counted,
    placebo_effects,
    solvable,
    treated_by,
)
from evaluation.estimate.samples import left_out
from evaluation.progress import watched
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


Method = Literal["reg", "ipw", "dr"]
# Newton's method needs about ten; a score not found by then is taken to have no solution.
NEWTON_STEPS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoByTwo:
    """One comparison over n areas.

    change : (n) change of the outcome. treated : (n) 1 in treated areas, 0 in controls.
    design : (n, p) covariates with a constant. weights : (n).
    """

    change: Floats
    treated: Floats
    design: Floats
    weights: Floats


def adjusted_att(data: TwoByTwo, method: Method) -> tuple[float, Floats]:
    """The ATT of one comparison and its influence function (n).

    Raises
    ------
    EstimateError : too few comparison areas for the covariates, or a propensity score that does
        not converge or separates treated from comparison areas perfectly.
    """
    if method == "reg":
        return _regression(data)
    return _weighting(data) if method == "ipw" else _doubly_robust(data)


def _regression(data: TwoByTwo) -> tuple[float, Floats]:
    fitted, leading = _least_squares(data)
    weight = data.weights * data.treated
    rest = weight * (data.change - fitted)
    att = rest.mean() / weight.mean()
    toward = (weight[:, None] * data.design).mean(axis=0)
    influence = (rest - weight * att - leading @ toward) / weight.mean()
    return float(att), influence


def _weighting(data: TwoByTwo) -> tuple[float, Floats]:
    score, leading = _propensity(data)
    treated = data.weights * data.treated
    control = data.weights * score * (1 - data.treated) / (1 - score)
    own = (treated * data.change).mean() / treated.mean()
    other = (control * data.change).mean() / control.mean()
    toward = ((control * (data.change - other))[:, None] * data.design).mean(axis=0)
    part = control * (data.change - other) + leading @ toward
    influence = treated * (data.change - own) / treated.mean() - part / control.mean()
    return float(own - other), influence


def _doubly_robust(data: TwoByTwo) -> tuple[float, Floats]:
    fitted, regression = _least_squares(data)
    score, propensity = _propensity(data)
    treated = data.weights * data.treated
    control = data.weights * score * (1 - data.treated) / (1 - score)
    rest = data.change - fitted
    own, other = ((w * rest).mean() / w.mean() for w in (treated, control))
    toward = (treated[:, None] * data.design).mean(axis=0)
    first = treated * (rest - own) - regression @ toward
    by_score = ((control * (rest - other))[:, None] * data.design).mean(axis=0)
    by_fit = (control[:, None] * data.design).mean(axis=0)
    second = control * (rest - other) + propensity @ by_score - regression @ by_fit
    return float(own - other), first / treated.mean() - second / control.mean()


def _least_squares(data: TwoByTwo) -> tuple[Floats, Floats]:
    """Fitted change from the controls, and the coefficients' linear representation (n, p)."""
    weight = data.weights * (1 - data.treated)
    weighted = weight[:, None] * data.design
    gram = weighted.T @ data.design
    if not solvable(gram):
        raise EstimateError(
            "the comparison areas do not vary enough to adjust for these covariates.",
            mend="use fewer covariates, or more comparison areas",
        )
    fitted = data.design @ np.linalg.solve(gram, weighted.T @ data.change)
    leading = (weighted * (data.change - fitted)[:, None]) @ np.linalg.inv(gram / len(weight))
    return fitted, leading


def _propensity(data: TwoByTwo) -> tuple[Floats, Floats]:
    """Logit score, and the coefficients' linear representation (n, p)."""
    fitted = _logit(data.treated, data.design, data.weights)
    if fitted is None:
        raise EstimateError(
            "the propensity score has no solution: the covariates separate treated from "
            "comparison areas, or repeat one another.",
            mend="use method='reg', or fewer covariates",
        )
    score, curve = fitted
    lead = (data.weights * (data.treated - score))[:, None] * data.design
    # Controls are weighed by score / (1 - score): the cap, as in the R package DRDID, keeps a score
    # of one from dividing by zero.
    return np.minimum(score, 1 - 1e-6), lead @ np.linalg.inv(curve) * len(lead)


def _logit(treated: Floats, design: Floats, weights: Floats) -> tuple[Floats, Floats] | None:
    """Score (n) and curvature (p, p) at the maximum, by Newton's method; None without one."""
    beta = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        score = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        slope = design.T @ (weights * (treated - score))
        curve = design.T @ ((weights * score * (1 - score))[:, None] * design)
        if np.linalg.matrix_rank(curve) < len(curve):
            return None
        step = np.linalg.solve(curve, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-12 * (1 + np.abs(beta).max()):
            return 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500))), curve
    return None


Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal", "mean"]
# A propensity score is refitted under each assignment, in every site and period: 199 give p-values
# down to 0.005 in seconds.
REFITS = 199
# Errors are a range between quartiles and bands a quantile at 0.95, of at least so many draws.
LEAST_DRAWS = 99


@dataclass(frozen=True, kw_only=True)
class DidSettings:
    """Settings of `did`.

    comparison : compare with areas that ``never`` start, or also with those that have ``not_yet``.
    base : ``universal``: the last period before the start (less anticipation); ``varying``: the
        same from the anticipation window on and, before it, the period before each; ``mean``: the
        mean of all periods before the start (less anticipation).
    anticipation : periods before the start in which an effect may already show.
    scale : ``level`` in the outcome's unit, ``log`` for relative effects.
    weights : name of an area column to weigh areas by; None weighs them alike.
    cluster : name of an area column to cluster analytic errors by; None: the area itself.
    method, covariates : adjust for area covariates by outcome regression (``reg``), propensity
        weighting (``ipw``) or both (``dr``); without covariates the three are the same.
    bootstrap_draws : draws of the multiplier bootstrap, at least 99.
    replication : compute analytic errors for a published table where they would be refused.
    """

    comparison: Comparison = "never"
    base: Base = "universal"
    anticipation: int = 0
    scale: samples.Scale = "level"
    weights: str | None = None
    cluster: str | None = None
    method: Method = "reg"
    covariates: tuple[str, ...] = ()
    bootstrap_draws: int = 999
    replication: bool = False

    def __post_init__(self) -> None:
        samples.one_of("comparison", self.comparison, Comparison)
        samples.one_of("base", self.base, Base)
        samples.one_of("scale", self.scale, samples.Scale)
        samples.one_of("method", self.method, Method)
        samples.whole_periods("anticipation", self.anticipation)
        arguments.a_count("bootstrap_draws", self.bootstrap_draws, LEAST_DRAWS)
        if isinstance(self.covariates, str):
            object.__setattr__(self, "covariates", (self.covariates,))


def did(
    panel: Panel,
    outcome: str,
    *,
    settings: DidSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Group-time ATTs of one outcome, by site and period.

    Parameters
    ----------
    inference : ``placebo`` re-assigns the starts (default; valid with few treated areas);
        ``analytic`` uses influence functions, ``bootstrap`` multiplies them (many areas only).
    assignments : as `Assignments.draw` makes them; by default drawn without strata. With strata,
        an area is compared with areas of its own stratum.
    level : of intervals and bands.
    seed : of drawn assignments and of the bootstrap.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate (see `evaluation.estimate.samples.take`).
    InferenceRefused : analytic errors below ten treated areas in ten authorities.
    """
    settings = settings or DidSettings()
    samples.check_call(panel, settings, DidSettings, inference, level)
    sample = samples.take(panel, outcome, settings.scale, settings.weights)
    warnings = sample.warnings
    if inference != "placebo":
        arguments.a_count("seed", seed, 0)
        warnings += samples.refuse_few(sample, "did", replication=settings.replication)
    rule = rule_of(sample, settings)
    _require_variation(sample, settings)
    draws, influence, differences = None, None, {}
    bootstrapped = seed if inference == "bootstrap" else None
    linear = inference != "placebo" and not settings.covariates
    linear = linear and bool(np.isfinite(sample.figures).all())
    if not linear:
        differences = long_differences(sample, settings)
        warnings += left_out(sample, differences) + _moved_bases(sample, settings)
    if linear:
        effects, influence = _linear_influence(sample, rule, settings, bootstrapped)
    elif inference == "placebo":
        assignments, said = _fewer(assignments, sample, differences, settings, seed)
        assignments = samples.to_scale(assignments, sample)
        warnings += said
        draws = _placebo(sample, differences, assignments, rule, settings)
        effects = draws.raw[0].copy()
    else:
        effects, influence = _influence(sample, differences, rule, settings, bootstrapped)
    samples.require_effects(sample, effects)
    exposure, observed = samples.unit_basis(sample, outcome, differences)
    found = Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator="did",
        estimand=f"ATT by site and period, base {settings.base}, against areas that have "
        f"{settings.comparison.replace('_', ' ')} started",
        inference=inference,
        level=level,
        index=samples.entries(sample, differences),
        effects=effects,
        draws=draws,
        influence=influence,
        exposure=exposure,
        observed=observed,
        paths=samples.site_paths(sample, effects),
        area_effects=samples.area_table(
            sample, _from_controls(sample, settings, differences), level, assignments
        ),
        sample=sample.describe(),
        settings=settings,
        warnings=warnings,
        diagnostics=samples.describe_assignments(assignments) if assignments else {},
        panel=sample.panel,
        provenance=samples.provenance(panel, sample, assignments),
        base_weight=samples.base_weight(sample, settings.anticipation)
        if settings.base == "mean"
        else 1.0,
    )
    return per_whole_period(found, sample)


def triple_difference(
    panel: Panel,
    outcome: str,
    *,
    comparison_outcome: str,
    settings: DidSettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """How much more one outcome moved than another, in treated areas against the others.

    The difference-in-differences of the gap between the two outcomes (Olden and Moen 2022,
    Econometrics Journal 25, equation 2.4): what moves both alike in treated areas, a shock to the
    place or a change in who lives there, falls out. It is right where the difference between the
    two trends would have been the same in treated and comparison areas, and where the programme
    leaves the comparison outcome alone; what it does to that is taken off the effect. On the
    ``log`` scale it is the effect on the ratio of the two.

    Parameters
    ----------
    comparison_outcome : of the same panel and in the same unit, which the programme should not
        move. An area counts in a period in which it has figures of both.
    settings, inference, assignments, level, seed : as in `did`.

    Raises
    ------
    EstimateError : as `did` does, an outcome compared with itself, or a ratio of what is not above
        zero.
    """
    settings = settings or DidSettings()
    samples.check_call(panel, settings, DidSettings, inference, level)
    if outcome == comparison_outcome:
        raise EstimateError(
            f"{outcome} compared with itself leaves nothing.",
            mend="name another outcome that the programme should not move",
        )
    own, other = panel.array(outcome), panel.array(comparison_outcome)
    errors: dict[str, Floats] = {}
    if settings.scale == "log":
        # A ratio of two numbers below zero would pass for one above.
        gap = np.where((own > 0) & (other > 0), own / np.where(other == 0, np.nan, other), -1.0)
        gap = np.where(np.isnan(own) | np.isnan(other), np.nan, gap)
    else:
        gap = own - other
        held = [panel.sampling_error.get(name) for name in (outcome, comparison_outcome)]
        if known := [np.square(error) for error in held if error is not None]:
            errors = {outcome: np.sqrt(np.sum(known, axis=0))}
    of_gap = replace(
        panel, figures={outcome: gap}, denominators={}, statuses={}, per={}, sampling_error=errors
    )
    found = did(
        of_gap,
        outcome,
        settings=settings,
        inference=inference,
        assignments=assignments,
        level=level,
        seed=seed,
    )
    return replace(
        found,
        outcome=f"{outcome} beside {comparison_outcome}",
        estimator="triple_difference",
        estimand=f"{found.estimand}, of the gap between {outcome} and {comparison_outcome}",
        panel=None,
    )


def rule_of(sample: samples.Sample, settings: DidSettings) -> Rule:
    """The comparison that the settings ask for, with the base of every start."""
    return Rule(
        comparison=settings.comparison,
        reach=settings.anticipation,
        varying=settings.base == "varying",
        bases=samples.last_seen(sample, settings.anticipation),
    )


def _from_controls(
    sample: samples.Sample, settings: DidSettings, differences: dict[int, Floats]
) -> dict[int, Floats]:
    """Start -> (N) mean change after it less that of the areas that never start.

    differences : empty where there are no gaps, and none have to be made.
    """
    never, out = ~sample.panel.treated, {}
    if differences:
        return samples.mean_after(
            {g: change - samples.masked_mean(change[never]) for g, change in differences.items()}
        )
    # Around each area's own mean, so that a large level costs no digits.
    y = sample.figures - sample.figures.mean(axis=1, keepdims=True)
    for g, last in samples.last_seen(sample, settings.anticipation).items():
        base = y[:, : last + 1].mean(axis=1) if settings.base == "mean" else y[:, last]
        change = y[:, g:].mean(axis=1) - base
        out[g] = change - change[never].mean()
    return out


def long_differences(
    sample: samples.Sample, settings: DidSettings
) -> dict[int, NDArray[np.float64]]:
    """Start -> (N, T) change of every area from the base of that start to each period.

    Periods that no area has a figure in are passed over: the base is the last one before the start
    that has figures, and the ``varying`` base of a period is the one with figures before it.

    Raises
    ------
    EstimateError : no period with a figure is left before a start, less the anticipation.
    """
    y, out = sample.figures, {}
    for g, last in samples.last_seen(sample, settings.anticipation).items():
        if settings.base == "mean":
            # Without the shared path an area whose early figures are missing would be measured
            # from other periods than those that it is compared with. It is that of all areas, so
            # that it is the same whichever of them are said to have started.
            level = y - samples.masked_mean(y)
            change = level - samples.masked_mean(level[:, : last + 1].T)[:, None]
        else:
            change = y - y[:, [last]]
        # Before the start each period is measured from the one before it, so that a single odd base
        # period does not tilt the whole pre-trend; after it the base is the universal one. So it is
        # in the anticipation window: an effect may show there, and the difference of two of its
        # periods would be neither that effect nor a pre-trend.
        if settings.base == "varying":
            held = np.flatnonzero(sample.seen[: last + 1])
            change[:, held[1:]] = np.diff(y[:, held], axis=1)
            change[:, held[0]] = np.nan
        out[g] = change
    return out


def _moved_bases(sample: samples.Sample, settings: DidSettings) -> tuple[str, ...]:
    """What to say of starts whose base is not the period that the settings name."""
    if settings.base == "mean":
        return ()
    bases, labels = samples.last_seen(sample, settings.anticipation), sample.panel.labels
    moved = {g: last for g, last in bases.items() if last != g - 1 - settings.anticipation}
    return tuple(
        Sentence.of(
            "effects of the start in {start} are measured from {base}, the last period before it "
            "that has figures",
            "base_moved",
            start=labels[g],
            base=labels[last],
        )
        for g, last in moved.items()
    )


def _placebo(
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    assignments: Assignments,
    rule: Rule,
    settings: DidSettings,
) -> Draws:
    design = None
    if settings.covariates:
        design = samples.design(sample, settings.covariates)

    def under(of: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
        if settings.covariates and settings.method != "reg":
            return _refitted(sample, of, assignments, rule, settings)
        return placebo_effects(of, assignments, rule, sample.weights, design=design)

    raw = under(differences)
    if design is not None:
        plain = placebo_effects(differences, assignments.fewer(0), rule, sample.weights)[0]
        if (np.isnan(raw[0]) & np.isfinite(plain)).any():
            raise EstimateError(
                "the comparison areas of a stratum or period are too few to adjust for these "
                "covariates.",
                mend="use fewer covariates, or assignments drawn with strata=()",
            )
    # raw serves the null test; shift, the same of a unit effect, inverts it in closed form; net has
    # the estimated effect taken out, since pseudo-treated areas that are treated ones would carry
    # it.
    unit = replace(sample, figures=samples.unit_figures(sample))
    shift = under(samples.unit_before(sample, long_differences(unit, settings)))
    cleaned = replace(sample, figures=sample.figures - samples.placed_effects(sample, raw[0]))
    net = under(long_differences(cleaned, settings))
    return samples.finished_draws(assignments, raw, shift, net)


def _require_variation(sample: samples.Sample, settings: DidSettings) -> None:
    """Refuse covariates that the comparison areas cannot tell apart.

    Raises
    ------
    EstimateError : as `samples.design` does; more covariates than comparison areas, or one that is
        the same in all of them or follows from those before it.
    """
    design = samples.design(sample, settings.covariates)
    # With ``not_yet`` any area may serve as a control, in some period.
    controls = design[~sample.panel.treated] if settings.comparison == "never" else design
    if len(controls) < design.shape[1]:
        raise EstimateError(
            f"{len(settings.covariates)} covariates are too many for {len(controls)} comparison "
            "areas.",
            mend="use fewer covariates, or more comparison areas",
        )
    for k, name in enumerate(settings.covariates, start=1):
        held = controls[:, : k + 1]
        if not solvable(held.T @ held):
            same = np.ptp(held[:, k]) == 0
            raise EstimateError(
                f"covariate {name!r} "
                + ("is the same in" if same else "follows from those named before it in")
                + " all comparison areas, so that nothing can be adjusted for by it.",
                mend="leave it out",
            )


def _refitted(
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    assignments: Assignments,
    rule: Rule,
    settings: DidSettings,
) -> NDArray[np.float64]:
    """Effects with the propensity score fitted anew under every assignment, one by one."""
    treated = sample.treated
    out = np.empty((len(assignments), len(treated.names), sample.n_periods))
    unused = np.empty((sample.n_periods, len(sample.panel.areas)))
    held = {
        g: counted(
            np.isfinite(change[assignments.pseudo_treated]),
            np.isfinite(change[treated.units]),
            treated.cohort_of,
        )
        for g, change in differences.items()
    }
    scale = assignments.scale_of(assignments.pseudo_treated)
    areas = Areas(weights=sample.weights, design=samples.design(sample, settings.covariates))
    centre = {g: centres(change, assignments, areas) for g, change in differences.items()}
    drawn = watched("did, propensity scores of assignments", assignments.pseudo_treated)
    for b, pseudo_treated in enumerate(drawn):
        redrawn = replace(sample, treated=replace(treated, units=pseudo_treated))
        for s, g in enumerate(treated.starts.tolist()):
            own = treated.cohort_of == s
            units = pseudo_treated[own]
            # Its gaps are copied to whoever stands for a treated area (see `placebo_effects`).
            taken = differences[g].copy()
            taken[units] = np.where(held[g][b, own], taken[units], np.nan)
            if scale is not None:
                taken[units] += (scale[b, own, None] - 1.0) * (taken[units] - centre[g][units])
            out[b, s] = _site_effects(redrawn, {g: taken}, rule, settings, s, unused)
    return out.reshape(len(assignments), -1)


def _fewer(
    assignments: Assignments | None,
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    settings: DidSettings,
    seed: int,
) -> tuple[Assignments, tuple[str, ...]]:
    """The assignments to use, and what has to be said of them.

    Raises
    ------
    EstimateError : a propensity score with strata, whose controls it cannot keep apart, or one
        that has no solution under the real assignment.
    """
    scored = bool(settings.covariates) and settings.method != "reg"
    if assignments is None:
        n = REFITS if scored else 9_999
        assignments = Assignments.draw(sample.panel, n=n, strata=(), seed=seed)
    samples.same_areas(assignments, sample)
    if not scored:
        return assignments, ()
    if assignments.strata.max() > 0:
        raise EstimateError(
            f"method={settings.method!r} compares over all areas and cannot keep strata apart.",
            mend="draw assignments with strata=(), or use method='reg'",
        )
    asked = assignments.fewer(REFITS).pseudo_treated
    solved = np.array([_has_scores(sample, differences, settings, drawn) for drawn in asked])
    solved[0] = True
    used = replace(assignments, pseudo_treated=asked[solved], enumerated=False)
    return used, (
        Sentence.of(
            f"the propensity score is fitted anew under each of {len(used) - 1} assignments, so "
            f"p-values are coarser than those of method='reg'; {int((~solved).sum())} assignments "
            "under which it has no solution are left out",
            "few_assignments",
        ),
    )


def _has_scores(
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    settings: DidSettings,
    pseudo_treated: NDArray[np.int64],
) -> bool:
    """Whether every site's score exists in every period when these areas are the pseudo-treated."""
    design = samples.design(sample, settings.covariates)
    never = np.ones(len(design), dtype=bool)
    never[pseudo_treated] = False
    for s, g in enumerate(sample.treated.starts.tolist()):
        own = sample.treated.cohort_of == s
        units, held = pseudo_treated[own], np.isfinite(differences[g])
        held[units] &= held[sample.treated.units[own]]
        treated = np.zeros(len(design), dtype=bool)
        treated[units] = True
        # Without gaps one and the same score serves all periods.
        for present in np.unique(held.T, axis=0):
            used = present & (never | treated)
            if not used[treated].any() or not used[never].any():
                continue
            if _logit(treated[used] * 1.0, design[used], sample.weights[used]) is None:
                return False
    return True


def _influence(
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    rule: Rule,
    settings: DidSettings,
    seed: int | None,
) -> tuple[NDArray[np.float64], Influence]:
    treated, n, n_periods = sample.treated, len(sample.panel.areas), sample.n_periods
    shape: tuple[int, ...] = (len(treated.names), n_periods)
    # Areas last: each site's functions are written in one piece, and read so by the averages.
    effects, functions = np.full(shape, np.nan), np.zeros((*shape, n))
    mass = np.zeros((n, n_periods))
    mass[treated.units] = samples.observed(sample, differences)
    mass *= sample.weights[:, None]
    for s in range(len(treated.names)):
        effects[s] = _site_effects(sample, differences, rule, settings, s, functions[s])
    cluster = samples.clusters(sample, settings.cluster)
    return effects.ravel(), Influence(
        figures=functions.reshape(-1, n).T,
        site=samples.site_of(sample),
        mass=mass,
        cluster=cluster,
        multipliers=multipliers(settings.bootstrap_draws, cluster, seed),
    )


def _linear_influence(
    sample: samples.Sample, rule: Rule, settings: DidSettings, seed: int | None
) -> tuple[Floats, Influence]:
    """The same as `_influence` where every figure is there and nothing is adjusted for."""
    starts, n_periods = sample.treated.starts, sample.n_periods
    serves = np.ones((len(starts) + 1, len(starts), n_periods), dtype=bool)
    for s, g in enumerate(starts.tolist()):
        serves[1:, s] = ~treated_by(starts, g, n_periods, rule)
    cluster = samples.clusters(sample, settings.cluster)
    effects, influence = linear_influence(
        sample.figures,
        sample.weights,
        samples.site_of(sample),
        SiteContrasts(
            weights=np.stack([_contrasts(sample, settings, g) for g in starts.tolist()]),
            controls=serves,
        ),
        cluster,
        multipliers(settings.bootstrap_draws, cluster, seed),
    )
    if settings.base == "varying":
        effects[:, 0] = np.nan  # nothing lies before the first period
    return effects.ravel(), influence


def _contrasts(sample: samples.Sample, settings: DidSettings, g: int) -> Floats:
    """(T, T) the long differences of one start as weights of the periods, a row each."""
    last = samples.last_seen(sample, settings.anticipation)[g]
    eye = np.eye(sample.n_periods)
    base = eye[: last + 1].mean(axis=0) if settings.base == "mean" else eye[last]
    contrast: Floats = eye - base
    if settings.base == "varying":
        contrast[1 : last + 1] = np.diff(eye[: last + 1], axis=0)
        contrast[0] = 0.0
    return contrast


def _site_effects(
    sample: samples.Sample,
    differences: dict[int, NDArray[np.float64]],
    rule: Rule,
    settings: DidSettings,
    s: int,
    functions: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(T) ATTs of one site; writes their influence functions over all areas into (T, N).

    The same contrast as `placebo_effects`, which sums over areas and so is fast under thousands of
    assignments; here each area's part is kept, for influence functions and propensity scores.
    """
    treated, n = sample.treated, len(sample.panel.areas)
    g, units = int(treated.starts[s]), treated.units[treated.cohort_of == s]
    excluded = treated_by(treated.starts[treated.cohort_of], g, sample.n_periods, rule)
    design = samples.design(sample, settings.covariates)
    effects = np.full(sample.n_periods, np.nan)
    # Period by period: what is worked on then stays small enough to be at hand.
    for t, change in enumerate(np.ascontiguousarray(differences[g].T)):
        held = np.isfinite(change)
        own, control = (sample.weights * held)[units], sample.weights * held
        control[treated.units[excluded[:, t]]] = 0.0
        if own.sum() <= 0 or control.sum() <= 0:
            continue
        if settings.covariates:
            is_treated = np.zeros(n)
            is_treated[units] = held[units]
            used = (is_treated + control) > 0
            two_by_two = TwoByTwo(
                change=change[used],
                treated=is_treated[used],
                design=design[used],
                weights=sample.weights[used],
            )
            effects[t], part = adjusted_att(two_by_two, settings.method)
            functions[t, used] = part * n / used.sum()
        else:
            change[~held] = 0.0
            mass_own, mass_control = own.sum(), control.sum()
            mean_own = own @ change[units] / mass_own
            mean_control = control @ change / mass_control
            effects[t] = mean_own - mean_control
            functions[t] = control * (mean_control - change) * (n / mass_control)
            functions[t, units] += own * (change[units] - mean_own) * (n / mass_own)
    return effects
