"""Splitting a change into the amounts of its causes, by substitution.

A headline figure is a function of a state, and the state differs in a few factors: data, protocol,
code, prices. Substituting the new factor for the old one at a time, in a printed order, gives
amounts that sum to the change (Kitagawa 1955, "Components of a difference between two rates",
JASA 50). They depend on the order, because factors act together. So beside each amount stand its
mean over every order, which is the Shapley value (Shapley 1953; for decompositions Shorrocks 2013,
"Decomposition procedures for distributional analysis", J. Econ. Inequality 11, eq. 4), and the
smallest and largest amount that any order gives.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.errors import BookError

Subset = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The amount of one cause, in the unit of the figure.

    amount : in the printed order. shapley : its mean over all orders. low, high : the smallest and
    largest over all orders.
    """

    cause: str
    amount: float
    shapley: float
    low: float
    high: float


def subsets(factors: Sequence[str]) -> list[Subset]:
    """Every set of factors that may stand at their new value, the empty one first."""
    return [
        frozenset(chosen)
        for size in range(len(factors) + 1)
        for chosen in itertools.combinations(factors, size)
    ]


def split(values: Mapping[Subset, float], order: Sequence[str]) -> tuple[Part, ...]:
    """The change from no factor new to every factor new, a part for each factor.

    Parameters
    ----------
    values : the figure with each subset of the factors at its new value, as `subsets` lists them.
    order : the factors in the order of substitution.

    Raises
    ------
    BookError : a subset has no value.
    """
    if missing := [subset for subset in subsets(order) if subset not in values]:
        raise BookError(f"no figure for {', '.join(sorted(missing[0])) or 'the state before'}.")
    parts = []
    for place, factor in enumerate(order):
        before = frozenset(order[:place])
        steps = _steps(values, factor, [other for other in order if other != factor])
        parts.append(
            Part(
                cause=factor,
                amount=values[before | {factor}] - values[before],
                shapley=math.fsum(weight * step for weight, step in steps),
                low=min(step for _, step in steps),
                high=max(step for _, step in steps),
            )
        )
    return tuple(parts)


def _steps(
    values: Mapping[Subset, float], factor: str, others: Sequence[str]
) -> list[tuple[float, float]]:
    """The step that a factor makes after each set of the others, with that set's share of orders.

    A set of s of n factors comes just before this one in s! (n - s - 1)! of the n! orders.
    """
    n = len(others) + 1
    return [
        (
            math.factorial(len(before)) * math.factorial(n - len(before) - 1) / math.factorial(n),
            values[before | {factor}] - values[before],
        )
        for before in subsets(others)
    ]
