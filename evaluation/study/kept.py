"""The assignments that a study keeps: drawn once, for every declared site, beside its looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.estimate.assignment import Assignments
from evaluation.study import assignment_store

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import AssignmentPlan, Protocol
    from evaluation.workspace import Workspace


def series_folder(workspace: Workspace, programme: Programme, protocol: Protocol) -> Path:
    """Where the looks of a study lie: one folder for each plan of assignments and set of sites."""
    plan = {
        "plan": protocol.assignments.model_dump(mode="json"),
        "sites": [[s.code, s.start.label] for s in programme.sites],
        "pilots": sorted(a.code for a in programme.areas if a.site),
    }
    of_plan = fingerprint.of_data(plan)[:16]
    return workspace.looks(programme.name, protocol.study) / of_plan


def assignments_of(
    workspace: Workspace, programme: Programme, protocol: Protocol, panel: Panel
) -> Assignments:
    """The assignments of a study on a panel, for the sites that have started in it.

    Where looks are planned they are drawn once, for every declared site, and kept.
    """
    if protocol.looks is None:
        return by_plan(panel, protocol.assignments)
    folder = series_folder(workspace, programme, protocol)
    return held_or_drawn(folder, programme, protocol, panel).known(panel)


def by_plan(panel: Panel, plan: AssignmentPlan, *, most: int | None = None) -> Assignments:
    """The assignments that a protocol plans, drawn on a panel; ``most`` of them at most."""
    n = plan.n if most is None else min(plan.n, most)
    return Assignments.draw(panel, n=n, block=plan.block, strata=plan.strata, seed=plan.seed)


def held_or_drawn(
    folder: Path, programme: Programme, protocol: Protocol, panel: Panel
) -> Assignments:
    """The assignments kept in a folder; drawn for this panel and kept where there are none."""
    kept = assignment_store.held(folder, panel)
    if kept is None:
        kept, whole = drawn(programme, protocol, panel)
        assignment_store.keep(folder, kept, whole)
    return kept


def drawn(programme: Programme, protocol: Protocol, panel: Panel) -> tuple[Assignments, Panel]:
    """The assignments of the plan, with the panel run on until every declared site has started."""
    starts = [s.start for s in programme.sites if s.start > panel.periods[-1]]
    whole = panel.ahead(max(starts)) if starts else panel
    return by_plan(whole, protocol.assignments), whole
