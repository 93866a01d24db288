"""Hostile files: each is refused with a sentence, by bounded work, in little memory, no traceback.

Work is counted in calls, which are the same on every machine; ``python -m benchmarks.hostile``
holds each file to two seconds.
"""

from __future__ import annotations

import cProfile
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.workspace import Workspace
from tests.hostile.corpus import CASES, READ, WRONG_LINES, wrong_lines, wrong_rows
from tests.hostile.measure import run

ROOT = Path(__file__).resolve().parents[2]
MEGABYTES = 300.0
CALLS_A_LINE = 15_000
"""Of a line with eight wrong cells, each of which is listed, and marked in the reply."""
FLOODS = [
    *(pytest.param(name, marks=pytest.mark.slow) for name in list(WRONG_LINES)[2:]),
    *list(WRONG_LINES)[:2],
    "all_wrong.xlsx",
]


@pytest.fixture
def answers(tiny_workspace: Workspace, honest: bytes, tmp_path: Path) -> dict[str, dict[str, Any]]:
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "honest.xlsx").write_bytes(honest)
    for case in CASES:
        (folder / case.name).write_bytes(case.make(honest))
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measure", str(tiny_workspace.root), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {answer["file"]: answer for answer in json.loads(done.stdout)}


def test_every_hostile_file_is_refused_with_a_sentence_in_little_memory(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert len(CASES) >= 30
    base = answers["honest.xlsx"]
    assert base["code"] == 0 and base["replied"], base["said"]
    assert answers["all_wrong.xlsx"]["replied"], "a long return of wrong cells is marked"
    wrong = []
    for case in CASES:
        answer = answers[case.name]
        said, above = answer["said"], answer["peak_mb"] - base["peak_mb"]
        if answer["code"] not in ((0, 1) if case.says == READ else (1,)):
            wrong.append(f"{case.name}: exit code {answer['code']}: {said[-300:]}")
        if case.says != READ and case.says.casefold() not in said.casefold():
            wrong.append(f"{case.name}: not {case.says!r} but: {said[:300]}")
        if any(sign in said for sign in ("Traceback", "fault of ours", "panicked", "Error:")):
            wrong.append(f"{case.name}: {said[-300:]}")
        if above > MEGABYTES:
            wrong.append(f"{case.name}: {above:.0f} MB above base")
    assert not wrong, "\n".join(wrong)


def calls(workspace: Workspace, file: Path) -> int:
    """How many calls, of Python and of C, a check of a file makes."""
    profile = cProfile.Profile()
    profile.runcall(run, str(workspace.root), file, file.with_name("reply.xlsx"))
    return sum(one.callcount for one in profile.getstats())


@pytest.mark.parametrize("name", FLOODS)
def test_the_work_of_a_check_grows_as_the_lines_do_and_no_faster(
    tiny_workspace: Workspace, honest: bytes, tmp_path: Path, name: str
) -> None:
    """Told from 150 lines to 300; the first ten bring what is imported and kept."""
    file, taken = tmp_path / name, []
    for count in (10, 150, 300):
        lines = name.endswith(".csv")
        file.write_bytes(wrong_lines(name, count) if lines else wrong_rows(honest, count))
        taken.append(calls(tiny_workspace, file))
    assert taken[2] - taken[1] <= 150 * CALLS_A_LINE
    assert taken[2] <= 2.2 * taken[1]
