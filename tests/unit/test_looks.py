"""The look ledger: equal to a slow one, never recomputed, and as often wrong as it says."""

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import EstimateError
from evaluation.estimate import interim
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.interim import (
    LookPlan,
    repeated_interval,
    run_looks,
    sequential_p,
    take_look,
)

Floats = NDArray[np.float64]


def walk(rng: np.random.Generator, looks: int, assignments: int) -> Floats:
    """Statistics of looks in a row that share most of their data, as quarters do."""
    steps = rng.standard_normal((looks, assignments))
    return steps.cumsum(axis=0) / np.arange(1, looks + 1)[:, None]


def slow(statistics: Floats, times: list[float], plan: LookPlan) -> list[set[int]]:
    """The same ledger one assignment at a time: who is gone after each look."""
    gone: set[int] = set()
    lost: set[int] = set()
    history = []
    for row, time in zip(statistics, times, strict=True):
        lost |= {b for b in range(len(row)) if math.isnan(row[b])}
        held = set(range(len(row))) - lost
        allowed = math.floor(plan.spent(time) * len(held) + 1e-9) - len(gone & held) + len(gone)
        left = sorted(held - gone, key=lambda b: -abs(row[b]))
        while left and len(gone) < allowed:
            equals = [
                b for b in left if math.isclose(abs(row[b]), abs(row[left[0]]), rel_tol=1e-10)
            ]
            if len(gone) + len(equals) > allowed:
                break
            gone |= set(equals)
            left = [b for b in left if b not in equals]
        history.append(set(gone))
    return history


@given(
    seed=st.integers(0, 10_000),
    spending=st.sampled_from(["obrien_fleming", "pocock", "open_ended"]),
    coarse=st.booleans(),
    missing=st.sampled_from([0.0, 0.3]),
    times=st.lists(st.integers(1, 12), min_size=1, max_size=8).map(sorted),
)
@settings(max_examples=60, deadline=None)
def test_fast_and_slow_ledgers_are_the_same(seed, spending, coarse, missing, times):
    rng = np.random.default_rng(seed)
    statistics = walk(rng, len(times), 200)
    if coarse:
        statistics = np.round(statistics, 1)
    statistics[:, 1:][rng.random((len(times), 199)) < missing] = np.nan
    plan = LookPlan(spending=spending, horizon=8)
    elapsed = [time / 8 for time in times]
    fast = [set(np.flatnonzero(~look.alive)) for look in run_looks(statistics, elapsed, plan)]
    assert fast == slow(statistics, elapsed, plan)


@pytest.mark.parametrize("missing", [0.045, 0.5])
def test_assignments_without_a_figure_do_not_switch_the_test_off(missing):
    """Which of them lack one is the same under every assignment; the others are judged."""
    rng = np.random.default_rng(1)
    statistics = walk(rng, 8, 1_000)
    statistics[:, 1 + rng.choice(999, size=int(missing * 1_000), replace=False)] = np.nan
    statistics[:, 0] += 5
    times = [(look + 1) / 8 for look in range(8)]
    assert run_looks(statistics, times, LookPlan())[-1].crossed
    assert placebo_p(statistics[-1]) == pytest.approx(1 / (1_000 - int(missing * 1_000)))
    low, high = repeated_interval(statistics, np.eye(1, 1_000)[[0] * 8], times, LookPlan())
    assert 0 < low < high < math.inf


def test_the_error_rate_holds_where_assignments_lack_figures():
    """A look ledger that loses rows: the real one is removed as often as others are."""
    rng, crossed, plan = np.random.default_rng(3), 0, LookPlan(spending="pocock", reserve=0.0)
    for _ in range(1_500):
        statistics = walk(rng, 4, 200)
        statistics[:, 1:][rng.random((4, 199)) < 0.15] = np.nan
        crossed += run_looks(statistics, [0.25, 0.5, 0.75, 1.0], plan)[-1].crossed
    # Two Monte Carlo errors of 1,500 are 1.1 points.
    assert crossed / 1_500 < 0.05 + 0.012


def test_restated_data_change_no_past_verdict():
    rng = np.random.default_rng(1)
    plan = LookPlan(horizon=8)
    statistics = walk(rng, 8, 999)
    statistics[:5, 0] = 0.0
    statistics[5, 0] = 100.0
    looks = run_looks(statistics[:6], [k / 8 for k in range(1, 7)], plan)
    assert [look.crossed for look in looks] == [False] * 5 + [True]
    kept = [look.alive.copy() for look in looks]
    restated = statistics[6].copy()
    restated[0] = 0.0
    later = take_look(restated, 7 / 8, plan, looks[-1])
    assert later.crossed
    assert all((look.alive == before).all() for look, before in zip(looks, kept, strict=True))


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock", "open_ended"])
def test_the_spending_rises_to_alpha_and_keeps_the_reserve(spending):
    plan = LookPlan(spending=spending, horizon=8, reserve=0.01)
    spent = [plan.spent(k / 8) for k in range(41)]
    assert spent[0] == 0
    assert all(later >= earlier for earlier, later in pairwise(spent))
    assert spent[-1] < 0.05
    if spending != "open_ended":
        assert spent[8] == pytest.approx(0.04, abs=1e-12)
        assert spent[40] == pytest.approx(0.04 + 0.01 * 32 / 33, abs=1e-12)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock", "open_ended"])
