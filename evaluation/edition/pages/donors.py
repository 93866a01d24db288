"""A started area and its synthetic control, as charts that say their finding in words too.

For notebooks and pages alike: each chart comes with its text alternative and its figures as a
table, so that nothing is told by the picture alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.files import OutcomePage
from evaluation.edition.html_tables import table
from evaluation.edition.words import level, plain
from evaluation.errors import EstimateError
from evaluation.estimate import synthetic_weights
from evaluation.estimate.synthetic import Settings, method_of
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.estimate.synthetic_placebos import SyntheticUnits
    from evaluation.panel import Panel
    from evaluation.study.record import SyntheticUnit


MIDDLE = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """A chart as SVG, what it shows in words, and its figures."""

    svg: str
    alt: str
    table: pd.DataFrame

    def _repr_html_(self) -> str:
        return f"<figure role='img' aria-label='{escape(self.alt, quote=True)}'>{self.svg}</figure>"


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticUnitCharts:
    """The four charts of a started area: both paths, the gap, the donors, the fit before."""

    path: Chart
    gap: Chart
    weights: Chart
    fit: Chart


def levels(held: SyntheticUnit) -> list[dict[str, Any]]:
    """The path in the outcome's own unit, of released logarithms to as many figures as they bear.

    What is drawn and what is written are both of these.
    """
    say = math.exp if held.scale == "log" else float
    return [
        {
            k: v if k == "period" or v is None else float(f"{say(v):.4g}")
            for k, v in row.plain().items()
        }
        for row in held.rows
    ]


def apart_before(rows: Sequence[Mapping[str, Any]], start: str) -> float:
    """How far the two printed paths lie apart before the start: root mean square, two figures."""
    before = [r for r in rows if Period.parse(r["period"]) < Period.parse(start)]
    squares = sum((r["observed"] - r["twin"]) ** 2 for r in before)
    return float(f"{math.sqrt(squares / max(len(before), 1)):.2g}")


def of_outcome(page: OutcomePage) -> dict[str, Markup] | None:
    """All pilot areas and what their donors make of them; None without a synthetic control."""
    study, held = page.study, page.outcome.synthetic_unit
    if not held or not held.rows or not study.starts:
        return None
    keys = ("observed", "twin", "low", "high")
    rows = levels(held)
    unit = page.outcome.unit + (", geometric mean" if held.scale == "log" else ", mean")
    start = study.starts[0]
    apart = apart_before(rows, start)
    last, donors = rows[-1], [figures.DonorWeight(d.name, d.weight) for d in held.donors]
    said = (
        f"Before {start} pilot areas and their twins lie {level(apart)} apart (root mean square). "
        f"In {last['period']} pilot areas stand at {level(last['observed'])} and their twins at "
        f"{level(last['twin'])}. Grey: where the gap lies for 95% of the re-drawn start dates."
    )
    kind = f"Line chart of all pilot areas and their synthetic twins, {unit}"
    drawn_by = figures.synthetic_path
    cells = [
        [row.period, *("" if drawn[k] is None else level(drawn[k]) for k in keys)]
        for row, drawn in zip(held.rows, rows, strict=True)
    ]
    heads = ["Period", "Pilot areas", "Twins", "Band from", "Band to"]
    return {
        "path": page.chart("twin", kind, said, drawn_by, rows, start, "pilot areas", unit),
        "table": table(f"Pilot areas and their twins, {unit}", heads, cells, numeric="tnnnn"),
        "donors": _donors_chart(page, donors),
        "donors_table": table(
            "The heaviest areas in the twins",
            ["Area", "Weight"],
            [[n, words.percent(100 * w, 1)] for n, w in donors[: figures.MOST_DONORS]],
            numeric="tn",
        ),
    }


def _donors_chart(page: OutcomePage, donors: Sequence[figures.DonorWeight]) -> Markup:
    if not donors:
        return Markup("")
    lead, weight = donors[0]
    said = (
        f"{words.counted(len(donors), 'comparison area')} make up the twins. The heaviest is "
        f"{lead} with {words.percent(100 * weight, 1)} of the weight, on the mean over pilot areas."
    )
    return page.chart("donors", "Bar chart of donor weights", said, figures.donor_weights, donors)


def synthetic_unit_charts(
    panel: Panel,
    outcome: str,
    area: str,
    settings: Settings,
    *,
    unit: str,
    size: figures.Size = figures.WIDE,
) -> SyntheticUnitCharts:
    """Draw a started area's synthetic control.

    Parameters
    ----------
    area : a started area's code. unit : of the figures as they are drawn, in words.

    Raises
    ------
    EstimateError : the area has not started, or the panel cannot bear the fit.
    """
    fitted = synthetic_weights.fit_all(panel, outcome, settings.scale, method_of(settings))
    sample = fitted.sample
    place = int(sample.panel.areas.index.get_indexer(pd.Index([area]))[0])
    if place < 0 or place not in sample.treated.units:
        raise EstimateError(
            f"{area} has not started within the panel.",
            expected=", ".join(map(str, sample.panel.areas.index[sample.treated.units])),
        )
    s = int(sample.treated.cohort_of[list(sample.treated.units).index(place)])
    synthetic_unit = fitted.synthetic_units[int(sample.treated.starts[s])]
    g, name = int(sample.treated.starts[s]), str(area)
    rows = _rows(sample.panel, synthetic_unit, place)
    around = [
        row | {"low": row["twin"] + row["low"], "high": row["twin"] + row["high"]} for row in rows
    ]
    start = str(rows[g]["period"])
    return SyntheticUnitCharts(
        path=Chart(
            svg=figures.synthetic_path(around, start, name, unit, size),
            table=pd.DataFrame(around),
            alt=_path_words(rows, g, name, unit),
        ),
        gap=Chart(
            svg=figures.synthetic_gap(rows, start, name, unit, size),
            table=pd.DataFrame(rows),
            alt=_gap_words(rows, g, name, unit),
        ),
        weights=_weights(sample.panel, synthetic_unit, place, size),
        fit=_fit(synthetic_unit, place, name, unit, size),
    )


def _rows(panel: Panel, synthetic_unit: SyntheticUnits, place: int) -> list[dict[str, Any]]:
    """The path of the area and of its synthetic control, the gap, and the other areas' gaps."""
    gaps = synthetic_unit.gaps
    band = np.nanpercentile(gaps[synthetic_unit.donors], MIDDLE, axis=0)
    labels = panel.labels
    own, apart = synthetic_unit.figures[place], gaps[place]
    return [
        {
            "period": label,
            "observed": float(own[t]),
            "twin": float(own[t] - apart[t]),
            "gap": float(apart[t]),
            "low": float(band[0, t]),
            "high": float(band[1, t]),
        }
        for t, label in enumerate(labels)
    ]


