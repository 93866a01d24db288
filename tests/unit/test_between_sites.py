"""How sites differ and where the next one may lie, against sums over a plain grid and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from evaluation import Assignments, Panel, between_sites, did, honest_bounds
from evaluation.errors import EstimateError
from evaluation.estimate.between_sites import default_scale, pooled, reml_tau, site_effects
from evaluation.estimate.did import DidSettings

# Invented: six sites whose errors go together and differ.
Y = np.array([-0.30, -0.05, 0.12, -0.20, 0.02, -0.11])
ERRORS = np.array([0.05, 0.06, 0.05, 0.09, 0.05, 0.08])
TOGETHER = np.outer(ERRORS, ERRORS) * (0.15 + 0.85 * np.eye(6))


def plain(scale: float, level: float = 0.95) -> dict[str, tuple[float, float]]:
    """The mean, the next site and the first site by a plain grid of mu and tau, no closed form."""
    tau = np.linspace(0, 8 * scale, 321)
    mu = np.linspace(-1.2, 1.0, 1101)
    log = np.empty((len(tau), len(mu)))
    first = []
    for row, t in enumerate(tau):
        whole = TOGETHER + t**2 * np.eye(6)
        inverse, (_, size) = np.linalg.inv(whole), np.linalg.slogdet(whole)
        gap = Y[:, None] - mu
        log[row] = -0.5 * (size + np.einsum("im,ij,jm->m", gap, inverse, gap))
        log[row] -= 0.5 * (t / scale) ** 2
        pull = TOGETHER @ inverse
        variance = (TOGETHER - pull @ TOGETHER)[0, 0]
        first.append(((Y[:, None] - pull @ gap)[0], np.sqrt(max(variance, 0.0))))
    weight = np.exp(log - log.max())
    weight[0] /= 2  # the trapezium's end
    weight /= weight.sum()

    def ends(chance: object) -> tuple[float, float]:
        tail = (1 - level) / 2
        return tuple(  # type: ignore[return-value]
            optimize.brentq(lambda x, at: chance(x) - at, -4, 4, args=(at,))
            for at in (tail, 1 - tail)
        )

    of_mu = np.cumsum(weight.sum(axis=0)) - weight.sum(axis=0) / 2
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], of_mu, mu)

    def new(x: float) -> float:
        return float((weight * stats.norm.cdf(x, mu, np.maximum(tau, 1e-9)[:, None])).sum())

    def site(x: float) -> float:
        return float(
            sum(
                (weight[row] * stats.norm.cdf(x, centre, max(spread, 1e-9))).sum()
                for row, (centre, spread) in enumerate(first)
            )
        )

    return {"mean": (low, high), "next_site": ends(new), "site": ends(site)}


@pytest.mark.parametrize("scale", [0.03, 0.12])
def test_the_ranges_are_those_of_a_plain_grid(scale: float) -> None:
    found, peer = pooled(Y, TOGETHER, scale=scale), plain(scale)
    for name, table in (("mean", found.mean), ("next_site", found.next_site)):
        row = table.iloc[0]
        assert (row["low"], row["high"]) == pytest.approx(peer[name], abs=2e-3)
    row = found.sites.iloc[0]
    assert (row["low"], row["high"]) == pytest.approx(peer["site"], abs=2e-3)


def test_half_and_double_the_scale_stand_beside_it() -> None:
    found = pooled(Y, TOGETHER, scale=0.1)
    assert found.by_scale["scale"].tolist() == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    for scale in (0.05, 0.2):
        other = pooled(Y, TOGETHER, scale=scale)
        beside = found.by_scale[found.by_scale["scale"] == scale].set_index("of")
        assert beside.loc["mean", "low"] == pytest.approx(other.mean["low"][0])
        assert beside.loc["next_site", "high"] == pytest.approx(other.next_site["high"][0])


def test_reml_and_the_modified_error_are_those_of_the_formulas() -> None:
    """The restricted likelihood by its definition; Hartung and Knapp's q, never below one."""

    def against(log_tau: float) -> float:
        whole = TOGETHER + np.exp(2 * log_tau) * np.eye(6)
        inverse = np.linalg.inv(whole)
        mass = inverse.sum()
        mean = (inverse @ Y).sum() / mass
        left = (Y - mean) @ inverse @ (Y - mean)
        return float(np.linalg.slogdet(whole)[1] + np.log(mass) + left)

    best = optimize.minimize_scalar(against, bounds=(-12, 1), method="bounded")
    tau = float(np.exp(best.x))
    assert reml_tau(Y, TOGETHER) == pytest.approx(tau, rel=1e-3)
    inverse = np.linalg.inv(TOGETHER + tau**2 * np.eye(6))
    mean = (inverse @ Y).sum() / inverse.sum()
    q = (Y - mean) @ inverse @ (Y - mean) / 5
    error = np.sqrt(max(1.0, q) / inverse.sum())
    row = pooled(Y, TOGETHER, scale=0.1).reml.loc["mean"]
    assert row["effect"] == pytest.approx(mean, rel=1e-4)
    # The 97.5 % point of Student's t with 5 degrees of freedom, from a printed table: 2.571.
    assert row["high"] - row["effect"] == pytest.approx(2.571 * error, rel=1e-3)


