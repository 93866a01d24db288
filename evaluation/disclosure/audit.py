"""The attacker: how many values a protected count can still have, given everything printed.

He holds every edition, knows the method and not the key, and may be a submitter who knows counts of
his own. Printed figures are linear in counts: each says that a weighted sum of them lies between
two ends. What they leave to a count is two linear programmes, by HiGHS through scipy (Huangfu and
Hall 2018); with whole numbers, two integer ones.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]

Cell = str
TOLERANCE = 1e-7
"""Relative to its size, how far HiGHS may miss a bound: ends are moved in by it before rounding."""


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What one printed figure says: the sum of ``form`` lies between ``low`` and ``high``.

    address : where it stands, for whoever has to coarsen it.
    """

    address: str
    form: Mapping[Cell, float]
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is left of one count: from ``low`` to ``high``, and the figures that bind it."""

    cell: Cell
    low: int
    high: int
    binding: tuple[str, ...]

    @property
    def values(self) -> int:
        return self.high - self.low + 1


def attack(
    bounds: Mapping[Cell, tuple[float, float]],
    printed: Sequence[Printed],
    protected: Collection[Cell],
    *,
    known: Mapping[Cell, int] | None = None,
    whole: bool = False,
) -> list[Left]:
    """What is left of every protected count, fewest values first.

    Parameters
    ----------
    bounds : cell -> what it can be before anything is printed: from zero to its residents, say.
    printed : everything ever printed. known : an insider's own counts. whole : search whole numbers
        (exact, slow) and not the outer bounds of the linear programme.

    Raises
    ------
    DisclosureError : what is printed contradicts itself, so that it was made of other counts.
    """
    held = dict(bounds)
    for cell, count in (known or {}).items():
        held[cell] = (count, count)
    wanted = [cell for cell in protected if cell not in (known or {})]
    left: list[Left] = []
    for cells, rows in _components(held, printed, wanted):
        inside = [cell for cell in wanted if cell in cells]
        if not rows:
            left += [_left(cell, *held[cell], ()) for cell in inside]
        elif len(rows) == 1 and not whole:
            left += [_by_hand(cell, rows[0], held) for cell in inside]
        else:
            left += _by_programme(inside, sorted(cells), rows, held, whole)
    return sorted(left, key=lambda one: (one.values, one.cell))


def _components(
    bounds: Mapping[Cell, tuple[float, float]], printed: Sequence[Printed], wanted: Sequence[Cell]
) -> Iterator[tuple[set[Cell], list[Printed]]]:
    """Cells that are linked by what is printed, with the figures that link them."""
    of_cell: dict[Cell, list[int]] = defaultdict(list)
    for n, row in enumerate(printed):
        for cell in row.form:
            if cell not in bounds:
                raise DisclosureError(f"{row.address} hangs on {cell}, which has no bounds.")
            of_cell[cell].append(n)
    done: set[Cell] = set()
    for start in wanted:
        if start in done:
            continue
        cells, rows, waiting = {start}, set[int](), [start]
        while waiting:
            for n in of_cell[waiting.pop()]:
                if n not in rows:
                    rows.add(n)
                    new = set(printed[n].form) - cells
                    cells |= new
                    waiting += new
        done |= cells
        yield cells, [printed[n] for n in sorted(rows)]


def _by_hand(cell: Cell, row: Printed, bounds: Mapping[Cell, tuple[float, float]]) -> Left:
    """One figure alone: what the others can at most, and must at least, take of it."""
    if row.form[cell] == 0:
        return _left(cell, *bounds[cell], ())
    weight = row.form[cell]
    ends = [
        sorted((w * bounds[other][0], w * bounds[other][1]))
        for other, w in row.form.items()
        if other != cell
    ]
    ends_of = sorted(
        (
            (row.low - sum(high for _, high in ends)) / weight,
            (row.high - sum(low for low, _ in ends)) / weight,
        )
    )
    low, high = bounds[cell]
    binds = (row.address,) if ends_of[0] > low or ends_of[1] < high else ()
    return _left(cell, max(low, ends_of[0]), min(high, ends_of[1]), binds)


def _by_programme(
    wanted: Sequence[Cell],
    cells: Sequence[Cell],
    rows: Sequence[Printed],
    bounds: Mapping[Cell, tuple[float, float]],
    whole: bool,
) -> list[Left]:
    place = {cell: n for n, cell in enumerate(cells)}
    matrix, limits = _system(rows, place)
    box = np.array([bounds[cell] for cell in cells], dtype=float)
    found = []
    for cell in wanted:
        ends, binding = [], set[int]()
        for sign in (1.0, -1.0):
            cost = np.zeros(len(cells))
            cost[place[cell]] = sign
            found_at = solved(cost, matrix, limits, box, whole=whole)
            ends.append(sign * found_at.cost)
            binding |= found_at.tight
        addresses = tuple(rows[n].address for n in sorted(binding))
        found.append(_left(cell, ends[0], ends[1], addresses))
    return found


def _system(rows: Sequence[Printed], place: Mapping[Cell, int]) -> tuple[csr_array, Floats]:
    """What is printed as rows of a matrix over the cells, with the two ends of each."""
    from scipy.sparse import csr_array

    entries = [(n, place[c], w) for n, row in enumerate(rows) for c, w in row.form.items()]
    at_row, at_cell, weight = (np.array(part) for part in zip(*entries, strict=True))
    # Rows of one size: an estimate has weights of 1e-4 and a count those of one.
    size = np.array([max(abs(w) for w in row.form.values()) or 1.0 for row in rows])
    matrix = csr_array((weight / size[at_row], (at_row, at_cell)), shape=(len(rows), len(place)))
    limits = np.array([[row.low, row.high] for row in rows]) / size[:, None]
    return matrix, limits


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """The least cost, the point that has it, and the rows that hold it there."""

    cost: float
    point: Floats
    tight: frozenset[int]


def solved(
    cost: Floats, matrix: csr_array, limits: Floats, box: Floats, *, whole: bool = False
) -> Solved:
    """The point of least cost that agrees with all rows; HiGHS's only door.

    Parameters
    ----------
    matrix, limits : rows and the two ends of each. box : the two ends of each unknown. whole : in
        whole numbers.

    Raises
    ------
    DisclosureError : no point agrees with all of them.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        cost,
        constraints=LinearConstraint(matrix, limits[:, 0], limits[:, 1]),
        bounds=Bounds(box[:, 0], box[:, 1]),
        integrality=np.full(len(cost), int(whole)),
        # The presolve of whole numbers in HiGHS 1.8 (scipy 1.15) ends the process at some systems
        # of two rows, one of which is an equality with a half in it.
        options={"presolve": not whole},
    )
    if found.status != 0:
        raise DisclosureError(
            "what was printed contradicts itself: no counts could have given it.",
            mend="check that the register belongs to this programme and key",
        )
    at = matrix @ found.x
    tight = np.isclose(at[:, None], limits, rtol=TOLERANCE, atol=TOLERANCE).any(axis=1)
    return Solved(
        cost=float(found.fun), point=found.x, tight=frozenset(np.flatnonzero(tight).tolist())
    )


