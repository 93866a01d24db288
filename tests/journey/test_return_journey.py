"""A data officer's way through the command line: template, check, mend, submit, restate, look."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import openpyxl
import pytest

from evaluation.cli import main
from evaluation.returns.gate import MAX_FILE
from evaluation.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def newstart(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the command line in the tiny workspace: exit code, standard output, standard error."""
    monkeypatch.chdir(tiny_workspace.root)

    def run(*arguments: str, now: str = "2026-10-20") -> tuple[int, str, str]:
        monkeypatch.setenv("NEWSTART_NOW", now)
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", *arguments])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def fill(path: Path, **cells: object) -> None:
    book = openpyxl.load_workbook(path)
    for cell, value in cells.items():
        book["Return"][cell] = value
    book.save(path)


DENOMINATORS = {"F2": 5000, "F3": 6000, "F4": 5000, "F5": 6000}
FIGURES = {"E2": 210, "E3": 260, "E4": 25, "E5": 31}


def test_an_officers_way(newstart: Run, tiny_workspace: Workspace) -> None:
    file = tiny_workspace.root / "return.xlsx"
    code, out, _ = newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(file))
    assert code == 0 and out.strip() == str(file)

    fill(file, **DENOMINATORS, **FIGURES | {"E2": "<5", "E4": 2.5, "C5": "2026 Q5"})
    code, out, _ = newstart("check", str(file))
    assert code == 1 and "3 things to mend" in out
    assert [line.split()[0] for line in out.splitlines()[2:8:2]] == ["E2", "E4", "C5"]
    assert not tiny_workspace.ledger.exists(), "a check never writes to the ledger"

    code, out, _ = newstart("submit", str(file), "--json")
    assert code == 1
    assert {p["cell"] for p in json.loads(out)["problems"]} == {"E2", "E4", "C5"}
    assert json.loads(out)["receipt"] is None

    fill(file, **FIGURES, C5="2026 Q2")
    code, out, _err = newstart("check", str(file), "--json")
    assert code == 0 and json.loads(out)["accepted"] and json.loads(out)["problems"] == []

    code, out, _ = newstart("submit", str(file), "--json", now="2026-07-20")
    answer = json.loads(out)
    assert code == 0 and answer["accepted"] and not answer["already_held"]
    receipt = answer["receipt"]
    assert receipt["synthetic_clock"] and receipt["received"].startswith("2026-07-20")
    kept = tiny_workspace.receipts / f"{receipt['return_id']}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == receipt

    code, out, _ = newstart("submit", str(file), "--json", now="2026-07-25")
    assert code == 0 and json.loads(out)["already_held"]
    assert json.loads(out)["receipt"] == receipt

    fill(file, E2=212, H2="late records")
    assert newstart("submit", str(file), now="2026-08-20")[0] == 0
    code, out, _ = newstart("ledger", "log", "--json")
    log = json.loads(out)
    assert [one["received"][:10] for one in log] == ["2026-07-20", "2026-08-20"]
    code, out, _ = newstart("ledger", "diff", "2026-07-20", "2026-08-20", "--json")
    (changed,) = json.loads(out)
    assert (changed["kind"], changed["area_code"]) == ("revised", "E01")
    assert (changed["before"]["numerator"], changed["after"]["numerator"]) == (210, 212)
    assert changed["reason"] == "late records"
    by_id = newstart("ledger", "diff", log[0]["return_id"], log[1]["return_id"], "--json")
    assert json.loads(by_id[1]) == [changed]
    assert (
        "210 of 5,000 -> 212 of 5,000" in newstart("ledger", "diff", "2026-07-20", "2026-08-20")[1]
    )
    head, *lines = newstart("ledger", "log")[1].splitlines()
    assert [one["return_id"] in line for one, line in zip(log, lines, strict=True)] == [True] * 2
    assert "quarter" in head, "off a terminal a record is one line"


def test_a_jump_needs_a_written_reason(newstart: Run, tiny_workspace: Workspace) -> None:
    first, second = (tiny_workspace.root / name for name in ("q2.xlsx", "q3.xlsx"))
    newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(first))
    fill(first, **DENOMINATORS, **FIGURES)
    assert newstart("submit", str(first), now="2026-07-20")[0] == 0
    newstart("template", "S01", "2026-Q3", "--agency", "nhs", "-o", str(second))
    sheet = openpyxl.load_workbook(second)["Return"]
    assert [sheet[cell].value for cell in ("E2", "F2", "I2")] == [None, 5000, 210]

    fill(second, **FIGURES | {"E4": 250})
    code, out, _ = newstart("check", str(second))
    assert code == 1 and "1 to confirm" in out and "R060" in out and "E4" in out
    assert newstart("submit", str(second))[0] == 1
    why = tiny_workspace.root / "why.csv"
    why.write_text("rule,cell,reason\nR060,E4,a crisis line opened\n", encoding="utf-8")
    code, out, _ = newstart("submit", str(second), "--confirm", str(why), "--json")
    assert code == 0
    assert json.loads(out)["receipt"]["confirmations"] == [
        {"rule": "R060", "cell": "E4", "value": "250.0", "reason": "a crisis line opened"}
    ]
    assert [p["severity"] for p in json.loads(out)["problems"]] == ["confirm"]


