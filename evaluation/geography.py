"""Area codes of one vintage brought to another: one table of shares, and what it does to counts.

Statistical areas are redrawn after each census: of the 34,753 LSOAs of 2011 in England and Wales,
33,647 are unchanged in 2021, 861 are split into 1,900, 239 are merged and 6 are changed in a way
that only their union survives (ONS exact-fit lookup). The whole model is a table of shares: how
much of a count under the old code belongs to the new one. Shares of an old code sum to one, so no
total changes. Counts are converted, never rates: a rate has no share.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from evaluation.declared import Frozen
from evaluation.errors import GeographyError

Kind = Literal["unchanged", "split", "merged", "complex"]
Lineage = Literal["exact", "summed", "apportioned"]
MOST_APPORTIONED = 0.1
"""The share of a pilot area's figures above which a protocol refuses them as apportioned."""
# Shares come from populations by division: their sum is one but for the last digits.
_ONE = 1e-9
# So many codes are named in a sentence.
_NAMED = 4
_MARKS: Mapping[str, Kind] = {"U": "unchanged", "S": "split", "M": "merged", "X": "complex"}


class CodeShare(Frozen):
    """How much of a count under one code belongs to another.

    Parameters
    ----------
    year : of the population that the share rests on; None where it rests on none. people : that
        move with it, where known. kind : of the change of the code: ``complex`` where only the
        union of several survives, and the count of the union is apportioned by population.
    """

    from_code: str
    to_code: str
    vintage_from: str
    vintage_to: str
    year: int | None = None
    share: float = Field(ge=0, le=1)
    kind: Kind
    people: float | None = Field(default=None, ge=0)


class Change(NamedTuple):
    """A row of an exact-fit lookup: an old code, a new one, and ONS's mark where it gives one."""

    from_code: str
    to_code: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Span:
    """From which vintage to which, and in which year the population was counted."""

    vintage_from: str
    vintage_to: str
    year: int | None = None


class Converted(NamedTuple):
    """A figure under a new code.

    figure : None where a part of it is missing. lineage : how it came about. apportioned : the
    share of it that was apportioned, 0 to 1. parts : the old codes that it is made of.
    """

    figure: float | None
    lineage: Lineage
    apportioned: float
    parts: tuple[str, ...]


class Part(NamedTuple):
    """What a new area takes of an old code."""

    code: str
    share: float


def shares_of(
    changes: Sequence[Change], population: Mapping[str, float], span: Span
) -> tuple[CodeShare, ...]:
    """The table of shares of an exact-fit lookup.

    A split code is shared out by the population of its parts, so that without further knowledge all
    children have their parent's rate. A complex change is mapped at the union: whatever is counted
    in it is shared out by the population of all new areas of the union.

    Parameters
    ----------
    population : of the new areas that are parts of a split or a complex change, in ``span.year``.
        Take the same year as the denominator: shares frozen in one year under denominators of
        another made rates jump by factors of 0.5 to 1.7.

    Raises
    ------
    GeographyError : a row twice, a mark that contradicts the rows, or a population that is missing
        or zero where it is needed.
    """
    _refuse_twice(changes)
    table = []
    for family in _families(changes):
        olds = sorted({one.from_code for one in family})
        news = sorted({one.to_code for one in family})
        kind = _kind(olds, news)
        _compare_marks(family, kind)
        shares = _family_shares(news, population, kind)
        for old in olds:
            for new in news if kind == "complex" else sorted(_targets(family, old)):
                people = population.get(new)
                table.append(
                    CodeShare(
                        from_code=old,
                        to_code=new,
                        vintage_from=span.vintage_from,
                        vintage_to=span.vintage_to,
                        year=span.year,
                        share=shares[new],
                        kind=kind,
                        # Of a union, each old code brings as much as any other, for want of better.
                        people=None if people is None else people / len(olds),
                    )
                )
    return tuple(table)


def _refuse_twice(changes: Sequence[Change]) -> None:
    seen: set[tuple[str, str]] = set()
    for one in changes:
        if (one.from_code, one.to_code) in seen:
            raise GeographyError(
                f"the lookup has {one.from_code} to {one.to_code} twice.",
                mend="fetch it anew: a page came twice",
            )
        seen.add((one.from_code, one.to_code))


def _families(changes: Iterable[Change]) -> list[list[Change]]:
    """Rows that hang together through an old or a new code, in order of the first old code."""
    by_old: dict[str, list[Change]] = defaultdict(list)
    by_new: dict[str, list[Change]] = defaultdict(list)
    for one in changes:
        by_old[one.from_code].append(one)
        by_new[one.to_code].append(one)
    families: list[list[Change]] = []
    seen: set[str] = set()
    for start in sorted(by_old):
        if start in seen:
            continue
        family: dict[Change, None] = {}
        waiting = [start]
        while waiting:
            old = waiting.pop()
            if old in seen:
                continue
            seen.add(old)
            for row in by_old[old]:
                family[row] = None
                waiting += [other.from_code for other in by_new[row.to_code]]
        families.append(list(family))
    return families


