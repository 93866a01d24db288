"""Effects under many assignments at once: gather, sum, subtract; never a refit.

Every estimator here is a mean of per-area differences. For each start g there is one array of long
differences (areas x periods): what each area's figure is above its own base. A site's effect is
their mean over its treated areas less, where the estimator compares, their mean over the control
areas of the same stratum: never treated, or not yet. Under a placebo assignment the pseudo-treated
areas stand for the treated ones. This is the ATT(g, t) of Callaway and Sant'Anna (2021, J.
Econometrics 225) without covariates, or adjusted by outcome regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.progress import watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments, TreatedAreas


# Cells of (assignments x treated x periods) worked on at once, to stay at hand, and the most
# assignments.
CELLS, CHUNK = 250_000, 1_000
# Columns of length one whose least eigenvalue is below this differ by rounding alone: squared, a
# difference in the sixth digit is 1e-12.
SINGULAR = 1e-12
LongDifferences = Mapping[int, "NDArray[np.float64]"]
PlaceboDifference = Callable[[int, "NDArray[np.int64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How long differences become effects.

    comparison : ``never`` or ``not_yet`` treated areas are the controls; None: differences are
        effects already (synthetic control).
    reach : with ``not_yet``, an area serves in period t if it starts after max(t, base) + reach
        (reach = the anticipation window).
    varying : whether the base of a period before the start is the period before it.
    bases : start -> position of its base, where that is not the last period before it less the
        reach, because nobody has figures there.
    """

    comparison: Literal["never", "not_yet"] | None
    reach: int = 0
    varying: bool = False
    bases: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """(N) weights of the areas and, for adjustment, (N, p) their design."""

    weights: NDArray[np.float64]
    design: NDArray[np.float64] | None


