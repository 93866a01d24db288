"""The command line, called as its entry point calls it; the demonstration has its own process."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from evaluation.cli import main


def told(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in a workspace."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(["--workspace", str(root), *arguments])
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def newstart(root: Path, *arguments: str, ok: int = 0) -> str:
    """What a command that ends with ``ok`` says: its result, or why there is none."""
    code, out, err = told(root, *arguments)
    assert code == ok, err
    assert "Traceback" not in err
    return out if ok < 2 else err
