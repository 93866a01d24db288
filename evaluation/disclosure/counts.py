"""Counts as they are printed: rounded by a secret offset that is fixed for ever.

R(N) = b floor((N + s) / b), with s from 0 to b - 1 drawn once by the programme's key. It depends on
the data through N + s alone, so that for any history of revisions, however well known, the pairs
(N, s) and (N + j, s - j) print the same: b counts stay possible. It is unbiased over keys, prints
an unrevised count alike in every edition, and moves by whole steps.

Only *atoms* have an offset: one count of the same people in the same time, whatever it is called.
Whatever lies above an atom is a sum of printed atoms, and is hidden where a part of it is: two
sites and their total, each with an offset of its own, would leave three possible counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.errors import DisclosureError
from evaluation.quarters import Period


@dataclass(frozen=True, kw_only=True)
class Atom:
    """The people and the time of one underlying count.

    series : what is counted; outcomes that count the same people have one. areas : codes, sorted.
    first, last : the time, as months counted from year 0: never a period's label, so that a quarter
    and its three months are seen to be the same time.
    """

    programme: str
    series: str
    areas: tuple[str, ...]
    first: int
    last: int

    @classmethod
    def of(cls, programme: str, series: str, areas: Iterable[str], period: Period) -> Atom:
        """The count of some areas in a period."""
        first, last = months_of(period)
        return cls(
            programme=programme,
            series=series,
            areas=tuple(sorted(set(areas))),
            first=first,
            last=last,
        )

    @property
    def content(self) -> list[object]:
        """What its offset hangs on."""
        return ["atom", self.programme, self.series, list(self.areas), self.first, self.last]

    def overlaps(self, other: Atom) -> bool:
        """Whether the two share people and time without being one count."""
        return (
            self != other
            and (self.programme, self.series) == (other.programme, other.series)
            and self.first <= other.last
            and other.first <= self.last
            and not set(self.areas).isdisjoint(other.areas)
        )


def months_of(period: Period) -> tuple[int, int]:
    """First and last month of a period, counted from year 0."""
    if period.frequency == "A":
        return 12 * period.year, 12 * period.year + 11
    if period.frequency == "M":
        return period.ordinal, period.ordinal
    first = 3 * period.ordinal
    return first, first + 2


@dataclass(frozen=True, kw_only=True)
class Count:
    """A count as printed.

    printed : a multiple of the base, or None where it is hidden. low, high : what it stands for,
    which whoever knows the method and not the key can say too; no high end where it is hidden
    because an earlier edition hid it. atoms : how many atoms it sums. areas : how many areas are in
    it.
    """

    printed: int | None
    low: int
    high: int | None
    atoms: int
    areas: int

    @property
    def hidden(self) -> bool:
        return self.printed is None


def offset(key: Key, atom: Atom, base: int) -> int:
    """The atom's secret offset, from 0 to ``base`` - 1."""
    return key.draw(atom.content, base)


def cell_of(key: Key, atom: Atom) -> str:
    """What names an atom, under the key: one of other people or another time has another name."""
    return f"{key.draw(['cell', *atom.content], 2**48):012x}"


def rounded(count: int, atom: Atom, key: Key, policy: Policy) -> Count:
    """The count of an atom as it is printed.

    Whether it is hidden hangs on the rounded count and never on the true one: a rule on the true
    count beside a secret offset tells which side of the rule it lies on, edition by edition.

    Raises
    ------
    DisclosureError : the count is below zero.
    """
    if count < 0:
        raise DisclosureError(f"{count} is no count.", expected="a whole number from 0 on")
    base = policy.base
    shown = base * ((count + offset(key, atom, base)) // base)
    areas = len(atom.areas)
    if shown < policy.shown_from:
        # R < f leaves N + s <= f - 1, and s may be zero.
        return Count(printed=None, low=0, high=policy.shown_from - 1, atoms=1, areas=areas)
    return Count(
        printed=shown, low=max(shown - base + 1, 0), high=shown + base - 1, atoms=1, areas=areas
    )


def history(counts: Sequence[int], atom: Atom, key: Key, policy: Policy) -> list[Count]:
    """The count of an atom in every edition, oldest first, as each prints it.

    What was hidden once stays hidden. A count that is first reported low and grows, as late figures
    do, would else be shown from some edition on: whoever is told the revisions then knows that the
    first count was no less than zero, and so what the later one can hardly be.
    """
    found: list[Count] = []
    for count in counts:
        if found and found[-1].hidden:
            found.append(Count(printed=None, low=0, high=None, atoms=1, areas=len(atom.areas)))
        else:
            found.append(rounded(count, atom, key, policy))
    return found


def total(parts: Sequence[Count]) -> Count:
    """The sum of printed counts of different people or times; hidden where a part is.

    Raises
    ------
    DisclosureError : there are no parts.
    """
    if not parts:
        raise DisclosureError("a total of no counts cannot be printed.")
    shown = [part.printed for part in parts if part.printed is not None]
    ends = [part.high for part in parts if part.high is not None]
    return Count(
        printed=sum(shown) if len(shown) == len(parts) else None,
        low=sum(part.low for part in parts),
        high=sum(ends) if len(ends) == len(parts) else None,
        atoms=sum(part.atoms for part in parts),
        areas=max(part.areas for part in parts),
    )


def among(count: Count, people: float | None, policy: Policy) -> Count:
    """A count among so many people, hidden where nearly all of them are in it.

    By the same rule as a low count, and by what is shown: whoever is not counted is a few.
    """
    if count.printed is None or people is None:
        return count
    # What is clearly above it, visits over households say, is no part of it.
    if not -policy.base < people - count.printed < policy.shown_from:
        return count
    return Count(printed=None, low=0, high=None, atoms=count.atoms, areas=count.areas)


def possible(
    prints: Sequence[int | None], revisions: Sequence[int], policy: Policy, most: int | None = None
) -> tuple[int, ...]:
    """Every first count that an attacker cannot rule out.

    He knows the method and not the key, holds what was printed of one atom in every edition, and
    has been told every revision.

    Where no known revision takes the count within four of zero, as many as the base stay possible
    whatever the revisions; where one does, that a count is no less than zero says more, and nothing
    that is printed afterwards can take it back. So it is asked and not assumed.

    Parameters
    ----------
    prints : as `history` prints them; None where hidden. revisions : the true count of each edition
        less that of the first. most : no count can be larger, for instance the residents.
    """
    base, limit = policy.base, policy.shown_from
    seen = prints.index(None) + 1 if None in prints else len(prints)
    # Editions after the first that hid it print nothing, whatever the count: they tell nothing but
    # that their count is no less than zero.
    said = list(zip(prints[:seen], revisions[:seen], strict=True))
    tops = [(limit if shown is None else shown + base) - r for shown, r in said]
    top = min(tops) if most is None else min(*tops, most)
    least = max((shown - base + 1 - r for shown, r in said if shown is not None), default=0)
    return tuple(
        count
        for count in range(max(0, least, -min(revisions)), max(0, top) + 1)
        if any(
            all(_prints(count + r + secret, shown, base, limit) for shown, r in said)
            for secret in range(base)
        )
    )


def _prints(moved: int, shown: int | None, base: int, limit: int) -> bool:
    """Whether a count plus its offset is printed so."""
    value = base * (moved // base)
    return value < limit if shown is None else value == shown
