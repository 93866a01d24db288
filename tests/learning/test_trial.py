"""Small trials inside a site: frozen, drawn by hash, judged once, exactly."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.trials import case
from evaluation.errors import ProtocolError, UserError
from evaluation.learning.control_charts import control_chart
from evaluation.learning.site_trial import (
    TrialPlan,
    arms_of,
    assign_trial,
    compare,
    freeze_trial,
    result_of,
)

PLAN = """
question: Does a call after the letter help?
site: S01
arms: [letter, letter and call]
unit: household
outcome: answered within two weeks
n: 20
stop: 2027-01-15
harms: Two complaints end it.
left_out: Households in crisis are called at once, in both arms.
"""
DAY = date(2027, 1, 15)
UNITS = [f"h{k:02}" for k in range(20)]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "calls.yaml"
    path.write_text(PLAN, "utf-8")
    freeze_trial(path, now="2026-12-01T00:00:00.000000Z")
    return path


def listed(path: Path, rows: list[tuple[str, ...]], head: tuple[str, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return path


def units(folder: Path, names: list[str] = UNITS) -> Path:
    return listed(folder / "units.csv", [(one,) for one in names], ("unit",))


def results(folder: Path, arms: Path, better: str = "letter and call") -> Path:
    with arms.open(encoding="utf-8") as stream:
        drawn = list(csv.DictReader(stream))
    rows = [(one["unit"], "1" if one["arm"] == better else "0") for one in drawn]
    return listed(folder / "results.csv", rows, ("unit", "outcome"))


def test_a_trial_goes_from_its_plan_to_its_result(plan: Path, tmp_path: Path) -> None:
    arms = tmp_path / "arms.csv"
    assert set(assign_trial(plan, units(tmp_path), arms).values()) == {10}
    held = results(tmp_path, arms)
    found = result_of(plan, held, today=DAY)
    assert found.yes == (0, 10) and found.advice == "keep" and found.difference == 1.0
    assert found.p_value == pytest.approx(1.0825e-05, rel=1e-3)
    # The same again is the same; on other figures it is refused.
    assert result_of(plan, held, today=DAY) == found
    other = results(tmp_path, arms, better="letter")
    with pytest.raises(ProtocolError, match="judged once"):
        result_of(plan, other, today=DAY)
    # The seed is opened with the result, and is the one that was fixed.
    lock = json.loads(plan.with_suffix(".lock").read_text("utf-8"))
    assert hashlib.sha256(lock["seed"].encode()).hexdigest() == lock["seed_sha256"]


def test_arms_are_drawn_again_by_anybody(plan: Path) -> None:
    held, seed = TrialPlan.load(plan), "a seed"
    arms = arms_of(held, UNITS, seed)
    ordered = sorted(UNITS, key=lambda u: hashlib.sha256(f"{seed}|{u}".encode()).hexdigest())
    assert [arms[one] for one in ordered] == ["letter"] * 10 + ["letter and call"] * 10
    assert arms == arms_of(held, UNITS[::-1], seed) != arms_of(held, UNITS, "another")


def test_a_trial_is_frozen_drawn_and_judged_once(plan: Path, tmp_path: Path) -> None:
    arms = tmp_path / "arms.csv"
    with pytest.raises(ProtocolError, match="frozen already"):
        freeze_trial(plan, now="2026-12-02T00:00:00.000000Z")
    with pytest.raises(ProtocolError, match="20 were planned"):
        assign_trial(plan, units(tmp_path, UNITS[:18]), arms)
    with pytest.raises(ProtocolError, match="stands twice"):
        assign_trial(plan, units(tmp_path, [*UNITS[:19], "h00"]), arms)
    with pytest.raises(ProtocolError, match="no arms were drawn"):
        result_of(plan, listed(tmp_path / "r.csv", [("h00", "1")], ("unit", "outcome")), today=DAY)
    assign_trial(plan, units(tmp_path), arms)
    with pytest.raises(ProtocolError, match="another list"):
        assign_trial(plan, units(tmp_path, [f"k{k:02}" for k in range(20)]), arms)
    held = results(tmp_path, arms)
    with pytest.raises(ProtocolError, match="from 2027-01-15 on"):
        result_of(plan, held, today=date(2027, 1, 14))
    plan.write_text(PLAN.replace("n: 20", "n: 22"), "utf-8")
    with pytest.raises(ProtocolError, match="changed after it was frozen"):
        result_of(plan, held, today=DAY)


def test_a_unit_without_an_outcome_is_not_passed_over(plan: Path, tmp_path: Path) -> None:
    assign_trial(plan, units(tmp_path), tmp_path / "arms.csv")
    rows = [(one, "" if one == "h03" else "1") for one in UNITS]
    lost = listed(tmp_path / "lost.csv", rows, ("unit", "outcome"))
    with pytest.raises(ProtocolError, match="'h03' has no outcome"):
        result_of(plan, lost, today=DAY)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"unit,outcome\nh00,1\nh01\n", "units are listed"),
        (b"unit,outcome\nh00,1\n,0\n", "line 3"),
        (b"unit\nh00\n", "nothing under outcome"),
        (b"unit,outcome\n", "nothing under unit"),
        (b"unit,outcome\nh\xe9,1\n", "line 2"),
        (b"", "no headings"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(
    plan: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    """None ends in a traceback: a short row and letters that are no UTF-8 did."""
    assign_trial(plan, units(tmp_path), tmp_path / "arms.csv")
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        result_of(plan, tmp_path / "r.csv", today=DAY)


def test_a_list_is_read_as_any_spreadsheet_saves_it(plan: Path, tmp_path: Path) -> None:
    arms = tmp_path / "arms.csv"
    assign_trial(plan, units(tmp_path), arms)
    held = results(tmp_path, arms)
    found = result_of(plan, held, today=DAY)
    held.write_bytes(held.read_text("utf-8").replace(",", ";").encode("utf-16"))
    assert result_of(plan, held, today=DAY) == found


@pytest.mark.parametrize("content", ["", "[]", "{", '{"plan": "a"}'])
def test_a_damaged_lock_is_told(plan: Path, tmp_path: Path, content: str) -> None:
    plan.with_suffix(".lock").write_text(content, "utf-8")
    with pytest.raises(ProtocolError, match="no lock of a trial any more"):
        assign_trial(plan, units(tmp_path), tmp_path / "arms.csv")


def test_newcombes_interval_is_the_published_one() -> None:
    """Newcombe (1998), table II, case (a): 56/70 less 48/80, method 10: 0.0524 to 0.3339."""
    found = compare(("b", "a"), (48, 56), (80, 70))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_nothing_is_called_something_at_most_as_often_as_agreed() -> None:
    """A sample; benchmarks/results/trials.json records two thousand of each."""
    assert case(50, 0.2, 0.0, 300)["rejected"] <= 0.05
    assert case(400, 0.2, 0.08, 100)["rejected"] >= 0.6


def test_a_stable_series_is_usual_and_a_jump_is_not() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(50, 2, 24)
    assert control_chart("XmR", values, baseline=24).unusual.sum() <= 1
    values[20] += 20
    found = control_chart("XmR", values)
    assert found.unusual[20] and found.low[20] < found.centre < found.high[20]
    # XmR by hand: the mean less and plus 2.66 mean moving ranges.
    base = values[:12]
    reach = 2.66 * np.abs(np.diff(base)).mean()
    assert found.high[0] == pytest.approx(base.mean() + reach, rel=1e-3)


def test_counts_that_vary_beyond_poisson_have_wider_limits() -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(400 * np.exp(rng.normal(0, 0.08, 24))).astype(float)
    found = control_chart("u'", counts, np.full(24, 1000.0), baseline=24)
    poisson = 3 * np.sqrt(found.centre / 1000.0)
    assert (found.high - found.centre)[0] > 1.5 * poisson
    share = control_chart("p'", counts, np.full(24, 1000.0), baseline=24)
    assert share.kind == "p'" and not share.unusual[:-1].all()
