"""The counts with the fewest values: found without bounding each, and held beside whole numbers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from evaluation.disclosure.audit import Printed, attack
from evaluation.disclosure.counts import Atom, rounded
from evaluation.disclosure.key import Key
from evaluation.disclosure.narrowest import Logarithm, System, narrowest
from evaluation.disclosure.policy import Policy
from evaluation.errors import DisclosureError

POLICY = Policy()


def table(rng: np.random.Generator) -> tuple[dict[str, int], list[Printed]]:
    """Two or three sites of one to three areas, as they print, their sum among it."""
    key = Key(secret=rng.bytes(32))
    truth, printed, ends = {}, [], []
    for site in range(int(rng.integers(2, 4))):
        areas = [f"{site} {a}" for a in range(int(rng.integers(1, 4)))]
        truth |= {area: int(rng.integers(0, 25)) for area in areas}
        atom = Atom(programme="p", series="y", areas=tuple(areas), first=0, last=2)
        shown = rounded(sum(truth[a] for a in areas), atom, key, POLICY)
        high = 99 if shown.high is None else shown.high
        ends.append((shown.low, high))
        printed.append(
            Printed(address=f"{site}", form=dict.fromkeys(areas, 1.0), low=shown.low, high=high)
        )
    low, high = (sum(one[k] for one in ends) for k in (0, 1))
    printed.append(Printed(address="sum", form=dict.fromkeys(truth, 1.0), low=low, high=high))
    return truth, printed


def system_of(truth: dict[str, int], printed: list[Printed], most: float = 40.0) -> System:
    return System(
        bounds={cell: (0.0 - count, most - count) for cell, count in truth.items()},
        printed=[
            Printed(
                address=row.address,
                form=row.form,
                low=row.low - sum(w * truth[c] for c, w in row.form.items()),
                high=row.high - sum(w * truth[c] for c, w in row.form.items()),
            )
            for row in printed
        ],
        targets={cell: {cell: 1.0} for cell in truth},
        true={cell: float(count) for cell, count in truth.items()},
    )


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_at_once_is_what_bounding_each_finds_and_whole_numbers_agree(
    seed: int,
) -> None:
    truth, printed = table(np.random.default_rng(seed))
    box = dict.fromkeys(truth, (0.0, 40.0))
    each = attack(box, printed, list(truth))
    whole = attack(box, printed, list(truth), whole=True)
    found = narrowest(system_of(truth, printed), most=len(truth))
    by_cell = {one.cell: (one.low, one.high) for one in found}
    assert by_cell == {one.cell: (one.low, one.high) for one in each}
    assert by_cell == {one.cell: (one.low, one.high) for one in whole}
    assert min(one.values for one in found) >= POLICY.k
    few = narrowest(system_of(truth, printed), most=2)
    assert [one.values for one in few] == [one.values for one in found][:2]


def test_it_names_what_binds() -> None:
    truth = {"a": 20, "b": 30}
    printed = [
        Printed(address="sum", form={"a": 1.0, "b": 1.0}, low=50, high=50),
        Printed(address="b", form={"b": 1.0}, low=29, high=31),
    ]
    worst = narrowest(system_of(truth, printed), most=1)[0]
    assert (worst.cell, worst.low, worst.high) in {("a", 19, 21), ("b", 29, 31)}
    a = next(o for o in narrowest(system_of(truth, printed), most=2) if o.cell == "a")
    assert set(a.binding) == {"sum", "b"}


@pytest.mark.parametrize("count", [2, 7, 15, 40])
def test_logarithms_of_counts_are_bounded_by_no_less_than_what_is_possible(count: int) -> None:
    """Two counts whose logarithms' difference is printed, with the sum of the counts."""
    other, step, secret = 30, 0.2, 0.37
    value = math.log(count / other)
    multiple = math.floor(value / step + secret)
    rows = [
        Printed(
            address="effect",
            form={"log a": 1 / step, "log b": -1 / step, "offset": 1.0},
            low=multiple - value / step,
            high=multiple - value / step + 1,
        ),
        Printed(address="sum", form={"a": 1.0, "b": 1.0}, low=-2, high=2),
    ]
    system = System(
        bounds={
            "a": (1.0 - count, 60.0 - count),
            "b": (1.0 - other, 60.0 - other),
            "log a": (math.log(1 / count) - 1, math.log(60 / count) + 1),
            "log b": (math.log(1 / other) - 1, math.log(60 / other) + 1),
            "offset": (0.0, 1.0),
        },
        printed=rows,
        targets={"a": {"a": 1.0}, "b": {"b": 1.0}},
        true={"a": float(count), "b": float(other)},
        logarithms=[
            Logarithm(name="log a", cell="a", true=float(count)),
            Logarithm(name="log b", cell="b", true=float(other)),
        ],
    )
    found = {one.cell: one for one in narrowest(system, most=2)}
    possible = [
        a
        for a, b in product(range(1, 61), repeat=2)
        if abs(a + b - count - other) <= 2
        # Whatever the offset is, from nought to one.
        and multiple - 1 <= math.log(a / b) / step <= multiple + 1
    ]
    assert found["a"].low <= min(possible) and max(possible) <= found["a"].high
    assert found["a"].high - found["a"].low <= max(possible) - min(possible) + 2


def one_area(people: float, seed: int) -> int:
    """Fewest values left in a site of one area, whose effect by quarter stands at such steps."""
    rng, quarters = np.random.default_rng(seed), 16
    key = Key(secret=rng.bytes(32))
    truth = {f"{t}": int(n) for t, n in enumerate(rng.poisson(30, quarters))}
    printed = []
    for t, (name, count) in enumerate(truth.items()):
        atom = Atom(programme="p", series="y", areas=("a",), first=3 * t, last=3 * t + 2)
        shown = rounded(count, atom, key, POLICY)
        high = 99 if shown.high is None else shown.high
        printed.append(Printed(address=name, form={name: 1.0}, low=shown.low, high=high))
        form = dict.fromkeys(truth, -1 / quarters)
        form[name] += 1.0
        value, offset = sum(w * truth[c] for c, w in form.items()), rng.random()
        low = people * (math.floor(value / people + offset) - 1)
        printed.append(Printed(address=f"effect {t}", form=form, low=low, high=low + 2 * people))
    return narrowest(system_of(truth, printed, 99.0), most=1)[0].values


def test_at_full_digits_estimates_give_a_count_away_and_at_five_people_they_do_not() -> None:
    fine = [one_area(0.001, seed) for seed in range(4)]
    stepped = [one_area(5.0, seed) for seed in range(4)]
    assert min(fine) <= 2
    assert min(stepped) >= POLICY.k


def test_what_contradicts_itself_is_refused() -> None:
    printed = [
        Printed(address="one", form={"a": 1.0}, low=30, high=31),
        Printed(address="two", form={"a": 1.0}, low=3, high=4),
    ]
    with pytest.raises(DisclosureError, match="contradicts itself"):
        narrowest(system_of({"a": 10}, printed), most=1)
    assert narrowest(System(bounds={}, printed=[], targets={}, true={}), most=3) == []