def holding(cost: Floats, matrix: csr_array, limits: Floats, box: Floats) -> dict[int, float]:
    """Rows that hold the least cost where it is -> how hard: what it moves by if they give way.

    Parameters
    ----------
    cost, matrix, limits, box : as in `solved`.
    """
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    above, below = (np.flatnonzero(np.isfinite(limits[:, end])) for end in (1, 0))
    both: Any = vstack([matrix[above], -matrix[below]], format="csr")
    found = linprog(
        cost,
        A_ub=both,
        b_ub=np.concatenate([limits[above, 1], -limits[below, 0]]).astype(float),
        bounds=[(low, high) for low, high in box.tolist()],
        method="highs",
    )
    if found.status != 0:
        return {}
    prices = np.abs(found.ineqlin.marginals)
    held: dict[int, float] = {}
    for row, price in zip([*above.tolist(), *below.tolist()], prices.tolist(), strict=True):
        if price > TOLERANCE:
            held[row] = max(held.get(row, 0.0), price)
    return held


def _left(cell: Cell, low: float, high: float, binding: tuple[str, ...]) -> Left:
    slack = TOLERANCE * max(1.0, abs(low), abs(high))
    return Left(
        cell=cell, low=math.ceil(low - slack), high=math.floor(high + slack), binding=binding
    )
