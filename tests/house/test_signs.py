"""What the house is counted with finds what it says it finds, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.house import counts, reached, signs
from benchmarks.house.imports import arrows, cycles, importers, imports
from benchmarks.house.source import Module, modules


def _module(text: str, name: str = "evaluation.room.thing") -> dict[str, Module]:
    return {name: Module(name=name, path=Path(f"{name.rpartition('.')[2]}.py"), text=text)}


@pytest.mark.parametrize(
    "line",
    [
        'said.startswith("no effect")',
        "said.removeprefix(START)",
        're.search("seen", said)',
        "_PATTERN.fullmatch(said)",
        'said.replace("units", unit)',
        '"larger than" in said',
        'said.partition(f"in {unit} ")',
    ],
)
def test_a_text_that_is_taken_apart_is_found(line: str) -> None:
    (found,) = signs.own_sentences(_module(f"def told(said):\n    return {line}\n"))
    assert (found.where, found.line) == ("room:told", 2)


@pytest.mark.parametrize(
    "line",
    [
        'code.replace("_", " ")',
        'name.partition("/")',
        'key.split(".")',
        're.compile("seen")',
        "np.partition(values, 3)",
        '"code" in row',
        "quarter.replace(year=2026)",
    ],
)
def test_a_name_or_number_taken_apart_at_a_sign_is_not(line: str) -> None:
    assert signs.readings(_module(f"def told(said):\n    return {line}\n")) == []


@pytest.mark.parametrize(
    ("annotation", "mixed"),
    [
        ("tuple[int, str]", True),
        ("Sequence[tuple[str, float]]", True),
        ("tuple[float, float, float]", True),
        ("What", True),
        ("tuple[float, float]", False),
        ("tuple[str, ...]", False),
        ("Mapping[str, int]", False),
    ],
)
def test_a_tuple_of_mixed_meaning_is_told_from_a_pair_and_a_sequence(
    annotation: str, mixed: bool
) -> None:
    text = f"What = tuple[Panel, Protocol]\ndef step(given: {annotation}): ...\n"
    assert bool(signs.mixed_tuples(_module(text))) is mixed


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("fillers = 1", True),
        ("def by_slot(): ...", True),
        ("class TwinPath: ...", True),
        ("held.fitted_on", True),
        ('def plain():\n    """As many as nought."""', True),
        ("@dataclass(slots=True)\nclass Plain: ...", False),
        ("planting, worldly, fitted = 1, 2, 3", False),
        ('said = "nought"', False),
    ],
)
def test_private_words_are_found_in_names_and_docstrings_alone(text: str, private: bool) -> None:
    assert bool(signs.private_words(_module(text))) is private


def test_lines_comments_and_functions_are_counted_as_a_reader_would() -> None:
    text = (
        '"""A module."""\n\n# Why: the trap.\nX = 1  # noqa: F841\n\n\n'
        '@cache\ndef one():\n    """Said\n    twice."""\n    return 1  # Why.\n'
    )
    (module,) = _module(text).values()
    assert module.proper == 4  # X, the decorator, the head and its body
    assert module.comments_for_readers == ("Why: the trap.", "Why.")
    assert [(f.where, f.lines) for f in module.functions] == [("room:one", 2)]


def test_imports_are_read_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    texts = {
        "__init__": "",
        "a": "from engine import b\n",
        "b": "def late():\n    import engine.c\n",
        "c": "if TYPE_CHECKING:\n    from engine.a import thing\n",
        "d": "from engine import a, b\nfrom engine.c import one\n",
    }
    for name, text in texts.items():
        (tmp_path / "engine" / f"{name}.py").write_text(text, encoding="utf-8")
    graph = imports(modules(tmp_path, "engine"))
    assert graph["engine.a"] == {"engine.b"}
    assert cycles(graph) == [("engine.a", "engine.b", "engine.c")]
    assert importers(graph)["engine.b"] == {"engine.a", "engine.d"}


def test_an_arrow_that_others_already_say_is_left_out() -> None:
    assert arrows({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_every_count_is_printed_for_another_tree_too(tmp_path: Path) -> None:
    for package in ("evaluation", "benchmarks"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("# One.\ndef one(): ...\n", "utf-8")
    assert {c.what: c.value for c in counts.counts(tmp_path)}["modules"] == "1"


def test_what_tests_alone_reach_is_found() -> None:
    held = {
        **_module("LIMIT = 3\ndef used(): ...\ndef lone(): return lone()\n", "engine.a"),
        **_module("from engine.a import used\ndef told(): ...\ndef shown(): ...\n", "engine.b"),
        **_module("from engine import b\ndef _private(): b.shown()\n", "engine.c"),
    }
    assert reached.unreached(held, {}, documented="Ask `engine.b.told`.") == [
        "engine.a:LIMIT",
        "engine.a:lone",
    ]


def test_a_package_that_hands_a_name_on_does_not_use_it() -> None:
    hands = Module(
        name="engine",
        path=Path("engine/__init__.py"),
        text='from engine.a import one, two\n__all__ = ["one", "two"]\n',
    )
    held = {"engine": hands, **_module("def one(): ...\ndef two(): ...\n", "engine.a")}
    held |= _module("from engine import one\n_X = one()\n", "engine.b")
    assert reached.unreached(held, {}) == ["engine.a:two"]


def test_a_name_in_a_docstring_that_is_none_is_found() -> None:
    text = '"""See `gone_away`, `here`, ``a_key`` and `engine.a.gone`."""\nX = {"a_key": 1}\n'
    held = _module(text, "engine.a")
    assert [found.rpartition(" ")[2] for found in reached.lost_names(held, held)] == ["gone_away"]
