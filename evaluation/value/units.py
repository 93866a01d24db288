"""Which cost fits which outcome: events with events, person-time with stocks, nothing else.

A stock of one for a quarter is a quarter of a person-year, or 13.04 weeks; a flow of one is one
event, or one entry. A price by the entry never fits a stock: how many there are says nothing of
how many came.
"""

from __future__ import annotations

from evaluation.errors import ValueChainError
from evaluation.value.prices import QUARTERS_A_YEAR

WEEKS_A_YEAR = 52.16
WEEKS_A_QUARTER = WEEKS_A_YEAR / QUARTERS_A_YEAR

_COST_UNITS_A_QUARTER = {
    ("stock", "person_year"): 1 / QUARTERS_A_YEAR,
    ("stock", "point_year"): 1 / QUARTERS_A_YEAR,
    ("stock", "week"): WEEKS_A_QUARTER,
    ("flow", "event"): 1.0,
    ("flow", "entry"): 1.0,
}


def cost_units_a_quarter(kind: str, cost_per: str, stock_timing: str = "mean") -> float:
    """How many cost units one unit of an outcome's change stands for in a quarter.

    Parameters
    ----------
    kind : ``stock`` or ``flow``. stock_timing : of a stock, ``mean`` of the quarter or ``snapshot``
        on one day, which then stands for the quarter; empty for a flow.

    Raises
    ------
    ValueChainError : the cost unit does not fit (a stock priced by the event or entry, a flow by
        the year), or a stock's timing is not stated.
    """
    said = cost_per.replace("_", "-")
    if (kind, cost_per) not in _COST_UNITS_A_QUARTER:
        entry = kind == "stock" and cost_per == "entry"
        why = (
            "an entry cost needs an inflow: how many came, not how many there are"
            if entry
            else "give the outcome a unit cost of its own unit"
        )
        raise ValueChainError(
            f"a {kind} cannot be priced by the {said}.",
            expected="stock by person_year, point_year or week; flow by event or entry",
            mend=why,
        )
    if (kind == "stock") != (stock_timing in ("mean", "snapshot")):
        raise ValueChainError(
            f"a {kind} priced by the {said} has the stock timing {stock_timing!r}.",
            expected="mean or snapshot for a stock, empty for a flow",
        )
    return _COST_UNITS_A_QUARTER[kind, cost_per]
