"""What printed counts and estimates leave to an attacker: ``python -m benchmarks.disclosure``.

Counts: 10,000 random programmes of one to six sites and four quarters, eight editions each, every
revision known to the attacker; what he is left with, by trying every count with every offset.
Estimates: one site of one to eight areas over 24 quarters; printed are its totals, the effect of
every quarter before and after the start, the overall effect, and the same weighted by population;
comparison areas are known. What that leaves to each area's and each total's count is two linear
programmes. All of it is invented.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from benchmarks.ledger.record import RESULTS, record_as
from evaluation.disclosure.audit import Printed, attack
from evaluation.disclosure.counts import Atom, history, possible, rounded
from evaluation.disclosure.effects import step_of
from evaluation.disclosure.key import Key
from evaluation.disclosure.narrowest import Logarithm, System, narrowest
from evaluation.disclosure.policy import Policy
from evaluation.release.rounding import Rounding

PROGRAMMES, EDITIONS, QUARTERS = 10_000, 8, 4
AREAS, MEANS, TIMES, REPEATS = (1, 2, 3, 4, 8), (3.0, 8.0, 15.0), 24, 4
PER = 1_000.0
LOGARITHMS = 2_000
"""Programmes of logarithms: each is a search of its own."""
POLICY = Policy()
NEAR_ZERO = ", near zero"
NEAR = 4
"""Known revisions that take a count this near to zero let zero itself say more."""


def counts(programmes: int) -> dict[str, object]:
    """Values left to counts of sites, by what the attacker holds."""
    left: dict[str, list[int]] = defaultdict(list)
    rng = np.random.default_rng(1)
    for number in range(programmes):
        key = Key(secret=rng.bytes(32))
        mean = float(rng.choice([1.5, 4, 8, 15, 40, 120]))
        for cell in range(int(rng.integers(1, 7)) * QUARTERS):
            atom = Atom(
                programme=str(number),
                series="y",
                areas=(str(cell // QUARTERS),),
                first=3 * (cell % QUARTERS),
                last=3 * (cell % QUARTERS) + 2,
            )
            known = versions(rng, mean)
            told = [count - known[0] for count in known]
            one = rounded(known[-1], atom, key, POLICY).printed
            left["one edition"].append(len(possible([one], [0], POLICY)))
            prints = [shown.printed for shown in history(known, atom, key, POLICY)]
            where = "near zero" if min(known) < NEAR else "elsewhere"
            left[f"every edition, revisions known, {where}"].append(
                len(possible(prints, told, POLICY))
            )
    return {name: summary(values) for name, values in left.items()}


def links(programmes: int) -> dict[str, object]:
    """Values left to counts of sites and areas, by what links them to what is printed.

    A programme has sites of one to four areas; the attacker holds eight editions and every
    revision. ``insider`` knows one site's own counts and attacks the others; ``one area`` are sites
    of a single area. In ``months`` each month is an atom and the quarter is their printed sum.
    Apart from the rest stand counts that a known revision took near zero, and sums with one of
    them in it: there zero itself says more.
    """
    left: dict[str, list[int]] = defaultdict(list)
    rng = np.random.default_rng(2)
    for number in range(programmes):
        key = Key(secret=rng.bytes(32))
        mean = float(rng.choice([4, 8, 15, 40, 120]))
        sizes = rng.integers(1, 5, int(rng.integers(1, 7)))
        ends: dict[str, tuple[float, float]] = {}
        close: set[str] = set()
        for site, areas in enumerate(sizes):
            atom = Atom(
                programme=str(number),
                series="y",
                areas=tuple(f"{site} {a}" for a in range(areas)),
                first=0,
                last=2,
            )
            found = _ends(rng, atom, mean, key)
            ends[str(site)], near = found.ends, NEAR_ZERO if found.near else ""
            if near:
                close.add(str(site))
            values = int(found.ends[1] - found.ends[0]) + 1
            left["cell" + near].append(values)
            if site:
                left["insider" + near].append(values)
            if areas == 1:
                left["one area" + near].append(values)
            left["area of a site" + near] += _areas(found.ends, int(areas))
            left["complement" + near] += _complement(found.ends)
        if len(ends) > 1:
            left["sum" + (NEAR_ZERO if close else "")] += _summed(ends)
        left["moved area"] += _moved(rng, number, mean, key)
        if rng.random() < 0.2:
            months = [
                _ends(
                    rng,
                    Atom(programme=str(number), series="m", areas=("0",), first=m, last=m),
                    mean,
                    key,
                )
                for m in range(3)
            ]
            near = NEAR_ZERO if any(one.near for one in months) else ""
            left["months" + near] += _summed({str(m): e.ends for m, e in enumerate(months)})
    return {name: summary(values) for name, values in left.items()}


def _moved(rng: np.random.Generator, number: int, mean: float, key: Key) -> list[int]:
    """Two sites between which an area moves: what both prints leave of each site's first count.

    For quarters that were printed both are hidden from then on (`release.rounding.Before`); for
    later ones the sites are other people, with offsets of their own.
    """
    counts = {area: int(rng.poisson(mean)) + NEAR for area in "abcd"}
    found = []
    for areas in ("abc", "d"):
        atom = Atom(programme=str(number), series="v", areas=tuple(areas), first=0, last=2)
        first = rounded(sum(counts[a] for a in areas), atom, key, POLICY)
        high = 1e6 if first.high is None else float(first.high)
        bounds = dict.fromkeys(areas, (0.0, 1000000.0))
        row = Printed(
            address="site", form=dict.fromkeys(areas, 1.0), low=float(first.low), high=high
        )
        left = attack(bounds, [row], list(bounds))
        found += [min(one.values, 10**6) for one in left]
    return found


def logarithms(programmes: int) -> dict[str, object]:
    """Values left in sites of one to four areas whose effects are of logarithms of counts.

    Printed are the totals of each quarter, and the effect of each quarter in per cent at a step
    worth five people of the site: the mean over its areas of the logarithm of a quarter's count,
    less that of the four quarters before the start.
    """
    left: dict[str, list[int]] = defaultdict(list)
    rng = np.random.default_rng(3)
    for number in range(programmes):
        mean = float(rng.choice([8, 15, 40, 120]))
        areas = int(rng.integers(1, 5))
        found = _of_logarithms(rng, number, mean, areas)
        left["one area" if areas == 1 else "several areas"].append(found)
    return {name: summary(values) for name, values in left.items()}


def _of_logarithms(rng: np.random.Generator, number: int, mean: float, areas: int) -> int:
    times, start = 8, 4
    key = Key(secret=rng.bytes(32))
    truth = np.maximum(rng.poisson(mean, (areas, times)), 1)
    most = float(truth.max()) * 10 + 100
    bounds: dict[str, tuple[float, float]] = {}
    printed, targets, true, logs = [], {}, {}, []
    shown = []
    for t in range(times):
        atom = Atom(programme=str(number), series="l", areas=("site",), first=3 * t, last=3 * t + 2)
        total = int(truth[:, t].sum())
        one = rounded(total, atom, key, POLICY)
        shown.append(one.printed or POLICY.shown_from)
        form = {f"{a} {t}": 1.0 for a in range(areas)}
        high = most * areas if one.high is None else one.high
        printed.append(
            Printed(address=f"total {t}", form=form, low=one.low - total, high=high - total)
        )
        targets[f"total {t}"], true[f"total {t}"] = form, float(total)
        for a in range(areas):
            count, name = float(truth[a, t]), f"{a} {t}"
            bounds[name] = (1.0 - count, most - count)
            bounds[f"log {name}"] = (math.log(1 / count) - 1, math.log(most / count) + 1)
            logs.append(Logarithm(name=f"log {name}", cell=name, true=count))
            targets[name], true[name] = {name: 1.0}, count
    for t in range(times):
        weights = np.zeros((areas, times))
        weights[:, :start] -= 1 / (start * areas)
        weights[:, t] += 1 / areas
        value = 100 * math.expm1(float((weights * np.log(truth)).sum()))
        step = step_of(100 / min(shown), POLICY.step_people)
        rounding = Rounding(address=f"log {t}", key=key)
        rounding.at(value, step, "effect")
        (line,) = rounding.entries
        assert line.low is not None
        slope = (100 + value) * weights / step
        row = {
            f"log {a} {q}": float(slope[a, q])
            for a in range(areas)
            for q in range(times)
            if slope[a, q]
        }
        at = (line.low + step) / step - value / step
        bounds[f"offset {t}"] = (0.0, 1.0)
        printed.append(
            Printed(address=f"effect {t}", form=row | {f"offset {t}": 1.0}, low=at, high=at + 1)
        )
    system = System(bounds=bounds, printed=printed, targets=targets, true=true, logarithms=logs)
    return narrowest(system, most=1)[0].values


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Between which ends a count can lie, and whether a known revision took it near zero."""

    ends: tuple[float, float]
    near: bool


