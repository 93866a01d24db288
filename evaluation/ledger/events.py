"""What else happens to areas: dated, sourced records from ``studies/<programme>/events.csv``.

Another programme, a benefit roll-out, a boundary change, a new instrument: each can move an
outcome as the programme would. The check of a protocol's eligibility reads the register, and an
evaluator may test what stands in it (`evaluation.diagnose.other_programme`). Nothing here judges.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from evaluation.authorities import authority_changes
from evaluation.errors import WorkspaceError
from evaluation.programme import Area, Programme
from evaluation.quarters import Period
from evaluation.workspace import Workspace, packaged_schemas

Kind = Literal[
    "other programme",
    "benefit roll-out",
    "boundary change",
    "authority merger",
    "instrument change",
    "other",
]
COLUMNS = ("kind", "areas", "authority", "outcomes", "from", "to", "what", "source")
INTO = "into"
"""The column with the successor of an authority that was merged; needed where there is one."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to some areas.

    ``areas`` are codes; ``authority`` names every area of an authority; where neither is given it
    happened everywhere. ``outcomes`` are the codes that it concerns, none for all. ``until`` is
    the last day, None for one that goes on. ``source`` says where it can be looked up. ``into`` is
    what the authority of a merger became.
    """

    kind: Kind
    areas: tuple[str, ...]
    authority: str
    outcomes: tuple[str, ...]
    since: date
    until: date | None
    what: str
    source: str
    into: str = ""

    def happened_to(self, area: Area) -> bool:
        """Whether the area is among those that it happened to."""
        if self.areas:
            return area.code in self.areas
        return not self.authority or area.authority == self.authority

    def overlaps(self, first: Period, last: Period) -> bool:
        """Whether any of it fell into the periods from ``first`` to ``last``."""
        # The day before the first period begins: periods know their last day only.
        before = (first + -1).last_day
        return self.since <= last.last_day and (self.until is None or self.until > before)

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs, with the column names of the file."""
        content = asdict(self) | {"areas": list(self.areas), "outcomes": list(self.outcomes)}
        content["from"] = content.pop("since").isoformat()
        until = content.pop("until")
        content["to"] = None if until is None else until.isoformat()
        return content


def read_events(workspace: Workspace, programme: Programme) -> tuple[Event, ...]:
    """The programme's register in order of date; none where there is no file.

    Raises
    ------
    WorkspaceError : if the file cannot be read, a column is missing, or a row has no kind, date,
        text or source, or names an area, authority or outcome that the programme does not have.
    """
    path = workspace.studies / programme.name / "events.csv"
    if not path.is_file():
        return ()
    try:
        # Excel saves a byte-order mark, which would become part of the first heading; newline="" is
        # what csv asks for.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WorkspaceError(f"the events cannot be read ({error}).", where=str(path)) from None
    if missing:
        raise WorkspaceError(
            f"the events have no column {', '.join(map(repr, missing))}.",
            where=str(path),
            expected=f"the columns {', '.join(COLUMNS)}",
        )
    # Row 1 of the file is its heading, as an officer's spreadsheet counts.
    events = [_event(row, programme, path, number) for number, row in enumerate(rows, start=2)]
    return tuple(sorted(events, key=lambda one: (one.since, one.kind, one.what)))


def known_events(programme: Programme) -> tuple[Event, ...]:
    """What the package's own register has of the programme's authorities, outcomes and years.

    It holds mergers of authorities, breaks of official records and roll-outs of benefits of which a
    public source can be named; other programmes of a place it does not know. A row that was
    written from memory says so in its ``source``, until somebody has looked it up there.
    """
    path = packaged_schemas() / "known_events.csv"
    # A merger of what an authority had become before is one of its own.
    authorities = {n for area in programme.areas for n in programme.mergers.now(area.authority)}
    outcomes = programme.outcome_by_code.keys()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if (not row["authority"] or row["authority"] in authorities)
            and (not row["outcomes"] or row["outcomes"] in outcomes)
        ]
    events = [_event(row, programme, path, number) for number, row in enumerate(rows, start=2)]
    events += _newly_made(programme)
    there = [one for one in events if one.overlaps(programme.first, programme.last)]
    return tuple(sorted(there, key=lambda one: (one.since, one.kind, one.what)))


