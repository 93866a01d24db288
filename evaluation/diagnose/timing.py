"""What the timing of a change says: a dip just before the start, a jump at it.

Both are contrasts of the pilots' gap over event time, judged by re-assignment like the effect. A
dip before the start comes back by itself (regression to the mean; Ashenfelter 1978, REStat 60). A
jump at the start that the change after it does not lead up to may be a new way of recording: people
change by degrees, a form from one day to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.diagnose.checks import FIRES_BELOW, Diagnostic, unknown
from evaluation.estimate.inference import detectable, placebo_p

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate

    Floats = NDArray[np.float64]

BEFORE, AFTER, LEAST = 6, 4, 3


def regression_to_the_mean(estimate: Estimate) -> Diagnostic:
    """Pilots' gap in the last period before the start, beside their gap in the periods before it.

    Areas that are chosen after one bad quarter recover without any programme. The statistic is the
    gap in the last period less its mean over up to six earlier ones.
    """
    code, title = "regression_to_the_mean", "Were pilots chosen at an unusual moment?"
    statistics = _contrasts(estimate, _dip)
    if statistics is None:
        return unknown(code, title, "fewer than three periods before every start, or no placebos")
    return _judged(
        (code, title),
        estimate,
        statistics,
        "The last period before the start was unusual in pilot areas: part of what follows may be "
        "a return to normal",
        "The last period before the start was like those before it in pilot areas",
    )


def changed_instrument(estimate: Estimate) -> Diagnostic:
    """A jump of the pilots' gap at the start, beyond the lines that lead up to and away from it.

    A line through up to six periods before the start and one through the first four after it, both
    read off at the last period before the start: an effect that grows steadily from the start on
    leaves no difference there, a change of recording leaves all of it. An effect that is whole in
    its first quarter does too, so that this asks for a look at the records and is no proof.
    """
    code, title = "changed_instrument", "Did pilots' figures jump when recording may have changed?"
    statistics = _contrasts(estimate, _jump)
    if statistics is None:
        return unknown(
            code, title, "fewer than three periods before or after every start, or no placebos"
        )
    return _judged(
        (code, title),
        estimate,
        statistics,
        "Pilot areas' figures jumped at the start, which a change that grows does not explain: "
        "check whether they are still recorded in the same way",
        "Pilot areas' figures did not jump at the start beyond what grew from it",
    )


def _judged(
    what: tuple[str, str], estimate: Estimate, statistics: Floats, fired: str, held: str
) -> Diagnostic:
    p, seen = placebo_p(statistics), detectable(statistics, FIRES_BELOW)
    unit = "log points" if estimate.scale == "log" else "units"
    fires = p < FIRES_BELOW
    return Diagnostic(
        code=what[0],
        title=what[1],
        result="fails" if fires else "holds",
        p_value=p,
        size=float(statistics[0]),
        statistic=f"{statistics[0]:+.4f} {unit}, p = {p:.3f}",
        sentence=f"{fired if fires else held} ({seen:.4f} would be seen four times in five).",
    )


def _contrasts(
    estimate: Estimate, weights_of: Callable[[NDArray[np.int64]], Floats | None]
) -> Floats | None:
    """(B + 1) one contrast over event time, averaged over the sites that have its periods."""
    if estimate.draws is None:
        return None
    index, usable = estimate.index, np.isfinite(estimate.effects)
    weights, total = np.zeros(len(index)), 0.0
    for site in index["site"].unique():
        rows = np.flatnonzero((index["site"] == site).to_numpy() & usable)
        found = weights_of(index["event_time"].to_numpy()[rows])
        if found is not None:
            mass = float(index["weight"].iloc[rows[0]])
            weights[rows], total = found * mass, total + mass
    if not weights.any():
        return None
    used = weights != 0
    contrasts: Floats = estimate.draws.raw[:, used] @ (weights[used] / total)
    return contrasts


def _dip(event: NDArray[np.int64]) -> Floats | None:
    last, earlier = event == -1, (event < -1) & (event >= -1 - BEFORE)
    if not last.any() or earlier.sum() < LEAST - 1:
        return None
    weights: Floats = last.astype(float) - earlier / earlier.sum()
    return weights


def _jump(event: NDArray[np.int64]) -> Floats | None:
    before, after = (event < 0) & (event >= -BEFORE), (event >= 0) & (event < AFTER)
    if before.sum() < LEAST or after.sum() < LEAST:
        return None
    weights = np.zeros(len(event))
    weights[after] = _line_at(event[after], -1)
    weights[before] -= _line_at(event[before], -1)
    return weights


def _line_at(event: NDArray[np.int64], at: int) -> Floats:
    """Weights that read a least-squares line through these event times off at another one."""
    design = np.column_stack([np.ones(len(event)), event - at])
    line: Floats = np.linalg.pinv(design)[0]
    return line
