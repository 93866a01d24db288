"""Charts of money and of how headlines move: payback, waterfall, tornado, plane, revisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.drawing import spelling
from evaluation.drawing.canvas import (
    COMPARISON,
    HAIR,
    INK,
    MUTED,
    PAPER,
    PILOT,
    WORSE,
    Drawing,
    LineEnd,
    Margins,
    Size,
    column,
    end_labels,
    few_ticks,
    period_ticks,
    plain_ticks,
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
            draw.band(x, list(below), list(above), grey)
    else:
        draw.band(x, column(net, "low"), column(net, "high"))
    axes.plot(x, column(net, "mean"), color=PILOT, linewidth=2.4)
    axes.axhline(0, color=INK, linewidth=0.9)
    period_ticks(axes, [row["quarter"] for row in rows], size)
    draw.limits([0.0, *column(net, "low"), *column(net, "high")])
    say_ticks(axes, "y", spelling.round_pounds)
    draw.unit("released less spent, added up" + ("" if size.narrow else "; above £0: paid back"))
    last = net[-1]
    labels = [
        LineEnd(spelling.pounds(last[key]), last[key], PILOT if key == "mean" else MUTED)
        for key in ("low", "mean", "high")
    ]
    end_labels(draw, labels)
    return draw.svg()


def waterfall(steps: Sequence[Mapping[str, Any]], size: Size) -> str:
    """From everything gained, step by step, to what could leave a budget; totals with ranges.

    Parameters
    ----------
    steps : ``title, total, mean, low, high``; a total starts at zero, any other step where the
        one before it ended.
    """
    draw = Drawing(
        size,
        (56 if size.narrow else 44) * len(steps) + 52,
        Margins(left=14 if size.narrow else 210, right=20, top=12),
    )
    axes = draw.axes
    draw.rows(len(steps), below=0.6, above=(0.4, 0.2))
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
    _pounds_across(draw)
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
    draw.rows(len(shown), below=0.6, above=(0.4, 0.1))
    best = shown[0]["best"]
    low, high = min(row["low"] for row in shown), max(row["high"] for row in shown)
    reach = (high - low) or 1.0
    for place, row in enumerate(shown):
        y = len(shown) - 1 - place
        axes.barh([y], [row["low"] - best], left=[best], height=0.36, color=COMPARISON)
        axes.barh([y], [row["high"] - best], left=[best], height=0.36, color=PILOT)
        for end, side, pad in ((row["low"], "right", -0.015), (row["high"], "left", 0.015)):
            how: dict[str, Any] = {"bbox": PAPER, "color": MUTED, "fontsize": size.text - 1.5}
            axes.text(end + pad * reach, y, spelling.pounds(end), ha=side, va="center", **how)
        draw.name(y, row["title"], wrap=36, up=0.27, smaller=(0.5, 1.0))
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(best, color=PILOT, linewidth=1.2)
    said = f"estimate {spelling.pounds(best)}"
    draw.above(best, said, smaller=1, height=1.01, ha="center", va="bottom", color=PILOT)
    room = 0.3 if size.narrow else 0.16
    axes.set_xlim(min(low, 0.0) - room * reach, max(high, 0.0) + room * reach)
    _pounds_across(draw)
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
        _around_zero(draw, axis, values)
    corners = (
        ("gain_save", INK, 0.01, 0.99, "people gain,\nthe purse saves"),
        ("gain_cost", INK, 0.99, 0.99, "people gain,\nthe purse pays"),
        ("lose_save", WORSE, 0.01, 0.02, "people lose,\nthe purse saves"),
        ("lose_cost", WORSE, 0.99, 0.02, "people lose,\nthe purse pays"),
    )
    for key, colour, x, y, said in corners:
        text = f"{said}: {spelling.percent(100 * chances[key], 0)}"
        how: dict[str, Any] = {"ha": "left" if x < 0.5 else "right", "color": colour}
        how |= {"va": "top" if y > 0.5 else "bottom", "bbox": PAPER, "fontsize": size.text - 1.5}
        axes.text(x, y, text, transform=axes.transAxes, **how)
    _pounds_across(draw)
    say_ticks(axes, "y", spelling.round_pounds)
    draw.across("net cost to the public purse")
    draw.unit("gain to people themselves")
    return draw.svg()


def _around_zero(draw: Drawing, which: str, values: Sequence[float]) -> None:
    """Limits that hold all values and zero, with room for the words in the corners."""
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
    weight = "bold" if step["total"] else None
    how: dict[str, Any] = {"bbox": PAPER, "fontsize": text - 0.5, "fontweight": weight}
    axes.text(right + 0.02 * reach, y, spelling.pounds(step["mean"]), va="center", **how)
    draw.name(y, step["title"], wrap=30, up=0.27, smaller=(0.5, 1.0))


def _pounds_across(draw: Drawing, say: Callable[[float], str] = spelling.round_pounds) -> None:
    few_ticks(draw.axes, "x", 3 if draw.size.narrow else 6)
    say_ticks(draw.axes, "x", say)


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
        say_ticks(axes, "y", spelling.round_pounds)
    else:
        plain_ticks(axes, "y", 5, "%" if unit == "%" else "")
    draw.unit({"%": "effect, per cent", "£": "pounds to date"}.get(unit, f"{unit} a period"))
    draw.across("edition", smaller=1)
    return draw.svg()


def steps(rows: Sequence[Mapping[str, Any]], unit: str, size: Size) -> str:
    """From the figure of the edition before, cause by cause, to the figure now.

    Parameters
    ----------
    rows : ``title, value, total, said``; a total starts at zero, a step where the one before it
        ended. ``said`` is written beside the bar.
    unit : ``%``, ``£``, or what is counted.
    """
    draw = Drawing(
        size,
        (58 if size.narrow else 44) * len(rows) + 50,
        Margins(left=14 if size.narrow else 220, right=20, top=12),
    )
    axes = draw.axes
    draw.rows(len(rows), below=0.6, above=(0.4, 0.2))
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
        beside = max(start, end, 0.0) + 0.02 * reach
        axes.text(beside, y, row["said"], va="center", bbox=PAPER, fontsize=size.text - 0.5)
        draw.name(y, row["title"], wrap=32, up=0.27, smaller=(0.5, 1.0))
        before = end
    axes.axvline(0, color=INK, linewidth=0.9)
    room = 0.4 if size.narrow else 0.24
    axes.set_xlim(min(0.0, *ends) - 0.06 * reach, max(0.0, *ends) + room * reach)
    _pounds_across(draw, _say(unit))
    return draw.svg()


def _ends(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Where each bar ends."""
    ends: list[float] = []
    for row in rows:
        ends.append(row["value"] if row["total"] else ends[-1] + row["value"])
    return ends


def _say(unit: str) -> Callable[[float], str]:
    if unit == "£":
        return spelling.round_pounds
    return lambda tick: (
        f"{spelling.number(tick, 1 if unit == '%' else 0)}{'%' if unit == '%' else ''}"
    )
