"""Synthetic twins of every area for one start, and the gaps that they leave.

Synthetic control, its demeaned form and synthetic difference-in-differences differ only in their
weights: unit weights make the twin, time weights say from which periods before the start the gap
is measured (none, all alike, or fitted). What follows from the weights is the same and stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.estimate import samples
from evaluation.estimate.inference import Draws
from evaluation.estimate.placebo_effects import Contrasts, FillerContrast, Rule, effects_under
from evaluation.estimate.solvers import simplex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


ALL = 1 - 1e-9
"""More dropped weight than this leaves a twin without donors."""
NOTHING = 1e-12
"""Less dropped weight than this leaves a twin as it was."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Augmented:
    """Simplex weights below augmented ones, (N, donors), and (N) the ridge penalty of each area."""

    base: Floats
    penalty: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Twins:
    """The twins of every area for one start.

    donors : positions of the donors. unit_weights : (N, donors), rows sum to one; NaN in the row of
    an area with too few figures to be fitted. time_weights : (N, T), rows sum to one or to nothing.
    figures : (N, T). fitted_on : (N, T) the periods that each area was fitted on. converged : (N)
    whether each fit reached its optimum. augmented : what the weights were made from, where a ridge
    regression stands on simplex weights.
    """

    donors: NDArray[np.int64]
    unit_weights: Floats
    time_weights: Floats
    figures: Floats
    fitted_on: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    augmented: Augmented | None = None

    @property
    def gaps(self) -> Floats:
        """(N, T) each area's path less its twin's, less the same in its weighted periods before."""
        return self.from_base(self.figures - self.unit_weights @ self.figures[self.donors])

    @property
    def rmspe(self) -> Floats:
        """(N) root mean squared gap in the periods of the fit, around its own mean if shifted."""
        gaps = self.figures - self.unit_weights @ self.figures[self.donors]
        gaps, count = np.where(self.fitted_on, gaps, 0.0), self.fitted_on.sum(axis=1)
        count = np.where(count > 0, count, np.nan)
        shifted = (self.time_weights != 0).any(axis=1)
        mean = np.where(shifted, gaps.sum(axis=1) / count, 0.0)
        centred = np.where(self.fitted_on, gaps - mean[:, None], 0.0)
        rmspe: Floats = np.sqrt((centred**2).sum(axis=1) / count)
        return rmspe

    @property
    def drawn_on(self) -> Floats:
        """(N, donors) simplex weights, by which a twin stands or falls with its donors."""
        return self.augmented.base if self.augmented else self.unit_weights

    @property
    def column(self) -> NDArray[np.int64]:
        """(N) the column of each area among the donors; -1 for an area that is none."""
        column = np.full(len(self.figures), -1)
        column[self.donors] = np.arange(len(self.donors))
        return column

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
    """The eligible areas less comparison areas with a gap, and what has to be said of those."""
    panel = panel.eligible()
    gap = np.zeros(len(panel.areas), dtype=bool)
    for outcome in outcomes:
        gap |= np.isnan(panel.array(outcome)).any(axis=1)
    leave = gap & ~panel.started
    if not leave.any():
        return panel, ()
    return panel.select(~leave), (
        f"{int(leave.sum())} comparison areas have a missing or withheld figure and are left out",
    )


def placebo(
    sample: samples.Sample, twins: Mapping[int, Twins], assignments: Assignments
) -> tuple[Draws, Floats]:
    """Draws and effects: the gaps of the areas that fill the places, under every assignment."""
    raw, shift = raw_and_shift(sample, twins, assignments)
    rule = Rule(comparison=None)
    placed = samples.placed_effects(sample, raw[0])
    carried = {g: twin.where_fitted(twin.from_base(placed)) for g, twin in twins.items()}
    net = raw - effects_under(
        carried, assignments, rule, sample.weights, where_twins_are_left(twins, carried)
    )
    return samples.finished_draws(assignments, raw, shift, net), raw[0].copy()


