"""Power and matching before the lock: against what is then found, and against sense."""

import warnings
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.design.calibrate import _percent
from evaluation.design.match import MatchPlan, match
from evaluation.design.power import (
    Plan,
    compare,
    detectable_by_look,
    first_able,
    moved_back,
    percent_of_logs,
    power,
    read_candidates,
)
from evaluation.design.simulation import Simulation
from evaluation.errors import EstimateError
from evaluation.estimate import synthetic_weights
from evaluation.estimate.interim import LookPlan, run_looks
from evaluation.estimate.registry import Choices
from evaluation.finding.verdict import cared_for

LOOKS = LookPlan(horizon=6)
PLAN = Plan(estimator="did", choices=Choices(), looks=LOOKS, window=(0, 7), assignments=499)


def planned(areas=60, quarters=24, started=(3, 20, 41), **how):
    base = Invented(areas=areas, quarters=quarters, **how).draw(0)
    names = [f"S{i}" if i in started else None for i in range(areas)]
    starts = [base.labels[-1] if name else None for name in names]
    roles = ["pilot" if name else "comparison" for name in names]
    return replace(base, areas=base.areas.assign(site=names, start=starts, role=roles))


def started_at(panel, index):
    """The planned sites started in one period of the panel."""
    starts = [panel.labels[index] if isinstance(s, str) else None for s in panel.areas["site"]]
    return replace(panel, areas=panel.areas.assign(start=starts))


def test_effects_of_the_size_that_power_names_are_found_four_times_in_five():
    """The claim tested on noise that power has not seen: independent draws of the same kind."""
    rng = np.random.default_rng(0)

    def noise(n):
        steps = rng.standard_normal((6, n))
        return steps.cumsum(axis=0) / np.arange(1, 7)[:, None]

    raw = noise(1_000)
    shift = np.zeros_like(raw)
    shift[:, 0] = 1.0
    size = detectable_by_look(raw, shift, LOOKS)[-1]
    found = []
    for _ in range(400):
        fresh = noise(1_000)
        fresh[:, 0] += size
        found.append(run_looks(fresh, [(k + 1) / 6 for k in range(6)], LOOKS)[-1].crossed)
    # Four standard errors of a share of 0.8 over 400, and the quantiles' own error.
    assert np.mean(found) == pytest.approx(0.8, abs=0.09)


def test_later_looks_see_smaller_effects_and_more_areas_too():
    table = power(planned(), "y", PLAN)
    sizes = table["detectable"].to_numpy()
    finite = sizes[np.isfinite(sizes)]
    assert (np.diff(finite) <= 1e-9).all()
    more = power(planned(started=(3, 9, 17, 20, 33, 41, 47, 55)), "y", PLAN)
    assert more["detectable"].iloc[-1] < sizes[-1]
    assert table["percent_of_targeted"].equals(table["detectable_percent"])
    half = power(planned(), "y", replace(PLAN, targeted=0.5))
    assert np.allclose(half["percent_of_targeted"], 2 * half["detectable_percent"])


def test_power_uses_nothing_from_after_the_start():
    panel = planned()
    starts = [panel.labels[16] if isinstance(s, str) else None for s in panel.areas["start"]]
    begun = replace(panel, areas=panel.areas.assign(start=starts))
    spoilt = begun.array("y").copy()
    spoilt[begun.treated, 16:] += 1_000.0
    assert power(begun, "y", PLAN).equals(power(replace(begun, figures={"y": spoilt}), "y", PLAN))


def test_sites_keep_their_distance_in_time():
    panel = planned()
    starts = list(panel.areas["start"])
    starts[41] = panel.labels[-3]
    past = moved_back(replace(panel, areas=panel.areas.assign(start=starts)), 6)
    index = past.start_index
    assert index[3] - index[41] == 2


def test_when_the_study_could_speak():
    table = power(planned(), "y", PLAN)
    assert first_able(table, 1_000.0) == int(
        table.loc[np.isfinite(table["detectable"]), "look"].min()
    )
    assert first_able(table, 0.0001) is None


def test_what_power_refuses():
    with pytest.raises(EstimateError, match="leave 1 periods"):
        power(planned(quarters=8), "y", PLAN)
    with pytest.raises(EstimateError, match="nothing to plan for"):
        power(planned(started=()), "y", PLAN)
    with pytest.raises(EstimateError, match="cannot be reached"):
        replace(PLAN, targeted=0.0)


