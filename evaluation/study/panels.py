"""What a study reads: its programme and protocol, and its panel of a vintage."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from evaluation.errors import ProtocolError
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.quarters import format_instant

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.workspace import Workspace


def load_study(workspace: Workspace, name: str) -> tuple[Programme, Protocol]:
    """The programme and protocol of ``programme/study``.

    Raises
    ------
    ProtocolError : the name has another form, or an outcome of the protocol is not the programme's.
    """
    programme_name, _, study = name.partition("/")
    folder = workspace.studies / programme_name / study
    if not study or not folder.is_dir():
        raise ProtocolError(
            f"no study {name!r}.", expected="PROGRAMME/STUDY, a folder under studies/",
            where=str(workspace.studies),
        )  # fmt: skip
    programme, protocol = Programme.load(workspace, programme_name), Protocol.load(folder)
    known = programme.outcome_by_code
    if unknown := [code for code in protocol.outcomes if code not in known]:
        raise ProtocolError(
            f"{programme_name} has no outcome {unknown[0]!r}.", where=str(folder / "protocol.yaml"),
            expected=", ".join(known),
        )  # fmt: skip
    return programme, protocol


def study_panel(
    programme: Programme, protocol: Protocol, observations: pd.DataFrame, as_of: datetime | None
) -> Panel:
    """The panel of a study: eligible areas, every outcome of the protocol."""
    vintage = format_instant(as_of) if as_of else str(observations["received"].max())
    return Panel.from_observations(
        observations, programme, protocol.outcomes, vintage=vintage
    ).eligible()
