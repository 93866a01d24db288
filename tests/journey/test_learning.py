"""Learning as typed: the log, rules before there are results, the lottery, a small trial."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from evaluation.cli import main
from evaluation.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
LOG = ("log", "add", "--site", "S01", "--kind", "change", "--what", "a call after the letter")
WHY = ("--why", "half were not answered", "--expects", "ae_attendances", "--by-when", "2027-Q1")


@pytest.fixture
def newstart(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a verb in the tiny workspace: exit code, standard output, standard error."""
    monkeypatch.chdir(tiny_workspace.root)

    def run(*words: str, now: str = "2026-11-30") -> tuple[int, str, str]:
        monkeypatch.setenv("NEWSTART_NOW", now)
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_an_entry_is_written_listed_and_proved(newstart: Run, tiny_workspace: Workspace) -> None:
    code, out, _ = newstart(*LOG, *WHY)
    assert code == 0 and len(out.strip()) == 12
    first = out.strip()
    late = ("log", "add", "--kind", "outcome", "--about", first, "--what", "it fell", "--why", "x")
    assert newstart(*late, now="2027-04-01")[0] == 0
    rows = json.loads(newstart("log", "list", "--json")[1])
    assert [one["kind"] for one in rows] == ["change", "outcome"]
    assert rows[0]["what_came_of_it"][0]["what"] == "it fell" and rows[0]["late"] == ""
    assert rows[0]["by_when"] == "2027 Q1"
    assert json.loads(newstart("ledger", "verify", "--json")[1])["ok"]
    with closing(sqlite3.connect(tiny_workspace.ledger)) as connection, connection:
        connection.execute("DROP TRIGGER log_entries_no_update")
        changed = "UPDATE log_entries SET content = replace(content, '2027 Q1', '2027 Q4')"
        connection.execute(changed)
    connection.close()
    code, out, _ = newstart("ledger", "verify", "--json")
    assert code == 1 and json.loads(out)["broken"][0]["return_id"] == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--site", "S09"), "no site S09"),
        (("--expects", "ae_attendence"), "did you mean ae_attendances"),
        (("--by-when", "soon"), "'soon'"),
        (("--kind", "rumour"), "no kind of entry"),
        (("--why", " "), "needs its why"),
    ],
)
def test_what_is_no_entry_is_refused_in_a_sentence(
    newstart: Run, change: tuple[str, str], said: str
) -> None:
    words = [*LOG, *WHY]
    words[words.index(change[0]) + 1] = change[1]
    code, out, err = newstart(*words)
    assert code == 2 and said in err and "Traceback" not in err and not out


def test_an_explanation_after_the_edition_is_labelled(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    folder = tiny_workspace.var / "editions"
    folder.mkdir(parents=True)
    edition = {
        "name": "2026-Q3",
        "quarter": "2026 Q3",
        "number": 1,
        "correction": 0,
        "published": "2026-11-01T00:00:00.000000Z",
        "next_due": "",
        "reason": "",
        "pages": False,
        "manifest": "",
    }
    (folder / "index.json").write_text(json.dumps({"editions": [edition]}), "utf-8")
    said = ("log", "add", "--kind", "explanation", "--what", "a ward closed", "--why", "flood")
    figure = ("--expects", "ae_attendances", "--json")
    assert json.loads(newstart(*said, *figure, now="2026-10-20")[1])["late"] == ""
    row = json.loads(newstart(*said, *figure)[1])
    assert row["late"].startswith("written on 2026-11-30, after the figure was published on")


def test_people_who_may_not_write_are_refused(newstart: Run, tiny_workspace: Workspace) -> None:
    path = tiny_workspace.studies / "tiny" / "programme.yaml"
    people = (
        "people: [{name: Ada, roles: [evaluator]}, {name: Bo, roles: [submitter], sites: [S02]}]\n"
    )
    path.write_text(path.read_text("utf-8") + people, "utf-8")
    assert newstart(*LOG, *WHY, "--by", "Ada")[0] == 0
    for by in ("Bo", "Eve", ""):
        code, _, err = newstart(*LOG, *WHY, *(("--by", by) if by else ()))
        assert code == 2 and "Ada" in err


def test_rules_before_there_are_results_are_not_known(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    folder = tiny_workspace.studies / "tiny" / "look"
    folder.mkdir()
    protocol = {
        "study": "look",
        "programme": "tiny",
        "title": "A look",
        "question": "Does it work?",
        "how_pilots_were_chosen": "By lot.",
        "primary": ["ae_attendances"],
        "assignments": {"seed": 1},
    }
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol), "utf-8")
    rule = {"name": "go", "when": "ae_attendances.improved", "who": "the board"}
    (folder / "decisions.yaml").write_text(yaml.safe_dump({"decisions": [rule]}), "utf-8")
    (row,) = json.loads(newstart("decisions", "list", "--json")[1])
    assert row["name"] == "go" and row["met"] == "unknown"
    assert row["why"] == "ae_attendances.improved is not known"
    facts = json.loads(newstart("decisions", "facts", "tiny/look", "--json")[1])
    assert "ae_attendances.next_site_low" in {one["fact"] for one in facts}
    rule["when"] = "ae_attendances.improoved"
    (folder / "decisions.yaml").write_text(yaml.safe_dump({"decisions": [rule]}), "utf-8")
    code, _, err = newstart("decisions", "list")
    assert code == 2 and "ae_attendances.improved" in err and "go" in err
    (folder / "decisions.yaml").unlink()
    code, _, err = newstart("chain", "tiny/look")
    assert code == 2 and "no links are declared" in err
    code, _, err = newstart("practice")
    assert code == 2 and "no components of practice" in err