def _newly_made(programme: Programme) -> Iterator[Event]:
    """The authorities of the programme that were made of others.

    Its figures of before were counted by several councils, each in its own way.
    """
    homes = {area.authority for area in programme.areas}
    made: dict[tuple[str, date], list[str]] = {}
    for one in authority_changes():
        if one.to_name in homes and one.from_name != one.to_name:
            made.setdefault((one.to_name, one.since), []).append(one.from_name)
    for (name, day), parts in made.items():
        yield Event(
            kind="boundary change",
            areas=(),
            authority=name,
            outcomes=(),
            since=day,
            until=day,
            what=f"{name} was made of {', '.join(parts[:-1])} and {parts[-1]}",
            source="ONS register of codes, by public copies of it (not yet looked up there)",
        )


def as_register(events: Iterable[Event]) -> str:
    """Events as ``events.csv`` holds them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, INTO])
    for one in events:
        codes = [";".join(one.areas), one.authority, ";".join(one.outcomes)]
        days = [one.since.isoformat(), one.until.isoformat() if one.until else ""]
        writer.writerow([one.kind, *codes, *days, one.what, one.source, one.into])
    return text.getvalue()


def touched(
    programme: Programme, events: Iterable[Event], outcome: str
) -> dict[str, tuple[str, ...]]:
    """What happened to which areas while the programme was watched, for one outcome.

    Returns
    -------
    Text of the event -> codes of the areas, as `evaluation.estimate.sensitivity.without_touched`
    takes it. What happened to every area is left out: there is nothing to be compared without it.
    """
    found: dict[str, tuple[str, ...]] = {}
    for event in events:
        if event.outcomes and outcome not in event.outcomes:
            continue
        if not event.overlaps(programme.first, programme.last):
            continue
        codes = tuple(area.code for area in programme.areas if event.happened_to(area))
        if 0 < len(codes) < len(programme.areas):
            found[event.what] = tuple(dict.fromkeys((*found.get(event.what, ()), *codes)))
    return found


def authority_at(authority: str, events: Iterable[Event], day: date) -> str:
    """What an authority is called on a day, after the mergers until then.

    Blocks of areas that are re-drawn together stay as they were at the lock: `areas.csv` keeps the
    authorities of that day, and later figures that come by the successor's name are found by this.
    """
    mergers = sorted(
        (one for one in events if one.kind == "authority merger" and one.since <= day),
        key=lambda one: one.since,
    )
    for one in mergers:
        authority = one.into if one.authority == authority else authority
    return authority


def _event(row: dict[str, Any], programme: Programme, path: Path, number: int) -> Event:
    where = f"{path}, row {number}"
    # A short row gives None for the cells that it lacks.
    cell = {name: (row.get(name) or "").strip() for name in (*COLUMNS, INTO)}
    kinds = get_args(Kind)
    if cell["kind"] not in kinds:
        raise WorkspaceError(
            f"{cell['kind']!r} is no kind of event.", where=where, expected=", ".join(kinds)
        )
    for name in ("what", "source"):
        if not cell[name]:
            raise WorkspaceError(f"an event needs its {name!r}.", where=where)
    # Codes hold neither blanks nor semicolons; a comma would end the cell.
    areas, outcomes = (
        tuple(cell[name].replace(";", " ").split()) for name in ("areas", "outcomes")
    )
    _refuse_unknown("area", areas, programme.area_by_code.keys(), where)
    _refuse_unknown("outcome", outcomes, programme.outcome_by_code.keys(), where)
    if cell["authority"]:
        # What an authority became may be merged again.
        known = {n for area in programme.areas for n in programme.mergers.now(area.authority)}
        _refuse_unknown("authority", (cell["authority"],), known, where)
        if areas:
            raise WorkspaceError(
                "an event names areas or an authority, not both.",
                where=where,
                mend="leave one of the two cells empty.",
            )
    merger = cell["kind"] == "authority merger"
    if merger is not bool(cell[INTO] and cell["authority"]):
        raise WorkspaceError(
            "an authority merger names the authority and, in the column 'into', its successor; no "
            "other event does.",
            where=where,
        )
    since = _day(cell["from"], "from", where)
    until = _day(cell["to"], "to", where) if cell["to"] else None
    if until is not None and until < since:
        raise WorkspaceError("the event ends before it begins.", where=where)
    return Event(
        kind=cell["kind"],  # type: ignore[arg-type]  # looked up among the kinds above
        areas=areas,
        authority=cell["authority"],
        outcomes=outcomes,
        since=since,
        until=until,
        what=cell["what"],
        source=cell["source"],
        into=cell[INTO],
    )


def _refuse_unknown(kind: str, given: tuple[str, ...], known: Any, where: str) -> None:
    odd = [one for one in given if one not in known]
    if odd:
        raise WorkspaceError(f"the programme has no {kind} {odd[0]!r}.", where=where)


def _day(text: str, column: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WorkspaceError(
            f"{text!r} under {column!r} is no date.", where=where, expected="2026-11-24"
        ) from None
