"""A difference between two editions in plain sentences, from its amounts and its facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.edition import words
from evaluation.publish.areas import COMPARISON, PILOT
from evaluation.publish.causes import Causes
from evaluation.publish.difference import TITLES, Change, Difference
from evaluation.publish.ground import CODE, PRICES, PROTOCOL
from evaluation.publish.pieces import NEW, REVISED, WITHDRAWN
from evaluation.publish.split import Part

Headline = Mapping[str, Mapping[str, Any]]


def as_record(found: Difference, headline: Headline, was: Headline) -> dict[str, Any]:
    """The difference as plain data, with titles, units and what is said of it."""
    told = found.as_data()
    for key, figure in told["figures"].items():
        meta = headline.get(key) or was.get(key) or {"title": key, "unit": ""}
        figure |= {"title": meta["title"], "unit": meta["unit"]}
    return {
        **told,
        "reasons": {c: reason(c, found.causes) for c in found.order},
        "sentences": [
            sentence(one, told["figures"][one.id]["title"], told["figures"][one.id]["unit"])
            for one in found.changes
        ],
    }


def sentence(change: Change, title: str, unit: str) -> str:
    """How one headline figure moved, cause by cause."""
    if change.before is None:
        return f"{title}: {level(change.after, unit)}, for the first time."
    if change.after is None:
        return f"{title}: no figure any more; it was {level(change.before, unit)}."
    if not change.parts or all(part.amount == 0 for part in change.parts):
        return f"{title}: {level(change.after, unit)}, as before."
    moved = sorted((p for p in change.parts if p.amount), key=lambda p: -abs(p.amount))
    # A part that is nought in the digits shown did not move anything that is shown.
    said = [_part(part, unit) for part in moved if re.search("[1-9]", amount(part.amount, unit))]
    ends = [level(value, unit) for value in (change.before, change.after)]
    went = f"went from {ends[0]} to {ends[1]}"
    if ends[0] == ends[1]:
        went = f"stayed at {ends[1]}" + (", in the digits shown" if said else "")
    return f"{title} {went}: {words.listed(said)}." if said else f"{title} {went}."


def _part(part: Part, unit: str) -> str:
    """``the new quarter −0.2 points``, with the range over orders where there is one."""
    said = f"{words.within(TITLES[part.cause])} {amount(part.amount, unit)}"
    ends = [amount(part.low, unit), amount(part.high, unit)]
    return said if ends[0] == ends[1] else f"{said} ({ends[0]} to {ends[1]} in other orders)"


def reason(cause: str, causes: Causes) -> str:
    """What a cause was, from the facts."""
    said: dict[str, Callable[[Causes], str]] = {
        REVISED: _given_again,
        WITHDRAWN: lambda c: _joined(c.withdrawn),
        NEW: lambda c: words.listed(c.quarters) or "costs of a new quarter",
        PROTOCOL: _protocol,
        CODE: lambda c: f"changed in {', '.join(c.code)}",
        PRICES: lambda c: _joined(c.parameters),
    }
    return words.sentence(said[cause](causes))


def _given_again(causes: Causes) -> str:
    parts = [f"{words.counted(causes.restated, 'figure')} restated"] if causes.restated else []
    parts += [f"{words.counted(causes.late, 'figure')} came late"] if causes.late else []
    if not parts:
        return "Costs of quarters known before are others"
    where = [
        f"{words.counted(causes.areas.get(role, 0), f'{role} area')}"
        for role in (PILOT, COMPARISON)
        if causes.areas.get(role)
    ]
    said = words.listed(parts) + (f", in {words.listed(where)}" if where else "")
    return f"{said}. Reason given: {_joined(causes.reasons)}" if causes.reasons else said


def _protocol(causes: Causes) -> str:
    said = _joined(causes.protocol) or "The kept assignments are others"
    noted = f" Noted as a deviation: {_joined(causes.deviations)}" if causes.deviations else ""
    return f"{words.sentence(said)}{noted}"


def _joined(told: Sequence[str]) -> str:
    """Notes that may each end in a full stop, as one sentence's list.

    A note of a restatement may begin with the word, as the list does.
    """
    return "; ".join(one.removeprefix("Restated: ").rstrip(" .") for one in told)


def level(value: float | None, unit: str) -> str:
    """A headline figure as it is said in an edition."""
    if value is None or unit in ("%", "£"):
        return words.in_unit(value, unit)
    return f"{words.about(abs(value))} {'fewer' if value < 0 else 'more'}"


def amount(value: float, unit: str) -> str:
    """A part of a change, with its sign."""
    return words.change_in_unit(value, unit) + (" points" if unit == "%" else "")
