"""Group-time difference-in-differences (Callaway and Sant'Anna 2021, J. Econometrics 225).

ATT(g, t): the change of the areas that start in g, from a base before g to t, minus the same change
of areas that never start, or have not yet started, adjusted for area covariates where asked.
Entries are site x period; a cohort's ATT(g, t) is the average over its sites, weighted by areas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import frame
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.covariates import Method, TwoByTwo, adjusted_att, score_exists
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.exclusions import left_out
from evaluation.estimate.inference import Draws, Influence
from evaluation.estimate.reassign import Rule, effects_under, started_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal", "mean"]
REFITS = 199


@dataclass(frozen=True, kw_only=True)
class DidSettings:
    """Settings of `did`.

    comparison : compare with areas that ``never`` start, or also with those that have ``not_yet``.
    base : ``universal``: the last period before the start (less anticipation); ``varying``: the
        same after the start and, before it, the period before each; ``mean``: the mean of all
        periods before the start (less anticipation).
    anticipation : periods before the start in which an effect may already show.
    scale : ``level`` in the outcome's unit, ``log`` for relative effects.
    weights : name of an area column to weigh areas by; None weighs them alike.
    cluster : name of an area column to cluster analytic errors by; None: the area itself.
    method, covariates : adjust for area covariates by outcome regression (``reg``), propensity
        weighting (``ipw``) or both (``dr``); without covariates the three are the same.
    bootstrap_draws : draws of the multiplier bootstrap.
    replication : compute analytic errors for a published table where they would be refused.
    """

    comparison: Comparison = "never"
    base: Base = "universal"
    anticipation: int = 0
    scale: frame.Scale = "level"
    weights: str | None = None
    cluster: str | None = None
    method: Method = "reg"
    covariates: tuple[str, ...] = ()
    bootstrap_draws: int = 999
    replication: bool = False

    def __post_init__(self) -> None:
        frame.one_of("comparison", self.comparison, Comparison)
        frame.one_of("base", self.base, Base)
        frame.one_of("scale", self.scale, frame.Scale)
        frame.one_of("method", self.method, Method)


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
    inference : ``placebo`` re-assigns the starts (default; valid with few started areas);
        ``analytic`` uses influence functions, ``bootstrap`` multiplies them (many areas only).
    assignments : as `Assignments.draw` makes them; by default drawn without strata. With strata,
        an area is compared with areas of its own stratum.
    level : of intervals and bands.
    seed : of drawn assignments and of the bootstrap.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate (see `evaluation.estimate.frame.take`).
    InferenceRefused : analytic errors below ten started areas in ten authorities.
    """
    settings = settings or DidSettings()
    frame.check_call(panel, settings, DidSettings, inference, level)
    sample = frame.take(panel, outcome, settings.scale, settings.weights)
    warnings = sample.warnings
    if inference != "placebo":
        warnings += frame.refuse_few(sample, "did", replication=settings.replication)
    rule = Rule(
        comparison=settings.comparison,
        reach=settings.anticipation,
        varying=settings.base == "varying",
    )
    contrasts = changes(sample, settings)
    warnings += left_out(sample, contrasts)
    draws, influence = None, None
    if inference == "placebo":
        assignments, said = _fewer(assignments, sample, settings, seed)
        warnings += said
        draws, effects = _placebo(sample, contrasts, assignments, rule, settings)
    else:
        effects, influence = _influence(sample, contrasts, rule, settings, (inference, seed))
    index = frame.entries(sample)
    never = sample.panel.start_index == -1
    gaps = {g: change - frame.masked_mean(change[never]) for g, change in contrasts.items()}
    exposure, observed = frame.unit_basis(sample, outcome)
    return Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator="did",
        estimand=f"ATT by site and period, base {settings.base}, against areas that have "
        f"{settings.comparison.replace('_', ' ')} started",
        inference=inference,
        level=level,
        index=index,
        effects=effects,
        draws=draws,
        influence=influence,
        exposure=exposure,
        observed=observed,
        paths=frame.site_paths(sample, effects),
        area_effects=frame.area_table(sample, gaps, level),
        sample=sample.describe(),
        settings=settings,
        warnings=warnings,
        diagnostics=frame.describe_assignments(assignments) if assignments else {},
        provenance=frame.provenance(panel, sample, assignments),
    )


