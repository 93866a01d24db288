"""The whole way on a tiny programme, by the command line: demo, panel, study, value, again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.journey.at_the_command_line import newstart, told

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demonstration's workspace."""
    return Path(shutil.copytree(demonstration, tmp_path_factory.mktemp("tiny") / "own"))


def test_everything_is_where_it_should_be(root: Path) -> None:
    assert (root / "SYNTHETIC").is_file()
    assert (root / "var/ledger.sqlite").is_file()
    assert (root / "var/truth/new_start.csv.gz").is_file()
    assert (root / "var/results/new_start/first_look/results.json").is_file()
    log = json.loads(newstart(root, "ledger", "log", "--json"))
    assert len(log) == len(list((root / "var/receipts").glob("*.json")))
    assert all(receipt["synthetic_clock"] for receipt in log)


def test_a_second_demo_adds_nothing(root: Path) -> None:
    before = newstart(root, "ledger", "log", "--json")
    newstart(root, "demo", "--tiny")
    assert newstart(root, "ledger", "log", "--json") == before


def test_two_dates_give_two_panels_and_a_restated_quarter_shows(root: Path, tmp_path: Path) -> None:
    """S01's A&E figures of 2025 Q4 were restated on 2026-10-20."""
    figures = {}
    for day in ("2026-10-19", "2026-10-20"):
        out = tmp_path / f"{day}.csv"
        newstart(root, "panel", "--as-of", day, "--outcome", "ae_attendances", "-o", str(out))
        table = pd.read_csv(out)
        cell = table[(table["site"] == "S01") & (table["quarter"] == "2025 Q4")]
        figures[day] = cell.sort_values("area_code")["numerator"].tolist()
        assert list(table.columns[:7]) == [
            "area_code",
            "site",
            "authority",
            "role",
            "start_quarter",
            "quarter",
            "outcome",
        ]
    before, after = figures["2026-10-19"], figures["2026-10-20"]
    assert after and all(b < a for b, a in zip(after, before, strict=True))


def test_parquet_holds_the_same(root: Path, tmp_path: Path) -> None:
    newstart(root, "panel", "-o", str(tmp_path / "p.csv"))
    newstart(root, "panel", "-o", str(tmp_path / "p.parquet"))
    one, other = pd.read_csv(tmp_path / "p.csv"), pd.read_parquet(tmp_path / "p.parquet")
    assert len(one) == len(other)
    assert one["value"].sum() == pytest.approx(other["value"].sum())


def test_the_study_as_of_a_day_sees_only_that_day(root: Path) -> None:
    run = json.loads(
        newstart(root, "study", "run", "new_start/first_look", "--as-of", "2026-04-30", "--json")
    )
    assert run["sample"]["last"] == "2026 Q1"
    assert run["label"] == "exploratory"
    assert run["differences"]
    again = json.loads(newstart(root, "study", "run", "new_start/first_look", "--json"))
    assert again["sample"]["last"] == "2026 Q3"


def test_value_reads_the_results(root: Path) -> None:
    accounts = json.loads(newstart(root, "value", "new_start/first_look", "--json"))
    assert accounts["price_base"] == 2024
    assert accounts["to_date"] is True
    shown = newstart(root, "value", "new_start/first_look")
    assert "NHS" in shown


def test_the_pipeline_never_opens_the_truth(root: Path) -> None:
    truth = root / "var/truth/new_start.csv.gz"
    hidden = truth.with_suffix(".hidden")
    truth.rename(hidden)
    try:
        newstart(root, "study", "run", "new_start/first_look")
        newstart(root, "panel", "-o", str(root / "p.csv"))
    finally:
        hidden.rename(truth)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study", "run", "new_start/nothing"], "no study 'new_start/nothing'"),
        (["panel", "-o", "p.xls"], "cannot be written as .xls"),
        (["panel", "--as-of", "2001-01-01", "-o", "p.csv"], "nothing was known then"),
        (["panel", "-o", "nowhere/p.csv"], "the folder does not exist"),
        (
            ["template", "S01", "2031-Q1", "--agency", "nhs", "-o", "t.xlsx"],
            "outside the programme",
        ),
        (["template", "S99", "2026-Q3", "-o", "t.xlsx"], "has no site 'S99'"),
        (["template", "S01", "2026-Q3", "--agency", "nhs", "-o", "t.doc"], "cannot be written as"),
        (["panel", "--outcome", "joy", "-o", "p.csv"], "no outcome 'joy'"),
        (["panel", "--as-of", "tomorrow", "-o", "p.csv"], "'tomorrow' is no date"),
        (["value", "new_start/other"], "no results yet"),
        (["--programme", "elsewhere", "panel", "-o", "p.csv"], "does not exist"),
    ],
)
def test_mistakes_get_a_sentence_and_exit_code_two(
    root: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    code, _, err = told(root, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_process_ends_with_the_code_of_its_command(root: Path) -> None:
    command = [sys.executable, "-m", "evaluation.cli", "--workspace", str(root), "value", "a/b"]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and done.stderr
