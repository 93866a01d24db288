"""Scenarios from published draws agree with the accounts that they are taken from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evaluation.errors import ValueChainError
from evaluation.value import Assumptions, Value
from evaluation.value.scenarios import LastYear, Setting, published_draws, what_if
from tests.unit.values import AE, CLAIMANTS, HEALTH, HOUSED, cost, net, valued

A_POUND = {"abs": 2.0}
"""Draws are published in whole pounds, and a scenario adds a few of them."""


@pytest.fixture(scope="module")
def value() -> Value:
    """Effects on four outcomes, of both discount schedules, with noise, prices unsure."""
    nets = [
        net(AE, -40.0, noise=30.0, seed=1),
        net(CLAIMANTS, -3.0, noise=4.0, seed=2),
        net(HOUSED, -1.0, noise=2.0, seed=3),
        net(HEALTH, 0.0037, noise=0.0093, seed=4),
    ]
    costs = [cost("council", "2024 Q1", 250_000.0), cost("nhs", "2025 Q3", 300_000.0)]
    return valued(nets, costs, assumptions=Assumptions(), draws=2_000)


@pytest.fixture(scope="module")
def published(value: Value) -> dict[str, Any]:
    return published_draws(value, draws=value.draws)


def test_as_assumed_it_is_the_account(value: Value, published: dict[str, Any]) -> None:
    found, totals = what_if(published, Setting()), value.totals().loc["npsv"]
    assert [found["society"][k] for k in ("mean", "low", "high")] == pytest.approx(
        list(totals[["mean", "low", "high"]]), **A_POUND
    )
    standard = value.discounting("standard")
    cash = value.cashable_by_quarter() @ standard - value.discounted_cost
    assert found["budgets"]["mean"] == pytest.approx(cash[0], **A_POUND)
    assert found["budgets"]["p_positive"] == pytest.approx((cash[1:] > 0).mean(), abs=1e-3)


def test_costs_are_multiplied(value: Value, published: dict[str, Any]) -> None:
    once, twice = (what_if(published, Setting(cost=cost))["society"] for cost in (1, 2))
    assert once["mean"] - twice["mean"] == pytest.approx(value.discounted_cost, **A_POUND)
    assert twice["p_positive"] <= once["p_positive"]


@pytest.mark.parametrize("half_life", [0.5, 3, 10])
def test_what_lasts_is_what_the_scenarios_of_the_accounts_say(
    value: Value, published: dict[str, Any], half_life: float
) -> None:
    fading = np.full(value.draws + 1, math.log(2) / half_life)
    npsv = value.net_present_social_value() + LastYear.of(value, 10).later(fading)
    found = what_if(published, Setting(half_life=half_life))["society"]
    assert found["mean"] == pytest.approx(npsv[0], abs=10)
    assert found["low"] == pytest.approx(np.quantile(npsv[1:], 0.025), abs=10)


def test_half_the_share_is_half_the_cash(value: Value, published: dict[str, Any]) -> None:
    assert 0 < published["share"] <= 1
    cost = published["cost"]
    whole = what_if(published, Setting(share=published["share"]))["budgets"]["mean"] + cost
    half = what_if(published, Setting(share=published["share"] / 2))["budgets"]["mean"] + cost
    assert half == pytest.approx(whole / 2, rel=1e-12)


def test_what_cannot_be_asked_is_refused(published: dict[str, Any]) -> None:
    for wrong in ({"cost": 3}, {"half_life": 11}, {"half_life": -1}, {"share": 1.2}):
        with pytest.raises(ValueChainError):
            Setting(**wrong)
    with pytest.raises(ValueChainError, match="nothing could leave"):
        what_if({**published, "share": None}, Setting(share=0.5))
