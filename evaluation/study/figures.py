"""The series behind a study's charts and money tables, as plain data (no plotting here)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.estimate.units import in_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.finding import Finding
    from evaluation.panel import Panel
    from evaluation.value import Value

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
        row: dict[str, Any] = {"period": label, "pilot": pilot[t], "comparison": comparison[t],
                               "counterfactual": None, "low": None, "high": None}  # fmt: skip
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
        rows.append({
            "period": label, "pilot": float(np.nanmean(pilot[:, t])),
            "comparison": float(np.nanmean(comparison[:, t])), "low": None, "high": None,
            "counterfactual": None if ratio is None else _without(pilot[:, t], ratio, estimate),
        })  # fmt: skip
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


def value_data(value: Value, findings: Mapping[str, Finding]) -> dict[str, Any]:
    """The accounts as the money page reads them.

    ``not_standing`` names the valued outcomes against which a check objects: they enter, as every
    registered outcome does, but nobody should read the total without them in view.
    """
    totals, ratios = value.totals(), value.ratios()
    flow = value.payback()
    return {
        "price_base": value.price_base, "parameters": value.parameters.name, "to_date": True,
        "base_period": value.base_period.label, "last": value.programme.last.label,
        "totals": {**totals.to_dict("index"), "bcr": ratios.loc["bcr"].to_dict(),
                   "fiscal_ratio": ratios.loc["fiscal"].to_dict(),
                   "cashable_ratio": ratios.loc["cashable"].to_dict(),
                   "p_npsv_positive": float(ratios["p_above_one"]["bcr"])},
        "by_agency": value.by_budget(),
        "by_outcome": _by_outcome(value),
        "by_site": value.by("site").reset_index().to_dict("records"),
        "by_quarter": [
            {"quarter": q, "gain": {k: r[k] for k in ("mean", "low", "high")}, "cost": r["cost"],
             "cumulative_net": {k: r[f"cumulative_{k}"] for k in ("mean", "low", "high")},
             "p_paid_back": r["p_paid_back"]}
            for q, r in flow.iterrows()
        ],
        "costs": value.costs.groupby(["agency", "kind"])["amount"].sum().reset_index()
        .to_dict("records"),
        "not_standing": _not_standing(value, findings),
        "notes": _notes(value),
    }  # fmt: skip


def _not_standing(value: Value, findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    valued = {line.outcome.code: line.outcome for line in value.lines}
    return [
        {"outcome": code, "title": outcome.title, "plain_title": outcome.plain_title,
         "verdict": findings[code].verdict, **value.of_outcome(code)}
        for code, outcome in valued.items() if findings[code].objections
    ]  # fmt: skip


def _by_outcome(value: Value) -> list[dict[str, Any]]:
    rows = []
    for line in value.lines:
        tail = (1 - value.level) / 2
        drawn = line.gain_draws.sum(axis=1)
        avoided = line.avoided_draws.sum(axis=1)
        stock = line.outcome.kind == "stock"
        scale = 0.25 if stock else 1.0
        rows.append({
            "outcome": line.outcome.code, "title": line.outcome.title,
            "people": f"{line.outcome.people}, person-years" if stock else line.outcome.people,
            "events_avoided": _span(scale * line.avoided.sum(), scale * avoided, tail),
            "unit_cost": line.pounds, "cost_per": line.cost["cost_per"],
            "price_year": line.cost["price_year"], "confidence": line.cost["confidence"],
            "kind": line.cost["kind"], "agency": line.cost["agency"],
            "budget": line.cost["budget"], "code": line.cost["code"],
            "source": line.cost["source"], "share": line.share, "given_up": line.given_up,
            "transfer": line.cost["transfer"] == "yes",
            "value": _span(line.gain.sum(), drawn, tail), "note": line.cost["note"],
        })  # fmt: skip
    return rows


def _span(point: float, drawn: NDArray[np.float64], tail: float) -> dict[str, float]:
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return {"mean": float(point), "low": float(low), "high": float(high)}


def _notes(value: Value) -> list[str]:
    notes = [
        "Unit costs are averages. An average cost is what a service spends on a case; what a "
        "budget saves when there is one case fewer is less, and comes later.",
        "To date: nothing is assumed after the last quarter, and costs come before gains.",
        f"Prices of {value.price_base}; unit costs from their price years by the GDP deflator of "
        "the calendar year in which the financial year begins (approximate).",
        "Benefit savings are annually managed expenditure and never reach a council.",
    ]
    if value.not_valued:
        named = ", ".join(value.programme.outcome_by_code[code].title for code in value.not_valued)
        notes.append(f"Not valued, since no unit cost fits: {named}.")
    unbounded = sorted({ln.outcome.title for ln in value.lines if not np.isfinite(ln.widening)})
    if unbounded:
        notes.append(
            "Too few comparable areas to set limits, so that these ranges are too narrow: "
            f"{', '.join(unbounded)}."
        )
    for line in value.lines:
        if line.given_up:
            notes.append(
                f"{line.outcome.title}: the {line.cost['composite_of'].upper()} part of its "
                "composite cost is given up, because other outcomes here count it."
            )
    return notes
