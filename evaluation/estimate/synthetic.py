"""Synthetic control (Abadie, Diamond and Hainmueller 2010, JASA 105), every area at once.

For each start period, every area is fitted on its quarters before that start as a convex
combination of never-started areas (never itself); its gap is its own path less its twin's. Real
effects are the pilots' gaps; placebo effects are the gaps of the areas that fill the places in an
assignment, with any donor that is itself a filler dropped and the others renormalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import frame, simplex
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws
from evaluation.estimate.reassign import FillerContrast, Rule, effects_under

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

Variant = Literal["simplex", "demeaned"]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Twins:
    """Of one start: the donors' positions, weights (N, donors), own figures and gaps (N, T).

    ``fitted_on``: the periods of the fit; ``demeaned``: whether areas' own means were taken out.
    """

    donors: NDArray[np.int64]
    weights: NDArray[np.float64]
    figures: NDArray[np.float64]
    gaps: NDArray[np.float64]
    converged: NDArray[np.bool_]
    rmspe: NDArray[np.float64]
    fitted_on: NDArray[np.int64]
    demeaned: bool

    def own_part(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """What figures of started areas add to their gaps; donors never start."""
        if not self.demeaned:
            return figures
        return figures - frame.masked_mean(figures[:, self.fitted_on].T)[:, None]


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
    settings = settings or SyntheticSettings()
    if inference != "placebo":
        raise InferenceRefused(
            "synthetic control has no analytic error with few started areas.",
            mend="use inference='placebo'",
        )
    panel, dropped = _complete(panel, outcome)
    sample = frame.take(panel, outcome, settings.scale)
    if assignments is None:
        assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
    elif dropped:
        assignments = assignments.redrawn(sample.panel)
    twins = {int(g): _fit(sample, int(g), settings) for g in np.unique(sample.slots.starts)}
    draws, effects = _placebo(sample, twins, assignments)
    exposure, observed = frame.unit_basis(sample, outcome)
    return Estimate(
        outcome=outcome, unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale, estimator="synthetic_control",
        estimand=f"gap to the synthetic twin ({settings.variant}) by site and period",
        inference="placebo", level=level, index=frame.entries(sample), effects=effects,
        draws=draws, exposure=exposure, observed=observed,
        paths=frame.site_paths(sample, effects), weights=_weight_table(sample, twins),
        area_effects=frame.area_table(sample, {g: t.gaps for g, t in twins.items()}, level),
        sample=sample.describe(), settings=settings,
        warnings=sample.warnings + dropped + _unconverged(twins),
        diagnostics=_diagnostics(sample, twins),
        provenance={"panel": sample.panel.fingerprint, "vintage": panel.vintage},
    )  # fmt: skip


def _complete(panel: Panel, outcome: str) -> tuple[Panel, tuple[str, ...]]:
    panel = panel.eligible()
    gaps = np.isnan(panel.array(outcome)).any(axis=1)
    leave = gaps & ~panel.started
    if not leave.any():
        return panel, ()
    return panel.select(~leave), (
        f"{int(leave.sum())} comparison areas have a missing or suppressed figure and serve as "
        "no donor",
    )


def _fit(sample: frame.Sample, g: int, settings: SyntheticSettings) -> _Twins:
    y = sample.figures
    never = np.flatnonzero(sample.panel.start_index == -1)
    if len(never) < 2:
        raise EstimateError("fewer than two complete comparison areas are left as donors.")
    usable = np.flatnonzero(np.isfinite(y[:, :g]).all(axis=0))
    if len(usable) == 0:
        raise EstimateError(f"no complete period before the start in {sample.panel.periods[g]}.")
    if settings.variant == "demeaned":
        y = y - frame.masked_mean(y[:, usable].T)[:, None]
    barred = np.zeros((len(y), len(never)), dtype=bool)
    barred[never, np.arange(len(never))] = True
    fitted = simplex.fit(y[never][:, usable].T, y[:, usable], barred)
    gaps = y - fitted.weights @ y[never]
    return _Twins(
        donors=never, weights=fitted.weights, figures=y, gaps=gaps, converged=fitted.converged,
        rmspe=np.sqrt((gaps[:, usable] ** 2).mean(axis=1)), fitted_on=usable,
        demeaned=settings.variant == "demeaned",
    )  # fmt: skip


def _filler_gaps(twins: dict[int, _Twins]) -> FillerContrast:
    """Gaps of fillers with donors that are fillers too dropped and the rest renormalised."""
    donor_column = {}
    for g, twin in twins.items():
        column = np.full(len(twin.figures), -1)
        column[twin.donors] = np.arange(len(twin.donors))
        donor_column[g] = column

    def contrast(g: int, fillers: NDArray[np.int64]) -> NDArray[np.float64]:
        twin = twins[g]
        column = donor_column[g][fillers]
        weight = twin.weights[fillers[:, :, None], np.maximum(column, 0)[:, None, :]]
        weight = weight * (column >= 0)[:, None, :]
        figures = twin.figures[fillers]
        lost = weight.sum(axis=2, keepdims=True)
        predicted = figures - twin.gaps[fillers] - weight @ np.nan_to_num(figures)
        left = 1 - lost
        with np.errstate(invalid="ignore", divide="ignore"):
            kept: NDArray[np.float64] = np.where(left > 1e-9, predicted / left, np.nan)
        return figures - kept

    return contrast


def _placebo(
    sample: frame.Sample, twins: dict[int, _Twins], assignments: Assignments
) -> tuple[Draws, NDArray[np.float64]]:
    rule = Rule(comparison=None)
    gaps = {g: twin.gaps for g, twin in twins.items()}
    raw = effects_under(gaps, assignments, rule, sample.weights, _filler_gaps(twins))
    unit = {g: twin.own_part(frame.unit_figures(sample)) for g, twin in twins.items()}
    shift = effects_under(frame.unit_before(sample, unit), assignments, rule, sample.weights)
    placed = frame.placed_effects(sample, raw[0])
    carried = {g: twin.own_part(placed) for g, twin in twins.items()}
    net = raw - effects_under(carried, assignments, rule, sample.weights)
    return Draws(raw=raw, shift=shift, net=net), raw[0].copy()


def _weight_table(sample: frame.Sample, twins: dict[int, _Twins]) -> pd.DataFrame:
    rows = []
    codes = sample.panel.areas.index
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        twin = twins[int(sample.slots.starts[s])]
        for donor in np.flatnonzero(twin.weights[place] > 1e-8):
            rows.append((sample.slots.names[s], codes[place], codes[twin.donors[donor]],
                         twin.weights[place, donor]))  # fmt: skip
    return pd.DataFrame(rows, columns=["site", "area", "donor", "weight"])


def _unconverged(twins: dict[int, _Twins]) -> tuple[str, ...]:
    left = sum(int((~twin.converged).sum()) for twin in twins.values())
    return (f"{left} fits stopped before their optimum",) if left else ()


def _diagnostics(sample: frame.Sample, twins: dict[int, _Twins]) -> dict[str, float]:
    own = [
        (twins[int(sample.slots.starts[s])].rmspe[place], twins[int(sample.slots.starts[s])], place)
        for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True)
    ]
    effective = [1 / (twin.weights[place] ** 2).sum() for _, twin, place in own]
    return {
        "pre_period_rmspe": float(np.mean([rmspe for rmspe, _, _ in own])),
        "effective_donors": float(np.mean(effective)),
    }
