"""The edition: everything that one published state of the book is made of, read from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.edition import words
from evaluation.edition.past import History
from evaluation.errors import BookError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import LedgerHead
from evaluation.programme import Outcome, Programme, load_outcomes
from evaluation.quarters import Period, parse_instant
from evaluation.release import PracticePrinted, Released, Terms, release, steps_of, terms_of
from evaluation.release.last_audit import LastAudit, read_audit
from evaluation.study.learned import AsPrinted
from evaluation.study.record import Results
from evaluation.study.written import Record, read_record, read_written, record_if_there
from evaluation.workspace import Workspace

COMPARED = 4
"""How many rounds are compared with what was known when they began: a year."""


@dataclass(frozen=True, kw_only=True)
class Restated:
    """Figures of one submitter, outcome and quarter that others replaced: how many, never which.

    side : ``pilot`` or ``comparison``; empty where they are of both, or of neither. received : the
    instant at which the new figures came in; empty where a return was withdrawn.
    """

    site: str
    agency: str
    outcome: str
    quarter: str
    side: str
    figures: int
    received: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """The returns received in one calendar quarter; ``new`` counts figures not known before."""

    period: Period
    receipts: tuple[Mapping[str, Any], ...]
    new: int = 0
    restated: tuple[Restated, ...] = ()

    @property
    def figures_restated(self) -> int:
        """How many figures were replaced in all."""
        return sum(one.figures for one in self.restated)

    @property
    def day_before(self) -> str:
        """The day before the calendar quarter: its end is what the round is compared with."""
        return (self.period + -1).last_day.isoformat()

    @property
    def first_day(self) -> str:
        """The first day of the calendar quarter."""
        return self.period.first_day.isoformat()

    @property
    def last_day(self) -> str:
        """The last day of the calendar quarter."""
        return self.period.last_day.isoformat()


def rounds(
    workspace: Workspace,
    programme: str,
    receipts: Sequence[Mapping[str, Any]],
    roles: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Round, ...]:
    """The programme's rounds, oldest first; the latest say what they changed.

    ``roles`` : area -> pilot, comparison or excluded.
    """
    grouped: dict[Period, list[Mapping[str, Any]]] = {}
    for receipt in receipts:
        day = parse_instant(receipt["received"])
        grouped.setdefault(Period.quarter(day.year, (day.month + 2) // 3), []).append(receipt)
    found = [Round(period=p, receipts=tuple(grouped[p])) for p in sorted(grouped)]
    if not workspace.has_ledger:
        return tuple(found)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        head = ledger.head()
    for place in range(max(0, len(found) - COMPARED), len(found)):
        one = found[place]
        aside = frozenset(area for area, role in roles.items() if role == "excluded")
        moved = _moved(workspace, head, programme, one.day_before, one.last_day, aside)
        restated = _counted(moved.again, roles, receipts)
        found[place] = replace(one, new=moved.new, restated=restated)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Moved:
    """What a round changed: how many figures were new, and the changes of those known before.

    head : where the ledger stood when this was read.
    """

    head: LedgerHead
    new: int
    again: tuple[Mapping[str, Any], ...]


@lru_cache(maxsize=2 * COMPARED)
def _moved(
    workspace: Workspace,
    head: LedgerHead,
    programme: str,
    before: str,
    after: str,
    aside: frozenset[str],
) -> _Moved:
    """What was learned between two days, but of areas that the study sets aside.

    Those are counted nowhere, so that one restatement is one number on every page.

    Kept, since editions that are published one after another compare the same days; a ledger that
    went on has another ``head``, and is read anew.
    """
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        learned = ledger.diff(programme, parse_instant(before), parse_instant(after))
    changes = [change for change in learned if change["area_code"] not in aside]
    again = tuple(change for change in changes if change["kind"] != "new")
    return _Moved(head=head, new=len(changes) - len(again), again=again)


def _counted(
    changes: Sequence[Mapping[str, Any]],
    roles: Mapping[str, str],
    receipts: Sequence[Mapping[str, Any]],
) -> tuple[Restated, ...]:
    """Restatements by submitter, outcome, quarter and reason; no area and no figure among them."""
    sender = {one["return_id"]: one for one in receipts}
    grouped: dict[tuple[str, ...], list[str]] = {}
    for change in changes:
        new, old = change["after"] or {}, change["before"] or {}
        by = sender.get(new.get("return_id"), {})
        of = by or sender.get(old.get("return_id"), {})
        key = (
            str(of.get("site", "")),
            str(of.get("agency", "")),
            str(change["outcome"]),
            str(change["quarter"]),
            str(by.get("received", "")),
            str(change["reason"] or ""),
        )
        grouped.setdefault(key, []).append(roles.get(change["area_code"], ""))
    return tuple(
        Restated(
            site=site,
            agency=agency,
            outcome=outcome,
            quarter=quarter,
            side=sides[0] if len(set(sides)) == 1 else "",
            figures=len(sides),
            received=received,
            reason=reason,
        )
        for (site, agency, outcome, quarter, received, reason), sides in grouped.items()
    )


def programmes_shown(workspace: Workspace, programme: str) -> dict[str, Programme]:
    """By name, the programme that is asked for and every other that has results to show.

    Parameters
    ----------
    programme : "" for those with results alone.
    """
    found = (workspace.var / "results").glob("*/*/results.json")
    names = {path.parent.parent.name for path in found}
    # One that is declared nowhere is told of by whoever asks for its results.
    if programme and (workspace.studies / programme).is_dir():
        names.add(programme)
    return {name: Programme.load(workspace, name, collecting=False) for name in sorted(names)}


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One published state: the headline study, the other studies, receipts, calibration.

    All results are released ones, their sentences as the book spells them; ``released``, by
    ``programme/study``, has them as they leave, with the lines of the register. ``open_data`` names
    the programmes whose figures are printed as their sources print them. ``audit`` is the last one
    of the programme.
    """

    programmes: Mapping[str, Programme]
    headline: Results
    others: tuple[Results, ...]
    rounds: tuple[Round, ...]
    calibration: Record | None
    outcomes: tuple[Outcome, ...]
    history: History = field(default_factory=History)
    released: Mapping[str, Released] = field(default_factory=dict)
    open_data: frozenset[str] = frozenset()
    terms: Mapping[str, Terms] = field(default_factory=dict)
    audit: LastAudit | None = None

    @classmethod
    def read(cls, workspace: Workspace, programme: str) -> Edition:
        """Gather the edition of ``programme``.

        Raises
        ------
        BookError : if the programme has no results yet, a file holds no valid JSON, or its verdicts
            were written by a version in which they had one part.
        NotForPublication : a programme that it would show is closed (`refuse_unreleased`).
        """
        written = [
            read_written(Results, path)
            for path in sorted((workspace.var / "results").glob("*/*/results.json"))
        ]
        for study in written:
            _in_two_parts(study)
        programmes = programmes_shown(workspace, programme)
        # Whatever is made for readers begins with an edition, so here none of it can be forgotten.
        refuse_unreleased(workspace, programmes)
        terms = {name: terms_of(workspace, one) for name, one in programmes.items()}
        made = {
            f"{study.programme}/{study.study}": release(study, terms[study.programme])
            for study in written
        }
        # From here on there are released figures only.
        written = [one.results for one in made.values()]
        found = [words.results_spelled(study) for study in written]
        own = [study for study in found if study.programme == programme]
        if not own:
            raise BookError(
                f"{programme} has no results to print.",
                where=str(workspace.var / "results" / programme),
                mend=f"run a study first: newstart study run {programme}/STUDY",
            )
        headline = next((s for s in own if s.label == "confirmatory"), own[0])
        receipts = [
            receipt
            for path in sorted(workspace.receipts.glob("*.json"))
            if (receipt := read_record(path)).get("programme") == programme
        ]
        return cls(
            programmes=programmes,
            headline=headline,
            others=tuple(study for study in found if study is not headline),
            rounds=rounds(
                workspace,
                programme,
                receipts,
                {area.code: area.role for area in programmes[programme].areas},
            ),
            calibration=record_if_there(workspace.book / "calibration.json"),
            outcomes=_dictionary(workspace, programmes[programme]),
            history=History.read(workspace),
            released=made,
            open_data=frozenset(name for name, one in terms.items() if one.open_data),
            terms=terms,
            audit=read_audit(workspace, programme),
        )

    @property
    def programme(self) -> Programme:
        """The programme that the edition is about."""
        return self.programmes[self.headline.programme]

    @property
    def receipts(self) -> tuple[Record, ...]:
        """Every receipt, round by round."""
        return tuple(receipt for one in self.rounds for receipt in one.receipts)

    @property
    def studies(self) -> tuple[Results, ...]:
        return (self.headline, *self.others)

    @property
    def cases(self) -> tuple[Results, ...]:
        """Studies of other programmes: real data with a published answer."""
        return tuple(s for s in self.others if s.programme != self.headline.programme)

    @property
    def quarter(self) -> str:
        """The last quarter in the data: the name of the edition."""
        return str(self.headline.sample.last)

    @property
    def latest(self) -> Round | None:
        """The newest round of returns."""
        return self.rounds[-1] if self.rounds else None

    def as_written(self, study: Results) -> Results:
        """The study with its sentences as they are spelled in files."""
        known = self.released.get(f"{study.programme}/{study.study}")
        return known.results if known else study

    @property
    def as_printed(self) -> AsPrinted:
        """By what is told what the headline study has learned: released figures alone."""
        name = self.headline.programme
        practice = PracticePrinted(programme=name, terms=self.terms[name])
        return AsPrinted(
            results=self.as_written(self.headline), practice=practice.figure, out_of=practice.out_of
        )

    @property
    def steps(self) -> Mapping[str, float]:
        """The step at which each headline of the study is printed, by its id."""
        study = self.headline
        known = self.released.get(f"{study.programme}/{study.study}")
        return steps_of(known) if known else {}

    def may_be_passed_on(self, study: Results) -> bool:
        """Whether every source of the study's programme lets its figures be redistributed."""
        return all(source.redistribute for source in self.programmes[study.programme].sources)


def _dictionary(workspace: Workspace, programme: Programme) -> tuple[Outcome, ...]:
    """The shared catalogue, if the programme draws on it, and what only the programme has."""
    declared = load_outcomes(workspace.schemas / "outcomes")
    known = {outcome.code for outcome in declared}
    if not any(outcome.code in known for outcome in programme.outcomes):
        return programme.outcomes
    return declared + tuple(o for o in programme.outcomes if o.code not in known)


def _in_two_parts(study: Results) -> None:
    """Refuse results of an earlier version, whose verdicts no page could say by the rule of now."""
    if any(one.finding.direction is None for one in study.outcomes):
        name = f"{study.programme}/{study.study}"
        raise BookError(
            f"the results of {name} were written by an earlier version, whose verdicts did not "
            "tell direction and size apart.",
            expected="findings with direction and size",
            mend=f"newstart study run {name}",
        )