def test_a_lottery_is_committed_drawn_and_checked(newstart: Run, tiny_workspace: Workspace) -> None:
    path = tiny_workspace.root / "lottery.yaml"
    held = {"sites": ["S01", "S02"], "slots": ["2027 Q1", "2027 Q3"]}
    path.write_text(yaml.safe_dump(held), "utf-8")
    beacon = ("--beacon", "the national lottery", "--on", "2026-12-15", "--witness", "an auditor")
    assert newstart("design", "lottery", "commit", str(path))[0] == 2
    assert newstart("design", "lottery", "commit", str(path), *beacon)[0] == 0
    assert newstart("design", "lottery", "commit", str(path), *beacon)[0] == 2
    early = newstart("design", "lottery", "reveal", str(path), "--value", "7")
    assert early[0] == 2 and "beacon's day" in early[2]
    late = newstart("design", "lottery", "reveal", str(path), "--value", "7", now="2026-12-16")
    assert late[0] == 0 and sorted(line.split()[-1] for line in late[1].splitlines()[-2:]) == [
        "S01",
        "S02",
    ]
    assert newstart("design", "lottery", "check", str(path))[0] == 0
    text = path.read_text("utf-8").replace("beacon_value: '7'", "beacon_value: '8'")
    path.write_text(text.replace("order:", "order: # changed"), "utf-8")
    drawn = yaml.safe_load(path.read_text("utf-8"))
    drawn["order"].reverse()
    path.write_text(yaml.safe_dump(drawn), "utf-8")
    code, out, _ = newstart("design", "lottery", "check", str(path), "--json")
    assert code == 1 and not json.loads(out)["ok"]


def test_a_trial_ends_in_the_log(newstart: Run, tiny_workspace: Workspace, tmp_path: Path) -> None:
    plan = tiny_workspace.root / "calls.yaml"
    plan.write_text(
        "question: Does a call help?\nsite: S01\narms: [letter, call]\nunit: household\n"
        "outcome: answered\nn: 12\nstop: 2027-01-15\nharms: complaints\nleft_out: nobody\n",
        "utf-8",
    )
    units, arms = tiny_workspace.root / "units.csv", tiny_workspace.root / "arms.csv"
    units.write_text("unit\n" + "".join(f"h{k}\n" for k in range(12)), "utf-8")
    assert newstart("trial", "new", str(plan))[0] == 0
    assert newstart("trial", "assign", str(plan), str(units), "-o", str(arms))[0] == 0
    with arms.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    results = tiny_workspace.root / "results.csv"
    lines = [f"{one['unit']},{int(one['arm'] == 'call')}\n" for one in rows]
    results.write_text("unit,outcome\n" + "".join(lines), "utf-8")
    judged = ("trial", "result", str(plan), str(results), "--log")
    assert newstart(*judged)[0] == 2
    code, out, _ = newstart(*judged, now="2027-01-16")
    assert code == 0 and "keep" in out and "exact p" in out
    (row,) = json.loads(newstart("log", "list", "--json")[1])
    assert row["kind"] == "trial" and row["site"] == "S01"
