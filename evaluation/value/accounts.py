"""The accounts: who gains what, when, how surely, what it cost, and what can leave a budget.

Totals are "to date": early net value is negative by construction, since costs come first. Ratios
are ratios of means with quantiles of the draws' ratios. Transfers stay in agency accounts and
leave public value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.programme import Outcome, Programme
    from evaluation.value.parameters import Parameters

    Floats = NDArray[np.float64]

Key = Literal["agency", "outcome", "site", "quarter", "kind"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One outcome priced by one row of the unit-cost table.

    avoided, gain : (K) events or person-time avoided and pounds of the price base, by site and
        quarter of ``index``; ``*_draws`` (D, K). ``given_up``: the row is part of a composite cost
        that another outcome of the evaluation counts itself, and is worth nothing here.
    ``widening`` as in `UnitEffects`.
    """

    outcome: Outcome
    index: pd.DataFrame
    cost: pd.Series
    pounds: float
    avoided: Floats
    gain: Floats
    avoided_draws: Floats
    gain_draws: Floats
    share: float
    given_up: bool
    widening: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Value:
    """Gains and costs of a programme to date, in pounds of ``price_base``."""

    lines: tuple[Line, ...]
    costs: pd.DataFrame
    parameters: Parameters
    price_base: int
    programme: Programme
    not_valued: tuple[str, ...]
    level: float

    @cached_property
    def base_period(self) -> Period:
        """The period of the first cost: present values are of this period."""
        periods = [Period.parse(q) for q in self.costs["quarter"]]
        return min(periods) if periods else self.programme.first

    def totals(self) -> pd.DataFrame:
        """One row an account (gross by kind, cashable, cost, net, present value); pounds."""
        fiscal, cost = self._sum(kind="fiscal"), float(self.costs["amount"].sum())
        public = self._sum(public=True, discounted=True)
        npsv = public - self.discounted_cost
        rows = {
            "gross_fiscal": fiscal, "gross_economic": self._sum(kind="economic"),
            "gross_social": self._sum(kind="social"), "cashable": self._cashable(),
            "cost": np.full_like(fiscal, cost), "net_fiscal": fiscal - cost, "npsv": npsv,
        }  # fmt: skip
        table = pd.DataFrame({k: self._summary(v) for k, v in rows.items()}).T
        table.index.name = "account"
        return table

    def of_outcome(self, code: str) -> dict[str, dict[str, float]]:
        """Gross fiscal and cashable part of one outcome, as in `totals`."""
        alone = replace(self, lines=tuple(ln for ln in self.lines if ln.outcome.code == code))
        return {
            "gross_fiscal": alone._summary(alone._sum(kind="fiscal")),
            "cashable": alone._summary(alone._cashable()),
        }

    def by(self, key: Key) -> pd.DataFrame:
        """Gross gain by agency (and budget), outcome, site, quarter or kind; pounds."""
        parts: dict[tuple[str, ...], Floats] = {}
        for line in self.lines:
            for label, columns in self._groups(line, key):
                drawn = np.append(line.gain[columns].sum(), line.gain_draws[:, columns].sum(axis=1))
                parts[label] = parts.get(label, np.zeros_like(drawn)) + drawn
        table = pd.DataFrame({k: self._summary(v) for k, v in sorted(parts.items())}).T
        names = ["agency", "budget"] if key == "agency" else [key]
        table.index = pd.MultiIndex.from_tuples(sorted(parts), names=names)
        return table

    def by_budget(self) -> list[dict[str, object]]:
        """Agencies with budget, gain, cost and net, each ``{mean, low, high}``; gains first."""
        paid = self.costs.groupby("agency")["amount"].sum()
        gains = self._agency_draws()
        rows: list[dict[str, object]] = []
        charged: set[str] = set()
        for (agency, budget), drawn in sorted(gains.items(), key=lambda kv: kv[0][::-1]):
            cost = float(paid.get(agency, 0.0)) if budget == "DEL" else 0.0
            charged |= {agency} if budget == "DEL" else set()
            rows.append(self._account(agency, budget, drawn, cost))
        n = 1 + len(self.lines[0].gain_draws)
        for agency in sorted(set(paid.index) - charged):
            rows.append(self._account(agency, "DEL", np.zeros(n), float(paid[agency])))
        return rows

    def payback(self) -> pd.DataFrame:
        """One row a quarter: fiscal gain, cost, cumulative net fiscal position with its range."""
        quarters = sorted(set(self.costs["quarter"]) | set(self.lines[0].index["quarter"]),
                          key=lambda q: Period.parse(q).ordinal)  # fmt: skip
        running: Floats = np.zeros(1 + len(self.lines[0].gain_draws))
        rows = []
        for quarter in quarters:
            gain = np.zeros_like(running)
            for line in self.lines:
                if line.cost["kind"] == "fiscal":
                    gain = gain + _drawn(line, (line.index["quarter"] == quarter).to_numpy())
            cost = float(self.costs.loc[self.costs["quarter"] == quarter, "amount"].sum())
            running = running + gain - cost
            net = self._summary(running)
            rows.append({"quarter": quarter, **self._summary(gain), "cost": cost,
                         **{f"cumulative_{k}": v for k, v in net.items()},
                         "p_paid_back": float((running[1:] >= 0).mean())})  # fmt: skip
        return pd.DataFrame(rows).set_index("quarter")

    def ratios(self) -> pd.DataFrame:
        """Benefit-cost, fiscal and cashable ratio, each with its chance of exceeding one."""
        cost = self.discounted_cost
        public = self._sum(public=True, discounted=True)
        fiscal = self._sum(kind="fiscal", discounted=True)
        rows = {
            "bcr": public / cost,
            "fiscal": fiscal / cost,
            "cashable": self._cashable(discounted=True) / cost,
        }
        table = pd.DataFrame({k: self._summary(v) for k, v in rows.items()}).T
        table["p_above_one"] = [float((v[1:] > 1).mean()) for v in rows.values()]
        return table

    @cached_property
    def discounted_cost(self) -> float:
        factors = self.costs["quarter"].map(self._factor)
        return float((self.costs["amount"] * factors).sum())

    def _factor(self, quarter: str) -> float:
        return self.parameters.discount_factor((Period.parse(quarter) - self.base_period) / 4)

    def _sum(
        self, *, kind: str | None = None, public: bool = False, discounted: bool = False
    ) -> Floats:
        """Point first, then draws. ``public`` leaves out transfers."""
        total: Floats = np.zeros(1 + len(self.lines[0].gain_draws))
        for line in self.lines:
            if (kind and line.cost["kind"] != kind) or (public and line.cost["transfer"] == "yes"):
                continue
            factors = line.index["quarter"].map(self._factor) if discounted else 1.0
            weights = np.ones(len(line.gain)) * np.asarray(factors, dtype=float)
            total = total + np.append(line.gain @ weights, line.gain_draws @ weights)
        return total

    def _cashable(self, *, discounted: bool = False) -> Floats:
        """Fiscal gain that can leave a budget by the last quarter, after the budget's lag."""
        shares = self.parameters.cashable.set_index("budget")
        total: Floats = np.zeros(1 + len(self.lines[0].gain_draws))
        for line in self.lines:
            budget = line.cost["budget"]
            if line.cost["kind"] != "fiscal" or budget not in shares.index:
                continue
            lag = int(shares.loc[budget, "lag_quarters"])
            last = self.programme.last + -lag
            free = np.array([Period.parse(q) <= last for q in line.index["quarter"]])
            worth = free * (line.index["quarter"].map(self._factor) if discounted else 1.0)
            total = total + float(shares.loc[budget, "share"]) * _drawn(line, np.asarray(worth))
        return total

    def _agency_draws(self) -> dict[tuple[str, str], Floats]:
        gains: dict[tuple[str, str], Floats] = {}
        for line in self.lines:
            if line.cost["kind"] == "fiscal" and not line.given_up:
                key = (line.cost["agency"], line.cost["budget"])
                drawn = _drawn(line, np.ones(len(line.gain), dtype=bool))
                gains[key] = gains.get(key, np.zeros_like(drawn)) + drawn
        return gains

    def _account(self, agency: str, budget: str, drawn: Floats, cost: float) -> dict[str, object]:
        name = self.programme.agencies.get(agency, agency)
        return {
            "agency": agency, "name": name, "budget": budget, "gain": self._summary(drawn),
            "cost": self._summary(np.full_like(drawn, cost)), "net": self._summary(drawn - cost),
        }  # fmt: skip

    def _groups(self, line: Line, key: Key) -> list[tuple[tuple[str, ...], NDArray[np.bool_]]]:
        everything = np.ones(len(line.gain), dtype=bool)
        if key in ("site", "quarter"):
            column = line.index[key]
            return [((str(v),), (column == v).to_numpy()) for v in pd.unique(column)]
        if key == "agency":
            return [((line.cost["agency"], line.cost["budget"]), everything)]
        return [((line.outcome.code if key == "outcome" else line.cost["kind"],), everything)]

    def _summary(self, drawn: Floats) -> dict[str, float]:
        tail = (1 - self.level) / 2
        low, high = np.quantile(drawn[1:], [tail, 1 - tail])
        return {"mean": float(drawn[0]), "low": float(low), "high": float(high)}


def _drawn(line: Line, weights: NDArray[np.bool_] | Floats) -> Floats:
    """Point first, then draws: the line's gain summed over its entries with these weights."""
    share = weights.astype(float)
    return np.append(line.gain @ share, line.gain_draws @ share)
