"""A demonstration in a folder of its own, by the command line as a person would run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, size: str) -> Path:
    """Run the demonstration in a new folder, from the declarations as tracked; the workspace.

    The tiny one declares its own programme, so that its book is built in the folder itself.

    Raises
    ------
    RuntimeError : it ended with an error; what it said stands in the message.
    """
    made = shutil.ignore_patterns("_build", "_edition", "protocol.lock")
    (folder / "studies").mkdir(parents=True)
    names = ("book", "data_schemas") if size == "tiny" else ("book", "data_schemas", "studies")
    for name in names:
        shutil.copytree(ROOT / name, folder / name, ignore=made, dirs_exist_ok=True)
    tiny = ["--tiny"] if size == "tiny" else []
    ran = subprocess.run(
        [sys.executable, "-m", "evaluation.cli", "--workspace", str(folder), "demo", *tiny],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if ran.returncode != 0:
        raise RuntimeError(f"the demonstration ended with {ran.returncode}:\n{ran.stderr}")
    return folder
