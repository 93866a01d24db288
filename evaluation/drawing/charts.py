"""Charts of outcomes, sites, agencies, costs and rates, drawn as SVG text from plain numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluation.drawing import spelling
from evaluation.drawing.canvas import (
    BAND,
    COMPARISON,
    HAIR,
    INK,
    LETTER,
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
    floats,
    last_known,
    mark_start_of_event_time,
    mark_starts,
    period_ticks,
    plain_ticks,
    say_ticks,
)
from evaluation.wording import signed


@dataclass(frozen=True, kw_only=True)
class LineNames:
    """What stands beside the lines of `paths`, in the book's words unless others are given."""

    treated: str = "pilot areas"
    counterfactual: str = "without the\nprogramme"
    comparison: str = "comparison\nareas"
    start: str = "first site starts"


def paths(rows: Sequence[Mapping[str, Any]], starts: Sequence[str], unit: str, size: Size) -> str:
    """Pilots and what would have happened without the programme, with the starts marked.

    Parameters
    ----------
    rows : ``period, pilot, counterfactual, low, high, comparison`` of each period.
    starts : the periods in which sites start; the first is labelled.
    """
    return paths_drawn(rows, starts, unit, size, LineNames()).svg()


def paths_drawn(
    rows: Sequence[Mapping[str, Any]],
    starts: Sequence[str],
    unit: str,
    size: Size,
    names: LineNames,
) -> Drawing:
    """The sheet of `paths`."""
    draw = Drawing(size, 250 if size.narrow else 330, Margins(right=98 if size.narrow else 150))
    axes, x = draw.axes, range(len(rows))
    periods = [row["period"] for row in rows]
    counter, comparison = column(rows, "counterfactual"), column(rows, "comparison")
    pilot = column(rows, "pilot")
    known = [t for t in x if rows[t]["low"] is not None and rows[t]["high"] is not None]
    draw.band(known, [rows[t]["low"] for t in known], [rows[t]["high"] for t in known])
    axes.plot(x, comparison, color=MUTED, linewidth=1.3, linestyle=(0, (1, 2)))
    axes.plot(x, counter, color=COMPARISON, linewidth=1.8, linestyle=(0, (5, 2)))
    axes.plot(x, pilot, color=PILOT, linewidth=2.4)
    mark_starts(draw, [periods.index(s) for s in starts if s in periods], label=names.start)
    period_ticks(axes, periods, size)
    draw.limits([*pilot, *counter, *comparison, *column(rows, "low"), *column(rows, "high")])
    draw.unit(unit, base=True)
    lines = [
        LineEnd(names.treated, pilot[-1], PILOT),
        LineEnd(names.counterfactual, counter[-1], COMPARISON),
        LineEnd(names.comparison, comparison[-1], MUTED),
    ]
    end_labels(draw, lines)
    return draw


class MeanSpan(NamedTuple):
    """First and last event time of a mean effect, and the ends of its range."""

    first: float
    last: float
    low: float
    high: float


def control(
    rows: Sequence[Mapping[str, Any]], changes: Sequence[str], unit: str, size: Size
) -> str:
    """The months of a site's own figure between their limits, with what is unusual in them.

    Parameters
    ----------
    rows : ``period, value, centre, low, high, unusual`` of each month; unusual is a text, empty
        where nothing is. changes : the months in which the site changed its practice.
    """
    draw = Drawing(size, 220 if size.narrow else 240, Margins(right=70 if size.narrow else 110))
    axes, x = draw.axes, range(len(rows))
    periods = [row["period"] for row in rows]
    lines = {name: column(rows, name) for name in ("value", "centre", "low", "high")}
    known = [t for t in x if rows[t]["low"] is not None]
    draw.band(known, [lines["low"][t] for t in known], [lines["high"][t] for t in known], "#eef1f3")
    for name in ("low", "high"):
        axes.plot(x, lines[name], color=MUTED, linewidth=1.1, linestyle=(0, (3, 2)))
    axes.plot(x, lines["centre"], color=COMPARISON, linewidth=1.1)
    axes.plot(x, lines["value"], color=PILOT, linewidth=1.4, marker="o", markersize=3.5)
    for t in x:
        if rows[t]["unusual"]:
            draw.square(t, lines["value"][t], filled=True, size=7.5)
    period_ticks(axes, periods, size)
    draw.limits([value for held in lines.values() for value in held])
    mark_starts(draw, [periods.index(one) for one in changes if one in periods], label="changed")
    draw.unit(unit, base=True)
    ends = [("limit", "high"), ("mean of the\nbaseline", "centre"), ("limit", "low")]
    end_labels(draw, [LineEnd(said, last_known(lines[name]), MUTED) for said, name in ends])
    return draw.svg()


