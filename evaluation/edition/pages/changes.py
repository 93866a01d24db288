"""What the book says of other editions: what changed since the last one, and the revision story.

All of it was computed when an edition was published (`evaluation.publish`) and is only told here.
A book that is built from other results than the last publication says nothing of a change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from evaluation.drawing.pounds import revisions, steps
from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.programme import Programme
from evaluation.study.written import Record

ENOUGH = 2
"""Editions from which on there is a story."""
SAME = 1e-9
SIDES = ("pilot", "comparison")
CHARTED = ("percent", "gross_fiscal", "npsv")
"""The headlines that are drawn; the tables hold all of them."""


def here(edition: Edition) -> Record | None:
    """What was said of the edition that these results make; None if they are no edition's."""
    coming = edition.history.coming
    if coming is None or coming["quarter"] != edition.quarter:
        return None
    for outcome in edition.headline.with_role("primary"):
        told = coming["headline"].get(f"{outcome.code}.percent", {}).get("effect")
        now = outcome.finding.effect_percent.effect
        if told is None or now is None or not math.isclose(told, now, rel_tol=SAME):
            return None
    return coming


FRONT_LINES = 4
"""How many lines the front page has room for."""


def quarter(name: str) -> str:
    """An edition as a reader names it: ``2026 Q2``, as quarters are written everywhere."""
    return name.replace("-Q", " Q")


def front(edition: Edition) -> dict[str, Any]:
    """The front page's part: a line a headline that moved, at most four, and what it was signed."""
    told = here(edition)
    change = told["change"] if told else None
    split = None
    if change and change["order"]:
        lines = _shown(change)[:FRONT_LINES]
        split = {"before": quarter(change["before"]), "lines": lines}
    return {"this_edition": told, "split": split, "signed": signed(edition, told)}


def signed(edition: Edition, told: Record | None) -> dict[str, str]:
    """When the edition was published and by whom, and whom to ask: as programme.yaml names them."""
    programme = edition.programme
    authors = words.listed([one.name for one in programme.people if "publisher" in one.roles])
    nobody = "nobody (invented)" if programme.synthetic else "no publisher named"
    by = authors or nobody
    return {
        "published": f"published {words.day(told['published'])} by {by}"
        if told
        else "not published yet",
        "next": f" · next by {words.day(told['next_due'])}" if told else "",
        "contact": contact(programme),
    }


def published(edition: Edition) -> str:
    """The instant at which the edition that is built was published; empty where it was not yet."""
    told = here(edition)
    return str(told["published"]) if told else ""


def contact(programme: Programme) -> str:
    """Whom to ask: the same wherever it stands."""
    return f"contact: {programme.contact or 'none named'}"


def sentences(edition: Edition) -> dict[str, str]:
    """What is said of each headline's change, by its id: each is a claim of the edition."""
    told = here(edition)
    change = (told["change"] if told else None) or {"figures": {}, "sentences": []}
    pairs = zip(change["figures"], change["sentences"], strict=True)
    return {f"change.{key}": str(said) for key, said in pairs}


def moved(edition: Edition, outcome: str) -> str:
    """How an outcome's effect moved since the edition before: ``from −3.5% to −3.7%``.

    As both editions printed it; empty where there is none before, or it had no such figure.
    """
    told = here(edition)
    figure = (told["change"] or {}).get("figures", {}).get(f"{outcome}.percent") if told else None
    if figure is None or figure["before"] is None or figure["after"] is None:
        return ""
    before, now = (words.in_unit(figure[end], "%") for end in ("before", "after"))
    return f"as before at {now}" if before == now else f"from {before} to {now}"


def answer(edition: Edition) -> str:
    """What came in since the edition before, and how the main effects moved, in a breath."""
    told = here(edition)
    change = told["change"] if told else None
    if not change or not change["order"]:
        return "There is no edition before this one to compare with."
    came = " ".join(_causes(change))
    effects = [
        f"{words.within(one.plain_title)} {said}"
        for one in edition.headline.with_role("primary")
        if (said := moved(edition, one.code))
    ]
    since = f"Since edition {quarter(change['before'])}. {came}"
    return f"{since} Effects moved: {'; '.join(effects)}." if effects else since


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """The page of editions: the list, what moved, and how each headline moved over time."""
    told = here(edition)
    change = told["change"] if told else None
    split = None
    if change and change["order"]:
        out.table("what-changed", _rows(change))
        split = {
            "before": quarter(change["before"]),
            "order": [words.within(change["titles"][c]) for c in change["order"]],
            "causes": _causes(change),
            "sentences": change["sentences"],
            "charts": [_waterfall(out, change, key, "") for key in _charted(change)],
            "table": _split_table(change),
            "by_side": _by_side(change),
        }
    out.table("editions", _log(edition))
    return {
        "this_edition": told,
        "quarter": quarter,
        "split": split,
        "editions": _list(edition, told),
        "log": _update_log(edition),
        "stories": _stories(edition, told, out),
    }


