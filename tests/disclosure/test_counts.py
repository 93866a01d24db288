"""Counts as printed: what no history of revisions and no sum may give away."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluation.disclosure.counts import Atom, among, history, possible, rounded, total
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.errors import DisclosureError
from evaluation.quarters import Period

POLICY = Policy()
KEY = Key(secret=bytes(range(32)))


def atom(number: int = 0, areas: tuple[str, ...] = ("X1", "X2"), when: str = "2026 Q3") -> Atom:
    return Atom.of("new_start", f"series {number}", areas, Period.parse(when))


counts = st.integers(0, 80)
revisions = st.lists(st.integers(-80, 80), max_size=7)


@given(first=counts, moved=revisions, number=st.integers(0, 10_000))
def test_five_counts_stay_possible_through_any_known_revisions(
    first: int, moved: list[int], number: int
) -> None:
    """But where one takes the count within four of zero: then zero itself says more."""
    told = [0, *(step for step in moved if first + step >= 4)]
    if first < 4:
        return
    shown = history([first + step for step in told], atom(number), KEY, POLICY)
    left = possible([one.printed for one in shown], told, POLICY)
    assert first in left
    assert len(left) >= POLICY.k


@given(steps=st.lists(st.integers(0, 40), min_size=1, max_size=7), number=st.integers(0, 10_000))
@example(steps=[0, 12, 24], number=0)
def test_a_count_that_grows_from_nothing_is_safe_too(steps: list[int], number: int) -> None:
    """Late figures: low in the first edition, so hidden, and hidden from then on."""
    told = [0]
    for step in steps:
        told.append(told[-1] + step)
    shown = history(told, atom(number), KEY, POLICY)
    assert all(one.hidden for one in shown)
    assert len(possible([one.printed for one in shown], told, POLICY)) >= POLICY.k


def test_without_the_memory_of_what_was_hidden_growth_gives_the_count_away() -> None:
    """What the rule is for: the same counts, each edition by itself."""
    told = [0, 12, 24, 17, 1, 20]
    worst = 99
    for number in range(40):
        alone = [rounded(count, atom(number), KEY, POLICY).printed for count in told]
        shown = [one for one in zip(alone, told, strict=True) if one[0] is not None]
        fits = [
            first
            for first in range(30)
            if any(all(5 * ((first + r + s) // 5) == value for value, r in shown) for s in range(5))
        ]
        worst = min(worst, len(fits))
    assert worst < POLICY.k


@given(first=counts, moved=revisions, number=st.integers(0, 10_000))
def test_neighbours_print_alike(first: int, moved: list[int], number: int) -> None:
    """(N, s) and (N + j, s - j) print the same in every edition: five neighbours, one of them N."""
    told = [0, *moved]
    if first + min(told) < 4:
        return
    prints = [one.printed for one in history([first + r for r in told], atom(number), KEY, POLICY)]
    left = set(possible(prints, told, POLICY))
    assert any(set(range(low, low + 5)) <= left for low in range(first - 4, first + 1))


def test_rounding_is_unbiased_over_keys_and_fixed_by_the_key() -> None:
    keys = [Key(secret=bytes([n, *range(31)])) for n in range(200)]
    for count in (20, 21, 22, 23, 24):
        shown = [rounded(count, atom(n), key, POLICY).printed for n, key in enumerate(keys)]
        mean = sum(one or 0 for one in shown) / len(shown)
        # One rounding has a standard deviation of at most 2.45 people.
        assert abs(mean - count) < 3 * 2.45 / len(keys) ** 0.5
    assert rounded(23, atom(), KEY, POLICY) == rounded(23, atom(), KEY, POLICY)


def test_a_twin_with_one_more_is_hidden_alike_unless_it_is_printed_otherwise() -> None:
    """Whether a count is hidden is told by what it would be printed as, never by the count."""
    for number in range(200):
        for low, high in pairwise(range(8, 24)):
            one, other = (rounded(n, atom(number), KEY, POLICY) for n in (low, high))
            if one.hidden != other.hidden:
                assert other.printed == POLICY.shown_from


@pytest.mark.parametrize(
    ("threshold", "smallest", "stands_for_at_least"),
    [(1, 15, 11), (5, 15, 11), (8, 15, 11), (11, 15, 11), (12, 20, 16), (20, 25, 21)],
)
def test_no_count_below_the_threshold_is_ever_shown(
    threshold: int, smallest: int, stands_for_at_least: int
) -> None:
    policy = Policy(threshold=threshold)
    assert policy.shown_from == smallest
    shown = [
        rounded(count, atom(number), KEY, policy) for number in range(50) for count in range(60)
    ]
    printed = [one for one in shown if not one.hidden]
    assert min(one.low for one in printed) == stands_for_at_least >= threshold


def test_months_and_a_quarter_are_one_time() -> None:
    quarter, year = atom(), atom(when="2026")
    assert quarter.last - quarter.first == 2
    assert year.overlaps(quarter)
    assert not atom(when="2026 Q2").overlaps(quarter)


def test_a_month_is_the_time_of_that_month_and_lies_in_its_quarter() -> None:
    month = atom(when="2026-02")
    quarter = atom(when="2026 Q1")
    assert (month.first, month.last) == (quarter.first + 1, quarter.first + 1)
    assert month.overlaps(quarter) and month != quarter
    assert not atom(when="2026-04").overlaps(quarter)


def test_one_count_has_one_offset_whatever_it_is_called() -> None:
    assert atom(areas=("X1", "X2")) == atom(areas=("X2", "X1", "X1"))
    assert not atom().overlaps(atom())
    assert atom(areas=("X1",)).overlaps(atom())


def test_a_sum_is_made_of_what_is_printed_and_hidden_with_its_parts() -> None:
    parts = [rounded(count, atom(n), KEY, POLICY) for n, count in enumerate((40, 55, 230))]
    whole = total(parts)
    assert whole.printed == sum(part.printed or 0 for part in parts)
    assert whole.atoms == 3
    assert whole.low <= 325 <= (whole.high or 0)
    assert total([*parts, rounded(2, atom(9), KEY, POLICY)]).hidden
    with pytest.raises(DisclosureError, match="no counts"):
        total([])


def test_nearly_all_of_some_people_are_hidden_as_a_few_are() -> None:
    """All 151 of 151 posts: who is not counted is a few, or nobody."""
    for number in range(50):
        for count in range(120, 152):
            shown = rounded(count, atom(number), KEY, POLICY)
            left = among(shown, 151, POLICY)
            assert left.hidden == (shown.printed is None or 151 - shown.printed < POLICY.shown_from)
            assert left.hidden or left.high is None or left.high < 151
        whole = rounded(151, atom(number), KEY, POLICY)
        assert among(whole, None, POLICY) == among(whole, 90, POLICY) == whole


def test_no_count_is_below_zero() -> None:
    with pytest.raises(DisclosureError, match="-1 is no count"):
        rounded(-1, atom(), KEY, POLICY)