def raw_and_shift(
    sample: samples.Sample, twins: Mapping[int, Twins], assignments: Assignments
) -> tuple[Floats, Floats]:
    """Effects of the data and of a unit effect under every assignment: all that a test needs."""
    rule = Rule(comparison=None)
    gaps = {g: twin.gaps for g, twin in twins.items()}
    raw = effects_under(gaps, assignments, rule, sample.weights, filler_gaps(twins))
    units = samples.unit_figures(sample)
    unit = {g: twin.where_fitted(twin.from_base(units)) for g, twin in twins.items()}
    before = samples.unit_before(sample, unit)
    shift = effects_under(
        before, assignments, rule, sample.weights, where_twins_are_left(twins, before)
    )
    return raw, shift


def where_twins_are_left(twins: Mapping[int, Twins], contrasts: Contrasts) -> FillerContrast:
    """Contrasts gathered for fillers; none for one that no donor is left to.

    Such a filler is left out of the effects of the data (`filler_gaps`), so that it has to be left
    out of whatever is set against them.
    """
    columns = {g: twin.column for g, twin in twins.items()}

    def contrast(g: int, fillers: NDArray[np.int64]) -> Floats:
        lost = _without_donors(twins[g], fillers, columns[g][fillers])
        out: Floats = np.where(lost[:, :, None], np.nan, contrasts[g][fillers])
        return out

    return contrast


