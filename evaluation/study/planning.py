"""Design before the lock, for a study that is declared: power and matching on its own panel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.design.match import Matched, MatchPlan, match
from evaluation.design.power import Plan, compare, power
from evaluation.errors import ProtocolError
from evaluation.finding.verdict import cared_for
from evaluation.study.interim_analyses import plan_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.study.study import Study


def study_power(
    study: Study,
    *,
    outcome: str | None = None,
    targeted: float = 1.0,
    candidates: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """What the planned looks could find, of each primary outcome or of one outcome.

    Parameters
    ----------
    targeted : share of people whom the reform reaches. candidates : sets of pilot areas to compare
        instead of the planned sites.

    Returns
    -------
    Rows of `evaluation.design.power.power` or, with candidates, of
    `evaluation.design.power.compare`, and ``outcome``. Effects are said in the direction that
    is hoped for.

    Raises
    ------
    ProtocolError : the protocol plans no looks, or has no such outcome.
    """
    protocol = study.protocol
    if protocol.looks is None:
        raise ProtocolError(
            "the protocol plans no looks, so there is nothing to spend alpha over.",
            where=study.name,
            mend="add looks: {horizon: 8} to protocol.yaml",
        )
    tables = []
    for code in _chosen(study, outcome):
        direction = cared_for(
            study.programme.outcome_by_code[code].polarity, protocol.hoped_percent.get(code)
        )
        plan = Plan.of(protocol, code, plan_of(protocol), targeted=targeted, direction=direction)
        if candidates is None:
            found = power(study.panel, code, plan)
        else:
            found = compare(study.panel, code, plan, candidates)
        tables.append(found.assign(outcome=code))
    return pd.concat(tables, ignore_index=True)


def last_looks(table: pd.DataFrame) -> dict[str, float]:
    """Outcome -> percent that the last look of `study_power` would find four times in five.

    An effect that is never found is one of infinite size: every hope lies below it.
    """
    last = table.sort_values("look").groupby("outcome").last()
    found = last["detectable_percent"].abs()
    return {str(code): float(v) if math.isfinite(v) else math.inf for code, v in found.items()}


def study_match(
    study: Study, plan: MatchPlan, *, outcome: str | None = None
) -> tuple[str, Matched]:
    """The outcome matched on (the first primary one by default) and its matches.

    The protocol says on which scale synthetic weights are fitted, and how long the time after is.
    """
    protocol, code = study.protocol, _chosen(study, outcome)[0]
    asked = replace(plan, scale=protocol.scale_of(code), after=max(protocol.window[1] + 1, 1))
    return code, match(study.panel, code, asked)


def _chosen(study: Study, outcome: str | None) -> tuple[str, ...]:
    protocol = study.protocol
    if outcome is None:
        return protocol.primary
    if outcome not in protocol.outcomes:
        raise ProtocolError(
            f"the protocol has no outcome {outcome!r}.",
            where=study.name,
            expected=", ".join(protocol.outcomes),
        )
    return (outcome,)
