"""What became of local authorities, by name and by code: `data_schemas/authority_codes.csv`.

Councils of England were merged in 2019, 2020, 2021 and 2023, and some codes changed without a
merger, as small pieces of land went to a neighbour. A source may have the old code until the day
and the new one after, may have its whole history by the new ones, or may keep the old. A figure of
a merged authority cannot be parted into those that it was made of; the other way it is a sum.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from evaluation.errors import WorkspaceError
from evaluation.workspace import packaged_schemas


class AuthorityChange(NamedTuple):
    """One authority that went into another, or got another code, on a day."""

    from_code: str
    from_name: str
    to_code: str
    to_name: str
    since: date


class Merged(NamedTuple):
    """An authority and what it went into, both by name or both by code."""

    name: str
    into: str


@cache
def authority_changes() -> tuple[AuthorityChange, ...]:
    """Every change that the package knows, in order of date."""
    path = packaged_schemas() / "authority_codes.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [
            AuthorityChange(
                row["from_code"],
                row["from_name"],
                row["to_code"],
                row["to_name"],
                date.fromisoformat(row["since"]),
            )
            for row in csv.DictReader(stream)
        ]
    return tuple(sorted(rows, key=lambda one: one.since))


@cache
def _after() -> dict[str, AuthorityChange]:
    return {one.from_code: one for one in authority_changes()}


@cache
def parts_of(code: str) -> tuple[str, ...]:
    """The codes that an authority's code was made of; none where it is as old as the register."""
    return tuple(one.from_code for one in authority_changes() if one.to_code == code)


def gone(code: str, day: date) -> AuthorityChange | None:
    """What became of a code until a day, if another authority has its land since."""
    change = _after().get(code)
    return change if change is not None and change.since <= day else None


def kin(code: str) -> tuple[str, ...]:
    """All other codes under which figures of an authority's land may come, old ones and later."""
    before: list[str] = []
    waiting = [code]
    while waiting:
        parts = parts_of(waiting.pop())
        before += parts
        waiting += parts
    later = []
    while (change := _after().get(code)) is not None:
        code = change.to_code
        later.append(code)
    return (*before, *later)


def stand_ins(code: str, held: Collection[str]) -> tuple[str, ...]:
    """The codes whose figures add up to an authority's among those that a source has.

    Returns
    -------
    The code itself where the source has it; else that of the same place under its other code, or
    all of those that it was made of; none where one of them is missing, or where the authority went
    into a larger one, whose figure cannot be parted.
    """
    if code in held:
        return (code,)
    renamed = _after().get(code)
    if renamed is not None and len(parts_of(renamed.to_code)) == 1 and renamed.to_code in held:
        return (renamed.to_code,)
    found: list[str] = []
    for part in parts_of(code):
        own = stand_ins(part, held)
        if not own:
            return ()
        found += own
    return tuple(found)


@cache
def _merged() -> tuple[Merged, ...]:
    named = [Merged(one.from_name, one.to_name) for one in authority_changes()]
    coded = [Merged(one.from_code, one.to_code) for one in authority_changes()]
    return tuple(one for one in (*named, *coded) if one.name != one.into)


@dataclass(frozen=True, kw_only=True)
class Mergers:
    """What authorities were called before and after, by the package and by a programme's register.

    Names are looked up, or codes where authorities are declared by these.
    """

    own: tuple[Merged, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Mergers:
        """Those of a register of events, if there is one.

        Whether the register is sound is said where it is asked for: only its mergers count here.
        """
        if not path.is_file():
            return cls()
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row.get("kind") == "authority merger"]
        found = [
            Merged(*((row.get(name) or "").strip() for name in ("authority", "into")))
            for row in rows
        ]
        return cls(own=tuple(one for one in found if all(one)))

    def now(self, name: str) -> tuple[str, ...]:
        """An authority's name and what it was called after each of its mergers, the last last."""
        found = [name]
        known = (*self.own, *_merged())
        while after := [
            one.into for one in known if one.name == found[-1] and one.into not in found
        ]:
            found.append(after[0])
        return tuple(found)

    def ever(self, name: str) -> tuple[str, ...]:
        """The same, and the names of the authorities that it was made of."""
        found = [name]
        known = (*self.own, *_merged())
        for one in found:
            found += [two.name for two in known if two.into == one and two.name not in found]
        return (*self.now(name), *found[1:])

    def refuse_unknown(
        self, source: str, named: Sequence[str], homes: set[str], where: str
    ) -> None:
        """Refuse a source's authority in which no area lies, by any of its names.

        Raises
        ------
        WorkspaceError : for the first; where an authority was made of it, with that one's name.
        """
        known = {one for home in homes for one in self.now(home)}
        for name in named:
            if name in known:
                continue
            after = [home for home in sorted(homes) if name in self.ever(home)]
            raise WorkspaceError(
                f"source {source} names the authority {name!r}, in which no area lies.",
                where=where,
                expected=", ".join(sorted(homes)),
                mend=f"it became part of {after[0]}, as the areas have it: write {after[0]}"
                if after
                else "",
            )
