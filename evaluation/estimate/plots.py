"""Estimates as the series that charts are drawn from; the drawing is the book's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import arguments
from evaluation.estimate.inference import apply_map
from evaluation.estimate.summary import digits_of, named, number, range_text
from evaluation.quarters import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.drawing.canvas import Axes
    from evaluation.estimate.estimate import Estimate

# Other sets of areas that are drawn; more make a grey field and no more is to be seen.
MOST_PLACEBOS = 200


def _unit(estimate: Estimate) -> str:
    if estimate.scale == "log":
        return "log points"
    return f"effect on {estimate.outcome}, in its own unit"


def _period(estimate: Estimate) -> str:
    return NAMES.get(estimate.sample.get("frequency", "Q"), "period")


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def event_study(estimate: Estimate, axes: Axes | None = None) -> Axes:
    """Effects by event time with their ranges and the band that holds all of them at once.

    Raises
    ------
    EstimateError : the estimate has one coefficient only.
    """
    from evaluation.drawing import charts
    from evaluation.drawing.canvas import NOTEBOOK

    _refuse_one_entry(estimate, "plotted by event time")
    table = estimate.by("event_time")
    rows = [
        {"event_time": time, **{name: _known(row[name]) for name in _SHOWN}}
        for time, (_, row) in zip(table.index.tolist(), table.iterrows(), strict=True)
    ]
    unit = _unit(estimate)
    endless = int(np.isinf(table[["low", "high"]].to_numpy()).any(axis=1).sum())
    if endless:
        unit += f" ({endless} ranges without a limit are not drawn)"
    draw = charts.events_drawn(rows, unit, _period(estimate), NOTEBOOK.on(axes))
    return _titled(draw, f"{estimate.estimator}: {estimate.outcome} by time since the start")


_SHOWN = ("effect", "low", "high", "low_band", "high_band")


def _titled(draw: Any, title: str) -> Axes:
    draw.title(title)
    found: Axes = draw.axes
    return found


def _refuse_one_entry(estimate: Estimate, use: str) -> None:
    if estimate.index["quarter"].isna().all():
        raise EstimateError(
            f"a {estimate.estimator} estimate is one coefficient and cannot be {use}.",
            mend="estimate it by did or imputation",
        )


def paths(estimate: Estimate, site: str | None = None, axes: Axes | None = None) -> Axes:
    """What was seen in treated areas and what would have been, period by period.

    Several sites are averaged by their areas. Raises as `Estimate.plot_paths` says.
    """
    from evaluation.drawing import charts
    from evaluation.drawing.canvas import NOTEBOOK

    held = estimate.paths
    if held.empty:
        raise EstimateError(
            f"a {estimate.estimator} estimate has no paths.",
            mend="estimate it by did, imputation or a synthetic control",
        )
    if site is not None:
        held = held[held["site"] == site]
        if held.empty:
            known = ", ".join(map(str, pd.unique(estimate.paths["site"])))
            raise EstimateError(f"the estimate has no site {site!r}.", expected=known)
    merged = held.merge(
        estimate.index[["site", "cohort", "quarter", "event_time", "n_areas"]],
        on=["site", "quarter", "event_time"],
    )
    rows = [_path_row(period, part) for period, part in merged.groupby("quarter", sort=False)]
    order = {period: place for place, period in enumerate(pd.unique(estimate.index["quarter"]))}
    rows.sort(key=lambda row: order[row["period"]])
    _add_comparison(estimate, rows)
    starts = [str(one) for one in pd.unique(merged["cohort"])]
    names = charts.LineNames(
        treated=site or "treated areas",
        counterfactual="without\ntreatment",
        start="start" if len(starts) == 1 else "first start",
    )
    shown = [{**row, "period": str(row["period"])} for row in rows]
    unit = estimate.outcome + (", logarithm" if estimate.scale == "log" else "")
    draw = charts.paths_drawn(shown, starts, unit, NOTEBOOK.on(axes), names)
    return _titled(draw, f"{estimate.estimator}: {estimate.outcome}")


def _path_row(period: object, part: pd.DataFrame) -> dict[str, Any]:
    mass = part["n_areas"].to_numpy(dtype=float)
    row: dict[str, Any] = {"period": period, "low": None, "high": None}
    for name, column in (("pilot", "observed"), ("counterfactual", "counterfactual")):
        figures = part[column].to_numpy(dtype=float)
        used = np.isfinite(figures) & (mass > 0)
        row[name] = float(np.average(figures[used], weights=mass[used])) if used.any() else None
    return row


def _add_comparison(estimate: Estimate, rows: Sequence[dict[str, Any]]) -> None:
    """The mean of the comparison areas, where the estimate still knows its panel."""
    if estimate.panel is None:
        return
    figures = estimate.panel.array(estimate.outcome)[~estimate.panel.treated]
    figures = np.log(figures) if estimate.scale == "log" else figures
    held = np.isfinite(figures)
    mean = np.where(held, figures, 0.0).sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    place = {name: k for k, name in enumerate(estimate.panel.period_names)}
    for row in rows:
        at = place.get(row["period"])
        row["comparison"] = None if at is None or not held[:, at].any() else float(mean[at])


def gaps(estimate: Estimate, axes: Axes | None = None) -> Axes:
    """The gap of treated areas by event time before the same gaps of other sets of areas.

    Raises
    ------
    EstimateError : the estimate has one coefficient, or no assignments.
    """
    from evaluation.drawing import charts
    from evaluation.drawing.canvas import NOTEBOOK

    _refuse_one_entry(estimate, "plotted by event time")
    if estimate.draws is None:
        raise EstimateError(
            f"{estimate.inference} inference has no placebos to draw.",
            mend="estimate it with inference='placebo'",
        )
    table = estimate.by("event_time")
    times = [int(time) for time in table.index]
    event = estimate.index["event_time"].to_numpy()
    usable = np.isfinite(estimate.effects)
    weight = estimate.index["weight"].to_numpy(dtype=float)
    maps = np.array([(event == time) & usable for time in times]) * weight
    maps = maps / maps.sum(axis=1, keepdims=True)
    others = np.flatnonzero(~estimate.draws.is_identity.all(axis=1))
    step = max(1, -(-len(others) // MOST_PLACEBOS))
    drawn = apply_map(estimate.draws.raw[others[::step]], maps)
    placebos = [[_known(value) for value in row] for row in drawn]
    if len(placebos) == charts.ENVELOPE:
        # So many rows would be read as quantiles, and these are sets of areas.
        placebos.append([None] * len(times))
    real = [_known(value) for value in table["effect"]]
    how = (_unit(estimate), None, _period(estimate), NOTEBOOK.on(axes))
    draw = charts.gaps_drawn(times, real, placebos, *how, name="treated areas")
    return _titled(draw, f"{estimate.estimator}: {estimate.outcome}, beside {len(drawn)} placebos")


def weights(estimate: Estimate, area: str | None = None, axes: Axes | None = None) -> Axes:
    """Donors by weight; of several treated areas their mean, or those of one.

    Raises
    ------
    EstimateError : the estimator has no weights, or no such area.
    """
    from evaluation.drawing import charts
    from evaluation.drawing.canvas import NOTEBOOK

    table = estimate.weights
    if table.empty or "donor" not in table:
        raise EstimateError(
            f"a {estimate.estimator} estimate has no donor weights.",
            mend="estimate it by a synthetic control or synthetic_did",
        )
    areas = pd.unique(table["area"]).tolist()
    if area is not None and area not in areas:
        raise EstimateError(f"no weights of an area {area!r}.", expected=", ".join(map(str, areas)))
    own = table if area is None else table[table["area"] == area]
    mean = own.groupby("donor")["weight"].sum() / own["area"].nunique()
    ordered = mean.reindex(mean.abs().sort_values(ascending=False).index)
    rows = [charts.DonorWeight(str(donor), float(w)) for donor, w in ordered.items()]
    draw = charts.donor_weights_drawn(rows, NOTEBOOK.on(axes))
    whose = f"of {area or areas[0]}" if area or len(areas) == 1 else f"of {len(areas)} areas, mean"
    return _titled(draw, f"{estimate.estimator}: weights {whose}")


def forest(
    estimates: Mapping[str, Estimate] | Sequence[Estimate], axes: Axes | None = None
) -> Axes:
    """The overall effects of several estimates with their ranges, a row each.

    Parameters
    ----------
    estimates : by name, or a list, named by their estimators.
    axes : matplotlib's axes to draw on; by default a figure of its own.

    Raises
    ------
    EstimateError : no estimate, or estimates on different scales.
    """
    from evaluation.drawing import charts
    from evaluation.drawing.canvas import NOTEBOOK

    arguments.estimates(estimates)
    held = named(estimates)
    if not held:
        raise EstimateError("there is no estimate to draw.", expected="at least one")
    if len({one.scale for one in held.values()}) > 1:
        raise EstimateError(
            "logarithms and levels cannot share an axis.", mend="estimate all on one scale"
        )
    rows = []
    for name, one in held.items():
        table = one.overall()
        row, digits = table.iloc[0], digits_of(table)
        shown = {key: _known(row[key]) for key in ("effect", "low", "high")}
        ends = range_text(float(row["low"]), float(row["high"]), digits)
        said = (
            f"{number(row['effect'], digits)} ({ends})" if ends else number(row["effect"], digits)
        )
        rows.append(charts.ForestRow(name, shown, True, said))
    draw = charts.forest_drawn(rows, "", NOTEBOOK.on(axes))
    return _titled(draw, _unit(next(iter(held.values()))))
