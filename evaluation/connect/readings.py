"""What a source said, month by month, and what it makes of an area's quarter.

A reading is one count under the source's own code. Counts are brought to the programme's areas
first and made quarters then, so that a month that is missing anywhere in an area leaves that area
without a figure and never with a smaller one.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from evaluation.connect.pulls import Unusable
from evaluation.connect.recipes import Recipe
from evaluation.errors import GeographyError, SourceError
from evaluation.geography import CodeShare, Converted, Crosswalk
from evaluation.programme import Outcome
from evaluation.quarters import Period
from evaluation.wording import Sentence, count

NOT_AVAILABLE, ROUNDED, LOW = "[x]", "[r]", "[low]"
EVERY_MONTH = "every month"
# Below, that all figures end alike may be chance: one in five for each.
_ENOUGH_TO_SEE_ROUNDING = 20
# So many codes are named in a message.
_NAMED = 3
# Of a mean that is no count of people.
_DECIMALS = 4
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

    codes : in the source's vintage. period : of the return. authorities : code -> authority, where
    known. shares : the programme's table of code changes, to recognise another vintage by.
    only : the months of a year that are counted, none for all. through : the last month of the
    whole fetch. folder : where dropped files lie.
    """

    codes: tuple[str, ...]
    period: Period
    authorities: Mapping[str, str] = field(default_factory=dict)
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
    try:
        figure = float(plain.replace(",", ""))
    except ValueError:
        symbol = symbols.get(plain, symbols.get(plain.lower(), SYMBOLS.get(plain.lower())))
        if symbol is None:
            raise Unusable(
                f"{plain[:20]!r} stands where a figure should be",
                mend="if the source explains the sign, name it under symbols in the recipe",
                again=False,
            ) from None
        return None, symbol
    if not math.isfinite(figure):
        raise Unusable(f"{plain[:20]!r} stands where a figure should be", again=False)
    return figure, ""


class Table(NamedTuple):
    """Rows of a CSV by their headings, whatever the order and the case of these."""

    headings: tuple[str, ...]
    rows: list[dict[str, str]]


def read_csv(content: bytes, wanted: Sequence[str]) -> Table:
    """A CSV from outside, by the names of its columns.

    Raises
    ------
    Unusable : it is empty or no text, lacks a column, or a row has fewer or more cells.
    """
    text = as_text(content)
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        heading = [name.strip().casefold() for name in next(lines, [])]
        if not any(heading):
            raise Unusable("its answer is empty")
        if lacking := [name for name in wanted if name.casefold() not in heading]:
            raise Unusable(
                f"its answer has no column {lacking[0]!r} (there are {', '.join(heading[:12])})",
                mend="compare the recipe with what the source offers now",
                again=False,
            )
        rows = []
        for cells in lines:
            if len(cells) != len(heading) and any(cells):
                raise Unusable(f"row {lines.line_num} of its answer breaks off")
            if any(cells):
                rows.append(dict(zip(heading, cells, strict=True)))
    except csv.Error as error:
        raise Unusable(f"its answer is no sound CSV ({error})") from None
    return Table(tuple(heading), rows)


def as_text(content: bytes) -> str:
    """The text of an answer: UTF-8 with or without its mark, else as Windows writes it."""
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
    asked, came = set(wanted.codes), set(received)
    absent, unknown = asked - came, came - asked
    see_switch(wanted, vintage, absent, unknown)
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
    notes += _sharing_note(months)
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


def _sharing_note(months: Sequence[Converted]) -> Iterator[str]:
    first = months[0]
    if first.lineage == "apportioned":
        most = max(one.apportioned for one in months)
        yield f"{100 * most:.0f} % apportioned from {', '.join(first.parts[:_NAMED])}"
