"""Error rates on real neighbourhoods where nothing started, as ``design calibrate`` measured them.

Each file in ``book/neighbourhoods`` is what the command wrote: rates only, no figure of any place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.records import Record, read_record
from evaluation.edition.tables import table
from evaluation.protocol import ESTIMATOR_NAMES

PANEL = ("title", "areas", "periods", "looks", "scale", "sample", "shape", "withheld", "with_gaps")
"""What records of one panel have in common; estimators may be measured one after another."""

CHOSEN = {
    "random": "drawn by lot",
    "top_level": "from the tenth with the highest level",
    "top_trend": "from the tenth with the steepest rise",
    "one_authority": "in one authority",
    "two_authorities": "in two authorities",
    "smallest": "from the smallest third",
    "largest": "from the largest third",
    "variable": "from the third that varies most",
}


def view(book: Path) -> dict[str, Any]:
    """What the template of the page asks for; empty where nothing is recorded.

    Raises
    ------
    BookError : a record holds no valid JSON.
    """
    records = [read_record(path) for path in sorted((book / "neighbourhoods").glob("*.json"))]
    by_panel: dict[tuple[Any, ...], list[Record]] = {}
    for one in filter(_plain, records):
        by_panel.setdefault(tuple(one.get(name) or None for name in PANEL), []).append(one)
    return {
        "neighbourhoods": [
            {"records": held, "table": _rates(held), "said": _said(held)}
            for held in by_panel.values()
        ],
        "neighbourhoods_shown": _shown([one for one in records if not _plain(one)]),
    }


def _plain(record: Record) -> bool:
    return bool(record["pilots"] == "random")


def _over_looks(record: Record) -> list[Record]:
    return [row for row in record["rows"] if row["look"] == "any"]


def _said(records: Sequence[Record]) -> str:
    """What the records of one panel say together."""
    record, rows = records[0], [row for one in records for row in _over_looks(one)]
    rows = [row for row in rows if row["refused"] < 1]
    sizes = [100 * row["size"] for row in rows if row["effect"] == 0]
    held = [100 * row["coverage"] for row in rows if row["effect"] != 0]
    if not sizes:
        return "Every rehearsal was refused."
    said = (
        f"{words.number(record['areas'])} areas, {words.number(record['periods'])} quarters, "
        f"{words.number(record['looks'])} looks: an effect was found where there was none in "
        f"{words.percent(min(sizes), 1)} to {words.percent(max(sizes), 1)} of the rehearsals"
    )
    if held:
        said += f", and the ranges held what was planted in {words.percent(min(held), 1)} or more"
    return f"{said}."


def _rates(records: Sequence[Record]) -> Markup:
    """One row an estimator and number of pilots: size, coverage and the smallest effect found."""
    held = {
        (r["estimator"], r["started"]): r["percent"] for one in records for r in one["detectable"]
    }
    rows = [row for one in records for row in _over_looks(one)]
    cells, order = [], list(ESTIMATOR_NAMES)
    for name, started in sorted(held, key=lambda key: (order.index(key[0]), key[1])):
        seen = held[name, started]
        own = [r for r in rows if (r["estimator"], r["started"]) == (name, started)]
        none = next(r for r in own if r["effect"] == 0)
        covered = [r["coverage"] for r in own if r["effect"] != 0 and r["refused"] < 1]
        cells.append(
            [
                ESTIMATOR_NAMES[name],
                words.number(started),
                _with_error(none),
                words.percent(100 * min(covered), 1) if covered else "not asked",
                words.percent(seen, 1) if seen else "none of those planted",
                words.number(none["simulations"]),
            ]
        )
    heads = [
        "Estimator",
        "Pilot areas",
        "Found where there was none",
        "Ranges that held",
        "Smallest fall found four times in five",
        "Rehearsals",
    ]
    return table(records[0]["title"], heads, cells, numeric="tnnnnn")


def _with_error(row: Record) -> str:
    """A share of false findings with two Monte Carlo errors; refused where every one was."""
    if row["refused"] == 1:
        return "refused"
    return f"{words.percent(100 * row['size'], 1)} ± {words.number(200 * row['mc_se'], 1)}"


def _shown(records: Sequence[Record]) -> Markup:
    """Pilots that are not like the rest, and the remedy beside each: a table a panel."""
    cells: dict[str, list[list[str]]] = {}
    for one in records:
        within = f"within bands of {words.listed(one['strata'])}" if one["strata"] else ""
        together = "whole authorities move" if one["block"] == "authority" else "areas move alone"
        for row in _over_looks(one):
            if row["effect"] == 0:
                cells.setdefault(one["title"], []).append(
                    [
                        f"{words.number(row['started'])} areas {CHOSEN[one['pilots']]}",
                        "; ".join(part for part in (together, within) if part),
                        ESTIMATOR_NAMES[row["estimator"]],
                        _with_error(row),
                    ]
                )
    heads = ["Pilots", "Re-drawn how", "Estimator", "Found where there was none"]
    return Markup("").join(
        table(f"Pilots that are not like the rest: {title}", heads, rows, numeric="tttn")
        for title, rows in cells.items()
    )
