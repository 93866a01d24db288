"""The sheet that charts are drawn on: size, colours, margins, axes, labels, and clean SVG.

The same sheet serves a page, which asks it for SVG, and a notebook, which asks it for its axes.
Sizes here are CSS pixels. What is imported from matplotlib is imported when a chart is drawn and
not before: here for the sheet itself, and in a chart's own module what that chart alone needs.
"""

from __future__ import annotations

import html
import io
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from evaluation.drawing import spelling
from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes  # by this door for whoever returns them
    from matplotlib.figure import Figure

PILOT, COMPARISON, WORSE = "#0a6b6b", "#51616f", "#ad4a12"
INK, MUTED, BAND, HAIR, GRID = "#1d262c", "#5c6770", "#d5dce1", "#9aa5ad", "#e4e8eb"
LETTER = 0.54
"""The width of a letter as a share of the text's size, on the wide side of what fonts have."""
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
"""Charts always lie on white, so text over a line gets white behind it."""
FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans'"

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "svg.hashsalt": "edition",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": HAIR,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": HAIR,
    "xtick.labelcolor": MUTED,
    "ytick.color": HAIR,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "xtick.major.size": 4,
    "text.color": INK,
    "axes.unicode_minus": True,
    "lines.solid_capstyle": "round",
    "path.simplify": False,
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """A chart's width in CSS pixels and its text size.

    notebook : the figure is one of pyplot's, so that a notebook shows it by itself. axes : those of
    a caller, to be drawn on, whatever their size.
    """

    width: int
    text: float
    notebook: bool = False
    axes: Axes | None = None

    @property
    def narrow(self) -> bool:
        return self.width < 500

    def on(self, axes: Axes | None) -> Size:
        """The same on axes that are there already; None: on a figure of its own."""
        if axes is None:
            return self
        from matplotlib.axes import Axes as Known

        if not isinstance(axes, Known):
            raise EstimateError(
                f"axes cannot be a {type(axes).__name__}.",
                expected="one of matplotlib's Axes",
                mend="figure, axes = pyplot.subplots(); of several take one: axes[0]",
            )
        own = axes.get_window_extent().width * 72 / axes.figure.get_dpi()
        # The margins are the caller's, so the whole chart counts as wider than its axes.
        return replace(self, axes=axes, width=round(own) + 150, text=10.0)


NOTEBOOK = Size(width=760, text=12.0, notebook=True)
WIDE = Size(width=760, text=13.0)
NARROW = Size(width=350, text=13.0)
"""Its smallest words, 1.5 less, are still 11 pixels where a telephone shows it at 343."""


@dataclass(frozen=True, kw_only=True)
class Margins:
    """Room around the plot, in pixels."""

    left: int = 48
    right: int = 16
    top: int = 30
    bottom: int = 34


