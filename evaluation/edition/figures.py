"""Every chart of the book, drawn as SVG text from plain numbers; matplotlib's only door.

Each function draws one chart at one of two widths, because text that fits a desk does not fit
a telephone. Pilots are teal, comparisons slate, uncertainty grey; each line is labelled where it
ends, so nothing rests on a legend or on colour alone. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation.edition import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PILOT, COMPARISON, WORSE = "#0a6b6b", "#51616f", "#ad4a12"
INK, MUTED, BAND, HAIR, GRID = "#1d262c", "#5c6770", "#d5dce1", "#9aa5ad", "#e4e8eb"
FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans'"

_SETTINGS = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "svg.fonttype": "none",
    "svg.hashsalt": "edition", "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "axes.edgecolor": HAIR, "axes.linewidth": 0.8,
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "grid.color": GRID,
    "grid.linewidth": 0.8, "xtick.color": HAIR, "xtick.labelcolor": MUTED,
    "ytick.color": HAIR, "ytick.labelcolor": MUTED, "ytick.major.size": 0,
    "xtick.major.size": 4, "text.color": INK, "axes.unicode_minus": True,
    "lines.solid_capstyle": "round", "path.simplify": False,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Size:
    """A chart's width in CSS pixels and its text size."""

    width: int
    text: float

    @property
    def narrow(self) -> bool:
        return self.width < 500


WIDE = Size(width=760, text=13.0)
NARROW = Size(width=350, text=12.5)
SPARK = Size(width=260, text=11.0)


@dataclass(frozen=True, kw_only=True)
class Margins:
    """Room around the plot, in pixels."""

    left: int = 48
    right: int = 16
    top: int = 30
    bottom: int = 34


def paths(
    rows: Sequence[Mapping[str, Any]], starts: Sequence[str], unit: str, size: Size
) -> str:
    """Pilots and what would have happened without the programme, with the starts marked.

    Parameters
    ----------
    rows : ``period, pilot, counterfactual, low, high, comparison`` of each period.
    starts : the periods in which sites start; the first is labelled.
    """
    draw = _Drawing(size, 250 if size.narrow else 330, Margins(right=98 if size.narrow else 150))
    axes, x = draw.axes, range(len(rows))
    periods = [row["period"] for row in rows]
    counter, comparison = _column(rows, "counterfactual"), _column(rows, "comparison")
    pilot = _column(rows, "pilot")
    known = [t for t in x if not math.isnan(counter[t])]
    axes.fill_between(known, [rows[t]["low"] for t in known], [rows[t]["high"] for t in known],
                      color=BAND, linewidth=0)  # fmt: skip
    axes.plot(x, comparison, color=HAIR, linewidth=1.1, linestyle=(0, (1, 2)))
    axes.plot(x, counter, color=COMPARISON, linewidth=1.8, linestyle=(0, (5, 2)))
    axes.plot(x, pilot, color=PILOT, linewidth=2.4)
    _mark_starts(draw, [periods.index(s) for s in starts if s in periods])
    _period_ticks(axes, periods, size)
    draw.limits([*pilot, *counter, *comparison, *_column(rows, "low"), *_column(rows, "high")])
    draw.unit(unit, base=True)
    lines = [("pilot areas", pilot, PILOT), ("without the\nprogramme", counter, COMPARISON),
             ("comparison\nareas", comparison, MUTED)]  # fmt: skip
    _end_labels(draw, [(name, values[-1], colour) for name, values, colour in lines])
    return draw.svg()


def spark(rows: Sequence[Mapping[str, Any]], starts: Sequence[str], size: Size) -> str:
    """The small path of the front page: the same two lines and band, no axis."""
    draw = _Drawing(size, 84, Margins(left=2, right=58, top=12, bottom=2))
    axes, x = draw.axes, range(len(rows))
    counter, pilot = _column(rows, "counterfactual"), _column(rows, "pilot")
    known = [t for t in x if not math.isnan(counter[t])]
    axes.fill_between(known, [rows[t]["low"] for t in known], [rows[t]["high"] for t in known],
                      color=BAND, linewidth=0)  # fmt: skip
    axes.plot(x, counter, color=COMPARISON, linewidth=1.4, linestyle=(0, (4, 2)))
    axes.plot(x, pilot, color=PILOT, linewidth=2)
    periods = [row["period"] for row in rows]
    _mark_starts(draw, [periods.index(s) for s in starts if s in periods][:1], label="start")
    axes.axis("off")
    draw.limits([*pilot, *counter, *_column(rows, "low"), *_column(rows, "high")])
    _end_labels(draw, [("pilots", pilot[-1], PILOT), ("without", counter[-1], COMPARISON)])
    return draw.svg()


