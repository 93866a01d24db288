"""Tables that the field knows beside ours, what each check notices, and speed beside peers.

``book/published.json`` is written by ``python -m benchmarks.published``: ``rows`` computed then,
each with ``case, what, source, published, ours, difference, tolerance, why``; ``checks`` and
``speed`` as last recorded by ``benchmarks.diagnostics`` and ``benchmarks.did``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.records import Record, record_if_there
from evaluation.edition.tables import table

DIGITS = 7
PLANTED = {
    "none": "nothing",
    "chosen_on_level": "pilots chosen on their level",
    "chosen_on_trend": "pilots chosen on a rise",
    "chosen_on_dip": "pilots chosen after a bad quarter",
    "spillover": "the effect leaks to neighbours",
    "other_programme": "another programme in a fifth of the comparison authorities",
    "changed_instrument": "a new way of recording in pilots",
}
CASES = {
    "mpdta": "Minimum wages and teenage employment (mpdta)",
    "Medicaid (ehec)": "Medicaid and health insurance (ehec)",
    "castle doctrine": "Castle doctrine and homicide",
    "Proposition 99": "Proposition 99 and cigarettes",
}
CHECKS = {
    "pre_level": "Level before the start",
    "balance": "Balance before the start",
    "pre_trend": "Path before the start",
    "regression_to_the_mean": "An unusual moment",
    "changed_instrument": "A jump in recording",
    "other_programme": "Another programme",
    "odd_comparisons": "Comparisons that stand apart",
    "negative_control": "The control",
    "denominators": "Denominators",
    "spillover": "Spillover to neighbours",
    "influence": "One place that carries it",
}
"""Checks by the names that a reader gives them; one that is not here keeps its code."""


def view(book: Path) -> dict[str, Any]:
    """What the templates ask for: ``published`` tables, ``noticed`` and ``speed``, if recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "published.json")
    if record is None:
        return {"published": [], "noticed": None, "speed": None}
    cases = list(dict.fromkeys(row["case"] for row in record["rows"]))
    return {
        "published": [
            _case(case, [row for row in record["rows"] if row["case"] == case]) for case in cases
        ],
        "noticed": _noticed(record["checks"]) if record.get("checks") else None,
        "speed": _speed(record["speed"]) if record.get("speed") else None,
    }


def _case(case: str, rows: Sequence[Record]) -> dict[str, Any]:
    """One case: a title that says how near ours is, and its table."""
    cells = [
        [
            Markup("{}<span class='from'>{}</span>").format(
                words.capital(row["what"]), row["source"]
            ),
            words.number(row["published"], _decimals(row["published"])),
            words.number(row["ours"], min(_decimals(row["published"]) + 1, DIGITS)),
            f"{row['difference']:.0e}".replace("-", "\u2212"),
            words.sentence(row["why"]) if row["why"] else "",
        ]
        for row in rows
    ]
    met = sum(abs(row["difference"]) <= row["tolerance"] for row in rows)
    heads = ["What", "Published", "Ours", "Difference", "Why"]
    return {
        "title": f"{CASES.get(case, words.capital(case))}: {met} of {len(rows)} figures agree with "
        "what was printed",
        "table": table(f"Published and ours: {case}", heads, cells, numeric="tnnnt"),
    }


def _decimals(printed: float) -> int:
    """How many decimals a published figure was printed with."""
    return len(f"{printed:.{DIGITS}f}".rstrip("0").partition(".")[2])


def _noticed(record: Record) -> Markup:
    rows: Sequence[Record] = record["rows"]
    checks = [code for code in rows[0]["fires"] if any(code in row["fires"] for row in rows)]
    cells = []
    for code in checks:
        shares = [row["fires"].get(code) for row in rows]
        cells.append(
            [
                CHECKS.get(code, words.capital(code.replace("_", " "))),
                *("" if one is None else words.percent(100 * one["share"], 0) for one in shares),
            ]
        )
    heads = [
        "Check",
        *(words.capital(PLANTED.get(name, name)) for name in (str(row["switch"]) for row in rows)),
    ]
    return table(
        f"Share of {record['seeds']} invented programmes in which each check fails, by what was "
        "made wrong",
        heads,
        cells,
        numeric="t" + "n" * len(rows),
        style="dense",
    )


def _speed(record: Record) -> Markup:
    cells = [
        [
            f"{words.capital(row['task'].replace('_', ' '))}, {words.number(row['areas'])} areas",
            row["program"],
            words.number(row["seconds"], 2) if "seconds" in row else _failed(row["failed"]),
            words.number(row["megabytes"]) if "seconds" in row else "",
            words.number(row["time_of_ours"], 2) if "seconds" in row else "",
        ]
        for row in record["rows"]
    ]
    heads = ["Task", "Program", "Processor seconds", "Megabytes", "Time of ours, as a multiple"]
    return table("Speed beside other programs, one thread", heads, cells, numeric="ttnnn")


def _failed(said: str) -> str:
    """Why a program gave no result, without the name of its error."""
    wanted = re.search(r"Unable to allocate ([\d.]+ \w+)", said)
    return f"not done: it asked for {wanted[1]} of memory" if wanted else said
