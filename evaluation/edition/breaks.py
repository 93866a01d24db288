"""What an effect would be if the pilots' path had broken after the start, and when it is lost."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.edition import effects, figures, words
from evaluation.edition.edition import StudyResults
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table


def of_outcome(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> dict[str, Markup] | None:
    """The chart of ranges by how large the breaks may be, and its table."""
    held = outcome.get("breaks")
    if not held or estimate is None:
        return None
    rows = []
    for one in held["rows"]:
        middle = None if None in (one["low"], one["high"]) else (one["low"] + one["high"]) / 2
        shown = effects.shown(estimate, {**one, "effect": middle})
        if middle is not None:
            rows.append((_label(one["bound"]), shown, one["bound"] == 0, _said(estimate, shown)))
    if not rows:
        return None
    said = _sentence(held["breakdown"], study.period_word)
    alt = f"Ranges of the effect on {outcome['plain_title']} by size of the breaks. {said}"
    chart = out.plate(
        f"{study.study}/{outcome['code']}-breaks",
        root,
        alt,
        figures.forest,
        rows,
        effects.tick_unit(estimate),
        caption=said,
    )
    title = f"{outcome['plain_title']}: range of the mean effect if paths break after the start"
    cells = [[label, told] for label, _, _, told in rows]
    return {"chart": chart, "table": table(title, ["Breaks", "Range"], cells, numeric="tn")}


def _label(bound: float) -> str:
    if bound == 0:
        return "no break after the start"
    size = words.number(bound, 2).rstrip("0").rstrip(".")
    return "as large as the largest before" if bound == 1 else f"{size} times the largest before"


def _said(estimate: Record, shown: Record) -> str:
    say = effects.say(estimate)
    return f"{say(shown['low'])} to {say(shown['high'])}"


def _sentence(breakdown: float | None, period: str) -> str:
    """How large a break may be before the range holds nought."""
    if breakdown is None:
        return "The range leaves out nought however large the breaks that were tried."
    if breakdown == 0:
        return (
            "Judged this way the range holds nought even without a break: the figures before the "
            "start are too noisy to bear this claim alone."
        )
    size = words.number(breakdown, 2)
    return (
        f"The range leaves out nought as long as no break from one {period} to the next is more "
        f"than {size} times the largest before the start."
    )
