"""A draft is filled by questions or from a file, can be checked at once, and goes to a registry."""

import json
import shutil

import pytest
import yaml
from typer.testing import CliRunner

from evaluation.cli import app
from evaluation.errors import ProtocolError
from evaluation.protocol import Protocol
from evaluation.study.protocol_check import check_protocol
from evaluation.study.protocol_documents import questions
from tests.unit.locked import LOCKED, NAME, lay_out

DRAFT = "new_start/second_look"


@pytest.fixture
def ground(tmp_path):
    made = lay_out(tmp_path)
    shutil.rmtree(tmp_path / "var" / "truth", ignore_errors=True)
    return made


def newstart(ground, *arguments, answers=None):
    given = ["--workspace", str(ground.workspace.root), "protocol", *arguments]
    return CliRunner().invoke(app, given, input=answers, catch_exceptions=True)


def test_a_draft_from_a_file_of_answers(ground, tmp_path):
    file = tmp_path / "answers.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "title": "A second look",
                "how_pilots_were_chosen": "By the minister, from twelve bids.",
                "primary": ["arrears"],
                "hoped_percent": {"arrears": -6},
                "ring_km": 12,
                "publication": "2027-06-30",
            }
        )
    )
    told = newstart(ground, "new", DRAFT, "--answers", str(file))
    assert told.exit_code == 0, told.output
    path = ground.workspace.studies / DRAFT / "protocol.yaml"
    held = Protocol.load(path.parent)
    assert held.primary == ("arrears",) and held.ring_km == 12 and held.looks.horizon == 8
    assert "# Nothing matters more" in path.read_text()
    rules = {one.rule for one in check_protocol(ground.workspace, DRAFT)}
    assert {"P113", "P114", "P118"} <= rules and "P010" not in rules
    with pytest.raises(ProtocolError, match="a protocol already"):
        questions(ground.workspace, DRAFT)


def test_a_draft_by_interview(ground):
    asked = questions(ground.workspace, DRAFT)
    told = newstart(ground, "new", DRAFT, answers="A look by hand\n" + "\n" * (len(asked) - 1))
    assert told.exit_code == 0, told.output
    held = Protocol.load(ground.workspace.studies / DRAFT)
    assert held.title == "A look by hand"
    assert held.primary == ("ae_attendances",)
    assert held.negative_control == ("road_casualties",)
    errors = [o for o in check_protocol(ground.workspace, DRAFT) if o.severity == "error"]
    assert {one.rule for one in errors} <= {"P010"}, "what cannot be known for the evaluator"


def test_an_answer_to_no_question_is_refused(ground, tmp_path):
    file = tmp_path / "answers.yaml"
    file.write_text("colour: red\n")
    told = newstart(ground, "new", DRAFT, "--answers", str(file))
    assert isinstance(told.exception, ProtocolError)
    assert "'colour' answers no question" in str(told.exception)


def test_check_freeze_and_export_as_verbs(ground, monkeypatch):
    ground.submit(until=LOCKED)
    checked = newstart(ground, "check", NAME, "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["errors"] == 0
    monkeypatch.setenv("NEWSTART_NOW", "2024-12-31")
    frozen = newstart(ground, "freeze", NAME, "--json")
    assert frozen.exit_code == 0, frozen.output
    lock = json.loads(frozen.stdout)
    assert json.loads(ground.protocol.with_name("protocol.lock").read_text()) == lock
    assert (
        "Locked 2024-12-31; figures seen up to 2024 Q3." in newstart(ground, "freeze", NAME).stderr
    )
    again = newstart(ground, "freeze", NAME, "--relock")
    assert "a re-lock needs its reason" in str(again.exception)
    told = newstart(ground, "export", NAME)
    text, data = (
        ground.workspace.var / f"registry/new_start/first_look{e}" for e in (".md", ".json")
    )
    assert told.exit_code == 0 and str(text) in told.stdout
    record = json.loads(data.read_text())
    assert record["registry"]["Synthetic"].startswith("Yes")
    assert lock["hash"] in record["registry"]["Frozen"]
    assert record["preregistration"]["Sampling plan"]["Looks and stopping"] == (
        "6 looks, one a period; obrien_fleming spending, with 0.01 of alpha kept for looks past "
        "the horizon; periods weighed by their mean; harm watched apart from 0 % on."
    )
    assert "## Analysis Plan" in text.read_text() or "## Analysis plan" in text.read_text()
    ground.protocol.write_text(ground.protocol.read_text().replace("[0, 3]", "[3, 0]"))
    assert newstart(ground, "check", NAME).exit_code == 1
