"""Raking, trimming and errors of a survey, beside other programs on the same sample."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest

from evaluation.wave.summarise import regression_to_the_mean
from evaluation.wave.weights import (
    Margin,
    design_effect,
    jackknife_error,
    largest_miss,
    linearised_error,
    mean,
    rake,
    trim,
)

N = 240


def sample(seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Margin]]:
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 4, N).astype(float)
    age, tenure = rng.choice(3, N, p=[0.2, 0.5, 0.3]), rng.choice(3, N, p=[0.6, 0.3, 0.1])
    household = np.arange(N) * 5 // 6
    answers = np.clip(np.round(7 + 0.6 * age - 0.4 * tenure + rng.normal(0, 1.9, N)), 0, 10)
    margins = [
        Margin(variable="age", codes=age, people=np.array([1500.0, 2100.0, 1200.0])),
        Margin(variable="tenure", codes=tenure, people=np.array([2600.0, 1400.0, 800.0])),
    ]
    return weight, answers, household, margins


def test_raked_weights_are_those_of_ipfn() -> None:
    from ipfn.ipfn import ipfn

    weight, _, _, margins = sample()
    age, tenure = (one.codes for one in margins)
    table = np.zeros((3, 3))
    np.add.at(table, (age, tenure), weight)
    before = table[age, tenure]
    with contextlib.redirect_stdout(io.StringIO()):
        peer = ipfn(
            table.copy(),
            [one.people for one in margins],
            [[0], [1]],
            convergence_rate=1e-12,
            max_iteration=500,
        ).iteration()
    # Raking multiplies by a factor of the cell, so the peer's weights are those of its cells.
    assert rake(weight, margins) == pytest.approx(weight * peer[age, tenure] / before, rel=1e-8)


def test_every_margin_is_met_and_the_total_kept() -> None:
    weight, _, _, margins = sample()
    raked = rake(weight, margins)
    for one in margins:
        held = np.bincount(one.codes, weights=raked, minlength=3)
        assert held == pytest.approx(one.people, rel=1e-9)
    assert largest_miss(raked, margins) < 1e-6


def test_people_of_a_group_that_did_not_answer_are_shared_out() -> None:
    codes = np.array([0, 0, 1, 1])
    margin = Margin(variable="age", codes=codes, people=np.array([30.0, 50.0, 20.0]))
    raked = rake(np.ones(4), [margin])
    assert raked == pytest.approx([18.75, 18.75, 31.25, 31.25])
    assert rake(np.array([1.0, 2.0]), []) == pytest.approx([1, 2])


def test_trimmed_weights_lie_within_and_keep_their_sum() -> None:
    weight = np.array([0.01, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0])
    cut = trim(weight)
    assert cut.sum() == pytest.approx(weight.sum())
    ratio = cut / cut.mean()
    assert ratio.min() >= 0.3 - 1e-9 and ratio.max() <= 3 + 1e-9
    assert trim(np.ones(5)) == pytest.approx(np.ones(5))


def test_the_design_effect_of_two_weights_by_hand() -> None:
    """1 and 3: 2 x 10 / 16."""
    assert design_effect(np.array([1.0, 3.0])) == pytest.approx(1.25)
    assert design_effect(np.full(7, 2.0)) == pytest.approx(1)


def test_without_weights_and_households_the_error_is_the_textbooks() -> None:
    answers = np.array([3.0, 7.0, 8.0, 6.0, 10.0, 5.0])
    alone = np.arange(6)
    textbook = answers.std(ddof=1) / math.sqrt(6)
    assert linearised_error(answers, np.ones(6), alone) == pytest.approx(textbook)
    assert jackknife_error(answers, np.ones(6), alone) == pytest.approx(textbook)
    assert math.isnan(linearised_error(answers, np.ones(6), np.zeros(6, dtype=int)))


def test_people_of_one_household_who_agree_are_worth_one() -> None:
    answers = np.array([3.0, 7.0, 8.0, 6.0])
    twice, household = np.repeat(answers, 2), np.repeat(np.arange(4), 2)
    one = linearised_error(answers, np.ones(4), np.arange(4))
    assert linearised_error(twice, np.ones(8), household) == pytest.approx(one)
    assert linearised_error(twice, np.ones(8), np.arange(8)) < one


def test_the_jackknife_is_that_of_its_definition() -> None:
    weight, answers, household, _ = sample()
    m = household.max() + 1
    means = []
    for one in range(m):
        kept = household != one
        means.append((answers[kept] * weight[kept]).sum() / weight[kept].sum())
    brute = math.sqrt((m - 1) / m * ((np.array(means) - mean(answers, weight)) ** 2).sum())
    assert jackknife_error(answers, weight, household) == pytest.approx(brute)


def test_both_errors_are_near_and_raking_anew_makes_it_smaller_where_margins_tell() -> None:
    weight, answers, household, margins = sample()
    own = rake(weight, margins)
    linear = linearised_error(answers, own, household)
    left_out = jackknife_error(answers, own, household)
    assert left_out == pytest.approx(linear, rel=0.02)
    anew = jackknife_error(answers, weight, household, margins, limits=None)
    assert anew < left_out


@pytest.mark.parametrize(
    ("worst", "correlation", "gain"),
    [(0.2, 0.5, 1.33), (0.2, 0.6, 1.06), (0.2, 0.7, 0.80), (0.1, 0.5, 1.67), (0.1, 0.7, 1.00)],
)
def test_clients_gain_by_selection_alone(worst: float, correlation: float, gain: float) -> None:
    found = regression_to_the_mean(mean=7.3, sd=1.9, correlation=correlation, worst=worst)
    assert found.gain == pytest.approx(gain, abs=0.01)
    rng = np.random.default_rng(7)
    first = rng.normal(7.3, 1.9, 400_000)
    later = 7.3 + correlation * (first - 7.3)
    later += rng.normal(0, 1.9 * math.sqrt(1 - correlation**2), len(first))
    came = first <= np.quantile(first, worst)
    assert (later - first)[came].mean() == pytest.approx(found.gain, abs=0.02)
    assert first[came].mean() == pytest.approx(found.first, abs=0.02)