ENVELOPE = 5
"""Quantiles in which the gaps of other sets of areas are drawn."""


def gaps(
    times: Sequence[int],
    real: Sequence[float | None],
    placebo: Sequence[Sequence[float | None]],
    unit: str,
    span: MeanSpan | None,
    period: str,
    size: Size,
) -> str:
    """The pilots' gap over event time before those of re-drawn start dates.

    Parameters
    ----------
    placebo : the 5, 25, 50, 75 and 95 per cent quantiles of those, each over event time; or single
        series, each then a hair line.
    """
    return gaps_drawn(times, real, placebo, unit, span, period, size).svg()


def gaps_drawn(
    times: Sequence[int],
    real: Sequence[float | None],
    placebo: Sequence[Sequence[float | None]],
    unit: str,
    span: MeanSpan | None,
    period: str,
    size: Size,
    *,
    name: str = "pilot areas",
) -> Drawing:
    """The sheet of `gaps`."""
    draw = Drawing(
        size, 256 if size.narrow else 316, Margins(right=98 if size.narrow else 150, bottom=48)
    )
    axes = draw.axes
    if len(placebo) == ENVELOPE:
        lows, quarters, middle, upper, highs = (floats(row) for row in placebo)
        draw.band(times, lows, highs, "#eef1f3")
        draw.band(times, quarters, upper, BAND)
        axes.plot(times, middle, color=HAIR, linewidth=1.0)
    for row in placebo if len(placebo) != ENVELOPE else ():
        axes.plot(times, floats(row), color=HAIR, linewidth=0.45, alpha=0.55)
    if span is not None:
        first, last, low, high = span
        edges = [first, last, last, first, first], [low, low, high, high, low]
        field: dict[str, Any] = {"color": PILOT, "alpha": 0.16, "linewidth": 0}
        axes.fill_between([first, last], [low] * 2, [high] * 2, **field)
        axes.plot(*edges, color=PILOT, linewidth=1.1, linestyle=(0, (3, 2)))
    axes.plot(times, floats(real), color=PILOT, linewidth=2.4)
    axes.axhline(0, color=INK, linewidth=0.8)
    mark_start_of_event_time(draw)
    draw.across(f"{period}s since the start (0 = the first {period})")
    every = sorted(abs(v) for row in placebo for v in floats(row) if not math.isnan(v))
    reach = every[int(0.995 * (len(every) - 1))] if every else 0.0
    draw.limits([*floats(real), reach, -reach])
    draw.unit(unit)
    end_labels(draw, [LineEnd(name, last_known(floats(real)), PILOT)])
    how: dict[str, Any] = {"color": MUTED, "fontsize": size.text - 1.5}
    axes.text(0.01, 0.03, "grey: other sets of areas", transform=axes.transAxes, **how)
    return draw


def events(rows: Sequence[Mapping[str, Any]], unit: str, period: str, size: Size) -> str:
    """Effect by quarters since the start, with the band that holds for all of them at once."""
    return events_drawn(rows, unit, period, size).svg()