def test_candidate_sets_side_by_side():
    panel = planned()
    codes = list(panel.areas.index)
    table = compare(panel, "y", PLAN, {"three": codes[:3], "eight": codes[10:18]})
    assert list(table["look"]) == [1, 2, 3, 4, 5, 6] * 2
    by_name = table[table["look"] == 6].set_index("candidate")
    assert by_name.loc["eight", "detectable"] < by_name.loc["three", "detectable"]
    assert list(by_name["areas"]) == [3, 8]
    with pytest.raises(EstimateError, match="not in the panel") as said:
        compare(panel, "y", PLAN, {"none": ["nowhere"]})
    assert said.value.where == "candidate set 'none'"
    with pytest.raises(EstimateError) as said:
        compare(panel, "y", PLAN, {"all": codes})
    assert said.value.where == "candidate set 'all'"


def test_a_candidate_is_the_plan_that_it_names():
    """The planned areas as a candidate see what the plan sees; nothing after a start is read."""
    panel = planned()
    later = str(panel.periods[-1] + 1)
    starts = [later if isinstance(s, str) else None for s in panel.areas["site"]]
    plan = replace(panel, areas=panel.areas.assign(start=starts))
    three = {"three": [panel.areas.index[k] for k in (3, 20, 41)]}
    own = compare(plan, "y", PLAN, three).drop(columns=["candidate", "areas"])
    assert own.equals(power(plan, "y", PLAN))
    begun = started_at(panel, 16)
    spoilt = begun.array("y").copy()
    spoilt[:, 16:] = 1_000.0
    spoilt[:, 17:] *= 2
    first = compare(begun, "y", PLAN, three)
    assert first.equals(compare(replace(begun, figures={"y": spoilt}), "y", PLAN, three))
    excluded = panel.areas["role"].to_numpy(dtype=object, copy=True)
    excluded[50:] = "excluded"
    fewer = replace(plan, areas=plan.areas.assign(role=excluded))
    kept = plan.select(np.arange(60) < 50)
    assert compare(fewer, "y", PLAN, three).equals(compare(kept, "y", PLAN, three))


def test_candidate_sets_are_read_from_a_file(tmp_path):
    path = tmp_path / "sets.csv"
    path.write_text("area,set,why\n E1,north,x\nE2,north,\nE1,south,\n")
    assert read_candidates(path) == {"north": ("E1", "E2"), "south": ("E1",)}
    # As another system saves it, with a set whose name a reader of data takes for none.
    path.write_text("set;area\r\nNA;00123\r\nNA;E2\r\n", encoding="utf-16")
    assert read_candidates(path) == {"NA": ("00123", "E2")}
    for text, said in (
        ("area,name\nE1,a\n", "sets.csv: it has no column 'set'"),
        ("set,area\na,E1\na, \n", "sets.csv, line 3: a cell is empty"),
        ("set,area\na,E1\nb,E1\na,E1\n", "sets.csv, line 4: an area stands twice in one set"),
        ("set,area\n", "sets.csv: it names no set"),
        ("", "sets.csv: it cannot be read as CSV"),
    ):
        path.write_text(text)
        with pytest.raises(EstimateError) as found:
            read_candidates(path)
        assert said in str(found.value)
    with pytest.raises(EstimateError, match="no such file"):
        read_candidates(tmp_path / "none.csv")


def test_power_and_calibration_say_the_same_of_logarithms():
    """A fall, unless a rise is asked for; what no look can find stays infinite in both."""
    how = Simulation(started=1, choices=Choices(scale="log"))
    assert _percent(10.0, how) == -100 * np.expm1(-0.1)
    assert percent_of_logs(np.array([0.1, np.inf]), "fall").tolist() == [
        _percent(10.0, how),
        np.inf,
    ]
    assert percent_of_logs(np.array([0.1, np.inf]), "rise") == pytest.approx([10.517092, np.inf])
    logs = replace(PLAN, choices=Choices(scale="log"))
    fall = power(planned(), "y", logs)
    rise = power(planned(), "y", replace(logs, direction="rise"))
    assert fall["detectable"].equals(rise["detectable"])
    assert (set(fall["direction"]), set(rise["direction"])) == ({"fall"}, {"rise"})
    last = [
        100 + sign * table["detectable_percent"].iloc[-1] for sign, table in ((-1, fall), (1, rise))
    ]
    assert last[0] * last[1] == pytest.approx(10_000)
    with pytest.raises(EstimateError, match="direction cannot be 'up'"):
        replace(PLAN, direction="up")
    wanted = {("up", -3): "rise", ("down", 3): "fall", ("care", 3): "rise", ("care", None): "fall"}
    assert {how: cared_for(*how) for how in wanted} == wanted


