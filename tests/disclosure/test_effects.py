"""Estimates as printed: at a step of several people, outwards, and never against their verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.disclosure.effects import Effect, effect, stands_for, step_of
from evaluation.disclosure.key import Key
from evaluation.errors import DisclosureError

KEY = Key(secret=bytes(range(32)))
numbers = st.floats(-40, 40, allow_nan=False)


def shown(
    value: float, low: float, high: float, error: float, step: float, *, address: object = "x"
) -> Effect:
    return effect(
        value,
        low=low,
        high=high,
        error=error,
        address=address,
        support=6,
        least=3,
        step=step,
        key=KEY,
    )


@pytest.mark.parametrize(
    ("sensitivity", "step"),
    [(0.004, 0.02), (0.01, 0.05), (0.0100001, 0.1), (0.02, 0.1), (0.2, 1), (3.0, 20), (1e-5, 5e-5)],
)
def test_the_smallest_nice_step_of_five_people(sensitivity: float, step: float) -> None:
    assert step_of(sensitivity, 5) == pytest.approx(step, rel=1e-12)


@given(st.floats(1e-6, 1e4))
def test_a_step_is_nice_and_never_under_five_people(sensitivity: float) -> None:
    step = step_of(sensitivity, 5)
    assert 5 * sensitivity <= step * (1 + 1e-9) < 5 * 5 * sensitivity
    first = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(first - nice) for nice in (1, 2, 5, 10)) < 1e-6


@given(value=numbers, below=st.floats(0, 20), above=st.floats(0, 20), n=st.integers(0, 999))
def test_ends_go_outwards_and_never_across_zero(
    value: float, below: float, above: float, n: int
) -> None:
    low, high, step = value - below, value + above, 0.2
    one = shown(value, low, high, 5.0, step, address=n)
    assert one.effect is not None
    assert one.low is not None
    assert one.high is not None
    assert one.low <= low + 1e-9
    assert one.high >= high - 1e-9
    assert low - one.low <= 2 * step + 1e-9
    assert one.high - high <= 2 * step + 1e-9
    assert low <= 0 or one.low >= 0
    assert high >= 0 or one.high <= 0
    start, end = stands_for(one)
    assert start - 1e-9 <= value <= end + 1e-9
    for printed in (one.effect, one.low, one.high):
        assert printed == 0 or abs(printed / step - round(printed / step)) < 1e-6
        assert len(repr(printed).split(".")[-1]) <= 1


def test_it_prints_alike_wherever_it_stands_and_is_unbiased_over_keys() -> None:
    assert shown(1.234, 0.1, 2.2, 5, 0.2) == shown(1.234, 0.1, 2.2, 5, 0.2)
    keys = [Key(secret=bytes([n % 256, n // 256, *range(30)])) for n in range(400)]
    drawn = [
        effect(
            1.234, low=0, high=2, error=5, address="x", support=6, least=3, step=0.2, key=key
        ).effect
        for key in keys
    ]
    # A step of .2 has a standard deviation of at most .1 a key; floor with a uniform offset.
    assert np.mean(np.array(drawn, dtype=float)) == pytest.approx(1.234, abs=3 * 0.1 / 20)


def test_what_rests_on_few_areas_or_too_coarse_a_step_holds_no_figure() -> None:
    few = effect(1, low=0, high=2, error=5, address="x", support=2, least=3, step=0.2, key=KEY)
    assert few.reason == "too few areas"
    assert {few.effect, few.low, few.high, few.error} == {None}
    coarse = shown(1, 0, 2, 0.1, 0.2)
    assert coarse.reason == "too coarse a step"
    assert stands_for(coarse) == (-math.inf, math.inf)


def test_infinite_ends_stay_without_a_figure() -> None:
    one = shown(1, -math.inf, math.inf, 5, 0.2)
    assert (one.low, one.high) == (None, None)


def test_an_estimate_that_hangs_on_nobody_has_no_step() -> None:
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(DisclosureError, match="has no step"):
            step_of(wrong, 5)