def events_drawn(rows: Sequence[Mapping[str, Any]], unit: str, period: str, size: Size) -> Drawing:
    """The sheet of `events`."""
    draw = Drawing(size, 250 if size.narrow else 300, Margins(bottom=48))
    axes, after = draw.axes, [row for row in rows if row["event_time"] >= 0]
    before = [row for row in rows if row["event_time"] < 0]
    for part, shade in ((before, "#eef1f3"), (after, BAND)):
        times = [row["event_time"] for row in part]
        draw.band(times, column(part, "low_band"), column(part, "high_band"), shade)
    for part, colour, face in ((before, HAIR, "white"), (after, PILOT, PILOT)):
        times = [row["event_time"] for row in part]
        for time, row in zip(times, part, strict=True):
            axes.plot([time] * 2, [row["low"], row["high"]], color=colour, linewidth=1.3)
        how: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 5.5}
        axes.plot(times, column(part, "effect"), "o", **how)
    axes.axhline(0, color=INK, linewidth=0.8)
    mark_start_of_event_time(draw)
    bands = ("low_band", "high_band", "low", "high", "effect")
    draw.limits([value for key in bands for value in column(rows, key)], cap=2.0)
    draw.unit(unit)
    draw.across(f"{period}s since the start (0 = the first {period})")
    return draw


NAME_WRAP = 34
"""Characters of a row's name on one line beside a chart."""


class ForestRow(NamedTuple):
    """An effect beside others: ``figure`` holds ``effect, low, high``, ``said`` its words."""

    label: str
    figure: Mapping[str, Any]
    filled: bool
    said: str


def forest(rows: Sequence[ForestRow], unit: str, size: Size) -> str:
    """Effects with their ranges on one scale, a row each."""
    return forest_drawn(rows, unit, size).svg()


def forest_rightwards(rows: Sequence[ForestRow], unit: str, better_down: bool, size: Size) -> str:
    """The same with the better way to the right, as on every chart of outcomes and of sites.

    ``better_down`` : whether a fall is the better way, by which the axis is turned round.
    """
    return forest_drawn(rows, unit, size, better_down=better_down).svg()


def forest_drawn(
    rows: Sequence[ForestRow], unit: str, size: Size, *, better_down: bool | None = None
) -> Drawing:
    """The sheet of `forest`, or of `forest_rightwards` where it is said which way is better."""
    # A name of three lines would touch the one below it.
    tall = any(len(textwrap.wrap(row.label, NAME_WRAP)) > 2 for row in rows)
    step = 58 if size.narrow else 48 if tall else 36
    left, right = (24, 24) if size.narrow else (250, 170)
    above = 12 if better_down is None else 34
    draw = Drawing(size, step * len(rows) + 38 + above, Margins(left=left, right=right, top=above))
    axes = draw.axes
    draw.rows(len(rows), below=0.45, above=(0.45, 0.2))
    reach = _reach([row.figure for row in rows])
    for place, (label, row, filled, said) in enumerate(rows):
        y = len(rows) - 1 - place
        colour = _range(axes, row, y, reach, better_down)
        draw.dot(row["effect"], y, filled=filled, edge=1.6, colour=colour)
        _forest_text(draw, y, label, said)
    axes.axvline(0, color=INK, linewidth=0.9)
    # All effects may be printed as one value.
    span = (reach[1] - reach[0]) or 1.0
    axes.set_xlim(reach[0] - 0.04 * span, reach[1] + 0.04 * span)
    plain_ticks(axes, "x", 5 if size.narrow else 7, unit)
    if better_down is not None:
        if better_down:
            axes.invert_xaxis()
        # At the edge, since beside a zero that lies there it would be cut off.
        edge, said = axes.get_xlim()[1], "better \N{RIGHTWARDS ARROW}"
        draw.above(edge, said, smaller=1, ha="right", va="bottom", color=PILOT)
    return draw


