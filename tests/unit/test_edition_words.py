"""How figures are said: the same result always in the same words."""

from __future__ import annotations

import json

import pytest

from evaluation.drawing.spelling import pounds_beside
from evaluation.edition import words
from evaluation.errors import BookError
from evaluation.finding.verdict import Ruling, Size, Unclear, Verdict
from evaluation.study.record import Effect
from evaluation.wording import (
    Name,
    Sentence,
    count,
    p_value,
    pounds,
    sentences_as_data,
    signed,
    signed_percent,
)
from tests.completed import study_results

M = words.MINUS


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8.1e6, "£8.1m"),
        (420_000, "£420,000"),
        (423_456, "£420,000"),
        (999_600, "£1.0m"),
        (1.25e9, "£1.3bn"),
        (861.04e6, "£861m"),
        (99.96e6, "£100m"),
        (0, "£0"),
        (0.2, "£0"),
        (None, "not known"),
    ],
)
def test_pounds(value: float | None, said: str) -> None:
    assert words.pounds(value) == said


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ((861e6, 1.1e9, 0.0), ["£0.9bn", "£1.1bn", "£0"]),
        ((-2.04e9, 140e6), [f"{M}\N{WORD JOINER}£2.0bn", "£0.1bn"]),
        ((30e6, 1.1e9, -12.4e9), ["£30.0m", "£1,100m", f"{M}\N{WORD JOINER}£12,400m"]),
        ((8.1e6, 420_000.0), ["£8.1m", "£420,000"]),
        ((None, 1.1e9), ["not known", "£1.1bn"]),
        ((), []),
    ],
)
def test_amounts_that_stand_together_have_one_unit(
    amounts: tuple[float | None, ...], said: list[str]
) -> None:
    """£861.0m beside £1.1bn is read as the larger of the two."""
    say = pounds_beside(amounts)
    assert [say(one) for one in amounts] == said


def test_a_range_and_the_table_around_it_have_one_unit() -> None:
    own = {"mean": 960e6, "low": 0.0, "high": 2.5e9}
    assert words.money_with_range(own) == "£1.0bn (£0 to £2.5bn)"
    low = {"mean": 738e6, "low": 0.0, "high": 0.9e9}
    assert words.money_with_range(low) == "£738m (£0 to £900m)"
    assert words.money_with_range(low, [own]) == "£0.7bn (£0 to £0.9bn)"


def test_a_line_never_breaks_between_a_minus_and_its_pounds() -> None:
    assert words.pounds(-4.04e6) == f"{M}\N{WORD JOINER}£4.0m"


@pytest.mark.parametrize(
    ("value", "said"),
    [(-8.14, f"{M}8.1%"), (12.4, "12%"), (-0.01, "0.0%"), (9.96, "10%"), (None, "not known")],
)
def test_percent(value: float | None, said: str) -> None:
    assert words.percent(value) == said


def test_a_rise_has_a_plus_and_nothing_has_none() -> None:
    assert words.signed_percent(0.7) == "+0.7%"
    assert words.signed_percent(0.001) == "0.0%"
    assert words.signed_percent(-0.7) == f"{M}0.7%"


def test_people_come_with_a_direction_and_a_range() -> None:
    fewer = Effect(effect=-31.4, low=-50.2, high=-11.9)
    assert words.fewer_or_more(fewer, "attendances") == "about 31 fewer attendances"
    assert words.people_range(fewer) == "12 to 50 fewer"


def test_a_range_that_holds_nought_says_both_sides() -> None:
    assert words.people_range(Effect(effect=-2, low=-50, high=7)) == "50 fewer to 7 more"


def test_people_are_rounded_as_findings_round_them() -> None:
    wide = Effect(effect=-732.0, low=-1138.0, high=-363.0)
    assert words.people_range(wide) == "360 to 1,140 fewer"


def test_a_figure_without_a_range_says_so() -> None:
    alone = {"effect": -6.5, "low": None, "high": None}
    assert words.effect_with_range(alone) == f"{M}6.5% (no range)"


def test_a_fixed_sum_has_no_range() -> None:
    assert words.money_with_range({"mean": 8.1e6, "low": 8.1e6, "high": 8.1e6}) == "£8.1m"


