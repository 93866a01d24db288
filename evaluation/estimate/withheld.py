"""What withheld counts could do to an effect: it is estimated again with them at both ends.

A count that is withheld because it is small lies between known ends. Cells that raise the effect
are put at one end and cells that lower it at the other, which bounds a difference of changes
(Manski 2003, Partial identification of probability distributions, chapter 1). Success pushes
counts below the threshold, so that leaving such cells out bends the estimate: these ends say by
how much at most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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


def at_ends(panel: Panel, outcome: str, threshold: int, least: int = 1) -> tuple[Panel, Panel]:
    """The panel with withheld counts where they make the effect smallest, and largest.

    Parameters
    ----------
    threshold : counts below it are withheld. least : the smallest count that may be withheld; 1
        where zeros are published or logarithms are taken, else 0.
    """
    hidden = hidden_cells(panel, outcome)
    raises = _raises(panel)
    per = panel.per.get(outcome, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = per * least / panel.denominators[outcome]
        high = per * max(threshold - 1, least) / panel.denominators[outcome]
    figures = panel.array(outcome)
    smallest = np.where(hidden, np.where(raises, low, high), figures)
    largest = np.where(hidden, np.where(raises, high, low), figures)
    return (
        replace(panel, figures={**panel.figures, outcome: smallest}),
        replace(panel, figures={**panel.figures, outcome: largest}),
    )


def _raises(panel: Panel) -> NDArray[np.bool_]:
    """(N, T) whether a larger figure raises the effect: started areas after, others before."""
    start = panel.start_index
    started = start >= 0
    first = int(start[started].min()) if started.any() else len(panel.periods)
    own = np.where(started, start, first)
    after = np.arange(len(panel.periods)) >= own[:, None]
    raises: NDArray[np.bool_] = after == started[:, None]
    return raises