def _ends(rng: np.random.Generator, atom: Atom, mean: float, key: Key) -> Ends:
    """What eight editions leave of the last count."""
    known = versions(rng, mean)
    told = [count - known[0] for count in known]
    prints = [shown.printed for shown in history(known, atom, key, POLICY)]
    counts = possible(prints, told, POLICY)
    ends = float(counts[0] + told[-1]), float(counts[-1] + told[-1])
    return Ends(ends=ends, near=min(known) < NEAR)


def _areas(ends: tuple[float, float], areas: int) -> list[int]:
    bounds = {str(a): (0.0, ends[1]) for a in range(areas)}
    whole = Printed(address="site", form=dict.fromkeys(bounds, 1.0), low=ends[0], high=ends[1])
    return [one.values for one in attack(bounds, [whole], list(bounds))]


def _complement(ends: tuple[float, float]) -> list[int]:
    """Of a known denominator: printed as that less the count."""
    people = 5_000.0
    rest = Printed(address="rest", form={"n": -1.0}, low=people - ends[1] - people, high=-ends[0])
    return [one.values for one in attack({"n": (0.0, people)}, [rest], ["n"])]


def _summed(ends: dict[str, tuple[float, float]]) -> list[int]:
    """With their printed sum, which is made of what is printed of each."""
    low, high = (sum(one[k] for one in ends.values()) for k in (0, 1))
    row = Printed(address="sum", form=dict.fromkeys(ends, 1.0), low=low, high=high)
    return [one.values for one in attack(ends, [row], list(ends))]