def test_matching_brings_pilots_and_comparisons_together():
    panel = planned(areas=300, authorities=100, between=8.0)
    high = np.argsort(-panel.array("y").mean(axis=1))[:6]
    names = [f"S{i}" if i in high else None for i in range(300)]
    starts = [panel.labels[-1] if name else None for name in names]
    chosen = replace(panel, areas=panel.areas.assign(site=names, start=starts))
    found = match(chosen, "y", MatchPlan(nearest=5, caliper=2.0))
    level = found.balance.loc["level"]
    assert abs(level["difference_before"]) > 1
    assert abs(level["difference_after"]) < 0.5 * abs(level["difference_before"])
    assert found.pairs.groupby("pilot").size().max() <= 5
    own = set(chosen.areas.loc[chosen.areas["site"].notna(), "authority"])
    assert not own & set(chosen.areas.loc[found.pairs["comparison"], "authority"])
    assert set(found.left_out["reason"]) == {"in the authority of a pilot"}


def test_a_pilot_like_no_other_is_named():
    panel = planned()
    figures = panel.array("y").copy()
    figures[3] += 500.0
    found = match(replace(panel, figures={"y": figures}), "y", MatchPlan(caliper=0.5))
    assert "area 0003" in found.unmatched


def test_a_buffer_keeps_neighbours_out():
    panel = planned()
    placed = panel.areas.assign(x=np.arange(60.0), y=0.0)
    found = match(replace(panel, areas=placed), "y", MatchPlan(buffer_km=2.5, same_authority=True))
    near = {f"area {k:04d}" for s in (3, 20, 41) for k in range(s - 2, s + 3)}
    assert not near & set(found.pairs["comparison"])
    assert (found.left_out["reason"] == "within 2.5 km").sum() == len(near) - 3


def test_synthetic_weights_are_those_of_the_estimator():
    """Fitted on the same areas and periods, they are its weights; the time after is not read."""
    panel = started_at(planned(), 16)
    figures = panel.array("y").copy()
    plan = MatchPlan(same_authority=True, after=8)
    found = match(panel, "y", plan)
    fitted = synthetic_weights.fit_all(panel, "y", "level", synthetic_weights.sdid)
    synthetic_units, rows = fitted.synthetic_units[16], np.flatnonzero(panel.treated)
    codes = panel.areas.index
    assert list(found.weights.index) == list(codes[rows])
    assert list(found.weights.columns) == list(codes[synthetic_units.donors])
    assert found.weights.to_numpy() == pytest.approx(synthetic_units.unit_weights[rows], abs=1e-9)
    figures[:, 16:] = np.nan
    blind = match(replace(panel, figures={"y": figures}), "y", plan)
    assert np.array_equal(blind.weights, found.weights)


def test_pilots_that_have_not_started_are_fitted_on_everything():
    panel = planned()
    later = str(panel.periods[-1] + 3)
    starts = [later if isinstance(s, str) else None for s in panel.areas["site"]]
    found = match(replace(panel, areas=panel.areas.assign(start=starts)), "y")
    longer = match(started_at(panel, 23), "y")
    assert found.weights.shape == longer.weights.shape
    assert not np.allclose(found.weights, longer.weights)
    assert found.weights.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-9)
    assert found.mean_weights.is_monotonic_decreasing
    assert 1 < found.effective_donors < found.weights.shape[1]


