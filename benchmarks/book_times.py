"""How long the whole demonstration and a build of the book take, in seconds of the processor.

The demonstration is run from a copy of this checkout into a folder outside it. Then its book is
built again in three states: nothing changed, one text was edited, nothing is kept from before.
Processor time of the process and of all that it starts, since a shared machine's clock says little.
The audit of what an attacker is left with is a part of the demonstration and is counted apart.

    python -m benchmarks.book_times [--tiny] [--in FOLDER] [--record NAME]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULT = HERE / "results" / "book_times.json"
AIMS = {"demonstration": 240, "cold": 60, "edited": 15, "unchanged": 5}
"""Seconds of the processor that each may take at full size."""
TAKEN = ("CHANGELOG.md", "SYNTHETIC", "book", "data_schemas", "studies")


def measured(workspace: Path, *, tiny: bool) -> dict[str, dict[str, float]]:
    """Seconds of the processor and of the clock of each."""
    lay_out(workspace)
    found = _demonstration(workspace, tiny=tiny)
    place = workspace / "var" / "tiny" if tiny else workspace
    # What an edition that was just published is listed as is news to its pages: built once more.
    _timed(place, "book", "build")
    found["unchanged"] = _timed(place, "book", "build")
    text = place / "book" / "glossary.md"
    text.write_text(text.read_text(encoding="utf-8") + "\nOne sentence more.\n", encoding="utf-8")
    found["edited"] = _timed(place, "book", "build")
    for kept in ("_build", "_edition"):
        shutil.rmtree(place / "book" / kept)
    found["cold"] = _timed(place, "book", "build")
    return found


def _demonstration(workspace: Path, *, tiny: bool) -> dict[str, dict[str, float]]:
    """The demonstration without its audit, and the audit."""
    kept = workspace / "audit_seconds.json"
    whole = _run(workspace, "benchmarks.book_times", "--audited", str(kept), *_size(tiny))
    audit: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
    kept.unlink()
    rest = {name: round(taken - audit[name], 1) for name, taken in whole.items()}
    return {"demonstration": rest, "audit": audit}


def _size(tiny: bool) -> list[str]:
    return ["--tiny"] if tiny else []


def audited(kept: Path, *, tiny: bool) -> None:
    """Run the demonstration in the folder of now and write what its audit took to a file."""
    from evaluation import demo
    from evaluation.workspace import Workspace

    taken, audit = {"processor": 0.0, "clock": 0.0}, demo._audit

    def timed(*given: Any) -> None:
        before, begun = _used(resource.RUSAGE_SELF), time.monotonic()
        audit(*given)
        taken["processor"] += round(_used(resource.RUSAGE_SELF) - before, 1)
        taken["clock"] += round(time.monotonic() - begun, 1)

    demo._audit = timed
    demo.run_demo(Workspace(root=Path.cwd()), tiny=tiny)
    kept.write_text(json.dumps(taken), encoding="utf-8")


def lay_out(workspace: Path) -> None:
    """What of this checkout a demonstration needs, without what was built or run in it."""
    workspace.mkdir(parents=True, exist_ok=True)
    leave = shutil.ignore_patterns("_build", "_edition", "__pycache__")
    for name in TAKEN:
        source = HERE.parent / name
        if source.is_dir():
            shutil.copytree(source, workspace / name, ignore=leave)
        elif source.is_file():
            shutil.copy(source, workspace / name)


def _timed(workspace: Path, *verb: str) -> dict[str, float]:
    return _run(workspace, "evaluation.cli", *verb)


def _run(workspace: Path, module: str, *arguments: str) -> dict[str, float]:
    before, begun = _used(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=workspace,
        env=os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    used = _used(resource.RUSAGE_CHILDREN) - before
    return {"processor": round(used, 1), "clock": round(time.monotonic() - begun, 1)}


def _used(whose: int) -> float:
    held = resource.getrusage(whose)
    return held.ru_utime + held.ru_stime


def main(arguments: Sequence[str]) -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--in", dest="folder", type=Path)
    parser.add_argument("--record", metavar="NAME", default="")
    parser.add_argument("--audited", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.audited:
        audited(asked.audited, tiny=asked.tiny)
        return
    with tempfile.TemporaryDirectory(prefix="newstart-times-") as scratch:
        found = measured(asked.folder or Path(scratch) / "whole", tiny=asked.tiny)
    for name, taken in found.items():
        aim = "" if asked.tiny or name not in AIMS else f", aim {AIMS[name]} s"
        print(f"{name}: {taken['processor']} s of the processor{aim}, {taken['clock']} s by clock")
    if asked.record:
        known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
        known |= {"command": "python -m benchmarks.book_times --record NAME", "aims": AIMS}
        known[asked.record] = {"seconds": found, **({"size": "tiny"} if asked.tiny else {})}
        RESULT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
