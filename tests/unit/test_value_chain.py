"""Each step of the chain from effects to pounds, worked by hand where a hand can work it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import ValueChainError
from evaluation.programme import Denominator
from evaluation.quarters import Period
from evaluation.value import Assumptions, Parameters
from evaluation.value.cashable import after_lag, in_whole_lumps
from evaluation.value.pricing import cost_units_a_quarter, discount_factor, priced_lines
from evaluation.value.scenarios import LastYear
from evaluation.value.tally import declared_exposure
from tests.unit.values import (
    AE,
    ASB,
    CLAIMANTS,
    GP,
    HOUSED,
    LIFE,
    QUARTERS,
    cost,
    net,
    programme,
    valued,
)

BY_HAND = Path(__file__).parents[2] / "book" / "money-by-hand.md"
ONE = ("S01",)


def said(number: str) -> bool:
    # A word joiner keeps a minus and its pounds on one line.
    return number in BY_HAND.read_text(encoding="utf-8").replace("\N{WORD JOINER}", "")


def test_by_hand_a_fall_of_5_per_1000_in_a_stock_per_household() -> None:
    """4,200 households, four quarters, bed and breakfast at £334.95 a week of 2010/11."""
    value = valued([net(HOUSED, -5, exposure=4.2, quarters=QUARTERS[:4], sites=ONE)])
    avoided = value.tally.avoided[HOUSED.code].by_quarter[0, :4]
    assert avoided == pytest.approx([21, 21, 21, 21])
    weeks = 21 * 52.16 / 4 * 4
    price = 334.95 * 100 / 69.1217
    assert (round(weeks, 2), round(price, 2)) == (1_095.36, 484.58)
    worth = weeks * price * 0.8
    assert value.totals().loc["gross_fiscal", "mean"] == pytest.approx(worth, rel=1e-12)
    assert said("1,095.36") and said("£484.58") and said(f"£{worth:,.0f}")
    assert value.by("agency").loc[("council", "DEL"), "mean"] == pytest.approx(worth)


def test_by_hand_a_log_fall_in_a_flow_that_ramps_up() -> None:
    """1,000 attendances seen in each of three quarters, 2, 5 and 8 log points fewer."""
    effects = [-0.02, -0.05, -0.08]
    value = valued([net(AE, effects, scale="log", quarters=QUARTERS[:3], sites=ONE)])
    avoided = value.tally.avoided[AE.code].by_quarter[0, :3]
    assert avoided == pytest.approx([20.2013, 51.2711, 83.2871], abs=1e-4)
    price = 109 * 100 / 70.834
    worth = float(avoided.sum()) * price
    assert value.totals().loc["gross_fiscal", "mean"] == pytest.approx(worth, rel=1e-12)
    for shown in ("20.20", "51.27", "83.29", f"£{price:,.2f}", f"£{worth:,.0f}"):
        assert said(shown), shown


def test_by_hand_a_rise_in_gp_activity_costs_money() -> None:
    """8,000 residents, 12 more consultations for 1,000 of them in each of two quarters."""
    value = valued([net(GP, 12, exposure=8.0, quarters=QUARTERS[:2], sites=ONE)])
    avoided = value.tally.avoided[GP.code].by_quarter[0, :2]
    assert avoided == pytest.approx([-96, -96])
    price = 38 * 100 / 73.4795
    worth = -192 * price
    assert value.totals().loc["gross_fiscal", "mean"] == pytest.approx(worth, rel=1e-12)
    assert value.totals().loc["cashable", "mean"] <= 0
    for shown in ("96", f"£{price:,.2f}", f"−£{-worth:,.0f}"):
        assert said(shown), shown


def test_a_ratio_effect_goes_through_the_observed_figure() -> None:
    """Observed 900 with an effect of -10 % means that there would have been 1,000."""
    one = net(AE, -0.1, scale="ratio", observed=900.0, quarters=QUARTERS[:1], sites=ONE)
    assert one.avoided(one.effects) == pytest.approx([100])
    same = net(AE, np.log(0.9), scale="log", observed=900.0, quarters=QUARTERS[:1], sites=ONE)
    assert same.avoided(same.effects) == pytest.approx([100])


@pytest.mark.parametrize(
    ("kind", "per", "timing", "units"),
    [
        ("stock", "person_year", "mean", 0.25),
        ("stock", "week", "snapshot", 13.04),
        ("stock", "point_year", "mean", 0.25),
        ("flow", "event", "", 1),
        ("flow", "entry", "", 1),
    ],
)
def test_a_quarter_of_a_stock_is_a_quarter_of_a_year(
    kind: str, per: str, timing: str, units: float
) -> None:
    assert cost_units_a_quarter(kind, per, timing) == pytest.approx(units)


@pytest.mark.parametrize(
    ("kind", "per", "timing", "message"),
    [
        ("stock", "event", "mean", "a stock cannot be priced by the event"),
        ("stock", "entry", "mean", r"priced by the entry[\s\S]*needs an inflow"),
        ("flow", "person_year", "", "a flow cannot be priced by the person-year"),
        ("flow", "week", "", "a flow cannot be priced by the week"),
        ("stock", "week", "", "has the stock timing ''"),
        ("flow", "event", "mean", "has the stock timing 'mean'"),
    ],
)
def test_a_cost_of_the_wrong_unit_is_an_error(
    kind: str, per: str, timing: str, message: str
) -> None:
    with pytest.raises(ValueChainError, match=message):
        cost_units_a_quarter(kind, per, timing)


def test_an_outcome_with_a_price_of_another_unit_stops_the_chain() -> None:
    wrong = HOUSED.model_copy(update={"unit_cost": "ae_attendance"})
    with pytest.raises(ValueChainError, match="a stock cannot be priced by the event"):
        valued(changed=[wrong], nets=[net(wrong, -5)])


def test_a_deadweight_factor_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueChainError, match=r"deadweight factor of 0\.2[\s\S]*already what"):
        Assumptions(deadweight=0.2)


def test_overlap_takes_out_what_another_outcome_counts() -> None:
    params = Parameters.load()
    (line,) = priced_lines(HOUSED, params, 2024, {"council"})
    assert line.share == 0.8
    assert line.pounds_for_one == pytest.approx(0.8 * 13.04 * 334.95 * 100 / 69.1217)


def test_a_composite_part_is_given_up_where_it_is_counted_itself() -> None:
    both = valued([net(CLAIMANTS, -2), net(AE, -1)])
    nhs = next(ln for ln in both.lines if ln.cost.composite_of == "nhs")
    assert nhs.given_up and nhs.pounds_for_one == 0
    alone = valued([net(CLAIMANTS, -2)])
    kept = next(ln for ln in alone.lines if ln.cost.composite_of == "nhs")
    assert not kept.given_up
    assert alone.pounds_of(kept)[0] > 0


def test_what_a_source_does_not_split_is_booked_to_nobody_in_particular() -> None:
    value = valued([net(ASB, -1)])
    (row,) = value.by_budget()
    assert (row["agency"], row["budget"]) == ("several", "DEL")
    assert "not split" in str(row["name"])


def test_a_rise_in_life_satisfaction_is_worth_a_wellby_for_each_person_and_year() -> None:
    """0.2 points for 3,000 adults over four quarters: 600 WELLBYs in a year."""
    value = valued([net(LIFE, 0.2, exposure=3_000.0, quarters=QUARTERS[:4], sites=ONE)])
    expected = 0.2 * 3_000 * 13_000 * 100 / 81.1085
    assert value.totals().loc["gross_social", "mean"] == pytest.approx(expected)


def test_wellbeing_is_discounted_on_the_health_schedule() -> None:
    value = valued([net(LIFE, 0.2, exposure=3_000.0)], [cost("nhs", "2024 Q1", 1.0)])
    (line,) = value.lines
    weights = value.discounting("health")
    assert value.present_of(line)[0] == pytest.approx(value.pounds_of(line, weights)[0])
    assert value.discounting("health")[-1] > value.discounting("standard")[-1]


def test_lag_moves_pounds_later_and_drops_what_falls_past_the_end() -> None:
    assert after_lag(np.array([[1.0, 2, 3, 4]]), 2).tolist() == [[0, 0, 1, 2]]
    assert after_lag(np.array([[1.0, 2]]), 9).tolist() == [[0, 0]]
    assert after_lag(np.array([[1.0, 2]]), 0).tolist() == [[1, 2]]


def test_only_whole_lumps_leave_a_budget() -> None:
    """A post costs 40 a year: 12 a quarter frees one post once a year's worth has been seen."""
    released = np.full((1, 8), 12.0)
    assert in_whole_lumps(released, 40).tolist() == [[0, 0, 0, 10, 10, 10, 10, 10]]
    assert in_whole_lumps(released, 0) is released


