"""Attributing a change to its causes, by substitution and by Shapley, and the facts behind each."""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.edition import words
from evaluation.errors import BookError
from evaluation.protocol import as_stated
from evaluation.publish.headline import PARAMETERS
from evaluation.publish.snapshot import AS_DATA, KEY, NEW, REVISED, Between, Learned, Snapshot
from evaluation.study.lock_status import differing, read_deviations, short

Subset = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The amount of one cause, in the unit of the figure.

    amount : in the printed order. shapley : its mean over all orders. low, high : the smallest and
    largest over all orders.
    """

    cause: str
    amount: float
    shapley: float
    low: float
    high: float


def subsets(causes: Sequence[str]) -> list[Subset]:
    """Every set of causes that may stand at their new value, the empty one first."""
    return [
        frozenset(chosen)
        for size in range(len(causes) + 1)
        for chosen in itertools.combinations(causes, size)
    ]


def attribute(values: Mapping[Subset, float], order: Sequence[str]) -> tuple[Part, ...]:
    """The change from no cause new to every cause new, a part for each: in order, and by Shapley.

    Parameters
    ----------
    values : the figure with each subset of the causes at its new value, as `subsets` lists them.
    order : the causes in the order of substitution.

    Raises
    ------
    BookError : a subset has no value.
    """
    if missing := [subset for subset in subsets(order) if subset not in values]:
        raise BookError(f"no figure for {', '.join(sorted(missing[0])) or 'the state before'}.")
    parts = []
    for place, cause in enumerate(order):
        before = frozenset(order[:place])
        steps = _steps(values, cause, [other for other in order if other != cause])
        parts.append(
            Part(
                cause=cause,
                amount=values[before | {cause}] - values[before],
                # Exactly rounded: the Shapley parts must sum to the change, and weights such as 1/6
                # are no doubles.
                shapley=math.fsum(weight * step for weight, step in steps),
                low=min(step for _, step in steps),
                high=max(step for _, step in steps),
            )
        )
    return tuple(parts)


def _steps(
    values: Mapping[Subset, float], cause: str, others: Sequence[str]
) -> list[tuple[float, float]]:
    """The step that a cause makes after each set of the others, with that set's share of orders.

    A set of s of n causes comes just before this one in s! (n - s - 1)! of the n! orders.
    """
    n = len(others) + 1
    return [
        (
            math.factorial(len(before)) * math.factorial(n - len(before) - 1) / math.factorial(n),
            values[before | {cause}] - values[before],
        )
        for before in subsets(others)
    ]


NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What changed, cause by cause.

    restated, late : figures known before and given again; figures of known quarters first given
    now. areas : role -> areas that they reached. outcomes : outcome -> figures. reasons : the notes
    that came with them. withdrawn : returns, each with its reason. quarters : the new ones.
    checks : outcomes that money counts no longer, or again, since a check objects or does not.
    protocol, code, parameters : what differs, a line each. deviations : those noted since.
    """

    restated: int
    late: int
    areas: Mapping[str, int]
    outcomes: Mapping[str, int]
    reasons: tuple[str, ...]
    withdrawn: tuple[str, ...]
    quarters: tuple[str, ...]
    checks: tuple[str, ...]
    protocol: tuple[str, ...]
    deviations: tuple[str, ...]
    code: tuple[str, ...]
    parameters: tuple[str, ...]


def causes_between(between: Between) -> Causes:
    """The facts of what changed from one snapshot to another."""
    before, after, learned = between.before, between.after, between.learned
    known = set(read_deviations(before.study_folder))
    return Causes(
        **_given_again(before, learned),
        withdrawn=tuple(f"{name}: {reason}" for name, reason in sorted(learned.gone.items())),
        quarters=_new_quarters(learned),
        checks=_checked_otherwise(before, after),
        protocol=_first(_declared_differences(before, after)),
        deviations=tuple(
            one.sentence for one in read_deviations(after.study_folder) if one not in known
        ),
        code=_first(_changed_files(before.modules, after.modules)),
        parameters=_first(_changed_cells(before.folder, after.folder)),
    )


