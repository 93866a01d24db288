"""The police archive: street-level records, counted by area and month.

One archive holds three years of every force that sent a file. A force without its own file for a
month has no figures, however many records of its neighbours fall into its areas; a record without
an id is a record; a record without an area belongs to no area, and where many are, no area's count
can be compared with another month's.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    NOT_AVAILABLE,
    Answered,
    Reading,
    Wanted,
    as_code,
    see_switch,
)
from evaluation.connect.recipes import PoliceRecipe
from evaluation.errors import SourceError, WorkspaceError
from evaluation.wording import Sentence, count, percent

# An archive reaches back over so many months, its own included.
REACHES_BACK = 36
_COLUMNS = ("month", "lsoa code", "crime type")
# A force's month of a few megabytes unpacks to a few tens.
_MOST_UNPACKED = 400 * 2**20
# Below this share of what the force usually sends, its month is told as partial.
_PARTIAL = 0.5
# So many areas are not all without a record by chance.
_ENOUGH_AREAS = 5
# From so many records a month on, a month with none is no chance.
_MANY = 20
_TYPES_NAMED = 20


@dataclass(kw_only=True)
class ForceMonth:
    """A force's file for a month: records of the types asked for, by area, and those without.

    rows : records of any type. types : those that there are.
    """

    counts: Counter[str] = field(default_factory=Counter)
    blank: int = 0
    repeated: int = 0
    rows: int = 0
    types: set[str] = field(default_factory=set)

    @property
    def records(self) -> int:
        """All of them, with and without an area."""
        return sum(self.counts.values()) + self.blank

    @property
    def blank_share(self) -> float:
        return self.blank / self.records if self.records else 0.0


def read_police(recipe: PoliceRecipe, wanted: Wanted, puller: Puller, base: str) -> Answered:
    """Every area's count for the months of one period.

    Raises
    ------
    WorkspaceError : the recipe does not say which force polices an area.
    SourceError : the archive cannot be had or read, or does not hold the months at all.
    """
    force_of = _forces(recipe, wanted)
    held = _months(recipe, wanted, puller, base)
    readings: list[Reading] = []
    remarks: dict[Sentence, None] = {}
    _see_types(recipe, held)
    unfilled = {at for at in held if _unfilled(at, held, remarks)}
    for month in wanted.months:
        forces = dict.fromkeys(force_of.values())
        own = {
            force: None if (month, force) in unfilled else held.get((month, force))
            for force in forces
        }
        told = {force: one for force, one in own.items() if (month, force) not in unfilled}
        remarks |= dict.fromkeys(_remarks(recipe, month, told))
        counts = sum((one.counts for one in own.values() if one), Counter[str]())
        _see_vintage(recipe, wanted, counts)
        for code in wanted.codes:
            one = own[force_of[code]]
            usable = one is not None and one.blank_share <= recipe.most_blank
            # Points of a neighbouring force may lie in the area: they count with its own.
            figure = float(counts[code]) if usable else None
            readings.append(Reading(code, month, figure, "" if usable else NOT_AVAILABLE))
    remarks |= dict.fromkeys(_partial(held, wanted))
    received = sum(one.records for one in held.values())
    return Answered(readings, None, received, list(remarks))


def _see_types(recipe: PoliceRecipe, held: Mapping[tuple[str, str], ForceMonth]) -> None:
    """Refuse records among which no file has a type asked for: it is called otherwise by now.

    Raises
    ------
    SourceError : none has.
    """
    there = {one for month in held.values() for one in month.types}
    known = {one.casefold() for one in there}
    enough = sum(month.rows for month in held.values()) >= _MANY
    if enough and (lacking := [one for one in recipe.types if one.casefold() not in known]):
        raise SourceError(
            f"police: no record is of the crime type {lacking[0]!r}.",
            where=recipe.name,
            expected=f"one of {', '.join(sorted(there)[:_TYPES_NAMED])}",
            mend="types are renamed now and then: name the present one in the recipe",
        )


def _unfilled(
    at: tuple[str, str], held: Mapping[tuple[str, str], ForceMonth], remarks: dict[Sentence, None]
) -> bool:
    """Whether a force's file has nothing where its others have much: that is no count of none."""
    month, force = at
    others = [one.records for (m, f), one in held.items() if f == force and m != month]
    usual = median(others) if others else 0
    if not held[at].rows:
        said = Sentence.of(
            "{force} sent a file without records for {month}: its areas are missing that month, "
            "not zero.",
            "no records",
            force=force,
            month=month,
        )
    elif not held[at].records and usual >= _MANY:
        said = Sentence.of(
            "The file of {force} for {month} has no record of the types asked for, where its other "
            "months have some {usual}: its areas are missing that month, not zero.",
            "no records",
            force=force,
            month=month,
            usual=count(usual),
        )
    else:
        return False
    remarks[said] = None
    return True


