"""What ``make bench`` lists can be run after it, and what is recorded says by which command."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import RUN, module_of, recorded
from benchmarks.house.source import modules

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {"benchmarks", "evaluation", "tests"}
# Names to import that are not the name of what is installed.
INSTALLED_AS = {"axe_playwright_python": "axe-playwright-python", "yaml": "pyyaml"}
# Come with what needs them: dowhy, and Jupyter Book.
COME_WITH = {"networkx", "bs4", "jsonschema", "polars"}


def test_every_script_that_can_be_run_is_listed_and_no_other() -> None:
    can_run = {
        module.path
        for module in modules(ROOT, "benchmarks").values()
        if 'if __name__ == "__main__":' in module.text and module.name != "benchmarks.__main__"
    }
    assert {module_of(command) for command in RUN} == can_run


@pytest.mark.parametrize("command", RUN)
def test_a_listed_script_says_what_it_measures(command: str) -> None:
    assert ast.get_docstring(ast.parse(module_of(command).read_text("utf-8")))


def test_every_record_says_which_command_made_it() -> None:
    assert {name for name, commands in recorded().items() if not commands} == set()


def test_every_command_on_record_is_one_that_is_listed() -> None:
    listed = {module_of(command) for command in RUN}
    named = {c for commands in recorded().values() for c in commands.split("; ") if "-m" in c}
    assert {command for command in named if module_of(command) not in listed} == set()


def test_what_the_scripts_import_is_installed_by_make_bench() -> None:
    groups = PYPROJECT["dependency-groups"]
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    asked = [*PYPROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    installed = {_name(one) for one in [*asked, *_group(groups, "bench")]} | COME_WITH
    assert {name for name in _imported() if _name(name) not in installed} == set()


def _group(groups: dict[str, list[Any]], name: str) -> Iterator[str]:
    for one in groups[name]:
        if isinstance(one, dict):
            yield from _group(groups, one["include-group"])
        else:
            yield one


def _name(requirement: str) -> str:
    """As package indices compare names."""
    bare = re.split(r"[\[<>=!~ ;]", requirement)[0]
    return INSTALLED_AS.get(bare, bare).lower().replace("_", "-").replace(".", "-")


def _imported() -> set[str]:
    """What the scripts import, with what they take from the tests."""
    found = set()
    for package in ("benchmarks", "tests"):
        for module in modules(ROOT, package).values():
            for node in module.nodes:
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.partition(".")[0])
    return found - OURS - set(sys.stdlib_module_names)
