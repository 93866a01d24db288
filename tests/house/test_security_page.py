"""The page on security: each test that it names is there, and each state is one of its words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
STATES = {"met", "partly", "host", "not met", "none here"}
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| V")
]

# Sections of ASVS 5.0.0 that ask for something at level 1 or 2.
SECTIONS = {
    1: (1, 2, 3, 4, 5),
    2: (1, 2, 3, 4),
    3: (2, 3, 4, 5, 7),
    4: (1, 2, 3, 4),
    5: (1, 2, 3, 4),
    6: (1, 2, 3, 4, 5, 6, 8),
    7: (1, 2, 3, 4, 5, 6),
    8: (1, 2, 3, 4),
    9: (1, 2),
    10: (1, 2, 3, 4, 5, 6, 7),
    11: (1, 2, 3, 4, 5, 6),
    12: (1, 2, 3),
    13: (1, 2, 3, 4),
    14: (1, 2, 3),
    15: (1, 2, 3),
    16: (1, 2, 3, 4, 5),
}


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 40
    for file, name in named:
        tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
        there = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        assert name in there, f"{file} has no {name}"


def test_every_section_of_the_standard_has_a_row() -> None:
    told = set()
    for section, *_ in ROWS:
        for first, last in re.findall(r"V(\d+\.\d+)[.\d]*(?: to V(\d+\.\d+))?", section):
            chapter, _, number = first.partition(".")
            until = (last or first).partition(".")[2]
            told |= {(int(chapter), n) for n in range(int(number), int(until) + 1)}
    wanted = {(chapter, n) for chapter, numbers in SECTIONS.items() for n in numbers}
    assert not wanted - told


def test_what_is_met_names_its_test_and_what_is_not_says_why() -> None:
    assert {one.split(" ")[0][:3].rstrip(".") for one, *_ in ROWS} >= {
        f"V{n}" for n in range(1, 18)
    }
    for section, state, by, *tests in ROWS:
        assert state in STATES, section
        shown = " ".join(tests)
        if state in ("met", "partly", "not met"):
            assert "::test_" in shown and len(by) > 10, section
        if state == "host":
            assert len(by) > 10, section
