"""What a source said, month by month, and what it makes of an area's quarter.

A reading is one count under the source's own code. Counts are brought to the programme's areas
first and made quarters then, so that a month that is missing anywhere in an area leaves that area
without a figure and never with a smaller one.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from evaluation.authorities import gone, parts_of, stand_ins
from evaluation.connect.pulls import Unusable
from evaluation.connect.recipes import Recipe
from evaluation.errors import GeographyError, SourceError
from evaluation.geography import CodeShare, Converted, Crosswalk, Part
from evaluation.programme import Outcome
from evaluation.quarters import Period
from evaluation.returns.form import apportioned_note, summed_note
from evaluation.wording import Sentence, count

NOT_AVAILABLE, ROUNDED, LOW = "[x]", "[r]", "[low]"
EVERY_MONTH = "every month"
# Below, that all figures end alike may be chance: one in five for each.
_ENOUGH_TO_SEE_ROUNDING = 20
# Months are compared as a whole where there are so many areas; a single one may well jump.
_ENOUGH_TO_SEE_UNITS = 3
# No month's total over several areas is so many times that of the month before or after; a change
# of unit is by a thousand.
_ANOTHER_UNIT = 100
# A total from which on no month after it has none at all.
_NOT_ALL_ZERO = 100
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII
)
_MONTH = re.compile(r"(\d{4})(-(?:0[1-9]|1[0-2])(?=$|-))?(?:(?<=-\d\d)-[0-3]\d)?", re.ASCII)
_ZIP, _UTF_16 = b"PK\x03\x04", (b"\xff\xfe", b"\xfe\xff")
# So much of a heading is shown in a message.
_SHOWN = 160
# So many codes are named in a message.
_NAMED = 3
# Of a mean that is no count of people.
_DECIMALS = 4
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("E00", "W00"), "output areas"),
    **dict.fromkeys(("E01", "W01"), "LSOAs"),
    **dict.fromkeys(("E02", "W02"), "MSOAs"),
    **dict.fromkeys(("E05", "W05"), "wards"),
    **dict.fromkeys(("E06", "E07", "E08", "E09", "W06"), "local authorities"),
    "E10": "counties",
    **dict.fromkeys(("E12", "E92", "W92", "K02", "K03", "K04"), "regions or countries"),
    **dict.fromkeys(("E14", "W07"), "constituencies"),
    **dict.fromkeys(("E38", "E54"), "NHS areas"),
}
"""How a code of statistical geography begins, and the kind of area that it names."""
SYMBOLS: Mapping[str, str] = {
    **dict.fromkeys(("", "..", ":", "x", "[x]"), NOT_AVAILABLE),
    **dict.fromkeys(("z", "[z]"), "[z]"),
    **dict.fromkeys(("c", "[c]", "*"), "[c]"),
    **dict.fromkeys(("low", "[low]", "k"), LOW),
}
"""Symbols of government statistics that stand in place of a figure; a recipe adds its source's."""


class Reading(NamedTuple):
    """One count. ``period`` : ``2026-07``, ``2026 Q3`` or ``2026``; without a figure, why."""

    code: str
    period: str
    figure: float | None
    status: str = ""
    out_of: float | None = None


