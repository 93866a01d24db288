"""The accounts: sums that must hold, who gets what, when it pays back, what the ratios say."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from evaluation.errors import ValueChainError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.units import in_units
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.simulate import Scenario, draw_figures, invent_programme, panel_of
from evaluation.value import Parameters, Value, ratios, worth
from evaluation.value.cashable import mvpf, plane
from evaluation.value.report import as_data, to_be_confirmed
from evaluation.value.tally import net_effects
from tests.unit.values import (
    AE,
    ASB,
    CLAIMANTS,
    HEALTH,
    HOUSED,
    QUARTERS,
    cost,
    net,
    outcome,
    valued,
)

SCHEMAS = Path(__file__).parents[2] / "data_schemas"


@cache
def programme() -> Programme:
    scenario = Scenario.load(SCHEMAS)
    return invent_programme(scenario, scenario.presets["full"], SCHEMAS)


@cache
def estimates() -> tuple[Estimate, ...]:
    scenario = Scenario.load(SCHEMAS)
    figures = draw_figures(programme(), scenario, scenario.presets["full"], seed=4)
    codes = ("ae_attendances", "claimant_count", "temporary_accommodation", "arrears")
    panel = panel_of(programme(), figures, codes).eligible()
    assignments = Assignments.draw(panel, n=299, strata=("level",))
    scale = {"temporary_accommodation": "level"}
    return tuple(
        did(
            panel,
            code,
            assignments=assignments,
            settings=DidSettings(scale=scale.get(code, "log"), base="mean"),
        )  # type: ignore[arg-type]
        for code in codes
    )


@pytest.fixture(scope="module")
def value() -> Value:
    return worth(estimates(), programme(), draws=2_000, seed=1)


@pytest.mark.parametrize("place", [0, 2])
def test_events_are_the_findings_units_turned_round(place: int) -> None:
    """Log and level: the chain's events avoided are the same change that findings speak of."""
    estimate = estimates()[place]
    net_, units = net_effects(estimate, programme()), in_units(estimate)
    np.testing.assert_array_equal(net_.avoided(net_.effects), -units.effects)
    rows = np.array([0, 7, 150])
    np.testing.assert_array_equal(net_.avoided(net_.drawn(rows)), -units.draws[rows])
    assert net_.widening == units.widening


def test_parts_sum_to_the_total(value: Value) -> None:
    total = value.totals()["mean"][["gross_fiscal", "gross_economic", "gross_social"]].sum()
    for key in ("agency", "outcome", "site", "quarter", "kind"):
        assert value.by(key)["mean"].sum() == pytest.approx(total, rel=1e-9)  # type: ignore[arg-type]
    paid = sum(row["cost"]["mean"] for row in value.by_budget())  # type: ignore[index]
    assert paid == pytest.approx(value.totals().loc["cost", "mean"], rel=1e-12)


def test_ame_and_del_stand_apart_with_ranges_and_sum_to_what_was_released(value: Value) -> None:
    totals = value.totals()
    parts = totals.loc["gross_fiscal_AME", "mean"] + totals.loc["gross_fiscal_DEL", "mean"]
    assert parts == pytest.approx(totals.loc["gross_fiscal", "mean"])
    assert (totals["high"] >= totals["low"]).all()
    assert totals.loc["gross_fiscal_AME", "high"] > totals.loc["gross_fiscal_AME", "low"]


def test_benefit_savings_never_reach_a_council(value: Value) -> None:
    ame = [row for row in value.by_budget() if row["budget"] == "AME"]
    assert {row["agency"] for row in ame} == {"dwp"}
    assert all(row["cost"]["mean"] == 0 for row in ame)  # type: ignore[index]


def test_transfers_stay_in_accounts_and_leave_public_value(value: Value) -> None:
    transfers = [line for line in value.lines if line.cost.transfer]
    with_them = value.total(value.lines, discounted=True)
    public = value.total(value.public, discounted=True)
    np.testing.assert_allclose(with_them - public, value.total(transfers, discounted=True))
    assert value.by("agency").loc[("dwp", "AME"), "mean"] != 0


def test_net_value_is_what_people_gain_less_what_the_purse_pays(value: Value) -> None:
    people, purse = ratios.willingness_to_pay(value), ratios.net_cost_to_the_purse(value)
    np.testing.assert_allclose(people - purse, value.net_present_social_value(), rtol=1e-9)


