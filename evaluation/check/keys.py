"""Whose return it is, and that each row's area, outcome and quarter are the submitter's own."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from evaluation.check.before import Line
from evaluation.check.read import Cells
from evaluation.check.report import Problem, Read, problem
from evaluation.check.whose import (
    FILE_NAME,
    LINES,
    Disagreement,
    Statement,
    Weighed,
    canonical,
    strange_in_name,
)
from evaluation.errors import WorkspaceError
from evaluation.geography import explained, explained_later
from evaluation.programme import OPEN_SITE, Area, Outcome, Programme
from evaluation.quarters import NAMES, Period
from evaluation.returns.form import form
from evaluation.returns.notation import notation
from evaluation.returns.workbook import RawReturn, csv_name


@dataclass(frozen=True, kw_only=True)
class Submitter:
    """The submitter and period as far as they are known, and what is expected from them.

    ``areas`` and ``outcomes`` are None where the submitter is not known, ``period`` where the
    quarter is not. ``asked`` : the areas of each outcome, which need not be the same. ``rows_are``
    is what most rows say of a line where that is likely wrong: it is told once, and not again at
    each of them.
    """

    site: str
    agency: str
    period: Period | None
    areas: dict[str, Area] | None
    outcomes: dict[str, Outcome] | None
    asked: dict[str, frozenset[str]] = field(default_factory=dict)
    rows_are: Mapping[Line, str] = field(default_factory=dict)


def read_guide(
    raw: RawReturn, programme: Programme, weighed: Weighed, *, today: date | None = None
) -> Read[Submitter]:
    """Whose return it is, and everything about it that does not fit the programme.

    ``today`` is the day of the check; without it no quarter is too early.
    """
    place = _Place(raw)
    if not any(raw.guide.values()):
        nobody = Submitter(site="", agency="", period=None, areas=None, outcomes=None)
        return Read(nobody, [_no_submitter(raw, weighed, programme)])
    problems: list[Problem] = []
    if raw.guide_sheet is not None:
        problems += _check_version(place, raw.guide["template_version"])
        if raw.guide["programme"].casefold() != programme.name.casefold():
            message = f"This is a return for {raw.guide['programme'] or 'no programme'},"
            message += f" not for {programme.name}."
            problems.append(place.problem("R004", "programme", message))
    problems += disagreements(raw, programme, weighed)
    problems += _read_otherwise(place, programme, weighed)
    period = weighed.period
    faults = _check_period(place, weighed, programme)
    problems += faults
    site = weighed.believed.get("site", raw.guide["site"])
    agency = weighed.believed.get("agency", raw.guide["agency"])
    problems += _check_submitter(place, weighed, programme)
    areas = outcomes = None
    try:
        expected = programme.expected(site, agency)
    except WorkspaceError as error:
        if not any(p.rule == "R005" for p in problems):
            mend = f"One of: {error.expected}."
            problems.append(place.problem("R005", "site", error.what, mend))
    else:
        areas = {area.code: area for area in expected[0]}
        outcomes = {
            outcome.code: outcome
            for outcome in (
                expected[1] if period is None else programme.asked_in(site, agency, period)
            )
        }
    # A quarter that is wrong is not also early.
    if period is not None and today is not None and not faults:
        problems += _check_over(place, period, today)
    submitter = Submitter(
        site=site,
        agency=agency,
        period=period,
        areas=areas,
        outcomes=outcomes,
        asked={code: programme.areas_of(site, agency, code) for code in outcomes or ()},
        rows_are={
            one.line: wrong.value
            for one in weighed.disagreements
            for wrong in one.wrong
            if wrong.kind == "rows"
        },
    )
    return Read(submitter, problems)


class _Place:
    """Where each line of the guide stands: a cell of the guide sheet, or nowhere for a CSV."""

    def __init__(self, raw: RawReturn) -> None:
        self.raw = raw

    def problem(
        self, rule: str, line: str, message: str, mend: str = "", *, wrong: bool = False
    ) -> Problem:
        inside = self.raw.guide_sheet is not None
        # The guide's lines stand in column B from row 1 on.
        cell = f"B{form().guide.index(line) + 1}" if inside else None
        found = problem(
            rule,
            message,
            sheet=self.raw.guide_sheet,
            cell=cell,
            value=self.raw.guide[line] or None,
            mend=mend,
        )
        place = f"{form().guide_sheet}!{cell}" if inside else FILE_NAME
        return replace(found, place=place, likely_wrong=True) if wrong else found


def _no_submitter(raw: RawReturn, weighed: Weighed, programme: Programme) -> Problem:
    believed, like = weighed.believed, ""
    if weighed.period is not None and {"site", "agency"} <= believed.keys():
        like = csv_name(believed["site"], believed["agency"], weighed.period)
    if raw.sheet is None:
        message = "The file's name does not say whose return it is and for which quarter."
        mend = "Name it <site>_<agency>_<quarter>.csv, like S03_council_2026-Q3.csv."
        if like:
            message += f" Its rows are like those of {described(programme, weighed)}."
            mend = f"If they are, name it {like}."
        return problem("R002", message, sheet=None, value=raw.path_name, mend=mend)
    message = f"The sheet {form().guide_sheet} is missing or empty, so nobody knows whose return"
    mend = "Copy the figures into a fresh template."
    if like:
        mend = f"Copy the figures into a fresh template; or name the file {like[:-4]}.xlsx, if its"
        mend += f" rows are those of {described(programme, weighed)}."
    return problem("R002", f"{message} it is.", sheet=form().guide_sheet, cell="B1", mend=mend)


def _check_version(place: _Place, version: str) -> list[Problem]:
    if version == form().template_version:
        return []
    message = f"The template's version is {version or 'not given'}; this programme reads version"
    return [place.problem("R003", "template_version", f"{message} {form().template_version}.")]


def _check_submitter(place: _Place, weighed: Weighed, programme: Programme) -> list[Problem]:
    """A site or an agency that the programme does not have."""
    problems = []
    for one in weighed.unknown:
        if one.line == "quarter" or one.kind == "rows":
            continue
        value = weighed.believed.get(one.line)
        message = f"{programme.name} has no {one.line} {one.value!r}."
        if value is not None:
            named = value_in_words(one.line, value, programme)
            message += f" The other places say {named}."
        where = "the file's name" if one.place == FILE_NAME else one.place
        mend = f"If that is so, write {value} in {where}." if value is not None else ""
        found = place.problem("R005", one.line, message, mend, wrong=value is not None)
        problems.append(replace(found, place=one.place, value=one.value))
    return problems


def _check_period(place: _Place, weighed: Weighed, programme: Programme) -> list[Problem]:
    """A quarter in the guide that cannot be read, means two, or is none of the programme's."""
    period, unclear = weighed.period, weighed.unclear
    wrong = [o for o in weighed.unknown if o.line == "quarter" and o.kind != "rows"]
    like = f"Write it like {programme.last}."
    if unclear is not None:
        ranked = sorted(unclear.periods, key=lambda one: one != period)
        message = f"This can mean {' or '.join(one.described for one in ranked)}"
        if period not in unclear.periods:
            return [place.problem("R006", "quarter", f"{message}.", like)]
        message += "; the first was taken, as the other places say."
        return [place.problem("R039", "quarter", message)]
    if period is not None and not wrong:
        return []
    of = programme.first.frequency
    message = f"The return does not say its {NAMES[of]} in a form that can be read."
    if wrong and (outside := notation(wrong[0].value, of).periods):
        message = f"{outside[0].described} lies outside the programme,"
        message += f" {programme.first} to {programme.last}."
    if period is None:
        return [place.problem("R006", "quarter", message, like)]
    if wrong and period in notation(wrong[0].value, of).periods:
        # Every place says it, so no place is wrong: nothing is asked for that quarter.
        who = f" Ask {programme.contact}." if programme.contact else ""
        mend = f"No return is asked for that {NAMES[of]}.{who} Do not change it to another one."
        return [place.problem("R006", "quarter", message, mend)]
    message += f" The other places say {period.described}."
    mend = f"If that is so, write {period} here."
    return [place.problem("R006", "quarter", message, mend, wrong=True)]


