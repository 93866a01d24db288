"""Synthetic control and synthetic difference-in-differences, every area at once.

Synthetic control: Abadie, Diamond and Hainmueller (2010, JASA 105). SDID: Arkhangelsky, Athey,
Hirshberg, Imbens and Wager (2021, AER 111), per start. For each start, every area is fitted on its
periods before that start by never-started areas (never itself); real effects are the pilots' gaps,
placebo effects the gaps of the areas that fill the places in an assignment, with any donor that is
itself a filler dropped and the others renormalised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import frame, ridge, simplex, twins
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.twins import Twins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

Variant = Literal["simplex", "demeaned"]
TIME_RIDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """Settings of `synthetic_control`.

    variant : ``simplex`` fits levels; ``demeaned`` fits paths around each area's own mean before
        the start (Ferman and Pinto 2021, Quantitative Economics 12), so that an area above or
        below all others can be fitted.
    scale : ``level`` or ``log``.
    """

    variant: Variant = "simplex"
    scale: frame.Scale = "level"

    def __post_init__(self) -> None:
        frame.one_of("variant", self.variant, Variant)
        frame.one_of("scale", self.scale, frame.Scale)


@dataclass(frozen=True, kw_only=True)
class SdidSettings:
    """Settings of `synthetic_did`.

    scale : ``level`` or ``log``. solver : ``exact``; the published code stops its Frank-Wolfe
        steps early, so that its figures differ in the third decimal.
    """

    scale: frame.Scale = "level"
    solver: Literal["exact"] = "exact"

    def __post_init__(self) -> None:
        frame.one_of("scale", self.scale, frame.Scale)
        frame.one_of("solver", self.solver, Literal["exact"])


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

    Comparison areas with a missing figure are no donors and fill no place; periods in which a
    started area has no figure are left out of every fit. Both are stated in ``warnings``.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate, or fewer than two donors are complete.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or SyntheticSettings()
    frame.check_call(panel, chosen, SyntheticSettings, inference, level)
    what = ("synthetic_control", f"gap to the synthetic twin ({chosen.variant}) by site and period")

    def fit(sample: frame.Sample, g: int) -> Twins:
        return _fit_control(sample, g, chosen)

    _refuse(inference, what[0])
    return _estimate(panel, outcome, chosen, what, fit, assignments, level, seed)


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
    _refuse(inference, what[0])
    return _estimate(panel, outcome, chosen, what, _fit_sdid, assignments, level, seed)


def _refuse(inference: Inference, estimator: str) -> None:
    if inference != "placebo":
        raise InferenceRefused(
            f"{estimator.replace('_', ' ')} has no analytic error with few started areas.",
            mend="use inference='placebo'",
        )


def _estimate(
    panel: Panel,
    outcome: str,
    settings: SyntheticSettings | SdidSettings,
    what: tuple[str, str],
    fit: Callable[[frame.Sample, int], Twins],
    assignments: Assignments | None,
    level: float,
    seed: int,
) -> Estimate:
    panel, dropped = twins.complete(panel, outcome)
    sample = frame.take(panel, outcome, settings.scale)
    if assignments is None:
        assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
    elif dropped:
        assignments = assignments.redrawn(sample.panel)
    frame.same_areas(assignments, sample)
    fitted = {int(g): fit(sample, int(g)) for g in np.unique(sample.slots.starts)}
    draws, effects = twins.placebo(sample, fitted, assignments)
    exposure, observed = frame.unit_basis(sample, outcome)
    return Estimate(
        outcome=outcome, unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale, estimator=what[0], estimand=what[1], inference="placebo",
        level=level, index=frame.entries(sample), effects=effects, draws=draws,
        exposure=exposure, observed=observed, paths=frame.site_paths(sample, effects),
        weights=twins.weight_table(sample, fitted),
        area_effects=frame.area_table(sample, {g: t.gaps for g, t in fitted.items()}, level),
        sample=sample.describe(), settings=settings,
        warnings=sample.warnings + dropped + twins.unconverged(fitted),
        diagnostics=twins.fit_diagnostics(sample, fitted),
        provenance=frame.provenance(panel, sample, assignments),
    )  # fmt: skip


def _ground(
    sample: frame.Sample, g: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Donors, the periods of the fit, and which donor each area may not use (itself)."""
    never = np.flatnonzero(sample.panel.start_index == -1)
    if len(never) < 2:
        raise EstimateError("fewer than two complete comparison areas are left as donors.")
    usable = np.flatnonzero(np.isfinite(sample.figures[:, :g]).all(axis=0))
    if len(usable) == 0:
        raise EstimateError(f"no complete period before the start in {sample.panel.periods[g]}.")
    barred = np.zeros((len(sample.figures), len(never)), dtype=bool)
    barred[never, np.arange(len(never))] = True
    return never, usable, barred


