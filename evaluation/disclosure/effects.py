"""Estimates as they are printed: at a step worth several people, with a keyed offset.

Plain rounding of an estimate would tell a small count where revisions are known: the printed figure
moves just where the estimate crosses a multiple of its step. With an offset that the key draws, the
crossing lies somewhere that nobody knows, and stays there.
"""

from __future__ import annotations

import math

from evaluation.errors import DisclosureError

NICE = (1.0, 2.0, 5.0)
"""First digits of a step: 0.01, 0.02, 0.05, 0.1 ..."""
MOST_OF_ERROR = 0.5
"""A step beyond this part of the standard error would widen the range by over 2 %."""


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
