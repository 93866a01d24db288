"""What is made of money, made of the money that is printed: balances, ratios, how it lasts.

A ratio over a known cost is that gain again. With an offset of its own it would be a second view of
one quantity, and plainly rounded it would tell by when it moves. So each is computed once more of
printed amounts and of what was paid, which is the programme's own: whoever has what is printed can
make it himself, and learns nothing by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.disclosure.effects import kept_beside, step_of, stepped
from evaluation.value.cashable import mvpf, paid_back_by
from evaluation.value.parameters.vintage import Schedule
from evaluation.value.ratios import NOT_WITHIN
from evaluation.value.scenarios import LastYear, lasting

ENDS = ("mean", "low", "high")
DENSEST = 0.4
"""Of a normal distribution with a deviation of one: what a chance moves by at most."""
WIDE = 3.92
"""Deviations of a range of 95 per cent."""
LEAST_YEARS, MOST_YEARS = 0.1, 5.0
LEAST_CHANCE, MOST_CHANCE = 0.01, 0.5
Row = Mapping[str, Any]


def net_of(gain: Row, cost: float, step: float, raw: Row) -> dict[str, Any]:
    """A printed gain less what was paid, at the gain's step, ends outwards.

    Parameters
    ----------
    raw : the balance inside: an end stays on its side of zero, as its verdict has it.
    """
    nothing = not any(gain[end] for end in ENDS)

    def at(end: str) -> float | None:
        value = gain[end]
        if value is None:
            return None
        if nothing:
            # What was paid is nobody's: it stands as it is.
            return 0.0 - cost
        steps = (value - cost) / step
        # To the nearest for the best figure: an offset here would be another one of the same gain.
        return beside_zero(raw[end], step * outwards(steps, end), step, end)

    return {end: at(end) for end in ENDS}


def outwards(steps: float, end: str) -> float:
    """Whole steps: the nearest of a best figure, and beyond it of an end."""
    steps = round(steps, 6)
    if end == "mean":
        return float(round(steps))
    return float(math.floor(steps) if end == "low" else math.ceil(steps))


def beside_zero(raw: float | None, shown: float, step: float, end: str) -> float:
    """An end of a range that zero lies outside of."""
    outside = raw is not None and ((end == "low" and raw > 0) or (end == "high" and raw < 0))
    return kept_beside(0.0, raw, shown, step) if outside and raw is not None else shown


def ratio_of(balance: Row, paid: float, step: float, raw: Row) -> dict[str, Any]:
    """Pounds back for each pound: one and the printed balance over what was paid.

    Parameters
    ----------
    balance : gains less costs as printed, at ``step``. paid : present value of what was paid. raw :
        the ratio inside, on whose side of one each figure stays.
    """
    own = step / paid
    # One digit more than its step says: it is a function of the balance, which has the digits.
    digits = max(0, -math.floor(math.log10(own)))

    def at(end: str) -> float | None:
        if balance[end] is None or raw[end] is None:
            return None
        return round(
            kept_beside(1.0, raw[end], round(1 + balance[end] / paid, digits), own), digits + 1
        )

    return {end: at(end) for end in ENDS}


def turned(row: Row) -> dict[str, Any]:
    """The same amount with the other sign: what was the low end is the high one."""
    low, mean, high = (row[end] for end in ("low", "mean", "high"))
    return {
        end: None if value is None else -value + 0.0
        for end, value in zip(ENDS, (mean, high, low), strict=True)
    }


def chance_step(step: float, row: Row) -> float:
    """By what a chance moves where the amount that it is of moves by its step.

    Parameters
    ----------
    row : the amount's range as printed: the chance is steepest in the middle of a normal one.
    """
    low, high = row["low"], row["high"]
    if low is None or high is None or not high > low:
        return MOST_CHANCE
    moves = DENSEST * step * WIDE / (high - low)
    return min(max(step_of(moves, 1), LEAST_CHANCE), MOST_CHANCE)


def funds_ratio(gain: Row, cost: Row) -> float | None:
    """The marginal value of public funds, of the two printed amounts; None where it has no end."""
    found = mvpf(gain["mean"], cost["mean"])
    # As results write it: they know no infinity.
    return None if found is None or not math.isfinite(found) else float(f"{found:.3g}")


def funds_step(gain: Row, cost: Row, steps: tuple[float, float]) -> float:
    """By what a ratio of two amounts moves where each moves by its step; 1 where it has no end."""
    if not cost["mean"] or cost["mean"] <= 0:
        return 1.0
    moves = (steps[0] + abs(gain["mean"] / cost["mean"]) * steps[1]) / cost["mean"]
    return step_of(moves, 1)


def lasts(
    today: float, last: Mapping[Schedule, float], ahead: Mapping[Schedule, Sequence[float]]
) -> dict[str, Any]:
    """How long gains must last, of the printed balance and the printed gains of the last year."""
    year = LastYear(
        gain={schedule: np.array([gain]) for schedule, gain in last.items()},
        ahead={schedule: ahead[schedule] for schedule in last},
    )
    found = lasting(np.array([today]), year)
    years = float(found.half_life[0])
    return {
        "half_life": round(years, 1) if math.isfinite(years) else None,
        "already": bool(found.already[0]),
        "never": bool(found.never[0]),
    }


def lasting_step(
    today: float,
    last: Mapping[Schedule, float],
    ahead: Mapping[Schedule, Sequence[float]],
    step: float,
) -> float:
    """Years by which that moves where the balance moves by its step, at most some years."""
    found = [lasts(today + moved, last, ahead)["half_life"] for moved in (-step, 0.0, step)]
    known = [years for years in found if years is not None]
    widest = max(known, default=0.0) - min(known, default=0.0)
    return step_of(min(max(widest, LEAST_YEARS), MOST_YEARS), 1)


def paid_back(rows: Sequence[Row]) -> dict[str, str]:
    """From which quarter on it has paid for itself, of the balances that are printed."""
    names = [row["quarter"] for row in rows]

    def first(end: str) -> str:
        balances = [row["cumulative_net"][end] for row in rows]
        if any(one is None for one in balances):
            return NOT_WITHIN
        stays = paid_back_by(np.array(balances))
        return names[int(stays.argmax())] if stays.any() else NOT_WITHIN

    return {"quarter": first("mean"), "earliest": first("high"), "latest": first("low")}


def in_bands(rows: Sequence[Row], ratio: float | None) -> list[bool]:
    """In which category of value for money the printed ratio lies."""

    def inside(row: Row) -> bool:
        low, high = row["from"], row["below"]
        assert ratio is not None
        return (low is None or ratio >= low) and (high is None or ratio < high)

    return [ratio is not None and inside(row) for row in rows]


def times_again(
    times: float, best: float, shown_best: float, step: float, drawn: float
) -> float | None:
    """How many times a gain would have to be had, of printed amounts; None where it cannot be said.

    Parameters
    ----------
    times : inside: one less the balance ``best`` over the gain. shown_best : the balance as it is
        printed, at ``step``: the gain is taken at that step too, at the secret offset ``drawn``.
    """
    if times == 1 or not best:
        return None
    gain = stepped(best / (1 - times), step, drawn)
    found = 1 - shown_best / gain if gain else -1.0
    return round(found, 1) if found >= 0 else None
