"""The facts behind each cause of a change: how many figures, which return, which line, which price.

An amount says how much; these say what. They are taken from the two grounds and from the ledger,
never from the amounts.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.publish.ground import Ground
from evaluation.publish.headline import PARAMETERS
from evaluation.publish.pieces import KEY, NEW, REVISED, Learned
from evaluation.study.deviations import read_deviations
from evaluation.study.differing import differing, short

NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What changed, cause by cause.

    restated, late : figures known before and given again; figures of known quarters first given
    now. areas : role -> areas that they reached. outcomes : outcome -> figures. reasons : the notes
    that came with them. withdrawn : returns, each with its reason. quarters : the new ones.
    protocol, code, parameters : what differs, a line each. deviations : those noted since.
    """

    restated: int
    late: int
    areas: Mapping[str, int]
    outcomes: Mapping[str, int]
    reasons: tuple[str, ...]
    withdrawn: tuple[str, ...]
    quarters: tuple[str, ...]
    protocol: tuple[str, ...]
    deviations: tuple[str, ...]
    code: tuple[str, ...]
    parameters: tuple[str, ...]


def causes_between(grounds: tuple[Ground, Ground], learned: Learned) -> Causes:
    """The facts of what changed from one ground to another."""
    before, after = grounds
    known = set(read_deviations(before.study_folder))
    return Causes(
        **_given_again(before, learned),
        withdrawn=tuple(f"{name}: {reason}" for name, reason in sorted(learned.gone.items())),
        quarters=_new_quarters(learned),
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
    again = learned.known((REVISED,)).set_index(KEY)
    again = again[again["return_id"].map(learned.came).eq(REVISED)]
    was = stood.reindex(again.index)
    same = (was["numerator"].eq(again["numerator"]) | _both_missing(was, again, "numerator")) & (
        was["denominator"].eq(again["denominator"]) | _both_missing(was, again, "denominator")
    )
    late = was["return_id"].isna()
    ends = pd.concat([was["numerator"], again["numerator"]], axis=1)
    moved = (ends.max(axis=1) - ends.min(axis=1)) / ends.max(axis=1)
    found = again.assign(late=late, moved=moved.where(ends.notna().all(axis=1), 1.0).fillna(0.0))
    others: pd.DataFrame = found[~same | late].reset_index()
    return others


def _given_again(before: Ground, learned: Learned) -> dict[str, Any]:
    """Where figures were given again or came late, and why."""
    moved = given_again(learned)
    role = {area.code: area.role for area in before.programme.areas}
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


def _declared_differences(before: Ground, after: Ground) -> list[str]:
    """Where protocols and declarations differ, each as a line."""
    said = []
    for was, now, name in (
        (
            before.protocol.model_dump(mode="json"),
            after.protocol.model_dump(mode="json"),
            "protocol.yaml",
        ),
        (_keyed(before), _keyed(after), "programme.yaml"),
    ):
        said += [
            f"{name}: {place} was {short(old)} and is {short(new)}"
            for place, old, new in differing(was, now)
        ]
    return said


def _keyed(ground: Ground) -> dict[str, Any]:
    """The declarations with their lists by code, so that a difference has a name."""
    told = ground.programme.model_dump(mode="json", exclude={"last", "costs"})
    for part, key in (("sites", "code"), ("areas", "code"), ("outcomes", "code")):
        told[part] = {one[key]: one for one in told[part]}
    return told


def _changed_files(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]


def _changed_cells(before: Path, after: Path) -> list[str]:
    """Every cell of the parameter tables that differs, with its row and column."""
    said = []
    names = {p.name for folder in (before, after) for p in (folder / PARAMETERS).glob("*.csv")}
    for name in sorted(names):
        was, now = (_rows(folder / PARAMETERS / name) for folder in (before, after))
        for key in dict.fromkeys([*was, *now]):
            old, new = was.get(key), now.get(key)
            if old is None or new is None:
                said.append(f"{name}: row {key} is {'new' if old is None else 'gone'}")
                continue
            said += [
                f"{name}: {key}, {column} was {old.get(column)} and is {new.get(column)}"
                for column in new
                if old.get(column) != new.get(column)
            ]
    return said


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


def _first(said: list[str]) -> tuple[str, ...]:
    left = len(said) - NAMED
    return (*said[:NAMED], *([f"and {left} more"] if left > 0 else []))
