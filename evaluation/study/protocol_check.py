"""Check a protocol before it is frozen: what is missing, contradictory or unwise, line by line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evaluation.errors import EstimateError, PanelError, ProtocolError
from evaluation.finding.theory import Theory
from evaluation.ledger.events import read_events
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.study import kept
from evaluation.study.lock import PROTOCOL
from evaluation.study.panels import of_sites, study_panel
from evaluation.study.protocol_ground import Ground, on_the_ground, too_small
from evaluation.study.protocol_rules import Case, said_by_itself
from evaluation.study.protocol_shape import shape
from evaluation.study.remarks import Remark

if TYPE_CHECKING:
    from evaluation.protocol import Protocol
    from evaluation.workspace import Workspace


def check_protocol(workspace: Workspace, name: str, *, power: bool = False) -> list[Remark]:
    """Every remark on the protocol of ``programme/study``, errors first, then by line.

    Parameters
    ----------
    power : also ask what the planned looks could find, which takes a minute or so.

    Raises
    ------
    ProtocolError : there is no such study or no protocol.
    """
    programme_name, _, study = name.partition("/")
    path = workspace.studies / programme_name / study / PROTOCOL
    if not study or not path.is_file():
        raise ProtocolError(
            f"no protocol of {name!r}.", where=str(path), mend=f"newstart protocol new {name}"
        )
    source, protocol, remarks = shape(path.read_text(encoding="utf-8"))
    if source is not None and protocol is not None:
        whole = Programme.load(workspace, programme_name)
        programme = of_sites(whole, protocol.sites, where=str(path))
        case = Case(protocol=protocol, source=source, programme=programme, name=name)
        remarks += said_by_itself(case)
        if all(code in programme.outcome_by_code for code in protocol.outcomes):
            ground = _ground(workspace, programme, protocol)
            remarks += on_the_ground(case, ground)
            if power and ground.panel is not None and not _any_error(remarks):
                remarks += too_small(case, _detectable(workspace, name))
    return sorted(remarks, key=lambda one: (one.severity != "error", one.line, one.rule))


def _any_error(remarks: list[Remark]) -> bool:
    return any(one.severity == "error" for one in remarks)


def _ground(workspace: Workspace, programme: Programme, protocol: Protocol) -> Ground:
    theory = Theory.load(workspace.studies / programme.name / protocol.study)
    events = read_events(workspace, programme)
    if not workspace.has_ledger:
        return Ground(theory=theory, events=events)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        observations = ledger.observations(programme.name, outcomes=list(protocol.outcomes))
    if set(protocol.outcomes) - set(observations["outcome"]):
        return Ground(theory=theory, events=events)
    try:
        panel = study_panel(programme, protocol, observations, None)
    except PanelError:  # a fault of the protocol that has its own remark (P030)
        return Ground(theory=theory, events=events)
    try:
        drawn, _ = kept.drawn(programme, protocol, panel)
    except EstimateError as error:
        return Ground(theory=theory, events=events, panel=panel, undrawn=str(error.what))
    return Ground(theory=theory, events=events, panel=panel, drawn=drawn)


def _detectable(workspace: Workspace, name: str) -> dict[str, float]:
    """Primary outcome -> percent that the last planned look would find four times in five."""
    from evaluation.study.design import study_power

    table = study_power(workspace, name)
    last = table.sort_values("look").groupby("outcome").last()
    found = last["detectable_percent"].abs()
    return {str(code): float(v) if math.isfinite(v) else math.inf for code, v in found.items()}
