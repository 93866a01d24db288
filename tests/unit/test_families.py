"""Families of outcomes: closed testing over looks, max-T and the index, against brute force."""

from itertools import combinations

import numpy as np
import pytest

from evaluation.errors import EstimateError
from evaluation.estimate.interim import LookPlan, run_looks
from evaluation.estimate.multiple_testing import (
    anderson_index,
    closed_look,
    rejected,
    subsets,
    westfall_young,
)


def related(rng: np.random.Generator, outcomes: int, assignments: int) -> np.ndarray:
    common = rng.standard_normal(assignments)
    return 0.7 * common + 0.7 * rng.standard_normal((outcomes, assignments))


def test_closed_testing_is_every_set_by_hand():
    rng = np.random.default_rng(0)
    plan, codes = LookPlan(horizon=4), ("a", "b", "c")
    rows = [related(rng, 3, 499) for _ in range(4)]
    for row in rows:
        row[0, 0] += 5.0
    before = None
    for k, row in enumerate(rows, start=1):
        before = closed_look(dict(zip(codes, row, strict=True)), k / 4, plan, before)
    found = rejected(before)
    by_hand = {}
    for code in codes:
        sets = [s for n in (1, 2, 3) for s in combinations(codes, n) if code in s]
        crossed = []
        for chosen in sets:
            at = [codes.index(c) for c in chosen]
            joint = np.stack(
                [np.abs(row[at] / row[at].std(axis=1, keepdims=True)).max(axis=0) for row in rows]
            )
            crossed.append(run_looks(joint, [k / 4 for k in range(1, 5)], plan)[-1].crossed)
        by_hand[code] = all(crossed)
    assert found == by_hand
    assert found["a"]


def test_under_no_effect_a_family_errs_no_more_than_it_says():
    """Each assignment plays the real one in turn: the share with any rejection is the error."""
    rng = np.random.default_rng(1)
    plan, n = LookPlan(horizon=3, reserve=0.0), 400
    rows = [related(rng, 3, n) for _ in range(3)]
    before = None
    for k, row in enumerate(rows, start=1):
        before = closed_look(dict(zip("abc", row, strict=True)), k / 3, plan, before)
    whole = before[("a", "b", "c")]
    assert (~whole.alive).mean() == pytest.approx(0.05, abs=1 / n)


def test_max_t_against_brute_force():
    rng = np.random.default_rng(2)
    rows = related(rng, 5, 300)
    rows[0, 0], rows[1, 0] = 6.0, -3.0
    adjusted = westfall_young(dict(zip("abcde", rows, strict=True)))
    sizes = np.abs(rows / rows.std(axis=1, keepdims=True))
    order = np.argsort(-sizes[:, 0])
    floor = 0.0
    for position, at in enumerate(order):
        rest = order[position:]
        count = sum(max(sizes[k, b] for k in rest) >= sizes[at, 0] for b in range(300))
        floor = max(floor, count / 300)
        assert adjusted["abcde"[at]] == pytest.approx(floor, abs=1e-12)


def test_the_index_counts_a_repeated_outcome_once():
    rng = np.random.default_rng(3)
    a, b = related(rng, 2, 2_000)
    twice = a + 1e-3 * rng.standard_normal(2_000)
    one = anderson_index({"a": a, "b": b}, {"a": 1, "b": 1})
    two = anderson_index({"a": a, "b": b, "again": twice}, {"a": 1, "b": 1, "again": 1})
    assert np.corrcoef(one, two)[0, 1] > 0.99


def test_more_than_three_primaries_are_refused():
    with pytest.raises(EstimateError, match="secondary"):
        subsets(["a", "b", "c", "d"])


def test_an_outcome_without_a_statistic_has_no_p_value_and_is_none_of_the_family():
    rows = dict(zip("abc", related(np.random.default_rng(4), 3, 200), strict=True))
    lacking = np.full(200, np.nan)
    lacking[1:] = rows["a"][1:]
    found = westfall_young({"lacking": lacking, **rows})
    assert np.isnan(found.pop("lacking"))
    assert found == westfall_young(rows)