@pytest.mark.parametrize("skipped", [0.0, 0.3])
def test_over_all_looks_the_real_one_is_removed_as_often_as_said(spending, skipped):
    """Exact by symmetry: whoever is "real", the ledger removes floor(spent x (B + 1)) of them."""
    rng = np.random.default_rng(7)
    plan = LookPlan(spending=spending, horizon=8)
    taken = [k for k in range(1, 11) if k == 10 or rng.random() >= skipped]
    statistics = walk(rng, 10, 2_000)[np.array(taken) - 1]
    last = run_looks(statistics, [k / 8 for k in taken], plan)[-1]
    assert last.removed == math.floor(plan.spent(10 / 8) * 2_000 + 1e-9)


def test_a_repeated_interval_is_what_the_ledger_does_not_reject():
    rng = np.random.default_rng(3)
    looks, plan = 5, LookPlan(horizon=8)
    raw = walk(rng, looks, 999)
    shift = rng.uniform(-0.2, 0.2, size=raw.shape)
    shift[:, 0] = 1.0
    raw = raw + 1.5 * shift
    times = [k / 8 for k in range(1, looks + 1)]
    low, high = repeated_interval(raw, shift, times, plan)
    kappas = np.linspace(low - 1, high + 1, 400)
    kept = [not run_looks(raw - k * shift, times, plan)[-1].crossed for k in kappas]
    inside = (kappas > low + 1e-4) & (kappas < high - 1e-4)
    outside = (kappas < low - 1e-4) | (kappas > high + 1e-4)
    assert all(np.array(kept)[inside])
    assert not any(np.array(kept)[outside])


def test_a_crossing_and_its_interval_agree():
    rng = np.random.default_rng(4)
    plan = LookPlan(horizon=6)
    for effect in (0.0, 0.5, 1.0, 2.0, 4.0):
        raw = walk(rng, 6, 999)
        shift = np.zeros_like(raw)
        shift[:, 0] = 1.0
        raw[:, 0] += effect
        times = [k / 6 for k in range(1, 7)]
        crossed = run_looks(raw, times, plan)[-1].crossed
        low, high = repeated_interval(raw, shift, times, plan)
        assert crossed == (not low <= 0 <= high) or math.isnan(low)
        p = sequential_p(raw, times, plan)
        assert crossed == (p <= plan.alpha) or abs(p - plan.alpha) < 0.01


def test_one_sided_looks_hear_one_side_only():
    statistics = np.append(-10.0, np.random.default_rng(5).standard_normal(999))
    assert take_look(statistics, 1.0, LookPlan(side="less")).crossed
    assert not take_look(statistics, 1.0, LookPlan(side="greater")).crossed


def test_too_few_assignments_reject_nothing():
    few = take_look(np.array([9.0, 1.0, 2.0, 0.5]), 1.0, LookPlan())
    assert not few.crossed
    assert few.threshold == math.inf


def test_what_a_look_refuses():
    with pytest.raises(EstimateError, match="no statistic"):
        take_look(np.array([np.nan, 1.0]), 1.0, LookPlan())
    first = take_look(np.array([1.0, 2.0]), 0.5, LookPlan())
    with pytest.raises(EstimateError, match="cannot follow"):
        take_look(np.array([1.0, 2.0]), 0.25, LookPlan(), first)
    with pytest.raises(EstimateError, match="assignments"):
        take_look(np.array([1.0, 2.0, 3.0]), 0.75, LookPlan(), first)
    with pytest.raises(EstimateError, match="reserve"):
        LookPlan(reserve=0.05)


def test_a_spending_a_side_or_a_score_of_another_name_is_refused() -> None:
    """A typing slip must not fall back in silence to another boundary or statistic."""
    for wrong in ({"spending": "pocok"}, {"side": "both"}):
        with pytest.raises(EstimateError, match="cannot be"):
            LookPlan(**wrong)
    with pytest.raises(EstimateError, match="'mean' or 'gls'"):
        interim.statistic(SimpleNamespace(outcome="y", draws=None), (0, 1), "GLS")
