"""Notebooks are run when a book is built; what they import is there long before that."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    [
        *ROOT.glob("studies/*/*/*.md"),
        *ROOT.glob("evaluation/*/templates/study.md"),
        *ROOT.glob("docs/tutorial/[1-9]*.md"),
    ]
)
CELL = re.compile(r"^```\{{1,2}code-cell\}{1,2}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# What a cell says of itself to the book.
_OPTIONS = re.compile(r"^:\w+: .*$", re.MULTILINE)


def _imported(notebook: Path) -> list[tuple[str, str]]:
    """(module, name) of everything that the cells take from this package."""
    source = "\n".join(CELL.findall(_OPTIONS.sub("", notebook.read_text("utf-8"))))
    return [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("evaluation")
        for alias in node.names
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_notebook_imports_is_there(notebook: Path) -> None:
    imported = _imported(notebook)
    assert imported
    assert [(m, n) for m, n in imported if not hasattr(import_module(m), n)] == []