def _read_otherwise(place: _Place, programme: Programme, weighed: Weighed) -> list[Problem]:
    """A note for each line of the guide that is written in another way, or was read elsewhere."""
    problems = []
    for line in LINES:
        text = place.raw.guide[line]
        if not text and line in weighed.believed:
            said = value_in_words(line, weighed.believed[line], programme)
            message = f"The guide does not say the {line}; the other places say {said}."
            problems.append(place.problem("R018", line, message))
        value = canonical(line, text, programme) if text else None
        if value is None or value == text:
            continue
        # Of a name that stands for the guide the quarter is told with the whole.
        of = programme.first.frequency
        if line == "quarter" and (place.raw.guide_sheet is None or notation(text, of).own):
            continue
        message = f"This was read as {value_in_words(line, value, programme)}."
        rule = "R028" if line == "quarter" else "R018"
        problems.append(place.problem(rule, line, message))
    for line, strange in strange_in_name(place.raw, programme).items():
        if (value := weighed.believed.get(line)) is not None:
            message = (
                f"The file's name says {strange}, which is no {line} of {programme.name}. These"
            )
            message += f" are taken for figures of {value_in_words(line, value, programme)}."
            told = problem("R018", message, sheet=None, value=place.raw.path_name)
            problems.append(replace(told, place=FILE_NAME))
    return problems


