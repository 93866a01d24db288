"""The series behind a study's charts and money tables, as plain data (no plotting here)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.estimate.units import in_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel

SHOWN_PLACEBOS = 200


def paths(panel: Panel, estimate: Estimate) -> list[dict[str, Any]]:
    """One row a period: pilots, what would have been with its range, comparisons; outcome's unit.

    Pilots are all pilot areas pooled, started or not; their counterfactual equals the observed
    path until the first start. Periods in which a pilot area has no figure pool the others.
    """
    if estimate.exposure is None or estimate.observed is None:
        return _unweighted_paths(panel, estimate)
    units = in_units(estimate)
    exposure = estimate.exposure.reshape(-1, len(panel.periods)).sum(axis=0)
    pilot = estimate.observed.reshape(-1, len(panel.periods)).sum(axis=0) / exposure
    compared = (~panel.started)[:, None] & np.isfinite(panel.array(estimate.outcome))
    denominator = np.where(compared, panel.denominators[estimate.outcome], 0.0)
    rate = np.where(compared, panel.array(estimate.outcome), 0.0)
    comparison = (rate * denominator).sum(axis=0) / denominator.sum(axis=0)
    quarter = units.index["quarter"].astype(str).to_numpy()
    rows = []
    for t, label in enumerate(panel.labels):
        row: dict[str, Any] = {
            "period": label,
            "pilot": pilot[t],
            "comparison": comparison[t],
            "counterfactual": None,
            "low": None,
            "high": None,
        }
        now = quarter == label
        if now.any():
            change = units.draws[:, now].sum(axis=1) / exposure[t]
            tail = (1 - estimate.level) / 2
            low, high = np.quantile(pilot[t] - change, [tail, 1 - tail])
            twin = pilot[t] - units.effects[now].sum() / exposure[t]
            row |= {"counterfactual": twin, "low": low, "high": high}
        rows.append(row)
    return rows


def _unweighted_paths(panel: Panel, estimate: Estimate) -> list[dict[str, Any]]:
    """Means over areas where the outcome has no denominator; no band."""
    figures = panel.array(estimate.outcome)
    pilot, comparison = figures[panel.started], figures[~panel.started]
    twin = estimate.paths
    rows = []
    for t, label in enumerate(panel.labels):
        now = (twin["quarter"].astype(str) == label) & (twin["event_time"] >= 0)
        ratio: float | None = None
        if now.any():
            gap = twin.loc[now, "observed"] - twin.loc[now, "counterfactual"]
            weight = estimate.index.loc[now.to_numpy(), "weight"].to_numpy(dtype=float)
            ratio = float(np.average(gap, weights=weight)) * weight.sum() / len(pilot)
        rows.append(
            {
                "period": label,
                "pilot": float(np.nanmean(pilot[:, t])),
                "comparison": float(np.nanmean(comparison[:, t])),
                "low": None,
                "high": None,
                "counterfactual": None if ratio is None else _without(pilot[:, t], ratio, estimate),
            }
        )
    return rows


def _without(pilot: NDArray[np.float64], gap: float, estimate: Estimate) -> float:
    mean = float(np.nanmean(pilot))
    return mean * float(np.exp(-gap)) if estimate.scale == "log" else mean - gap


def placebo_gaps(estimate: Estimate) -> dict[str, Any]:
    """Effects by event time: the real ones and those of up to 200 placebo assignments."""
    if estimate.draws is None:
        return {"event_times": [], "real": [], "gaps": []}
    event = estimate.index["event_time"].to_numpy()
    weight = estimate.index["weight"].to_numpy(dtype=float)
    usable = np.isfinite(estimate.effects)
    times = sorted(set(event[usable].tolist()))
    maps = np.array([np.where(usable & (event == t), weight, 0.0) for t in times])
    maps = maps / maps.sum(axis=1, keepdims=True)
    shown = np.nan_to_num(estimate.draws.raw[: SHOWN_PLACEBOS + 1]) @ maps.T
    return {"event_times": times, "real": shown[0].round(6), "gaps": shown[1:].round(6)}
