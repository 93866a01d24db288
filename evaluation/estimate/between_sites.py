"""Between sites: how far they differ, and where the effect of one more may lie.

Sites share the areas that they are compared with, so that their errors go together: the whole
covariance comes from the net draws. How far sites differ, tau, is hardly known from few of them;
it is not estimated and then taken as known, but averaged over: Bayes on a grid of tau with a flat
prior for the mean and a half-normal one for tau, whose scale is a number on the outcome's own scale
that is fixed before the start. Gelman (2006, Bayesian Analysis 1: 515-533) on the prior; Röver
(2020, J. Stat. Softw. 93(6)), section 2, on the sums over the grid. Beside it the answer without a
prior: REML with the same covariance and the modified Hartung-Knapp error (Knapp and Hartung 2003,
Stat. Med. 22: 2693-2710; Röver, Knapp and Friede 2015, BMC Med. Res. Methodol. 15:99).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import arguments
from evaluation.estimate.estimate import event_times
from evaluation.estimate.inference import apply_map, in_clusters
from evaluation.wording import Sentence, count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate

    Floats = NDArray[np.float64]

# Between two sites nothing is left to tell their difference from their errors.
FEWEST_SITES = 3
# Above that chance it is said that a site differs from the mean of such sites.
SURE = 0.9
# The scale in errors of a middling site. Ranges hold the truth as promised while sites differ by up
# to that much; where they differ by twice as much it takes the double scale, which is printed
# beside it (`python -m benchmarks.between_sites`).
SCALE_IN_ERRORS = 2.0
# A median of tau above so many scales says that the scale was too small: a half-normal prior lies
# above it in 13 of 100 cases, before any figure.
FORESEEN = 1.5
# Points of the grid within five scales, where nearly all of the prior lies, and beyond, where only
# sites that lie far apart put any weight.
WITHIN, BEYOND = 97, 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """What effects and their covariance say together; all figures on the estimate's scale.

    Attributes
    ----------
    level, scale : of the ranges; of the half-normal prior.
    mean : one row, the mean over sites like these: ``effect, se, low, high``.
    tau : one row, the standard deviation between sites: ``median, low, high``.
    next_site : one row, where the effect of one more site like these may lie.
    sites : one row a site in the order of their starts, never of their effects: ``effect, se, low,
        high`` with tau averaged over; ``alone, alone_se`` the site's own figure; ``above_mean`` the
        chance that it lies above the mean of such sites, told at .9 and over or .1 and under only.
    by_scale : ``mean`` and ``next_site`` with half, the same and double the scale.
    reml : ``mean`` and ``next_site`` without a prior, one row each, with ``tau``.
    q, p_alike : Cochran's Q with the whole covariance; its p that sites differ by chance alone.
    """

    level: float
    scale: float
    mean: pd.DataFrame
    tau: pd.DataFrame
    next_site: pd.DataFrame
    sites: pd.DataFrame
    by_scale: pd.DataFrame
    reml: pd.DataFrame
    q: float
    p_alike: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BetweenSites(Pooled):
    """What the sites' effects on one outcome say together.

    Attributes
    ----------
    outcome, unit : of the estimate.
    """

    outcome: str
    unit: str

    @property
    def sentence(self) -> Sentence:
        """What so many sites can tell of the next one."""
        if len(self.sites) == FEWEST_SITES:
            said = Sentence.of(
                "Three sites cannot tell how much sites differ: the range for the next one rests "
                "on what was assumed of that before the start."
            )
        else:
            said = Sentence.of(
                "The range for the next site is of one more like these {sites}; for a site of "
                "another kind it is too short.",
                sites=count(len(self.sites)),
            )
        if self.as_foreseen:
            return said
        return Sentence.of(
            "{said} These sites differ by more than was foreseen: the range with the scale doubled "
            "is the one to read.",
            said=said,
        )

    @property
    def as_foreseen(self) -> bool:
        """Whether sites differ by no more than the scale leaves room for."""
        return bool(self.tau["median"].iloc[0] <= FORESEEN * self.scale)

    def _repr_html_(self) -> str:
        return str(pd.concat([self.mean, self.next_site, self.sites]).round(4).to_html())


def between_sites(
    estimate: Estimate,
    *,
    scale: float | None = None,
    window: tuple[int, int] | None = None,
    level: float | None = None,
) -> BetweenSites:
    """The mean over sites, how far sites differ, and the range for the next one.

    Parameters
    ----------
    scale : of the half-normal prior of tau, on the estimate's own scale. None: twice the error of a
        middling site, which is after the fact and stands in for a number fixed before the start.
    window : first and last event time to include; by default every treated period.
    level : of the ranges; by default the estimate's.

    Raises
    ------
    EstimateError : fewer than three sites have an effect with an error, the estimate's errors carry
        no covariance between sites, the scale is no positive number, or the window no window.
    """
    arguments.an_estimate(estimate)
    names, effects, covariance = site_effects(estimate, window=window)
    if scale is None:
        scale = default_scale(covariance)
    found = pooled(effects, covariance, scale=scale, level=level or estimate.level)
    sites = found.sites.set_index(pd.Index(names, name="site"))
    return BetweenSites(
        outcome=estimate.outcome, unit=estimate.unit, **{**vars(found), "sites": sites}
    )


def default_scale(covariance: Floats) -> float:
    """Twice the error of a middling site."""
    return SCALE_IN_ERRORS * float(np.median(np.sqrt(np.diag(covariance))))


def site_effects(
    estimate: Estimate, *, window: tuple[int, int] | None = None
) -> tuple[list[str], Floats, Floats]:
    """Names (J), effects (J) and covariance (J, J) of the sites, in the order of their starts.

    A site without an effect, or without an error, is left out.

    Raises
    ------
    EstimateError : see `between_sites`.
    """
    index = estimate.index
    if "site" not in index or index["site"].isna().all():
        raise EstimateError(
            f"the estimate of {estimate.outcome} is not by site.",
            mend="give the panel its sites: Panel.from_long(..., site=COLUMN)",
        )
    first, last = event_times(window) if window is not None else (0, 10**6)
    event = index["event_time"].to_numpy()
    inside = (event >= max(first, 0)) & (event <= last) & np.isfinite(estimate.effects)
    weight = index["weight"].to_numpy(dtype=float)
    started = index.loc[inside].groupby("site", sort=False)["cohort"].min()
    names = [str(name) for name in started.sort_values(kind="stable").index]
    site = index["site"].astype(str).to_numpy()
    maps = np.array([np.where(inside & (site == name), weight, 0.0) for name in names])
    maps = maps.reshape(len(names), len(index))
    maps = maps / np.maximum(maps.sum(axis=1, keepdims=True), 1e-300)
    covariance = _covariance(estimate, maps)
    error = np.sqrt(np.diag(covariance))
    held = np.flatnonzero(np.isfinite(error) & (error > 0))
    if len(held) < FEWEST_SITES:
        raise EstimateError(
            f"{len(held)} sites of {estimate.outcome} have an effect with an error.",
            expected=f"at least {FEWEST_SITES}",
            mend="wait until more sites have started, or read the effect of each site alone",
        )
    effects = maps @ np.nan_to_num(estimate.effects)
    return [names[k] for k in held], effects[held], covariance[np.ix_(held, held)]


def _covariance(estimate: Estimate, maps: Floats) -> Floats:
    """(J, J) of averages with (J, K) weights, from net draws or influence functions."""
    if estimate.draws is not None:
        # Net: the raw draws still hold the effect, and would call the sites more alike in error.
        drawn = apply_map(estimate.draws.net[1:], maps)
        whole = drawn[np.isfinite(drawn).all(axis=1)]
        # A covariance of J averages needs more draws than that, or it has no inverse.
        if len(whole) <= len(maps) + 1:
            raise EstimateError(
                f"{len(whole)} assignments do not tell how the errors of {len(maps)} sites go "
                "together.",
                mend="draw more assignments, or use fewer strata or smaller blocks",
            )
        return np.atleast_2d(np.cov(whole, rowvar=False))
    if estimate.influence is not None:
        values = estimate.influence.averages(maps)
        summed = in_clusters(values, estimate.influence.cluster)
        shared: Floats = summed.T @ summed / len(estimate.influence.figures) ** 2
        return shared
    raise EstimateError(
        f"the errors of this {estimate.estimator} estimate do not say how sites go together.",
        expected="inference by re-assignment, or by influence functions",
        mend="estimate it with inference='placebo'",
    )


def pooled(effects: Floats, covariance: Floats, *, scale: float, level: float = 0.95) -> Pooled:
    """Pool (J) effects with their (J, J) covariance; see `between_sites`.

    Raises
    ------
    EstimateError : the scale or the level is out of range, or the covariance has no inverse.
    """
    from scipy import stats

    if not (math.isfinite(scale) and scale > 0):
        raise EstimateError(
            f"a scale of {scale!r} says nothing of how far sites may differ.",
            expected="a positive number on the outcome's own scale",
        )
    if not 0.5 < level < 1:
        raise EstimateError(f"a level of {level!r} is none.", expected="between 0.5 and 1")
    y = np.asarray(effects, dtype=float)
    errors = _Errors.of(np.asarray(covariance, dtype=float))
    tried = {part * scale: _posterior(y, errors, part * scale) for part in (0.5, 1.0, 2.0)}
    here = tried[scale]
    summed = {size: one.mean_and_next.summary(level) for size, one in tried.items()}
    by_scale = pd.concat(
        [rows.assign(of=["mean", "next_site"], scale=size) for size, rows in summed.items()],
        ignore_index=True,
    )
    none = np.zeros(1)
    q = float(_conditional(y, errors, none).left[0])
    return Pooled(
        level=level,
        scale=scale,
        mean=summed[scale].iloc[[0]].reset_index(drop=True),
        tau=_tau_table(here, level),
        next_site=summed[scale].iloc[[1]].reset_index(drop=True),
        sites=_sites_table(y, errors, here, level),
        by_scale=by_scale[["of", "scale", "effect", "se", "low", "high"]],
        reml=_reml_table(y, errors, level),
        q=q,
        p_alike=float(stats.chi2.sf(q, len(y) - 1)),
    )


def next_site_range(
    effects: Floats, covariance: Floats, *, scale: float, level: float = 0.95
) -> tuple[float, float]:
    """The range for the next site alone: that of `pooled`, without the rest of it."""
    found = _posterior(np.asarray(effects, dtype=float), _Errors.of(covariance), scale)
    row = found.mean_and_next.summary(level).iloc[1]
    return float(row["low"]), float(row["high"])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Errors:
    """The covariance of the sites' errors, turned once: V = U diag(spread) U'.

    V + tau^2 I has the same U for every tau, so that a grid of tau needs no further inverse.
    """

    covariance: Floats
    spread: Floats
    turn: Floats

    @classmethod
    def of(cls, covariance: Floats) -> _Errors:
        spread, turn = np.linalg.eigh((covariance + covariance.T) / 2)
        if not np.isfinite(spread).all() or spread[0] <= 1e-12 * spread[-1]:
            raise EstimateError(
                "the errors of two sites cannot be told apart: their covariance has no inverse.",
                mend="draw more assignments, or pool sites that move together into one",
            )
        return cls(covariance=covariance, spread=spread, turn=turn)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Conditional:
    """Given each of G values of tau: mean and variance of mu, what is left, log determinant."""

    mean: Floats
    variance: Floats
    left: Floats
    log_det: Floats


def _conditional(y: Floats, errors: _Errors, tau: Floats) -> _Conditional:
    spread = errors.spread[None, :] + tau[:, None] ** 2
    turned, ones = errors.turn.T @ y, errors.turn.T @ np.ones(len(y))
    mass = (ones**2 / spread).sum(axis=1)
    mean = (ones * turned / spread).sum(axis=1) / mass
    left = ((turned[None, :] - mean[:, None] * ones) ** 2 / spread).sum(axis=1)
    return _Conditional(mean=mean, variance=1 / mass, left=left, log_det=np.log(spread).sum(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mixtures:
    """R mixtures of normals with the same (G) weights: (R, G) means and standard deviations."""

    weights: Floats
    means: Floats
    spreads: Floats

    def summary(self, level: float) -> pd.DataFrame:
        """Rows ``effect, se, low, high``: means, standard deviations and equal-tailed ranges."""
        centre = self.means @ self.weights
        second = (self.spreads**2 + (self.means - centre[:, None]) ** 2) @ self.weights
        tail = (1 - level) / 2
        ends = {"low": self.quantile(tail), "high": self.quantile(1 - tail)}
        return pd.DataFrame({"effect": centre, "se": np.sqrt(second), **ends})

    def below(self, at: Floats) -> Floats:
        """(R) the chance of a value below each of (R) ``at``."""
        from scipy.special import ndtr

        chance: Floats = ndtr((at[:, None] - self.means) / self.spreads) @ self.weights
        return chance

    def quantile(self, share: float) -> Floats:
        """(R) by halving: a mixture of normals has one root and no closed form."""
        # Ten standard deviations of the widest part hold every share that is asked for.
        low = (self.means - 10 * self.spreads).min(axis=1)
        high = (self.means + 10 * self.spreads).max(axis=1)
        # Forty halvings leave less than a millionth of a millionth of that.
        for _ in range(40):
            middle = (low + high) / 2
            short = self.below(middle) < share
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        middle_of_all: Floats = (low + high) / 2
        return middle_of_all


@dataclass(frozen=True, kw_only=True, eq=False)
class _Posterior:
    """The posterior on the grid of tau; of mu given each value; of the mean and the next site."""

    tau: Floats
    weights: Floats
    given: _Conditional
    mean_and_next: _Mixtures


def _grid(y: Floats, scale: float) -> tuple[Floats, Floats]:
    """(G) values of tau and what each stands for (trapezium rule)."""
    near = np.linspace(0.0, 5 * scale, WITHIN)
    # Three times the distance between the outermost sites: a larger tau is beyond what they show.
    far = max(3 * float(np.ptp(y)), 10 * scale)
    tau = np.concatenate([near, np.geomspace(5 * scale, far, BEYOND + 1)[1:]])
    gaps = np.diff(tau)
    share = np.zeros(len(tau))
    share[:-1] += gaps / 2
    share[1:] += gaps / 2
    return tau, share


def _posterior(y: Floats, errors: _Errors, scale: float) -> _Posterior:
    tau, share = _grid(y, scale)
    given = _conditional(y, errors, tau)
    # Röver (2020), equation 12: the mean integrated out under its flat prior.
    log = -0.5 * (given.log_det - np.log(given.variance) + given.left) - 0.5 * (tau / scale) ** 2
    weights = share * np.exp(log - log.max())
    weights /= weights.sum()
    both = _Mixtures(
        weights=weights,
        means=np.stack([given.mean, given.mean]),
        spreads=np.sqrt(np.stack([given.variance, given.variance + tau**2])),
    )
    return _Posterior(tau=tau, weights=weights, given=given, mean_and_next=both)


def _tau_table(here: _Posterior, level: float) -> pd.DataFrame:
    below = np.cumsum(here.weights) - here.weights / 2
    tail = (1 - level) / 2
    low, median, high = (float(np.interp(at, below, here.tau)) for at in (tail, 0.5, 1 - tail))
    return pd.DataFrame([{"median": median, "low": low, "high": high}])


def _sites_table(y: Floats, errors: _Errors, here: _Posterior, level: float) -> pd.DataFrame:
    """Each site's own effect given all sites, tau averaged over and never plugged in."""
    turn, spread, given = errors.turn, errors.spread, here.given
    # Given tau and mu: theta = y - V W (y - mu), with variance V - V W V, W = (V + tau^2 I)^-1.
    kept = spread[None, :] / (spread[None, :] + here.tau[:, None] ** 2)
    pull = np.einsum("jk,gk,ik->jgi", turn, kept, turn)
    centre = y[:, None] - np.einsum("jgi,gi->jg", pull, y[None, :] - given.mean[:, None])
    own = np.einsum("jk,gk,k,jk->jg", turn, 1 - kept, spread, turn)
    on_mean = pull.sum(axis=2)
    # What is not known of mu carries into theta as far as theta leans on mu; at tau = 0 nothing
    # else is left, and rounding must not take it below zero.
    site = np.maximum(own + on_mean**2 * given.variance, 1e-300)
    apart = np.maximum(own + (on_mean - 1) ** 2 * given.variance, 1e-300)
    found = _Mixtures(weights=here.weights, means=centre, spreads=np.sqrt(site))
    gap = _Mixtures(weights=here.weights, means=centre - given.mean, spreads=np.sqrt(apart))
    above = 1 - gap.below(np.zeros(len(y)))
    told = np.where((above >= SURE) | (above <= 1 - SURE), above, np.nan)
    return found.summary(level).assign(
        alone=y, alone_se=np.sqrt(np.diag(errors.covariance)), above_mean=told
    )


