"""What the money page shows: totals, who pays and who gains, the balance over time, the prices."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from evaluation.edition import figures, words
from evaluation.edition.edition import Edition, Record, StudyResults
from evaluation.edition.files import Generated
from evaluation.edition.tables import table

_TOTALS = (
    ("cost", "Cost of the programme"),
    ("gross_fiscal", "Public services' capacity released"),
    ("cashable", "of which can be taken out of a budget"),
    ("net_fiscal", "Released less cost"),
    ("gross_economic", "Gains to people's incomes and to the economy"),
    ("gross_social", "Gains to people's lives, in pounds"),
    ("npsv", "All gains less cost (net present social value)"),
)


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
        "prices": _price_table(value), "price_notes": _price_notes(value),
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
    rows = [
        [title, words.pounds(figure["mean"]), _range(figure)]
        for key, title in _TOTALS if (figure := value["totals"].get(key)) is not None
    ]  # fmt: skip
    heads = ["Account", "Best figure", "Range"]
    return table(f"To date, {value['price_base']} prices", heads, rows, numeric="tnn")


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
        [row["title"], f"{row['kind']}: {names.get(row['agency'], row['agency'])}",
         words.with_range(row["events_avoided"], "mean", words.about),
         f"{words.pounds(row['unit_cost'])} ({row['price_year']}, {row['confidence']})",
         words.money_with_range(row["value"])]
        for row in value["by_outcome"]
    ]  # fmt: skip
    heads = ["Outcome", "Whose gain", "Avoided (range)", "Unit cost (prices of, confidence)",
             "Worth (range)"]  # fmt: skip
    return table("What was avoided, at what price, and its worth", heads, rows, numeric="ttnnn",
                 style="dense")  # fmt: skip


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
