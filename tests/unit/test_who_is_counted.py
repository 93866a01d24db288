"""An average is the mean of the treated cells that are observed, and of no others."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import ImputationSettings, imputation
from evaluation.estimate.interim import statistic
from evaluation.estimate.pooled import pooled_synthetic_control
from evaluation.estimate.synthetic import synthetic_control, synthetic_did
from evaluation.panel import Panel

YEARS = 10
ALWAYS = (0, 10**6)


def long(figures: np.ndarray, start: np.ndarray, **columns: Any) -> pd.DataFrame:
    areas, years = figures.shape
    return pd.DataFrame(
        {
            "area": np.repeat(np.arange(areas), years),
            "year": np.tile(np.arange(2000, 2000 + years), areas),
            "y": figures.ravel(),
            "start": np.repeat(np.where(start, 2000 + start, 0), years),
            **{name: np.repeat(values, years) for name, values in columns.items()},
        }
    )


def read(table: pd.DataFrame, **names: Any) -> Panel:
    wanted = {"area": "area", "period": "year", "outcomes": "y", "start": "start", **names}
    return Panel.from_long(table, **wanted, frequency="A")


def drawn(panel: Panel, n: int = 99) -> Assignments:
    return Assignments.draw(panel, n=n, block="area", strata=(), seed=1)


def leaving(noise: float = 0.0) -> pd.DataFrame:
    """10 of 30 areas start in 2005, with effects 5, 10 ... 25; nine leave after the first year."""
    rng = np.random.default_rng(0)
    figures = rng.normal(size=(30, 1)) + noise * rng.normal(size=(30, YEARS))
    figures[:10, 5:] += np.arange(5, 30, 5)
    figures[1:10, 6:] = np.nan
    return long(figures, np.where(np.arange(30) < 10, 5, 0))


def gaps(seed: int, *, controls: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Figures of 24 areas with holes after the starts, in treated areas or in all, and starts."""
    rng = np.random.default_rng(seed)
    start = np.repeat([4, 6, 0], [4, 3, 17])
    figures = rng.normal(size=(24, YEARS)).cumsum(axis=1)
    holes = rng.uniform(size=figures.shape) < 0.3
    holes[:, :4] = False
    if not controls:
        holes[start == 0] = False
    holes[0] = False
    return np.where(holes, np.nan, figures), start


FITS: dict[str, Callable[..., Estimate]] = {
    "did": did,
    "imputation": imputation,
    "pooled": lambda *a, assignments: pooled_synthetic_control(
        *a, assignments=Assignments.draw(a[0], n=9, block="area", strata=())
    ),
    "sdid": synthetic_did,
    "synthetic": synthetic_control,
}


@pytest.mark.parametrize("name", FITS)
def test_areas_that_have_left_count_in_no_average(name: str) -> None:
    panel = read(leaving(noise=1e-4))
    found = FITS[name](panel, "y", assignments=drawn(panel))
    cells = np.array([5.0] * 10 + [10, 15, 20, 25])
    # Simplex weights meet flat paths only as near as there are donors inside.
    near = 1e-3 if name in ("did", "imputation", "sdid") else 0.6
    assert found.overall()["effect"].item() == pytest.approx(cells.mean(), abs=near)
    after = found.by("event_time").loc[0:]
    assert after["n_areas"].tolist() == [10, 1, 1, 1, 1]
    assert found.by("year")["n_areas"].tolist() == [10, 1, 1, 1, 1]


def test_an_average_is_that_of_a_peer_and_of_plain_least_squares() -> None:
    from diff_diff import ImputationDiD

    table = leaving(noise=0.5)
    panel = read(table)
    found = imputation(panel, "y", assignments=drawn(panel))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = ImputationDiD().fit(
            table.dropna(), outcome="y", unit="area", time="year", first_treat="start"
        )
    assert found.overall()["effect"].item() == pytest.approx(peer.overall_att, abs=1e-10)
    held = table.dropna()
    areas = pd.get_dummies(held["area"]).to_numpy(float)
    design = np.hstack([areas, pd.get_dummies(held["year"]).to_numpy(float)])
    on = ((held["start"] > 0) & (held["year"] >= held["start"])).to_numpy()
    beta = np.linalg.lstsq(design[~on], held["y"][~on], rcond=None)[0]
    apart = (held["y"] - design @ beta)[on]
    assert found.overall()["effect"].item() == pytest.approx(apart.mean(), abs=1e-10)


def cells(figures: np.ndarray, start: np.ndarray, stands_for: dict[int, int]) -> list[float]:
    """Effects of each pseudo-treated cell that counts, one by one: `did` without its own code."""
    controls = [i for i in range(len(figures)) if i not in stands_for]
    found = []
    for area, treated in stands_for.items():
        g = start[treated]
        for t in range(g, figures.shape[1]):
            change = figures[area, t] - figures[area, g - 1]
            if np.isnan(change) or np.isnan(REAL[treated, t]):
                continue
            others = [figures[c, t] - figures[c, g - 1] for c in controls]
            found.append(change - float(np.nanmean(others)))
    return found


REAL, START = gaps(seed=4)


