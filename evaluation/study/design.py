"""Design before the lock, for a study that is declared: power and matching on its own panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from evaluation.design.match import Matched, MatchPlan, match
from evaluation.design.power import Plan, power
from evaluation.errors import ProtocolError
from evaluation.estimate.ladder import Choices
from evaluation.ledger.ledger import Ledger
from evaluation.study.looks import plan_of
from evaluation.study.panels import load_study, study_panel

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.protocol import Protocol
    from evaluation.workspace import Workspace


def study_power(
    workspace: Workspace, name: str, *, outcome: str | None = None, targeted: float = 1.0
) -> pd.DataFrame:
    """Rows of `evaluation.design.power.power` for each primary outcome, or for one outcome.

    Raises
    ------
    ProtocolError : the protocol plans no looks, or has no such outcome.
    """
    protocol, panel = _ground(workspace, name)
    if protocol.looks is None:
        raise ProtocolError(
            "the protocol plans no looks, so there is nothing to spend alpha over.", where=name,
            mend="add looks: {horizon: 8} to protocol.yaml",
        )  # fmt: skip
    plan = protocol.assignments
    tables = []
    for code in _chosen(protocol, outcome, name):
        choices = Choices.of(protocol, code)
        asked = Plan(
            estimator=protocol.estimators[0], choices=choices, window=protocol.window,
            looks=plan_of(protocol), strata=plan.strata, block=plan.block,
            assignments=min(plan.n, 1_999), seed=plan.seed, targeted=targeted,
        )  # fmt: skip
        tables.append(power(panel, code, asked).assign(outcome=code))
    return pd.concat(tables, ignore_index=True)


def study_match(
    workspace: Workspace, name: str, plan: MatchPlan, *, outcome: str | None = None
) -> tuple[str, Matched]:
    """The outcome matched on (the first primary one by default) and its matches."""
    protocol, panel = _ground(workspace, name)
    code = _chosen(protocol, outcome, name)[0]
    return code, match(panel, code, plan)


def _ground(workspace: Workspace, name: str) -> tuple[Protocol, Panel]:
    programme, protocol = load_study(workspace, name)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        observations = ledger.observations(programme.name, outcomes=list(protocol.outcomes))
    return protocol, study_panel(programme, protocol, observations, None)


def _chosen(protocol: Protocol, outcome: str | None, name: str) -> tuple[str, ...]:
    if outcome is None:
        return protocol.primary
    if outcome not in protocol.outcomes:
        raise ProtocolError(
            f"the protocol has no outcome {outcome!r}.", where=name,
            expected=", ".join(protocol.outcomes),
        )  # fmt: skip
    return (outcome,)
