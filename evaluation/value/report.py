"""The accounts as plain data: what a study's results hold and the book's money page reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.value import judgement, ratios, scenarios, sensitivity, what_if
from evaluation.value.units import cost_units_a_quarter

if TYPE_CHECKING:
    from evaluation.finding import Finding
    from evaluation.value.accounts import Value
    from evaluation.value.lines import Line

FAN = (0.025, 0.1, 0.25, 0.75, 0.9, 0.975)


def as_data(
    value: Value, findings: Mapping[str, Finding], fifths: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The accounts as the money page reads them; every figure from the same draws.

    ``fifths`` are the rows of `equity.by_fifth`, where areas have deprivation fifths.

    ``not_standing`` names the valued outcomes against which a check objects: they enter, as every
    registered outcome does, but nobody should read the total without them in view.
    """
    return {
        "price_base": value.price_base,
        "parameters": value.parameters.name,
        "to_date": True,
        "base_period": value.base_period.label,
        "last": value.grid.quarters[-1],
        "draws": value.draws,
        "level": value.level,
        "totals": _totals(value),
        "by_agency": value.by_budget(),
        "by_outcome": [_priced(value, line) for line in value.lines],
        "by_site": value.by("site").reset_index().to_dict("records"),
        "by_quarter": _over_time(value),
        "payback": ratios.payback_quarter(value),
        "waterfall": ratios.waterfall(value),
        "tornado": sensitivity.tornado(value),
        "information": sensitivity.value_of_information(value),
        "public_funds": ratios.value_of_public_funds(value),
        "red_agencies": _with_red(value),
        "categories": ratios.category_chances(value),
        "scenarios": scenarios.scenarios(value),
        "break_even": scenarios.break_even_persistence(value),
        "what_if": what_if.published_draws(value),
        "four_es": judgement.four_es(value, findings, fifths),
        "by_fifth": list(fifths),
        "not_monetised": judgement.not_monetised(value, findings),
        "what_would_change_it": judgement.what_would_change_it(value),
        "red": judgement.red_flags(value),
        "to_confirm": judgement.to_be_confirmed(value),
        "sources": sources(value),
        "costs": value.costs.groupby(["agency", "kind"])["amount"]
        .sum()
        .reset_index()
        .to_dict("records"),
        "not_standing": _not_standing(value, findings),
        "not_standing_together": _not_standing_together(value, findings),
        "notes": _notes(value),
    }


def sources(value: Value) -> list[dict[str, str]]:
    """Every vintage that a figure of these accounts rests on, with its source."""
    params = value.parameters
    held = []
    for what, table, vintage in (
        ("Discount rates", "discount", params.discount),
        ("Deflator", "deflator", params.deflator),
    ):
        rows = params.tables[table]
        first = rows[rows["vintage"] == vintage].iloc[0]
        held.append((what, vintage, str(first["source"]), str(first["confidence"])))
    for line in value.lines:
        cost = line.cost
        held.append((f"Price {cost.code}", cost.vintage, cost.source, cost.confidence))
    for what, table in (
        ("Share that can leave a budget", "cashable"),
        ("How far prices may be off", "confidence"),
        ("Overlap of outcomes", "overlap"),
        ("Categories of value for money", "categories"),
    ):
        first = params.tables[table].iloc[0]
        held.append((what, str(first["vintage"]), str(first["source"]), str(first["confidence"])))
    names = ("what", "vintage", "source", "confidence")
    return [dict(zip(names, row, strict=True)) for row in dict.fromkeys(held)]


def _totals(value: Value) -> dict[str, Any]:
    found = value.ratios()
    return {
        **{str(name): row for name, row in value.totals().to_dict("index").items()},
        "bcr": found.loc["bcr"].to_dict(),
        "fiscal_ratio": found.loc["fiscal"].to_dict(),
        "cashable_ratio": found.loc["cashable"].to_dict(),
        "p_npsv_positive": float(found["p_above_one"]["bcr"]),
    }


def _over_time(value: Value) -> list[dict[str, Any]]:
    """One row a quarter, the cumulative net position with the quantiles of its fan."""
    gain = value.by_quarter(value.fiscal)
    running = np.cumsum(gain - value.cost_by_quarter, axis=1)
    fans = np.quantile(running[1:], FAN, axis=0)
    return [
        {
            "quarter": quarter,
            "gain": {k: row[k] for k in ("mean", "low", "high")},
            "cost": row["cost"],
            "cumulative_net": {k: row[f"cumulative_{k}"] for k in ("mean", "low", "high")},
            "fan": {str(q): float(fans[i, place]) for i, q in enumerate(FAN)},
            "p_paid_back": row["p_paid_back"],
        }
        for place, (quarter, row) in enumerate(value.payback().iterrows())
    ]


