"""What people wrote in their own words, as two coders who did not know the arm understood it.

The texts stay with whoever holds them. What is read here is a coded file: a row a person who wrote,
the codes that each of two coders gave, and for a few a quotation that its author consented to and
that two people have read and redacted. Codes become shares by arm, a contrast like any other;
quotations stand beside it and are evidence of nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.check.layout import lead_in
from evaluation.check.report import Problem, problem
from evaluation.errors import ReturnFileError
from evaluation.programme import Programme
from evaluation.returns.workbook import RawRow
from evaluation.wave.respondents import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PUBLISH, TENTATIVE = 0.8, 0.667
"""Krippendorff (2019), Content Analysis, 4th ed., ch. 12: at or above the first a code is reported,
between the two with care, below it is coded anew."""
FEWEST = 10
"""People who wrote, of either arm: shares of fewer are withheld."""
PERMUTATIONS = 9_999
CODERS = ("coder_1", "coder_2")
SEPARATOR = re.compile(r"[;|]")
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"", "no", "n", "false", "0"})
ARMS = frozenset({"arm", "group", "treated", "pilot", "treatment", "site"})
"""Headings that would tell a coder what must not be known to them."""
# What leads to a person. Each pattern is a helper only: two people read every quotation anyway.
LEADS = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w+"),
    "a telephone number": re.compile(r"(?:\+44|\b0)(?:[\s-]?[0-9]){9,10}\b"),
    "a national insurance number": re.compile(
        r"\b[A-CEGHJ-PR-TW-Z]{2}(?:\s?[0-9]{2}){3}\s?[A-D]\b", re.IGNORECASE
    ),
    "a postcode": re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*[0-9][A-Z]{2}\b", re.IGNORECASE),
    "a date": re.compile(r"\b[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{2}){1,2}\b"),
    "an address": re.compile(
        r"\b[0-9]+[a-z]?\s+\w+\s+(?:street|road|lane|avenue|close|drive|court|way)\b", re.IGNORECASE
    ),
    "a title with a name": re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Cllr)\.?\s+[A-Z][a-z]+"),
}
Grade = Literal["publish", "tentative", "recode"]


@dataclass(frozen=True, kw_only=True)
class CodeShare:
    """One code: how well the coders agree on it, and how often it was given in either arm.

    alpha : Krippendorff's, nominal, whether the code was given; None where it never varied.
    pilot, comparison : per cent of those who wrote, both coders taken alike; None where withheld or
    the code has to be given anew. difference : points. p_value : by re-drawing which areas are
    pilots, whole authorities together.
    """

    code: str
    alpha: float | None
    grade: Grade
    pilot: float | None
    comparison: float | None
    difference: float | None
    p_value: float | None


@dataclass(frozen=True, kw_only=True)
class Quotation:
    """Somebody's words, redacted and consented to; its log says who read it and what was cut."""

    text: str
    codes: tuple[str, ...]
    read_by: tuple[str, ...]
    changes: str


