"""Estimates as they are printed: at a step worth several people, with a keyed offset.

Plain rounding of an estimate would tell a small count where revisions are known: the printed figure
moves just where the estimate crosses a multiple of its step. With an offset that the key draws, the
crossing lies somewhere that nobody knows, and stays there.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from evaluation.errors import DisclosureError

NICE = (1.0, 2.0, 5.0)
"""First digits of a step: 0.01, 0.02, 0.05, 0.1 ..."""
MOST_OF_ERROR = 0.5
"""A step beyond this part of the standard error would widen the range by over 2 %."""
NEAR = 0.1
"""A figure that is kept on its side of a line is printed at this part of a step from there."""
NORMAL = NormalDist()
CHANCE_FIGURES = (2, 3, 4)
"""Significant figures of a p-value: more than two only where two would put it across its level."""


def step_of(sensitivity: float, people: int) -> float:
    """The smallest nice step that is worth at least ``people`` people.

    Parameters
    ----------
    sensitivity : the most that one person in one protected count moves the estimate.

    Raises
    ------
    DisclosureError : the sensitivity is not above zero: every estimate hangs on people.
    """
    if not (math.isfinite(sensitivity) and sensitivity > 0):
        raise DisclosureError(f"an estimate that one person moves by {sensitivity} has no step.")
    wanted = people * sensitivity
    power = math.floor(math.log10(wanted))
    # One power below and above: the logarithm of an exact power may fall on either side of it.
    steps = (first * 10.0**n for n in (power - 1, power, power + 1) for first in NICE)
    return next(round(step, 12 - power) for step in steps if step >= wanted * (1 - 1e-12))


def stepped(figure: float, step: float, drawn: float, away: int = 0) -> float:
    """A figure at its step, and so many steps further; one that is not finite stays so.

    Parameters
    ----------
    drawn : the figure's secret offset as a part of a step, from 0 up to 1 (`Key.share_of`).
    """
    if not math.isfinite(figure):
        return figure
    moved = step * (math.floor(figure / step + drawn) + away)
    # Without the digits of binary arithmetic below the step.
    return round(moved, max(0, 2 - math.floor(math.log10(step)))) + 0.0


def kept_beside(line: float, value: float, shown: float, step: float) -> float:
    """A printed figure on the side of a line on which the figure lies."""
    near = round(NEAR * step, 12)
    if value > line >= shown:
        return line + near
    if value < line <= shown:
        return line - near
    return shown


def deviate(chance: float) -> float:
    """How many standard errors from nothing a two-sided p-value is: an estimate moves it evenly."""
    return NORMAL.inv_cdf(1 - min(max(chance, 1e-15), 1.0) / 2)


def chance_of(deviation: float) -> float:
    """The two-sided p-value of so many standard errors."""
    return min(max(2 * NORMAL.cdf(-deviation), 0.0), 1.0)


def stepped_chance(
    value: float, step: float, drawn: float, *, least: float, level: float
) -> tuple[float, float]:
    """A p-value as printed, and the standard errors of which it is, at their step.

    A p-value says how many standard errors an effect is from nothing, to a hundredth and less: far
    finer than the effect itself is printed. So it is rounded there, at the effect's own step over
    its error, behind an offset of its own, and printed as the p-value of what that gives.

    Parameters
    ----------
    step : in standard errors. drawn : the offset as a part of a step. least : no draw can give a
        smaller one. level : of the test, on whose side it stays.
    """
    true, line = deviate(value), deviate(level)
    middle = stepped(true, step, drawn)
    kept = kept_beside(line, true, middle, step)
    if value == level:
        # Whoever is at the level has reached it, and is not printed as one who has not.
        kept = max(kept, line + NEAR * step)
    shown = max(chance_of(kept), least)
    texts = (float(f"{shown:.{figures}g}") for figures in CHANCE_FIGURES)
    # Two figures may round it across its level: then a third.
    printed = next((p for p in texts if (p > level) == (value > level)), shown)
    return min(printed, 1.0), middle
