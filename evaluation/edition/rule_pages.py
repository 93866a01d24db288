"""The page of rules: what each asks, why, an example, how to mend it; and what the questions cost.

``book/questions.json`` is written by ``python -m evaluation.design.questions``: the share of
planted slips that are noticed and the questions that a clean return meets, over thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.check.examples import EXAMPLES
from evaluation.check.rule import Rule
from evaluation.check.rules import RULES
from evaluation.edition import figures, words
from evaluation.edition.files import Generated
from evaluation.edition.records import record_if_there
from evaluation.edition.tables import table

KINDS = {"error": "Refused", "confirm": "Asked", "note": "Noted"}
_GROUPS = (
    ("R00", "The file and whose it is"),
    ("R01", "The headings"),
    ("R02", "Every cell by itself"),
    ("R03", "Areas, outcomes, quarters"),
    ("R04", "Figures"),
    ("R05", "Symbols and notes"),
    ("R06", "Against what was accepted before"),
    ("R07", "What a workbook hides"),
    ("R09", "Against others"),
)


def view(book: Path, out: Generated) -> dict[str, Any]:
    """Everything that the template of the page asks for.

    Raises
    ------
    BookError : if the record of the questions holds no valid JSON.
    """
    content: dict[str, Any] = {
        "groups": groups(),
        "examples": EXAMPLES,
        "kinds": KINDS,
        "record": None,
    }
    record = record_if_there(book / "questions.json")
    if record is None:
        return content
    return content | {
        "record": record,
        "said": said(record),
        "chart": _chart(record, out),
        "trade_off": _table(record["rows"]),
    }


def groups() -> list[tuple[str, list[Rule]]]:
    """The rules by what they look at, in order of code."""
    return [
        (heading, [rule for rule in RULES.values() if rule.code.startswith(start)])
        for start, heading in _GROUPS
    ]


def declared(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of the record at the thresholds as they are declared."""
    row: Mapping[str, Any] = next(row for row in record["rows"] if row["factor"] == 1.0)
    return row


def said(record: Mapping[str, Any]) -> str:
    """The finding in words."""
    row = declared(record)
    shares = [f"{name} {words.percent(100 * share, 0)}" for name, share in row["caught"].items()]
    return (
        f"In {words.number(record['clean_returns'])} invented returns without a fault there were "
        f"{words.number(row['questions'], 2)} questions a return. Of the slips that were planted, "
        f"one in a return, these shares were asked about: {words.listed(shares)}."
    )


def _chart(record: Mapping[str, Any], out: Generated) -> Markup:
    names = list(record["rows"][0]["caught"])
    lines = [
        (name, [(row["questions"], row["caught"][name]) for row in record["rows"]])
        for name in names
    ]
    return out.plate(
        "questions",
        "../",
        f"Line chart. {said(record)}",
        figures.trade_off,
        lines,
        declared(record)["questions"],
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> Markup:
    names = list(rows[0]["caught"])
    cells = [
        [
            words.number(row["jump"], 1),
            words.number(row["questions"], 2),
            *(words.percent(100 * row["caught"][name], 0) for name in names),
        ]
        for row in rows
    ]
    heads = [
        "Asked from, standard deviations",
        "Questions a clean return",
        *(words.capital(name) for name in names),
    ]
    return table(
        "What stricter and laxer thresholds catch and cost", heads, cells, numeric="n" * len(heads)
    )