def placebo_effects(
    long_differences: LongDifferences,
    assignments: Assignments,
    rule: Rule,
    weights: NDArray[np.float64],
    placebo_difference: PlaceboDifference | None = None,
    design: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Effects of every site and period under every assignment.

    Assignments copy the treated areas' gaps, as they copy their starts (`counted`): a
    pseudo-treated area is taken in the periods in which the treated area that it stands for has an
    effect. Where controls are complete, each placebo effect, and each average with the weights of
    `samples.entries`, is then the mean of as many cells as the real one, placed alike: the same
    function of every assignment, whoever leaves and when. With each assignment's own cells instead,
    effects that rest on one area that stayed would be set against placebo effects of ten, and found
    far too often. Where controls have gaps too, these stand for the treated areas', and only what
    is lacking is copied: all of them on top would leave placebo effects of fewer areas than the
    real one, too wide, and tests too cautious. The test is then approximate: with 30 % of all cells
    missing at random its size at 5 % is near 5 % where no single base period is needed, and below
    it where areas without their base are lost (`python -m benchmarks.gaps`).
    Only gaps in the differences are copied, not those in the periods that a base is a mean of.

    Parameters
    ----------
    long_differences : start position -> (N, T) differences; NaN where an area has none.
    weights : (N) weight of each area in its means.
    placebo_difference : gives (b, M, T) differences of the pseudo-treated areas where these depend
        on the assignment (donors that are pseudo-treated are dropped); by default they are gathered
        from ``long_differences``.
    design : (N, p) a constant and covariates: a pseudo-treated area is then compared with the
        change that a regression among the controls predicts for it, fitted anew under every
        assignment.

    Returns
    -------
    (B + 1, S * T), ordered by site, then period; NaN where nothing is left to compare.
    """
    areas = Areas(weights=weights, design=design)
    cells = assignments.pseudo_treated.size * next(iter(long_differences.values())).shape[1]
    count = max(1, len(assignments) // CHUNK, min(cells // CELLS, len(assignments)))
    chunks = np.array_split(assignments.pseudo_treated, count)
    parts = [
        _chunk(long_differences, assignments, rule, areas, placebo_difference, rows)
        for rows in watched("placebo effects, parts of the assignments", chunks)
    ]
    return np.concatenate(parts)


def _chunk(
    long_differences: LongDifferences,
    assignments: Assignments,
    rule: Rule,
    areas: Areas,
    placebo_difference: PlaceboDifference | None,
    pseudo_treated: NDArray[np.int64],
) -> NDArray[np.float64]:
    treated, n_periods = assignments.treated, next(iter(long_differences.values())).shape[1]
    differences, masses = np.empty((2, *pseudo_treated.shape, n_periods))
    for g in np.unique(treated.starts).tolist():
        # Whole sites, since a site has one start: what follows is asked of these alone.
        columns = np.flatnonzero(treated.starts[treated.cohort_of] == g)
        own, long_difference = pseudo_treated[:, columns], long_differences[g]
        gathered = (
            placebo_difference(g, pseudo_treated)[:, columns]
            if placebo_difference
            else long_difference[own]
        )
        real = np.isfinite(long_difference[treated.units[columns]])
        held = counted(np.isfinite(gathered), real, treated.cohort_of[columns])
        valid = held * areas.weights[own][:, :, None]
        difference = np.where(valid > 0, gathered, 0.0) * valid
        if rule.comparison is not None:
            compare = _control_means if areas.design is None else _predicted
            compared = compare(long_difference, assignments, rule, areas, pseudo_treated, g)
            difference -= compared[:, columns] * valid
            scale = assignments.scale_of(pseudo_treated)
            if scale is not None:
                centre = centres(long_difference, assignments, areas)[own]
                apart = np.where(valid > 0, gathered - centre, 0.0) * valid
                difference += (scale[:, columns, None] - 1.0) * apart
        differences[:, columns], masses[:, columns] = difference, valid
    return mean_by_site(differences, masses, treated).reshape(len(pseudo_treated), -1)


def counted(
    own: NDArray[np.bool_], real: NDArray[np.bool_], cohort_of: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(b, M, T) in which periods each pseudo-treated area counts.

    In those in which the treated area that it stands for has an effect; and, where others of the
    site then lack figures of their own, in further ones, until as many areas of the site count in
    the period as do in fact.

    Parameters
    ----------
    own : (b, M, T) where pseudo-treated areas have an effect. real : (M, T) where treated ones do.
    cohort_of : (M) the site of each.
    """
    if real.all():
        return own
    held = own & real
    for s in np.unique(cohort_of):
        columns = np.flatnonzero(cohort_of == s)
        # Where every treated area of the site has an effect, nobody has more to stand in for.
        periods = np.flatnonzero(~real[columns].all(axis=0))
        cells = np.ix_(np.arange(len(own)), columns, periods)
        lacking = real[np.ix_(columns, periods)].sum(axis=0) - held[cells].sum(axis=1)
        spare = own[cells] & ~real[np.ix_(columns, periods)]
        held[cells] |= spare & (spare.cumsum(axis=1) <= lacking[:, None, :])
    return held


def centres(
    long_difference: NDArray[np.float64], assignments: Assignments, areas: Areas
) -> NDArray[np.float64]:
    """(N, T) what every area's difference is centred at, whoever is treated.

    The mean over its stratum, or what covariates predict by a regression over all of it. Only what
    an area is apart from it is brought to scale (Ferman and Pinto 2019): the mean of the controls
    is as precise for one treated area as for another. Scaled along with the area's own part it
    would shrink where treated areas are the better measured, and too much would be found.
    """
    out = np.full(long_difference.shape, np.nan)
    mass, cross = _sums(long_difference, areas.weights)
    for h in np.unique(assignments.strata):
        inside = assignments.strata == h
        if areas.design is None:
            with np.errstate(invalid="ignore", divide="ignore"):
                out[inside] = cross[inside].sum(axis=0) / mass[inside].sum(axis=0)
            continue
        design = areas.design[inside]
        gram = np.einsum("nt,np,nq->tpq", mass[inside], design, design)
        moment = np.einsum("nt,np->tp", cross[inside], design)
        empty = ~solvable(gram)
        gram[empty], moment[empty] = np.eye(design.shape[1]), np.nan
        out[inside] = design @ np.linalg.solve(gram, moment[..., None])[..., 0].T
    return out


def mean_by_site(
    weighed: NDArray[np.float64], mass: NDArray[np.float64], treated: TreatedAreas
) -> NDArray[np.float64]:
    """(b, S, T) mean of each site's areas from (b, M, T) weight times figure, and weight.

    NaN where none of a site's areas has weight.
    """
    out = np.empty((len(weighed), len(treated.names), weighed.shape[2]))
    for s in range(len(treated.names)):
        own = np.flatnonzero(treated.cohort_of == s)
        held = mass[:, own].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:, s] = np.where(held > 0, weighed[:, own].sum(axis=1) / held, np.nan)
    return out


def mean_differences(values: NDArray[np.float64], assignments: Assignments) -> NDArray[np.float64]:
    """(B + 1, ...) mean of the pseudo-treated areas less that of all others, centred at placebos.

    Parameters
    ----------
    values : (N, ...) one or more figures an area, none missing.
    """
    total, n, m = values.sum(axis=0), len(values), assignments.pseudo_treated.shape[1]
    filled = values[assignments.pseudo_treated].sum(axis=1)
    apart = filled / m - (total - filled) / (n - m)
    differences: NDArray[np.float64] = apart - apart[1:].mean(axis=0)
    return differences


def treated_strata(assignments: Assignments) -> NDArray[np.int64]:
    """(M) stratum of each unit, which its pseudo-treated areas share."""
    strata: NDArray[np.int64] = assignments.strata[assignments.treated.units]
    return strata