def test_placebo_effects_are_plain_means_of_cells_placed_as_the_real_ones() -> None:
    panel = read(long(REAL, START))
    assignments = drawn(panel)
    found = did(panel, "y", assignments=assignments)
    raw, net = (getattr(statistic(found, ALWAYS), name) for name in ("raw", "net"))
    units = assignments.treated.units.tolist()
    starting = panel.start_index
    effects = found.index.assign(effect=found.effects).set_index(["cohort", "quarter"])["effect"]
    cleaned = REAL.copy()
    for unit in units:
        for t in range(starting[unit], YEARS):
            cleaned[unit, t] -= np.nan_to_num(effects[2000 + starting[unit], 2000 + t])
    for b, pseudo in enumerate(assignments.pseudo_treated.tolist()):
        stands_for = dict(zip(pseudo, units, strict=True))
        own = len(set(pseudo) & set(units))
        if b and own:
            continue  # a treated area's own gaps come on top of those that are copied
        assert raw[b] == pytest.approx(np.mean(cells(REAL, START, stands_for)), abs=1e-12)
        clean = cells(cleaned, START, stands_for)
        assert net[b] == pytest.approx(np.mean(clean), abs=1e-12)
    count = len(cells(REAL, START, {unit: unit for unit in units}))
    weights = found.index["n_areas"].where(found.index["event_time"] >= 0, 0)
    assert weights.sum() == count < 4 * 6 + 3 * 4


@pytest.mark.parametrize("fit", [did, imputation, synthetic_did])
def test_a_test_of_what_one_area_says_is_as_wide_as_one_area(fit: Callable[..., Estimate]) -> None:
    """After nine of ten have left, placebo effects are those of one area too, not of ten."""
    rng = np.random.default_rng(3)
    figures = rng.normal(size=(40, 10))
    figures[1:10, 6:] = np.nan
    panel = read(long(figures, np.where(np.arange(40) < 10, 5, 0)))
    table = fit(panel, "y", assignments=drawn(panel, 999)).by("event_time").loc[0:]
    assert table["se"].iloc[1:].min() > 1.8 * table["se"].iloc[0]


def test_a_score_that_is_refitted_counts_the_same_cells() -> None:
    figures, start = gaps(seed=5)
    x = np.random.default_rng(0).normal(size=24)
    panel = read(long(figures, start, x=x), covariates="x")
    few = drawn(panel, 19)
    by_score = did(
        panel, "y", settings=DidSettings(method="dr", covariates=("x",)), assignments=few
    )
    plain = did(panel, "y", assignments=few)
    assert by_score.draws is not None and plain.draws is not None
    pd.testing.assert_frame_equal(by_score.index, plain.index)
    patterns = {tuple(row) for row in np.isfinite(plain.draws.raw)}
    assert {tuple(row) for row in np.isfinite(by_score.draws.raw)} <= patterns
    assert (by_score.draws.raw[0] == 0).sum() == 2  # the base periods


@pytest.mark.parametrize("fit", [did, imputation])
def test_analytic_averages_weigh_the_same(fit: Callable[..., Estimate]) -> None:
    panel = read(leaving(noise=0.3))
    settings = {did: DidSettings, imputation: ImputationSettings}[fit](replication=True)
    analytic = fit(panel, "y", settings=settings, inference="analytic")
    placebo = fit(panel, "y", assignments=drawn(panel))
    for one, other in (
        (analytic.overall(), placebo.overall()),
        (analytic.by("site"), placebo.by("site")),
    ):
        np.testing.assert_allclose(one["effect"], other["effect"], rtol=1e-12)
        assert one["n_areas"].tolist() == other["n_areas"].tolist()
        assert np.isfinite(one["se"]).all()


def test_a_gap_of_one_site_moves_no_digit_of_a_whole_one() -> None:
    figures, start = gaps(seed=6)
    figures[start == 6] = np.nan_to_num(figures[start == 6])
    weight = np.random.default_rng(1).uniform(1, 3, size=24)
    table = long(figures, start, weight=weight)
    settings = DidSettings(weights="weight")
    panel = read(table, covariates="weight")
    whole = read(long(np.nan_to_num(figures), start, weight=weight), covariates="weight")
    few = drawn(panel)
    one, other = (did(p, "y", settings=settings, assignments=few) for p in (panel, whole))
    late = (one.index["cohort"] == 2006).to_numpy()
    pd.testing.assert_frame_equal(one.index[late], other.index[late], check_exact=True)
    np.testing.assert_allclose(one.effects[late], other.effects[late], rtol=1e-12)


def test_people_of_an_area_without_an_effect_are_in_no_total() -> None:
    """It has figures after the start and lacks the one that its effect is measured from."""
    figures = np.abs(np.random.default_rng(7).normal(5, 1, size=(24, YEARS)))
    figures[1, 4] = np.nan
    start = np.where(np.arange(24) < 3, 5, 0)
    panel = read(long(figures, start))
    people = np.full(figures.shape, 1000.0)
    held = replace(panel, denominators={"y": people}, per={"y": 10.0})
    found = did(held, "y", assignments=drawn(held))
    after = (found.index["event_time"] >= 0).to_numpy()
    assert found.index["n_areas"][after].tolist() == [2] * 5
    assert found.exposure is not None
    assert found.observed is not None
    assert found.exposure[after].tolist() == [200.0] * 5
    np.testing.assert_allclose(found.observed[after], 100 * figures[[0, 2], 5:].sum(axis=0))
    by_all = imputation(held, "y", assignments=drawn(held))
    assert by_all.exposure is not None
    assert by_all.exposure[after].tolist() == [300.0] * 5
