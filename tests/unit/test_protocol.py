"""A protocol is read whole or refused with the place; its fingerprint follows its content."""

from pathlib import Path

import pytest

from evaluation.errors import ProtocolError
from evaluation.programme import load_outcomes
from evaluation.protocol import Protocol
from evaluation.study.study import Study
from evaluation.value import Parameters
from evaluation.workspace import Workspace

ROOT = Path(__file__).parents[2]
PLAIN = """
study: s
programme: new_start
title: T
question: Q?
how_pilots_were_chosen: by lot
primary: [ae_attendances]
assignments: {n: 99, seed: 1}
"""


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "protocol.yaml").write_text(text)
    return tmp_path


def test_roles_scales_and_margins_have_defaults(tmp_path: Path) -> None:
    held = Protocol.load(write(tmp_path, PLAIN))
    assert held.role_of("ae_attendances") == "primary"
    assert held.scale_of("ae_attendances") == "log"
    assert held.margin_of("ae_attendances") == 5.0


def test_the_fingerprint_changes_with_one_character(tmp_path: Path) -> None:
    one = Protocol.load(write(tmp_path, PLAIN)).fingerprint
    other = Protocol.load(write(tmp_path, PLAIN.replace("by lot", "by lots"))).fingerprint
    again = Protocol.load(write(tmp_path, PLAIN + "\n# a comment\n")).fingerprint
    assert one == again != other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("primary: [ae_attendances]", "primary: []"), "primary"),
        (("seed: 1", "seed: x"), "assignments.seed"),
        (("title: T", "titel: T"), "title"),
        (("primary: [ae_attendances]", "primary: [a]\nsecondary: [a]"), "two roles"),
        (("n: 99", "n: 3"), "assignments.n"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        Protocol.load(write(tmp_path, PLAIN.replace(*change)))


def test_a_missing_protocol_or_study_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"no protocol\.yaml"):
        Protocol.load(tmp_path)
    with pytest.raises(ProtocolError, match="PROGRAMME/STUDY"):
        Study.load(Workspace(root=ROOT), "new_start")


@pytest.mark.parametrize("path", sorted(ROOT.glob("studies/*/*/protocol.yaml")), ids=str)
def test_every_study_of_the_house_can_be_read(path: Path) -> None:
    Study.load(Workspace(root=ROOT), f"{path.parent.parent.name}/{path.parent.name}")


def test_the_packaged_protocol_is_that_of_the_study() -> None:
    declared = ROOT / "studies" / "new_start" / "first_look" / "protocol.yaml"
    packaged = ROOT / "data_schemas" / "demo" / "protocol_full.yaml"
    assert declared.read_bytes() == packaged.read_bytes()


def test_the_outcomes_the_surveys_and_the_controls_are_declared() -> None:
    declared = load_outcomes(ROOT / "data_schemas" / "outcomes")
    counted = [outcome for outcome in declared if not outcome.sampled]
    practice = [outcome for outcome in counted if outcome.measured_in == "pilot areas only"]
    assert sum(not one.negative_control for one in counted if one not in practice) == 18
    assert len(practice) == 5
    assert len(declared) - len(counted) == 14
    assert sum(outcome.negative_control for outcome in declared) == 3
    assert all(outcome.people and outcome.instrument for outcome in declared)
    tables = Parameters.load().tables
    known = {*tables["unit_costs"]["key"], *tables["lives"]["key"]}
    assert {o.unit_cost for o in declared if o.unit_cost} <= known
