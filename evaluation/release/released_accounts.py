"""The accounts as they leave: money at what several people are worth in it, and what is made of it.

Costs are the programme's own figures and tell of nobody; what is worth something is counted of
people, so that pounds over a published price are people again (`evaluation.release.priced`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.disclosure.effects import step_of, stepped
from evaluation.disclosure.key import Key
from evaluation.disclosure.released import Entry, money, money_step
from evaluation.release import derived_money as made
from evaluation.release.priced import Prices
from evaluation.release.rounding import one_figure
from evaluation.value.parameters.vintage import Schedule
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
        "taken_out",
        "unit_cost",
        "weight",
        "years",
    }
)
"""Keys below which nothing hangs on people: prices, costs, what the plan states."""
NETS = {"net": "gain", "net_fiscal": "gross_fiscal"}
"""A balance -> the gain that it is of, printed before it."""
CHANCE_OF = {"p_npsv_positive": "npsv", "p_positive": "npsv", "p_paid_back": "cumulative_net"}
"""A chance -> the amount beside it that it is of."""
SUMS = {
    "gross": {"released": 1, "people": -1},
    "capacity": {"cashable": 1, "released": -1, "lag": -1, "lumps": -1},
}
"""Steps on the way from all that is gained to what could leave a budget, made of the others."""
EVENTS = "events_avoided"
EVENT_STEP = 10.0
SPENT = 100_000
"""Pounds for which the accounts say how much was avoided."""
COARSE = 0.1
"""Of a chance beside which no amount is printed."""
ENDS = made.ENDS
Keys = tuple[str, ...]


def release_accounts(
    held: Mapping[str, Any],
    address: str,
    key: Key,
    prices: Prices,
    sentences: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Any], dict[float, float | None], list[Entry]]:
    """Accounts as they leave, what each figure was printed as, and their lines of the register.

    Parameters
    ----------
    sentences : text -> template and figures, as results hold them.
    """
    door = _Accounts(address, key, prices, held)
    if "by_fifth" in held:
        held = {**held, "by_fifth": [_fifth(row) for row in held["by_fifth"]]}
    shown = door.walk(held, ())
    if "payback" in held:
        door.of_society(held, shown)
    door.said(held, shown, sentences)
    # Two thousand draws at a step give their mean back at a hundredth of it: none leave.
    if shown.get("what_if"):
        empty: dict[str, list[float]] = {"today": [], "last": []}
        shown["what_if"] = {
            **shown["what_if"],
            "draws": 0,
            "share": None,
            "ahead": {},
            "gain": {"today": [], "last": {}},
            "cash": empty,
        }
    if shown.get("public_funds"):
        shown["public_funds"]["points"] = []
    _in_printed_order(shown)
    return shown, door.known, list(door.lines.values())


def _in_printed_order(shown: dict[str, Any]) -> None:
    """Order what is told by its size by what is printed of it.

    In the order of what is true, rows that are printed alike would tell which is the larger.
    """
    if shown.get("tornado"):
        shown["tornado"] = sorted(
            shown["tornado"], key=lambda row: (-abs(row["high"] - row["low"]), row["what"])
        )
    if (known := shown.get("information")) and known.get("of_one"):
        rows = sorted(known["of_one"], key=lambda row: (-row["worth"], row["what"]))
        shown["information"] = {**known, "of_one": rows}


def _fifth(row: Mapping[str, Any]) -> dict[str, Any]:
    """A fifth without what so few areas gained: results of before valued any that had one."""
    if row["pilot_areas"] >= FEWEST_PILOTS:
        return dict(row)
    hidden = ("people", "people_weighted", "weight", "purse")
    why = row["reason"] or TOO_FEW_PILOTS
    return {**row, **dict.fromkeys(hidden), "valued": False, "reason": why}


class _Accounts:
    """One release: each quantity is printed once, and remembered for wherever else it stands."""

    def __init__(self, address: str, key: Key, prices: Prices, held: Mapping[str, Any]) -> None:
        self.address, self.key, self.prices = address, key, prices
        self.known: dict[float, float | None] = {}
        self.steps: dict[float, float] = {}
        self.lines: dict[str, Entry] = {}
        self.counts: dict[tuple[float | None, ...], list[float | None]] = {}
        self.chances: dict[float, float] = {}
        funds = held.get("public_funds")
        # Present value of what was paid, and what it costs the purse: ratios are made of both.
        self.paid = float((held.get("what_if") or {}).get("cost") or 0.0)
        self.purse = None if not funds else (funds["net_cost"], self._purse(funds["net_cost"]))

    def _purse(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.walk(raw, ("public_funds", "net_cost"))
        return found

    def walk(self, content: Any, at: Keys) -> Any:
        """A part of the accounts, by the keys that lead to it."""
        name = at[-1] if at else ""
        if name in STATED or (name == "share" and at[0] == "by_outcome"):
            self._keep(content)
            return content
        if name in ("what_if", "public_funds", "break_even", "categories", "payback"):
            return self._special(name, content, at)
        if isinstance(content, Mapping):
            if {"mean", "low", "high"} <= content.keys():
                return self._mean(content, at)
            return self._row(content, at)
        if name == "waterfall" and content:
            return self._waterfall(content, at)
        if isinstance(content, (list, tuple)):
            named = rows_named(content)
            return [self.walk(one, (*at, own)) for own, one in zip(named, content, strict=True)]
        return self._figure(content, at) if isinstance(content, float) else content

    def _waterfall(self, content: Sequence[Mapping[str, Any]], at: Keys) -> list[dict[str, Any]]:
        """Steps between totals, which sum in what is printed too.

        What is gained in all and what is capacity are told once by the others: with offsets of
        their own they would contradict the sum, and be a further view of each part.
        """
        fresh = {row["step"] for row in content if one_figure(row["mean"]) not in self.known}
        rows = {row["step"]: self.walk(row, (*at, row["step"])) for row in content}
        for step, parts in SUMS.items():
            if step in fresh and parts.keys() <= rows.keys():
                row, raw = rows[step], next(one["mean"] for one in content if one["step"] == step)
                found = sum(sign * rows[part]["mean"] for part, sign in parts.items()) + 0.0
                own = self.steps[one_figure(raw)]
                row["mean"] = self._made(raw, found, own, (*at, step, "mean"))
                row["low"] = min(row["low"], row["mean"])
                row["high"] = max(row["high"], row["mean"])
        return list(rows.values())

    def _special(self, name: str, content: Any, at: Keys) -> Any:
        """Parts that are made once all amounts are there."""
        if name == "public_funds" and content:
            amounts = ("willingness_to_pay", "net_cost", "best")
            return {**content, **{one: self.walk(content[one], (*at, one)) for one in amounts}}
        return [dict(one) for one in content] if name == "categories" else dict(content)

    def _row(self, content: Mapping[str, Any], at: Keys) -> dict[str, Any]:
        """Keys and values, of which some are made of those before them."""
        shown: dict[str, Any] = {}
        for key, value in content.items():
            here = (*at, str(key))
            if key in NETS and NETS[key] in shown and value["mean"] is not None:
                shown[key] = self._net(content, shown, key, here)
            elif key in RATIOS:
                shown[key] = self._ratio(content, shown, key, here)
            elif key in CHANCE_OF and shown.get(CHANCE_OF[key]):
                row, raw = shown[CHANCE_OF[key]], content[CHANCE_OF[key]]
                shown[key] = self._chance(value, here, row, self._step_of(raw))
            elif key == "people_weighted" and value and shown.get("people"):
                shown[key] = self._weighted(content, shown["people"], here)
            elif key == "share" and isinstance(value, float) and at[0] == "red":
                shown[key] = self._part(value, here)
            else:
                shown[key] = self.walk(value, here)
        return shown

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

    # Amounts -----------------------------------------------------------------------------------

    def _mean(self, content: Mapping[str, Any], at: Keys) -> dict[str, Any]:
        mean, low, high = (content[end] for end in ENDS)
        rest = {k: self.walk(v, (*at, k)) for k, v in content.items() if k not in ENDS}
        if mean is None:
            return {**content, **rest}
        if at[-1] == EVENTS:
            step = self._event_step(at, mean, low, high)
            shown = self._events(mean, low, high, at, step)
        else:
            step = self._worth(at)
            one = money(mean, low, high, address=[self.address, *at], key=self.key, least=step)
            step, shown = one.step, [one.printed, one.low, one.high]
        raw = dict(zip(ENDS, (mean, low, high), strict=True))
        found = {
            end: self._once(raw[end], shown[place], step, (*at, end))
            for place, end in enumerate(ENDS)
        }
        return {key: found.get(key, rest.get(key)) for key in content}

    def _once(self, raw: float | None, shown: float | None, step: float, at: Keys) -> float | None:
        """One quantity is one number, wherever it stands, and whichever sign it has there."""
        if raw is None:
            self._register(".".join(at), shown, step, away=_AWAY.get(at[-1], 0))
            return shown
        same, other = one_figure(raw), one_figure(-raw)
        if self.known.get(same) is None:
            against = self.known.get(other)
            if against is not None and raw != 0:
                shown, step = -against + 0.0, self.steps.get(other, step)
            self.known[same] = shown
        # What stands elsewhere already is printed at the step that it has there.
        step = self.steps.setdefault(same, step)
        self._register(".".join(at), self.known[same], step, away=_AWAY.get(at[-1], 0))
        return self.known[same]

    def _worth(self, at: Keys) -> float:
        """The least step of an amount: what several people are worth in it."""
        return self.prices.step(at)

    def _step_of(self, raw: Mapping[str, Any]) -> float:
        return self.steps.get(one_figure(raw["mean"] or 0.0), money_step(raw["mean"] or 0.0))

    def _event_step(self, at: Keys, *figures: float | None) -> float:
        largest = max(abs(one) for one in figures if one is not None) or 1.0
        steps = [self.prices.events_step(row) for row in self.prices.entering(at)]
        least = step_of(max(steps), 1) if steps and max(steps) > 0 else 0.0
        return max(EVENT_STEP, 10.0 ** (math.floor(math.log10(largest)) - 2), least)

    def _events(
        self, mean: float, low: float | None, high: float | None, at: Keys, step: float
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

    def _figure(self, value: float, at: Keys) -> float:
        """A single amount."""
        one = money(
            value, None, None, address=[self.address, *at], key=self.key, least=self._worth(at)
        )
        shown = self._once(value, one.printed, one.step, at)
        assert shown is not None
        return shown

    # What is made of amounts -------------------------------------------------------------------

    def _made(self, raw: float | None, shown: float | None, step: float, at: Keys) -> float | None:
        """A figure that is made of printed ones: its line has no ends, since it says nothing."""
        if raw is not None:
            self.known[one_figure(raw)] = shown
            self.steps[one_figure(raw)] = step
        self.lines[self._at(at)] = Entry(
            address=self._at(at), kind="money", printed=shown, low=None, high=None, step=step
        )
        return shown

    def _at(self, at: Keys) -> str:
        return ".".join((self.address, *at))

    def _net(
        self, content: Mapping[str, Any], shown: Mapping[str, Any], key: str, at: Keys
    ) -> dict[str, Any]:
        """A printed gain less what was paid."""
        raw, gain, cost = content[key], NETS[key], float(content["cost"]["mean"])
        step = self._step_of(content[gain])
        found = made.net_of(shown[gain], cost, step, raw)
        return {end: self._made(raw[end], found[end], step, (*at, end)) for end in ENDS}

    def _ratio(
        self, content: Mapping[str, Any], shown: Mapping[str, Any], key: str, at: Keys
    ) -> dict[str, Any]:
        """Pounds back for each pound, with the chance that it is more than one."""
        raw = content[key]
        if raw["mean"] is None or not self.paid > 0:
            return dict(raw)
        if key == "bcr":
            balance, step = shown["npsv"], self._step_of(content["npsv"])
        elif key == "fiscal_ratio" and at[0] == "totals" and self.purse:
            balance, step = made.turned(self.purse[1]), self._step_of(self.purse[0])
        else:
            # No amount is printed that it is a ratio of: what is gained in it is taken at its step.
            step = max(self._worth(at), money_step(self.paid))
            gain = [None if raw[end] is None else raw[end] * self.paid for end in ENDS]
            assert gain[0] is not None
            where = [self.address, *at]
            one = money(gain[0], gain[1], gain[2], address=where, key=self.key, least=step)
            step, ends = one.step, (one.printed, one.low, one.high)
            balance = {
                end: None if value is None else value - self.paid
                for end, value in zip(ENDS, ends, strict=True)
            }
        ratio = made.ratio_of(balance, self.paid, step, raw)
        own = step / self.paid
        found = {end: self._made(None, ratio[end], own, (*at, end)) for end in ENDS}
        self.known.update({one_figure(raw[e]): found[e] for e in ENDS if raw[e] is not None})
        chance = self._chance(raw["p_above_one"], (*at, "p_above_one"), found, own)
        return {**found, "p_above_one": chance}

    def _weighted(self, content: Mapping[str, Any], people: Mapping[str, Any], at: Keys) -> Any:
        """What people gained times what a pound of theirs counts, at the same step."""
        step, weight = self._step_of(content["people"]), content["weight"]["central"]

        def times(end: str) -> float | None:
            if people[end] is None:
                return None
            return step * made.outwards(people[end] * weight / step, end) + 0.0

        raw = content["people_weighted"]
        return {end: self._made(raw[end], times(end), step, (*at, end)) for end in ENDS}

    def _chance(
        self, value: float | None, at: Keys, row: Mapping[str, Any], step: float
    ) -> float | None:
        """A chance, at what it moves by where the amount that it is of moves by its step."""
        if value is None:
            return None
        return self._share(value, at, made.chance_step(step, row))

    def _share(self, value: float, at: Keys, step: float) -> float:
        same, other = one_figure(value), one_figure(1 - value)
        if same not in self.chances:
            if other in self.chances:
                shown = round(1 - self.chances[other], 6)
            else:
                drawn = self.key.share_of(["chance", self.address, *at])
                shown = min(max(stepped(value, step, drawn), 0.0), 1.0)
            self.chances[same] = shown
        shown = self.chances[same]
        self.lines[self._at(at)] = Entry(
            address=self._at(at),
            kind="chance",
            printed=shown,
            low=max(shown - step, 0.0),
            high=min(shown + step, 1.0),
            step=step,
        )
        return shown

    def _part(self, value: float, at: Keys) -> float:
        """What a price makes up of all gains: at what its people are worth of them."""
        gains = [self.known.get(one_figure(row["value"]["mean"])) for row in self.prices.rows]
        moves = self.prices.worth(at) / (sum(abs(one or 0.0) for one in gains) or 1.0)
        step = step_of(moves, 1) if moves > 0 else made.LEAST_CHANCE
        return self._share(value, at, min(max(step, made.LEAST_CHANCE), made.MOST_CHANCE))

    # Once all amounts are there ------------------------------------------------------------------

    def of_society(self, held: Mapping[str, Any], shown: dict[str, Any]) -> None:
        """When it has paid for itself, what category it is, how long it must last, each pound."""
        payback, rows = dict(shown["payback"]), held["by_quarter"]
        last = rows[-1]["cumulative_net"] if rows else {"mean": None, "low": None, "high": None}
        step = self._step_of(last)
        for name in ("p_within", "p_not_within"):
            row = shown["by_quarter"][-1]["cumulative_net"] if rows else last
            payback[name] = self._chance(payback[name], ("payback", name), row, step)
        shown["payback"] = payback | made.paid_back(shown["by_quarter"])
        self._categories(held, shown)
        self._funds(held["public_funds"], shown["public_funds"])
        self._lasting(held, shown)

    def _categories(self, held: Mapping[str, Any], shown: dict[str, Any]) -> None:
        """Chances of categories that sum to one: differences of chances to lie below each edge."""
        ratio = shown["totals"]["bcr"]
        own = self._step_of(held["totals"]["npsv"]) / self.paid if self.paid > 0 else 1.0
        inside = made.in_bands(shown["categories"], ratio["mean"])
        below, before = 0.0, 0.0
        for place, row in enumerate(shown["categories"]):
            below += held["categories"][place]["p"]
            at = ("categories", str(row["category"]), "p")
            ends = row["below"] is None or below >= 1
            reached = 1.0 if ends else max(self._chance(below, at, ratio, own) or 0.0, before)
            row["p"], row["estimate"] = round(reached - before, 6) + 0.0, inside[place]
            before = reached
            self._made(None, row["p"], own, at)

    def _funds(self, held: Mapping[str, Any], shown: dict[str, Any]) -> None:
        people, purse = shown["willingness_to_pay"], shown["net_cost"]
        steps = (self._step_of(held["willingness_to_pay"]), self._step_of(held["net_cost"]))
        at, own = ("public_funds",), made.funds_step(people, purse, steps)
        shown["mvpf"] = self._made(None, made.funds_ratio(people, purse), own, (*at, "mvpf"))
        for end, away in (("low", -1), ("high", 1)):
            value = held[end]
            if value is not None and math.isfinite(value):
                drawn = self.key.share_of(["ratio", self.address, *at, end])
                found = stepped(value, own, drawn, away)
                shown[end] = self._made(None, found, own, (*at, end))
        chances = {
            name: self._chance(held[name], (*at, name), row, step)
            for name, row, step in (
                ("finite", purse, steps[1]),
                ("infinite", purse, steps[1]),
                ("people_lose", people, steps[0]),
            )
        }
        finite, infinite = chances["finite"] or 0.0, chances["infinite"] or 0.0
        shown |= chances | {
            "infinite": min(infinite, round(1 - finite, 6)),
            "people_lose": min(chances["people_lose"] or 0.0, finite),
        }
        # What is left of one.
        shown["ambiguous"] = round(1 - finite - shown["infinite"], 6) + 0.0

    def _lasting(self, held: Mapping[str, Any], shown: dict[str, Any]) -> None:
        """How long gains must last, of the printed balance and what the last year is printed as."""
        raw, what = held["break_even"], held["what_if"]
        found, balance = dict(raw), shown["totals"]["npsv"]
        step = self._step_of(held["totals"]["npsv"])
        last: dict[Schedule, float] = {}
        for schedule, gains in what["gain"]["last"].items():
            last[schedule] = self._figure(float(gains[0]), ("last_year", str(schedule)))
        found |= made.lasts(balance["mean"], last, what["ahead"])
        own = made.lasting_step(balance["mean"], last, what["ahead"], step)
        at = ("break_even",)
        self._made(None, found["half_life"], own, (*at, "half_life"))
        for end, away in (("low", -1), ("high", 1)):
            if raw[end] is not None:
                drawn = self.key.share_of(["lasts", self.address, end])
                found[end] = self._made(
                    None, max(stepped(raw[end], own, drawn, away), 0.0), own, (*at, end)
                )
        p = self._chance(raw["p_already"], (*at, "p_already"), balance, step)
        ahead = shown["scenarios"][-1]["npsv"] if shown["scenarios"] else None
        own = COARSE if ahead is None else made.chance_step(self._worth(("scenarios",)), ahead)
        never = self._share(raw["p_never"], (*at, "p_never"), own)
        shown["break_even"] = {**found, "p_already": p, "p_never": never}

    def said(
        self,
        held: Mapping[str, Any],
        shown: dict[str, Any],
        sentences: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """What sentences say that stands nowhere else, of what is printed."""
        paid = (held["totals"].get("cost") or {}).get("mean")
        for raw, one in zip(held["by_outcome"], shown["by_outcome"], strict=True):
            for end in ENDS:
                value = raw[EVENTS][end]
                if paid and value is not None:
                    of_money = SPENT / paid
                    self.known[one_figure(value * of_money)] = one[EVENTS][end] * of_money
        totals = held["totals"]
        if "npsv" not in totals:
            return
        best, step = totals["npsv"]["mean"], self._step_of(totals["npsv"])
        told = [text for text in held["what_would_change_it"] if text in sentences]
        # Results of before told it in words alone, whose figure cannot be made anew.
        shown["what_would_change_it"] = told
        for text in told:
            figure = sentences[text]["figures"].get("times")
            if figure is None:
                continue
            drawn = self.key.share_of(["times", self.address, text.split("\u201d")[0]])
            times = float(figure["value"])
            found = made.times_again(times, best, shown["totals"]["npsv"]["mean"], step, drawn)
            self.known[one_figure(times)] = found

    def _register(
        self, name: str, printed: float | None, step: float | None, *, away: int = 0
    ) -> None:
        """A line; its ends are known where it stands on its step and was not kept off zero."""
        low, high = None, None
        if printed is not None and step and printed != 0 and not (printed / step) % 1:
            middle = printed - away * step
            low, high = middle - step, middle + step
        at = f"{self.address}.{name}"
        self.lines[at] = Entry(
            address=at, kind="money", printed=printed, low=low, high=high, step=step
        )


_AWAY = {"mean": 0, "low": -1, "high": 1}


def which_row(one: Any, place: int) -> str:
    """By what a row of the accounts is known: never by its place alone, which may change."""
    if isinstance(one, Mapping):
        named = [str(one[k]) for k in _NAMES if isinstance(one.get(k), (str, int)) and one[k] != ""]
        if named:
            return "-".join(named)
    return str(place)


def rows_named(rows: Sequence[Any]) -> list[str]:
    """What each row is known by: where several are alike, by their kind or title too.

    Two amounts at one address would have one offset, and one line in the register.
    """
    plain = [which_row(one, place) for place, one in enumerate(rows)]
    return [
        f"{name}-{one.get('kind') or one.get('title') or place}" if plain.count(name) > 1 else name
        for place, (name, one) in enumerate(zip(plain, rows, strict=True))
    ]


_NAMES = ("outcome", "agency", "budget", "site", "quarter", "step", "what", "scenario", "category")
