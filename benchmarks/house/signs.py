"""Signs of a habit broken, found in the source: readings of text, mixed tuples, private words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from benchmarks.house.habits import PRIVATE_WORDS, READS_FROM_OUTSIDE
from benchmarks.house.source import Documented, Function, Module

ALWAYS_READ = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"}
READ_WITH_A_TEXT = {"replace", "split", "rsplit"}
# `search` and its kin on a compiled pattern; `re.compile` and `re.escape` alone read nothing.
PATTERN = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn"}
_WORD = re.compile(r"[A-Za-z]{2}")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A place where code asks what a text says. ``where`` : folder and function."""

    where: str
    module: str
    line: int
    said: str


def readings(modules: Mapping[str, Module]) -> list[Reading]:
    """Every place that takes a text apart by what it says.

    Taking a name or a number apart at a sign (``"_"``, ``"/"``, ``"-"``) is none: a literal without
    two letters in a row says nothing. A pattern says something always.
    """
    return [
        Reading(where=where, module=module.name, line=node.lineno, said=ast.unparse(node)[:90])
        for module in modules.values()
        for where, node in _questions(module)
        if (_asks_within(node) if isinstance(node, ast.Compare) else _reads(node))
    ]


def own_sentences(modules: Mapping[str, Module]) -> list[Reading]:
    """The readings of texts that this code made itself: all but those listed with a reason."""
    outside = {where for listed in READS_FROM_OUTSIDE.values() for where in listed}
    return [reading for reading in readings(modules) if reading.where not in outside]


def _questions(module: Module) -> Iterator[tuple[str, ast.Call | ast.Compare]]:
    """Every call and comparison with the innermost function around it."""
    around: dict[int, str] = {}
    for function in module.functions:  # inner ones come later and win
        around |= {id(node): function.where for node in ast.walk(function.node)}
    for node in module.nodes:
        if isinstance(node, (ast.Call, ast.Compare)):
            yield around.get(id(node), f"{module.folder or module.stem}:(module)"), node


def _asks_within(node: ast.Compare) -> bool:
    """``"two words" in text``."""
    left = node.left.value if isinstance(node.left, ast.Constant) else None
    phrase = isinstance(left, str) and " " in left and bool(_WORD.search(left))
    return phrase and isinstance(node.ops[0], (ast.In, ast.NotIn))


def _reads(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    name = call.func.attr
    texts = [
        node.value
        for given in call.args
        for node in ast.walk(given)
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    ]
    says = any(_WORD.search(t if isinstance(t, str) else t.decode("latin-1")) for t in texts)
    if name in PATTERN:
        return True
    if name in READ_WITH_A_TEXT:
        return says
    of_numbers = isinstance(call.func.value, ast.Name) and call.func.value.id == "np"
    return name in ALWAYS_READ and not of_numbers and (says or not texts)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A parameter with its annotation as written. ``function`` : its folder and name."""

    function: str
    name: str
    annotation: str


def mixed_tuples(modules: Mapping[str, Module]) -> list[Argument]:
    """Parameters that take a tuple whose places mean different things.

    Places of one type are a sequence (``tuple[str, ...]``) or a pair (a low and a high end) and are
    left; three or more of a fixed number are not. Names of types are looked through
    (``What = tuple[Panel, Protocol]``).
    """
    named = dict(_named_types(modules.values()))
    return [
        Argument(
            function=function.where, name=argument.arg, annotation=ast.unparse(argument.annotation)
        )
        for module in modules.values()
        for function in module.functions
        for argument in _arguments(function)
        if argument.annotation is not None and _is_mixed(argument.annotation, named)
    ]


def _arguments(function: Function) -> list[ast.arg]:
    given = function.node.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def _named_types(modules: Iterable[Module]) -> Iterator[tuple[str, ast.expr]]:
    for module in modules:
        for node in module.nodes:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id[:1].isupper():
                        yield target.id, node.value


def _is_mixed(annotation: ast.expr, named: Mapping[str, ast.expr]) -> bool:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id in named and named[node.id] is not annotation:
            if _is_mixed(named[node.id], named):
                return True
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "tuple":
            places = [ast.unparse(e) for e in getattr(node.slice, "elts", [node.slice])]
            if "..." not in places and (len(set(places)) > 1 or len(places) > 2):
                return True
    return False


def private_words(modules: Mapping[str, Module]) -> list[str]:
    """The private words of the closed list, where a name or a docstring still uses one."""
    return [
        f"{module.name}:{line}: {name}"
        for module in modules.values()
        for line, name in (*_names(module), *_documented(module))
        if _is_private(name)
    ]


@cache
def _is_private(name: str) -> bool:
    parts = [part.lower() for part in _PARTS.findall(name)]
    runs = {"_".join(parts[a:b]) for a in range(len(parts)) for b in (a + 1, a + 2)}
    return bool(runs & PRIVATE_WORDS)


def _names(module: Module) -> Iterator[tuple[int, str]]:
    """Every name that the module gives or uses, its own too.

    ``slots=True`` of a dataclass is Python's word.
    """
    yield 1, module.stem
    for node in module.nodes:
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Name):
            yield line, node.id
        elif isinstance(node, ast.Attribute):
            yield line, node.attr
        elif isinstance(node, ast.arg):
            yield line, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield line, node.name
        elif isinstance(node, ast.alias):
            yield line, node.asname or node.name
        elif isinstance(node, ast.keyword) and node.arg and ast.unparse(node) != "slots=True":
            yield line, node.arg


def _documented(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, Documented):
            for word in re.findall(r"\w+", ast.get_docstring(node) or ""):
                yield getattr(node, "lineno", 1), word


def names_twice(modules: Mapping[str, Module]) -> dict[str, list[str]]:
    """Names that modules of different folders share, each with those modules."""
    found: dict[str, list[str]] = {}
    for module in modules.values():
        if not module.is_package and not module.stem.startswith("__"):
            found.setdefault(module.stem, []).append(module.name)
    return {stem: names for stem, names in found.items() if len(names) > 1}


def undocumented(modules: Mapping[str, Module]) -> list[str]:
    """Public functions, classes and methods without a docstring.

    A property, and a method of one statement, says with its name what it is.
    """
    return [
        f"{module.name}:{node.name}"
        for module in modules.values()
        for node in (*module.tree.body, *_methods(module.tree))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]


def _methods(tree: ast.Module) -> Iterator[ast.stmt]:
    for held in tree.body:
        if isinstance(held, ast.ClassDef) and not held.name.startswith("_"):
            for node in held.body:
                named = getattr(node, "decorator_list", [])
                told_by_name = any(ast.unparse(name).endswith("property") for name in named)
                if not told_by_name and len(getattr(node, "body", [])) > 1:
                    yield node
