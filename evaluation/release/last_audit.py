"""What the last audit of a programme found, for the page that says how people are protected.

Only counts are kept: how many figures the attacker held, how many counts he attacked, and how many
values the worst was left with. Which it was stays with whoever ran the audit. What an attack on one
system left is kept beside it, and what did not change is not attacked anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.disclosure.audit import Left
from evaluation.disclosure.narrowest import System, narrowest
from evaluation.disclosure.protection import WORST
from evaluation.quarters import format_instant
from evaluation.release.released_results import Released, release
from evaluation.study.results import read_results
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from datetime import datetime

    from evaluation.disclosure.protection import Protection
    from evaluation.programme import Programme
    from evaluation.release.rounding import Terms
    from evaluation.workspace import Workspace

ATTACK = 4
"""Of the attack's own method: another one keeps other results."""


@dataclass(frozen=True, kw_only=True)
class LastAudit:
    """The last audit with every edition, by an attacker who is nobody's officer.

    run : its instant. editions : that were published. studies : name -> what names exactly what the
    study would print then. insiders : how many submitters were tried as attackers too, each with
    what they sent. insiders_fewest : values left by the one who found most. The rest as in
    `evaluation.disclosure.protection.Protection`.
    """

    run: str
    editions: int
    k: int
    protected: int
    hidden: int
    figures: int
    fewest: int | None
    studies: Mapping[str, str]
    insiders: int = 0
    insiders_fewest: int | None = None

    @property
    def ok(self) -> bool:
        left = (self.fewest, self.insiders_fewest)
        return all(one is None or one >= self.k for one in left)

    def is_of(self, study: str, made: Released) -> bool:
        """Whether it attacked exactly what is printed of a study now."""
        return self.studies.get(study) == print_of(made)


def print_of(made: Released) -> str:
    """What names all that is printed of a study."""
    return fingerprint.of_data([[one.address, one.kind, one.printed] for one in made.entries])


def keep_audit(
    workspace: Workspace,
    programme: Programme,
    terms: Terms,
    found: Protection,
    editions: int,
    run: datetime | None = None,
) -> LastAudit:
    """Write down what an audit found, over that of before.

    run : its instant; now if none is given.
    """
    names = [
        f"{programme.name}/{path.parent.name}"
        for path in sorted((workspace.studies / programme.name).glob("*/protocol.yaml"))
        if (workspace.results(programme.name, path.parent.name) / "results.json").is_file()
    ]
    held = LastAudit(
        run=format_instant(run or workspace.now()),
        editions=editions,
        k=found.k,
        protected=found.protected,
        hidden=found.hidden,
        figures=found.figures,
        fewest=found.fewest,
        insiders=len(found.insiders),
        insiders_fewest=found.insiders_fewest,
        studies={one: print_of(release(read_results(workspace, one), terms)) for one in names},
    )
    text = json.dumps(asdict(held), indent=1, ensure_ascii=False) + "\n"
    write_whole(_path(workspace, programme.name), text)
    return held


def read_audit(workspace: Workspace, programme: str) -> LastAudit | None:
    """What was found last; None where no audit was run."""
    path = _path(workspace, programme)
    return LastAudit(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _path(workspace: Workspace, programme: str) -> Path:
    return workspace.var / "release" / programme / "audit.json"


def left_of(system: System, folder: Path | None) -> tuple[list[Left], bool]:
    """The counts with the fewest values, and whether they were looked for anew."""
    if not system.targets:
        return [], False
    path = None if folder is None else folder / f"{_system_print(system)}.json"
    if path is not None and path.is_file():
        held_then = json.loads(path.read_text(encoding="utf-8"))
        return [Left(**{**one, "binding": tuple(one["binding"])}) for one in held_then], False
    left = narrowest(system, most=WORST)
    if path is not None:
        kept = [
            {"cell": one.cell, "low": one.low, "high": one.high, "binding": list(one.binding)}
            for one in left
        ]
        write_whole(path, json.dumps(kept, ensure_ascii=False) + "\n")
    return left, True


def _system_print(system: System) -> str:
    """Names everything that a result hangs on."""

    def plain(value: float) -> str:
        return f"{value:.9g}"

    content = {
        "attack": ATTACK,
        "bounds": {name: [plain(end) for end in ends] for name, ends in system.bounds.items()},
        "printed": [
            [
                one.address,
                sorted((c, plain(w)) for c, w in one.form.items()),
                plain(one.low),
                plain(one.high),
            ]
            for one in system.printed
        ],
        "targets": {name: sorted(form.items()) for name, form in system.targets.items()},
        "true": system.true,
    }
    return fingerprint.of_data(content)[:32]
