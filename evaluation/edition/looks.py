"""How a finding came about look by look: the interval that held at each, and what was spent."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.edition import effects, figures, words
from evaluation.edition.edition import StudyResults
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table


def chart(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> Markup:
    """The repeated interval after each look; the look that ruled out no effect is filled."""
    rows = outcome.get("looks") or []
    if estimate is None or len(rows) < 2:
        return Markup("")
    crossed = next((row["quarter"] for row in rows if row["crossed"]), None)
    drawn = [
        (row["quarter"], shown, row["quarter"] == crossed, effects.with_range(estimate, shown))
        for row in rows
        if (shown := effects.shown(estimate, row))["effect"] is not None
    ]
    said = f"{words.counted(len(rows), 'look').capitalize()} so far. " + (
        f"The look at {crossed} ruled out “no effect”, every look counted; that stands whatever "
        "later looks show."
        if crossed
        else "None of them has ruled out “no effect”, every look counted."
    )
    alt = f"Effects on {outcome['plain_title']} as known at each look, with ranges. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-looks",
        root,
        alt,
        figures.forest,
        drawn,
        effects.tick_unit(estimate),
        caption=said,
    )


def looks_table(outcome: Record, estimate: Record | None) -> Markup:
    """Every look with its interval, what was spent by then, and its verdict."""
    rows = outcome.get("looks") or []
    if estimate is None or not rows:
        return Markup("")
    cells = [
        [
            row["quarter"],
            words.tidy(row["vintage"][:10]),
            effects.with_range(estimate, effects.shown(estimate, row)),
            words.percent(100 * row["spent"], 2),
            "ruled out" if row["crossed"] else "not ruled out",
        ]
        for row in rows
    ]
    heads = [
        "Look",
        "Newest figure came in",
        "Effect (range over all looks)",
        "Chance of a false finding spent",
        "“No effect”",
    ]
    return table(f"{outcome['plain_title']}: look by look", heads, cells, numeric="ttnnt")
