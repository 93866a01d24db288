"""Placebo in time: the same areas, as if they had started earlier, before anything happened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from evaluation.panel import Panel


def backdated(panel: Panel, periods: int) -> Panel:
    """The panel up to the first real start, with every started area starting ``periods`` before it.

    Any estimator then gives effects that should be nothing (Abadie, Diamond and Hainmueller 2015,
    American Journal of Political Science 59, "in-time placebo"): what it finds is what it errs by
    over that many periods, or something that began before the programme did.

    Raises
    ------
    EstimateError : nothing has started, or no period would be left before the earlier start.
    """
    started = panel.started
    if not started.any():
        raise EstimateError("no area has started within the panel, so no start can be moved.")
    first = int(panel.start_index[started].min())
    if not 0 < periods < first:
        raise EstimateError(
            f"a start moved back by {periods} periods leaves none before it.",
            expected=f"between 1 and {first - 1} periods",
        )
    earlier = panel.until(panel.periods[first - 1])
    areas = earlier.areas.copy()
    label = panel.periods[first - periods].label
    areas["start"] = [label if s else None for s in started]
    return replace(earlier, areas=areas)
