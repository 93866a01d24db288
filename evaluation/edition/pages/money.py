"""What the money page shows: totals, who pays and who gains, and the prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import answers, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import Cell, quantity, table
from evaluation.edition.pages import money_charts
from evaluation.study.accounts_record import (
    Accounts,
    BudgetRow,
    GrossAccounts,
    PricedRow,
    Swing,
    Totals,
)
from evaluation.study.record import Results
from evaluation.study.written import Record
from evaluation.value.pricing import WEEKS_A_YEAR

_TOTALS = (
    ("cost", "Cost of the programme"),
    ("gross_fiscal", "Public spending released"),
    ("cashable", "Of what was released, could leave a budget"),
    ("net_fiscal", "Public spending released less cost"),
    ("gross_economic", "Gains to people's incomes and to the economy"),
    ("gross_social", "Gains to people's lives, in pounds"),
    ("npsv", "Net present social value: gains less cost, discounted, without benefit payments"),
)
_BUDGETS = {
    "AME": "of which benefits and the like (AME)",
    "DEL": "of which agencies' budgets (DEL)",
}
# What one unit of a price is, and how the price is said.
_PRICED = {
    "event": "each",
    "entry": "each",
    "person_year": "a person-year",
    "week": "a week",
    "point_year": "a point and year",
}


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the money page's template asks for; None where nothing is valued."""
    study = edition.headline
    value = study.value
    if value is None:
        gross = study.gross
        return {
            "value": None,
            "study": study,
            "gains": _gross_table(gross) if gross else "",
            "prices": _price_table(gross) if gross else "",
        }
    name = f"{study.study}/money"
    _downloads(value, name, out)
    return {
        "value": value,
        "study": study,
        "name": name,
        "charts": money_charts,
        "out": out,
        "totals": _totals_table(value, apart=answers.lives_apart(study)),
        "gains": gains_chart(study, out, ""),
        "agencies": agency_table(value),
        "began": _began(value),
        "prices": _price_table(value),
        "price_notes": _price_notes(value),
        "red": _red(value),
        "sources": _sources_table(value),
        "not_monetised": _not_monetised(study, value),
        "fifths": _fifths_table(value),
        "to_confirm": [words.whole(what) for what in value.to_confirm],
        "notes": value.notes,
    }


def _downloads(value: Accounts, name: str, out: Generated) -> None:
    """Every table with the vintages that its figures rest on."""
    rests = {"rests_on": vintages(value)}
    shown = {"by_outcome": "outcomes", "by_agency": "agencies", "by_quarter": "over-time"}
    shown |= {key: key for key in ("waterfall", "tornado", "scenarios", "categories", "sources")}
    for key, ending in shown.items():
        if rows := getattr(value, key):
            plain = [row.figures() if isinstance(row, Swing) else row.plain() for row in rows]
            out.table(f"{name}-{ending}", [_flat(row) | rests for row in plain])


def gains_chart(study: Results, out: Generated, root: str) -> Markup:
    """Who pays and who gains, to date."""
    if study.value is None:
        return Markup("")
    value, rows = study.value, study.value.by_agency
    said = " ".join(
        f"{row.name} has paid {words.pounds(row.cost.mean)} and gained: "
        f"{answers.gained(value, row)}."
        for row in rows
    )
    drawn = [row.plain() for row in rows]
    alt = f"Bar chart of costs and gains to date by agency. {said}"
    based = f"To date, {vintages(study.value)}. Unit costs are averages."
    return out.plate(f"{study.study}/gains", root, alt, figures.gains, drawn, caption=based)


def vintages(value: Accounts) -> str:
    """Price base and vintages that every figure of the accounts rests on, in one breath."""
    held = value.sources
    prices = list(dict.fromkeys(row.vintage for row in value.by_outcome))
    said = f"{value.price_base} prices"
    if prices:
        said += f", unit costs of {words.listed(prices)}"
    for what, name in (("Discount rates", "discount rates"), ("Deflator", "deflator")):
        found = [row.vintage for row in held if row.what == what]
        said += f", {name} {found[0]}" if found else ""
    return said


def _totals_table(value: Accounts, *, apart: bool = False) -> Markup:
    """Every total, in the two columns of money: what holds, and with what is objected to."""
    bases = [value.totals, *([value.with_objected.totals] if value.with_objected else [])]
    rows: list[list[Cell]] = []
    for key, title in _TOTALS:
        if key == "cost":
            rows.append([title, *(words.pounds(one.cost.mean) for one in bases)])
            continue
        rows.append([title, *(_total(value, one, key, apart=apart) for one in bases)])
        if key == "gross_fiscal":
            rows += [
                [_part(part), *(_total(value, one, key, apart=apart) for one in bases)]
                for key, part in (
                    (f"gross_fiscal_{budget}", part)
                    for budget, part in _BUDGETS.items()
                    if any(row.budget == budget for row in _agencies(value))
                )
            ]
    chances = [words.in_hundred(one.p_npsv_positive) for one in bases]
    rows.append(["Chance that all gains exceed the cost", *chances])
    rows.append(["Back for each pound of cost", *(answers.ratio(one.bcr) for one in bases)])
    heads = ["To date", *answers.columns(value)]
    kinds = "t" + "n" * len(bases)
    return table(f"To date, {vintages(value)}", heads, rows, numeric=kinds, style="side")