class Answered(NamedTuple):
    """Everything that a source said for one period, and how many rows it should have been."""

    readings: Sequence[Reading]
    expected: int | None
    received: int
    remarks: Sequence[Sentence] = ()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one return asks from a source.

    codes : in the source's vintage. period : of the return. authorities : code -> the names of its
    authority, as declared and as it was and will be called. kin : other codes under which figures
    of an authority's land may come: asked for, and not missed. shares : the programme's table of
    code changes, by which another vintage is seen. only : the months of a year that are counted,
    none for all. through : the last month of the whole fetch. folder : where dropped files lie.
    """

    codes: tuple[str, ...]
    period: Period
    authorities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kin: frozenset[str] = frozenset()
    shares: tuple[CodeShare, ...] = ()
    only: tuple[int, ...] = ()
    through: str = ""
    folder: Path = Path()

    @property
    def months(self) -> tuple[str, ...]:
        """The months of the period that are counted, as 2026-07."""
        last = 3 * (self.period.quarter_number or 4)
        first = last - 2 if self.period.quarter_number else 1
        return tuple(
            f"{self.period.year}-{month:02d}"
            for month in range(first, last + 1)
            if month in self.only or not self.only
        )

    @property
    def mid_year(self) -> int:
        """The year whose 30 June is the last before the period's second half: its estimate."""
        quarter = self.period.quarter_number
        return self.period.year - (quarter is not None and quarter < 3)


class AreaFigure(NamedTuple):
    """An area's figure for a period: what stands in the columns of a return."""

    figure: float | None
    status: str
    note: str
    out_of: float | None = None


def number(text: str, symbols: Mapping[str, str]) -> tuple[float | None, str]:
    """A figure as a source writes it: the number, or none and its symbol.

    Raises
    ------
    Unusable : it is neither a number nor a symbol that is known.
    """
    plain = text.strip()
    # The recipe first: some sources write a number, such as -1, for what they withhold.
    symbol = symbols.get(plain, symbols.get(plain.lower()))
    # A comma groups thousands and nothing else: 12,5 is no 125, and a source that writes so has
    # changed its language.
    if symbol is None and _NUMBER.fullmatch(plain):
        figure = float(plain.replace(",", ""))
        if math.isfinite(figure):
            return figure, ""
    symbol = symbol or SYMBOLS.get(plain.lower())
    if symbol is None:
        raise Unusable(
            f"{plain[:20]!r} stands where a figure should be",
            mend="if the source explains the sign, name it under symbols in the recipe",
            again=False,
        )
    return None, symbol


def later(lag: int) -> str:
    """After how many quarters a source usually publishes, as it is said."""
    return {0: "at once", 1: "a quarter later"}.get(lag, f"{lag} quarters later")


def month(text: str) -> str:
    """A month or a year as sources write it, as 2026-07 or 2026; a day stands for its month.

    Raises
    ------
    Unusable : it is written otherwise, and might be read wrongly.
    """
    plain = text.strip()
    found = _MONTH.fullmatch(plain)
    if not found:
        raise Unusable(
            f"its dates read {plain[:20]!r}, where 2026-07 is expected",
            mend="the source writes dates otherwise than it did: compare the recipe's request with "
            "what the source offers now",
            again=False,
        )
    return found[1] + (found[2] or "")


def see_counts(outcome: Outcome, readings: Iterable[Reading]) -> None:
    """Refuse figures that are no counts: below none, or parts of one where only whole ones are.

    Raises
    ------
    Unusable : for the first of them.
    """
    low = outcome.bounds.low
    negative = outcome.form == "value" and (low is None or low < 0)
    for one in readings:
        if one.figure is None:
            continue
        where = f"{one.figure:g} stands for {one.code} in {one.period}"
        if one.figure < 0 and not negative:
            raise Unusable(
                f"{where}, and there are no fewer than none",
                mend="a source may write a number in place of a figure that it withholds: if it "
                f"says so, name it in the recipe (symbols: {{'{one.figure:g}': '[c]'}})",
                again=False,
            )
        if outcome.whole and one.figure != int(one.figure):
            raise Unusable(
                f"{where}, where only whole ones are counted",
                mend="the source may now count in thousands, or give a rate in place of a count: "
                "compare the recipe with what the source offers now",
                again=False,
            )


