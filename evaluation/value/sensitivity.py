"""What the answer hangs on: one input at a time, what would turn it, and what knowing is worth.

All three look at the net present social value to date. The value of information treats the draws
as if they were a belief about one decision: whether to run the same programme again on the same
terms. It is a guide to what to measure next, in pounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.value.ratios import net_cost_to_the_purse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.accounts import Value
    from evaluation.value.pricing import Line

    Floats = NDArray[np.float64]

# Degree of the regression of the value on one input that stands in for the conditional mean.
_POLYNOMIAL = 3
# Relative to the input's size: a constant times ones keeps rounding, which is no uncertainty.
_NO_SPREAD = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """Something uncertain: (D + 1) its part of the net value, everything else at its estimate."""

    what: str
    title: str
    part: Floats

    @property
    def name(self) -> str:
        """As it stands among other inputs."""
        return effect_on(self.title) if self.what == "effect" else self.title


def effect_on(title: str) -> str:
    """The effect on an outcome as it stands among other inputs."""
    return f"Effect on: {title}"


def inputs(value: Value) -> tuple[Input, ...]:
    """Every outcome's effect, and every price, that the net present value rests on."""
    found = []
    for code in dict.fromkeys(line.outcome.code for line in value.public):
        lines = [line for line in value.public if line.outcome.code == code]
        part = sum((_at_given_price(value, line) for line in lines), np.zeros(value.draws + 1))
        found.append(Input(what="effect", title=lines[0].outcome.plain_title, part=part))
    # Prices that err wholly together within a draw are one input: `price_factors` gives them one
    # array, so identity tells them.
    for drawn in {id(factor): factor for factor in value.factors.values()}.values():
        lines = [
            line
            for line in value.public
            if value.factors[line.factor] is drawn and not line.given_up
        ]
        if lines and np.ptp(drawn) > 0:
            alone = sum(float(value.present_of(line)[0]) for line in lines)
            found.append(Input(what="price", title=_price_title(lines), part=alone * drawn))
    return tuple(found)


def tornado(value: Value) -> list[dict[str, Any]]:
    """Net present value with one input at the ends of its range and all others at their estimate.

    Widest first. Beside effects and prices stand the choices: other discount rates, and a cost of
    raising tax.
    """
    best = float(value.net_present_social_value()[0])
    tail = (1 - value.level) / 2
    rows: list[dict[str, Any]] = []
    for one in inputs(value):
        # From the estimate's own part, so that zero spread gives the estimate and not its draws'
        # mean.
        low, high = np.quantile(one.part[1:], [tail, 1 - tail]) - one.part[0]
        rows.append(
            {
                "what": one.what,
                "title": one.name,
                "low": best + float(low),
                "high": best + float(high),
            }
        )
    rows += _choices(value, best)
    for row in rows:
        row["best"] = best
    return sorted(rows, key=lambda row: -(abs(row["high"] - row["low"])))


def value_of_information(value: Value) -> dict[str, Any]:
    """What it would be worth to know everything, or one input, before deciding to run it again.

    Perfect information is worth E[max(0, V)] - max(0, E[V]); of one input x,
    E[max(0, E[V | x])] - max(0, E[V]), with E[V | x] by a cubic regression of V on x (Strong,
    Oakley and Brennan 2014, Medical Decision Making 34, with a polynomial for their smoother).
    """
    drawn = value.net_present_social_value()[1:]
    rows = [
        {"what": one.what, "title": one.name, "worth": _worth_of_knowing(drawn, one.part[1:])}
        for one in inputs(value)
    ]
    rows.sort(key=lambda row: -float(str(row["worth"])))
    return {
        "decision": "whether to run the same programme again on the same terms",
        "perfect": float(np.maximum(drawn, 0).mean() - max(0.0, drawn.mean())),
        "of_one": rows,
    }


def switching(value: Value) -> list[dict[str, Any]]:
    """How many times its size each outcome's gain must be for the net present value to be zero.

    ``times`` is None where no multiple of it would do (it is zero, or of the wrong sign).
    """
    best = float(value.net_present_social_value()[0])
    rows = []
    for one in inputs(value):
        if one.what == "effect":
            part = float(one.part[0])
            # net(times) = best + (times - 1) part, set to zero.
            times = 1 - best / part if part else float("nan")
            rows.append({"title": one.title, "gain": part, "times": times if times >= 0 else None})
    return sorted(rows, key=lambda row: (row["times"] is None, abs((row["times"] or 0) - 1)))


def _at_given_price(value: Value, line: Line) -> Floats:
    """(D + 1) present value of a line with its price at the central value."""
    part: Floats = value.present_of(line) / value.factors[line.factor]
    return part


def _price_title(lines: Sequence[Line]) -> str:
    grades = sorted({line.cost.confidence for line in lines})
    codes = list(dict.fromkeys(line.cost.code for line in lines))
    if len(codes) == 1:
        return f"Price of {lines[0].outcome.plain_title} ({codes[0]}, {grades[0]})"
    return f"The {len(codes)} prices graded {' and '.join(grades)}"


def _choices(value: Value, best: float) -> list[dict[str, Any]]:
    rows = []
    for vintage in dict.fromkeys(value.parameters.tables["discount"]["vintage"]):
        if vintage == value.parameters.discount:
            continue
        # replace makes a new one, so no discounting that is cached in the old one is read.
        other = replace(value, parameters=value.parameters.using(discount=str(vintage)))
        try:
            found = float(other.net_present_social_value()[0])
        except ValueChainError:  # a vintage may state no rates for so long a horizon
            continue
        rows.append(
            {
                "what": "choice",
                "title": f"Discount rates: {vintage}",
                "low": min(best, found),
                "high": max(best, found),
            }
        )
    burden = value.parameters.spread("excess_burden").high
    # The marginal excess burden of tax; the Green Book of 2026 generally leaves it out, so it is a
    # choice and no default.
    found = best - burden * float(net_cost_to_the_purse(value)[0])
    rows.append(
        {
            "what": "choice",
            "title": f"Raising a pound of tax costs {burden:.2f} more",
            "low": min(best, found),
            "high": max(best, found),
        }
    )
    return rows


def _worth_of_knowing(drawn: Floats, part: Floats) -> float:
    # Expected value of partial perfect information: what deciding on the mean given this input
    # gains.
    spread = float(part.std())
    if spread <= _NO_SPREAD * float(np.abs(part).max()):
        return 0.0
    # Powers up to the third of raw pounds would be near collinear in doubles.
    standard = (part - part.mean()) / spread
    expected = np.polyval(np.polyfit(standard, drawn, _POLYNOMIAL), standard)
    # In sample the fit can fall short of deciding now by rounding; information is never worth less
    # than nothing.
    return max(0.0, float(np.maximum(expected, 0).mean() - max(0.0, drawn.mean())))
