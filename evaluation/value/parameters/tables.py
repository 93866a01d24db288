"""What each table of parameters must hold, and reading it: a fault is told at its cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.check.declared import Field, declared_failures
from evaluation.errors import ValueChainError
from evaluation.returns.addresses import address

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
    import pandas as pd

    path = folder / f"{name}.csv"
    if not path.is_file():
        raise ValueChainError(f"the table {name}.csv is missing.", where=str(folder))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    for column, field in FIELDS[name].items():
        if field.kind == "number" and column in frame:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
    return checked(frame, name, str(path))


def checked(frame: pd.DataFrame, name: str, where: str) -> pd.DataFrame:
    """The same table, if every cell is what its column allows.

    Raises
    ------
    ValueChainError : at the first cell that is not.
    """
    found = declared_failures(frame, FIELDS[name])
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
