"""Where a programme stands: what is declared, in, late and locked, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import ProtocolError, UserError
from evaluation.finance import paying_agency
from evaluation.ledger.calendar import Due, calendar
from evaluation.study.lock import Lock
from evaluation.study.protocol_check import checked
from evaluation.study.results import read_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.programme import Programme
    from evaluation.study.protocol_check import Checked
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class StudyState:
    """One study: how it was locked, and what its last run was called.

    label : ``draft`` before it is locked, then ``confirmatory`` or ``exploratory``, by its last run
    where there is one. run : when its figures were known; empty before the first run.
    """

    study: str
    label: str
    locked: bool
    frozen: str
    run: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "study": self.study,
            "label": self.label,
            "locked": self.locked,
            "frozen": self.frozen or None,
            "run": self.run or None,
        }


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A programme at a glance.

    owed : every return of a period that is over. nobody : outcome -> areas for which nobody returns
    it. following : the next step, with its command.
    """

    programme: Programme
    owed: tuple[Due, ...]
    studies: tuple[StudyState, ...]
    nobody: dict[str, int]
    following: str

    @property
    def came(self) -> list[Due]:
        return [one for one in self.owed if one.received is not None]

    @property
    def of_money(self) -> list[Due]:
        """Of these, what finance departments owe."""
        return [one for one in self.owed if paying_agency(self.programme, one.agency) is not None]

    @property
    def late(self) -> list[Due]:
        """Beyond their day and not in."""
        return [one for one in self.owed if one.state == "missing"]

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart status --json`` prints."""
        declared = self.programme
        return {
            "programme": declared.name,
            "declared": {
                "title": declared.title,
                "synthetic": declared.synthetic,
                "first": declared.first.label,
                "last": declared.last.label,
                "sites": len(declared.sites),
                "agencies": len(declared.agencies),
                "sources": len(declared.sources),
                "outcomes": len(declared.outcomes),
                "areas": {
                    role: sum(area.role == role for area in declared.areas)
                    for role in ("pilot", "comparison", "excluded")
                },
                "submitters": len(declared.submitters),
                "people": len(declared.people),
                "costs": bool(declared.costs or declared.money),
                "nobody_returns": self.nobody,
            },
            "returns": {
                "due": len(self.owed),
                "in": len(self.came),
                "late": len(self.late),
                "came_late": sum(one.state == "late" for one in self.owed),
            },
            "costs": {
                "due": len(self.of_money),
                "in": sum(one.received is not None for one in self.of_money),
                "late": sum(one.state == "missing" for one in self.of_money),
            },
            "studies": [one.as_dict() for one in self.studies],
            "next": self.following,
        }


def overview(workspace: Workspace, programme: Programme) -> Overview:
    """Where a programme stands today, by the workspace's clock.

    Raises
    ------
    LedgerError : the ledger cannot be read.
    """
    today, newest = workspace.now().date(), ""
    records: list[dict[str, Any]] = []
    if workspace.has_ledger:
        from evaluation.ledger.ledger import Ledger

        with Ledger.open(workspace.database, workspace.raw) as ledger:
            gone = {act.return_id for act in ledger.acts() if act.kind == "withdrawal"}
            held = ledger.receipts(programme.name)
        records = [one.as_dict() for one in held if one.return_id not in gone]
        newest = max((one.received for one in held), default="")
    owed = calendar(programme, records, today)
    folders = sorted((workspace.studies / programme.name).glob("*/protocol.yaml"))
    studies = tuple(_state(workspace, programme.name, path.parent) for path in folders)
    return Overview(
        programme=programme,
        owed=owed,
        studies=studies,
        nobody={
            outcome.code: len(without)
            for outcome in programme.outcomes
            if (without := programme.unsubmitted(outcome))
        },
        following=_next(workspace, programme, owed, studies, newest=newest, today=today),
    )


def _state(workspace: Workspace, programme: str, folder: Path) -> StudyState:
    name = f"{programme}/{folder.name}"
    lock = Lock.read(folder)
    label, run = "draft", ""
    if lock is not None:
        late = lock.exploratory or lock.first["data_seen"]["after_start"]
        label = "exploratory" if late else "confirmatory"
    try:
        results = read_results(workspace, name)
    except ProtocolError:  # never run, or by another version: then it is to be run
        results = None
    if results is not None:
        run = results.vintage
        label = results.label if lock is not None else label
    return StudyState(
        study=name,
        label=label,
        locked=lock is not None,
        frozen=lock.content["frozen"] if lock is not None else "",
        run=run,
    )


def _next(
    workspace: Workspace,
    programme: Programme,
    owed: Sequence[Due],
    studies: Sequence[StudyState],
    *,
    newest: str,
    today: date,
) -> str:
    """The next step, by what is missing first."""
    where = f"studies/{programme.name}"
    if not any(area.role == "pilot" for area in programme.areas):
        return f"Say which areas are pilots and which are compared with: {where}/areas.csv."
    if not programme.outcomes:
        return (
            f"Say what is measured: outcomes in {where}/programme.yaml (newstart outcomes --all)."
        )
    waiting = [one for one in owed if one.received is None]
    if waiting and (ask := _ask_for(programme, waiting, newest=newest)):
        return ask
    if not studies:
        return f"Say how it is analysed: newstart protocol new {programme.name}/first_look."
    for one in studies:
        if not one.locked:
            return _before_the_lock(workspace, one.study)
        if newest and one.run < newest:
            return f"Run the study on what is known now: newstart study run {one.study}."
    index = workspace.book / "_build" / "html" / "index.html"
    results = workspace.results(programme.name, studies[0].study.rpartition("/")[2])
    made = results / "results.json"
    newer = made.is_file() and index.is_file() and index.stat().st_mtime < made.stat().st_mtime
    if not index.is_file() or newer:
        return "Build the book: newstart book build."
    coming = [one for one in owed if one.state == "due"]
    if coming:
        day = min(one.due for one in coming)
        return f"{len(coming)} returns are due by {day.isoformat()}."
    if programme.last.last_day < today:
        return f"The calendar ends with {programme.last}: move last on in {where}/programme.yaml."
    return "Nothing is due today."


def _ask_for(programme: Programme, waiting: Sequence[Due], *, newest: str) -> str:
    """What to send for: the returns of before the first start at first, then what is overdue."""
    first = min((site.start for site in programme.sites), default=None)
    before = [
        one
        for one in waiting
        if first is not None and one.quarter.last_day < first.last_day and one.quarter != first
    ]
    late = before or [one for one in waiting if one.state == "missing"]
    if not late:
        return ""
    one = late[0]
    path = f"{one.site}_{one.agency}_{one.quarter.slug}.xlsx"
    command = f"newstart template {one.site} {one.quarter.slug} --agency {one.agency} -o {path}"
    if programme.synthetic and not newest:
        return f"Invent returns to try the way (newstart invent -o DIR), or write one: {command}."
    of_before = " of before the first start" if before else ""
    missing = f"{one.site} {one.agency} {one.quarter}"
    if len(late) == 1:
        return f"One return{of_before} is not in, {missing}: {command}."
    return f"{len(late)} returns{of_before} are not in; the first is {missing}: {command}."


def _before_the_lock(workspace: Workspace, study: str) -> str:
    try:
        found: Checked = checked(workspace, study)
    except UserError as error:
        return f"Mend {study}: {error.what}"
    hard = [one for one in found.errors if not one.confirmable_by]
    if hard:
        return f"Mend the protocol ({len(hard)} errors): newstart protocol check {study}."
    if found.needed:
        return (
            f"Lock it as exploratory, which is all that it can bear ({found.needed[0].message}): "
            f"newstart protocol freeze {study} --exploratory."
        )
    return f"Lock the study: newstart protocol freeze {study}."
