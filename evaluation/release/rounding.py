"""By which key and policies figures are released, and one figure after another at its step.

A figure that stands in two places is one figure: it is rounded once, at the first step that it is
asked for at, and printed alike wherever it stands.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evaluation.disclosure import key as keys
from evaluation.disclosure.counts import Count
from evaluation.disclosure.effects import (
    MOST_OF_ERROR,
    chance_of,
    kept_beside,
    stepped,
    stepped_chance,
)
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy, policy_of
from evaluation.disclosure.released import Entry, Kind, significant
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.unreleased import unreleased

if TYPE_CHECKING:
    from evaluation.ledger.signatures import PrintedValue
    from evaluation.programme import Programme
    from evaluation.workspace import Workspace

ENVELOPE = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that stand in place of single placebo series."""
HUNDREDTH = 0.01
FAMILY = 12
"""Outcomes that are tested together, at most."""
SAME = 1e-9
LEAST_FIGURES = 12
"""Significant figures by which two figures are one."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """What earlier editions printed of a programme, from the register.

    hidden : addresses that one of them hid, or that were withdrawn: hidden once, hidden always.
    last : address -> the value printed last. key : what names the key that prints now.
    """

    hidden: frozenset[str] = frozenset()
    last: Mapping[str, PrintedValue] = field(default_factory=dict)
    key: str = ""

    @classmethod
    def read(cls, workspace: Workspace, programme: str, key: Key) -> Before:
        """From the ledger; nothing where there is none."""
        if not workspace.has_ledger:
            return cls(key=key.check_value)
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            lines, signed = ledger.register(programme), ledger.signatures(programme)
        hidden = {one.address for one in lines if one.kind == "count" and one.printed == "null"}
        hidden |= {one.signed.hash for one in signed if one.signed.kind == "cell withdrawn"}
        return cls(
            hidden=frozenset(hidden), last={one.address: one for one in lines}, key=key.check_value
        )

    def count(self, address: str, shown: Count, cell: str = "") -> Count:
        """A count as it is printed beside what was printed of it before.

        A count that was printed by another key, which was lost, stays as it was printed: a second
        offset of one count would close in on it. A count that was hidden once stays hidden. So does
        one that was printed of other areas: an area that moved between two sites would stand in the
        difference of the two, alone.

        Parameters
        ----------
        cell : what names its people and time now.
        """
        hidden = Count(printed=None, low=0, high=None, atoms=shown.atoms, areas=shown.areas)
        if address in self.hidden:
            return hidden
        last = self.last.get(address)
        if last is None:
            return shown
        key, _, of = last.key.partition(":")
        if key in ("", self.key):
            return hidden if cell and of and of != cell else shown
        low, high = last.low, last.high
        return Count(
            printed=json.loads(last.printed),
            low=0 if low is None else round(low),
            high=None if high is None else round(high),
            atoms=shown.atoms,
            areas=shown.areas,
        )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a programme's figures are printed.

    open_data : every figure is open data, printed as its source prints it: it is rounded to digits
    that can be read, and nothing is hidden. key_is_public : the figures are invented, and the key
    stands in the code, so that whoever likes can try it. before : what was printed already.
    denominators : outcome -> what its denominator counts, in the words of its declaration.
    """

    key: Key
    policies: Mapping[str, Policy] = field(default_factory=dict)
    denominators: Mapping[str, str] = field(default_factory=dict)
    open_data: bool = False
    key_is_public: bool = False
    before: Before = field(default_factory=Before)

    def policy(self, outcome: str) -> Policy:
        """Of an outcome; the rule of the house where it declares none."""
        return self.policies.get(outcome, Policy())


def public_key(programme: str) -> Key:
    """The key of a synthetic programme: public, since it protects nobody."""
    return Key(secret=hashlib.sha256(f"newstart synthetic {programme}".encode()).digest())


def terms_of(workspace: Workspace, programme: Programme) -> Terms:
    """The terms of a programme.

    Raises
    ------
    DisclosureError : its figures are people's and no disclosure key is named.
    """
    policies = {one.code: policy_of(one) for one in programme.outcomes}
    told = {one.code: one.denominator for one in programme.outcomes if one.denominator}
    if programme.synthetic:
        key = public_key(programme.name)
        before = Before.read(workspace, programme.name, key)
        return Terms(
            key=key, policies=policies, denominators=told, key_is_public=True, before=before
        )
    if unreleased(workspace, programme) is None:
        return Terms(key=public_key(programme.name), open_data=True, key_is_public=True)
    key = keys.read()
    before = Before.read(workspace, programme.name, key)
    return Terms(key=key, policies=policies, denominators=told, before=before)


