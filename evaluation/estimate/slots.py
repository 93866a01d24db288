"""The places that the started areas fill: what an assignment deals other areas out to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel


@dataclass(frozen=True, kw_only=True, eq=False)
class Slots:
    """The real assignment: the started areas ("places"), grouped into sites with a start.

    ``places`` (M) are positions of areas in the panel, ordered by slot; ``slot_of`` (M) their slot;
    ``starts`` (S) each slot's start as a position among the periods; ``names`` (S) the sites.
    """

    places: NDArray[np.int64]
    slot_of: NDArray[np.int64]
    starts: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel) -> Slots:
        """The slots of a panel: its sites; without sites, each start cohort is one.

        Raises
        ------
        EstimateError : nothing has started, nothing is left to compare with, or a site starts
            before there is a period to compare with.
        """
        start = panel.start_index
        places = np.flatnonzero(start != -1)
        if len(places) == 0:
            raise EstimateError("no area has started within the panel, so there is no effect yet.")
        labels = pd.Series(panel.areas["site"].to_numpy()[places]).astype(object)
        if labels.isna().any():
            labels = pd.Series(panel.areas["start"].to_numpy()[places], dtype=object)
        for place, label in zip(places, labels, strict=True):
            if start[place] < 1:
                raise EstimateError(
                    f"{label} starts in {panel.areas['start'].iloc[place]}, at or before the first "
                    f"period of the panel ({panel.periods[0]}).",
                    expected="at least one period before every start",
                    mend="leave that site out of the panel, or extend the panel backwards",
                )
        keys = sorted({(start[p], str(s)) for p, s in zip(places, labels, strict=True)})
        number = {key: k for k, key in enumerate(keys)}
        slot = np.array([number[start[p], str(s)] for p, s in zip(places, labels, strict=True)])
        order = np.lexsort((places, slot))
        return cls(
            places=places[order],
            slot_of=slot[order],
            starts=np.array([g for g, _ in keys]),
            names=tuple(name for _, name in keys),
        )
