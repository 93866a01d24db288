"""The methods by which counts may be printed, each audited alike, for a controller to sign one.

Three are asked for: the secret offset of this framework; NHS England's of 2018 for hospital
statistics (1 to 7 hidden, all else to the nearest five); and ``10-5``, as the Office for National
Statistics and SAIL print from linked data (under ten hidden, all else to the nearest five). The
attack is the same for each: whoever holds every edition, knows the method and has been told every
revision tries all counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from evaluation.agreements import Method
from evaluation.disclosure.counts import Atom, history, possible
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import NHS_HIDDEN, ONS_HIDDEN, Policy
from evaluation.programme import Programme

MOST, EDITIONS, REVISION = 60, 8, 6
"""Counts tried, editions of each, and the largest known revision."""
DRAWS = 8
METHODS: tuple[Method, ...] = get_args(Method)
Prints = Callable[[int], int | None]


@dataclass(frozen=True, kw_only=True)
class Audited:
    """What a method leaves to a count in eight editions whose revisions are all known.

    fewest : values. exact, under_k : share of counts that are known exactly, or to fewer than k.
    """

    method: Method
    says: str
    fewest: int
    exact: float
    under_k: float

    @property
    def holds(self) -> bool:
        """Whether no count was left with fewer values than are promised."""
        return self.under_k == 0.0

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure methods --json`` prints it."""
        return asdict(self) | {"holds": self.holds}


SAYS: dict[Method, str] = {
    "secret_offset": "counts to a multiple of five by an offset that only the key knows and that "
    "never changes; shown from 15, and what was hidden once stays hidden",
    "nhs_2018": "1 to 7 hidden, zero shown, all else to the nearest five",
    "ons_10_5": "under ten hidden, all else to the nearest five",
}


def nearest_five(count: int) -> int:
    """To the nearest multiple of five."""
    return 5 * ((count + 2) // 5)


def nhs_2018(count: int) -> int | None:
    """NHS England, hospital statistics, 2018: 1 to 7 hidden; zero is shown."""
    return None if 1 <= count <= NHS_HIDDEN else nearest_five(count)


def ons_10_5(count: int) -> int | None:
    """Under ten hidden, all else to the nearest five."""
    return None if count <= ONS_HIDDEN else nearest_five(count)


def audited(method: Method, *, k: int = 5, seed: int = 1) -> Audited:
    """A method under the attack: counts from 1 to ``MOST``, each with drawn histories."""
    draw = random.Random(seed)
    left = [
        _left(method, revised, draw)
        for count in range(1, MOST + 1)
        for revised in (_revised(count, draw) for _ in range(DRAWS))
    ]
    return Audited(
        method=method,
        says=SAYS[method],
        fewest=min(left),
        exact=round(sum(one == 1 for one in left) / len(left), 3),
        under_k=round(sum(one < k for one in left) / len(left), 3),
    )


def _revised(count: int, draw: random.Random) -> list[int]:
    """A count in every edition, as late figures and corrections change it."""
    found = [count]
    for _ in range(EDITIONS - 1):
        # Not to within four of zero: there zero itself says more, whatever the method.
        found.append(max(5, found[-1] + draw.randint(-REVISION, REVISION)))
    return found


def _left(method: Method, counts: Sequence[int], draw: random.Random) -> int:
    told = [count - counts[0] for count in counts]
    if method == "secret_offset":
        policy = Policy()
        atom = Atom(programme="p", series="y", areas=("a",), first=0, last=2)
        shown = history(counts, atom, Key(secret=draw.randbytes(32)), policy)
        return len(possible([one.printed for one in shown], told, policy))
    prints: Prints = nhs_2018 if method == "nhs_2018" else ons_10_5
    seen = [prints(count) for count in counts]
    tried = range(max(0, -min(told)), MOST + EDITIONS * REVISION + 1)
    return sum(
        all(prints(count + move) == one for move, one in zip(told, seen, strict=True))
        for count in tried
    )


def note(programme: Programme, method: Method) -> str:
    """One page for a controller to sign: the method, what it leaves, and to what it is agreed."""
    found = audited(method)
    rows = [
        f"Agreement on how counts of {programme.title} are printed",
        "",
        f"Method: {method}. Printed are {found.says}.",
        "",
        f"Audit: {MOST} counts in {EDITIONS} editions, every revision known to the attacker, who "
        "knows the method and not the key.",
        f"  fewest values left to a count: {found.fewest}",
        f"  counts known exactly: {100 * found.exact:.0f} %",
        f"  counts left fewer than 5 values: {100 * found.under_k:.0f} %",
        "",
        "threshold means fewer than: a threshold of 8 hides 1 to 7, as NHS England writes it.",
        "" if found.holds else "This method does not keep five values possible in every edition.",
        "",
        "Controller: ____________________   Signed: ____________________   On: ______________",
        "Ends on: ______________   Small counts may be sent: yes / no",
    ]
    return "\n".join(rows) + "\n"
