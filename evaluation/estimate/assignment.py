"""Assignments: which areas start when; the real one, and placebo ones that re-draw it.

Inference in this package is re-assignment (Fisher 1935; Rosenbaum 2002, ch. 2): the sites' start
periods ("slots") are re-drawn over comparable areas, and the real effect is judged against what
the same estimator finds under those placebo assignments. It is valid if, within a stratum, the
gaps of pilot and comparison areas are exchangeable, which no data can prove.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.errors import EstimateError
from evaluation.estimate.blocks import count_blocks, draw_blocks
from evaluation.estimate.slots import Slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.spread import Spread
    from evaluation.panel import Panel

Block = Literal["site", "authority", "area"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignments:
    """The real assignment (row 0) and placebo ones.

    Attributes
    ----------
    fillers : (B + 1, M) positions of the areas that fill the M places; row 0 is the real one.
    slots : the places and their slots.
    strata : (N) stratum number of every area of the panel.
    distinct : how many different assignments there are, the real one among them.
    enumerated : whether the rows are all of them, rather than a draw.
    block, reason : what moves together, and why.
    seed, asked, banded_by : the plan: seed, number asked for, bands of the strata.
    spread, deviation : where gaps are brought to scale (`scaled`): how they vary with population,
        and (N) the standard deviation of each area's.
    """

    fillers: NDArray[np.int64]
    slots: Slots
    strata: NDArray[np.int64]
    distinct: int
    enumerated: bool
    block: Block
    reason: str
    seed: int
    asked: int
    banded_by: tuple[str, ...]
    spread: Spread | None = None
    deviation: NDArray[np.float64] | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of which areas fill which places in every assignment."""
        return fingerprint.of_bytes(np.ascontiguousarray(self.fillers, dtype="<i8").tobytes())

    def redrawn(self, panel: Panel) -> Assignments:
        """The same plan drawn anew for a panel with other areas."""
        again = Assignments.draw(
            panel, n=self.asked, block=self.block, strata=self.banded_by, seed=self.seed
        )
        again = replace(again, reason=self.reason)
        return again if self.spread is None else again.scaled(self.spread, panel)

    def scaled(self, spread: Spread, panel: Panel) -> Assignments:
        """The same, with every placebo gap brought to the scale of the place that it takes.

        Raises
        ------
        EstimateError : an area has no population.
        """
        return replace(self, spread=spread, deviation=spread.of(panel))

    def known(self, panel: Panel) -> Assignments:
        """The same assignments for the sites that have started in an earlier state of the panel.

        Raises
        ------
        EstimateError : a site of the panel is none of these, or its areas or start differ.
        """
        slots = Slots.of(panel)
        columns = []
        for s, name in enumerate(slots.names):
            mine = (
                np.flatnonzero(self.slots.slot_of == self.slots.names.index(name))
                if (name in self.slots.names)
                else np.empty(0, dtype=np.int64)
            )
            held = slots.places[slots.slot_of == s]
            same_start = len(mine) and self.slots.starts[self.slots.slot_of[mine[0]]]
            if not np.array_equal(self.slots.places[mine], held) or same_start != slots.starts[s]:
                raise EstimateError(
                    f"{name} is another site, or has other areas, than in these assignments.",
                    mend="draw assignments for this panel",
                )
            columns.append(mine)
        fillers = self.fillers[:, np.concatenate(columns)]
        if self.block == "area":
            distinct = _count_areas(slots, self.strata, slots.starts[slots.slot_of])
        else:
            authority = pd.factorize(panel.areas["authority"], sort=True)[0]
            distinct = count_blocks(slots, self.strata, authority)
        return replace(self, fillers=fillers, slots=slots, distinct=distinct)

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that these assignments can give."""
        return max(1 / len(self.fillers), 1 / self.distinct)

    def __len__(self) -> int:
        return len(self.fillers)

    @classmethod
    def draw(
        cls,
        panel: Panel,
        *,
        n: int = 9_999,
        block: Block | None = None,
        strata: Sequence[str] = ("level", "population"),
        seed: int = 0,
    ) -> Assignments:
        """Draw (or, where there are no more than ``n``, enumerate) the assignments of a panel.

        Parameters
        ----------
        n : placebo assignments to draw.
        block : what moves together: ``area`` re-draws areas one by one; ``site`` and ``authority``
            move all started areas of an authority together into one, copying the real pattern. By
            default ``authority`` where started areas share an authority, else ``area``.
        strata : bands within which slots are re-drawn: ``level`` (thirds of the first outcome's
            mean before the first start), ``population`` (thirds), ``stratum`` (the panel's own
            column), or none. With blocks, bands are those of the authority's mean.
        seed : of NumPy's default generator.

        Raises
        ------
        EstimateError : a stratum holds too few areas or authorities to re-draw its slots.
        """
        slots = Slots.of(panel)
        chosen, reason = _choose_block(panel, slots) if block is None else (block, "as asked")
        rng = np.random.default_rng(seed)
        if chosen == "area":
            bands = _bands(panel, strata, slots, by=np.arange(len(panel.areas)))
            fillers, distinct, whole = _draw_areas(slots, bands, n, rng)
        else:
            authority = pd.factorize(panel.areas["authority"], sort=True)[0]
            bands = _bands(panel, strata, slots, by=authority)
            fillers, distinct, whole = draw_blocks(slots, bands, authority, n, rng)
        return cls(
            fillers=fillers,
            slots=slots,
            strata=bands,
            distinct=distinct,
            enumerated=whole,
            block=chosen,
            reason=reason,
            seed=seed,
            asked=n,
            banded_by=tuple(strata),
        )


def _choose_block(panel: Panel, slots: Slots) -> tuple[Block, str]:
    authority = panel.areas["authority"]
    if authority.isna().any():
        return "area", "the panel names no authorities, so areas are re-drawn one by one"
    held = authority.to_numpy()[slots.places]
    shared = len(set(held)) < len(held)
    if shared:
        return "authority", (
            "started areas share an authority and its shocks, so whole blocks move: re-drawn one "
            "by one they would look more alike than chance allows"
        )
    return "area", "every started area lies in an authority of its own"


def _bands(
    panel: Panel, strata: Sequence[str], slots: Slots, by: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Stratum number of each area; thirds are taken over the groups ``by`` (areas, authorities)."""
    keys = np.zeros(len(panel.areas), dtype=np.int64)
    for name in strata:
        if name == "stratum":
            keys = 1_000 * keys + pd.factorize(panel.areas["stratum"], sort=True)[0]
            continue
        if name == "level":
            before = panel.array(panel.outcomes[0])[:, : slots.starts.min()]
            measure = np.nanmean(before, axis=1)
        elif name == "population":
            measure = panel.areas["population"].to_numpy(dtype=float)
            if np.isnan(measure).any() and not np.isnan(measure).all():
                raise EstimateError(
                    f"{int(np.isnan(measure).sum())} areas have no population to band them by.",
                    mend="give every area a population, or leave 'population' out of the strata",
                )
        else:
            raise EstimateError(
                f"unknown stratum {name!r}.", expected="level, population or stratum"
            )
        if np.isnan(measure).all():
            continue
        grouped = pd.Series(measure).groupby(by).mean()
        rank = grouped.rank(method="first", pct=True).to_numpy()
        third = np.minimum((rank * 3 - 1e-9).astype(np.int64), 2)
        keys = 3 * keys + third[np.searchsorted(grouped.index.to_numpy(), by)]
    return np.unique(keys, return_inverse=True)[1]


