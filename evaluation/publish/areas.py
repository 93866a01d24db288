"""What restated or late figures moved, area by area, pilots against comparisons.

A restatement that reaches one side only would move an effect by itself, so its amount is told by
area. Areas are substituted one after another, pilots first, in the order of their codes: so the
amounts of areas sum to what restated figures moved by themselves. Another order would share out a
little differently what areas move together. Where many areas were restated, those whose figures
moved most stand alone and the others of their side together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.edition import words
from evaluation.publish.causes import given_again
from evaluation.publish.ground import Ground, costs_differ, write_state
from evaluation.publish.pieces import REVISED, Learned

if TYPE_CHECKING:
    import pandas as pd

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
    folder: Path,
    grounds: tuple[Ground, Ground],
    learned: Learned,
    compute: Compute,
    ends: tuple[Figures, Figures],
) -> tuple[Restated, ...]:
    """The amounts of every area whose figures of known quarters are others.

    Parameters
    ----------
    folder : where states may be written. compute : gives the figures of states.
    ends : the figures with nothing restated, and with everything restated.
    """
    if REVISED not in learned.pieces:
        return ()
    steps = _steps(grounds, learned)
    states = [
        write_state(folder / f"area-{k}", grounds, learned, {REVISED}, revised=step.counts)
        for k, step in enumerate(steps)
        if step.reached is not None
    ]
    values = [ends[0], *compute(states), ends[1]]
    found = [
        Restated(
            area=step.area,
            name=step.name,
            role=step.role,
            figures=step.figures,
            amounts={key: now[key] - was[key] for key in ends[0] if key in was and key in now},
        )
        for step, was, now in zip(steps, values[:-1], values[1:], strict=True)
    ]
    return tuple(one for one in found if one.figures or any(one.amounts.values()))


def sides(areas: Sequence[Restated], key: str) -> dict[str, float]:
    """Role -> what it moved a headline; empty where nothing was restated."""
    told = [one for one in areas if key in one.amounts]
    roles = dict.fromkeys((PILOT, COMPARISON, *(one.role for one in told))) if told else {}
    return {role: sum(one.amounts[key] for one in told if one.role == role) for role in roles}


def largest_first(areas: Sequence[Restated], key: str) -> list[dict[str, Any]]:
    """What each area moved a headline, as plain data."""
    told = [
        {
            **{name: value for name, value in asdict(one).items() if name != "amounts"},
            "amount": one.amounts[key],
        }
        for one in areas
        if key in one.amounts
    ]
    return sorted(told, key=lambda row: -abs(row["amount"]))


def _steps(grounds: tuple[Ground, Ground], learned: Learned) -> list[_Step]:
    """Costs, then pilots, then comparisons; of each side those who stand alone, then the others."""
    before, after = grounds
    again = given_again(learned)
    role = {area.code: area.role for area in before.programme.areas}
    name = {area.code: area.name for area in before.programme.areas}
    count = again.groupby("area_code").size()
    # Figures of areas that the study sets aside go in with the last step: they move nothing.
    studied = again[again["area_code"].map(lambda code: role.get(code) in (PILOT, COMPARISON))]
    alone = set(studied.groupby("area_code")["moved"].sum().nlargest(ALONE).index)
    pilots = frozenset(code for code in role if role[code] == PILOT)
    steps, reached = [], frozenset[str]()
    if costs_differ(before, after, learned):
        steps.append(
            _Step(area="", name="costs of known quarters", role=COSTS, figures=0, reached=reached)
        )
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
