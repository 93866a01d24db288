"""The bars of the inference as they were measured: what is promised, and what is shown to fail.

``book/bars.json`` is written by ``python -m evaluation.design.bars``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.records import Record, record_if_there
from evaluation.edition.tables import table
from evaluation.protocol import ESTIMATOR_NAMES


def view(book: Path) -> dict[str, Any]:
    """What the template of the page asks for; ``bars`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "bars.json")
    if record is None:
        return {"bars": None}
    promised = [row for row in record["rows"] if row["claim"]]
    missed = [row for row in promised if not row["passes"]]
    return {
        "bars": record,
        "bars_said": _said(promised, missed),
        "bars_tables": [
            (
                shown := ESTIMATOR_NAMES[name],
                _table(shown, [row for row in promised if row["estimator"] == name]),
            )
            for name in dict.fromkeys(row["estimator"] for row in promised)
        ],
        "bars_shown": _shown([row for row in record["rows"] if not row["claim"]]),
    }


def _said(promised: Sequence[Record], missed: Sequence[Record]) -> str:
    met = len(promised) - len(missed)
    said = f"{words.number(met)} of {words.counted(len(promised), 'rate')} meet their bar."
    if missed:
        named = "; ".join(
            f"{ESTIMATOR_NAMES[row['estimator']].lower()}, {row['what']} "
            f"({words.percent(100 * row['measured'], 1)})"
            for row in missed
        )
        said += f" {'The one that does not' if len(missed) == 1 else 'Those that do not'}: {named}."
    return said


def _table(title: str, rows: Sequence[Record]) -> Markup:
    cells = [
        [
            words.tidy(row["what"]),
            _band(row),
            words.percent(100 * row["measured"], 1),
            words.percent(100 * row["mc_se"], 1),
            words.number(row["simulations"]),
            "yes" if row["passes"] else "no",
        ]
        for row in rows
    ]
    heads = ["Rate", "Bar", "Measured", "Monte Carlo error", "Rehearsals", "Met"]
    return table(f"{title}: bars", heads, cells, numeric="tnnnnt")


def _band(row: Record) -> str:
    low, high = 100 * row["low"], 100 * row["high"]
    if low <= 0:
        return f"at most {words.percent(high, 1)}"
    if high >= 100:
        return f"at least {words.percent(low, 1)}"
    return f"{words.percent(low, 1)} to {words.percent(high, 1)}"


def _shown(rows: Sequence[Record]) -> Markup:
    """One row a departure, one column an estimator: the false positives, good or bad."""
    if not rows:
        return Markup("")
    estimators = list(dict.fromkeys(row["estimator"] for row in rows))
    held = {(row["what"], row["estimator"]): row for row in rows}
    cells = [
        [
            words.tidy(what),
            *(_rate(held[what, name]) if (what, name) in held else "" for name in estimators),
        ]
        for what in dict.fromkeys(row["what"] for row in rows)
    ]
    heads = ["Rate", *(ESTIMATOR_NAMES[name] for name in estimators)]
    return table(
        "Where the inference fails, and what mends it",
        heads,
        cells,
        numeric="t" + "n" * len(estimators),
    )


def _rate(row: Record) -> str:
    """The rate and two Monte Carlo errors; where the estimator was mostly refused, that instead."""
    if row["refused"] > 0.5:
        return f"refused in {words.percent(100 * row['refused'], 1)}"
    return f"{words.percent(100 * row['measured'], 1)} ± {words.number(200 * row['mc_se'], 1)}"