def see_units(before: Mapping[str, Reading], after: Mapping[str, Reading]) -> None:
    """Refuse a month whose figures are all some hundred times those of the month before.

    Raises
    ------
    Unusable : they are, or all became zero.
    """
    both = [
        (one, after[code])
        for code, one in before.items()
        if one.figure is not None and code in after and after[code].figure is not None
    ]
    if len(both) < _ENOUGH_TO_SEE_UNITS:
        return
    was, now = (math.fsum(pair[side].figure or 0.0 for pair in both) for side in (0, 1))
    earlier, later = (one.period for one in both[0])
    least, most = sorted((was, now))
    said = f"over {len(both):,} areas it counts {was:,.0f} in {earlier} and {now:,.0f} in {later}"
    if not least and most >= _NOT_ALL_ZERO:
        raise Unusable(
            f"{said}: zeros seem to stand where figures should be",
            mend="ask the source, or end the fetch before the month and begin another after it",
            again=False,
        )
    if least and most / least >= _ANOTHER_UNIT:
        raise Unusable(
            f"{said}: its unit seems to have changed",
            mend="see the source's notes (thousands, persons); if the change is real, fetch what "
            "lies before and after it by two commands",
            again=False,
        )


class Table(NamedTuple):
    """Rows of a CSV by their headings, whatever the order and the case of these."""

    headings: tuple[str, ...]
    rows: list[dict[str, str]]


def read_csv(
    content: bytes,
    wanted: Sequence[str],
    *,
    what: str = "its answer",
    is_row: Callable[[Sequence[str]], bool] = bool,
) -> Table:
    """A CSV from outside, by the names of its columns.

    Parameters
    ----------
    what : what it is, for messages. is_row : whether cells that do not fit the heading are a row
        that broke off, and no note below the table.

    Raises
    ------
    Unusable : it is empty or no text, lacks a column, or a row has fewer or more cells.
    """
    if content.startswith(_ZIP):
        raise Unusable(f"{what} is a zip or a spreadsheet, where a CSV is expected", again=False)
    lines = csv.reader(io.StringIO(as_text(content), newline=""))
    try:
        heading = _heading(next(lines, []), wanted, what)
        rows = []
        for cells in lines:
            # Some programs end every row, or every row but the heading, with commas.
            if any(cells[len(heading) :]) or (len(cells) < len(heading) and any(cells)):
                if not is_row(cells):
                    continue
                raise Unusable(f"row {lines.line_num} of {what} breaks off")
            if any(cells):
                rows.append(dict(zip(heading, cells, strict=False)))
    except csv.Error as error:
        raise Unusable(f"{what} is no sound CSV ({error})") from None
    return Table(tuple(heading), rows)


def _heading(cells: Sequence[str], wanted: Sequence[str], what: str) -> list[str]:
    """The names of the columns, in small letters.

    Raises
    ------
    Unusable : there are none, one that is wanted is not among them, or it is there twice.
    """
    heading = [name.strip().casefold() for name in cells]
    if not any(heading):
        raise Unusable(f"{what} is empty")
    if lacking := [name for name in wanted if name.casefold() not in heading]:
        seen = ", ".join(name for name in heading[:12] if name.isprintable())[:_SHOWN]
        raise Unusable(
            f"{what} has no column {lacking[0]!r} (there are {seen or 'none that can be read'})",
            mend="compare the recipe with what the source offers now",
            again=False,
        )
    if twice := [name for name in wanted if heading.count(name.casefold()) > 1]:
        raise Unusable(f"{what} has the column {twice[0]!r} twice", again=False)
    return heading


def as_text(content: bytes) -> str:
    """The text of an answer: Unicode with or without its mark, else as Windows writes it."""
    if content.startswith(_UTF_16):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def as_code(text: str) -> str:
    """A code of statistical geography, without blanks and in capitals."""
    return text.strip().upper()


def refuse_twice(readings: Iterable[Reading]) -> None:
    """Refuse two rows for one code and period: a page came twice, or a dimension is left open.

    Raises
    ------
    Unusable : for the first of them.
    """
    seen: set[tuple[str, str]] = set()
    for one in readings:
        if (one.code, one.period) in seen:
            raise Unusable(
                f"{one.code} has two rows for {one.period}",
                mend="a page may have come twice: fetch again; if it stays, the request leaves "
                "open one of the source's dimensions (age, sex ...)",
            )
        seen.add((one.code, one.period))


