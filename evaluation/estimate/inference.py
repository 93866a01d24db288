"""From effects and draws to p-values, standard errors, intervals and bands.

Placebo inference: a p-value counts the assignments whose effect is as large as the real one; an
interval inverts that test in closed form. For a constant additive effect kappa, the placebo effect
of the data without it is a_b - kappa c_b, where a_b comes from the data as they are (``raw``) and
c_b from a unit effect in the really treated cells (``shift``): kappa is rejected where |a_0 -
kappa c_0| is among the m = floor(alpha (B + 1)) largest of |a_b - kappa c_b|. Each assignment
gives two end points, so no grid is needed.

Analytic inference: influence functions (Callaway and Sant'Anna 2021, theorem 2 and section 4.1),
clustered by area, including the estimation of the cohort weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Statistics nearer than this, relatively, are ties: the same areas summed in another order differ
# in the last digits, and a tie counts against the effect.
TIE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Effects under other assignments, one row each, the real one first.

    ``raw`` (B + 1, K): the effects of the data as they are; they serve the null test.
    ``shift`` (B + 1, K): the effects if the data were 1 in every really treated cell and 0
    elsewhere; how far a true effect of 1 would carry into each assignment.
    ``net`` (B + 1, K): the effects after the estimated effect has been taken out of the really
    treated cells; they serve everything after the test. A pseudo-treated area that is a treated
    area has lost its own noise with its effect, so a row with k of M such pseudo-treated areas is
    scaled by sqrt(M / (M - k)).
    ``is_identity`` (B + 1, K): whether the entry's site is filled by just its own areas; such an
    assignment is the real one as far as that site goes, and ties with it.
    """

    raw: NDArray[np.float64]
    shift: NDArray[np.float64]
    net: NDArray[np.float64]
    is_identity: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Influence:
    """Influence functions of K effects (S sites x T periods) over n areas, or clusters of them.

    A standard error is sqrt(sum of squares) / n. Without gaps and covariates every function is
    linear in its area's own figures, by one rule for all areas that start together: an average of
    effects is then one small product, and no function of n areas is made for each effect.

    ``figures`` (n, F): what an area's functions are made of. ``group`` (n), ``loadings`` (G, K, F):
    the function of effect k in area i is ``figures[i] @ loadings[group[i], k]``; without loadings
    the figures are the functions themselves, (n, K).
    ``site`` (n): the site of each area, -1 for none. ``mass`` (n, T or 1): its weight in the
    entries of its site by period, for the uncertainty of the weights; one column where it is the
    same in all periods.
    ``cluster`` (n): cluster number of each area.
    ``multipliers`` (B, clusters): mean 0, variance 1, for the multiplier bootstrap; may be empty.
    """

    figures: NDArray[np.float64]
    group: NDArray[np.int64] | None = None
    loadings: NDArray[np.float64] | None = None
    site: NDArray[np.int64]
    mass: NDArray[np.float64]
    cluster: NDArray[np.int64]
    multipliers: NDArray[np.float64]

    @property
    def functions(self) -> NDArray[np.float64]:
        """(n, K) one row an area, written out."""
        if self.loadings is None or self.group is None:
            return self.figures
        out = np.empty((len(self.figures), self.loadings.shape[1]))
        for c, of_group in enumerate(self.loadings):
            rows = np.flatnonzero(self.group == c)
            out[rows] = self.figures[rows] @ of_group.T
        return out

    def averages(self, maps: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, R) influence functions of averages with (R, K) weights that are known."""
        if self.loadings is None or self.group is None:
            used = (maps != 0).any(axis=0)
            known: NDArray[np.float64] = self.figures[:, used] @ maps[:, used].T
            return known
        out = np.empty((len(self.figures), len(maps)))
        for c, of_group in enumerate(self.loadings):
            rows = np.flatnonzero(self.group == c)
            out[rows] = self.figures[rows] @ (maps @ of_group).T
        return out

    @property
    def shares(self) -> NDArray[np.float64]:
        """(K) the share of areas in each entry, by weight."""
        sites = int(self.site.max()) + 1
        entries = self.figures.shape[1] if self.loadings is None else self.loadings.shape[1]
        held = np.array([self.mass[self.site == s].sum(axis=0) for s in range(sites)])
        every = np.broadcast_to(held, (sites, entries // sites)).ravel()
        shares: NDArray[np.float64] = every / len(self.site)
        return shares

    def add_memberships(self, values: NDArray[np.float64], per_member: NDArray[np.float64]) -> None:
        """Add to (n, R) values what an entry's members bring, (R, K) for each unit of weight."""
        sites = int(self.site.max()) + 1
        by_site = per_member.reshape(len(per_member), sites, -1)
        if self.mass.shape[1] == 1:
            by_site = by_site.sum(axis=2, keepdims=True)
        for s in range(sites):
            rows = np.flatnonzero(self.site == s)
            values[rows] += self.mass[rows] @ by_site[:, s].T

    def largest(self, maps: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, R) each area's largest weight among the entries that an average uses."""
        used = (maps != 0).reshape(len(maps), int(self.site.max()) + 1, -1)
        if self.mass.shape[1] == 1:
            used = used.any(axis=2, keepdims=True)
        out = np.zeros((len(self.site), len(maps)))
        for s in range(used.shape[1]):
            rows = np.flatnonzero(self.site == s)
            for r in range(len(maps)):
                out[rows, r] = (self.mass[rows] * used[r, s]).max(axis=1)
        return out


