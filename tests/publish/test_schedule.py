"""The cron line and the CI job that the book documents are ones that work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from evaluation.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Every call of ``newstart`` in the page's blocks and table."""
    blocks = re.findall(r"```\w*\n(.*?)```", PAGE, re.DOTALL)
    rows = re.findall(r"^\| `(.*?)` \|", PAGE, re.MULTILINE)
    found = [line for block in blocks for line in block.splitlines() if "newstart edition" in line]
    return [re.sub(r".*newstart edition", "newstart edition", line) for line in (*found, *rows)]


def test_the_page_documents_a_cron_line_and_a_job() -> None:
    assert re.search(r"^0 6 \* \* \*  cd \S+ && \S+ edition run", PAGE, re.MULTILINE)
    (job,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    steps = yaml.safe_load(job)["jobs"]["edition"]["steps"]
    assert [step["run"].partition("newstart ")[2] for step in steps] == [
        "edition run",
        "edition verify",
    ]


@pytest.mark.parametrize("command", commands())
def test_every_documented_command_is_understood(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command.partition(">>")[0])[1:]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert words[1] in told
    assert all(word in told for word in words if word.startswith("--"))
