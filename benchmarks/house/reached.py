"""What is public and that nothing but tests reaches; and names in docstrings that lead nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

from benchmarks.house.source import Documented, Module

_Top = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_MARKED = re.compile(r"``?([^`\n]+)``?")
# A name of ours has a sign that prose has not: an underscore within, a call, or a path of modules.
_CALLED = re.compile(r"([A-Za-z]\w*(?:\.\w+)*)\((?:\.\.\.|)\)")
_JOINED = re.compile(r"_?[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?:\.\w+)*")
_CLASS = re.compile(r"(?:[A-Z][a-z0-9]+){2,}(?:\.\w+)*")
_PATH = re.compile(r"(?:evaluation|benchmarks)(?:\.\w+)+")


def unreached(
    modules: Mapping[str, Module],
    others: Mapping[str, Module],
    *,
    documented: str = "",
    templates: str = "",
) -> list[str]:
    """Public functions, classes and constants of ``modules`` that nothing reaches but tests.

    Reached is what is used in its own module outside of itself, imported or named as an attribute
    by another, hung up by a decorator, or written as text for a framework to find. ``others`` :
    programs beside the engine that use it too. ``documented`` : what tells an evaluator of names
    to call; a name stands there as code, alone or at the end of its path. ``templates`` : in which
    any word may be a name.
    """
    told = set(re.findall(r"\w+", templates))
    told |= {part for said in _MARKED.findall(documented) for part in re.findall(r"\w+", said)}
    for block in re.findall(r"```.*?```", documented, re.DOTALL):
        told |= set(re.findall(r"\w+", block))
    used = _used({**modules, **others})
    return [
        f"{name}:{one}"
        for name, module in modules.items()
        for one, node in _public(module)
        if one not in told
        and not getattr(node, "decorator_list", [])
        and not _within(module, one, node)
        and one not in used.get(name, set())
    ]


def _public(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in module.tree.body:
        if isinstance(node, _Top) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id.isupper() and target.id[0] != "_":
                    yield target.id, node


def _within(module: Module, one: str, node: ast.stmt | None = None) -> bool:
    """Whether a module uses a name anywhere but in its definition."""
    own = {id(inner) for inner in ast.walk(node)} if node else set()
    return any(
        isinstance(n, ast.Name) and n.id == one and isinstance(n.ctx, ast.Load) and id(n) not in own
        for n in module.nodes
    )


def _used(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """By module, the names of it that another imports or names, through packages too."""
    found: dict[str, set[str]] = {name: set() for name in modules}
    handed: dict[tuple[str, str], str] = {}
    for name, module in modules.items():
        for node in module.nodes:
            if module.is_package and isinstance(node, ast.ImportFrom) and node.module:
                handed |= {(name, alias.name): node.module for alias in node.names}
    for name, module in modules.items():
        for source, one in _names_of_others(module):
            at = source
            while (at, one) in handed and name != at:
                at = handed[at, one]
            # A package that hands a name on does not use it, unless it also names it by itself.
            handed_on = module.is_package and (name, one) in handed and not _within(module, one)
            if name != at and at in found and not handed_on:
                found[at].add(one)
    dotted = {text for module in modules.values() for text in _texts(module) if "." in text}
    for name, module in modules.items():
        # As Django's addresses and handlers are, and what its own room loads when it is needed.
        found[name] |= {text.rpartition(".")[2] for text in dotted if text.startswith(f"{name}.")}
        rooms = (other for other in modules.values() if other.folder == module.folder)
        found[name] |= {text for other in rooms for text in _handed_as_text(other)}
    return found


def _texts(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _handed_as_text(module: Module) -> Iterator[str]:
    """Texts that a call of a module's own function gives: by one of them a name may be loaded."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for one in node.args:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def _names_of_others(module: Module) -> Iterator[tuple[str, str]]:
    """(module, name) of whatever a module imports, and of attributes of modules that it imports."""
    held: dict[str, str] = {}
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
                held[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            held |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in module.nodes:
        if isinstance(node, ast.Attribute):
            base = ast.unparse(node.value)
            if base in held:
                yield held[base], node.attr


def lost_names(modules: Mapping[str, Module], known: Mapping[str, Module]) -> list[str]:
    """Names set as code in docstrings and comments of ``modules`` that are names of nothing.

    A name is one that ``known`` gives anywhere: of a module, a class, a function, an argument, an
    attribute, or a key that is written as text.
    """
    names = _every_name(tuple(known.values()))
    return [
        f"{module.name}:{line}: {said}"
        for module in modules.values()
        for line, text in _told(module)
        for said in _MARKED.findall(text)
        for name in _of_ours(said.strip())
        if not _leads(name, names, known)
    ]


def _told(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, Documented):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""
    for comment in module.comments:
        yield 0, comment


def _of_ours(said: str) -> list[str]:
    """The parts of what is set as code that have the look of a name of a program."""
    called = _CALLED.fullmatch(said)
    if called:
        return [called[1]]
    return [said] if any(p.fullmatch(said) for p in (_PATH, _JOINED, _CLASS)) else []


def _leads(name: str, names: frozenset[str], known: Mapping[str, Module]) -> bool:
    if _PATH.fullmatch(name):
        parts = name.split(".")
        longest = max(
            (k for k in range(len(parts)) if ".".join(parts[: k + 1]) in known), default=0
        )
        return longest > 0 and all(part in names for part in parts[longest + 1 :])
    return all(part in names for part in name.split("."))


@cache
def _every_name(modules: tuple[Module, ...]) -> frozenset[str]:
    found: set[str] = set()
    for module in modules:
        found |= set(module.name.split("."))
        for node in module.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.alias):
                found |= set(node.name.split("."))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"\w+", node.value)) if " " not in node.value else set()
    return frozenset(found)
