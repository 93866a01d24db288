"""By deprivation fifth: who gains, counted alike and counted by what a pound means to them.

A fifth is valued only where pilot and comparison areas both lie in it; what one fifth gains is
never inferred from another. Weighted and unweighted always stand together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import EstimateError, ValueChainError
from evaluation.value.appraisal import distributional_weight
from evaluation.value.ratios import willingness_to_pay

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.value.accounts import Value

FIFTHS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True)
class Incomes:
    """Equivalised income in pounds a year: of each fifth, 1 the most deprived, and of reference."""

    of_fifth: Mapping[int, float]
    reference: float
    source: str


def by_fifth(
    panel: Panel, fifth_of: Mapping[str, int], value_in: Callable[[Panel], Value], incomes: Incomes
) -> list[dict[str, Any]]:
    """One row a fifth: areas, what people and the purse gained, unweighted and weighted.

    Parameters
    ----------
    fifth_of : area code -> fifth, 1 the most deprived. value_in : values one panel, the estimates
        and assignments made anew within it.

    Returns
    -------
    Rows with ``fifth, pilot_areas, comparison_areas, valued, reason`` and, where valued,
    ``people`` (their own gains less lost benefits), ``purse`` (fiscal gains), ``weight`` with its
    sensitivities, and ``people_weighted``. The purse is everyone's and is not weighted.

    Raises
    ------
    ValueChainError : an area of the panel has no fifth.
    """
    codes = [str(code) for code in panel.areas.index]
    if missing := [code for code in codes if fifth_of.get(code) not in FIFTHS]:
        raise ValueChainError(
            f"{len(missing)} areas have no deprivation fifth, the first {missing[0]}.",
            expected="a number from 1, the most deprived, to 5 for every area",
        )
    return [_row(panel, fifth, fifth_of, value_in, incomes) for fifth in FIFTHS]


def _row(
    panel: Panel,
    fifth: int,
    fifth_of: Mapping[str, int],
    value_in: Callable[[Panel], Value],
    incomes: Incomes,
) -> dict[str, Any]:
    inside = np.array([fifth_of[str(code)] == fifth for code in panel.areas.index])
    pilots = int((inside & panel.started).sum())
    row: dict[str, Any] = {
        "fifth": fifth,
        "pilot_areas": pilots,
        "comparison_areas": int(inside.sum()) - pilots,
        "valued": False,
    }
    if not pilots or pilots == inside.sum():
        lacking = "pilot" if not pilots else "comparison"
        return row | {"reason": f"no {lacking} area lies in this fifth"}
    try:
        value = value_in(panel.select(inside))
    except EstimateError as refused:
        return row | {"reason": refused.what}
    people = willingness_to_pay(value)
    eta = value.parameters.spread("eta")
    weight = {
        name: distributional_weight(incomes.of_fifth[fifth], incomes.reference, number)
        for name, number in (("central", eta.central), ("low", eta.low), ("high", eta.high))
    }
    return row | {
        "valued": True,
        "reason": "",
        "people": value.summary(people),
        "people_weighted": value.summary(people * weight["central"]),
        "weight": weight,
        "purse": value.summary(value.total(value.fiscal, discounted=True)),
        "source": incomes.source,
    }