def test_text_of_others_is_put_into_the_spelling_of_the_book() -> None:
    assert words.typeset("about -8.1 % (-13 to -3)") == f"about {M}8.1% ({M}13 to {M}3)"
    assert words.typeset("difference-in-differences, 2026-3") == "difference-in-differences, 2026-3"


def test_sentences_of_ours_are_spelled_from_their_figures() -> None:
    change = Sentence.of(
        "about {change} ({low} to {high}), {p}, of {paid}",
        change=signed_percent(-8.14, 1),
        low=signed(-13, 1),
        high=signed(2.96, 1),
        p=p_value(0.317),
        paid=pounds(-124_123),
    )
    assert change == "about -8.1 % (-13.0 to +3.0), p = 0.317, of £-124,123"
    space, joined = "\N{NO-BREAK SPACE}", "\N{WORD JOINER}"
    assert change.spelled(words.BOOK) == (
        f"about {M}8.1% ({M}13.0 to +3.0), p{space}={space}0.317, of {M}{joined}£120,000"
    )
    assert Sentence.of("{p}", p=p_value(0.0004)).spelled(words.BOOK) == f"p{space}<{space}0.001"
    assert Sentence.of("{none} above", none=count(float("inf"))) == "no limit above"


def test_written_results_are_spelled_by_their_own_sentences_alone() -> None:
    slope = Sentence.of("slope {size} {unit}", size=signed(-0.04, 3), unit=Name("units a period"))
    check = {"code": "pre_trend", "statistic": str(slope), "sentence": "fell by 5 %"}
    written = study_results(
        sentences=json.loads(json.dumps(sentences_as_data([slope]))),
        sample={"periods": ["2025 Q1"]},
        outcomes=[{"unit": "per 1,000", "diagnostics": [check]}],
    )
    (found,) = words.results_spelled(written).outcomes[0].diagnostics
    assert found.statistic == f"slope {M}0.040 per 1,000, a quarter"
    assert found.sentence == "fell by 5 %"


def test_lists() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


def test_a_title_inside_a_sentence_keeps_its_capitals() -> None:
    assert words.within("A&E attendances") == "A&E attendances"
    assert words.within("GP appointments") == "GP appointments"
    assert words.within("Children in care") == "children in care"


def test_every_verdict_has_its_own_mark_and_no_success_is_unearned() -> None:
    shown = {}
    for verdict in Verdict:
        unclear = None if verdict.directed else Unclear.CHANCE
        better = True if verdict.size is Size.WORTH_HAVING else False if verdict.directed else None
        ruling = Ruling(verdict=verdict, better=better, unclear=unclear, margin_percent=6.0)
        shown[verdict] = words.shown_verdict(ruling)
    assert len({one.word for one in shown.values()}) == len(Verdict)
    assert {one.style for v, one in shown.items() if v.size is Size.WORTH_HAVING} == {"better"}
    assert {
        v for v, one in shown.items() if one.mark in "\N{DOWNWARDS ARROW}\N{UPWARDS ARROW}"
    } == {verdict for verdict in Verdict if verdict.directed}
    small = Ruling(verdict=Verdict.FELL_SMALLER, better=True, unclear=None, margin_percent=6.0)
    assert words.shown_verdict(small).word == "fell: better, but smaller than worth having (6%)"


def test_a_verdict_of_one_part_asks_for_another_run() -> None:
    outcome = {"finding": {"verdict": "improved", "margin_percent": 6.0}}
    written = study_results(outcomes=[outcome]).outcomes[0].finding
    with pytest.raises(BookError, match="earlier version"):
        words.verdict(written)


@pytest.mark.parametrize(
    ("chance", "said"),
    [(0.99, "99 in 100"), (0.004, "less than 1 in 100"), (0.9999, "more than 99 in 100")],
)
def test_chances_are_counts_of_worlds(chance: float, said: str) -> None:
    assert words.in_hundred(chance) == said


def test_a_mean_keeps_no_digits_that_its_range_makes_idle() -> None:
    assert words.money_with_range({"mean": 79.0, "low": -670e3, "high": 980e3}) == (
        "£0 (\N{MINUS SIGN}\N{WORD JOINER}£670,000 to £980,000)"
    )
    wide = {"mean": 13.9e6, "low": 6.9e6, "high": 25.2e6}
    assert words.money_with_range(wide) == "£13.9m (£6.9m to £25.2m)"
