"""A slip in a file that people write by hand is named at its entry, with what to do about it."""

import shutil
from pathlib import Path

import pytest

from evaluation.connect.recipes import read_recipes
from evaluation.errors import ProtocolError, UserError, WorkspaceError
from evaluation.finding.grade import Judgement
from evaluation.finding.theory import Theory
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.study.lock_status import read_deviations
from evaluation.workspace import Workspace

ROOT = Path(__file__).parents[2]
CASES, LOOK = ROOT / "studies" / "real_cases", ROOT / "studies" / "new_start" / "first_look"


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (
            "extra:",
            "extras:",
            ("recipes.0.extra: Field required (2 faults in all)", "add a line for recipes.0.extra"),
        ),
        (
            "    period_column: Quarter\n",
            "    period_column: Quarter\n    colour: open\n",
            ("recipes.1.colour: Extra inputs", "nothing reads it"),
        ),
        ("{organ_donor_rate: Rate}", "Rate", ("recipes.1.outcomes", "mend recipes.1.outcomes")),
        ("recipes:", "receipts:", ("recipes: Field required",)),
    ],
)
def test_a_slip_in_the_sources(tmp_path, was, now, says):
    text = (CASES / "sources.yaml").read_text()
    assert was in text
    (tmp_path / "sources.yaml").write_text(text.replace(was, now, 1))
    with pytest.raises(WorkspaceError) as caught:
        read_recipes(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'sources.yaml'}: ")
    assert all(one in said for one in says), said


@pytest.mark.parametrize(
    ("name", "text", "read", "says"),
    [
        ("grade.yaml", "comparison_argues: x\n", Judgement.load, "did you mean comparison_argued?"),
        ("theory.yaml", "treatment: t\n", Theory.load, "add a line for causes"),
        (
            "deviations.yaml",
            "deviations: [{what: x}]\n",
            read_deviations,
            "each with date, what and reason",
        ),
        (
            "protocol.yaml",
            (LOOK / "protocol.yaml").read_text().replace("mean}", "middle}"),
            Protocol.load,
            "one of 'varying', 'universal' or 'mean'",
        ),
        (
            "protocol.yaml",
            (LOOK / "protocol.yaml").read_text().replace("buffer.}", "x, buffer: 3}"),
            Protocol.load,
            "did you mean buffer_km?",
        ),
    ],
)
def test_a_slip_in_a_file_of_a_study(tmp_path, name, text, read, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(ProtocolError) as caught:
        read(tmp_path)
    assert name in caught.value.where
    assert caught.value.mend
    assert says in str(caught.value)


def test_what_stands_twice_or_is_not_there_is_named(tmp_path):
    folder = tmp_path / "studies" / "real_cases"
    shutil.copytree(CASES, folder)
    lines = (folder / "areas.csv").read_text().splitlines()
    (folder / "areas.csv").write_text("\n".join([*lines, lines[3]]) + "\n")
    code = lines[3].split(",")[0]
    said = fault(Programme.load, Workspace(root=tmp_path), "real_cases")
    assert f"the area code {code} stands twice" in said and "keep one" in said
    text = (LOOK / "protocol.yaml").read_text()
    (tmp_path / "protocol.yaml").write_text(text.replace("[road_casualties]", "[claimant_count]"))
    assert "the outcome claimant_count has two roles" in fault(Protocol.load, tmp_path)
    assert "newstart protocol new real_cases/none" in fault(Protocol.load, folder / "none")


def fault(call, *given):
    with pytest.raises(UserError) as caught:
        call(*given)
    return str(caught.value)