def _kind(olds: Sequence[str], news: Sequence[str]) -> Kind:
    if len(olds) == 1:
        return "unchanged" if len(news) == 1 else "split"
    return "merged" if len(news) == 1 else "complex"


def _compare_marks(family: Sequence[Change], kind: Kind) -> None:
    """The rows say by themselves what kind of change it is; a mark that differs is a fault.

    A family that ONS marks as complex may look simpler: its boundaries moved, so its rows do not
    tell.
    """
    for one in family:
        marked = _MARKS.get(one.mark.strip().upper()) if one.mark else kind
        if marked is None:
            raise GeographyError(
                f"the lookup marks {one.from_code} as {one.mark!r}.", expected=", ".join(_MARKS)
            )
        if marked not in (kind, "complex"):
            raise GeographyError(
                f"the lookup marks {one.from_code} as {marked}, and its rows make it {kind}.",
                mend="fetch it anew: rows are missing or came twice",
            )


def _family_shares(
    news: Sequence[str], population: Mapping[str, float], kind: Kind
) -> dict[str, float]:
    if kind in ("unchanged", "merged"):
        return dict.fromkeys(news, 1.0)
    if lacking := [code for code in news if code not in population]:
        raise GeographyError(
            f"{lacking[0]} is part of a {kind} change and has no population to be shared by "
            f"({len(lacking)} of {len(news)} parts lack it).",
            mend="give the population of all new areas, in the year of the denominator",
        )
    whole = math.fsum(population[code] for code in news)
    if not math.isfinite(whole) or whole <= 0 or min(population[code] for code in news) < 0:
        raise GeographyError(
            f"nobody lives in {', '.join(news)}, so nothing can be shared out among them.",
            mend="take the population of another year",
        )
    return {code: population[code] / whole for code in news}


def _targets(family: Iterable[Change], old: str) -> set[str]:
    return {one.to_code for one in family if one.from_code == old}


