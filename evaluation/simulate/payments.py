"""Invented returns of finance departments: what was planned, paid and taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evaluation.finance import MoneyLine, lines_of, paying_agency

if TYPE_CHECKING:
    from evaluation.programme import CostKind, Programme
    from evaluation.quarters import Period
    from evaluation.simulate.places import Scenario

Row = list[str | float | None]
# Pounds for each resident of a pilot area: once, and a quarter; what is paid is near what is
# planned.
SET_UP, RUNNING, IN_KIND, OFF = 6.0, 1.5, 0.2, 0.05


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What one agency planned and paid at one site in one period, by kind; and took out, by line.

    posts : closed, by line.
    """

    planned: Mapping[CostKind, float] = field(default_factory=dict)
    spent: Mapping[CostKind, float] = field(default_factory=dict)
    taken_out: Mapping[str, float] = field(default_factory=dict)
    posts: Mapping[str, float] = field(default_factory=dict)


def money_rows(
    programme: Programme, site: str, sender: str, period: Period, paid: Paid
) -> list[Row]:
    """The rows of one return of money, in the columns of the form."""
    name, agency = programme.site_by_code[site].name, paying_agency(programme, sender)
    return [
        [site, name, period.label, line.code, _figure(line, paid), None, None, None, None]
        for line in lines_of(programme)
        if line.agency == agency
    ]


def _figure(line: MoneyLine, paid: Paid) -> float:
    if line.budget is not None:
        by_line = paid.posts if line.posts else paid.taken_out
        return float(by_line.get(line.budget.code, 0.0))
    assert line.kind is not None
    by_kind = paid.planned if line.stage == "plan" else paid.spent
    return float(by_kind.get(line.kind, 0.0))


def paid_in_demonstration(
    programme: Programme, scenario: Scenario, site: str, agency: str, period: Period
) -> Paid:
    """What was planned, which is what is paid; one site's council takes something out later."""
    kinds: dict[CostKind, float] = {
        cost.kind: cost.amount
        for cost in programme.planned_costs
        if (cost.site, cost.agency, cost.period) == (site, agency, period)
    }
    taken, budget = scenario.taken_out, scenario.budget
    where = programme.sites[taken.site]
    since = period - (where.start + taken.after)
    out = since >= 0 and (where.code, budget.agency) == (site, agency)
    return Paid(
        planned=kinds,
        spent=kinds,
        taken_out={budget.code: taken.amount} if out else {},
        posts={budget.code: taken.posts} if out and since == 0 else {},
    )


def paid_in_trial(
    programme: Programme, site: str, period: Period, rng: np.random.Generator
) -> Paid:
    """What a site of this size might plan and pay; nothing is taken out of a budget."""
    people = sum(area.population or 0 for area in programme.areas if area.site == site)
    start = programme.site_by_code[site].start
    planned: dict[CostKind, float] = {}
    if period == start + -1:
        planned["set-up"] = round(SET_UP * people)
    elif period >= start:
        planned = {"running": round(RUNNING * people), "in kind": round(IN_KIND * people)}
    spent = {kind: round(plan * (1 + rng.normal(0, OFF))) for kind, plan in planned.items()}
    return Paid(planned=planned, spent=spent)
