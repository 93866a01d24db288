"""The accounts as plain data, with their judgement, and by fifth: what the book reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.agreements import LEAST_AREAS
from evaluation.errors import EstimateError, ValueChainError
from evaluation.finance import costs_lacking
from evaluation.finding.verdict import Size
from evaluation.quarters import Period
from evaluation.value import ratios, scenarios, sensitivity
from evaluation.value.cashable import distributional_weight
from evaluation.value.parameters.vintage import OWN_VINTAGE
from evaluation.value.pricing import cost_units_a_quarter, factor_to_price_base
from evaluation.value.ratios import willingness_to_pay
from evaluation.value.sensitivity import switching
from evaluation.wording import Sentence, count, listed, pounds

if TYPE_CHECKING:
    from evaluation.finding import Finding
    from evaluation.panel import Panel
    from evaluation.value.accounts import Value
    from evaluation.value.parameters import UnitCost
    from evaluation.value.pricing import Line


NO_COSTS = (
    "No costs are declared, so no gain is set against what it cost: there is no balance, no ratio "
    "and no time by which it pays for itself."
)
# At red's coefficient of variation of one half such a price moves the total by a fortieth.
RED_MATTERS_FROM = 0.05
LARGEST_MULTIPLE = 5
# Pounds: for much less, most outcomes would come to fractions of an event.
_SPENT = 100_000


def four_es(
    value: Value, findings: Mapping[str, Finding], fifths: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, str]]:
    """Economy, efficiency, effectiveness and equity, a sentence or two each."""
    return [
        {"e": "Economy", "said": _economy(value)},
        {"e": "Efficiency", "said": _efficiency(value)},
        {"e": "Effectiveness", "said": _effectiveness(findings)},
        {"e": "Equity", "said": _equity(fifths)},
    ]


def not_monetised(value: Value, findings: Mapping[str, Finding]) -> list[dict[str, str]]:
    """What was measured and has no price: its direction, and how sure that is."""
    rows = []
    for code in value.not_valued:
        outcome, finding = value.programme.outcome_by_code[code], findings.get(code)
        rows.append(
            {
                "outcome": code,
                "title": outcome.plain_title,
                "direction": str(finding.said) if finding else "not judged",
                "evidence": finding.sentence if finding else "",
                "why": f"no unit cost fits {outcome.plain_title.lower()} as it is counted here",
            }
        )
    return rows


def what_would_change_it(value: Value) -> list[Sentence]:
    """By how much each gain would have to differ for gains to equal costs; the nearest first."""
    best = float(value.net_present_social_value()[0])
    standing = "do not cover costs" if best < 0 else "exceed costs"
    said = [
        Sentence.of(
            "If the gain from \u201c{title}\u201d were {times} times what is estimated, all gains "
            f"together would equal costs (as estimated they {standing} so far).",
            title=row["title"],
            times=count(row["times"], 1),
        )
        for row in switching(value)
        if row["times"] is not None and row["times"] <= LARGEST_MULTIPLE
    ]
    return said or [
        Sentence.of(
            "No single outcome, even at {most} times what is estimated, would make gains equal "
            "costs.",
            most=count(LARGEST_MULTIPLE),
        )
    ]


def basis_of(cost: UnitCost) -> str:
    """What a price is, said beside it: average or marginal."""
    if cost.basis == "marginal":
        return "Marginal: what a budget saves when there is one fewer."
    return (
        f"Average ({cost.vintage}): what a service spends on one. A budget saves less when there "
        "is one fewer."
    )


def red_flags(value: Value) -> list[dict[str, Any]]:
    """Red-graded prices whose gain is a twentieth or more of all gains, either way."""
    # Sizes and not signed gains: a loss on a red price misleads as much as a gain does, and signed
    # gains could sum to nothing.
    sizes = {line: abs(float(value.pounds_of(line)[0])) for line in value.lines}
    whole = sum(sizes.values()) or 1.0
    return [
        {
            "outcome": line.outcome.code,
            "title": line.outcome.plain_title,
            "code": line.cost.code,
            "share": size / whole,
        }
        for line, size in sizes.items()
        if line.cost.confidence == "red" and size / whole >= RED_MATTERS_FROM
    ]


def to_be_confirmed(value: Value) -> list[str]:
    """What of the prices in use is still to be confirmed in their source."""
    grouped: dict[str, dict[str, None]] = {}
    # Rows of one price may lack different things.
    for line in value.lines:
        for what in filter(None, line.cost.confirm.split("; ")):
            grouped.setdefault(what, {})[line.cost.code] = None
    return [f"{what} of {', '.join(codes)}" for what, codes in grouped.items()]


def _economy(value: Value) -> Sentence:
    kinds = value.costs.groupby("kind")["amount"].sum()
    parts = [
        Sentence.of("{amount} {kind}", amount=pounds(amount), kind=str(kind))
        for kind, amount in kinds.items()
    ]
    sites = max(1, value.costs["site"].nunique())
    return Sentence.of(
        f"{{cost}} was paid to date at {sites} site{'' if sites == 1 else 's'} ({{parts}}), in "
        f"{value.price_base} prices. Whether the same could have been bought for less was not "
        "tested: no price was compared with another supplier's.",
        cost=pounds(value.cost),
        parts=listed(parts, ", "),
    )


def _efficiency(value: Value) -> Sentence:
    rows = []
    for code, avoided in value.tally.avoided.items():
        outcome = value.programme.outcome_by_code[code]
        if outcome.kind != "flow" or not value.cost:
            continue
        found = value.summary(_SPENT * avoided.by_quarter.sum(axis=1) / value.cost)
        ends = {name: count(found[name]) for name in ("mean", "low", "high")}
        rows.append(
            Sentence.of("{title}: {mean} ({low} to {high})", title=outcome.plain_title, **ends)
        )
    if not rows:
        return Sentence.of(
            "No outcome that counts events was valued, so nothing is said for each pound."
        )
    return Sentence.of(
        "For each {spent} paid, avoided to date, all by the same money: {rows}. Below nought there "
        "were more.",
        spent=pounds(_SPENT),
        rows=listed(rows, "; "),
    )


def _effectiveness(findings: Mapping[str, Finding]) -> Sentence:
    if not findings:
        return Sentence.of("No outcome was judged.")
    counts = Counter(_moved(finding) for finding in findings.values())
    said = ", ".join(f"{number} {what}" for what, number in counts.most_common())
    return Sentence.of(f"Of {len(findings)} outcomes judged: {said}.")


def _moved(finding: Finding) -> str:
    """Direction and size without the margin, which every outcome has for itself."""
    ruling = finding.ruling
    way = {True: "better", False: "worse", None: "moved"}[ruling.better]
    match ruling.verdict.directed, ruling.size:
        case True, Size.CANNOT_TELL:
            return f"{way}, by how much cannot be told"
        case True, Size.SMALLER:
            return f"{way} but {ruling.size.value}"
        case True, size:
            return f"{way} and {size.value}"
        case False, Size.SMALLER:
            return f"{ruling.size.value}, which way cannot be told"
    return "cannot be told"


def _equity(fifths: Sequence[Mapping[str, Any]]) -> Sentence:
    valued = [row for row in fifths if row["valued"]]
    if not valued:
        return Sentence.of(
            "Not known: no deprivation fifth holds both pilot and comparison areas here, or the "
            "areas carry none, and what one fifth gained is not inferred from another."
        )
    rows = [
        Sentence.of(
            f"fifth {row['fifth']}: {{alike}} counted alike, {{weighted}} weighted",
            alike=pounds(row["people"]["mean"]),
            weighted=pounds(row["people_weighted"]["mean"]),
        )
        for row in valued
    ]
    return Sentence.of(
        "What people gained, by deprivation fifth (1 the most deprived): {rows}.",
        rows=listed(rows, "; "),
    )


# Central ranges of 50, 80 and 95 per cent.
FAN = (0.025, 0.1, 0.25, 0.75, 0.9, 0.975)


def as_data(
    value: Value,
    findings: Mapping[str, Finding],
    fifths: Sequence[Mapping[str, Any]] = (),
    with_objected: Value | None = None,
) -> dict[str, Any]:
    """The accounts as the money page reads them; every figure from the same draws.

    ``fifths`` are the rows of `by_fifth`, where areas have deprivation fifths.

    A programme that declares no costs has no such accounts, only gains: `gross_data`.

    ``value`` counts the outcomes whose checks hold, clear or not. ``with_objected`` counts those as
    well that a check objects to: its totals and accounts stand beside the others, in the same
    draws, and ``not_standing`` names what the two differ by. It is None where nothing is objected
    to. Where everything is, ``value`` counts nothing, and what lies behind a total is left empty.

    Raises
    ------
    ValueChainError : no costs are declared.
    """
    if not value.costed:
        raise ValueChainError(
            NO_COSTS,
            where=value.programme.name,
            mend="let finance departments report them (money: {} in programme.yaml), or read the "
            "gains alone",
        )
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
        "by_outcome": _all_priced(value, with_objected),
        "by_site": value.by("site").reset_index().to_dict("records"),
        "by_quarter": _over_time(value),
        "payback": ratios.payback_quarter(value),
        "waterfall": ratios.waterfall(value) if value.lines else [],
        "tornado": sensitivity.tornado(value) if value.lines else [],
        "information": sensitivity.value_of_information(value),
        "public_funds": ratios.value_of_public_funds(value),
        "red_agencies": _with_red(with_objected or value),
        "categories": ratios.category_chances(value) if value.lines else [],
        "scenarios": scenarios.scenarios(value) if value.lines else [],
        "break_even": scenarios.break_even_persistence(value),
        "what_if": scenarios.published_draws(value),
        "four_es": four_es(value, findings, fifths),
        "by_fifth": list(fifths),
        "not_monetised": not_monetised(value, findings),
        "what_would_change_it": what_would_change_it(value),
        "red": red_flags(value),
        "to_confirm": to_be_confirmed(with_objected or value),
        "sources": sources(with_objected or value),
        "costs": value.costs.groupby(["agency", "kind"])["amount"]
        .sum()
        .reset_index()
        .to_dict("records"),
        "site_costs": value.costs.groupby("site")["amount"].sum().reset_index().to_dict("records"),
        "taken_out": taken_out(value),
        "costs_lacking": _lacking(value),
        **_beside(with_objected, findings),
        "notes": _notes(value),
    }


def _beside(every: Value | None, findings: Mapping[str, Finding]) -> dict[str, Any]:
    """The same accounts with what is objected to; nothing where nothing is."""
    if every is None:
        return {}
    return {
        "not_standing": _not_standing(every, findings),
        "with_objected": {"totals": _totals(every), "by_agency": every.by_budget()},
    }


def _all_priced(value: Value, every: Value | None) -> list[dict[str, Any]]:
    """Every priced line, in the order of the outcomes; those objected to say so."""
    standing = {line.outcome.code for line in value.lines}
    whole = every or value
    return [
        _priced(whole, line) | ({} if line.outcome.code in standing else {"objected": True})
        for line in whole.lines
    ]


def gross_data(value: Value, with_objected: Value | None = None) -> dict[str, Any]:
    """What is gained, where no cost is declared to set it against: no balance and no ratio.

    Both as in `as_data`.
    """
    beside = (
        {}
        if with_objected is None
        else {
            "with_objected": {
                "totals": _gains(with_objected),
                "by_agency": _gains_by_agency(with_objected),
            }
        }
    )
    return {
        "price_base": value.price_base,
        "parameters": value.parameters.name,
        "last": value.grid.quarters[-1],
        "draws": value.draws,
        "level": value.level,
        "totals": _gains(value),
        "by_agency": _gains_by_agency(value),
        "by_outcome": _all_priced(value, with_objected),
        "taken_out": taken_out(value),
        **beside,
        "notes": [NO_COSTS, *_notes(value)],
    }


def _gains(value: Value) -> dict[str, Any]:
    return {
        str(name): row
        for name, row in value.totals().to_dict("index").items()
        if name not in ("cost", "net_fiscal", "npsv")
    }


def _gains_by_agency(value: Value) -> list[dict[str, Any]]:
    return [
        {name: row[name] for name in ("agency", "name", "budget", "gain")}
        for row in value.by_budget()
    ]


def taken_out(value: Value) -> list[dict[str, Any]]:
    """What was taken out of each budget line up to the last quarter of these accounts."""
    programme, last = value.programme, Period.parse(value.grid.quarters[-1])
    named = {one.code: one for one in programme.money.budgets} if programme.money else {}
    rows: dict[str, dict[str, Any]] = {}
    for one in programme.taken_out:
        if one.period > last:
            continue
        line = named.get(one.line)
        row = rows.setdefault(
            one.line,
            {
                "line": one.line,
                "title": line.title if line else one.line,
                "agency": line.agency if line else "",
                "amount": 0.0,
                "posts": 0.0,
            },
        )
        factor = factor_to_price_base(value.parameters, one.price_year, value.price_base)
        row["amount"] += one.amount * factor
        row["posts"] += one.posts
    return list(rows.values())


def _lacking(value: Value) -> list[str]:
    return list(costs_lacking(value.programme, Period.parse(value.grid.quarters[-1])))


def _of_budgets(value: Value) -> list[str]:
    """What a saving is until finance departments say what left a budget, and what they said."""
    rows = taken_out(value)
    if not rows:
        return [
            "Nothing was reported as taken out of a budget, so whatever is released here is "
            "capacity released, and no saving."
        ]
    parts = [
        Sentence.of(
            "{title}: {amount}, {posts} posts closed",
            title=row["title"],
            amount=pounds(row["amount"]),
            posts=count(row["posts"]),
        )
        for row in rows
    ]
    return [
        Sentence.of(
            "Taken out of budgets to date, as finance departments reported it: {parts}.",
            parts=listed(parts, "; "),
        )
    ]


def _of_costs(value: Value) -> list[str]:
    lacking = _lacking(value)
    if not lacking:
        return []
    return [
        f"What it cost is too low here: {len(lacking)} returns of finance departments are owed and "
        f"not in (first: {lacking[0]})."
    ]


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
    own = {line.outcome.code for line in value.lines}
    held += [
        (f"Overlap of {one.outcome}", OWN_VINTAGE, one.source, one.confidence)
        for one in value.programme.overlaps
        if one.outcome in own
    ]
    names = ("what", "vintage", "source", "confidence")
    # Rows are hashed to be told once each, in the order in which they were first met.
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
            "title": outcome.plain_title,
            "plain_title": outcome.plain_title,
            "verdict": str(findings[code].said),
            **value.of_outcome(code),
        }
        for code, outcome in valued.items()
        if code in findings and findings[code].objections
    ]


def _priced(value: Value, line: Line) -> dict[str, Any]:
    """One row of the table of prices: quantity, price, share, worth, and the price's source."""
    cost, outcome = line.cost, line.outcome
    avoided = value.tally.avoided[outcome.code].by_quarter.sum(axis=1)
    stock = outcome.kind == "stock"
    # A stock's sum over quarters counts person-quarters; a reader reads person-years.
    years = cost_units_a_quarter("stock", "person_year") if stock else 1.0
    return {
        "outcome": outcome.code,
        "title": outcome.plain_title,
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
        "basis": basis_of(cost),
        "bankable": cost.basis == "marginal",
        "red": cost.confidence == "red",
    }


