"""For whom and where next: by deprivation fifth, between sites, and for a new site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import answers, words
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.html_tables import Cell, table
from evaluation.estimate.between_sites import FEWEST_SITES
from evaluation.study.record import FifthResult, OutcomeResult, Results
from evaluation.study.written import Record

NAMES = {1: "Fifth 1, most deprived", 5: "Fifth 5, least deprived"}
NOT_SPLIT = (
    "Not known: the programme declares no deprivation fifths, so effects are not split by them."
)


def _rows(study: Results) -> Sequence[FifthResult]:
    return study.equity


def answer(study: Results) -> str:
    """Whether any fifth came off worse or apart, and what the most deprived one shows."""
    if not any(row.effects for row in _rows(study)):
        return NOT_SPLIT
    worse, apart, most = [], [], []
    for outcome in study.with_role("primary"):
        found = _by_fifth(study, outcome)
        title = words.within(outcome.plain_title)
        worse += [f"{title} in fifth {k}" for k, one in found.items() if _is_worse(outcome, one)]
        apart += [title] if _some_apart(list(found.values())) else []
        if 1 in found:
            scale = words.compared_on(outcome)
            unit = "" if scale.scale == "log" else f" {outcome.unit}"
            most.append(f"{title} {words.shown_with_range(scale, found[1])}{unit}")
    said = (
        f"Clearly for the worse: {words.listed(worse)}."
        if worse
        else ("No deprivation fifth is clearly worse off.")
    )
    said += (
        f" The fifths differ for {words.listed(apart)}."
        if apart
        else (
            " The fifths' ranges overlap for every main outcome, so nothing shows that one gains "
            "more than another."
        )
    )
    return f"{said} In the most deprived fifth: {'; '.join(most)}." if most else said


def _by_fifth(study: Results, outcome: OutcomeResult) -> dict[int, Record]:
    """Fifth -> the outcome's effect in it, as it is shown."""
    return {
        row.fifth: words.compared(outcome, one)
        for row in _rows(study)
        for one in row.effects
        if one.outcome == outcome.code
    }


def _is_worse(outcome: OutcomeResult, one: Record) -> bool:
    better_down = outcome.polarity == "down"
    near = one["low"] if better_down else one["high"]
    return (
        outcome.polarity != "care" and near is not None and (near > 0) == better_down and near != 0
    )


def _some_apart(found: list[Record]) -> bool:
    """Whether two ranges do not overlap."""
    known = [one for one in found if one["low"] is not None and one["high"] is not None]
    return bool(known) and max(one["low"] for one in known) > min(one["high"] for one in known)


