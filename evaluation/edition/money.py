"""What the money page shows: totals, who pays and who gains, the balance over time, the prices."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from evaluation.edition import answers, figures, words
from evaluation.edition.edition import Edition, Record, StudyResults
from evaluation.edition.files import Generated
from evaluation.edition.tables import table
from evaluation.value.units import WEEKS_A_YEAR

_TOTALS = (
    ("cost", "Cost of the programme"),
    ("gross_fiscal", "Public spending released"),
    ("cashable", "Of what was released, could be taken out of a budget"),
    ("net_fiscal", "Public spending released less cost"),
    ("gross_economic", "Gains to people's incomes and to the economy"),
    ("gross_social", "Gains to people's lives, in pounds"),
    ("npsv", "Net present social value: gains less cost, discounted, without benefit payments"),
)
_BUDGETS = {
    "AME": "of which benefits and the like (AME)",
    "DEL": "of which agencies' budgets (DEL)",
}
_OWN_KIND = {"gross_economic": "economic", "gross_social": "social"}
_NO_RANGE = "no range of its own"
# What one unit of a price is, and how the price is said.
_PRICED = {"event": "each", "person_year": "a person-year", "week": "a week"}


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the money page's template asks for; None where nothing is valued."""
    study = edition.headline
    value = study.value
    if value is None:
        return {"value": None, "study": study}
    name = f"{study.study}/money"
    out.table(f"{name}-outcomes", [_flat(row) for row in value["by_outcome"]])
    out.table(f"{name}-agencies", [_flat(row) for row in value["by_agency"]])
    return {
        "value": value, "study": study, "name": name,
        "totals": _totals_table(value), "gains": gains_chart(study, out, "../"),
        "agencies": _agency_table(value), "cumulative": _cumulative_chart(study, value, out),
        "began": _began(value), "prices": _price_table(value), "price_notes": _price_notes(value),
        "notes": [words.sentence(note) for note in value["notes"]],
    }  # fmt: skip


def gains_chart(study: StudyResults, out: Generated, root: str) -> Markup:
    """Who pays and who gains, to date."""
    if study.value is None:
        return Markup("")
    rows = study.value["by_agency"]
    said = " ".join(
        f"{row['name']} has paid {words.pounds(row['cost']['mean'])} and gained "
        f"{words.money_with_range(row['gain'])}." for row in rows
    )  # fmt: skip
    alt = f"Bar chart of costs and gains to date by agency. {said}"
    return out.plate(f"{study.study}/gains", root, alt, figures.gains, rows)


def _totals_table(value: Record) -> Markup:
    rows = []
    kinds = {row["kind"] for row in value["by_outcome"]}
    for key, title in _TOTALS:
        figure = value["totals"].get(key)
        if figure is None:
            continue
        if not figure["mean"] and _OWN_KIND.get(key, "fiscal") not in kinds:
            rows.append([title, "not valued", ""])
            continue
        rows.append([title, words.pounds(figure["mean"]), _range(figure)])
        rows += _parts(value) if key == "gross_fiscal" else []
    heads = ["Account", "Best figure", "Range"]
    return table(f"To date, {value['price_base']} prices", heads, rows, numeric="tnn")


def _parts(value: Record) -> list[list[str]]:
    """What was released, by kind of budget, and what rests on findings that are objected to."""
    rows = []
    for budget, title in _BUDGETS.items():
        gains = [row["gain"]["mean"] for row in value["by_agency"] if row["budget"] == budget]
        if gains:
            rows.append([title, words.pounds(sum(gains)), _NO_RANGE])
    if lost := answers.not_standing(value):
        part = sum(row["gross_fiscal"]["mean"] for row in lost)
        title = f"of which from {answers.cannot_be_told(value)}"
        rows.append([title, words.pounds(part), _NO_RANGE])
    return rows


def _began(value: Record) -> str:
    """That the balance began below nought, where it did."""
    first = value["by_quarter"][0] if value["by_quarter"] else None
    if first is None or first["cumulative_net"]["mean"] >= 0:
        return ""
    balance = words.pounds(first["cumulative_net"]["mean"])
    return (
        "Set-up is paid first and what it brings comes later: at the end of "
        f"{first['quarter']} the balance stood at {balance}."
    )


