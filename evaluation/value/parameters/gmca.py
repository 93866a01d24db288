"""The GMCA unit cost database as published: one sheet a theme, a heading row, one cost a row.

Columns are found by their headings, since their places moved between versions: code, description,
fiscal, economic and social value, agency (level 1 and 2), price year, source, confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import ValueChainError
from evaluation.returns.addresses import address
from evaluation.returns.books import read_sheets
from evaluation.returns.workbook import RawRow, plain_text

if TYPE_CHECKING:
    import pandas as pd

# What a heading must hold to be a column's; the first that fits is taken.
_HEADINGS: dict[str, str] = {
    "code": r"^code\b|\bcode$",
    "fiscal": r"fiscal.*(value|cost)|^fiscal|^estimated cost",
    "economic": r"economic",
    "social": r"^social|social value",
    "agency_1": r"level 1",
    "agency_2": r"level 2",
    "price_year": r"price year|^year|year of (cost|price)",
    "source": r"source",
    "confidence": r"confidence|\brag\b",
    "description": r"description|cost.?/.?saving detail|^detail",
}
_NEEDED = ("code", "description", "fiscal", "price_year")
_CODE = re.compile(r"^[A-Z]{2}\d+(\.\d+)*$|^E&[ES]\d+(\.\d+)*$")
_YEAR = re.compile(r"^(\d{4})(?:\s*[/-]\s*(\d{2})(?:\d{2})?)?$")
_LOOKED = 12


def read_gmca(path: Path) -> pd.DataFrame:
    """The costs of a workbook, one row each.

    Columns ``code, description, fiscal, economic, social, agency_1, agency_2, price_year, source,
    confidence, cell``; values in pounds of the price year, NaN where there is none.

    Raises
    ------
    ValueChainError : no sheet has the published headings, or a value is no number.
    ReturnFileError : the file does not pass the gate.
    """
    import pandas as pd

    rows = [row for name, sheet in read_sheets(path).items() for row in _costs(name, sheet, path)]
    if not rows:
        raise ValueChainError(
            "no sheet has the headings of the unit cost database.",
            where=path.name,
            expected=", ".join(_NEEDED),
            mend="give the workbook as it was published",
        )
    return pd.DataFrame(rows)


def _costs(sheet: str, rows: Sequence[RawRow], path: Path) -> Iterator[dict[str, Any]]:
    places: dict[str, int] = {}
    for row in rows:
        if not places:
            places = _heading(row) if row.number <= _LOOKED else {}
            continue
        cells = {name: row.values[c] for name, c in places.items() if c < len(row.values)}
        code = plain_text(cells.get("code"))
        if not _CODE.match(code):
            continue
        at = f"{path.name}, {sheet}!{address(row.number, places['fiscal'])}"
        yield {
            "code": code,
            "cell": at,
            **{k: _pounds(cells.get(k), at) for k in ("fiscal", "economic", "social")},
            **{
                k: plain_text(cells.get(k))
                for k in ("description", "agency_1", "agency_2", "source")
            },
            "confidence": plain_text(cells.get("confidence")).lower(),
            "price_year": _year(cells.get("price_year"), at),
        }


def _heading(row: RawRow) -> dict[str, int]:
    texts = [re.sub(r"\s+", " ", plain_text(value)).lower() for value in row.values]
    found: dict[str, int] = {}
    for name, pattern in _HEADINGS.items():
        fits = [c for c, t in enumerate(texts) if re.search(pattern, t) and c not in found.values()]
        if fits:
            found[name] = fits[0]
    return found if all(name in found for name in _NEEDED) else {}


def _pounds(value: Any, at: str) -> float:
    text = re.sub(r"[£,\s]", "", plain_text(value))
    if text in ("", "-", "n/a", "N/A"):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise ValueChainError(
            f"{plain_text(value)!r} is no amount in pounds.", where=at, expected="a number"
        ) from None


def _year(value: Any, at: str) -> str:
    """``2012/13`` from that, ``2012-13`` or ``2012/2013``; ``2012`` stays a calendar year."""
    found = _YEAR.match(plain_text(value))
    if found is None:
        raise ValueChainError(
            f"{plain_text(value)!r} names no price year.",
            where=at,
            expected="2012/13 or 2012",
            mend="state the price year of this cost in the workbook",
        )
    return f"{found[1]}/{found[2]}" if found[2] else found[1]
