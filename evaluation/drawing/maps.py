"""Charts of returns, of chances, and of the theory of change."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluation.drawing import spelling
from evaluation.drawing.canvas import (
    COMPARISON,
    HAIR,
    INK,
    MUTED,
    PILOT,
    WORSE,
    Drawing,
    Margins,
    Size,
    few_ticks,
    plain_ticks,
    say_ticks,
)
from evaluation.wording import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}


class Mark(NamedTuple):
    """A mark as matplotlib draws it: its shape, its inside and its edge."""

    shape: str
    face: str
    edge: str


STATES = {
    "received": Mark("s", PILOT, PILOT),
    "late": Mark("^", "white", PILOT),
    "missing": Mark("X", WORSE, WORSE),
    "due": Mark("s", "white", HAIR),
}
CALENDAR_NAME = 46
"""Characters of a submitter's name on one line of a wide calendar."""
SAID = {"received": "in time", "late": "late", "missing": "missing", "due": "not due yet"}


def _key(draw: Drawing, marks: Mapping[str, Mark]) -> None:
    """Words and their marks in a row above the axes."""
    place, step = 0.0, 1 / draw.size.width
    y = 1 + 16 / (draw.height - draw.margins.top - draw.margins.bottom)
    inner = draw.size.width - draw.margins.left - draw.margins.right
    for said, (mark, face, edge) in marks.items():
        how: dict[str, Any] = {"transform": draw.axes.transAxes}
        looks: dict[str, Any] = {"color": edge, "markerfacecolor": face, "clip_on": False}
        draw.axes.plot([place + 8 / inner], [y], mark, markersize=6.5, **looks, **how)
        how |= {"va": "center", "fontsize": draw.size.text - 1, "color": MUTED}
        draw.axes.text(place + 18 / inner, y, said, **how)
        place += (34 + 6.6 * len(said)) / inner + step


class Sent(NamedTuple):
    """A submitter, and its state in each quarter: received, late, missing, due or None."""

    submitter: str
    states: Sequence[str | None]


def returns_calendar(rows: Sequence[Sent], quarters: Sequence[str], size: Size) -> str:
    """Who sent what in time: submitters by quarters, a shape for each state."""
    # A name on two lines would touch the one above it.
    step = (
        40 if size.narrow else 34 if any(len(one.submitter) > CALENDAR_NAME for one in rows) else 27
    )
    margins = Margins(left=14 if size.narrow else 300, right=14, top=36, bottom=34)
    draw = Drawing(size, step * len(rows) + margins.top + margins.bottom, margins)
    axes = draw.axes
    for place, (name, states) in enumerate(rows):
        y = len(rows) - 1 - place
        for x, state in enumerate(states):
            if state is not None:
                mark, face, edge = STATES[state]
                axes.plot(
                    [x], [y], mark, color=edge, markerfacecolor=face, markersize=8, clip_on=False
                )
        draw.name(y, name, wrap=CALENDAR_NAME, up=0.26, smaller=(1.0, 1.5), paper=None)
    axes.set_xlim(-0.5, len(quarters) - 0.5)
    axes.set_ylim(-0.6, len(rows) - (0.1 if size.narrow else 0.4))
    axes.set_yticks([])
    shown = range(0, len(quarters), 2 if size.narrow else 1)
    axes.set_xticks(list(shown), [quarters[k] for k in shown])
    held = {state for one in rows for state in one.states if state}
    _key(draw, {SAID[state]: mark for state, mark in STATES.items() if state in held})
    return draw.svg()


class Difference(NamedTuple):
    """A standardised difference of pilots from comparison areas, in ``level`` or in path."""

    outcome: str
    what: str
    apart: float


