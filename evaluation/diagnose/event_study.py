"""An estimate as an event study, and what a test of its pre-trends could have seen."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from evaluation.errors import EstimateError
from evaluation.estimate import arguments
from evaluation.estimate.estimate import event_times
from evaluation.estimate.inference import Average, in_clusters, influence_of
from evaluation.estimate.samples import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class EventStudy:
    """Effects around a reference period.

    times : (P + T) periods relative to the reference, -P..-1 and 1..T, without the reference (0).
    effects : (P + T), zero at the reference. covariance : (P + T, P + T).
    first : event time of the reference, so that event time = ``times + first``.
    covariance_from : what the covariance is, in words.
    """

    times: NDArray[np.int64]
    effects: Floats
    covariance: Floats
    first: int = -1
    covariance_from: str = "given"

    def __post_init__(self) -> None:
        wanted = [t for t in range(int(self.times.min()), int(self.times.max()) + 1) if t != 0]
        if self.times.tolist() != wanted or self.n_before < 1 or self.n_after < 1:
            raise EstimateError(
                "an event study needs periods without gaps on both sides of its reference.",
                expected=f"{wanted} without the reference",
                where=str(self.times.tolist()),
            )
        # B assignments give a covariance of rank B - 1 at most; what tests invert has to be whole.
        if np.linalg.matrix_rank(self.covariance, hermitian=True) < len(self.times):
            raise EstimateError(
                f"the covariance of {len(self.times)} effects is not of full rank: there are too "
                "few areas or assignments behind it.",
                mend="use fewer periods, or more assignments",
            )

    @property
    def n_before(self) -> int:
        return int((self.times < 0).sum())

    @property
    def n_after(self) -> int:
        return int((self.times > 0).sum())

    def target(self, window: tuple[int, int] | None = None) -> Floats:
        """(T) equal weights of the event times of a window after the reference; None: all started.

        Raises
        ------
        EstimateError : the window holds no such event time.
        """
        after = self.times[self.times > 0] + self.first
        low, high = (0, int(after.max())) if window is None else event_times(window)
        inside = ((after >= low) & (after <= high)).astype(float)
        if not inside.any():
            raise EstimateError(f"no event time lies within {low} and {high}.")
        return np.asarray(inside / inside.sum(), dtype=np.float64)

    @classmethod
    def of(cls, estimate: Estimate, *, window: tuple[int, int] | None = None) -> EventStudy:
        """The event study of an estimate by site and period.

        Each site's effects are taken beside its own effect in the reference period, then averaged
        over sites by their areas. The covariance is that of influence functions, or, with placebo
        inference, that of the net draws under re-assignment.

        Parameters
        ----------
        window : first and last event time to keep; by default all that have effects.

        Raises
        ------
        EstimateError : no effect before the start, gaps, a varying base, or too few assignments.
        """
        if getattr(estimate.settings, "base", "universal") == "varying":
            raise EstimateError(
                "with a varying base the effects before the start are changes, not paths.",
                mend="use base='universal' or base='mean'",
            )
        first = -1 - int(getattr(estimate.settings, "anticipation", 0))
        times, plus, minus = _maps(estimate, first, window)
        effects = (plus - minus) @ np.nan_to_num(estimate.effects)
        covariance, said = _covariance(estimate, plus, minus)
        return cls(
            times=times - first,
            effects=effects,
            covariance=covariance,
            first=first,
            covariance_from=said,
        )


def _maps(
    estimate: Estimate, first: int, window: tuple[int, int] | None
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Event times; (rows, K) weights of each one's entries, and of the same sites' references."""
    event, sites = (estimate.index[name].to_numpy() for name in ("event_time", "site"))
    usable = np.isfinite(estimate.effects)
    weight = estimate.index["weight"].to_numpy(dtype=float)
    reference = {sites[k]: k for k in np.flatnonzero((event == first) & usable)}
    usable &= np.isin(sites, list(reference))
    low, high = (int(event.min()), int(event.max())) if window is None else event_times(window)
    times, plus, minus = [], [], []
    for time in range(low, high + 1):
        rows = np.flatnonzero((event == time) & usable)
        if time == first or not len(rows):
            continue
        own, other = np.zeros(len(event)), np.zeros(len(event))
        own[rows] = weight[rows] / weight[rows].sum()
        other[[reference[sites[k]] for k in rows]] = own[rows]
        times.append(time)
        plus.append(own)
        minus.append(other)
    if not times or min(times) >= first or max(times) <= first:
        raise EstimateError(
            f"a {estimate.estimator} estimate without effects on both sides of event time {first} "
            "is no event study.",
            mend="use `did`, with at least two periods before every start",
        )
    return np.array(times), np.array(plus), np.array(minus)


