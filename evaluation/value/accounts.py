"""The accounts: who gains what, when, how surely, what it cost, and what can leave a budget.

Totals are "to date": early net value is negative by construction, since costs come first.
Transfers stay in agency accounts and leave public value. Every account is a vector: the estimate
first, then its draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.quarters import Period
from evaluation.value.cashable import after_lag, paid_back_by
from evaluation.value.pricing import discount_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.programme import Programme
    from evaluation.value.parameters import Parameters
    from evaluation.value.parameters.vintage import Schedule
    from evaluation.value.pricing import Line
    from evaluation.value.tally import Budget, Grid, Rules, Tally

    Floats = NDArray[np.float64]

Key = Literal["agency", "outcome", "site", "quarter", "kind"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Value:
    """Gains and costs of a programme to date, in pounds of ``price_base``.

    ``lines`` say what is priced how; ``tally`` how much was avoided, by draw; ``factors`` by how
    much each price is off in each draw; ``costs`` what was paid.
    """

    lines: tuple[Line, ...]
    tally: Tally
    grid: Grid
    factors: dict[str, Floats]
    rules: Rules
    costs: pd.DataFrame
    parameters: Parameters
    price_base: int
    programme: Programme
    level: float
    seed: int
    not_valued: tuple[str, ...] = ()

    def without(self, not_valued: tuple[str, ...]) -> Value:
        """The same, with the outcomes named that have no price."""
        return replace(self, not_valued=not_valued)

    @cached_property
    def base_period(self) -> Period:
        """The period of the first cost: present values are of this period."""
        periods = [Period.parse(quarter) for quarter in self.costs["quarter"]]
        return min(periods) if periods else Period.parse(self.grid.quarters[0])

    @cached_property
    def draws(self) -> int:
        return len(next(iter(self.factors.values()))) - 1

    # Vectors: the estimate, then the draws.

    def discounting(self, schedule: Schedule = "standard") -> Floats:
        """(Q) present value of a pound in each quarter."""
        return discount_factors(self.parameters, self.grid.quarters, self.base_period, schedule)

    def pounds_of(self, line: Line, weights: Floats | None = None) -> Floats:
        """(D + 1) gain of a line, its quarters weighted by (Q) ``weights``."""
        # Effects are taken to the quarters before prices: one price factor a draw holds for all
        # quarters, so summing first is exact and holds no (D, Q) array of pounds.
        avoided = self.tally.avoided[line.outcome.code].by_quarter
        total = avoided.sum(axis=1) if weights is None else avoided @ weights
        pounds: Floats = total * self.factors[line.factor] * line.pounds_for_one
        return pounds

    def present_of(self, line: Line) -> Floats:
        """(D + 1) present value of a line, by its own schedule (health for lives)."""
        return self.pounds_of(line, self._discounting[line.cost.schedule])

    def total(self, lines: Sequence[Line], *, discounted: bool = False) -> Floats:
        """(D + 1) summed gain of lines."""
        # Sums run over whole vectors and never over their quantiles: the range of a sum is not the
        # sum of ranges, since its parts share draws.
        summed: Floats = np.zeros(self.draws + 1)
        for line in lines:
            summed = summed + (self.present_of(line) if discounted else self.pounds_of(line))
        return summed

    def by_quarter(self, lines: Sequence[Line]) -> Floats:
        """(D + 1, Q) gain of lines in each quarter."""
        summed: Floats = np.zeros((self.draws + 1, len(self.grid.quarters)))
        for line in lines:
            worth = self.factors[line.factor] * line.pounds_for_one
            summed += self.tally.avoided[line.outcome.code].by_quarter * worth[:, None]
        return summed

    def cashable_by_quarter(self) -> Floats:
        """(D + 1, Q) pounds that could leave a budget: after share, lumps and lag."""
        summed: Floats = np.zeros((self.draws + 1, len(self.grid.quarters)))
        for pounds in self.tally.cashable.values():
            summed += pounds
        return summed

    @property
    def costed(self) -> bool:
        """Whether the programme declares what it paid by the last quarter of these effects.

        Where it does not, every cost, balance and ratio is NaN: nothing is known of it, and zero
        would be a figure.
        """
        return len(self.costs) > 0

    @cached_property
    def cost_by_quarter(self) -> Floats:
        """(Q) what was paid in each quarter; NaN where no cost is declared."""
        if not self.costed:
            return np.full(len(self.grid.quarters), np.nan)
        paid = self.costs.groupby("quarter")["amount"].sum()
        return np.array([float(paid.get(quarter, 0.0)) for quarter in self.grid.quarters])

    @property
    def cost(self) -> float:
        """What was paid to date."""
        return float(self.cost_by_quarter.sum())

    @property
    def discounted_cost(self) -> float:
        """Its present value."""
        return float(self.cost_by_quarter @ self._discounting["standard"])

    @property
    def fiscal(self) -> tuple[Line, ...]:
        return self.of_kind("fiscal")

    @property
    def public(self) -> tuple[Line, ...]:
        """What is public value: everything but transfers."""
        return tuple(line for line in self.lines if not line.cost.transfer)

    def of_kind(self, kind: str) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.cost.kind == kind)

    def net_present_social_value(self) -> Floats:
        """(D + 1) discounted public value less discounted cost."""
        return self.total(self.public, discounted=True) - self.discounted_cost

    @cached_property
    def _discounting(self) -> dict[str, Floats]:
        # The standard schedule is always there: costs are discounted by it, also where every line
        # is one of lives.
        schedules = {"standard", *(line.cost.schedule for line in self.lines)}
        return {name: self.discounting(name) for name in schedules}

    # Tables: mean, low, high.

    def summary(self, vector: Floats) -> dict[str, float]:
        """The estimate as ``mean``, and the quantiles of its draws."""
        tail = (1 - self.level) / 2
        # The estimate stands at 0 and is no draw: it never enters its own quantiles.
        low, high = np.quantile(vector[1:], [tail, 1 - tail])
        return {"mean": float(vector[0]), "low": float(low), "high": float(high)}

    def totals(self) -> pd.DataFrame:
        """One row an account (gross by kind, by budget, cashable, cost, net, present value)."""
        fiscal = self.total(self.fiscal)
        rows = {
            "gross_fiscal": fiscal,
            "gross_fiscal_AME": self.total(self._of_budget("AME")),
            # AME and DEL stand apart: a benefit saving is AME and never reaches the agency that
            # paid for it.
            "gross_fiscal_DEL": self.total(self._of_budget("DEL")),
            "gross_economic": self.total(self.of_kind("economic")),
            "gross_social": self.total(self.of_kind("social")),
            "cashable": self.cashable_by_quarter().sum(axis=1),
            "cost": np.full_like(fiscal, self.cost),
            # Net fiscal is what budgets see and is not discounted; npsv is the appraisal's figure
            # and is.
            "net_fiscal": fiscal - self.cost,
            "npsv": self.net_present_social_value(),
        }
        table = pd.DataFrame({name: self.summary(vector) for name, vector in rows.items()}).T
        table.index.name = "account"
        return table

    def by(self, key: Key) -> pd.DataFrame:
        """Gross gain by agency (and budget), outcome, site, quarter or kind; pounds."""
        parts: dict[tuple[str, ...], Floats] = {}
        for line in self.lines:
            for label, vector in self._split(line, key):
                parts[label] = parts[label] + vector if label in parts else vector
        table = pd.DataFrame([self.summary(parts[label]) for label in sorted(parts)])
        names = ["agency", "budget"] if key == "agency" else [key]
        table.index = pd.MultiIndex.from_tuples(sorted(parts), names=names)
        return table

    def by_budget(self) -> list[dict[str, object]]:
        """Agencies with budget, gain, cost and net, each ``{mean, low, high}``; DEL first.

        What an agency paid stands against its DEL budget: delivery is paid from it.
        """
        paid = self.costs.groupby("agency")["amount"].sum()
        gains = self._fiscal_by_budget()
        for agency in paid.index:
            # An agency that only paid and saved nothing stands in the table all the same, with its
            # cost.
            gains.setdefault((agency, "DEL"), np.zeros(self.draws + 1))
        ordered = sorted(gains.items(), key=lambda item: (item[0][1] != "DEL", item[0][0]))
        none = 0.0 if self.costed else float("nan")
        return [
            self._account(
                agency, budget, gain, float(paid.get(agency, none)) if budget == "DEL" else none
            )
            for (agency, budget), gain in ordered
        ]

    def cashable_of(self, line: Line) -> Floats:
        """(D + 1) a line's part of what is cashable: share and lag; lumps pro rata."""
        budget = (line.cost.agency, line.cost.budget)
        # A budget without a rule has no share that anyone vouches for: nothing of it counts as
        # cashable.
        if not line.fiscal or line.given_up or budget not in self.rules.rule:
            return np.zeros(self.draws + 1)
        lag = self.rules.rule[budget].lag_quarters
        whole = after_lag(self.by_quarter([ln for ln in self.fiscal if _budget(ln) == budget]), lag)
        before = whole.sum(axis=1) * self.rules.share[budget]
        held = self.tally.cashable[budget].sum(axis=1)
        # Whole lumps belong to a budget and not to a line, so what they kept is split in
        # proportion. A draw in which nothing was released has no proportion and gets zero.
        kept = np.divide(held, before, out=np.zeros_like(held), where=before != 0)
        alone = after_lag(self.by_quarter([line]), lag).sum(axis=1)
        part: Floats = alone * self.rules.share[budget] * kept
        return part

    def of_outcome(self, code: str) -> dict[str, dict[str, float]]:
        """Gross fiscal and cashable part of one outcome, as in `totals`."""
        lines = [line for line in self.fiscal if line.outcome.code == code]
        cashable: Floats = np.zeros(self.draws + 1)
        for line in lines:
            cashable = cashable + self.cashable_of(line)
        return {"gross_fiscal": self.summary(self.total(lines)), "cashable": self.summary(cashable)}

    def agency_name(self, code: str) -> str:
        """What an agency is called: by the programme, else by the parameters."""
        names = self.parameters.agency_names() | self.programme.agencies
        return names.get(code, code)

    def payback(self) -> pd.DataFrame:
        """One row a quarter: fiscal gain, cost, cumulative net fiscal position with its range.

        ``p_paid_back`` is the share of draws in which the position has reached zero by then and
        stays there to the last quarter. See `ratios.payback_quarter`.
        """
        gain = self.by_quarter(self.fiscal)
        # Undiscounted: payback asks when cash has come back, not what it is worth today.
        running = np.cumsum(gain - self.cost_by_quarter, axis=1)
        paid = paid_back_by(running)[1:].mean(axis=0)
        rows = []
        for place, quarter in enumerate(self.grid.quarters):
            net = self.summary(running[:, place])
            rows.append(
                {
                    "quarter": quarter,
                    **self.summary(gain[:, place]),
                    "cost": float(self.cost_by_quarter[place]),
                    **{f"cumulative_{name}": figure for name, figure in net.items()},
                    "p_paid_back": float(paid[place]),
                }
            )
        return pd.DataFrame(rows).set_index("quarter")

    def ratios(self) -> pd.DataFrame:
        """Public benefit-cost, fiscal and cashable ratio, each with its chance of exceeding one.

        A ratio of means, with the quantiles of the draws' ratios; NaN where no cost is declared, or
        none was paid.
        """
        # The cost has no draws, it is what was paid: a ratio's quantiles are those of the gain over
        # a constant.
        cost = self.discounted_cost or float("nan")
        cashable = self.cashable_by_quarter() @ self._discounting["standard"]
        rows = {
            "bcr": self.total(self.public, discounted=True) / cost,
            "fiscal": self.total(self.fiscal, discounted=True) / cost,
            "cashable": cashable / cost,
        }
        table = pd.DataFrame({name: self.summary(vector) for name, vector in rows.items()}).T
        # A share of draws: a confidence, and no belief about the programme.
        table["p_above_one"] = [
            float((vector[1:] > 1).mean()) if np.isfinite(cost) else float("nan")
            for vector in rows.values()
        ]
        return table

    def _of_budget(self, budget: str) -> tuple[Line, ...]:
        return tuple(line for line in self.fiscal if line.cost.budget == budget)

    def _fiscal_by_budget(self) -> dict[Budget, Floats]:
        gains: dict[Budget, Floats] = {}
        for line in self.fiscal:
            if not line.given_up:
                gain = self.pounds_of(line)
                budget = _budget(line)
                gains[budget] = gains[budget] + gain if budget in gains else gain
        return gains

    def _account(self, agency: str, budget: str, gain: Floats, cost: float) -> dict[str, object]:
        return {
            "agency": agency,
            "name": self.agency_name(agency),
            "budget": budget,
            "gain": self.summary(gain),
            "cost": self.summary(np.full_like(gain, cost)),
            "net": self.summary(gain - cost),
        }

    def _split(self, line: Line, key: Key) -> list[tuple[tuple[str, ...], Floats]]:
        worth = self.factors[line.factor] * line.pounds_for_one
        avoided = self.tally.avoided[line.outcome.code]
        # A line's price and share are the same everywhere, so sites and quarters split by what was
        # avoided.
        if key in ("site", "quarter"):
            names = self.grid.sites if key == "site" else self.grid.quarters
            held = avoided.by_site if key == "site" else avoided.by_quarter
            return [((name,), held[:, place] * worth) for place, name in enumerate(names)]
        labels: dict[str, Callable[[], tuple[str, ...]]] = {
            "agency": lambda: _budget(line),
            "outcome": lambda: (line.outcome.code,),
            "kind": lambda: (line.cost.kind,),
        }
        return [(labels[key](), self.pounds_of(line))]


def _budget(line: Line) -> Budget:
    return line.cost.agency, line.cost.budget
