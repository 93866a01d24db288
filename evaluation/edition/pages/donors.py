"""Pilot areas and their synthetic controls, as charts that say their finding in words too.

Each chart comes with its text alternative and its figures as a table, so that nothing is told by
the picture alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.files import OutcomePage
from evaluation.edition.html_tables import table
from evaluation.edition.words import level
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.study.record import SyntheticUnit


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
