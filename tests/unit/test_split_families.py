"""Areas that were split out of one older area are one unit wherever starts are drawn again."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from evaluation import Panel
from evaluation.estimate.assignments import Assignments


def panel_of(families: dict[str, list[str]], pilots: set[str]) -> Panel:
    draw = np.random.default_rng(1)
    rows = [
        {
            "area": area,
            "year": year,
            "y": draw.normal(),
            "start": 2003 if area in pilots else 0,
            "family": family,
            "site": "S" if area in pilots else None,
            "authority": f"L{area}",
        }
        for family, areas in families.items()
        for area in areas
        for year in range(2000, 2006)
    ]
    return Panel.from_long(
        pd.DataFrame(rows),
        area="area",
        period="year",
        outcomes="y",
        start="start",
        site="site",
        authority="authority",
        family="family",
        frequency="A",
    )


APART = {name: [name] for name in "ABCDEF"}
SPLIT = {**APART, "G+": ["G1", "G2", "G3"], "H+": ["H1", "H2"]}


def test_a_family_counts_once_among_what_can_be_drawn() -> None:
    panel = panel_of(SPLIT, {"A", "B"})
    held = Assignments.draw(panel, strata=(), n=4_000, seed=2)
    assert held.block == "area"
    # Eight units, of which two are drawn for one site: not the eleven areas.
    assert held.distinct == 8 * 7 // 2
    assert "5 areas were split out of 2 older ones" in held.reason
    family = panel.areas["family"].to_numpy()[held.pseudo_treated]
    assert (family[:, 0] != family[:, 1]).all()
    shares = pd.Series(family[1:].ravel()).value_counts(normalize=True)
    # Each family is drawn as often as any single area, whichever of its parts stands for it.
    assert shares.to_numpy() == pytest.approx(1 / 8, abs=0.02)
    pairs = {frozenset(pair) for pair in family[1:].tolist()}
    assert pairs == set(map(frozenset, itertools.combinations(SPLIT, 2)))


def test_without_families_nothing_changes() -> None:
    with_column = Assignments.draw(panel_of(APART, {"A"}), strata=())
    assert with_column.enumerated and with_column.distinct == 6
    assert "split out" not in with_column.reason


def test_pilots_of_one_family_move_into_another_family() -> None:
    held = Assignments.draw(panel_of(SPLIT, {"G1", "G2"}), strata=(), n=500)
    assert held.distinct == 2


def test_pilots_of_the_only_family_stay_where_they_are() -> None:
    """Nothing else holds two, so that only the third pilot moves, and the smallest p says so."""
    held = Assignments.draw(panel_of({**APART, "G+": ["G1", "G2"]}, {"A", "G1", "G2"}), strata=())
    assert held.distinct == 6 and held.smallest_p == 1 / 6