def view(study: Results, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    parts = [
        part
        for o in study.with_role("primary")
        if (part := _of_outcome(OutcomePage(study=study, outcome=o, out=out, root="")))
    ]
    if rows := _flat(study):
        out.table(f"{study.study}/equity", rows)
    return {
        "study": study,
        "fifths": parts,
        "areas": _areas(study),
        "split": bool(_rows(study)),
        "name": f"{study.study}/equity",
    }


def _of_outcome(page: OutcomePage) -> dict[str, Any] | None:
    study, outcome, on = page.study, page.outcome, words.compared_on(page.outcome)
    held = {row.fifth: row for row in _rows(study)}
    rows = [(held[fifth], shown) for fifth, shown in _by_fifth(study, outcome).items()]
    if not rows:
        return None
    drawn = [page.row(_name(row), shown, filled=False, on=on) for row, shown in rows]
    # The finding itself: the newest look alone has another range, which stands nowhere else here.
    every = outcome.finding.effect_percent.plain()
    drawn.append(page.row("All areas", every, filled=True, on=on))
    clear = [str(row.fifth) for row, shown in rows if words.leaves_out_zero(shown)]
    which = f"fifth {clear[0]}" if len(clear) == 1 else f"fifths {words.listed(clear)}"
    unit = "per cent" if on.scale == "log" else outcome.unit
    said = (
        f"Each fifth estimated on its own, {unit}, at this look alone. "
        + (
            f"Only the range of {which} leaves out zero."
            if len(clear) == 1
            else f"Only the ranges of {which} leave out zero."
            if clear
            else "Every fifth's range includes zero."
        )
        + " Filled: all areas together."
    )
    chart = page.forest("fifths", "by deprivation fifth, with ranges", said, drawn, on=on)
    cells = [[one.label, one.said] for one in drawn]
    told = table(
        f"{outcome.plain_title} by deprivation fifth, {unit}",
        ["Fifth", "Effect (range)"],
        cells,
        numeric="tn",
    )
    return {"outcome": outcome, "chart": chart, "table": told}


def _name(row: FifthResult) -> str:
    fifth = row.fifth
    pilots = words.counted(row.pilot_areas, "pilot area")
    return f"{NAMES.get(fifth, f'Fifth {fifth}')} ({pilots})"


def _areas(study: Results) -> Markup:
    reasons = any(row.reason for row in _rows(study))
    rows = [
        [
            NAMES.get(row.fifth, f"Fifth {row.fifth}"),
            words.number(row.pilot_areas),
            words.number(row.comparison_areas),
            *([words.whole(row.reason) if row.reason else "estimated"] if reasons else []),
        ]
        for row in _rows(study)
    ]
    heads = ["Fifth", "Pilot areas", "Comparison areas", *(["Estimate"] if reasons else [])]
    return table("Areas of each fifth", heads, rows, numeric="tnn") if rows else Markup("")


def _flat(study: Results) -> list[dict[str, Any]]:
    return [
        {
            "fifth": row.fifth,
            "pilot_areas": row.pilot_areas,
            "comparison_areas": row.comparison_areas,
            **one.plain(),
        }
        for row in _rows(study)
        for one in row.effects
    ]


ALIKE = 0.05


def new_site_view(study: Results, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    parts = [
        part
        for o in study.with_role("primary")
        if (part := _part(OutcomePage(study=study, outcome=o, out=out, root="")))
    ]
    rows = [part["row"] for part in parts if part["row"]]
    how = "Where one more site like these would likely lie, per cent of what would have been."
    chart = Markup("")
    if rows:
        said = " ".join(part["said"] for part in parts)
        alt = f"Chart of the range for one more site like these, by main outcome. {said} {how}"
        name = f"{study.study}/new-site"
        chart = out.plate(name, "", alt, figures.all_outcomes, rows, caption=how)
    return {
        "study": study,
        "outcomes": parts,
        "new_site_chart": chart,
        "answer": new_site_answer(study),
    }


def new_site_answer(study: Results) -> str:
    """Whether a new site could count on any main outcome, in a sentence or two."""
    held = [(o, o.new_site) for o in study.with_role("primary") if o.new_site]
    if not held:
        return "Too few sites have an effect of their own to say where a new one would lie."
    sure = [
        words.within(o.plain_title) for o, one in held if one.low * one.high > 0 and answers.told(o)
    ]
    apart = [words.within(o.plain_title) for o, one in held if one.p_alike < ALIKE]
    said = (
        "These sites promise a new one nothing on any main outcome."
        if not sure
        else f"The range for a new site leaves out zero only for {words.listed(sure)}."
    )
    if apart:
        said += f" Sites differ by more than chance could explain in {words.listed(apart)}."
    if any(one.sites == FEWEST_SITES for _, one in held):
        said += " Three sites cannot tell how much sites differ."
    return (
        f"{said} Each range is for one more site like these; for a site of another kind it is too "
        "short."
    )


def _part(page: OutcomePage) -> dict[str, Any] | None:
    outcome, on = page.outcome, words.compared_on(page.outcome)
    if (one := outcome.new_site) is None:
        return None
    rows = [page.row(site.name, row, filled=False, on=on) for site, row in page.by_site()]
    new = words.compared(outcome, {"effect": one.mean, "low": one.low, "high": one.high})
    rows.append(page.row("A new site like these", new, filled=False, on=on))
    say = words.say(on)
    unit = "per cent" if on.scale == "log" else outcome.unit
    ends = f"between {say(new['low'])} and {say(new['high'])}"
    ends += "" if on.scale == "log" else f" {unit}"
    said = f"{outcome.plain_title}: one more such site would likely lie {ends}."
    if answers.style(outcome) == "unknown":
        said += " Whether any of this is the programme's doing cannot be told."
    cells: list[list[Cell]] = [
        [site.name, words.effect_at(site.code, outcome, on, row)] for site, row in page.by_site()
    ]
    cells.append([rows[-1].label, rows[-1].said])
    heads = ["Site", "Effect (range)"]
    title = f"{outcome.plain_title}, {unit}"
    row = {
        "group": "A new site like these",
        "outcome": outcome.plain_title,
        "main": True,
        "filled": False,
        "better_down": words.better_down(outcome),
        **{key: new[key] for key in ("effect", "low", "high")},
        "hoped": None,
        "worth_having": None,
        "said": rows[-1].said,
    }
    return {
        "outcome": outcome,
        "said": said,
        # What is not in per cent has another scale; it stands in the table and in the sentence.
        "row": row if on.scale == "log" else None,
        "table": table(title, heads, cells, numeric="tn"),
    }
