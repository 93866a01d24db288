"""Editions in a row on the synthetic programme: seconds, disk growth, proofs, looks left alone.

``python -m benchmarks.editions [COUNT] [--tiny]`` publishes the last COUNT quarters one after
another in a new workspace, each with its pages, then verifies every edition by its own code and
publishes again with nothing new. The record goes to ``benchmarks/results/editions.json``, a part
for each size.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evaluation.demo import SYNTHETIC_PROGRAMME, run_demo
from evaluation.edition.past import FOLDER, History
from evaluation.publish.proof import verify
from evaluation.publish.publish import publish
from evaluation.publish.store import size
from evaluation.workspace import Workspace

HERE = Path(__file__).parent
RECORD = HERE / "results" / "editions.json"


def measure(count: int, *, tiny: bool) -> dict[str, Any]:
    """What so many editions in a row took and left."""
    with tempfile.TemporaryDirectory(prefix="editions-") as folder:
        root = Path(folder)
        (root / "studies").mkdir()
        if not tiny:
            shutil.copytree(HERE.parent / "studies", root / "studies", dirs_exist_ok=True)
        leave = shutil.ignore_patterns("_build", "_edition")
        shutil.copytree(HERE.parent / "book", root / "book", ignore=leave)
        workspace, told = Workspace(root=root), []
        begun = time.monotonic()

        def progress(text: str) -> None:
            print(f"{time.monotonic() - begun:7.0f} s  {text}", flush=True)
            if text.startswith("Edition ") and text.endswith(" is published."):
                told.append({
                    "edition": text.split()[1], "seconds_since_begin": round(
                        time.monotonic() - begun, 1),
                    "bytes": size(workspace.var / FOLDER),
                })  # fmt: skip

        run_demo(workspace, tiny=tiny, editions=count, progress=progress)
        history = History.read(workspace)
        again = time.monotonic()
        unchanged = publish(workspace, programme=SYNTHETIC_PROGRAMME, progress=progress)
        again = time.monotonic() - again
        looking = time.monotonic()
        proofs = verify(workspace, history.editions)
        return {
            "size": "tiny" if tiny else "full",
            "editions": told,
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
    found = measure(numbers[0] if numbers else 8, tiny=tiny)
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    record[found["size"]] = found
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
