"""pandera's one door: the column rules of outcomes, and of tables of our own (prices, rates)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from evaluation.programme import Bounds, Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Failure(NamedTuple):
    """A figure that breaks a column rule: its position in the columns given, column and rule."""

    position: int
    column: str
    rule: str


@lru_cache(maxsize=1)
def register() -> None:
    """Register our checks with pandera, so that a schema that was written out can be read back."""
    from pandera import extensions

    @extensions.register_check_method()  # type: ignore[untyped-decorator]
    def is_finite(figures: pd.Series[float]) -> pd.Series[bool]:
        return figures.abs() < math.inf

    @extensions.register_check_method()  # type: ignore[untyped-decorator]
    def is_whole(figures: pd.Series[float]) -> pd.Series[bool]:
        return figures % 1 == 0


@lru_cache(maxsize=512)
def column_schema(outcome: Outcome) -> pa.DataFrameSchema:
    """The pandera schema of one outcome: numerator, denominator, and the value they make.

    ``numerator_share`` is numerator / denominator where some cannot be more than all.
    """
    import pandera.pandas as pa

    register()
    numerator = [pa.Check.is_finite(error="R042")]
    if outcome.whole:
        numerator.append(pa.Check.is_whole(error="R040"))
    if outcome.form == "ratio":
        numerator.append(pa.Check.greater_than_or_equal_to(0, error="R041"))
    denominator = [pa.Check.is_finite(error="R042"), pa.Check.greater_than(0, error="R043")]
    value = _limit_checks(outcome.bounds, "R045") + _limit_checks(outcome.soft_limits, "R046")
    columns = {
        "numerator": pa.Column(float, numerator, nullable=True),
        "denominator": pa.Column(float, denominator, nullable=True),
        "value": pa.Column(float, value, nullable=True),
    }
    if counts_some_of_all(outcome):
        at_most_all = pa.Check.less_than_or_equal_to(1, error="R044")
        columns["numerator_share"] = pa.Column(float, at_most_all, nullable=True)
    return pa.DataFrameSchema(columns)


def _limit_checks(limits: Bounds, rule: str) -> list[pa.Check]:
    import pandera.pandas as pa

    checks = []
    if limits.low is not None:
        checks.append(pa.Check.greater_than_or_equal_to(limits.low, error=rule))
    if limits.high is not None:
        checks.append(pa.Check.less_than_or_equal_to(limits.high, error=rule))
    return checks


def counts_some_of_all(outcome: Outcome) -> bool:
    """Whether the numerator counts some of those whom the denominator counts.

    Events can outnumber residents; people at a point in time cannot.
    """
    return outcome.form == "ratio" and outcome.kind == "stock" and outcome.whole


def column_failures(
    outcome: Outcome,
    numerator: Sequence[float | None] | Floats,
    denominator: Sequence[float | None] | Floats,
) -> list[Failure]:
    """Every figure of one outcome that breaks one of its column rules.

    One fault is told once: a figure that is not finite is not compared, a rate is not judged where
    its parts are wrong, and one beyond the bounds is not also called unusual.
    """
    import numpy as np
    import pandas as pd
    import pandera.errors

    above, below = np.array(numerator, dtype=float), np.array(denominator, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = above / below if outcome.form == "ratio" else above
    sound = np.isfinite(share) & ((below > 0) & (above >= 0) | (outcome.form == "value"))
    in_all = sound & ~(share > 1) if counts_some_of_all(outcome) else sound
    scale = outcome.per if outcome.form == "ratio" else 1.0
    frame = pd.DataFrame(
        {
            "numerator": above,
            "denominator": below,
            "value": np.where(in_all, share * scale, np.nan),
            "numerator_share": np.where(sound, share, np.nan),
        }
    )
    try:
        column_schema(outcome).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        named = (cases[name].tolist() for name in ("index", "column", "check"))
        return _once(list(map(Failure, *named)))
    return []


def _once(found: list[Failure]) -> list[Failure]:
    """Without what follows from another fault of the same cell."""
    hides = {"R042": {"R040", "R041", "R043"}, "R045": {"R046"}}
    hidden = {
        (one.position, one.column, other)
        for one in found
        if one.rule in hides
        for other in hides[one.rule]
    }
    return [one for one in found if one not in hidden] if hidden else found


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
        if field.high == math.inf or field.low == -math.inf
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