def _causes(change: Record) -> list[str]:
    return [f"{change['titles'][cause]}: {change['reasons'][cause]}" for cause in change["order"]]


def _shown(change: Record) -> list[str]:
    """The sentences of effects in per cent, and of the money that was released."""
    return [
        sentence
        for key, sentence in zip(change["figures"], change["sentences"], strict=True)
        if key.endswith(CHARTED)
    ]


def _first(change: Record) -> str:
    """The headline that moved most, of those in per cent."""
    percents = [key for key in _charted(change) if key.endswith(".percent")]
    return max(percents or _charted(change), key=lambda key: abs(change["figures"][key]["change"]))


def _charted(change: Record) -> list[str]:
    return [
        key
        for key, figure in change["figures"].items()
        if key.endswith(CHARTED) and any(part["amount"] for part in figure["parts"])
    ] or [key for key, figure in change["figures"].items() if figure["parts"]][:1]


def _waterfall(out: Generated, change: Record, key: str, root: str) -> Markup:
    figure = change["figures"][key]
    unit, parts = figure["unit"], figure["parts"]
    bars = [
        (f"Edition {quarter(change['before'])}", figure["before"], True),
        *((change["titles"][part["cause"]], part["amount"], False) for part in parts),
        ("Now", figure["after"], True),
    ]
    rows = [
        {
            "title": title,
            "value": value,
            "total": total,
            "said": (words.in_unit if total else words.change_in_unit)(value, unit),
        }
        for title, value, total in bars
    ]
    name, said = f"changes/{key.replace('.', '-')}", _sentence(change, key)
    return out.chart(name, root, "Waterfall chart", said, steps, rows, unit, heads=True)


def _sentence(change: Record, key: str) -> str:
    return str(change["sentences"][list(change["figures"]).index(key)])


def _rows(change: Record) -> list[dict[str, Any]]:
    """One row a figure and cause, full digits."""
    return [
        {"figure": key, **{k: figure[k] for k in ("unit", "before", "after", "change")}, **part}
        for key, figure in change["figures"].items()
        for part in figure["parts"]
    ]


def _split_table(change: Record) -> Markup:
    rows = [
        [
            figure["title"],
            change["titles"][part["cause"]],
            *(
                words.change_in_unit(part[name], figure["unit"])
                for name in ("amount", "shapley", "low", "high")
            ),
        ]
        for figure in change["figures"].values()
        for part in figure["parts"]
    ]
    heads = ["Headline", "Cause", "In this order", "Mean of all orders", "Smallest", "Largest"]
    return table("Each change by its causes", heads, rows, numeric="ttnnnn", style="dense")


def _by_side(change: Record) -> Markup:
    rows = [
        [
            figure["title"] + (f" ({figure['unit']})" if figure["unit"] in ("%", "£") else ""),
            *(
                words.change_in_unit(figure["revised"].get(role, 0.0), figure["unit"])
                for role in SIDES
            ),
        ]
        for figure in change["figures"].values()
        if any(figure["revised"].values())
    ]
    if not rows:
        return Markup("")
    heads = ["Headline", "Restated in pilot areas", "Restated in comparison areas"]
    return table(
        "What restated or late figures moved, by side, each rounded by itself",
        heads,
        rows,
        numeric="tnn",
    )


