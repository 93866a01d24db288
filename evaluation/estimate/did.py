"""Group-time difference-in-differences (Callaway and Sant'Anna 2021, J. Econometrics 225).

ATT(g, t) without covariates: the change of the areas that start in g, from a base before g to t,
minus the same change of areas that never start, or have not yet started. Entries are site x
period; a cohort's ATT(g, t) is the average over its sites, weighted by areas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import frame
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws, Influence
from evaluation.estimate.reassign import Rule, effects_under, started_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

Base = Literal["varying", "universal", "mean"]


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
    bootstrap_draws : draws of the multiplier bootstrap.
    replication : compute analytic errors for a published table where they would be refused.
    """

    comparison: Literal["never", "not_yet"] = "never"
    base: Base = "universal"
    anticipation: int = 0
    scale: frame.Scale = "level"
    weights: str | None = None
    cluster: str | None = None
    bootstrap_draws: int = 999
    replication: bool = False


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
    sample = frame.take(panel, outcome, settings.scale, settings.weights)
    warnings = sample.warnings
    if inference != "placebo":
        warnings += frame.refuse_few(sample, "did", replication=settings.replication)
    if assignments is None and inference == "placebo":
        assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
    rule = Rule(
        comparison=settings.comparison, reach=settings.anticipation,
        varying=settings.base == "varying",
    )  # fmt: skip
    contrasts = _contrasts(sample, settings)
    draws, influence = None, None
    if assignments is not None and inference == "placebo":
        _same_areas(assignments, sample)
        draws, effects = _placebo(sample, contrasts, assignments, rule, settings)
    else:
        effects, influence = _influence(sample, contrasts, rule, settings, (inference, seed))
    index = frame.entries(sample)
    never = sample.panel.start_index == -1
    gaps = {g: change - frame.masked_mean(change[never]) for g, change in contrasts.items()}
    exposure, observed = frame.unit_basis(sample, outcome)
    return Estimate(
        outcome=outcome, unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale, estimator="did",
        estimand=f"ATT by site and period, base {settings.base}, against areas that have "
        f"{settings.comparison.replace('_', ' ')} started",
        inference=inference, level=level, index=index, effects=effects, draws=draws,
        influence=influence, exposure=exposure, observed=observed,
        paths=frame.site_paths(sample, effects),
        area_effects=frame.area_table(sample, gaps, level), sample=sample.describe(),
        settings=settings, warnings=warnings,
        diagnostics=_describe(assignments) if assignments else {},
        provenance={"panel": sample.panel.fingerprint, "vintage": panel.vintage},
    )  # fmt: skip


def _describe(assignments: Assignments) -> dict[str, object]:
    return {
        "assignments": len(assignments), "distinct": assignments.distinct,
        "smallest_p": assignments.smallest_p, "block": assignments.block,
        "reason": assignments.reason,
    }  # fmt: skip


def _same_areas(assignments: Assignments, sample: frame.Sample) -> None:
    same = np.array_equal(assignments.slots.places, sample.slots.places)
    if not same or len(assignments.strata) != len(sample.panel.areas):
        raise EstimateError(
            "the assignments were drawn for another panel: areas or starts differ.",
            mend="draw them from panel.eligible()",
        )


def _contrasts(sample: frame.Sample, settings: DidSettings) -> dict[int, NDArray[np.float64]]:
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
            change = y - frame.masked_mean(y[:, : last + 1].T)[:, None]
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
    def under(changes: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
        return effects_under(changes, assignments, rule, sample.weights)

    raw = under(contrasts)
    unit = replace(sample, figures=frame.unit_figures(sample))
    shift = under(frame.unit_before(sample, _contrasts(unit, settings)))
    cleaned = replace(sample, figures=sample.figures - frame.placed_effects(sample, raw[0]))
    net = under(_contrasts(cleaned, settings))
    return Draws(raw=raw, shift=shift, net=net), raw[0].copy()


def _influence(
    sample: frame.Sample,
    contrasts: dict[int, NDArray[np.float64]],
    rule: Rule,
    settings: DidSettings,
    how: tuple[Inference, int],
) -> tuple[NDArray[np.float64], Influence]:
    slots, n, n_periods = sample.slots, len(sample.panel.areas), sample.n_periods
    effects = np.full((len(slots.names), n_periods), np.nan)
    functions = np.zeros((n, len(slots.names), n_periods))
    membership = np.zeros((n, len(slots.names), n_periods))
    start_of_place = slots.starts[slots.slot_of]
    for s, g in enumerate(slots.starts.tolist()):
        places = slots.places[slots.slot_of == s]
        treated = np.zeros((n, n_periods))
        treated[places] = 1.0
        compared = np.ones((n, n_periods))
        compared[slots.places] = ~started_by(start_of_place, g, n_periods, rule)
        change = contrasts[g]
        valid = np.isfinite(change) * sample.weights[:, None]
        change = np.where(valid > 0, change, 0.0)
        for group, sign in ((treated * valid, 1.0), (compared * valid, -1.0)):
            mass = group.sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = (group * change).sum(axis=0) / mass
                functions[:, s] += sign * n * group * (change - mean) / mass
            effects[s] = sign * mean + (0.0 if sign > 0 else effects[s])
        membership[places, s] = sample.weights[places][:, None]
    cluster = np.arange(n)
    if settings.cluster:
        cluster = np.unique(sample.panel.areas[settings.cluster].astype(str), return_inverse=True)[
            1
        ]
    multipliers = np.empty((0, 0))
    if how[0] == "bootstrap":
        rng = np.random.default_rng(how[1])
        multipliers = rng.choice(
            [-1.0, 1.0], size=(settings.bootstrap_draws, int(cluster.max()) + 1)
        )
    return effects.ravel(), Influence(
        functions=np.nan_to_num(functions.reshape(n, -1)),
        membership=membership.reshape(n, -1), cluster=cluster, multipliers=multipliers,
    )  # fmt: skip
