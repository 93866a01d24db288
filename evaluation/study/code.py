"""Which code a result was computed by: a hash over the source that decides a verdict."""

from __future__ import annotations

import platform
from importlib import metadata

from evaluation import fingerprint
from evaluation.workspace import package

DECIDES = (
    "quarters.py",
    "programme.py",
    "protocol.py",
    "panel.py",
    "estimate/*.py",
    "diagnose/*.py",
    "finding/judge.py",
    "finding/looked.py",
    "finding/models.py",
    "study/assignment_store.py",
    "study/kept.py",
    "study/look*.py",
    "study/panels.py",
    "study/run.py",
)
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "linearmodels")


def code_files() -> dict[str, str]:
    """SHA-256 of each file that a verdict goes through, from the panel to the judgement."""
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
