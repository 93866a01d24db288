"""What a protocol is told of a survey before its lock."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.panel import Panel
from evaluation.programme import Outcome, Programme, load_outcomes
from evaluation.protocol import Protocol, as_stated
from evaluation.quarters import Period
from evaluation.study.protocol_documents import _could_find
from evaluation.study.protocol_rules import Case, Remark, read_lined
from evaluation.study.survey_rules import surveys, what_could_be_found
from evaluation.workspace import Workspace, packaged_schemas

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "data_schemas" / "demo" / "protocol_full.yaml").read_text("utf-8")
LIFE = "life_satisfaction"
CATALOGUE = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}
WAVES = [11, 13, 15, 17, 19, 21, 23, 25]


@pytest.fixture(scope="module")
def declared() -> Programme:
    held = Programme.load(Workspace(root=ROOT), "new_start", collecting=False)
    fields = {name: getattr(held, name) for name in Programme.model_fields}
    # By the waves that were held, and not by those that are planned.
    bare = tuple(source.model_copy(update={"waves": ()}) for source in held.sources)
    return Programme(**fields | {"sources": bare})


def with_item(declared: Programme, item: Outcome) -> Programme:
    fields = {name: getattr(declared, name) for name in Programme.model_fields}
    others = tuple(one for one in declared.outcomes if one.code != item.code)
    return Programme(**fields | {"outcomes": (*others, item)})


def remarks(
    declared: Programme, panel: Panel | None = None, item: Outcome = CATALOGUE[LIFE], **changes: Any
) -> dict[str, Remark]:
    protocol = Protocol.load(ROOT / "studies" / "new_start" / "first_look")
    protocol = protocol.model_copy(update={"lives": (LIFE,)} | changes)
    case = Case(
        protocol=protocol,
        source=read_lined(TEXT),
        programme=with_item(declared, item),
        name="new_start/first_look",
    )
    return {one.rule: one for one in surveys(case, panel)}


def surveyed(
    declared: Programme, *, own: float = 0.2, other: float = 0.2, waves: list[int] | None = None
) -> Panel:
    """A panel of the programme's areas with a survey in it; errors of pilots and of others."""
    areas = [area for area in declared.areas if area.role != "excluded"]
    rng = np.random.default_rng(1)
    rows = []
    for area in areas:
        for step in WAVES if waves is None else waves:
            error = own if area.role == "pilot" else other
            rows.append(
                {
                    "area_code": area.code,
                    "quarter": (declared.first + step).label,
                    "outcome": LIFE,
                    "numerator": 7.3 + error * rng.standard_normal(),
                    "denominator": np.nan,
                    "status": "",
                    "se": error,
                    "respondents": 90,
                }
            )
    item = with_item(declared, CATALOGUE[LIFE])
    return Panel.from_observations(pd.DataFrame(rows), item, [LIFE])


def test_a_sound_survey_is_told_nothing(declared: Programme) -> None:
    assert remarks(declared, surveyed(declared), hoped_percent={LIFE: 4}) == {}


@pytest.mark.parametrize(
    ("own", "other", "rule"),
    [(0.1, 0.2, None), (0.2, 0.1, None), (0.08, 0.2, "P079"), (0.2, 0.08, "P079")],
)
def test_arms_asked_more_than_five_times_unlike_confirm_nothing(
    own: float, other: float, rule: str | None, declared: Programme
) -> None:
    found = remarks(declared, surveyed(declared, own=own, other=other))
    assert set(found) == ({rule} if rule else set())
    if rule:
        assert re.search(r"6\.[23] times", found[rule].message) and found[rule].confirmable_by


def test_two_waves_in_all_are_refused_and_few_before_asked_about(declared: Programme) -> None:
    two = remarks(declared, surveyed(declared, waves=[15, 25]))
    assert two["P036"].severity == "error" and two["P036"].confirmable_by
    few = remarks(declared, surveyed(declared, waves=[13, 15, 17, 19, 21]))
    assert few["P037"].severity == "question" and "2 waves before" in few["P037"].message