def _fit_control(sample: frame.Sample, g: int, settings: SyntheticSettings) -> Twins:
    never, usable, barred = _ground(sample, g)
    before = sample.figures[:, usable]
    base = np.zeros_like(sample.figures)
    if settings.variant == "demeaned":
        before = before - before.mean(axis=1, keepdims=True)
        base[:, usable] = 1 / len(usable)
    fitted = simplex.fit(before[never].T, before, barred)
    return Twins(
        donors=never, unit_weights=fitted.weights, time_weights=base, figures=sample.figures,
        fitted_on=usable, converged=fitted.converged,
    )  # fmt: skip


def _fit_sdid(sample: frame.Sample, g: int) -> Twins:
    never, usable, barred = _ground(sample, g)
    if len(usable) < 2:
        raise EstimateError(
            f"fewer than two complete periods before the start in {sample.panel.periods[g]}.",
            mend="use synthetic_control or did",
        )
    before, after = sample.figures[:, usable], sample.figures[never][:, g:]
    noise = _noise(before[never], barred)
    zeta = after.shape[1] ** 0.25 * noise
    centred = before - before.mean(axis=1, keepdims=True)
    units = ridge.fit(centred[never].T, centred, barred, zeta**2 * len(usable))
    base = np.zeros_like(sample.figures)
    base[:, usable], solved = _time_weights(before[never], after.mean(axis=1), barred, noise)
    return Twins(
        donors=never, unit_weights=units.weights, time_weights=base, figures=sample.figures,
        fitted_on=usable, converged=units.converged & solved,
    )  # fmt: skip


def _noise(before: Floats, barred: NDArray[np.bool_]) -> Floats:
    """(N) standard deviation of the donors' first differences, each area's own donors only."""
    change = np.diff(before, axis=1)
    kept = (~barred).astype(float)
    count = kept.sum(axis=1) * change.shape[1]
    mean = kept @ change.sum(axis=1) / count
    square = kept @ (change**2).sum(axis=1)
    out: Floats = np.sqrt(np.maximum((square - count * mean**2) / (count - 1), 1e-300))
    return out


def _time_weights(
    before: Floats, after: Floats, barred: NDArray[np.bool_], noise: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, T0) weights of the periods before, which best foretell the donors' mean after.

    Areas that bar the same donor share their weights. The published ridge of 1e-6 times the noise
    enters as rows of its own.
    """
    out = np.empty((len(barred), before.shape[1]))
    solved = np.empty(len(barred), dtype=bool)
    patterns, which = np.unique(barred, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == k)
        x, y = before[~pattern], after[~pattern]
        x, y = x - x.mean(axis=0), y - y.mean()
        penalty = TIME_RIDGE * noise[rows[0]] * np.sqrt(len(x))
        x = np.vstack([x, penalty * np.eye(x.shape[1])])
        target = np.append(y, np.zeros(x.shape[1]))[None, :]
        fitted = simplex.fit(x, target, np.zeros((1, x.shape[1]), dtype=bool))
        out[rows], solved[rows] = fitted.weights, fitted.converged[0]
    return out, solved