def _forces(recipe: PoliceRecipe, wanted: Wanted) -> dict[str, str]:
    if not recipe.forces:
        raise WorkspaceError(
            f"the recipe {recipe.name} names no police force, so nobody can tell a month without "
            "records from a month without a file.",
            mend="forces: {west-yorkshire: [Leeds, Bradford]}, with the authorities of areas.csv",
        )
    by_authority = {name: force for force, names in recipe.forces.items() for name in names}
    # A force without authorities polices all that no other does.
    rest = next((force for force, names in recipe.forces.items() if not names), None)
    found = {}
    for code in wanted.codes:
        names = wanted.authorities.get(code, ())
        force = next((by_authority[name] for name in names if name in by_authority), rest)
        if force is None:
            raise WorkspaceError(
                f"the recipe {recipe.name} names no force for {code} in "
                f"{' or '.join(names) or 'no authority'}.",
                mend="add its authority under one of the forces",
            )
        found[code] = force
    return found


ForceMonths = Mapping[tuple[str, str], ForceMonth]
"""(month, force) -> its file."""


def _months(recipe: PoliceRecipe, wanted: Wanted, puller: Puller, base: str) -> ForceMonths:
    if recipe.files:
        return _dropped(recipe, wanted, puller)
    # One archive of 1.7 GB serves every period of the fetch that it reaches back to.
    archive = recipe.request.format(month=_archive_month(wanted))
    read = partial(_read_fetched, recipe=recipe, months=wanted.months)
    return puller.pull(Request(url=base + archive), read)


def _dropped(recipe: PoliceRecipe, wanted: Wanted, puller: Puller) -> ForceMonths:
    """The same from archives that somebody put there: each is 1.7 GB, and a browser is at hand.

    Raises
    ------
    SourceError : one cannot be read, or two hold one force's month.
    """
    held: dict[tuple[str, str], ForceMonth] = {}
    paths = sorted((one.name, one) for one in wanted.folder.glob(recipe.files))
    for name, path in puller.kept_files() if puller.line.transport is None else paths:
        try:
            found = _read_archive(path, recipe, wanted.months)
        except Unusable as error:
            raise SourceError(f"police: {error.why}.", where=name, mend=error.mend) from None
        if twice := sorted(set(found) & set(held)):
            raise SourceError(
                f"police: {name} holds {twice[0][1]} for {twice[0][0]}, and so does another.",
                where=str(wanted.folder),
                mend="later archives revise earlier months: leave the newest alone there",
            )
        if found:
            puller.keep_file(name, path)
        held |= found
    if not held:
        raise SourceError(
            f"police: no archive among {recipe.files} holds {wanted.months[0]}.",
            where=str(wanted.folder),
            mend="download it from the publisher's page and put it there",
        )
    return held


