"""What one number hides: equally likely effects, synthetic controls, breaks."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.diagnose import EventStudy, breakdown
from evaluation.edition.pages.outcomes import quantile_dots_sentence
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from evaluation.estimate.units import stretch
from evaluation.finding.undo import breaks_of
from evaluation.study.heterogeneity import Scale, equally_likely, new_site_of, synthetic_unit_of
from tests.unit.panels import panel


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
    nothing = Scale(value=None, fixed_by="the figures themselves")
    assert new_site_of(fitted[0], nothing) is None


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


def test_worlds_are_counted_in_words() -> None:
    assert quantile_dots_sentence([-1.0] * 17 + [1.0] * 3).startswith(
        "In 17 of 20 equally likely worlds"
    )
    assert "In all 20" in quantile_dots_sentence([1.0] * 20) and "higher" in quantile_dots_sentence(
        [1.0] * 20
    )


def test_assignments_without_a_statistic_leave_the_others_their_values(
    fitted: tuple[Estimate, Estimate],
) -> None:
    draws = fitted[0].draws
    assert draws is not None
    lost = [5, 77]
    raw, shift, net = (part.copy() for part in (draws.raw, draws.shift, draws.net))
    for part in (raw, shift, net):
        part[lost] = np.nan
    lacking = replace(fitted[0], draws=replace(draws, raw=raw, shift=shift, net=net))
    kept = {
        name: np.delete(getattr(draws, name), lost, axis=0)
        for name in ("raw", "shift", "net", "is_identity")
    }
    fewer = replace(fitted[0], draws=replace(draws, **kept))
    np.testing.assert_allclose(
        equally_likely(lacking, (0, 2)), equally_likely(fewer, (0, 2)), rtol=1e-9
    )


def test_draws_that_do_not_vary_are_stretched_to_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        still = np.zeros(99)
        assert stretch(still, pd.Series({"low": 2.0, "high": 2.0}), 0.95) == 1.0
        assert stretch(still, pd.Series({"low": 1.0, "high": 2.0}), 0.95) == math.inf
        assert stretch(np.arange(99.0), pd.Series({"low": 1.0, "high": math.inf}), 0.95) == math.inf