class Drawing:
    """A figure of fixed pixel size with one pair of axes, saved as clean SVG."""

    def __init__(self, size: Size, height: int, margins: Margins) -> None:
        import matplotlib as mpl

        if size.notebook:
            # Room for a title, which a page has in its text, and for figures of any size.
            height, left = height + 26, margins.left + 20
            margins = replace(margins, top=margins.top + 26, left=left)
        self.size, self.height, self.margins = size, height, margins
        # One CSS pixel is one SVG point, so sizes here are sizes on the page. Not made under our
        # settings: with its first figure a notebook sets pyplot up, and leaving them would undo
        # that, so that it showed no figure after the first.
        sheet = None if size.axes else _figure(size, (size.width / 72, height / 72))
        with mpl.rc_context(_SETTINGS | {"font.size": size.text}):
            place = (
                margins.left / size.width,
                margins.bottom / height,
                1 - (margins.left + margins.right) / size.width,
                1 - (margins.top + margins.bottom) / height,
            )
            self.axes: Axes = size.axes or cast("Figure", sheet).add_axes(place)
        figure = self.axes.get_figure(root=True)
        assert figure is not None
        self.figure: Figure = figure
        self.axes.tick_params(labelsize=size.text - 1)

    def limits(self, values: Sequence[float], cap: float | None = None) -> None:
        """Room for all values; ``cap`` keeps a few wide bands from flattening the rest."""
        found = sorted(v for v in values if math.isfinite(v)) or [0.0, 1.0]
        low, high = found[0], found[-1]
        if cap is not None:
            middle = found[len(found) // 10], found[-1 - len(found) // 10]
            reach = cap * max(abs(middle[0]), abs(middle[1]))
            low, high = max(low, -reach), min(high, reach)
        room = 0.06 * ((high - low) or abs(high) or 1.0)
        self.axes.set_ylim(low - room, high + room)
        plain_ticks(self.axes, "y", 5)

    def unit(self, text: str, *, base: bool = False) -> None:
        """The unit above the axis, with the axis's base where it is not zero."""
        low = self.axes.get_ylim()[0]
        if base and low > 0:
            text += " (axis does not start at 0)"
        offset = -self.margins.left / (self.size.width - self.margins.left - self.margins.right)
        how: dict[str, Any] = {"ha": "left", "va": "bottom", "fontsize": self.size.text - 1}
        above = 1 + 12 / self.height
        self.axes.text(offset, above, text, transform=self.axes.transAxes, color=MUTED, **how)

    def rows(self, count: int, *, below: float, above: tuple[float, float]) -> None:
        """Axes of one row a thing, the first on top: no scale upwards, lines only across.

        ``below`` and ``above`` are the room under the last and over the first row, in rows;
        ``above`` is (wide, narrow), since a narrow chart writes names over its rows.
        """
        self.axes.grid(axis="y", visible=False)
        self.axes.grid(axis="x", visible=True)
        self.axes.set_ylim(-below, count - above[self.size.narrow])
        self.axes.set_yticks([])

    def name(
        self,
        y: float,
        title: str,
        *,
        wrap: int,
        up: float,
        smaller: tuple[float, float],
        paper: Mapping[str, Any] | None = PAPER,
    ) -> None:
        """A row's name: left of the axes, or ``up`` rows above where the chart is narrow.

        ``smaller`` is by how much smaller than the chart's text it is written, (wide, narrow).
        """
        blend, size = self.axes.get_yaxis_transform(), self.size.text - smaller[self.size.narrow]
        if self.size.narrow:
            # A name longer than the chart is wide would be cut at its edge.
            room = int((self.size.width - self.margins.left - 2) / (LETTER * size))
            shown = textwrap.shorten(title, room, placeholder=" \N{HORIZONTAL ELLIPSIS}")
            self.axes.text(
                0, y + up, shown, transform=blend, va="bottom", bbox=paper, fontsize=size
            )
        else:
            shown = "\n".join(textwrap.wrap(title, wrap))
            self.beside((0, y), shown, (2 - self.margins.left, 0), xycoords=blend, fontsize=size)

    def beside(
        self, point: tuple[float, float], text: str, offset: tuple[float, float], **how: Any
    ) -> None:
        """Words beside a point, ``offset`` pixels away, which may lie outside the axes."""
        how = dict[str, Any](va="center", annotation_clip=False) | how
        self.axes.annotate(text, point, xytext=offset, textcoords="offset points", **how)

    def dot(
        self,
        x: float,
        y: float,
        *,
        filled: bool,
        size: float = 7,
        edge: float = 1.5,
        colour: str = PILOT,
    ) -> None:
        """A dot of an effect; it may lie on the edge of the axes.

        Filled is what the answer rests on, in every chart of the book; what is filled for any other
        reason is a `square`.
        """
        self._mark("o", (x, y), filled, (size, edge), colour)

    def square(self, x: float, y: float, *, filled: bool, size: float = 7) -> None:
        """A square of whatever the chart says is filled or open in it."""
        self._mark("s", (x, y), filled, (size, 1.5), PILOT)

    def _mark(
        self,
        shape: str,
        place: tuple[float, float],
        filled: bool,
        across: tuple[float, float],
        colour: str,
    ) -> None:
        size, edge = across
        how: dict[str, Any] = {"markersize": size, "markeredgewidth": edge, "clip_on": False}
        face = colour if filled else "white"
        self.axes.plot(*([one] for one in place), shape, color=colour, markerfacecolor=face, **how)

    def across(self, text: str, *, smaller: float = 0.5) -> None:
        """What is counted across, below the axis."""
        self.axes.set_xlabel(text, color=MUTED, fontsize=self.size.text - smaller)

    def above(
        self, x: float, text: str, *, smaller: float, height: float = 1.02, **how: Any
    ) -> None:
        """Words above the axes at a place of the axis across."""
        blend = self.axes.get_xaxis_transform()
        how = dict[str, Any](color=MUTED, fontsize=self.size.text - smaller) | how
        self.axes.text(x, height, text, transform=blend, **how)

    def band(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str = BAND
    ) -> None:
        """A field between two lines."""
        self.axes.fill_between(x, low, high, color=colour, linewidth=0)

    def title(self, text: str) -> None:
        """What a chart of a notebook shows, on top; a page says it in words of its own."""
        self.axes.set_title(text, loc="left", fontsize=self.size.text, pad=26, color=INK)

    def svg(self) -> str:
        """The drawing as SVG, in whole pixels and the reader's own font."""
        import matplotlib as mpl

        stream = io.StringIO()
        with mpl.rc_context(_SETTINGS | {"font.size": self.size.text}):
            self.figure.savefig(
                stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
        return _clean(stream.getvalue(), self.size.width, self.height)


def _figure(size: Size, inches: tuple[float, float]) -> Figure:
    if size.notebook:
        from matplotlib import pyplot

        made: Figure = pyplot.figure(figsize=inches)
        return made
    from matplotlib.figure import Figure as Plain

    return Plain(figsize=inches)


def _clean(svg: str, width: int, height: int) -> str:
    """Readers' own fonts, whole pixels, and none of matplotlib's preamble."""
    svg = svg[svg.index("<svg") :].replace("'DejaVu Sans'", FONT)
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'width="[\d.]+pt"', f'width="{width}"', svg, count=1)
    svg = re.sub(r'height="[\d.]+pt"', f'height="{height}"', svg, count=1)
    # A path at six decimals is its figures at seven digits, whatever the table beside it rounds.
    return _PLACED.sub(lambda found: _FINE.sub(_tenth, found[0]), svg)


def footed(svg: str, said: Sequence[str], size: Size) -> str:
    """A drawing with small words under it, which go with it wherever it is copied alone.

    Parameters
    ----------
    said : each begins a line of its own where not all fit into one.
    """
    if not said:
        return svg
    text = size.text - 1.5
    letters = int((size.width - 8) / (LETTER * text))
    whole = " ".join(said)
    parts = [whole] if len(whole) <= letters else said
    lines = [line for part in parts for line in textwrap.wrap(part, letters)]
    (high, *_) = _HEIGHT.findall(svg)
    step, top = round(1.4 * text), int(high) + round(0.4 * text)
    svg = _HEIGHT.sub(f'height="{top + step * len(lines)}"', svg, count=1)
    svg = _BOX.sub(rf'viewBox="\1 {top + step * len(lines)}"', svg, count=1)
    look = f"font-size: {text:g}px; font-family: {FONT}, sans-serif; fill: {MUTED}"
    words = "".join(
        f'<text class="source" style="{look}" x="4" y="{top + step * k + text:g}">'
        f"{html.escape(line, quote=False)}</text>\n"
        for k, line in enumerate(lines)
    )
    end = svg.rindex("</svg>")
    return f"{svg[:end]}{words}{svg[end:]}"


_HEIGHT = re.compile(r'\bheight="(\d+)"')
_BOX = re.compile(r'viewBox="(\S+ \S+ \S+) \S+"')
_PLACED = re.compile(r'\b(?:d|x|y|x1|x2|y1|y2|cx|cy|r|points|transform)="[^"]*"', re.DOTALL)
_FINE = re.compile(r"\d+\.\d{2,}")


def _tenth(found: re.Match[str]) -> str:
    """A place on the sheet to a tenth of a pixel."""
    return f"{float(found[0]):.1f}"


def floats(values: Sequence[float | None]) -> list[float]:
    """Numbers, with NaN for what is missing."""
    return [math.nan if value is None else float(value) for value in values]


def column(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """One field of every row."""
    return floats([row.get(key) for row in rows])


def last_known(values: Sequence[float]) -> float:
    """The last number that is one."""
    return next((v for v in reversed(values) if not math.isnan(v)), math.nan)


def few_ticks(axes: Axes, which: str, count: int) -> None:
    """At most ``count`` ticks on the axis ``x`` or ``y``, at round numbers."""
    from matplotlib.ticker import MaxNLocator

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10]))


