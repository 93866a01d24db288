"""The two-page briefing as PDF: the front page's answer for whoever reads on paper, by typst.

The words are the claims of the edition; the layout is ``briefing.typ``. Fonts are the ones that
typst carries, so that a page breaks alike everywhere. The PDF is tagged (PDF/UA-1).
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.edition import answers, words
from evaluation.edition.pages import at_once, evidence, money, people
from evaluation.quarters import parse_instant
from evaluation.study.accounts_record import Accounts
from evaluation.study.record import OutcomeResult, Results

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition
    from evaluation.edition.pages.claims import Claims

CHECK = (
    "Each figure has an id and a page in the book that says which line of the protocol fixed it, "
    "which code computed it and which returns fed it. To compute one anew: newstart book verify ID."
)
MOST_ROWS = 7
PAGES = 2
SIZES = (11, 10, 9.5, 9, 8.5)
"""Points of its letters; the largest that lets it stay on its pages is taken."""
WIDTHS = (100, 90, 80, 70, 60)
"""Per cent of the column that the chart takes; the widest that lets all stay on its pages."""
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")


def briefing(
    edition: Edition, claims: Claims, charts: Path, decisions: Sequence[str] = ()
) -> bytes:
    """The briefing of an edition.

    ``charts`` is the folder that holds the book's charts as SVG; the one of all outcomes is shown
    if it lies there. ``decisions`` are told as `learning.next_decisions` gives them.
    """
    said = content(edition, claims, decisions)
    with tempfile.TemporaryDirectory(prefix="newstart-briefing-") as folder:
        place = Path(folder)
        drawn = charts / f"{said['chart']['name']}.svg" if said["chart"] else None
        if drawn is not None and drawn.is_file():
            shutil.copy(drawn, place / "chart.svg")
            said["chart"] |= {"file": "chart.svg"}
        else:
            said["chart"] = None
        source = resources.files("evaluation.edition.formats") / "briefing.typ"
        (place / "briefing.typ").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        # The chart gives way before the letters become small.
        for size, wide in itertools.product(SIZES, WIDTHS):
            sized = said | {"size": size, "wide": wide}
            (place / "briefing.json").write_text(json.dumps(sized), "utf-8")
            made = compiled(place, "briefing", _instant(edition))
            if pages_of(made) <= PAGES:
                break
    return made


def compiled(folder: Path, name: str, instant: int) -> bytes:
    """The tagged PDF of a layout (``name.typ``) and its words (``name.json``) in a folder.

    Parameters
    ----------
    instant : seconds since 1970 that the file says it was made at.
    """
    import typst

    made = typst.compile(
        str(folder / f"{name}.typ"),
        root=str(folder),
        ignore_system_fonts=True,
        font_paths=[],
        pdf_standards=["ua-1"],
        timestamp=instant,
    )
    return bytes(made)


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF has."""
    return len(_PAGE.findall(pdf))


def content(edition: Edition, claims: Claims, decisions: Sequence[str] = ()) -> dict[str, Any]:
    """What the briefing says, word for word."""
    study = edition.headline
    title = f"{edition.programme.title}: is it working?"
    graded = {one.outcome.code: one.scored for one in evidence.standings(study)}
    return {
        "title": title,
        "author": "New Start evaluation framework",
        "band": words.SYNTHETIC if study.synthetic else "",
        "edition": f"Edition {edition.quarter}. Data as known on "
        f"{words.day(study.vintage)}. {study.label.capitalize()}.",
        "footer": f"{title} Edition {edition.quarter}.",
        "question": study.question,
        "answer": {
            name: claims.claim(f"answer.{key}").text
            for name, key in (("Lives", "lives"), ("Money", "money"), ("How sure", "how_sure"))
        },
        "outcomes": {
            "heads": [
                "Outcome",
                "Verdict",
                "Effect (range)",
                "Hoped for",
                "Worth having from",
                "People (likely)",
                "Evidence",
            ],
            "rows": [
                [*_outcome(claims, o), graded.get(o.code, "not graded")]
                for o in study.with_role("primary")
            ],
        },
        "chart": _chart(edition),
        "points": list(answers.main_points(study)),
        "undone": list(answers.undone(study)),
        "sites": _sites(study),
        "people": _people(study, claims),
        "next": [*decisions, *_next(edition, claims)],
        "agencies": _agencies(study.value),
        "unknown": _unknown(claims, answers.unknowns(study)),
        "rests": [words.sentence(text) for text in [*study.text, *study.differences]],
        "check": CHECK,
    }