def _archive_month(wanted: Wanted) -> str:
    """The month of the newest archive that still reaches back to the period."""
    newest, first = _counted(wanted.through or wanted.months[-1]), _counted(wanted.months[0])
    month = newest - REACHES_BACK * ((newest - first) // REACHES_BACK)
    return f"{month // 12}-{month % 12 + 1:02d}"


def _counted(month: str) -> int:
    year, number = month.split("-")
    return 12 * int(year) + int(number) - 1


def _read_fetched(path: Path, recipe: PoliceRecipe, months: Sequence[str]) -> ForceMonths:
    """An archive that holds every month, whoever sent a file: else it is not out, or too old."""
    found = _read_archive(path, recipe, months)
    with zipfile.ZipFile(path) as archive:
        held = sorted({Path(name).parent.name for name in archive.namelist()} - {""})
    if lacking := [month for month in months if month not in held]:
        span = f"{held[0]} to {held[-1]}" if held else "nothing"
        raise Unusable(
            f"its archive holds {span}, and no force's file for {lacking[0]}",
            mend="end with a month that is published, or begin where the archive begins",
            again=False,
        )
    return found


def _read_archive(path: Path, recipe: PoliceRecipe, months: Sequence[str]) -> ForceMonths:
    """The files of the months and forces asked for, as far as the archive holds them.

    Raises
    ------
    Unusable : it is no whole zip, or a file in it cannot be read.
    """
    found: dict[tuple[str, str], ForceMonth] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = {one.filename: one for one in archive.infolist()}
            for month in months:
                for force in recipe.forces:
                    # Some archives have a folder around the months.
                    end = f"{month}/{month}-{force}-street.csv"
                    named = [name for name in members if name == end or name.endswith(f"/{end}")]
                    if len(named) > 1:
                        raise Unusable(f"its archive holds {end} {len(named)} times", again=False)
                    if named:
                        if members[named[0]].file_size > _MOST_UNPACKED:
                            raise Unusable(f"{end} unpacks to more than any force sends")
                        with archive.open(named[0]) as stream:
                            found[month, force] = _count(stream, end, month, recipe.types)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise Unusable("its archive is no whole zip") from None
    except csv.Error as error:
        raise Unusable(f"a file of its archive is no sound CSV ({error})", again=False) from None
    except (NotImplementedError, RuntimeError):
        # What the standard library says of a packing that it does not know, or of a password.
        raise Unusable(
            "its archive is packed so that it cannot be opened (a password?)", again=False
        ) from None
    return found


def _count(stream: IO[bytes], name: str, month: str, types: Sequence[str]) -> ForceMonth:
    """The records of one file; each counts, with an id or without.

    Anti-social behaviour has no ids, and two incidents at one spot in one month are alike in every
    column: dropping duplicates took 30 % of them away in West Yorkshire.
    """
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
    lines = csv.reader(text)
    heading = [one.strip().casefold() for one in next(lines, [])]
    if not any(heading):
        return ForceMonth()
    if lacking := [one for one in _COLUMNS if one not in heading]:
        raise Unusable(f"{name} has no column {lacking[0]!r}", again=False)
    at = {one: heading.index(one) for one in heading}
    wanted, found = {one.casefold() for one in types}, ForceMonth()
    ids: Counter[str] = Counter()
    for cells in lines:
        if len(cells) != len(heading):
            raise Unusable(f"{name} breaks off at row {lines.line_num}")
        found.rows += 1
        kind = cells[at["crime type"]].strip()
        found.types.add(kind)
        if kind.casefold() not in wanted:
            continue
        if cells[at["month"]].strip() != month:
            raise Unusable(f"{name} holds a record of {cells[at['month']][:10]!r}", again=False)
        if "crime id" in at and (held := cells[at["crime id"]].strip()):
            ids[held] += 1
        code = as_code(cells[at["lsoa code"]])
        if code:
            found.counts[code] += 1
        else:
            found.blank += 1
    found.repeated = sum(times - 1 for times in ids.values())
    return found


def _remarks(
    recipe: PoliceRecipe, month: str, own: Mapping[str, ForceMonth | None]
) -> Iterator[Sentence]:
    for force, one in own.items():
        if one is None:
            yield Sentence.of(
                "{force} sent no file for {month}: its areas are missing that month, not zero, "
                "though records of other forces may lie in them.",
                "no file",
                force=force,
                month=month,
            )
            continue
        if one.blank:
            used = "its areas are missing that month" if one.blank_share > recipe.most_blank else ""
            yield Sentence.of(
                "{share} of the records of {force} in {month} have no area{used}.",
                "blank",
                share=percent(100 * one.blank_share, 1),
                force=force,
                month=month,
                used=f", more than {100 * recipe.most_blank:g} %: {used}" if used else "",
            )
        if one.repeated:
            yield Sentence.of(
                "{rows} records of {force} in {month} repeat an id; all are counted.",
                "repeated",
                rows=count(one.repeated),
                force=force,
                month=month,
            )


def _partial(held: ForceMonths, wanted: Wanted) -> Iterator[Sentence]:
    """A force's month with far fewer records than its others."""
    for force in dict.fromkeys(force for _, force in held):
        own = {m: held[m, force].records for m in wanted.months if (m, force) in held}
        usual = median(own.values())
        for month, records in own.items():
            if len(own) > 2 and records < _PARTIAL * usual:
                yield Sentence.of(
                    "{force} has {records} records in {month} and usually {usual}: its file may be"
                    " partial.",
                    "partial",
                    force=force,
                    month=month,
                    records=count(records),
                    usual=count(usual),
                )


def _see_vintage(recipe: PoliceRecipe, wanted: Wanted, counts: Mapping[str, int]) -> None:
    """Areas may well have no record; codes of another vintage must not come in their place.

    Raises
    ------
    SourceError : they do.
    """
    without = {code for code in wanted.codes if not counts.get(code)}
    unknown = set(counts) - set(wanted.codes)
    try:
        see_switch(wanted, recipe.vintage, without, unknown)
    except Unusable as error:
        raise SourceError(f"police: {error.why}.", where=recipe.name, mend=error.mend) from None
    if unknown and len(without) == len(wanted.codes) >= _ENOUGH_AREAS:
        raise SourceError(
            f"police: none of {len(without):,} areas has a record in {wanted.period}, and "
            f"{len(unknown):,} other codes have (first: {min(unknown)}).",
            where=recipe.name,
            mend=f"see whether the codes are of {recipe.vintage or 'the vintage of areas.csv'}",
        )