def _reml_table(y: Floats, errors: _Errors, level: float) -> pd.DataFrame:
    """REML for tau, modified Hartung-Knapp for the mean and the next site."""
    from scipy import stats

    tau = reml_tau(y, errors.covariance)
    given = _conditional(y, errors, np.array([tau]))
    mean, freedom = float(given.mean[0]), len(y) - 1
    # Modified: the error is never taken as smaller than without the correction.
    variance = float(given.variance[0]) * max(1.0, float(given.left[0]) / freedom)
    reach = float(stats.t.ppf((1 + level) / 2, freedom))
    rows = {}
    for name, whole in (("mean", variance), ("next_site", variance + tau**2)):
        error = math.sqrt(whole)
        ends = {"low": mean - reach * error, "high": mean + reach * error}
        rows[name] = {"effect": mean, "se": error, **ends, "tau": tau}
    return pd.DataFrame.from_dict(rows, orient="index")


def reml_tau(effects: Floats, covariance: Floats) -> float:
    """The tau that the restricted likelihood prefers, by search over its whole range."""
    from scipy.optimize import brentq

    y, errors = np.asarray(effects, dtype=float), _Errors.of(np.asarray(covariance, dtype=float))

    def against(tau: Floats) -> Floats:
        given = _conditional(y, errors, tau)
        out: Floats = 0.5 * (given.log_det - np.log(given.variance) + given.left)
        return out

    def score(tau: float) -> float:
        # The derivative by tau squared, doubled (Harville 1977, JASA 72).
        inverse = (errors.turn / (errors.spread + tau**2)) @ errors.turn.T
        row = inverse.sum(axis=1)
        projected = inverse - np.outer(row, row) / row.sum()
        left = projected @ y
        return float(left @ left - np.trace(projected))

    low, high = 0.0, 3 * float(np.ptp(y)) + 1e-300
    # A grid, and a finer one around its best: the restricted likelihood can have two tops.
    for _ in range(2):
        grid = np.linspace(low, high, 101)
        best = int(against(grid).argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 100)]
    # The likelihood is flat at its top, to half of the digits; its derivative is not.
    least = max(low, 1e-9 * high)
    if score(least) <= 0:
        return float(low)
    return float(brentq(score, least, high, xtol=1e-14 * high)) if score(high) < 0 else float(high)
