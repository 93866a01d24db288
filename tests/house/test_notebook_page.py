"""*At the notebook*: every block of the page runs, and prints what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "notebook.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"`((?:est|plain|panel)\.\w+\([^`]*\)(?:\.[^`]*)?)`")
NESTED = "Synthetic control with predictors"
"""From this heading on a block takes longer than the others together."""


@pytest.fixture(autouse=True)
def drawn_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Plots on no screen, files in no folder of ours."""
    import matplotlib

    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    yield
    from matplotlib import pyplot

    pyplot.close("all")
    matplotlib.use(before)


def run(text: str, names: dict[str, Any]) -> list[tuple[str, str]]:
    """What each block that is followed by a shown output prints, beside what is shown."""
    found, printed = [], ""
    for kind, block in BLOCK.findall(text):
        if kind == "text":
            found.append((printed, block))
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(block, PAGE.name, "exec"), names)
        printed = "".join(f"{line.rstrip()}\n" for line in said.getvalue().splitlines())
    return found


def parts() -> tuple[str, str]:
    """The page before the blocks that take long, and from there on."""
    text = PAGE.read_text("utf-8")
    quick, heading, rest = text.partition(f"## {NESTED}")
    assert heading
    return quick, rest


def test_what_is_shown_is_what_is_printed() -> None:
    names: dict[str, Any] = {}
    shown = run(parts()[0], names)
    assert len(shown) == 3
    for printed, block in shown:
        assert printed == block
    for call in CALL.findall(parts()[0]):
        names.setdefault("np", None)
        eval(call, names)


@pytest.mark.slow
def test_what_takes_longer_runs_too() -> None:
    names: dict[str, Any] = {}
    quick, rest = parts()
    run(quick, names)
    run(rest, names)
    asked = CALL.findall(rest)
    assert len(asked) >= 8
    for call in asked:
        eval(call, names)
