"""Group-time difference-in-differences against arithmetic by hand, and under re-assignment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import Base, DidSettings, did
from tests.unit.panels import long_table, panel


def by_hand(y: np.ndarray, own: list[int], compared: list[int], g: int, base: str) -> np.ndarray:
    """ATT(g, t) from its definition, one cell at a time."""
    out = np.full(y.shape[1], np.nan)
    for t in range(y.shape[1]):
        if base == "mean":
            change = y[:, t] - y[:, :g].mean(axis=1)
        elif base == "universal" or t >= g:
            change = y[:, t] - y[:, g - 1]
        elif t > 0:
            change = y[:, t] - y[:, t - 1]
        else:
            continue
        out[t] = change[own].mean() - change[compared].mean()
    return out


@pytest.mark.parametrize("base", ["universal", "varying", "mean"])
def test_effects_are_the_definition(base: Base) -> None:
    held = panel()
    estimate = did(held, "y", settings=DidSettings(base=base))
    y, never = held.array("y"), list(range(4, 24))
    expected = np.concatenate(
        [by_hand(y, [0, 1], never, 5, base), by_hand(y, [2, 3], never, 7, base)]
    )
    np.testing.assert_allclose(estimate.effects, expected, rtol=0, atol=1e-12)


def test_not_yet_started_areas_serve_until_they_start() -> None:
    held = panel()
    estimate = did(held, "y", settings=DidSettings(comparison="not_yet"))
    y = held.array("y")
    change = y[:, 6] - y[:, 4]
    expected = change[:2].mean() - change[2:].mean()
    first = estimate.index.query("site == 'A' and event_time == 1").index[0]
    assert estimate.effects[first] == pytest.approx(expected, abs=1e-12)
    later = estimate.index.query("site == 'A' and event_time == 2").index[0]
    change = y[:, 7] - y[:, 4]
    assert estimate.effects[later] == pytest.approx(
        change[:2].mean() - change[4:].mean(), abs=1e-12
    )


@pytest.mark.parametrize("base", ["universal", "mean"])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_reassigned_effects_equal_a_refit_from_scratch(base: Base, comparison: str) -> None:
    """The batched effects under 60 assignments equal estimating each re-drawn panel anew."""
    table = long_table()
    held = panel(table)
    chosen = DidSettings(base=base, comparison=comparison)  # type: ignore[arg-type]
    assignments = Assignments.draw(held, strata=(), n=60, seed=2)
    estimate = did(held, "y", settings=chosen, assignments=assignments)
    assert estimate.draws is not None
    codes = held.areas.index
    for b in range(1, 61):
        redrawn = table.assign(start=0, site=None)
        pseudo_treated_unit = dict(
            zip(
                codes[assignments.pseudo_treated[b]],
                [(2005, "A")] * 2 + [(2007, "B")] * 2,
                strict=True,
            )
        )
        for area, (start, site) in pseudo_treated_unit.items():
            redrawn.loc[redrawn["area"] == area, ["start", "site"]] = [start, site]
        again = panel(redrawn)
        only = Assignments.draw(again, strata=(), n=19)
        refit = did(again, "y", settings=chosen, assignments=only)
        np.testing.assert_allclose(estimate.draws.raw[b], refit.effects, rtol=0, atol=1e-12)


def test_the_interval_holds_exactly_the_effects_that_the_test_does_not_reject() -> None:
    """Inversion in closed form against removing kappa from the data and testing anew."""
    table = long_table(effect=0.8)
    held = panel(table)
    assignments = Assignments.draw(held, strata=(), n=499, seed=4)
    row = did(held, "y", assignments=assignments).overall().iloc[0]
    started = table["start"].gt(0) & table["year"].ge(table["start"])

    def p_value(kappa: float) -> float:
        moved = table.assign(y=table["y"] - kappa * started)
        return float(did(panel(moved), "y", assignments=assignments).overall()["p_value"].iloc[0])

    inside = [row["low"] + 1e-6, row["effect"], row["high"] - 1e-6]
    outside = [row["low"] - 1e-6, row["high"] + 1e-6]
    assert all(p_value(kappa) > 0.05 for kappa in inside)
    assert all(p_value(kappa) <= 0.05 for kappa in outside)


def test_a_known_effect_is_found_and_net_draws_hold_none_of_it() -> None:
    estimate = did(panel(effect=5.0), "y")
    row = estimate.overall().iloc[0]
    assert row["low"] < 5.0 < row["high"]
    assert row["effect"] == pytest.approx(5.0, abs=1.0)
    nothing = did(panel(effect=0.0), "y")
    assert estimate.draws is not None
    assert nothing.draws is not None
    np.testing.assert_allclose(
        estimate.draws.net.std(axis=0), nothing.draws.net.std(axis=0), atol=1e-10
    )
    post = (estimate.index["event_time"] >= 0).to_numpy()
    assert np.abs(estimate.draws.net[0, post]).max() < 1e-10


@given(shift=st.floats(-50, 50), scale=st.floats(0.1, 20))
@settings(max_examples=20, deadline=None)
def test_units_shift_and_scale_as_they_must(shift: float, scale: float) -> None:
    table = long_table(n=12)
    assignments = Assignments.draw(panel(table), strata=(), n=99)
    plain = did(panel(table), "y", assignments=assignments).overall()
    moved = did(
        panel(table.assign(y=shift + scale * table["y"])), "y", assignments=assignments
    ).overall()
    np.testing.assert_allclose(moved["effect"], scale * plain["effect"], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(moved["low"], scale * plain["low"], rtol=1e-8, atol=1e-8)
    assert moved["p_value"].item() == plain["p_value"].item()


def test_missing_cells_are_left_out_of_their_own_period_and_counted() -> None:
    table = long_table()
    table.loc[(table["area"] == "a00") & (table["year"] == 2008), "y"] = np.nan
    table.loc[(table["area"] == "a10") & (table["year"] == 2008), "y"] = np.nan
    held = panel(table)
    estimate = did(held, "y")
    y = held.array("y")
    change = y[:, 8] - y[:, 4]
    expected = change[1] - np.nanmean(change[4:])
    row = estimate.index.query("site == 'A' and event_time == 3").index[0]
    assert estimate.effects[row] == pytest.approx(expected, abs=1e-12)
    assert "2 of 240 cells are missing" in estimate.warnings[0]


def test_averages_weigh_as_they_say() -> None:
    estimate = did(panel(), "y")
    effects = estimate.index.assign(effect=estimate.effects).query("event_time >= 0")
    simple = np.average(effects["effect"], weights=effects["n_areas"])
    by_event = effects.groupby("event_time")["effect"].mean().mean()
    by_cohort = effects.groupby("cohort")["effect"].mean().mean()
    assert estimate.overall()["effect"].item() == pytest.approx(simple)
    assert estimate.overall("event_time")["effect"].item() == pytest.approx(by_event)
    assert estimate.overall("cohort")["effect"].item() == pytest.approx(by_cohort)
    first_two = effects.query("event_time <= 1")["effect"].mean()
    assert estimate.overall(window=(0, 1))["effect"].item() == pytest.approx(first_two)


def test_tables_have_the_promised_columns() -> None:
    estimate = did(panel(), "y")
    columns = ["effect", "se", "low", "high", "low_band", "high_band", "p_value", "n_areas"]
    for key in ("event_time", "cohort", "site", "area", "quarter"):
        table = estimate.by(key)
        assert list(table.columns) == columns
    assert list(estimate.by("site").index) == ["A", "B"]
    assert list(estimate.by("site")["n_areas"]) == [2, 2]


def test_analytic_errors_are_refused_for_few_areas_with_the_way_out() -> None:
    with pytest.raises(InferenceRefused, match="inference='placebo'"):
        did(panel(), "y", inference="analytic")
    marked = did(panel(), "y", inference="analytic", settings=DidSettings(replication=True))
    assert "no finding may use them" in marked.warnings[-1]


def test_a_zero_has_no_logarithm_and_says_what_to_do() -> None:
    table = long_table()
    table.loc[3, "y"] = 0.0
    with pytest.raises(EstimateError, match=r"no logarithm.\n.*scale='level'"):
        did(panel(table), "y", settings=DidSettings(scale="log"))


def test_a_constant_outcome_is_refused_and_an_empty_period_is_as_if_it_were_not() -> None:
    with pytest.raises(EstimateError, match="the same in every area"):
        did(panel(long_table().assign(y=1.0)), "y")
    table = long_table()
    table.loc[table["year"] == 2009, "y"] = np.nan
    shorter = did(panel(table[table["year"] < 2009]), "y")
    assert did(panel(table), "y").overall().equals(shorter.overall())


def test_assignments_of_another_panel_are_refused() -> None:
    other = Assignments.draw(panel(n=12), strata=())
    with pytest.raises(EstimateError, match="drawn for another panel"):
        did(panel(), "y", assignments=other)


def test_areas_that_never_start_change_nothing_by_their_order() -> None:
    table = long_table()
    reordered = table.sample(frac=1, random_state=3)
    one, other = did(panel(table), "y"), did(panel(reordered), "y")
    assert one.fingerprint == other.fingerprint


def test_missing_comparison_cells_do_not_make_chance_look_smaller() -> None:
    """Half of the comparisons' late cells missing, no effect: 40 panels, at most 6 rejections."""
    rejections = 0
    for seed in range(40):
        table = long_table(n=20, seed=seed)
        table.loc[table["site"] == "B", ["start", "site"]] = [0, None]
        rng = np.random.default_rng(seed)
        late = (table["start"] == 0) & (table["year"] >= 2005)
        table.loc[late & (rng.random(len(table)) < 0.5), "y"] = np.nan
        assignments = Assignments.draw(panel(table), block="area", strata=(), n=399, seed=seed)
        p = did(panel(table), "y", assignments=assignments).overall()["p_value"].item()
        rejections += p <= 0.05
    assert rejections <= 6