def multipliers(draws: int, cluster: NDArray[np.int64], seed: int | None) -> NDArray[np.float64]:
    """(draws, clusters) -1 or 1 with equal chances, one random bit each; empty without a seed."""
    if seed is None:
        return np.empty((0, 0))
    clusters = int(cluster.max()) + 1
    bits = np.frombuffer(np.random.default_rng(seed).bytes(-(-draws * clusters // 8)), np.uint8)
    signs = np.unpackbits(bits, count=draws * clusters).astype(np.float64)
    signs *= 2
    signs -= 1
    return signs.reshape(draws, clusters)


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteContrasts:
    """What each of S sites is measured by in each of T periods.

    weights : (S, T, T) the long difference in each period, as weights of the periods' figures.
    controls : (S + 1, S, T) which groups serve as its controls: the areas that never start, then
        those of each site.
    """

    weights: NDArray[np.float64]
    controls: NDArray[np.bool_]


def linear_influence(
    figures: NDArray[np.float64],
    weights: NDArray[np.float64],
    site: NDArray[np.int64],
    contrasts: SiteContrasts,
    cluster: NDArray[np.int64],
    multipliers: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Influence]:
    """(S, T) effects and their influence functions, where no figure is missing.

    All areas of a group add to an effect by one linear rule in their own figures: weight over the
    weight of the site times what their contrast is above the site's mean; as controls the same
    with minus and over the weight of the controls (Callaway and Sant'Anna 2021, theorem 2).

    Parameters
    ----------
    figures : (n, T). weights : (n). site : (n) the site of each area, -1 for none.
    """
    n, n_periods = figures.shape
    sites = len(contrasts.weights)
    # Contrasts are differences over time: an area's own mean and the shared path drop out of them,
    # and left in would cost digits where levels are large.
    own = np.empty((n, n_periods + 1))
    centred = figures - figures.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=0)
    np.multiply(centred, weights[:, None], out=own[:, :-1])
    own[:, -1] = weights
    sums = np.array([own[site == s].sum(axis=0) for s in range(-1, sites)])
    effects = np.zeros((sites, n_periods))
    loadings = np.zeros((sites + 1, sites, n_periods, n_periods + 1))
    for s, contrast in enumerate(contrasts.weights):
        treated = np.zeros((sites + 1, n_periods), dtype=bool)
        treated[s + 1] = True
        for sign, held in ((1.0, treated), (-1.0, contrasts.controls[:, s])):
            mass = held.T @ sums[:, -1]
            mean = (contrast * (held.T @ sums[:, :-1])).sum(axis=1) / mass
            by_area = np.column_stack([contrast, -mean]) * (sign * n / mass)[:, None]
            # A period without a contrast has no effect, and no area a part in it.
            by_area[~contrast.any(axis=1)] = 0.0
            loadings[:, s] += held[:, :, None] * by_area
            effects[s] += sign * mean
    return effects, Influence(
        figures=own,
        group=site + 1,
        loadings=loadings.reshape(sites + 1, -1, n_periods + 1),
        site=site,
        mass=np.where(site >= 0, weights, 0.0)[:, None],
        cluster=cluster,
        multipliers=multipliers,
    )


def placebo_p(statistics: NDArray[np.float64]) -> float:
    """Two-sided p: the share of assignments at least as extreme as the real one (first entry).

    Assignments without a statistic are not counted: which figures are missing is the same under
    every assignment, so that those with a statistic are as exchangeable as all are. NaN where the
    real one has none.
    """
    if np.isnan(statistics[0]):
        return float("nan")
    size = np.abs(statistics[~np.isnan(statistics)])
    return float((size >= size[0] * (1 - TIE)).mean())


def placebo_interval(
    raw: NDArray[np.float64], shift: NDArray[np.float64], alpha: float
) -> tuple[float, float]:
    """The interval of constant effects that re-assignment does not reject at ``alpha``.

    Parameters
    ----------
    raw, shift : (B + 1) statistic of the data and of a unit effect; the real one first, and those
        without a statistic not counted.

    Returns
    -------
    low, high : infinite where too few assignments exist to reject anything.
    """
    held = np.isfinite(raw[1:])
    a, c = raw[1:][held], shift[1:][held]
    # A product may fall a hair short of a whole number in doubles, as 0.29 x 100 does; without the
    # 1e-9 one rejection would be lost to it.
    m = int(np.floor(alpha * (len(a) + 1) + 1e-9))
    if m < 1:
        return -np.inf, np.inf
    # An assignment into which an effect carries as far as into the real one never sets a limit.
    bounded = np.abs(c) < shift[0] * (1 - 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(raw[0] - a) / (shift[0] - c), (raw[0] + a) / (shift[0] + c)])
    low = np.where(bounded, ends.min(axis=0), -np.inf)
    high = np.where(bounded, ends.max(axis=0), np.inf)
    if m > len(low):
        return float(raw[0] / shift[0]), float(raw[0] / shift[0])
    return float(np.partition(low, m - 1)[m - 1]), float(-np.partition(-high, m - 1)[m - 1])


def from_draws(
    effects: NDArray[np.float64], draws: Draws, maps: NDArray[np.float64], level: float
) -> pd.DataFrame:
    """Effects, errors, intervals, bands and p-values of R averages, by re-assignment.

    Parameters
    ----------
    effects : (K); an entry without an effect is NaN and has weight 0.
    maps : (R, K) weights of the entries in each average.
    """
    point, alpha = maps @ np.nan_to_num(effects), 1 - level
    raw, shift, net = (apply_map(part, maps) for part in (draws.raw, draws.shift, draws.net))
    is_identity = np.stack(
        [draws.is_identity[:, weights != 0].all(axis=1) for weights in maps], axis=1
    )
    # The identity permutation ties by definition; summed in another order it could miss by a bit.
    raw, shift = np.where(is_identity, raw[0], raw), np.where(is_identity, shift[0], shift)
    few = len(net) <= 2
    error = np.full(len(point), np.nan) if few else deviation(net[1:])
    intervals = [placebo_interval(raw[:, r], shift[:, r], alpha) for r in range(len(point))]
    low, high = (np.array(side) for side in zip(*intervals, strict=True))
    band = _band(net, error, alpha)
    p = np.array([placebo_p(raw[:, r]) for r in range(len(point))])
    # The base period is zero under every assignment: it has no test, and its interval is a point.
    none = (np.abs(point) < 1e-14) & (error < 1e-14)
    p, low, high = np.where(none, np.nan, p), np.where(none, 0.0, low), np.where(none, 0.0, high)
    return _frame(point, error, low, high, band, p)


def deviation(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each column over the draws that hold it; NaN with fewer than two."""
    held = np.isfinite(draws)
    count = held.sum(axis=0)
    mean = np.where(held, draws, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = (np.where(held, draws - mean, 0.0) ** 2).sum(axis=0)
    out: NDArray[np.float64] = np.sqrt(squares / np.maximum(count - 1, 1))
    return np.where(count > 1, out, np.nan)


def _band(
    net: NDArray[np.float64], error: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Half-widths that hold all averages at once: the largest scaled deviation of each draw."""
    if len(net) <= 2:
        return np.full(len(error), np.nan)
    varies = error > 0
    studentised = np.abs(net[1:, varies] - np.nanmean(net[1:, varies], axis=0)) / error[varies]
    if not varies.any():
        return np.full(len(error), np.nan)
    largest = np.where(np.isnan(studentised), -np.inf, studentised).max(axis=1)
    # An assignment without any statistic is none that the band holds.
    reach = float(np.quantile(largest[largest > -np.inf], 1 - alpha, method="higher"))
    half: NDArray[np.float64] = reach * error
    return half


def detectable(draws: NDArray[np.float64], alpha: float, power: float = 0.8) -> float:
    """The smallest constant effect that re-assignment would find with the given power.

    Parameters
    ----------
    draws : (B + 1) net statistic, the real assignment first; those without one are not counted.
    alpha : of the two-sided test.

    Returns
    -------
    The larger of the two directions' effects; infinite where the assignments are too few to
    reject anything at ``alpha``.
    """
    placebo = draws[1:][np.isfinite(draws[1:])]
    m = int(np.floor(alpha * (len(placebo) + 1) + 1e-9))
    if m < 1 or len(placebo) < 2:
        return float("inf")
    placebo = placebo - placebo.mean()
    critical = float(-np.sort(-np.abs(placebo))[min(m, len(placebo)) - 1])
    low, high = np.quantile(placebo, [1 - power, power])
    return critical + max(-float(low), float(high))


def apply_map(draws: NDArray[np.float64], maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B + 1, R) averages of the draws; entries without a figure are left out of their row.

    A row without any figure left is NaN.
    """
    used = (maps != 0).any(axis=0)
    held, weights = draws[:, used], maps[:, used]
    mass = np.isfinite(held) @ weights.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mapped: NDArray[np.float64] = (np.nan_to_num(held) @ weights.T) / mass
    out: NDArray[np.float64] = mapped * weights.sum(axis=1)
    return out


@dataclass(frozen=True, kw_only=True, eq=False)
class Average:
    """R averages of the entries, or one average of such averages.

    maps : (R, K) weights of the entries in each average. shares : (R) how the averages are
    averaged once more into one; None keeps them apart. by_size : whether ``shares`` are the groups'
    shares of the treated areas, so that they are estimated too.
    """

    maps: NDArray[np.float64]
    shares: NDArray[np.float64] | None = None
    by_size: bool = False

    @property
    def flat(self) -> NDArray[np.float64]:
        """(rows, K) weights of the entries in each row of the table."""
        return self.maps if self.shares is None else self.shares[None, :] @ self.maps


def from_influence(
    effects: NDArray[np.float64], influence: Influence, average: Average, level: float
) -> pd.DataFrame:
    """The same from influence functions, clustered; bands need the bootstrap's multipliers."""
    effects = np.nan_to_num(effects)
    point = average.flat @ effects
    n = len(influence.figures)
    values = influence_of(effects, influence, average)
    summed = in_clusters(values, influence.cluster)
    error = np.sqrt(np.einsum("nr,nr->r", summed, summed)) / n
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + level / 2)
    reach = z
    if len(influence.multipliers):
        boot = influence.multipliers @ summed / n
        # The quartile range over that of a normal, as in the R package did: one wild draw of a
        # multiplier moves a standard deviation and not this.
        spread = np.subtract(*np.percentile(boot, [75, 25], axis=0)) / (
            normal.inv_cdf(0.75) - normal.inv_cdf(0.25)
        )
        error = spread
        # What does not vary at all has no band, and widens no other's.
        ratio = np.where(spread > 0, np.abs(boot) / np.where(spread > 0, spread, 1.0), 0.0)
        reach = float(np.quantile(ratio.max(axis=1), level))
    size = np.abs(point) / np.where(error > 0, error, np.nan)
    p = np.array([2 * (1 - normal.cdf(x)) if np.isfinite(x) else np.nan for x in size])
    return _frame(point, error, point - z * error, point + z * error, reach * error, p)


def in_clusters(values: NDArray[np.float64], cluster: NDArray[np.int64]) -> NDArray[np.float64]:
    """(clusters, R) sums of (n, R) over the areas of each cluster."""
    if np.array_equal(cluster, np.arange(len(cluster))):
        return values
    summed = np.zeros((int(cluster.max()) + 1, values.shape[1]))
    np.add.at(summed, cluster, values)
    return summed


def influence_of(
    effects: NDArray[np.float64], influence: Influence, average: Average
) -> NDArray[np.float64]:
    """(n, rows) influence functions of averages, those of their estimated weights among them."""
    values, shares = influence.averages(average.maps), influence.shares
    per_member = np.array([_per_member(row, effects, shares) for row in average.maps])
    if per_member.any():
        influence.add_memberships(values, per_member)
    if average.shares is None:
        return values
    combined = values @ average.shares
    if average.by_size:
        groups = influence.largest(average.maps)
        of_groups = _per_member(average.shares, average.maps @ effects, groups.mean(axis=0))
        combined = combined + groups @ of_groups
    return combined[:, None]


def from_errors(
    effects: NDArray[np.float64],
    errors: NDArray[np.float64] | None,
    maps: NDArray[np.float64],
    level: float,
) -> pd.DataFrame:
    """The same from standard errors that another library computed: normal intervals, no bands.

    Of several entries the errors are added up, as if they all went together: how they do is not
    known, and no less than that is safe.
    """
    point = maps @ np.nan_to_num(effects)
    error = np.full(len(point), np.nan) if errors is None else np.abs(maps) @ errors
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + level / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs(point / error)
    p = np.array([2 * (1 - normal.cdf(x)) if x == x else np.nan for x in size])
    blank = np.full(len(point), np.nan)
    return _frame(point, error, point - z * error, point + z * error, blank, p)


def _per_member(
    weights: NDArray[np.float64], effects: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(K) influence of estimating cohort shares, by unit of weight that an area has in each entry.

    With weights w_k = p_k / sum p over the entries used (p the share of areas in the entry's
    group), as in the R package did (``wif``). Averages that weigh every group alike have none. Nor
    has an area in none of the groups: the two terms of ``wif`` cancel in it.
    """
    out, used = np.zeros(len(weights)), weights != 0
    held = share[used]
    proportional = np.ptp(weights[used] / np.where(held > 0, held, np.nan)) < 1e-9
    if not proportional or np.isnan(held).any():
        return out
    total = held.sum()
    out[used] = (effects[used] - held @ effects[used] / total) / total
    return out


def _frame(
    point: NDArray[np.float64],
    error: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    band: NDArray[np.float64],
    p: NDArray[np.float64],
) -> pd.DataFrame:
    """The table of averages; ``band`` is the half-width that holds all of them at once."""
    return pd.DataFrame(
        {
            "effect": point,
            "se": error,
            "low": low,
            "high": high,
            "low_band": point - band,
            "high_band": point + band,
            "p_value": p,
        }
    )
