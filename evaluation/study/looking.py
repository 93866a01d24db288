"""Looks in a workspace: the assignments that a study keeps, the look of a vintage or due date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.estimate.assignment import Assignments
from evaluation.ledger.ledger import Ledger
from evaluation.study import assignment_store
from evaluation.study.code import code_fingerprint
from evaluation.study.look_series import LookSeries
from evaluation.study.looks import Seen, look_at
from evaluation.study.panels import load_study, study_panel

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.quarters import Period
    from evaluation.workspace import Workspace

What = tuple["Programme", "Protocol"]


def series_folder(workspace: Workspace, programme: Programme, protocol: Protocol) -> Path:
    """Where the looks of a study lie: one folder for each plan of assignments and set of sites."""
    plan = {
        "plan": protocol.assignments.model_dump(mode="json"),
        "sites": [[s.code, s.start.label] for s in programme.sites],
        "pilots": sorted(a.code for a in programme.areas if a.site),
    }  # fmt: skip
    of_plan = fingerprint.of_data(plan)[:16]
    return workspace.looks(programme.name, protocol.study) / of_plan


def assignments_of(
    workspace: Workspace, programme: Programme, protocol: Protocol, panel: Panel
) -> Assignments:
    """The assignments of a study on a panel, for the sites that have started in it.

    Where looks are planned they are drawn once, for every declared site, and kept.
    """
    plan = protocol.assignments
    if protocol.looks is None:
        return Assignments.draw(
            panel, n=plan.n, block=plan.block, strata=plan.strata, seed=plan.seed
        )
    folder = series_folder(workspace, programme, protocol)
    kept = assignment_store.held(folder, panel)
    if kept is None:
        starts = [s.start for s in programme.sites if s.start > panel.periods[-1]]
        whole = panel.ahead(max(starts)) if starts else panel
        kept = Assignments.draw(
            whole, n=plan.n, block=plan.block, strata=plan.strata, seed=plan.seed
        )
        assignment_store.keep(folder, kept, whole)
    return kept.known(panel)


def take_look(
    workspace: Workspace, what: What, panel: Panel, received: str, *, record: bool = True
) -> Seen | None:
    """The look of a vintage, written to the study's look ledger.

    None where no looks are planned, or nothing has started. ``received`` is the instant at which
    the newest figure of the panel came in.
    """
    programme, protocol = what
    if protocol.looks is None or not panel.started.any():
        return None
    assignments = assignments_of(workspace, programme, protocol, panel)
    folder = series_folder(workspace, programme, protocol)
    known = {
        "quarter": panel.labels[-1], "vintage": received, "panel": panel.fingerprint,
        "protocol": protocol.fingerprint, "code": code_fingerprint(),
        "assignments": fingerprint.of_bytes((folder / assignment_store.FILE).read_bytes()),
    }  # fmt: skip
    return look_at(
        LookSeries(folder=folder), panel, protocol, programme, assignments, known, record=record
    )


def catch_up(
    workspace: Workspace, name: str, *, progress: Callable[[str], object] = lambda _: None
) -> int:
    """Take every look whose due date has passed, each on what was known at the end of that day.

    Looks that the ledger holds already are left as they are. Returns how many were taken.
    """
    programme, protocol = load_study(workspace, name)
    if protocol.looks is None or not programme.sites:
        return 0
    first, taken = min(site.start for site in programme.sites), 0
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        for quarter in _passed(first, programme, workspace.now()):
            observations = ledger.observations(
                programme.name, as_of=due(quarter, programme), outcomes=list(protocol.outcomes)
            )
            if observations.empty or quarter.label not in set(observations["quarter"]):
                continue
            panel = study_panel(programme, protocol, observations, None)
            before = len(LookSeries(folder=series_folder(workspace, programme, protocol)).rows())
            seen = take_look(
                workspace, (programme, protocol), panel, str(observations["received"].max())
            )
            if seen is not None and seen.written and len(seen.rows) > before:
                progress(f"{name}: look {len(seen.rows)}, {quarter.label}")
                taken += 1
    return taken


def due(quarter: Period, programme: Programme) -> datetime:
    """The last instant of the day on which the returns of a quarter are due."""
    day = quarter.last_day + timedelta(days=programme.due_days)
    return datetime.combine(day, time.max, tzinfo=UTC)


def _passed(first: Period, programme: Programme, now: datetime) -> list[Period]:
    quarters, quarter = [], first
    while due(quarter, programme) <= now and quarter <= programme.last:
        quarters.append(quarter)
        quarter += 1
    return quarters