@dataclass(frozen=True, kw_only=True)
class Voices:
    """What a coded file says. ``agreement`` is alpha over all codes together."""

    people: dict[str, int]
    agreement: float | None
    codes: tuple[CodeShare, ...]
    quotations: tuple[Quotation, ...]
    withheld: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not any(one.severity == "error" for one in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart voices --json`` prints."""
        return {
            "people": self.people,
            "agreement": _rounded(self.agreement),
            "codes": [
                {
                    name: _rounded(value) if isinstance(value, float) else value
                    for name, value in asdict(code).items()
                }
                for code in self.codes
            ],
            "quotations": [asdict(one) for one in self.quotations],
            "withheld": self.withheld,
            "problems": [one.as_dict() for one in self.problems],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def krippendorff_alpha(ratings: Floats) -> float | None:
    """Krippendorff's alpha for nominal ratings: 1 - observed over expected disagreement.

    Krippendorff (2004), Content Analysis, 2nd ed., eq. 11.2: by the coincidence matrix, so that
    items of one rating count in nothing.

    Parameters
    ----------
    ratings : (coders, items), NaN where a coder rated not.

    Returns
    -------
    None where all ratings are the same: nothing was there to disagree about.
    """
    kept = ratings[:, np.isfinite(ratings).sum(axis=0) >= 2]
    values = np.unique(kept[np.isfinite(kept)])
    if len(values) < 2:
        return None
    # (V, items) how many coders gave each value to each item.
    given = np.stack([(kept == value).sum(axis=0) for value in values]).astype(float)
    coders = given.sum(axis=0)
    pairs = (given / (coders - 1)) @ given.T
    same = np.diag((given / (coders - 1)).sum(axis=1))
    coincidences = pairs - same
    totals = coincidences.sum(axis=1)
    n = totals.sum()
    observed = n - np.trace(coincidences)
    expected = (n**2 - np.square(totals).sum()) / (n - 1)
    return float(1 - observed / expected)


def read_voices(file: Path, programme: Programme, *, seed: int = 0) -> Voices:
    """Read a coded file: agreement, shares by arm, and the quotations that may be shown.

    Columns: ``area_code``; ``coder_1``, ``coder_2`` (codes, several parted by a semicolon);
    ``consent_quote``, ``quote`` (as redacted), ``read_by`` (two names, parted by a semicolon) and
    ``changes`` (what was cut or reworded) where somebody is quoted.

    Raises
    ------
    ReturnFileError, UserError : if it is not there or is no table, or a column is missing.
    """
    table = Table.read(file, ("area_code", *CODERS))
    if absent := [name for name in ("area_code", *CODERS) if name not in table.columns]:
        raise ReturnFileError(
            f"the coded file has no column {', '.join(absent)}.",
            where=file.name,
            expected="area_code, coder_1, coder_2; for quotations consent_quote, quote, read_by and"
            " changes",
        )
    problems = list(_faults(table, programme))
    given = [[_codes(table.text(row, coder)) for row in table.rows] for coder in CODERS]
    frame = sorted({code for coder in given for row in coder for code in row})
    areas = [table.text(row, "area_code") for row in table.rows]
    known = programme.area_by_code
    pilot = np.array([a in known and known[a].role == "pilot" for a in areas], dtype=bool)
    blocks = [known[a].authority if a in known else a for a in areas]
    people = {"pilot": int(pilot.sum()), "comparison": int((~pilot).sum())}
    rated = np.array(
        [[[code in row for row in coder] for coder in given] for code in frame], dtype=float
    ).reshape(len(frame), len(CODERS), len(areas))
    # Both said nothing of somebody: they agree that no code fits.
    shares = tuple(
        _share(code, rated[place], pilot, blocks, seed) for place, code in enumerate(frame)
    )
    quotations, withheld = _quotations(table, shares)
    problems += _of_agreement(shares)
    ordered = sorted(problems, key=lambda one: one.order)
    return Voices(
        people=people,
        agreement=krippendorff_alpha(np.hstack(list(rated))) if len(frame) else None,
        codes=shares,
        quotations=tuple(quotations),
        withheld=withheld,
        problems=tuple(ordered),
    )


def _codes(cell: str) -> frozenset[str]:
    return frozenset(part.strip().casefold() for part in SEPARATOR.split(cell) if part.strip())


def _faults(table: Table, programme: Programme) -> Iterator[Problem]:
    for name in ARMS & table.columns.keys():
        message = f"The column {name} tells the coders the arm: they have to be blind to it."
        yield problem("R130", message, sheet=None, cell=table.cell(None, name))
    if "text" in table.columns or "free_text" in table.columns:
        message = "The whole texts stand in this file; only the coded file is needed here."
        name = "text" if "text" in table.columns else "free_text"
        yield problem("R131", message, sheet=None, cell=table.cell(None, name))
    if not table.rows:
        yield problem("R110", "There is no row of people who wrote.", sheet=None)
    alike = all(table.text(row, CODERS[0]) == table.text(row, CODERS[1]) for row in table.rows)
    if alike and len(table.rows) > FEWEST:
        message = "Both coders agree in every row: were the texts coded twice, each alone?"
        yield problem("R132", message, sheet=None, cell=table.cell(None, CODERS[1]))
    for row in table.rows:
        yield from _row_faults(table, row, programme)


def _row_faults(table: Table, row: RawRow, programme: Programme) -> Iterator[Problem]:
    code = table.text(row, "area_code")
    area = programme.area_by_code.get(code)
    if area is None or area.role == "excluded":
        message = (
            f"This is no area that {programme.name} compares." if code else "No area is named."
        )
        where = table.cell(row, "area_code")
        yield problem("R111", message, sheet=None, cell=where, value=code or None)
    consent = table.text(row, "consent_quote").casefold()
    if consent not in YES | NO:
        where = table.cell(row, "consent_quote")
        yield problem("R133", "Consent is yes or no.", sheet=None, cell=where, value=consent)
    quote = table.text(row, "quote")
    if not quote:
        return
    where = table.cell(row, "quote")
    if consent not in YES:
        message = "A quotation without consent to be quoted."
        yield problem("R133", message, sheet=None, cell=where)
    readers = {part.casefold() for part in _parts(table.text(row, "read_by"))}
    if len(readers) < 2:
        message = "Two people read a quotation before it is shown; their names stand in read_by."
        yield problem("R134", message, sheet=None, cell=table.cell(row, "read_by") or where)
    for what in leads_to_a_person(quote):
        yield problem("R135", f"The quotation seems to hold {what}.", sheet=None, cell=where)
    names = [area.name for area in programme.areas] + [site.name for site in programme.sites]
    if named := next((name for name in names if name.casefold() in quote.casefold()), None):
        message = f"The quotation names the place {named}."
        yield problem("R135", message, sheet=None, cell=where)


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in SEPARATOR.split(cell) if part.strip()]


def leads_to_a_person(text: str) -> tuple[str, ...]:
    """What in a text may lead to somebody, in words; a helper for those who read it."""
    found = tuple(what for what, pattern in LEADS.items() if pattern.search(text))
    # Where nothing of that is found, what is looked for in any note: an NHS number, for one.
    return found or tuple(filter(None, [lead_in(text)]))


def _share(
    code: str, rated: Floats, pilot: NDArray[np.bool_], blocks: Sequence[str], seed: int
) -> CodeShare:
    """A code's agreement, and its shares where they may be shown; rated : (2, people)."""
    alpha = krippendorff_alpha(rated)
    grade: Grade = "recode"
    if alpha is not None and alpha >= PUBLISH:
        grade = "publish"
    elif alpha is not None and alpha >= TENTATIVE:
        grade = "tentative"
    given = rated.mean(axis=0)
    few = min(int(pilot.sum()), int((~pilot).sum())) < FEWEST
    if few or grade == "recode":
        return CodeShare(
            code=code,
            alpha=alpha,
            grade=grade,
            pilot=None,
            comparison=None,
            difference=None,
            p_value=None,
        )
    own, other = 100 * float(given[pilot].mean()), 100 * float(given[~pilot].mean())
    return CodeShare(
        code=code,
        alpha=alpha,
        grade=grade,
        pilot=own,
        comparison=other,
        difference=own - other,
        p_value=_p_value(given, pilot, blocks, seed),
    )


def _p_value(given: Floats, pilot: NDArray[np.bool_], blocks: Sequence[str], seed: int) -> float:
    """Of no difference, by re-drawing which authorities hold the pilots (Fisher 1935).

    Whole authorities move, as a programme starts in whole ones; as many are drawn as hold pilots.
    """
    names, block = np.unique(np.array(blocks), return_inverse=True)
    own = np.zeros(len(names), dtype=bool)
    own[block[pilot]] = True
    people = np.bincount(block, minlength=len(names)).astype(float)
    sums = np.bincount(block, weights=given, minlength=len(names))
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((PERMUTATIONS, len(names))), axis=1)[:, : int(own.sum())]
    chosen = np.zeros((PERMUTATIONS, len(names)))
    np.put_along_axis(chosen, order, 1.0, axis=1)
    drawn = np.vstack([own.astype(float), chosen])
    inside, outside = drawn @ people, (1 - drawn) @ people
    with np.errstate(invalid="ignore", divide="ignore"):
        gaps = np.abs(drawn @ sums / inside - (1 - drawn) @ sums / outside)
    gaps = np.nan_to_num(gaps)
    # A hair below, so that a draw equal to the real one counts whatever the order of sums.
    return float((gaps >= gaps[0] - 1e-12).mean())


