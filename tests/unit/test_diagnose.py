"""Diagnostics: what each says on panels made for it; their rates are measured in benchmarks/."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from benchmarks import diagnostics as rates
from evaluation.diagnose import (
    balance,
    balance_table,
    changed_instrument,
    denominators,
    influence,
    influence_table,
    joined_other_programme,
    other_programme,
    outlier_controls,
    pre_level,
    regression_to_the_mean,
    spillover,
)
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.ledger.events import Event
from evaluation.panel import Panel
from evaluation.quarters import Period
from evaluation.simulate import Scenario, Switches, invent_programme
from evaluation.workspace import Workspace
from tests.unit.panels import long_table, panel

WORKSPACE = Workspace(root=rates.ROOT)
SCENARIO = Scenario.load(WORKSPACE.schemas)
PROGRAMME = invent_programme(SCENARIO, SCENARIO.presets["full"], WORKSPACE.schemas)
ON = {switch: Switches(**{switch: True}) for switch in rates.MEANT_FOR}


def placebos(held: Panel, n: int = 199) -> Assignments:
    return Assignments.draw(held, strata=(), n=n, block="area")


def estimate(held: Panel) -> Estimate:
    return did(held, "y", settings=DidSettings(base="mean"), assignments=placebos(held))


@pytest.mark.parametrize("switch", ON)
def test_what_a_switch_is_meant_for_catches_it(switch: str) -> None:
    """One programme each; benchmarks/results/diagnostics.json has the rates over 200."""
    found = rates.fired(PROGRAMME, SCENARIO, ON[switch], seed=1)
    assert any(found[code] for code in rates.MEANT_FOR[switch])


@pytest.mark.slow
def test_with_nothing_wrong_checks_fire_at_their_rate() -> None:
    """30 programmes: no check fires in more than 5 % plus three Monte Carlo errors (17 %)."""
    found = [rates.fired(PROGRAMME, SCENARIO, Switches(), seed) for seed in range(30)]
    for code in found[0]:
        assert sum(one[code] for one in found) <= 5, code


def test_the_recorded_rates_are_as_promised() -> None:
    """Nothing wrong: within 2.5 Monte Carlo errors above 5 %. A switch on: found in 95 %.

    A dip of 6 log points is a size that the check sees four times in five, and no more is asked.
    """
    record = json.loads(rates.RESULT.read_text(encoding="utf-8"))
    assert record["seeds"] >= 200
    allowed = 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / record["seeds"])
    for row in record["rows"]:
        if row["switch"] == "none":
            assert all(rate["share"] <= allowed for rate in row["fires"].values())
        else:
            found = max(row["fires"][code]["share"] for code in row["meant_for"])
            assert found >= (0.7 if row["switch"] == "chosen_on_dip" else 0.95), row["switch"]


def test_a_jump_is_told_from_a_ramp() -> None:
    """Gradual from the start on: no jump. The same size at once: a jump of that size."""
    table = long_table(n=40, seed=3)
    since = (table["year"] - table["start"] + 1).where(table["start"] > 0, 0).clip(lower=0)
    ramp = changed_instrument(estimate(panel(table.assign(y=table["y"] + since))))
    flat = changed_instrument(estimate(panel(table)))
    assert ramp.size == pytest.approx(flat.size, abs=1e-10)
    jump = changed_instrument(estimate(panel(table.assign(y=table["y"] + 3.0 * (since > 0)))))
    assert jump.size == pytest.approx(flat.size + 3.0, abs=1e-10)
    assert (ramp.result, jump.result) == ("holds", "fails")


def test_a_dip_before_the_start_is_seen() -> None:
    table = long_table(n=40, seed=3)
    last = table["year"] == table["start"] - 1
    dip = regression_to_the_mean(estimate(panel(table.assign(y=table["y"] - 3.0 * last))))
    flat = regression_to_the_mean(estimate(panel(table)))
    assert dip.size == pytest.approx(flat.size - 3.0, abs=1e-10)
    assert (flat.result, dip.result) == ("holds", "fails")


def test_balance_is_arithmetic_by_hand() -> None:
    held = panel(n=40)
    table = balance_table(held, "y", placebos(held), covariates=("population",))
    y, started = held.array("y")[:, :5], held.treated
    level, population = y.mean(axis=1), held.areas["population"].to_numpy(dtype=float)
    path = np.polyfit(np.arange(5), y.T, 1)[0]
    for name, column in (("level", level), ("path", path), ("population", population)):
        own, other = column[started], column[~started]
        pooled = np.sqrt((own.var(ddof=1) + other.var(ddof=1)) / 2)
        assert table.loc[name, "difference"] == pytest.approx((own.mean() - other.mean()) / pooled)
    assert table["p_value"]["level"] == pre_level(held, "y", placebos(held)).p_value
    with pytest.raises(EstimateError, match="have no 'income'"):
        balance_table(held, "y", placebos(held), covariates=("income",))
    assert balance(held, "y", placebos(held)).p_value is not None


def test_influence_leaves_each_pilot_and_each_authority_out() -> None:
    frame = long_table(n=12, effect=0.5)
    frame.loc[(frame["area"] == "a00") & (frame["year"] >= 2005), "y"] += 8.0
    held = panel(frame)

    def refit(one: Panel) -> Estimate:
        return did(one, "y", assignments=placebos(one, 1))

    table = influence_table(held, refit)
    assert table[table["kind"] == "area"].index.tolist() == ["a00", "a01", "a02", "a03"]
    assert table[table["kind"] == "authority"].index.tolist() == [f"L{i}" for i in range(6)]
    without = held.select(held.areas.index != "a00")
    assert table["effect"]["a00"] == pytest.approx(refit(without).overall()["effect"].item())
    said = influence(table)
    assert said.result == "fails"
    assert "a00" in said.sentence or "L0" in said.sentence


def test_another_programme_is_read_from_the_register_and_tested() -> None:
    begins = PROGRAMME.periods[-8]
    inside = next(area for area in PROGRAMME.areas if area.role == "comparison")
    event = Event(
        kind="other programme",
        areas=(),
        authority=inside.authority,
        outcomes=(),
        since=begins.last_day,
        until=None,
        what="Something else",
        source="invented",
    )
    joined = joined_other_programme((event,), PROGRAMME, "ae_attendances")
    own = {a.code for a in PROGRAMME.areas if a.authority == inside.authority}
    assert joined == dict.fromkeys(own, begins)
    for change in ({"kind": "other"}, {"outcomes": ("arrears",)}, {"since": date(2000, 1, 1)}):
        assert (
            joined_other_programme((replace(event, **change),), PROGRAMME, "ae_attendances") == {}
        )


def test_areas_in_another_programme_are_compared_with_the_rest() -> None:
    table = long_table(n=40, seed=1)
    moved = table["authority"].isin(["L5", "L6", "L7"])
    table.loc[moved & (table["year"] >= 2006), "y"] += 4.0
    held = panel(table)
    joined = dict.fromkeys(table.loc[moved, "area"], Period.parse("2006"))
    found = other_programme(held, "y", joined, DidSettings(), 0)
    assert found.result == "fails"
    assert found.size == pytest.approx(4.0, abs=1.0)
    assert other_programme(held, "y", {}, DidSettings(), 0).result == "cannot tell"
    odd = outlier_controls(held, "y", scale="level")
    assert odd.result == "fails"
    assert "L5" in odd.sentence
    assert outlier_controls(panel(n=12), "y").result == "cannot tell"


def test_denominators_that_move_are_told() -> None:
    held = panel(n=40)
    rng, start = np.random.default_rng(0), held.start_index
    on = (start[:, None] >= 0) & (np.arange(10) >= start[:, None])
    moving = 1_000 * np.exp(rng.normal(0, 0.01, (40, 10)) + 0.3 * on)
    drawn = placebos(held)
    with_it = replace(held, denominators={"y": moving}, per={"y": 1_000.0})
    assert denominators(with_it, "y", drawn).result == "fails"
    fixed = replace(held, denominators={"y": np.full((40, 10), 1_000.0)}, per={"y": 1_000.0})
    assert denominators(fixed, "y", drawn).statistic == "fixed"
    assert denominators(held, "y", drawn).result == "cannot tell"


def test_without_placebos_or_periods_nothing_is_claimed() -> None:
    analytic = did(panel(), "y", inference="analytic", settings=DidSettings(replication=True))
    assert changed_instrument(analytic).result == "cannot tell"
    assert regression_to_the_mean(analytic).result == "cannot tell"
    assert influence(influence_table(panel(), estimate).iloc[:0]).result == "cannot tell"


def test_an_area_without_a_figure_before_is_no_area_of_level_zero() -> None:
    held = panel(n=40)
    figures = held.array("y").copy()
    figures[[0, 30], :5] = np.nan
    lacking = replace(held, figures={"y": figures})
    found = pre_level(lacking, "y", placebos(held))
    level = np.nanmean(held.array("y")[:, :5], axis=1)
    kept = np.delete(np.arange(40), [0, 30])
    level[[0, 30]] = level[kept].mean()
    own, other = level[held.treated].mean(), level[~held.treated].mean()
    assert found.size == pytest.approx(100 * (own - other) / level.mean(), rel=0.1)
    assert found.result == pre_level(held, "y", placebos(held)).result


def test_areas_that_differ_in_nothing_cannot_be_told_apart() -> None:
    held = panel(n=40)
    figures = held.array("y").copy()
    figures[:, :5] = 0.0
    found = balance(replace(held, figures={"y": figures}), "y", placebos(held))
    assert found.result == "cannot tell" and "do not differ" in str(found.brief)


def test_areas_that_name_no_authority_leave_a_check_unmade() -> None:
    held = panel(n=40)
    areas = held.areas.assign(x=np.arange(40.0), y=0.0)
    areas.loc["a30", "authority"] = np.nan
    lacking = replace(held, areas=areas)
    found = spillover(lacking, "y", 5.0, DidSettings(), 0)
    assert found.result == "cannot tell" and "name none" in str(found.brief)
    joined = {"a20": held.periods[5]}
    assert other_programme(lacking, "y", joined, DidSettings(), 0).result == "cannot tell"
