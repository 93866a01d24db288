"""How sites differ and what a new one could expect, against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.diagnose import EventStudy, breakdown
from evaluation.edition.pages.outcomes import quantile_dots_sentence
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from evaluation.finding.undo import breaks_of
from evaluation.study.heterogeneity import equally_likely, new_site, new_site_of, synthetic_unit_of
from tests.unit.panels import panel

# Invented: tau is above nought in the first set and nought in the second.
APART = (np.array([-0.30, -0.05, 0.12, -0.20, 0.02, -0.11]), np.array([0.05] * 5 + [0.08]))
ALIKE = (np.array([-0.02, -0.08, -0.05, -0.01]), np.array([0.035, 0.035, 0.036, 0.034]))


@pytest.mark.parametrize(("effects", "errors"), [APART, ALIKE])
def test_the_random_effects_are_those_of_the_formulas(
    effects: np.ndarray, errors: np.ndarray
) -> None:
    """DerSimonian and Laird (1986), equations 7 to 9, by hand; closed forms, so to rounding."""
    found = new_site(effects, errors, 0.95)
    assert found is not None
    w = errors**-2
    centre = (w * effects).sum() / w.sum()
    q = (w * (effects - centre) ** 2).sum()
    tau2 = max(0.0, (q - len(w) + 1) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (errors**2 + tau2)
    assert found.tau**2 == pytest.approx(tau2, abs=1e-14)
    assert found.mean == pytest.approx((w * effects).sum() / w.sum(), rel=1e-12)
    assert found.se == pytest.approx(w.sum() ** -0.5, rel=1e-12)
    assert found.p_alike == pytest.approx(stats.chi2.sf(q, len(effects) - 1), rel=1e-10)


def test_the_interval_is_equation_12_by_hand() -> None:
    found = new_site(*APART, 0.95)
    assert found is not None
    # The 97.5 % point of Student's t with 4 degrees of freedom, from a printed table: 2.776.
    reach = 2.776 * (found.tau**2 + found.se**2) ** 0.5
    assert found.high - found.mean == pytest.approx(reach, rel=1e-3)
    assert found.mean - found.low == pytest.approx(reach, rel=1e-3)


def test_a_new_site_lies_in_its_interval_as_often_as_promised() -> None:
    rng, inside = np.random.default_rng(11), 0
    for _ in range(2000):
        true = rng.normal(-0.1, 0.08, 11)
        seen = true[:10] + rng.normal(0, 0.05, 10)
        found = new_site(seen, np.full(10, 0.05), 0.95)
        assert found is not None
        inside += found.low <= true[10] <= found.high
    # 0.95 with a Monte Carlo error of 0.005; with few sites the interval is known to fall short.
    assert 0.92 <= inside / 2000 <= 0.965


@pytest.fixture(scope="module")
def fitted() -> tuple[Estimate, Estimate]:
    """Two sites whose level falls by two from their start on."""
    held = panel(effect=-2.0)
    drawn = Assignments.draw(held, strata=(), n=199, seed=1)
    return (
        did(held, "y", settings=DidSettings(comparison="never", base="mean"), assignments=drawn),
        synthetic_control(held, "y", settings=SyntheticSettings(), assignments=drawn),
    )


def test_equally_likely_worlds_lie_around_the_effect(fitted: tuple[Estimate, Estimate]) -> None:
    quantile_dots = equally_likely(fitted[0], (0, 2))
    row = fitted[0].overall(window=(0, 2)).iloc[0]
    assert len(quantile_dots) == 20 and quantile_dots == sorted(quantile_dots)
    # Centred on the effect, and as wide as the interval: 95 in 100 lie inside it, so 19 of 20.
    assert np.mean(quantile_dots) == pytest.approx(
        row["effect"], abs=0.15 * (row["high"] - row["low"])
    )
    assert sum(row["low"] <= world <= row["high"] for world in quantile_dots) >= 18


def test_two_sites_bear_no_promise(fitted: tuple[Estimate, Estimate]) -> None:
    assert new_site_of(fitted[0]) is None


def test_the_twin_differs_from_pilots_by_the_effect(fitted: tuple[Estimate, Estimate]) -> None:
    made = synthetic_unit_of(fitted, {"a10": "Ashby"})
    assert made is not None and made["estimator"] == "synthetic_control"
    last = made["rows"][-1]
    at = fitted[1].index["quarter"].astype(str) == last["period"]
    weight = fitted[1].index["n_areas"][at].to_numpy(dtype=float)
    apart = float(np.average(fitted[1].effects[at.to_numpy()], weights=weight))
    assert last["observed"] - last["twin"] == pytest.approx(apart, abs=1e-9)
    assert sum(donor["weight"] for donor in made["donors"]) == pytest.approx(1.0, abs=1e-4)


def test_breaks_are_those_of_the_honest_ranges(fitted: tuple[Estimate, Estimate]) -> None:
    found = breaks_of(fitted[0], (0, 2))
    assert found is not None
    peer = EventStudy.of(fitted[0], window=(-3, 2))
    assert found.breakdown == breakdown(peer, "relative_magnitudes", window=(0, 2))
    widths = [row.high - row.low for row in found.rows]
    assert widths == sorted(widths)


def test_two_sites_are_too_few() -> None:
    assert new_site(np.array([0.1, 0.2]), np.array([0.1, 0.1]), 0.95) is None
    assert new_site(np.array([0.1, 0.2, np.nan]), np.array([0.1, 0.1, 0.1]), 0.95) is None


def test_worlds_are_counted_in_words() -> None:
    assert quantile_dots_sentence([-1.0] * 17 + [1.0] * 3).startswith(
        "In 17 of 20 equally likely worlds"
    )
    assert "In all 20" in quantile_dots_sentence([1.0] * 20) and "higher" in quantile_dots_sentence(
        [1.0] * 20
    )