def _with_red(value: Value) -> list[str]:
    """Budgets whose gain rests on a red-graded price, as ``agency/budget``."""
    return sorted(
        {
            f"{line.cost.agency}/{line.cost.budget}"
            for line in value.lines
            if line.cost.confidence == "red"
        }
    )


def _not_standing(value: Value, findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    valued = {line.outcome.code: line.outcome for line in value.lines}
    return [
        {
            "outcome": code,
            "title": outcome.title,
            "plain_title": outcome.plain_title,
            "verdict": findings[code].verdict,
            **value.of_outcome(code),
        }
        for code, outcome in valued.items()
        if code in findings and findings[code].objections
    ]


def _not_standing_together(value: Value, findings: Mapping[str, Finding]) -> dict[str, Any] | None:
    """What the objected outcomes come to together, and the chance of a gain without them."""
    codes = {code for code, finding in findings.items() if finding.objections}
    lines = [line for line in value.lines if line.outcome.code in codes]
    if not lines:
        return None
    kept = [line for line in value.public if line.outcome.code not in codes]
    without = value.total(kept, discounted=True) - value.discounted_cost
    return {
        "gross_fiscal": value.summary(value.total([line for line in lines if line.fiscal])),
        "npsv_without": value.summary(without),
        "p_npsv_positive_without": float((without[1:] > 0).mean()),
    }


def _priced(value: Value, line: Line) -> dict[str, Any]:
    """One row of the table of prices: quantity, price, share, worth, and the price's source."""
    cost, outcome = line.cost, line.outcome
    avoided = value.tally.avoided[outcome.code].by_quarter.sum(axis=1)
    stock = outcome.kind == "stock"
    years = cost_units_a_quarter("stock", "person_year") if stock else 1.0
    return {
        "outcome": outcome.code,
        "title": outcome.title,
        "people": f"{outcome.people}, person-years" if stock else outcome.people,
        "events_avoided": value.summary(years * avoided),
        "unit_cost": line.pounds,
        "cost_per": cost.cost_per,
        "price_year": cost.price_year,
        "confidence": cost.confidence,
        "approximate": line.approximate,
        "kind": cost.kind,
        "agency": cost.agency,
        "agency_name": value.agency_name(cost.agency),
        "budget": cost.budget,
        "code": cost.code,
        "vintage": cost.vintage,
        "source": cost.source,
        "share": line.share,
        "given_up": line.given_up,
        "transfer": cost.transfer,
        "value": value.summary(value.pounds_of(line)),
        "note": cost.note,
        "basis": judgement.basis_of(cost),
        "bankable": cost.basis == "marginal",
        "red": cost.confidence == "red",
    }


def _notes(value: Value) -> list[str]:
    notes = [
        "To date: nothing is assumed after the last quarter, and costs come before gains.",
        "Unit costs are averages. An average cost is what a service spends on a case; what a "
        "budget saves when there is one case fewer is less, and comes later. No figure here is a "
        "saving that can be banked.",
        f"Prices of {value.price_base}; unit costs from their price years by the deflator "
        f"({value.parameters.deflator}); a financial year by the calendar year in which it begins, "
        "which is approximate.",
        f"Discounted by {value.parameters.discount}, from {value.base_period}. A chance here is a "
        "confidence: it rests on re-drawn start dates and on the grades of the prices.",
        "Benefit savings are annually managed expenditure and never reach a council.",
    ]
    if value.not_valued:
        named = ", ".join(value.programme.outcome_by_code[code].title for code in value.not_valued)
        notes.append(f"Not valued, since no unit cost fits: {named}.")
    unbounded = [code for code, a in value.tally.avoided.items() if not np.isfinite(a.widening)]
    if unbounded:
        titles = sorted(value.programme.outcome_by_code[code].title for code in unbounded)
        notes.append(
            "Too few comparable areas to set limits, so that these ranges are too narrow: "
            f"{', '.join(titles)}."
        )
    return notes + [
        f"{line.outcome.title}: the {line.cost.composite_of.upper()} part of its composite cost is "
        "given up, because other outcomes here count it."
        for line in value.lines
        if line.given_up
    ]
