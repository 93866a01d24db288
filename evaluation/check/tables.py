"""The column rules of the outcomes, by pandera, whose other door is `declared`.

One schema an outcome, made from its declaration and kept, so that a rule is declared once and
a fault in one cell never hides another. Traps that shape this module: a check over the whole
frame fails once for every column, so each rule looks at one column; a missing figure makes every
comparison false, so missing figures are left out rather than compared; ``inf`` passes ``>= 0``,
so finiteness is a rule of its own; coercion would truncate 3.7 to 3, so nothing is coerced.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evaluation.programme import Bounds, Outcome

if TYPE_CHECKING:
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
        return figures.abs() < np.inf

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
