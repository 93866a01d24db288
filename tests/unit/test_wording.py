"""Sentences keep the figures that they were made from, on the way to a file and back."""

from __future__ import annotations

import copy
import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import wording
from evaluation.diagnose import Diagnostic, diagnostic, objections
from evaluation.diagnose.diagnostic import FIXED
from evaluation.drawing import spelling
from evaluation.study.interim_analyses import Hypothesis
from evaluation.wording import (
    MOST_DIGITS,
    PLAIN,
    Name,
    Sentence,
    Spelling,
    apart_digits,
    effect,
    half_away,
    number,
    percent,
    signed,
)

LOUD = Spelling(
    percent=" per cent",
    minus="minus ",
    pounds=lambda value: f"{value:.0f} pounds",
    p=lambda value, digits: f"p {value:.{digits}f}",
    names={"arrears": "rent arrears"},
)
INNER = Sentence.of("{of} by {by}", of=Name("arrears"), by=percent(-6.25, 1))
WHOLE = Sentence.of(
    "{inner} ({low} to {high}); {{kept}} {word}.",
    "moved",
    inner=INNER,
    low=signed(-math.inf, 1),
    high=signed(0.5, 1),
    word="as said",
)


def test_a_sentence_is_its_text_and_can_be_spelled_otherwise() -> None:
    assert WHOLE == "arrears by -6.3 % (-inf to +0.5); {kept} as said."
    assert WHOLE.spelled(LOUD) == (
        "rent arrears by minus 6.3 per cent (-inf to +0.5); {kept} as said."
    )


@pytest.mark.parametrize("carried", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_keep_figures_and_code(carried) -> None:
    again = carried(WHOLE)
    assert again == WHOLE
    assert (again.code, again.spelled(LOUD)) == ("moved", WHOLE.spelled(LOUD))


def test_a_file_gives_the_same_sentence_back() -> None:
    content = {"rows": [{"said": WHOLE}], "told": INNER, "other": "by 5 %", "n": 3}
    written = json.loads(json.dumps(wording.sentences_as_data(content), allow_nan=False))
    assert set(written) == {WHOLE, INNER}, "the inner one stands alone too"
    held = {text: Sentence.of_data(one) for text, one in written.items()}
    assert {text: one.spelled(PLAIN) for text, one in held.items()} == {t: t for t in held}
    plain = json.loads(json.dumps(content))
    assert wording.spelled(plain, held, LOUD) == {
        "rows": [{"said": WHOLE.spelled(LOUD)}],
        "told": INNER.spelled(LOUD),
        "other": "by 5 %",
        "n": 3,
    }


def test_numbers_too_large_for_few_digits_are_written_out_where_digits_are_asked() -> None:
    assert PLAIN.write(number(12_345_678, 0)) == "12345678"
    assert PLAIN.write(signed(-0.00001, 4)) == "-0.0000"


@pytest.mark.parametrize(
    ("test", "name"),
    [
        (Hypothesis.outcome("arrears"), "arrears"),
        (Hypothesis("set", ("arrears", "claims")), "set:arrears+claims"),
        (Hypothesis.harm("arrears"), "harm:arrears"),
    ],
)
def test_hypotheses_have_their_names_in_the_file_of_looks(test: Hypothesis, name: str) -> None:
    assert test.name == name
    assert Hypothesis.named(name) == test


def test_what_a_check_says_is_made_from_its_figures() -> None:
    check = diagnostic.tested("pre_trend", 0.012, -0.0393, unit="units a period", seen=0.05)
    assert check.statistic == "slope -0.0393 units a period, p = 0.012"
    assert check.result == "fails"
    assert check.sentence == (
        "Before the start, pilot areas were already moving away from comparison areas (a slope of "
        "0.0500 a period would be seen four times in five)."
    )
    assert check.brief == (
        "Before the start, pilot areas were already moving away from comparison areas."
    )
    (objection,) = objections((check,), -1.0)
    assert objection.code == "pre_trend"
    ring = diagnostic.tested("spillover", 0.4, 0.01, n=1_234_567, threshold=7.5)
    assert "The 1234567 comparison areas within 7.5 km" in ring.sentence
    odd = diagnostic.tested("odd_comparisons", 0.01, 9.0, names=("L1", "L2", "L3"))
    assert odd.sentence.startswith("L1, L2 and L3 moved apart")
    left = diagnostic.unknown("balance", "there is none")
    assert (left.statistic, left.sentence) == ("", "Not tested: there is none.")
    fixed = Diagnostic(code="denominators", result="holds", unit=FIXED)
    assert (fixed.statistic, fixed.sentence) == (
        "fixed",
        "Denominators are fixed before the start and cannot move with it.",
    )


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        *((23.5, 0, 24.0), (24.5, 0, 25.0), (40.5, 0, 41.0), (5.35, 1, 5.4), (2.675, 2, 2.68)),
        *((1250.0, -2, 1300.0), (1350.0, -2, 1400.0), (0.0, 1, 0.0), (math.inf, 0, math.inf)),
        # What a logarithm leaves of a half, and what is truly less than one.
        *((23.499999999999996, 0, 24.0), (23.4999, 0, 23.0)),
    ],
)
def test_a_half_goes_away_from_zero_on_both_sides_of_it(
    value: float, digits: int, shown: float
) -> None:
    assert half_away(value, digits) == shown
    assert half_away(-value, digits) == -shown


@given(st.integers(-(10**6), 10**6), st.integers(0, 3))
def test_a_spreadsheet_and_a_sentence_round_alike(thousandths: int, digits: int) -> None:
    """Of the decimal figure: a whole number of its last digits, at most half of one away."""
    step = 10 ** (3 - digits)
    shown = round(half_away(thousandths / 1000, digits) * 10**digits)
    assert abs(shown * step - thousandths) * 2 <= step
    if abs(shown * step - thousandths) * 2 == step:
        assert abs(shown * step) > abs(thousandths)


def test_the_book_the_plain_text_and_a_chart_round_alike() -> None:
    assert PLAIN.write(percent(-40.5, 0)) == "-41 %"
    assert spelling.BOOK.write(percent(-40.5, 0)) == f"{spelling.MINUS}41%"
    assert spelling.percent(-40.5) == f"{spelling.MINUS}41%"
    assert spelling.pounds(1_250) == "£1,300" and spelling.pounds(2_250_000) == "£2.3m"


@pytest.mark.parametrize("value", [5e-7, -5e-7, 4.5e-6, 2.7e43, -1e300])
def test_a_figure_of_any_size_can_be_written(value: float) -> None:
    assert apart_digits(value, (0.0, 5.0), 1) <= MOST_DIGITS
    assert PLAIN.write(effect(value, (0.0, 5.0))).endswith("%")
    assert half_away(value, 2) == pytest.approx(value, abs=0.005)
