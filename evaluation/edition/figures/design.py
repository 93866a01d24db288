"""Charts of the design: what each look could see, and how like pilots and comparisons are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.edition.figures.canvas import (
    COMPARISON,
    HAIR,
    MUTED,
    PILOT,
    WORSE,
    Drawing,
    Margins,
    Size,
    end_labels,
    few_ticks,
    say_ticks,
)

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
        draw.axes.plot(
            [row["look"] for row in own],
            heights,
            color=colour,
            linewidth=2,
            marker="o",
            markersize=4,
        )
        labels.append((str(name).replace("_", " "), heights[-1], colour))
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
        axes.plot(before, place, "o", color="white", markeredgecolor=COMPARISON, markersize=7)
        axes.plot(after, place, "o", color=PILOT, markersize=7)
        axes.plot(weighed, place, "D", color=WORSE, markersize=6)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(places, names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    few_ticks(axes, "x", 5)
    say_ticks(axes, "x", lambda value: f"{value:+.1f}".replace("-", "−"))
    marks = "open: all areas, filled: " + ("nearest" if synthetic else "matched areas")
    marks += ", diamond: synthetic weights" if synthetic else ""
    axes.set_xlabel(f"standard deviations; {marks}", color=MUTED)
    return draw.svg()