def _notes(value: Value) -> list[str]:
    notes = [
        "To date: nothing is assumed after the last quarter, and costs come before gains.",
        "Unit costs are averages. An average cost is what a service spends on a case; what a "
        "budget saves when there is one case fewer is less, and comes later: what could leave a "
        "budget is a ceiling.",
        f"Prices of {value.price_base}; unit costs from their price years by the deflator "
        f"({value.parameters.deflator}); a financial year by the calendar year in which it begins, "
        "which is approximate.",
        f"Discounted by {value.parameters.discount}, from {value.base_period}. A chance here is a "
        "confidence: it rests on re-drawn start dates and on the grades of the prices.",
        "Benefit savings are annually managed expenditure and never reach a council.",
        *_of_budgets(value),
        *_of_costs(value),
    ]
    if value.not_valued:
        named = ", ".join(
            value.programme.outcome_by_code[code].plain_title for code in value.not_valued
        )
        notes.append(f"Not valued, since no unit cost fits: {named}.")
    # A widening without end says that inversion set no limit: what was drawn cannot show it.
    unbounded = [code for code, a in value.tally.avoided.items() if not np.isfinite(a.widening)]
    if unbounded:
        titles = sorted(value.programme.outcome_by_code[code].plain_title for code in unbounded)
        notes.append(
            "Too few comparable areas to set limits, so that these ranges are too narrow: "
            f"{', '.join(titles)}."
        )
    return notes + [
        f"{line.outcome.plain_title}: the {line.cost.composite_of.upper()} part of its composite "
        "cost is given up, because other outcomes here count it."
        for line in value.lines
        if line.given_up
    ]


