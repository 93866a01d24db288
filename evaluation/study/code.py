"""Which code a result was computed by: one hash over the estimators' own source."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from evaluation import fingerprint


def code_fingerprint() -> str:
    """SHA-256 over the source of the estimators and their inference."""
    root = Path(str(resources.files("evaluation"))) / "estimate"
    return fingerprint.of_files(sorted(root.glob("*.py")), root)
