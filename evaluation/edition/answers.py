"""The answer in one sentence each: lives, money, how sure, and the points that follow from them.

Only the findings speak: a sentence says that something fell only if its verdict bears it, and a
null or a harm is written as plainly as a success.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.edition import effects, words
from evaluation.edition.edition import StudyResults, primary_estimate
from evaluation.edition.records import Record

NOT_VALUED = "Not valued: no outcome of this study has a price."


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


def moved(outcome: Record) -> str:
    """The effect at the look before and at this one: ``from −3.5% to −3.7%``; empty before two."""
    looks = [row["effect"] for row in outcome.get("looks") or () if row["effect"] is not None]
    estimate = primary_estimate(outcome)
    if len(looks) < 2 or estimate is None:
        return ""
    say = effects.say(estimate)
    before, now = (say(effects.shown(estimate, {"effect": e})["effect"]) for e in looks[-2:])
    unit = "" if estimate["scale"] == "log" else f" {outcome['unit']}"
    return f"as before at {now}{unit}" if before == now else f"from {before} to {now}{unit}"


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
            f"{where.capitalize()} there were {_people(one, study.period_word)} than there would "
            f"have been without the programme (likely {people_range(one)}). {rest}"
        ).strip()
    clear = ". Also ".join(_moved(o, study.period_word) for o in told)
    return f"{where.capitalize()}, compared with no programme: {clear}. {rest}".strip()


def _moved(outcome: Record, period: str) -> str:
    if outcome["finding"]["people"] is None:
        return f"{outcome['plain_title']} {words.verdict(outcome['finding']['verdict']).word}"
    return f"{_people(outcome, period)} (likely {people_range(outcome)})"


def _people(outcome: Record, period: str) -> str:
    """As `people`, with the whole title where what is counted is only its first word."""
    title = words.within(outcome["plain_title"])
    whole = title.lower().startswith(f"{outcome['people'].lower()} ")
    return people({**outcome, "people": title} if whole else outcome, period)


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
    """What it cost and released so far, on what findings that rests, and the balance."""
    value = study.value
    if value is None:
        return NOT_VALUED
    totals, rests = value["totals"], resting(value)
    released, cashable = totals["gross_fiscal"], totals["cashable"]
    return (
        f"So far the programme has cost {words.pounds(totals['cost']['mean'])} and "
        f"released {words.money_with_range(released)} of public spending; "
        f"{words.money_with_range(cashable)} of that could leave a budget, on this "
        f"framework's own assumptions. {rests}{' ' if rests else ''}"
        f"{balance(totals['net_fiscal'], counted=bool(rests))}"
    )


def not_standing(value: Record) -> list[Record]:
    """The valued outcomes whose finding is objected to."""
    return list(value.get("not_standing") or ())


def cannot_be_told(value: Record) -> str:
    """As in ``people claiming benefits, for which it cannot be told whether ...``."""
    names = [words.within(row["plain_title"]) for row in not_standing(value)]
    return f"{words.listed(names)}, for which it cannot be told whether the programme did it"


def resting(value: Record) -> str:
    """How much of what was released rests on findings that are objected to; empty where none."""
    rows = not_standing(value)
    if not rows:
        return ""
    parts = {key: sum(row[key]["mean"] for row in rows) for key in ("gross_fiscal", "cashable")}
    within = [
        f"{words.pounds(part)} of the {words.pounds(whole)}"
        for key, part in parts.items()
        if 0 < part <= (whole := value["totals"][key]["mean"])
    ]
    if len(within) == 1:
        return f"But {within[0]} rests on {cannot_be_told(value)}."
    if within:
        return f"But {', and '.join(within)}, rest on {cannot_be_told(value)}."
    counted = words.pounds(parts["gross_fiscal"])
    return f"But it counts {counted} for {cannot_be_told(value)}."


def chance_of_gain(value: Record) -> str:
    """The chance that gains exceed the cost, and what it takes for granted."""
    chance = words.in_hundred(value["totals"]["p_npsv_positive"])
    said = f"The chance that these discounted gains exceed the cost, to date, is {chance}"
    if any(row["confidence"] for row in value["by_outcome"]):
        said += (
            ", if unit costs are as uncertain as this framework assumes for their grades (green, "
            "amber, red): its own assumption, not a measurement"
        )
    if not not_standing(value):
        return f"{said}."
    codes = {row["outcome"] for row in not_standing(value)}
    part = sum(
        row["value"]["mean"]
        for row in value["by_outcome"]
        if row["outcome"] in codes and not row.get("transfer")
    )
    together = value.get("not_standing_together")
    without = (
        "Without that the chance has not been worked out."
        if together is None
        else (f"Without that it is {words.in_hundred(together['p_npsv_positive_without'])}.")
    )
    return (
        f"{said}; and it counts {words.pounds(part)} of gains, before discounting, from "
        f"{cannot_be_told(value)}. {without}"
    )


def balance(net: Record, *, counted: bool = False) -> str:
    """Whether it has paid for itself, as far as the range bears.

    ``counted``: gains are among it for which it cannot be told whether the programme did it.
    """
    if net["high"] is not None and net["high"] < 0:
        said = "it has not yet paid for itself."
    elif net["low"] is not None and net["low"] > 0:
        said = "it has paid for itself."
    else:
        return "Whether it has paid for itself cannot be told yet."
    return f"With that counted, {said}" if counted else said.capitalize()


def checks(study: StudyResults) -> dict[str, int]:
    """How many distinct checks of the main outcomes hold, fail and cannot tell.

    A control stands among the checks of every outcome and is one check all the same.
    """
    distinct: dict[tuple[str, ...], str] = {}
    for outcome in study.with_role("primary"):
        for check in outcome["diagnostics"]:
            shared = check["code"] == "negative_control"
            whose = check["sentence"] if shared else outcome["code"]
            distinct[(check["code"], whose)] = check["result"]
    results = list(distinct.values())
    return {word: results.count(word) for word in ("holds", "fails", "cannot tell")}


def how_sure(study: StudyResults) -> str:
    """The standing of the evidence: fixed in advance or not, against what, checks passed."""
    lock = study.raw.get("lock") or {}
    clock = " (on a synthetic clock)" if lock.get("synthetic_clock") else ""
    label = {
        "confirmatory": f"Confirmatory{clock}: the analysis was fixed before the data were seen.",
        "exploratory": "Exploratory: not all is as it was locked beforehand."
        if lock
        else "Exploratory: the analysis was not fixed before the data were seen.",
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
    open_ones = study.with_role("primary", "secondary")
    return [o for o in open_ones if style(o) in ("early", "unknown")]


def measures_lives(study: StudyResults) -> bool:
    """Whether people themselves were asked, in pilot and comparison areas alike."""
    return any(o["agency"] == "people" for o in study.outcomes)
