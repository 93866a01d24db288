"""What sites send by month in a programme that counts in quarters: from template to strip."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.ledger.calendar import calendar
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.monthly import in_months, monthly_outcomes, months_of
from evaluation.workspace import Workspace

OUTCOME = """
code: {code}
title: {title}
plain_title: {title}
people: residents
domain: practice
unit: per cent
per: 100
numerator: residents met within a week
denominator: residents referred
kind: flow
frequency: {frequency}
polarity: up
agency: council
source: site
comparison_source: ""
instrument: sites' own records
bounds: {{low: 0, high: 100}}
measured_in: pilot areas only
"""
HEAD = "area_code,area_name,quarter,outcome,numerator,denominator,status,note"
Run = Callable[..., tuple[int, str, str]]


def declare(workspace: Workspace) -> Programme:
    """The tiny programme with a practice by month and one by quarter."""
    folder = workspace.studies / "tiny"
    for code, title, frequency in (
        ("met_soon", "Met within a week", "month"),
        ("told_once", "Told their story once", "quarter"),
    ):
        text = OUTCOME.format(code=code, title=title, frequency=frequency)
        (folder / "outcomes" / f"{code}.yaml").write_text(text, "utf-8")
    declared = (folder / "programme.yaml").read_text("utf-8")
    declared = declared.replace("claimant_count]", "claimant_count, met_soon, told_once]")
    (folder / "programme.yaml").write_text(declared, "utf-8")
    return Programme.load(workspace, "tiny")


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    return declare(tiny_workspace)


@pytest.fixture
def newstart(
    tiny_workspace: Workspace,
    programme: Programme,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a verb in the workspace on 15 September 2026: exit code, output, messages."""
    monkeypatch.chdir(tiny_workspace.root)
    monkeypatch.setenv("NEWSTART_NOW", "2026-09-15")

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--programme", programme.name, *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def written(name: str, *rows: str) -> Path:
    path = Path(name)
    path.write_text("\n".join([HEAD, *rows]) + "\n", "utf-8")
    return path


def problems(newstart: Run, path: Path) -> dict[str, str]:
    """Cell -> message and mend of what stands against a file."""
    found = json.loads(newstart("check", str(path), "--json")[1])["problems"]
    return {one["cell"] or one.get("place", ""): f"{one['message']} {one['mend']}" for one in found}


def test_a_month_goes_from_template_to_receipt_and_history(newstart: Run) -> None:
    for name in ("S01_council_2026-06.csv", "return.xlsx"):
        assert newstart("template", "S01", "2026-06", "--agency", "council", "-o", name)[0] == 0
    with Path("S01_council_2026-06.csv").open(encoding="utf-8") as stream:
        asked = [
            (row["area_code"], row["quarter"], row["outcome"]) for row in csv.DictReader(stream)
        ]
    assert asked == [("E01", "2026-06", "met_soon"), ("E02", "2026-06", "met_soon")]
    assert (
        newstart("template", "S01", "June 2026", "--agency", "council", "-o", "again.csv")[0] == 0
    )
    sent = ("E01,Alderbrook,2026-06,met_soon,40,60,,", "E02,Aldergate,2026-06,met_soon,50,70,,")
    code, out, _ = newstart("submit", str(written("S01_council_2026-06.csv", *sent)), "--json")
    receipt = json.loads(out)["receipt"]
    assert code == 0 and receipt["quarter"] == "2026-06" and receipt["rows"] == 2
    # The correction is another version, and what stood before stays.
    path = written("S01_council_2026-06.csv", sent[0].replace(",40,", ",42,"), sent[1])
    why = Path("why.csv")
    asked_again = json.loads(newstart("check", str(path), "--json")[1])["problems"]
    why.write_text(
        "rule,cell,reason\n"
        + "".join(f"{p['rule']},{p['cell']},counted anew\n" for p in asked_again),
        "utf-8",
    )
    assert newstart("submit", str(path), "--confirm", str(why))[0] == 0
    history = newstart("ledger", "history", "E01", "met_soon", "2026-06")[1]
    assert "40 of 60" in history and "42 of 60" in history
    assert json.loads(newstart("ledger", "verify", "--json")[1])["ok"]
    assert newstart("panel", "--outcome", "met_soon", "-o", "panel.csv")[0] == 0
    assert "2026-06,met_soon,42.0,60.0,70.0" in Path("panel.csv").read_text("utf-8")


