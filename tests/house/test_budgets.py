"""The house stays small enough to read: budgets of the engine's modules and functions.

They serve the reader. Where one does harm, change it here, in the open, with the reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "evaluation"
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

MODULE_LINES, FUNCTION_LINES, NINE_TENTHS_OF_FUNCTIONS, ARGUMENTS = 800, 80, 30, 8
MORE_ARGUMENTS = {
    "evaluation/panel.py:from_long": "one name of a column for each role that a column can have; "
    "notebooks read better with names than with a settings object",
    "evaluation/cli/design.py:calibrate_verb": "each argument is an option of the command line, "
    "read by name there",
}
FRONT_DOORS = ("evaluation/cli/",)
NO_DRAWERS = {"utils", "util", "helpers", "helper", "misc", "common"}


@dataclass(frozen=True)
class Function:
    """A function of the engine: where it is, how long, how many arguments."""

    name: str
    lines: int
    arguments: tuple[str, ...]


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the engine by its path from the root."""
    paths = sorted(ENGINE.rglob("*.py"))
    return {p.relative_to(ROOT).as_posix(): ast.parse(p.read_text("utf-8")) for p in paths}


@cache
def functions() -> tuple[Function, ...]:
    """Every function and method of the engine; ``self`` and ``cls`` are not arguments."""
    return tuple(
        Function(f"{path}:{node.name}", _lines(node), _arguments(node))
        for path, tree in modules().items()
        for node in _functions(tree)
    )


def _functions(tree: ast.Module) -> Iterator[FunctionNode]:
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode):
            yield node


def _lines(node: FunctionNode) -> int:
    """Lines of a function without its decorators and docstring, which are for the reader."""
    said = ast.get_docstring(node, clean=False)
    first = node.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if said is not None else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def _arguments(node: FunctionNode) -> tuple[str, ...]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return tuple(a.arg for a in every if a.arg not in {"self", "cls"})


def test_no_module_is_longer_than_its_budget() -> None:
    lengths = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in modules()}
    assert {path: n for path, n in lengths.items() if n > MODULE_LINES} == {}


def test_no_function_is_longer_than_its_budget() -> None:
    assert {f.name: f.lines for f in functions() if f.lines > FUNCTION_LINES} == {}


def test_nine_tenths_of_functions_are_short() -> None:
    lengths = sorted(f.lines for f in functions())
    assert lengths[int(0.9 * len(lengths))] <= NINE_TENTHS_OF_FUNCTIONS


def test_no_function_takes_more_arguments_than_a_reader_can_hold() -> None:
    over = {f.name for f in functions() if len(f.arguments) > ARGUMENTS}
    assert over == set(MORE_ARGUMENTS)


@pytest.mark.parametrize("path", modules())
def test_a_module_says_what_it_is_for(path: str) -> None:
    said = ast.get_docstring(modules()[path])
    assert said is not None
    assert len(said.split()) >= 5


def test_no_module_is_a_drawer_for_anything() -> None:
    assert [path for path in modules() if Path(path).stem in NO_DRAWERS] == []


def test_every_failure_is_caught_only_at_the_front_door() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if not path.startswith(FRONT_DOORS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert found == []


def _catches_everything(node: ast.ExceptHandler) -> bool:
    caught = [] if node.type is None else list(ast.walk(node.type))
    names = {n.id for n in caught if isinstance(n, ast.Name)}
    return node.type is None or bool(names & {"Exception", "BaseException"})
