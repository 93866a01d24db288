"""Lines: each outcome with each row of its unit cost, in pounds of the price base.

Overlap is settled here: an event or person-year that another outcome of its group counts is left
out, and the part of a composite cost that other outcomes count themselves is given up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.value.prices import factor_to_price_base, is_approximate_year
from evaluation.value.units import cost_units_a_quarter

if TYPE_CHECKING:
    from evaluation.programme import Outcome
    from evaluation.value.parameters import Parameters, UnitCost


@dataclass(frozen=True, kw_only=True)
class Line:
    """One outcome priced by one row of its unit cost.

    pounds : of the price base, for one cost unit. cost_units : in a quarter, for one unit of the
    outcome. share : what no other outcome counts. given_up : the row is part of a composite cost
    that another outcome counts itself, and is worth nothing here. approximate : of the price, or
    of the index that brought it to the price base.
    """

    outcome: Outcome
    cost: UnitCost
    pounds: float
    cost_units: float
    share: float
    given_up: bool
    approximate: bool

    @property
    def pounds_for_one(self) -> float:
        """Pounds for one unit of the outcome avoided for a quarter; a loss where more is a gain."""
        sign = -1.0 if self.cost.benefit else 1.0
        return 0.0 if self.given_up else sign * self.pounds * self.cost_units * self.share

    @property
    def factor(self) -> str:
        """The drawn factor that its price shares within a draw."""
        return f"{self.cost.key}/{self.cost.confidence}"

    @property
    def fiscal(self) -> bool:
        return self.cost.kind == "fiscal"


def priced_lines(
    outcome: Outcome, params: Parameters, price_base: int, counting: Collection[str]
) -> tuple[Line, ...]:
    """The lines of an outcome.

    Parameters
    ----------
    counting : agencies whose own outcomes are valued here, so that they count their part of a
        composite cost themselves.

    Raises
    ------
    ValueChainError : there is no such unit cost, its unit does not fit the outcome, or its price
        year has no index.
    """
    share = params.overlap_share(outcome.overlap_group, outcome.code)
    return tuple(
        Line(
            outcome=outcome,
            cost=cost,
            share=share,
            pounds=cost.value * factor_to_price_base(params, cost.price_year, price_base),
            cost_units=cost_units_a_quarter(outcome.kind, cost.cost_per, cost.stock_timing),
            given_up=cost.composite_of in counting,
            approximate=cost.approximate or is_approximate_year(params, cost.price_year),
        )
        for cost in params.costs_of(outcome.unit_cost or "")
    )
