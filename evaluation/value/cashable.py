"""The arithmetic of an appraisal: what can leave a budget, when it has paid back, and MVPF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# A lump is stated by the year, as posts and contracts are.
QUARTERS_OF_A_LUMP = 4


def after_lag(released: Floats, quarters: int) -> Floats:
    """(..., Q) pounds a quarter, so many quarters later; what falls past the last is left out."""
    # Money beyond the last quarter is not moved to it: accounts are to date, and what has not left
    # a budget by then has not left it.
    later = np.zeros_like(released)
    if quarters < released.shape[-1]:
        later[..., quarters:] = released[..., : released.shape[-1] - quarters]
    return later


def in_whole_lumps(released: Floats, lump: float) -> Floats:
    """(..., Q) pounds a quarter that whole lumps hold, at one site.

    Parameters
    ----------
    released : (..., Q) the cashable share of what was released. lump : pounds a year of the
        smallest thing that a budget can do without, say a post; zero for none.

    What the last four quarters released decides how many lumps can go. Where more is used, not
    less, it costs in full.
    """
    if lump == 0:
        return released
    # Sums over the last four quarters by differences of running totals: one pass over the draws.
    year = np.cumsum(released, axis=-1)
    # Copied first: numpy would otherwise read sums that this very line has already lowered.
    year[..., QUARTERS_OF_A_LUMP:] -= year[..., :-QUARTERS_OF_A_LUMP].copy()
    # Floor would turn a small extra use into a whole lump lost; extra use costs what it costs.
    np.maximum(np.floor(year / lump) * lump, np.minimum(year, 0.0), out=year)
    year /= QUARTERS_OF_A_LUMP
    return year


def paid_back_by(running: Floats) -> NDArray[np.bool_]:
    """(..., Q) whether the cumulative position is at or above zero then and ever after.

    A position that touches zero and falls below it again has not paid back.
    """
    above = running >= 0
    # Accumulated from the last quarter backwards: true only where every later quarter is too.
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
    # Where the net cost crosses zero the ratio flips sign through infinity, so each case is told
    # apart before dividing.
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
    # Above one for people poorer than the reference, whose pound counts for more.
    return float((reference / income) ** eta)
