"""The page of people's own answers: what they said, how many, when; its worth; their own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from evaluation.edition import answers, words
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.html_tables import link, table
from evaluation.edition.pages import outcomes
from evaluation.quarters import Period
from evaluation.study.lives_record import ArmWave, Lives, VoicesSaid, Worth
from evaluation.study.record import OutcomeResult, Results

SENSITIVITY = (
    "The survey's own finding does not stand: it tells no direction, or a check objects to it. "
    "What follows is a sensitivity and no result."
)


def view(study: Results, out: Generated) -> dict[str, Any]:
    """What the page shows; nothing but the study where nobody was asked."""
    lives = study.lives
    if lives is None:
        return {"study": study, "lives": None}
    judged = {one.code: one for one in study.outcomes}
    items = [(item, judged[item.outcome]) for item in lives.items if item.outcome in judged]
    shown = [
        outcomes.fold(OutcomePage(study=study, outcome=one, out=out, root="")) for _, one in items
    ]
    return {
        "study": study,
        "lives": lives,
        "answer": answers.people_said(study),
        "asked": asked(lives),
        "said": _said(lives, judged),
        "effects": _effects([one for _, one in items]),
        "questions": [(one.plain_title, item.question) for item, one in items if item.question],
        "shown": shown,
        "worth": None if lives.worth is None else _worth(lives.worth),
        "worth_said": "" if lives.worth is None else worth_sentence(lives.worth),
        "sensitivity": lives.worth is not None and lives.worth.label == "sensitivity",
        "caution": SENSITIVITY,
        "voices": lives.voices,
        "voices_said": None if lives.voices is None else _voices(lives.voices),
    }


def asked(lives: Lives) -> str:
    """How many answered, where, and when."""
    first, last = (Period.parse(q) for q in (lives.waves[0], lives.waves[-1]))
    day = date.fromisoformat(lives.last_day)
    return (
        f"{words.number(lives.answers)} people were asked and answered, in "
        f"{words.counted(lives.areas, 'area')} and {words.counted(len(lives.waves), 'wave')}, from "
        f"{first.months} to {last.months}; the last had ended by {day.day} {day:%B %Y}."
    )


def _said(lives: Lives, judged: Mapping[str, OutcomeResult]) -> Markup:
    """Each item in either arm: the first wave and the last."""
    rows = []
    for item in (one for one in lives.items if one.outcome in judged):
        outcome = judged[item.outcome]
        cells: list[Any] = [link(f"annex/outcomes/{outcome.code}.html", outcome.plain_title)]
        for arm in ("pilot", "comparison"):
            own = [one for one in item.waves if one.arm == arm]
            cells += [_mean(one, outcome.unit) for one in (own[0], own[-1])] if own else ["", ""]
        people = sum(one.respondents or 0 for one in item.waves)
        rows.append([*cells, words.number(people)])
    heads = ["Item", "Pilot areas, first wave", "Pilot areas, last wave"]
    heads += ["Elsewhere, first wave", "Elsewhere, last wave"]
    return table("What people said", [*heads, "Answers"], rows, numeric="tnnnnn", style="named")


def _mean(one: ArmWave, unit: str) -> str:
    """A share of people with its sign, a mean of a scale without one."""
    if one.mean is None:
        return ""
    return f"{words.number(one.mean, 1)}%" if unit.startswith("%") else words.number(one.mean, 2)


def _effects(found: Sequence[OutcomeResult]) -> Markup:
    """What the programme changed, by item, in per cent and in the item's own unit."""
    rows = []
    for one in found:
        overall = answers.in_own_unit(one)
        own = ""
        if overall is not None:
            effect, low, high = map(answers.signed, overall)
            own = f"{effect} ({low} to {high}), {one.unit}"
        said = words.finding_percent(one.finding)
        least = words.percent(one.finding.detectable_percent)
        rows.append([one.plain_title, words.verdict(one.finding).word, said, own, least])
    heads = ["Item", "Verdict", "Effect (range)", "In its own unit", "Smallest that would show"]
    title = "What the programme changed in what people say"
    return table(title, heads, rows, numeric="ttnnn", style="verdicts")


def worth_sentence(worth: Worth) -> str:
    """The chain in one sentence, with its range."""
    pounds = words.money_with_range(worth.pounds.plain(), _priced(worth))
    return (
        f"From {worth.first} to {worth.last}, on {words.number(worth.adults)} adults of pilot "
        f"areas: about {words.number(worth.wellbys.mean)} WELLBYs "
        f"({words.number(worth.wellbys.low or 0.0)} to "
        f"{words.number(worth.wellbys.high or 0.0)}), "
        f"worth {pounds} in prices of {worth.price_base}, the range of the price included: a price "
        "put on what people feel, no money, and part of no other sum."
    )


def _priced(worth: Worth) -> list[words.Range]:
    """All that the worth of better lives is told as: in one unit, wherever on the page."""
    return [
        one.plain()
        for one in (worth.pounds, worth.pounds_low, worth.pounds_central, worth.pounds_high)
    ]


def _worth(worth: Worth) -> Markup:
    beside = _priced(worth)
    rows = [
        [name, f"£{words.number(worth.prices[key])}", words.money_with_range(held.plain(), beside)]
        for name, key, held in (
            ("low", "low", worth.pounds_low),
            ("central", "central", worth.pounds_central),
            ("high", "high", worth.pounds_high),
        )
    ]
    drawn = words.money_with_range(worth.pounds.plain(), beside)
    rows.append(["drawn between low and high", "", drawn])
    heads = ["Price", "Pounds for a WELLBY", "Worth (range)"]
    return table("What better lives are worth, by price", heads, rows, numeric="tnn")


def _voices(voices: VoicesSaid) -> Markup:
    rows = [
        [
            one.code,
            *(
                "not shown" if v is None else f"{words.number(v)}%"
                for v in (one.pilot, one.comparison)
            ),
            "" if one.p_value is None else words.p_value(one.p_value, 3),
            {"publish": "agreed", "tentative": "roughly agreed", "recode": "not agreed"}[one.grade],
            "" if one.alpha is None else words.number(one.alpha, 2),
        ]
        for one in voices.codes
    ]
    heads = [
        "What was named",
        "Pilot areas",
        "Elsewhere",
        "By chance",
        "Coders",
        "Agreement (alpha)",
    ]
    title = "What people wrote, by how two coders understood it"
    # Six columns are wider than a telephone.
    return table(title, heads, rows, numeric="tnnntn", style="stacked")