def balance(rows: Sequence[Difference], size: Size) -> str:
    """Standardised differences of pilots from comparison areas.

    A filled square is a level, an open one a path; the grey field is a tenth of a standard
    deviation either way, by custom no difference worth naming.
    """
    names = list(dict.fromkeys(one.outcome for one in rows))
    step = 50 if size.narrow else 32
    margins = Margins(left=14 if size.narrow else 290, right=20, top=34, bottom=48)
    draw = Drawing(size, step * len(names) + margins.top + margins.bottom, margins)
    axes = draw.axes
    draw.rows(len(names), below=0.5, above=(0.4, 0.1))
    axes.axvspan(-0.1, 0.1, color="#eef1f3", linewidth=0)
    for place, name in enumerate(names):
        y = len(names) - 1 - place
        for one, what, apart in rows:
            if one == name:
                draw.square(apart, y, filled=what == "level")
        draw.name(y, name, wrap=42, up=0.22, smaller=(1.0, 1.0), paper=PAPER)
    axes.axvline(0, color=INK, linewidth=0.9)
    reach = 1.15 * max(0.3, *(abs(one.apart) for one in rows))
    axes.set_xlim(-reach, reach)
    few_ticks(axes, "x", 5)
    say_ticks(axes, "x", lambda tick: spelling.BOOK.write(signed(tick, 1)) if tick else "0")
    draw.across("standard deviations above or below comparison areas")
    key = {"level before the start": Mark("s", PILOT, PILOT), "path": Mark("s", "white", PILOT)}
    _key(draw, key)
    return draw.svg()


def equally_likely(values: Sequence[float], unit: str, tick: str, size: Size) -> str:
    """Twenty equally likely effects as twenty squares; those below zero are filled.

    Parameters
    ----------
    values : the effects, in order. unit : above the axis. tick : behind the figures of the axis.
    """
    draw = Drawing(size, 150 if size.narrow else 165, Margins(left=20, right=20, top=32, bottom=34))
    axes = draw.axes
    axes.grid(visible=False)
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    bins = 14 if size.narrow else 24
    width = span / bins
    heights: dict[int, int] = {}
    for value in values:
        column = round(value / width)
        heights[column] = heights.get(column, 0) + 1
        wide = 11 if size.narrow else 13
        draw.square(column * width, heights[column] - 0.5, filled=value < 0, size=wide - 1)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_xlim(low - 1.2 * width, high + 1.2 * width)
    axes.set_ylim(0, max(*heights.values(), 4) + 0.3)
    axes.set_yticks([])
    plain_ticks(axes, "x", 5 if size.narrow else 8, tick)
    draw.unit(unit)
    return draw.svg()


LINE = 1.35
ARROW = {"arrowstyle": "-|>", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 1, "mutation_scale": 9}
ROOM = 44
AROUND = 22


@dataclass(frozen=True, kw_only=True)
class _Box:
    """A cause on the sheet: centre, half sizes, wrapped words."""

    x: float
    y: float
    half_width: float
    half_height: float
    words: str


