"""What assignments can bear is said in words; the word confirmatory is refused, with its mend."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.interim import LookPlan, take_look
from evaluation.finding.feasibility import feasibility_of, first_decisive_look
from evaluation.panel import Panel

PLAN = LookPlan(horizon=8)


def one_started(areas: int, authorities: int, started: int = 1) -> Panel:
    """Areas with figures that say nothing; the first ones start in the fifth year of six."""
    rng = np.random.default_rng(areas)
    table = pd.DataFrame(
        [
            {
                "area": f"a{i:03d}",
                "year": 2000 + t,
                "y": rng.normal(),
                "start": 2004 if i < started else 0,
                "site": "A" if i < started else None,
                "authority": f"L{i % authorities}",
            }
            for i in range(areas)
            for t in range(6)
        ]
    )
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes=["y"],
        start="start",
        site="site",
        authority="authority",
        frequency="A",
    )


def drawn(panel: Panel, **how: Any) -> Assignments:
    return Assignments.draw(panel, strata=(), **how)


def test_one_area_among_ten_is_refused_and_told_what_would_do() -> None:
    panel = one_started(10, 10)
    found = feasibility_of(drawn(panel), panel, PLAN)
    assert not found.confirmatory
    assert found.refused == (
        "10 assignments are possible, so no p-value is below 0.100, and alpha is 0.05.",
    )
    assert found.needed[0].startswith("At least 20 different assignments")


def test_twenty_areas_can_bear_it_at_the_last_look_only() -> None:
    panel = one_started(20, 20)
    assignments = drawn(panel)
    whole = LookPlan(horizon=8, reserve=0.0)
    assert feasibility_of(assignments, panel, whole).confirmatory
    assert first_decisive_look(assignments, whole) == 8
    assert any(
        "before the 8th of 8" in said for said in feasibility_of(assignments, panel, whole).said
    )
    # With part of alpha in reserve the planned looks have less than one assignment to remove.
    assert first_decisive_look(assignments, PLAN) == 9


@pytest.mark.parametrize("areas", [60, 61, 100])
def test_the_first_decisive_look_is_the_first_that_removes_the_most_extreme(areas: int) -> None:
    """The words against the ledger itself: an effect beyond all others crosses just then."""
    panel = one_started(areas, areas)
    assignments = drawn(panel)
    extreme = np.zeros(len(assignments))
    extreme[0] = 9.0
    crossed, before = None, None
    for number in range(1, 9):
        before = take_look(extreme, number / 8, PLAN, before)
        if before.crossed:
            crossed = number
            break
    assert crossed == first_decisive_look(assignments, PLAN)


@pytest.mark.parametrize(("authorities", "borne"), [(10, False), (19, False), (20, True)])
def test_blocks_need_twenty_authorities(authorities: int, borne: bool) -> None:
    panel = one_started(4 * authorities, authorities, started=1)
    found = feasibility_of(drawn(panel, block="authority"), panel, LookPlan(alpha=0.2, reserve=0.0))
    assert found.confirmatory is borne
    if not borne:
        assert f"{authorities} are eligible" in found.refused[-1]
        assert found.needed[-1] == "Areas of at least 20 authorities."


def test_few_started_areas_carry_a_warning_and_many_none() -> None:
    few, many = one_started(80, 80, started=2), one_started(80, 80, started=12)
    assert any(
        "With 2 areas started" in said for said in feasibility_of(drawn(few), few, PLAN).said
    )
    assert not any("unusual area" in said for said in feasibility_of(drawn(many), many, PLAN).said)


def test_numbers_are_written_so_that_they_can_be_read() -> None:
    panel = one_started(80, 80, started=12)
    (said, moved) = feasibility_of(drawn(panel, n=99), panel, PLAN).said[:2]
    assert "12 areas of 80 started" in said
    assert "more than 10,000,000,000,000 ways, 99 tried" in said
    assert moved.startswith("What moves together: area, since every started area")


def test_too_few_drawn_are_told_from_too_few_possible() -> None:
    panel = one_started(40, 40, started=3)
    strict = LookPlan(horizon=8, alpha=0.01, reserve=0.002)
    found = feasibility_of(drawn(panel, n=50), panel, strict)
    assert found.refused == (
        "51 assignments are tried, so no p-value is below 0.020, and alpha is 0.01.",
    )
    assert found.needed == ("At least 99 drawn assignments (n).",)
    assert feasibility_of(drawn(panel, n=99), panel, strict).confirmatory
