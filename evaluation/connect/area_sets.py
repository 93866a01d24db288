"""A proposal for ``areas.csv``: pilots by name, and every other area with its role and its reason.

Lookups are joined by the codes that they share, whatever their columns are called; which column
holds the pilots' codes, the authority, the deprivation or the population is seen by heading or
content. What is proposed is a start: ``design match`` chooses among the comparison areas.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from evaluation.connect.pulls import Unusable
from evaluation.connect.readings import Table, as_code, read_csv
from evaluation.errors import WorkspaceError
from evaluation.geography import Change
from evaluation.programme import Area, Role
from evaluation.workspace import write_whole

COLUMNS = (
    "code",
    "name",
    "authority",
    "role",
    "geography",
    "site",
    "population",
    "x",
    "y",
    "reason",
)
_HEADINGS: Mapping[str, re.Pattern[str]] = {
    "authority": re.compile(
        r"(?:lad|ltla|utla|la)\d\dnm|authority|local authority.*name.*|lad_name|la name"
    ),
    "authority_code": re.compile(r"(?:lad|ltla|utla)\d\dcd|local authority.*code.*"),
    "decile": re.compile(r".*\bimd\b.*decile.*|imd_?decile|decile"),
    "fifth": re.compile(r"(?:deprivation[ _])?(?:fifth|quintile)|imd_?quintile"),
    "population": re.compile(r"(?:total )?population.*|persons|all ages"),
    "x": re.compile(r"x|easting|bng_e|east1?m"),
    "y": re.compile(r"y|northing|bng_n|north1?m"),
    "programme": re.compile(r"(?:other[ _])?programmes?"),
}
# Grid references are in metres and run to 700,000; kilometres do not reach a thousand.
_METRES = 2_000
_DECILES_A_FIFTH = 2


class Member(NamedTuple):
    """One row of the joined lookups: what a small area belongs to, and what is known of it."""

    code: str
    name: str
    known: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AreaPlan:
    """Which areas may serve for comparison.

    buffer_km : areas nearer to a pilot are excluded. same_authority : whether areas of a pilot's
    own authority may serve. fifths : whether only areas in the pilots' deprivation fifths may.
    geography : the kind of area.
    """

    buffer_km: float = 0.0
    same_authority: bool = False
    fifths: bool = True
    geography: str = "neighbourhood"


@dataclass(frozen=True, kw_only=True)
class ProposedArea:
    """A line of ``areas.csv``; ``fifth`` is of deprivation, 1 the most deprived."""

    code: str
    name: str
    authority: str
    role: Role
    site: str
    population: float | None
    x: float | None
    y: float | None
    fifth: int | None
    reason: str


def propose(
    pilots: Mapping[str, str], lookups: Sequence[Table], plan: AreaPlan
) -> tuple[ProposedArea, ...]:
    """Every area of the lookups with a role: the pilots, those that may be compared, the rest.

    Parameters
    ----------
    pilots : code -> site.

    Raises
    ------
    WorkspaceError : no lookup knows the pilots, one of them is unknown, or no authority is named.
    """
    members = _joined(pilots, lookups)
    gathered: dict[str, list[Member]] = defaultdict(list)
    for one in members:
        gathered[one.code].append(one)
    if lacking := sorted(set(pilots) - set(gathered)):
        raise WorkspaceError(
            f"{len(lacking)} pilots are in no lookup (first: {lacking[0]}).",
            mend="are the codes of the vintage of the lookup? See its headings",
        )
    plain = [_area(code, own, pilots.get(code, "")) for code, own in sorted(gathered.items())]
    if not any(area.authority for area in plain):
        raise WorkspaceError(
            "no lookup names the local authority of an area.",
            expected="a column such as LAD25NM",
            mend="newstart connect fetch lsoa_to_ward_and_authority -o FOLDER",
        )
    own = [area for area in plain if area.code in pilots]
    unplaced = [area.code for area in own if area.x is None or area.y is None]
    if plan.buffer_km > 0 and unplaced:
        raise WorkspaceError(
            f"no buffer can be kept: {len(unplaced)} pilots have no place (first: {unplaced[0]}).",
            expected="a lookup with x and y (easting and northing) of each area",
            mend="give such a lookup with --lookup, or leave --buffer-km out",
        )
    others = {one.code: one.known.get("programme", "") for one in members}
    return tuple(_with_role(area, own, others, plan) for area in plain)


def _joined(pilots: Mapping[str, str], lookups: Sequence[Table]) -> list[Member]:
    """The rows of the lookup that holds the pilots, with what the others know of them."""
    best, column = max(
        ((table, name) for table in lookups for name in table.headings),
        key=lambda one: len({as_code(row[one[1]]) for row in one[0].rows} & set(pilots)),
    )
    rows = [dict(row) for row in best.rows]
    for table in lookups:
        if table is not best:
            _join(rows, table)
    name = _name_of(column, best.headings)
    return [
        Member(as_code(row[column]), row.get(name, "").strip(), _known(row))
        for row in rows
        if as_code(row[column])
    ]


def _join(rows: list[dict[str, str]], table: Table) -> None:
    """Add to each row what another lookup says of the code that the two share.

    Raises
    ------
    WorkspaceError : they share none.
    """
    values = {name: {as_code(row[name]) for row in table.rows} - {""} for name in table.headings}
    ours = {name: {as_code(row.get(name, "")) for row in rows} - {""} for name in rows[0]}
    shared, mine, other = max(
        (len(held & theirs), name, column)
        for name, held in ours.items()
        for column, theirs in values.items()
    )
    if not shared or not re.fullmatch(r"[A-Z]\d{8}|.*\d.*", next(iter(values[other]))):
        raise WorkspaceError(
            f"a lookup shares no code with the others (its columns: {', '.join(table.headings)}).",
            mend="are they of one vintage? LSOA11 and LSOA21 do not join by code",
        )
    by_code = {as_code(row[other]): row for row in table.rows}
    for row in rows:
        found = by_code.get(as_code(row[mine]), {})
        row |= {name: value for name, value in found.items() if name not in row}


def _name_of(column: str, headings: Iterable[str]) -> str:
    """The column of names that goes with one of codes: LSOA21NM with LSOA21CD."""
    wanted = {column.replace("cd", "nm"), column.replace("code", "name"), "name", "area_name"}
    return next((one for one in headings if one in wanted and one != column), "")


def _known(row: Mapping[str, str]) -> dict[str, str]:
    return {
        what: next((row[name].strip() for name in row if pattern.fullmatch(name)), "")
        for what, pattern in _HEADINGS.items()
    }


def _area(code: str, members: Sequence[Member], site: str) -> ProposedArea:
    """An area of its members; it lies in the authority where most of them do."""
    authorities = Counter(one.known["authority"] or one.known["authority_code"] for one in members)
    people = [_number(one.known["population"]) for one in members]
    weights = [one or 0.0 for one in people] if any(people) else [1.0] * len(members)
    return ProposedArea(
        code=code,
        name=members[0].name,
        authority=authorities.most_common(1)[0][0],
        role="pilot" if site else "comparison",
        site=site,
        population=math.fsum(weights) if all(one is not None for one in people) else None,
        x=_mean([_kilometres(one.known["x"]) for one in members], weights),
        y=_mean([_kilometres(one.known["y"]) for one in members], weights),
        fifth=_fifth(members, weights),
        reason="",
    )


def _fifth(members: Sequence[Member], weights: Sequence[float]) -> int | None:
    """The deprivation fifth, of several members the mean by people, to the nearest."""
    fifths = []
    for one in members:
        decile, fifth = _number(one.known["decile"]), _number(one.known["fifth"])
        if fifth is None and decile is not None:
            fifth = float(math.ceil(decile / _DECILES_A_FIFTH))
        fifths.append(fifth)
    mean = _mean(fifths, weights)
    return None if mean is None else round(mean)


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    held = [(v, w) for v, w in zip(values, weights, strict=True) if v is not None]
    whole = math.fsum(w for _, w in held)
    return math.fsum(v * w for v, w in held) / whole if whole else None


def _number(text: str) -> float | None:
    plain = text.replace(",", "")
    return float(plain) if re.fullmatch(r"-?\d+(?:\.\d+)?", plain) else None


def _kilometres(text: str) -> float | None:
    found = _number(text)
    return found if found is None or abs(found) < _METRES else found / 1_000


def _with_role(
    area: ProposedArea,
    pilots: Sequence[ProposedArea],
    programmes: Mapping[str, str],
    plan: AreaPlan,
) -> ProposedArea:
    if area.role == "pilot":
        return area
    reason = next(_against(area, pilots, programmes, plan), "")
    role: Role = "excluded" if reason else "comparison"
    return replace(area, role=role, reason=reason)


def _against(
    area: ProposedArea,
    pilots: Sequence[ProposedArea],
    programmes: Mapping[str, str],
    plan: AreaPlan,
) -> Iterator[str]:
    """Why an area may not serve for comparison, the weightiest reason first."""
    if programmes.get(area.code):
        yield f"in another programme: {programmes[area.code]}"
    if not area.authority:
        yield "its authority is not known"
    if not plan.same_authority and area.authority in {one.authority for one in pilots}:
        yield "in a pilot's authority"
    if plan.buffer_km > 0:
        near = min((_apart(area, one) for one in pilots), default=math.inf)
        if math.isinf(near):
            yield "its distance from the pilots is not known"
        elif near < plan.buffer_km:
            yield f"buffer: {near:.1f} km from a pilot"
    fifths = sorted({one.fifth for one in pilots if one.fifth is not None})
    if plan.fifths and fifths and area.fifth not in fifths:
        said = "not known" if area.fifth is None else str(area.fifth)
        yield f"deprivation fifth {said}; pilots are in {', '.join(map(str, fifths))}"


def _apart(one: ProposedArea, other: ProposedArea) -> float:
    if one.x is None or one.y is None or other.x is None or other.y is None:
        return math.inf
    return math.dist((one.x, one.y), (other.x, other.y))


def read_table(path: Path) -> Table:
    """A lookup as it was fetched or downloaded.

    Raises
    ------
    WorkspaceError : it cannot be read, or holds no rows.
    """
    try:
        table = read_csv(path.read_bytes(), ())
    except (OSError, Unusable) as error:
        raise WorkspaceError(f"this lookup cannot be read ({error}).", where=str(path)) from None
    if not table.rows:
        raise WorkspaceError("this lookup holds no rows.", where=str(path))
    return table


def read_pilots(path: Path) -> dict[str, str]:
    """Code -> site of each pilot area; a file without a column ``site`` is of one site, S01.

    Raises
    ------
    WorkspaceError : it cannot be read, or names no code.
    """
    table = read_table(path)
    known = [name for name in ("code", "area_code") if name in table.headings]
    column = (*known, table.headings[0])[0]
    found = {as_code(row[column]): row.get("site", "").strip() or "S01" for row in table.rows}
    found.pop("", None)
    if not found:
        raise WorkspaceError(
            "no pilot is named.", where=str(path), expected="the columns code and site"
        )
    return found


def read_changes(path: Path) -> tuple[Change, ...]:
    """The rows of a lookup of codes: the old code, the new one, and ONS's mark if it has one.

    Raises
    ------
    WorkspaceError : it cannot be read, or has one column alone.
    """
    table = read_table(path)
    if len(table.headings) < 2:
        raise WorkspaceError(
            f"this lookup has the column {table.headings[0]} alone.",
            where=str(path),
            expected="the old codes in the first column and the new ones in the second",
        )
    old, new = table.headings[:2]
    return tuple(
        Change(as_code(row[old]), as_code(row[new]), row.get("chgind", "")) for row in table.rows
    )


def read_population(path: Path) -> dict[str, float]:
    """Code -> people, from a table with the codes in its first column.

    Raises
    ------
    WorkspaceError : it cannot be read, has no column ``population``, or holds what is no number.
    """
    table = read_table(path)
    first = table.headings[0]
    if "population" not in table.headings[1:]:
        raise WorkspaceError(
            "this table has no column population.",
            where=str(path),
            expected="the codes in the first column, and a column population",
        )
    found = {}
    for row in table.rows:
        people = _number(row["population"].strip())
        if people is None:
            raise WorkspaceError(
                f"the population of {row[first]} is {row['population']!r}, which is no number.",
                where=str(path),
                mend="fill it in, or take the row out",
            )
        found[as_code(row[first])] = people
    return found


def write_areas(path: Path, areas: Iterable[ProposedArea], plan: AreaPlan) -> None:
    """Write ``areas.csv`` as `Programme.load` reads it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in areas:
        people = None if one.population is None else round(one.population)
        place = [None if at is None else round(at, 3) for at in (one.x, one.y)]
        cells = [one.code, one.name, one.authority, one.role, plan.geography, one.site, people]
        writer.writerow(["" if cell is None else cell for cell in (*cells, *place, one.reason)])
    write_whole(path, text.getvalue())


def write_narrowed(path: Path, areas: Iterable[Area], kept: Collection[str]) -> int:
    """Write ``areas.csv`` with the comparison areas that were chosen, the rest excluded.

    Parameters
    ----------
    areas : as they are declared. kept : codes of the comparison areas that stay.

    Returns
    -------
    How many comparison areas were left out.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    dropped = 0
    for area in areas:
        row = area.model_dump(include=set(COLUMNS))
        if area.role == "comparison" and area.code not in kept:
            row |= {"role": "excluded", "reason": "not among the areas nearest to a pilot"}
            dropped += 1
        writer.writerow(["" if row[name] is None else row[name] for name in COLUMNS])
    write_whole(path, text.getvalue())
    return dropped
