"""Hostile files by the clock: ``python -m benchmarks.hostile`` checks each and records the worst.

Every file of the hostile corpus is checked by the command line, in a process of its own forked from
one that has checked an honest file; time by the clock and of the processor, memory above the honest
file. The machine's load stands beside them: on a shared machine the clock also tells of others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ledger.record import record_as
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.conftest import AREAS, DENOMINATORS, OPINION, PROGRAMME
from tests.hostile.corpus import CASES
from tests.hostile.packages import honest_workbook

ROOT = Path(__file__).resolve().parents[1]
SECONDS, MEGABYTES = 2.0, 300.0


def workspace_in(folder: Path) -> Workspace:
    """The tiny programme of the tests."""
    study = folder / "studies" / "tiny"
    (study / "outcomes").mkdir(parents=True)
    (study / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    (study / "areas.csv").write_text(AREAS, encoding="utf-8")
    (study / "outcomes" / "opinion.yaml").write_text(OPINION, encoding="utf-8")
    (folder / "SYNTHETIC").touch()
    return Workspace(root=folder)


def measured() -> list[dict[str, Any]]:
    """What each file took; the honest one is the base."""
    with tempfile.TemporaryDirectory() as name:
        workspace = workspace_in(Path(name) / "workspace")
        incoming = Path(name) / "incoming"
        incoming.mkdir()
        programme = Programme.load(workspace, "tiny")
        honest = honest_workbook(programme, DENOMINATORS, incoming / "honest.xlsx")
        for case in CASES:
            (incoming / case.name).write_bytes(case.make(honest))
        done = subprocess.run(
            [sys.executable, "-m", "tests.hostile.measure", str(workspace.root), str(incoming)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def main() -> None:
    """Measure every file and record the worst five of each kind."""
    before = os.getloadavg()[0]
    answers = measured()
    base = next(one["peak_mb"] for one in answers if one["file"] == "honest.xlsx")
    told = [
        {
            "file": one["file"],
            "seconds_by_the_clock": round(one["elapsed"], 2),
            "processor_seconds": round(one["seconds"], 2),
            "megabytes_above_base": round(one["peak_mb"] - base),
        }
        for one in answers
    ]
    kinds = ("seconds_by_the_clock", "processor_seconds", "megabytes_above_base")
    worst = {kind: sorted(told, key=lambda one: -one[kind])[:5] for kind in kinds}
    result = {
        "files": len(told) - 1,
        "bar": {"seconds": SECONDS, "megabytes_above_base": MEGABYTES},
        "load_of_the_machine": [round(before, 1), round(os.getloadavg()[0], 1)],
        "worst_by": worst,
    }
    record_as("hostile", "python -m benchmarks.hostile", result)


if __name__ == "__main__":
    main()