def versions(rng: np.random.Generator, mean: float) -> list[int]:
    """A count in every edition: mostly as it was, sometimes revised, now and then put right."""
    found = [int(rng.poisson(mean))]
    for _ in range(EDITIONS - 1):
        drawn = rng.random()
        if drawn < 0.02:
            # A figure of another site, or of none, put right.
            found.append(int(rng.poisson(mean * rng.choice([0.0, 0.5, 2.0]))))
        elif drawn < 0.3:
            found.append(max(0, found[-1] + int(rng.integers(-6, 7))))
        else:
            found.append(found[-1])
    return found


def estimates(areas: int, mean: float, seed: int, people: int) -> list[int]:
    """Values left to every area's count and every total of one site."""
    rng = np.random.default_rng([seed, areas, int(mean)])
    key = Key(secret=rng.bytes(32))
    residents = rng.integers(5_000, 12_000, areas).astype(float)
    truth = rng.poisson(mean * residents[:, None] / residents.mean(), (areas, TIMES))
    cells = {f"{a} {t}": (0.0, 20 * mean + 60) for a in range(areas) for t in range(TIMES)}
    sums = {f"all {t}": (0.0, areas * (20 * mean + 60)) for t in range(TIMES)}
    printed = []
    for t in range(TIMES):
        atom = Atom(programme="p", series="y", areas=("site",), first=3 * t, last=3 * t + 2)
        shown = rounded(int(truth[:, t].sum()), atom, key, POLICY)
        whole = {f"{a} {t}": 1.0 for a in range(areas)}
        printed.append(Printed(address=f"sum {t}", form=whole | {f"all {t}": -1.0}, low=0, high=0))
        high = 1e9 if shown.high is None else shown.high
        printed.append(
            Printed(address=f"total {t}", form={f"all {t}": 1}, low=shown.low, high=high)
        )
    for name, weights in (
        ("mean", np.full(areas, 1 / areas)),
        ("weighted", residents / residents.sum()),
    ):
        for row, form in rows(weights * PER / residents).items():
            value = float((form * truth).sum())
            step = step_of(float(np.abs(form).max()), people)
            rounding = Rounding(address=f"{name} {row}", key=key)
            rounding.at(value, step, "effect")
            (line,) = rounding.entries
            held = {
                f"{a} {t}": float(form[a, t])
                for a in range(areas)
                for t in range(TIMES)
                if form[a, t]
            }
            assert line.low is not None
            assert line.high is not None
            printed.append(
                Printed(address=f"{name} {row}", form=held, low=line.low, high=line.high)
            )
    return [one.values for one in attack(cells | sums, printed, [*cells, *sums])]