def gaps(
    times: Sequence[int],
    real: Sequence[float | None],
    placebo: Sequence[Sequence[float | None]],
    unit: str,
    size: Size,
) -> str:
    """The pilots' gap over event time before the same gaps of re-drawn start dates."""
    draw = _Drawing(size, 240 if size.narrow else 300, Margins(right=98 if size.narrow else 150))
    axes = draw.axes
    for row in placebo:
        axes.plot(times, _floats(row), color=HAIR, linewidth=0.45, alpha=0.55)
    axes.plot(times, _floats(real), color=PILOT, linewidth=2.4)
    axes.axhline(0, color=INK, linewidth=0.8)
    _mark_start_of_event_time(draw)
    every = sorted(abs(v) for row in placebo for v in _floats(row) if not math.isnan(v))
    reach = every[int(0.995 * (len(every) - 1))] if every else 0.0
    draw.limits([*_floats(real), reach, -reach])
    draw.unit(unit)
    last = _last(_floats(real))
    _end_labels(draw, [("pilot areas", last, PILOT)])
    low = axes.get_ylim()[0]
    axes.text(times[0], low + 0.03 * (axes.get_ylim()[1] - low), "grey: re-drawn start dates",
              color=MUTED, fontsize=size.text - 1.5)  # fmt: skip
    return draw.svg()


def events(rows: Sequence[Mapping[str, Any]], unit: str, period: str, size: Size) -> str:
    """Effect by quarters since the start, with the band that holds for all of them at once."""
    draw = _Drawing(size, 250 if size.narrow else 300, Margins(bottom=48))
    axes, after = draw.axes, [row for row in rows if row["event_time"] >= 0]
    before = [row for row in rows if row["event_time"] < 0]
    for part, shade in ((before, "#eef1f3"), (after, BAND)):
        axes.fill_between([r["event_time"] for r in part], _column(part, "low_band"),
                          _column(part, "high_band"), color=shade, linewidth=0)  # fmt: skip
    for part, colour, face in ((before, HAIR, "white"), (after, PILOT, PILOT)):
        for row in part:
            axes.plot([row["event_time"]] * 2, [row["low"], row["high"]], color=colour,
                      linewidth=1.3)  # fmt: skip
        axes.plot([r["event_time"] for r in part], _column(part, "effect"), "o", color=colour,
                  markerfacecolor=face, markersize=5.5)  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8)
    _mark_start_of_event_time(draw)
    bands = ("low_band", "high_band", "low", "high", "effect")
    draw.limits([value for key in bands for value in _column(rows, key)], cap=4.0)
    draw.unit(unit)
    axes.set_xlabel(f"{period}s since the start (0 = the first {period})", color=MUTED,
                    fontsize=size.text - 0.5)  # fmt: skip
    return draw.svg()


def forest(rows: Sequence[tuple[str, Mapping[str, Any], bool, str]], size: Size) -> str:
    """Effects with their ranges on one scale, a row each: (label, figure, filled, its words)."""
    step = 58 if size.narrow else 36
    left = 14 if size.narrow else 250
    draw = _Drawing(size, step * len(rows) + 50,
                    Margins(left=left, right=14 if size.narrow else 170, top=12))  # fmt: skip
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    for place, (label, row, filled, said) in enumerate(rows):
        y = len(rows) - 1 - place
        axes.plot([row["low"], row["high"]], [y, y], color=PILOT, linewidth=2)
        axes.plot([row["effect"]], [y], "o", color=PILOT, markersize=7,
                  markerfacecolor=PILOT if filled else "white", markeredgewidth=1.6)  # fmt: skip
        _forest_text(draw, y, label, said)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_ylim(-0.45, len(rows) - (0.2 if size.narrow else 0.45))
    axes.set_yticks([])
    ends = [v for _, row, _, _ in rows for v in (row["low"], row["high"], 0) if v is not None]
    span = (max(ends) - min(ends)) or 1
    axes.set_xlim(min(ends) - 0.04 * span, max(ends) + 0.04 * span)
    _few_ticks(axes, "x", 5 if size.narrow else 7)
    return draw.svg()


