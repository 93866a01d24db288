"""The attacker: his bounds against all possibilities tried one by one, and what he finds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evaluation.disclosure.audit import Printed, attack
from evaluation.errors import DisclosureError

BOX = {"a": (0.0, 9.0), "b": (0.0, 9.0), "c": (0.0, 9.0)}


def exact(printed: list[Printed], cell: str) -> tuple[int, int]:
    """The least and the largest count of a cell among all that give what is printed."""
    found = [
        counts["abc".index(cell)]
        for counts in product(range(10), repeat=3)
        if all(
            row.low - 1e-9
            <= sum(w * counts["abc".index(c)] for c, w in row.form.items())
            <= row.high + 1e-9
            for row in printed
        )
    ]
    return min(found), max(found)


def draw(rng: np.random.Generator) -> list[Printed]:
    truth = dict(zip("abc", rng.integers(0, 10, 3).tolist(), strict=True))
    printed = []
    for n in range(int(rng.integers(1, 5))):
        cells = [c for c in "abc" if rng.random() < 0.6] or ["a"]
        form = {c: float(rng.choice([1.0, 1.0, 0.5, -1.0])) for c in cells}
        value = sum(w * truth[c] for c, w in form.items())
        below, above = rng.integers(0, 4, 2)
        printed.append(
            Printed(address=f"row {n}", form=form, low=value - below, high=value + above)
        )
    return printed


def test_integer_attacks_are_all_that_is_possible_and_linear_ones_hold_them() -> None:
    rng = np.random.default_rng(20261130)
    for _ in range(60):
        printed = draw(rng)
        outer = {one.cell: one for one in attack(BOX, printed, list(BOX))}
        inner = {one.cell: one for one in attack(BOX, printed, list(BOX), whole=True)}
        for cell in BOX:
            assert (inner[cell].low, inner[cell].high) == exact(printed, cell)
            assert outer[cell].low <= inner[cell].low
            assert inner[cell].high <= outer[cell].high


def test_a_total_and_a_part_give_the_rest_away_and_say_so() -> None:
    printed = [
        Printed(address="programme", form={"a": 1, "b": 1}, low=7, high=7),
        Printed(address="site", form={"a": 1}, low=4, high=4),
    ]
    worst = attack(BOX, printed, ["b", "c"])
    assert (worst[0].cell, worst[0].low, worst[0].high, worst[0].values) == ("b", 3, 3, 1)
    assert set(worst[0].binding) == {"programme", "site"}
    assert (worst[1].cell, worst[1].values, worst[1].binding) == ("c", 10, ())


def test_an_insider_knows_his_own() -> None:
    printed = [Printed(address="programme", form={"a": 1, "b": 1}, low=6, high=8)]
    (outside,) = attack(BOX, printed, ["b"])
    (inside,) = attack(BOX, printed, ["b"], known={"a": 5})
    assert (outside.low, outside.high) == (0, 8)
    assert (inside.low, inside.high) == (1, 3)
    assert attack(BOX, printed, ["a"], known={"a": 5}) == []


def test_figures_of_other_counts_are_refused() -> None:
    printed = [
        Printed(address="one", form={"a": 1}, low=7, high=7),
        Printed(address="two", form={"a": 1, "b": 1}, low=3, high=3),
    ]
    with pytest.raises(DisclosureError, match="contradicts itself"):
        attack(BOX, printed, ["b"])
    with pytest.raises(DisclosureError, match="has no bounds"):
        attack(BOX, [Printed(address="one", form={"z": 1}, low=0, high=1)], ["a"])
