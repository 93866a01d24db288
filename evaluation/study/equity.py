"""For whom, by deprivation fifth: the study's own estimates made anew within each fifth.

A fifth is valued only where pilot and comparison areas both lie in it. The study's plan of
assignments is drawn again among its areas, so that a fifth with too few of them is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import EstimateError
from evaluation.study.run import estimate_by
from evaluation.value import Value, worth
from evaluation.value.equity import FIFTHS, Incomes, by_fifth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignment import Assignments
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
        run.panel,
        {one.area: one.fifth for one in declared},
        lambda panel: _valued(run, panel),
        _incomes(run),
    )


def effects_by_fifth(run: StudyRun) -> list[dict[str, Any]]:
    """The main outcomes' effects within each fifth; none where the programme declares no fifths.

    Returns
    -------
    Rows with ``fifth, pilot_areas, comparison_areas, reason`` (why there is no estimate, or empty)
    and ``effects``: ``outcome, scale, effect, low, high, p_value`` over the protocol's window.
    """
    fifth_of = {one.area: one.fifth for one in run.programme.deprivation}
    if not fifth_of:
        return []
    held = np.array([fifth_of.get(str(code), 0) for code in run.panel.areas.index])
    return [_within(run, fifth, held == fifth) for fifth in FIFTHS]


def _within(run: StudyRun, fifth: int, inside: NDArray[np.bool_]) -> dict[str, Any]:
    pilots = int((inside & run.panel.started).sum())
    row: dict[str, Any] = {
        "fifth": fifth,
        "pilot_areas": pilots,
        "comparison_areas": int(inside.sum()) - pilots,
        "reason": "",
        "effects": [],
    }
    if not pilots or pilots == inside.sum():
        lacking = "pilot" if not pilots else "comparison"
        return row | {"reason": f"no {lacking} area lies in this fifth"}
    try:
        panel = run.panel.select(inside)
        assignments = run.assignments.redrawn(panel)
        found = [_effect(run, code, panel, assignments) for code in run.protocol.primary]
    except EstimateError as refused:
        return row | {"reason": refused.what}
    return row | {"effects": found}


def _effect(run: StudyRun, code: str, panel: Panel, assignments: Assignments) -> dict[str, Any]:
    protocol = run.protocol
    estimate = estimate_by(protocol.estimators[0], panel, code, protocol, assignments)
    overall = estimate.overall(window=protocol.window).iloc[0]
    figures = {key: float(overall[key]) for key in ("effect", "low", "high", "p_value")}
    return {"outcome": code, "scale": estimate.scale, **figures}


def _incomes(run: StudyRun) -> Incomes:
    """Mean income of each fifth, and of all areas as the reference."""
    held: dict[int, list[float]] = {}
    for one in run.programme.deprivation:
        held.setdefault(one.fifth, []).append(one.income)
    every = [income for incomes in held.values() for income in incomes]
    return Incomes(
        of_fifth={fifth: sum(incomes) / len(incomes) for fifth, incomes in held.items()},
        reference=sum(every) / len(every),
        source="declared by the programme",
    )


def _valued(run: StudyRun, panel: Panel) -> Value:
    protocol, programme = run.protocol, run.programme
    assignments = run.assignments.redrawn(panel)
    codes = [
        code
        for code in (*protocol.primary, *protocol.secondary)
        if programme.outcome_by_code[code].unit_cost
    ]
    estimates = [
        estimate_by(protocol.estimators[0], panel, code, protocol, assignments) for code in codes
    ]
    return worth(
        estimates, programme, price_base=protocol.price_base, seed=protocol.assignments.seed
    )
