"""A judgement and not only a ratio: the Four Es, what has no price, and what a price is worth.

Every sentence is made from the accounts and the findings; none is written for an occasion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.value.sensitivity import switching

if TYPE_CHECKING:
    from evaluation.finding import Finding
    from evaluation.value.accounts import Value
    from evaluation.value.parameters import UnitCost

RED_MATTERS_FROM = 0.05
LARGEST_MULTIPLE = 5
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
                "title": outcome.title,
                "direction": finding.verdict if finding else "not judged",
                "evidence": finding.sentence if finding else "",
                "why": f"no unit cost fits {outcome.title.lower()} as it is counted here",
            }
        )
    return rows


def what_would_change_it(value: Value) -> list[str]:
    """By how much each gain would have to differ for gains to equal costs; the nearest first."""
    best = float(value.net_present_social_value()[0])
    standing = "do not cover costs" if best < 0 else "exceed costs"
    said = [
        f"If the gain from \u201c{row['title']}\u201d were {row['times']:.1f} times what is "
        f"estimated, all gains together would equal costs (as estimated they {standing} so far)."
        for row in switching(value)
        if row["times"] is not None and row["times"] <= LARGEST_MULTIPLE
    ]
    return said or [
        f"No single outcome, even at {LARGEST_MULTIPLE} times what is estimated, would make gains "
        "equal costs."
    ]


def basis_of(cost: UnitCost) -> str:
    """What a price is, said beside it: average or marginal, and whether it can be banked."""
    if cost.basis == "marginal":
        return "Marginal: what a budget saves when there is one fewer."
    return (
        f"Average ({cost.vintage}): what a service spends on one. What a budget saves when there "
        "is one fewer is less, so this is not a saving that can be banked."
    )


def red_flags(value: Value) -> list[dict[str, Any]]:
    """Red-graded prices whose gain is a twentieth or more of all gains, either way."""
    sizes = {line: abs(float(value.pounds_of(line)[0])) for line in value.lines}
    whole = sum(sizes.values()) or 1.0
    return [
        {
            "outcome": line.outcome.code,
            "title": line.outcome.title,
            "code": line.cost.code,
            "share": size / whole,
        }
        for line, size in sizes.items()
        if line.cost.confidence == "red" and size / whole >= RED_MATTERS_FROM
    ]


def to_be_confirmed(value: Value) -> list[str]:
    """What of the prices in use is still to be confirmed in their source."""
    costs = {line.cost.code: line.cost for line in value.lines if line.cost.confirm}
    grouped: dict[str, list[str]] = {}
    for code, cost in costs.items():
        grouped.setdefault(cost.confirm, []).append(code)
    return [f"{what} of {', '.join(codes)}" for what, codes in grouped.items()]


def _economy(value: Value) -> str:
    kinds = value.costs.groupby("kind")["amount"].sum()
    parts = ", ".join(f"£{amount:,.0f} {kind}" for kind, amount in kinds.items())
    sites = max(1, value.costs["site"].nunique())
    return (
        f"£{value.cost:,.0f} was paid to date at {sites} sites ({parts}), in "
        f"{value.price_base} prices. Whether the same could have been bought for less was not "
        "tested: no price was compared with another supplier's."
    )


def _efficiency(value: Value) -> str:
    rows = []
    for code, avoided in value.tally.avoided.items():
        outcome = value.programme.outcome_by_code[code]
        if outcome.kind != "flow" or not value.cost:
            continue
        found = value.summary(_SPENT * avoided.by_quarter.sum(axis=1) / value.cost)
        shown = " to ".join(f"{found[end]:,.0f}" for end in ("low", "high"))
        rows.append(f"{outcome.title}: {found['mean']:,.0f} ({shown})")
    if not rows:
        return "No outcome that counts events was valued, so nothing is said for each pound."
    return (
        f"For each £{_SPENT:,} paid, avoided to date, all by the same money: {'; '.join(rows)}. "
        "Below nought there were more."
    )


def _effectiveness(findings: Mapping[str, Finding]) -> str:
    margin = "with no effect larger than the margin that matters"
    counts = Counter(
        margin if finding.verdict.startswith("no effect larger than") else finding.verdict
        for finding in findings.values()
    )
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    return f"Of {len(findings)} outcomes judged: {said}." if findings else "No outcome was judged."


def _equity(fifths: Sequence[Mapping[str, Any]]) -> str:
    valued = [row for row in fifths if row["valued"]]
    if not valued:
        return (
            "Not known: no deprivation fifth holds both pilot and comparison areas here, or the "
            "areas carry none, and what one fifth gained is not inferred from another."
        )
    said = "; ".join(
        f"fifth {row['fifth']}: £{row['people']['mean']:,.0f} counted alike, "
        f"£{row['people_weighted']['mean']:,.0f} weighted"
        for row in valued
    )
    return f"What people gained, by deprivation fifth (1 the most deprived): {said}."
