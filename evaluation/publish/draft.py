"""An edition before it is frozen: what it will hold, gathered from the workspace as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import EditionRefused
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import FIRST, Act, Receipt
from evaluation.publish import code
from evaluation.publish.fresh import studies_of
from evaluation.quarters import Period
from evaluation.study.calendar import due
from evaluation.study.kept import series_folder
from evaluation.study.lock import Lock
from evaluation.study.look_series import LookSeries
from evaluation.study.panels import load_study

if TYPE_CHECKING:
    from evaluation.edition.past import History
    from evaluation.programme import Programme
    from evaluation.publish.ground import Ground
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Name:
    """Which edition it is. correction : 0 for the first of its quarter. number : from 1."""

    quarter: str
    correction: int
    number: int

    @property
    def address(self) -> str:
        """``2026-Q3``; ``2026-Q3.1`` for its first correction."""
        slug = Period.parse(self.quarter).slug
        return f"{slug}.{self.correction}" if self.correction else slug


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What an edition will hold.

    ground : its gathered folder. headline : id -> figure. results : path -> file. change : against
    the edition before. pages : the folder of the built book; None for an edition of figures alone.
    note : what a reader must know of how it came about.
    """

    name: Name
    published: str
    reason: str
    programme: str
    study: str
    vintage: str
    synthetic: bool
    next_due: str
    ground: Path
    headline: Mapping[str, Any]
    stands_on: Mapping[str, Any]
    change: Mapping[str, Any] | None = None
    claims: Path | None = None
    results: Mapping[str, Path] = field(default_factory=dict)
    pages: Path | None = None
    note: str = ""


def name_for(history: History, quarter: str, reason: str) -> Name:
    """The next free name for a quarter.

    Raises
    ------
    EditionRefused : a later quarter was published already, or it is a correction without a reason,
        or a reason without anything to correct.
    """
    same = [one for one in history.editions if one.quarter == quarter]
    later = [
        one.quarter
        for one in history.editions
        if Period.parse(one.quarter).last_day > Period.parse(quarter).last_day
    ]
    if later:
        raise EditionRefused(
            f"{quarter} is older than {max(later)}, which was published already.",
            expected="the quarter after the last edition, or a correction of the last edition",
        )
    if same and not reason:
        raise EditionRefused(
            f"{quarter} was published already, and what it rests on changed since.",
            mend='publish a correction and say why: newstart edition publish --reason "..."',
        )
    if reason and not same:
        raise EditionRefused(f"there is no edition of {quarter} to correct.", mend="leave --reason")
    return Name(quarter=quarter, correction=len(same), number=len(history.editions) + 1)


def vintage_of(workspace: Workspace, programme: str, until: str = "") -> str:
    """The instant of the last record of a programme's returns: what was known at the edition."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        receipts = ledger.receipts(programme)
        own = {one.return_id for one in receipts}
        times = [one.received for one in receipts]
        times += [act.received for act in ledger.acts() if act.return_id in own]
    return max((one for one in times if not until or one <= until), default="")


def stands_on(workspace: Workspace, programme: str, vintage: str) -> dict[str, Any]:
    """The heads of everything that grows, as at a vintage: ledger, locks, look ledgers."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        records: list[Receipt | Act] = [*ledger.receipts(), *ledger.acts()]
    known = [one for one in records if one.received <= vintage]
    count = sum(isinstance(one, Receipt) for one in known)
    followed = {one.previous_hash for one in known}
    head = next((one.chain_hash for one in known if one.chain_hash not in followed), FIRST)
    locks, looks, protocols = {}, {}, {}
    for name in studies_of(workspace, programme):
        declared, protocol = load_study(workspace, name)
        lock = Lock.read(workspace.studies / name)
        locks[name] = lock.hash if lock else None
        protocols[name] = protocol.fingerprint
        if protocol.looks is not None:
            folder = series_folder(workspace, declared, protocol)
            rows = [r for r in LookSeries(folder=folder).rows() if r.known["vintage"] <= vintage]
            looks[name] = {
                "series": folder.name,
                "rows": len(rows),
                "head": rows[-1].hash if rows else "",
            }
    return {
        "ledger_head": {"returns": count, "chain": head},
        "locks": locks,
        "looks": looks,
        "protocols": protocols,
    }


def next_due(programme: Programme, quarter: str) -> str:
    """The day by which the returns of the quarter after are due; the next edition follows it."""
    return due(Period.parse(quarter) + 1, programme).date().isoformat()


def results_of(workspace: Workspace) -> dict[str, Path]:
    """``programme/study`` -> the results that lie in the workspace."""
    found = sorted((workspace.var / "results").glob("*/*/results.json"))
    return {f"{path.parent.parent.name}/{path.parent.name}": path for path in found}


def digest(workspace: Workspace, programme: str, ground: Ground, book: str) -> str:
    """SHA-256 of everything that an edition is made of: the same, and there is nothing to publish.

    Parameters
    ----------
    book : the hash of what the pages are made of; "" without pages.
    """
    results = {
        name: fingerprint.of_bytes(path.read_bytes())
        for name, path in results_of(workspace).items()
    }
    return fingerprint.of_data(
        [
            programme,
            results,
            ground.declared,
            ground.parameters,
            ground.vintage,
            book,
            code.package_fingerprint() if book else code.figures_fingerprint(),
        ]
    )