def gains(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """Who pays (left) and who gains (right), by agency, in pounds, with the gains' ranges."""
    step = 62 if size.narrow else 50
    draw = _Drawing(size, step * len(rows) + 58,
                    Margins(left=14 if size.narrow else 130, right=20, top=34))  # fmt: skip
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    reach = max([abs(row["cost"]["mean"]) for row in rows]
                + [row["gain"][key] for row in rows for key in ("mean", "high")] + [1.0])  # fmt: skip
    for place, row in enumerate(rows):
        _gain_row(draw, len(rows) - 1 - place, row, reach)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_xlim(-1.3 * reach, 1.3 * reach)
    axes.set_ylim(-0.6, len(rows) - (0.2 if size.narrow else 0.45))
    axes.set_yticks([])
    _few_ticks(axes, "x", 4 if size.narrow else 6)
    _say_ticks(axes, "x", lambda tick: words.pounds(abs(tick)))
    for x, text, side in ((-0.06, "pays", "right"), (0.06, "gains", "left")):
        axes.text(x * reach, 1.02, text, transform=axes.get_xaxis_transform(), ha=side,
                  va="bottom", color=MUTED, fontsize=size.text)  # fmt: skip
    return draw.svg()


def cumulative(rows: Sequence[Mapping[str, Any]], size: Size) -> str:
    """What was released less what was spent, added up since the first start."""
    draw = _Drawing(size, 240 if size.narrow else 290,
                    Margins(left=62, right=84 if size.narrow else 110))  # fmt: skip
    axes, x = draw.axes, range(len(rows))
    net = [row["cumulative_net"] for row in rows]
    axes.fill_between(x, _column(net, "low"), _column(net, "high"), color=BAND, linewidth=0)
    axes.plot(x, _column(net, "mean"), color=PILOT, linewidth=2.4)
    axes.axhline(0, color=INK, linewidth=0.9)
    _period_ticks(axes, [row["quarter"] for row in rows], size)
    draw.limits([0.0, *_column(net, "low"), *_column(net, "high")])
    _say_ticks(axes, "y", words.pounds)
    draw.unit("released less spent, added up")
    _end_labels(draw, [(words.pounds(net[-1]["mean"]), net[-1]["mean"], PILOT)])
    return draw.svg()


def strip(
    rows: Sequence[tuple[str, float, float]], target: float, unit: str, size: Size
) -> str:
    """Measured rates beside the promised one: (label, rate, its Monte Carlo error) a row."""
    draw = _Drawing(size, (58 if size.narrow else 34) * len(rows) + 78,
                    Margins(left=14 if size.narrow else 250, right=14 if size.narrow else 90,
                            bottom=48))  # fmt: skip
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    for place, (label, rate, error) in enumerate(rows):
        y = len(rows) - 1 - place
        axes.plot([rate - 2 * error, rate + 2 * error], [y, y], color=PILOT, linewidth=1.6)
        axes.plot([rate], [y], "o", color=PILOT, markersize=6)
        _forest_text(draw, y, label, words.percent(100 * rate, 1))
    axes.axvline(target, color=INK, linewidth=0.9)
    axes.text(target, 1.02, f"promised {words.percent(100 * target, 0)}", ha="center",
              transform=axes.get_xaxis_transform(), color=MUTED, fontsize=size.text - 1)  # fmt: skip
    axes.set_ylim(-0.5, len(rows) - (0.2 if size.narrow else 0.4))
    axes.set_yticks([])
    _few_ticks(axes, "x", 5)
    _say_ticks(axes, "x", lambda tick: words.percent(100 * tick, 0))
    axes.set_xlabel(unit, color=MUTED, fontsize=size.text - 0.5)
    return draw.svg()


class _Drawing:
    """A figure of fixed pixel size with one pair of axes, saved as clean SVG."""

    def __init__(self, size: Size, height: int, margins: Margins) -> None:
        import matplotlib as mpl
        from matplotlib.figure import Figure

        self.size, self.height, self.margins = size, height, margins
        with mpl.rc_context(dict(_SETTINGS) | {"font.size": size.text}):
            # One CSS pixel is one SVG point, so sizes here are sizes on the page.
            self.figure: Figure = Figure(figsize=(size.width / 72, height / 72))
            self.axes: Axes = self.figure.add_axes((
                margins.left / size.width, margins.bottom / height,
                1 - (margins.left + margins.right) / size.width,
                1 - (margins.top + margins.bottom) / height,
            ))  # fmt: skip
        self.axes.tick_params(labelsize=size.text - 1)

    def limits(self, values: Sequence[float], cap: float | None = None) -> None:
        """Room for all values; ``cap`` keeps a few wide bands from flattening the rest."""
        found = sorted(v for v in values if v is not None and math.isfinite(v)) or [0.0, 1.0]
        low, high = found[0], found[-1]
        if cap is not None:
            middle = found[len(found) // 10], found[-1 - len(found) // 10]
            reach = cap * max(abs(middle[0]), abs(middle[1]))
            low, high = max(low, -reach), min(high, reach)
        room = 0.06 * ((high - low) or abs(high) or 1.0)
        self.axes.set_ylim(low - room, high + room)
        _few_ticks(self.axes, "y", 5)

    def unit(self, text: str, *, base: bool = False) -> None:
        """The unit above the axis, with the axis's base where it is not nought."""
        low = self.axes.get_ylim()[0]
        if base and low > 0:
            text += " (axis does not start at 0)"
        offset = -self.margins.left / (self.size.width - self.margins.left - self.margins.right)
        self.axes.text(offset, 1 + 12 / self.height, text, transform=self.axes.transAxes,
                       ha="left", va="bottom", color=MUTED, fontsize=self.size.text - 1)  # fmt: skip

    def svg(self) -> str:
        import matplotlib as mpl

        stream = io.StringIO()
        with mpl.rc_context(dict(_SETTINGS) | {"font.size": self.size.text}):
            self.figure.savefig(
                stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
        return _clean(stream.getvalue(), self.size.width, self.height)


def _clean(svg: str, width: int, height: int) -> str:
    """Readers' own fonts, whole pixels, and none of matplotlib's preamble."""
    svg = svg[svg.index("<svg") :].replace("'DejaVu Sans'", FONT)
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', f'width="{width}" height="{height}"', svg, 1)
    return re.sub(r'height="[\d.]+pt"', f'height="{height}"', re.sub(
        r'width="[\d.]+pt"', f'width="{width}"', svg, count=1), count=1)  # fmt: skip


def _floats(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return _floats([row.get(key) for row in rows])


def _last(values: Sequence[float]) -> float:
    return next((v for v in reversed(values) if not math.isnan(v)), math.nan)


def _few_ticks(axes: Axes, which: str, count: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10]))


def _say_ticks(axes: Axes, which: str, say: Callable[[float], str]) -> None:
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(lambda tick, _: say(float(tick)))


def _period_ticks(axes: Axes, periods: Sequence[str], size: Size) -> None:
    quarterly = " " in periods[0]
    step = max(1, -(-len(periods) // (4 if size.narrow else 8)))
    step = -(-step // 4) * 4 if quarterly and len(periods) > 12 else step
    places = list(range(0, len(periods), step))
    axes.set_xticks(places, [periods[t] for t in places])
    axes.set_xlim(-0.5, len(periods) - 0.5)


def _mark_starts(draw: _Drawing, places: Sequence[int], label: str = "first site starts") -> None:
    if not places:
        return
    first = min(places)
    for place in sorted(set(places)):
        draw.axes.axvline(place, color=INK if place == first else HAIR, linewidth=0.8,
                          linestyle="-" if place == first else (0, (2, 2)))  # fmt: skip
    draw.axes.text(first - 0.3, 0.97, label, transform=draw.axes.get_xaxis_transform(),
                   ha="right", va="top", fontsize=draw.size.text - 1.5, color=INK)  # fmt: skip


def _mark_start_of_event_time(draw: _Drawing) -> None:
    from matplotlib.ticker import MaxNLocator

    draw.axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    draw.axes.axvline(-0.5, color=INK, linewidth=0.8)
    draw.axes.text(-0.35, 0.98, "start", transform=draw.axes.get_xaxis_transform(), va="top",
                   fontsize=draw.size.text - 1.5, color=INK)  # fmt: skip


def _end_labels(draw: _Drawing, labels: Sequence[tuple[str, float, str]]) -> None:
    """Names at the line ends, pushed apart where they would lie on each other."""
    low, high = draw.axes.get_ylim()
    inner = draw.height - draw.margins.top - draw.margins.bottom
    pixel = (high - low) / inner
    shown = sorted((v, name, colour) for name, v, colour in labels if not math.isnan(v))
    floor = -math.inf
    for value, name, colour in shown:
        tall = draw.size.text * (1.25 * (name.count("\n") + 1)) * pixel
        middle = max(value, floor + tall / 2)
        floor = middle + tall / 2
        draw.axes.annotate(name, (1.0, middle), xycoords=("axes fraction", "data"), va="center",
                           xytext=(4, 0), textcoords="offset points", color=colour,
                           fontsize=draw.size.text - 0.5, annotation_clip=False,
                           linespacing=1.05, fontweight="bold" if colour == PILOT else None)  # fmt: skip


def _forest_text(draw: _Drawing, y: float, label: str, figure: str) -> None:
    axes, text = draw.axes, draw.size.text
    blend = axes.get_yaxis_transform()
    if draw.size.narrow:
        axes.text(0, y + 0.42, label, transform=blend, va="bottom", fontsize=text - 0.5)
        axes.text(0, y + 0.14, figure, transform=blend, va="bottom", color=MUTED,
                  fontsize=text - 1)  # fmt: skip
        return
    axes.annotate("\n".join(textwrap.wrap(label, 34)), (0, y), xycoords=blend, xytext=(-draw.margins.left + 2, 0),
                  textcoords="offset points", va="center", annotation_clip=False,
                  fontsize=text - 0.5)  # fmt: skip
    axes.annotate(figure, (1, y), xycoords=blend, xytext=(draw.margins.right - 2, 0), ha="right",
                  textcoords="offset points", va="center", color=MUTED, annotation_clip=False,
                  fontsize=text - 0.5)  # fmt: skip


def _gain_row(draw: _Drawing, y: float, row: Mapping[str, Any], reach: float) -> None:
    axes, text, gain = draw.axes, draw.size.text, row["gain"]
    cost = abs(row["cost"]["mean"])
    axes.barh([y], [-cost], height=0.34, color=COMPARISON)
    axes.barh([y], [gain["mean"]], height=0.34, color=PILOT)
    axes.plot([gain["low"], gain["high"]], [y, y], color=INK, linewidth=1.2)
    axes.text(-cost - 0.03 * reach, y, words.pounds(cost), ha="right", va="center",
              fontsize=text - 0.5)  # fmt: skip
    axes.text(max(gain["high"], gain["mean"], 0) + 0.03 * reach, y, words.pounds(gain["mean"]),
              ha="left", va="center", fontsize=text - 0.5)  # fmt: skip
    name = f"{row['name']} ({row['budget']})"
    if draw.size.narrow:
        axes.text(0, y + 0.26, name, transform=axes.get_yaxis_transform(), va="bottom",
                  fontsize=text - 0.5)  # fmt: skip
    else:
        axes.annotate(name, (0, y), xycoords=axes.get_yaxis_transform(), va="center",
                      xytext=(-draw.margins.left + 2, 0), textcoords="offset points",
                      annotation_clip=False, fontsize=text - 0.5)  # fmt: skip
