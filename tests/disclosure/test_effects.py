"""Estimates as printed: at a step of several people, outwards, and never against their verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluation.disclosure.effects import NEAR, chance_of, deviate, step_of, stepped, stepped_chance
from evaluation.disclosure.key import Key
from evaluation.disclosure.released import money
from evaluation.errors import DisclosureError
from evaluation.release.rounding import Rounding, adjusted, too_coarse

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
    assert too_coarse(0.2, 0.2)
    assert too_coarse(0.2, 0.39)
    assert not too_coarse(0.2, 0.4)
    assert not too_coarse(0.2, None)


@given(st.integers(0, 2**40), st.floats(0.01, 3.0))
def test_an_error_and_whether_its_row_is_shown_hang_on_what_is_printed(
    n: int, error: float
) -> None:
    """Plainly rounded up, an error told to the last digit when it crossed a step."""
    rounding = Rounding(address=f"row {n}", key=KEY)
    shown = rounding.outwards(error, 0.2, "se")
    assert error - 1e-9 <= shown <= error + 2 * 0.2
    assert too_coarse(0.2, shown) == (round(shown / 0.2) < 2)


CHANCES = st.floats(0.0002, 0.9999)
STEPS = st.sampled_from([0.02, 0.05, 0.1, 0.2, 0.5])


@given(p=CHANCES, step=STEPS, drawn=st.floats(0, 0.999), n=st.integers(-2, 2))
def test_a_p_value_tells_its_effect_no_finer_than_the_effect_does(
    p: float, step: float, drawn: float, n: int
) -> None:
    """Five neighbours, whose effects lie a fifth of a step apart, have two p-values at most.

    With offsets that move along they have one: what is printed hangs on their sum alone.
    """
    z = deviate(p)
    near = [z + (k / 5) * step for k in range(5)]
    printed = {
        stepped_chance(chance_of(one), step, drawn, least=0.0, level=0.05)[1]
        for one in near
        if one >= 0
    }
    assert len(printed) <= 2
    assert max(printed) - min(printed) <= step * (1 + 1e-9)
    moved = z + n / 5 * step
    if (
        moved > 0
        and 0 <= drawn - n / 5 < 1
        and abs(z / step + drawn - round(z / step + drawn)) > 1e-6
    ):
        other = stepped(moved, step, drawn - n / 5)
        assert other == pytest.approx(stepped(z, step, drawn), abs=1e-9)


@example(p=0.05, step=0.02, drawn=0.0)
@given(p=CHANCES, step=STEPS, drawn=st.floats(0, 0.999))
def test_a_p_value_stays_on_its_side_of_the_level_and_above_the_least(
    p: float, step: float, drawn: float
) -> None:
    shown, _ = stepped_chance(p, step, drawn, least=0.001, level=0.05)
    assert (shown > 0.05) == (p > 0.05) and 0.001 <= shown <= 1.0
    assert abs(deviate(shown) - deviate(max(p, 0.001))) <= step + 0.2


def test_a_plainly_rounded_p_value_told_when_it_moved() -> None:
    """As it was printed before: to two figures, without an offset, so that revisions walk up."""
    around = [0.0400 + n / 20_000 for n in range(60)]
    plain = [float(f"{one:.2g}") for one in around]
    assert plain.index(0.041) == 11 or plain.index(0.041) == 10
    places = set()
    for number in range(40):
        rounding = Rounding(address="a", key=Key(secret=number.to_bytes(32, "big")))
        first = rounding.chance(around[0], 0.1, "p")
        moved = [n for n, one in enumerate(around) if rounding.chance(one, 0.1, "p") != first]
        places.add(moved[0] if moved else None)
    assert len(places) > 5, "where it moves is drawn by the key"


@given(p=CHANCES, times=st.integers(1, 5), of=st.integers(1, 5))
def test_an_adjusted_p_value_is_so_many_times_the_printed_one(
    p: float, times: int, of: int
) -> None:
    many, under = max(times, of), min(times, of)
    value, shown = p * many / under, round(p, 2) or 0.01
    found = adjusted(value, [(p, shown)], 0.05)
    if found is not None:
        assert found == pytest.approx(min(shown * many / under, 1.0), rel=0.01)
        assert (found > 0.05) == (value > 0.05)
    assert adjusted(value * 1.0001, [(p, shown)], 0.05) is None


@given(st.floats(0.001, 1e6), st.integers(0, 500))
def test_a_magnitude_has_two_figures_at_most(value: float, n: int) -> None:
    rounding = Rounding(address=f"size {n}", key=KEY)
    shown = rounding.magnitude(value, "size")
    assert shown is not None and abs(shown - value) <= value
    assert float(f"{shown:.2g}") == pytest.approx(shown)
    (line,) = rounding.entries
    assert line.low is not None and line.high is not None
    assert line.low - 1e-9 * value <= value <= line.high + 1e-9 * value


def test_a_figure_without_limit_stays_without_a_figure() -> None:
    rounding = Rounding(address="x", key=KEY)
    assert rounding.at(-math.inf, 0.2, "low", away=-1) is None
    assert rounding.at(None, 0.2, "high", away=1) is None
    assert rounding.entries == []


def test_an_estimate_that_hangs_on_nobody_has_no_step() -> None:
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(DisclosureError, match="has no step"):
            step_of(wrong, 5)


@given(
    st.floats(-2e6, 2e6, allow_nan=False),
    st.floats(0, 3e6),
    st.floats(0, 3e6),
    st.sampled_from([10_000.0, 200_000.0, 5e5]),
    st.integers(0, 50),
)
def test_no_amount_lies_outside_its_own_range(
    mean: float, below: float, above: float, least: float, which: int
) -> None:
    low, high = mean - below, mean + above
    shown = money(mean, low, high, address=f"account {which}", key=KEY, least=least)
    assert shown.low is not None and shown.high is not None
    assert shown.low <= shown.printed <= shown.high
    if low > 0:
        assert shown.low > 0
    if high < 0:
        assert shown.high < 0
