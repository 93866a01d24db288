"""The glossary maps the book's plain words to the field's, and knows each that the code exposes."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluation
from benchmarks.house.source import Module, modules

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "book" / "glossary.md").read_text("utf-8")
ENGINE = modules(ROOT, "evaluation")
ROOMS = ("estimate", "diagnose", "design", "finding", "value")
OPTIONS_OF = ("estimate", "diagnose")
# What an evaluator holds in his hands; the other nouns are those of returns and of the book.
NOUNS = ("Assignments", "Estimate", "Finding", "Panel", "Protocol", "Value")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Words that mean in a name what they mean in a letter.
ORDINARY = set(
    """
    adjust agency ahead analyst any array asked at banded bear budget by can cannot choice
    chosen config contact counted data date decision default every factor fail fewer first from grid
    hold hoped
    how index is it joined judged kind known label largest least line live load long looked m method
    missing n name observation one other overall paragraph per plan progress protection
    public publication published question reason registered role rule run said seen select
    sentence simple smallest speak stand start statuse summary table tally tell title total until
    valued variant warning were what without year
    """.split()  # noqa: SIM905 - read as words, not as a list
)


def _split(name: str) -> set[str]:
    """The words of a name, without the ending of many."""
    words = {part.lower() for part in WORD.findall(name)}
    return {w[:-1] if len(w) > 3 and w.endswith("s") and w[-2:] != "ss" else w for w in words}


def _exposed() -> Iterator[str]:
    """Every name that an evaluator meets: functions, their arguments, settings, nouns, columns."""
    for package in ("evaluation", *(f"evaluation.{room}" for room in ROOMS)):
        held = importlib.import_module(package)
        for name in getattr(held, "__all__", ()):
            yield name
            made = getattr(held, name)
            if not inspect.isclass(made):
                yield from inspect.signature(made).parameters
    for noun in NOUNS:
        made = getattr(evaluation, noun)
        yield from (name for name in (*vars(made), *made.__annotations__) if name[0] != "_")
    for module in ENGINE.values():
        if module.folder in ROOMS:
            yield from _options(module)
    # The columns as the docstring of `Estimate` promises them.
    promised = re.search(r"DataFrame with ``([^`]+)``", evaluation.Estimate.overall.__doc__ or "")
    assert promised
    yield from promised[1].split(", ")


def _options(module: Module) -> Iterator[str]:
    """Settings of estimators with their fields, and what an option with a name may say."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
            yield node.name
            fields = [held for held in node.body if isinstance(held, ast.AnnAssign)]
            yield from (ast.unparse(field.target) for field in fields)
            yield from (said for field in fields for said in _said(field.annotation))
        named = isinstance(node, ast.Assign) and module.folder in OPTIONS_OF
        if named and ast.unparse(node.value).startswith("Literal["):
            yield from _said(node.value)


def _said(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _known() -> set[str]:
    """The words of the headwords, and those set as code."""
    heads = [
        above
        for above, below in zip(GLOSSARY.splitlines(), GLOSSARY.splitlines()[1:], strict=False)
        if below.startswith(": ")
    ]
    return {w for said in (*heads, *re.findall(r"`([^`]+)`", GLOSSARY)) for w in _split(said)}


TECHNICAL = sorted({word for name in _exposed() for word in _split(name)} - ORDINARY)


def test_there_are_technical_words() -> None:
    assert {"placebo", "covariate", "anticipation", "simplex", "se", "strata"} <= set(TECHNICAL)


@pytest.mark.parametrize("word", TECHNICAL)
def test_each_technical_word_of_a_public_name_is_explained(word: str) -> None:
    assert word in _known()


def test_terms_stand_in_order_each_once() -> None:
    for part in GLOSSARY.split("\n## ")[1:]:
        heads = re.findall(r"^([^:\n#][^\n]*)\n: ", part, re.MULTILINE)
        plain = [re.sub(r"[`_ -]", "", head.partition(" (")[0]).lower() for head in heads]
        assert plain == sorted(set(plain))


def test_what_is_set_as_code_is_a_name_in_the_engine() -> None:
    text = "\n".join(module.text for module in ENGINE.values())
    named = {name for name in re.findall(r"`([^`]+)`", GLOSSARY) if name != "evaluation"}
    assert {name for name in named if not re.search(rf"\b{name}\b", text)} == set()