def _path_words(rows: list[dict[str, Any]], g: int, name: str, unit: str) -> str:
    last = [row for row in rows if np.isfinite(row["observed"])][-1]
    before = np.sqrt(np.nanmean([row["gap"] ** 2 for row in rows[:g]]))
    return (
        f"Line chart of {name} and its synthetic twin. Before {rows[g]['period']} they lie "
        f"{level(before)} apart ({unit}, root mean square). In {last['period']} {name} stands "
        f"at {level(last['observed'])} and its twin at {level(last['twin'])}."
    )


def _gap_words(rows: list[dict[str, Any]], g: int, name: str, unit: str) -> str:
    after = [row for row in rows[g:] if np.isfinite(row["gap"])]
    beyond = sum(not row["low"] <= row["gap"] <= row["high"] for row in after)
    mean = float(np.mean([row["gap"] for row in after]))
    return (
        f"Line chart of the gap between {name} and its synthetic twin. From {rows[g]['period']} it "
        f"averages {plain(mean)} ({unit}). In {beyond} of {len(after)} periods it lies outside "
        "the middle 95% of the comparison areas' gaps to their own twins."
    )


def _weights(panel: Panel, synthetic_unit: SyntheticUnits, place: int, size: figures.Size) -> Chart:
    weights = synthetic_unit.unit_weights[place]
    order = np.argsort(-np.abs(weights), kind="stable")
    held = [int(j) for j in order if abs(weights[j]) > 1e-4]
    names = panel.areas.index[synthetic_unit.donors]
    rows = [figures.DonorWeight(str(names[j]), float(weights[j])) for j in held]
    effective = 1 / float((weights**2).sum())
    lead, weight = rows[0]
    alt = (
        f"Bar chart of donor weights. {len(rows)} areas make up the twin, as even as "
        f"{words.number(effective, 1)} would be. The heaviest is {lead} with "
        f"{words.percent(100 * weight, 1)}."
    )
    if negative := sum(value < 0 for _, value in rows):
        alt += f" {negative} weigh negatively."
    return Chart(
        svg=figures.donor_weights(rows, size),
        alt=alt,
        table=pd.DataFrame(rows, columns=["donor", "weight"]),
    )


def _fit(
    synthetic_unit: SyntheticUnits, place: int, name: str, unit: str, size: figures.Size
) -> Chart:
    own, others = float(synthetic_unit.rmspe[place]), synthetic_unit.rmspe[synthetic_unit.donors]
    closer = int((others > own).sum())
    alt = (
        f"Dot chart of the error before the start. {name} is fitted to {level(own)} ({unit}, "
        f"root mean square), closer than {closer} of {len(others)} comparison areas; the middle "
        f"one of those is fitted to {level(float(np.median(others)))}."
    )
    fitted = figures.FittedArea(name, own)
    svg = figures.synthetic_fit([fitted], [float(value) for value in others], unit, size)
    table = pd.DataFrame({"rmspe_before": np.append(own, others)})
    return Chart(svg=svg, alt=alt, table=table)
