"""The appraisal arithmetic that published studies use: net present value, ratios, MVPF, weights.

Plain functions of pounds, without effects or draws; `accounts` and `ratios` apply them to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import ValueChainError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def net_present_value(benefits: Floats, costs: Floats, factors: Floats) -> float:
    """Present value of benefits less that of costs; flows and discount factors by year."""
    return float((np.asarray(benefits) - np.asarray(costs)) @ factors)


def benefit_cost_ratio(benefits: Floats, costs: Floats, factors: Floats) -> float:
    """Present value of benefits over that of costs."""
    return back_for_each_pound(
        float(np.asarray(benefits) @ factors), float(np.asarray(costs) @ factors)
    )


def back_for_each_pound(benefit: float, cost: float) -> float:
    """Benefit over cost.

    Raises
    ------
    ValueChainError : there is no cost, so that there is no ratio.
    """
    if cost <= 0:
        raise ValueChainError("a programme without a cost has no ratio of benefit to cost.")
    return benefit / cost


def cost_implied(net: float, ratio: float) -> float:
    """The cost that a published net benefit and a published ratio imply together."""
    return net / (ratio - 1)


def paid_back_by(running: Floats) -> NDArray[np.bool_]:
    """(..., Q) whether the cumulative position is at or above nought then and ever after.

    A position that touches nought and falls below it again has not paid back.
    """
    above = running >= 0
    stays = np.flip(np.logical_and.accumulate(np.flip(above, axis=-1), axis=-1), axis=-1)
    found: NDArray[np.bool_] = stays
    return found


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Where draws of willingness to pay and net cost lie; shares that sum to 1.

    finite : the programme costs the public purse on balance. infinite : it pays for itself and
    people gain. ambiguous : it pays for itself and people lose, so a ratio would mislead.
    loses : share of draws, among the finite ones, in which people lose too.
    """

    finite: float
    infinite: float
    ambiguous: float
    loses: float


def mvpf(willingness_to_pay: float, net_cost: float) -> float | None:
    """Marginal value of public funds: recipients' willingness to pay over net cost.

    Infinite where people gain and the purse does too; None where people lose and the purse gains
    (Hendren and Sprung-Keyser 2020, section II).
    """
    if net_cost > 0:
        return willingness_to_pay / net_cost
    return float("inf") if willingness_to_pay >= 0 else None


def plane(willingness_to_pay: Floats, net_cost: Floats) -> Plane:
    """Shares of draws with a finite, an infinite and no meaningful MVPF."""
    costs, gains = net_cost > 0, willingness_to_pay >= 0
    return Plane(
        finite=float(costs.mean()),
        infinite=float((~costs & gains).mean()),
        ambiguous=float((~costs & ~gains).mean()),
        loses=float((costs & ~gains).mean()),
    )


def distributional_weight(income: float, reference: float, eta: float) -> float:
    """Social value of a pound to someone of this income: (reference / income) ** eta (Green Book).

    Parameters
    ----------
    income, reference : pounds a year, equivalised. eta : elasticity of marginal utility.
    """
    return float((reference / income) ** eta)
