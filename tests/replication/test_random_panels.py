"""Random staggered panels against an independent library (diff-diff 3.13): effects and errors.

Each seed draws a panel (some with gaps, weights, a covariate) and a setting. ATT(g, t) and their
errors equal diff-diff's to 1e-8 by regression and without covariates, to 1e-6 by propensity score.
Two differences were found, and each is shown to be what it is:

- with gaps and no weights, diff-diff averages over cells by how many areas have figures in them;
  ours weighs a cohort by its areas throughout (both take the changes of areas seen in both periods;
  R's did would treat such a panel as repeated cross-sections);
- doubly robust, diff-diff divides the comparisons' weighted residuals by the started areas' mass,
  where ours (and R's DRDID, and csdid) divides by the mass of those weights themselves.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from evaluation.estimate.did import Comparison, DidSettings, Method, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import ImputationSettings, imputation
from evaluation.estimate.inference import Average, from_influence
from evaluation.panel import Panel
from tests.unit.panels import long_table

AREAS, SAMPLE, ALL = 90, range(10), range(10, 50)


@dataclass(frozen=True)
class Case:
    """A random panel and how it is estimated."""

    table: pd.DataFrame
    gaps: bool
    weighted: bool
    covariate: bool
    method: Method
    comparison: Comparison

    @classmethod
    def of(cls, seed: int, *, whole: bool = False) -> "Case":
        """The case of a seed; ``whole``: the same panel with its gaps filled."""
        rng = np.random.default_rng(seed)
        table = long_table(n=AREAS, n_periods=7, seed=seed).rename(
            columns={"area": "id", "year": "t"}
        )
        number = table["id"].astype("category").cat.codes.to_numpy()
        table["start"] = rng.choice([0, 2003, 2004, 2005], AREAS, p=[0.5, 0.2, 0.15, 0.15])[number]
        table["x"], table["w"] = rng.normal(size=AREAS)[number], rng.uniform(0.5, 2, AREAS)[number]
        table["y"] += 0.1 * table["x"] * (table["t"] - 2000) + 0.2 * (table["t"] >= table["start"])
        gaps, weighted, covariate = (bool(rng.integers(2)) for _ in range(3))
        gaps = gaps and not whole
        if gaps:
            table = table.drop(table.sample(frac=0.08, random_state=seed).index)
        method: Method = "ipw" if rng.integers(2) else "reg"
        comparison: Comparison = "not_yet" if rng.integers(2) else "never"
        return cls(table, gaps, weighted, covariate, method, comparison)

    @property
    def panel(self) -> Panel:
        return Panel.from_long(
            self.table,
            area="id",
            period="t",
            outcomes="y",
            start="start",
            covariates=["x", "w"],
            frequency="A",
        )

    def ours(self, method: Method | None = None) -> Estimate:
        settings = DidSettings(
            base="varying",
            comparison=self.comparison,
            method=method or self.method,
            covariates=("x",) if self.covariate else (),
            weights="w" if self.weighted else None,
        )
        return did(self.panel, "y", inference="analytic", settings=settings)

    def theirs(self, method: Method | None = None):  # type: ignore[no-untyped-def]
        from diff_diff import CallawaySantAnna, SurveyDesign

        groups = {"never": "never_treated", "not_yet": "not_yet_treated"}
        program = CallawaySantAnna(
            control_group=groups[self.comparison],
            estimation_method=method or self.method,
            pscore_trim=1e-9,
        )
        design = {"survey_design": SurveyDesign(weights="w")} if self.weighted else {}
        with warnings.catch_warnings():
            # Gaps, few started areas for a score, and weights that it scales: all meant here.
            warnings.simplefilter("ignore", UserWarning)
            return program.fit(
                self.table,
                outcome="y",
                unit="id",
                time="t",
                first_treat="start",
                covariates=["x"] if self.covariate else None,
                **design,
            )


def cells(estimate: Estimate) -> pd.DataFrame:
    """Effect and standard error of every cohort and period."""
    assert estimate.influence is not None
    functions = estimate.influence.functions
    errors = np.sqrt((functions**2).sum(axis=0)) / len(functions)
    index = [
        (int(c), int(t))
        for c, t in zip(estimate.index["cohort"], estimate.index["quarter"], strict=True)
    ]
    return pd.DataFrame({"effect": estimate.effects, "se": errors}, index=index)


def observed(held: Panel, estimate: Estimate, base: int) -> np.ndarray:
    """Areas of each entry's cohort with a figure in its period and, with ``base``, before it."""
    figures, start = np.isfinite(held.array("y")), held.start_index
    first = held.periods[0].year
    counted = []
    for cohort, period, event in zip(
        estimate.index["cohort"],
        estimate.index["quarter"],
        estimate.index["event_time"],
        strict=True,
    ):
        own = start == cohort - first
        there = own & figures[:, period - first]
        if base:
            there &= figures[:, cohort - first - base]
        counted.append(there.sum() if event >= 0 else 0)
    return np.array(counted, dtype=float)