def given_again(learned: Learned) -> pd.DataFrame:
    """The figures of known quarters that came after the vintage and are other than what stood.

    ``late`` says that nothing stood before; ``moved`` is how far the figure moved as a share of
    itself, 1 for one that came late, was withheld, or is no longer.
    """
    stood = learned.known(()).set_index(KEY)
    # With the later figures learned, but not those of withdrawn returns put back: each cause stands
    # alone.
    again = learned.known((REVISED,)).set_index(KEY)
    # Only rows whose latest version came with such a return; all others stood before.
    again = again[again["return_id"].map(learned.came).eq(REVISED)]
    was = stood.reindex(again.index)
    # NaN equals nothing, itself included: two missing figures are the same only by the second half.
    same = (was["numerator"].eq(again["numerator"]) | _both_missing(was, again, "numerator")) & (
        was["denominator"].eq(again["denominator"]) | _both_missing(was, again, "denominator")
    )
    late = was["return_id"].isna()
    ends = pd.concat([was["numerator"], again["numerator"]], axis=1)
    # Relative to the larger, so that a figure halved and one doubled have moved as far.
    moved = (ends.max(axis=1) - ends.min(axis=1)) / ends.max(axis=1)
    # From zero to zero is 0 / 0.
    found = again.assign(late=late, moved=moved.where(ends.notna().all(axis=1), 1.0).fillna(0.0))
    # A return repeats every figure of its quarter, mostly unchanged.
    others: pd.DataFrame = found[~same | late].reset_index()
    return others


def _given_again(before: Snapshot, learned: Learned) -> dict[str, Any]:
    """Where figures were given again or came late, and why."""
    moved = given_again(learned)
    role = {area.code: area.role for area in before.programme.areas}
    # Areas that the study sets aside move nothing, and are counted nowhere in the book.
    moved = moved[moved["area_code"].map(role).ne("excluded")]
    areas = Counter(role.get(code, "other") for code in set(moved["area_code"]))
    notes = [note for note in moved["note"].tolist() if note]
    late = int(moved["late"].sum())
    return {
        "restated": len(moved) - late,
        "late": late,
        "areas": dict(sorted(areas.items())),
        "outcomes": dict(sorted(Counter(moved["outcome"]).items())),
        "reasons": tuple(note for note, _ in Counter(notes).most_common(NAMED)),
    }


def _both_missing(was: Any, now: Any, name: str) -> Any:
    return was[name].isna() & now[name].isna()


def _new_quarters(learned: Learned) -> tuple[str, ...]:
    rows = learned.versions
    new = rows.loc[rows["return_id"].map(learned.came).eq(NEW), "quarter"]
    return tuple(sorted(str(label) for label in new.unique()))


