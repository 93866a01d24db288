"""How far trends may break before an effect is in doubt (Rambachan and Roth 2023, REStud 90).

Paths before the start cannot show that they would have stayed parallel after it. So the reader is
told what follows if they did not: by relative magnitudes (after the start, the path may break from
one period to the next by up to M times the largest break before it), or by smoothness (its slope
may change by up to M a period). For each M there is an interval; the breakdown value is the largest
M for which it still leaves zero out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.diagnose.conditional import Moments, Restriction, confidence_set
from evaluation.diagnose.event_study import EventStudy
from evaluation.diagnose.flci import shortest
from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate

    Floats = NDArray[np.float64]

Kind = Literal["relative_magnitudes", "smoothness", "smoothness_conditional"]
Window = tuple[int, int]
KINDS: dict[str, Kind] = {"relative": "relative_magnitudes", "smoothness": "smoothness"}


def honest_interval(
    study: EventStudy,
    kind: Kind,
    bound: float,
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """The interval for the mean effect over a window when trends may break by ``bound``.

    Parameters
    ----------
    kind : ``relative_magnitudes``: Delta^RM of section 2.4.1, the set of the hybrid test with
        least-favourable first stage (section 3.4; C-LF in the R package, its default), using the
        inequalities on periods after the start; ``smoothness``: Delta^SD of section 2.4.2, the
        fixed-length interval (section 4.1; FLCI, the R package's default);
        ``smoothness_conditional``: the same restriction by the hybrid test.
    bound : M: a multiple of the largest break before the start, or a change of slope a period in
        the estimate's own unit.
    window : first and last event time of the target; by default every event time from 0 on.

    Returns
    -------
    low, high : in the estimate's unit; infinite on a side without a bound.

    Raises
    ------
    EstimateError : a negative bound, an unknown kind, a level outside 0.5-1.
    """
    if bound < 0 or not 0.5 < level < 1:
        raise EstimateError(
            f"a bound of {bound} at level {level} has no meaning.",
            expected="a bound of 0 or more, a level such as 0.95",
        )
    target = study.target(window)
    if kind == "smoothness":
        found = shortest(study, bound, target, 1 - level)
        return found.centre - found.half, found.centre + found.half
    held = _moments(study, kind, bound, target, 1 - level)
    after = study.effects[study.n_before :]
    errors = study.covariance[study.n_before :, study.n_before :]
    spread = float(np.sqrt(target @ errors @ target))
    return confidence_set(held, float(target @ after), spread)


def breakdown(
    study: EventStudy,
    kind: Kind,
    *,
    window: Window | None = None,
    level: float = 0.95,
    largest: float = 10.0,
) -> float:
    """The largest bound whose interval still leaves zero out; 0 if none does.

    ``largest`` : where the search ends (for smoothness, in standard errors of the target); beyond
    it the breakdown is infinite.
    """
    target = study.target(window)

    def leaves_out(bound: float) -> bool:
        if kind == "smoothness":
            low, high = honest_interval(study, kind, bound, window=window, level=level)
            return low > 0 or high < 0
        held = _moments(study, kind, bound, target, 1 - level)
        return not any(one.accepts(np.zeros(1))[0] for one in held)

    errors = study.covariance[study.n_before :, study.n_before :]
    top = largest
    if kind != "relative_magnitudes":
        top *= float(np.sqrt(target @ errors @ target))
    if not leaves_out(0.0):
        return 0.0
    if leaves_out(top):
        return np.inf
    low, high = 0.0, top
    while high - low > 1e-4 * top:
        middle = (low + high) / 2
        low, high = (middle, high) if leaves_out(middle) else (low, middle)
    return low


def sensitivity(
    study: EventStudy,
    kind: Kind,
    bounds: Sequence[float],
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """One row a bound: ``low, high``; in ``attrs`` the breakdown value and the covariance used."""
    rows = [honest_interval(study, kind, m, window=window, level=level) for m in bounds]
    table = pd.DataFrame(rows, columns=["low", "high"], index=pd.Index(bounds, name="bound"))
    table.attrs = {
        "kind": kind,
        "breakdown": breakdown(study, kind, window=window, level=level),
        "covariance": study.covariance_from,
    }
    return table


def honest_bounds(
    estimate: Estimate,
    kind: Literal["relative", "smoothness"] = "relative",
    m: Sequence[float] = (0.5, 1.0),
    *,
    window: Window | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """What an estimate's mean effect could be if trends may break by each ``m``.

    `sensitivity` for an estimate: one row an ``m``, columns ``m, low, high``, in ``attrs`` the
    breakdown value and the covariance used.

    Parameters
    ----------
    kind : ``relative``: m times the largest break before the start; ``smoothness``: a change of
        slope of m a period, in the estimate's unit.

    Raises
    ------
    EstimateError : the estimate is no event study (see `EventStudy.of`), or a bound has no meaning.
    """
    if kind not in KINDS:
        raise EstimateError(f"no bounds of kind {kind!r}.", expected=" or ".join(KINDS))
    study = EventStudy.of(estimate)
    table = sensitivity(study, KINDS[kind], m, window=window, level=level)
    shown = table.rename_axis("m").reset_index()
    shown.attrs = {**table.attrs, "kind": kind}
    return shown


def _moments(
    study: EventStudy, kind: Kind, bound: float, target: Floats, alpha: float
) -> list[Moments]:
    given = (study.effects, study.covariance)
    if kind == "smoothness_conditional":
        restrictions = [_smooth(study, bound)]
    elif kind == "relative_magnitudes":
        restrictions = _relative(study, bound)
    else:
        raise EstimateError(
            f"no bound of kind {kind!r}.",
            expected="relative_magnitudes, smoothness or smoothness_conditional",
        )
    return [Moments.of(one, given, target, alpha) for one in restrictions]


def _first_differences(study: EventStudy) -> Floats:
    """(P + T, P + T) each period less the one before it, the reference being zero."""
    size = study.n_before + study.n_after
    steps = np.eye(size + 1)[1:] - np.eye(size + 1)[:-1]
    return np.delete(steps, study.n_before, axis=1)


def _relative(study: EventStudy, bound: float) -> list[Restriction]:
    """Delta^RM: a union over which break before the start is the largest, and its sign."""
    steps = _first_differences(study)
    return [
        Restriction(
            differences=steps[study.n_before :], largest=sign * steps[s], scale=bound, slack=0.0
        )
        for s in range(study.n_before)
        for sign in (1.0, -1.0)
    ]


def _smooth(study: EventStudy, bound: float) -> Restriction:
    """Delta^SD: second differences from the reference on."""
    steps = _first_differences(study)
    bends = steps[1:] - steps[:-1]
    after = bends[study.n_before - 1 :]
    return Restriction(differences=after, largest=np.zeros(steps.shape[1]), scale=0.0, slack=bound)
