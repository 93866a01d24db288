"""Modules as they are written: lines, code proper, comments, functions; nothing is imported."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Written for a tool and not for a reader, so they are no comments.
_FOR_TOOLS = ("noqa", "type:", "fmt:", "ruff:", "pragma:", "!")


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """A function or method. ``name`` : with its class before it; ``module`` : dotted."""

    module: str
    name: str
    node: FunctionNode

    @property
    def where(self) -> str:
        """``folder:name``, which stays when a module of the folder is merged or renamed."""
        parts = self.module.split(".")
        return f"{parts[1] if len(parts) > 1 else parts[0]}:{self.name}"

    @property
    def lines(self) -> int:
        """Lines without decorators and docstring, which are for the reader."""
        docstring = _docstring(self.node)
        return (self.node.end_lineno or 0) - self.node.lineno + 1 - len(docstring)

    @property
    def by_place(self) -> int:
        """How many arguments may be given by their place alone; those by keyword say what they are.

        ``self`` and ``cls`` are none.
        """
        given = [*self.node.args.posonlyargs, *self.node.args.args]
        return sum(argument.arg not in {"self", "cls"} for argument in given)


@dataclass(frozen=True, kw_only=True, eq=False)
class Module:
    """One file of Python. ``name`` : dotted; a package is named without ``__init__``."""

    name: str
    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, walked once."""
        return tuple(ast.walk(self.tree))

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def folder(self) -> str:
        """The room it is in: ``estimate`` for ``evaluation.estimate.solvers.ridge``."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (len(parts) == 2 and self.is_package) else ""

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def proper(self) -> int:
        """Lines of code proper: without docstrings, comments and blanks."""
        documented = {
            number
            for node in self.nodes
            if isinstance(node, Documented)
            for number in _docstring(node)
        }
        return sum(
            bool(line.strip()) and not line.strip().startswith("#") and number not in documented
            for number, line in enumerate(self.text.splitlines(), start=1)
        )

    @cached_property
    def comments(self) -> tuple[str, ...]:
        """Every comment, at the end of a line too, without its mark."""
        found = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return tuple(t.string.lstrip("#").strip() for t in found if t.type == tokenize.COMMENT)

    @property
    def comments_for_readers(self) -> tuple[str, ...]:
        """Comments that say something to a person."""
        return tuple(c for c in self.comments if not c.startswith(_FOR_TOOLS))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function and method, those within others too."""
        return tuple(self._functions(self.tree, ""))

    def _functions(self, node: ast.AST, within: str) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode):
                yield Function(module=self.name, name=within + child.name, node=child)
            if isinstance(child, (ast.ClassDef, FunctionNode)):
                yield from self._functions(child, f"{within}{child.name}.")
            else:
                yield from self._functions(child, within)


@cache
def modules(root: Path, package: str) -> dict[str, Module]:
    """The modules of a package under ``root``, by dotted name, in the order of their paths."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name=name, path=path, text=path.read_text(encoding="utf-8"))
    return found


def _docstring(node: ast.AST) -> range:
    """The lines of a node's docstring; empty where it has none."""
    first = next(iter(getattr(node, "body", [])), None)
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return range(0)
    written = isinstance(first.value.value, str)
    return range(first.lineno, (first.end_lineno or 0) + 1) if written else range(0)
