"""Which code a result was computed by: a hash over the source that decides a verdict."""

from __future__ import annotations

import platform
from importlib import metadata

from evaluation import fingerprint
from evaluation.workspace import package

DECIDES = ("estimate/*.py", "panel.py", "finding/judge.py", "finding/models.py", "study/looks.py")
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "linearmodels")


def code_files() -> dict[str, str]:
    """SHA-256 of each file of the estimators, their inference, the looks and the verdict."""
    root = package()
    files = sorted(path for pattern in DECIDES for path in root.glob(pattern))
    return {p.relative_to(root).as_posix(): fingerprint.of_bytes(p.read_bytes()) for p in files}


def code_fingerprint() -> str:
    """SHA-256 over the names and contents of those files."""
    return fingerprint.of_data(code_files())


def environment() -> dict[str, str]:
    """The interpreter and the libraries that figures rest on beside our own code."""
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **versions}
