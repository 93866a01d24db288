"""Editions in a row on the synthetic programme: seconds, disk growth, proofs, looks left alone.

``python -m benchmarks.editions [COUNT] [--tiny] [--keep FOLDER]`` publishes the last COUNT quarters
one after another in a new workspace, each with its pages; whether any look that stood was ever
rewritten is asked after each. Then every page of every edition is opened and asked for its
standing, every edition is verified by its own code, and nothing new is published again. The record
goes to ``benchmarks/results/editions.json``, a part for each size. ``--keep`` leaves the workspace.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.demo import SYNTHETIC_PROGRAMME, run_demo
from evaluation.edition.past import FOLDER, History, PastEdition
from evaluation.publish.editions import pages_of, size
from evaluation.publish.proof import verify
from evaluation.publish.publish import publish
from evaluation.study.interim_analyses import ROWS, LookSeries
from evaluation.workspace import Workspace

HERE = Path(__file__).parent
RECORD = HERE / "results" / "editions.json"
OLD, LATEST = "This is not the latest edition.", "It is the latest."
ENDING = " is published."


class Watch:
    """What stood after each edition of a row, as the run tells it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.begun = time.monotonic()
        self.told: list[dict[str, Any]] = []
        self.rewritten: list[str] = []
        self._looks: dict[str, list[str]] = {}

    def progress(self, text: str) -> None:
        """Print a step; where it published an edition, measure what it left."""
        seconds = time.monotonic() - self.begun
        print(f"{seconds:7.0f} s  {text}", flush=True)
        if not (text.startswith("Edition ") and text.endswith(ENDING)):
            return
        total = size(self.workspace.var / FOLDER)
        before = self.told[-1]["bytes"] if self.told else 0
        name = text.removeprefix("Edition ").removesuffix(ENDING)
        self._look_again(name)
        self.told.append(
            {
                "edition": name,
                "seconds_since_begin": round(seconds, 1),
                "bytes": total,
                "grown": total - before,
                "looks": sum(len(rows) for rows in self._looks.values()),
            }
        )

    def _look_again(self, edition: str) -> None:
        """Whether every look that stood after the edition before stands as it stood."""
        now = {
            path.parent.relative_to(self.workspace.var).as_posix(): [
                row.hash for row in LookSeries(folder=path.parent).rows()
            ]
            for path in (self.workspace.var / "looks").rglob(ROWS)
        }
        self.rewritten += [
            f"{edition}: {series}"
            for series, rows in self._looks.items()
            if now.get(series, [])[: len(rows)] != rows
        ]
        self._looks = now


def opened(edition: PastEdition) -> dict[str, Any]:
    """How many pages an edition has, whether its front page is there, and what they say it is."""
    wanted = LATEST if edition.status == "current" else OLD
    pages = dict(pages_of(edition))
    return {
        "edition": edition.name,
        "front_page": "index.html" in pages,
        "pages": len(pages),
        "say_not_the_latest": sum(OLD in page for page in pages.values()),
        "say_the_latest": sum(LATEST in page for page in pages.values()),
        "as_they_should": sum(wanted in page for page in pages.values()),
    }


@contextlib.contextmanager
def place(keep: str) -> Iterator[Path]:
    """A new folder; it goes afterwards, unless it is to be kept."""
    if keep:
        Path(keep).mkdir(parents=True)
        yield Path(keep).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="editions-") as folder:
        yield Path(folder)


def measure(count: int, *, tiny: bool, root: Path) -> dict[str, Any]:
    """What so many editions in a row took and left."""
    (root / "studies").mkdir()
    if not tiny:
        shutil.copytree(HERE.parent / "studies", root / "studies", dirs_exist_ok=True)
    leave = shutil.ignore_patterns("_build", "_edition")
    shutil.copytree(HERE.parent / "book", root / "book", ignore=leave)
    workspace = Workspace(root=root)
    watch = Watch(workspace)
    run_demo(workspace, tiny=tiny, editions=count, progress=watch.progress)
    history = History.read(workspace)
    again = time.monotonic()
    unchanged = publish(workspace, programme=SYNTHETIC_PROGRAMME, progress=watch.progress)
    again = time.monotonic() - again
    looking = time.monotonic()
    proofs = verify(workspace, history.editions)
    return {
        "size": "tiny" if tiny else "full",
        "editions": watch.told,
        "looks_rewritten": watch.rewritten,
        "opened": [opened(edition) for edition in history.editions],
        "unchanged_publish_seconds": round(again, 1),
        "unchanged_is_new": unchanged.new,
        "verified": sum(proof.holds for proof in proofs),
        "of": len(proofs),
        "faults": [fault for proof in proofs for fault in proof.faults],
        "files": sum(proof.files for proof in proofs),
        "headline_figures_made_again": sum(proof.figures for proof in proofs),
        "verify_seconds": round(time.monotonic() - looking, 1),
        "load_of_the_machine": round(os.getloadavg()[0], 1),
    }


def main(arguments: list[str]) -> None:
    """Measure one size and put it into the record."""
    tiny = "--tiny" in arguments
    numbers = [int(one) for one in arguments if one.isdigit()]
    keep = arguments[arguments.index("--keep") + 1] if "--keep" in arguments else ""
    with place(keep) as root:
        found = measure(numbers[0] if numbers else 8, tiny=tiny, root=root)
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    command = " ".join(["python -m benchmarks.editions", *arguments])
    record[found["size"]] = {"command": command, **found}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