FIFTHS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True)
class Incomes:
    """Equivalised income in pounds a year: of each fifth, 1 the most deprived, and of reference."""

    of_fifth: Mapping[int, float]
    reference: float
    source: str


FEWEST_PILOTS = LEAST_AREAS
"""Pilot areas of a fifth that is valued: as many as an effect needs to be printed."""
TOO_FEW_PILOTS = "fewer than three pilot areas: their figures would show people"
"""Why a fifth of fewer is not told."""


def by_fifth(
    panel: Panel,
    fifth_of: Mapping[str, int],
    value_in: Callable[[Panel], Value],
    incomes: Incomes,
    *,
    fewest: int = 1,
) -> list[dict[str, Any]]:
    """One row a fifth: areas, what people and the purse gained, unweighted and weighted.

    Parameters
    ----------
    fifth_of : area code -> fifth, 1 the most deprived. value_in : values one panel, the estimates
        and assignments made anew within it. fewest : pilot areas that a fifth has to have.

    Returns
    -------
    Rows with ``fifth, pilot_areas, comparison_areas, valued, reason`` and, where valued,
    ``people`` (their own gains less lost benefits), ``purse`` (fiscal gains), ``weight`` with its
    sensitivities, and ``people_weighted``. The purse is everyone's and is not weighted.

    Raises
    ------
    ValueChainError : an area of the panel has no fifth.
    """
    codes = [str(code) for code in panel.areas.index]
    if missing := [code for code in codes if fifth_of.get(code) not in FIFTHS]:
        raise ValueChainError(
            f"{len(missing)} areas have no deprivation fifth, the first {missing[0]}.",
            expected="a number from 1, the most deprived, to 5 for every area",
        )
    made = partial(_row, panel, fifth_of=fifth_of, value_in=value_in, incomes=incomes)
    return [made(fifth, fewest=fewest) for fifth in FIFTHS]