def _list(edition: Edition, told: Record | None) -> Markup:
    """Every edition, the one that this page belongs to first where it is not listed yet."""
    rows = []
    listed = {one.name for one in edition.history.editions}
    if told and told["name"] not in listed:
        rows.append([told["name"], words.day(told["published"]), "this edition", ""])
    for one in reversed(edition.history.editions):
        # Publication turns this into a link: only there is it known where the page will lie.
        here_or_there = Markup("<span data-edition='{0}'>{0}</span>").format(one.name)
        which = "this edition" if told and told["name"] == one.name else "earlier"
        reason = words.sentence(one.reason) if one.reason else ""
        name = here_or_there if one.pages else one.name
        rows.append([name, words.day(one.published), which, reason])
    heads = ["Edition", "Published", "Which", "Correction"]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return table("Editions, newest first", heads, rows) if rows else Markup("")


def _log(edition: Edition) -> list[dict[str, Any]]:
    """The update log as data: one row an edition and headline that moved."""
    return [
        {
            "edition": one.name,
            "published": one.published,
            "since": one.change["before"],
            "figure": key,
            "before": figure["before"],
            "after": figure["after"],
            "said": sentence,
        }
        for one in edition.history.editions
        if one.change
        for (key, figure), sentence in zip(
            one.change["figures"].items(), one.change["sentences"], strict=True
        )
    ]


def _update_log(edition: Edition) -> list[dict[str, Any]]:
    """Newest first: each edition with its causes and what moved."""
    return [
        {
            "name": one.name,
            "day": words.day(one.published),
            "causes": _causes(one.change),
            "sentences": _shown(one.change),
        }
        for one in reversed(edition.history.editions)
        if one.change
    ]


class _Held(NamedTuple):
    """An edition, its headline figures by id, and how they differ from the one before."""

    edition: str
    headline: Mapping[str, Record]
    change: Record | None


def _stories(edition: Edition, told: Record | None, out: Generated) -> list[dict[str, Any]]:
    """How each headline moved, edition by edition: chart, table with the reason of each step."""
    known = [_Held(one.name, one.headline, one.change) for one in edition.history.editions]
    if told and told["name"] not in [one.edition for one in known]:
        known.append(_Held(str(told["name"]), told["headline"], told["change"]))
    if len(known) < ENOUGH:
        return []
    mine = str(told["name"]) if told else ""
    return [
        _story(key, [one for one in known if key in one.headline], mine, out)
        for key in known[-1].headline
        if key.endswith(CHARTED) and sum(key in one.headline for one in known) >= ENOUGH
    ]


def _story(key: str, held: Sequence[_Held], mine: str, out: Generated) -> dict[str, Any]:
    """One headline's story, from the editions that hold it."""
    title, unit = (held[-1].headline[key][what] for what in ("title", "unit"))
    rows = [
        {
            "edition": one.edition,
            **{f: one.headline[key][f] for f in ("effect", "low", "high")},
            "here": one.edition == mine,
        }
        for one in held
    ]
    why = [_why(key, one.change) for one in held]
    name = f"story-{key.replace('.', '-')}"
    out.table(name, [{**row, "why": reason} for row, reason in zip(rows, why, strict=True)])
    ends = [words.in_unit(rows[place]["effect"], unit) for place in (0, -1)]
    said = (
        f"{title}: {ends[0]} in edition {rows[0]['edition']}, {ends[1]} in {rows[-1]['edition']}."
    )
    lines = [
        [row["edition"], words.in_unit(row["effect"], unit), _range(row, unit), reason]
        for row, reason in zip(rows, why, strict=True)
    ]
    kind, heads = "Dot plot, one dot an edition", ["Edition", "Figure", "Range", "Why"]
    return {
        "title": title,
        "name": name,
        "chart": out.chart(f"revisions/{name}", "", kind, said, revisions, rows, unit, heads=True),
        "table": table(f"{title}, edition by edition", heads, lines[::-1], numeric="tnnt"),
    }


def _range(row: Record, unit: str) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f"{words.in_unit(row['low'], unit)} to {words.in_unit(row['high'], unit)}"


def _why(key: str, change: Record | None) -> str:
    """The cause that moved a headline most in one step."""
    figure = (change or {"figures": {}})["figures"].get(key)
    moved = [part for part in figure["parts"] if part["amount"]] if figure else []
    if change is None or figure is None or not moved:
        return "" if figure is None else "Nothing moved it."
    most = max(moved, key=lambda part: abs(part["amount"]))
    said = (
        f"{change['titles'][most['cause']]}: {words.change_in_unit(most['amount'], figure['unit'])}"
    )
    return f"{said}, and {len(moved) - 1} more" if len(moved) > 1 else said