def _sums(
    long_difference: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, T) weight of each cell that holds a figure, and weight times figure; 0 elsewhere."""
    mass = np.isfinite(long_difference) * weights[:, None]
    return mass, np.where(mass > 0, long_difference, 0.0) * mass


def _excluded(assignments: Assignments, g: int, n_periods: int, rule: Rule) -> NDArray[np.bool_]:
    """(M, T) which units take their pseudo-treated area out of the controls."""
    treated = assignments.treated
    return treated_by(treated.starts[treated.cohort_of], g, n_periods, rule)


def _control_means(
    long_difference: NDArray[np.float64],
    assignments: Assignments,
    rule: Rule,
    areas: Areas,
    pseudo_treated: NDArray[np.int64],
    g: int,
) -> NDArray[np.float64]:
    """(b, M, T) mean of each unit's controls: totals less the pseudo-treated."""
    mass_all, sum_all = _sums(long_difference, areas.weights)
    excluded = _excluded(assignments, g, long_difference.shape[1], rule)
    gathered_mass = mass_all[pseudo_treated] * excluded
    gathered_sum = sum_all[pseudo_treated] * excluded
    out = np.full((*pseudo_treated.shape, long_difference.shape[1]), np.nan)
    stratum_of = treated_strata(assignments)
    for h in np.unique(stratum_of):
        inside, columns = assignments.strata == h, stratum_of == h
        mass = mass_all[inside].sum(axis=0) - gathered_mass[:, columns].sum(axis=1)
        total = sum_all[inside].sum(axis=0) - gathered_sum[:, columns].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            # Totals less parts: what should be an exact zero keeps the rounding of the subtraction.
            out[:, columns] = np.where(mass > 1e-12, total / mass, np.nan)[:, None, :]
    return out


def _predicted(
    long_difference: NDArray[np.float64],
    assignments: Assignments,
    rule: Rule,
    areas: Areas,
    pseudo_treated: NDArray[np.int64],
    g: int,
) -> NDArray[np.float64]:
    """(b, M, T) the change that controls' covariates predict for each pseudo-treated area.

    Normal equations of all areas of the stratum, less those of the pseudo-treated areas: p
    x p systems, so that a regression for every assignment costs no pass over the areas.
    """
    design = areas.design
    assert design is not None  # the caller asks for no prediction without a design
    mass, cross = _sums(long_difference, areas.weights)
    squares = design[:, :, None] * design[:, None, :]
    excluded = _excluded(assignments, g, long_difference.shape[1], rule)
    lost_mass, lost_cross = mass[pseudo_treated] * excluded, cross[pseudo_treated] * excluded
    out = np.full((*pseudo_treated.shape, long_difference.shape[1]), np.nan)
    stratum_of = treated_strata(assignments)
    for h in np.unique(stratum_of):
        inside, columns = assignments.strata == h, stratum_of == h
        held = pseudo_treated[:, columns]
        gram = np.einsum("nt,npq->tpq", mass[inside], squares[inside]) - np.einsum(
            "bmt,bmpq->btpq", lost_mass[:, columns], squares[held]
        )
        moment = np.einsum("nt,np->tp", cross[inside], design[inside]) - np.einsum(
            "bmt,bmp->btp", lost_cross[:, columns], design[held]
        )
        # No control with a figure is left in this period, or too few that differ to tell the
        # covariates apart: identity for the solver, NaN for the reader.
        empty = np.abs(gram[..., 0, 0]) < 1e-12
        empty |= ~solvable(gram)
        gram[empty] = np.eye(design.shape[1])
        moment[empty] = np.nan
        beta = np.linalg.solve(gram, moment[..., None])[..., 0]
        out[:, columns] = np.einsum("btp,bmp->bmt", beta, design[held])
    return out


def solvable(gram: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(...) whether normal equations (..., p, p) have one solution, whatever the columns' units."""
    size = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    size = np.where(size > 0, size, 1.0)
    scaled = gram / (size[..., :, None] * size[..., None, :])
    smallest: NDArray[np.float64] = np.linalg.eigvalsh(scaled)[..., 0]
    return smallest > SINGULAR


def treated_by(starts: NDArray[np.int64], g: int, n_periods: int, rule: Rule) -> NDArray[np.bool_]:
    """(M, T) whether a unit counts as treated, hence as no control, for start g in period t."""
    if rule.comparison == "never":
        return np.ones((len(starts), n_periods), dtype=bool)
    periods = np.arange(n_periods)
    last = rule.bases.get(g, g - 1 - rule.reach)
    horizon = (periods if rule.varying else np.maximum(periods, last)) + rule.reach
    early: NDArray[np.bool_] = starts[:, None] <= horizon[None, :]
    early |= starts[:, None] == g
    return early
