"""Files of editions, each content held once: what two editions share costs no room twice.

A file is kept under its SHA-256 and linked into the edition that holds it, read-only. Where a file
system knows no links it is copied. A content that no edition holds any more is let go.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from evaluation import fingerprint

OBJECTS = "objects"


def place(editions: Path, content: bytes, to: Path) -> str:
    """Put a content at a path, by a link to the one copy of it; returns its SHA-256."""
    name = fingerprint.of_bytes(content)
    held = editions / OBJECTS / name[:2] / name
    if not held.is_file():
        held.parent.mkdir(parents=True, exist_ok=True)
        unfinished = held.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.chmod(0o444)
        unfinished.replace(held)
    to.parent.mkdir(parents=True, exist_ok=True)
    unlinked = to.with_name(to.name + ".part")
    try:
        os.link(held, unlinked)
    except OSError:  # no links here, or too many to one file: a copy says the same
        shutil.copyfile(held, unlinked)
        unlinked.chmod(0o444)
    unlinked.replace(to)
    return name


def sweep(editions: Path) -> None:
    """Let go of contents that no edition links to any more."""
    for held in (editions / OBJECTS).glob("*/*"):
        if held.stat().st_nlink == 1 and not _copied(editions):
            held.unlink()


def _copied(editions: Path) -> bool:
    """Whether this file system holds copies, so that a content without links may be in use."""
    probe = editions / OBJECTS / "probe"
    probe.write_bytes(b"")
    try:
        os.link(probe, probe.with_suffix(".link"))
    except OSError:
        return True
    else:
        probe.with_suffix(".link").unlink()
        return False
    finally:
        probe.unlink()


def size(folder: Path) -> int:
    """Bytes that a folder takes, each linked file counted once."""
    seen = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            held = path.stat()
            seen[held.st_dev, held.st_ino] = held.st_size
    return sum(seen.values())
