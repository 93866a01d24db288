"""What somebody tried who knew only a published book and the page of how people are protected.

Each try is a test: of those that succeeded the first lines show how, and the rest that it does not
any more.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.edition.files import Generated
from evaluation.release import public_key, released_change

LEFT = 5


# The difference of editions ----------------------------------------------------------------------


def cause_of(people: int, drawn: float) -> float:
    """What is printed of a revision of so many people, at a step that five are worth."""
    amount = {"cause": "revised", "amount": 0.04 * people, "low": 0.0, "high": 0.0, "shapley": 0.0}
    raw = {"parts": [], "revised": {"pilot": amount["amount"]}}
    moved = released_change(raw, {"effect": -3.6}, {"effect": -3.6}, 0.2, lambda _: drawn)
    return float(moved["revised"]["pilot"])


def test_a_revision_is_not_read_off_the_cause_that_it_is() -> None:
    """The page of changes says that a site restated a figure, and how far that moved a headline."""
    few = [n for n in range(-20, 21) if n != 0]

    def left(printed: float, offsets: list[float]) -> list[int]:
        return [n for n in few if any(cause_of(n, d) == printed for d in offsets)]

    nearest = [n for n in few if round(0.2 * round(0.04 * n / 0.2), 9) == 0.0]
    assert len(nearest) < LEFT, "to the nearest step, a nought left four revisions"
    offsets = [k / 50 for k in range(50)]
    key = public_key("new_start")
    for revised in few:
        own = key.share_of(["cause", "a.percent", "2026-Q1", "2026-Q2", f"revised {revised}"])
        assert len(left(cause_of(revised, own), [*offsets, own])) >= LEFT


def test_causes_still_sum_to_what_is_printed() -> None:
    parts = [
        {"cause": "revised", "amount": -0.2884, "shapley": -0.3, "low": -0.4, "high": -0.2},
        {"cause": "new", "amount": 0.0884, "shapley": 0.03, "low": 0.0, "high": 0.1},
    ]
    raw = {"parts": parts, "revised": {"pilot": -0.2884, "comparison": 0.0}}
    for place in range(20):
        shown = released_change(
            raw, {"effect": -3.6}, {"effect": -3.8}, 0.2, lambda _, at=place: at / 20
        )
        amounts = [part["amount"] for part in shown["parts"]]
        assert sum(amounts) == pytest.approx(-0.2)
        assert all(part["low"] <= part["amount"] <= part["high"] for part in shown["parts"])
        assert shown["revised"]["comparison"] == 0.0, "what did not move stays nought"


# What tables hold --------------------------------------------------------------------------------


def test_no_table_has_digits_that_no_step_has(tmp_path: Path) -> None:
    """Differences that are taken while a page is written had sixteen digits."""
    out = Generated(tmp_path)
    change = -3.66 - -3.34
    assert len(repr(change)) > 15
    out.table("what-changed", [{"change": change, "price": 153.88090465030916, "p": 0.0003748}])
    said = (tmp_path / "files/data/what-changed.csv").read_text("utf-8").splitlines()[1]
    assert said == "-0.32,153.880905,0.0003748"
    (row,) = json.loads((tmp_path / "files/data/what-changed.json").read_text("utf-8"))
    assert row == {"change": -0.32, "price": 153.880905, "p": 0.0003748}
