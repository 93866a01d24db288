"""Difference-in-differences at many looks and outcomes at once: gather and sum, no estimate made.

Where every cell holds a figure, the statistic of a look is a sum over places of one number an
area: its own change, weighed, and its part in the comparison mean that it leaves when it fills a
place. One table of these numbers a kind of place then gives every assignment, look and outcome by
a gather and a sum. A site that has not started by a look counts among the comparisons there, as in
the panel of that day. The figures equal those of `did` (Callaway and Sant'Anna 2021, section 2),
which fits one outcome and look at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import frame
from evaluation.estimate.did import changes
from evaluation.estimate.inference import apply_map
from evaluation.estimate.reassign import Rule, effects_under

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignment import Assignments
    from evaluation.estimate.did import DidSettings

    Floats = NDArray[np.float64]

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
    slots = assignments.slots
    share = _shares(assignments, window)
    _, areas, periods = figures.shape
    raw = _gathered(_changes(figures, assignments, window), share, assignments, window)
    unit = np.zeros((1, areas, periods))
    starts = slots.starts[slots.slot_of]
    for place, start in zip(slots.places, starts, strict=True):
        unit[0, place, start:] = 1.0
    shift = _gathered(_changes(unit, assignments, window), share, assignments, window)[:, 0]
    home = _home(assignments, share)
    raw = np.where(home[:, None, :], raw[:, :, :1], raw)
    shift = np.where(home, shift[:, :1], shift)
    return np.ascontiguousarray(raw.transpose(1, 0, 2)), shift


def did_with_gaps(
    sample: frame.Sample, assignments: Assignments, settings: DidSettings, event: tuple[int, int]
) -> tuple[Floats, Floats]:
    """The statistic of one look where cells are missing: (B + 1) raw and shift.

    The same figures as an estimate gives, from the periods of the window alone and without what
    only an estimate needs.

    Parameters
    ----------
    sample : the outcome as known at the look. event : first and last event time of the window.
    """
    slots = assignments.slots
    from_here = int(slots.starts.min())
    rule = Rule(comparison="never", reach=settings.anticipation)

    def under(of: frame.Sample) -> Floats:
        late = {g: change[:, from_here:] for g, change in changes(of, settings).items()}
        return effects_under(late, assignments, rule, sample.weights)

    raw = under(sample)
    shift = under(replace(sample, figures=frame.unit_figures(sample)))
    periods = np.arange(from_here, sample.n_periods)
    since = (periods[None, :] - slots.starts[:, None]).ravel()
    mass = np.bincount(slots.slot_of, weights=sample.weights[slots.places])
    inside = (since >= max(event[0], 0)) & (since <= event[1]) & np.isfinite(raw[0])
    weight = np.where(inside, np.repeat(mass, len(periods)), 0.0)
    maps = weight[None, :] / weight.sum()
    counts = weight.reshape(len(slots.names), -1).sum(axis=1) > 0
    home = (_own(assignments) | ~counts[:, None]).all(axis=0)
    told = [apply_map(part, maps)[:, 0] for part in (raw, shift)]
    return np.where(home, told[0][0], told[0]), np.where(home, told[1][0], told[1])


def _shares(assignments: Assignments, window: Window) -> Floats:
    """(L, M) weight of each place at each look: areas and periods alike."""
    slots = assignments.slots
    starts = slots.starts[slots.slot_of]
    last = np.minimum(starts + window.last, np.array(window.looks)[:, None])
    count = np.maximum(last - (starts + max(window.first, 0)) + 1, 0).astype(float)
    total = count.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise EstimateError("no area has started by the first look.")
    out: Floats = count / total
    return out


def _changes(figures: Floats, assignments: Assignments, window: Window) -> dict[int, Floats]:
    """Start -> (L, K, N) every area's mean over the look's periods less its base."""
    sums = np.concatenate([np.zeros((*figures.shape[:2], 1)), figures.cumsum(axis=2)], axis=2)
    out = {}
    for g in np.unique(assignments.slots.starts).tolist():
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
    changes: dict[int, Floats], share: Floats, assignments: Assignments, window: Window
) -> Floats:
    """(L, K, B + 1) the statistics: for each place one table of numbers, gathered and summed."""
    slots, strata = assignments.slots, assignments.strata
    starts, home = slots.starts[slots.slot_of], strata[slots.places]
    looks, outcomes, _ = next(iter(changes.values())).shape
    kinds: dict[tuple[int, int], list[int]] = {}
    for place, kind in enumerate(zip(slots.slot_of.tolist(), home.tolist(), strict=True)):
        kinds.setdefault(kind, []).append(place)
    left, constant = {}, np.zeros((looks, outcomes))
    started = starts <= np.array(window.looks)[:, None]
    for h in np.unique(home).tolist():
        inside, filled = strata == h, home == h
        spare = inside.sum() - started[:, filled].sum(axis=1)
        if (spare < 1).any():
            raise EstimateError("a stratum holds started areas only: nothing is left to compare.")
        part = np.zeros_like(next(iter(changes.values())))
        for g, change in changes.items():
            weight = share[:, filled & (starts == g)].sum(axis=1)
            part += weight[:, None, None] * change
        left[h] = part / spare[:, None, None]
        constant -= left[h][:, :, inside].sum(axis=2)
    out = np.empty((len(assignments), looks * outcomes))
    tables = {
        kind: _flat(
            share[:, places[0], None, None] * changes[int(starts[places[0]])]
            + started[:, places[0], None, None] * left[kind[1]]
        )
        for kind, places in kinds.items()
    }
    for begin in range(0, len(assignments), CHUNK):
        fillers = assignments.fillers[begin : begin + CHUNK]
        total = np.repeat(constant.reshape(1, -1), len(fillers), axis=0)
        for kind, places in kinds.items():
            for place in places:
                total += tables[kind][fillers[:, place]]
        out[begin : begin + CHUNK] = total
    return out.T.reshape(looks, outcomes, -1)


def _flat(table: Floats) -> Floats:
    """(N, L * K), each area's numbers side by side in memory."""
    return np.ascontiguousarray(table.reshape(-1, table.shape[2]).T)


def _home(assignments: Assignments, share: Floats) -> NDArray[np.bool_]:
    """(L, B + 1) whether every site that counts at the look is filled by just its own areas."""
    slots = assignments.slots
    counts = np.stack(
        [share[:, slots.slot_of == s].sum(axis=1) > 0 for s in range(len(slots.names))]
    )
    own = _own(assignments)
    home: NDArray[np.bool_] = (own[:, None, :] | ~counts[:, :, None]).all(axis=0)
    return home


def _own(assignments: Assignments) -> NDArray[np.bool_]:
    """(S, B + 1) whether each site is filled by just its own areas."""
    fillers, slots = assignments.fillers, assignments.slots
    own = []
    for s in range(len(slots.names)):
        at = np.flatnonzero(slots.slot_of == s)
        apart = np.sort(fillers[:, at], axis=1) != np.sort(slots.places[at])
        own.append(~apart.any(axis=1))
    return np.stack(own)
