"""Prices, discount rates, shares: dated data from ``value/tables/*.csv``, none in code."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import ValueChainError

TABLES = ("unit_costs", "deflator", "discount", "cashable", "overlap", "confidence")
WEEKS_A_YEAR = 52.16
QUARTERS_A_YEAR = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """The tables of one vintage; each row carries its source and, where it has one, its grade."""

    name: str
    unit_costs: pd.DataFrame
    deflator: pd.DataFrame
    discount: pd.DataFrame
    cashable: pd.DataFrame
    overlap: pd.DataFrame
    confidence: pd.DataFrame

    @classmethod
    def load(cls, name: str = "2026", folder: Path | None = None) -> Parameters:
        """Read the tables shipped with the package, or those of a folder of the same layout.

        Raises
        ------
        ValueChainError : no such vintage, or a table is missing.
        """
        if name != "2026":
            raise ValueChainError(f"no parameters of vintage {name!r}.", expected="2026")
        place = folder or Path(str(resources.files("evaluation.value"))) / "tables"
        missing = [table for table in TABLES if not (place / f"{table}.csv").is_file()]
        if missing:
            raise ValueChainError(f"the table {missing[0]}.csv is missing.", where=str(place))
        text = {"price_year": str, "composite_of": str, "stock_timing": str}
        tables = {
            t: pd.read_csv(place / f"{t}.csv", keep_default_na=True, dtype=text) for t in TABLES
        }
        return cls(name=name, **tables)

    def costs_of(self, key: str) -> pd.DataFrame:
        """The rows of a unit cost: one an agency, budget and kind.

        Raises
        ------
        ValueChainError : the table holds no such key.
        """
        rows = self.unit_costs[self.unit_costs["key"] == key]
        if rows.empty:
            raise ValueChainError(
                f"no unit cost {key!r}.", expected=", ".join(sorted(set(self.unit_costs["key"])))
            )
        return rows

    def uprate(self, price_year: str | int, price_base: int) -> float:
        """Factor from prices of a year to the price base, by the GDP deflator.

        A financial year ``2012/13`` takes the calendar index of its first year (approximate).

        Raises
        ------
        ValueChainError : the deflator has no index for one of the years; none is invented.
        """
        index = self.deflator.set_index("year")["index"]
        years = [int(str(price_year)[:4]), price_base]
        for year in years:
            if year not in index:
                raise ValueChainError(
                    f"the deflator holds no index for {year}.",
                    expected=", ".join(map(str, index.index)),
                    mend="add the published index to deflator.csv, or choose another price base",
                )
        return float(index[price_base] / index[years[0]])

    def discount_factor(self, years: float, schedule: str = "standard") -> float:
        """Present value of one pound ``years`` ahead; rates step down with the horizon.

        Fractions of a year are discounted at the rate of the year they lie in (Green Book 2026).
        """
        bands = self.discount[self.discount["schedule"] == schedule]
        factor, done = 1.0, 0.0
        for band in bands.itertuples():
            inside = min(years, float(band.to_year)) - done  # type: ignore[arg-type]
            if inside <= 0:
                break
            factor /= (1 + float(band.rate_percent) / 100) ** inside  # type: ignore[arg-type]
            done += inside
        return factor

    def overlap_share(self, group: str | None, outcome: str) -> float:
        """The share of an outcome's events that no other outcome of its group counts already."""
        if group is None:
            return 1.0
        rows = self.overlap[(self.overlap["group"] == group) & (self.overlap["outcome"] == outcome)]
        return float(rows["share"].iloc[0]) if len(rows) else 1.0

    def variation(self, grade: str) -> float:
        """Coefficient of variation of a unit cost of a confidence grade."""
        table = self.confidence.set_index("grade")["coefficient_of_variation"]
        if grade not in table:
            raise ValueChainError(
                f"unknown confidence grade {grade!r}.", expected=", ".join(table.index)
            )
        return float(table[grade])


def quantity_per_period(kind: str, cost_per: str, quarters: float = 1.0) -> float:
    """How many cost units one unit of an outcome's change stands for in a quarter.

    A stock of one for a quarter is a quarter of a person-year or 13.04 weeks; a flow of one is one
    event.

    Raises
    ------
    ValueChainError : the cost unit does not fit (a stock priced by the event, a flow by the year).
    """
    fits = {
        ("stock", "person_year"): quarters / QUARTERS_A_YEAR,
        ("stock", "week"): quarters * WEEKS_A_YEAR / QUARTERS_A_YEAR,
        ("flow", "event"): 1.0,
    }
    if (kind, cost_per) not in fits:
        raise ValueChainError(
            f"a {kind} cannot be priced by the {cost_per.replace('_', '-')}.",
            expected="stock by person_year or week; flow by event",
            mend="give the outcome a unit cost of its own unit",
        )
    return fits[kind, cost_per]


def lognormal(variation: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Factors with mean 1 and the given coefficient of variation."""
    sigma = np.sqrt(np.log1p(variation**2))
    return np.exp(rng.normal(-(sigma**2) / 2, sigma, draws))