def test_more_use_costs_in_full_and_in_no_lumps() -> None:
    assert in_whole_lumps(np.full((1, 5), -3.0), 40)[0, -1] == -3


def test_cashable_is_share_then_lumps_then_lag() -> None:
    """£9,694 a site and quarter, 30 % of it: £11,633 a year, less than a post: nothing."""
    small = valued([net(HOUSED, -0.48, exposure=4.2)])
    assert small.totals().loc["cashable", "mean"] == 0
    large = valued([net(HOUSED, -9.6, exposure=4.2)])
    site_quarter = 9.6 * 4.2 * large.lines[0].pounds_for_one
    posts = np.floor(0.3 * 4 * site_quarter / 45_000)
    assert posts >= 1
    # The first year's worth is seen in quarter 4, and leaves the budget four quarters later.
    cashed = large.cashable_by_quarter()[0]
    assert cashed[:4].tolist() == [0, 0, 0, 0]
    assert cashed[-1] == pytest.approx(2 * posts * 45_000 / 4)


def test_benefits_leave_at_once_and_without_lumps() -> None:
    value = valued([net(CLAIMANTS, -2, exposure=5.0)])
    ame = value.totals().loc["gross_fiscal_AME", "mean"]
    held = value.tally.cashable["dwp", "AME"][0].sum()
    assert held == pytest.approx(0.9 * ame)