def rows(rate: np.ndarray) -> dict[str, np.ndarray]:
    """Every effect as a linear form of counts: a quarter less the mean before the start."""
    start = TIMES // 2
    found = {}
    before = np.zeros((len(rate), TIMES))
    before[:, :start] = rate[:, None] / start
    for t in range(TIMES):
        at = np.zeros_like(before)
        at[:, t] = rate
        found[f"quarter {t}"] = at - before
    found["overall"] = sum(found[f"quarter {t}"] for t in range(start, TIMES)) / (TIMES - start)
    return found


def summary(values: list[int]) -> dict[str, object]:
    """Fewest values, and the share under k."""
    held = np.array(values)
    return {
        "counts": len(held),
        "fewest": int(held.min()),
        "share_under_k": round(float((held < POLICY.k).mean()), 5),
    }


def main() -> None:
    """Attack and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programmes", type=int, default=PROGRAMMES)
    parser.add_argument("--logarithms", type=int, default=LOGARITHMS)
    parser.add_argument("--links", action="store_true", help="measure the links alone, anew")
    given = parser.parse_args()
    if given.links:
        kept = json.loads((RESULTS / "disclosure.json").read_text(encoding="utf-8"))
        kept |= {
            "links": {"programmes": given.programmes, **links(given.programmes)},
            "logarithms": {"programmes": given.logarithms, **logarithms(given.logarithms)},
        }
        own = {key: value for key, value in kept.items() if key not in ("command", "machine")}
        record_as("disclosure", "python -m benchmarks.disclosure", own)
        return
    result: dict[str, object] = {
        "k": POLICY.k,
        "shown_from": POLICY.shown_from,
        "counts": {
            "programmes": given.programmes,
            "editions": EDITIONS,
            **counts(given.programmes),
        },
        "links": {"programmes": given.programmes, **links(given.programmes)},
        "logarithms": {"programmes": given.logarithms, **logarithms(given.logarithms)},
        "estimates": [
            {
                "areas": areas,
                "mean": mean,
                "step_people": people,
                **summary([v for n in range(REPEATS) for v in estimates(areas, mean, n, people)]),
            }
            for people in (5, 10)
            for areas in AREAS
            for mean in MEANS
        ],
    }
    record_as("disclosure", "python -m benchmarks.disclosure", result)


if __name__ == "__main__":
    main()
