"""Published tables of the field, from the data in installed packages.

mpdta: the R package did 2.5 as stored in its vignette, printed to seven digits (tolerance 5e-8 in
effects and errors; 5e-6 where five digits are printed). Proposition 99 has a file of its own.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.estimate.did import Comparison, DidSettings, Method, did
from evaluation.estimate.estimate import Estimate, Weights
from evaluation.estimate.imputation import imputation
from evaluation.panel import Panel
from tests.unit.panels import long_table

WEIGHTS: dict[str, Weights] = {
    "simple": "simple",
    "dynamic": "event_time",
    "group": "cohort",
    "calendar": "quarter",
}


def data_of(package: str, path: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / path


@pytest.fixture(scope="module")
def counties() -> Panel:
    frame = pd.read_pickle(data_of("moderndid", "core/datasets/mpdta_long.pkl.gz"))
    return Panel.from_long(
        frame,
        area="countyreal",
        period="year",
        outcomes="lemp",
        start="first.treat",
        covariates=["lpop"],
        frequency="A",
    )


def fit(counties: Panel, **settings: object) -> Estimate:
    chosen = DidSettings(base="varying", **settings)  # type: ignore[arg-type]
    return did(counties, "lemp", inference="analytic", settings=chosen)


@pytest.mark.parametrize(
    ("average", "effect", "error"),
    [
        ("simple", -0.0399513, 0.0120340),
        ("dynamic", -0.0772398, 0.0199650),
        ("group", -0.0310183, 0.0124461),
        ("calendar", -0.0417004, 0.0159719),
    ],
)
def test_mpdta_without_covariates(
    counties: Panel, average: str, effect: float, error: float
) -> None:
    row = fit(counties).overall(WEIGHTS[average]).iloc[0]
    assert row["effect"] == pytest.approx(effect, abs=5e-8)
    assert row["se"] == pytest.approx(error, abs=5e-8)


def test_mpdta_by_event_time(counties: Panel) -> None:
    table = fit(counties).by("event_time")
    effects = [0.0305067, -0.0005631, -0.0244587, -0.0199318, -0.0509574, -0.1372587, -0.1008114]
    errors = [0.01503, 0.01329, 0.01424, 0.01183, 0.01689, 0.03644, 0.03436]
    assert list(table.index) == list(range(-3, 4))
    np.testing.assert_allclose(table["effect"], effects, atol=5e-8)
    np.testing.assert_allclose(table["se"], errors, atol=5e-6)


@pytest.mark.parametrize(
    ("average", "effect", "error"),
    [
        ("simple", -0.0417518, 0.0115028),
        ("dynamic", -0.0803539, 0.0189576),
        ("group", -0.0328196, 0.0118982),
        ("calendar", -0.0441774, 0.0150382),
    ],
)
def test_mpdta_doubly_robust(counties: Panel, average: str, effect: float, error: float) -> None:
    estimate = fit(counties, method="dr", covariates=("lpop",))
    row = estimate.overall(WEIGHTS[average]).iloc[0]
    assert row["effect"] == pytest.approx(effect, abs=5e-8)
    assert row["se"] == pytest.approx(error, abs=5e-8)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
@pytest.mark.parametrize("method", ["reg", "ipw"])
def test_an_independent_library_agrees(seed: int, comparison: Comparison, method: Method) -> None:
    """diff-diff on random staggered panels with a covariate: effects to 1e-8."""
    from diff_diff import CallawaySantAnna

    table = random_panel(seed)
    groups = {"never": "never_treated", "not_yet": "not_yet_treated"}
    program = CallawaySantAnna(
        control_group=groups[comparison], estimation_method=method, pscore_trim=1e-9
    )
    theirs = program.fit(
        table, outcome="y", unit="id", time="t", first_treat="start", covariates=["x"]
    )
    held = Panel.from_long(
        table, area="id", period="t", outcomes="y", start="start", covariates=["x"], frequency="A"
    )
    settings = DidSettings(base="varying", comparison=comparison, method=method, covariates=("x",))
    ours = did(held, "y", inference="analytic", settings=settings).overall().iloc[0]
    assert ours["effect"] == pytest.approx(theirs.overall_att, abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_an_independent_imputation_agrees(seed: int) -> None:
    from diff_diff import ImputationDiD

    table = random_panel(seed)
    theirs = ImputationDiD().fit(table, outcome="y", unit="id", time="t", first_treat="start")
    held = Panel.from_long(table, area="id", period="t", outcomes="y", start="start", frequency="A")
    assert imputation(held, "y").overall()["effect"].item() == pytest.approx(
        theirs.overall_att, abs=1e-8
    )


def random_panel(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = long_table(n=90, n_periods=7, seed=seed).rename(columns={"area": "id", "year": "t"})
    starts = rng.choice([0, 2003, 2004, 2005], 90, p=[0.5, 0.2, 0.15, 0.15])
    number = table["id"].astype("category").cat.codes.to_numpy()
    table["start"], table["x"] = starts[number], rng.normal(size=90)[number]
    table["y"] += 0.1 * table["x"] * (table["t"] - 2000)
    return table
