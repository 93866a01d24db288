"""Invented panels on which the error rates are measured: nothing starts, nothing is real.

Areas differ in level and drift apart by first-order autoregressive shocks, some of them shared by
the areas of an authority, as neighbourhoods do. The parameters stand for no
place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.panel import Panel
from evaluation.quarters import Period, period_range

LAST = Period.quarter(2026, 3)


@dataclass(frozen=True, kw_only=True)
class Invented:
    """Panels of ``areas`` x ``quarters`` around a level of 100.

    persistence : of the shocks, AR(1). between : standard deviation of the areas' levels.
    shared : share of a shock's variance that an authority's areas have in common.
    authorities : number of authorities, areas spread evenly.
    by_population : whether shocks shrink with the square root of the population; the mean of counts
        grows with it.
    counts : the mean of whole numbers instead, Poisson around the areas' paths in percent; 0: none.
    """

    areas: int = 60
    quarters: int = 24
    persistence: float = 0.6
    between: float = 5.0
    shared: float = 0.0
    authorities: int = 20
    by_population: bool = False
    counts: float = 0.0

    def draw(self, seed: int) -> Panel:
        """One panel, outcome ``y``."""
        rng = np.random.default_rng([seed, self.areas, self.quarters])
        n, m = self.areas, self.authorities
        authority = np.arange(n) * m // n
        population = np.exp(9 + 0.5 * rng.standard_normal(n))
        own = self._shocks(rng, n)
        common = self._shocks(rng, m)[authority]
        shocks = np.sqrt(1 - self.shared) * own + np.sqrt(self.shared) * common
        if self.by_population:
            shocks *= np.sqrt(np.median(population) / population)[:, None]
        season = 2 * np.sin(np.arange(self.quarters) * np.pi / 2)
        shock_for_all = self._shocks(rng, 1)
        level = 100 + self.between * rng.standard_normal(n)
        areas = pd.DataFrame(
            {
                "site": None,
                "authority": [f"authority {a:02d}" for a in authority],
                "role": "comparison",
                "start": None,
                "population": population,
                "stratum": None,
            },
            index=pd.Index([f"area {i:04d}" for i in range(n)], name="area"),
        ).astype({"site": object, "start": object, "stratum": object})
        figures = level[:, None] + shocks + shock_for_all + season
        if self.counts:
            mean = self.counts * np.maximum(figures, 1.0) / 100
            if self.by_population:
                mean *= (population / np.median(population))[:, None]
            figures = rng.poisson(mean).astype(float)
        return Panel(
            areas=areas,
            periods=period_range(LAST + (1 - self.quarters), LAST),
            figures={"y": figures},
        )

    def _shocks(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """(rows, T) stationary AR(1) of unit variance."""
        fresh = rng.standard_normal((rows, self.quarters))
        fresh[:, 1:] *= np.sqrt(1 - self.persistence**2)
        for t in range(1, self.quarters):
            fresh[:, t] += self.persistence * fresh[:, t - 1]
        return fresh
