"""The accounts as they leave: money at its step, chances in hundredths, no draws.

Costs are the programme's own figures and tell of nobody; what is worth something is counted of
people, so that pounds over a published price are people again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from evaluation.disclosure.effects import kept_beside, stepped
from evaluation.disclosure.key import Key
from evaluation.disclosure.released import Entry, chance, money, money_step, significant
from evaluation.release.rounding import one_figure
from evaluation.value.report import FEWEST_PILOTS, TOO_FEW_PILOTS

RATIOS = frozenset({"bcr", "fiscal_ratio", "cashable_ratio"})
STATED = frozenset(
    {
        "at_least",
        "below",
        "cost",
        "costs",
        "draws",
        "from",
        "level",
        "of",
        "price_base",
        "site_costs",
        "unit_cost",
        "weight",
        "years",
    }
)
"""Keys below which nothing hangs on people: prices, costs, what the plan states."""
CHANCES = frozenset({"finite", "infinite", "ambiguous", "people_lose", "share"})
RATES = frozenset({"mvpf", "half_life"})
EVENTS = "events_avoided"
EVENT_STEP = 10.0


def release_accounts(
    held: Mapping[str, Any], address: str, key: Key
) -> tuple[dict[str, Any], dict[float, float | None], list[Entry]]:
    """Accounts as they leave, what each figure was printed as, and their lines of the register."""
    door = _Accounts(address, key)
    if "by_fifth" in held:
        held = {**held, "by_fifth": [_fifth(row) for row in held["by_fifth"]]}
    shown = door.walk(held, ())
    # Two thousand draws at a step give their mean back at a hundredth of it: none leave.
    if shown.get("what_if"):
        empty: dict[str, list[float]] = {"today": [], "last": []}
        shown["what_if"] = {
            **shown["what_if"],
            "draws": 0,
            "ahead": {},
            "gain": {"today": [], "last": {}},
            "cash": empty,
        }
    if shown.get("public_funds"):
        shown["public_funds"]["points"] = []
    return shown, door.known, door.entries


def _fifth(row: Mapping[str, Any]) -> dict[str, Any]:
    """A fifth without what so few areas gained: results of before valued any that had one."""
    if row["pilot_areas"] >= FEWEST_PILOTS:
        return dict(row)
    hidden = ("people", "people_weighted", "weight", "purse")
    why = row["reason"] or TOO_FEW_PILOTS
    return {**row, **dict.fromkeys(hidden), "valued": False, "reason": why}


class _Accounts:
    def __init__(self, address: str, key: Key) -> None:
        self.address, self.key = address, key
        self.known: dict[float, float | None] = {}
        self.steps: dict[float, float | None] = {}
        self.entries: list[Entry] = []
        self.counts: dict[tuple[float | None, ...], list[float | None]] = {}

    def walk(self, content: Any, at: tuple[str, ...]) -> Any:
        """A part of the accounts, by the keys that lead to it."""
        name = at[-1] if at else ""
        if name in STATED:
            self._keep(content)
            return content
        if name == "what_if":
            return dict(content)
        if isinstance(content, Mapping):
            if {"mean", "low", "high"} <= content.keys():
                return self._mean(content, at)
            return {key: self.walk(value, (*at, str(key))) for key, value in content.items()}
        if isinstance(content, (list, tuple)):
            return [
                self.walk(one, (*at, which_row(one, place))) for place, one in enumerate(content)
            ]
        if isinstance(content, bool) or not isinstance(content, (int, float)):
            return content
        return self._figure(float(content), at) if isinstance(content, float) else content

    def _keep(self, content: Any) -> None:
        """Figures that are printed as they are, in sentences too."""
        if isinstance(content, Mapping):
            for one in content.values():
                self._keep(one)
        elif isinstance(content, (list, tuple)):
            for one in content:
                self._keep(one)
        elif isinstance(content, float):
            self.known[one_figure(content)] = content

    def _mean(self, content: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
        rest = {k: self.walk(v, (*at, k)) for k, v in content.items() if k not in _ENDS}
        mean, low, high = (content[end] for end in _ENDS)
        step: float | None = None
        if at[-1] in RATIOS:
            step = _ratio_step(mean, low, high)
            shown = self._ratios(mean, low, high, at, step)
        elif mean is None:
            shown = [None, low, high]
        elif at[-1] == EVENTS:
            step = self._event_step(mean, low, high)
            shown = self._events(mean, low, high, at, step)
        else:
            step = money_step(max(abs(one) for one in (mean, low, high) if one is not None))
            shown = self._pounds(mean, low, high, at)
        for end, raw, printed in zip(_ENDS, (mean, low, high), shown, strict=True):
            if raw is not None:
                self.known.setdefault(one_figure(raw), printed)
                # What stands elsewhere already is printed at the step that it has there.
                self.steps.setdefault(one_figure(raw), step)
            known = None if raw is None else self.steps.get(one_figure(raw))
            self._register(".".join((*at, end)), printed, known, away=_AWAY[end])
        found = dict(zip(_ENDS, shown, strict=True))
        return {key: found.get(key, rest.get(key)) for key in content}

    def _pounds(
        self, mean: float, low: float | None, high: float | None, at: tuple[str, ...]
    ) -> list[float | None]:
        made = money(mean, low, high, address=[self.address, *at], key=self.key)
        # One quantity is one number, wherever it stands.
        known = self.known.get(one_figure(mean))
        ends = [
            end if raw is None else (self.known.get(one_figure(raw)) or end)
            for raw, end in ((low, made.low), (high, made.high))
        ]
        return [made.printed if known is None else known, *ends]

    def _ratios(
        self,
        mean: float | None,
        low: float | None,
        high: float | None,
        at: tuple[str, ...],
        step: float,
    ) -> list[float | None]:
        """Two figures, behind an offset as all else, and on the side of one on which they are.

        Plainly rounded, a ratio over known costs tells by when it moves, where revisions are known.
        """
        found: list[float | None] = []
        for part, value in zip(_ENDS, (mean, low, high), strict=True):
            if value is None or not math.isfinite(value):
                found.append(value)
                continue
            shown = stepped(value, step, self.key.share_of(["ratio", self.address, *at, part]))
            for line in (0.0, 1.0):
                shown = kept_beside(line, value, shown, step)
            found.append(significant(shown, 4))
        return found

    def _event_step(self, *figures: float | None) -> float:
        largest = max(abs(one) for one in figures if one is not None) or 1.0
        return max(EVENT_STEP, 10.0 ** (math.floor(math.log10(largest)) - 2))

    def _events(
        self, mean: float, low: float | None, high: float | None, at: tuple[str, ...], step: float
    ) -> list[float | None]:
        # Two prices of one outcome multiply one quantity: it is printed once, and then known.
        same = tuple(None if one is None else one_figure(one) for one in (mean, low, high))
        if same in self.counts:
            return self.counts[same]
        found: list[float | None] = []
        for part, value, away in (("mean", mean, 0), ("low", low, -1), ("high", high, 1)):
            drawn = self.key.share_of(["events", self.address, *at, part])
            found.append(None if value is None else stepped(value, step, drawn, away))
        self.counts[same] = found
        return found

    def _figure(self, value: float, at: tuple[str, ...]) -> float:
        """A single figure: a chance, a rate, or pounds."""
        name, same = at[-1], one_figure(value)
        if name.startswith("p_") or name == "p" or name in CHANCES:
            shown = chance(value)
        elif (
            name in RATES
            or "break_even" in at
            or ("public_funds" in at and name in ("low", "high"))
        ):
            shown = significant(value, 2)
        else:
            held = self.known.get(same)
            made = money(value, None, None, address=[self.address, *at], key=self.key)
            shown = made.printed if held is None else held
            self.known.setdefault(same, shown)
            self.steps.setdefault(same, made.step)
        self._register(".".join(at), shown, self.steps.get(same))
        return shown

    def _register(
        self, name: str, printed: float | None, step: float | None, *, away: int = 0
    ) -> None:
        """A line; its ends are known where it stands on its step and was not kept off zero."""
        low, high = None, None
        if printed is not None and step and printed != 0 and not (printed / step) % 1:
            middle = printed - away * step
            low, high = middle - step, middle + step
        self.entries.append(
            Entry(
                address=f"{self.address}.{name}",
                kind="money",
                printed=printed,
                low=low,
                high=high,
                step=step,
            )
        )


def _ratio_step(*figures: float | None) -> float:
    """A tenth of the decade of the largest: two figures of it."""
    known = [abs(one) for one in figures if one is not None and math.isfinite(one) and one]
    return 10.0 ** (math.floor(math.log10(max(known))) - 1) if known else 0.1


_ENDS = ("mean", "low", "high")
_AWAY = {"mean": 0, "low": -1, "high": 1}


def which_row(one: Any, place: int) -> str:
    """By what a row of the accounts is known: never by its place alone, which may change."""
    if isinstance(one, Mapping):
        named = [str(one[k]) for k in _NAMES if isinstance(one.get(k), (str, int)) and one[k] != ""]
        if named:
            return "-".join(named)
    return str(place)


_NAMES = ("outcome", "agency", "budget", "site", "quarter", "step", "what", "scenario", "category")
