"""The row of an outcome as a JSON schema, for whoever writes returns by program."""

from __future__ import annotations

from typing import Any

from evaluation.check.tables import counts_some_of_all
from evaluation.programme import Outcome
from evaluation.returns.form import form

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def row_schema(outcome: Outcome) -> dict[str, Any]:
    """What a row of this outcome holds, by column; what spans two figures is told in words.

    A JSON schema cannot divide, so bounds of a rate are in the description of the numerator.
    """
    declared = {column.name: column.about for column in form().columns}
    period = "^[0-9]{4}$" if outcome.frequency == "year" else "^[0-9]{4} ?-?Q[1-4]$"
    number = "integer" if outcome.whole else "number"
    numerator: dict[str, Any] = {"type": [number, "null"], "description": _about(outcome)}
    denominator: dict[str, Any] = {"type": "null"}
    if outcome.form == "ratio":
        numerator["minimum"] = 0
        denominator = {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "description": outcome.denominator or "",
        }
    else:
        numerator |= _bounds(outcome)
    return {
        "$schema": DIALECT,
        "title": outcome.title,
        "type": "object",
        "required": [column.name for column in form().columns if column.required],
        "properties": {
            "area_code": {"type": "string", "minLength": 1},
            "area_name": {"type": "string"},
            "quarter": {"type": "string", "pattern": period},
            "outcome": {"const": outcome.code},
            "numerator": numerator,
            "denominator": denominator,
            "status": {"enum": ["", *form().figure_of]},
            "note": {"type": "string", "description": declared["note"]},
        },
        "allOf": [_beside("given"), _beside("empty")],
    }


def _about(outcome: Outcome) -> str:
    low, high = outcome.bounds.low, outcome.bounds.high
    said = f"{outcome.numerator}; {outcome.unit}"
    said += f", at least {low:g}" if low is not None else ""
    said += f", at most {high:g}" if high is not None else ""
    return said + ("; not more than the denominator" if counts_some_of_all(outcome) else "")


def _bounds(outcome: Outcome) -> dict[str, float]:
    limits = {"minimum": outcome.bounds.low, "maximum": outcome.bounds.high}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _beside(figure: str) -> dict[str, Any]:
    """Beside symbols of this kind the numerator is given, or is empty."""
    symbols = [name for name, kind in form().figure_of.items() if kind == figure]
    empty: dict[str, Any] = {"type": "null"}
    if figure == "given":
        symbols, empty = ["", *symbols], {"not": empty}
    return {
        "if": {"properties": {"status": {"enum": symbols}}},
        "then": {"properties": {"numerator": empty}},
    }
