"""How the pilots were chosen, and how they differed before the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.programme import Area
from evaluation.study.record import BalanceRow, Results

KINDS = {"level": "level", "path": "path (change a period)"}


def chosen_view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    study = edition.headline
    rows = list(study.balance)
    if rows:
        out.table(f"{study.study}/balance", [row.plain() for row in rows])
    return {
        "study": study,
        "chart": _chart(study, rows, out),
        "balance": _balance_table(study, rows),
        "summary": summary(study),
        "name": f"{study.study}/balance",
        "people": _people_table(edition),
        "flow": _flow(edition),
    }


def summary(study: Results) -> str:
    """How many differences there are before the start, and what chance would give."""
    rows = [(r, r.difference) for r in study.balance if r.difference is not None]
    if not rows:
        return "Differences before the start are not recorded for this study."
    low = [r for r, _ in rows if r.p_value is not None and r.p_value < 0.05]
    largest, difference = max(rows, key=lambda row: abs(row[1]))
    titles = {o.code: words.within(o.plain_title) for o in study.outcomes}
    by_chance = words.number(max(1.0, 0.05 * len(rows)))
    apart = words.number(abs(difference), 2)
    side = "above" if difference > 0 else "below"
    return (
        f"Of {words.counted(len(rows), 'difference')} before the start, "
        f"{words.number(len(low)) if low else 'none'} would be rare among areas drawn by lot "
        f"(p below 0.05); chance alone would give about {by_chance}. The largest is in the "
        f"{largest.characteristic} of {titles[largest.outcome]}: pilots lie {apart} standard "
        f"deviations {side} comparison areas."
    )


def _chart(study: Results, rows: list[BalanceRow], out: Generated) -> Markup:
    titles = {o.code: o.plain_title for o in study.outcomes}
    drawn = [
        figures.Difference(titles[r.outcome], r.characteristic, r.difference)
        for r in rows
        if r.difference is not None
    ]
    if not drawn:
        return Markup("")
    alt = f"Dot chart of pilots against comparison areas before the start. {summary(study)}"
    below = "Grey: a tenth of a standard deviation."
    return out.plate(f"{study.study}/balance", "", alt, figures.balance, drawn, caption=below)


def _balance_table(study: Results, rows: list[BalanceRow]) -> Markup:
    titles = {o.code: o.plain_title for o in study.outcomes}
    cells = [
        [
            titles[r.outcome],
            KINDS.get(r.characteristic, r.characteristic),
            words.level(r.pilots),
            words.level(r.comparisons),
            words.number(r.difference, 2),
            words.chance(r.p_value),
        ]
        for r in rows
    ]
    heads = ["Outcome", "What", "Pilot areas", "Comparison areas", "Standardised difference", "p"]
    title = "Before the first start, means over areas"
    return table(title, heads, cells, numeric="ttnnnn") if rows else Markup("")


def residents(areas: Sequence[Area]) -> float | None:
    """How many live in an area, on the mean, by the programme's own declaration."""
    people = [a.population for a in areas if a.population]
    return sum(people) / len(people) if people else None


def _people_table(edition: Edition) -> Markup:
    """Size and deprivation of pilot areas, comparison areas, and all areas of the programme."""
    programme = edition.programme
    fifth = {one.area: one.fifth for one in programme.deprivation}
    income = {one.area: one.income for one in programme.deprivation}
    groups: list[tuple[str, list[Area]]] = [
        ("Pilot areas", [a for a in programme.areas if a.role == "pilot"]),
        ("Comparison areas", [a for a in programme.areas if a.role == "comparison"]),
        ("All areas", list(programme.areas)),
    ]
    rows = []
    for name, areas in groups:
        held = [a.code for a in areas if a.code in fifth]
        share = sum(fifth[code] == 1 for code in held) / len(held) if held else None
        mean = sum(income[code] for code in held) / len(held) if held else None
        rows.append(
            [
                name,
                words.number(len(areas)),
                "not known" if (people := residents(areas)) is None else words.number(people),
                "not known" if share is None else words.percent(100 * share, 0),
                "not known" if mean is None else words.pounds(mean),
            ]
        )
    heads = ["Group", "Areas", "Residents an area", "In the most deprived fifth", "Mean income"]
    return table("Who lives there", heads, rows, numeric="tnnnn")


def _flow(edition: Edition) -> Markup:
    """From all areas to the sample: how many are left out at each step, and why."""
    sample, programme = edition.headline.sample, edition.programme
    authorities = words.counted(sample.authorities, "authority", "authorities")
    aside = [a for a in programme.areas if a.role == "excluded"]
    rows = [
        ["Areas of the programme", words.number(len(programme.areas)), ""],
        [
            "Set aside",
            words.number(len(aside)),
            "; ".join(sorted({a.reason for a in aside if a.reason})),
        ],
        ["Pilot areas in the study", words.number(sample.pilot_areas), ""],
        [
            "Comparison areas in the study",
            words.number(sample.comparison_areas),
            f"in {authorities}, the pilots' included",
        ],
    ]
    heads = ["Step", "Areas", "Note"]
    return table("From all areas to those compared", heads, rows, numeric="tnt", style="named")
