"""The theory of change, drawn: the programme above, what it moves below, other causes last."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation.edition.figures.canvas import COMPARISON, HAIR, INK, PILOT, Drawing, Margins, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 1.35
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
    top, text = 10.0, size.text - (2.5 if size.narrow else 1.0)
    inner = size.width - 2 * AROUND
    for row in graph["rows"]:
        slot = inner / len(row)
        half = min(slot / 2 - (2 if size.narrow else 9), 105)
        wrap = max(8, int(2 * half / (0.56 * text)))
        said = {n: textwrap.fill(graph["nodes"][n]["says"], wrap) for n in row}
        tall = max(words.count("\n") + 1 for words in said.values()) * text * LINE + 14
        for k, name in enumerate(row):
            boxes[name] = _Box(
                x=AROUND + slot * (k + 0.5),
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
    text, lines = size.text - (2.5 if size.narrow else 1.0), box.words.splitlines()
    for k, line in enumerate(lines):
        below = (k - (len(lines) - 1) / 2) * text * LINE
        axes.text(
            box.x,
            box.y + below,
            line,
            ha="center",
            va="center",
            zorder=4,
            color="#ffffff" if own else INK,
            fontsize=text,
        )


def _arrow(axes: Axes, start: _Box, end: _Box, *, other: bool) -> None:
    """From the edge of one box to the facing edge of another."""
    down = end.y > start.y
    tail = (start.x, start.y + (start.half_height if down else -start.half_height))
    shift = max(-1.0, min(1.0, (start.x - end.x) / 400)) * end.half_width * 0.7
    head = (end.x + shift, end.y + (-end.half_height if down else end.half_height))
    axes.annotate(
        "",
        xy=head,
        xytext=tail,
        zorder=2,
        arrowprops={
            "arrowstyle": "-|>",
            "color": HAIR if other else PILOT,
            "linewidth": 1.1,
            "shrinkA": 0,
            "shrinkB": 1,
            "mutation_scale": 9,
        },
    )


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
    axes.annotate(
        "",
        xy=(goal, end.y),
        xytext=(side, end.y),
        zorder=1,
        arrowprops={
            "arrowstyle": "-|>",
            "color": HAIR,
            "linewidth": 1.1,
            "shrinkA": 0,
            "shrinkB": 1,
            "mutation_scale": 9,
        },
    )


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
