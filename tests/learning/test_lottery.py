"""The lottery of starts: fixed before, drawn by all, and drawn again by anybody in ten lines."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import date
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from evaluation.design.lottery import (
    Beacon,
    Lottery,
    _members,
    _p,
    commit,
    drawn_starts,
    effect_by_order,
    faults,
    power_of,
    reveal,
    told,
)
from evaluation.errors import ProtocolError
from evaluation.panel import Panel

# Reads the file alone, and nothing of this package.
CHECK = """
import hashlib, sys, yaml
held = yaml.safe_load(open(sys.argv[1])); opened = held["revealed"]
sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
strata = {site: held.get("strata", {}).get(site, "") for site in held["sites"]}
fixed = [f"{site} {strata[site]}" for site in sorted(strata)] + held["slots"]
assert sha("\\n".join([opened["secret"], *fixed])) == held["commitment"]
key = {site: sha("\\n".join([opened["secret"], opened["beacon_value"], site])) for site in strata}
for group in set(strata.values()):
    drawn = sorted((site for site in strata if strata[site] == group), key=key.get)
    for place, site in enumerate(drawn):
        assert held["drawn"][site] == held["slots"][place * len(held["slots"]) // len(drawn)]
"""
SITES = tuple(f"S{k:02}" for k in range(1, 7))
PAIRS = {site: f"pair {k // 2}" for k, site in enumerate(SITES)}
TODAY, DAY = date(2026, 11, 30), date(2026, 12, 15)
BEACON = Beacon(source="national lottery, draw 3000", day=DAY, witness="The audit office")


def lottery(**other: Any) -> Lottery:
    held = {"sites": SITES, "strata": PAIRS, "slots": ("2027 Q1", "2027 Q3")}
    return Lottery.model_validate(held | other)


def drawn(value: str = "07 12 19 33 41 46", **other: Any) -> Lottery:
    fixed, secret = commit(lottery(**other), BEACON, today=TODAY)
    return reveal(fixed, secret=secret, value=value, today=DAY)


def test_six_sites_in_three_pairs_have_eight_orders() -> None:
    assert lottery().orders == 8 and lottery().smallest_p == 1 / 8
    assert lottery(strata={}).orders == factorial(6) // (factorial(3) ** 2) == 20
    assert lottery(strata={}, slots=("2027 Q1", "2027 Q2", "2027 Q3")).orders == 90
    said = [str(one) for one in told(lottery())]
    assert "8 orders" in said[0] and "0.125" in said[0]
    assert "no effect, however large" in said[1]
    twelve = [f"T{k:02}" for k in range(12)]
    assert len(told(lottery(sites=twelve, strata={}))) == 1


def test_the_order_is_drawn_again_by_an_independent_script(tmp_path: Path) -> None:
    path = tmp_path / "lottery.yaml"
    drawn().write(path)
    assert len(CHECK.strip().splitlines()) <= 13
    run = [sys.executable, "-c", CHECK, str(path)]
    assert subprocess.run(run, check=False).returncode == 0
    held = yaml.safe_load(path.read_text("utf-8"))
    assert {"sites", "strata", "slots", "commitment", "beacon", "revealed", "order"} <= held.keys()
    assert sorted(held["order"]) == list(SITES)
    first, last = held["order"][0], held["order"][-1]
    held["drawn"][first], held["drawn"][last] = held["drawn"][last], held["drawn"][first]
    path.write_text(yaml.safe_dump(held), "utf-8")
    done = subprocess.run(run, check=False, capture_output=True)
    assert done.returncode != 0 and faults(Lottery.load(path))


def test_neither_secret_nor_beacon_alone_decides() -> None:
    for by_beacon in (True, False):
        draws = [("a secret", str(k)) if by_beacon else (str(k), "07 12") for k in range(60)]
        assert len({frozenset(drawn_starts(lottery(), *one).items()) for one in draws}) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"sites": (*SITES, "S07")},
        {"strata": PAIRS | {"S01": "pair 1"}},
        {"slots": ("2027 Q1", "2027 Q4")},
        {"commitment": "0" * 64},
        {"order": SITES},
        {"revealed": {"secret": "another", "beacon_value": "07", "on": "2026-12-15"}},
        {"revealed": None},
    ],
)
def test_whatever_is_changed_afterwards_is_found(change: dict[str, Any]) -> None:
    held = drawn()
    assert not faults(held)
    changed = Lottery.model_validate(held.as_dict() | change)
    # Were the order by chance that of the codes, nothing was changed.
    assert faults(changed) or changed.order == held.order


def test_it_is_fixed_before_the_number_can_be_known_and_opened_after() -> None:
    with pytest.raises(ProtocolError, match="can be known today"):
        commit(lottery(), BEACON, today=DAY)
    fixed, secret = commit(lottery(), BEACON, today=TODAY)
    with pytest.raises(ProtocolError, match="committed already"):
        commit(fixed, BEACON, today=TODAY)
    with pytest.raises(ProtocolError, match="beacon's day is"):
        reveal(fixed, secret=secret, value="7", today=TODAY)
    with pytest.raises(ProtocolError, match="not what was committed to"):
        reveal(fixed, secret="another", value="7", today=DAY)
    with pytest.raises(ProtocolError, match="empty"):
        reveal(fixed, secret=secret, value=" ", today=DAY)
    with pytest.raises(ProtocolError, match="never committed"):
        reveal(lottery(), secret=secret, value="7", today=DAY)
    with pytest.raises(ProtocolError, match="drawn already"):
        reveal(
            reveal(fixed, secret=secret, value="7", today=DAY), secret=secret, value="8", today=DAY
        )
    assert len(commit(lottery(), BEACON, today=TODAY)[1]) == 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sites": ("S01", "S01")}, "twice"),
        ({"strata": {"S09": "pair 0"}}, "takes no part"),
        ({"slots": ("2027 Q3", "2027 Q1")}, "order of their starts"),
        ({"slots": ("2027 Q1",)}, "at least 2"),
        ({"places": 3}, "places"),
    ],
)
def test_a_lottery_of_another_shape_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        lottery(**change)


def panel(held: Lottery, effect: float, *, keep: bool = True, seed: int = 1) -> Panel:
    rng = np.random.default_rng(seed)
    quarters = [str(one) for one in pd.period_range("2025Q1", periods=12, freq="Q")]
    rows = []
    for site in held.sites:
        start = held.drawn[site].label.replace(" ", "")
        if not keep and site == held.order[0]:
            start = "2027Q2"
        for area in range(3):
            level = rng.normal(10, 1)
            for label in quarters:
                rows.append(
                    {
                        "area": f"{site}{area}",
                        "site": site,
                        "quarter": label,
                        "start": start,
                        "y": level + rng.normal(0, 0.2) + (effect if label >= start else 0.0),
                    }
                )
    return Panel.from_long(
        pd.DataFrame(rows), area="area", period="quarter", outcomes="y", start="start", site="site"
    )


def test_effects_by_the_drawn_order_run_over_the_orders_that_could_be() -> None:
    held = drawn(strata={})
    found = effect_by_order(held, panel(held, 2.0), "y")
    assert found.effect == pytest.approx(2.0, abs=0.4) and found.orders == 20
    # Two-sided: the real order and its mirror are the two most extreme of twenty.
    assert found.p_value == pytest.approx(2 / 20) and found.kept
    assert "level 5" in found.grade
    paired = drawn()
    pairs = effect_by_order(paired, panel(paired, 2.0), "y")
    assert pairs.p_value >= 1 / 8 and "no effect can be told" in pairs.grade


def test_a_site_that_did_not_keep_to_its_start_lowers_the_grade() -> None:
    held = drawn(strata={})
    found = effect_by_order(held, panel(held, 2.0, keep=False), "y")
    assert not found.kept and "level 4 at most" in found.grade
    with pytest.raises(ProtocolError, match="cannot be used"):
        effect_by_order(lottery(), panel(held, 2.0), "y")


def test_p_values_by_the_lottery_are_fair_where_nothing_happened() -> None:
    """Over many draws of the lottery itself on the same figures: p <= .1 in at most a tenth."""
    small = 0
    figures = panel(drawn(strata={}), 0.0)
    for number in range(150):
        held = drawn(str(number), strata={})
        small += effect_by_order(held, figures, "y").p_value <= 0.1
    # A tenth with a Monte Carlo error of .025.
    assert small / 150 <= 0.17


def test_power_rises_with_the_effect_and_is_none_with_eight_orders() -> None:
    assert {one.power for one in power_of(lottery(), simulations=50)} == {0.0}
    found = [one.power for one in power_of(lottery(strata={}), simulations=200)]
    assert found == sorted(found) and found[0] <= 0.08 and found[-1] >= 0.8


def test_orders_that_differ_within_a_half_tie() -> None:
    """By counting: what is compared is who starts early, and not which of the early starts."""
    three = ("2027 Q1", "2027 Q2", "2027 Q3")
    held = lottery(strata={}, slots=three)
    members, real = _members(held), np.array([0, 0, 1, 1, 2, 2])
    assert len({tuple(row < 1.5) for row in members}) == 15
    values = np.where(real < 2, 10.0, 0.0) + np.arange(6) / 100
    assert _p(values, held, members, real) == 1 / 15 == pytest.approx(held.smallest_p)
    paired = lottery(slots=three)
    splits = {tuple(row < 1.5) for row in _members(paired)}
    assert paired.smallest_p == pytest.approx(1 / len(splits))
    assert "0.067" in str(told(held)[0]) and len(told(held)) == 2


def test_where_orders_are_drawn_the_one_that_came_out_counts() -> None:
    many = [f"T{k:02}" for k in range(24)]
    held = lottery(sites=many, strata={})
    real = np.array([0] * 12 + [1] * 12)
    values = 10.0 * (real == 0) + np.arange(24) / 100
    assert _p(values, held, _members(held), real) == 1 / 10_000


def test_a_site_without_figures_is_named_and_no_effect_is_told_of_it() -> None:
    held = drawn(strata={})
    whole = panel(held, 2.0)
    figures = whole.array("y").copy()
    figures[whole.areas["site"].to_numpy() == "S03", -4:] = np.nan
    with pytest.raises(ProtocolError, match="S03 has no figure"):
        effect_by_order(held, replace(whole, figures={"y": figures}), "y")
    figures = whole.array("y").copy()
    figures[whole.areas["site"].to_numpy() == "S03", 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = effect_by_order(held, replace(whole, figures={"y": figures}), "y")
    assert found.effect == pytest.approx(2.0, abs=0.4) and found.p_value == pytest.approx(0.1)


def test_a_site_that_never_started_did_not_keep_to_its_start() -> None:
    held = drawn(strata={})
    whole = panel(held, 2.0)
    starts = whole.areas["start"].where(whole.areas["site"] != "S02")
    found = effect_by_order(held, replace(whole, areas=whole.areas.assign(start=starts)), "y")
    assert not found.kept
