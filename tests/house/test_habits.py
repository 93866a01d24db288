"""The house stays one that a stranger can carry on: size, shape, words and imports of the engine.

The habits, their numbers and what is excepted are set in `benchmarks.house.habits`, and what breaks
one is found by the functions with which ``python -m benchmarks.house --show`` counts. What is
excepted and breaks nothing any more has to leave its list.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

import pytest

from benchmarks.house import counts, habits, reached, signs
from benchmarks.house.imports import between_rooms, layers, rooms
from benchmarks.house.picture import picture
from benchmarks.house.source import modules

ROOT = Path(__file__).resolve().parents[2]
ENGINE = modules(ROOT, "evaluation")
PICTURE = ROOT / "book" / "decisions" / "the-house.svg"
FRONT_DOORS = ("evaluation.cli",)
NO_DRAWERS = {"utils", "util", "helpers", "helper", "misc", "common"}


def _only(found: Collection[str], excepted: Collection[str]) -> None:
    """What is found is excepted, and what is excepted is found."""
    assert set(found) - set(excepted) == set(), "breaks a habit: see benchmarks/house/habits.py"
    assert set(excepted) - set(found) == set(), "breaks none any more: strike it from the list"


def test_the_whole_does_not_grow() -> None:
    assert len(ENGINE) <= habits.MOST_MODULES
    assert sum(module.proper for module in ENGINE.values()) <= habits.MOST_LINES_PROPER


def test_a_module_is_worth_its_name_and_read_in_one_sitting() -> None:
    _only(counts.too_short(ENGINE), habits.SHORT)
    assert counts.too_long(ENGINE) == []


def test_a_short_module_that_one_other_imports_is_part_of_that() -> None:
    _only(set(counts.alone(ENGINE)) - set(habits.SHORT), habits.ALONE)


def test_one_name_is_one_module() -> None:
    _only(signs.names_twice(ENGINE), habits.SAME_NAME)


def test_functions_are_short() -> None:
    lengths = counts.lengths_of_functions(ENGINE)
    assert counts.nine_tenths(lengths) <= habits.NINE_TENTHS_OF_FUNCTIONS
    assert [one for one in lengths if one[1] > habits.LONGEST_FUNCTION] == []


def test_what_is_given_by_its_place_can_be_held_in_mind() -> None:
    assert counts.many_by_place(ENGINE) == []


def test_an_argument_is_one_thing() -> None:
    found = {f"{one.function}.{one.name}" for one in signs.mixed_tuples(ENGINE)}
    _only(found, habits.MIXED_TUPLES)


def test_no_sentence_of_ours_is_read_back() -> None:
    _only({one.where for one in signs.own_sentences(ENGINE)}, habits.OWN_SENTENCES)


def test_what_reads_texts_from_outside_is_listed_once_and_still_does() -> None:
    listed = [where for those in habits.READS_FROM_OUTSIDE.values() for where in those]
    assert len(listed) == len(set(listed))
    assert set(listed) - {one.where for one in signs.readings(ENGINE)} == set()


def test_no_line_is_kept_from_the_formatter() -> None:
    assert counts.unformatted(ENGINE) == []


def test_comments_stand_where_a_reader_would_ask() -> None:
    lines = sum(module.lines for module in ENGINE.values())
    comments = sum(len(module.comments_for_readers) for module in ENGINE.values())
    assert lines / comments <= habits.LINES_A_COMMENT


def test_names_and_docstrings_use_the_words_of_the_field() -> None:
    assert signs.private_words(ENGINE) == []


def test_whatever_is_public_is_documented() -> None:
    _only(signs.undocumented(ENGINE), habits.UNDOCUMENTED)


def test_whatever_is_public_is_used_or_told_of() -> None:
    """A function that tests alone reach is dead, or nobody was told of it."""
    found = reached.unreached(
        ENGINE,
        modules(ROOT, "benchmarks"),
        documented="\n".join((ROOT / name).read_text("utf-8") for name in habits.DOCUMENTED),
        templates="\n".join(p.read_text("utf-8") for p in (ROOT / "evaluation").rglob("*.j2")),
    )
    _only(found, habits.UNREACHED)


def test_names_in_docstrings_are_names_of_something() -> None:
    """Of `evaluation` by what it holds itself; of tests and benchmarks by everything."""
    found = reached.lost_names(ENGINE, ENGINE)
    _only({one.split(": ")[1] for one in found}, habits.NAMES_OF_OTHERS)
    others = {**modules(ROOT, "benchmarks"), **modules(ROOT, "tests")}
    assert reached.lost_names(others, {**ENGINE, **others}) == []


@pytest.mark.parametrize("package", ["evaluation", "benchmarks"])
def test_no_module_reaches_itself(package: str) -> None:
    assert counts.cycles_of(modules(ROOT, package)) == []


@pytest.mark.parametrize("name", ENGINE)
def test_a_module_says_what_it_is_for(name: str) -> None:
    said = ast.get_docstring(ENGINE[name].tree)
    assert said is not None
    assert len(said.split()) >= 5


def test_no_module_is_a_drawer_for_anything() -> None:
    assert [name for name, module in ENGINE.items() if module.stem in NO_DRAWERS] == []


def test_every_failure_is_caught_only_at_the_front_door() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, module in ENGINE.items()
        if not name.startswith(FRONT_DOORS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert found == []


def _catches_everything(node: ast.ExceptHandler) -> bool:
    caught = [] if node.type is None else list(ast.walk(node.type))
    names = {n.id for n in caught if isinstance(n, ast.Name)}
    return node.type is None or bool(names & {"Exception", "BaseException"})


def test_the_picture_shows_the_rooms_as_they_are() -> None:
    """But for lines, which change with every commit.

    Mended by ``python -m benchmarks.house --picture book/decisions/the-house.svg``.
    """
    shown, drawn = (text.splitlines() for text in (PICTURE.read_text("utf-8"), picture(ROOT)))
    counted = " lines</text>"
    assert [a for a in shown if counted not in a] == [b for b in drawn if counted not in b]


def test_nothing_is_drawn_outside_the_picture() -> None:
    drawn = picture(ROOT)
    (width,) = re.findall(r'viewBox="0 0 (\d+) \d+" role', drawn)
    across = [float(x) for x in re.findall(r"H([\d.]+)", drawn)]
    assert across
    assert max(across) < float(width)


def test_the_layers_hold_every_room_and_no_import_goes_up() -> None:
    """As import-linter finds, by the imports that the picture is drawn from."""
    order = {room: k for k, layer in enumerate(layers(ROOT)) for room in layer}
    assert set(rooms(ENGINE)) == set(order)
    for room, others in between_rooms(ENGINE).items():
        assert [other for other in others if order[other] <= order[room]] == []
