"""What a run says of people's lives, and how the page says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.edition.pages import people as page
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.release.released_lives import LivesSteps, release_lives
from evaluation.simulate import Scenario, draw_figures, invent_programme, panel_of
from evaluation.simulate.figures import Figures, _observed
from evaluation.study.lives_record import Lives, lives_of, read_voices_of
from evaluation.study.run import asked_so_far
from evaluation.value import wellbeing
from evaluation.workspace import packaged_schemas

ROOT = Path(__file__).parents[2]
LIFE = "life_satisfaction"


@pytest.fixture(scope="module")
def drawn() -> tuple[Programme, Figures]:
    scenario = Scenario.load(packaged_schemas())
    asked = (LIFE, "loneliness_often")
    preset = scenario.presets["full"].model_copy(update={"outcomes": asked})
    programme = invent_programme(scenario, preset, packaged_schemas())
    return programme, draw_figures(programme, scenario, preset, seed=3)


@pytest.fixture(scope="module")
def panel(drawn: tuple[Programme, Figures]) -> Panel:
    return panel_of(*drawn, (LIFE, "loneliness_often")).eligible()


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    held = Protocol.load(ROOT / "studies" / "new_start" / "first_look")
    none: dict[str, Any] = {"secondary": (), "negative_control": (), "primary": (LIFE,)}
    return held.model_copy(update=none | {"lives": ("loneliness_often",)})


def told(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol, *, stands: bool = True
) -> Lives:
    programme, figures = drawn
    assignments = Assignments.draw(panel, n=199, strata=(), seed=1)
    estimate = did(panel, LIFE, settings=DidSettings(base="mean"), assignments=assignments)
    worth = wellbeing(estimate, programme, stands=stands, draws=200)
    voices = read_voices_of(ROOT / "studies" / "new_start" / "first_look")
    found = lives_of(protocol, programme, panel, observed(programme, figures), worth, voices)
    assert found is not None
    return found


def observed(programme: Programme, figures: Figures) -> pd.DataFrame:
    """What the ledger would hold of both items."""
    rows = [
        pd.DataFrame(
            {
                "area_code": np.repeat([a.code for a in programme.areas], len(programme.periods)),
                "quarter": np.tile([p.label for p in programme.periods], len(programme.areas)),
                "outcome": code,
                **_observed(figures, code, len(programme.periods)),
            }
        )
        for code in (LIFE, "loneliness_often")
    ]
    return pd.concat(rows)


def test_the_record_says_who_was_asked_and_when(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    found = told(drawn, panel, protocol)
    assert len(found.waves) == 8 and found.areas == 174
    starts = min(site.start for site in drawn[0].sites)
    assert sum(w < starts.label for w in found.waves) == 3
    people = int(drawn[1].surveyed[LIFE].respondents.sum())
    excluded = [row for row, a in enumerate(drawn[0].areas) if a.role == "excluded"]
    people -= int(drawn[1].surveyed[LIFE].respondents[excluded].sum())
    assert found.answers == people
    (first, *_) = found.items
    assert first.question.startswith("Overall, how satisfied")
    assert found.worth is not None and found.worth.adults > 100_000
    said = page.asked(found)
    assert "174 areas and 8 waves" in said
    assert f"{date.fromisoformat(found.last_day):%B %Y}" in said


def test_the_first_item_is_the_first_that_was_asked(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    """What stands first in the questionnaire may have no wave yet: the others are told."""
    figures = {**panel.figures, LIFE: np.full_like(panel.figures[LIFE], np.nan)}
    waiting = replace(panel, figures=figures)
    rows = observed(*drawn)
    found = lives_of(protocol, drawn[0], waiting, rows, None, None)
    assert found is not None
    assert [one.outcome for one in found.items] == ["loneliness_often"]
    assert len(found.waves) == 8 and found.answers > 0


def test_a_finding_that_does_not_stand_makes_a_sensitivity(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    found = told(drawn, panel, protocol, stands=False)
    assert found.worth is not None and found.worth.label == "sensitivity"
    assert "WELLBYs" in page.worth_sentence(found.worth)


def as_printed(found: Lives) -> dict[str, Any]:
    shown, entries = release_lives(
        found,
        LivesSteps(
            address="new_start.first_look.lives",
            programme="new_start",
            key=Key(secret=bytes(32)),
            policy=lambda _: Policy(),
            effect=0.2,
            step=0.02,
            drawn=199,
        ),
    )
    assert {one.kind for one in entries} >= {"count", "mean", "money"}
    return shown


def test_what_people_said_leaves_at_a_step_that_few_cannot_move(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    """With 2,400 answers a step of five of them, each at most three times the mean weight."""
    found = told(drawn, panel, protocol)
    shown = as_printed(found)
    for item, raw in zip(shown["items"], found.items, strict=True):
        for one, was in zip(item["waves"], raw.waves, strict=True):
            assert one["respondents"] % 5 == 0
            assert abs(one["respondents"] - was.respondents) < 5
            least = raw.span * 3 / one["respondents"] * 5
            nice = {m * 10.0**p for m in (1, 2, 5) for p in range(-3, 2)}
            step = min(size for size in nice if size >= least * (1 - 1e-9))
            assert abs(one["mean"] / step - round(one["mean"] / step)) < 1e-6
            assert one["low"] <= was.low and one["high"] >= was.high
            assert abs(one["mean"] - was.mean) < step
    assert abs(shown["answers"] - found.answers) < 5 * 2 * len(found.waves)


def test_one_answer_moves_what_people_said_by_a_step_at_most(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    found = told(drawn, panel, protocol)
    (item, *_), people = found.items, 0
    before = as_printed(found)["items"][0]["waves"]
    for place, wave in enumerate(item.waves):
        moved = wave.model_copy(
            update={"mean": (wave.mean or 0) + item.span * 3 / (wave.respondents or 1)}
        )
        waves = tuple(moved if k == place else one for k, one in enumerate(item.waves))
        other = found.model_copy(update={"items": (item.model_copy(update={"waves": waves}),)})
        after = as_printed(other)["items"][0]["waves"][place]
        people += after["mean"] != before[place]["mean"]
        assert after["respondents"] == before[place]["respondents"]
        assert abs(after["mean"] - before[place]["mean"]) <= 0.1 + 1e-9
    assert people < len(item.waves) / 2, "most times one answer changes nothing that is printed"


def test_what_people_wrote_leaves_in_shares_of_several(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    """85 of 240 codings would tell who: 35.4167% is printed at five of 120 people."""
    shown = as_printed(told(drawn, panel, protocol))["voices"]
    assert shown is not None
    for one in shown["codes"]:
        assert one["pilot"] % 5 == 0 and round(one["comparison"], 6) == one["comparison"]
        assert one["difference"] == pytest.approx(one["pilot"] - one["comparison"])


def neighbours(found: Lives, **moved: float) -> Lives:
    """The same with some figures of each code moved."""
    assert found.voices is not None
    codes = tuple(
        one.model_copy(update={name: getattr(one, name) + by for name, by in moved.items()})
        for one in found.voices.codes
    )
    return found.model_copy(update={"voices": found.voices.model_copy(update={"codes": codes})})


def test_agreement_of_coders_and_its_chance_leave_at_steps_of_several(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    """Two figures of alpha told one writer of 870: he moves it by up to 0.006, at 4 in 100."""
    found = told(drawn, panel, protocol)
    assert found.voices is not None
    before = as_printed(found)["voices"]
    writers = sum(before["people"].values())
    same = 0
    for one, was in zip(before["codes"], found.voices.codes, strict=True):
        given = sum(one[arm] * many for arm, many in before["people"].items()) / 100 / writers
        moves = 1 / (2 * writers * given * (1 - given))
        steps = round(one["alpha"] / 0.01)
        assert abs(one["alpha"] - (was.alpha or 0)) < 0.1 and abs(one["alpha"] * 100 - steps) < 1e-6
        assert (one["alpha"] >= 0.8) == (one["grade"] == "publish")
        assert one["alpha"] < 1
        assert (one["p_value"] <= 0.05) == ((was.p_value or 0) <= 0.05)
        shown = {
            as_printed(neighbours(found, alpha=k * moves))["voices"]["codes"][
                before["codes"].index(one)
            ]["alpha"]
            for k in range(-2, 3)
        }
        same += len(shown) == 1
        assert len(shown) <= 3 and max(shown) - min(shown) <= 0.1 + 1e-9
    assert same, "five neighbours print one agreement somewhere"


def test_no_name_of_a_reader_and_no_fault_of_the_coded_file_leaves(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    found = told(drawn, panel, protocol)
    assert found.voices is not None and any(one.read_by for one in found.voices.quotations)
    shown = as_printed(found)["voices"]
    assert not any(one["read_by"] for one in shown["quotations"])
    assert shown["problems"] == [] and shown["withheld"] == 0


def test_agreement_that_few_people_make_is_not_printed(
    drawn: tuple[Programme, Figures], panel: Panel, protocol: Protocol
) -> None:
    """Of twenty who wrote, five move alpha by more than tells agreed from not agreed."""
    found = told(drawn, panel, protocol)
    assert found.voices is not None
    few = found.voices.model_copy(update={"people": {"pilot": 20, "comparison": 25}})
    shown = as_printed(found.model_copy(update={"voices": few}))["voices"]
    assert [one["alpha"] for one in shown["codes"]] == [None] * len(shown["codes"])
    assert [one["grade"] for one in shown["codes"]] == [one.grade for one in few.codes]


def test_what_nobody_was_asked_yet_is_left_out(panel: Panel, protocol: Protocol) -> None:
    assert asked_so_far(protocol, panel).lives == ("loneliness_often",)
    first = int(panel.start_index[panel.treated].min())
    early = panel.until(panel.periods[first])
    assert asked_so_far(protocol, early).lives == ()
    assert asked_so_far(protocol.model_copy(update={"lives": None}), early).lives is None


def test_nobody_asked_is_said(drawn: tuple[Programme, Figures]) -> None:
    nothing = SimpleNamespace(lives=None)
    assert page.view(nothing, None) == {"study": nothing, "lives": None}  # type: ignore[arg-type]