def _check_over(place: _Place, period: Period, today: date) -> list[Problem]:
    """A return comes after its quarter is over."""
    if today > period.last_day:
        return []
    # %d would print 01, and %-d is not portable.
    end = f"{period.last_day.day} {period.last_day:%B %Y}"
    if today <= (period + -1).last_day:
        message = f"{period.described} has not begun; it ends on {end}."
        return [place.problem("R008", "quarter", message)]
    return [place.problem("R009", "quarter", f"{period.described} is not over before {end}.")]


def disagreements(raw: RawReturn, programme: Programme, weighed: Weighed) -> list[Problem]:
    """Each place that says otherwise than the evidence; one question where nothing decides."""
    problems: list[Problem] = []
    for one in weighed.disagreements:
        if one.value is None:
            problems.append(_undecided(raw, one, programme, weighed))
            continue
        for wrong in one.wrong:
            problems.append(_likely_wrong(raw, one, wrong, programme, weighed))
    return problems


def value_in_words(line: Line, value: str, programme: Programme) -> str:
    """A site or an agency with its name, a quarter with its months."""
    if line == "quarter":
        return Period.parse(value).described
    if line == "site":
        site = programme.site_by_code.get(value)
        return f"{value} ({site.name})" if site else value
    names = programme.agencies | {source.code: source.name for source in programme.sources}
    return f"{value} ({names[value]})" if value in names else value


def described(programme: Programme, weighed: Weighed) -> str:
    """Whose return it is taken to be, in words."""
    said = (value_in_words(line, value, programme) for line, value in weighed.believed.items())
    return ", ".join(said)


_WHO = {"name": "the file's name", "guide": "the guide", "rows": "most rows"}


def _say(places: Sequence[Statement], value: str, programme: Programme) -> str:
    """Who says a value, and what that is in words."""
    who = [
        _WHO[one.kind] if one.kind == "name" else f"{_WHO[one.kind]} ({one.place})"
        for one in places
    ]
    verb = "says" if len(places) == 1 and places[0].kind != "rows" else "say"
    return f"{' and '.join(who)} {verb} {value_in_words(places[0].line, value, programme)}"


def _sheet_of(raw: RawReturn, one: Statement) -> str | None:
    return {"name": None, "guide": raw.guide_sheet, "rows": raw.sheet}[one.kind]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _likely_wrong(
    raw: RawReturn, one: Disagreement, wrong: Statement, programme: Programme, weighed: Weighed
) -> Problem:
    right = one.value or ""
    agree = [s for s in one.statements if s.value == right]
    why = [_say(agree, right, programme), *(w.why for w in one.witnesses if w.value == right)]
    message = f"{_upper(_say([wrong], wrong.value, programme))}, but {', and '.join(why)}."
    if wrong.kind == "guide":
        mend = f"If that is so, write {right} in {wrong.place} and change no row."
    elif wrong.kind == "name":
        site, agency = weighed.believed.get("site", ""), weighed.believed.get("agency", "")
        ending = ".csv" if raw.sheet is None else ".xlsx"
        slug = weighed.period.slug if weighed.period is not None else ""
        mend = f"If that is so, name the file {site}_{agency}_{slug}{ending} and change no row."
    elif one.line == "quarter":
        mend = f"See first which months the figures are of. If it is {Period.parse(right).months},"
        mend += f" write {right} in the column quarter; if not, this is another return: leave its"
        mend += " rows as they are, and send the right file."
    else:
        named = value_in_words(one.line, right, programme)
        mend = f"Leave the rows as they are, and send the file with those of {named}."
    return replace(
        problem(
            "R007",
            message,
            sheet=_sheet_of(raw, wrong),
            cell=wrong.cell,
            value=wrong.value,
            mend=mend,
        ),
        place=wrong.place,
        likely_wrong=True,
    )


