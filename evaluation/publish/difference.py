"""What changed between two editions, and why: each headline figure's change by its causes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.disclosure.key import Key
from evaluation.edition import words
from evaluation.errors import BookError
from evaluation.publish.attribution import (
    COMPARISON,
    PILOT,
    Causes,
    Part,
    Restated,
    Subset,
    attribute,
    by_area,
    causes_between,
    largest_first,
    sides,
    subsets,
)
from evaluation.publish.snapshot import (
    CHECKS,
    CODE,
    NEW,
    PRICES,
    PROTOCOL,
    REVISED,
    WITHDRAWN,
    Between,
    Snapshot,
    figures_by,
)
from evaluation.release import headline_step, released_change
from evaluation.study.code import figures_fingerprint

ORDER = (REVISED, WITHDRAWN, NEW, CHECKS, PROTOCOL, CODE, PRICES)
"""What was known before is mended first, then what is new is added, then the way of working."""
TITLES = {
    REVISED: "Restated or late figures",
    WITHDRAWN: "Withdrawn returns",
    NEW: "The new quarter",
    CHECKS: "Outcomes whose checks hold",
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


def difference(
    between: Between,
    *,
    before: str,
    after: str,
    order: Sequence[str] = ORDER,
    sources: Mapping[str, Path] | None = None,
) -> Difference:
    """Attribute the change of every headline figure from one snapshot to another.

    Parameters
    ----------
    before, after : what the two editions are called.
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
    differing = [cause for cause in order if cause in between.causes]
    # Every subset, since Shapley needs each: two to the number of causes, at most 128 states.
    wanted: list[Subset] = list(subsets(differing))
    with tempfile.TemporaryDirectory(prefix="newstart-states-") as scratch:
        states = [
            between.write_state(Path(scratch) / str(k), chosen) for k, chosen in enumerate(wanted)
        ]
        # The code is no file of a state: it is which package reads it.
        by_code = {
            chosen: between.after if CODE in chosen or CODE not in differing else between.before
            for chosen in wanted
        }
        found = _computed(dict(zip(wanted, states, strict=True)), by_code, sources or {})
        areas = by_area(
            Path(scratch),
            between,
            # By the code before: restated figures are attributed with everything else as it was.
            lambda paths: figures_by(source_of(between.before, sources or {}), paths),
            without=found[frozenset()],
            with_all=found.get(frozenset({REVISED}), {}),
        )
    return Difference(
        before=before,
        after=after,
        order=tuple(differing),
        states=len(wanted),
        causes=causes_between(between),
        changes=_changes(found, differing, areas),
    )


def _computed(
    states: Mapping[Subset, Path], by_code: Mapping[Subset, Snapshot], sources: Mapping[str, Path]
) -> dict[Subset, dict[str, float]]:
    """The figures of each state, those of one code together."""
    found: dict[Subset, dict[str, float]] = {}
    # One process for all states of a code: starting it takes longer than a figure.
    for package in dict.fromkeys(one.package for one in by_code.values()):
        mine = [chosen for chosen in states if by_code[chosen].package == package]
        source = source_of(by_code[mine[0]], sources)
        computed = figures_by(source, [states[chosen] for chosen in mine])
        found |= dict(zip(mine, computed, strict=True))
    return found


def source_of(snapshot: Snapshot, sources: Mapping[str, Path]) -> Path | None:
    """Where the code of a snapshot lies; None where the code that runs gives the same figures.

    Raises
    ------
    BookError : it is another one, and is not kept.
    """
    # By what figures rest on: pages that changed need no old code to be unpacked.
    if snapshot.figures_code == figures_fingerprint():
        return None
    if snapshot.package not in sources:
        raise BookError(
            "the code of that edition is not kept, so it cannot be run again.",
            where=snapshot.package[:16],
            mend="restore var/editions from a back-up",
        )
    return sources[snapshot.package]


def _changes(
    found: Mapping[Subset, Mapping[str, float]], differing: Sequence[str], areas: Sequence[Restated]
) -> tuple[Change, ...]:
    """A change for each figure of either end; attributed where every state between has it."""
    start, end = found[frozenset()], found[frozenset(differing)]
    changes = []
    for key in dict.fromkeys([*end, *start]):
        # A figure that some state lacks (a new outcome, say) has no path from one end to the other.
        whole = all(key in figures for figures in found.values())
        values = {chosen: figures[key] for chosen, figures in found.items()} if whole else {}
        changes.append(
            Change(
                id=key,
                before=start.get(key),
                after=end.get(key),
                parts=attribute(values, differing) if whole else (),
                revised=sides(areas, key),
                areas=tuple(largest_first(areas, key)),
            )
        )
    return tuple(changes)


Headline = Mapping[str, Mapping[str, Any]]


def as_record(
    found: Difference,
    headline: Headline,
    was: Headline,
    steps: Mapping[str, float] | None = None,
    key: Key | None = None,
) -> dict[str, Any]:
    """The difference as plain data, with titles, units and what is said of it.

    Parameters
    ----------
    headline, was : as each edition printed it. steps : of the headlines; with them every amount is
        a released one: a whole number of steps, which sum to the difference of what was printed.
    key : draws the offsets of the amounts; needed with steps.
    """
    if steps is not None and key is not None:
        found = _released(found, headline, was, steps, key)
    data = found.as_data()
    for name, figure in data["figures"].items():
        meta = headline.get(name) or was.get(name) or {"title": name, "unit": ""}
        figure |= {"title": meta["title"], "unit": meta["unit"]}
    return {
        **data,
        "reasons": {c: reason(c, found.causes) for c in found.order},
        "sentences": [
            sentence(one, data["figures"][one.id]["title"], data["figures"][one.id]["unit"])
            for one in found.changes
        ],
    }


