"""Every count of the house with the places behind it, so that a number can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.house import habits, signs
from benchmarks.house.imports import cycles, importers, imports
from benchmarks.house.source import Module, modules

Modules = Mapping[str, Module]


@dataclass(frozen=True, kw_only=True)
class Count:
    """One figure. ``found`` : the places behind it, where it counts what ought to be mended."""

    what: str
    value: str
    found: tuple[str, ...] = ()


def counts(root: Path) -> list[Count]:
    """Every count of the tree under ``root``: of ``evaluation/``, and where said of another."""
    held = modules(root, "evaluation")
    lines, comments = sum(m.lines for m in held.values()), _comments(held)
    return [
        Count(what="modules", value=f"{len(held):,}"),
        Count(what="lines", value=f"{lines:,}"),
        Count(
            what="lines of code proper (no docstrings, comments, blanks)",
            value=f"{sum(m.proper for m in held.values()):,}",
        ),
        Count(what="comments", value=f"{comments:,}"),
        Count(what="lines to a comment", value=f"{lines / comments:,.0f}"),
        *_sizes(held),
        *(_listed(what, find(held)) for what, find in _MENDED.items()),
        *(
            _listed(f"cycles in {package}/", cycles_of(modules(root, package)))
            for package in ("evaluation", "benchmarks")
        ),
    ]


def _comments(held: Modules) -> int:
    return sum(len(module.comments_for_readers) for module in held.values())


def _sizes(held: Modules) -> list[Count]:
    lengths = lengths_of_functions(held)
    longest = tuple(f"{where}: {n} lines" for where, n in lengths[-5:])
    return [
        Count(what="functions", value=f"{len(lengths):,}"),
        Count(what="lines of a function: median", value=f"{nine_tenths(lengths, 0.5)}"),
        Count(what="lines of a function: 90th percentile", value=f"{nine_tenths(lengths)}"),
        Count(what="lines of a function: longest", value=f"{lengths[-1][1]}", found=longest),
    ]


def _listed(what: str, found: Sequence[str]) -> Count:
    return Count(what=what, value=f"{len(found):,}", found=tuple(found))


def lengths_of_functions(held: Modules) -> list[tuple[str, int]]:
    """Every function with its lines, the shortest first."""
    every = ((f.where, f.lines) for module in held.values() for f in module.functions)
    return sorted(every, key=lambda one: one[1])


def nine_tenths(lengths: Sequence[tuple[str, int]], share: float = 0.9) -> int:
    """The length that a share of functions does not exceed."""
    return lengths[min(int(share * len(lengths)), len(lengths) - 1)][1]


def many_by_place(held: Modules) -> list[str]:
    """Functions that take more arguments by their place than a reader can hold."""
    return [
        f"{function.where}: {function.by_place}"
        for module in held.values()
        for function in module.functions
        if function.by_place > habits.MOST_BY_PLACE and module.folder != "cli"
    ]


def too_short(held: Modules) -> list[str]:
    """Modules shorter than the habit; packages' own files say what is in them and may be."""
    return [n for n, m in held.items() if m.lines < habits.LEAST_LINES and not m.is_package]


def too_long(held: Modules) -> list[str]:
    """Modules longer than the habit."""
    return [name for name, module in held.items() if module.lines > habits.MOST_LINES]


def alone(held: Modules) -> list[str]:
    """Modules that one other or none imports and that are too short to stand alone."""
    by = importers(imports(held))
    return [
        name
        for name, module in held.items()
        if len(by[name]) <= 1 and module.lines < habits.ALONE_FROM and not module.is_package
    ]


def same_names(held: Modules) -> list[str]:
    """Names that modules of different folders share and that are not the same thing."""
    return [f"{stem}: {', '.join(names)}" for stem, names in signs.names_twice(held).items()]


def unformatted(held: Modules) -> list[str]:
    """Lines kept from the formatter."""
    return [n for n, m in held.items() for c in m.comments if c.startswith("fmt: skip")]


def cycles_of(held: Modules) -> list[str]:
    """Groups of modules that import each other."""
    return [" <-> ".join(group) for group in cycles(imports(held))]


def mixed_tuples(held: Modules) -> list[str]:
    """Parameters that take a tuple of mixed meaning."""
    return [f"{a.function}.{a.name}: {a.annotation}" for a in signs.mixed_tuples(held)]


def own_sentences(held: Modules) -> list[str]:
    """Places where a text that this code made is taken apart again."""
    return [f"{r.where} ({r.module}:{r.line}) {r.said}" for r in signs.own_sentences(held)]


_MENDED: dict[str, Callable[[Modules], list[str]]] = {
    f"modules under {habits.LEAST_LINES} lines": too_short,
    f"modules over {habits.MOST_LINES} lines": too_long,
    f"modules with at most one importer and under {habits.ALONE_FROM} lines": alone,
    "module names in two folders": same_names,
    f"functions with over {habits.MOST_BY_PLACE} arguments by place": many_by_place,
    "fmt: skip": unformatted,
    "parameters that are a tuple of mixed meaning": mixed_tuples,
    "parsers of own sentences": own_sentences,
    "private words in names and docstrings": signs.private_words,
    "public functions and classes without a docstring": signs.undocumented,
}
