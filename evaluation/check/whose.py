"""Whose figures these are and of which quarter, where the places that say so disagree.

The file's name, the guide and the rows each say it, and what was accepted before speaks for one or
the other: which return is due, whose figures these equal. Each place and each of these counts once.
The place that stands alone against the rest is named as the one that is likely wrong; where as much
speaks for two values nothing is decided, and the officer is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from evaluation.check.accepted import AcceptedFigures, SiteAgency
from evaluation.check.before import Line, Witness
from evaluation.check.read import Headed, read_number
from evaluation.errors import WorkspaceError
from evaluation.programme import OPEN_SITE, SITE_SOURCE, Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import INVISIBLE, column_letter, form
from evaluation.returns.notation import Notation, notation
from evaluation.returns.workbook import RawReturn, bare_stem, guide_from_name, heading, plain_text

LINES: tuple[Line, ...] = ("site", "agency", "quarter")
FILE_NAME = "file name"
_COLUMN_OF: dict[Line, str] = {"site": "area_code", "agency": "outcome", "quarter": "quarter"}
# Most of the rows: fewer are single rows that have gone astray, and each is told by itself.
_MOST = 0.5
# Of the figures that can be compared; a few may have been corrected since.
_ALIKE, _ENOUGH = 0.8, 2
_LOOKED_AT = 2_000
# A single row, however often it stands there, is no return of somebody else.
_FEWEST_ROWS = 2
# With the second year of a financial year, if it has one: Q2 of 2026-27 is not that of 2026.
_YEAR = r"(20[0-9]{2}(?:[-_/ ][0-9]{2}(?![0-9]))?)"
_QUARTER_IN_NAME = re.compile(rf"{_YEAR}[ _-]?Q([1-4])|Q([1-4])[ _-]?{_YEAR}", re.IGNORECASE)


class Statement(NamedTuple):
    """What one place says about one line; ``kind`` is where that is, ``cell`` the first of it."""

    line: Line
    kind: Literal["name", "guide", "rows"]
    place: str
    value: str
    known: bool = True
    cell: str | None = None


class Disagreement(NamedTuple):
    """A line about which places disagree; ``value`` is None where nothing decides it."""

    line: Line
    statements: tuple[Statement, ...]
    witnesses: tuple[Witness, ...]
    value: str | None

    @property
    def wrong(self) -> tuple[Statement, ...]:
        """The places that are likely wrong; none where nothing decides."""
        return tuple(s for s in self.statements if self.value not in (None, s.value))


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """What the places say together.

    ``believed`` has the value of each line that some place says, also where it is only asked
    about: then it is what the rows say. ``unknown`` are statements of values that the programme
    does not have; ``unclear`` is a quarter in the guide that can be read in two ways.
    """

    believed: Mapping[Line, str]
    disagreements: tuple[Disagreement, ...]
    unknown: tuple[Statement, ...]
    unclear: Notation | None

    @property
    def period(self) -> Period | None:
        """The quarter believed."""
        return Period.parse(self.believed["quarter"]) if "quarter" in self.believed else None


class RowFigures(NamedTuple):
    """A row as far as it can be compared with accepted figures."""

    area: str
    outcome: str
    numerator: float | None
    denominator: float | None
    last: float | None


@dataclass(frozen=True, kw_only=True)
class Places:
    """Everything that the file itself says, before it is weighed."""

    statements: tuple[Statement, ...]
    unknown: tuple[Statement, ...]
    unclear: Notation | None
    rows: tuple[RowFigures, ...]

    def values(self, line: Line) -> list[str]:
        """The different values that places give for a line, the most frequent first."""
        return [value for value, _ in self.counts(line).most_common()]

    def counts(self, line: Line) -> Counter[str]:
        """How many places say each value."""
        return Counter(o.value for o in self.statements if o.line == line and o.known)


def places_of(raw: RawReturn, headed: Headed, programme: Programme) -> Places:
    """What the file's name, the guide and the rows say about site, agency and quarter."""
    said = [*_by_name(raw, programme), *_by_guide(raw, programme)]
    known = [one for one in said if one.known]
    rows = _row_figures(headed)
    known += _by_rows(raw, headed, programme, known)
    periods = notation(raw.guide["quarter"], programme.first.frequency)
    return Places(
        statements=tuple(known),
        unknown=tuple(one for one in said if not one.known),
        unclear=periods if len(periods.periods) > 1 else None,
        rows=rows,
    )


