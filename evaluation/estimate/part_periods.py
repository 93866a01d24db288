"""First periods that were treated in part, where their effect is brought to that of a whole one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.estimate import samples
from evaluation.panel import part_treated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate


def per_whole_period(estimate: Estimate, sample: samples.Sample) -> Estimate:
    """The estimate with effects of first periods treated in part divided by their share.

    An effect that comes at once and in full moves such a period by its share of a whole one.
    Entries are divided by the weighted mean share of their areas, and what their error is told
    from by the same, so that every test of no effect in that entry stays as it was.
    """
    units = part_treated(sample.panel)
    if sample.panel.partial == "drop" or not len(units):
        return estimate
    share = _shares(sample)
    draws, influence, error = estimate.draws, estimate.influence, estimate.analytic_error
    if draws is not None:
        parts = {name: getattr(draws, name) / share for name in ("raw", "shift", "net")}
        draws = replace(draws, **parts)
    if influence is not None:
        influence = replace(influence, figures=influence.figures / share)
    return replace(
        estimate,
        effects=estimate.effects / share,
        treated_share=share,
        draws=draws,
        influence=influence,
        analytic_error=None if error is None else error / share,
        area_effects=_areas_per_whole_period(estimate.area_effects, sample),
    )


def _areas_per_whole_period(table: pd.DataFrame, sample: samples.Sample) -> pd.DataFrame:
    """Mean effects of areas over their treated time: the sum over periods by that of the shares."""
    if table.empty:
        return table
    start, factor = sample.panel.start_index, pd.Series(1.0, index=sample.panel.areas.index)
    for unit in part_treated(sample.panel).tolist():
        held = np.isfinite(sample.figures[unit, start[unit] :])
        if held[0]:
            treated = held.sum() - 1 + sample.panel.exposure[unit]
            factor.iloc[unit] = held.sum() / treated
    columns = ["effect", "se", "low", "high"]
    return table.assign(**table[columns].mul(factor.reindex(table.index), axis=0))


def _shares(sample: samples.Sample) -> NDArray[np.float64]:
    """(K) mean share of each site's areas that were treated in each period; 1 but in the first."""
    treated, exposure = sample.treated, sample.panel.exposure
    share = np.ones((len(treated.names), sample.n_periods))
    for s, g in enumerate(treated.starts.tolist()):
        units = treated.units[treated.cohort_of == s]
        held = sample.weights[units] * np.isfinite(sample.figures[units, g])
        if held.sum() > 0:
            share[s, g] = held @ exposure[units] / held.sum()
    return share.ravel()