def _checked_otherwise(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    titles = {one.code: one.plain_title for one in after.programme.outcomes}
    named = [
        (sorted({*after.objected} - {*before.objected}), "a check objects now, so it is left out"),
        (sorted({*before.objected} - {*after.objected}), "no check objects any more, so it counts"),
    ]
    return tuple(f"{titles.get(code, code)}: {said}" for codes, said in named for code in codes)


def _declared_differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Where protocols and declarations differ, each as a line."""
    lines = []
    for was, now, name in (
        (as_stated(before.protocol), as_stated(after.protocol), "protocol.yaml"),
        (_keyed(before), _keyed(after), "programme.yaml"),
    ):
        lines += [
            f"{name}: {place} was {short(old)} and is {short(new)}"
            for place, old, new in differing(was, now)
        ]
    return lines


def _keyed(snapshot: Snapshot) -> dict[str, Any]:
    """The declarations with their lists by code, so that a difference has a name."""
    # The calendar goes on by itself, and costs are told as data.
    declared = snapshot.programme.model_dump(mode="json", exclude=AS_DATA)
    for part in ("sites", "areas", "outcomes"):
        # In a list everything after an insertion would differ.
        declared[part] = {one["code"]: one for one in declared[part]}
    return declared


def _changed_files(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]


def _changed_cells(before: Path, after: Path) -> list[str]:
    """Every cell of the parameter tables that differs, with its row and column."""
    lines = []
    names = {p.name for folder in (before, after) for p in (folder / PARAMETERS).glob("*.csv")}
    for name in sorted(names):
        was, now = (_rows(folder / PARAMETERS / name) for folder in (before, after))
        for key in dict.fromkeys([*was, *now]):
            old, new = was.get(key), now.get(key)
            if old is None or new is None:
                lines.append(f"{name}: row {key} is {'new' if old is None else 'gone'}")
                continue
            lines += [
                f"{name}: {key}, {column} was {old.get(column)} and is {new.get(column)}"
                for column in new
                if old.get(column) != new.get(column)
            ]
    return lines


def _rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a table by their first cell; by how often it came where it stands twice."""
    if not path.is_file():
        return {}
    seen: Counter[str] = Counter()
    found = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            first = next(iter(row.values())) or ""
            seen[first] += 1
            found[first if seen[first] == 1 else f"{first} ({seen[first]})"] = row
    return found


def _first(lines: list[str]) -> tuple[str, ...]:
    left = len(lines) - NAMED
    return (*lines[:NAMED], *([f"and {left} more"] if left > 0 else []))


PILOT, COMPARISON, COSTS = "pilot", "comparison", "costs"
ALONE = 12
"""Areas that stand alone. Each is a state to compute, about a second in every publication."""

Figures = Mapping[str, float]
Compute = Callable[[Sequence[Path]], Sequence[Figures]]


@dataclass(frozen=True, kw_only=True)
class Restated:
    """What an area's restated or late figures moved; or those of several areas, or of costs.

    area : its code, ``""`` for several areas or costs. role : ``pilot``, ``comparison`` or
    ``costs``. figures : how many of its figures are others. amounts : headline id -> amount.
    """

    area: str
    name: str
    role: str
    figures: int
    amounts: Figures


@dataclass(frozen=True, kw_only=True)
class _Step:
    """Who is put in next, and the codes of all who are in by then; None where it is everyone."""

    area: str
    name: str
    role: str
    figures: int
    reached: frozenset[str] | None

    def counts(self, rows: pd.DataFrame) -> pd.Series:
        return rows["area_code"].isin(self.reached or ())


def by_area(
    folder: Path, between: Between, compute: Compute, *, without: Figures, with_all: Figures
) -> tuple[Restated, ...]:
    """The amounts of every area whose figures of known quarters are others.

    Parameters
    ----------
    folder : where states may be written. compute : gives the figures of states.
    without, with_all : the figures with nothing restated, and with everything restated.
    """
    if REVISED not in between.learned.causes:
        return ()
    steps = _areas_steps(between)
    states = [
        between.write_state(folder / f"area-{k}", {REVISED}, revised=step.counts)
        for k, step in enumerate(steps)
        if step.reached is not None
    ]
    # A chain of states: each step's amount is a difference of neighbours, so all of them sum to the
    # whole.
    values = [without, *compute(states), with_all]
    found = [
        Restated(
            area=step.area,
            name=step.name,
            role=step.role,
            figures=step.figures,
            amounts={key: now[key] - was[key] for key in without if key in was and key in now},
        )
        for step, was, now in zip(steps, values[:-1], values[1:], strict=True)
    ]
    return tuple(one for one in found if one.figures or any(one.amounts.values()))


def sides(areas: Sequence[Restated], key: str) -> dict[str, float]:
    """Role -> what it moved a headline; empty where nothing was restated."""
    moved = [one for one in areas if key in one.amounts]
    roles = dict.fromkeys((PILOT, COMPARISON, *(one.role for one in moved))) if moved else {}
    return {role: sum(one.amounts[key] for one in moved if one.role == role) for role in roles}


def largest_first(areas: Sequence[Restated], key: str) -> list[dict[str, Any]]:
    """What each area moved a headline, as plain data."""
    rows = [
        {
            **{name: value for name, value in asdict(one).items() if name != "amounts"},
            "amount": one.amounts[key],
        }
        for one in areas
        if key in one.amounts
    ]
    return sorted(rows, key=lambda row: -abs(row["amount"]))


def _areas_steps(between: Between) -> list[_Step]:
    """Costs, then pilots, then comparisons; of each side those who stand alone, then the others."""
    before = between.before
    again = given_again(between.learned)
    role = {area.code: area.role for area in before.programme.areas}
    name = {area.code: area.name for area in before.programme.areas}
    count = again.groupby("area_code").size()
    # Figures of areas that the study sets aside go in with the last step: they move nothing.
    studied = again[again["area_code"].map(lambda code: role.get(code) in (PILOT, COMPARISON))]
    # Chosen by how far they moved, before any state is computed.
    alone = set(studied.groupby("area_code")["moved"].sum().nlargest(ALONE).index)
    pilots = frozenset(code for code in role if role[code] == PILOT)
    steps, reached = [], frozenset[str]()
    if between.costs_differ:
        steps.append(
            _Step(area="", name="costs of known quarters", role=COSTS, figures=0, reached=reached)
        )
    # Pilots first, as the printed words say; the order is part of the amounts.
    for side, everyone in ((PILOT, pilots), (COMPARISON, None)):
        mine = sorted(code for code in count.index if role.get(code, COMPARISON) == side)
        for code in (one for one in mine if one in alone):
            reached |= {code}
            steps.append(
                _Step(
                    area=code,
                    name=name.get(code, code),
                    role=side,
                    figures=int(count[code]),
                    reached=reached,
                )
            )
        others = [code for code in mine if code not in alone]
        steps.append(
            _Step(
                area="",
                name=_others(others, side, mine),
                role=side,
                figures=int(count[others].sum()),
                reached=everyone,
            )
        )
        reached |= pilots
    return steps


def _others(others: Collection[str], side: str, mine: Collection[str]) -> str:
    more = "other " if len(others) < len(mine) else ""
    return words.counted(len(others), f"{more}{side} area")