def test_synthetic_weights_bring_the_path_together_and_stand_in_the_table():
    found = match(planned(areas=200, authorities=60), "y", MatchPlan(nearest=3, caliper=5.0))
    path = found.balance.filter(like="path", axis=0)
    assert path["difference_synthetic"].abs().max() < path["difference_before"].abs().max()
    level = found.balance.loc["level", "pilots"] - found.balance.loc["level", "synthetic"]
    spread = found.balance.loc["level", "pilots"] - found.balance.loc["level", "all_eligible"]
    assert found.balance.loc["level", "difference_synthetic"] == pytest.approx(
        found.balance.loc["level", "difference_before"] * level / spread
    )
    table = found.table
    assert list(table) == ["pilot", "comparison", "distance", "weight", "mean_weight"]
    assert table["distance"].notna().sum() == len(found.pairs)
    assert table.groupby("pilot")["weight"].sum().to_numpy() == pytest.approx(1.0, abs=1e-5)
    one = table.drop_duplicates("comparison").set_index("comparison")["mean_weight"]
    assert one.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_pilot_with_gaps_is_fitted_on_the_periods_that_it_has():
    panel = started_at(planned(), 16)
    figures = panel.array("y").copy()
    whole = match(panel, "y").weights
    figures[20, :6] = np.nan
    gap = match(replace(panel, figures={"y": figures}), "y").weights
    assert gap.iloc[[0, 2]].to_numpy() == pytest.approx(whole.iloc[[0, 2]].to_numpy(), abs=1e-9)
    assert not np.allclose(whole.iloc[1], gap.iloc[1])
    assert gap.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-9)
    figures[20, :14] = np.nan
    few = match(replace(panel, figures={"y": figures}), "y")
    assert list(few.weights.index) == ["area 0003", "area 0041"]


def test_what_matching_refuses():
    panel = planned()
    with pytest.raises(EstimateError, match="60 of 60 areas have no coordinates") as said:
        match(panel, "y", MatchPlan(buffer_km=5))
    assert "leave the buffer out" in str(said.value)
    places = np.arange(60.0)
    places[7] = np.nan
    some = replace(panel, areas=panel.areas.assign(x=places, y=0.0))
    with pytest.raises(EstimateError, match="1 of 60 areas have no coordinates"):
        match(some, "y", MatchPlan(buffer_km=5))
    excluded = some.areas["role"].to_numpy(dtype=object, copy=True)
    excluded[7] = "excluded"
    match(replace(some, areas=some.areas.assign(role=excluded)), "y", MatchPlan(buffer_km=5))
    figures = panel.array("y").copy()
    figures[9, 0] = 0.0
    with pytest.raises(EstimateError, match="no logarithm"):
        match(replace(panel, figures={"y": figures}), "y", MatchPlan(scale="log"))
    figures[:, 0] = np.nan
    with pytest.raises(EstimateError, match="0 comparison areas have every figure"):
        match(replace(panel, figures={"y": figures}), "y")
    alone = panel.areas.assign(authority="one")
    with pytest.raises(EstimateError, match="57 are in the authority of a pilot"):
        match(replace(panel, areas=alone), "y")
    for wrong in ({"nearest": 0}, {"caliper": 0.0}, {"buffer_km": -1.0}, {"after": 0}):
        with pytest.raises(EstimateError, match="cannot be"):
            MatchPlan(**wrong)


@pytest.mark.parametrize(("side", "quantile"), [("two", 0.975), ("greater", 0.95), ("less", 0.95)])
def test_one_look_at_noise_sees_what_the_normal_table_says(side, quantile):
    """Critical value and the quantile of the power, in errors (Cohen 1988, section 2.4)."""
    plan = LookPlan(horizon=1, reserve=0.0, side=side)
    raw = np.random.default_rng(1).standard_normal((1, 40_000))
    shift = np.zeros_like(raw)
    shift[0, 0] = 1.0
    normal = NormalDist()
    expected = normal.inv_cdf(quantile) + normal.inv_cdf(0.8)
    assert detectable_by_look(raw, shift, plan)[0] == pytest.approx(expected, abs=0.04)


def test_areas_without_an_authority_share_none():
    panel = started_at(planned(), 16)
    authority = panel.areas["authority"].astype(object)
    authority.iloc[[3, 50, 51]] = np.nan
    found = match(replace(panel, areas=panel.areas.assign(authority=authority)), "y")
    left = set(found.left_out["area"])
    assert not left & set(panel.areas.index[[50, 51]])


def test_of_a_level_of_zero_nothing_is_a_percentage():
    panel = planned()
    figures = panel.array("y").copy()
    figures[panel.areas["site"].notna().to_numpy()] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = power(replace(panel, figures={"y": figures}), "y", PLAN)
    assert np.isfinite(table["detectable"].iloc[-1])
    assert table["detectable_percent"].isna().all() and first_able(table, 5.0) is None
