"""How well started areas are fitted, and what the estimate owes to each donor.

Tables for a reader who asks: is the twin any good, who is in it, is it one neighbour's doing? None
of them fits anything but what the estimator itself fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.estimate import fits
from evaluation.estimate.synthetic import Settings, method_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.frame import Sample
    from evaluation.estimate.twins import Twins
    from evaluation.panel import Panel

WEIGHTY = 1e-8


def fit_table(panel: Panel, outcome: str, settings: Settings) -> pd.DataFrame:
    """One row a started area: how close its twin is before the start, and how far after.

    Returns
    -------
    DataFrame (index: area) with ``site, rmspe_before, rmspe_after, ratio, ratio_p, donors,
    effective_donors, largest_weight, negative_weight, converged``. RMSPE is the root mean squared
    gap; ``ratio`` that after the start over that before it, and ``ratio_p`` the share of the area
    and all comparison areas, each fitted as if it had started then, with a ratio at least as large
    (Abadie, Diamond and Hainmueller 2010, section 3.3). ``effective_donors`` is 1 over the sum of
    squared weights.
    """
    fitted = fits.fit_all(panel, outcome, settings.scale, method_of(settings))
    sample, rows = fitted.sample, []
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        twin = fitted.twins[int(sample.slots.starts[s])]
        before, after = _errors(twin, int(sample.slots.starts[s]))
        ratio = after / np.maximum(before, 1e-300)
        compared = np.append(ratio[twin.donors], ratio[place])
        weights = twin.unit_weights[place]
        rows.append(
            {
                "area": sample.panel.areas.index[place],
                "site": sample.slots.names[s],
                "rmspe_before": before[place],
                "rmspe_after": after[place],
                "ratio": ratio[place],
                "ratio_p": float((compared >= ratio[place] * (1 - 1e-10)).mean()),
                "donors": int((np.abs(weights) > WEIGHTY).sum()),
                "effective_donors": float(1 / (weights**2).sum()),
                "largest_weight": float(weights.max()),
                "negative_weight": float(-weights[weights < 0].sum()),
                "converged": bool(twin.converged[place]),
            }
        )
    return pd.DataFrame(rows).set_index("area")


def _errors(twin: Twins, g: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N) root mean squared gap before and after the start, missing cells left out."""
    gaps = twin.gaps[:, g:]
    held = np.isfinite(gaps)
    count = np.maximum(held.sum(axis=1), 1)
    after = np.sqrt((np.where(held, gaps, 0.0) ** 2).sum(axis=1) / count)
    return twin.rmspe, after


def leave_one_donor_out(panel: Panel, outcome: str, settings: Settings) -> pd.DataFrame:
    """The mean effect of each started area without one of its donors at a time.

    Only donors with weight can change an optimum of the simplex kind, so only those are left out,
    each with a fit of its own.

    Returns
    -------
    DataFrame with ``area, donor, weight, effect, change``: the effect without the donor, and how
    far that is from the effect with all donors.
    """
    method = method_of(settings)
    fitted = fits.fit_all(panel, outcome, settings.scale, method)
    sample, rows = fitted.sample, []
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        g = int(sample.slots.starts[s])
        twin = fitted.twins[g]
        whole = _mean_after(twin.gaps[place], g)
        for column in np.flatnonzero(np.abs(twin.unit_weights[place]) > WEIGHTY):
            effect = _without(sample, twin, (int(place), g, int(column)), method)
            rows.append(
                {
                    "area": sample.panel.areas.index[place],
                    "donor": sample.panel.areas.index[twin.donors[column]],
                    "weight": twin.unit_weights[place, column],
                    "effect": effect,
                    "change": effect - whole,
                }
            )
    return pd.DataFrame(rows, columns=["area", "donor", "weight", "effect", "change"])


def _without(
    sample: Sample, twin: Twins, which: tuple[int, int, int], method: fits.Method
) -> float:
    place, g, column = which
    ground = fits.Ground.on(
        sample.figures,
        np.array([place]),
        np.delete(twin.donors, column),
        np.flatnonzero(twin.fitted_on[place]),
        (g, str(sample.panel.periods[g])),
    )
    return _mean_after(ground.gaps(method(ground))[0], g)


def _mean_after(gap: NDArray[np.float64], g: int) -> float:
    return float(np.nanmean(gap[g:]))
