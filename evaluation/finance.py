"""What a programme costs, and what was taken out of a budget, as returns like any other.

The finance department of each agency sends them for each site: plan and outturn of a quarter, what
is given in kind and what runs double, and for each declared budget line what was taken out and how
many posts were closed. A return of money is a return: its area is the site, its outcomes are the
lines, its figures are pounds. So it is checked, kept, restated, withdrawn and read back as known at
an instant by what does that with every return.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from evaluation.programme import (
    SITE_SOURCE,
    Area,
    Bounds,
    Cost,
    CostKind,
    Outcome,
    Programme,
    TakenOut,
)
from evaluation.quarters import Frequency, Period

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import BudgetLine

FINANCE = "_finance"
"""What an agency's code ends with where its finance department sends the return."""
SITE_ITSELF = "site"
"""The geography of a figure of money: a site as a whole."""
DOMAIN = "money"
BOOKS = "the ledger of the agency's finance department"
"""The instrument by which every line is measured, and by which one is told."""
Stage = Literal["plan", "outturn"]
KINDS: dict[str, CostKind] = {
    "set_up": "set-up",
    "running": "running",
    "in_kind": "in kind",
    "double_running": "double running",
}
_FREQUENCY: dict[Frequency, Literal["quarter", "month", "year"]] = {
    "Q": "quarter",
    "M": "month",
    "A": "year",
}
_IN_WORDS: dict[CostKind, str] = {
    "set-up": "setting up: premises, recruitment, equipment",
    "running": "running: pay, premises and contracts of the new service",
    "in kind": "what is given and not paid for: seconded staff, rooms; at what it would cost",
    "double running": "the old service for as long as it runs beside the new one",
}


@dataclass(frozen=True, kw_only=True)
class MoneyLine:
    """What one line of a return of money is about.

    agency : who pays. kind : of a cost; None for a budget line. stage : plan or outturn. budget :
    the declared line that something was taken out of; None for a cost. posts : whether the line
    counts posts, and no pounds.
    """

    code: str
    agency: str
    kind: CostKind | None = None
    stage: Stage = "outturn"
    budget: BudgetLine | None = None
    posts: bool = False

    @property
    def title(self) -> str:
        if self.budget is None:
            return f"{str(self.kind).capitalize()} cost, {self.stage}"
        if self.posts:
            return f"{self.budget.title}: posts closed"
        return f"{self.budget.title}: taken out of the budget, {self.stage}"

    @property
    def counted(self) -> str:
        """What the figure is, as the sheet of notes says it."""
        if self.posts:
            return "posts closed in the quarter, whole-time equivalents"
        if self.budget is not None:
            if self.stage == "plan":
                return "pounds planned to be taken out of the line in the quarter"
            return "pounds taken out of the line in the quarter, and not put back"
        assert self.kind is not None
        when = "planned for the quarter" if self.stage == "plan" else "spent in the quarter"
        return f"pounds {when} on {_IN_WORDS[self.kind]}"


def lines_of(programme: Programme) -> tuple[MoneyLine, ...]:
    """Every line of every agency, in the order of a return; none where no money is declared."""
    money = programme.money
    if money is None:
        return ()
    stages: tuple[Stage, ...] = get_args(Stage)
    return tuple(
        line
        for agency in payers(programme)
        for line in (
            *(
                MoneyLine(code=f"{agency}_{name}_{stage}", agency=agency, kind=kind, stage=stage)
                for name, kind in KINDS.items()
                for stage in stages
            ),
            *_of_budgets([one for one in money.budgets if one.agency == agency], stages),
        )
    )


def _of_budgets(budgets: list[BudgetLine], stages: tuple[Stage, ...]) -> Iterator[MoneyLine]:
    for one in budgets:
        for stage in stages:
            code = f"{one.code}_taken_out_{stage}"
            yield MoneyLine(code=code, agency=one.agency, stage=stage, budget=one)
        yield MoneyLine(code=f"{one.code}_posts_closed", agency=one.agency, budget=one, posts=True)


def payers(programme: Programme) -> tuple[str, ...]:
    """The agencies whose finance departments send returns: those named, else those of a site."""
    if programme.money is None:
        return ()
    named = programme.money.agencies
    of_sites = dict.fromkeys(agency for site in programme.sites for agency in site.agencies)
    return named or tuple(of_sites)


def paying_agency(programme: Programme, sender: str) -> str | None:
    """The agency whose finance department sends under this code; None where it is none."""
    return {f"{agency}{FINANCE}": agency for agency in payers(programme)}.get(sender)


