"""A study can be locked as exploratory: nothing is tested, nothing upgraded, and it says why."""

from __future__ import annotations

import json

import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.study.freeze import freeze
from evaluation.study.protocol_check import check_protocol
from evaluation.study.results import write_results
from evaluation.study.run import catch_up, run_study
from evaluation.study.study import Study
from tests.journey.at_the_command_line import newstart, told
from tests.unit.locked import LOCKED, NAME, UNTIL, instant, lay_out


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Seven authorities, one of which has two pilot areas: too few for a confirmatory claim."""
    ground = lay_out(tmp_path_factory.mktemp("exploratory"))
    areas = ground.workspace.studies / "new_start" / "areas.csv"
    lines = areas.read_text().splitlines()
    head, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    at = head.index("authority")
    pilots = [row for row in rows if row[head.index("role")] == "pilot"]
    pilots[1][at] = pilots[0][at]
    for number, row in enumerate(r for r in rows if r not in pilots):
        row[at] = f"Shire {number % 6}"
    areas.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    protocol = yaml.safe_load(ground.protocol.read_text())
    ground.protocol.write_text(yaml.safe_dump(protocol | {"estimators": ["did"]}))
    ground.submit(until=UNTIL)
    return ground


@pytest.fixture
def ground(made, tmp_path):
    return made.copied(tmp_path / "w")


def locked(ground, **how):
    asked = {"now": instant(UNTIL), "exploratory": True} | how
    return freeze(ground.workspace, NAME, **asked)


def test_what_keeps_it_from_being_confirmatory_may_stand(ground):
    with pytest.raises(ProtocolError, match="too few to bear a confirmatory claim"):
        locked(ground, exploratory=False)
    lock = locked(ground, registration="osf.io/ab12c")
    assert lock.exploratory and lock.registration == "osf.io/ab12c"
    assert any("at least 20 authorities" in one for one in lock.needed)
    assert any("after the first start" in one for one in lock.needed)
    assert locked(ground).hash == lock.hash, "one that holds comes back as it is"
    with pytest.raises(ProtocolError, match=r"with the registration 'osf\.io/ab12c'"):
        locked(ground, registration="another")


def test_an_error_that_is_no_matter_of_claims_stops_it_all_the_same(ground):
    text = yaml.safe_load(ground.protocol.read_text())
    ground.protocol.write_text(yaml.safe_dump(text | {"window": [3, 0]}))
    with pytest.raises(ProtocolError, match="window runs from 3 to 0"):
        locked(ground)


def test_it_is_never_made_confirmatory_nor_the_reverse(ground):
    locked(ground)
    write_results(ground.workspace, run_study(Study.load(ground.workspace, NAME)))
    _confirmable(ground)
    for how in ({}, {"relock": "more authorities came"}):
        with pytest.raises(ProtocolError, match="never made confirmatory"):
            locked(ground, exploratory=False, **how)
    (ground.workspace.studies / NAME / "protocol.lock").unlink()
    with pytest.raises(ProtocolError, match="never made confirmatory"):
        locked(ground, exploratory=False)


def _confirmable(ground):
    """Give every area an authority of its own, so that no error is left."""
    areas = ground.workspace.studies / "new_start" / "areas.csv"
    lines = areas.read_text().splitlines()
    head, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    for number, row in enumerate(rows):
        row[head.index("authority")] = f"Shire {number}"
    areas.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")


def test_a_confirmatory_lock_is_not_made_exploratory(tmp_path):
    ground = lay_out(tmp_path)
    ground.submit(until=LOCKED)
    ground.freeze()
    with pytest.raises(ProtocolError, match="locked as confirmatory on 2024-12-31"):
        locked(ground)


def test_nothing_is_spent_and_nothing_called_better_or_worse(ground):
    locked(ground)
    study = Study.load(ground.workspace, NAME)
    run = run_study(study)
    assert run.seen is None and not study.looks.rows() and catch_up(study) == 0
    assert run.label == "exploratory"
    assert any("never made confirmatory" in one for one in run.differences)
    assert any("at least 20 authorities" in one for one in run.differences)
    for finding in run.findings.values():
        said = " ".join((finding.sentence, finding.paragraph, finding.analyst)).lower()
        assert "improved" not in said and "worsened" not in said
        assert not finding.verdict.directed
        assert "comparison areas" in finding.sentence and "not" not in finding.sentence
    path = write_results(ground.workspace, run)
    held = json.loads(path.read_text())
    assert held["lock"]["exploratory"] and held["lock"]["needed"]
    assert "improved" not in path.read_text()


def test_an_effect_that_a_test_would_find_is_not_told_as_one(ground):
    """The same run with no lock tells a direction where its test rejects; locked so, none."""
    protocol = yaml.safe_load(ground.protocol.read_text())
    ground.protocol.write_text(yaml.safe_dump(protocol | {"level": 0.51, "looks": None}))
    without = run_study(Study.load(ground.workspace, NAME)).findings["ae_attendances"]
    locked(ground)
    finding = run_study(Study.load(ground.workspace, NAME)).findings["ae_attendances"]
    assert without.verdict.directed and not finding.verdict.directed
    assert finding.percent == without.percent and finding.adjusted_p == without.adjusted_p


def test_new_data_need_a_new_lock(ground):
    locked(ground)
    ground.submit(after=UNTIL)
    run = run_study(Study.load(ground.workspace, NAME))
    assert any("new data need a new lock" in one for one in run.differences)
    with pytest.raises(ProtocolError, match="new data need a new lock"):
        locked(ground, now=instant("2026-12-01"))
    again = locked(ground, now=instant("2026-12-01"), relock="a quarter more")
    assert again.exploratory and len(again.steps) == 2
    run = run_study(Study.load(ground.workspace, NAME))
    assert not any("new data need" in one for one in run.differences)


def test_check_and_the_command_line_name_the_way(ground, monkeypatch):
    monkeypatch.setenv("NEWSTART_NOW", UNTIL)
    remarks = [one for one in check_protocol(ground.workspace, NAME) if one.severity == "error"]
    assert remarks and all("--exploratory" in one.mend for one in remarks)
    root = ground.workspace.root
    code, _, err = told(root, "protocol", "freeze", NAME)
    assert code == 2 and f"protocol freeze {NAME} --exploratory" in err
    out = newstart(root, "protocol", "freeze", NAME, "--exploratory", "--json")
    held = json.loads(out)
    assert held["exploratory"] is True and held["needed"]
    _, _, err = told(root, "protocol", "freeze", NAME, "--exploratory")
    assert "at least 20 authorities" in err and "better or worse" in err