def changes(sample: frame.Sample, settings: DidSettings) -> dict[int, NDArray[np.float64]]:
    """Start -> (N, T) change of every area from the base of that start to each period.

    Raises
    ------
    EstimateError : the anticipation window leaves no period before a start.
    """
    y, out = sample.figures, {}
    for g in (int(g) for g in np.unique(sample.slots.starts)):
        last = g - 1 - settings.anticipation
        if last < 0:
            raise EstimateError(
                f"an anticipation of {settings.anticipation} periods leaves nothing before the "
                f"start in {sample.panel.periods[g]}."
            )
        if settings.base == "mean":
            # Without the shared path an area whose early figures are missing would be measured
            # from other periods than those that it is compared with. It is that of all areas, so
            # that it is the same whichever of them are said to have started.
            level = y - frame.masked_mean(y)
            change = level - frame.masked_mean(level[:, : last + 1].T)[:, None]
        else:
            change = y - y[:, [last]]
        if settings.base == "varying":
            change[:, 1:g] = np.diff(y[:, :g], axis=1)
            change[:, 0] = np.nan
        out[g] = change
    return out


def _placebo(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    assignments: Assignments,
    rule: Rule,
    settings: DidSettings,
) -> tuple[Draws, NDArray[np.float64]]:
    design = None
    if settings.covariates:
        design = frame.design(sample, settings.covariates)

    def under(changes: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
        if settings.covariates and settings.method != "reg":
            return _refitted(sample, changes, assignments, rule, settings)
        return effects_under(changes, assignments, rule, sample.weights, design=design)

    raw = under(contrasts)
    unit = replace(sample, figures=frame.unit_figures(sample))
    shift = under(frame.unit_before(sample, changes(unit, settings)))
    cleaned = replace(sample, figures=sample.figures - frame.placed_effects(sample, raw[0]))
    net = under(changes(cleaned, settings))
    return frame.finished_draws(assignments, raw, shift, net), raw[0].copy()


def _refitted(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    assignments: Assignments,
    rule: Rule,
    settings: DidSettings,
) -> NDArray[np.float64]:
    """Effects with the propensity score fitted anew under every assignment, one by one."""
    slots = sample.slots
    out = np.empty((len(assignments), len(slots.names), sample.n_periods))
    for b, fillers in enumerate(assignments.fillers):
        redrawn = replace(sample, slots=replace(slots, places=fillers))
        for s in range(len(slots.names)):
            for t in range(sample.n_periods):
                out[b, s, t] = _cell(redrawn, contrasts, rule, settings, (s, t))[0]
    return out.reshape(len(assignments), -1)


def _fewer(
    assignments: Assignments | None, sample: frame.Sample, settings: DidSettings, seed: int
) -> tuple[Assignments, tuple[str, ...]]:
    """The assignments to use, and what has to be said of them.

    Raises
    ------
    EstimateError : a propensity score with strata, whose comparisons it cannot keep apart, or one
        that has no solution under the real assignment.
    """
    scored = bool(settings.covariates) and settings.method != "reg"
    if assignments is None:
        n = REFITS if scored else 9_999
        assignments = Assignments.draw(sample.panel, n=n, strata=(), seed=seed)
    frame.same_areas(assignments, sample)
    if not scored:
        return assignments, ()
    if assignments.strata.max() > 0:
        raise EstimateError(
            f"method={settings.method!r} compares over all areas and cannot keep strata apart.",
            mend="draw assignments with strata=(), or use method='reg'",
        )
    asked = assignments.fillers[: REFITS + 1]
    solved = np.array([_has_scores(sample, settings, fillers) for fillers in asked])
    solved[0] = True
    used = replace(assignments, fillers=asked[solved], enumerated=False)
    return used, (
        f"the propensity score is fitted anew under each of {len(used) - 1} assignments, so "
        f"p-values are coarser than those of method='reg'; {int((~solved).sum())} assignments "
        "under which it has no solution are left out",
    )


def _has_scores(sample: frame.Sample, settings: DidSettings, fillers: NDArray[np.int64]) -> bool:
    """Whether every site's score exists when these areas fill the places."""
    design = frame.design(sample, settings.covariates)
    never = np.ones(len(design), dtype=bool)
    never[fillers] = False
    for s in range(len(sample.slots.names)):
        started = np.zeros(len(design))
        started[fillers[sample.slots.slot_of == s]] = 1.0
        used = never | (started > 0)
        if not score_exists(started[used], design[used], sample.weights[used]):
            return False
    return True


def _influence(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    rule: Rule,
    settings: DidSettings,
    how: tuple[Inference, int],
) -> tuple[NDArray[np.float64], Influence]:
    slots, n, n_periods = sample.slots, len(sample.panel.areas), sample.n_periods
    shape: tuple[int, ...] = (len(slots.names), n_periods)
    # Areas last: each site's functions are written in one piece, and read so by the averages.
    effects, functions = np.full(shape, np.nan), np.zeros((*shape, n))
    membership = np.empty((*shape, n))
    for s in range(len(slots.names)):
        if settings.covariates:
            for t in range(n_periods):
                effects[s, t], functions[s, t] = _cell(sample, contrasts, rule, settings, (s, t))
        else:
            effects[s] = _means(sample, contrasts, rule, s, functions[s])
        belongs = np.zeros(n)
        places = slots.places[slots.slot_of == s]
        belongs[places] = sample.weights[places]
        membership[s] = belongs
    cluster = np.arange(n)
    if settings.cluster:
        column = sample.panel.areas[settings.cluster].astype(str)
        cluster = np.unique(column, return_inverse=True)[1]
    multipliers = np.empty((0, 0))
    if how[0] == "bootstrap":
        multipliers = _signs(settings.bootstrap_draws, int(cluster.max()) + 1, how[1])
    return effects.ravel(), Influence(
        functions=functions.reshape(-1, n).T,
        membership=membership.reshape(-1, n).T,
        cluster=cluster,
        multipliers=multipliers,
    )


def _signs(draws: int, clusters: int, seed: int) -> NDArray[np.float64]:
    """(draws, clusters) -1 or 1 with equal chances, from one random bit each."""
    bits = np.frombuffer(np.random.default_rng(seed).bytes(-(-draws * clusters // 8)), np.uint8)
    signs = np.unpackbits(bits, count=draws * clusters).astype(np.float64)
    signs *= 2
    signs -= 1
    return signs.reshape(draws, clusters)


def _means(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    rule: Rule,
    s: int,
    functions: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(T) ATTs of one site without covariates; writes their influence functions into (T, N).

    Two weighted means a period: what `_cell` gives with a constant alone.
    """
    slots, n, weights = sample.slots, len(sample.panel.areas), sample.weights
    g = int(slots.starts[s])
    places = slots.places[slots.slot_of == s]
    begun = started_by(slots.starts[slots.slot_of], g, sample.n_periods, rule)
    effects = np.full(sample.n_periods, np.nan)
    # Period by period: what is worked on then stays small enough to be at hand.
    for t, change in enumerate(np.ascontiguousarray(contrasts[g].T)):
        held = np.isfinite(change)
        compared = weights * held
        own = compared[places]
        compared[slots.places[begun[:, t]]] = 0.0
        mass_own, mass_compared = own.sum(), compared.sum()
        if mass_own <= 0 or mass_compared <= 0:
            continue
        change[~held] = 0.0
        mean_own, mean_compared = own @ change[places] / mass_own, compared @ change / mass_compared
        effects[t] = mean_own - mean_compared
        functions[t] = compared * (mean_compared - change) * (n / mass_compared)
        functions[t, places] += own * (change[places] - mean_own) * (n / mass_own)
    return effects


def _cell(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    rule: Rule,
    settings: DidSettings,
    which: tuple[int, int],
) -> tuple[float, NDArray[np.float64]]:
    """ATT of one site and period, and its influence function over all areas."""
    s, t = which
    slots, n = sample.slots, len(sample.panel.areas)
    g = int(slots.starts[s])
    change = contrasts[g][:, t]
    started, compared = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    begun = started_by(slots.starts[slots.slot_of], g, sample.n_periods, rule)
    compared[slots.places] = ~begun[:, t]
    started[slots.places[slots.slot_of == s]] = True
    used = (started | compared) & np.isfinite(change)
    influence = np.zeros(n)
    if not (started & used).any() or not (compared & used).any():
        return np.nan, influence
    att, own = adjusted_att(
        TwoByTwo(
            change=change[used],
            started=started[used].astype(float),
            design=frame.design(sample, settings.covariates)[used],
            weights=sample.weights[used],
        ),
        settings.method,
    )
    influence[used] = own * n / used.sum()
    return att, influence