def _draw_areas(
    slots: Slots, strata: NDArray[np.int64], n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int, bool]:
    by_start, by_site = slots.starts[slots.slot_of], slots.slot_of
    distinct = _count_areas(slots, strata, by_start)
    if _count_areas(slots, strata, by_site) <= n + 1:
        return _every_assignment(slots, strata, by_site), distinct, True
    if distinct <= n + 1:
        every = _every_assignment(slots, strata, by_start)
        # Which site of one start an area goes to is drawn, so that no site is dealt the first ones.
        for columns in _cells(slots, strata, by_start):
            every[1:, columns] = rng.permuted(every[1:, columns], axis=1)
        return every, distinct, True
    fillers = np.empty((n + 1, len(slots.places)), dtype=np.int64)
    fillers[0] = slots.places
    for stratum in np.unique(strata[slots.places]):
        columns = np.flatnonzero(strata[slots.places] == stratum)
        members = np.flatnonzero(strata == stratum)
        keys = rng.random((n, len(members)))
        fillers[1:, columns] = members[np.argsort(keys, axis=1)[:, : len(columns)]]
    return fillers, distinct, False


def _count_areas(slots: Slots, strata: NDArray[np.int64], alike: NDArray[np.int64]) -> int:
    """How many ways there are to fill the places area by area, those ``alike`` (M) as one.

    Raises
    ------
    EstimateError : a stratum has no area left to compare.
    """
    ways = 1
    for stratum in np.unique(strata[slots.places]):
        pool = int((strata == stratum).sum())
        m = int((strata[slots.places] == stratum).sum())
        if pool <= m:
            raise EstimateError(
                f"a stratum holds {pool} areas for {m} started ones: nothing is left to compare.",
                mend="use fewer strata",
            )
        ways *= math.perm(pool, m)
    for columns in _cells(slots, strata, alike):
        ways //= math.factorial(len(columns))
    return ways


def _cells(
    slots: Slots, strata: NDArray[np.int64], alike: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Places of one stratum that are alike, so that order does not matter among them."""
    keys = np.stack([strata[slots.places], alike], axis=1)
    return [np.flatnonzero((keys == key).all(axis=1)) for key in np.unique(keys, axis=0)]


def _every_assignment(
    slots: Slots, strata: NDArray[np.int64], alike: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Each assignment once, the real one first; order among places that are alike is none."""
    cells = _cells(slots, strata, alike)

    def fill(k: int, taken: frozenset[int], row: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        if k == len(cells):
            yield row.copy()
            return
        home = strata[slots.places[cells[k][0]]]
        pool = [i for i in np.flatnonzero(strata == home).tolist() if i not in taken]
        for chosen in itertools.combinations(pool, len(cells[k])):
            row[cells[k]] = chosen
            yield from fill(k + 1, taken | set(chosen), row)

    def identity(row: NDArray[np.int64]) -> list[frozenset[int]]:
        return [frozenset(row[columns].tolist()) for columns in cells]

    real = identity(slots.places)
    rows = fill(0, frozenset(), np.empty(len(slots.places), dtype=np.int64))
    others = [row for row in rows if identity(row) != real]
    return np.array([slots.places, *others], dtype=np.int64)
