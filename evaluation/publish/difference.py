"""What changed between two editions, and why: each headline figure's change by its causes.

Every mixed state is computed by the estimators themselves, old code in a process of its own; from
the figures of all of them come the amounts in the printed order, their Shapley values and the range
over orders (`split`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import BookError
from evaluation.ledger.ledger import Ledger
from evaluation.publish import code
from evaluation.publish.areas import Restated, by_area, largest_first, sides
from evaluation.publish.causes import Causes, causes_between
from evaluation.publish.ground import CODE, PRICES, PROTOCOL, Ground, factors, write_state
from evaluation.publish.pieces import NEW, REVISED, WITHDRAWN, Learned
from evaluation.publish.split import Part, Subset, split, subsets

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

ORDER = (REVISED, WITHDRAWN, NEW, PROTOCOL, CODE, PRICES)
"""What was known before is mended first, then what is new is added, then the way of working."""
TITLES = {
    REVISED: "Restated or late figures",
    WITHDRAWN: "Withdrawn returns",
    NEW: "The new quarter",
    PROTOCOL: "Protocol and declarations",
    CODE: "Code",
    PRICES: "Prices and other parameters",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one headline figure moved. before : None where the earlier edition had no such figure.

    revised : what restated or late figures moved by themselves, in pilot and in comparison areas.
    areas : the same by area, largest first.
    """

    id: str
    before: float | None
    after: float | None
    parts: tuple[Part, ...]
    revised: Mapping[str, float]
    areas: tuple[Mapping[str, Any], ...]

    @property
    def change(self) -> float | None:
        """After less before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two editions beside each other. order : the causes that there were, as substituted."""

    before: str
    after: str
    order: tuple[str, ...]
    changes: tuple[Change, ...]
    causes: Causes
    states: int

    def as_data(self) -> dict[str, Any]:
        """Plain data: what pages, the command and anyone else read."""
        return {
            "before": self.before,
            "after": self.after,
            "order": list(self.order),
            "titles": {cause: TITLES[cause] for cause in self.order},
            "states": self.states,
            "causes": asdict(self.causes),
            "figures": {
                one.id: {
                    "before": one.before,
                    "after": one.after,
                    "change": one.change,
                    "parts": [asdict(part) for part in one.parts],
                    "revised": dict(one.revised),
                    "areas": [dict(area) for area in one.areas],
                }
                for one in self.changes
            },
        }


def learned_between(workspace: Workspace, before: Ground, after: Ground) -> Learned:
    """What the ledger learned from one ground's vintage to the other's."""
    outcomes = list(dict.fromkeys([*before.protocol.outcomes, *after.protocol.outcomes]))
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return Learned.read(ledger, after.programme_name, outcomes, before.vintage, after.vintage)


def difference(
    workspace: Workspace,
    grounds: tuple[Ground, Ground],
    names: tuple[str, str],
    *,
    order: Sequence[str] = ORDER,
    sources: Mapping[str, Path] | None = None,
) -> Difference:
    """Split the change of every headline figure from one ground to another.

    Parameters
    ----------
    order : every cause, in the order of substitution.
    sources : fingerprint of a package -> its unpacked source, for code that is not the one running.

    Raises
    ------
    BookError : the order does not name every cause once, or an old code is not at hand.
    """
    if sorted(order) != sorted(ORDER):
        raise BookError(
            f"the order names {', '.join(order)}.", expected=f"each once: {', '.join(ORDER)}"
        )
    before, after = grounds
    learned = learned_between(workspace, before, after)
    there = factors(before, after, learned)
    differing = [cause for cause in order if cause in there]
    wanted: list[Subset] = list(subsets(differing))
    with tempfile.TemporaryDirectory(prefix="newstart-states-") as scratch:
        states = [
            write_state(Path(scratch) / str(k), grounds, learned, chosen)
            for k, chosen in enumerate(wanted)
        ]
        by_code = {
            chosen: after if CODE in chosen or CODE not in differing else before
            for chosen in wanted
        }
        found = _computed(dict(zip(wanted, states, strict=True)), by_code, sources or {})
        areas = by_area(
            Path(scratch),
            grounds,
            learned,
            lambda paths: code.run(source_of(before, sources or {}), paths),
            (found[frozenset()], found.get(frozenset({REVISED}), {})),
        )
    return Difference(
        before=names[0],
        after=names[1],
        order=tuple(differing),
        states=len(wanted),
        causes=causes_between(grounds, learned),
        changes=_changes(found, differing, areas),
    )


def _computed(
    states: Mapping[Subset, Path], by_code: Mapping[Subset, Ground], sources: Mapping[str, Path]
) -> dict[Subset, dict[str, float]]:
    """The figures of each state, those of one code together."""
    found: dict[Subset, dict[str, float]] = {}
    for package in dict.fromkeys(ground.package for ground in by_code.values()):
        mine = [chosen for chosen in states if by_code[chosen].package == package]
        source = source_of(by_code[mine[0]], sources)
        computed = code.run(source, [states[chosen] for chosen in mine])
        found |= dict(zip(mine, computed, strict=True))
    return found


def source_of(ground: Ground, sources: Mapping[str, Path]) -> Path | None:
    """Where the code of a ground lies; None where the code that runs gives the same figures.

    Raises
    ------
    BookError : it is another one, and is not kept.
    """
    if ground.figures_code == code.figures_fingerprint():
        return None
    if ground.package not in sources:
        raise BookError(
            "the code of that edition is not kept, so it cannot be run again.",
            where=ground.package[:16],
            mend="restore var/editions from a back-up",
        )
    return sources[ground.package]


def _changes(
    found: Mapping[Subset, Mapping[str, float]], differing: Sequence[str], areas: Sequence[Restated]
) -> tuple[Change, ...]:
    """A change for each figure of either end; split where every state between has it."""
    start, end = found[frozenset()], found[frozenset(differing)]
    changes = []
    for key in dict.fromkeys([*end, *start]):
        whole = all(key in figures for figures in found.values())
        values = {chosen: figures[key] for chosen, figures in found.items()} if whole else {}
        changes.append(
            Change(
                id=key,
                before=start.get(key),
                after=end.get(key),
                parts=split(values, differing) if whole else (),
                revised=sides(areas, key),
                areas=tuple(largest_first(areas, key)),
            )
        )
    return tuple(changes)
