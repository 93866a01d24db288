"""The code of an edition: kept whole under its hash, so that an old edition can be computed again.

The archive of a state of the code is made once and shared by every edition of that state. It is
unpacked beside the editions when an old figure is asked for, and run in a process of its own.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from evaluation import fingerprint
from evaluation.errors import BookError, EditionRefused
from evaluation.workspace import package, packaged_schemas

SHOWS = ("cli/", "demo.py", "edition/", "publish/")
"""What only shows or publishes figures: a change there changes none, so it is no cause of one."""
RUN = "evaluation.publish.headline"


def figures_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over the code that figures rest on: everything below the pages."""
    return _of(root or package(), shows=False)


def modules() -> dict[str, str]:
    """SHA-256 of each module that figures rest on, by its path."""
    root = package()
    return {
        path.relative_to(root).as_posix(): fingerprint.of_bytes(path.read_bytes())
        for path in _files(root, shows=False)
    }


@lru_cache(maxsize=8)
def _of(root: Path, *, shows: bool) -> str:
    return fingerprint.of_files(_files(root, shows=shows), root)


def _files(root: Path, *, shows: bool) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*.py"))
        if shows or not path.relative_to(root).as_posix().startswith(SHOWS)
    ]


def package_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over every line of the package's code."""
    return _of(root or package(), shows=True)


def archive(expected: str) -> bytes:
    """The package's source and declarations, packed; the same bytes for the same files.

    Raises
    ------
    EditionRefused : the code is not that of ``expected`` any more.
    """
    if _of.__wrapped__(package(), shows=True) != expected:
        raise EditionRefused(
            "the code was changed while the edition was being made, so it is not known which code "
            "made its figures.",
            where=str(package()),
            mend="publish again",
        )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for root, under in ((package(), "evaluation"), (packaged_schemas(), "data_schemas")):
            for path in sorted(root.rglob("*")):
                if not path.is_file() or "__pycache__" in path.parts:
                    continue
                entry = tarfile.TarInfo(f"{under}/{path.relative_to(root).as_posix()}")
                content = path.read_bytes()
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return lzma.compress(packed.getvalue(), preset=6)


def unpack(packed: Path, folder: Path, expected: str) -> Path:
    """The source of an archive under ``folder``; unpacked once.

    Raises
    ------
    BookError : what it holds is not the code of this fingerprint.
    """
    place = folder / expected[:16]
    if not (place / "evaluation").is_dir():
        unfinished = folder / f"{expected[:16]}.part"
        with tarfile.open(packed, mode="r:xz") as tar:
            tar.extractall(unfinished, filter="data")
        unfinished.replace(place)
    if _of.__wrapped__(place / "evaluation", shows=True) != expected:
        raise BookError(
            "the code kept with the edition is not the code that it was computed by.",
            where=str(packed),
            mend="restore the archive from a back-up",
        )
    return place


def run(source: Path | None, states: Sequence[Path]) -> list[dict[str, float]]:
    """The headline figures of states by a source of the code (None: the one that runs now).

    Raises
    ------
    BookError : that code cannot compute one of them.
    """
    if source is None:
        from evaluation.publish.headline import figures

        return [figures(state) for state in states]
    if not states:
        return []
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", RUN, *map(str, states)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=source,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BookError(
            f"the code of that edition could not compute the figures: {said}",
            where=str(source),
            expected="a state that both codes can read",
        )
    return [json.loads(line) for line in done.stdout.splitlines()]
