"""One hash for everything: canonical bytes, then SHA-256.

Canonical JSON has sorted keys, no spaces, UTF-8, and floats in their shortest form that reads
back as the same number, so that a fingerprint depends on content alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def of_bytes(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, however many they are: they are never held together."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical(content: Any) -> bytes:
    """The canonical JSON bytes of plain data (dict, list, str, int, float, bool, None)."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def of_data(content: Any) -> str:
    """SHA-256 of plain data in canonical form."""
    return of_bytes(canonical(content))


def hash_under(secret: str, content: Any) -> str:
    """HMAC-SHA256 of plain data in canonical form; ``secret`` in hexadecimal.

    Who does not have the secret cannot find the content again by trying.

    Raises
    ------
    ValueError : the secret is not written as it was made.
    """
    key = bytes.fromhex(secret)
    if key.hex() != secret:
        # Capitals or blanks would read as the same bytes, and a changed record must not.
        raise ValueError("the secret is not in lower-case hexadecimal")
    return hmac.new(key, canonical(content), hashlib.sha256).hexdigest()


def of_files(paths: Iterable[Path], root: Path) -> str:
    """SHA-256 over the names (relative to ``root``) and contents of files, in order of name."""
    return of_data({path.relative_to(root).as_posix(): of_file(path) for path in paths})
