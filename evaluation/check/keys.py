"""Whose return it is, and that each row's area, outcome and quarter are the submitter's own."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from evaluation.check.read import Cells
from evaluation.check.report import Problem, Read, problem
from evaluation.errors import PeriodError, WorkspaceError
from evaluation.geography import explained
from evaluation.programme import Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.workbook import RawReturn, guide_from_name


@dataclass(frozen=True, kw_only=True)
class Submitter:
    """The submitter and period as far as they are known, and what is expected from them.

    ``areas`` and ``outcomes`` are None where the submitter is not known, ``period`` where the
    quarter is not. ``asked`` : the areas of each outcome, which need not be the same.
    """

    site: str
    agency: str
    period: Period | None
    areas: dict[str, Area] | None
    outcomes: dict[str, Outcome] | None
    asked: dict[str, frozenset[str]] = field(default_factory=dict)


def read_guide(
    raw: RawReturn, programme: Programme, *, today: date | None = None
) -> Read[Submitter]:
    """Whose return it is, and everything about it that does not fit the programme.

    ``today`` is the day of the check; without it no quarter is too early.
    """
    place = _Place(raw)
    guide = raw.guide
    if not any(guide.values()):
        nobody = Submitter(site="", agency="", period=None, areas=None, outcomes=None)
        return Read(nobody, [_no_submitter(raw)])
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
    # A quarter that is wrong is not also early.
    if period is not None and today is not None and not faults:
        problems += _check_over(place, period, today)
    problems += _check_name(place, period)
    submitter = Submitter(
        site=guide["site"],
        agency=guide["agency"],
        period=period,
        areas=areas,
        outcomes=outcomes,
        asked={
            code: programme.areas_of(guide["site"], guide["agency"], code)
            for code in outcomes or ()
        },
    )
    return Read(submitter, problems)


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
            # The guide's lines stand in column B from row 1 on.
            cell=f"B{form().guide.index(line) + 1}" if inside else None,
            value=self.raw.guide[line] or None,
            mend=mend,
        )


def _no_submitter(raw: RawReturn) -> Problem:
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


def _read_period(place: _Place, text: str, programme: Programme) -> Read[Period | None]:
    try:
        period = Period.parse(text)
    except PeriodError:
        example = f"Write it like {programme.last}."
        message = "The return does not say its quarter in a form that can be read."
        return Read(None, [place.problem("R006", "quarter", message, example)])
    # A year and a quarter cannot be compared; a yearly return is inside where its year is.
    if period.frequency == programme.first.frequency:
        inside = programme.first <= period <= programme.last
    else:
        inside = programme.first.year <= period.year <= programme.last.year
    if inside:
        return Read(period, [])
    message = f"{period} lies outside the programme, {programme.first} to {programme.last}."
    return Read(period, [place.problem("R006", "quarter", message, "Correct the quarter.")])


def _check_over(place: _Place, period: Period, today: date) -> list[Problem]:
    """A return comes after its quarter is over."""
    if today > period.last_day:
        return []
    # %d would print 01, and %-d is not portable.
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
        in_name = named.get(line, "")
        if in_name and guide[line] and in_name != guide[line]:
            message = f"The file's name says {in_name}, its guide says {guide[line]}."
            problems.append(place.problem("R007", line, message))
    return problems


_LISTED = 8


def check_keys(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    """Every row whose key is unknown, somebody else's, of another quarter, or there twice."""
    problems = _check_areas(cells, submitter, programme)
    problems += _check_outcomes(cells, submitter, programme)
    problems += _check_quarters(cells, submitter)
    problems += _check_names(cells, programme)
    return problems + _check_twice(cells)


