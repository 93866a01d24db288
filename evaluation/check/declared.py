"""What a declared table (prices, rates, shares) may hold: pandera's door for tables of our own.

The rules of returns are in `tables`; these are for data that ship with the package or that a
ministry publishes, where the first fault ends the reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from evaluation.check.tables import Failure, register

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa


class Field(NamedTuple):
    """What a column of a declared table may hold: a text, or a finite number within limits.

    ``among`` lists the texts that are allowed; ``optional`` lets cells be empty.
    """

    kind: Literal["text", "number"]
    low: float | None = None
    high: float | None = None
    among: tuple[str, ...] = ()
    optional: bool = False


def declared_failures(frame: pd.DataFrame, fields: Mapping[str, Field]) -> list[Failure]:
    """Every cell of a declared table (prices, rates, shares) that its field does not allow.

    A column that is missing fails at position -1; columns that no field names do too.
    """
    import pandera.errors
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {name: _declared_column(field) for name, field in fields.items()}, strict=True
    )
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return sorted(
            {
                _declared_failure(*cells)
                for cells in zip(
                    *(error.failure_cases[c] for c in ("index", "column", "check", "failure_case")),
                    strict=True,
                )
            }
        )
    return []


def _declared_column(field: Field) -> pa.Column:
    import pandera.pandas as pa

    register()
    if field.kind == "text":
        allowed = pa.Check.isin(field.among, error=f"one of {', '.join(field.among)}")
        return pa.Column(str, allowed if field.among else None, nullable=field.optional)
    checks = (
        []
        if field.high == np.inf or field.low == -np.inf
        else [pa.Check.is_finite(error="a finite number")]
    )
    if field.low is not None:
        checks.append(pa.Check.ge(field.low, error=f"at least {field.low:g}"))
    if field.high is not None:
        checks.append(pa.Check.le(field.high, error=f"at most {field.high:g}"))
    return pa.Column(float, checks, nullable=field.optional)


def _declared_failure(index: object, column: object, check: object, case: object) -> Failure:
    if index is None or index != index:  # a column that is missing or not declared has no row
        return Failure(-1, str(case if "column" in str(check) else column), str(check))
    rule = "a value" if check == "not_nullable" else str(check)
    return Failure(int(str(index)), str(column), rule)
