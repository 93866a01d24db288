"""Effects in units: people, events and households, from effects on a rate or its logarithm.

Cell by cell and draw by draw (design, section 11): a level effect e on a rate is e x denominator /
per; a log effect e is observed numerator x (1 - exp(-e)), since the observed figure already holds
the effect. Draws are theta* = estimate less the net placebo effect, jointly over everything that
shares the assignments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitEffects:
    """Change in the numerator by site and started period.

    index : rows ``site, cohort, quarter, event_time, n_areas, weight``, started periods only.
    effects : (K) change in numerator units in that period (a stock: in the stock at that time).
    draws : (B, K) the same under the uncertainty of the estimate.
    observed, exposure : (K) the observed numerator and denominator / per, missing cells left out.
    """

    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: NDArray[np.float64]
    observed: NDArray[np.float64]
    exposure: NDArray[np.float64]


def in_units(estimate: Estimate) -> UnitEffects:
    """The change in numerator units that an estimate implies for its pilot areas.

    Raises
    ------
    EstimateError : the outcome has no denominators, or the estimate no placebo draws.
    """
    if estimate.exposure is None or estimate.observed is None or estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: units need denominators in the panel and draws in the estimate.",
            mend="estimate by re-assignment (inference='placebo') from a panel with denominators",
        )
    index = estimate.index
    post = (index["event_time"] >= 0).to_numpy() & np.isfinite(estimate.effects)
    net = estimate.draws.net[1:, post]
    effects = estimate.effects[post]
    draws = effects - _whole(net - np.nanmean(net, axis=0))
    observed, exposure = estimate.observed[post], estimate.exposure[post]
    if estimate.scale == "log":
        effects, draws = observed * -np.expm1(-effects), observed * -np.expm1(-draws)
    else:
        effects, draws = exposure * effects, exposure * draws
    return UnitEffects(
        index=index[post].reset_index(drop=True),
        effects=effects,
        draws=draws,
        observed=observed,
        exposure=exposure,
    )


def _whole(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations with holes filled by their own row's mean: a hole is no certainty."""
    held = np.isfinite(deviations)
    mean = np.where(held, deviations, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return np.where(held, deviations, mean[:, None])