def test_what_cannot_run_ends_with_two_and_a_sentence(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    code, out, err = newstart("check", "nowhere.xlsx")
    assert (code, out) == (2, "") and "nowhere.xlsx" in err and "Traceback" not in err
    code, _, err = newstart("template", "S01", "2026-Q9", "--agency", "nhs", "-o", "a.xlsx")
    assert code == 2 and "2026-Q9" in err
    code, _, err = newstart("template", "S01", "FY26 Q1", "--agency", "nhs", "-o", "a.xlsx")
    assert code == 2 and "can mean 2025 Q2 (April to June 2025) or 2026 Q2" in err
    code, _, err = newstart("template", "S01", "2026-Q3", "-o", "a.xlsx")
    assert code == 2 and "council, nhs" in err
    broken = tiny_workspace.root / "broken.xlsx"
    broken.write_bytes(b"no workbook")
    code, out, err = newstart("check", str(broken))
    assert code == 1 and "1 thing to mend" in out and "no Excel workbook" in out
    assert err == "", "what a check finds is a result, on standard output"
    code, out, err = newstart("submit", str(broken))
    assert code == 1 and "no Excel workbook" in out and err == ""
    code, out, _ = newstart("check", str(broken), "--json")
    assert code == 1 and json.loads(out)["problems"][0]["rule"] == "R001"
    code, out, _ = newstart("ledger", "log", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, out, err = newstart("submit", str(broken), "--confirm", "nope.csv")
    assert (code, out) == (2, "") and "cannot be opened (No such file" in err
    assert "Errno" not in err
    wrong = tiny_workspace.root / "wrong.csv"
    wrong.write_bytes(b"rule,cell\nR060,E4\n")
    assert "no column reason" in newstart("submit", str(broken), "--confirm", str(wrong))[2]
    code, out, err = newstart("ledger", "diff", "2026-08-20", "2026-07-20")
    assert (code, out) == (2, "") and "newstart ledger diff 2026-07-20 2026-08-20" in err
    assert "Traceback" in newstart("--debug", "check", "nowhere.xlsx")[2]


def _python(program: str) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["check", "--help"], {"pandas", "statsmodels", "sqlalchemy", "pandera"}),
        (["--programme", "tiny", "check", "S02_council_2026-Q3.csv"], {"statsmodels", "dowhy"}),
    ],
)
def test_a_verb_pays_only_for_what_it_uses(
    tiny_workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    unwanted: set[str],
) -> None:
    monkeypatch.chdir(tiny_workspace.root)
    rows = [
        "area_code,quarter,outcome,numerator,denominator,status",
        "E03,2026 Q3,arrears,120,2000,",
        "E04,2026 Q3,arrears,130,2100,",
    ]
    Path("S02_council_2026-Q3.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = _python(
        "import sys\n"
        "from evaluation.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"assert not {unwanted!r} & sys.modules.keys()\n"
    )
    assert done.returncode == 0, done.stderr


def test_a_denominator_is_remembered_over_a_quarter_without_a_figure(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    names = ("q1.xlsx", "q2.xlsx", "q3.xlsx")
    first, second, third = (tiny_workspace.root / name for name in names)
    _, _, err = newstart("template", "S01", "2026-Q1", "--agency", "nhs", "-o", str(first))
    assert "4 denominators are not known yet" in err
    fill(first, **DENOMINATORS, **FIGURES)
    assert newstart("submit", str(first), now="2026-04-20")[0] == 0
    _, _, err = newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(second))
    assert "denominators" not in err
    fill(second, **FIGURES | {"E2": None, "E3": 262}, F2=None, G2="[x]")
    why = tiny_workspace.root / "why.csv"
    why.write_text("rule,cell,reason\nR068,G2,the system was down\n", encoding="utf-8")
    code, out, _ = newstart("submit", str(second), "--confirm", str(why), now="2026-07-20")
    assert code == 0, out
    newstart("template", "S01", "2026-Q3", "--agency", "nhs", "-o", str(third))
    sheet = openpyxl.load_workbook(third)["Return"]
    assert [sheet[cell].value for cell in ("F2", "I2", "F3", "I3")] == [5000, None, 6000, 262]