def agrees(seed: int) -> None:
    case = Case.of(seed)
    ours, theirs = case.ours(), case.theirs()
    tolerance = 1e-6 if case.covariate and case.method == "ipw" else 1e-8
    table = cells(ours)
    assert len(theirs.group_time_effects) >= 12
    for (cohort, period), row in theirs.group_time_effects.items():
        own = table.loc[[(int(cohort), int(period))]].iloc[0]
        assert own["effect"] == pytest.approx(row["effect"], abs=tolerance, rel=0), (cohort, period)
        assert own["se"] == pytest.approx(row["se"], abs=tolerance, rel=0), (cohort, period)
    row = ours.overall().iloc[0]
    if not case.gaps:
        assert row["effect"] == pytest.approx(theirs.overall_att, abs=tolerance, rel=0)
        assert row["se"] == pytest.approx(theirs.overall_se, abs=tolerance, rel=0)
    elif not case.weighted:
        assert row["effect"] == pytest.approx(theirs.overall_att, abs=tolerance, rel=0)
    else:
        # With survey weights theirs weighs a cohort whole, with its areas that are not observed.
        areas = case.panel.areas
        mass = ours.index["cohort"].astype(str).map(areas.groupby("start")["w"].sum())
        mass = mass.where((ours.index["event_time"] >= 0) & np.isfinite(ours.effects), 0.0)
        whole = float(mass @ np.nan_to_num(ours.effects) / mass.sum())
        assert whole == pytest.approx(theirs.overall_att, abs=tolerance, rel=0)


@pytest.mark.parametrize("seed", SAMPLE)
def test_a_random_panel_agrees(seed: int) -> None:
    agrees(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ALL)
def test_every_random_panel_agrees(seed: int) -> None:
    agrees(seed)


def test_the_panels_differ_in_all_that_they_should() -> None:
    cases = [Case.of(seed) for seed in (*SAMPLE, *ALL)]
    for name in ("gaps", "weighted", "covariate", "method", "comparison"):
        assert len({getattr(case, name) for case in cases}) == 2, name
    assert len(cases) == 50


@pytest.mark.parametrize("seed", [1, 4])
def test_doubly_robust_differs_by_its_denominator_alone(seed: int) -> None:
    """Ours equals diff-diff's once its weighted residuals are divided by their own mass."""
    from evaluation.estimate.did import _logit

    table = Case.of(seed).table
    case = Case(table, False, False, True, "dr", "never")
    held, theirs = case.panel, case.theirs()
    y, x, start = held.array("y"), held.areas["x"].to_numpy(), held.start_index
    ours = cells(case.ours())
    for cohort, period in ((2003, 2004), (2005, 2006)):
        g, t = cohort - 2000, period - 2000
        change = y[:, t] - y[:, g - 1]
        used = ((start == g) | (start == -1)) & np.isfinite(change)
        own = (start[used] == g).astype(float)
        design = np.column_stack([np.ones(used.sum()), x[used]])
        score = _logit(own, design, np.ones(used.sum()))[0]  # type: ignore[index]
        beta = np.linalg.lstsq(design[own == 0], change[used][own == 0], rcond=None)[0]
        rest, odds = change[used] - design @ beta, np.where(own, 0, score / (1 - score))
        effect = ours.loc[[(cohort, period)], "effect"].item()
        assert effect == pytest.approx(
            (own * rest).sum() / own.sum() - (odds * rest).sum() / odds.sum(), abs=1e-10
        )
        assert theirs.group_time_effects[cohort, period]["effect"] == pytest.approx(
            (own * rest).sum() / own.sum() - (odds * rest).sum() / own.sum(), abs=1e-6
        )


@pytest.mark.parametrize("seed", range(6))
def test_imputation_and_its_conservative_errors_agree(seed: int) -> None:
    """Theorem 3 of Borusyak, Jaravel and Spiess: 1e-8; with gaps by diff-diff's cell weights."""
    from diff_diff import ImputationDiD

    case = Case.of(seed)
    theirs = ImputationDiD().fit(case.table, outcome="y", unit="id", time="t", first_treat="start")
    settings = ImputationSettings(replication=True)
    ours = imputation(case.panel, "y", inference="analytic", settings=settings)
    assert ours.influence is not None
    counted = observed(case.panel, ours, base=0)
    average = Average(maps=(counted / counted.sum())[None, :])
    row = from_influence(ours.effects, ours.influence, average, 0.95).iloc[0]
    assert row["effect"] == pytest.approx(theirs.overall_att, abs=1e-8, rel=0)
    assert row["se"] == pytest.approx(theirs.overall_se, abs=1e-8, rel=0)
    if not case.gaps:
        assert ours.overall()["se"].item() == pytest.approx(theirs.overall_se, abs=1e-8, rel=0)