def weigh(places: Places, witnesses: Sequence[Witness] = ()) -> Weighed:
    """Which value of each line the evidence speaks for, and which places it speaks against."""
    believed: dict[Line, str] = {}
    found = []
    for line in LINES:
        said = [one for one in places.statements if one.line == line]
        # Rows of a quarter that the programme does not have speak for nothing, and are wrong.
        known = [one for one in said if one.known] or said
        values = dict.fromkeys(one.value for one in said)
        if not said:
            continue
        if len(values) == 1:
            believed[line] = said[0].value
            continue
        heard = tuple(w for w in witnesses if w.line == line and w.value in values)
        votes = Counter(one.value for one in known)
        votes += Counter(one.value for one in heard if not one.inner)
        inner = votes + Counter(one.value for one in heard if one.inner)
        decided = _winner(votes) or _winner(inner)
        # Undecided, figures stay with what their own rows say: nothing else moves them elsewhere.
        ranked = sorted(known, key=lambda one: ("rows", "guide", "name").index(one.kind))
        believed[line] = decided or ranked[0].value
        found.append(Disagreement(line, tuple(said), heard, decided))
    return Weighed(
        believed=believed,
        disagreements=tuple(found),
        unknown=places.unknown,
        unclear=places.unclear,
    )


def _winner(votes: Counter[str]) -> str | None:
    (first, most), *others = votes.most_common(2)
    return first if not others or most > others[0][1] else None


def canonical(line: Line, text: str, programme: Programme) -> str | None:
    """A site or agency by its code in any case, or by its name; a quarter in any notation."""
    plain = " ".join(text.strip(INVISIBLE).split()).casefold()
    if line == "quarter":
        periods = notation(text, programme.first.frequency).periods
        return periods[0].label if len(periods) == 1 else None
    sites = {one.code: one.name for one in programme.sites} | {OPEN_SITE: OPEN_SITE}
    agencies = programme.agencies | {one.code: one.name for one in programme.sources}
    known = sites if line == "site" else agencies
    by_code = {code.casefold(): code for code in known}
    by_name = {name.casefold(): code for code, name in known.items()}
    return by_code.get(plain) or by_code.get(plain.replace(" ", "_")) or by_name.get(plain)


def _by_guide(raw: RawReturn, programme: Programme) -> Iterator[Statement]:
    """The guide, or for a CSV its name, which stands for it."""
    inside = raw.guide_sheet is not None
    for line in LINES:
        text = raw.guide[line]
        if not text:
            continue
        if line == "quarter" and len(notation(text, programme.first.frequency).periods) > 1:
            continue  # readable in two ways: asked about, and no evidence
        number = form().guide.index(line) + 1
        place = f"{form().guide_sheet}!B{number}" if inside else FILE_NAME
        value = canonical(line, text, programme)
        known = value is not None and (line != "quarter" or _is_inside(value, programme))
        kind: Literal["guide", "name"] = "guide" if inside else "name"
        cell = f"B{number}" if inside else None
        yield Statement(line, kind, place, value if value and known else text, known, cell)


def _is_inside(label: str, programme: Programme) -> bool:
    period = Period.parse(label)
    if period.frequency == programme.first.frequency:
        return programme.first <= period <= programme.last
    return programme.first.year <= period.year <= programme.last.year


def _by_name(raw: RawReturn, programme: Programme) -> Iterator[Statement]:
    """What a workbook's name says: it may have any name, so only what is known is heard."""
    if raw.guide_sheet is None and any(raw.guide.values()):
        return  # the name stands for the guide
    for line, text in in_name(raw.path_name, programme).items():
        yield Statement(line, "name", FILE_NAME, text)


