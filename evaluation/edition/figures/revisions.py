"""Charts of how headlines move: the revision story, and one change split into its causes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.edition import words
from evaluation.edition.figures.canvas import (
    COMPARISON,
    HAIR,
    INK,
    MUTED,
    PAPER,
    PILOT,
    Drawing,
    Margins,
    Size,
    column,
    few_ticks,
    plain_ticks,
    say_ticks,
)


def revisions(rows: Sequence[Mapping[str, Any]], unit: str, size: Size) -> str:
    """One dot an edition, with its range; the edition that is being read is filled.

    Parameters
    ----------
    rows : ``edition, effect, low, high, here``, in order of publication; limits may be None.
    unit : ``%``, ``£``, or what is counted.
    """
    draw = Drawing(size, 210 if size.narrow else 250, Margins(left=62, right=20, bottom=44))
    axes = draw.axes
    for place, row in enumerate(rows):
        if row["low"] is not None and row["high"] is not None:
            axes.plot([place, place], [row["low"], row["high"]], color=HAIR, linewidth=1.6)
        fill = PILOT if row["here"] else "white"
        axes.plot(place, row["effect"], "o", markersize=7, color=fill, markeredgecolor=PILOT)
    axes.axhline(0, color=INK, linewidth=0.9)
    step = max(1, math.ceil(len(rows) / (3 if size.narrow else 7)))
    shown = range(len(rows) - 1, -1, -step)
    axes.set_xticks(list(shown), [rows[place]["edition"] for place in shown])
    axes.set_xlim(-0.5, len(rows) - 0.5)
    draw.limits([0.0, *column(rows, "effect"), *column(rows, "low"), *column(rows, "high")])
    if unit == "£":
        few_ticks(axes, "y", 5)
        say_ticks(axes, "y", words.round_pounds)
    else:
        plain_ticks(axes, "y", 5, "%" if unit == "%" else "")
    draw.unit({"%": "effect, per cent", "£": "pounds to date"}.get(unit, f"{unit} a period"))
    axes.set_xlabel("edition", color=MUTED, fontsize=size.text - 1)
    return draw.svg()


def steps(rows: Sequence[Mapping[str, Any]], unit: str, size: Size) -> str:
    """From the figure of the edition before, cause by cause, to the figure now.

    Parameters
    ----------
    rows : ``title, value, total, said``; a total starts at nought, a step where the one before it
        ended. ``said`` is written beside the bar.
    unit : ``%``, ``£``, or what is counted.
    """
    draw = Drawing(
        size,
        (58 if size.narrow else 44) * len(rows) + 50,
        Margins(left=14 if size.narrow else 220, right=20, top=12),
    )
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    ends = _ends(rows)
    reach = max(0.0, *ends) - min(0.0, *ends) or 1.0
    before = 0.0
    for place, row in enumerate(rows):
        y, start = len(rows) - 1 - place, 0.0 if row["total"] else before
        end = row["value"] if row["total"] else before + row["value"]
        colour = PILOT if row["total"] else COMPARISON if end < start else HAIR
        axes.barh([y], [end - start], left=[start], height=0.4, color=colour)
        if place + 1 < len(rows):
            axes.plot([end, end], [y - 0.8, y], color=HAIR, linewidth=0.9)
        axes.text(
            max(start, end, 0.0) + 0.02 * reach,
            y,
            row["said"],
            va="center",
            bbox=PAPER,
            fontsize=size.text - 0.5,
        )
        _name(draw, y, row["title"])
        before = end
    axes.axvline(0, color=INK, linewidth=0.9)
    room = 0.4 if size.narrow else 0.24
    axes.set_xlim(min(0.0, *ends) - 0.06 * reach, max(0.0, *ends) + room * reach)
    axes.set_ylim(-0.6, len(rows) - (0.2 if size.narrow else 0.4))
    axes.set_yticks([])
    few_ticks(axes, "x", 3 if size.narrow else 6)
    say_ticks(axes, "x", _say(unit))
    return draw.svg()


def _ends(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Where each bar ends."""
    ends: list[float] = []
    for row in rows:
        ends.append(row["value"] if row["total"] else ends[-1] + row["value"])
    return ends


def _say(unit: str) -> Callable[[float], str]:
    if unit == "£":
        return words.round_pounds
    return lambda tick: f"{words.number(tick, 1 if unit == '%' else 0)}{'%' if unit == '%' else ''}"


def _name(draw: Drawing, y: float, title: str) -> None:
    """A row's name: left of the axes, or above the bar where the chart is narrow."""
    blend, text = draw.axes.get_yaxis_transform(), draw.size.text
    if draw.size.narrow:
        draw.axes.text(
            0, y + 0.27, title, transform=blend, va="bottom", bbox=PAPER, fontsize=text - 1
        )
        return
    draw.axes.annotate(
        "\n".join(textwrap.wrap(title, 32)),
        (0, y),
        xycoords=blend,
        va="center",
        xytext=(-draw.margins.left + 2, 0),
        textcoords="offset points",
        annotation_clip=False,
        fontsize=text - 0.5,
    )
