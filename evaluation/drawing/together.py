"""All outcomes on one sheet, and all sites on one: what a reader sees before any number is read.

Both are laid out in pixels, row by row, with every label beside what it names and no legend. The
better way is to the right in both, whichever way the figure itself goes. So it is on the card that
stands for the book where its address is passed on.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.drawing.canvas import (
    COMPARISON,
    GRID,
    HAIR,
    INK,
    LETTER,
    MUTED,
    PILOT,
    WORSE,
    Drawing,
    Margins,
    Size,
)

FIELD = "#dfe5e9"
TOP, TOP_NARROW, ROW, GROUP = 70, 62, 36, 30
"""Heights in pixels: above the first row, of a row of one line, and of a group's heading."""
UNMARKED = 32
"""Pixels less above the first row where nothing is hoped for."""
NAMES, FIGURES, GUTTER = 252, 190, 17
"""Pixels for a row's name, for its figures, and for the sign of its verdict before the name."""
TITLE = 90
"""The height of a field's title, unit and direction."""
WIDEST = 1.3
"""How many times as wide as the middle range a range may be before an arrow cuts it."""
FARTHEST = 1.6
"""How many times as far as the farthest point a range may reach, where most ranges are shorter."""


@dataclass(frozen=True, kw_only=True)
class _Plot:
    """Where figures lie across: pixels from ``left`` to ``right`` hold ``low`` to ``high``."""

    left: float
    right: float
    low: float
    high: float

    def at(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.left + share * (self.right - self.left)

    def cut(self, value: float) -> float:
        return self.at(min(max(value, self.low), self.high))


def all_outcomes(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Every outcome: found with its range, hoped for and worth having, the better way rightwards.

    Parameters
    ----------
    rows : ``group, outcome, main, better_down, effect, low, high, hoped, worth_having, said`` of
        each outcome, in per cent of what would have been without; of a group's rows the first bears
        its heading. ``better_down`` is whether a fall is the better way, by which the sheet turns
        it round. A figure that is not known is None. ``said`` is its effect and range in words.
        Where they are given, ``mark`` is the sign of its verdict, ``verdict`` its words below the
        name, ``people`` how many that is, below the figures; ``filled`` is whether the dot is what
        the answer rests on, else it is that of a main outcome.
    """
    turned = [_turned(row) for row in rows]
    marked = any(None not in (row["hoped"], row["worth_having"]) for row in rows)
    places = _places(rows, size, marked=marked)
    bottom = places[-1].below
    sheet = _sheet(size, round(bottom + 30))
    left, right = (10, size.width - 10) if size.narrow else (262, size.width - 196)
    low, high = _reach(turned)
    plot = _Plot(left=left, right=right, low=low, high=high)
    _scale(sheet, plot, places, bottom)
    labelled = False
    for row, shown, place in zip(rows, turned, places, strict=True):
        if place.heading:
            how: dict[str, Any] = {"bold": True, "colour": MUTED}
            _words(sheet, (10 if size.narrow else 2, place.heading), row["group"], **how)
        _named(sheet, row, place)
        _worth_and_hope(sheet, plot, shown, place.middle)
        if not labelled and shown["hoped"] is not None and shown["worth_having"] is not None:
            _direct_labels(sheet, plot, shown, place.middle)
            labelled = True
        _found(sheet, plot, shown, place.middle, filled=bool(row.get("filled", row["main"])))
    return sheet.svg()


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a row lies downwards, in pixels; ``heading`` is 0 where its group has one already."""

    heading: float
    above: float
    middle: float
    below: float
    lines: tuple[str, ...]
    under: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def _places(rows: Sequence[Mapping[str, Any]], size: Size, *, marked: bool = True) -> list[_Place]:
    """Each row as tall as the lines of its name need; ``marked``: field and mark are labelled."""
    found: list[_Place] = []
    group, y = None, float(TOP_NARROW if size.narrow else TOP) - (0 if marked else UNMARKED)
    letters = (size.width - 16 if size.narrow else NAMES) / (LETTER * size.text)
    for row in rows:
        heading = 0.0
        if row["group"] != group:
            group, heading = row["group"], y + (18 if found else 8)
            y += GROUP if found else GROUP - 10
        room = letters - (GUTTER / (LETTER * size.text) if row.get("mark") else 0)
        lines = tuple(textwrap.wrap(str(row["outcome"]), int(room)))[:3]
        under = tuple(textwrap.wrap(str(row.get("verdict") or ""), int(room)))[:3]
        people = tuple(
            textwrap.wrap(str(row.get("people") or ""), int(FIGURES / LETTER / size.text))
        )
        line = size.text * 1.18
        if size.narrow:
            middle = y + line * (len(lines) + len(under) + 1) + 21
            below = middle + 22
        else:
            told = max(len(lines) + len(under), 1 + len(people))
            below = y + max(ROW, line * told + (26 if under else 10))
            middle = (y + below) / 2
        found.append(
            _Place(
                heading=heading,
                above=y,
                middle=middle,
                below=below,
                lines=lines,
                under=under,
                people=people,
            )
        )
        y = below
    return found


def sites_together(rows: Sequence[Mapping[str, Any]], outcomes: Sequence[str], size: Size) -> str:
    """Every site in the order of its start, a field for each main outcome, each on its own scale.

    Parameters
    ----------
    rows : ``site, outcome, unit, better_down, effect, low, high, said`` of each site and outcome,
        in the unit in which the outcome's effects are shown.
    outcomes : the titles of those that have rows, in order.
    """
    sites = list(dict.fromkeys(str(row["site"]) for row in rows))
    step = 28
    block = TITLE + step * len(sites) + 16
    sheet = _sheet(size, block * len(outcomes) if size.narrow else block)
    names = 96 if size.narrow else 110
    wide = (size.width - names) / (1 if size.narrow else len(outcomes))
    for place, outcome in enumerate(outcomes):
        own = {str(row["site"]): row for row in rows if row["outcome"] == outcome}
        turned = {site: _turned(row) for site, row in own.items()}
        top = place * block if size.narrow else 0
        left = names + (0 if size.narrow else place * wide)
        low, high = _reach(list(turned.values()))
        plot = _Plot(left=left + 6, right=left + wide - 68, low=low, high=high)
        _field(sheet, plot, next(iter(own.values())), top, top + block - 14)
        for k, site in enumerate(sites):
            middle = top + TITLE + step * (k + 0.5)
            if size.narrow or place == 0:
                _words(sheet, (2, middle + 4.5), site, up="baseline")
            if site in own:
                # Open, as in every chart of single sites: no finding rests on one.
                _found(sheet, plot, turned[site], middle, filled=False)
                said = str(own[site]["said"])
                _words(sheet, (plot.right + 10, middle + 4.5), said, up="baseline")
    return sheet.svg()


def _sheet(size: Size, height: int) -> Drawing:
    """A sheet whose axes count pixels, from the top."""
    draw = Drawing(size, height, Margins(left=0, right=0, top=0, bottom=0))
    draw.axes.axis("off")
    draw.axes.set_xlim(0, size.width)
    draw.axes.set_ylim(height, 0)
    return draw


def _words(
    draw: Drawing,
    place: tuple[float, float],
    text: str,
    *,
    bold: bool = False,
    colour: str = INK,
    side: str = "left",
    up: str = "baseline",
    smaller: float = 0.5,
) -> None:
    how: dict[str, Any] = {"ha": side, "va": up, "color": colour, "linespacing": 1.15}
    how |= {"fontsize": draw.size.text - smaller, "fontweight": "bold" if bold else None}
    draw.axes.text(*place, text, **how)


def _turned(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the better way upwards: the ends of a range change places with the sign."""
    held = dict(row)
    if not row["better_down"]:
        return held
    low, high = row["low"], row["high"]
    held |= {"low": None if high is None else -high, "high": None if low is None else -low}
    for key in ("effect", "hoped"):
        if held.get(key) is not None:
            held[key] = -held[key]
    return held


def _reach(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """What the scale holds: zero, all points, hopes and margins, and all but outlandish ranges."""
    points = [0.0] + [row["effect"] for row in rows if row["effect"] is not None]
    points += [row["hoped"] for row in rows if row.get("hoped") is not None]
    worth = [row["worth_having"] for row in rows if row.get("worth_having") is not None]
    middle = sorted(worth)[len(worth) // 2] if worth else 0.0
    points += [-middle, middle] if worth else []
    known = [r for r in rows if None not in (r["effect"], r["low"], r["high"])]
    widths = sorted(row["high"] - row["low"] for row in known) or [1.0]
    # Single sites have ranges so wide that the points would lie on one another at nought.
    far = FARTHEST * max(abs(point) for point in points)
    most = min(WIDEST * widths[len(widths) // 2], max(far, widths[len(widths) // 4]))
    low = min(points + [max(row["low"], row["effect"] - most) for row in known])
    high = max(points + [min(row["high"], row["effect"] + most) for row in known])
    room = 0.05 * ((high - low) or 1.0)
    return low - room, high + room


def _scale(draw: Drawing, plot: _Plot, places: Sequence[_Place], bottom: float) -> None:
    """Hair lines at round figures, the line of no difference, and which way is better.

    On a telephone names stand over the rows, so the lines are drawn beside the rows alone.
    """
    narrow = draw.size.narrow
    spans = [(one.middle - 13, one.middle + 13) for one in places]
    spans = spans if narrow else [(places[0].above, bottom)]
    for tick in _ticks(plot, 4 if narrow else 6):
        x = plot.at(tick)
        for span in spans:
            colour = INK if tick == 0 else GRID
            draw.axes.plot([x, x], span, color=colour, linewidth=0.9, zorder=1)
        said = f"{abs(tick):g}%" if tick else "0" if narrow else "no difference"
        _words(draw, (x, bottom + 18), said, colour=MUTED, side="center", smaller=1)
    zero = plot.at(0.0)
    _words(draw, (zero + 8, 16), "better \N{RIGHTWARDS ARROW}", bold=True, colour=PILOT)
    _words(draw, (zero - 8, 16), "\N{LEFTWARDS ARROW} worse", colour=MUTED, side="right")


def _ticks(plot: _Plot, many: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=many, steps=[1, 2, 5, 10]).tick_values(plot.low, plot.high)
    return [float(tick) for tick in found if plot.low <= tick <= plot.high]


def _named(draw: Drawing, row: Mapping[str, Any], place: _Place) -> None:
    """An outcome's name and what was found, beside its row or, on a telephone, above it."""
    name, said, main = "\n".join(place.lines), str(row["said"]), bool(row["main"])
    mark, under, line = str(row.get("mark") or ""), "\n".join(place.under), draw.size.text * 1.18
    left = (10 if draw.size.narrow else 2) + (GUTTER if mark else 0)
    if draw.size.narrow:
        top = place.above + 4
        _words(draw, (10, top), mark, bold=main, up="top")
        _words(draw, (left, top), name, bold=main, up="top")
        _words(draw, (left, top + line * len(place.lines)), under, colour=MUTED, up="top")
        _words(draw, (left, place.middle - 19), said, colour=MUTED)
        return
    # Mark, name and verdict begin at one height, the name's block in the middle of its row.
    tall = line * (len(place.lines) + len(place.under))
    top = place.middle - tall / 2
    _words(draw, (2, top), mark, bold=main, up="top")
    _words(draw, (left, top), name, bold=main, up="top")
    _words(draw, (left, top + line * len(place.lines)), under, colour=MUTED, up="top")
    right = draw.size.width - 186
    if place.people:
        top = place.middle - line * (1 + len(place.people)) / 2
        _words(draw, (right, top), said, bold=main, up="top")
        _words(draw, (right, top + line), "\n".join(place.people), colour=MUTED, up="top")
        return
    wrapped = textwrap.wrap(said, int(FIGURES / (LETTER * draw.size.text)))
    _words(draw, (right, place.middle), "\n".join(wrapped[:3]), up="center")


def _worth_and_hope(draw: Drawing, plot: _Plot, row: Mapping[str, Any], middle: float) -> None:
    """The field that is smaller than worth having, and the mark of what was hoped for."""
    margin, hoped = row["worth_having"], row["hoped"]
    if margin is not None:
        ends = plot.cut(-margin), plot.cut(margin)
        draw.axes.fill_between(ends, middle - 9, middle + 9, color=FIELD, linewidth=0, zorder=0.5)
    if hoped is not None:
        x = plot.at(hoped)
        draw.axes.plot([x, x], [middle - 11, middle + 11], color=INK, linewidth=2.2, zorder=2)


def _direct_labels(draw: Drawing, plot: _Plot, row: Mapping[str, Any], middle: float) -> None:
    """What the field and the mark are, said once, at the first row that has both."""
    how: dict[str, Any] = {"color": HAIR, "linewidth": 0.8, "zorder": 1}
    hoped, edge = plot.at(row["hoped"]), plot.cut(row["worth_having"])
    narrow = draw.size.narrow
    high, low = (32, 48) if narrow else (36, 54)
    right = hoped > plot.right - 70
    draw.axes.plot([hoped, hoped], [high + 4, middle - 12], **how)
    side = "right" if right else "left"
    _words(draw, (hoped + (4 if right else -4), high), "hoped for", side=side, smaller=1)
    draw.axes.plot([edge, edge], [low + 4, middle - 10], **how)
    _words(draw, (edge - 4, low), "worth having", side="right", colour=MUTED, smaller=1)


def _found(
    draw: Drawing, plot: _Plot, row: Mapping[str, Any], middle: float, *, filled: bool
) -> None:
    """What was found: its dot, on its range, with an arrow where that goes on beyond the sheet.

    A range that lies whole on the worse side has the colour of what is worse, as well as its place.
    """
    low, high = row["low"], row["high"]
    colour = WORSE if high is not None and high < 0 else PILOT
    if low is not None and high is not None:
        ends = [plot.cut(low), plot.cut(high)]
        how: dict[str, Any] = {"linewidth": 2.4, "zorder": 3, "solid_capstyle": "butt"}
        draw.axes.plot(ends, [middle] * 2, color=colour, **how)
        for end, x, mark in ((low, ends[0], "<"), (high, ends[1], ">")):
            if not plot.low <= end <= plot.high:
                draw.axes.plot([x], [middle], mark, color=colour, markersize=7, zorder=3)
    if row["effect"] is not None:
        x = plot.cut(row["effect"])
        face = colour if filled else "white"
        dot: dict[str, Any] = {"markerfacecolor": face, "markeredgewidth": 1.8, "zorder": 4}
        draw.axes.plot([x], [middle], "o", color=colour, markersize=9, **dot)


def _field(draw: Drawing, plot: _Plot, row: Mapping[str, Any], top: float, end: float) -> None:
    """A field of sites: its outcome and unit, the line of no difference, which way is better."""
    zero, begin = plot.at(0.0), top + TITLE
    room = int((plot.right + 62 - plot.left) / (LETTER * draw.size.text))
    lines = textwrap.wrap(str(row["outcome"]), room)[:3]
    _words(draw, (plot.left, top + 6), "\n".join(lines), bold=True, up="top")
    below = top + 10 + draw.size.text * 1.18 * len(lines)
    _words(draw, (plot.left, below), str(row["unit"]), colour=MUTED, up="top", smaller=1)
    draw.axes.plot([zero, zero], [begin - 4, end], color=INK, linewidth=0.9, zorder=1)
    fits = plot.right + 62 - zero > 60
    place, side = ((zero + 4, begin - 6), "left") if fits else ((zero - 4, begin - 6), "right")
    better = "better \N{RIGHTWARDS ARROW}"
    _words(draw, place, better, colour=PILOT, side=side, smaller=1)


CARD_WIDTH, CARD_HEIGHT = 1200, 630
"""Pixels, as services that show a link expect them."""
MOST_ON_CARD = 3
"""Outcomes that have room; the others are counted."""
EDGE, CARD_TEXT = 64, 25.0
RANGES = (760, 1136)
"""Where ranges lie, in pixels across."""


def social_card(
    title: str, edition: str, rows: Sequence[Mapping[str, Any]], band: str = ""
) -> bytes:
    """A PNG with the title, what was found on the main outcomes, and the edition.

    Parameters
    ----------
    rows : ``outcome, verdict, said, effect, low, high, better_down`` of each main outcome, in per
        cent; a figure that is not known is None.
    band : what to know of all figures, as that they are invented.
    """
    draw = Drawing(
        Size(width=CARD_WIDTH, text=CARD_TEXT),
        CARD_HEIGHT,
        Margins(left=0, right=0, top=0, bottom=0),
    )
    axes = draw.axes
    axes.axis("off")
    axes.set_xlim(0, CARD_WIDTH)
    axes.set_ylim(CARD_HEIGHT, 0)
    axes.fill_between([0, CARD_WIDTH], 0, 14, color=PILOT, linewidth=0)
    _on_card(draw, 90, title, smaller=-21, fontweight="bold")
    _on_card(draw, 142, edition, smaller=2, color=MUTED)
    shown = list(rows[:MOST_ON_CARD])
    ends = [abs(one[k]) for one in shown for k in ("effect", "low", "high") if one[k] is not None]
    reach = 1.08 * max([1.0, *ends])
    middle = (RANGES[0] + RANGES[1]) / 2
    scale = (RANGES[1] - RANGES[0]) / 2 / reach
    _on_card(draw, 196, "better \N{RIGHTWARDS ARROW}", x=middle + 8, smaller=5, color=PILOT)
    axes.plot([middle] * 2, [206, 206 + 106 * len(shown)], color=INK, linewidth=1.2)
    for place, row in enumerate(shown):
        _card_row(draw, row, 206 + 106 * place, (middle, scale))
    left = len(rows) - len(shown)
    more = f"{left} more main outcomes inside. " if left > 1 else "1 more inside. " if left else ""
    _on_card(draw, CARD_HEIGHT - 40, more + band, smaller=5, color=MUTED)
    stream = io.BytesIO()
    draw.figure.savefig(stream, format="png", dpi=72, metadata={"Software": None})
    return stream.getvalue()


def _card_row(
    draw: Drawing, row: Mapping[str, Any], top: float, across: tuple[float, float]
) -> None:
    """An outcome: its name, verdict and range in words, and the range drawn."""
    axes, (zero, scale) = draw.axes, across
    axes.plot([EDGE, CARD_WIDTH - EDGE], [top, top], color=GRID, linewidth=1.2)
    name = textwrap.shorten(str(row["outcome"]), 48, placeholder=" \N{HORIZONTAL ELLIPSIS}")
    _on_card(draw, top + 40, name, fontweight="bold", smaller=1)
    verdict = textwrap.shorten(str(row["verdict"]), 66, placeholder=" \N{HORIZONTAL ELLIPSIS}")
    _on_card(draw, top + 70, str(row["said"]), smaller=4)
    _on_card(draw, top + 96, verdict, smaller=7, color=COMPARISON)
    side = -1 if row["better_down"] else 1
    if row["low"] is not None and row["high"] is not None:
        ends = [zero + side * row[key] * scale for key in ("low", "high")]
        axes.plot(ends, [top + 53] * 2, color=PILOT, linewidth=6, solid_capstyle="butt")
    if row["effect"] is not None:
        x = zero + side * row["effect"] * scale
        axes.plot([x], [top + 53], "o", color=PILOT, markersize=20)


def _on_card(
    draw: Drawing, y: float, text: str, *, x: float = EDGE, smaller: float = 0.0, **how: Any
) -> None:
    looks: dict[str, Any] = {"color": INK, "fontsize": CARD_TEXT - smaller}
    draw.axes.text(x, y, text, **(looks | how))
