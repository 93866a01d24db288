"""What would undo a finding: a break of parallel paths, a cause that nobody measured.

How large the smallest of each would have to be is part of the finding, beside its range: a range
says what chance may do, and neither of these is chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.diagnose import EventStudy, sensitivity
from evaluation.errors import EstimateError
from evaluation.finding.verdict import Range
from evaluation.wording import Figure, Sentence, apart_digits, number, percent

if TYPE_CHECKING:
    from evaluation.estimate.estimate import Estimate


BREAKS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Bounds M that are shown: multiples of the largest break before the start."""


@dataclass(frozen=True, kw_only=True)
class Break:
    """The range of the mean effect if paths break by up to ``bound`` times the largest before."""

    bound: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Breaks:
    """Ranges by relative magnitude (Rambachan and Roth 2023).

    breakdown : the largest bound whose range leaves zero out, so that any larger break undoes the
    effect; 0 where not even the range without a break does, infinite where no break tried undoes
    it.
    """

    breakdown: float
    rows: tuple[Break, ...]


def breaks_of(estimate: Estimate, window: tuple[int, int]) -> Breaks | None:
    """The effect's range if paths break after the start by M times the largest break before it.

    Relative magnitudes of Rambachan and Roth (2023), as `evaluation.diagnose.honest` has them, from
    as many periods before the start as the window has. None where the estimate bears no such range.
    """
    try:
        # As many periods before as the window has after, so that the largest break is sought over a
        # path of like length.
        study = EventStudy.of(estimate, window=(window[0] - window[1] - 1, window[1]))
        table = sensitivity(
            study, "relative_magnitudes", BREAKS, window=window, level=estimate.level
        )
    except EstimateError:
        return None
    rows = zip(BREAKS, table["low"], table["high"], strict=True)
    return Breaks(
        breakdown=float(table.attrs["breakdown"]),
        rows=tuple(Break(bound=m, low=float(low), high=float(high)) for m, low, high in rows),
    )


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The smallest of each that would undo a finding whose direction is told.

    breaks : a break of the path from one period to the next after the start, in multiples of the
    largest before it: any larger one leaves room for no change. 0 : the range by this method holds
    no change even without a break; infinite : no break that was tried undoes it; None : it could
    not be asked. cause : the ratio by which an unmeasured cause would have to differ between pilots
    and comparisons, and in what it does to the outcome, to bring the range to no change (the
    E-value of its nearer end); None : it could not be asked.
    """

    breaks: float | None
    cause: float | None

    @property
    def sentence(self) -> Sentence:
        """Both in words, the break first; empty where neither could be asked."""
        said = [one for one in (self._of_breaks(), self._of_cause()) if one]
        names = {f"part_{place}": one for place, one in enumerate(said)}
        return Sentence.of(" ".join(f"{{{name}}}" for name in names), "undo", **names)

    def _of_breaks(self) -> Sentence | None:
        if self.breaks is None:
            return None
        if self.breaks == 0:
            return Sentence.of(
                "Judged by the path before the start alone, it may be no change at all, even "
                "without a break of that path."
            )
        if math.isinf(self.breaks):
            return Sentence.of("No break of the path after the start that was tried undoes it.")
        return Sentence.of(
            "A later break in the pilots' path of more than {times} times the largest before the "
            "start would undo it.",
            times=number(self.breaks, apart_digits(self.breaks, (0.0,), 2)),
        )

    def _of_cause(self) -> Sentence | None:
        if self.cause is None:
            return None
        cause = "unmeasured cause {times} times as common among pilots"
        undone_before = self.breaks is not None and 0 < self.breaks < math.inf
        return Sentence.of(
            f"So would an {cause}, if it changes the outcome as much."
            if undone_before
            else f"An {cause} would undo it, if it changes the outcome as much.",
            times=_times(self.cause),
        )


def undo_of(change: Range, breaks: Breaks | None) -> Undo:
    """What would undo a finding.

    Parameters
    ----------
    change : its range in percent of what would have been, on one side of no change.
    """
    near = min(abs(change.low), abs(change.high))
    signed = near if change.low > 0 else -near
    return Undo(
        breaks=None if breaks is None else breaks.breakdown,
        # A ratio of less than nothing has no E-value: a fall by all there is, or a level below
        # zero.
        cause=e_value(_ratio(signed)) if math.isfinite(near) and _ratio(signed) > 0 else None,
    )


@dataclass(frozen=True, kw_only=True)
class Unobserved:
    """Sensitivity of one effect.

    e_value : the ratio by which an unmeasured cause would have to differ both between pilots and
    comparisons and in what it does to the outcome; e_value_limit : the same for the end of the
    interval that is nearer to no change (1 where that includes no change). partial_r2 : share of
    what is left of the outcome that the effect explains. robustness : share of what is left of the
    outcome and of the choice of pilots that a cause would have to explain to bring the effect to
    nothing.
    """

    e_value: float
    e_value_limit: float
    partial_r2: float
    robustness: float
    sentence: str


def e_value(ratio: float) -> float:
    """The E-value of a ratio; of its inverse where it is below 1.

    ``ratio + sqrt(ratio (ratio - 1))``. 1 means that no cause is needed.
    """
    # A fall is as strong as its inverse rise.
    above = max(ratio, 1 / ratio) if ratio > 0 else math.inf
    return math.inf if math.isinf(above) else above + math.sqrt(above * (above - 1))


def partial_r2(t: float, freedom: float) -> float:
    """Share of the residual variance that a coefficient with this t explains."""
    return t**2 / (t**2 + freedom)


def robustness_value(t: float, freedom: float, share: float = 1.0) -> float:
    """Strength that brings ``share`` of the estimate to nothing, as a share of residual variance.

    ``(sqrt(f^4 + 4 f^2) - f^2) / 2`` with f = share |t| / sqrt(freedom).
    """
    # Partial Cohen's f squared, t^2 over the degrees of freedom (Cinelli and Hazlett 2020).
    f2 = (share * t) ** 2 / freedom
    return (math.sqrt(f2**2 + 4 * f2) - f2) / 2


def unobserved(change: Range, t: float, freedom: int) -> Unobserved:
    """Sensitivity of an effect in percent, with its t value.

    Parameters
    ----------
    t : effect over its standard error by re-assignment. freedom : areas, or authorities where
        blocks move, less two.
    """
    ends = (change.low, change.high)
    ratio = _ratio(change.effect)
    # Where the range holds no change, no cause is needed to reach it.
    near = min(ends, key=abs) if change.low * change.high > 0 else 0.0
    limit = 1.0 if near == 0 or not math.isfinite(near) else e_value(_ratio(near))
    value, strength = e_value(ratio), robustness_value(t, freedom)
    said = Sentence.of(
        "An unmeasured cause would have to be {times} times as common among pilots, and change the "
        "outcome {times} times, to explain the whole effect{near} Put otherwise: it would have to "
        "explain {strength} of what is left of both the choice of pilots and the outcome.",
        times=_times(value),
        near=Sentence.of(
            ", and {limit} times for the end of its range that is nearer to nothing.",
            limit=_times(limit),
        )
        if limit > 1
        else "; the range includes no change already, so none is needed to doubt it.",
        strength=percent(100 * strength, 0),
    )
    return Unobserved(
        e_value=value,
        e_value_limit=limit,
        partial_r2=partial_r2(t, freedom),
        robustness=strength,
        sentence=said,
    )


def _ratio(change: float) -> float:
    return 1 + change / 100


def _times(value: float) -> Figure | str:
    return number(value, 2) if math.isfinite(value) else "infinitely many"
