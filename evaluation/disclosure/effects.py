"""Estimates as they are printed: at a step worth several people, with a keyed offset.

Plain rounding of an estimate would tell a small count where revisions are known: the printed figure
moves just where the estimate crosses a multiple of its step. With an offset that the key draws, the
crossing lies somewhere that nobody knows, and stays there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.disclosure.key import Key
from evaluation.errors import DisclosureError

NICE = (1.0, 2.0, 5.0)
"""First digits of a step: 0.01, 0.02, 0.05, 0.1 ..."""
MOST_OF_ERROR = 0.5
"""A step beyond this part of the standard error would widen the range by over 2 %."""

Reason = Literal["too few areas", "too coarse a step"]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An estimate as printed; what cannot be printed says why, and holds no figure.

    effect : a multiple of ``step``. low, high : the range, rounded outwards. error : of the
    estimate, rounded up to the step. support : how many areas are behind it.
    """

    effect: float | None
    low: float | None
    high: float | None
    error: float | None
    step: float
    support: int
    reason: Reason | None = None


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


def effect(
    value: float,
    *,
    low: float,
    high: float,
    error: float,
    address: Any,
    support: int,
    least: int,
    step: float,
    key: Key,
) -> Effect:
    """An estimate as it is printed.

    Parameters
    ----------
    value, low, high, error : the effect, the ends of its range, its standard error. address : what
        is estimated, whatever page it stands on: outcome, estimator, level, areas and periods as
        plain data; offsets hang on it, so that a figure prints alike wherever it stands.
    support, least : areas behind it, and the fewest that may be. step : see `step_of`.

    Notes
    -----
    Whether it is printed hangs on the areas and the step alone, and the step on populations and
    design: never on the counts, or its absence would tell them. The standard error that the step is
    held against is the printed one for the same reason.
    """
    if support < least:
        return _without("too few areas", step, support)
    shown_error = _up(error, step)
    if step > MOST_OF_ERROR * shown_error:
        return _without("too coarse a step", step, support)
    middle, lower, upper = (
        _stepped(figure, step, key.share_of(["estimate", part, address]), away)
        for figure, part, away in ((value, "effect", 0), (low, "low", -1), (high, "high", 1))
    )
    return Effect(
        effect=_clean(middle, step),
        # An end that leaves zero out leaves it out as printed: a range that touched zero beside
        # "fell" would contradict it.
        low=_clean(max(lower, 0.0) if low > 0 else lower, step),
        high=_clean(min(upper, 0.0) if high < 0 else upper, step),
        error=_clean(shown_error, step),
        step=step,
        support=support,
    )


def stands_for(shown: Effect) -> tuple[float, float]:
    """Between which ends the estimate lies, to whoever knows the method and not the key."""
    if shown.effect is None:
        return -math.inf, math.inf
    return shown.effect - shown.step, shown.effect + shown.step


def _without(reason: Reason, step: float, support: int) -> Effect:
    return Effect(
        effect=None, low=None, high=None, error=None, step=step, support=support, reason=reason
    )


def _stepped(figure: float, step: float, drawn: float, away: int) -> float:
    return step * (math.floor(figure / step + drawn) + away) if math.isfinite(figure) else figure


def stepped(figure: float, step: float, drawn: float, away: int = 0) -> float:
    """A figure at its step, and so many steps further; one that is not finite stays so.

    Parameters
    ----------
    drawn : the figure's secret offset as a part of a step, from 0 up to 1 (`Key.share_of`).
    """
    moved = _stepped(figure, step, drawn, away)
    shown = _clean(moved, step)
    return moved if shown is None else shown


def _up(value: float, step: float) -> float:
    return step * math.ceil(value / step - 1e-9) if math.isfinite(value) else value


def _clean(value: float, step: float) -> float | None:
    """Without the digits of binary arithmetic below the step; None for what is not finite."""
    if not math.isfinite(value):
        return None
    return round(value, max(0, 2 - math.floor(math.log10(step)))) + 0.0
