"""Each outcome with its unit costs in pounds of the price base: deflators, discounts, draws."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.programme import Outcome
    from evaluation.value.parameters import Parameters, Spread, UnitCost
    from evaluation.value.parameters.vintage import Schedule

    Floats = NDArray[np.float64]


QUARTERS_A_YEAR = 4


def factor_to_price_base(params: Parameters, price_year: str | int, price_base: str | int) -> float:
    """Pounds of the price base for one pound of the price year, by the deflator in use.

    A financial year ``2012/13`` takes its own index where the deflator has one, else the calendar
    index of its first year, which is approximate (`is_approximate_year`).

    Raises
    ------
    ValueChainError : the deflator has no index for one of the years; none is invented.
    """
    return _index(params, price_base) / _index(params, price_year)


def is_approximate_year(params: Parameters, price_year: str | int) -> bool:
    """Whether a price year is stood for by another year's index."""
    return str(price_year) not in params.price_indices


def _index(params: Parameters, year: str | int) -> float:
    indices = params.price_indices
    # A financial year's own index first; the calendar index of the year in which it begins only
    # stands in for it.
    for name in (str(year), str(year).partition("/")[0]):
        if name in indices:
            return indices[name]
    raise ValueChainError(
        f"the deflator ({params.deflator}) holds no index for {year}.",
        expected=", ".join(indices),
        mend="add the published index to deflator.csv, or choose another price base",
    )


def discount_factor(params: Parameters, years: float, schedule: Schedule = "standard") -> float:
    """Present value of one pound ``years`` ahead; rates step down with the horizon.

    A pound before the base is worth more in the base's money, by the rate of the first years.
    Fractions of a year are discounted at the rate of the year that they lie in (Green Book 2026,
    annex on discounting).

    Raises
    ------
    ValueChainError : the vintage states no rate that far ahead, or has no such schedule.
    """
    table = params.tables["discount"]
    bands = table[(table["vintage"] == params.discount) & (table["schedule"] == schedule)]
    if bands.empty:
        raise ValueChainError(
            f"{params.discount} has no {schedule} schedule of discount rates.",
            expected=", ".join(dict.fromkeys(table["schedule"])),
            mend="add its rates to discount.csv, or choose another vintage",
        )
    factor, done = 1.0, 0.0
    if years < 0:
        return float((1 + float(bands["rate_percent"].iloc[0]) / 100) ** -years)
    for to_year, percent in zip(bands["to_year"], bands["rate_percent"], strict=True):
        # Each year keeps the rate of its own band: the steps compound and never apply to the whole
        # horizon, so year 31 is the factor of year 30 over 1.03.
        inside = min(years, float(to_year)) - done
        if inside <= 0:
            break
        factor /= (1 + float(percent) / 100) ** inside
        done += inside
    if done < years:
        raise ValueChainError(
            f"{params.discount} states no {schedule} rate for year {years:g}.",
            expected=f"a horizon of at most {done:g} years",
        )
    return factor


def discount_factors(
    params: Parameters, quarters: Iterable[str], base: Period, schedule: Schedule = "standard"
) -> Floats:
    """(Q) present values, in the base quarter, of one pound in each quarter."""
    years = [(Period.parse(quarter) - base) / QUARTERS_A_YEAR for quarter in quarters]
    return np.array([discount_factor(params, year, schedule) for year in years])


# A quarter is 13.04 weeks, as in the book's examples by hand.
WEEKS_A_YEAR = 52.16
WEEKS_A_QUARTER = WEEKS_A_YEAR / QUARTERS_A_YEAR

_COST_UNITS_A_QUARTER = {
    # A stock is people at a time, so a quarter of it is a quarter of a person-year; a flow is
    # counted whole.
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
    # How a stock was timed decides what its change stands for; it is stated, never guessed.
    if (kind == "stock") != (stock_timing in ("mean", "snapshot")):
        raise ValueChainError(
            f"a {kind} priced by the {said} has the stock timing {stock_timing!r}.",
            expected="mean or snapshot for a stock, empty for a flow",
        )
    return _COST_UNITS_A_QUARTER[kind, cost_per]


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
        # Money follows the sign of the effect alone; polarity chooses words and never pounds.
        sign = -1.0 if self.cost.benefit else 1.0
        return 0.0 if self.given_up else sign * self.pounds * self.cost_units * self.share

    @property
    def factor(self) -> str:
        """The drawn factor that its price shares within a draw."""
        # By key and grade and not by row: rows of one price are off together, by one drawn factor.
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
            # A composite price gives up the part whose agency counts it by an outcome of its own,
            # or the same pound would be counted twice.
            given_up=cost.composite_of in counting,
            approximate=cost.approximate or is_approximate_year(params, cost.price_year),
        )
        for cost in params.costs_of(outcome.unit_cost or "")
    )


def lognormal_of_mean_one(variation: float, normal: Floats) -> Floats:
    """Factors with mean 1 and this coefficient of variation, from standard normal numbers."""
    # A lognormal's coefficient of variation is sqrt(exp(sigma^2) - 1), and its mean exp(mu +
    # sigma^2 / 2): a price may be far off, and is not on average.
    sigma = np.sqrt(np.log1p(variation**2))
    factors: Floats = np.exp(sigma * normal - sigma**2 / 2)
    return factors


def price_factors(
    lines: Sequence[Line], params: Parameters, draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Factor of every price, by `Line.factor`; the same array for prices that err wholly together.

    Costs of one grade err together as far as the table says (``shared``: 1 all the way, 0 each by
    itself): log factor = sigma (sqrt(shared) z of the grade + sqrt(1 - shared) z of the cost).
    """
    grades = sorted({line.cost.confidence for line in lines if line.cost.spread is None})
    # Drawn for every grade in order of names before any price, so that adding a price leaves the
    # grades' draws as they were.
    common = {grade: rng.standard_normal(draws) for grade in grades}
    of_grade = {
        grade: _after_one(lognormal_of_mean_one(params.variation(grade)[0], common[grade]))
        for grade in grades
    }
    found: dict[str, Floats] = {}
    # In the order of names, so that the draws of a price do not hang on which outcomes came first.
    for line in sorted(lines, key=lambda each: each.factor):
        if line.factor in found or line.cost.spread is not None:
            continue
        grade = line.cost.confidence
        variation, shared = params.variation(grade)
        if shared == 1:
            found[line.factor] = of_grade[grade]
            continue
        single = rng.standard_normal(draws)
        # The weights' squares sum to one, so the factor keeps its variation however much of it is
        # shared.
        normal = np.sqrt(shared) * common[grade] + np.sqrt(1 - shared) * single
        found[line.factor] = _after_one(lognormal_of_mean_one(variation, normal))
    return found


def life_factors(lines: Sequence[Line], draws: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Factor of every value of lives, from its low, central and high."""
    spreads = {line.factor: line.cost.spread for line in lines if line.cost.spread is not None}
    return {
        # A factor around the central value, since the line's pounds already hold that value. Its
        # mean is one only where the triangle is symmetric.
        name: triangular(spread, draws, rng) / spread.central
        for name, spread in sorted(spreads.items())
    }


def triangular(spread: Spread, draws: int, rng: np.random.Generator) -> Floats:
    """The central value, then draws between low and high, most often the central one."""
    # numpy refuses a triangle without a width.
    if spread.low == spread.high:
        return np.full(draws + 1, spread.central)
    drawn = rng.triangular(spread.low, spread.central, spread.high, draws)
    return np.append(spread.central, drawn)


def _after_one(drawn: Floats) -> Floats:
    return np.append(1.0, drawn)