def test_optimism_is_added_to_planned_set_up_and_to_nothing_else() -> None:
    costs = [cost("council", "2024 Q1", 1_000, "set-up"), cost("council", "2024 Q2", 500)]
    plain = valued([net(AE, -1)], costs)
    careful = valued(
        [net(AE, -1)],
        costs,
        assumptions=Assumptions(uncertain=(), capital_bucket="standard buildings"),
    )
    assert plain.cost == 1_500
    assert careful.cost == pytest.approx(1_740)
    assert careful.total(careful.fiscal)[0] == plain.total(plain.fiscal)[0]


def test_planned_costs_after_the_last_quarter_are_not_to_date() -> None:
    value = valued([net(AE, -1)], [cost("nhs", "2026 Q4", 10), cost("nhs", "2027 Q1", 99)])
    assert value.cost == 10


def test_effects_without_their_number_of_people_are_refused() -> None:
    class Bare:
        exposure = None
        outcome = LIFE.code
        index = net(LIFE, 0.2).index.assign(cohort="2024 Q1")

    held = programme([LIFE])
    with pytest.raises(ValueChainError, match="of how many people"):
        declared_exposure(Bare(), held)  # type: ignore[arg-type]
    declared = programme(
        [LIFE],
        denominators=[
            Denominator(area=area.code, outcome=LIFE.code, denominator=2_000.0)
            for area in held.areas
        ],
    )
    assert set(declared_exposure(Bare(), declared)) == {2_000.0}  # type: ignore[arg-type]


