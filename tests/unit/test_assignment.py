"""Assignments: counted right, uniform, within strata, and blocks that stay together."""

import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evaluation import Estimate, Panel, did, imputation, synthetic_control
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from tests.unit.panels import long_table, panel


def test_few_assignments_are_enumerated_each_once() -> None:
    held = Assignments.draw(panel(n=8), block="area", strata=(), n=9_999)
    count = math.factorial(8) // (math.factorial(4) * 2 * 2)
    assert held.enumerated
    assert len(held) == held.distinct == count
    pairs = {(frozenset(r[:2].tolist()), frozenset(r[2:].tolist())) for r in held.pseudo_treated}
    assert len(pairs) == count
    assert held.pseudo_treated[0].tolist() == [0, 1, 2, 3]


def test_many_are_drawn_uniformly_over_areas() -> None:
    held = Assignments.draw(panel(), block="area", strata=(), n=6_000, seed=1)
    assert not held.enumerated
    share = (
        np.bincount(held.pseudo_treated[1:].ravel(), minlength=24) / held.pseudo_treated[1:].size
    )
    assert np.abs(share - 1 / 24).max() < 4 * np.sqrt(1 / 24 / held.pseudo_treated[1:].size)
    assert all(len(set(row)) == 4 for row in held.pseudo_treated.tolist())


def test_strata_are_respected() -> None:
    held = Assignments.draw(panel(), block="area", strata=("population",), n=500)
    real = held.strata[held.treated.units]
    assert (held.strata[held.pseudo_treated] == real).all()


def test_blocks_move_whole_authorities_and_say_why() -> None:
    held = Assignments.draw(panel(), strata=(), n=2_000, seed=3)
    assert held.block == "authority"
    assert "whole blocks move" in held.reason
    authority = np.arange(24) // 2
    hosts = authority[held.pseudo_treated]
    assert (hosts[:, 0] == hosts[:, 1]).all()
    assert (hosts[:, 2] == hosts[:, 3]).all()
    assert (hosts[:, 0] != hosts[:, 2]).all()
    assert held.distinct == 12 * 11
    seen = {(a, b) for a, b in hosts[1:, ::2].tolist()}
    assert seen == set(itertools.permutations(range(12), 2))


def test_the_smallest_p_is_that_of_the_distinct_assignments() -> None:
    held = Assignments.draw(panel(), strata=(), n=9_999)
    assert held.smallest_p == 1 / 132


def test_the_same_seed_draws_the_same() -> None:
    one, other = (Assignments.draw(panel(), strata=(), seed=5, n=50) for _ in range(2))
    assert (one.pseudo_treated == other.pseudo_treated).all()


def test_a_site_that_starts_at_once_is_refused_with_its_name() -> None:
    table = long_table()
    table.loc[table["site"] == "A", "start"] = 2000
    with pytest.raises(EstimateError, match=r"(?s)A starts in 2000.*at least one period before"):
        Assignments.draw(panel(table), strata=())


def test_nothing_started_is_said() -> None:
    with pytest.raises(EstimateError, match="no area has started"):
        Assignments.draw(panel(starts=False), strata=())


def test_a_stratum_without_comparisons_is_refused() -> None:
    table = long_table(n=6)
    with pytest.raises(EstimateError, match="fewer strata"):
        Assignments.draw(panel(table), block="area", strata=("population",))


