"""The statistics of difference-in-differences at many looks and outcomes at once, for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, long_differences, rule_of
from evaluation.estimate.interim import Tested
from evaluation.estimate.placebo_effects import placebo_effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# Assignments gathered at once, to bound memory.
CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which periods count: event times ``first`` to ``last``, at looks after certain periods.

    base : ``mean`` of all periods before the start less ``anticipation``, or the ``universal`` one.
    looks : positions of the last period known at each look.
    """

    first: int
    last: int
    looks: tuple[int, ...]
    base: Literal["mean", "universal"] = "mean"
    anticipation: int = 0


# The one contrast that is written twice, for speed: simulations and looks take it for many outcomes
# and looks at once, where `placebo_effects` would make every site and period only to average them.
# Both are held against each other by a test.
def did_looks(figures: Floats, assignments: Assignments, window: Window) -> tuple[Floats, Floats]:
    """Statistics of K outcomes at L looks under every assignment.

    Parameters
    ----------
    figures : (K, N, T), on the estimate's scale, without a missing cell.

    Returns
    -------
    raw : (K, L, B + 1) and shift : (L, B + 1), the real assignment first; see `Statistic`.

    Raises
    ------
    EstimateError : a cell is missing, or nothing has started by the first look.
    """
    if not np.isfinite(figures).all():
        raise EstimateError(
            "figures are missing, and the fast way needs them all.", mend="use did, look by look"
        )
    treated = assignments.treated
    share = _shares(assignments, window)
    _, areas, periods = figures.shape
    raw = _gathered(_window_differences(figures, assignments, window), share, assignments, window)
    unit = np.zeros((1, areas, periods))
    starts = treated.starts[treated.cohort_of]
    for area, start in zip(treated.units, starts, strict=True):
        unit[0, area, start:] = 1.0
    of_unit = _window_differences(unit, assignments, window)
    shift = _gathered(of_unit, share, assignments, window)[:, 0]
    # A site that has no period yet is no reason to tell two assignments apart.
    counts = np.stack(
        [share[:, treated.cohort_of == s].sum(axis=1) > 0 for s in range(len(treated.names))]
    )
    home = (assignments.is_identity.T[:, None, :] | ~counts[:, :, None]).all(axis=0)
    raw = np.where(home[:, None, :], raw[:, :, :1], raw)
    shift = np.where(home, shift[:, :1], shift)
    return np.ascontiguousarray(raw.transpose(1, 0, 2)), shift


def did_tested(
    outcome: str, sample: samples.Sample, assignments: Assignments, settings: DidSettings
) -> Tested:
    """What a look tests where cells are missing: `did` from the first start on, and no more.

    Parameters
    ----------
    sample : the outcome as known at the look. settings : without weights, covariates and the
        ``varying`` base, which only concerns periods before the start.
    """
    from_here = int(sample.treated.starts.min())
    rule = replace(rule_of(sample, settings), varying=False)

    def under(of: samples.Sample) -> Floats:
        late = {g: change[:, from_here:] for g, change in long_differences(of, settings).items()}
        return placebo_effects(late, assignments, rule, sample.weights)

    raw = under(sample)
    shift = under(replace(sample, figures=samples.unit_figures(sample)))
    index = samples.entries(sample, long_differences(sample, settings))
    late = np.tile(np.arange(sample.n_periods) >= from_here, len(sample.treated.names))
    return Tested(
        outcome=outcome,
        index=index[late].reset_index(drop=True),
        effects=raw[0],
        draws=samples.finished_draws(assignments, raw, shift, raw),
    )


def _shares(assignments: Assignments, window: Window) -> Floats:
    """(L, M) weight of each unit at each look: areas and periods alike."""
    treated = assignments.treated
    starts = treated.starts[treated.cohort_of]
    last = np.minimum(starts + window.last, np.array(window.looks)[:, None])
    count = np.maximum(last - (starts + max(window.first, 0)) + 1, 0).astype(float)
    total = count.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise EstimateError("no area has started by the first look.")
    out: Floats = count / total
    return out


def _window_differences(
    figures: Floats, assignments: Assignments, window: Window
) -> dict[int, Floats]:
    """Start -> (L, K, N) every area's mean over the look's periods less its base."""
    sums = np.concatenate([np.zeros((*figures.shape[:2], 1)), figures.cumsum(axis=2)], axis=2)
    out = {}
    for g in np.unique(assignments.treated.starts).tolist():
        end = g - window.anticipation
        if end < 1:
            raise EstimateError("an anticipation window leaves nothing before a start.")
        base = sums[:, :, end] / end if window.base == "mean" else figures[:, :, end - 1]
        rows = []
        for look in window.looks:
            first, last = g + max(window.first, 0), min(g + window.last, look)
            if last < first:
                rows.append(np.zeros(figures.shape[:2]))
            else:
                rows.append((sums[:, :, last + 1] - sums[:, :, first]) / (last - first + 1) - base)
        out[g] = np.stack(rows)
    return out


def _gathered(
    differences: dict[int, Floats], share: Floats, assignments: Assignments, window: Window
) -> Floats:
    """(L, K, B + 1) the statistics: for each unit one table of numbers, gathered and summed."""
    treated, strata = assignments.treated, assignments.strata
    starts, home = treated.starts[treated.cohort_of], strata[treated.units]
    looks, outcomes, _ = next(iter(differences.values())).shape
    kinds: dict[tuple[int, int], list[int]] = {}
    for unit, kind in enumerate(zip(treated.cohort_of.tolist(), home.tolist(), strict=True)):
        kinds.setdefault(kind, []).append(unit)
    left, constant = {}, np.zeros((looks, outcomes))
    begun = starts <= np.array(window.looks)[:, None]
    for h in np.unique(home).tolist():
        inside, filled = strata == h, home == h
        spare = inside.sum() - begun[:, filled].sum(axis=1)
        if (spare < 1).any():
            raise EstimateError("a stratum holds treated areas only: nothing is left to compare.")
        part = np.zeros_like(next(iter(differences.values())))
        for g, change in differences.items():
            weight = share[:, filled & (starts == g)].sum(axis=1)
            part += weight[:, None, None] * change
        left[h] = part / spare[:, None, None]
        constant -= left[h][:, :, inside].sum(axis=2)
    out = np.empty((len(assignments), looks * outcomes))
    tables = {
        kind: _flat(
            share[:, units[0], None, None] * differences[int(starts[units[0]])]
            + begun[:, units[0], None, None] * left[kind[1]]
        )
        for kind, units in kinds.items()
    }
    for begin in range(0, len(assignments), CHUNK):
        pseudo_treated = assignments.pseudo_treated[begin : begin + CHUNK]
        total = np.repeat(constant.reshape(1, -1), len(pseudo_treated), axis=0)
        for kind, units in kinds.items():
            for unit in units:
                total += tables[kind][pseudo_treated[:, unit]]
        out[begin : begin + CHUNK] = total
    return out.T.reshape(looks, outcomes, -1)


def _flat(table: Floats) -> Floats:
    """(N, L * K), each area's numbers side by side in memory."""
    return np.ascontiguousarray(table.reshape(-1, table.shape[2]).T)
