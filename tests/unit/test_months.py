"""A programme that counts in months: its calendar, its files, its rows, its questions."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from evaluation.errors import WorkspaceError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.notation import notation
from evaluation.returns.workbook import guide_from_name
from evaluation.setup.beginning import begin, example
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

JULY = Period.parse("2026-07")


@pytest.mark.parametrize(
    "text",
    ["2026-07", "07/2026", "July 2026", "jul 26", "01/07/2026"[3:], "2026-07-15", "15 July 2026"],
)
def test_a_month_is_read_in_any_notation_that_can_mean_one(text: str) -> None:
    assert notation(text, "M").periods == (JULY,)


def test_what_is_no_month_or_two_is_told_apart() -> None:
    assert notation(date(2026, 7, 15), "M").periods == (JULY,)
    assert notation("2026-07", "M").own and not notation("July 2026", "M").own
    assert {str(one) for one in notation("07/08/2026", "M").periods} == {"2026-08", "2026-07"}
    for text in ("2026 Q3", "July to September 2026", "2026-13", "summer", "2025/26"):
        assert not notation(text, "M").periods, text
    # In a programme of quarters it is one month of a quarter, as before.
    assert notation("2026-07").month


def test_the_name_of_a_file_says_a_month() -> None:
    assert guide_from_name("Q01_night_desk_2026-07.csv", "M")["quarter"] == "2026-07"
    assert guide_from_name("Q01_night_desk_2026-07.csv")["quarter"] == "2026 Q3"
    assert not any(guide_from_name("Q01_night_desk_2026-Q3.csv", "M").values())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("months")
    source = folder / "quiet.yaml"
    source.write_text(example(months=True), "utf-8")
    begin(folder / "w", "quiet_nights", source, progress=lambda _: None)
    newstart(folder / "w", "invent", "-o", str(folder / "in"), "--until", "2024-03")
    return folder / "w"


def test_templates_checks_and_receipts_are_of_months(root: Path) -> None:
    file = root.parent / "in" / "Q01_ambulance_2024-02.csv"
    found = json.loads(newstart(root, "check", str(file), "--json"))
    assert (found["quarter"], found["accepted"], found["problems"]) == ("2024-02", True, [])
    receipt = json.loads(newstart(root, "submit", str(file), "--by", "Nan Reeve", "--json"))[
        "receipt"
    ]
    assert receipt["quarter"] == "2024-02"
    path = root.parent / "Q01.xlsx"
    shown = told(root, "template", "Q01", "2024-03", "--agency", "ambulance", "-o", str(path))
    assert shown[0] == 0 and "March 2024 (2024-03)" in shown[2]
    assert json.loads(newstart(root, "check", str(path), "--json", ok=1))["quarter"] == "2024-03"
    due = json.loads(newstart(root, "ledger", "calendar", "--json"))
    mine = [d for d in due if (d["site"], d["agency"]) == ("Q01", "ambulance")]
    assert len(mine) == 24 and mine[0]["due"] == "2024-02-20"


def test_a_row_of_another_month_is_named_at_its_cell(root: Path) -> None:
    file = root.parent / "in" / "Q01_ambulance_2024-01.csv"
    wrong = root.parent / file.name
    lines = file.read_text("utf-8").splitlines()
    lines[2] = lines[2].replace("2024-01", "2024-03")
    wrong.write_text("\n".join(lines) + "\n", "utf-8")
    code, out, _ = told(root, "check", str(wrong), "--json")
    (one,) = json.loads(out)["problems"]
    assert (code, one["cell"]) == (1, "C3") and "January 2024" in one["message"]


def test_an_outcome_by_the_quarter_is_refused_where_months_are_counted(tmp_path: Path) -> None:
    content = yaml.safe_load(example(months=True))
    del content["study"], content["outcomes"][1]["frequency"]
    with pytest.raises(WorkspaceError, match="frequency: month"):
        Programme.parsed(content, tmp_path / "p.yaml", Workspace(root=tmp_path).schemas)
