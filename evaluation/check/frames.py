"""The type and column stages over a whole frame of text: millions of rows as fast as a few.

For collections that are at hand as a frame rather than as a file, such as figures of every small
area of a country. Cells are read by the same readers as a file's, each distinct text once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluation import tables
from evaluation.check.read import Fault, read_code, read_number, read_quarter, read_status
from evaluation.programme import Outcome, Programme
from evaluation.returns.form import form
from evaluation.returns.notation import notation
from evaluation.returns.workbook import plain_text
from evaluation.tables import counts_some_of_all

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


READERS: dict[str, Callable[[Any], object]] = {
    "area_code": lambda value: read_code(value, "area"),
    "quarter": read_quarter,
    "outcome": lambda value: read_code(value, "outcome"),
    "numerator": read_number,
    "denominator": read_number,
    "status": read_status,
}


class Found(NamedTuple):
    """A cell of a frame that breaks a rule: its row from 0, its column, the rule's code."""

    row: int
    column: str
    rule: str


def check_frame(frame: pd.DataFrame, programme: Programme) -> list[Found]:
    """Every cell that cannot be read, or that its outcome does not allow, by row and column.

    Parameters
    ----------
    frame : columns area_code, quarter, outcome, numerator, denominator and status as text; an
        empty text or a missing value is an empty cell.
    """
    import numpy as np

    found: list[Found] = []
    figures = {}
    for column, read in (READERS | {"quarter": _reader_of_periods(programme)}).items():
        codes, texts = _distinct(frame[column])
        values = [read(text or None) for text in texts]
        faults = {place: v.rule for place, v in enumerate(values) if isinstance(v, Fault)}
        found += _places(codes, faults, column)
        if column in ("numerator", "denominator"):
            known = [np.nan if v is None or isinstance(v, Fault) else v for v in values]
            figures[column] = np.array(known, dtype=float)[codes]
        elif column == "outcome":
            outcome_codes, outcomes = codes, texts
    for place, code in enumerate(outcomes):
        outcome = programme.outcome_by_code.get(plain_text(code))
        if outcome is None:
            continue
        rows = np.flatnonzero(outcome_codes == place)
        above, below = figures["numerator"][rows], figures["denominator"][rows]
        found += [
            Found(int(rows[one.position]), _column(one.column), one.rule)
            for one in tables.column_failures(outcome, above, below)
        ]
    return sorted(found)


def _reader_of_periods(programme: Programme) -> Callable[[Any], object]:
    """A reader of quarters and years; of months too, where something is returned by month."""
    if all(outcome.period_frequency != "M" for outcome in programme.outcomes):
        return read_quarter

    def read(value: Any) -> object:
        found = read_quarter(value)
        months = notation(value, "M").periods if isinstance(found, Fault) else ()
        return months[0] if len(months) == 1 else found

    return read


def _distinct(column: pd.Series[Any]) -> tuple[NDArray[np.intp], list[str | None]]:
    """Where each text stands among the distinct ones; a missing value is None, the last."""
    import pandas as pd

    # Millions of rows hold thousands of texts: each is read once.
    codes, texts = pd.factorize(column)
    # pandas marks a missing value by -1, which would index the last text.
    codes[codes < 0] = len(texts)
    return codes, [*texts, None]


def _places(codes: NDArray[np.intp], faults: dict[int, str], column: str) -> list[Found]:
    import numpy as np

    if not faults:
        return []
    # One for the empty cell, which stands last also where no cell is empty.
    bad = np.zeros(int(codes.max(initial=0)) + 2, dtype=bool)
    bad[[place for place in faults if place < len(bad)]] = True
    return [Found(int(row), column, faults[int(codes[row])]) for row in np.flatnonzero(bad[codes])]


def _column(column: str) -> str:
    return "denominator" if column == "denominator" else "numerator"


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def row_schema(outcome: Outcome) -> dict[str, Any]:
    """What a row of this outcome holds, by column; what spans two figures stands in words.

    A JSON schema cannot divide, so bounds of a rate are in the description of the numerator.
    """
    declared = {column.name: column.about for column in form().columns}
    period = {"A": "^[0-9]{4}$", "M": "^[0-9]{4}-[0-9]{2}$"}.get(
        outcome.period_frequency, "^[0-9]{4} ?-?Q[1-4]$"
    )
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
            **({} if not outcome.sampled else _beside_a_sample()),
        },
        "allOf": [_beside("given"), _beside("empty")],
    }


def _beside_a_sample() -> dict[str, Any]:
    about = {column.name: column.about for column in form().beside}
    least: dict[str, dict[str, Any]] = {"se": {"minimum": 0}, "respondents": {"minimum": 1}}
    return {
        name: {"type": ["number", "null"], "description": said, **least[name]}
        for name, said in about.items()
    }


def _about(outcome: Outcome) -> str:
    low, high = outcome.bounds.low, outcome.bounds.high
    text = f"{outcome.numerator}; {outcome.unit}"
    text += f", at least {low:g}" if low is not None else ""
    text += f", at most {high:g}" if high is not None else ""
    return text + ("; not more than the denominator" if counts_some_of_all(outcome) else "")


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