def _without_donors(
    twin: Twins, fillers: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(b, M) fillers with no donor left: none with weight, or none at all where they are refitted.

    A twin that is refitted finds other donors, so that it is lost only with the last of them.
    """
    if twin.augmented:
        none = (column >= 0).sum(axis=1) >= len(twin.donors)
        return np.repeat(none[:, None], fillers.shape[1], axis=1)
    dropped, _ = _dropped(twin.drawn_on, fillers, column)
    lost: NDArray[np.bool_] = dropped >= ALL
    return lost


def _dropped(
    weights: Floats, fillers: NDArray[np.int64], column: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(b, M) weight of each filler's donors that are fillers too, and (b, M, M) one by one."""
    weight = weights[fillers[:, :, None], np.maximum(column, 0)[:, None, :]]
    weight = weight * (column >= 0)[:, None, :]
    return weight.sum(axis=2), weight


def filler_gaps(twins: Mapping[int, Twins]) -> FillerContrast:
    """Gaps of fillers whose donors are fillers too: these are dropped, by the same rule for all.

    What is left of simplex and SDID weights is scaled up to one. Below a ridge regression they are
    fitted again: the regression takes whatever misfit scaling leaves for a signal and adds it to
    the gap, so that placebo gaps are wider than real ones and hardly anything is ever found.
    """
    columns = {g: twin.column for g, twin in twins.items()}
    predictions = {g: t.drawn_on @ t.figures[t.donors] for g, t in twins.items()}

    def contrast(g: int, fillers: NDArray[np.int64]) -> Floats:
        twin, column = twins[g], columns[g][fillers]
        if twin.augmented:
            kept = _refitted(twin, predictions[g], fillers, column)
            kept = kept + _augmentation(twin, kept, fillers, column)
        else:
            kept = _renormalised(twin.drawn_on, twin.figures, predictions[g], fillers, column)
        return twin.from_base(twin.figures[fillers] - kept, fillers)

    return contrast


def _renormalised(
    weights: Floats,
    figures: Floats,
    predictions: Floats,
    fillers: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """(b, M, T) what the donors that are left foretell, their weights scaled up to one."""
    dropped, weight = _dropped(weights, fillers, column)
    left = (1 - dropped)[:, :, None]
    predicted = predictions[fillers] - weight @ np.nan_to_num(figures[fillers])
    with np.errstate(invalid="ignore", divide="ignore"):
        kept: Floats = np.where((dropped < ALL)[:, :, None], predicted / left, np.nan)
    return kept


def _refitted(
    twin: Twins, predictions: Floats, fillers: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """(b, M, T) what simplex weights on the donors that are left foretell."""
    kept: Floats = predictions[fillers]
    dropped, _ = _dropped(twin.drawn_on, fillers, column)
    lost = _without_donors(twin, fillers, column)
    kept[lost] = np.nan
    at, place = np.nonzero((dropped > NOTHING) & ~lost)
    areas = fillers[at, place]
    for periods, these in alike(twin.fitted_on[areas]):
        before = twin.figures[:, periods]
        again = simplex.fit(before[twin.donors].T, before[areas[these]], column[at[these]])
        kept[at[these], place[these]] = again.predict(twin.figures[twin.donors])
    return kept


def _augmentation(
    twin: Twins, kept: Floats, fillers: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """(b, M, T) what the ridge regression adds, fitted on the donors that are left.

    Augmented weights are large and of both signs, so that scaling up what is left of them would
    blow up the gaps; the regression is solved again instead, with its penalty as it was. The
    donors' second moments lose the dropped ones: no pass over the donors.
    """
    assert twin.augmented is not None  # the caller asks for augmented twins alone
    centre = twin.figures[twin.donors].mean(axis=0)
    donors = twin.figures[twin.donors] - centre
    apart = np.nan_to_num(twin.figures[fillers] - centre)
    gone = np.where((column >= 0)[:, :, None], apart, 0.0)
    count = np.maximum(len(donors) - (column >= 0).sum(axis=1), 1)
    total = donors.sum(axis=0) - gone.sum(axis=1)
    moments = donors.T @ donors - gone.transpose(0, 2, 1) @ gone
    moments -= total[:, :, None] * total[:, None, :] / count[:, None, None]
    left, penalty = twin.figures[fillers] - kept, twin.augmented.penalty[fillers]
    added: Floats = np.full(kept.shape, np.nan)
    for periods, these in alike(twin.fitted_on[fillers.ravel()]):
        at, place = np.unravel_index(these, fillers.shape)
        rows, row = np.unique(at, return_inverse=True)
        # Fillers with figures in other periods stand as noughts, so that one product serves all.
        own = np.zeros((len(rows), fillers.shape[1], len(periods)))
        own[row, place] = left[at, place][:, periods]
        weight = np.ones(own.shape[:2])
        weight[row, place] = penalty[at, place]
        held = moments[rows]
        values, vectors = np.linalg.eigh(held[:, periods[:, None], periods])
        scale = np.maximum(values, 0.0)[:, None, :] + weight[:, :, None]
        solved = ((own @ vectors) / scale) @ vectors.transpose(0, 2, 1)
        added[at, place] = (solved @ held[:, periods, :])[row, place]
    return added


def weight_table(sample: samples.Sample, twins: Mapping[int, Twins]) -> pd.DataFrame:
    """One row a started area and donor with weight: ``site, area, donor, weight``."""
    rows = []
    codes = sample.panel.areas.index
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        twin = twins[int(sample.slots.starts[s])]
        for donor in np.flatnonzero(np.abs(twin.unit_weights[place]) > 1e-8):
            rows.append(
                (
                    sample.slots.names[s],
                    codes[place],
                    codes[twin.donors[donor]],
                    twin.unit_weights[place, donor],
                )
            )
    return pd.DataFrame(rows, columns=["site", "area", "donor", "weight"])


def unconverged(twins: Mapping[int, Twins]) -> tuple[str, ...]:
    """A warning where a fit stopped before its optimum."""
    left = sum(int((~twin.converged).sum()) for twin in twins.values())
    return (f"{left} fits stopped before their optimum",) if left else ()


def fit_diagnostics(sample: samples.Sample, twins: Mapping[int, Twins]) -> dict[str, float]:
    """Pre-period RMSPE and effective number of donors, averaged over the started areas."""
    rmspe, effective = [], []
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        twin = twins[int(sample.slots.starts[s])]
        rmspe.append(twin.rmspe[place])
        effective.append(1 / (twin.unit_weights[place] ** 2).sum())
    return {
        "pre_period_rmspe": float(np.mean(rmspe)),
        "effective_donors": float(np.mean(effective)),
    }