def test_different_numbers_of_assignments_are_refused() -> None:
    with pytest.raises(ValueChainError, match="different numbers of assignments"):
        valued([net(AE, -1, assignments=50), net(HOUSED, -1, assignments=60)])


def test_outcomes_may_cover_different_quarters_and_sites() -> None:
    """A quarter without a figure adds nothing."""
    whole = net(AE, -1)
    part = net(HOUSED, -1, quarters=QUARTERS[4:7], sites=("S02",))
    value = valued([whole, part])
    assert value.tally.avoided[HOUSED.code].by_site[0].tolist() == [0, 12]
    assert value.tally.avoided[HOUSED.code].by_quarter[0, 4:7].tolist() == [4, 4, 4]
    assert value.grid.quarters == QUARTERS


def test_limits_that_the_test_does_not_set_are_said() -> None:
    from evaluation.value.report import _notes

    value = valued([replace(net(AE, -1), widening=float("inf"))])
    assert any("too narrow: ae_attendances" in note for note in _notes(value))


def test_both_starts_of_a_site_are_counted() -> None:
    """Its areas may start at different times: each start has entries, and none replaces another."""
    first = net(AE, -1, quarters=QUARTERS[:4], sites=ONE, exposure=2.0)
    later = net(AE, -3, quarters=QUARTERS[2:4], sites=ONE, exposure=5.0)
    both = replace(
        first,
        index=pd.concat([first.index, later.index], ignore_index=True),
        effects=np.concatenate([first.effects, later.effects]),
        deviations=np.hstack([first.deviations, later.deviations]),
        observed=np.concatenate([first.observed, later.observed]),
        exposure=np.concatenate([first.exposure, later.exposure]),
    )
    avoided = valued([both]).tally.avoided[AE.code]
    assert avoided.by_quarter[0, :4].tolist() == [2, 2, 17, 17]
    assert avoided.by_site[0].tolist() == [38]


def test_people_declared_by_site_are_not_counted_for_each_start() -> None:
    class Mixed:
        outcome = "ae_attendances"
        index = pd.DataFrame({"site": ["S01", "S01"], "cohort": ["2024 Q1", "2024 Q3"]})

    held = [
        Denominator(area=f"A{site}", outcome="ae_attendances", denominator=2_000.0)
        for site in ("S01", "S02")
    ]
    with pytest.raises(ValueChainError, match="areas of S01 start at different times"):
        declared_exposure(Mixed(), programme([AE], denominators=held))


def test_later_years_follow_the_last_quarter_by_calendar() -> None:
    """Set-up long before the first gain leaves quarters out of the accounts, and takes time."""
    early = cost("nhs", "2024 Q1", 1_000.0)
    value = valued([net(AE, -1, quarters=QUARTERS[8:12])], costs=[early])
    assert value.grid.quarters == ("2024 Q1", *QUARTERS[8:12])
    elapsed = (Period.parse(QUARTERS[11]) - Period.parse("2024 Q1")) / 4
    ahead = LastYear.of(value, 1).ahead["standard"]
    assert ahead == pytest.approx([1.035 ** -(elapsed + 0.5)])


def test_later_years_are_present_values_of_the_first_cost_too() -> None:
    """Gains before the first cost do not push the years ahead further off."""
    value = valued([net(AE, -1)], costs=[cost("nhs", "2025 Q1", 1_000.0)])
    ahead = LastYear.of(value, 1).ahead["standard"]
    assert ahead == pytest.approx([1.035 ** -(7 / 4 + 0.5)])


def test_a_vintage_without_a_schedule_of_rates_is_told() -> None:
    other = Parameters.load().using(discount="Freeman and Groom 2026")
    for years in (-1.0, 0.0, 2.0):
        with pytest.raises(ValueChainError, match="has no sensitivity schedule"):
            discount_factor(other, years, "sensitivity")
