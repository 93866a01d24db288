"""What somebody tried who knew only a published book and the page of how people are protected.

Each try is a test: of those that succeeded the first lines show how, and the rest that it does not
any more.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from evaluation.edition.files import Generated
from evaluation.release import public_key, released_change
from evaluation.study.record import Results
from tests.release import before

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


# What a rate is over -----------------------------------------------------------------------------

HELD = {
    "S01": (412, 388, 401, 397, 420, 409, 391, 405),
    "S02": (233, 219, 241, 225, 238, 229, 217, 231),
}
"""Appointments that two sites held: a count of each quarter, that no table publishes."""


def of_appointments(folder: Path, **more: int) -> Results:
    """Results of before whose denominators are counted in each quarter, as appointments are.

    more : of a site, so many more in its last quarter.
    """
    raw = before.results(folder, before.ROOMY).plain()
    one = raw["outcomes"][0]
    for row in one["counts"]:
        place = before.QUARTERS.index(row["period"])
        last = more.get(row["site"], 0) if place == len(before.QUARTERS) - 1 else 0
        row["denominator"] = float(HELD[row["site"]][place] + last)
    return Results.model_validate(raw)


def test_a_rate_does_not_tell_how_many_it_is_over(tmp_path: Path) -> None:
    """A printed count over the true number of appointments told that number: one total was left."""
    inside = of_appointments(tmp_path)
    made = before.released(inside)
    one = made.results.outcomes[0]
    true = [sum(HELD[site][at] for site in before.ROOMY) for at in range(len(before.QUARTERS))]
    for at, row in enumerate(one.paths):
        counts = [made.counts[one.code, site, row.period].printed or 0 for site in before.ROOMY]
        assert row.pilot != pytest.approx(one.per * sum(counts) / true[at], rel=5e-6) or (
            true[at] % 5 == 0
        ), "the true total would give the printed rate"
    entered = {e.address: e for e in made.entries if ".out_of." in e.address}
    assert len(entered) == len(HELD) * len(before.QUARTERS)
    for entry in entered.values():
        assert entry.printed is not None and entry.cell and entry.printed % 5 == 0
        assert entry.low is not None and entry.high is not None
        assert entry.high - entry.low + 1 >= LEFT


def test_of_five_neighbouring_denominators_each_could_have_printed_the_same(tmp_path: Path) -> None:
    """One appointment more moves the printed rate only where the secret offset lets it."""

    def printed(more: int) -> tuple[float | None, ...]:
        made = before.released(of_appointments(tmp_path / str(more), S01=more))
        return tuple(row.pilot for row in made.results.outcomes[0].paths)

    shown = [printed(more) for more in range(-5, 6)]
    assert all(one[:-1] == shown[0][:-1] for one in shown), "other quarters print as they did"
    runs = [len(list(group)) for _, group in itertools.groupby(shown)]
    assert max(runs) == LEFT, "five in a row print alike"


def test_denominators_that_are_fixed_are_published_as_they_are(tmp_path: Path) -> None:
    made = before.released(before.results(tmp_path, before.ROOMY))
    assert not [entry for entry in made.entries if ".out_of." in entry.address]


def test_what_is_over_too_few_is_hidden_with_its_rate(tmp_path: Path) -> None:
    raw = of_appointments(tmp_path).plain()
    one = raw["outcomes"][0]
    for row in one["counts"]:
        if row["site"] == "S02" and row["period"] == before.QUARTERS[3]:
            row["denominator"] = 9.0
    made = before.released(Results.model_validate(raw))
    shown = {row.period: row.pilot for row in made.results.outcomes[0].paths}
    assert shown[before.QUARTERS[3]] is None
    assert sum(value is None for value in shown.values()) == 1


# What blinds a hash ------------------------------------------------------------------------------


def test_what_blinds_a_hash_of_what_is_inside_does_not_leave_with_it(tmp_path: Path) -> None:
    """A manifest hashes the results as they are inside; their nonce stood in the released ones.

    With it somebody who has the edition's code could run the study on each possible count, and look
    which gives the hash.
    """
    inside = before.results(tmp_path).model_copy(update={"nonce": "5ec2e7" * 10})
    told = before.released(inside).results.as_json()
    assert inside.nonce in inside.as_json()
    assert inside.nonce not in told
