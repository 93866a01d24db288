"""What a programme costs, and what was taken out of a budget, as returns like any other."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from evaluation.errors import WorkspaceError
from evaluation.finance import costs_lacking, lines_of, of_money
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.setup import costs
from evaluation.study.study import with_known_money
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

MONEY = """
money:
  agencies: [council, nhs]
  price_year: 2024
  budgets: [{code: agency_staff, agency: council, title: Agency staff}]
people:
  - {name: Fay, roles: [finance], agencies: [council]}
  - {name: Noor, roles: [finance], agencies: [nhs]}
  - {name: Ada, roles: [submitter]}
  - {name: Per, roles: [publisher]}
"""


@pytest.fixture
def root(tiny_workspace: Workspace) -> Path:
    """The tiny programme with finance departments that report."""
    path = tiny_workspace.studies / "tiny" / "programme.yaml"
    path.write_text(path.read_text("utf-8") + MONEY, "utf-8")
    (tiny_workspace.root / "SYNTHETIC").touch()
    return tiny_workspace.root


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "2025-10-20")


def at(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("NEWSTART_NOW", f"{day}T09:00:00Z")


def filled(root: Path, figures: dict[str, float], *, quarter: str = "2025-Q3") -> Path:
    """The council's return of S01 from its template; what is not named was nothing."""
    path = root / f"S01_council_finance_{quarter}.csv"
    newstart(root, "template", "S01", quarter, "--agency", "council_finance", "-o", str(path))
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    outcome, figure = head.index("outcome"), head.index("numerator")
    assert {*figures} <= {row[outcome] for row in rows}
    for row in rows:
        row[figure] = str(figures.get(row[outcome], 0))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return path


PAID = {
    "council_running_plan": 40_000,
    "council_running_outturn": 38_500.5,
    "council_in_kind_outturn": 2_000,
    "council_double_running_outturn": 9_000,
    "agency_staff_taken_out_outturn": 7_000,
    "agency_staff_posts_closed": 1.5,
}


def known(root: Path, as_of: str = "") -> Programme:
    from evaluation.quarters import parse_instant

    workspace = Workspace(root=root)
    programme = Programme.load(workspace, "tiny")
    return with_known_money(workspace, programme, parse_instant(as_of) if as_of else None)


def test_plan_and_outturn_go_through_check_and_ledger_to_costs(root: Path) -> None:
    path = filled(root, PAID)
    checked = json.loads(newstart(root, "check", str(path), "--json"))
    assert checked["accepted"], checked["problems"]
    receipt = json.loads(newstart(root, "submit", str(path), "--by", "Fay", "--json"))["receipt"]
    assert (receipt["by"], receipt["agency"], receipt["rows"]) == ("Fay", "council_finance", 11)
    programme = known(root)
    costs = {cost.kind: cost.amount for cost in programme.costs}
    # What is planned was not paid.
    assert costs == {"set-up": 0, "running": 38_500.5, "in kind": 2_000, "double running": 9_000}
    assert {(c.site, c.agency, c.price_year) for c in programme.costs} == {("S01", "council", 2024)}
    (out,) = programme.taken_out
    assert (out.line, out.amount, out.posts) == ("agency_staff", 7_000, 1.5)
    # None of it is a figure of an area.
    assert told(root, "panel", "-o", str(root / "p.csv"))[0] == 2


def test_who_may_sign_is_asked_also_where_it_is_withdrawn(root: Path) -> None:
    path = filled(root, PAID)
    for by, said in (("", "signed"), ("Ada", "Ada may not"), ("Noor", "Noor may not")):
        code, _, err = told(root, "submit", str(path), *(("--by", by) if by else ()))
        assert code == 2 and said in err and "Fay" in err, err
    receipt = json.loads(newstart(root, "submit", str(path), "--by", "Fay", "--json"))["receipt"]
    for verb in ("redact", "withdraw"):
        act = ("ledger", verb, receipt["return_id"], "--reason", "wrong site", "--by")
        assert told(root, *act, "Ada")[0] == 2
        assert told(root, *act, "Per")[0] == 0
    assert known(root).costs == ()
    assert json.loads(newstart(root, "ledger", "verify", "--json"))["ok"]
    assert json.loads(newstart(root, "ledger", "log", "--json"))[0]["by"] == "Fay"


