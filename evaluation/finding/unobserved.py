"""How strong an unmeasured cause would have to be to explain an effect away, in figures and words.

The E-value (VanderWeele and Ding 2017, Annals of Internal Medicine 167: 268-274) for effects as
ratios; partial R2 and the robustness value (Cinelli and Hazlett 2020, JRSS B 82: 39-67, sections
4.1 and 4.2) for effects with a standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.finding.sentences import Range


@dataclass(frozen=True, kw_only=True)
class Unobserved:
    """Sensitivity of one effect.

    e_value : the ratio by which an unmeasured cause would have to differ both between pilots and
    comparisons and in what it does to the outcome; e_value_limit : the same for the end of the
    interval that is nearer to no change (1 where that includes no change). partial_r2 : share of
    what is left of the outcome that the effect explains. robustness : share of what is left of the
    outcome and of the choice of pilots that a cause would have to explain to bring the effect to
    nothing.
    """

    e_value: float
    e_value_limit: float
    partial_r2: float
    robustness: float
    sentence: str


def e_value(ratio: float) -> float:
    """The E-value of a ratio; of its inverse where it is below 1.

    ``ratio + sqrt(ratio (ratio - 1))``. 1 means that no cause is needed.
    """
    above = max(ratio, 1 / ratio) if ratio > 0 else math.inf
    return math.inf if math.isinf(above) else above + math.sqrt(above * (above - 1))


def partial_r2(t: float, freedom: float) -> float:
    """Share of the residual variance that a coefficient with this t explains."""
    return t**2 / (t**2 + freedom)


def robustness_value(t: float, freedom: float, share: float = 1.0) -> float:
    """Strength that brings ``share`` of the estimate to nothing, as a share of residual variance.

    ``(sqrt(f^4 + 4 f^2) - f^2) / 2`` with f = share |t| / sqrt(freedom).
    """
    f2 = (share * t) ** 2 / freedom
    return (math.sqrt(f2**2 + 4 * f2) - f2) / 2


def unobserved(percent: Range, t: float, freedom: int) -> Unobserved:
    """Sensitivity of an effect in percent, with its t value.

    Parameters
    ----------
    t : effect over its standard error by re-assignment. freedom : areas, or authorities where
        blocks move, less two.
    """
    ends = (percent.low, percent.high)
    ratio = _ratio(percent.effect)
    near = min(ends, key=abs) if percent.low * percent.high > 0 else 0.0
    limit = 1.0 if near == 0 or not math.isfinite(near) else e_value(_ratio(near))
    value, strength = e_value(ratio), robustness_value(t, freedom)
    said = (
        f"An unmeasured cause would have to be {_number(value)} times as common among pilots, and "
        f"change the outcome {_number(value)} times, to explain the whole effect"
    )
    said += (
        f", and {_number(limit)} times for the end of its range that is nearer to nothing. "
        if limit > 1
        else "; the range includes no change already, so none is needed to doubt it. "
    )
    said += (
        f"Put otherwise: it would have to explain {100 * strength:.0f} % of what is left of both "
        "the choice of pilots and the outcome."
    )
    return Unobserved(
        e_value=value,
        e_value_limit=limit,
        partial_r2=partial_r2(t, freedom),
        robustness=strength,
        sentence=said,
    )


def _ratio(percent: float) -> float:
    return 1 + percent / 100


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "infinitely many"