def say_ticks(axes: Axes, which: str, say: Callable[[float], str]) -> None:
    """Write the ticks of an axis in words of our own."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(lambda tick, _: say(float(tick)))


def plain_ticks(axes: Axes, which: str, count: int, unit: str = "") -> None:
    """Round numbers with as many digits as the finest of them needs, and their unit."""
    few_ticks(axes, which, count)
    places = (axes.yaxis if which == "y" else axes.xaxis).get_majorticklocs()
    digits = max(
        (len(f"{p:.6g}".partition(".")[2]) for p in places if "e" not in f"{p:.6g}"), default=0
    )
    say_ticks(axes, which, lambda tick: spelling.number(tick, digits) + unit)


def period_ticks(axes: Axes, periods: Sequence[str], size: Size) -> None:
    """Periods below the axis, as many as the width bears; quarters every fourth."""
    quarterly = " " in periods[0]
    step = max(1, -(-len(periods) // (4 if size.narrow else 8)))
    step = -(-step // 4) * 4 if quarterly and len(periods) > 12 else step
    places = list(range(0, len(periods), step))
    axes.set_xticks(places, [periods[t] for t in places])
    axes.set_xlim(-0.5, len(periods) - 0.5)


def mark_starts(draw: Drawing, places: Sequence[int], label: str = "first site starts") -> None:
    """Upright lines where sites start, the first with its label."""
    if not places:
        return
    first = min(places)
    for place in sorted(set(places)):
        colour, stroke = (INK, "-") if place == first else (HAIR, (0, (2, 2)))
        draw.axes.axvline(place, color=colour, linewidth=0.8, linestyle=stroke)
    draw.above(first - 0.3, label, smaller=1.5, height=0.97, ha="right", va="top", color=INK)


def mark_start_of_event_time(draw: Drawing) -> None:
    """The upright line between before and after."""
    from matplotlib.ticker import MaxNLocator

    nbins = 6 if draw.size.narrow else 9
    draw.axes.xaxis.set_major_locator(MaxNLocator(nbins=nbins, integer=True))
    draw.axes.axvline(-0.5, color=INK, linewidth=0.8)
    blend, text = draw.axes.get_xaxis_transform(), draw.size.text - 1.5
    draw.beside((-0.5, 0.98), "start", (4, 0), xycoords=blend, va="top", color=INK, fontsize=text)


class LineEnd(NamedTuple):
    """What a line is called, where it ends, and its colour."""

    name: str
    value: float
    colour: str


def end_labels(draw: Drawing, ends: Sequence[LineEnd]) -> None:
    """Names at the line ends, pushed apart where they would lie on each other."""
    low, high = draw.axes.get_ylim()
    inner = draw.height - draw.margins.top - draw.margins.bottom
    pixel = (high - low) / inner
    shown = sorted((v, name, colour) for name, v, colour in ends if not math.isnan(v))
    floor = -math.inf
    for value, name, colour in shown:
        tall = draw.size.text * (1.25 * (name.count("\n") + 1)) * pixel
        middle = max(value, floor + tall / 2)
        floor = middle + tall / 2
        weight = "bold" if colour == PILOT else None
        how: dict[str, Any] = {"color": colour, "linespacing": 1.2, "fontweight": weight}
        how |= {"xycoords": ("axes fraction", "data"), "fontsize": draw.size.text - 0.5}
        draw.beside((1.0, middle), name, (4, 0), **how)
