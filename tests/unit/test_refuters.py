"""Refuters on our own estimator tell a true effect from a planted confounded one.

A sample of what ``benchmarks/refuters.py`` measures over more seeds.
"""

import pytest

from evaluation.finding.refutation import available, refute
from tests.unit.refuted import attack, fit, world

pytestmark = pytest.mark.skipif(not available(), reason="the extra causal is not installed")


def results(number, confounded, **more):
    return {one.code: one for one in refute(attack(world(number, confounded), **more))}


def test_a_true_effect_stands_and_each_attack_says_what_it_tests():
    found = results(1, confounded=False)
    assert {code: one.kind for code, one in found.items()} == {
        "placebo_start": "validity",
        "negative_control": "validity",
        "placebo_treatment": "validity",
        "random_common_cause": "stability",
        "data_subset": "stability",
    }
    assert {one.result for one in found.values()} == {"holds"}
    assert found["data_subset"].effect == pytest.approx(-4, abs=1.5)
    assert "cannot see that pilots differed" in found["placebo_treatment"].sentence


def test_a_confounded_one_falls_by_validity_and_stands_by_stability():
    found = results(1, confounded=True)
    assert found["placebo_start"].result == found["negative_control"].result == "fails"
    assert found["random_common_cause"].result == found["data_subset"].result == "holds"
    assert found["placebo_treatment"].result == "holds", "drawing anew breaks confounding too"


def test_subsets_are_drawn_anew_each_time():
    """An integer state would draw one subset again and again, and the spread would be nothing."""
    one, other = results(2, False, simulations=5), results(2, False, simulations=5, seed=1)
    assert one["data_subset"].under != other["data_subset"].under
    assert one["data_subset"].p_value not in (0.0, 1.0)


def test_what_cannot_be_tried_says_so():
    from dataclasses import replace

    panel = world(3, False)
    held = replace(attack(panel, simulations=2), adjusts=False, controls=())
    found = {one.code: one for one in refute(held)}
    assert found["random_common_cause"].result == "cannot tell"
    assert "negative_control" not in found
    assert fit(panel, "y", ()).overall(window=(0, 7))["effect"].iloc[0] == pytest.approx(
        found["data_subset"].effect
    )