@dataclass(frozen=True, kw_only=True)
class Crosswalk:
    """From old codes to areas: what each area is made of.

    parts : area -> what it takes of which old codes.
    """

    parts: Mapping[str, tuple[Part, ...]]

    @classmethod
    def of(cls, shares: Iterable[CodeShare]) -> Crosswalk:
        """The way that a table of shares describes; of one vintage and one year.

        Raises
        ------
        GeographyError : several vintages or years, or shares of a code that do not sum to one.
        """
        rows = list(shares)
        spans = {(one.vintage_from, one.vintage_to, one.year) for one in rows}
        if len(spans) > 1:
            raise GeographyError(
                f"the shares are of {len(spans)} vintages or years.",
                expected="one: take those of one year (shares_in)",
            )
        parts: dict[str, list[Part]] = defaultdict(list)
        totals: dict[str, list[float]] = defaultdict(list)
        for one in rows:
            parts[one.to_code].append(Part(one.from_code, one.share))
            totals[one.from_code].append(one.share)
        for code, given in totals.items():
            if abs(math.fsum(given) - 1) > _ONE:
                raise GeographyError(
                    f"the shares of {code} sum to {math.fsum(given):.6g}.",
                    expected="1, or a part of what is counted would be lost or counted twice",
                )
        return cls(parts={area: tuple(held) for area, held in sorted(parts.items())})

    @classmethod
    def identity(cls, codes: Iterable[str]) -> Crosswalk:
        """Every code is its own area."""
        return cls(parts={code: (Part(code, 1.0),) for code in codes})

    def into(self, members: Mapping[str, Sequence[str]]) -> Crosswalk:
        """The way on into larger areas, each made of several new codes.

        Where all parts of a split lie in one area the split vanishes: its shares sum to one there,
        and what is counted in it is exact again.
        """
        gathered = {}
        for area, codes in members.items():
            taken: dict[str, list[float]] = defaultdict(list)
            for code in codes:
                for part in self.parts.get(code, ()):
                    taken[part.code].append(part.share)
            sums = {code: math.fsum(shares) for code, shares in taken.items()}
            gathered[area] = tuple(
                Part(code, 1.0 if abs(share - 1) <= _ONE else share)
                for code, share in sorted(sums.items())
            )
        return Crosswalk(parts=gathered)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Every old code that any area takes something of, in order."""
        return tuple(sorted({part.code for held in self.parts.values() for part in held}))

    def convert(self, counts: Mapping[str, float | None]) -> dict[str, Converted]:
        """Counts under old codes as counts of the areas; a part that is missing makes it missing.

        Raises
        ------
        GeographyError : a count that is no number.
        """
        return {area: _converted(parts, counts) for area, parts in self.parts.items()}


def _converted(parts: Sequence[Part], counts: Mapping[str, float | None]) -> Converted:
    if len(parts) == 1 and parts[0].share == 1:
        # Nearly all areas of a nation: nothing to be summed.
        only = parts[0].code
        return Converted(_finite(only, counts.get(only)), "exact", 0.0, (only,))
    taken: list[float] = []
    apportioned: list[float] = []
    missing = not parts
    for part in parts:
        count = _finite(part.code, counts.get(part.code))
        if count is None:
            missing = True
            continue
        taken.append(count * part.share)
        if part.share < 1:
            apportioned.append(count * part.share)
    figure = math.fsum(taken)
    cut = any(part.share < 1 for part in parts)
    lineage: Lineage = "apportioned" if cut else "summed" if len(parts) > 1 else "exact"
    share = math.fsum(apportioned) / figure if figure else float(cut)
    codes = tuple(part.code for part in parts)
    return Converted(None if missing else figure, lineage, share, codes)


def _finite(code: str, count: float | None) -> float | None:
    if count is not None and not math.isfinite(count):
        raise GeographyError(f"the count of {code} is {count}, which is no count.")
    return count


def shares_in(shares: Sequence[CodeShare], year: int) -> tuple[CodeShare, ...]:
    """The shares of one year; those that rest on no year serve in every one.

    Raises
    ------
    GeographyError : there are none of that year.
    """
    found = tuple(one for one in shares if one.year in (year, None))
    if not found or {one.from_code for one in found} != {one.from_code for one in shares}:
        years = sorted({one.year for one in shares if one.year is not None})
        raise GeographyError(
            f"there are no shares by the population of {year}.",
            expected=", ".join(map(str, years)) or "a table of shares",
            mend="share by the year of the denominator, or take the denominator of a year here",
        )
    return found


def blocks(shares: Iterable[CodeShare]) -> dict[str, str]:
    """New code -> its block: areas whose figures were shared out of the same old ones.

    They have one rate by construction and are one unit wherever areas are re-assigned; counted as
    several they would pretend to more evidence than there is.
    """
    rows = [one for one in shares if one.kind in ("split", "complex")]
    found: dict[str, str] = {}
    for family in _families([Change(one.from_code, one.to_code) for one in rows]):
        name = "+".join(sorted({one.from_code for one in family}))
        found |= dict.fromkeys(sorted({one.to_code for one in family}), name)
    return found


def apportioned_people(shares: Iterable[CodeShare]) -> dict[str, float]:
    """New code -> the share of its people, 0 to 1, that come out of codes cut in parts.

    Where nobody's number is known, old codes count alike.
    """
    cut: dict[str, float] = defaultdict(float)
    whole: dict[str, float] = defaultdict(float)
    for one in shares:
        weight = one.share if one.people is None else one.people
        whole[one.to_code] += weight
        cut[one.to_code] += weight if one.share < 1 else 0.0
    return {code: cut[code] / total if total else 0.0 for code, total in whole.items()}


def explained(own: Sequence[CodeShare]) -> str:
    """What became of one old code, as an officer reads it.

    Parameters
    ----------
    own : all shares of that code, one at least.
    """
    first = own[0]
    # A table may hold the shares of several years.
    codes = list(dict.fromkeys(one.to_code for one in own))
    new = ", ".join(codes[:_NAMED]) + (" and others" if codes[_NAMED:] else "")
    when = f"{first.from_code} is a code of {first.vintage_from}; in {first.vintage_to} it"
    if first.kind == "unchanged":
        return f"{when} is unchanged." if first.to_code == first.from_code else f"{when} is {new}."
    return f"{when} is part of {new}." if first.kind == "merged" else f"{when} is split into {new}."


def explained_later(own: Sequence[CodeShare]) -> str:
    """What one code of a later vintage was made of, as an officer reads it.

    Parameters
    ----------
    own : all shares that went into that code, one at least.
    """
    first = own[0]
    codes = list(dict.fromkeys(one.from_code for one in own))
    old = ", ".join(codes[:_NAMED]) + (" and others" if codes[_NAMED:] else "")
    part = "part of " if any(one.share < 1 for one in own) else ""
    return (
        f"{first.to_code} is a code of {first.vintage_to}; in {first.vintage_from}, by which this "
        f"programme counts, it is {part}{old}."
    )


COLUMNS = tuple(CodeShare.model_fields)


def write_shares(path: Path, shares: Iterable[CodeShare]) -> None:
    """Write a table of shares as CSV, with every digit."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in shares:
            writer.writerow(["" if v is None else v for v in one.model_dump().values()])