def test_the_waterfall_adds_up_in_every_draw(value: Value) -> None:
    steps = {row["step"]: row["mean"] for row in ratios.waterfall(value)}
    assert steps["gross"] + steps["people"] == pytest.approx(steps["released"])
    left = steps["released"] + steps["capacity"] + steps["lag"] + steps["lumps"]
    assert left == pytest.approx(steps["cashable"])
    assert steps["cashable"] == pytest.approx(value.totals().loc["cashable", "mean"])


def test_outcomes_without_a_price_are_named(value: Value) -> None:
    assert value.not_valued == ("arrears",)


def test_the_cumulative_position_ends_at_the_net_total(value: Value) -> None:
    last = value.payback().iloc[-1]
    for end in ("mean", "low", "high"):
        assert last[f"cumulative_{end}"] == pytest.approx(value.totals().loc["net_fiscal", end])


def test_one_outcome_is_part_of_the_total(value: Value) -> None:
    codes = {line.outcome.code for line in value.lines}
    for account in ("gross_fiscal", "cashable"):
        parts = [value.of_outcome(code)[account]["mean"] for code in codes]
        assert sum(parts) == pytest.approx(value.totals().loc[account, "mean"])


def test_estimates_from_other_assignments_are_refused() -> None:
    other = estimates()[1]
    moved = replace(other, provenance={**other.provenance, "assignments": "another"})
    with pytest.raises(ValueChainError, match="rest on different assignments"):
        worth([estimates()[0], moved], programme(), draws=100)
    with pytest.raises(ValueChainError, match="no outcome of these estimates has a unit cost"):
        worth([estimates()[3]], programme(), draws=100)


def test_two_estimates_of_one_outcome_are_refused() -> None:
    """The second would be counted in place of the first, and twice."""
    first = estimates()[0]
    with pytest.raises(ValueChainError, match="counted twice"):
        worth([first, replace(first, level=0.9)], programme(), draws=100)


@pytest.mark.parametrize("frequency", ["A", "M"])
def test_pounds_are_reckoned_by_the_quarter_alone(frequency: Literal["A", "M"]) -> None:
    """Else a year would be discounted, and a stock priced, as a quarter of one."""
    day = programme().first.first_day
    other = programme().model_copy(update={"first": Period.around(day, frequency)})
    with pytest.raises(ValueChainError, match="pounds are reckoned by the quarter"):
        worth(estimates(), other, draws=100)


def test_the_same_seed_gives_the_same_pounds() -> None:
    first, again = (worth(estimates(), programme(), draws=500, seed=3) for _ in range(2))
    assert first.totals().equals(again.totals())
    other = worth(estimates(), programme(), draws=500, seed=4)
    assert not first.totals().equals(other.totals())


# Payback.


def test_payback_is_the_quarter_from_which_it_stays_above_nought() -> None:
    """Worth £15,388 a quarter for both sites against £40,000 at first: paid back in the third."""
    value = valued([net(AE, -12.5)], [cost("nhs", "2024 Q1", 40_000)])
    a_quarter = 2 * 50 * 109 * 100 / 70.834
    assert a_quarter == pytest.approx(15_388, abs=1)
    found = ratios.payback_quarter(value)
    assert (found["quarter"], found["p_within"]) == ("2024 Q3", 1.0)
    assert value.payback()["p_paid_back"].tolist() == [0, 0] + [1] * 10


def test_a_position_that_falls_again_has_not_paid_back() -> None:
    costs = [cost("nhs", "2024 Q1", 20_000), cost("nhs", "2025 Q4", 120_000)]
    value = valued([net(AE, -12.5)], costs)
    running = value.payback()["cumulative_mean"]
    assert running["2024 Q3"] > 0 > running["2025 Q4"]
    assert ratios.payback_quarter(value)["quarter"] == "2026 Q2"


def test_not_within_the_horizon_is_an_answer() -> None:
    value = valued([net(AE, -1, noise=0.5)], [cost("nhs", "2024 Q1", 1e7)])
    found = ratios.payback_quarter(value)
    assert found["quarter"] == found["latest"] == "not within the horizon"
    assert found["p_not_within"] == 1.0


