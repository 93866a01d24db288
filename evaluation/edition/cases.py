"""What the page of a real case adds to its outcomes: the published figure beside ours."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.claims import chance
from evaluation.edition.edition import StudyResults
from evaluation.edition.records import Record
from evaluation.edition.tables import table

_DIGITS = 4


def published_table(study: StudyResults) -> Markup:
    """One row for each published figure: theirs, ours, the difference, and why there is one."""
    rows = [
        [
            _what(row),
            _figure(row["published"]),
            _figure(row["ours"], row["inference"]),
            _difference(row["difference"]),
            words.sentence(row["why"]) if row["why"] else "",
        ]
        for row in study.raw["published"]
    ]
    heads = ["What", "Published (error)", "Ours (error)", "Difference", "Why"]
    return table("Published figures and ours", heads, rows, numeric="tnnnt")


def _what(row: Record) -> Markup:
    return Markup("{}<span class='from'>{}</span>").format(row["what"], words.tidy(row["source"]))


def _figure(figure: Record, inference: str = "") -> Markup:
    """``\u22120.1819 (0.0782)``, below it the p value where one is given and how it was found."""
    parts = []
    if figure["effect"] is not None:
        parts.append(words.number(figure["effect"], _DIGITS))
    if figure["error"] is not None:
        parts.append(f"({words.number(figure['error'], _DIGITS)})")
    shown = Markup("{}").format(" ".join(parts) or "none")
    if figure["p_value"] is None:
        return shown
    small = figure["p_value"] < 0.001
    found = "p < 0.001" if small else f"p = {chance(figure['p_value'])}"
    how = f" {words.inference(inference)}" if inference else ""
    return shown + Markup("<span class='from'>{}{}</span>").format(found, how)


def _difference(value: float | None) -> str:
    if value is None:
        return ""
    return "none" if abs(value) < 5e-5 else words.number(value, _DIGITS)