def causes(graph: Mapping[str, Any], size: Size) -> str:
    """Boxes in rows with arrows between them.

    Parameters
    ----------
    graph : ``rows``, lists of names from the programme down to other causes; ``nodes``, name ->
        ``says``, ``kind`` (programme, way, outcome, control, other) and ``seen``; ``arrows``, pairs
        of names.
    """
    height, boxes = _laid_out(graph, size)
    draw = Drawing(size, height, Margins(left=0, right=0, top=0, bottom=0))
    axes = draw.axes
    axes.set_xlim(0, size.width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    last = graph["rows"][-1]
    aside = [name for name in last if graph["nodes"][name]["kind"] == "other"]
    for cause, effect in graph["arrows"]:
        if cause in aside and graph["nodes"][effect]["kind"] == "programme":
            _around(axes, boxes, (cause, effect), aside.index(cause), size)
        else:
            _arrow(axes, boxes[cause], boxes[effect], other=cause in aside)
    for name, box in boxes.items():
        _drawn(axes, box, graph["nodes"][name], size)
    return draw.svg()


def _laid_out(graph: Mapping[str, Any], size: Size) -> tuple[int, dict[str, _Box]]:
    """The height of the sheet, and every box."""
    boxes: dict[str, _Box] = {}
    top, text = 10.0, size.text - (1.5 if size.narrow else 1.0)
    inner = size.width - 2 * AROUND
    for row in graph["rows"]:
        room = inner / len(row)
        half = min(room / 2 - (2 if size.narrow else 9), 105)
        wrap = max(8, int(2 * half / (0.56 * text)))
        said = {n: textwrap.fill(graph["nodes"][n]["says"], wrap) for n in row}
        tall = max(words.count("\n") + 1 for words in said.values()) * text * LINE + 14
        for k, name in enumerate(row):
            boxes[name] = _Box(
                x=AROUND + room * (k + 0.5),
                y=top + tall / 2,
                half_width=half,
                half_height=tall / 2,
                words=said[name],
            )
        top += tall + ROOM
    return int(top - ROOM + 10), boxes


def _drawn(axes: Axes, box: _Box, node: Mapping[str, Any], size: Size) -> None:
    from matplotlib.patches import FancyBboxPatch

    own = node["kind"] == "programme"
    edge = {"programme": PILOT, "way": PILOT, "outcome": INK}.get(node["kind"], COMPARISON)
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.half_width, box.y - box.half_height),
            2 * box.half_width,
            2 * box.half_height,
            boxstyle="round,pad=0,rounding_size=4",
            facecolor=PILOT if own else "#ffffff",
            edgecolor=edge,
            linewidth=1.6 if node["kind"] == "outcome" else 1.1,
            linestyle="-" if node["seen"] else (0, (4, 2)),
            zorder=3,
        )
    )
    # Line by line, since each is then set around its middle in the reader's own font.
    text, lines = size.text - (1.5 if size.narrow else 1.0), box.words.splitlines()
    for k, line in enumerate(lines):
        below = (k - (len(lines) - 1) / 2) * text * LINE
        how: dict[str, Any] = {"zorder": 4, "color": "#ffffff" if own else INK, "fontsize": text}
        axes.text(box.x, box.y + below, line, ha="center", va="center", **how)


def _arrow(axes: Axes, start: _Box, end: _Box, *, other: bool) -> None:
    """From the edge of one box to the facing edge of another."""
    down = end.y > start.y
    tail = (start.x, start.y + (start.half_height if down else -start.half_height))
    shift = max(-1.0, min(1.0, (start.x - end.x) / 400)) * end.half_width * 0.7
    head = (end.x + shift, end.y + (-end.half_height if down else end.half_height))
    arrow = ARROW | {"color": HAIR if other else PILOT}
    axes.annotate("", xy=head, xytext=tail, zorder=2, arrowprops=arrow)


def _around(
    axes: Axes, boxes: Mapping[str, _Box], ends: tuple[str, str], place: int, size: Size
) -> None:
    """From a cause in the last row up the side of the sheet to the programme."""
    start, end = boxes[ends[0]], boxes[ends[1]]
    left = place % 2 == 0
    side = 8.0 if left else size.width - 8.0
    edge = start.x - start.half_width if left else start.x + start.half_width
    goal = end.x - end.half_width if left else end.x + end.half_width
    axes.plot([edge, side, side], [start.y, start.y, end.y], color=HAIR, linewidth=1.1, zorder=1)
    arrow = ARROW | {"color": HAIR}
    axes.annotate("", xy=(goal, end.y), xytext=(side, end.y), zorder=1, arrowprops=arrow)


def rows_of(
    treatment: str, moved: Mapping[str, int], last: Sequence[str], others: Sequence[str]
) -> list[list[str]]:
    """Rows from the programme down: what it moves by how many steps away, outcomes, other causes.

    Parameters
    ----------
    moved : name -> longest number of steps from the programme, outcomes left out.
    """
    steps = sorted(set(moved.values()))
    middle = [[name for name in moved if moved[name] == step] for step in steps]
    return [row for row in ([treatment], *middle, list(last), list(others)) if row]