def _total(value: Accounts, totals: Totals, key: str, *, apart: bool) -> Cell:
    own = totals is value.totals
    said = words.money_with_range(totals.accounts()[key])
    if not answers.valued(value, key, with_objected=not own):
        said = answers.unvalued(key, apart=apart)
    which = f"money.{key}" if own else f"money.{key}.with_objected"
    return quantity(which, said, unit=f"pounds of {value.price_base}")


def _agencies(value: Accounts) -> tuple[BudgetRow, ...]:
    """Every agency's account; with what is objected to, where only that reaches it."""
    held = {(row.agency, row.budget): row for row in value.by_agency}
    every = value.with_objected.by_agency if value.with_objected else value.by_agency
    return tuple(held.get((row.agency, row.budget), row) for row in every)


def _part(title: str) -> Markup:
    """A row that is part of the one above it."""
    return Markup("<span class='part'>{}</span>").format(title)


def _began(value: Accounts) -> str:
    """That the balance began below zero, where it did."""
    first = value.by_quarter[0] if value.by_quarter else None
    if first is None or first.cumulative_net.mean >= 0:
        return ""
    balance = words.pounds(first.cumulative_net.mean)
    return (
        "Set-up is paid first and what it brings comes later: at the end of "
        f"{first.quarter} the balance stood at {balance}."
    )


def agency_heads(value: Accounts) -> list[str]:
    """What the columns of `agency_rows` are called."""
    return ["Agency", "Budget", "Paid", *(f"Gained: {one}" for one in answers.columns(value))]


def agency_rows(value: Accounts) -> list[list[str]]:
    """Who paid and who gained, to date, in the two columns of money."""
    holds = {(row.agency, row.budget): row for row in value.by_agency}
    beside = value.with_objected.by_agency if value.with_objected else ()
    with_objected = {(row.agency, row.budget): row for row in beside}
    rows = []
    for row in _agencies(value):
        own, both = (held.get((row.agency, row.budget)) for held in (holds, with_objected))
        gained = [answers.gained(value, own) if own else answers.NONE_COUNTED]
        if both:
            gained.append(answers.gained(value, both, with_objected=True))
        rows.append([row.name, row.budget, words.pounds(row.cost.mean), *gained])
    return rows


def agency_table(value: Accounts) -> Markup:
    """The same as a table; budgets whose gain rests on a red-graded price say so."""
    red = set(value.red_agencies)
    kinds = ("gain", "gain_with_objected")
    unit = f"pounds of {value.price_base}"
    rows: list[list[Cell]] = [
        [
            _with_note(name, "rests on a red-graded price")
            if f"{row.agency}/{row.budget}" in red
            else name,
            budget,
            paid,
            *(
                quantity(f"money.{kind}.{name}.{budget}", cell, unit=unit)
                for kind, cell in zip(kinds, gained, strict=False)
            ),
        ]
        for row, (name, budget, paid, *gained) in zip(
            _agencies(value), agency_rows(value), strict=True
        )
    ]
    title = "Who pays and who gains, to date"
    heads = agency_heads(value)
    return table(title, heads, rows, numeric="ttn" + "n" * (len(heads) - 3))


def _red(value: Accounts) -> list[str]:
    """Red-graded prices that matter to the total, each in a sentence."""
    return [
        f"{row.title} ({row.code}): {words.percent(100 * row.share, 0)} of all that is "
        "valued, either way, rests on this price, which is graded red: it may be off by half and "
        "more."
        for row in value.red
    ]


def _sources_table(value: Accounts) -> Markup | None:
    rows = [[row.what, row.vintage, row.source, row.confidence] for row in value.sources]
    heads = ["What", "Vintage", "Source", "Grade"]
    title = "Where every figure of this page has its prices, rates and shares from"
    return table(title, heads, rows, style="dense wraps") if rows else None


