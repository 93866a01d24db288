"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from evaluation.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def new_workspace(tmp_path: Path) -> Path:
    """The declarations as they are tracked, with a ledger that holds nothing yet."""
    shutil.copytree(ROOT / "studies" / "new_start", tmp_path / "studies" / "new_start")
    shutil.copytree(ROOT / "data_schemas", tmp_path / "data_schemas")
    return tmp_path


def test_the_faulty_return_is_answered_as_shown(
    new_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = ROOT / "tests" / "examples" / "S01_nhs_2026-Q3.csv"
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(new_workspace), "check", str(faulty)])
    assert end.value.code == 1
    # Where nothing was accepted before, a last paragraph says that there is no jump to look for.
    told = capsys.readouterr().out.partition("\nnot checked yet")[0].rstrip()
    assert f"```\n{told}\n```" in README


def said_on(page: str) -> str:
    """The words of a page as a reader sees them: signs that join two of them have no width."""
    text = BeautifulSoup(page, "html.parser").get_text().replace("\N{WORD JOINER}", "")
    return " ".join(text.split())


@pytest.mark.slow
def test_the_demonstration_says_what_is_quoted(
    new_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unbuilt = shutil.ignore_patterns("_build", "_edition")
    shutil.copytree(ROOT / "book", new_workspace / "book", ignore=unbuilt)
    shutil.copytree(ROOT / "studies" / "real_cases", new_workspace / "studies" / "real_cases")
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(new_workspace), "demo"])
    printed = capsys.readouterr()
    assert end.value.code == 0, printed.err
    front = said_on((new_workspace / "book" / "_build" / "html" / "index.html").read_text("utf-8"))
    quoted = [line.removeprefix("> ") for line in README.splitlines() if line.startswith("> ")]
    assert len(quoted) > 3 and [line for line in quoted if line not in front] == []
    shown = [line for line in README.splitlines() if line.startswith("· ") and "..." not in line]
    told = printed.out + printed.err
    assert [line for line in shown if line not in told] == []


def test_every_name_that_contributing_points_to_is_there() -> None:
    """``file`` (`name`, `name`): each name stands in that file."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    pointed = re.findall(r"`([\w./]+\.\w+)` \(((?:`\w+`(?:, (?:in )?)?)+)\)", page)
    assert len(pointed) > 10
    for path, names in pointed:
        text = (ROOT / path).read_text("utf-8")
        assert [n for n in re.findall(r"\w+", names) if not re.search(rf"\b{n}\b", text)] == [], (
            path
        )
