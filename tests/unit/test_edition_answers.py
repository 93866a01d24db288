"""The ten questions, the evidence, what is open, and for whom: what pages say, and from what."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.edition.book import evidence, for_whom, questions
from evaluation.edition.edition import Edition
from evaluation.study.record import Results
from tests.edition.ground import laid_out

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return Edition.read(laid_out(tmp_path_factory.mktemp("asked")), "new_start")


@pytest.fixture
def raw(edition: Edition) -> dict[str, Any]:
    return json.loads(edition.headline.as_json())


def changed(edition: Edition, raw: dict[str, Any]) -> Edition:
    headline = Results.model_validate(raw)
    return dataclasses.replace(edition, headline=headline)


def test_ten_questions_have_ten_answers(edition: Edition) -> None:
    said = questions.claims(edition)
    assert len(questions.QUESTIONS) == 10
    assert all(len(said[question.claim]) > 15 for question in questions.QUESTIONS)


def test_every_point_lost_has_its_reason(edition: Edition) -> None:
    found = {one.outcome.code: one for one in evidence.standings(edition.headline)}
    for one in found.values():
        assert one.level + sum(points for points, _ in one.losses) == evidence.MOST
    assert found["claimant_count"].level == 2
    assert any("already moving" in reason for _, reason in found["claimant_count"].losses)
    assert found["claimant_count"].mends == ("Comparison areas that were on the pilots' path.",)


def test_losses_that_outcomes_share_are_said_once(edition: Edition) -> None:
    said = evidence.losses(edition.headline)
    assert said[0].startswith("Every main outcome lost 2 points: ")
    assert said[1].startswith("People claiming unemployment-related benefits lost 1 point: ")


def test_a_study_without_grades_says_so(edition: Edition, raw: dict[str, Any]) -> None:
    raw["grades"] = {}
    assert evidence.answer(changed(edition, raw).headline) == "The evidence has not been graded."


def test_an_early_outcome_has_a_day(edition: Edition) -> None:
    found = {o.outcome.code: o for o in questions.open_questions(edition) if o.outcome}
    # Sites that start in 2025 Q3 have run for 8 quarters with 2027 Q2, due 30 days after its end.
    assert found["claimant_count"].when.startswith("By 30 July 2027, with the returns of 2027 Q2")


def test_waiting_does_not_mend_a_failed_check(edition: Edition, raw: dict[str, Any]) -> None:
    for outcome in raw["outcomes"]:
        if outcome["code"] == "claimant_count":
            outcome["diagnostics"][0]["result"] = "fails"
    found = {
        o.outcome.code: o for o in questions.open_questions(changed(edition, raw)) if o.outcome
    }
    assert found["claimant_count"].when.startswith("No day: waiting does not mend")


def test_that_nobody_was_asked_is_an_open_question(edition: Edition) -> None:
    assert questions.open_questions(edition)[-1].said.startswith("How people feel")


def test_the_next_edition_is_due_with_the_next_returns(edition: Edition) -> None:
    assert "2027 Q1, is due by 30 April 2027" in questions.next_edition(edition)


def test_a_fifth_that_is_worse_off_is_named(edition: Edition, raw: dict[str, Any]) -> None:
    assert for_whom.answer(edition.headline).startswith(
        "No deprivation fifth is clearly worse off."
    )
    raw["equity"][1]["effects"][0] |= {"effect": 0.2, "low": 0.1, "high": 0.3}
    said = for_whom.answer(changed(edition, raw).headline)
    assert said.startswith("Clearly for the worse: A&E attendances in fifth 2.")
    assert "The fifths differ for A&E attendances." in said


def test_a_programme_without_fifths_says_so(edition: Edition, raw: dict[str, Any]) -> None:
    raw["equity"] = []
    assert for_whom.answer(changed(edition, raw).headline) == for_whom.NOT_SPLIT


def test_no_promise_to_a_new_site_where_ranges_hold_nought(edition: Edition) -> None:
    assert for_whom.new_site_answer(edition.headline).startswith(
        "These sites promise a new one nothing"
    )
