"""The primary estimate again with withheld counts at both ends, for every outcome that has any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from evaluation.estimate import ladder
from evaluation.estimate.ladder import Choices
from evaluation.estimate.withheld import at_ends, hidden_cells

if TYPE_CHECKING:
    from evaluation.estimate.assignment import Assignments
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol

FEW = 20


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Cells withheld, and the overall effect with them at either end, on the estimate's scale."""

    cells: int
    low: float
    high: float


def withheld_ends(
    panel: Panel, programme: Programme, protocol: Protocol, assignments: Assignments
) -> dict[str, Ends]:
    """Outcome -> the ends of its effect, for outcomes with withheld counts."""
    found, panel = {}, panel.eligible()
    # The effect needs no re-assignment, only the type does; a handful keeps it cheap.
    few = replace(assignments, fillers=assignments.fillers[:FEW])
    for code in protocol.outcomes:
        threshold = programme.outcome_by_code[code].disclosure.threshold
        cells = int(hidden_cells(panel, code).sum())
        if not cells or threshold < 2:
            continue
        effect = partial(_effect, protocol, code, few)
        ends = at_ends(panel, code, threshold, effect, assignments.strata)
        effects = [effect(end) for end in ends]
        found[code] = Ends(cells=cells, low=min(effects), high=max(effects))
    return found


def _effect(protocol: Protocol, code: str, assignments: Assignments, panel: Panel) -> float:
    estimate = ladder.fit(
        protocol.estimators[0], panel, code, Choices.of(protocol, code), assignments
    )
    return float(estimate.overall(window=protocol.window)["effect"].iloc[0])
