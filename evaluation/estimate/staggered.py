"""The estimator that rests on partially pooled weights, refitted in every assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import frame, pooled, twins
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws
from evaluation.estimate.synthetic import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.slots import Slots
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

DRAWS = 499


@dataclass(frozen=True, kw_only=True)
class PooledSettings:
    """Settings of `pooled_synthetic_control`.

    share : nu, the weight on the average error of all started areas against each area's own; 0 fits
        them apart; None takes the authors' rule, anew in every assignment.
    demeaned : whether paths are fitted around each area's mean before its start (the authors'
        intercept shift), so that areas above or below all others can be fitted.
    scale : ``level`` or ``log``.
    """

    share: float | None = None
    demeaned: bool = True
    scale: frame.Scale = "level"

    def __post_init__(self) -> None:
        pooled.check_share(self.share)
        frame.one_of("scale", self.scale, frame.Scale)


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
    """Gaps between started areas and twins that are fitted together, by site and period.

    Every assignment is fitted anew, without its own fillers among the donors, so that assignments
    cost what estimates cost: by default 499 are drawn.

    Raises
    ------
    EstimateError : fewer than two complete comparison areas, or a started area lacks a figure
        before its start.
    InferenceRefused : any inference but re-assignment.
    """
    chosen = settings or PooledSettings()
    frame.check_call(panel, chosen, PooledSettings, inference, level)
    refuse(inference, "pooled_synthetic_control")
    kept, said = twins.complete(panel, [outcome])
    sample = frame.take(kept, outcome, chosen.scale)
    if assignments is None:
        assignments = Assignments.draw(kept, n=DRAWS, strata=(), seed=seed)
    elif said:
        assignments = assignments.redrawn(kept)
    frame.same_areas(assignments, sample)
    fitted, never = _fit(sample, assignments, chosen)
    draws, effects = _draws(sample, assignments, (fitted, never), chosen)
    exposure, observed = frame.unit_basis(sample, outcome)
    left = int((~fitted.converged).sum())
    return Estimate(
        outcome=outcome,
        unit="log points" if chosen.scale == "log" else "outcome's unit",
        scale=chosen.scale,
        estimator="pooled_synthetic_control",
        estimand="gap to partially pooled twins by site and period",
        inference="placebo",
        level=level,
        index=frame.entries(sample),
        effects=effects,
        draws=draws,
        exposure=exposure,
        observed=observed,
        paths=frame.site_paths(sample, effects),
        weights=_weight_table(sample, fitted, never),
        sample=sample.describe(),
        settings=chosen,
        warnings=sample.warnings
        + said
        + ((f"{left} assignments stopped before their optimum",) if left else ()),
        diagnostics={
            "share": float(fitted.share[0]),
            "separate_rmspe": float(fitted.separate[0]),
            "pooled_rmspe": float(fitted.pooled[0]),
            "separate_rmspe_apart": float(fitted.apart[0, 0]),
            "pooled_rmspe_apart": float(fitted.apart[0, 1]),
        },
        provenance=frame.provenance(sample.panel, sample, assignments),
    )


def _starts(slots: Slots) -> list[int]:
    """The start of each place."""
    return [int(g) for g in slots.starts[slots.slot_of]]


def _fit(
    sample: frame.Sample, assignments: Assignments, settings: PooledSettings
) -> tuple[pooled.PooledFit, Places]:
    never = np.flatnonzero(~sample.panel.started)
    figures, fillers = sample.figures, assignments.fillers
    if len(never) < 2:
        raise EstimateError(
            "fewer than two complete comparison areas are left as donors.",
            mend="use did or imputation, which make do with missing figures",
        )
    if len(never) <= fillers.shape[1]:
        raise EstimateError(
            "an assignment could take every comparison area, and leave no donor.",
            mend="add comparison areas, or start fewer",
        )
    starts = _starts(assignments.slots)
    if not np.isfinite(figures[:, : max(starts)][sample.panel.started]).all():
        raise EstimateError(
            "a started area lacks a figure before the last start, so that periods cannot be lined "
            "up by how far they lie before each start.",
            mend="use synthetic_control, which leaves such periods out",
        )
    place = np.full(len(figures), -1)
    place[never] = np.arange(len(never))
    targets, donors = [], []
    for column, g in enumerate(starts):
        before = figures[:, :g][:, ::-1]
        if settings.demeaned:
            before = before - before.mean(axis=1, keepdims=True)
        targets.append(before[fillers[:, column]])
        donors.append(before[never].T)
    return pooled.fit(targets, donors, place[fillers], settings.share), never


def _draws(
    sample: frame.Sample,
    assignments: Assignments,
    fitted: tuple[pooled.PooledFit, Places],
    settings: PooledSettings,
) -> tuple[Draws, Floats]:
    """Effects of every assignment, of the data, of a unit effect, and net of the effect."""
    together, never = fitted

    def effects(figures: Floats, twin: list[Floats] | None) -> Floats:
        slots, fillers = assignments.slots, assignments.fillers
        gaps = np.empty((*fillers.shape, figures.shape[1]))
        for column, g in enumerate(_starts(slots)):
            gap = figures[fillers[:, column]]
            gap = gap if twin is None else gap - twin[column]
            if settings.demeaned:
                gap = gap - gap[:, :g].mean(axis=1, keepdims=True)
            gaps[:, column] = gap
        held = np.isfinite(gaps)
        out = np.empty((len(fillers), len(slots.names), figures.shape[1]))
        for s in range(len(slots.names)):
            own = slots.slot_of == s
            count = held[:, own].sum(axis=1)
            total = np.where(held[:, own], gaps[:, own], 0.0).sum(axis=1)
            out[:, s] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return out.reshape(len(fillers), -1)

    raw = effects(sample.figures, [part.predict(sample.figures[never]) for part in together.fits])
    shift = effects(frame.unit_figures(sample), None)
    net = raw - effects(frame.placed_effects(sample, raw[0]), None)
    return frame.finished_draws(assignments, raw, shift, net), raw[0].copy()


def _weight_table(sample: frame.Sample, fitted: pooled.PooledFit, never: Places) -> pd.DataFrame:
    codes, slots = sample.panel.areas.index, sample.slots
    rows = [
        (slots.names[s], codes[place], codes[never[column]], weight)
        for place, s, part in zip(slots.places, slots.slot_of, fitted.fits, strict=True)
        for column, weight in zip(part.columns[0], part.values[0], strict=True)
        if weight > 1e-8
    ]
    return pd.DataFrame(rows, columns=["site", "area", "donor", "weight"])