@dataclass(kw_only=True)
class Rounding:
    """Figures of one outcome as they are printed, and what was printed.

    known : what a figure was printed as; None where it is hidden. first : its first line of the
    register; wherever else it stands has one alike. chances : the same of p-values; named : by
    their names, of those that stand in several places. drawn : how many placebo assignments they
    rest on. level : of the test.
    """

    address: str
    key: Key
    drawn: int = 0
    level: float = 0.05
    known: dict[float, float | None] = field(default_factory=dict)
    chances: dict[float, float] = field(default_factory=dict)
    named: dict[tuple[str, float], float] = field(default_factory=dict)
    first: dict[float, Entry] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def at(
        self,
        value: float | None,
        step: float,
        name: str,
        *,
        away: int = 0,
        apart: tuple[float, ...] = (),
        kind: Kind = "effect",
        support: int | None = None,
        offset: str = "",
    ) -> float | None:
        """A figure at its step, so many steps further.

        Parameters
        ----------
        apart : what it lies on one side of and is printed on the same side of: zero, a margin.
        offset : the name by which its offset is drawn; by default its own. What is one quantity in
            two places has one offset, or the two would differ by a step.
        """
        if value is None or not math.isfinite(value):
            return None
        same = one_figure(value)
        if same in self.known:
            # Where it is asked for again by its own name it has its line already.
            own = self.first.get(same)
            if own is not None and own.address != f"{self.address}.{name}":
                self.entries.append(replace(own, address=f"{self.address}.{name}"))
            return self.known[same]
        drawn = self.key.share_of(["estimate", offset or name, self.address])
        shown = stepped(value, step, drawn, away)
        # It lies less than a step either side of what was printed, less what it was moved outwards.
        middle = shown - away * step
        for line in apart:
            shown = kept_beside(line, value, shown, step)
        self.known[same] = shown
        self.first[same] = Entry(
            address=f"{self.address}.{name}",
            kind=kind,
            printed=shown,
            low=middle - step,
            high=middle + step,
            step=step,
            support=support,
        )
        self.entries.append(self.first[same])
        return shown

    def outwards(self, value: float, step: float, name: str) -> float:
        """What an error would be printed as: at its step, and one further."""
        return stepped(value, step, self.key.share_of(["estimate", name, self.address]), 1)

    def chance(self, value: float | None, step: float, name: str) -> float | None:
        """A p-value, at a step of so many standard errors."""
        if value is None or not math.isfinite(value):
            return None
        same = (name, one_figure(value))
        if same in self.named:
            return self.named[same]
        drawn = self.key.share_of(["chance", name, self.address])
        least = 1 / (self.drawn + 1) if self.drawn else 0.0
        shown, middle = stepped_chance(value, step, drawn, least=least, level=self.level)
        self.named[same] = self.chances[one_figure(value)] = shown
        self.entries.append(
            Entry(
                address=f"{self.address}.{name}",
                kind="chance",
                printed=shown,
                low=chance_of(middle + step),
                high=chance_of(middle - step),
                step=step,
            )
        )
        return shown

    def derived(self, value: float, shown: float, step: float, name: str) -> float:
        """A figure that is made of printed ones, and so tells nothing of its own.

        Parameters
        ----------
        shown : as made of them. step : by how much it moves where each of these moves by its step.
        """
        self.known[one_figure(value)] = shown
        line = Entry(
            address=f"{self.address}.{name}",
            kind="effect",
            printed=shown,
            low=None,
            high=None,
            step=step,
        )
        self.first[one_figure(value)] = line
        self.entries.append(line)
        return shown

    def magnitude(self, value: float | None, name: str) -> float | None:
        """A figure of which nobody knows what a person moves it by: two figures of it, or one.

        Where its step becomes ten times as coarse is drawn by the key too: else a figure that
        crosses a power of ten would tell where it is.
        """
        if not value or not math.isfinite(value):
            return value if value == 0 else None
        drawn = self.key.share_of(["magnitude", name, self.address])
        power = math.floor(math.log10(abs(value)) + drawn) - 1
        return self.at(value, 10.0**power, name)

    def weight(self, value: float, name: str) -> float:
        """A donor's weight in hundredths: it was fitted to counts, and hangs on them."""
        shown = stepped(value, HUNDREDTH, self.key.share_of(["weight", name, self.address]))
        self.entries.append(
            Entry(
                address=f"{self.address}.{name}",
                kind="rate",
                printed=shown,
                low=max(shown - HUNDREDTH, 0.0),
                high=shown + HUNDREDTH,
                step=HUNDREDTH,
            )
        )
        return shown

    def hide(self, *values: float | None) -> None:
        """Figures that may not be printed anywhere, a sentence included."""
        for value in values:
            if value is not None and math.isfinite(value):
                self.known.setdefault(one_figure(value), None)


def one_figure(value: float) -> float:
    """A figure without the last digits of binary arithmetic."""
    return float(f"{value:.{LEAST_FIGURES}g}") + 0.0


def too_coarse(step: float, printed_error: float | None) -> bool:
    """Whether a step would widen the range by more than is worth printing, by what is printed."""
    if printed_error is None or not math.isfinite(printed_error) or printed_error <= 0:
        return False
    return step > MOST_OF_ERROR * printed_error * (1 + 1e-9)


def adjusted(value: float, chances: Sequence[tuple[float, float]], level: float) -> float | None:
    """An adjusted p-value as so many times a printed one; None where it is of none, or crosses.

    Parameters
    ----------
    chances : p-values inside and as printed, its own first. level : on whose side it stays.
    """
    for raw, shown in chances:
        if raw <= 0:
            continue
        for under in range(1, FAMILY + 1):
            times = value / raw * under
            if times >= under * (1 - SAME) and abs(times - round(times)) < SAME * times:
                found = min(significant(shown * round(times) / under, 3), 1.0)
                return found if (found > level) == (value > level) else None
    return None


def envelopes(rows: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Quantiles of placebo series at each event time; none where there are no series."""
    return [
        [_quantile(list(column), share) for column in zip(*rows, strict=True)]
        for share in ENVELOPE
        if rows
    ]


def _quantile(values: list[float | None], share: float) -> float | None:
    """Linear between order statistics."""
    known = sorted(one for one in values if one is not None)
    if not known:
        return None
    place = share * (len(known) - 1)
    below = math.floor(place)
    above = min(below + 1, len(known) - 1)
    return known[below] + (place - below) * (known[above] - known[below])
