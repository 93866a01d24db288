"""Estimates as printed: at a step of several people, outwards, and never against their verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.disclosure.effects import step_of
from evaluation.disclosure.key import Key
from evaluation.errors import DisclosureError
from evaluation.release.rounding import NEAR, Rounding, too_coarse

KEY = Key(secret=bytes(range(32)))
numbers = st.floats(-40, 40, allow_nan=False)


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


@given(value=numbers, below=st.floats(0.001, 20), above=st.floats(0.001, 20), n=st.integers(0, 999))
def test_ends_go_outwards_and_never_across_zero(
    value: float, below: float, above: float, n: int
) -> None:
    low, high, step = value - below, value + above, 0.2
    rounding = Rounding(address=f"effect {n}", key=KEY)
    middle = rounding.at(value, step, "effect")
    lower = rounding.at(low, step, "low", away=-1, apart=(0.0,))
    upper = rounding.at(high, step, "high", away=1, apart=(0.0,))
    assert middle is not None
    assert lower is not None
    assert upper is not None
    assert lower <= low + 1e-9 or lower == pytest.approx(NEAR * step)
    assert upper >= high - 1e-9 or upper == pytest.approx(-NEAR * step)
    assert low - lower <= 2 * step + 1e-9
    assert upper - high <= 2 * step + 1e-9
    assert low <= 0 or lower > 0
    assert high >= 0 or upper < 0
    for line, true in zip(rounding.entries, (value, low, high), strict=True):
        assert line.low is not None
        assert line.high is not None
        assert line.low - 1e-9 <= true <= line.high + 1e-9
    for printed in (middle, lower, upper):
        beside = abs(printed) == pytest.approx(NEAR * step)
        assert beside or abs(printed / step - round(printed / step)) < 1e-6


def test_it_prints_alike_wherever_it_stands_and_is_unbiased_over_keys() -> None:
    def drawn(key: Key) -> float | None:
        return Rounding(address="x", key=key).at(1.234, 0.2, "effect")

    assert drawn(KEY) == drawn(KEY)
    keys = [Key(secret=bytes([n % 256, n // 256, *range(30)])) for n in range(400)]
    # A step of .2 has a standard deviation of at most .1 a key; floor with a uniform offset.
    every = np.array([drawn(key) for key in keys], dtype=float)
    assert np.mean(every) == pytest.approx(1.234, abs=3 * 0.1 / 20)


def test_a_step_over_half_the_error_is_too_coarse() -> None:
    assert too_coarse(0.2, 0.1)
    assert too_coarse(0.2, 0.19)
    assert not too_coarse(0.2, 0.21)
    assert not too_coarse(0.2, None)


def test_a_figure_without_limit_stays_without_a_figure() -> None:
    rounding = Rounding(address="x", key=KEY)
    assert rounding.at(-math.inf, 0.2, "low", away=-1) is None
    assert rounding.at(None, 0.2, "high", away=1) is None
    assert rounding.entries == []


def test_an_estimate_that_hangs_on_nobody_has_no_step() -> None:
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(DisclosureError, match="has no step"):
            step_of(wrong, 5)
