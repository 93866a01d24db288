"""The charts of the money page: payback fan, waterfall, tornado and the plane of public funds.

All are drawn from the same draws of one valuation; words stand in the chart, not in a legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.edition import words
from evaluation.edition.figures.canvas import (
    BAND,
    COMPARISON,
    HAIR,
    INK,
    MUTED,
    PAPER,
    PILOT,
    WORSE,
    Drawing,
    Margins,
    Size,
    column,
    end_labels,
    few_ticks,
    period_ticks,
    say_ticks,
)

# Outermost first: the quantiles of each band and its grey.
_BANDS = (("0.025", "0.975", "#e7ebee"), ("0.1", "0.9", "#d5dce1"), ("0.25", "0.75", "#bcc6cd"))
_SHOWN_INPUTS = 9


def fan(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Released less spent, added up, with the bands that hold 95, 80 and 50 in 100 draws.

    Parameters
    ----------
    rows : ``quarter, cumulative_net`` and, where the results hold it, ``fan`` of each quarter.
    """
    draw = Drawing(
        size, 250 if size.narrow else 310, Margins(left=66, right=88 if size.narrow else 118)
    )
    axes, x = draw.axes, range(len(rows))
    net = [row["cumulative_net"] for row in rows]
    if all("fan" in row for row in rows):
        for low, high, grey in _BANDS:
            below, above = ([row["fan"][end] for row in rows] for end in (low, high))
            axes.fill_between(x, below, above, color=grey, linewidth=0)
    else:
        axes.fill_between(x, column(net, "low"), column(net, "high"), color=BAND, linewidth=0)
    axes.plot(x, column(net, "mean"), color=PILOT, linewidth=2.4)
    axes.axhline(0, color=INK, linewidth=0.9)
    period_ticks(axes, [row["quarter"] for row in rows], size)
    draw.limits([0.0, *column(net, "low"), *column(net, "high")])
    say_ticks(axes, "y", words.round_pounds)
    draw.unit("released less spent, added up" + ("" if size.narrow else "; above £0: paid back"))
    last = net[-1]
    labels = [
        (words.pounds(last[key]), last[key], PILOT if key == "mean" else MUTED)
        for key in ("low", "mean", "high")
    ]
    end_labels(draw, labels)
    return draw.svg()


def waterfall(steps: Sequence[Mapping[str, Any]], size: Size) -> str:
    """From everything gained, step by step, to what could leave a budget; totals with ranges.

    Parameters
    ----------
    steps : ``title, total, mean, low, high``; a total starts at nought, any other step where the
        one before it ended.
    """
    draw = Drawing(
        size,
        (56 if size.narrow else 44) * len(steps) + 52,
        Margins(left=14 if size.narrow else 210, right=20, top=12),
    )
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    ends = [step["low"] for step in steps if step["total"]]
    ends += [step["high"] for step in steps if step["total"]]
    reach = max(ends) - min([0.0, *ends]) or 1.0
    before = 0.0
    for place, step in enumerate(steps):
        y = len(steps) - 1 - place
        start = 0.0 if step["total"] else before
        end = step["mean"] if step["total"] else before + step["mean"]
        _step(draw, y, (start, end), step, reach)
        if place + 1 < len(steps):
            axes.plot([end, end], [y - 0.8, y], color=HAIR, linewidth=0.9)
        before = end
    axes.axvline(0, color=INK, linewidth=0.9)
    room = 0.3 if size.narrow else 0.16
    axes.set_xlim(min([0.0, *ends]) - 0.06 * reach, max(ends) + room * reach)
    axes.set_ylim(-0.6, len(steps) - (0.2 if size.narrow else 0.4))
    axes.set_yticks([])
    few_ticks(axes, "x", 3 if size.narrow else 6)
    say_ticks(axes, "x", words.round_pounds)
    return draw.svg()


