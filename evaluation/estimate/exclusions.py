"""Started areas that no effect can be measured for: named, never dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.frame import Sample


def left_out(sample: Sample, gaps: Mapping[int, NDArray[np.float64]]) -> tuple[str, ...]:
    """What to say of started areas that have no gap in any started period, by name.

    They miss the figures that their effect would be measured from, and count in no effect.

    Raises
    ------
    EstimateError : that is so for every started area.
    """
    slots = sample.slots
    starts = slots.starts[slots.slot_of]
    lost = np.zeros(len(starts), dtype=bool)
    for g in np.unique(starts).tolist():
        lost[starts == g] = np.isnan(gaps[g][slots.places[starts == g], g:]).all(axis=1)
    names = [str(code) for code in sample.panel.areas.index[slots.places[lost]]]
    if lost.all():
        raise EstimateError(
            "no started area has figures both before and after its start.",
            mend="bring the figures that are missing or choose another outcome; with did, "
            "base='mean' needs no single period",
        )
    if not names:
        return ()
    return (
        f"{len(names)} started areas lack the figures that their effect is measured from and are "
        f"left out: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}",
    )
