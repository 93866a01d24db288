"""What the data quality page shows: who sent what when, what was restated, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.edition import Edition, Record
from evaluation.edition.rounds import Round, figure
from evaluation.edition.tables import table
from evaluation.programme import OPEN_SITE
from evaluation.quarters import Period

SHOWN_QUARTERS = 8
SHOWN_CHANGES = 50


def view(edition: Edition) -> dict[str, Any]:
    """Everything that the template of the page asks for."""
    restated = [(one, change) for one in edition.rounds[::-1] for change in one.restated]
    return {
        "study": edition.headline, "calendar": _calendar(edition, edition.programme.submitters),
        "restated": _restated_table(edition, restated), "restated_count": len(restated),
        "shown": SHOWN_CHANGES, "outcomes": _outcome_table(edition),
    }  # fmt: skip


def of_site(edition: Edition, site: str) -> Markup:
    """The returns of one site."""
    return _calendar(edition, [pair for pair in edition.programme.submitters if pair[0] == site])


def _calendar(edition: Edition, submitters: Sequence[tuple[str, str]]) -> Markup:
    quarters = sorted({r["quarter"] for r in edition.receipts}, key=Period.parse)[-SHOWN_QUARTERS:]
    if not quarters or not submitters:
        return Markup("")
    held: dict[tuple[str, str, str], list[Record]] = {}
    for receipt in edition.receipts:
        key = receipt["site"], receipt["agency"], receipt["quarter"]
        held.setdefault(key, []).append(receipt)
    rows = [
        [_who(edition, site, agency),
         *(_cell(held.get((site, agency, quarter), ())) for quarter in quarters)]
        for site, agency in submitters
    ]  # fmt: skip
    return table("Day on which each return was last received", ["Sent by", *quarters], rows)


def _who(edition: Edition, site: str, agency: str) -> str:
    programme = edition.programme
    if site == OPEN_SITE:
        return next((s.name for s in programme.sources if s.code == agency), agency)
    return f"{programme.site_by_code[site].name}, {programme.agencies.get(agency, agency)}"


def _cell(receipts: Sequence[Record]) -> str:
    if not receipts:
        return "not received"
    last = max(datetime.fromisoformat(r["received"]) for r in receipts)
    day = f"{last.day} {last:%b %Y}"
    return day if len(receipts) == 1 else f"{day}, {len(receipts)} versions"


def _restated_table(edition: Edition, restated: Sequence[tuple[Round, Record]]) -> Markup:
    rows = [
        [_area(edition, change), _title(edition, change), change["quarter"],
         figure(change["before"]), figure(change["after"]), words.day(one.last),
         str(change["reason"] or "none given")]
        for one, change in restated[:SHOWN_CHANGES]
    ]  # fmt: skip
    heads = ["Area", "Outcome", "Quarter", "Before", "After", "Known since", "Reason"]
    title = "What was replaced, newest round first"
    return table(title, heads, rows, numeric="tttnntt") if rows else Markup("")


def newest_changes(edition: Edition, most: int) -> list[str]:
    """The latest round's restatements as sentences."""
    restated = edition.latest.restated if edition.latest else ()
    told = [
        f"{_area(edition, change)}, {words.within(_title(edition, change))}, {change['quarter']}: "
        f"{figure(change['before'])} became {figure(change['after'])}. "
        f"{words.sentence(change['reason'] or 'no reason was given')}"
        for change in restated[:most]
    ]
    return [*told, f"And {len(restated) - most} more."] if len(restated) > most else told


def _area(edition: Edition, change: Record) -> str:
    known = edition.programme.area_by_code.get(change["area_code"])
    return known.name if known else str(change["area_code"])


def _title(edition: Edition, change: Record) -> str:
    known = edition.programme.outcome_by_code.get(change["outcome"])
    return known.plain_title if known else str(change["outcome"])


def _outcome_table(edition: Edition) -> Markup:
    rows = [
        [o["plain_title"], *(words.number(o["data"][key])
         for key in ("cells", "missing", "suppressed", "revised"))]
        for o in edition.headline.outcomes
    ]  # fmt: skip
    heads = ["Outcome", "Figures", "Missing", "Suppressed", "Restated"]
    return table("Number of figures, by outcome", heads, rows, numeric="tnnnn")
