"""What withheld counts could do to an effect: it is estimated again with them at both ends.

A count that is withheld because it is small lies between known ends. Cells that raise the effect
are put at one end and cells that lower it at the other, which bounds an effect that is linear in
the figures, as those of difference-in-differences and imputation are (Manski 2003, Partial
identification of probability distributions, chapter 1). Success pushes counts below the threshold,
so that leaving such cells out bends the estimate: these ends say by how much at most. The weights
of synthetic estimators move with the figures: for them the ends are two scenarios and no bounds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.panel import Panel

HIDDEN = "[c]"


def hidden_cells(panel: Panel, outcome: str) -> NDArray[np.bool_]:
    """(N, T) cells whose count is withheld and whose denominator is known."""
    none = np.zeros(panel.array(outcome).shape, dtype=bool)
    if outcome not in panel.statuses or outcome not in panel.denominators:
        return none
    known = np.isfinite(panel.denominators[outcome]) & (panel.denominators[outcome] > 0)
    hidden: NDArray[np.bool_] = (panel.statuses[outcome] == HIDDEN) & known
    return hidden & ~np.isfinite(panel.array(outcome))


def at_ends(
    panel: Panel,
    outcome: str,
    threshold: int,
    effect: Callable[[Panel], float],
    strata: NDArray[np.int64] | None = None,
) -> tuple[Panel, Panel]:
    """The panel with withheld counts where they make the effect smallest, and largest.

    Parameters
    ----------
    threshold : counts below it are withheld; zeros are published, so that none is below one.
    effect : the effect that a panel gives. Where areas start at different times, it says of the
        withheld cells of each period, start and stratum whether they raise or lower it.
    strata : (N) within which areas are compared; None: all with all.
    """
    hidden = hidden_cells(panel, outcome)
    per, figures = panel.per.get(outcome, 1.0), panel.array(outcome)
    with np.errstate(invalid="ignore", divide="ignore"):
        least = per / panel.denominators[outcome]
        most = per * max(threshold - 1, 1) / panel.denominators[outcome]

    def filled(high: NDArray[np.bool_]) -> Panel:
        held = np.where(hidden, np.where(high, most, least), figures)
        return replace(panel, figures={**panel.figures, outcome: held})

    raises, starts = _raises(panel), panel.start_index[panel.started]
    # Before the first start and after the last, a cell lies on one side of all of them.
    between = np.arange(starts.min(), starts.max()) if len(starts) else np.empty(0, dtype=np.int64)
    if hidden[:, between].any():
        within = np.zeros(len(hidden), dtype=np.int64) if strata is None else strata
        alike = np.unique(np.stack([panel.start_index, within]), axis=1, return_inverse=True)[1]
        tried = _raises_as_tried(alike, hidden, between, lambda high: effect(filled(high)))
        raises[:, between] = tried[:, between]
    return filled(~raises), filled(raises)


def _raises_as_tried(
    alike: NDArray[np.int64],
    hidden: NDArray[np.bool_],
    periods: NDArray[np.int64],
    effect: Callable[[NDArray[np.bool_]], float],
) -> NDArray[np.bool_]:
    """(N, T) whether larger figures raise the effect, tried on cells of areas that count ``alike``.

    A comparison area's cell between two starts lies after the one and before the other.
    """
    none = np.zeros(hidden.shape, dtype=bool)
    base, raises = effect(none), none.copy()
    for group in np.unique(alike):
        for period in periods[hidden[alike == group][:, periods].any(axis=0)]:
            cells = none.copy()
            cells[alike == group, period] = True
            raises |= cells & (effect(cells) > base)
    return raises


def _raises(panel: Panel) -> NDArray[np.bool_]:
    """(N, T) whether a larger figure raises the effect: started areas after, others before."""
    start = panel.start_index
    started = start >= 0
    first = int(start[started].min()) if started.any() else len(panel.periods)
    own = np.where(started, start, first)
    after = np.arange(len(panel.periods)) >= own[:, None]
    raises: NDArray[np.bool_] = after == started[:, None]
    return raises
