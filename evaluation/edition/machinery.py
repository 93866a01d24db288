"""Whether the machinery tells the truth: the calibration record, as recorded, failures included.

``book/calibration.json`` is written by ``make calibration``: ``command``, ``recorded``, ``seeds``,
``rows``, each with ``what``, ``nominal``, ``measured``, ``mc_se`` and ``passes``; and
``diagnostics``: how often each check fires under each departure from what is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from evaluation.edition import figures, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.published import CHECKS
from evaluation.edition.records import Record
from evaluation.edition.tables import table


def machinery(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the template of the page asks for."""
    record = edition.calibration
    if record is None:
        return {"record": None}
    rows: Sequence[Record] = record["rows"]
    charts = [
        _chart(out, nominal, [row for row in rows if row["nominal"] == nominal])
        for nominal in sorted({row["nominal"] for row in rows}, reverse=True)
    ]
    return {
        "record": record,
        "charts": charts,
        "rates": _rates_table(rows),
        "checks": _checks_table(record.get("diagnostics", [])),
    }


def _checks_table(departures: Sequence[Record]) -> Markup:
    """Each departure that was planted, and in what share of programmes each check noticed it."""
    if not departures:
        return Markup("")
    checks = list(departures[0]["fires"])
    rows = [
        [
            words.capital(one["what"]),
            *(words.percent(100 * one["fires"][check]["share"], 0) for check in checks),
        ]
        for one in departures
    ]
    heads = ["What was planted", *(CHECKS.get(check, words.capital(check)) for check in checks)]
    return table(
        "Share of programmes in which each check fails",
        heads,
        rows,
        numeric="t" + "n" * len(checks),
    )


def _chart(out: Generated, nominal: float, rows: Sequence[Record]) -> Markup:
    drawn = [(words.capital(row["what"]), row["measured"], row["mc_se"]) for row in rows]
    said = " ".join(
        f"{row['what']}: promised {words.percent(100 * nominal, 0)}, measured "
        f"{words.percent(100 * row['measured'], 1)}."
        for row in rows
    )
    return out.plate(
        f"calibration-{round(100 * nominal)}",
        "../",
        f"Dot chart. {said}",
        figures.strip,
        drawn,
        nominal,
        "measured rate; lines: two Monte Carlo errors",
    )


def _rates_table(rows: Sequence[Record]) -> Markup:
    cells = [
        [
            words.capital(row["what"]),
            words.percent(100 * row["nominal"], 0),
            words.percent(100 * row["measured"], 1),
            words.percent(100 * row["mc_se"], 1),
            "yes" if row["passes"] else "no",
        ]
        for row in rows
    ]
    heads = ["What", "Promised", "Measured", "Monte Carlo error", "Within 2.5 errors"]
    return table("Promised and measured rates", heads, cells, numeric="tnnnt")