def _unknown(claims: Claims, unknown: Sequence[OutcomeResult]) -> list[str]:
    """The main outcomes that are open, each with its sentence; the others in one line."""
    if not unknown:
        return ["Every outcome of the study has an answer."]
    said = [claims.claim(f"{o.code}.sentence").text for o in unknown if o.role == "primary"]
    further = [str(o.code) for o in unknown if o.role != "primary"]
    named = [
        [claims.claim(f"{code}.{key}").text for key in ("title", "effect")] for code in further
    ]
    others = "; ".join(f"{words.within(title)} {effect}" for title, effect in named)
    return [*said, *([f"Open too: {others}."] if others else [])]


def _outcome(claims: Claims, outcome: OutcomeResult) -> list[str]:
    code = outcome.code
    people = claims.claim(f"{code}.people").text
    if outcome.finding.people:
        people += f" ({claims.claim(f'{code}.range').text})"
    keys = ("title", "verdict", "effect", "hoped", "margin")
    return [*(claims.claim(f"{code}.{key}").text for key in keys), people]


def _chart(edition: Edition) -> dict[str, str] | None:
    study = edition.headline
    if not study.outcomes:
        return None
    caption = (
        "Every outcome, better to the right. Filled dots: main outcomes; lines: ranges; grey: "
        "smaller than worth having; upright marks: hoped for."
    )
    said = at_once.left_out(at_once.rows_in_words(study))
    return {
        "name": f"{study.study}/all-outcomes",
        "caption": caption,
        "alt": f"Chart of all outcomes. {caption} {said}",
    }


def _sites(study: Results) -> dict[str, Any]:
    """Every site with its start and the effect on each main outcome."""
    rows = at_once.site_rows(study)
    titles = list(dict.fromkeys(str(row["outcome"]) for row in rows))
    cells = {(row["site"], row["outcome"]): row["in_full"] for row in rows}
    sites = sorted(study.sites, key=lambda site: (site.start, site.code))
    return {
        "heads": ["Site", "Start", *titles],
        "rows": [
            [one.name, one.start, *(cells.get((one.name, title), "not shown") for title in titles)]
            for one in sites
        ]
        if rows
        else [],
        "note": "In the order of their starts. One site is few areas: this is no league table.",
    }


def _people(study: Results, claims: Claims) -> list[str]:
    """What people said of their lives, item by item; that none was asked where none was."""
    if study.lives is None:
        return ["Nobody has been asked yet."]
    judged = {one.code for one in study.outcomes}
    items = [one.outcome for one in study.lives.items if one.outcome in judged]
    told = [claims.claim(f"{code}.title").text for code in items]
    said = [
        f"{title}: {claims.claim(f'{code}.effect').text}; {claims.claim(f'{code}.verdict').text}."
        for code, title in zip(items, told, strict=True)
    ]
    return [people.asked(study.lives), *said]


def _next(edition: Edition, claims: Claims) -> list[str]:
    """When the next edition is due, and by what each open main outcome would be found."""
    return [claims.claim("edition.next").text, *evidence.earns(edition.headline)]


def _agencies(value: Accounts | None) -> dict[str, Any]:
    if value is None:
        return {"heads": ["Agency"], "rows": [], "note": ""}
    note = (
        f"Prices of {value.price_base}. Unit costs are averages; AME is spending on benefits, "
        "which never reaches a council or the NHS."
    )
    rows = money.agency_rows(value)[:MOST_ROWS]
    return {"heads": money.agency_heads(value), "rows": rows, "note": note}


def _instant(edition: Edition) -> int:
    return int(parse_instant(edition.headline.vintage).timestamp())