def test_faults_of_a_month_are_told_in_their_cells(newstart: Run) -> None:
    first = "E01,Alderbrook,2026-07,met_soon,70,60,,"
    found = problems(
        newstart,
        written("S01_council_2026-07.csv", first, "E02,Aldergate,2026 Q3,met_soon,<5,70,,"),
    )
    assert "116.7 per cent" in found["E2"] and "[c] in status" in found["E3"]
    assert found["C3"].startswith("This names no month. Which month is this row of?")
    other = "E01,Alderbrook,2026-06,met_soon,30,60,,"
    found = problems(newstart, written("S01_council_2026-07.csv", first[:-6] + "0,60,,", other))
    assert "this row says 2026-06 (June 2026)" in " ".join(found.values())


def test_what_is_of_a_quarter_is_sent_by_quarter_and_the_other_way_round(newstart: Run) -> None:
    month = ("E01,Alderbrook,2026-07,met_soon,41,60,,", "E02,Aldergate,2026-07,met_soon,41,60,,")
    astray = "E01,Alderbrook,2026-07,told_once,41,60,,"
    found = problems(newstart, written("S01_council_2026-07.csv", *month, astray))
    assert list(found) == ["D4"]
    assert "returned by quarter" in found["D4"] and "2026 Q3" in found["D4"]
    quarter = [
        f"{area},{name},2026 Q2,{code},41,6000,,"
        for code in ("arrears", "told_once")
        for area, name in (("E01", "Alderbrook"), ("E02", "Aldergate"))
    ]
    astray = "E01,Alderbrook,2026 Q2,met_soon,41,60,,"
    found = problems(newstart, written("S01_council_2026-Q2.csv", *quarter, astray))
    assert list(found) == ["D6"]
    assert "returned by month" in found["D6"] and "2026-06" in found["D6"]
    # A month's rows in a file that is named for a quarter: the name is wrong, and no row.
    found = problems(newstart, written("S01_council_2026-Q3.csv", *month))
    assert list(found) == ["file name"] and "write 2026-07 here" in found["file name"]


def test_months_are_owed_from_the_start_and_quarters_as_before(programme: Programme) -> None:
    owed = calendar(programme, (), date(2026, 2, 15))
    months = [(one.site, one.quarter.label) for one in owed if one.quarter.frequency == "M"]
    # S01 began in July 2025, S02 in January 2026.
    assert [label for site, label in months if site == "S01"] == [
        *(f"2025-{number:02d}" for number in range(7, 13)),
        "2026-01",
    ]
    assert [label for site, label in months if site == "S02"] == ["2026-01"]
    without = [one for one in owed if one.quarter.frequency == "Q"]
    assert {one.site for one in without} >= {"S01", "S02", "OPEN"}
    last = next(one for one in owed if (one.site, one.quarter.label) == ("S02", "2026-01"))
    assert last.due == date(2026, 3, 2) and last.state == "due"


def test_the_next_month_is_compared_with_the_month_before(newstart: Run) -> None:
    def send(label: str, figure: int) -> tuple[int, str, str]:
        rows = (f"{a},,{label},met_soon,{figure},600,," for a in ("E01", "E02"))
        return newstart("submit", str(written(f"S01_council_{label}.csv", *rows)), "--json")

    for number in range(1, 7):
        assert send(f"2026-{number:02d}", 300 + number)[0] == 0
    code, out, _ = send("2026-07", 31)
    asked = {one["rule"] for one in json.loads(out)["problems"]}
    assert code == 1 and asked
    # The month of the file's name is believed where it is the one that is due.
    rows = [f"{a},,2026-06,met_soon,320,600,," for a in ("E01", "E02")]
    found = problems(newstart, written("S01_council_2026-07.csv", *rows))
    assert "the return of S01 council for 2026-07 is the one that is due" in " ".join(
        found.values()
    )


def test_a_table_of_months_and_quarters_is_loaded(newstart: Run) -> None:
    rows = [
        f"{area},{name},2026-{month:02d},met_soon,{300 + month},600,,"
        for month in (4, 5, 6)
        for area, name in (("E01", "Alderbrook"), ("E02", "Aldergate"))
    ]
    rows += [
        f"{area},{name},2026 Q2,{code},410,6000,,"
        for code in ("arrears", "told_once")
        for area, name in (("E01", "Alderbrook"), ("E02", "Aldergate"))
    ]
    code, out, err = newstart("load", str(written("history.csv", *rows)), "--json")
    assert code == 0, (out, err)
    assert json.loads(out)["accepted"] == 4
    held = json.loads(newstart("ledger", "log", "--json")[1])
    assert {one["quarter"] for one in held} == {"2026-04", "2026-05", "2026-06", "2026 Q2"}


def test_a_programme_of_months_has_no_months_beside_it(programme: Programme) -> None:
    inside = in_months(programme)
    assert inside.first == Period.parse("2025-01") and inside.last == Period.parse("2026-12")
    assert inside.site_by_code["S01"].start == Period.parse("2025-07")
    assert len(months_of(programme)) == 24
    assert not monthly_outcomes(inside) and not months_of(inside)
