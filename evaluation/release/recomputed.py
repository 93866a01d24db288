"""A second audit, by another way than bounds: the study is computed again of neighbouring counts.

One count of an area is moved by one person, to where it is shown as before, and everything is made
anew: estimates, findings, money, and what of it is printed. All printed counts have to be the same,
what is withheld has to be the same, and no other figure may move by more than its step. It tests
the code and not the algebra: a figure that leaves by a way that nobody thought of moves too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from evaluation.disclosure.counts import rounded
from evaluation.disclosure.effects import NEAR, deviate
from evaluation.disclosure.protection import Held, counted, held
from evaluation.errors import DisclosureError
from evaluation.progress import Progress
from evaluation.quarters import parse_instant
from evaluation.release.released_results import Released, release
from evaluation.study.results import read_results, results_of
from evaluation.study.run import run_study
from evaluation.study.study import Study

if TYPE_CHECKING:
    from evaluation.disclosure.released import Entry
    from evaluation.programme import Programme
    from evaluation.release.rounding import Terms
    from evaluation.workspace import Workspace

SMALL = 1e-6


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A count of an area that is moved by a person, and the count of a site that it is in."""

    held: Held
    area: str
    by: int

    @property
    def says(self) -> str:
        return f"{self.held.address}, {self.area}, one {'more' if self.by > 0 else 'fewer'}"


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """What was printed of neighbouring counts.

    figures : that were compared. alike : printed the same. beyond : addresses that moved by more
    than their step, or were there in one and not in the other.
    """

    moved: str
    figures: int
    alike: int
    beyond: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.beyond

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure recompute --json`` prints it."""
        return asdict(self) | {"ok": self.ok}


def recomputed(
    workspace: Workspace,
    programme: Programme,
    terms: Terms,
    study: str,
    *,
    most: int,
    progress: Progress = lambda _: None,
) -> list[Recomputed]:
    """Each of ``most`` counts moved by one, spread over outcomes, sites and periods.

    Raises
    ------
    DisclosureError : no count of the study can be moved and be shown as before.
    ProtocolError : the study was not run.
    """
    vintage = parse_instant(read_results(workspace, study).vintage)
    whole = Study.load(workspace, study, as_of=vintage)
    chosen = list(neighbours(programme, whole, terms, most))
    if not chosen:
        raise DisclosureError(f"{study} prints no count of people that could be moved.")
    # As they are computed now and not as they were written: the same code on both sides.
    # And both of figures that are given: of these it is not known which were ever restated.
    given = replace(whole, given=whole.observations)
    before = release(results_of(run_study(given)), terms)
    found = []
    for one in chosen:
        progress(f"computing all of it again with {one.says}")
        after = release(results_of(run_study(moved(whole, one))), terms)
        found.append(compared(one.says, before, after))
    return found


def neighbours(programme: Programme, study: Study, terms: Terms, most: int) -> Iterator[Neighbour]:
    """Counts that can move by one and be shown as before, far from each other."""
    outcomes = {one.code for one in counted(programme)} & set(study.protocol.outcomes)
    there = set(study.panel.areas.index) & set(study.panel.areas.index[study.panel.treated])
    labels = set(map(str, study.panel.labels))
    counts = [
        one
        for one in held(programme, study.observations)
        if one.outcome in outcomes and one.quarter in labels and there >= set(one.parts)
    ]
    able = [found for one in counts if (found := _neighbour(one, terms)) is not None]
    apart = max(len(able) // max(most, 1), 1)
    # Steps that share no factor with how outcomes, sites and periods follow each other.
    places = dict.fromkeys((n * apart + n) % len(able) for n in range(most)) if able else {}
    yield from (able[place] for place in places)


def _neighbour(one: Held, terms: Terms) -> Neighbour | None:
    if not one.count or not one.parts:
        return None
    policy, area = terms.policy(one.outcome), max(one.parts, key=lambda a: one.parts[a])
    shown = rounded(one.count, one.atom, terms.key, policy)
    for by in (1, -1):
        enough = one.residents.get(area, one.parts[area] + 1) >= one.parts[area] + by
        if enough and rounded(one.count + by, one.atom, terms.key, policy) == shown:
            return Neighbour(held=one, area=area, by=by)
    return None


def moved(study: Study, one: Neighbour) -> Study:
    """The study as it would be if the count had been so."""
    figures = study.observations.copy()
    here = figures["outcome"] == one.held.outcome
    here &= (figures["area_code"] == one.area) & (figures["quarter"] == one.held.quarter)
    figures.loc[here, "numerator"] += one.by
    return replace(study, given=figures)


def compared(what: str, before: Released, after: Released) -> Recomputed:
    """What two releases of neighbouring counts print, beside each other."""
    first, second = _by_address(before.entries), _by_address(after.entries)
    beyond = list(first.keys() ^ second.keys())
    beyond += _withheld(before, after)
    alike = 0
    for address in first.keys() & second.keys():
        one, other = first[address], second[address]
        if one.printed == other.printed:
            alike += 1
        elif not _near(one, other):
            beyond.append(address)
    return Recomputed(
        moved=what,
        figures=len(first.keys() & second.keys()),
        alike=alike,
        beyond=tuple(sorted(beyond)),
    )


def _by_address(entries: Sequence[Entry]) -> Mapping[str, Entry]:
    return {one.address: one for one in entries}


def _withheld(before: Released, after: Released) -> list[str]:
    rows = [{(w.outcome, w.by, w.which) for w in one.withheld} for one in (before, after)]
    return [" ".join(("withheld", *row)) for row in sorted(rows[0] ^ rows[1])]


def _near(one: Entry, other: Entry) -> bool:
    """Whether a figure moved by a step at most; a count may not move at all."""
    if one.kind == "count" or one.step is None or one.step != other.step:
        return False
    if not isinstance(one.printed, (int, float)) or not isinstance(other.printed, (int, float)):
        return False
    if one.kind == "chance":
        # A p-value stands at its step in standard errors: its nearer end says at which.
        assert one.low is not None and other.low is not None
        return abs(deviate(one.low) - deviate(other.low)) <= one.step * (1 + SMALL) + SMALL
    # One that is kept on its side of zero lies a part of a step further.
    return abs(one.printed - other.printed) <= one.step * (1 + NEAR + SMALL)