def compare_codes(wanted: Wanted, vintage: str, received: Collection[str]) -> list[Sentence]:
    """What is to be said about codes without a row, and rows of codes that nobody asked for.

    Raises
    ------
    Unusable : the codes are of another vintage than the recipe says, or of two.
    """
    asked, came = set(wanted.codes) - wanted.kin, set(received)
    unknown = came - asked - wanted.kin
    # What became of an authority, or what it was made of, is told by `told_of_mergers`.
    day = wanted.period.last_day
    absent = {one for one in asked - came if not stand_ins(one, came) and gone(one, day) is None}
    see_switch(wanted, vintage, absent, unknown)
    _see_level(asked, unknown, absent)
    if len(absent) * 2 > len(asked) and unknown:
        raise Unusable(
            f"for {wanted.period} {len(absent):,} of {len(asked):,} areas have no row, and "
            f"{len(unknown):,} codes came that nobody asked for (first: {min(unknown)}): its "
            f"codes seem to be of another vintage than {vintage or 'the programme'}",
            mend="see which vintage the source uses now, and say it in the recipe",
            again=False,
        )
    said = []
    if absent:
        said.append(
            Sentence.of(
                "{areas} areas have no row and are missing, not zero (first: {first}).",
                "absent",
                areas=count(len(absent)),
                first=min(absent),
            )
        )
    return said


def _see_level(asked: set[str], unknown: set[str], absent: set[str]) -> None:
    """Refuse figures of areas of another kind: their codes begin otherwise.

    Raises
    ------
    Unusable : more than half of the areas have none, and what came are all of another kind.
    """
    ours = {code[:3] for code in asked}
    theirs = {code[:3] for code in unknown}
    if unknown and not ours & theirs and len(absent) * 2 > len(asked):
        kind, other = (
            " and ".join(sorted({_KINDS.get(code, code) for code in one})) for one in (ours, theirs)
        )
        raise Unusable(
            f"it answers with figures of {other} (first: {min(unknown)}), where those of {kind} "
            f"were asked for (first: {min(asked)})",
            mend="see which geography the recipe's request names (Nomis: TYPE...), and mend it",
            again=False,
        )


def agreed(
    readings: Sequence[Reading], wanted: Wanted, vintage: str, *, source: str, where: str
) -> list[Sentence]:
    """What is to be said of an answer's codes.

    Raises
    ------
    SourceError : a row came twice, or the codes are of another vintage, or of two.
    """
    try:
        refuse_twice(readings)
        return compare_codes(wanted, vintage, {one.code for one in readings})
    except Unusable as error:
        raise SourceError(f"{source}: {error.why}.", where=where, mend=error.mend) from None


def see_switch(
    wanted: Wanted, vintage: str, absent: Collection[str], unknown: Collection[str]
) -> None:
    """Refuse codes of a later vintage, known by the programme's table of code changes.

    Raises
    ------
    Unusable : an old code has nothing, and what it became has something.
    """
    came = set(unknown)
    gone = set(absent)
    for share in wanted.shares:
        if share.from_code in gone and share.to_code in came and share.kind != "unchanged":
            how = "are of" if len(gone) * 2 > len(wanted.codes) else "are mixed with codes of"
            raise Unusable(
                f"its codes for {wanted.period} {how} {share.vintage_to}, where the recipe says "
                f"{vintage or share.vintage_from}: {share.from_code} has none and "
                f"{share.to_code} has some",
                mend="end this recipe before the switch, and begin another with the new vintage",
                again=False,
            )


