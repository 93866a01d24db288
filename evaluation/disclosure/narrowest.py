"""Which of many counts are left with the fewest values, without bounding each of them.

Two linear programmes a count would take hours for the outcomes of a programme. But every point that
agrees with what is printed shows values that a count can still have, and one programme with an aim
for all counts at once moves most of them to their ends. What such points leave doubtful is bounded
alone, the most doubtful first, until no other count can be among the worst (bound filtering, after
Gleixner, Berthold, Mueller and Weltge 2017, Journal of Global Optimization 67).

Where estimates hang on logarithms of counts, a count and its logarithm are two unknowns, held
together by tangents above and a chord below; both are drawn anew as the bounds of a count close in.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.disclosure.audit import TOLERANCE, Cell, Left, Printed, holding, solved

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]

SWEEPS = 12
"""Programmes with an aim for all counts at once; of each direction one."""
ROUNDS = 4
"""Times that logarithms are drawn anew around the counts with the fewest values."""
TANGENTS = 5


@dataclass(frozen=True, kw_only=True)
class Logarithm:
    """``name`` is the logarithm of a count over what it is in truth; both are deviations.

    cell : the count's own unknown, its distance from ``true``, which is above zero.
    """

    name: Cell
    cell: Cell
    true: float


@dataclass(frozen=True, kw_only=True)
class System:
    """Everything that an attacker knows, as distances from what is true.

    bounds : unknown -> its ends before anything is printed. printed : what was. targets : what is
    protected -> the sum of unknowns that it is. true : target -> its true value, which turns
    distances back into counts.
    """

    bounds: Mapping[Cell, tuple[float, float]]
    printed: Sequence[Printed]
    targets: Mapping[Cell, Mapping[Cell, float]]
    true: Mapping[Cell, float]
    logarithms: Sequence[Logarithm] = field(default=())


def narrowest(system: System, *, most: int, seed: int = 1) -> list[Left]:
    """The ``most`` targets with the fewest values, exactly, fewest first.

    Raises
    ------
    DisclosureError : what is printed contradicts itself, so that it was made of other counts.
    """
    if not system.targets:
        return []
    bounds = dict(system.bounds)
    found: list[Left] = []
    for _ in range(ROUNDS if system.logarithms else 1):
        search = _Search(system, bounds)
        before, found = found, search.worst(most, seed)
        moved = _closer(system, bounds, found)
        if not moved or [one.values for one in before] == [one.values for one in found]:
            break
    # By the bounds of before: what was found of a count would else seem to hold itself.
    search = _Search(system, system.bounds)
    return [search.binding(one) for one in found]


def _closer(system: System, bounds: dict[Cell, tuple[float, float]], found: list[Left]) -> bool:
    """Take what was found of single counts into their bounds; whether any moved."""
    moved = False
    of_logarithm = {one.cell for one in system.logarithms}
    for one in found:
        form, true = system.targets[one.cell], system.true[one.cell]
        if len(form) != 1:
            continue
        (cell,) = form
        if cell not in of_logarithm:
            continue
        low, high = bounds[cell]
        near = (max(low, one.low - true), min(high, one.high - true))
        if near[0] > low + 0.5 or near[1] < high - 0.5:
            bounds[cell], moved = near, True
    return moved


class _Search:
    """One system made ready for many programmes."""

    def __init__(self, system: System, bounds: Mapping[Cell, tuple[float, float]]) -> None:
        self.system = system
        self.names = list(bounds)
        self.place = {name: n for n, name in enumerate(self.names)}
        self.box = np.array([bounds[name] for name in self.names], dtype=float)
        self.rows = [*system.printed, *_envelopes(system.logarithms, bounds)]
        self.matrix, self.limits = self._as_matrix(
            [row.form for row in self.rows], [(row.low, row.high) for row in self.rows]
        )
        self.targets = list(system.targets)
        self.aims, _ = self._as_matrix([system.targets[t] for t in self.targets], ())
        self.true = np.array([system.true[t] for t in self.targets])
        self.low, self.high = self.true.copy(), self.true.copy()

    def _as_matrix(
        self, forms: Sequence[Mapping[Cell, float]], ends: Sequence[tuple[float, float]]
    ) -> tuple[csr_array, Floats]:
        from scipy.sparse import csr_array

        sizes = [max((abs(w) for w in form.values()), default=1.0) or 1.0 for form in forms]
        entries = [
            (n, self.place[c], w / (sizes[n] if len(ends) else 1.0))
            for n, form in enumerate(forms)
            for c, w in form.items()
        ]
        at_row, at_cell, weight = zip(*entries, strict=True) if entries else ((), (), ())
        matrix = csr_array((weight, (at_row, at_cell)), shape=(len(forms), len(self.names)))
        limits = np.array(ends, dtype=float).reshape(-1, 2)
        if len(ends):
            limits = limits / np.array(sizes)[:, None]
        return matrix, limits

    def worst(self, most: int, seed: int) -> list[Left]:
        """The targets with the fewest values."""
        self._sweep(seed)
        exact: dict[int, Left] = {}
        while len(exact) < len(self.targets):
            values = self._shown()
            waiting = [n for n in range(len(self.targets)) if n not in exact]
            first = min(waiting, key=lambda n: (values[n], self.targets[n]))
            settled = sorted(one.values for one in exact.values())[:most]
            if len(settled) == most and settled[-1] <= values[first]:
                break
            exact[first] = self._bounded(first)
        ranked = sorted(exact.values(), key=lambda one: (one.values, one.cell))
        return ranked[:most]

    def _sweep(self, seed: int) -> None:
        """Points that agree with what is printed, at the ends of many counts at once."""
        draw = random.Random(seed)
        for _ in range(SWEEPS):
            signs = np.array([draw.choice((-1.0, 1.0)) for _ in self.targets])
            self._solve(self.aims.T @ signs)

    def _shown(self) -> NDArray[np.int64]:
        """How many values of each target were met so far, between its ends."""
        slack = TOLERANCE * np.maximum(1.0, np.abs(self.true))
        ends = np.floor(self.high + slack) - np.ceil(self.low - slack)
        shown: NDArray[np.int64] = ends.astype(np.int64) + 1
        return shown

    def _bounded(self, n: int) -> Left:
        aim = self.aims[[n]].toarray().ravel()
        ends = [self.true[n] + sign * self._solve(sign * aim) for sign in (1.0, -1.0)]
        slack = TOLERANCE * max(1.0, abs(ends[0]), abs(ends[1]))
        return Left(
            cell=self.targets[n],
            low=math.ceil(ends[0] - slack),
            high=math.floor(ends[1] + slack),
            binding=(),
        )

    def binding(self, one: Left) -> Left:
        """What was found, with the printed figures that hold it, hardest first."""
        aim = self.aims[[self.targets.index(one.cell)]].toarray().ravel()
        prices: dict[str, float] = {}
        for sign in (1.0, -1.0):
            held = holding(sign * aim, self.matrix, self.limits, self.box)
            for row, price in held.items():
                address = self.rows[row].address
                if address:
                    prices[address] = max(prices.get(address, 0.0), price)
        return replace(one, binding=tuple(sorted(prices, key=lambda a: (-prices[a], a))))

    def _solve(self, cost: Floats) -> float:
        """The least cost; the point that has it is remembered."""
        found = solved(cost, self.matrix, self.limits, self.box)
        met = self.true + self.aims @ found.point
        self.low, self.high = np.minimum(self.low, met), np.maximum(self.high, met)
        return found.cost


def _envelopes(
    logarithms: Sequence[Logarithm], bounds: Mapping[Cell, tuple[float, float]]
) -> list[Printed]:
    """Tangents above and a chord below each logarithm; nobody printed them."""
    found = []
    for one in logarithms:
        least, largest = (one.true + end for end in bounds[one.cell])
        least, largest = max(least, 1.0), max(largest, 1.0)
        points = {
            *np.geomspace(least, largest, TANGENTS).tolist(),
            min(max(one.true, least), largest),
        }
        for point in points:
            slope = 1.0 / point
            above = math.log(point / one.true) + slope * (one.true - point)
            found.append(_beside(one, slope, -math.inf, above))
        if largest > least:
            slope = math.log(largest / least) / (largest - least)
            below = math.log(least / one.true) + slope * (one.true - least)
            found.append(_beside(one, slope, below, math.inf))
    return found


def _beside(one: Logarithm, slope: float, low: float, high: float) -> Printed:
    return Printed(address="", form={one.name: 1.0, one.cell: -slope}, low=low, high=high)