def test_waves_that_are_planned_count_before_they_are_held(declared: Programme) -> None:
    fields = {name: getattr(declared, name) for name in Programme.model_fields}
    waves = tuple(declared.first + step for step in WAVES)
    planned = tuple(
        s.model_copy(update={"waves": waves}) if s.code == "survey" else s for s in declared.sources
    )
    again = Programme(**fields | {"sources": planned})
    assert remarks(again, surveyed(declared, waves=[15, 25])) == {}


def test_one_group_is_looked_at_apart_and_no_more(declared: Programme) -> None:
    panel, hoped = surveyed(declared), {LIFE: 4}
    assert remarks(declared, panel, hoped_percent=hoped, subgroups=("women",)) == {}
    found = remarks(declared, panel, hoped_percent=hoped, subgroups=("women", "disabled people"))
    assert set(found) == {"P039"} and found["P039"].confirmable_by


def test_modelled_means_are_refused(declared: Programme) -> None:
    life = CATALOGUE[LIFE]
    assert life.survey is not None
    shrunk = life.survey.model_copy(update={"modelled": True})
    found = remarks(declared, item=life.model_copy(update={"instrument": shrunk}))
    assert found["P035"].severity == "error" and not found["P035"].confirmable_by


def test_what_cannot_be_found_is_said_before_the_lock(declared: Programme) -> None:
    panel = surveyed(declared)
    found = remarks(declared, panel, hoped_percent={LIFE: 1.4})
    assert found["P087"].severity == "question" and "0.10 is hoped for" in found["P087"].message


def test_a_count_is_no_family_of_lives(declared: Programme) -> None:
    found = remarks(declared, lives=(LIFE, "arrears"))
    assert found["P038"].severity == "error"


def test_a_protocol_without_the_family_is_as_it_was() -> None:
    protocol = Protocol.load(ROOT / "studies" / "new_start" / "first_look")
    bare = protocol.model_copy(update={"lives": None})
    assert "lives" not in as_stated(bare)
    own = bare.model_copy(update={"lives": (LIFE,)})
    assert as_stated(own)["lives"] == [LIFE] and own.fingerprint != bare.fingerprint
    assert own.family_of(LIFE) == 1 and own.role_of(LIFE) == "secondary"
    assert own.estimators_of(LIFE) == ("did",) and own.scale_of(LIFE) == "level"
    assert own.estimators_of("arrears") == bare.estimators


def test_a_wave_stands_in_the_quarter_in_which_it_ended(declared: Programme) -> None:
    panel = surveyed(declared)
    held = np.isfinite(panel.figures[LIFE]).any(axis=0)
    assert [p for p, seen in zip(panel.periods, held, strict=True) if seen] == [
        declared.first + step for step in WAVES
    ]
    assert panel.periods[0] == declared.first + WAVES[0] and Period.parse(panel.labels[0])
    assert replace(panel).sampling_error[LIFE].shape == panel.figures[LIFE].shape


def test_what_a_planned_survey_could_find_stands_in_the_protocol_s_record() -> None:
    """Before anybody was asked, from how many it means to reach."""
    held = Programme.load(Workspace(root=ROOT), "new_start", collecting=False)
    found = what_could_be_found(held, CATALOGUE[LIFE])
    assert found is not None and found.plan.waves == 8 and found.plan.before == 3
    assert found.plan.respondents == round(100 / 1.4) and 0.12 < found.mde < 0.22
    protocol = Protocol.load(ROOT / "studies" / "new_start" / "first_look")
    (first, *_) = _could_find(held, protocol)
    assert first.startswith("Life satisfaction: a change of 0.1") and "8 waves" in first
    assert _could_find(held, protocol.model_copy(update={"lives": None})) == [
        "No survey is planned."
    ]