def _fifths_table(value: Accounts) -> Markup | None:
    """What people gained by deprivation fifth, counted alike and weighted side by side."""
    rows = []
    for row in value.by_fifth:
        areas = f"{row.pilot_areas} pilot, {row.comparison_areas} comparison"
        figures_ = ["not valued", row.reason, ""]
        weight = row.weight
        if weight and row.people and row.people_weighted:
            ends = (weight.central, *sorted((weight.low, weight.high)))
            said = "{} ({} to {})".format(*(words.number(end, 2) for end in ends))
            alike, weighted = map(words.money_with_range, (row.people, row.people_weighted))
            figures_ = [alike, said, weighted]
        rows.append([f"{row.fifth}", areas, *figures_])
    heads = [
        "Fifth, 1 the most deprived",
        "Areas",
        "People's gain (range)",
        "Weight of a pound (elasticity 0.8 to 2.0)",
        "Weighted (range)",
    ]
    caption = "What people gained, by deprivation fifth, counted alike and weighted"
    return table(caption, heads, rows, numeric="ttnnn") if rows else None


def _not_monetised(study: Results, value: Accounts) -> Markup | None:
    directions = {o.code: words.verdict(o.finding).word for o in study.outcomes}
    rows = [
        [row.title, directions.get(row.outcome, row.direction), row.evidence, words.whole(row.why)]
        for row in value.not_monetised
    ]
    heads = ["Measured, without a price", "Direction", "Evidence", "Why no price"]
    return table("Measured, but in no total of this page", heads, rows) if rows else None


def _gross_table(gross: GrossAccounts) -> Markup:
    """Who gained, to date, where no costs are declared."""
    rows: list[list[Cell]] = [
        [row.name, row.budget, words.money_with_range(row.gain)] for row in gross.by_agency
    ]
    heads = ["Agency", "Budget", "Gained (range)"]
    return table("Who gains, to date; no costs are declared", heads, rows, numeric="ttn")


def _price_table(value: Accounts | GrossAccounts) -> Markup:
    names = {row.agency: row.name for row in value.by_agency}
    names |= {row.agency: row.agency_name for row in value.by_outcome}
    rows = [
        [
            _with_note(row.title, f"{row.kind}: {names.get(row.agency, row.agency)}{_said(row)}"),
            _avoided(row),
            _price(row),
            _kept(row),
            words.money_with_range(row.value),
        ]
        for row in value.by_outcome
    ]
    heads = [
        "Outcome, whose gain",
        "Avoided (range)",
        f"Price, {value.price_base}",
        "Share kept",
        "Worth (range)",
    ]
    title = (
        "What was avoided, times its price, times the share kept, is its worth. Quantities are "
        "printed in tens or coarser; the worth is worked out before"
    )
    return table(title, heads, rows, numeric="tnnnn", style="dense")


def _said(row: PricedRow) -> str:
    return "; a check objects: in no headline" if row.objected else ""


def _avoided(row: PricedRow) -> Markup:
    """The quantity that the price multiplies, in the price's own unit."""
    figure, whose = row.events_avoided, row.people
    if row.cost_per != "week":
        return _with_note(words.with_range(figure, "mean", _countable), whose)
    weeks = in_weeks(figure.plain())
    years = f"{_countable(figure.mean)} person-years × {WEEKS_A_YEAR}"
    return _with_note(f"{words.with_range(weeks, 'mean', _countable)} weeks", years)


def in_weeks(figure: Mapping[str, float | None]) -> dict[str, float | None]:
    """Person-years as weeks, by which a price a week is multiplied."""
    return {end: part and part * WEEKS_A_YEAR for end, part in figure.items()}


def _price(row: PricedRow) -> Markup:
    digits = 2 if row.unit_cost < 1000 else 0
    unit = _PRICED.get(row.cost_per, "each")
    basis = "marginal" if row.bankable else "average"
    shown = _with_note(
        f"£{row.unit_cost:,.{digits}f} {unit}",
        f"{basis}, from {row.price_year} prices, {row.confidence}",
    )
    if not row.vintage:
        return shown
    return shown + _with_note("", f"{row.vintage}, {row.code}")


def _kept(row: PricedRow) -> str:
    if row.given_up:
        return "none"
    share = row.share
    return "all" if share == 1 else words.percent(100 * share, 0)


def _countable(count: float | None) -> str:
    """With the digits that let a reader check a product: a released quantity is in whole tens."""
    return words.number(count, 1 if count is not None and count % 1 and abs(count) < 1000 else 0)


def _with_note(text: str, note: str) -> Markup:
    return Markup("{}<span class='from'>{}</span>").format(text, note)


def _price_notes(value: Accounts) -> list[str]:
    """What is to be known of each price, once; average or marginal is said beside each."""
    notes = [
        f"{row.title}: {words.sentence(row.note)} {row.basis}".strip()
        for row in value.by_outcome
        if row.note
    ]
    return list(dict.fromkeys(notes))


def _flat(row: Record) -> dict[str, Any]:
    """A row whose ranges stand in columns of their own."""
    found: dict[str, Any] = {}
    for key, figure in row.items():
        if isinstance(figure, dict):
            found |= {f"{key}_{part}": number for part, number in figure.items()}
        else:
            found[key] = figure
    return found
