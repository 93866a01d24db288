"""The page of the theory: every cause drawn and in the table, attacks only on these figures."""

import json

import pytest
import yaml

from evaluation.edition.files import Generated
from evaluation.edition.pages import evidence
from evaluation.errors import BookError
from evaluation.finding.theory import Theory
from evaluation.study.record import ChallengeResult
from tests.completed import completed, study_results

THEORY = {
    "treatment": "programme",
    "outcomes": ["visits"],
    "negative_controls": ["crashes"],
    "causes": {
        "programme": {"says": "a site works here"},
        "poverty": {"says": "how poor an area is"},
        "trust": {"says": "people trust the team", "measured": False},
        "visits": {"says": "visits"},
        "crashes": {"says": "road casualties"},
    },
    "arrows": [
        ["poverty", "programme"],
        ["poverty", "visits"],
        ["programme", "trust"],
        ["trust", "visits"],
        ["poverty", "crashes"],
    ],
}
ATTACK = {
    "title": "Placebo starts",
    "kind": "validity",
    "result": "passed",
    "sentence": "Moved starts find nothing.",
}


@pytest.fixture
def made(tmp_path):
    (tmp_path / "theory.yaml").write_text(yaml.safe_dump(THEORY))
    outcome = {"code": "visits", "plain_title": "Visits", "role": "primary"}
    study = study_results(study="s", programme="p", panel_fingerprint="now", outcomes=[outcome])
    return tmp_path, study, Generated(tmp_path / "out")


def recorded(folder, panel):
    found = {
        "panel": panel,
        "study": "p/s",
        "refuted": {"visits": [ATTACK]},
        "unobserved": {},
        "implications": [],
        "recorded": "2026-11-25T00:00:00Z",
    }
    (folder / "challenge.json").write_text(json.dumps(completed(ChallengeResult, found)))


def test_every_cause_is_drawn_with_its_part(made):
    folder, study, out = made
    seen = evidence.case_made_view(folder, study, out)
    drawn = (folder / "out" / "files" / "figures" / "s" / "theory.svg").read_text()
    for cause in THEORY["causes"].values():
        assert cause["says"].split()[0] in drawn
        assert cause["says"] in seen["theory_table"]
    theory = Theory.load(folder)
    assert evidence.kinds(theory) == {
        "programme": "programme",
        "poverty": "other",
        "trust": "way",
        "visits": "outcome",
        "crashes": "control",
    }
    assert evidence.steps(theory) == {"trust": 1, "visits": 2}
    assert seen["held"] == ["Visits: what has to be held fixed is how poor an area is."]


def test_attacks_on_these_figures_are_shown_and_on_others_are_not(made):
    folder, study, out = made
    assert evidence.case_made_view(folder, study, out)["attacks"] is None
    recorded(folder, "now")
    seen = evidence.case_made_view(folder, study, out)
    assert "Moved starts find nothing." in seen["attack_tables"][0]
    recorded(folder, "earlier")
    seen = evidence.case_made_view(folder, study, out)
    assert seen["stale"]
    assert seen["attack_tables"] == []


def test_a_broken_record_is_named(made):
    folder, study, out = made
    (folder / "challenge.json").write_text("{")
    with pytest.raises(BookError, match="no valid JSON"):
        evidence.case_made_view(folder, study, out)