def _quotations(table: Table, shares: Sequence[CodeShare]) -> tuple[list[Quotation], int]:
    """The quotations that may be shown, and how many are held back."""
    kept, withheld = [], 0
    shown = {one.code for one in shares if one.grade != "recode"}
    for row in table.rows:
        quote = table.text(row, "quote")
        readers = _parts(table.text(row, "read_by"))
        if not quote:
            continue
        consented = table.text(row, "consent_quote").casefold() in YES
        if (
            not consented
            or len({one.casefold() for one in readers}) < 2
            or leads_to_a_person(quote)
        ):
            withheld += 1
            continue
        both = _codes(table.text(row, CODERS[0])) & _codes(table.text(row, CODERS[1]))
        kept.append(
            Quotation(
                text=quote,
                codes=tuple(sorted(both & shown)),
                read_by=tuple(readers),
                changes=table.text(row, "changes"),
            )
        )
    return kept, withheld


def _of_agreement(shares: Sequence[CodeShare]) -> Iterator[Problem]:
    grades = Counter(one.grade for one in shares)
    if grades["recode"]:
        named = ", ".join(one.code for one in shares if one.grade == "recode")
        message = f"The coders do not agree well enough on {named}: its shares are not shown."
        yield problem("R136", message, sheet=None)
    if grades["tentative"]:
        named = ", ".join(one.code for one in shares if one.grade == "tentative")
        yield problem("R136", f"The coders agree only roughly on {named}.", sheet=None)