def _agency_table(value: Record) -> Markup:
    rows = [
        [row["name"], row["budget"], words.pounds(row["cost"]["mean"]),
         words.money_with_range(row["gain"]), words.money_with_range(row["net"])]
        for row in value["by_agency"]
    ]  # fmt: skip
    heads = ["Agency", "Budget", "Paid", "Gained (range)", "Balance (range)"]
    return table("Who pays and who gains, to date", heads, rows, numeric="ttnnn")


def _price_table(value: Record) -> Markup:
    names = {row["agency"]: row["name"] for row in value["by_agency"]}
    rows = [
        [_with_note(row["title"], f"{row['kind']}: {names.get(row['agency'], row['agency'])}"),
         _avoided(row), _price(row), _kept(row), words.money_with_range(row["value"])]
        for row in value["by_outcome"]
    ]  # fmt: skip
    heads = ["Outcome, whose gain", "Avoided (range)", f"Price, {value['price_base']}",
             "Share kept", "Worth (range)"]  # fmt: skip
    return table("What was avoided, times its price, times the share kept, is its worth", heads,
                 rows, numeric="tnnnn", style="dense")  # fmt: skip


def _avoided(row: Record) -> Markup:
    """The quantity that the price multiplies, in the price's own unit."""
    figure, whose = row["events_avoided"], row["people"]
    if row.get("cost_per") != "week":
        return _with_note(words.with_range(figure, "mean", _countable), whose)
    weeks = {key: figure[key] and figure[key] * WEEKS_A_YEAR for key in ("mean", "low", "high")}
    years = f"{_countable(figure['mean'])} person-years × {WEEKS_A_YEAR}"
    return _with_note(f"{words.with_range(weeks, 'mean', _countable)} weeks", years)


def _price(row: Record) -> Markup:
    digits = 2 if row["unit_cost"] < 1000 else 0
    unit = _PRICED.get(row.get("cost_per", "event"), "each")
    return _with_note(f"£{row['unit_cost']:,.{digits}f} {unit}",
                      f"from {row['price_year']} prices, {row['confidence']}")  # fmt: skip


def _kept(row: Record) -> str:
    if row.get("given_up"):
        return "none"
    share = row.get("share", 1.0)
    return "all" if share == 1 else words.percent(100 * share, 0)


def _countable(count: float | None) -> str:
    """With the digits that let a reader check a product."""
    return words.number(count, 1 if count is not None and abs(count) < 1000 else 0)


def _with_note(text: str, note: str) -> Markup:
    return Markup("{}<span class='from'>{}</span>").format(text, note)


def _price_notes(value: Record) -> list[str]:
    """What is to be known of each price, once."""
    notes = [f"{row['title']}: {words.sentence(row['note'])}" for row in value["by_outcome"]
             if row["note"]]  # fmt: skip
    return list(dict.fromkeys(notes))


def _cumulative_chart(study: StudyResults, value: Record, out: Generated) -> Markup:
    rows = value["by_quarter"]
    if not rows:
        return Markup("")
    last = rows[-1]
    said = (
        f"By {last['quarter']} what was released less what was spent came to "
        f"{words.money_with_range(last['cumulative_net'])}."
    )
    return out.plate(f"{study.study}/cumulative", "../", f"Line chart with a range. {said}",
                     figures.cumulative, rows, caption=said)  # fmt: skip


def _range(figure: Record) -> str:
    if figure["low"] is None or words.pounds(figure["low"]) == words.pounds(figure["high"]):
        return ""
    return f"{words.pounds(figure['low'])} to {words.pounds(figure['high'])}"


def _flat(row: Record) -> dict[str, Any]:
    """A row whose ranges stand in columns of their own."""
    found: dict[str, Any] = {}
    for key, figure in row.items():
        if isinstance(figure, dict):
            found |= {f"{key}_{part}": number for part, number in figure.items()}
        else:
            found[key] = figure
    return found
