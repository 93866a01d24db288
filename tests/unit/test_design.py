"""Power and matching before the lock: against what is then found, and against sense."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.design.invented import Invented
from evaluation.design.match import MatchPlan, match
from evaluation.design.power import Plan, compare, detectable_by_look, first_able, moved_back, power
from evaluation.errors import EstimateError
from evaluation.estimate import fits
from evaluation.estimate.ladder import Choices
from evaluation.estimate.looks import LookPlan, run_looks

LOOKS = LookPlan(horizon=6)
PLAN = Plan(estimator="did", choices=Choices(), looks=LOOKS, window=(0, 7), assignments=499)


def planned(areas=60, quarters=24, started=(3, 20, 41), **how):
    base = Invented(areas=areas, quarters=quarters, **how).draw(0)
    names = [f"S{i}" if i in started else None for i in range(areas)]
    starts = [base.labels[-1] if name else None for name in names]
    roles = ["pilot" if name else "comparison" for name in names]
    return replace(base, areas=base.areas.assign(site=names, start=starts, role=roles))


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
    spoilt[begun.started, 16:] += 1_000.0
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
    by_name = table.set_index("candidate")["detectable_percent"]
    assert by_name["eight"] < by_name["three"]
    with pytest.raises(EstimateError, match="not in the panel"):
        compare(panel, "y", PLAN, {"none": ["nowhere"]})


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


def started_at(panel, index):
    """The planned sites started in one period of the panel."""
    starts = [panel.labels[index] if isinstance(s, str) else None for s in panel.areas["site"]]
    return replace(panel, areas=panel.areas.assign(start=starts))


def test_synthetic_weights_are_those_of_the_estimator():
    """Fitted on the same areas and periods, they are its weights; the time after is not read."""
    panel = started_at(planned(), 16)
    figures = panel.array("y").copy()
    plan = MatchPlan(same_authority=True, after=8)
    found = match(panel, "y", plan)
    fitted = fits.fit_all(panel, "y", "level", fits.sdid)
    twins, rows = fitted.twins[16], np.flatnonzero(panel.started)
    codes = panel.areas.index
    assert list(found.weights.index) == list(codes[rows])
    assert list(found.weights.columns) == list(codes[twins.donors])
    assert found.weights.to_numpy() == pytest.approx(twins.unit_weights[rows], abs=1e-9)
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