def test_sites_that_share_an_authority_go_on_sharing_one() -> None:
    table = long_table()
    table["authority"] = "L" + (table["area"].str[1:].astype(int) // 4).astype(str)
    held = Assignments.draw(panel(table), strata=(), n=500)
    hosts = (np.arange(24) // 4)[held.pseudo_treated]
    assert (hosts == hosts[:, :1]).all()
    assert held.distinct == 6


def test_a_site_in_two_authorities_stays_in_two() -> None:
    table = long_table()
    table.loc[table["area"].isin(["a01", "a02"]), "authority"] = "L9"
    table.loc[table["area"].isin(["a18", "a19"]), "authority"] = "L0"
    held = Assignments.draw(panel(table), strata=(), n=300)
    authority = panel(table).areas["authority"].to_numpy()
    hosts = authority[held.pseudo_treated]
    assert (hosts[:, 0] != hosts[:, 1]).all()
    assert (hosts[:, 1] == hosts[:, 2]).all()


def test_areas_without_a_population_are_named() -> None:
    table = long_table()
    table["population"] = table["population"].astype(float)
    table.loc[table["area"] == "a09", "population"] = np.nan
    with pytest.raises(EstimateError, match="1 areas have no population"):
        Assignments.draw(panel(table), strata=("population",))


def two_sites(names: tuple[str, str], n: int = 20) -> Panel:
    table = long_table(n=n, n_periods=10, starts=False)
    table["start"], table["site"] = 0, None
    for area, name in zip(("a03", f"a{n - 1}"), names, strict=True):
        table.loc[table["area"] == area, ["start", "site"]] = [2005, name]
    return panel(table)


@pytest.mark.parametrize("n", [9_999, 250])
def test_sites_of_one_start_are_dealt_every_area_alike(n: int) -> None:
    """Enumerated sets, listed in order, would give the first site the areas that stand first."""
    drawn = Assignments.draw(two_sites(("A", "B")), n=n, strata=(), block="area")
    assert drawn.enumerated and drawn.distinct == 190
    assert len(drawn) == (380 if n > 380 else 190)
    counts = np.stack(
        [np.bincount(drawn.pseudo_treated[:, place], minlength=20) for place in (0, 1)]
    )
    if n > 380:
        assert (counts == 19).all()
        return
    assert (counts.sum(axis=0) == 19).all()
    assert counts.min() >= 2


def test_swapped_sites_tie_with_the_real_assignment_overall() -> None:
    drawn = Assignments.draw(two_sites(("A", "B")), strata=(), block="area")
    estimate = did(two_sites(("A", "B")), "y", assignments=drawn)
    scaled = round(float(estimate.overall()["p_value"].iloc[0]) * 190, 6)
    assert scaled == int(scaled)
    assert drawn.smallest_p == 1 / 190


def test_the_sites_known_so_far_have_their_own_number_of_assignments() -> None:
    held = panel(long_table())
    whole = Assignments.draw(held, strata=(), block="area")
    early = held.until(held.periods[6])
    assert whole.known(early).distinct == Assignments.draw(early, strata=(), block="area").distinct
    blocks = Assignments.draw(held, strata=(), block="authority")
    again = Assignments.draw(early, strata=(), block="authority")
    assert blocks.known(early).distinct == again.distinct < blocks.distinct


def test_a_site_whose_areas_start_at_two_times_is_known_at_each() -> None:
    frame = long_table()
    frame["site"] = frame["site"].where(frame["site"].isna(), "A")
    held = panel(frame)
    whole = Assignments.draw(held, strata=(), block="area", n=199)
    assert whole.treated.names == ("A", "A")
    early = held.until(held.periods[6])
    assert whole.known(held).pseudo_treated.tolist() == whole.pseudo_treated.tolist()
    assert whole.known(early).pseudo_treated.tolist() == whole.pseudo_treated[:, :2].tolist()


def test_authorities_that_areas_do_not_name_cannot_be_moved() -> None:
    held = panel(long_table())
    areas = held.areas.assign(authority=held.areas["authority"].where(held.areas.index != "a09"))
    with pytest.raises(EstimateError, match="1 areas name none"):
        Assignments.draw(replace(held, areas=areas), block="authority", strata=())


def test_a_stratum_that_cuts_through_an_authority_is_refused() -> None:
    held = panel(long_table())
    whole = [str(number // 8) for number in range(24)]
    drawn = Assignments.draw(
        replace(held, areas=held.areas.assign(stratum=whole)),
        block="authority",
        strata=("stratum",),
        n=99,
    )
    assert (drawn.strata[drawn.pseudo_treated] == drawn.strata[drawn.treated.units]).all()
    torn = held.areas.assign(stratum=["1", *whole[1:]])
    with pytest.raises(EstimateError, match="several strata"):
        Assignments.draw(replace(held, areas=torn), block="authority", strata=("stratum",))


def test_an_area_without_a_figure_before_is_banded_without_a_warning() -> None:
    held = panel(long_table())
    figures = held.array("y").copy()
    figures[20, :5] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = Assignments.draw(
            replace(held, figures={"y": figures}), block="area", strata=("level",), n=99
        )
    assert drawn.strata[20] == drawn.strata.max()


def test_fewer_assignments_of_all_are_spread_over_the_areas() -> None:
    every = Assignments.draw(two_sites(("A", "B")), strata=(), block="area")
    assert every.enumerated and len(every) == 380
    some = every.fewer(99)
    assert len(some) == 100 and not some.enumerated
    assert (some.pseudo_treated[0] == every.treated.units).all()
    counts = np.bincount(some.pseudo_treated[1:].ravel(), minlength=20)
    # Taken from the front, as they stand in order, the first areas alone would be in them.
    assert counts.min() >= 2 and counts.max() <= 25
    assert len({tuple(row) for row in some.pseudo_treated.tolist()}) == 100
    assert every.fewer(400) is every
    drawn = Assignments.draw(panel(long_table()), strata=(), block="area", n=199)
    assert (drawn.fewer(19).pseudo_treated == drawn.pseudo_treated[:20]).all()


def test_areas_that_joined_after_the_drawing_change_no_count_of_it() -> None:
    """One in an old authority, one in an authority of its own: neither can be drawn."""
    frame = long_table(n=26)
    frame.loc[frame["area"].isin(["a24", "a25"]), "authority"] = "L5"
    frame.loc[frame["area"] == "a25", "authority"] = "L99"
    later = panel(frame)
    earlier = later.select(np.arange(26) < 24)
    drawn = Assignments.draw(earlier, block="authority", strata=(), n=99)
    kept = replace(drawn, strata=np.append(drawn.strata, [-1, -1]))
    assert kept.known(later).distinct == drawn.distinct


@pytest.mark.parametrize("estimator", [did, imputation, synthetic_control])
def test_assignments_of_other_starts_are_refused(estimator: Callable[..., Estimate]) -> None:
    held = panel(long_table())
    drawn = Assignments.draw(held, strata=(), block="area", n=19)
    found = estimator(held, "y", assignments=drawn)
    with pytest.raises(EstimateError, match="areas or starts differ"):
        found.in_time_placebo(2, assignments=drawn)
    apart = replace(held, areas=held.areas.assign(site=None))
    assert estimator(apart, "y", assignments=drawn).effects == pytest.approx(
        found.effects, nan_ok=True
    )