def _reach(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """What the axis of a forest has to hold: zero, every dot, and all but outlandish ranges."""
    points = [row["effect"] for row in rows] + [0.0]
    known = [row for row in rows if row["low"] is not None and row["high"] is not None]
    spans = [row["high"] - row["low"] for row in known]
    widths = sorted(span for span in spans if math.isfinite(span)) or [1.0]
    most = 1.2 * widths[len(widths) // 2]
    lows = [max(row["low"], row["effect"] - most) for row in known]
    highs = [min(row["high"], row["effect"] + most) for row in known]
    return min(points + lows), max(points + highs)


def _range(
    axes: Any,
    row: Mapping[str, Any],
    y: float,
    reach: tuple[float, float],
    better_down: bool | None,
) -> str:
    """The line of a range, with an arrow where it goes on beyond the axis; the colour it has.

    One that lies whole on the worse side has the colour of what is worse, as well as its place.
    """
    if row["low"] is None or row["high"] is None:
        return PILOT
    worse = {None: False, True: row["low"] > 0, False: row["high"] < 0}[better_down]
    colour = WORSE if worse else PILOT
    low, high = max(row["low"], reach[0]), min(row["high"], reach[1])
    axes.plot([low, high], [y, y], color=colour, linewidth=2)
    arrows = "><" if better_down else "<>"
    for end, shown, arrow in zip((row["low"], row["high"]), (low, high), arrows, strict=True):
        if end != shown:
            axes.plot([shown], [y], arrow, color=colour, markersize=7, clip_on=False)
    return colour


def gains(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Who pays (left) and who gains (right), by agency, in pounds, with the gains' ranges."""
    step = 62 if size.narrow else 50
    draw = Drawing(
        size, step * len(rows) + 58, Margins(left=14 if size.narrow else 165, right=20, top=34)
    )
    axes = draw.axes
    draw.rows(len(rows), below=0.6, above=(0.45, 0.2))
    left = max(
        1.0, *(abs(row["cost"]["mean"]) for row in rows), *(-row["gain"]["low"] for row in rows)
    )
    right = max(1.0, *(row["gain"][key] for row in rows for key in ("mean", "high")))
    reach = (left + right) / 2
    for place, row in enumerate(rows):
        _gain_row(draw, len(rows) - 1 - place, row, reach)
    axes.axvline(0, color=INK, linewidth=0.9)
    room = 0.5 if size.narrow else 0.28
    axes.set_xlim(-left - room * reach, right + room * reach)
    few_ticks(axes, "x", 4 if size.narrow else 6)
    say_ticks(axes, "x", lambda tick: spelling.round_pounds(abs(tick)))
    for x, text, side in ((-0.06, "pays", "right"), (0.06, "gains", "left")):
        draw.above(x * reach, text, smaller=0, ha=side, va="bottom")
    return draw.svg()


class Caught(NamedTuple):
    """A kind of slip, and (cost, share of it that is caught) at each threshold."""

    slip: str
    points: Sequence[tuple[float, float]]


def trade_off(lines: Sequence[Caught], declared: float, size: Size) -> str:
    """What laxer thresholds catch and cost, a line for each kind of slip.

    ``declared`` is the cost at the thresholds as they are; the axis of costs is logarithmic.
    """
    # Most lines end close together at the top, so their names need room above.
    draw = Drawing(
        size,
        380 if size.narrow else 360,
        Margins(
            left=48, right=124 if size.narrow else 230, bottom=48, top=140 if size.narrow else 84
        ),
    )
    axes = draw.axes
    ends = []
    for place, (label, points) in enumerate(lines):
        steady = sorted(points)
        colour = PILOT if place < 2 else COMPARISON
        stroke = (0, (5, place)) if place else "-"
        axes.plot(*zip(*steady, strict=True), color=colour, linewidth=1.8, linestyle=stroke)
        shown = textwrap.fill(label, 18 if size.narrow else 30)
        ends.append(LineEnd(shown, steady[-1][1], colour))
    axes.set_xscale("log")
    axes.set_ylim(0, 1.04)
    axes.axvline(declared, color=INK, linewidth=0.9)
    blend, how = axes.get_xaxis_transform(), {"color": MUTED, "fontsize": size.text - 1}
    draw.beside((declared, 0.03), "as declared", (4, 0), xycoords=blend, va="baseline", **how)
    say_ticks(axes, "x", lambda tick: f"{tick:g}")
    say_ticks(axes, "y", lambda tick: spelling.percent(100 * tick, 0))
    draw.across("questions for each clean return")
    draw.unit("share of slips that are asked about")
    end_labels(draw, ends)
    return draw.svg()


class Across(NamedTuple):
    """What an axis counts, and how many of them it counts as one."""

    what: str
    one: float


def growth(points: Sequence[tuple[float, float]], across: Across, unit: str, size: Size) -> str:
    """What one more costs as there are more: (how many there are, cost) a point."""
    above = 44 if size.narrow else 30  # the unit takes two lines on a telephone
    draw = Drawing(size, 174 + above, Margins(left=40, right=28, bottom=46, top=above))
    axes = draw.axes
    counted = [many / across.one for many, _ in points]
    costs = [cost for _, cost in points]
    axes.plot(counted, costs, color=PILOT, linewidth=2, marker="o", markersize=3)
    axes.set_xlim(0, 1.04 * max(counted))
    axes.set_ylim(0, 1.25 * max(costs))
    plain_ticks(axes, "y", 4)
    axes.locator_params(axis="x", integer=across.one == 1, nbins=5 if size.narrow else 9)
    say_ticks(axes, "x", lambda tick: f"{tick:,g}")
    draw.across(across.what)
    draw.unit(textwrap.fill(unit, 42 if size.narrow else 90))
    return draw.svg()


class Rate(NamedTuple):
    """A measured rate and its Monte Carlo error."""

    label: str
    rate: float
    error: float


def strip(rows: Sequence[Rate], target: float, unit: str, size: Size) -> str:
    """Measured rates beside the promised one, a row each."""
    draw = Drawing(
        size,
        (58 if size.narrow else 34) * len(rows) + 78,
        Margins(left=14 if size.narrow else 250, right=14 if size.narrow else 90, bottom=48),
    )
    axes = draw.axes
    draw.rows(len(rows), below=0.5, above=(0.4, 0.2))
    axes.grid(axis="x", visible=False)
    for place, (label, rate, error) in enumerate(rows):
        y = len(rows) - 1 - place
        axes.plot([rate - 2 * error, rate + 2 * error], [y, y], color=PILOT, linewidth=1.6)
        axes.plot([rate], [y], "o", color=PILOT, markersize=6)
        _forest_text(draw, y, label, spelling.percent(100 * rate, 1))
    axes.axvline(target, color=INK, linewidth=0.9)
    promised = f"promised {spelling.percent(100 * target, 0)}"
    draw.above(target, promised, smaller=1, ha="center")
    few_ticks(axes, "x", 5)
    say_ticks(axes, "x", lambda tick: spelling.percent(100 * tick, 0))
    draw.across(unit)
    return draw.svg()


def _forest_text(draw: Drawing, y: float, label: str, figure: str) -> None:
    axes, text = draw.axes, draw.size.text
    blend = axes.get_yaxis_transform()
    if draw.size.narrow:
        draw.name(y, label, wrap=NAME_WRAP, up=0.42, smaller=(0.5, 0.5))
        how: dict[str, Any] = {"color": MUTED, "bbox": PAPER, "fontsize": text - 1}
        axes.text(0, y + 0.14, figure, transform=blend, va="bottom", **how)
        return
    draw.name(y, label, wrap=NAME_WRAP, up=0.42, smaller=(0.5, 0.5))
    end = (draw.margins.right - 2, 0)
    draw.beside((1, y), figure, end, xycoords=blend, ha="right", color=MUTED, fontsize=text - 0.5)


def _gain_row(draw: Drawing, y: float, row: Mapping[str, Any], reach: float) -> None:
    axes, gain = draw.axes, row["gain"]
    cost = abs(row["cost"]["mean"])
    axes.barh([y], [-cost], height=0.34, color=COMPARISON)
    axes.barh([y], [gain["mean"]], height=0.34, color=PILOT)
    axes.plot([gain["low"], gain["high"]], [y, y], color=INK, linewidth=1.2)
    how: dict[str, Any] = {"va": "center", "fontsize": draw.size.text - 0.5}
    if cost:
        left = min(-cost, gain["low"]) - 0.04 * reach
        axes.text(left, y, spelling.pounds(cost), ha="right", **how)
    # A range about nought is a gain of nought, and not one that nobody worked out.
    if gain["mean"] or gain["low"] or gain["high"]:
        right = max(gain["high"], gain["mean"], 0) + 0.04 * reach
        axes.text(right, y, spelling.pounds(spelling.borne_pounds(gain)), ha="left", **how)
    name = f"{row['name']} ({row['budget']})"
    draw.name(y, name, wrap=24, up=0.26, smaller=(0.5, 0.5))


MOST_TICKS = 12
COLOURS = (PILOT, COMPARISON, WORSE)


def detectable_by_look(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """The smallest effect found four times in five after each look, a line an outcome.

    Parameters
    ----------
    rows : ``outcome, look, direction, detectable_percent``; an infinite figure is left out of its
        line. What is drawn is called a fall or a rise where all rows say the same.
    """
    draw = Drawing(size, 250 if size.narrow else 320, Margins(right=110 if size.narrow else 190))
    outcomes, labels, drawn = list(dict.fromkeys(row["outcome"] for row in rows)), [], [0.0]
    for name, colour in zip(outcomes, COLOURS * len(outcomes), strict=False):
        own = [r for r in rows if r["outcome"] == name and math.isfinite(r["detectable_percent"])]
        if not own:
            continue
        heights = [row["detectable_percent"] for row in own]
        looks_of = [row["look"] for row in own]
        draw.axes.plot(looks_of, heights, color=colour, linewidth=2, marker="o", markersize=4)
        labels.append(LineEnd(str(name).replace("_", " "), heights[-1], colour))
        drawn += heights
    looks = max(int(row["look"]) for row in rows)
    draw.axes.set_xlim(0.5, looks + 0.2)
    draw.axes.set_xticks(range(1, looks + 1, -(-looks // MOST_TICKS)))
    draw.limits(drawn)
    draw.axes.set_ylim(bottom=0)
    draw.axes.set_xlabel("look", color=MUTED)
    said = {str(row["direction"]) for row in rows}
    what = said.pop() if len(said) == 1 else "change"
    draw.unit(f"smallest {what} found four times in five, per cent")
    end_labels(draw, labels)
    return draw.svg()


def balance_before_after(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Standardised differences of pilots from all eligible areas, and from those that are like.

    Parameters
    ----------
    rows : ``item, difference_before, difference_after``, and ``difference_synthetic`` where
        synthetic weights stand beside the nearest areas; a difference that is no number is left
        out.
    """
    draw = Drawing(size, 70 + 34 * len(rows), Margins(left=170, right=24, bottom=44))
    axes, names = draw.axes, [str(row["item"]) for row in rows]
    places, synthetic = list(range(len(rows)))[::-1], False
    for place, row in zip(places, rows, strict=True):
        before, after = row["difference_before"], row["difference_after"]
        weighed = row.get("difference_synthetic", math.nan)
        synthetic |= math.isfinite(weighed)
        ends = [value for value in (before, after, weighed) if math.isfinite(value)]
        axes.plot(ends, [place] * len(ends), color=HAIR, linewidth=1.2)
        axes.plot(before, place, "s", color="white", markeredgecolor=COMPARISON, markersize=7)
        axes.plot(after, place, "s", color=PILOT, markersize=7)
        axes.plot(weighed, place, "D", color=WORSE, markersize=6)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(places, names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    few_ticks(axes, "x", 5)
    say_ticks(axes, "x", lambda value: spelling.BOOK.write(signed(value, 1)))
    marks = "open: all areas, filled: " + ("nearest" if synthetic else "matched areas")
    marks += ", diamond: synthetic weights" if synthetic else ""
    axes.set_xlabel(f"standard deviations; {marks}", color=MUTED)
    return draw.svg()


MOST_DONORS = 12
NAME = 200
"""Characters of an area's name on one line: it is never wrapped."""


def synthetic_path(
    rows: Sequence[Mapping[str, Any]], start: str, name: str, unit: str, size: Size
) -> str:
    """An area, its synthetic control, and how far apart comparison areas lie from theirs.

    Parameters
    ----------
    rows : of each period, as a study's results hold them: ``period, observed``, the synthetic
        control under the results' older word for it, and ``low, high``: the synthetic control with
        the middle 95 % of the gaps under re-assignment.
    start : the first started period.
    """
    draw = Drawing(size, 250 if size.narrow else 330, Margins(right=98 if size.narrow else 150))
    axes, x = draw.axes, range(len(rows))
    observed, synthetic_unit = column(rows, "observed"), column(rows, "twin")
    draw.band(x, column(rows, "low"), column(rows, "high"))
    axes.plot(x, synthetic_unit, color=COMPARISON, linewidth=1.8, linestyle=(0, (5, 2)))
    axes.plot(x, observed, color=PILOT, linewidth=2.4)
    periods = [str(row["period"]) for row in rows]
    mark_starts(draw, [periods.index(start)], label="start")
    period_ticks(axes, periods, size)
    draw.limits([*observed, *synthetic_unit, *column(rows, "low"), *column(rows, "high")])
    draw.unit(unit, base=True)
    shown = textwrap.fill(name, 11 if size.narrow else 18)
    other = LineEnd("synthetic\ntwin", last_known(synthetic_unit), COMPARISON)
    end_labels(draw, [LineEnd(shown, last_known(observed), PILOT), other])
    return draw.svg()


class DonorWeight(NamedTuple):
    """A comparison area and its weight in a synthetic control."""

    name: str
    weight: float


def donor_weights(rows: Sequence[DonorWeight], size: Size) -> str:
    """The donors of a synthetic control, heaviest first, the rest as one."""
    return donor_weights_drawn(rows, size).svg()


def donor_weights_drawn(rows: Sequence[DonorWeight], size: Size) -> Drawing:
    """The sheet of `donor_weights`."""
    shown = list(rows[:MOST_DONORS])
    if rest := rows[MOST_DONORS:]:
        together = math.fsum(one.weight for one in rest)
        shown.append(DonorWeight(f"{len(rest)} others together", together))
    step, left = (40, 14) if size.narrow else (26, 190)
    draw = Drawing(size, step * len(shown) + 50, Margins(left=left, right=60, top=12))
    axes = draw.axes
    draw.rows(len(shown), below=0.5, above=(0.4, 0.2))
    room = int(left / (LETTER * size.text))
    for place, (whole, weight) in enumerate(shown):
        name = whole if size.narrow else spelling.cut(whole, room)
        y = len(shown) - 1 - place
        axes.barh([y], [weight], height=0.42, color=PILOT if weight >= 0 else COMPARISON)
        end, said = (max(weight, 0.0), y), spelling.percent(100 * weight, 1)
        draw.beside(end, said, (5, 0), color=MUTED, fontsize=size.text - 1)
        draw.name(y, name, wrap=NAME, up=0.24, smaller=(0.5, 0.5), paper=None)
    axes.axvline(0, color=INK, linewidth=0.9)
    weights = [one.weight for one in shown]
    axes.set_xlim(min(0.0, *weights) * 1.05, max(weights) * 1.02)
    plain_ticks(axes, "x", 4)
    return draw
