"""Looks in a workspace: the look of a vintage, and the looks whose due dates have passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.ledger.ledger import Ledger
from evaluation.study import assignment_store
from evaluation.study.calendar import due, passed
from evaluation.study.code import code_fingerprint
from evaluation.study.kept import assignments_of, series_folder
from evaluation.study.look_series import LookSeries
from evaluation.study.looks import Seen, look_at
from evaluation.study.panels import load_study, study_panel
from evaluation.study.standing import Standing, standing_of

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.workspace import Workspace

What = tuple["Programme", "Protocol"]


def take_look(
    workspace: Workspace, what: What, panel: Panel, received: str, standing: Standing
) -> Seen | None:
    """The look of a vintage, written to the study's look ledger if all is as it was locked.

    None where no looks are planned, or nothing has started. ``received`` is the instant at which
    the newest figure of the panel came in.
    """
    programme, protocol = what
    if protocol.looks is None or not panel.started.any():
        return None
    assignments = assignments_of(workspace, programme, protocol, panel)
    folder = series_folder(workspace, programme, protocol)
    known = {
        "quarter": panel.labels[-1],
        "vintage": received,
        "panel": panel.fingerprint,
        "protocol": protocol.fingerprint,
        "code": code_fingerprint(),
        "assignments": fingerprint.of_bytes((folder / assignment_store.FILE).read_bytes()),
    }
    if standing.lock is not None:
        known["lock"] = standing.lock.hash
    return look_at(
        LookSeries(folder=folder),
        panel,
        protocol,
        programme,
        assignments,
        known,
        record=standing.record,
    )


def catch_up(
    workspace: Workspace, name: str, *, progress: Callable[[str], object] = lambda _: None
) -> int:
    """Take every look whose due date has passed, each on what was known at the end of that day.

    Looks that the ledger holds already are left as they are; none is taken while something is not
    as it was locked. Returns how many were taken.
    """
    programme, protocol = load_study(workspace, name)
    if protocol.looks is None or not programme.sites:
        return 0
    first, taken = min(site.start for site in programme.sites), 0
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        standing = standing_of(workspace, programme, protocol, ledger)
        if not standing.record:
            progress(f"{name}: no look is taken. {standing.changed[0]}")
            return 0
        for quarter in passed(first, programme, workspace.now()):
            observations = ledger.observations(
                programme.name, as_of=due(quarter, programme), outcomes=list(protocol.outcomes)
            )
            if observations.empty or quarter.label not in set(observations["quarter"]):
                continue
            panel = study_panel(programme, protocol, observations, None)
            before = len(LookSeries(folder=series_folder(workspace, programme, protocol)).rows())
            seen = take_look(
                workspace,
                (programme, protocol),
                panel,
                str(observations["received"].max()),
                standing,
            )
            if seen is not None and seen.written and len(seen.rows) > before:
                progress(f"{name}: look {len(seen.rows)}, {quarter.label}")
                taken += 1
    return taken
