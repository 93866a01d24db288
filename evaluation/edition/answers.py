"""The answer in one sentence each: lives, money, how sure, and the points that follow from them.

Only the findings speak: a sentence says that something fell only if its verdict bears it, and a
null or a harm is written as plainly as a success.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.edition import words
from evaluation.edition.edition import Record, StudyResults


def people(outcome: Record, period: str) -> str:
    """``about 31 fewer A&E attendances a quarter``."""
    figures = outcome["finding"]["people"]
    if figures is None:
        return "not counted in people"
    when = f"a {period}" if outcome["kind"] == "flow" else "at any one time"
    return f"{words.fewer_or_more(figures['per_quarter'], outcome['people'])} {when}"


def people_range(outcome: Record) -> str:
    """``12 to 50 fewer``."""
    figures = outcome["finding"]["people"]
    return "no range" if figures is None else words.people_range(figures["per_quarter"])


def ratio(figure: Record) -> str:
    """``£0.51 back for each £1 (£0.24 to £0.78)``."""
    return words.with_range(figure, "mean", words.ratio)


def style(outcome: Record) -> str:
    """The class of the outcome's verdict: better, worse, none, early, unknown."""
    return words.verdict(outcome["finding"]["verdict"]).style


def interval(effect: Record | None) -> str:
    """``−13% to −3.5%``."""
    if effect is None or effect["low"] is None or effect["high"] is None:
        return "no range"
    return f"{words.signed_percent(effect['low'])} to {words.signed_percent(effect['high'])}"


def lives(study: StudyResults) -> str:
    """What happened to people, from the primary outcomes alone."""
    primary = study.with_role("primary")
    told = [o for o in primary if style(o) in ("better", "worse")]
    rest = _by_verdict([o for o in primary if o not in told])
    where = f"across {words.counted(len(study.sites), 'site')}"
    if not told:
        return f"No main outcome has moved clearly {where} so far. {rest}".strip()
    counted = [o for o in told if o["finding"]["people"] is not None]
    if len(told) == len(counted) == 1:
        (one,) = counted
        return (
            f"{where.capitalize()} there were {people(one, study.period_word)} than there would "
            f"have been without the programme (likely {people_range(one)}). {rest}"
        ).strip()
    clear = words.listed([_moved(o, study.period_word) for o in told])
    return f"{where.capitalize()}, compared with no programme: {clear}. {rest}".strip()


def _moved(outcome: Record, period: str) -> str:
    if outcome["finding"]["people"] is None:
        return f"{outcome['plain_title']} {words.verdict(outcome['finding']['verdict']).word}"
    return f"{people(outcome, period)} (likely {people_range(outcome)})"


def _by_verdict(outcomes: Sequence[Record]) -> str:
    """As in ``Too early to say: claims. No effect larger than 6%: arrears``."""
    grouped: dict[str, list[str]] = {}
    for outcome in outcomes:
        word = words.verdict(outcome["finding"]["verdict"]).word
        grouped.setdefault(word, []).append(words.within(outcome["plain_title"]))
    return " ".join(
        words.sentence(f"{word}: {words.listed(titles)}") for word, titles in grouped.items()
    )


def money(study: StudyResults) -> str:
    """What it cost and released so far, what can be taken out of a budget, and the balance."""
    if study.value is None:
        return "Not valued: no outcome of this study has a price."
    totals = study.value["totals"]
    released, cashable = totals["gross_fiscal"], totals["cashable"]
    return (
        f"So far the programme has cost {words.pounds(totals['cost']['mean'])} and "
        f"released {words.money_with_range(released)} of public services' capacity; "
        f"{words.money_with_range(cashable)} of that can be taken out of a budget. "
        f"{balance(totals['net_fiscal'])}"
    )


def balance(net: Record) -> str:
    """Whether it has paid for itself, as far as the range bears."""
    if net["high"] is not None and net["high"] < 0:
        return "It has not yet paid for itself."
    if net["low"] is not None and net["low"] > 0:
        return "It has paid for itself."
    return "Whether it has paid for itself cannot be told yet."


def checks(study: StudyResults) -> dict[str, int]:
    """How many diagnostics of the primary outcomes hold, fail and cannot tell."""
    results = [d["result"] for o in study.with_role("primary") for d in o["diagnostics"]]
    return {word: results.count(word) for word in ("holds", "fails", "cannot tell")}


def how_sure(study: StudyResults) -> str:
    """The standing of the evidence: fixed in advance or not, against what, checks passed."""
    label = {
        "confirmatory": "Confirmatory: the analysis was fixed before the data were seen.",
        "exploratory": "Exploratory: the analysis was not fixed before the data were seen.",
    }[study.raw["label"]]
    found = checks(study)
    parts = [words.counted(found["holds"], "check holds", "checks hold")]
    if found["fails"]:
        parts.append(words.counted(found["fails"], "fails", "fail"))
    if found["cannot tell"]:
        parts.append(f"{words.number(found['cannot tell'])} cannot tell")
    drawn = study.raw["assignments"]["drawn"]
    against = f"Tested against {words.number(drawn)} re-drawn start dates."
    return f"{label} {against} " + (words.listed(parts) + "." if sum(found.values()) else "")


def unknowns(study: StudyResults) -> list[Record]:
    """Outcomes whose question is open, in the order of the results."""
    open_ones = study.with_role("primary", "harm", "secondary")
    return [o for o in open_ones if style(o) in ("early", "unknown")]


def measures_lives(study: StudyResults) -> bool:
    """Whether people themselves were asked, in pilot and comparison areas alike."""
    return any(o["agency"] == "people" for o in study.outcomes)