def through_mergers(
    crosswalk: Crosswalk, outcome: Outcome, readings: Iterable[Reading]
) -> Crosswalk:
    """The way to the programme's areas where the source has an authority under other codes.

    A count of an authority is the sum of those of the authorities that it was made of, where the
    source has these and not yet, or no longer, the authority itself.
    """
    held = {one.code for one in readings if one.figure is not None}
    counts = outcome.form == "ratio" or outcome.whole

    def parts(given: tuple[Part, ...]) -> tuple[Part, ...]:
        found: list[Part] = []
        for part in given:
            codes = stand_ins(part.code, held)
            found += (
                [Part(code, part.share) for code in codes]
                if len(codes) == 1 or (codes and counts)
                else [part]
            )
        return tuple(found)

    return Crosswalk(parts={area: parts(given) for area, given in crosswalk.parts.items()})


def told_of_mergers(
    wanted: Wanted, before: Crosswalk, after: Crosswalk, readings: Iterable[Reading]
) -> Iterator[Sentence]:
    """Where figures come from other codes, and which authorities are no more."""
    for area, given in before.parts.items():
        taken = {part.code for part in after.parts[area]} - {part.code for part in given}
        if taken:
            yield Sentence.of(
                "{area} is made of the figures of {codes}: the source has none of it under its own "
                "code.",
                "merged",
                area=area,
                codes=", ".join(sorted(taken)),
            )
    held = {one.code for one in readings if one.figure is not None}
    for code in sorted({part.code for parts in after.parts.values() for part in parts} - held):
        change = gone(code, wanted.period.last_day)
        if change is not None and len(parts_of(change.to_code)) > 1:
            yield Sentence.of(
                "{code} ({name}) became part of {to} ({to_name}) on {since}. The source has no "
                "figure of it alone from then on, so it is missing, not zero; that of {to} is of "
                "{parts} together and cannot be parted. To have figures, declare {to} in areas.csv "
                "in place of its parts: those of before are added up.",
                "gone",
                code=code,
                name=change.from_name,
                to=change.to_code,
                to_name=change.to_name,
                since=change.since.isoformat(),
                parts=", ".join(parts_of(change.to_code)),
            )


def see_rounding(recipe: Recipe, readings: Iterable[Reading]) -> list[Sentence]:
    """Whether the figures are rounded as the recipe says."""
    figures = [one.figure for one in readings if one.figure]
    base = recipe.rounding
    if base > 1:
        odd = [one for one in figures if one % base]
        return (
            [
                Sentence.of(
                    "{odd} of {all} figures are no multiples of {base}: the source does not round"
                    " as the recipe says.",
                    "not rounded",
                    odd=count(len(odd)),
                    all=count(len(figures)),
                    base=count(base),
                )
            ]
            if odd
            else []
        )
    if len(figures) < _ENOUGH_TO_SEE_ROUNDING:
        return []
    for seen in (10, 5):
        if all(one % seen == 0 for one in figures):
            return [
                Sentence.of(
                    "All {all} figures are multiples of {base}: the source seems to round, and the"
                    " recipe does not say so (rounding: {base}).",
                    "rounded",
                    all=count(len(figures)),
                    base=count(seen),
                )
            ]
    return []


