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
    from evaluation.panel import Panel


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitEffects:
    """Change in the numerator by site and started period.

    index : rows ``site, cohort, quarter, event_time, n_areas, weight``, started periods only.
    effects : (K) change in numerator units in that period (a stock: in the stock at that time).
    draws : (B, K) the same under the uncertainty of the estimate.
    observed : (K) the observed numerator, missing cells left out.
    """

    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: NDArray[np.float64]
    observed: NDArray[np.float64]


def in_units(estimate: Estimate, panel: Panel, per: float) -> UnitEffects:
    """The change in numerator units that an estimate implies for the areas it was made from.

    Parameters
    ----------
    panel : the panel of the estimate, with denominators.
    per : the outcome's scale (1,000 for a rate per 1,000).

    Raises
    ------
    EstimateError : the panel holds no denominators for the outcome, or the estimate no draws.
    """
    if estimate.outcome not in panel.denominators or estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: units need denominators in the panel and draws in the estimate."
        )
    denominators, rates = panel.denominators[estimate.outcome], panel.array(estimate.outcome)
    labels = {label: t for t, label in enumerate(panel.labels)}
    index = estimate.index
    post = (index["event_time"] >= 0).to_numpy() & np.isfinite(estimate.effects)
    index = index[post].reset_index(drop=True)
    site, start = panel.areas["site"].to_numpy(), panel.areas["start"].to_numpy()
    exposure, observed = np.empty(len(index)), np.empty(len(index))
    for k, row in enumerate(index.itertuples()):
        t = labels[str(row.quarter)]
        served = (site == row.site) & (start == row.cohort)
        exposure[k] = np.nansum(denominators[served, t]) / per
        observed[k] = np.nansum(rates[served, t] * denominators[served, t] / per)
    effects = estimate.effects[post]
    centred = estimate.draws.net[1:, post] - estimate.draws.net[1:, post].mean(axis=0)
    draws = effects - np.nan_to_num(centred)
    if estimate.scale == "log":
        effects, draws = observed * -np.expm1(-effects), observed * -np.expm1(-draws)
    else:
        effects, draws = exposure * effects, exposure * draws
    return UnitEffects(index=index, effects=effects, draws=draws, observed=observed)
