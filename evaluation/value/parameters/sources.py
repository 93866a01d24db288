"""What each table of parameters must hold, and reading it; the GMCA unit costs as published."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import ValueChainError
from evaluation.returns.form import address
from evaluation.returns.workbook import RawRow, plain_text, read_sheets
from evaluation.tables import Failure, Field, declared_failures

if TYPE_CHECKING:
    import pandas as pd


_TEXT, _EMPTY = Field("text"), Field("text", optional=True)
_SHARE = Field("number", low=0, high=1)
_POUNDS = Field("number", low=0)
_GRADE = Field("text", among=("green", "amber", "red"))
_YES = Field("text", among=("yes", "no"))
_SOURCED: Mapping[str, Field] = {
    "vintage": _TEXT,
    "confidence": _GRADE,
    "approximate": _YES,
    "source": _TEXT,
}
COST_PER = ("event", "person_year", "week", "entry", "point_year")

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "vintages": {"name": _TEXT, "discount": _TEXT, "deflator": _TEXT},
    "agencies": {"code": _TEXT, "name": _TEXT},
    "discount": {
        "schedule": Field("text", among=("standard", "health", "sensitivity")),
        "from_year": Field("number", low=0),
        "to_year": Field("number", low=0),
        "rate_percent": Field("number", low=0, high=20),
        "note": _EMPTY,
        **_SOURCED,
    },
    "deflator": {"year": _TEXT, "index": Field("number", low=1), **_SOURCED},
    "unit_costs": {
        "key": _TEXT,
        "code": _TEXT,
        "agency": _TEXT,
        "budget": Field("text", among=("AME", "DEL", "none")),
        "kind": Field("text", among=("fiscal", "economic", "social")),
        "value": _POUNDS,
        "price_year": _TEXT,
        "cost_per": Field("text", among=COST_PER),
        "stock_timing": Field("text", among=("mean", "snapshot"), optional=True),
        "transfer": _YES,
        "composite_of": _EMPTY,
        "basis": Field("text", among=("average", "marginal")),
        "confirm": _EMPTY,
        "note": _TEXT,
        **_SOURCED,
    },
    "lives": {
        "key": _TEXT,
        "low": _POUNDS,
        "central": _POUNDS,
        "high": _POUNDS,
        "price_year": _TEXT,
        "cost_per": Field("text", among=COST_PER),
        "schedule": Field("text", among=("health",)),
        "confirm": _EMPTY,
        "note": _TEXT,
        **_SOURCED,
    },
    "cashable": {
        "agency": _TEXT,
        "budget": Field("text", among=("AME", "DEL")),
        "low": _SHARE,
        "share": _SHARE,
        "high": _SHARE,
        "lag_quarters": Field("number", low=0, high=40),
        "lump": _POUNDS,
        "price_year": _TEXT,
        "confirm": _EMPTY,
        "note": _TEXT,
        **_SOURCED,
    },
    "confidence": {
        "grade": _GRADE,
        "coefficient_of_variation": Field("number", low=0, high=2),
        "shared": _SHARE,
        "note": _TEXT,
        **_SOURCED,
    },
    "overlap": {"group": _TEXT, "outcome": _TEXT, "share": _SHARE, "note": _TEXT, **_SOURCED},
    "scenarios": {
        "scenario": _TEXT,
        "fade_low": Field("number", low=0),
        "fade_a_year": Field("number", low=0),
        "fade_high": Field("number", low=0),
        "years": Field("number", low=0, high=10),
        "displaced": _SHARE,
        "grade": _TEXT,
        "note": _TEXT,
        **_SOURCED,
    },
    "weights": {
        "parameter": _TEXT,
        "low": Field("number", low=0),
        "central": Field("number", low=0),
        "high": Field("number", low=0),
        "confirm": _EMPTY,
        "note": _TEXT,
        **_SOURCED,
    },
    "optimism": {
        "applies_to": Field("text", among=("capital", "projected")),
        "bucket": _TEXT,
        "percent": Field("number", low=-100, high=400),
        "confirm": _EMPTY,
        "note": _EMPTY,
        **_SOURCED,
    },
    "categories": {
        "category": _TEXT,
        "at_least": Field("number", low=float("-inf")),
        "note": _EMPTY,
        **_SOURCED,
    },
}


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """One table of a folder, checked.

    Raises
    ------
    ValueChainError : it is missing, or a cell holds what its column does not allow.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise ValueChainError(f"the table {name}.csv is missing.", where=str(folder))
    frame, found = _read_once(name, path.read_bytes())
    return _without(found, frame.copy(), name, str(path))


@lru_cache(maxsize=64)
def _read_once(name: str, content: bytes) -> tuple[pd.DataFrame, Sequence[Failure]]:
    """A table and what it must not hold; editions of one vintage have the same tables."""
    import pandas as pd

    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
    for column, field in FIELDS[name].items():
        if field.kind == "number" and column in frame:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
    return frame, declared_failures(frame, FIELDS[name])


def _without(found: Sequence[Failure], frame: pd.DataFrame, name: str, where: str) -> pd.DataFrame:
    if not found:
        return frame
    first = found[0]
    if first.position < 0:
        raise ValueChainError(
            f"the columns of {name} are not those that it must have: see {first.column}.",
            where=where,
            expected=", ".join(sorted(FIELDS[name])),
        )
    cell = address(first.position + 2, list(frame.columns).index(first.column))
    raise ValueChainError(
        f"the cell under {first.column} holds what it cannot ({len(found)} such in all).",
        where=f"{where}, {cell}",
        expected=first.rule,
    )


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
_YEAR = re.compile(r"^(\d{4})(?:\s*[/-]\s*(?:\d{2})?(\d{2}))?$")
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
