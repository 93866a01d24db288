"""Synthetic controls of every area for one start, and the gaps that they leave.

Synthetic control, its demeaned form and synthetic difference-in-differences differ only in their
weights: unit weights make the synthetic control, time weights say from which periods before the
start the gap is measured (none, all alike, or fitted). What follows from the weights is the same
and stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import samples
from evaluation.estimate.inference import Draws
from evaluation.estimate.placebo_effects import (
    LongDifferences,
    PlaceboDifference,
    Rule,
    placebo_effects,
    solvable,
)
from evaluation.estimate.solvers import ridge, simplex
from evaluation.panel import whole_periods_of
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    # (R) areas, (T0) periods, (R, M) donors taken away (-1: none), (R) penalties: (R, donors).
    Again = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats], Floats]


ALL = 1 - 1e-9
"""More dropped weight than this leaves a synthetic control without donors."""
NOTHING = 1e-12
"""Less dropped weight than this leaves a synthetic control as it was."""
WEIGHTY = 1e-8
"""Weights are shares of one: what lies below is the solver's residue, and no donor."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Augmented:
    """Simplex weights below augmented ones, (N, donors), and (N) the ridge penalty of each area.

    again : gives the weights of areas without some donors, where covariates go into them.
    """

    base: Floats
    penalty: Floats
    again: Again | None = None


# Areas whose weights on all donors are worked on at once: copies of the whole would double the
# memory of a national panel.
AT_ONCE = 500


