"""Charts of one started area and its synthetic twin."""

from __future__ import annotations

import math
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
    PILOT,
    Drawing,
    Margins,
    Size,
    column,
    end_labels,
    last_known,
    mark_starts,
    period_ticks,
    plain_ticks,
)

MOST_DONORS = 12


def twin_path(
    rows: Sequence[Mapping[str, Any]], start: str, name: str, unit: str, size: Size
) -> str:
    """An area, its twin, and how far apart comparison areas lie from theirs.

    Parameters
    ----------
    rows : ``period, observed, twin, low, high`` of each period; low and high are the twin and the
        middle 95 % of the comparison areas' gaps.
    start : the first started period.
    """
    draw = Drawing(size, 250 if size.narrow else 330, Margins(right=98 if size.narrow else 150))
    axes, x = draw.axes, range(len(rows))
    observed, twin = column(rows, "observed"), column(rows, "twin")
    axes.fill_between(x, column(rows, "low"), column(rows, "high"), color=BAND, linewidth=0)
    axes.plot(x, twin, color=COMPARISON, linewidth=1.8, linestyle=(0, (5, 2)))
    axes.plot(x, observed, color=PILOT, linewidth=2.4)
    periods = [str(row["period"]) for row in rows]
    mark_starts(draw, [periods.index(start)], label="start")
    period_ticks(axes, periods, size)
    draw.limits([*observed, *twin, *column(rows, "low"), *column(rows, "high")])
    draw.unit(unit, base=True)
    shown = textwrap.fill(name, 11 if size.narrow else 18)
    end_labels(
        draw,
        [(shown, last_known(observed), PILOT), ("synthetic\ntwin", last_known(twin), COMPARISON)],
    )
    return draw.svg()


def twin_gap(
    rows: Sequence[Mapping[str, Any]], start: str, name: str, unit: str, size: Size
) -> str:
    """An area's gap to its twin before the gaps of comparison areas to theirs.

    Parameters
    ----------
    rows : ``period, gap, low, high``; low and high hold the middle 95 % of the comparison areas.
    """
    draw = Drawing(size, 240 if size.narrow else 300, Margins(right=98 if size.narrow else 150))
    axes, x = draw.axes, range(len(rows))
    gap, low, high = (column(rows, key) for key in ("gap", "low", "high"))
    axes.fill_between(x, low, high, color=BAND, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.plot(x, gap, color=PILOT, linewidth=2.4)
    periods = [str(row["period"]) for row in rows]
    mark_starts(draw, [periods.index(start)], label="start")
    period_ticks(axes, periods, size)
    draw.limits([0.0, *gap, *low, *high])
    draw.unit(unit)
    middle = (last_known(low) + last_known(high)) / 2
    end_labels(
        draw,
        [
            (textwrap.fill(name, 11 if size.narrow else 18), last_known(gap), PILOT),
            ("95% of\ncomparison\nareas", middle, MUTED),
        ],
    )
    return draw.svg()


def donor_weights(rows: Sequence[tuple[str, float]], size: Size) -> str:
    """The donors of a twin from the heaviest down, the lightest together: (name, weight) a row."""
    shown = list(rows[:MOST_DONORS])
    if rest := rows[MOST_DONORS:]:
        shown.append((f"{len(rest)} others together", math.fsum(weight for _, weight in rest)))
    step, left = (40, 14) if size.narrow else (26, 190)
    draw = Drawing(size, step * len(shown) + 50, Margins(left=left, right=60, top=12))
    axes = draw.axes
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    for place, (name, weight) in enumerate(shown):
        y = len(shown) - 1 - place
        axes.barh([y], [weight], height=0.42, color=PILOT if weight >= 0 else COMPARISON)
        axes.annotate(
            words.percent(100 * weight, 1),
            (max(weight, 0.0), y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=MUTED,
            annotation_clip=False,
            fontsize=size.text - 1,
        )
        place_of = ((0, y + 0.24), (0, 0)) if size.narrow else ((0, y), (-left + 2, 0))
        axes.annotate(
            name,
            place_of[0],
            xycoords=axes.get_yaxis_transform(),
            xytext=place_of[1],
            textcoords="offset points",
            va="bottom" if size.narrow else "center",
            annotation_clip=False,
            fontsize=size.text - 0.5,
        )
    axes.axvline(0, color=INK, linewidth=0.9)
    lowest = min(0.0, *(weight for _, weight in shown))
    axes.set_xlim(lowest * 1.05, max(weight for _, weight in shown) * 1.02)
    axes.set_ylim(-0.5, len(shown) - (0.2 if size.narrow else 0.4))
    axes.set_yticks([])
    plain_ticks(axes, "x", 4)
    return draw.svg()


def twin_fit(
    started: Sequence[tuple[str, float]], compared: Sequence[float], unit: str, size: Size
) -> str:
    """Errors before the start: each started area on the spread of the comparison areas' errors.

    Parameters
    ----------
    started : (name, root mean squared gap before the start) an area. compared : those of comparison
        areas, each fitted as if it had started then.
    """
    step = 44 if size.narrow else 30
    draw = Drawing(size, step * len(started) + 132, Margins(left=14, right=18, top=28, bottom=62))
    axes, text = draw.axes, size.text
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    ordered = sorted(compared)
    # A few areas that nothing fits would squeeze all others into a corner.
    most = max([ordered[int(0.9 * (len(ordered) - 1))], *(value for _, value in started)])
    beyond = [value for value in ordered if value > most]
    for value in ordered[: len(ordered) - len(beyond)]:
        axes.plot([value, value], [-1.5, -1.1], color=HAIR, linewidth=1.0)
    said = f"{len(ordered)} comparison areas"
    if beyond:
        said += f", {len(beyond)} of them beyond, up to {words.number(beyond[-1], 1)}"
    axes.text(0, -1.05, said, va="bottom", color=MUTED, fontsize=text - 1)
    middle = ordered[len(ordered) // 2]
    axes.axvline(middle, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.text(
        middle,
        1.02,
        "middle comparison area",
        transform=axes.get_xaxis_transform(),
        ha="left",
        color=MUTED,
        fontsize=text - 1.5,
    )
    for place, (name, value) in enumerate(started):
        y = len(started) - 1 - place
        axes.plot([value], [y], "o", color=PILOT, markersize=7, clip_on=False)
        axes.annotate(
            name,
            (value, y),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            fontsize=text - 0.5,
        )
    axes.set_xlim(0, most * (1.35 if size.narrow else 1.15) + 1e-300)
    axes.set_ylim(-1.7, len(started) - 0.3)
    axes.set_yticks([])
    plain_ticks(axes, "x", 5)
    axes.set_xlabel(
        f"root mean squared gap before the start,{chr(10) if size.narrow else ' '}{unit}",
        color=MUTED,
        fontsize=text - 0.5,
    )
    return draw.svg()
