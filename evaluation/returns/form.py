"""The declared form of a return file, what a file said once understood, and the names of cells.

The form is read once from ``data_schemas/return.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from evaluation import fingerprint
from evaluation.declared import Frozen, read_yaml, validated
from evaluation.geography import Lineage
from evaluation.quarters import Period
from evaluation.workspace import packaged_schemas


class Column(Frozen):
    """A column of the return sheet; one that is not required may be absent."""

    name: str
    required: bool
    width: int
    about: str


class Symbol(Frozen):
    """A status symbol and whether the figure beside it is empty, given, or either."""

    symbol: str
    figure: Literal["empty", "given", "either"]
    about: str


class Form(Frozen):
    """Sheets, columns and symbols of a return.

    ``beside`` are the columns that a figure of a sample has and no other: its standard error, and
    how many answered.
    """

    template_version: str
    return_sheet: str
    guide_sheet: str
    notes_sheet: str
    problems_sheet: str
    guide: tuple[str, ...]
    columns: tuple[Column, ...]
    beside: tuple[Column, ...]
    ignored: tuple[str, ...]
    symbols: tuple[Symbol, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names in the template's order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Every column that is read, those of samples last."""
        return self.names + tuple(column.name for column in self.beside)

    @cached_property
    def figure_of(self) -> dict[str, str]:
        """Symbol -> what it says about the figure: empty, given or either."""
        return {symbol.symbol: symbol.figure for symbol in self.symbols}


@lru_cache(maxsize=1)
def form() -> Form:
    """The declared form.

    Raises
    ------
    WorkspaceError : if the declaration is missing or broken.
    """
    path = packaged_schemas() / "return.yaml"
    return validated(Form, read_yaml(path), path)


INVISIBLE = (
    " \t\u00a0\u00ad\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200c\u200d\u200e\u200f\u202f\u205f\u2060\u3000\ufeff"
)
"""Blanks, and signs of no width, which nobody sees at either end of a cell.

A line break is none of them: a cell of two lines may have held two things."""
ROUNDED = "[r]"
"""The symbol of a figure that was rounded before it was returned."""
_BASE_WORDS = {"five": 5, "ten": 10, "fifty": 50, "hundred": 100, "thousand": 1000}
_APPORTIONED = re.compile(r"\b([0-9]{1,3}) % apportioned from ")
_SUMMED = re.compile(r"\bsum of [0-9]+ (?:areas|such)\b")
_BASE = re.compile(
    r"(?:round(?:ed|ing)?|nearest|multiples? of|base)\s*(?:to|of|at|is)?\s*"
    r"(?:the\s+)?(?:nearest\s+)?(?:a\s+|base\s+)?([0-9][0-9,]*(?:\.[0-9]+)?|five|ten|fifty|hundred|thousand)\b",
    re.IGNORECASE,
)
USUAL_BASES = (1000, 100, 50, 10, 5)
"""What sources round counts to, the coarsest first."""


def rounding_base(note: str) -> float | None:
    """What a note says that a figure was rounded to: ``rounded to 5`` is 5; None if nothing."""
    found = _BASE.search(note)
    if found is None:
        return None
    word = found[1].casefold()
    base = float(_BASE_WORDS.get(word) or word.replace(",", ""))
    return base if base > 0 else None


def apportioned_share(note: str) -> float:
    """Which share of a figure its note says to be shared out of an older area, 0 to 1."""
    found = _APPORTIONED.search(note)
    return int(found[1]) / 100 if found else 0.0


def lineage_of(note: str) -> Lineage:
    """How a figure came about by its note: the source's own, a sum, or shared out."""
    if apportioned_share(note):
        return "apportioned"
    return "summed" if _SUMMED.search(note) else "exact"


def summed_note(parts: int) -> str:
    """The note of a figure that is the sum of several of the source's areas."""
    return f"sum of {parts} areas"


def apportioned_note(share: float, parts: Sequence[str]) -> str:
    """The note of a figure of which a share was taken from areas of an older vintage."""
    # At least one per cent: a figure that was shared out at all does not read as one that was not.
    return f"{max(round(100 * share), 1)} % apportioned from {', '.join(parts)}"


def common_base(figures: Iterable[float]) -> float | None:
    """The coarsest usual base of which all of some figures are multiples; None if there is none."""
    held = [figure for figure in figures if figure]
    able = (base for base in USUAL_BASES if held and all(figure % base == 0 for figure in held))
    return float(next(able, 0)) or None


Figures = dict[tuple[str, str], tuple[float | None, float | None]]
"""(area code, outcome code) -> (numerator, denominator): the last accepted figures."""


class FigureKey(NamedTuple):
    """What identifies a figure within a programme; the quarter by its label."""

    area_code: str
    quarter: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure of one area, outcome and period.

    ``numerator`` is None where the figure is missing, and ``status`` then says why; ``denominator``
    is None where the outcome has none. ``se`` is the standard error of a figure of a sample, in its
    own unit, and ``respondents`` how many answered.
    """

    area_code: str
    quarter: Period
    outcome: str
    numerator: float | None
    denominator: float | None
    status: str
    note: str
    se: float | None = None
    respondents: float | None = None

    @property
    def key(self) -> FigureKey:
        """Area, period and outcome."""
        return FigureKey(self.area_code, self.quarter.label, self.outcome)


@dataclass(frozen=True, kw_only=True)
class Return:
    """One submitter's figures for one period, free of errors.

    ``sha256`` is the hash of the file that they were read from; ``site`` and ``agency`` name the
    submitter (``OPEN`` and a source's code for open data).
    """

    programme: str
    site: str
    agency: str
    period: Period
    rows: tuple[Observation, ...]
    sha256: str

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the figures alone: the same for xlsx and CSV, in any order of rows."""
        return content_hash(
            (
                *row.key,
                row.numerator,
                row.denominator,
                row.status,
                row.note,
                row.se,
                row.respondents,
            )
            for row in self.rows
        )


def content_hash(figures: Iterable[Sequence[str | float | None]]) -> str:
    """SHA-256 of figures, in whatever order they come.

    ``figures`` : of each area, quarter, outcome, numerator, denominator, status, note, standard
    error and respondents. One of no sample is hashed without the last two, as all were before
    samples had columns of their own: what was accepted then keeps its hash.
    """
    # The key comes first and no key stands twice, so sorting never compares None with a number.
    kept = (one[:-2] if one[-1] is None and one[-2] is None else one for one in figures)
    return fingerprint.of_data(sorted(map(list, kept)))


_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


@lru_cache(maxsize=256)
def column_letter(column: int) -> str:
    """The letter of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    # Letters count from 1 without a zero: 26 is Z, 27 is AA, so one is taken off at each digit.
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    """The A1 name of a cell: row counted from 1, column from 0."""
    return f"{column_letter(column)}{row}"


@lru_cache(maxsize=256)
def column_number(letters: str) -> int:
    """The position of a column, counted from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


class Corners(NamedTuple):
    """The first and the last cell of a range: rows counted from 1, columns from 0."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def corners(reference: str) -> Corners | None:
    """The corners of a range like A1:B2, or of a single cell; None if it is none."""
    found = [_REFERENCE.fullmatch(part) for part in reference.replace("$", "").split(":")]
    if not 1 <= len(found) <= 2 or found[0] is None or found[-1] is None:
        return None
    first, last = found[0], found[-1]
    return Corners(int(first[2]), column_number(first[1]), int(last[2]), column_number(last[1]))
