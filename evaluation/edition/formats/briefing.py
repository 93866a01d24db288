"""The two-page briefing as PDF: the front page's answer for whoever reads on paper, by typst.

The words are the claims of the edition; the layout is ``briefing.typ``. Fonts are the ones that
typst carries, so that a page breaks alike everywhere. The PDF is tagged (PDF/UA-1).
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.edition import answers, words
from evaluation.edition.pages import money
from evaluation.quarters import parse_instant
from evaluation.study.accounts_record import Accounts
from evaluation.study.record import OutcomeResult

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition
    from evaluation.edition.pages.claims import Claims

CHECK = (
    "Each figure has an id and a page in the book that says which line of the protocol fixed it, "
    "which code computed it and which returns fed it. To compute one anew: newstart book verify ID."
)
MOST_ROWS = 7
PAGES = 2
SIZES = (11, 10.5, 10, 9.5, 9)
"""Points of its letters; the largest that lets it stay on its pages is taken."""
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")


def briefing(edition: Edition, claims: Claims, charts: Path) -> bytes:
    """The briefing of an edition.

    ``charts`` is the folder that holds the book's charts as SVG; the first primary outcome's path
    is shown if it lies there.
    """
    said = content(edition, claims)
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
        for size in SIZES:
            (place / "briefing.json").write_text(json.dumps(said | {"size": size}), "utf-8")
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


def content(edition: Edition, claims: Claims) -> dict[str, Any]:
    """What the briefing says, word for word."""
    study = edition.headline
    title = f"{edition.programme.title}: is it working?"
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
            ],
            "rows": [_outcome(claims, o) for o in study.with_role("primary")],
        },
        "chart": _chart(edition, claims),
        "points": [*answers.undone(study), *answers.main_points(study)],
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


def _chart(edition: Edition, claims: Claims) -> dict[str, str] | None:
    primary = [o for o in edition.headline.with_role("primary") if o.paths]
    if not primary:
        return None
    code = primary[0].code
    caption = claims.claim(f"{code}.sentence").text
    alt = f"Line chart of {primary[0].plain_title} in pilot areas and without the programme."
    return {
        "name": f"{edition.headline.study}/{code}-paths",
        "caption": caption,
        "alt": f"{alt} {caption}",
    }


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