def _row(
    panel: Panel,
    fifth: int,
    fifth_of: Mapping[str, int],
    value_in: Callable[[Panel], Value],
    incomes: Incomes,
    fewest: int,
) -> dict[str, Any]:
    inside = np.array([fifth_of[str(code)] == fifth for code in panel.areas.index])
    pilots = int((inside & panel.treated).sum())
    row: dict[str, Any] = {
        "fifth": fifth,
        "pilot_areas": pilots,
        "comparison_areas": int(inside.sum()) - pilots,
        "valued": False,
    }
    # No fifth lends another its effect: what one gained is unknown without both arms inside it.
    if not pilots or pilots == inside.sum():
        lacking = "pilot" if not pilots else "comparison"
        return row | {"reason": f"no {lacking} area lies in this fifth"}
    if pilots < fewest:
        return row | {"reason": TOO_FEW_PILOTS}
    try:
        # The whole chain is run anew in the fifth, its assignments too: a slice of the whole's
        # draws would compare its pilots with areas unlike them.
        value = value_in(panel.select(inside))
    except EstimateError as refused:
        return row | {"reason": refused.what}
    people = willingness_to_pay(value)
    eta = value.parameters.spread("eta")
    weight = {
        name: distributional_weight(incomes.of_fifth[fifth], incomes.reference, number)
        for name, number in (("central", eta.central), ("low", eta.low), ("high", eta.high))
    }
    return row | {
        "valued": True,
        "reason": "",
        "people": value.summary(people),
        # Only people's own gains carry the weight: the purse is everyone's.
        "people_weighted": value.summary(people * weight["central"]),
        "weight": weight,
        "purse": value.summary(value.total(value.fiscal, discounted=True)),
        "source": incomes.source,
    }