def _check_areas(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    known, own = programme.area_by_code, submitter.areas
    present = set(zip(cells.area_code, cells.outcome, strict=True))
    problems: list[Problem] = []
    for entry, code in enumerate(cells.area_code):
        if code is None or (code in known if own is None else code in own):
            outcome = cells.outcome[entry]
            # An area of this submitter, and of another one for this outcome.
            if code is not None and code not in submitter.asked.get(outcome or "", (code,)):
                title = programme.outcome_by_code[outcome or ""].title
                message = f"{title} of {code} ({known[code].name}) is returned by somebody else."
                problems += cells.listed("R031", entry, "area_code", message, value=code)
            continue
        if code in known:
            message = f"{code} ({known[code].name}) is not an area of this submitter."
            problems += cells.listed("R031", entry, "area_code", message, value=code)
        else:
            message = "The programme has no area with this code."
            # Found only where the problem is listed by itself: near matches take long, and a wrong
            # file has thousands of them.
            mend = partial(_nearest_free, code, cells.outcome[entry], own or known, present)
            if code in programme.old_codes:
                message = explained(programme.old_codes[code])
                mend = partial(_counts_under, programme.old_codes[code][0].vintage_to)
            problems += cells.listed("R030", entry, "area_code", message, value=code, mend=mend)
    return problems


def _counts_under(vintage: str) -> str:
    return f"Give the figures by codes of {vintage}: counts are brought over, never rates."


def _nearest_free(
    code: str, outcome: str | None, areas: Iterable[str], present: Container[object]
) -> str:
    # An area that has its row already is not the one that was meant.
    return _did_you_mean(code, [area for area in areas if (area, outcome) not in present])


def _check_outcomes(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    known, own = programme.outcome_by_code, submitter.outcomes
    problems: list[Problem] = []
    for entry, code in enumerate(cells.outcome):
        if code is None or (code in known if own is None else code in own):
            continue
        if code in known:
            message = f"{known[code].title} is not asked from this submitter."
            if own is not None and known[code].frequency == "year" and submitter.period:
                message = f"{known[code].title} is not asked from this submitter for this period."
            problems += cells.listed("R033", entry, "outcome", message, value=code)
        else:
            mend = partial(_did_you_mean, code, own or known)
            message = "The programme has no outcome with this code."
            problems += cells.listed("R032", entry, "outcome", message, value=code, mend=mend)
    return problems


def _did_you_mean(code: str, among: Iterable[str]) -> str:
    near = difflib.get_close_matches(code, among, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""


def _check_quarters(cells: Cells, submitter: Submitter) -> list[Problem]:
    period = submitter.period
    if period is None:
        return []
    message, mend = f"This return is for {period}.", f"Write {period}, or delete the row."
    return [
        found
        for entry, quarter in enumerate(cells.quarter)
        if quarter is not None and quarter != period
        for found in cells.listed("R034", entry, "quarter", message, value=str(quarter), mend=mend)
    ]


def _check_names(cells: Cells, programme: Programme) -> list[Problem]:
    """Names that belong to another area; a name that is merely spelt otherwise is not looked at."""
    codes = {area.name.casefold(): area.code for area in programme.areas}
    problems: list[Problem] = []
    for entry, (code, name) in enumerate(zip(cells.area_code, cells.area_name, strict=True)):
        named = codes.get((name or "").casefold())
        area = programme.area_by_code.get(code or "")
        if named is None or area is None or area.name.casefold() == (name or "").casefold():
            continue
        message = f"{name} is {named}; {code} is {area.name}."
        problems += cells.listed("R037", entry, "area_name", message, value=name)
    return problems


def _check_twice(cells: Cells) -> list[Problem]:
    first: dict[tuple[object, ...], int] = {}
    problems: list[Problem] = []
    keys = zip(cells.area_code, cells.quarter, cells.outcome, strict=True)
    for entry, key in enumerate(keys):
        # What cannot be read is no key, and has its own problem.
        if None in key:
            continue
        if key in first:
            row = cells.rows[first[key]]
            message = f"This area, quarter and outcome already stand in row {row}."
            problems += cells.listed("R035", entry, "area_code", message, value=key[0])
        else:
            first[key] = entry
    return problems


def check_missing(cells: Cells, submitter: Submitter) -> list[Problem]:
    """Expected rows that are not there, one problem an outcome.

    A row whose key cannot be read or is unknown may be the one that is missed: that is a problem
    already, so as many missing rows are not a second one.
    """
    if submitter.areas is None or submitter.outcomes is None:
        return []
    present: dict[str, set[str]] = defaultdict(set)
    strange: Counter[str] = Counter()
    of_any = 0  # rows that may be of any outcome
    for area, outcome in zip(cells.area_code, cells.outcome, strict=True):
        if outcome is None or outcome not in submitter.outcomes:
            of_any += 1
        elif area is None or area not in submitter.areas:
            strange[outcome] += 1
        else:
            present[outcome].add(area)
    problems = []
    for code, expected in submitter.outcomes.items():
        asked = submitter.asked[code]
        missing = [a for a in submitter.areas if a in asked and a not in present[code]]
        if len(missing) > strange[code] + of_any:
            listed = ", ".join(missing[:_LISTED]) + (" ..." if len(missing) > _LISTED else "")
            rows = "1 row is" if len(missing) == 1 else f"{len(missing)} rows are"
            message = f"{rows} missing for {expected.title}: {listed}."
            problems.append(problem("R036", message, sheet=cells.sheet))
    return problems