def tornado(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Net present value as one input after another goes to the ends of its range, widest first.

    Parameters
    ----------
    rows : ``title, low, high, best``, already in order.
    """
    shown = rows[:_SHOWN_INPUTS]
    draw = Drawing(
        size,
        (52 if size.narrow else 40) * len(shown) + 66,
        Margins(left=14 if size.narrow else 250, right=20, top=30),
    )
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    best = shown[0]["best"]
    low, high = min(row["low"] for row in shown), max(row["high"] for row in shown)
    reach = (high - low) or 1.0
    for place, row in enumerate(shown):
        y = len(shown) - 1 - place
        axes.barh([y], [row["low"] - best], left=[best], height=0.36, color=COMPARISON)
        axes.barh([y], [row["high"] - best], left=[best], height=0.36, color=PILOT)
        for end, side, pad in ((row["low"], "right", -0.015), (row["high"], "left", 0.015)):
            axes.text(
                end + pad * reach,
                y,
                words.pounds(end),
                ha=side,
                va="center",
                bbox=PAPER,
                color=MUTED,
                fontsize=size.text - 1.5,
            )
        _name(draw, y, row["title"], 36)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(best, color=PILOT, linewidth=1.2)
    axes.text(
        best,
        1.01,
        f"estimate {words.pounds(best)}",
        ha="center",
        va="bottom",
        color=PILOT,
        transform=axes.get_xaxis_transform(),
        fontsize=size.text - 1,
    )
    room = 0.3 if size.narrow else 0.16
    axes.set_xlim(min(low, 0.0) - room * reach, max(high, 0.0) + room * reach)
    axes.set_ylim(-0.6, len(shown) - (0.1 if size.narrow else 0.4))
    axes.set_yticks([])
    few_ticks(axes, "x", 3 if size.narrow else 6)
    say_ticks(axes, "x", words.round_pounds)
    return draw.svg()


def plane(
    points: Sequence[Sequence[float]],
    best: tuple[float, float],
    chances: Mapping[str, float],
    size: Size,
) -> str:
    """Draws of net cost to the purse (across) and gain to people (up), in four named corners.

    Parameters
    ----------
    points : (net cost, gain to people) of some draws. best : of the estimate. chances : the share
        of all draws in each corner, by ``gain_cost, gain_save, lose_cost, lose_save``.
    """
    draw = Drawing(size, 330 if size.narrow else 400, Margins(left=66, right=20, top=30, bottom=50))
    axes = draw.axes
    axes.grid(axis="x", visible=True)
    across, up = zip(*points, strict=True)
    axes.scatter(across, up, s=7, color=COMPARISON, alpha=0.35, linewidth=0)
    axes.plot([best[0]], [best[1]], "o", color=PILOT, markersize=8)
    axes.axhline(0, color=INK, linewidth=0.9)
    axes.axvline(0, color=INK, linewidth=0.9)
    for axis, values in (("x", [*across, best[0]]), ("y", [*up, best[1]])):
        _around_nought(draw, axis, values)
    corners = (
        ("gain_save", 0.01, 0.99, "people gain,\nthe purse saves"),
        ("gain_cost", 0.99, 0.99, "people gain,\nthe purse pays"),
        ("lose_save", 0.01, 0.02, "people lose,\nthe purse saves"),
        ("lose_cost", 0.99, 0.02, "people lose,\nthe purse pays"),
    )
    for key, x, y, said in corners:
        axes.text(
            x,
            y,
            f"{said}: {words.percent(100 * chances[key], 0)}",
            bbox=PAPER,
            transform=axes.transAxes,
            ha="left" if x < 0.5 else "right",
            va="top" if y > 0.5 else "bottom",
            fontsize=size.text - 1.5,
            color=WORSE if key.startswith("lose") else INK,
        )
    few_ticks(axes, "x", 3 if size.narrow else 6)
    say_ticks(axes, "x", words.round_pounds)
    say_ticks(axes, "y", words.round_pounds)
    axes.set_xlabel("net cost to the public purse", color=MUTED, fontsize=size.text - 0.5)
    draw.unit("gain to people themselves")
    return draw.svg()


def _around_nought(draw: Drawing, which: str, values: Sequence[float]) -> None:
    """Limits that hold all values and nought, with room for the words in the corners."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.22 * ((high - low) or 1.0)
    set_limits = draw.axes.set_xlim if which == "x" else draw.axes.set_ylim
    set_limits(low - room, high + room)


def _step(
    draw: Drawing, y: float, ends: tuple[float, float], step: Mapping[str, Any], reach: float
) -> None:
    axes, text = draw.axes, draw.size.text
    start, end = ends
    colour = PILOT if step["total"] else COMPARISON if end <= start else HAIR
    axes.barh([y], [end - start], left=[start], height=0.4, color=colour)
    right = max(start, end)
    if step["total"]:
        axes.plot([step["low"], step["high"]], [y, y], color=INK, linewidth=1.2)
        right = max(right, step["high"])
    axes.text(
        right + 0.02 * reach,
        y,
        words.pounds(step["mean"]),
        va="center",
        bbox=PAPER,
        fontsize=text - 0.5,
        fontweight="bold" if step["total"] else None,
    )
    _name(draw, y, step["title"], 30)


def _name(draw: Drawing, y: float, title: str, width: int) -> None:
    """A row's name: left of the axes, or above the bar where the chart is narrow."""
    blend, text = draw.axes.get_yaxis_transform(), draw.size.text
    if draw.size.narrow:
        draw.axes.text(
            0, y + 0.27, title, transform=blend, va="bottom", bbox=PAPER, fontsize=text - 1
        )
        return
    shown = "\n".join(textwrap.wrap(title, width))
    draw.axes.annotate(
        shown,
        (0, y),
        xycoords=blend,
        xytext=(-draw.margins.left + 2, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        fontsize=text - 0.5,
    )
