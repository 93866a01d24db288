"""What must hold whatever the effects: sums, signs, identities (hypothesis)."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.estimate.units import NetEffects
from evaluation.value import Assumptions
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import factor_to_price_base
from tests.unit.values import AE, ASB, CLAIMANTS, HOUSED, cost, net, valued

PARAMS = Parameters.load()
YEARS = sorted(PARAMS.tables["deflator"].query("vintage == @PARAMS.deflator")["year"])
sizes = st.floats(-30, 30, allow_nan=False)
many = st.lists(sizes, min_size=4, max_size=4)
logs = st.floats(-0.5, 0.5, allow_nan=False)
COSTS = [cost("council", "2024 Q1", 120_000, "set-up"), cost("nhs", "2025 Q1", 40_000)]


def four(effects: Sequence[float], noise: float = 2.0) -> list[NetEffects]:
    outcomes = (AE, CLAIMANTS, HOUSED, ASB)
    pairs = enumerate(zip(outcomes, effects, strict=True))
    return [net(outcome, effect, noise=noise, seed=k) for k, (outcome, effect) in pairs]


@given(many)
@settings(max_examples=15, deadline=None)
def test_agencies_sum_to_the_total(effects: list[float]) -> None:
    value = valued(four(effects), COSTS, assumptions=Assumptions())
    fiscal = sum(row["gain"]["mean"] for row in value.by_budget())  # type: ignore[index]
    totals = value.totals()["mean"]
    assert fiscal == pytest.approx(totals["gross_fiscal"], abs=1e-6)
    kinds = totals[["gross_fiscal", "gross_economic", "gross_social"]].sum()
    assert value.by("agency")["mean"].sum() == pytest.approx(kinds, abs=1e-6)
    nets = sum(row["net"]["mean"] for row in value.by_budget())  # type: ignore[index]
    assert nets == pytest.approx(totals["net_fiscal"], abs=1e-6)


@given(many)
@settings(max_examples=15, deadline=None)
def test_transfers_vanish_from_public_value_and_stay_in_the_accounts(effects: list[float]) -> None:
    value = valued(four(effects), COSTS)
    dwp = [line for line in value.lines if line.cost.transfer]
    assert dwp and not set(dwp) & set(value.public)
    held = value.by("agency").loc[("dwp", "AME"), "mean"]
    assert held == pytest.approx(float(value.total(dwp)[0]), abs=1e-6)


@given(st.sampled_from(YEARS), st.sampled_from(YEARS))
def test_rebasing_forth_and_back_is_the_identity(one: str, other: str) -> None:
    forth = factor_to_price_base(PARAMS, one, other)
    assert forth * factor_to_price_base(PARAMS, other, one) == pytest.approx(1, abs=1e-12)


@given(st.sampled_from(["log", "level", "ratio"]), st.floats(0, 1e6))
@settings(max_examples=15, deadline=None)
def test_no_effect_gives_minus_the_cost(scale: str, amount: float) -> None:
    paid = [cost("nhs", "2024 Q1", amount)]
    value = valued([net(AE, 0.0, scale=scale), net(HOUSED, 0.0)], paid)  # type: ignore[arg-type]
    assert value.totals().loc["npsv", "mean"] == pytest.approx(-amount, abs=1e-9)
    assert value.totals().loc["net_fiscal", "mean"] == pytest.approx(-amount, abs=1e-9)


@given(sizes)
def test_double_the_effect_is_double_the_events(effect: float) -> None:
    once, twice = net(AE, effect), net(AE, 2 * effect)
    np.testing.assert_allclose(twice.avoided(twice.effects), 2 * once.avoided(once.effects))


@given(logs, st.sampled_from(["log", "ratio"]))
@settings(max_examples=25, deadline=None)
def test_a_fall_is_avoided_and_a_rise_costs(effect: float, scale: str) -> None:
    one = net(AE, effect, scale=scale)  # type: ignore[arg-type]
    avoided = one.avoided(one.effects)
    assert (np.sign(avoided) == -np.sign(effect)).all() or abs(effect) < 1e-15
    value = valued([one])
    gain = value.totals().loc["gross_fiscal", "mean"]
    assert gain * effect <= 0


@given(many, st.sampled_from(["2019", "2012", "2022"]))
@settings(max_examples=10, deadline=None)
def test_the_price_base_changes_no_ratio(effects: list[float], base: str) -> None:
    found = [
        valued(four(effects), COSTS, assumptions=Assumptions(), price_base=int(year), seed=2)
        for year in ("2024", base)
    ]
    np.testing.assert_allclose(found[0].ratios(), found[1].ratios(), rtol=1e-7, atol=1e-9)