def of_money(programme: Programme) -> Programme:
    """The same programme as finance departments are asked: sites as areas, lines as outcomes."""
    agencies = {
        f"{one}{FINANCE}": f"{programme.agencies.get(one, one)}, finance department"
        for one in payers(programme)
    }
    held = {name: getattr(programme, name) for name in Programme.model_fields}
    return Programme(
        **held
        | {
            "agencies": agencies,
            "sources": (),
            "sites": tuple(
                site.model_copy(update={"agencies": tuple(agencies)}) for site in programme.sites
            ),
            "areas": tuple(_as_area(programme, code) for code in programme.site_by_code),
            "outcomes": tuple(_as_outcome(programme, line) for line in lines_of(programme)),
            "denominators": (),
            "deprivation": (),
            "code_shares": (),
            "unit_costs": (),
            "overlaps": (),
            "planned_costs": (),
            "costs": (),
            "taken_out": (),
        }
    )


def asked_of(programme: Programme, sender: str) -> Programme:
    """The programme as the sender of a return is asked: of money for a finance department."""
    return programme if paying_agency(programme, sender) is None else of_money(programme)


def _as_area(programme: Programme, site: str) -> Area:
    homes = [area.authority for area in programme.areas if area.site == site]
    return Area(
        code=site,
        name=programme.site_by_code[site].name,
        authority=homes[0] if homes else "",
        role="pilot",
        geography=SITE_ITSELF,
        site=site,
    )


def _as_outcome(programme: Programme, line: MoneyLine) -> Outcome:
    return Outcome(
        code=line.code,
        title=line.title,
        plain_title=line.title,
        people="posts" if line.posts else "pounds",
        domain=DOMAIN,
        unit="posts" if line.posts else "pounds",
        form="value",
        numerator=line.counted,
        kind="flow",
        frequency=_FREQUENCY[programme.first.frequency],
        polarity="care",
        agency=f"{line.agency}{FINANCE}",
        source=SITE_SOURCE,
        comparison_source="",
        instrument=BOOKS,
        geography=SITE_ITSELF,
        measured_in="pilot areas only",
        whole=False,
        bounds=Bounds(low=0),
    )


class Owed(NamedTuple):
    """A return of money: of which site and agency, and the code under which it is sent."""

    site: str
    agency: str
    sender: str


def money_owed(programme: Programme, period: Period) -> tuple[Owed, ...]:
    """Each return of money that is owed for a period.

    A site's are owed from the quarter in which it was announced, else from the one before its
    start; from ``since`` on where that is declared. Earlier ones are taken all the same.
    """
    if programme.money is None or period.frequency != programme.first.frequency:
        return ()
    since = programme.money.since
    return tuple(
        Owed(site.code, agency, f"{agency}{FINANCE}")
        for site in programme.sites
        if period >= (since or site.announced or site.start + -1)
        for agency in payers(programme)
    )


def with_money(programme: Programme, observations: pd.DataFrame) -> Programme:
    """The programme with what was paid and taken out as known from returns of money.

    Parameters
    ----------
    observations : the latest version of each figure of the lines of `lines_of`, as the ledger gives
        them; of what is planned nothing is taken for paid.
    """
    lines = {line.code: line for line in lines_of(programme)}
    base = programme.money.price_year if programme.money else None
    costs, taken = [], dict[tuple[str, str, Period], dict[str, float]]()
    for row in observations.sort_values(["quarter", "area_code", "outcome"]).to_dict("records"):
        line, period = lines.get(row["outcome"]), Period.parse(row["quarter"])
        # A missing figure is NaN, which is not itself.
        if line is None or line.stage == "plan" or row["numerator"] != row["numerator"]:
            continue
        amount = float(row["numerator"])
        if line.kind is not None:
            costs.append(
                Cost(
                    site=row["area_code"],
                    agency=line.agency,
                    kind=line.kind,
                    period=period,
                    amount=amount,
                    price_year=base or period.year,
                )
            )
        elif line.budget is not None:
            key = row["area_code"], line.budget.code, period
            taken.setdefault(key, {})["posts" if line.posts else "amount"] = amount
    found = tuple(
        TakenOut(site=site, line=code, period=period, price_year=base or period.year, **figures)
        for (site, code, period), figures in sorted(taken.items(), key=str)
        if any(figures.values())
    )
    held = {name: getattr(programme, name) for name in type(programme).model_fields}
    return type(programme)(**held | {"costs": tuple(costs), "taken_out": found})


def with_plan(programme: Programme) -> Programme:
    """The programme with planned costs wherever nothing is known of what was paid."""
    known = {(cost.site, cost.agency, cost.period) for cost in programme.costs}
    planned = tuple(
        one for one in programme.planned_costs if (one.site, one.agency, one.period) not in known
    )
    return programme.model_copy(update={"costs": (*programme.costs, *planned)})


def costs_lacking(programme: Programme, last: Period) -> tuple[str, ...]:
    """The returns of money that are owed up to a period and of which no cost is known.

    Without them the cost to date is too low; each as ``S01 council 2026 Q3``.
    """
    known = {(cost.site, cost.agency, cost.period) for cost in programme.costs}
    periods = [one for one in programme.periods if one <= last]
    return tuple(
        f"{site} {agency} {period}"
        for period in periods
        for site, agency, _ in money_owed(programme, period)
        if (site, agency, period) not in known
    )
