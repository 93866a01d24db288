"""Who imports whom, read from the source: importers, cycles, the layers and the arrows between."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmarks.house.source import Module

Graph = Mapping[str, Collection[str]]


def imports(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """The modules among ``modules`` that each imports: anywhere in it, for types alone too."""
    found: dict[str, set[str]] = {}
    for name, module in modules.items():
        named: set[str] = set()
        for node in module.nodes:
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                # `from package import x` is an import of package.x where that is a module.
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= (inner & modules.keys()) or {node.module}
        found[name] = (named & modules.keys()) - {name}
    return found


def importers(graph: Graph) -> dict[str, set[str]]:
    """The same the other way round: the modules that import each."""
    found: dict[str, set[str]] = {name: set() for name in graph}
    for name, imported in graph.items():
        for other in imported:
            found[other].add(name)
    return found


def cycles(graph: Graph) -> list[tuple[str, ...]]:
    """Groups of modules each of which reaches the others: Tarjan's strongly connected components.

    Source: Tarjan (1972), "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2).
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_nodes: list[str] = []
    found: list[tuple[str, ...]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        open_nodes.append(node)
        for other in sorted(graph[node]):
            if other not in number:
                visit(other)
            if other in open_nodes:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            at = open_nodes.index(node)
            if len(open_nodes) - at > 1:
                found.append(tuple(sorted(open_nodes[at:])))
            del open_nodes[at:]

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return found


def layers(root: Path) -> list[tuple[str, ...]]:
    """The layers that import-linter holds, from the top; rooms on one layer stand together."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    held = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [
        tuple(room.strip(" ()") for room in layer.replace(":", "|").split("|"))
        for layer in held["layers"]
    ]


def rooms(modules: Mapping[str, Module]) -> dict[str, list[Module]]:
    """The modules of each room: a folder's, or the one of a module at the top."""
    found: dict[str, list[Module]] = defaultdict(list)
    for module in modules.values():
        if room := module.folder or ("" if module.is_package else module.stem):
            found[room].append(module)
    return dict(found)


def between_rooms(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Which rooms each imports from."""
    room_of = {m.name: room for room, held in rooms(modules).items() for m in held}
    found: dict[str, set[str]] = {room: set() for room in rooms(modules)}
    for name, imported in imports(modules).items():
        if name in room_of:
            found[room_of[name]] |= {room_of[other] for other in imported if other in room_of}
    return {room: others - {room} for room, others in found.items()}


def arrows(graph: Graph) -> dict[str, set[str]]:
    """The imports that no chain of other imports already says (the transitive reduction)."""
    reached: dict[str, set[str]] = {}

    def reach(node: str) -> set[str]:
        if node not in reached:
            reached[node] = set(graph[node]).union(*(reach(other) for other in graph[node]))
        return reached[node]

    return {
        node: {o for o in others if not any(o in reach(other) for other in others)}
        for node, others in graph.items()
    }