def _undecided(
    raw: RawReturn, one: Disagreement, programme: Programme, weighed: Weighed
) -> Problem:
    values = dict.fromkeys(s.value for s in one.statements)
    says = ", and ".join(
        _say([s for s in one.statements if s.value == value], value, programme) for value in values
    )
    kept = value_in_words(one.line, weighed.believed[one.line], programme)
    message = f"{_upper(says)}. Nothing known here decides which is right: look at the figures'"
    message += f" own source. As it stands the figures would be kept for {kept}."
    asked = next((s for s in one.statements if s.value != weighed.believed[one.line]), None)
    at = asked or one.statements[0]
    sheet = _sheet_of(raw, at)
    found = problem("R038", message, sheet=sheet, cell=at.cell, value=at.value)
    return replace(found, place=at.place)


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
            if (known[code].site or OPEN_SITE) == submitter.rows_are.get("site"):
                continue  # told once, of most rows
            message = _whose(known[code], submitter, programme)
            problems += cells.listed("R031", entry, "area_code", message, value=code)
        else:
            message = "The programme has no area with this code."
            # Found only where the problem is listed by itself: near matches take long, and a wrong
            # file has thousands of them.
            mend = partial(_nearest_free, code, cells.outcome[entry], own or known, present)
            if code in programme.old_codes:
                message = explained(programme.old_codes[code])
                mend = partial(_counts_under, programme.old_codes[code][0].vintage_to)
            elif code in programme.later_codes:
                message = explained_later(programme.later_codes[code])
                mend = partial(_counts_under, programme.later_codes[code][0].vintage_from)
            problems += cells.listed("R030", entry, "area_code", message, value=code, mend=mend)
    return problems


def _counts_under(vintage: str) -> str:
    return f"Give the figures by codes of {vintage}: counts are brought over, never rates."


def _whose(area: Area, submitter: Submitter, programme: Programme) -> str:
    if not area.site:
        return f"{area.code} ({area.name}) is no area of {submitter.site or 'this submitter'}."
    whose = value_in_words("site", area.site, programme)
    return f"{area.code} ({area.name}) is an area of {whose}, not of this submitter."


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
            if "agency" in submitter.rows_are:
                continue  # told once, of most rows
            message, where = f"{known[code].title} is not asked from this submitter.", ""
            if own is not None and submitter.period and _otherwise(known[code], submitter.period):
                message = f"{known[code].title} is not asked from this submitter for this period."
                where = _in_its_own(known[code], submitter.period)
            problems += cells.listed("R033", entry, "outcome", message, value=code, mend=where)
        else:
            mend = partial(_did_you_mean, code, own or known)
            message = "The programme has no outcome with this code."
            problems += cells.listed("R032", entry, "outcome", message, value=code, mend=mend)
    return problems


def _otherwise(outcome: Outcome, period: Period) -> bool:
    """Whether an outcome is one of other periods, or of single ones: of a year, of a wave."""
    return outcome.sampled or outcome.period_frequency != period.frequency


def _in_its_own(outcome: Outcome, period: Period) -> str:
    """Where a row of an outcome belongs that is returned by month, or by quarter, and not so."""
    of = outcome.period_frequency
    if {of, period.frequency} != {"M", "Q"}:
        return ""
    own = period.within("Q") if of == "Q" else Period.around(period.last_day, "M")
    return (
        f"It is returned by {NAMES[of]}: take the row out, and send it in the return of its "
        f"{NAMES[of]}, like {own}."
    )


def _did_you_mean(code: str, among: Iterable[str]) -> str:
    near = difflib.get_close_matches(code, among, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""


def _check_quarters(cells: Cells, submitter: Submitter) -> list[Problem]:
    period = submitter.period
    if period is None:
        return []
    problems: list[Problem] = []
    for entry, quarter in enumerate(cells.quarter):
        # What most rows say is told once, with the other places that say so or otherwise.
        if quarter in (None, period) or str(quarter) == submitter.rows_are.get("quarter"):
            continue
        message = f"This return is for {period.described}; this row says {quarter.described}."
        mend = f"If the figure is of {period.months}, write {period}; if it is of"
        mend += f" {quarter.months}, send it in the return for {quarter}."
        said = cells.quarter_said.get(entry, str(quarter))
        problems += cells.listed("R034", entry, "quarter", message, value=said, mend=mend)
    return problems


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
    if {"site", "agency"} & submitter.rows_are.keys():
        return []  # the rows are another return's
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
