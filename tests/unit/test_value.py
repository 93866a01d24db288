"""The chain from effects to pounds: published factors, hand-worked cells, sums that must hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.errors import ValueChainError
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.units import in_units
from evaluation.simulate import Scenario, draw_figures, invent_programme, panel_of
from evaluation.value import Parameters, Value, worth
from evaluation.value.parameters import lognormal, quantity_per_period

SCHEMAS = Path(__file__).parents[2] / "data_schemas"


@pytest.fixture(scope="module")
def params() -> Parameters:
    return Parameters.load()


@pytest.fixture(scope="module")
def value() -> Value:
    return worth(estimates(), programme(), draws=2_000, seed=1)


def programme():  # type: ignore[no-untyped-def]
    scenario = Scenario.load(SCHEMAS)
    return invent_programme(scenario, scenario.presets["full"], SCHEMAS)


def estimates():  # type: ignore[no-untyped-def]
    scenario = Scenario.load(SCHEMAS)
    preset = scenario.presets["full"]
    held = programme()
    figures = draw_figures(held, scenario, preset, seed=4)
    codes = ("ae_attendances", "claimant_count", "temporary_accommodation", "arrears")
    panel = panel_of(held, figures, codes).eligible()
    assignments = Assignments.draw(panel, n=299, strata=("level",))
    scale = {"temporary_accommodation": "level"}
    return [
        did(panel, code, settings=DidSettings(scale=scale.get(code, "log"), base="mean"),
            assignments=assignments)
        for code in codes
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("years", "factor"), [(1, 0.9662), (5, 0.8420), (10, 0.7089), (30, 0.3563), (31, 0.3459)]
)
def test_discount_factors_of_the_green_book(params: Parameters, years: int, factor: float) -> None:
    assert params.discount_factor(years) == pytest.approx(factor, abs=5e-5)


def test_the_worked_appraisal(params: Parameters) -> None:
    """Costs 100, 50, 50; benefits 30 in years 3 to 9: NPV -23.745, BCR 0.878."""
    costs = sum(c * params.discount_factor(t) for t, c in enumerate([100, 50, 50]))
    gains = sum(30 * params.discount_factor(t) for t in range(3, 10))
    assert gains - costs == pytest.approx(-23.745, abs=5e-4)
    assert gains / costs == pytest.approx(0.878, abs=5e-4)


def test_rebasing_forth_and_back_is_the_identity(params: Parameters) -> None:
    assert params.uprate(2012, 2024) * params.uprate(2024, 2012) == pytest.approx(1, abs=1e-12)
    assert params.uprate("2012/13", 2024) == pytest.approx(100 / 71.9294)


def test_a_missing_index_is_refused_and_none_invented(params: Parameters) -> None:
    with pytest.raises(ValueChainError, match=r"no index for 2009[\s\S]*deflator.csv"):
        params.uprate(2009, 2024)


def test_a_cost_of_the_wrong_unit_is_an_error() -> None:
    with pytest.raises(ValueChainError, match="a stock cannot be priced by the event"):
        quantity_per_period("stock", "event")
    assert quantity_per_period("stock", "person_year") == 0.25
    assert quantity_per_period("stock", "week") == pytest.approx(13.04)


def test_unit_cost_factors_have_mean_one_and_the_stated_variation() -> None:
    drawn = lognormal(0.25, 200_000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(1, abs=0.003)
    assert drawn.std() == pytest.approx(0.25, abs=0.004)


def test_a_log_effect_becomes_people_through_the_observed_figure() -> None:
    estimate = estimates()[0]
    units = in_units(estimate)
    k = 3
    assert estimate.observed is not None
    post = np.flatnonzero((estimate.index["event_time"] >= 0).to_numpy())[k]
    expected = estimate.observed[post] * (1 - np.exp(-estimate.effects[post]))
    assert units.effects[k] == pytest.approx(expected, rel=1e-12)


def test_a_level_effect_becomes_people_through_the_denominator() -> None:
    estimate = estimates()[2]
    units = in_units(estimate)
    assert estimate.exposure is not None
    post = np.flatnonzero((estimate.index["event_time"] >= 0).to_numpy())[0]
    assert units.effects[0] == pytest.approx(
        estimate.effects[post] * estimate.exposure[post], rel=1e-12
    )


def test_a_cell_worked_by_hand(value: Value, params: Parameters) -> None:
    """A stock of claimants: quarter of a year, the DWP row, price year 2012/13 to 2024."""
    line = next(ln for ln in value.lines if ln.cost["agency"] == "dwp")
    expected = line.avoided[5] * 0.25 * 9_234 * 100 / 71.9294
    assert line.gain[5] == pytest.approx(expected, rel=1e-9)


def test_parts_sum_to_the_total(value: Value) -> None:
    total = value.totals()["mean"][["gross_fiscal", "gross_economic", "gross_social"]].sum()
    for key in ("agency", "outcome", "site", "quarter", "kind"):
        assert value.by(key)["mean"].sum() == pytest.approx(total, rel=1e-9)  # type: ignore[arg-type]
    paid = sum(row["cost"]["mean"] for row in value.by_budget())  # type: ignore[index]
    assert paid == pytest.approx(value.totals().loc["cost", "mean"], rel=1e-12)


def test_the_composite_part_is_given_up_where_it_is_counted_itself(value: Value) -> None:
    nhs = next(ln for ln in value.lines
               if ln.outcome.code == "claimant_count" and ln.cost["agency"] == "nhs")  # fmt: skip
    assert nhs.given_up
    assert not nhs.gain.any()
    alone = worth([estimates()[1]], programme(), draws=100)
    kept = next(ln for ln in alone.lines if ln.cost["agency"] == "nhs")
    assert not kept.given_up
    assert kept.gain.any()


def test_transfers_stay_in_accounts_and_leave_public_value(value: Value) -> None:
    with_transfers = value._sum(discounted=True)[0]
    public = value._sum(public=True, discounted=True)[0]
    transfers = sum(
        ln.gain @ ln.index["quarter"].map(value._factor).to_numpy(dtype=float)
        for ln in value.lines if ln.cost["transfer"] == "yes"
    )  # fmt: skip
    assert with_transfers - public == pytest.approx(transfers, rel=1e-9)
    assert value.by("agency").loc[("dwp", "AME"), "mean"] != 0


def test_the_price_base_changes_no_ratio(value: Value) -> None:
    other = worth(estimates(), programme(), price_base=2019, draws=2_000, seed=1)
    np.testing.assert_allclose(other.ratios(), value.ratios(), rtol=1e-9)


def test_outcomes_without_a_price_are_named(value: Value) -> None:
    assert value.not_valued == ("arrears",)


def test_activity_that_rises_costs_money(value: Value) -> None:
    line = value.lines[0]
    rising = line.avoided < 0
    assert (line.gain[rising] <= 0).all()
    assert (line.gain[~rising] >= 0).all()


def test_the_cumulative_position_ends_at_the_net_total(value: Value) -> None:
    last = value.payback().iloc[-1]
    assert last["cumulative_mean"] == pytest.approx(value.totals().loc["net_fiscal", "mean"])


def test_estimates_from_other_assignments_are_refused() -> None:
    other = estimates()[1]
    moved = replace(other, provenance={**other.provenance, "assignments": "another"})
    with pytest.raises(ValueChainError, match="rest on different assignments"):
        worth([estimates()[0], moved], programme(), draws=100)


def test_one_outcome_is_part_of_the_total(value: Value) -> None:
    codes = {line.outcome.code for line in value.lines}
    parts = [value.of_outcome(code)["gross_fiscal"]["mean"] for code in codes]
    assert sum(parts) == pytest.approx(value.totals().loc["gross_fiscal", "mean"])


def test_draws_are_widened_to_the_interval_of_the_test() -> None:
    """The spread of the overall effect in units is at least that of the inverted interval."""
    estimate = estimates()[2]
    units = in_units(estimate)
    row = estimate.overall().iloc[0]
    assert estimate.exposure is not None
    post = (estimate.index["event_time"] >= 0).to_numpy()
    weight = estimate.index["weight"].to_numpy(dtype=float)[post]
    overall = (units.draws / estimate.exposure[post]) @ (weight / weight.sum())
    low, high = np.quantile(overall, [0.025, 0.975])
    assert units.widening >= 1
    assert high - low >= (row["high"] - row["low"]) * (1 - 1e-9)
