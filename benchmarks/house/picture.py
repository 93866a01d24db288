"""The rooms of `evaluation/` as one drawing: layers from the top, modules, lines, who needs whom.

Nothing in it is typed: rooms, modules and arrows come from the imports, the order from the layers
that import-linter holds, what a room is for from its own first sentence, and the numbered steps
from the map in ``evaluation/__init__.py``.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from benchmarks.house.imports import arrows, between_rooms, layers, rooms
from benchmarks.house.source import Module, modules

RIGHT, TOP, GAP, LANE = 600, 70, 10, 13
NAME, SMALL = 13, 11
LINE, HEAD = 15, 22
# So many letters of a sans-serif stand on a line of a room, and of what it is for.
LETTERS, LETTERS_OF_WHAT = 100, 66
INK, FAINT, EDGE, ROOM, STEP = "#1d2a35", "#5b6b78", "#9fb0bd", "#f2f6f9", "#1f5f8b"


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room as it is drawn. ``step`` : its number on the one way of the data, 0 for none."""

    name: str
    what: tuple[str, ...]
    size: str
    modules: tuple[str, ...]
    step: int
    top: float

    @property
    def height(self) -> float:
        said = HEAD + LINE * (len(self.what) - 1)
        return said + LINE * len(self.modules) + (8 if self.modules else 4)

    @property
    def bottom(self) -> float:
        return self.top + self.height


def picture(root: Path) -> str:
    """The drawing as SVG, as wide as a page of the book."""
    held = modules(root, "evaluation")
    placed = {room.name: room for room in _placed(root, held)}
    height = max(room.bottom for room in placed.values()) + 14
    needed = arrows(between_rooms(held))
    far = _lanes(list(placed.values()), needed)
    # As many lanes as the imports need: a width set by hand would cut the outermost off.
    width = _across(max((lane for _, _, lane in far), default=0)) + LANE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img" '
        'font-family="Liberation Sans, Arial, Helvetica, sans-serif" '
        'aria-label="The rooms of evaluation/ from the command line down to the errors; '
        'each imports only from those below it.">',
        f'<rect width="{width}" height="{height:.0f}" fill="#ffffff"/>',
        *_legend(),
        *(line for room in placed.values() for line in _drawn(room)),
        *_arrows(list(placed.values()), needed, far),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _placed(root: Path, held: Mapping[str, Module]) -> Iterator[Room]:
    """The rooms from the highest layer down, each below the one before."""
    in_rooms, steps = rooms(held), _steps(held["evaluation"])
    top = float(TOP)
    for name in (room for layer in layers(root) for room in layer if room in in_rooms):
        inside = [m for m in in_rooms[name] if not m.is_package]
        lines = sum(m.lines for m in in_rooms[name])
        count = f"{len(inside)} modules, " if len(inside) > 1 else ""
        room = Room(
            name=name,
            what=tuple(textwrap.wrap(_what(held[f"evaluation.{name}"]), LETTERS_OF_WHAT)),
            size=f"{count}{lines:,} lines",
            modules=tuple(_listed(name, inside)) if len(inside) > 1 else (),
            step=steps.get(name, 0),
            top=top,
        )
        yield room
        top = room.bottom + GAP


def _what(module: Module) -> str:
    """The first sentence of what a module says of itself."""
    said = (ast.get_docstring(module.tree) or "").partition("\n\n")[0].replace("`", "")
    return re.split(r"(?<=\.) ", " ".join(said.split()))[0]


def _steps(module: Module) -> dict[str, int]:
    """The number of each step on the line that the package's map begins with."""
    way = next(line for line in (ast.get_docstring(module.tree) or "").splitlines() if "->" in line)
    steps = [step.strip() for step in way.split("->")]
    # The room of the noun `return` is called `returns`: a module cannot be called `return`.
    return {"returns" if s == "return" else s: k for k, s in enumerate(steps, start=1)}


def _listed(room: str, inside: Sequence[Module]) -> list[str]:
    """The modules of a room on as many lines as they need."""
    shown = [m.name.removeprefix(f"evaluation.{room}.").replace(".", "/") for m in inside]
    return textwrap.wrap("\N{NO-BREAK SPACE}\N{MIDDLE DOT} ".join(shown), LETTERS)


def _legend() -> Iterator[str]:
    said = (
        "A room imports only from those below it; an arrow is an import that no other says too.",
        "The numbered rooms are the steps that the data take upwards, from a return to an edition.",
    )
    yield _text(12, 22, "The rooms of evaluation/", size=16, weight="bold")
    for k, line in enumerate(said):
        yield _text(12, 41 + LINE * k, line, colour=FAINT)


def _drawn(room: Room) -> Iterator[str]:
    yield (
        f'<rect x="12" y="{room.top:.1f}" width="{RIGHT - 12}" height="{room.height:.1f}" rx="4" '
        f'fill="{ROOM}" stroke="{EDGE}"/>'
    )
    line = room.top + 16
    if room.step:
        yield f'<circle cx="{30}" cy="{room.top + 11.5:.1f}" r="8" fill="{STEP}"/>'
        yield _text(30, line - 0.5, str(room.step), colour="#ffffff", anchor="middle")
    yield _text(44, line, room.name, size=NAME, weight="bold")
    for k, said in enumerate(room.what):
        yield _text(130, line + LINE * k, said, colour=FAINT)
    yield _text(RIGHT - 8, line, room.size, colour=INK, anchor="end")
    first = room.top + HEAD + LINE * len(room.what) - 5
    for k, row in enumerate(room.modules):
        yield _text(24, first + LINE * k, row)


def _across(lane: int) -> int:
    """Where a lane runs, from the left."""
    return RIGHT + 12 + LANE * lane


def _lanes(placed: Sequence[Room], needed: Mapping[str, set[str]]) -> list[tuple[Room, Room, int]]:
    """Arrows past the next room, each with the innermost lane beside the rooms that is free."""
    number = {room.name: k for k, room in enumerate(placed)}
    far = sorted(
        (number[room.name], number[other])
        for room in placed
        for other in needed[room.name]
        if number[other] > number[room.name] + 1
    )
    ends: list[float] = []  # how far down each lane is taken
    found = []
    for start, end in far:
        leaves, arrives = _leaves(placed[start]), _arrives(placed[end])
        lane = next((k for k, taken in enumerate(ends) if taken < leaves), len(ends))
        ends[lane : lane + 1] = [arrives]
        found.append((placed[start], placed[end], lane))
    return found


def _leaves(room: Room) -> float:
    return room.bottom - 7


def _arrives(room: Room) -> float:
    return room.top + 7


def _arrows(
    placed: Sequence[Room], needed: Mapping[str, set[str]], far: Sequence[tuple[Room, Room, int]]
) -> Iterator[str]:
    """To the next room straight down; to a room further down along a lane beside the rooms."""
    yield (
        f'<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{STEP}"/></marker></defs>'
    )
    for above, below in pairwise(placed):
        if below.name in needed[above.name]:
            yield _path(f"M60 {above.bottom:.1f}V{below.top:.1f}")
    for start, end, lane in far:
        down = f"H{_across(lane)}V{_arrives(end):.1f}"
        yield _path(f"M{RIGHT} {_leaves(start):.1f}{down}H{RIGHT + 1}")


def _path(way: str) -> str:
    return f'<path d="{way}" fill="none" stroke="{STEP}" marker-end="url(#head)"/>'


def _text(
    x: float,
    y: float,
    said: str,
    *,
    size: int = SMALL,
    colour: str = INK,
    weight: str = "normal",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:g}" y="{y:.1f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(said)}</text>'
    )
