"""What this cannot tell a new site: how far sites differ, and where one more might lie."""

from __future__ import annotations

from typing import Any

from evaluation.edition import answers, effects, figures, words
from evaluation.edition.edition import StudyResults, primary_estimate
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table

ALIKE = 0.05


def view(study: StudyResults, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    parts = [part for o in study.with_role("primary") if (part := _part(study, o, out)) is not None]
    return {"study": study, "outcomes": parts, "answer": answer(study)}


def answer(study: StudyResults) -> str:
    """Whether a new site could count on any main outcome, in a sentence or two."""
    held = [(o, o["new_site"]) for o in study.with_role("primary") if o.get("new_site")]
    if not held:
        return "Too few sites have an effect of their own to say where a new one would lie."
    sure = [
        words.within(o["plain_title"])
        for o, one in held
        if one["low"] * one["high"] > 0 and answers.style(o) in ("better", "worse")
    ]
    apart = [words.within(o["plain_title"]) for o, one in held if one["p_alike"] < ALIKE]
    said = (
        "These sites promise a new one nothing on any main outcome."
        if not sure
        else f"The range for a new site leaves out nought only for {words.listed(sure)}."
    )
    if apart:
        said += f" Sites differ by more than chance could explain in {words.listed(apart)}."
    return (
        f"{said} Each range is for one more site like these; for a site of another kind it is too "
        "short."
    )


def _part(study: StudyResults, outcome: Record, out: Generated) -> dict[str, Any] | None:
    estimate, one = primary_estimate(outcome), outcome.get("new_site")
    if estimate is None or not one:
        return None
    names = {site["code"]: site["name"] for site in study.sites}
    order = [site["code"] for site in sorted(study.sites, key=lambda s: (s["start"], s["code"]))]
    by_code = {row["site"]: effects.shown(estimate, row) for row in estimate["site"]}
    rows = [
        (names[code], row, False, effects.with_range(estimate, row))
        for code in order
        if (row := by_code.get(code)) is not None and row["effect"] is not None
    ]
    new = effects.shown(estimate, {"effect": one["mean"], "low": one["low"], "high": one["high"]})
    rows.append(("A new site like these", new, True, effects.with_range(estimate, new)))
    say = effects.say(estimate)
    alike = (
        "Sites differ by more than chance could explain."
        if one["p_alike"] < ALIKE
        else "Sites differ by no more than chance could explain."
    )
    unit = "per cent" if estimate["scale"] == "log" else str(outcome["unit"])
    ends = f"between {say(new['low'])} and {say(new['high'])}"
    ends += "" if estimate["scale"] == "log" else f" {unit}"
    said = f"One more site like these would likely lie {ends}. {alike}"
    if answers.style(outcome) == "unknown":
        said += " Whether any of this is the programme's doing cannot be told."
    alt = f"Effects on {outcome['plain_title']} by site, and the range for a new one. {said}"
    chart = out.plate(
        f"{study.study}/{outcome['code']}-new-site",
        "../",
        alt,
        figures.forest,
        rows,
        effects.tick_unit(estimate),
        caption=said,
    )
    cells = [[label, shown] for label, _, _, shown in rows]
    heads = ["Site", "Effect (range)"]
    title = f"{outcome['plain_title']}, {unit}"
    return {"outcome": outcome, "chart": chart, "table": table(title, heads, cells, numeric="tn")}