def in_name(name: str, programme: Programme) -> dict[Line, str]:
    """Site, agency and quarter of the programme that a file's name holds, each where it does."""
    of = programme.first.frequency
    strict = guide_from_name(name, of)
    found: dict[Line, str] = {}
    for line in LINES:
        value = canonical(line, strict[line], programme) if strict[line] else None
        if value is not None and (line != "quarter" or _is_inside(value, programme)):
            found[line] = value
    stem = bare_stem(name)
    words = "_" + re.sub(r"[^a-z0-9]+", "_", stem.casefold()) + "_"
    quarters = {
        str(period)
        for one in _QUARTER_IN_NAME.findall(stem)
        for period in _named(one[0] or one[3], one[1] or one[2])
    }
    one = len(quarters) == 1 and of != "M" and _is_inside(min(quarters), programme)
    if "quarter" not in found and one:
        found["quarter"] = min(quarters)
    # Of single words only a site's code with a digit in it: an agency's is a word like others.
    there = [code for code in programme.site_by_code if f"_{code.casefold()}_" in words]
    if "site" not in found and len(there) == 1 and any(sign.isdigit() for sign in there[0]):
        found["site"] = there[0]
    return found


def strange_in_name(raw: RawReturn, programme: Programme) -> dict[Line, str]:
    """A site or an agency in a workbook's name that the programme does not have.

    A workbook may have any name, so this is no evidence; only a name that is written like a
    return's, with a quarter and a site in the shape of this programme's codes, is taken to mean it.
    """
    strict = guide_from_name(raw.path_name, programme.first.frequency)
    shapes = {_shape(code) for code in programme.site_by_code}
    if raw.guide_sheet is None or _shape(strict["site"]) not in shapes:
        return {}
    lines: tuple[Line, ...] = ("site", "agency")
    found = {o: strict[o] for o in lines if canonical(o, strict[o], programme) is None}
    return found if len(found) == 1 else {}


