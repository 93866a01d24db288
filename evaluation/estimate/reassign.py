"""Effects under many assignments at once: gather, sum, subtract; never a refit.

Every estimator here is a sum of per-area contrasts. For each start period g there is one array of
contrasts (areas x periods); a site's effect is the mean contrast of the areas that fill its places
minus, where the estimator compares, the mean contrast of the areas of the same stratum that fill
none (never started) or have not yet started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignment import Assignments

CHUNK = 1_000
Contrasts = Mapping[int, "NDArray[np.float64]"]
FillerContrast = Callable[[int, "NDArray[np.int64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How contrasts become effects.

    comparison : ``never`` or ``not_yet`` started areas are compared with; None: contrasts are
        effects already (synthetic control).
    reach : with ``not_yet``, an area serves in period t if it starts after max(t, base) + reach
        (reach = the anticipation window).
    varying : whether the base of a period before the start is the period before it.
    """

    comparison: Literal["never", "not_yet"] | None
    reach: int = 0
    varying: bool = False


def effects_under(
    contrasts: Contrasts,
    assignments: Assignments,
    rule: Rule,
    weights: NDArray[np.float64],
    filler_contrast: FillerContrast | None = None,
) -> NDArray[np.float64]:
    """Effects of every site and period under every assignment.

    Parameters
    ----------
    contrasts : start position -> (N, T) contrasts; NaN where an area has none.
    weights : (N) weight of each area in its means.
    filler_contrast : gives (b, M, T) contrasts of fillers where these depend on the assignment
        (donors that become started are dropped); by default they are gathered from ``contrasts``.

    Returns
    -------
    (B + 1, S * T), ordered by site, then period; NaN where nothing is left to compare.
    """
    parts = [
        _chunk(contrasts, assignments, rule, weights, filler_contrast, rows)
        for rows in np.array_split(assignments.fillers, max(1, len(assignments) // CHUNK))
    ]
    return np.concatenate(parts)


def _chunk(
    contrasts: Contrasts,
    assignments: Assignments,
    rule: Rule,
    weights: NDArray[np.float64],
    filler_contrast: FillerContrast | None,
    fillers: NDArray[np.int64],
) -> NDArray[np.float64]:
    slots = assignments.slots
    n_periods = next(iter(contrasts.values())).shape[1]
    out = np.empty((len(fillers), len(slots.names), n_periods))
    for g in np.unique(slots.starts):
        contrast = contrasts[int(g)]
        gathered = filler_contrast(int(g), fillers) if filler_contrast else contrast[fillers]
        valid = np.isfinite(gathered) * weights[fillers][:, :, None]
        filled = np.where(valid > 0, gathered, 0.0) * valid
        compared = _comparison_means(contrast, assignments, rule, weights, (fillers, int(g)))
        for s in np.flatnonzero(slots.starts == g):
            places = np.flatnonzero(slots.slot_of == s)
            mass = valid[:, places].sum(axis=1)
            total = filled[:, places].sum(axis=1)
            if compared is not None:
                against = compared[:, slots_strata(assignments)[places]]
                total = total - (against * valid[:, places]).sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[:, s] = np.where(mass > 0, total / mass, np.nan)
    return out.reshape(len(fillers), -1)


def slots_strata(assignments: Assignments) -> NDArray[np.int64]:
    """(M) stratum of each place, which its fillers share."""
    strata: NDArray[np.int64] = assignments.strata[assignments.slots.places]
    return strata


def _comparison_means(
    contrast: NDArray[np.float64],
    assignments: Assignments,
    rule: Rule,
    weights: NDArray[np.float64],
    which: tuple[NDArray[np.int64], int],
) -> NDArray[np.float64] | None:
    """(b, strata, T) mean contrast of the comparisons: totals less the started fillers."""
    if rule.comparison is None:
        return None
    fillers, g = which
    slots = assignments.slots
    n_strata = int(assignments.strata.max()) + 1
    mass_all = np.isfinite(contrast) * weights[:, None]
    sum_all = np.where(mass_all > 0, contrast, 0.0) * mass_all
    excluded = started_by(slots.starts[slots.slot_of], g, contrast.shape[1], rule)
    gathered_mass = mass_all[fillers] * excluded
    gathered_sum = sum_all[fillers] * excluded
    out = np.full((len(fillers), n_strata, contrast.shape[1]), np.nan)
    of_place = slots_strata(assignments)
    for h in np.unique(of_place):
        inside, columns = assignments.strata == h, of_place == h
        mass = mass_all[inside].sum(axis=0) - gathered_mass[:, columns].sum(axis=1)
        total = sum_all[inside].sum(axis=0) - gathered_sum[:, columns].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:, h] = np.where(mass > 1e-12, total / mass, np.nan)
    return out


def started_by(starts: NDArray[np.int64], g: int, n_periods: int, rule: Rule) -> NDArray[np.bool_]:
    """(M, T) whether a place counts as started, hence as no comparison, for start g in period t."""
    if rule.comparison == "never":
        return np.ones((len(starts), n_periods), dtype=bool)
    periods = np.arange(n_periods)
    horizon = (periods if rule.varying else np.maximum(periods, g - 1)) + rule.reach
    early: NDArray[np.bool_] = starts[:, None] <= horizon[None, :]
    early |= starts[:, None] == g
    return early
