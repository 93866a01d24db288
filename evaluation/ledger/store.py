"""Accepted files as they came, by SHA-256: written whole and on the disk before any record.

A folder by default; a store that is named by a URL is ``remote.py``'s.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger.remote import Remote

_SHA256 = re.compile(r"[0-9a-f]{64}")


Raw = Path | Remote
"""Where raw files are kept."""


def open_raw(place: Path | str) -> Raw:
    """The store at a place: a folder, or what a URL names; ``file://`` is a folder too.

    Raises
    ------
    LedgerError : if the URL cannot be read, or what it needs is not installed.
    """
    if isinstance(place, Path):
        return place
    kind, found, rest = place.partition("://")
    if not found:
        return Path(place)
    return Path(rest) if kind in ("file", "local") else Remote.open(place)


def where(raw: Raw, sha256: str) -> str:
    """Where a file with this hash lies, for a message."""
    return raw.name(sha256) if isinstance(raw, Remote) else str(raw_path(raw, sha256))


def raw_path(raw: Path, sha256: str) -> Path:
    """Where a file with this hash lies under the store ``raw``."""
    return raw / sha256[:2] / sha256


def keep(raw: Raw, content: bytes) -> None:
    """Keep a file's bytes under their hash; a file that is there already is left as it is.

    Raises
    ------
    LedgerError : if the store cannot be written.
    """
    if isinstance(raw, Remote):
        raw.keep(content)
        return
    path = raw_path(raw, fingerprint.of_bytes(content))
    try:
        if path.is_file() and path.stat().st_size == len(content):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            f"the file could not be kept ({error.strerror}); nothing was accepted.",
            where=str(raw),
            mend="make room or give the right to write there, and submit it again.",
        ) from None


def read(raw: Raw, sha256: str) -> bytes | None:
    """A kept file's bytes, as they are: whoever reads them compares their hash; None for none.

    Raises
    ------
    LedgerError : if the store cannot be read.
    """
    if not _SHA256.fullmatch(sha256):
        return None
    if isinstance(raw, Remote):
        return raw.read(sha256)
    try:
        return raw_path(raw, sha256).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(
            f"a kept file cannot be read ({error.strerror}).", where=str(raw_path(raw, sha256))
        ) from None


def remove(raw: Raw, sha256: str) -> None:
    """Take a redacted file out for good; one that is gone already stays gone.

    Raises
    ------
    LedgerError : if it cannot be removed.
    """
    if isinstance(raw, Remote):
        raw.remove(sha256)
        return
    path = raw_path(raw, sha256)
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            _sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            f"the redaction is recorded, but the file could not be removed ({error.strerror}).",
            where=str(path),
            mend="give the right to remove it, and redact it again.",
        ) from None


def _sync_folder(folder: Path) -> None:
    """The new name of a file is on the disk only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