def test_q_holds_the_whole_covariance() -> None:
    inverse = np.linalg.inv(TOGETHER)
    mean = (inverse @ Y).sum() / inverse.sum()
    found = pooled(Y, TOGETHER, scale=0.1)
    assert found.q == pytest.approx((Y - mean) @ inverse @ (Y - mean))
    assert found.p_alike == pytest.approx(stats.chi2.sf(found.q, 5))


def test_sites_alike_are_pulled_together_and_sites_apart_are_not() -> None:
    alike = pooled(np.array([-0.09, -0.1, -0.1, -0.11, -0.1, -0.1]), TOGETHER, scale=0.1)
    assert (alike.sites["high"] - alike.sites["low"] < 2 * 1.96 * ERRORS).all()
    assert alike.sites["above_mean"].isna().all()
    apart = pooled(Y * 10, TOGETHER, scale=1.0)
    assert apart.sites["effect"].to_numpy() == pytest.approx(Y * 10, abs=0.05)
    # The first lies far below the mean and the third far above: that is told, and no more.
    assert apart.sites["above_mean"][0] < 0.1 and apart.sites["above_mean"][2] > 0.9


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(EstimateError, match="says nothing"):
        pooled(Y, TOGETHER, scale=scale)


def test_sites_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(EstimateError, match="no inverse"):
        pooled(Y[:3], np.full((3, 3), 0.01), scale=0.1)


def sites(number: int, areas: int = 60, apart: float = 0.0, seed: int = 5) -> Panel:
    """Sites of two areas each among areas that never start."""
    rng = np.random.default_rng(seed)
    quarters = [str(p) for p in pd.period_range("2020Q1", periods=16, freq="Q")]
    rows = []
    for area in range(areas):
        site = area // 2 if area < 2 * number else None
        effect = 0.0 if site is None else -0.5 + apart * (site - (number - 1) / 2)
        level, start = rng.normal(5, 1), None if site is None else 8 + site % 3
        for t, label in enumerate(quarters):
            on = start is not None and t >= start
            rows.append(
                {
                    "area": f"a{area:02}",
                    "quarter": label,
                    # The first site by name starts last, so that order of names is not of starts.
                    "site": None if site is None else f"s{9 - site}",
                    "start": None if start is None else quarters[start],
                    "y": level + rng.normal(0, 0.3) + (effect if on else 0.0),
                }
            )
    return Panel.from_long(
        pd.DataFrame(rows), area="area", period="quarter", outcomes="y", start="start", site="site"
    )


@pytest.fixture(scope="module")
def six() -> tuple[Panel, object]:
    panel = sites(6, apart=0.1)
    drawn = Assignments.draw(panel, strata=(), n=1_999, seed=1)
    settings = DidSettings(comparison="never", base="mean")
    return panel, did(panel, "y", settings=settings, assignments=drawn)