def _covariance(estimate: Estimate, plus: Floats, minus: Floats) -> tuple[Floats, str]:
    if estimate.draws is not None:
        used = ((plus != 0) | (minus != 0)).any(axis=0)
        # The real assignment stays out: its draw carries the effect, if there is one.
        net = estimate.draws.net[1:, used] @ (plus - minus)[:, used].T
        net = net[np.isfinite(net).all(axis=1)]
        if len(net) < 2:
            raise EstimateError(
                "too few assignments have an effect in every event time to give a covariance.",
                mend="use fewer event times (window=...), or more assignments",
            )
        return np.atleast_2d(np.cov(net, rowvar=False)), (
            f"covariance of the effects under {len(net)} re-assignments of the starts; intervals "
            "from it take the effects as normal, which few started areas do not promise"
        )
    if estimate.influence is None:
        raise EstimateError(f"a {estimate.estimator} estimate has no covariance by event time.")
    effects, held = np.nan_to_num(estimate.effects), estimate.influence
    values = influence_of(effects, held, Average(maps=plus))
    values = values - influence_of(effects, held, Average(maps=minus))
    summed = in_clusters(values, held.cluster)
    covariance: Floats = summed.T @ summed / len(values) ** 2
    return covariance, "clustered influence functions, which need many started areas"


Pretest = Literal["any", "slope"]
SIMULATED = 50_000
"""Draws: the standard error of a power is 0.0022 at most."""
SEED = 0


def pre_trend_power(
    study: EventStudy,
    *,
    powers: tuple[float, ...] = (0.5, 0.8),
    pretest: Pretest = "any",
    window: tuple[int, int] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """One row a power: the linear trend that the pre-test finds with it, and what it would do.

    Parameters
    ----------
    pretest : ``any``: rejects if any effect before the start is significant by itself (section
        II.A); ``slope``: if the least-squares slope of the path up to the reference is.
    window : first and last event time of the mean effect that is biased; by default all from 0 on.
    level : of the pre-test.

    Returns
    -------
    ``slope`` in the estimate's unit a period; ``bias``: the trend's mean over the window;
    ``bias_if_passed``: the mean error of the effect among draws that pass (Proposition 2),
    by ``SIMULATED`` normal draws with a fixed seed.

    Raises
    ------
    EstimateError : a power at or below the pre-test's own size, an unknown pre-test, or no level.
    """
    powers = tuple(arguments.numbers("powers", powers, "(0.5, 0.8)"))
    one_of("pretest", pretest, Pretest)
    if not (arguments.is_number(level) and 0.5 < level < 1):
        raise EstimateError(f"a level of {level!r} is none.", expected="say 0.95")
    before = study.n_before
    target, times = study.target(window), study.times.astype(float)
    noise, maps = _pretest(study, pretest)
    critical = NormalDist().inv_cdf(0.5 + level / 2)
    path = maps @ times[:before]

    def passes(slope: float) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = (np.abs(noise @ maps.T + slope * path) <= critical).all(axis=1)
        return kept

    # Of several tests one rejects more often than each: that is what a power has to lie above.
    size = float(1 - passes(0.0).mean())
    if not all(size < power < 1 for power in powers):
        raise EstimateError(
            f"no slope is found with powers {powers} by pre-test {pretest!r}, which rejects with "
            f"{size:.3f} where there is none.",
            expected=f"powers between {size:.3f} and 1",
        )
    # E[error after | errors before] of a joint normal: what passing the pre-test selects on shifts
    # the effect through the covariance of both (Proposition 2).
    before_to_after = np.linalg.solve(
        study.covariance[:before, :before], study.covariance[:before, before:] @ target
    )
    # At this slope one pre-test statistic lies ten critical values out: its power is 1, so that the
    # slope of every power asked for lies between it and zero.
    top = 10 * critical / float(np.abs(path).max())
    rows = []
    for power in powers:
        slope = float(brentq(lambda s, p=power: 1 - passes(s).mean() - p, 0.0, top, xtol=1e-10))
        bias = slope * float(target @ times[before:])
        held = noise[passes(slope)]
        # Where no draw passes there is nothing that passing selects.
        kept = held.mean(axis=0) if len(held) else np.full(before, np.nan)
        rows.append((slope, bias, bias + float(kept @ before_to_after)))
    columns = ["slope", "bias", "bias_if_passed"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(powers, name="power"))


def _pretest(study: EventStudy, pretest: Pretest) -> tuple[Floats, Floats]:
    """(draws, P) noise of the effects before the start; (tests, P) maps to unit-variance tests."""
    before = study.n_before
    covariance = study.covariance[:before, :before]
    normal = np.random.default_rng(SEED).standard_normal((SIMULATED, before))
    noise = normal @ np.linalg.cholesky(covariance).T
    maps = np.eye(before)
    if pretest == "slope":
        with_reference = np.append(study.times[:before], 0).astype(float)
        maps = (study.times[:before] - with_reference.mean())[None, :]
    errors = np.sqrt(np.diag(maps @ covariance @ maps.T))
    return noise, maps / errors[:, None]
