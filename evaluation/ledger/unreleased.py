"""Before publication: which programmes' figures may leave by themselves, and why others may not.

Whatever is made for readers (an edition with or without pages, the book, briefing, spreadsheet,
tables) asks `evaluation.disclosure.bundle.refuse_unreleased` before anything is written; what an
evaluator works with inside (panel, export, results) carries the sentence of `inside_only`. A
programme that is not synthetic is closed once a site has sent returns, and opens with a release.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluation.errors import BookError, NotForPublication
from evaluation.programme import OPEN_SITE, Programme
from evaluation.workspace import Workspace

Why = Literal["own returns", "no licence", "not known"]
"""Returns of a site; figures of a source whose licence is not declared; results whose returns
cannot be seen."""
NOTE = "NOT-FOR-PUBLICATION.txt"
"""The file that lies beside what stays inside."""


@dataclass(frozen=True, kw_only=True)
class Unreleased:
    """Why the figures of a programme may not leave.

    Attributes
    ----------
    site, agency : whose returns; "" where none can be seen. where : what shows it.
    """

    programme: Programme
    why: Why
    site: str = ""
    agency: str = ""
    where: str = ""


class _Sent(NamedTuple):
    """One who sent returns, and where that is written."""

    site: str
    agency: str
    where: str


def unreleased(workspace: Workspace, programme: Programme) -> Unreleased | None:
    """What speaks against letting figures of a programme out; None where nothing does.

    Open data of a source with a declared licence may leave, and so may invented figures: a
    programme is invented only if it says so and none of its results was made when it did not.
    """
    results = sorted((workspace.var / "results" / programme.name).glob("*/results.json"))
    if programme.synthetic and all(map(_invented, results)):
        return None
    sent = list(_sent(workspace, programme.name))
    # By who sent them and not by the sites declared today: taking a site out of the declaration
    # takes nothing out of the figures.
    for one in sent:
        if one.site != OPEN_SITE:
            return Unreleased(programme=programme, why="own returns", **one._asdict())
    licensed = {source.code for source in programme.sources if source.licence.strip()}
    for one in sent:
        if one.agency not in licensed:
            return Unreleased(programme=programme, why="no licence", **one._asdict())
    # Results without a single return to rest on: the ledger is another than they were made from.
    if results and not sent and any(site.agencies for site in programme.sites):
        return Unreleased(programme=programme, why="not known", where=str(results[0]))
    return None


def refusal(found: Unreleased) -> NotForPublication:
    """The sentence that keeps a programme closed; what opens it is asked where it is known."""
    title, wanted = found.programme.title, "invented figures, or open data of a declared source"
    if found.why == "own returns":
        return NotForPublication(
            f"{title} is not synthetic, and {found.site} sent it real figures: "
            "they may not be published, with or without pages.",
            why=found.why,
            where=found.where,
            expected=wanted,
            mend="keep it inside (newstart study run, newstart panel), or ask for its release: "
            "newstart release request STUDY --as PERSON",
        )
    if found.why == "no licence":
        return NotForPublication(
            f"{title} is not synthetic, and no licence is declared for figures of {found.agency}: "
            "they may not be published.",
            why=found.why,
            where=found.where,
            expected=wanted,
            mend=f"if {found.agency} is open data, declare its licence under sources; else keep "
            "it inside",
        )
    return NotForPublication(
        f"{title} is not synthetic, and the ledger holds none of the returns that its results "
        "rest on: whether they may be published cannot be told.",
        why=found.why,
        where=found.where,
        expected="the ledger from which the results were made",
        mend="see which ledger NEWSTART_DATABASE names",
    )


def inside_only(workspace: Workspace, programme: Programme) -> str:
    """The sentence that goes with what stays inside; "" for figures that may leave."""
    if unreleased(workspace, programme) is None:
        return ""
    return (
        f"Not for publication: real figures of {programme.title}, in which small counts may show "
        "people. For the evaluation alone."
    )


def mark_inside(folder: Path, sentence: str) -> None:
    """Lay the sentence beside what was written into a folder; take it away where there is none."""
    if sentence:
        (folder / NOTE).write_text(sentence + "\n", encoding="utf-8")
    else:
        (folder / NOTE).unlink(missing_ok=True)


def _invented(results: Path) -> bool:
    """Whether results were made of a programme that was declared synthetic then."""
    return bool(_record(results).get("synthetic", False))


def _record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise BookError(
            "whether figures may be published cannot be told: this is no JSON record.",
            where=str(path),
            mend="restore the file, or write it anew (newstart study run)",
        )
    return content


def _sent(workspace: Workspace, programme: str) -> Iterator[_Sent]:
    """Who sent returns to a programme: by the receipts' files, and by the ledger."""
    # Both: receipts may have been carried here without their ledger, or been cleared away.
    for path in sorted(workspace.receipts.glob("*.json")):
        receipt = _record(path)
        # Withdrawals lie there too and name no programme.
        if receipt.get("programme") == programme:
            yield _Sent(receipt["site"], receipt["agency"], str(path))
    if workspace.has_ledger:
        # Imported here: a check asks nothing of it and must not load SQLAlchemy.
        from evaluation.ledger.ledger import Ledger

        with Ledger.open(workspace.database, workspace.raw) as ledger:
            held = ledger.senders(programme)
        # The address of a database may hold a password.
        where = str(workspace.ledger) if workspace.ledger.is_file() else "the ledger"
        for site, agency in held:
            yield _Sent(site, agency, where)