def test_sites_errors_go_together_as_their_draws_do(six: tuple[Panel, object]) -> None:
    _, estimate = six
    names, effects, covariance = site_effects(estimate)
    table = estimate.by("site")
    assert effects == pytest.approx(table.loc[names, "effect"].to_numpy())
    assert np.sqrt(np.diag(covariance)) == pytest.approx(table.loc[names, "se"].to_numpy())
    # Two areas each against 48: errors share the comparisons.
    off = covariance[~np.eye(6, dtype=bool)] / np.outer(table["se"], table["se"])[0, 1]
    assert abs(off.mean()) < 0.3 and np.linalg.eigvalsh(covariance)[0] > 0


def test_sites_stand_in_the_order_of_their_starts(six: tuple[Panel, object]) -> None:
    panel, estimate = six
    found = between_sites(estimate, scale=0.2)
    starts = panel.areas.dropna(subset="site").groupby("site")["start"].min()
    order = [starts[name] for name in found.sites.index]
    assert order == sorted(order)
    assert found.sites["effect"].tolist() != sorted(found.sites["effect"])


def test_the_scale_is_told_and_defaults_to_twice_a_middling_error(
    six: tuple[Panel, object],
) -> None:
    _, estimate = six
    _, _, covariance = site_effects(estimate)
    assert between_sites(estimate).scale == default_scale(covariance)
    assert between_sites(estimate, scale=0.3).scale == 0.3
    narrow, wide = (between_sites(estimate, scale=s).next_site.iloc[0] for s in (0.01, 1.0))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def test_three_sites_cannot_tell_and_two_are_refused() -> None:
    found = did(
        sites(3),
        "y",
        settings=DidSettings(comparison="never", base="mean"),
        assignments=Assignments.draw(sites(3), strata=(), n=499, seed=1),
    )
    said = between_sites(found, scale=0.2)
    assert said.sentence.startswith("Three sites cannot tell how much sites differ")
    assert len(said.sites) == 3 and np.isfinite(said.next_site["high"][0])
    two = did(
        sites(2),
        "y",
        settings=DidSettings(comparison="never", base="mean"),
        assignments=Assignments.draw(sites(2), strata=(), n=499, seed=1),
    )
    with pytest.raises(EstimateError, match="2 sites"):
        between_sites(two, scale=0.2)


def test_influence_functions_carry_the_covariance_too() -> None:
    panel = sites(6, apart=0.1)
    settings = DidSettings(comparison="never", base="mean", replication=True)
    found = did(panel, "y", settings=settings, inference="analytic")
    names, _, covariance = site_effects(found)
    table = found.by("site")
    assert np.sqrt(np.diag(covariance)) == pytest.approx(table.loc[names, "se"].to_numpy(), rel=0.2)
    assert between_sites(found, scale=0.2).next_site["low"][0] < 0


def test_errors_that_carry_no_covariance_are_refused(six: tuple[Panel, object]) -> None:
    _, estimate = six
    bare = replace(estimate, draws=None, analytic_error=np.full(len(estimate.index), 0.1))
    with pytest.raises(EstimateError, match="how sites go together"):
        between_sites(bare, scale=0.1)


def test_a_new_site_lies_in_its_range_as_often_as_promised() -> None:
    """A sample; benchmarks/results/between_sites.json records a thousand for each cell."""
    rng, held = np.random.default_rng(3), np.zeros(2)
    for _ in range(150):
        true = rng.normal(-0.1, 0.06, 7)
        seen = true[:6] + rng.multivariate_normal(np.zeros(6), TOGETHER)
        found = pooled(seen, TOGETHER, scale=0.12)
        for k, (row, at) in enumerate(((found.mean, -0.1), (found.next_site, true[6]))):
            held[k] += row["low"][0] <= at <= row["high"][0]
    # 0.95 with a Monte Carlo error of 0.018.
    assert (held / 150 >= 0.91).all()


@pytest.mark.parametrize("window", [7, "early", (0,), (0.0, 3.0)])
def test_what_is_no_window_is_refused(six: tuple[Panel, object], window: object) -> None:
    with pytest.raises(EstimateError, match="names no event times"):
        between_sites(six[1], window=window)
    with pytest.raises(EstimateError, match="names no event times"):
        honest_bounds(six[1], window=window)
