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
    names = []
    for place, s in zip(sample.slots.places, sample.slots.slot_of, strict=True):
        g = int(sample.slots.starts[s])
        if not np.isfinite(gaps[g][place, g:]).any():
            names.append(str(sample.panel.areas.index[place]))
    if len(names) == len(sample.slots.places):
        raise EstimateError(
            "no started area has figures both before and after its start.",
            mend="choose base='mean', which needs no single period, or another outcome",
        )
    if not names:
        return ()
    return (
        f"{len(names)} started areas lack the figures that their effect is measured from and are "
        f"left out: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}",
    )
