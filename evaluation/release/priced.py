"""What a person is worth in each figure of the accounts, by the prices alone that enter it.

Money over a published price is people again. So an amount stands at a step that is worth several
people at the dearest price that enters it: at £10,000, five people at £69,500 each would be seen
one by one. All that the step hangs on is public: prices, what of them is kept, periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation.disclosure.effects import step_of
from evaluation.value.pricing import cost_units_a_quarter

LUMP = 50_000.0
"""Pounds: no post is dearer that a budget can do without, and one person may tip the scale."""
FLOWS = frozenset({"event", "entry"})
FISCAL_TOTALS = frozenset({"gross_fiscal", "net_fiscal", "cashable", "fiscal_ratio"})
"""Accounts of what public budgets release."""
OF_POSTS = frozenset({"cashable", "cashable_ratio", "capacity", "lag", "lumps"})
"""Figures that whole posts are taken out of."""
PUBLIC = frozenset({"npsv", "bcr", "tornado", "information", "scenarios", "last_year"})
"""What society gains, in which benefit payments do not count."""
FISCAL = frozenset({"by_agency", "by_quarter", "payback", "net_cost", "purse"})
BUDGETS = {"gross_fiscal_AME": "AME", "gross_fiscal_DEL": "DEL"}
KINDS = {"gross_economic": "economic", "gross_social": "social"}


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The prices of a study's accounts.

    rows : the priced outcomes as results hold them. often : in how many periods' effects one person
    counts, at most: one who is counted before the start is part of what each later period is held
    against. people : how many a step is worth. ahead : what a pound counts in each later year.
    moved : of an outcome that is a mean of answers, how many of its cost units one answer moves.
    """

    rows: Sequence[Mapping[str, Any]]
    often: float
    people: int
    ahead: Sequence[float] = ()
    moved: Mapping[str, float] = field(default_factory=dict)

    def step(self, at: Sequence[str]) -> float:
        """The least step of the amount at these keys; 0 where no price enters it."""
        worth = self.worth(at)
        return step_of(worth, 1) if worth > 0 else 0.0

    def worth(self, at: Sequence[str]) -> float:
        """Pounds: so many people at the dearest price that enters the amount."""
        years = self._years(at)
        of_outcome: dict[str, float] = {}
        for row in self.entering(at):
            one = abs(row["unit_cost"]) * row["share"] * self._units(row, years)
            of_outcome[row["outcome"]] = of_outcome.get(row["outcome"], 0.0) + one
        dearest = max(of_outcome.values(), default=0.0)
        # Several people may tip one post; that each of them tips one would take as many scales.
        posts = LUMP if dearest and not OF_POSTS.isdisjoint(at) else 0.0
        return self.people * dearest + posts

    def events_step(self, row: Mapping[str, Any]) -> float:
        """The least step of how much of an outcome was avoided, in years where it is a stock."""
        if row["outcome"] in self.moved:
            return self.people * self.moved[row["outcome"]]
        stock = row["cost_per"] not in FLOWS
        a_quarter = cost_units_a_quarter("stock", "person_year") if stock else 1.0
        return self.people * max(1.0, a_quarter * self.often)

    def _units(self, row: Mapping[str, Any], years: float) -> float:
        """Cost units that one person is: one at least, since who is counted in a stock stays."""
        if row["outcome"] in self.moved:
            return self.moved[row["outcome"]]
        kind = "flow" if row["cost_per"] in FLOWS else "stock"
        timing = "" if kind == "flow" else "mean"
        a_quarter = cost_units_a_quarter(kind, row["cost_per"], timing)
        return max(1.0, a_quarter * (self.often + years))

    def _years(self, at: Sequence[str]) -> float:
        """What of the last year's gains is counted again in the years ahead, at most."""
        # An effect that does not fade counts in each of them.
        return sum(self.ahead) if at and at[0] == "scenarios" else 0.0

    def entering(self, at: Sequence[str]) -> list[Mapping[str, Any]]:
        """The priced outcomes that enter the amount at these keys."""
        found = [row for row in self.rows if not row["given_up"]]
        if at and at[0] == "with_objected":
            return [row for row in found if _enters(row, at[1:])]
        if at and at[0] in ("by_outcome", "not_standing", "by_fifth"):
            return [row for row in found if _enters(row, at)]
        return [row for row in found if not row.get("objected") and _enters(row, at)]


def _enters(row: Mapping[str, Any], at: Sequence[str]) -> bool:
    """Whether a priced outcome enters an amount, by the keys that lead there."""
    names, fiscal = set(at), row["kind"] == "fiscal"
    if not at or at[0] == "events_avoided":
        return True
    if at[0] == "by_outcome":
        return at[1] in (name_of(row), f"{name_of(row)}-{row['kind']}")
    if at[0] == "not_standing":
        return bool(fiscal and row["outcome"] == at[1])
    if at[0] == "by_agency":
        return bool(fiscal) and at[1] == f"{row['agency']}-{row['budget']}"
    for name in names & BUDGETS.keys():
        return fiscal and bool(row["budget"] == BUDGETS[name])
    for name in names & KINDS.keys():
        return bool(row["kind"] == KINDS[name])
    if names & (FISCAL | FISCAL_TOTALS | OF_POSTS):
        return bool(fiscal)
    return not (names & PUBLIC and row["transfer"])


def name_of(row: Mapping[str, Any]) -> str:
    """What a priced outcome is called among its like: `released_accounts.which_row`."""
    return "-".join((row["outcome"], row["agency"], row["budget"]))