def _released(
    found: Difference, headline: Headline, was: Headline, steps: Mapping[str, float], key: Key
) -> Difference:
    changes = []

    def drawn(figure: str, part: str) -> float:
        return key.share_of(["cause", figure, found.before, found.after, part])

    for one in found.changes:
        figure = {"parts": [asdict(part) for part in one.parts], "revised": dict(one.revised)}
        before, after = was.get(one.id), headline.get(one.id)
        step = headline_step(one.id, after or before, steps)
        shown = released_change(figure, before, after, step, partial(drawn, one.id))
        parts = tuple(Part(**part) for part in shown["parts"])
        changes.append(
            Change(
                id=one.id,
                before=shown["before"],
                after=shown["after"],
                parts=parts,
                revised=shown["revised"],
                areas=(),
            )
        )
    return replace(found, changes=tuple(changes))


def sentence(change: Change, title: str, unit: str) -> str:
    """How one headline figure moved, cause by cause, and how much of it was a correction."""
    if change.before is None:
        return f"{title}: {level(change.after, unit)}, for the first time."
    if change.after is None:
        return f"{title}: no figure any more; it was {level(change.before, unit)}."
    if not change.parts or all(part.amount == 0 for part in change.parts):
        return f"{title}: {level(change.after, unit)}, as before."
    moved = sorted((p for p in change.parts if p.amount), key=lambda p: -abs(p.amount))
    # A part that is zero in the digits shown did not move anything that is shown.
    parts = [
        f"{words.within(TITLES[part.cause])} {amount(part.amount, unit)}"
        for part in moved
        if words.moves(part.amount, unit)
    ]
    ends = [level(value, unit) for value in (change.before, change.after)]
    went = f"went from {ends[0]} to {ends[1]}"
    if ends[0] == ends[1]:
        went = f"stayed at {ends[1]}" + (", in the digits shown" if parts else "")
    elif len(parts) > 1 and unit == "%":
        # Ends are printed in fewer digits than their parts, which would seem not to add up.
        went += f", by {amount(change.after - change.before, unit)} in full"
    if not parts:
        return f"{title} {went}."
    return f"{title} {went}: {words.listed(parts)}.{_corrected(change, unit)}"


def _corrected(change: Change, unit: str) -> str:
    """How much of a change is a correction of what was known before, and on which side."""
    whole = sum(part.amount for part in change.parts)
    again = sum(part.amount for part in change.parts if part.cause == REVISED)
    if not words.moves(again, unit) or not words.moves(whole, unit):
        return ""
    where = [role for role in (PILOT, COMPARISON) if change.revised.get(role)]
    side = f", all of it in {where[0]} areas" if len(where) == 1 else ""
    if again * whole < 0:
        alone = amount(whole - again, unit)
        return f" Without the correction of what was known before{side}, it would be {alone}."
    part = words.percent(min(100.0, 100 * again / whole), 0)
    return f" Of the change, {part} is a correction of what was known before{side}."


def reason(cause: str, causes: Causes) -> str:
    """What a cause was, from the facts."""
    text: dict[str, Callable[[Causes], str]] = {
        REVISED: _given_again,
        WITHDRAWN: lambda c: _joined(c.withdrawn),
        NEW: lambda c: words.listed(c.quarters) or "costs of a new quarter",
        CHECKS: lambda c: _joined(c.checks),
        PROTOCOL: _protocol,
        CODE: lambda c: f"changed in {', '.join(c.code)}",
        PRICES: lambda c: _joined(c.parameters),
    }
    return words.sentence(text[cause](causes))


def _given_again(causes: Causes) -> str:
    parts = [f"{words.few(causes.restated)} figures restated"] if causes.restated else []
    parts += [f"{words.few(causes.late)} figures came late"] if causes.late else []
    if not parts:
        return "Costs of quarters known before are others"
    where = [f"{role} areas" for role in (PILOT, COMPARISON) if causes.areas.get(role)]
    text = words.listed(parts) + (f", in {words.listed(where)}" if where else "")
    return f"{text}. Reason given: {_joined(causes.reasons)}" if causes.reasons else text


def _protocol(causes: Causes) -> str:
    text = _joined(causes.protocol) or "The kept assignments are others"
    noted = f" Noted as a deviation: {_joined(causes.deviations)}" if causes.deviations else ""
    return f"{words.sentence(text)}{noted}"


def _joined(notes: Sequence[str]) -> str:
    """Notes that people wrote, each perhaps with a full stop, as one sentence's list."""
    return "; ".join(words.reason_given(one).rstrip(" .") for one in notes)


def level(value: float | None, unit: str) -> str:
    """A headline figure as it is said in an edition."""
    if value is None or unit in ("%", "£"):
        return words.in_unit(value, unit)
    return f"{words.about(abs(value))} {'fewer' if value < 0 else 'more'}"


def amount(value: float, unit: str) -> str:
    """A part of a change, with its sign."""
    # A change of a percentage is in points; per cent of per cent would be another figure.
    return words.change_in_unit(value, unit) + (" points" if unit == "%" else "")
