"""Pounds of other years: to the price base by the deflator, to present value by the schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.parameters import Parameters
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

    Fractions of a year are discounted at the rate of the year that they lie in (Green Book 2026,
    annex on discounting).

    Raises
    ------
    ValueChainError : the vintage states no rate that far ahead, or has no such schedule.
    """
    table = params.tables["discount"]
    bands = table[(table["vintage"] == params.discount) & (table["schedule"] == schedule)]
    factor, done = 1.0, 0.0
    for to_year, percent in zip(bands["to_year"], bands["rate_percent"], strict=True):
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
