"""Only what changed is computed again: each study keeps a record of what its results rest on.

The record holds a hash for each part, so that what is run again is run for a reason that can be
said. Returns of outcomes that a study does not use leave it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.ledger.ledger import Ledger
from evaluation.publish import code
from evaluation.study.kept import series_folder
from evaluation.study.lock import FILE as LOCK
from evaluation.study.look_series import LookSeries
from evaluation.study.looking import catch_up
from evaluation.study.panels import load_study
from evaluation.study.results import write_results
from evaluation.study.run import run_study

if TYPE_CHECKING:
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.workspace import Workspace

Progress = Callable[[str], None]
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


def refresh(workspace: Workspace, name: str, progress: Progress) -> bool:
    """Take the looks that are due and run a study, unless its results rest on all as it is now.

    Returns whether it was run; ``progress`` is told why.
    """
    catch_up(workspace, name, progress=progress)
    programme, _, study = name.partition("/")
    results = workspace.results(programme, study)
    before, now = _recorded(results / RECORD), inputs(workspace, name)
    changed = [PARTS[part] for part in PARTS if before.get(part) != now[part]]
    if not changed and (results / "results.json").is_file():
        progress(f"{name}: up to date")
        return False
    why = "it was not run before" if not before else ", ".join(changed) or "its results are gone"
    progress(f"{name}: run, since {why}")
    write_results(workspace, run_study(workspace, name, progress=progress))
    # A run writes its look, so of the looks those after it are what the results rest on.
    looks = _looks(workspace, *load_study(workspace, name))
    text = json.dumps(now | {"looks": looks}, indent=1)
    (results / RECORD).write_text(text + "\n", encoding="utf-8")
    return True


def inputs(workspace: Workspace, name: str) -> dict[str, str]:
    """A hash of each part that a study's results rest on."""
    programme, protocol = load_study(workspace, name)
    folder = workspace.studies / programme.name
    beside = [path for path in folder.glob(f"{protocol.study}/*.y*") if path.is_file()]
    lock = folder / protocol.study / LOCK
    tables = Path(str(resources.files("evaluation.value.parameters")))
    return {
        "figures": _figures(workspace, programme, protocol),
        "protocol": _of([*beside, *([lock] if lock.is_file() else [])]),
        "declared": _declared(programme, protocol),
        "code": code.figures_fingerprint(),
        "parameters": _of(list(tables.glob("*.csv"))),
        "looks": _looks(workspace, programme, protocol),
    }


def _declared(programme: Programme, protocol: Protocol) -> str:
    """Everything declared that the study uses; that the calendar goes on is no change."""
    left_out = {"last", "outcomes"} | (set() if protocol.value else {"costs"})
    return fingerprint.of_data(
        [
            programme.model_dump(mode="json", exclude=left_out),
            [programme.outcome_by_code[c].model_dump(mode="json") for c in protocol.outcomes],
        ]
    )


def _of(paths: list[Path]) -> str:
    return fingerprint.of_data(
        sorted([path.name, fingerprint.of_bytes(path.read_bytes())] for path in paths)
    )


def _figures(workspace: Workspace, programme: Programme, protocol: Protocol) -> str:
    """The returns that hold an outcome of the study, and what was done to them.

    Where a look counts only what came in time, every return of the programme counts.
    """
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        held = set(ledger.versions(programme.name, outcomes=list(protocol.outcomes))["return_id"])
        every = protocol.vintage_rule == "due_day"
        chain = [
            [one.return_id, one.content_hash, one.received]
            for one in ledger.receipts(programme.name)
            if every or one.return_id in held
        ]
        chain += [
            [act.act_id, act.kind, act.received] for act in ledger.acts() if act.return_id in held
        ]
    return fingerprint.of_data(chain)


def _looks(workspace: Workspace, programme: Programme, protocol: Protocol) -> str:
    if protocol.looks is None:
        return ""
    return LookSeries(folder=series_folder(workspace, programme, protocol)).head


def _recorded(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