def _shape(code: str) -> str:
    """``A9`` for S01: letters in one case and runs of digits alike."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]", "A", code))


def _named(year: str, quarter: str) -> tuple[Period, ...]:
    """The quarters that a year, calendar or financial, and a number can mean."""
    return notation(f"Q{quarter} {year.translate(str.maketrans('-_ ', '///'))}").periods


def _by_rows(
    raw: RawReturn, headed: Headed, programme: Programme, said: Sequence[Statement]
) -> Iterator[Statement]:
    """What most rows say: areas name the site, outcomes the agency, the quarter itself."""
    sheet = raw.sheet or form().return_sheet
    columns = headed.columns
    keys = set(zip(_texts(headed, "area_code"), _texts(headed, "outcome"), strict=True))
    if len(keys) < _FEWEST_ROWS:
        return
    readers: dict[Line, Callable[[], str | None]] = {
        "site": lambda: _site_of(_texts(headed, "area_code"), programme, said),
        "agency": lambda: _agency_of(
            _texts(headed, "area_code"), _texts(headed, "outcome"), programme, said
        ),
        "quarter": lambda: _quarter_of(_values(headed, "quarter"), programme),
    }
    for line in LINES:
        if _COLUMN_OF[line] in columns and (value := readers[line]()) is not None:
            letter = column_letter(columns[_COLUMN_OF[line]])
            cell = f"{letter}{headed.rows[0].number}"
            inside = line != "quarter" or _is_inside(value, programme)
            yield Statement(line, "rows", f"{sheet}!{letter}", value, inside, cell)


def _values(headed: Headed, name: str) -> list[object]:
    rows = headed.rows[:_LOOKED_AT]
    at = headed.columns.get(name)
    return [row.values[at] if at is not None and at < len(row.values) else None for row in rows]


def _texts(headed: Headed, name: str) -> list[str]:
    return [plain_text(value) for value in _values(headed, name)]


def _most(found: Iterable[str | None]) -> str | None:
    """The value of more than half of the rows that say one."""
    counts = Counter(one for one in found if one is not None)
    for value, count in counts.most_common(1):
        return value if count > _MOST * counts.total() else None
    return None


def _quarter_of(values: Sequence[object], programme: Programme) -> str | None:
    of = programme.first.frequency
    read = (notation(value, of) if value is not None else Notation() for value in values)
    return _most(
        one.periods[0].label if len(one.periods) == 1 and not one.month else None for one in read
    )


def _site_of(areas: Sequence[str], programme: Programme, said: Sequence[Statement]) -> str | None:
    """The site of most areas; a site that is said and returns most of them is meant.

    Sources return areas of several sites, so that an area alone does not tell whose row it is.
    """
    known = [area for code in areas if (area := programme.area_by_code.get(code)) is not None]
    if not known:
        return None
    agencies = [one.value for one in said if one.line == "agency"]
    sites = dict.fromkeys(one.value for one in said if one.line == "site")
    able = [
        site
        for site in sites
        if any(_covers(_areas_of(site, agency, programme), known) for agency in agencies or [""])
    ]
    if able:
        return able[0] if len(able) == 1 else None
    return _most(area.site or OPEN_SITE for area in known)


def _areas_of(site: str, agency: str, programme: Programme) -> set[str]:
    try:
        return {area.code for area in programme.expected(site, agency)[0]}
    except WorkspaceError:  # no such submitter: the areas of the site alone
        return {area.code for area in programme.areas if (area.site or OPEN_SITE) == site}


def _covers(codes: set[str], known: Sequence[Area]) -> bool:
    return sum(area.code in codes for area in known) > _MOST * len(known)


def _agency_of(
    areas: Sequence[str], outcomes: Sequence[str], programme: Programme, said: Sequence[Statement]
) -> str | None:
    known = [(a, o) for a, o in zip(areas, outcomes, strict=True) if o in programme.outcome_by_code]
    if not known:
        return None
    codes = [programme.outcome_by_code[outcome] for _, outcome in known]
    agencies = dict.fromkeys(one.value for one in said if one.line == "agency")
    able = [agency for agency in agencies if _share(codes, agency) > _MOST]
    if able:
        return able[0] if len(able) == 1 else None
    return _most(
        owner
        for area, outcome in known
        if (owner := _owner(programme, area, programme.outcome_by_code[outcome]))
    )


def _share(outcomes: Sequence[Outcome], agency: str) -> float:
    """How many of the outcomes an agency or a source gives."""
    given = [
        agency in (*one.sources_for("pilot"), *one.sources_for("comparison"))
        or (one.by_site and one.agency == agency)
        for one in outcomes
    ]
    return sum(given) / len(given)


def _owner(programme: Programme, code: str, outcome: Outcome) -> str:
    """Who returns an outcome of an area; "" where several sources may."""
    area = programme.area_by_code.get(code)
    sources = outcome.sources_for("pilot" if area is None else area.role)
    if len(sources) > 1 and area is not None:
        # Of several sources each has authorities of its own.
        sources = tuple(
            one
            for one in sources
            if one in programme.source_by_code
            and programme.source_by_code[one].covers(area, programme.mergers)
        )
    if len(sources) != 1:
        return ""
    return outcome.agency if sources[0] == SITE_SOURCE else sources[0]


def _row_figures(headed: Headed) -> tuple[RowFigures, ...]:
    ignored = [c for c, v in enumerate(headed.header.values) if heading(v) in form().ignored]
    figures = []
    for row in headed.rows[:_LOOKED_AT]:

        def number(at: int | None, values: tuple[object, ...] = row.values) -> float | None:
            value = values[at] if at is not None and at < len(values) else None
            read = read_number(value)
            return read if isinstance(read, float) else None

        def text(name: str, values: tuple[object, ...] = row.values) -> str:
            at = headed.columns.get(name)
            return plain_text(values[at]) if at is not None and at < len(values) else ""

        figures.append(
            RowFigures(
                text("area_code"),
                text("outcome"),
                number(headed.columns.get("numerator")),
                number(headed.columns.get("denominator")),
                number(ignored[0] if ignored else None),
            )
        )
    return tuple(figures)


def witnesses_of(
    places: Places, history: AcceptedFigures, *, today: date | None
) -> tuple[Witness, ...]:
    """What was accepted before says about the lines on which places disagree.

    Parameters
    ----------
    today : the day of the check; None where no clock counts.
    """
    leading = {line: places.values(line)[:1] for line in LINES}
    if not all(leading.values()):
        return ()
    site, agency, label = (leading[line][0] for line in LINES)
    period = Period.parse(label)
    found: list[Witness] = []
    quarters = places.values("quarter")
    if len(quarters) > 1:
        whose = {value: _Owed((site, agency), Period.parse(value)) for value in quarters}
        found += _due("quarter", whose, history, today)
        found += _equal_quarter(places, whose, history)
    for line in ("site", "agency"):
        values = places.values(line)
        if len(values) < 2:
            continue
        whose = {
            value: _Owed((value, agency) if line == "site" else (site, value), period)
            for value in values
        }
        found += _due(line, whose, history, today)
        found += _own_figures(line, places, period, history)
    return tuple(found)


class _Owed(NamedTuple):
    """A return that a submitter may owe."""

    submitter: SiteAgency
    period: Period


def _due(
    line: Line, whose: Mapping[str, _Owed], history: AcceptedFigures, today: date | None
) -> Iterator[Witness]:
    """The one value whose return is due: over, not accepted yet, or else next in order."""
    given = {
        value: history.given(one.submitter, one.period.frequency) for value, one in whose.items()
    }
    open_ = [
        value
        for value, one in whose.items()
        if one.period.ordinal not in given[value] and (today is None or one.period.last_day < today)
    ]
    following = [v for v in open_ if given[v] and max(given[v]) + 1 == whose[v].period.ordinal]
    if len(open_) != 1 and len(following) == 1:
        open_ = following
    if len(open_) == 1:
        site, agency = whose[open_[0]].submitter
        due = f"the return of {site} {agency} for {whose[open_[0]].period} is the one that is due"
        yield Witness(line, open_[0], due)


def _equal_quarter(
    places: Places, whose: Mapping[str, _Owed], history: AcceptedFigures
) -> Iterator[Witness]:
    """The one quarter whose accepted figures these are, or which follows those shown as last."""
    same, after = [], []
    for value, one in whose.items():
        at = one.period.ordinal
        if _alike((row.numerator, history.numerator(row, at)) for row in places.rows):
            same.append(value)
        given = history.given(one.submitter, one.period.frequency)
        before = max((p for p in given if p < at), default=None)
        if before is not None and _alike(
            (row.last, history.numerator(row, before)) for row in places.rows
        ):
            after.append(value)
    if len(same) == 1:
        why = f"the figures equal those accepted for {Period.parse(same[0]).described}"
        yield Witness("quarter", same[0], why)
    if len(after) == 1:
        why = f"last_accepted shows what was accepted before {after[0]}"
        yield Witness("quarter", after[0], why)


def _own_figures(
    line: Line, places: Places, period: Period, history: AcceptedFigures
) -> Iterator[Witness]:
    """The rows are whose they say where denominators, or figures, are those accepted for them."""
    rows = [one for one in places.statements if one.line == line and one.kind == "rows"]
    if not rows:
        return
    at = period.ordinal
    if _alike((row.denominator, history.denominator(row)) for row in places.rows):
        why = "the denominators are those accepted for these rows"
        yield Witness(line, rows[0].value, why, inner=True)
    elif _alike((row.numerator, history.numerator(row, at)) for row in places.rows):
        why = "the figures equal those accepted for these rows"
        yield Witness(line, rows[0].value, why, inner=True)


def _alike(pairs: Iterable[tuple[float | None, float | None]]) -> bool:
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    same = sum(one == other for one, other in known)
    return len(known) >= _ENOUGH and same >= _ALIKE * len(known)
