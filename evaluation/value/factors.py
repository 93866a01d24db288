"""Draws of what is uncertain beside the effects: prices by grade, values of lives, shares.

Each is a vector of D + 1 numbers, the central value first, with the central value as its mean, and
is shared by everything that rests on it within a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.lines import Line
    from evaluation.value.parameters import Parameters, Spread

    Floats = NDArray[np.float64]


def lognormal_of_mean_one(variation: float, normal: Floats) -> Floats:
    """Factors with mean 1 and this coefficient of variation, from standard normal numbers."""
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
    common = {grade: rng.standard_normal(draws) for grade in grades}
    of_grade = {
        grade: _after_one(lognormal_of_mean_one(params.variation(grade)[0], common[grade]))
        for grade in grades
    }
    found: dict[str, Floats] = {}
    for line in sorted(lines, key=lambda each: each.factor):
        if line.factor in found or line.cost.spread is not None:
            continue
        grade = line.cost.confidence
        variation, shared = params.variation(grade)
        if shared == 1:
            found[line.factor] = of_grade[grade]
            continue
        single = rng.standard_normal(draws)
        normal = np.sqrt(shared) * common[grade] + np.sqrt(1 - shared) * single
        found[line.factor] = _after_one(lognormal_of_mean_one(variation, normal))
    return found


def life_factors(lines: Sequence[Line], draws: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Factor of every value of lives, from its low, central and high."""
    spreads = {line.factor: line.cost.spread for line in lines if line.cost.spread is not None}
    return {
        name: triangular(spread, draws, rng) / spread.central
        for name, spread in sorted(spreads.items())
    }


def triangular(spread: Spread, draws: int, rng: np.random.Generator) -> Floats:
    """The central value, then draws between low and high, most often the central one."""
    if spread.low == spread.high:
        return np.full(draws + 1, spread.central)
    drawn = rng.triangular(spread.low, spread.central, spread.high, draws)
    return np.append(spread.central, drawn)


def _after_one(drawn: Floats) -> Floats:
    return np.append(1.0, drawn)
