"""What the data quality page shows: who sent what when, what was restated, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.edition import Edition, Record
from evaluation.edition.tables import table
from evaluation.programme import OPEN_SITE
from evaluation.quarters import Period

SHOWN_QUARTERS = 8
SHOWN_CHANGES = 50


def view(edition: Edition) -> dict[str, Any]:
    """Everything that the template of the page asks for."""
    restated = [
        (receipt, change) for receipt in edition.receipts for change in receipt["changes"]
        if change["kind"] != "new"
    ]  # fmt: skip
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


def _restated_table(edition: Edition, restated: Sequence[tuple[Record, Record]]) -> Markup:
    titles = {o["code"]: o["plain_title"] for o in edition.headline.outcomes}
    newest = sorted(restated, key=lambda pair: str(pair[0]["received"]), reverse=True)
    rows = [
        [change["area_code"], titles.get(change["outcome"], change["outcome"]), change["quarter"],
         _figure(change["before"]), _figure(change["after"]),
         words.day(receipt["received"]), str(change.get("reason") or "no reason given")]
        for receipt, change in newest[:SHOWN_CHANGES]
    ]  # fmt: skip
    heads = ["Area", "Outcome", "Quarter", "Before", "After", "Received", "Reason"]
    title = "What was replaced, newest first"
    return table(title, heads, rows, numeric="tttnntt") if rows else Markup("")


def newest_changes(edition: Edition, most: int) -> list[str]:
    """The latest round's restatements as sentences."""
    titles = {o["code"]: o["plain_title"] for o in edition.headline.outcomes}
    areas = edition.programme.area_by_code
    return [
        f"{areas[c['area_code']].name if c['area_code'] in areas else c['area_code']}, "
        f"{words.within(str(titles.get(c['outcome'], c['outcome'])))}, {c['quarter']}: "
        f"{_figure(c['before'])} became {_figure(c['after'])}. "
        f"{words.sentence(str(c.get('reason') or 'No reason given'))}"
        for c in edition.latest_changes[:most]
    ]


def _figure(value: object) -> str:
    """A figure as it stands in a return: a count, a symbol such as [c], or nothing."""
    if isinstance(value, int | float):
        return words.number(value, 0 if float(value).is_integer() else 2)
    return "none" if value in (None, "") else str(value)


def _outcome_table(edition: Edition) -> Markup:
    rows = [
        [o["plain_title"], *(words.number(o["data"][key])
         for key in ("cells", "missing", "suppressed", "revised"))]
        for o in edition.headline.outcomes
    ]  # fmt: skip
    heads = ["Outcome", "Figures", "Missing", "Suppressed", "Restated"]
    return table("Number of figures, by outcome", heads, rows, numeric="tnnnn")