def test_a_check_writes_the_marked_copy_and_says_where(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    file, reply = (tiny_workspace.root / name for name in ("return.xlsx", "reply.xlsx"))
    newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(file))
    fill(file, **DENOMINATORS, **FIGURES | {"E2": "<5"})
    before = file.read_bytes()
    code, out, err = newstart("check", str(file), "--reply", str(reply))
    assert code == 1 and str(reply) in err and file.read_bytes() == before
    book = openpyxl.load_workbook(reply)
    assert book["Problems"]["A1"].value == out.splitlines()[0]
    assert book["Problems"]["A5"].value == "E2"
    code, out, err = newstart("check", str(file), "--json", "--reply", str(reply))
    assert code == 1 and len(json.loads(out)["problems"]) == 1 and str(reply) in err
    code, _, err = newstart("check", str(file), "--reply", str(file))
    assert code == 2 and "overwrite" in err and file.read_bytes() == before


def test_a_quarter_that_stands_is_not_replaced_by_another_ones_figures(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    """The guide still says the last quarter, and rows and name say this one."""
    root = tiny_workspace.root
    first, second = root / "S01_nhs_2026-Q1.xlsx", root / "S01_nhs_2026-Q2.xlsx"
    newstart("template", "S01", "2026-Q1", "--agency", "nhs", "-o", str(first))
    fill(first, **DENOMINATORS, **FIGURES)
    assert newstart("submit", str(first), now="2026-04-20")[0] == 0
    _, _, err = newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(second))
    assert "April to June 2026" in err and "30 July 2026" in err and "Alder (S01)" in err
    fill(second, **FIGURES | {"E2": 214, "E3": 266, "E4": 27, "E5": 29})
    book = openpyxl.load_workbook(second)
    book["Guide"]["B5"] = "2026 Q1"
    book.save(second)

    code, out, _ = newstart("submit", str(second), "--json", now="2026-07-20")
    (told,) = json.loads(out)["problems"]
    assert code == 1 and (told["place"], told["likely_wrong"]) == ("Guide!B5", True)
    assert "2026 Q2 (April to June 2026)" in told["message"] and "2026 Q2" in told["mend"]
    assert "delete" not in told["mend"].lower() and "write 2026 Q1" not in told["mend"]

    # Done blindly the other way, every place says the quarter that stands: it is asked.
    fill(second, C2="2026 Q1", C3="2026 Q1", C4="2026 Q1", C5="2026 Q1")
    renamed = second.rename(root / "return.xlsx")
    code, out, _ = newstart("submit", str(renamed), "--json", now="2026-07-20")
    assert code == 1 and "R092" in {p["rule"] for p in json.loads(out)["problems"]}


def test_reasons_travel_in_the_marked_copy(newstart: Run, tiny_workspace: Workspace) -> None:
    root = tiny_workspace.root
    first, second, marked = (root / name for name in ("q2.xlsx", "q3.xlsx", "marked.xlsx"))
    newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(first))
    fill(first, **DENOMINATORS, **FIGURES)
    assert newstart("submit", str(first), now="2026-07-20")[0] == 0
    newstart("template", "S01", "2026-Q3", "--agency", "nhs", "-o", str(second))
    fill(second, **FIGURES | {"E4": 250})
    newstart("check", str(second), "--reply", str(marked))
    book = openpyxl.load_workbook(marked)
    heads = [cell.value for cell in book["Problems"][4]]
    book["Problems"].cell(5, heads.index("Your reason") + 1).value = "a crisis line opened"
    book["Problems"].cell(6, heads.index("Your reason") + 1).value = "and nothing asked"
    book.save(marked)
    code, out, err = newstart("submit", str(marked))
    assert code == 0 and "a crisis line opened" in out and "2026 Q3 (July to September" in out
    assert "Not used" in err and "row 6" in err


def test_an_output_that_cannot_be_written_is_told_and_no_fault_of_ours(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    file = tiny_workspace.root / "return.csv"
    file.mkdir()
    code, _, err = newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(file))
    assert code == 2 and "this is a folder, where a file should be" in err
    taken = tiny_workspace.root / "taken"
    taken.touch()
    code, _, err = newstart("declarations", "--schemas", str(taken))
    assert code == 2 and f"{taken}: this machine refuses it" in err and "fault of ours" not in err


def test_the_ending_of_a_panel_holds_in_any_case(newstart: Run, tiny_workspace: Workspace) -> None:
    file = tiny_workspace.root / "S01_nhs_2026-Q2.xlsx"
    newstart("template", "S01", "2026-Q2", "--agency", "nhs", "-o", str(file))
    fill(file, **DENOMINATORS, **FIGURES)
    assert newstart("submit", str(file))[0] == 0
    out = tiny_workspace.root / "PANEL.CSV"
    assert newstart("panel", "-o", str(out))[0] == 0
    assert out.read_text(encoding="utf-8").startswith("area_code,")


def test_a_file_of_gigabytes_is_refused_without_being_held(
    newstart: Run, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny_workspace.root / "S01_nhs_2026-Q2.csv"
    with file.open("wb") as stream:
        stream.truncate(MAX_FILE + 1)
    whole = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: pytest.fail("read whole") if path == file else whole(path)
    )
    code, out, _ = newstart("check", str(file), "--json")
    assert code == 1 and json.loads(out)["problems"][0]["rule"] == "R001"
