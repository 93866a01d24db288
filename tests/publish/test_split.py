"""Splitting a change: amounts that sum, the Shapley value by hand, and the range over orders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import BookError
from evaluation.publish.attribution import attribute, subsets

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def test_three_factors_by_hand() -> None:
    """v = product of three factors, each going from 1 to 2, 3 and 5."""
    to = {"a": 2.0, "b": 3.0, "c": 5.0}
    values = {s: math.prod(to[f] for f in s) for s in subsets("abc")}
    first, second, third = attribute(values, "abc")
    assert (first.amount, second.amount, third.amount) == (1.0, 4.0, 24.0)
    assert (first.low, first.high) == (1.0, 15.0)
    # (2-1) x (2 x 1 + 3 + 5 + 2 x 15) / 6
    assert first.shapley == pytest.approx((2 + 3 + 5 + 30) / 6)


@given(st.lists(numbers, min_size=8, max_size=8))
def test_parts_sum_to_the_change_in_any_order(drawn: list[float]) -> None:
    values = dict(zip(subsets("abc"), drawn, strict=True))
    change = values[frozenset("abc")] - values[frozenset()]
    for order in itertools.permutations("abc"):
        parts = attribute(values, order)
        assert math.fsum(p.amount for p in parts) == pytest.approx(change, abs=1e-9)
        assert math.fsum(p.shapley for p in parts) == pytest.approx(change, abs=1e-8)


def test_the_shapley_value_and_the_range_are_those_of_all_orders() -> None:
    rng = np.random.default_rng(3)
    values = {s: float(rng.normal()) for s in subsets("abcd")}
    steps: dict[str, list[float]] = {f: [] for f in "abcd"}
    for order in itertools.permutations("abcd"):
        for part in attribute(values, order):
            steps[part.cause].append(part.amount)
    for part in attribute(values, "abcd"):
        assert part.shapley == pytest.approx(float(np.mean(steps[part.cause])), abs=1e-12)
        assert part.low == min(steps[part.cause])
        assert part.high == max(steps[part.cause])


def test_a_factor_alone_has_one_amount() -> None:
    (only,) = attribute({frozenset(): 1.5, frozenset("a"): 4.0}, "a")
    assert (only.amount, only.shapley, only.low, only.high) == (2.5, 2.5, 2.5, 2.5)


def test_a_missing_state_is_an_error() -> None:
    with pytest.raises(BookError, match="no figure for a"):
        attribute({frozenset(): 1.0}, "a")