def test_a_late_first_figure_invents_no_effect_under_a_shared_trend() -> None:
    table = long_table()
    table["y"] = 10 + 0.3 * (table["year"] - 2000) + 1e-3 * np.sin(np.arange(len(table)))
    table.loc[(table["area"] == "a00") & (table["year"] < 2003), "y"] = np.nan
    effect = did(panel(table), "y", settings=DidSettings(base="mean")).overall()["effect"].item()
    assert abs(effect) < 0.01


def test_a_site_re_drawn_to_its_own_areas_ties_with_itself() -> None:
    """One of 12 authorities is a site's own: its p-value cannot fall below 1 / 12."""
    table = long_table()
    table.loc[table["site"] == "A", "y"] += 50.0 * (table["year"] >= 2005)
    table.loc[table["site"] == "B", "y"] -= 30.0 * (table["year"] >= 2007)
    estimate = did(panel(table), "y")
    assert estimate.by("site").loc["A", "p_value"] >= 1 / 12 - 0.01
    assert not np.isfinite(estimate.by("site").loc["A", "low"])


def test_what_could_be_seen_is_what_injection_finds() -> None:
    """The stated effect, injected into each placebo area in turn, is found about as often."""
    table = long_table(n=40)
    table.loc[table["start"] > 0, ["start", "site"]] = [0, None]
    base = table.copy()
    one = base["area"] == "a05"
    base.loc[one, ["start", "site"]] = [2005, "A"]
    held = panel(base)
    assignments = Assignments.draw(held, block="area", strata=(), n=99)
    size = did(held, "y", assignments=assignments).detectable()
    found = 0
    for area in sorted(table["area"].unique()):
        moved = table.copy()
        mine = moved["area"] == area
        moved.loc[mine, ["start", "site"]] = [2005, "A"]
        moved.loc[mine & (moved["year"] >= 2005), "y"] += size
        drawn = Assignments.draw(panel(moved), block="area", strata=(), n=99)
        row = did(panel(moved), "y", assignments=drawn).overall().iloc[0]
        found += row["p_value"] <= 0.05
    assert 0.65 <= found / 40 <= 0.95


def test_unknown_settings_and_calls_are_refused_with_the_choices() -> None:
    with pytest.raises(EstimateError, match=r"base cannot be 'foo'[\s\S]*'universal'"):
        DidSettings(base="foo")  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="not a Panel"):
        did(long_table(), "y")  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="level of 95"):
        did(panel(), "y", level=95)
    with pytest.raises(EstimateError, match="inference cannot be 'foo'"):
        did(panel(), "y", inference="foo")  # type: ignore[arg-type]
    table = long_table()
    table.loc[3, "y"] = np.inf
    with pytest.raises(EstimateError, match="infinite in area a00, 2003"):
        did(panel(table), "y")
