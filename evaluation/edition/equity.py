"""For whom: the main outcomes by deprivation fifth, and what can and cannot be read from them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from evaluation.edition import effects, figures, words
from evaluation.edition.edition import StudyResults, primary_estimate
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table

NAMES = {1: "Fifth 1, most deprived", 5: "Fifth 5, least deprived"}
NOT_SPLIT = (
    "Not known: the programme declares no deprivation fifths, so effects are not split by them."
)


def _rows(study: StudyResults) -> list[Record]:
    return list(study.raw.get("equity") or ())


def answer(study: StudyResults) -> str:
    """Whether any fifth came off worse or apart, and what the most deprived one shows."""
    if not any(row["effects"] for row in _rows(study)):
        return NOT_SPLIT
    worse, apart, most = [], [], []
    for outcome in study.with_role("primary"):
        found = _by_fifth(study, outcome)
        title, estimate = words.within(outcome["plain_title"]), primary_estimate(outcome)
        worse += [f"{title} in fifth {k}" for k, one in found.items() if _is_worse(outcome, one)]
        apart += [title] if _some_apart(list(found.values())) else []
        if estimate and 1 in found:
            unit = "" if estimate["scale"] == "log" else f" {outcome['unit']}"
            most.append(f"{title} {effects.with_range(estimate, found[1])}{unit}")
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


def _by_fifth(study: StudyResults, outcome: Record) -> dict[int, Record]:
    """Fifth -> the outcome's effect in it, as it is shown."""
    return {
        int(row["fifth"]): effects.shown(one, one)
        for row in _rows(study)
        for one in row["effects"]
        if one["outcome"] == outcome["code"]
    }


def _is_worse(outcome: Record, one: Record) -> bool:
    better_down = outcome["polarity"] == "down"
    near = one["low"] if better_down else one["high"]
    return (
        outcome["polarity"] != "care"
        and near is not None
        and (near > 0) == better_down
        and near != 0
    )


def _some_apart(found: list[Record]) -> bool:
    """Whether two ranges do not overlap."""
    known = [one for one in found if one["low"] is not None and one["high"] is not None]
    return bool(known) and max(one["low"] for one in known) > min(one["high"] for one in known)


def _leaves_out_nought(one: Record) -> bool:
    low, high = one["low"], one["high"]
    return low is not None and high is not None and low * high > 0


def view(study: StudyResults, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    parts = [
        part for o in study.with_role("primary") if (part := _of_outcome(study, o, out)) is not None
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


def _of_outcome(study: StudyResults, outcome: Record, out: Generated) -> dict[str, Any] | None:
    estimate = primary_estimate(outcome)
    held = {int(row["fifth"]): row for row in _rows(study)}
    rows = [(held[fifth], shown) for fifth, shown in _by_fifth(study, outcome).items()]
    if estimate is None or not rows:
        return None
    drawn = [(_name(row), shown, True, effects.with_range(estimate, shown)) for row, shown in rows]
    every = effects.shown(estimate, estimate["overall"])
    drawn.append(("All areas", every, False, effects.with_range(estimate, every)))
    clear = [str(row["fifth"]) for row, shown in rows if _leaves_out_nought(shown)]
    which = f"fifth {clear[0]}" if len(clear) == 1 else f"fifths {words.listed(clear)}"
    unit = "per cent" if estimate["scale"] == "log" else str(outcome["unit"])
    said = (
        f"Each fifth estimated on its own, {unit}, at this look alone. "
        + (
            f"Only the range of {which} leaves out nought."
            if len(clear) == 1
            else f"Only the ranges of {which} leave out nought."
            if clear
            else "Every fifth's range holds nought."
        )
        + " Open: all areas together."
    )
    alt = f"Effects on {outcome['plain_title']} by deprivation fifth, with ranges. {said}"
    chart = out.plate(
        f"{study.study}/{outcome['code']}-fifths",
        "../",
        alt,
        figures.forest,
        drawn,
        effects.tick_unit(estimate),
        caption=said,
    )
    cells = [[label, effects.with_range(estimate, shown)] for label, shown, _, _ in drawn]
    told = table(
        f"{outcome['plain_title']} by deprivation fifth, {unit}",
        ["Fifth", "Effect (range)"],
        cells,
        numeric="tn",
    )
    return {"outcome": outcome, "chart": chart, "table": told}


def _name(row: Record) -> str:
    fifth = int(row["fifth"])
    pilots = words.counted(row["pilot_areas"], "pilot area")
    return f"{NAMES.get(fifth, f'Fifth {fifth}')} ({pilots})"


def _areas(study: StudyResults) -> Markup:
    reasons = any(row["reason"] for row in _rows(study))
    rows = [
        [
            NAMES.get(int(row["fifth"]), f"Fifth {row['fifth']}"),
            words.number(row["pilot_areas"]),
            words.number(row["comparison_areas"]),
            *([words.sentence(row["reason"]) if row["reason"] else "estimated"] if reasons else []),
        ]
        for row in _rows(study)
    ]
    heads = ["Fifth", "Pilot areas", "Comparison areas", *(["Estimate"] if reasons else [])]
    return table("Areas of each fifth", heads, rows, numeric="tnn") if rows else Markup("")


def _flat(study: StudyResults) -> list[dict[str, Any]]:
    return [
        {
            "fifth": row["fifth"],
            "pilot_areas": row["pilot_areas"],
            "comparison_areas": row["comparison_areas"],
            **one,
        }
        for row in _rows(study)
        for one in row["effects"]
    ]
