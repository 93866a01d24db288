"""Assignments that move all started areas of an authority together into another one.

Areas of one authority share its shocks and its decisions: re-drawn one by one they would look more
alike than chance allows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.slots import Slots

    Places = NDArray[np.int64]


def draw_blocks(
    slots: Slots, strata: Places, authority: Places, n: int, rng: np.random.Generator
) -> tuple[Places, int, bool]:
    """Move all started areas of an authority together into one authority of the same stratum.

    The pattern of the real assignment is copied: sites that share an authority go on sharing one,
    and a site in two authorities stays in two. Blocks are served from the largest down, each from
    the unused authorities that can hold it. The number of choices left never depends on earlier
    ones, so every arrangement is equally likely.
    """
    members, home, (size, band) = _blocks(slots, strata, authority)
    distinct, n_authorities = _count(slots, members, home, (size, band)), len(size)
    fillers = np.empty((n + 1, len(slots.places)), dtype=np.int64)
    fillers[0] = slots.places
    used = np.zeros((n, n_authorities), dtype=bool)
    pick = rng.random((n, len(authority)))
    for block, stratum in zip(members, home, strict=True):
        open_to = (size >= len(block)) & (band == stratum)
        keys = np.where(open_to & ~used, rng.random((n, n_authorities)), -1.0)
        host = keys.argmax(axis=1)
        used[np.arange(n), host] = True
        chance = np.where(authority[None, :] == host[:, None], pick, -1.0)
        fillers[1:, block] = np.argsort(-chance, axis=1, kind="stable")[:, : len(block)]
    return fillers, distinct, False


def count_blocks(slots: Slots, strata: Places, authority: Places) -> int:
    """How many assignments of whole blocks there are.

    Raises
    ------
    EstimateError : no authority can hold a block.
    """
    members, home, capacity = _blocks(slots, strata, authority)
    return _count(slots, members, home, capacity)


def _blocks(
    slots: Slots, strata: Places, authority: Places
) -> tuple[list[Places], list[int], tuple[Places, Places]]:
    """Blocks from the largest down, their strata, and every authority's size and stratum."""
    size = np.bincount(authority)
    band = np.full(len(size), -1, dtype=np.int64)
    band[authority] = strata
    held = authority[slots.places]
    members = [np.flatnonzero(held == a) for a in np.unique(held)]
    members = sorted(members, key=lambda block: (-len(block), int(block[0])))
    home = [int(strata[slots.places[block[0]]]) for block in members]
    return members, home, (size, band)


def _count(
    slots: Slots, members: list[Places], home: list[int], capacity: tuple[Places, Places]
) -> int:
    """How many arrangements of blocks over authorities there are; alike blocks count once."""
    size, band = capacity
    distinct, taken = 1, dict.fromkeys(home, 0)
    alike = []
    for block, stratum in zip(members, home, strict=True):
        hosts = int(((size >= len(block)) & (band == stratum)).sum()) - taken[stratum]
        if hosts < 1:
            names = ", ".join(sorted({slots.names[s] for s in slots.slot_of[block]}))
            raise EstimateError(
                f"no authority of its stratum can hold the {len(block)} areas of {names}.",
                mend="use fewer strata, or block='area' and say that shared shocks are ignored",
            )
        distinct *= hosts
        taken[stratum] += 1
        alike.append((tuple(sorted(slots.starts[slots.slot_of[block]].tolist())), stratum))
    for key in set(alike):
        distinct //= math.factorial(alike.count(key))
    return distinct