def to_areas(
    recipe: Recipe, outcome: Outcome, wanted: Wanted, answered: Answered, crosswalk: Crosswalk
) -> dict[str, AreaFigure]:
    """Every area's figure for the period.

    Raises
    ------
    GeographyError : a rate or a mean would have to be summed or shared out.
    """
    if outcome.form == "value" and not outcome.whole and _converts(crosswalk):
        raise GeographyError(
            f"{outcome.code} is no count, and only counts can be brought to other areas.",
            mend="fetch it for the programme's own areas, or fetch its counts",
        )
    by_period: dict[str, dict[str, Reading]] = {}
    for one in answered.readings:
        by_period.setdefault(one.period, {})[one.code] = one
    periods = source_periods(recipe, wanted, by_period)
    converted = [
        crosswalk.convert({code: one.figure for code, one in by_period.get(p, {}).items()})
        for p in periods
    ]
    brought = {code: one.out_of for code, one in by_period.get(periods[-1], {}).items()}
    # Most sources bring no denominator, and the programme has its own.
    out_of = crosswalk.convert(brought) if any(v is not None for v in brought.values()) else {}
    rounds = recipe.rounding > 1 and not any(one.code == "not rounded" for one in answered.remarks)
    found = {}
    for area in crosswalk.parts:
        months = [one[area] for one in converted]
        statuses = {
            by_period[p][code].status
            for p in periods
            for code in months[0].parts
            if code in by_period.get(p, {}) and by_period[p][code].figure is None
        }
        found[area] = _figure(recipe, outcome, months, statuses, rounds)._replace(
            out_of=out_of[area].figure if out_of else None
        )
    return found


def _converts(crosswalk: Crosswalk) -> bool:
    return any(len(p) != 1 or p[0].share < 1 for p in crosswalk.parts.values())


def source_periods(recipe: Recipe, wanted: Wanted, held: Collection[str]) -> tuple[str, ...]:
    """The source's own periods that make up the return's, as far as the rule takes them."""
    if recipe.month_to_quarter == "carried":
        return (str(wanted.mid_year),)
    if str(wanted.period) in held:
        return (str(wanted.period),)
    months = wanted.months
    if recipe.month_to_quarter == "last":
        return months[-1:]
    if EVERY_MONTH not in recipe.complete_if:
        return tuple(month for month in months if month in held) or months
    return months


def _figure(
    recipe: Recipe,
    outcome: Outcome,
    months: Sequence[Converted],
    statuses: Collection[str],
    rounds: bool,
) -> AreaFigure:
    known = [one.figure for one in months if one.figure is not None]
    if len(known) < len(months):
        # One reason for all is the reason; several, or none given, is "not available".
        (status, *others) = [*statuses] or [NOT_AVAILABLE]
        return AreaFigure(None, NOT_AVAILABLE if others else status or NOT_AVAILABLE, "")
    figure = math.fsum(known)
    if recipe.month_to_quarter == "mean":
        figure /= len(known)
    # A mean of months, or a share of a count, stands for people and is returned as such.
    figure = float(round(figure)) if outcome.whole else round(figure, _DECIMALS)
    notes = [*_rounding_note(recipe, outcome, months)] if rounds else []
    notes += _lineage_note(months, said=bool(notes))
    return AreaFigure(figure, ROUNDED if rounds else "", "; ".join(notes))


def _rounding_note(recipe: Recipe, outcome: Outcome, months: Sequence[Converted]) -> Iterator[str]:
    """To what the figure is rounded, and the source's own figures where those are others.

    A mean of three figures rounded to 5 is no multiple of 5, and lies nearer to the truth than one.
    """
    parts = len(months[0].parts)
    base = recipe.rounding
    mean = recipe.month_to_quarter == "mean" and len(months) > 1
    if not mean and months[0].lineage != "apportioned":
        yield f"rounded to {base} at the source" + (f", sum of {parts} such" if parts > 1 else "")
        return
    own = "1" if outcome.whole else f"{10**-_DECIMALS:.{_DECIMALS}f}"
    how = f"mean of {len(months)} months" if mean else "made of figures"
    areas = f" and sum of {parts} areas" if parts > 1 else ""
    yield f"rounded to {own}; {how}{areas} that the source rounds to {base}"


def _lineage_note(months: Sequence[Converted], *, said: bool) -> Iterator[str]:
    """How the figure came about, where it is not the source's own; a sum may have been said."""
    first = months[0]
    if first.lineage == "apportioned":
        most = max(one.apportioned for one in months)
        yield apportioned_note(most, first.parts[:_NAMED])
    elif first.lineage == "summed" and not said:
        yield summed_note(len(first.parts))
