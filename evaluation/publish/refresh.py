"""Only what changed is computed again, and what an edition will hold before it is frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import EditionRefused
from evaluation.ledger.calendar import due
from evaluation.ledger.learning_log import LogEntry
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import FIRST, Act, Receipt
from evaluation.ledger.signatures import Signature
from evaluation.progress import Progress
from evaluation.quarters import Period
from evaluation.study.code import figures_fingerprint, package_fingerprint
from evaluation.study.lock import FILE as LOCK
from evaluation.study.results import write_results
from evaluation.study.run import catch_up, run_study
from evaluation.study.study import Study, StudyName
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from evaluation.edition.past import History
    from evaluation.programme import Programme
    from evaluation.publish.snapshot import Snapshot
    from evaluation.workspace import Workspace


RECORD = "inputs.json"
PARTS = {
    "figures": "returns of its outcomes came in or were withdrawn",
    "protocol": "its protocol, lock or notes are others",
    "declared": "what the programme declares is another",
    "code": "the code is another",
    "parameters": "prices or other parameters are others",
    "looks": "its look ledger is another",
}


def studies_of(workspace: Workspace, programme: str | None = None) -> list[str]:
    """Every ``programme/study`` that has a protocol and returns to rest on, by name."""
    found = workspace.studies.glob(f"{programme or '*'}/*/protocol.yaml")
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        held = {one.programme for one in ledger.receipts()}
    names = [(path.parent.parent.name, path.parent.name) for path in found]
    return sorted(f"{name}/{study}" for name, study in names if name in held)


def refresh_studies(workspace: Workspace, name: str, progress: Progress) -> bool:
    """Take the looks that are due and run a study, unless its results rest on all as it is now.

    Returns whether it was run; ``progress`` is told why.
    """
    study = Study.load(workspace, name)
    # Looks first: a run takes the look of today, and past ones may not be taken after it.
    catch_up(study, progress=progress)
    results = StudyName.parse(name).results(workspace)
    before, now = _recorded(results / RECORD), inputs(study)
    changed = [PARTS[part] for part in PARTS if before.get(part) != now[part]]
    if not changed and (results / "results.json").is_file():
        progress(f"{name}: up to date")
        return False
    why = "it was not run before" if not before else ", ".join(changed) or "its results are gone"
    progress(f"{name}: run, since {why}")
    write_results(workspace, run_study(study, progress=progress))
    # A run writes its look, so of the looks those after it are what the results rest on.
    text = json.dumps(now | {"looks": _looks(study)}, indent=1)
    write_whole(results / RECORD, text + "\n")
    return True


def inputs(study: Study) -> dict[str, str]:
    """A hash of each part that a study's results rest on."""
    # Protocol, deviations, theory and grade: each may change a result or its words.
    beside = [path for path in study.folder.glob("*.y*") if path.is_file()]
    lock = study.folder / LOCK
    tables = Path(str(resources.files("evaluation.value.parameters")))
    return {
        "figures": _figures(study),
        "protocol": _of([*beside, *([lock] if lock.is_file() else [])]),
        "declared": _declared(study),
        "code": figures_fingerprint(),
        "parameters": _of(list(tables.glob("*.csv"))),
        "looks": _looks(study),
    }


def _declared(study: Study) -> str:
    """Everything declared that the study uses; that the calendar goes on is no change."""
    programme, protocol = study.programme, study.protocol
    of_money = {"costs", "taken_out", "planned_costs", "money"}
    left_out = {"last", "outcomes"} | (set() if protocol.value else of_money)
    return fingerprint.of_data(
        [
            programme.model_dump(mode="json", exclude=left_out),
            [programme.outcome_by_code[c].model_dump(mode="json") for c in protocol.outcomes],
        ]
    )


def _of(paths: list[Path]) -> str:
    return fingerprint.of_data(
        # By name and content: where a workspace lies is no input.
        sorted([path.name, fingerprint.of_bytes(path.read_bytes())] for path in paths)
    )


def _figures(study: Study) -> str:
    """The returns that hold an outcome of the study, and what was done to them.

    Where a look counts only what came in time, every return of the programme counts.
    """
    programme, protocol = study.programme, study.protocol
    with study.ledger() as ledger:
        held = set(ledger.versions(programme.name, outcomes=list(protocol.outcomes))["return_id"])
        # A late return changes what was known at a due day, also one of other outcomes.
        every = protocol.vintage_rule == "due_day"
        chain = [
            [one.return_id, one.keyed_hash or one.content_hash, one.received]
            for one in ledger.receipts(programme.name)
            if every or one.return_id in held
        ]
        chain += [
            [act.act_id, act.kind, act.received] for act in ledger.acts() if act.return_id in held
        ]
    return fingerprint.of_data(chain)


def _looks(study: Study) -> str:
    return study.looks.head if study.protocol.looks is not None else ""


def _recorded(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


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

    snapshot : its folder. headline : id -> figure. results : path -> file. change : against
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
    snapshot: Path
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
        # By day, so that years and quarters compare.
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
        records: list[Receipt | Act | LogEntry | Signature] = [
            *ledger.receipts(),
            *ledger.acts(),
            *ledger.entries(),
            *ledger.signatures(),
        ]
    known = [one for one in records if one.received <= vintage]
    count = sum(isinstance(one, Receipt) for one in known)
    # The head is the record that none of the known ones follows.
    followed = {one.previous_hash for one in known}
    head = next((one.head for one in known if one.chain_hash not in followed), FIRST)
    locks, looks, protocols = {}, {}, {}
    for name in studies_of(workspace, programme):
        study = Study.load(workspace, name)
        locks[name] = study.lock.hash if study.lock else None
        protocols[name] = study.protocol.fingerprint
        if study.protocol.looks is not None:
            rows = [r for r in study.looks.rows() if r.known["vintage"] <= vintage]
            looks[name] = {
                "series": study.looks.folder.name,
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


def digest(workspace: Workspace, programme: str, snapshot: Snapshot, book: str) -> str:
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
            snapshot.declared,
            snapshot.parameters,
            snapshot.vintage,
            book,
            # Pages are made by all of the code, figures by part of it.
            package_fingerprint() if book else figures_fingerprint(),
        ]
    )