def test_without_people_a_return_of_money_still_says_who_signs(root: Path) -> None:
    path = root / "studies" / "tiny" / "programme.yaml"
    path.write_text(path.read_text("utf-8").partition("people:")[0], "utf-8")
    file = filled(root, PAID)
    code, _, err = told(root, "submit", str(file))
    assert code == 2 and "--by NAME" in err
    newstart(root, "submit", str(file), "--by", "whoever")


def test_faults_are_named_at_their_cells(root: Path) -> None:
    path = filled(root, PAID)
    text = path.read_text("utf-8").replace("38500.5", "about 38k").replace("40000", "-40000")
    path.write_text(text.replace("agency_staff_posts_closed", "agency_staff_posts"), "utf-8")
    code, out, _ = told(root, "check", str(path), "--json")
    problems = {one["cell"]: one for one in json.loads(out)["problems"]}
    assert code == 1
    assert {"E4", "E5", "D12"} <= set(problems)
    said = " ".join(one["message"] for one in problems.values())
    assert "-40,000 pounds" in said and "e+" not in said


def test_status_and_calendar_know_what_finance_owes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(root, PAID)
    newstart(root, "submit", str(path), "--by", "Fay")
    at(monkeypatch, "2025-11-20")
    found = json.loads(newstart(root, "status", "--json"))["costs"]
    # S01 starts in 2025 Q3 and owes from the quarter before; S02 starts in 2026 Q1.
    assert found == {"due": 4, "in": 1, "late": 3}
    assert "costs     1 in of 4, 3 late" in newstart(root, "status")
    late = filled(root, PAID, quarter="2025-Q2")
    newstart(root, "submit", str(late), "--by", "Fay")
    due = json.loads(newstart(root, "ledger", "calendar", "--json"))
    states = {(d["agency"], d["quarter"]): d["state"] for d in due if d["site"] == "S01"}
    assert states["council_finance", "2025 Q2"] == "late"
    assert states["council_finance", "2025 Q3"] == "received"
    assert states["nhs_finance", "2025 Q3"] == "missing"
    assert "S01 nhs 2025 Q3" in costs_lacking(known(root), Period.parse("2025 Q3"))


def test_a_restated_cost_is_known_from_its_day_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newstart(root, "submit", str(filled(root, PAID)), "--by", "Fay")
    at(monkeypatch, "2026-01-10")
    again = filled(root, PAID | {"council_running_outturn": 41_000})
    code, out, _ = told(root, "submit", str(again), "--by", "Fay", "--json")
    if code:
        asked = [(p["rule"], p["cell"], "late invoices") for p in json.loads(out)["problems"]]
        why = root / "why.csv"
        with why.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("rule", "cell", "reason"), *asked])
        out = newstart(root, "submit", str(again), "--by", "Fay", "--confirm", str(why), "--json")
    assert "1 of 11 figures" in json.loads(out)["receipt"]["changes"][0]
    for day, running in (("2025-12-31", 38_500.5), ("2026-01-10", 41_000), ("", 41_000)):
        costs = {cost.kind: cost.amount for cost in known(root, day).costs}
        assert costs["running"] == running
    (diff,) = json.loads(newstart(root, "ledger", "diff", "2025-12-31", "2026-01-11", "--json"))
    assert (diff["kind"], diff["area_code"], diff["outcome"]) == (
        "revised",
        "S01",
        "council_running_outturn",
    )


def test_a_folder_with_returns_of_both_kinds_is_loaded(root: Path) -> None:
    folder = root / "in"
    folder.mkdir()
    for quarter in ("2025-Q2", "2025-Q3"):
        shutil.move(filled(root, {}, quarter=quarter), folder)
    assert told(root, "load", str(folder), "--by", "Ada")[0] == 2
    done = json.loads(newstart(root, "load", str(folder), "--by", "Fay", "--json"))
    assert (done["accepted"], done["refused"]) == (2, 0)


