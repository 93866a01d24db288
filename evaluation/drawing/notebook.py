"""Charts of an evaluator at work: who is treated when, and what breaking trends leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from evaluation.drawing import spelling
from evaluation.drawing.canvas import (
    COMPARISON,
    HAIR,
    INK,
    LETTER,
    MUTED,
    PILOT,
    WORSE,
    Drawing,
    Margins,
    Size,
    period_ticks,
)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a mean effect could be if trends broke by each ``m``.

    m, low, high : M bounds and the ends of their ranges. effect, own_low, own_high : the effect
    and its range if trends held. breakdown : the m from which zero is inside; NaN where it is not
    known. across : what m counts.
    """

    m: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    unit: str
    across: str
    effect: float = math.nan
    own_low: float = math.nan
    own_high: float = math.nan
    breakdown: float = math.nan


def bounds(series: Bounds, size: Size) -> Drawing:
    """Ranges as trends may break by more, with the plain range at the left."""
    draw = Drawing(size, 250 if size.narrow else 300, Margins(left=60, bottom=48))
    axes, ms = draw.axes, list(series.m)
    step = min((b - a for a, b in pairwise(sorted(ms))), default=ms[0] or 1.0)
    own = min(ms) - step
    known = math.isfinite(series.own_low + series.own_high)
    for m, low, high in zip(ms, series.low, series.high, strict=True):
        axes.plot([m, m], [low, high], color=PILOT, linewidth=3)
    if known:
        axes.plot([own, own], [series.own_low, series.own_high], color=COMPARISON, linewidth=3)
        axes.plot([own], [series.effect], "o", color=COMPARISON, markersize=6)
    axes.axhline(0, color=INK, linewidth=0.8)
    if min(ms) - step < series.breakdown <= max(ms):
        axes.axvline(series.breakdown, color=WORSE, linewidth=1, linestyle=(0, (3, 2)))
        how: dict[str, Any] = {"ha": "right", "va": "top", "color": WORSE}
        said = f"holds zero from {series.breakdown:.3g} "
        draw.above(series.breakdown, said, smaller=1.5, height=0.98, **how)
    labels = [f"{m:.3g}" for m in ms]
    axes.set_xticks([own, *ms] if known else ms, ["trends hold", *labels] if known else labels)
    axes.set_xlim(own - 0.6 * step, max(ms) + 0.6 * step)
    draw.limits([*series.low, *series.high, series.own_low, series.own_high, 0.0])
    draw.unit(series.unit)
    draw.across(series.across)
    return draw


State = Literal["untreated", "treated", "part", "missing", "excluded"]
# Each state's shade, and what the legend calls it.
STATES: dict[State, tuple[str, str]] = {
    "untreated": ("#dfe5e8", "not treated"),
    "treated": (PILOT, "treated"),
    "part": ("#7fb5b5", "treated in part"),
    "missing": ("#ffffff", "no figure"),
    "excluded": ("#c9bfb2", "excluded"),
}
MOST_NAMED = 40
"""Areas that have a name each on the axis; of more only their number is said."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Who is treated when: one row an area, one column a period.

    states : N rows of T states, in the order in which they are drawn, from the top.
    """

    areas: tuple[str, ...]
    periods: tuple[str, ...]
    states: Sequence[Sequence[State]]


def cells(series: Cells, size: Size) -> Drawing:
    """A row an area, with a shade for each state; a cell without a figure is white."""
    from matplotlib.colors import ListedColormap

    count, named = len(series.areas), len(series.areas) <= MOST_NAMED
    tall = max(120, 16 * count if named else 420) + 100
    left = (110 if size.narrow else 170) if named else 48
    draw = Drawing(size, tall, Margins(left=left, right=16, top=66, bottom=34))
    axes, order = draw.axes, list(STATES)
    codes = [[order.index(state) for state in row] for row in series.states]
    shades = ListedColormap([STATES[state][0] for state in order])
    axes.grid(visible=False)
    how: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest"}
    axes.imshow(codes, cmap=shades, vmin=-0.5, vmax=len(order) - 0.5, **how)
    if named:
        room = int((left - 6) / (LETTER * (size.text - 1)))
        axes.set_yticks(range(count), [spelling.cut(one, room) for one in series.areas])
        axes.set_yticks([k - 0.5 for k in range(1, count)], minor=True)
        axes.grid(visible=True, which="minor", axis="y", color="white", linewidth=1)
        axes.tick_params(which="minor", length=0)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{count:,} areas", color=MUTED, fontsize=size.text - 1)
    period_ticks(axes, list(series.periods), size)
    _legend(draw, {state for row in series.states for state in row})
    return draw


def _legend(draw: Drawing, seen: set[State]) -> None:
    from matplotlib.patches import Patch

    marks = [
        Patch(facecolor=shade, edgecolor=HAIR, label=name)
        for state, (shade, name) in STATES.items()
        if state in seen
    ]
    how: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1.0), "frameon": False}
    columns = 3 if draw.size.narrow else 5
    draw.axes.legend(handles=marks, ncols=columns, fontsize=draw.size.text - 1, **how)