# Ratios.


def test_public_funds_are_classified_draw_by_draw() -> None:
    people, purse = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    found = plane(people, purse)
    assert (found.finite, found.infinite, found.ambiguous, found.loses) == (0.5, 0.25, 0.25, 0.25)
    assert mvpf(3, -1) == float("inf")
    assert mvpf(-3, -1) is None
    assert mvpf(3, 2) == 1.5


def test_no_quantile_of_a_ratio_is_given_where_net_cost_crosses_nought() -> None:
    nets = [net(AE, -12.5, noise=30), net(HEALTH, 0.1, exposure=18.5)]
    crossing = ratios.value_of_public_funds(valued(nets, [cost("nhs", "2024 Q1", 180_000)]))
    assert 0 < crossing["finite"] < 1
    assert crossing["low"] is None and crossing["high"] is None
    sure = ratios.value_of_public_funds(valued(nets, [cost("nhs", "2024 Q1", 9e6)]))
    assert sure["finite"] == 1
    assert sure["low"] < sure["mvpf"] < sure["high"]


def test_the_chances_of_all_categories_sum_to_one() -> None:
    value = valued([net(AE, -12.5, noise=5)], [cost("nhs", "2024 Q1", 100_000)])
    rows = ratios.category_chances(value)
    assert [row["category"] for row in rows][:2] == ["very poor", "poor"]
    assert sum(row["p"] for row in rows) == pytest.approx(1)
    assert [row["category"] for row in rows if row["estimate"]] == ["medium"]


# What is printed.


def test_every_printed_figure_says_its_vintage_and_source() -> None:
    value = valued([net(AE, -1), net(CLAIMANTS, -1), net(ASB, -1)], [cost("nhs", "2024 Q1", 9e5)])
    data = as_data(value, {})
    for row in data["by_outcome"]:
        assert row["vintage"] and row["source"] and row["price_year"] and row["confidence"]
    named = {row["what"] for row in data["sources"]}
    assert {
        "Discount rates",
        "Deflator",
        "Price HE4.0",
        "Price CR1.0",
        "Share that can leave a budget",
        "How far prices may be off",
    } <= named
    assert all(row["vintage"] and row["source"] for row in data["sources"])
    assert data["to_date"] is True


def test_all_that_is_to_be_confirmed_of_a_price_is_told() -> None:
    """Rows of one code may lack different things: the last row's are not all."""
    neet = outcome("neet", "stock", "neet", agency="council", overlap_group="work")
    value = valued([net(neet, -1), net(CLAIMANTS, -1)], changed=[neet])
    assert to_be_confirmed(value) == [
        "grade of E&E10.0, E&E1.0",
        "split between DWP and HMRC of E&E10.0",
    ]


def test_a_red_price_is_flagged_where_it_matters() -> None:
    data = as_data(valued([net(AE, -1), net(ASB, -1)], [cost("nhs", "2024 Q1", 9e5)]), {})
    (flag,) = data["red"]
    assert flag["code"] == "CR1.0"
    assert flag["share"] > 0.5
    small = as_data(valued([net(AE, -100), net(ASB, -0.1)], [cost("nhs", "2024 Q1", 9e5)]), {})
    assert small["red"] == []
    assert [row["red"] for row in small["by_outcome"]] == [False, True]


def test_an_average_cost_is_never_a_saving_that_can_be_banked() -> None:
    data = as_data(valued([net(AE, -1), net(HOUSED, -1)], [cost("nhs", "2024 Q1", 9e5)]), {})
    for row in data["by_outcome"]:
        assert row["bankable"] is False
        assert row["basis"].startswith("Average (GMCA v1.4)")
        assert row["basis"].endswith("A budget saves less when there is one fewer.")
    params = Parameters.load()
    assert set(params.tables["unit_costs"]["basis"]) == {"average"}


def test_quarters_without_effects_are_in_the_accounts_too() -> None:
    late = net(AE, -1, quarters=QUARTERS[6:])
    value = valued([late], [cost("council", "2024 Q1", 100, "set-up")])
    assert value.grid.quarters == (QUARTERS[0], *QUARTERS[6:])
    assert value.base_period.label == "2024 Q1"