def test_a_workbook_explains_its_lines(root: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = root / "S01.xlsx"
    newstart(root, "template", "S01", "2025-Q3", "--agency", "council_finance", "-o", str(path))
    book = openpyxl.load_workbook(path)
    text = " ".join(
        str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value
    )
    assert "Double running cost, outturn" in text and "posts closed in the quarter" in text
    assert "finance department" in text


def test_both_ways_of_declaring_costs_contradict_each_other(root: Path) -> None:
    path = root / "studies" / "tiny" / "programme.yaml"
    path.write_text(path.read_text("utf-8") + "costs: costs.csv\n", "utf-8")
    path.with_name("costs.csv").write_text(
        "site,agency,kind,period,amount,price_year\nS01,council,running,2025 Q3,1,2024\n", "utf-8"
    )
    code, _, err = told(root, "status")
    assert code == 2 and "twice" in err and "newstart upgrade" in err


def test_an_older_workspace_keeps_its_costs_through_upgrade(tiny_workspace: Workspace) -> None:
    root, path = tiny_workspace.root, tiny_workspace.studies / "tiny" / "programme.yaml"
    path.write_text(path.read_text("utf-8") + "costs: costs.csv # as it was\n", "utf-8")
    rows = [
        "S01,council,set-up,2025 Q2,50000,2024",
        "S01,council,running,2025 Q3,20000,2024",
        "S01,council,in kind,2025 Q3,900.25,2024",
        "S01,nhs,running,2025 Q3,7000,2024",
        "S01,nhs,running,2027 Q3,7000,2024",
    ]
    text = "site,agency,kind,period,amount,price_year\n" + "\n".join(rows) + "\n"
    path.with_name("costs.csv").write_text(text, "utf-8")
    before = Programme.load(tiny_workspace, "tiny").costs
    assert "3 returns of finance" in newstart(root, "upgrade")
    programme = known(root)
    paid = {(c.site, c.agency, c.kind, c.period): c for c in programme.costs if c.amount}
    assert [*paid.values()] and set(paid.values()) == {c for c in before if c.period.year < 2027}
    assert [c.period.year for c in programme.planned_costs] == [2027]
    assert not path.with_name("costs.csv").exists()
    assert (root / "var" / "before_upgrade" / "tiny" / "costs.csv").read_text("utf-8") == text
    assert "costs became" not in newstart(root, "upgrade")


def test_lines_are_those_of_the_agencies_that_pay(root: Path) -> None:
    programme = Programme.load(Workspace(root=root), "tiny")
    assert len(lines_of(programme)) == 8 + 3 + 8
    view = of_money(programme)
    assert {area.code for area in view.areas} == {"S01", "S02"}
    assert ("S02", "nhs_finance") in view.submitters
    with pytest.raises(WorkspaceError):
        programme.expected("S01", "council_finance")


ROWS = (
    "site,agency,kind,period,amount,price_year\n"
    "S01,council,running,2025 Q3,20000,2024\nS01,council,running,2027 Q3,7000,2024\n"
)


@pytest.mark.parametrize("quote", ["", '"'])
def test_rows_that_lie_ahead_join_the_planned_table_that_is_declared(
    tiny_workspace: Workspace, quote: str
) -> None:
    root, path = tiny_workspace.root, tiny_workspace.studies / "tiny" / "programme.yaml"
    declared = f"costs: {quote}paid.csv{quote}\nplanned_costs: {quote}plan.csv{quote}\n"
    path.write_text(path.read_text("utf-8") + declared, "utf-8")
    path.with_name("paid.csv").write_text(ROWS, "utf-8")
    mine = ROWS.splitlines()[0] + "\nS01,council,set-up,2027 Q2,100,2024\n"
    path.with_name("plan.csv").write_text(mine, "utf-8")
    newstart(root, "upgrade")
    assert sorted(c.amount for c in known(root).planned_costs) == [100, 7000]
    apart = root / "var" / "before_upgrade" / "tiny"
    assert (apart / "plan.csv").read_text("utf-8") == mine
    assert (apart / "paid.csv").read_text("utf-8") == ROWS


def test_an_upgrade_that_is_cut_short_leaves_the_costs_and_goes_on(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_workspace.studies / "tiny"
    path, table = folder / "programme.yaml", folder / "costs.csv"
    path.write_text(path.read_text("utf-8") + "costs: costs.csv\n", "utf-8")
    table.write_text(ROWS, "utf-8")
    whole, done = costs.write_whole, list[Path]()

    def cut(to: Path, content: str | bytes) -> None:
        if to == path:
            raise OSError(28, "No space left on device")
        done.append(to)
        whole(to, content)

    programme = Programme.load(tiny_workspace, "tiny")
    monkeypatch.setattr(costs, "write_whole", cut)
    with pytest.raises(OSError, match="No space"):
        costs.costs_to_returns(tiny_workspace, programme)
    assert done and table.read_text("utf-8") == ROWS
    monkeypatch.undo()
    costs.costs_to_returns(tiny_workspace, Programme.load(tiny_workspace, "tiny"))
    assert [c.amount for c in known(tiny_workspace.root).planned_costs] == [7000]
