"""Who gained, by deprivation fifth: the study's own estimates made anew within each fifth.

A fifth is valued only where pilot and comparison areas both lie in it. The study's plan of
assignments is drawn again among its areas, so that a fifth with too few of them is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluation.study.run import estimate_by
from evaluation.value import Value, worth
from evaluation.value.equity import Incomes, by_fifth

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.study.run import StudyRun


def fifths(run: StudyRun) -> list[dict[str, Any]]:
    """One row a fifth, as `by_fifth` gives them; none where the programme declares no fifths.

    Raises
    ------
    ValueChainError : an area of the study has no fifth.
    """
    declared = run.programme.deprivation
    if run.value is None or not declared:
        return []
    return by_fifth(
        run.panel, {one.area: one.fifth for one in declared},
        lambda panel: _valued(run, panel), _incomes(run),
    )  # fmt: skip


def _incomes(run: StudyRun) -> Incomes:
    """Mean income of each fifth, and of all areas as the reference."""
    held: dict[int, list[float]] = {}
    for one in run.programme.deprivation:
        held.setdefault(one.fifth, []).append(one.income)
    every = [income for incomes in held.values() for income in incomes]
    return Incomes(
        of_fifth={fifth: sum(incomes) / len(incomes) for fifth, incomes in held.items()},
        reference=sum(every) / len(every), source="declared by the programme",
    )  # fmt: skip


def _valued(run: StudyRun, panel: Panel) -> Value:
    protocol, programme = run.protocol, run.programme
    assignments = run.assignments.redrawn(panel)
    codes = [
        code for code in (*protocol.primary, *protocol.secondary)
        if programme.outcome_by_code[code].unit_cost
    ]  # fmt: skip
    estimates = [
        estimate_by(protocol.estimators[0], panel, code, protocol, assignments) for code in codes
    ]
    return worth(estimates, programme, price_base=protocol.price_base,
                 seed=protocol.assignments.seed)  # fmt: skip