def _in_parts(by_area: NDArray[Any]) -> list[NDArray[Any]]:
    """Views of the rows of an array by area, some hundred at a time."""
    return [by_area[first : first + AT_ONCE] for first in range(0, len(by_area), AT_ONCE)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Planes:
    """Weights that are linear in the donors' figures as far as that is above zero, else zero.

    Such are weights of least norm (the conditions of Karush, Kuhn and Tucker). ``coefficients`` :
    (N, F). ``figures`` : (F, donors). ``holds`` : (N) whether the area's weights are such.
    """

    coefficients: Floats
    figures: Floats
    holds: NDArray[np.bool_]

    @classmethod
    def of(cls, weights: Floats, before: Floats, column: NDArray[np.int64]) -> Planes:
        """The planes of (N, donors) weights over (donors, T0) figures before the start.

        ``column`` : (N) the column of each area itself, no donor of its own; -1 for none.
        """
        centred = before - before.mean(axis=0)
        scale = np.sqrt((centred**2).mean()) + 1e-300
        figures = np.vstack([np.ones(len(before)), centred.T / scale])
        above, across = np.triu_indices(len(figures))
        gram = np.empty((len(weights), len(figures), len(figures)))
        products = (figures[above] * figures[across]).T
        gram[:, above, across] = np.concatenate(
            [(part > 0).astype(float) @ products for part in _in_parts(weights)]
        )
        gram[:, across, above] = gram[:, above, across]
        able = solvable(gram)
        gram[~able] = np.eye(len(figures))
        found = np.linalg.solve(gram, (weights @ figures.T)[:, :, None])[:, :, 0]
        far = []
        for part, plane, own in zip(
            *(_in_parts(held) for held in (weights, found, column)), strict=True
        ):
            apart = np.abs(np.maximum(plane @ figures, 0.0) - part)
            rows = np.flatnonzero(own >= 0)
            apart[rows, own[rows]] = 0.0
            far.append(apart.max(axis=1))
        holds = able & (np.concatenate(far) <= NOTHING)
        return cls(coefficients=found, figures=figures, holds=holds)

    def among(self, areas: NDArray[np.int64], donors: NDArray[np.int64], weights: Floats) -> Floats:
        """(M, m) weights of areas on some donors, from the plane where there is one."""
        found: Floats = np.maximum(self.coefficients[areas] @ self.figures[:, donors], 0.0)
        others = np.flatnonzero(~self.holds[areas])
        found[others] = weights[areas[others]].take(donors, axis=1)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticUnits:
    """The synthetic controls of every area for one start.

    donors : positions of the donors. unit_weights : (N, donors), rows sum to one; NaN in the row of
    an area with too few figures to be fitted. time_weights : (N, T), rows sum to one or to nothing.
    figures : (N, T). pre_period_mask : (N, T) the periods that each area was fitted on.
    converged : (N) whether each fit reached its optimum. augmented : what the weights were made
    from, where a ridge regression stands on simplex weights.
    """

    donors: NDArray[np.int64]
    unit_weights: Floats
    time_weights: Floats
    figures: Floats
    pre_period_mask: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    augmented: Augmented | None = None

    @property
    def gaps(self) -> Floats:
        """(N, T) each area's gap to its synthetic control, less its weighted pre-period gap."""
        return self.from_base(self.figures - self.unit_weights @ self.figures[self.donors])

    @property
    def rmspe(self) -> Floats:
        """(N) root mean squared gap in the periods of the fit, around its own mean if shifted."""
        gaps = self.figures - self.unit_weights @ self.figures[self.donors]
        gaps, count = np.where(self.pre_period_mask, gaps, 0.0), self.pre_period_mask.sum(axis=1)
        count = np.where(count > 0, count, np.nan)
        shifted = (self.time_weights != 0).any(axis=1)
        mean = np.where(shifted, gaps.sum(axis=1) / count, 0.0)
        centred = np.where(self.pre_period_mask, gaps - mean[:, None], 0.0)
        rmspe: Floats = np.sqrt((centred**2).sum(axis=1) / count)
        return rmspe

    @property
    def drawn_on(self) -> Floats:
        """(N, donors) simplex weights, by which a synthetic control stands or falls."""
        return self.augmented.base if self.augmented else self.unit_weights

    @property
    def column(self) -> NDArray[np.int64]:
        """(N) the column of each area among the donors; -1 for an area that is none."""
        column = np.full(len(self.figures), -1)
        column[self.donors] = np.arange(len(self.donors))
        return column

    @cached_property
    def two_heaviest(self) -> NDArray[np.int64]:
        """(N, 2) the columns of the two donors with most weight."""
        out = np.empty((len(self.drawn_on), 2), dtype=np.int64)
        for two, part in zip(_in_parts(out), _in_parts(self.drawn_on), strict=True):
            two[:] = np.argpartition(-part, 1, axis=1)[:, :2]
        return out

    @cached_property
    def n_drawn_on(self) -> NDArray[np.int64]:
        """(N) how many donors have weight."""
        return np.concatenate(
            [np.count_nonzero(part > 0, axis=1) for part in _in_parts(self.drawn_on)]
        )

    @cached_property
    def planes(self) -> Planes:
        """What the weights are made of, where donors are many and many fit alike."""
        periods = self.pre_period_mask[~np.isnan(self.unit_weights[:, 0])].all(axis=0)
        return Planes.of(self.drawn_on, self.figures[self.donors][:, periods], self.column)

    def compared(self, of_areas: Floats) -> Floats:
        """(N) variance of each area's synthetic control, from (N) deviations of areas' changes."""
        of_donors = of_areas[self.donors] ** 2
        return np.concatenate(
            [np.nan_to_num(part) ** 2 @ of_donors for part in _in_parts(self.unit_weights)]
        )

    def where_fitted(self, difference: Floats) -> Floats:
        """The same with no figure for areas that were not fitted."""
        out: Floats = np.where(np.isnan(self.unit_weights[:, :1]), np.nan, difference)
        return out

    def from_base(self, difference: Floats, areas: NDArray[np.int64] | None = None) -> Floats:
        """Differences less their weighted mean before the start; ``areas`` names their rows."""
        weights = self.time_weights if areas is None else self.time_weights[areas]
        before = (np.where(weights > 0, difference, 0.0) * weights).sum(axis=-1)
        out: Floats = difference - before[..., None]
        return out


def alike(held: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions of periods, and which rows of (R, T) hold just these; none for rows of none."""
    patterns, which = np.unique(held, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(pattern), np.flatnonzero(which == k)


def complete(panel: Panel, outcomes: Sequence[str]) -> tuple[Panel, tuple[str, ...]]:
    """The eligible areas less comparison areas with a gap, and what has to be said of those.

    Raises
    ------
    EstimateError : every comparison area has one.
    """
    panel = panel.eligible()
    gap = np.zeros(len(panel.areas), dtype=bool)
    for outcome in outcomes:
        figures = whole_periods_of(panel, outcome)
        gap |= np.isnan(figures[:, samples.seen_periods(figures)]).any(axis=1)
    leave = gap & ~panel.treated
    if not leave.any():
        return panel, ()
    if (leave | panel.treated).all():
        raise EstimateError(
            "every comparison area has a missing or withheld figure, so that none is left as "
            "donor.",
            mend="use did or imputation, which make do with missing figures",
        )
    return panel.select(~leave), (
        Sentence.of(
            f"{int(leave.sum())} comparison areas have a missing or withheld figure and are left "
            "out",
            "controls_left_out",
        ),
    )


def placebo(
    sample: samples.Sample, synthetic_units: Mapping[int, SyntheticUnits], assignments: Assignments
) -> Draws:
    """The gaps of the pseudo-treated areas, under every assignment."""
    raw, shift = raw_and_shift(sample, synthetic_units, assignments)
    rule = Rule(comparison=None)
    placed = samples.placed_effects(sample, raw[0])
    carried = {
        g: synthetic_unit.where_fitted(synthetic_unit.from_base(placed))
        for g, synthetic_unit in synthetic_units.items()
    }
    left = where_synthetic_units_are_left(synthetic_units, carried)
    net = raw - placebo_effects(
        carried,
        assignments,
        rule,
        sample.weights,
        _to_scale(left, compared(synthetic_units, assignments), assignments),
    )
    return samples.finished_draws(assignments, raw, shift, net)


def raw_and_shift(
    sample: samples.Sample, synthetic_units: Mapping[int, SyntheticUnits], assignments: Assignments
) -> tuple[Floats, Floats]:
    """Effects of the data and of a unit effect under every assignment: all that a test needs."""
    rule = Rule(comparison=None)
    gaps = {g: synthetic_unit.gaps for g, synthetic_unit in synthetic_units.items()}
    scale = compared(synthetic_units, assignments)
    of_gaps = _to_scale(placebo_differences(synthetic_units), scale, assignments)
    raw = placebo_effects(gaps, assignments, rule, sample.weights, of_gaps)
    units = samples.unit_figures(sample)
    unit = {
        g: synthetic_unit.where_fitted(synthetic_unit.from_base(units))
        for g, synthetic_unit in synthetic_units.items()
    }
    before = samples.unit_before(sample, unit)
    left = where_synthetic_units_are_left(synthetic_units, before)
    shift = placebo_effects(
        before, assignments, rule, sample.weights, _to_scale(left, scale, assignments)
    )
    return raw, shift


def compared(
    synthetic_units: Mapping[int, SyntheticUnits], assignments: Assignments
) -> dict[int, Floats] | None:
    """Start -> (N) variance of each synthetic control; None where gaps are taken as they are."""
    of_areas = assignments.deviation
    if of_areas is None:
        return None
    return {g: synthetic_unit.compared(of_areas) for g, synthetic_unit in synthetic_units.items()}


def _to_scale(
    difference: PlaceboDifference, scale: Mapping[int, Floats] | None, assignments: Assignments
) -> PlaceboDifference:
    """The same gaps, the own part of each brought to the scale of the area that it stands for."""
    if scale is None:
        return difference

    def scaled(g: int, pseudo_treated: NDArray[np.int64]) -> Floats:
        ratio = assignments.scale_of(pseudo_treated, scale[g])
        assert ratio is not None  # where synthetic controls have a variance, areas have one
        taken: Floats = difference(g, pseudo_treated) * ratio[:, :, None]
        return taken

    return scaled


def where_synthetic_units_are_left(
    synthetic_units: Mapping[int, SyntheticUnits], differences: LongDifferences
) -> PlaceboDifference:
    """Contrasts gathered for pseudo-treated areas; none for one that no donor is left to.

    Such a pseudo-treated area is left out of the effects of the data (`placebo_differences`), so
    that it has to be left out of whatever is set against them.
    """
    columns = {g: synthetic_unit.column for g, synthetic_unit in synthetic_units.items()}

    def difference(g: int, pseudo_treated: NDArray[np.int64]) -> Floats:
        lost = _without_donors(synthetic_units[g], pseudo_treated, columns[g][pseudo_treated])
        out: Floats = np.where(lost[:, :, None], np.nan, differences[g][pseudo_treated])
        return out

    return difference


def _without_donors(
    synthetic_unit: SyntheticUnits, pseudo_treated: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(b, M) pseudo-treated areas with no donor of weight left, or none at all where refitted.

    A synthetic control that is refitted finds other donors, so that it is lost only with the last
    of them.
    """
    if synthetic_unit.augmented:
        none = (column >= 0).sum(axis=1) >= len(synthetic_unit.donors)
        return np.repeat(none[:, None], pseudo_treated.shape[1], axis=1)
    weights, lost = synthetic_unit.drawn_on, np.zeros(pseudo_treated.shape, dtype=bool)
    # No area loses all its donors that has more than are taken, or keeps one of the two heaviest:
    # few are left whose weights have to be added up.
    few = synthetic_unit.n_drawn_on <= pseudo_treated.shape[1]
    at, unit = np.nonzero(few[pseudo_treated])
    if len(at):
        taken = np.zeros((len(column), len(synthetic_unit.donors)), dtype=bool)
        rows, held = np.nonzero(column >= 0)
        taken[rows, column[rows, held]] = True
        for rank in range(2):
            area = pseudo_treated[at, unit]
            donor = synthetic_unit.two_heaviest[area, rank]
            gone = taken[at, donor] | (weights[area, donor] <= 1 - ALL)
            at, unit = at[gone], unit[gone]
        lost[at, unit] = (weights[pseudo_treated[at, unit]] * taken[at]).sum(axis=1) >= ALL
    return lost


# Pseudo-treated areas from which on their weights on one another are looked up assignment by
# assignment: for all at once there would be (1,000 x M x M) of them.
MANY = 64


def _taken_away(
    synthetic_unit: SyntheticUnits, pseudo_treated: NDArray[np.int64], column: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(b, M) weight of each one's donors that are pseudo-treated too; (b, M, T) what they foretell.

    The second is the sum of weight times figure.
    """
    weights, figures = synthetic_unit.drawn_on, np.nan_to_num(synthetic_unit.figures)
    held = np.hstack([np.ones((len(figures), 1)), figures])
    if pseudo_treated.shape[1] < MANY:
        weight = weights[pseudo_treated[:, :, None], np.maximum(column, 0)[:, None, :]]
        both = (weight * (column >= 0)[:, None, :]) @ held[pseudo_treated]
        return both[:, :, 0], both[:, :, 1:]
    both = np.empty((*pseudo_treated.shape, held.shape[1]))
    for b, (areas, of_area) in enumerate(zip(pseudo_treated, column, strict=True)):
        donors = np.flatnonzero(of_area >= 0)
        among = synthetic_unit.planes.among(areas, of_area[donors], weights)
        among[donors, np.arange(len(donors))] = 0.0  # no area is its own donor
        both[b] = among @ held[areas[donors]]
    return both[:, :, 0], both[:, :, 1:]


def placebo_differences(synthetic_units: Mapping[int, SyntheticUnits]) -> PlaceboDifference:
    """Gaps where donors are pseudo-treated too: these are dropped, by the same rule for all.

    What is left of simplex and SDID weights is scaled up to one. Below a ridge regression they are
    fitted again: the regression takes whatever misfit scaling leaves for a signal and adds it to
    the gap, so that placebo gaps are wider than real ones and hardly anything is ever found.
    """
    columns = {g: synthetic_unit.column for g, synthetic_unit in synthetic_units.items()}
    predictions = {g: t.drawn_on @ t.figures[t.donors] for g, t in synthetic_units.items()}

    def difference(g: int, pseudo_treated: NDArray[np.int64]) -> Floats:
        synthetic_unit, column = synthetic_units[g], columns[g][pseudo_treated]
        if synthetic_unit.augmented and synthetic_unit.augmented.again:
            kept = _fitted_again(synthetic_unit, pseudo_treated, column)
        elif synthetic_unit.augmented:
            kept = _refitted(synthetic_unit, predictions[g], pseudo_treated, column)
            kept = kept + _augmentation(synthetic_unit, kept, pseudo_treated, column)
        else:
            kept = _renormalised(synthetic_unit, predictions[g], pseudo_treated, column)
        return synthetic_unit.from_base(
            synthetic_unit.figures[pseudo_treated] - kept, pseudo_treated
        )

    return difference


def _renormalised(
    synthetic_unit: SyntheticUnits,
    predictions: Floats,
    pseudo_treated: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """(b, M, T) what the donors that are left foretell, their weights scaled up to one."""
    lost = _without_donors(synthetic_unit, pseudo_treated, column)
    dropped, foretold = _taken_away(synthetic_unit, pseudo_treated, column)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (predictions[pseudo_treated] - foretold) / (1 - dropped)[:, :, None]
    kept: Floats = np.where(lost[:, :, None], np.nan, left)
    return kept


def _refitted(
    synthetic_unit: SyntheticUnits,
    predictions: Floats,
    pseudo_treated: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """(b, M, T) what simplex weights on the donors that are left foretell."""
    kept: Floats = predictions[pseudo_treated]
    dropped, _ = _taken_away(synthetic_unit, pseudo_treated, column)
    lost = _without_donors(synthetic_unit, pseudo_treated, column)
    kept[lost] = np.nan
    at, unit = np.nonzero((dropped > NOTHING) & ~lost)
    areas = pseudo_treated[at, unit]
    for periods, these in alike(synthetic_unit.pre_period_mask[areas]):
        before = synthetic_unit.figures[:, periods]
        donors, own = before[synthetic_unit.donors].T, before[areas[these]]
        again = simplex.fit(donors, own, column[at[these]])
        again = ridge.least_norm_fit(donors, own, column[at[these]], again)
        kept[at[these], unit[these]] = again.predict(synthetic_unit.figures[synthetic_unit.donors])
    return kept


def _fitted_again(
    synthetic_unit: SyntheticUnits, pseudo_treated: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """(b, M, T) what weights on the donors that are left foretell, where covariates go into them.

    With the penalty as it was. An area that is the only one treated keeps the weights it has: they
    were fitted without itself.
    """
    augmented = synthetic_unit.augmented
    assert augmented is not None and augmented.again is not None  # the caller asks for such alone
    donors = synthetic_unit.figures[synthetic_unit.donors]
    kept: Floats = np.full((*pseudo_treated.shape, donors.shape[1]), np.nan)
    is_donor = column >= 0
    # Donors treated in the same assignment, beside the area itself.
    others = is_donor.sum(axis=1, keepdims=True) - is_donor
    lost = _without_donors(synthetic_unit, pseudo_treated, column)
    anew = (others > 0) & ~lost
    kept[~anew & ~lost] = synthetic_unit.unit_weights[pseudo_treated[~anew & ~lost]] @ donors
    at, unit = np.nonzero(anew)
    areas = pseudo_treated[at, unit]
    for periods, these in alike(synthetic_unit.pre_period_mask[areas]):
        weights = augmented.again(
            areas[these], periods, column[at[these]], augmented.penalty[areas[these]]
        )
        kept[at[these], unit[these]] = weights @ donors
    return kept


def _augmentation(
    synthetic_unit: SyntheticUnits,
    kept: Floats,
    pseudo_treated: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """(b, M, T) what the ridge regression adds, fitted on the donors that are left.

    Augmented weights are large and of both signs, so that scaling up what is left of them would
    blow up the gaps; the regression is solved again instead, with its penalty as it was. The
    donors' second moments lose the dropped ones: no pass over the donors.
    """
    assert (
        synthetic_unit.augmented is not None
    )  # the caller asks for augmented synthetic controls alone
    centre = synthetic_unit.figures[synthetic_unit.donors].mean(axis=0)
    donors = synthetic_unit.figures[synthetic_unit.donors] - centre
    apart = np.nan_to_num(synthetic_unit.figures[pseudo_treated] - centre)
    gone = np.where((column >= 0)[:, :, None], apart, 0.0)
    count = np.maximum(len(donors) - (column >= 0).sum(axis=1), 1)
    total = donors.sum(axis=0) - gone.sum(axis=1)
    moments = donors.T @ donors - gone.transpose(0, 2, 1) @ gone
    moments -= total[:, :, None] * total[:, None, :] / count[:, None, None]
    left, penalty = (
        synthetic_unit.figures[pseudo_treated] - kept,
        synthetic_unit.augmented.penalty[pseudo_treated],
    )
    added: Floats = np.full(kept.shape, np.nan)
    for periods, these in alike(synthetic_unit.pre_period_mask[pseudo_treated.ravel()]):
        at, unit = np.unravel_index(these, pseudo_treated.shape)
        rows, row = np.unique(at, return_inverse=True)
        # Areas with figures in other periods stand as zeros, so that one product serves all.
        own = np.zeros((len(rows), pseudo_treated.shape[1], len(periods)))
        own[row, unit] = left[at, unit][:, periods]
        weight = np.ones(own.shape[:2])
        weight[row, unit] = penalty[at, unit]
        held = moments[rows]
        values, vectors = np.linalg.eigh(held[:, periods[:, None], periods])
        scale = np.maximum(values, 0.0)[:, None, :] + weight[:, :, None]
        solved = ((own @ vectors) / scale) @ vectors.transpose(0, 2, 1)
        added[at, unit] = (solved @ held[:, periods, :])[row, unit]
    return added


def weight_table(
    sample: samples.Sample, synthetic_units: Mapping[int, SyntheticUnits]
) -> pd.DataFrame:
    """One row a treated area and donor with weight: ``site, area, donor, weight``."""
    codes, treated, parts = sample.panel.areas.index, sample.treated, []
    for unit, s in zip(treated.units.tolist(), treated.cohort_of.tolist(), strict=True):
        synthetic_unit = synthetic_units[int(treated.starts[s])]
        weights = synthetic_unit.unit_weights[unit]
        held = np.flatnonzero(np.abs(weights) > WEIGHTY)
        parts.append(
            pd.DataFrame(
                {
                    "site": treated.names[s],
                    "area": codes[unit],
                    "donor": codes[synthetic_unit.donors[held]],
                    "weight": weights[held],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def unconverged(synthetic_units: Mapping[int, SyntheticUnits]) -> tuple[str, ...]:
    """A warning where a fit stopped before its optimum."""
    left = sum(
        int((~synthetic_unit.converged).sum()) for synthetic_unit in synthetic_units.values()
    )
    stopped = Sentence.of(f"{left} fits stopped before their optimum", "unconverged")
    return (stopped,) if left else ()


def base_weight(sample: samples.Sample, synthetic_units: Mapping[int, SyntheticUnits]) -> float:
    """The most that one period before a start weighs for any treated area.

    By its time weights where a fit has them; every period of a fit weighs on the donors too, and
    counts as one in a mean of them.
    """
    found = [samples.base_weight(sample)]
    starts = sample.treated.starts[sample.treated.cohort_of]
    for start, fitted in synthetic_units.items():
        own = fitted.time_weights[sample.treated.units[starts == start]]
        found.append(float(np.nan_to_num(own).max(initial=0.0)))
    return min(max(found), 1.0)


def fit_diagnostics(
    sample: samples.Sample, synthetic_units: Mapping[int, SyntheticUnits]
) -> dict[str, float]:
    """Pre-period RMSPE and effective number of donors, averaged over the treated areas."""
    rmspe, effective = [], []
    of_all = {g: synthetic_unit.rmspe for g, synthetic_unit in synthetic_units.items()}
    for unit, s in zip(sample.treated.units, sample.treated.cohort_of, strict=True):
        synthetic_unit = synthetic_units[int(sample.treated.starts[s])]
        rmspe.append(of_all[int(sample.treated.starts[s])][unit])
        effective.append(1 / (synthetic_unit.unit_weights[unit] ** 2).sum())
    return {
        "pre_period_rmspe": float(samples.masked_mean(np.array(rmspe)[:, None])[0]),
        "effective_donors": float(samples.masked_mean(np.array(effective)[:, None])[0]),
    }
