"""Whose return it is: the guide sheet, or a CSV's name, against the programme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from evaluation.check.problems import Problem, problem
from evaluation.errors import PeriodError, WorkspaceError
from evaluation.programme import Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.workbook import RawReturn, guide_from_name


@dataclass(frozen=True, kw_only=True)
class Submitter:
    """The submitter and period as far as they are known, and what is expected from them.

    ``areas`` and ``outcomes`` are None where the submitter is not known, ``period`` where the
    quarter is not.
    """

    site: str
    agency: str
    period: Period | None
    areas: dict[str, Area] | None
    outcomes: dict[str, Outcome] | None


def read_guide(
    raw: RawReturn, programme: Programme, *, today: date | None = None
) -> tuple[Submitter, list[Problem]]:
    """Whose return it is, and everything about it that does not fit the programme.

    ``today`` is the day of the check; without it no quarter is too early.
    """
    place = _Place(raw)
    guide = raw.guide
    if not any(guide.values()):
        nobody = Submitter(site="", agency="", period=None, areas=None, outcomes=None)
        return nobody, [_unsaid(raw)]
    problems: list[Problem] = []
    if raw.sheet is not None:
        problems += _check_version(place, guide["template_version"])
        if guide["programme"] != programme.name:
            message = f"This is a return for {guide['programme'] or 'no programme'},"
            message += f" not for {programme.name}."
            problems.append(place.problem("R004", "programme", message))
    period, faults = _read_period(place, guide["quarter"], programme)
    problems += faults
    areas = outcomes = None
    try:
        expected = programme.expected(guide["site"], guide["agency"])
    except WorkspaceError as error:
        mend = f"One of: {error.expected}."
        problems.append(place.problem("R005", "site", error.what, mend))
    else:
        areas = {area.code: area for area in expected[0]}
        outcomes = {
            outcome.code: outcome
            for outcome in expected[1]
            if period is None or outcome.period_frequency == period.frequency
        }
    if period is not None and today is not None and not faults:
        problems += _check_over(place, period, today)
    problems += _check_name(place, period)
    submitter = Submitter(
        site=guide["site"], agency=guide["agency"], period=period, areas=areas, outcomes=outcomes
    )
    return submitter, problems


class _Place:
    """Where each line of the guide stands: a cell of the guide sheet, or nowhere for a CSV."""

    def __init__(self, raw: RawReturn) -> None:
        self.raw = raw

    def problem(self, rule: str, line: str, message: str, mend: str = "") -> Problem:
        inside = self.raw.sheet is not None
        return problem(
            rule,
            message,
            sheet=form().guide_sheet if inside else None,
            cell=f"B{form().guide.index(line) + 1}" if inside else None,
            value=self.raw.guide[line] or None,
            mend=mend,
        )


def _unsaid(raw: RawReturn) -> Problem:
    if raw.sheet is None:
        message = "The file's name does not say whose return it is and for which quarter."
        mend = "Name it <site>_<agency>_<quarter>.csv, like S03_council_2026-Q3.csv."
        return problem("R002", message, sheet=None, value=raw.path_name, mend=mend)
    message = f"The sheet {form().guide_sheet} is missing or empty, so nobody knows whose return"
    mend = "Copy the figures into a fresh template."
    return problem("R002", f"{message} it is.", sheet=form().guide_sheet, cell="B1", mend=mend)


def _check_version(place: _Place, version: str) -> list[Problem]:
    if version == form().template_version:
        return []
    message = f"The template's version is {version or 'not given'}; this programme reads version"
    return [place.problem("R003", "template_version", f"{message} {form().template_version}.")]


def _read_period(
    place: _Place, text: str, programme: Programme
) -> tuple[Period | None, list[Problem]]:
    try:
        period = Period.parse(text)
    except PeriodError:
        example = f"Write it like {programme.last}."
        message = "The return does not say its quarter in a form that can be read."
        return None, [place.problem("R006", "quarter", message, example)]
    if period.frequency == programme.first.frequency:
        inside = programme.first <= period <= programme.last
    else:
        inside = programme.first.year <= period.year <= programme.last.year
    if inside:
        return period, []
    message = f"{period} lies outside the programme, {programme.first} to {programme.last}."
    return period, [place.problem("R006", "quarter", message, "Correct the quarter.")]


def _check_over(place: _Place, period: Period, today: date) -> list[Problem]:
    """A return comes after its quarter is over."""
    if today > period.last_day:
        return []
    end = f"{period.last_day.day} {period.last_day:%B %Y}"
    if today <= (period + -1).last_day:
        return [place.problem("R008", "quarter", f"{period} has not begun; it ends on {end}.")]
    return [place.problem("R009", "quarter", f"{period} is not over before {end}.")]


def _check_name(place: _Place, period: Period | None) -> list[Problem]:
    """A workbook may have any name; one that says whose return it is must say the same."""
    named = guide_from_name(place.raw.path_name) if place.raw.sheet is not None else {}
    guide = place.raw.guide | {"quarter": period.label if period else ""}
    problems = []
    for line in ("site", "agency", "quarter"):
        said = named.get(line, "")
        if said and guide[line] and said != guide[line]:
            message = f"The file's name says {said}, its guide says {guide[line]}."
            problems.append(place.problem("R007", line, message))
    return problems
