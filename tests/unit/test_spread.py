"""How sites differ and what a new one could expect, against statsmodels and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from evaluation.edition.chances import worlds_sentence
from evaluation.study.spread import new_site

# Invented: tau is above nought in the first set and nought in the second.
APART = (np.array([-0.30, -0.05, 0.12, -0.20, 0.02, -0.11]), np.array([0.05] * 5 + [0.08]))
ALIKE = (np.array([-0.02, -0.08, -0.05, -0.01]), np.array([0.035, 0.035, 0.036, 0.034]))


@pytest.mark.parametrize(("effects", "errors"), [APART, ALIKE])
def test_the_random_effects_are_those_of_a_peer(
    effects: np.ndarray, errors: np.ndarray
) -> None:  # fmt: skip
    found = new_site(effects, errors, 0.95)
    peer = combine_effects(effects, errors**2, method_re="dl")
    assert found is not None
    # Both are closed forms: they may differ by rounding alone.
    assert found.tau**2 == pytest.approx(max(peer.tau2, 0.0), abs=1e-14)
    if found.tau > 0:
        assert found.mean == pytest.approx(peer.mean_effect_re, rel=1e-12)
        assert found.se == pytest.approx(peer.sd_eff_w_re, rel=1e-12)
    assert found.p_alike == pytest.approx(stats.chi2.sf(peer.q, len(effects) - 1), rel=1e-10)


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


def test_two_sites_are_too_few() -> None:
    assert new_site(np.array([0.1, 0.2]), np.array([0.1, 0.1]), 0.95) is None
    assert new_site(np.array([0.1, 0.2, np.nan]), np.array([0.1, 0.1, 0.1]), 0.95) is None


def test_worlds_are_counted_in_words() -> None:
    assert worlds_sentence([-1.0] * 17 + [1.0] * 3).startswith("In 17 of 20 equally likely worlds")
    assert "In all 20" in worlds_sentence([1.0] * 20) and "higher" in worlds_sentence([1.0] * 20)
