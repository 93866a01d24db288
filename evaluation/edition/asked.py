"""Ten questions that a minister asks, each with its answer from the results and its page.

The answer stands at the head of the page that bears it, so that one click from the front finds it
without scrolling. Each is a claim (``asked.cost``), and may be quoted by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.edition import answers, chosen, equity, evidence, new_site, points, unknown, words
from evaluation.edition.edition import Edition
from evaluation.edition.records import Record

_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, the id of its answer, and the page whose head answers it."""

    key: str
    asked: str
    page: str

    @property
    def claim(self) -> str:
        return f"asked.{self.key}"


QUESTIONS = (
    Question(key="working", asked="Is it working?", page="outcomes/index"),
    Question(key="whom", asked="For whom?", page="equity"),
    Question(key="sure", asked="How sure are we?", page="evidence"),
    Question(key="cost", asked="What did it cost?", page="money"),
    Question(key="gains", asked="Who gets the savings?", page="money"),
    Question(key="budget", asked="Can I take it out of a budget?", page="money"),
    Question(key="changed", asked="What changed?", page="editions"),
    Question(key="harm", asked="Is any site doing harm?", page="sites/index"),
    Question(key="unknown", asked="What do we not know?", page="unknown"),
    Question(key="when", asked="When will we know?", page="unknown"),
)


def on_page(page: str) -> tuple[Question, ...]:
    """The questions that a page answers at its head."""
    return tuple(one for one in QUESTIONS if one.page == page)


def claims(edition: Edition) -> Mapping[str, str]:
    """Id -> answer, for every question, and what critics' pages say in a sentence."""
    study = edition.headline
    said = {
        "working": answers.lives(study),
        "whom": equity.answer(study),
        "sure": f"{evidence.answer(study)} {answers.how_sure(study)}",
        "cost": _cost(study.value),
        "gains": _gains(study.value),
        "budget": _budget(study.value),
        "changed": _changed(edition),
        "harm": points.sites_worse(study) or "No effect can be estimated for a site alone yet.",
        "unknown": unknown.answer_what(edition),
        "when": unknown.answer_when(edition),
    }
    return {f"asked.{key}": text for key, text in said.items()} | {
        "evidence.answer": evidence.answer(study),
        "edition.next": unknown.next_edition(edition),
        "chosen.differences": chosen.summary(study),
        "new_site.answer": new_site.answer(study),
    }


def _cost(value: Record | None) -> str:
    if value is None:
        return answers.NOT_VALUED
    kinds: dict[str, float] = {}
    for row in value.get("costs") or []:
        kinds[row["kind"]] = kinds.get(row["kind"], 0.0) + row["amount"]
    split = [
        f"{words.pounds(amount)} {kind}"
        for kind, amount in sorted(kinds.items(), key=lambda item: -item[1])
    ]
    total = words.pounds(value["totals"]["cost"]["mean"])
    of_it = f": {words.listed(split)}" if split else ""
    return f"{total} to date, in {value['price_base']} prices{of_it}."


def _gains(value: Record | None) -> str:
    """The agencies with the largest gains, and what of it is still open."""
    if value is None:
        return answers.NOT_VALUED
    rows = sorted(value["by_agency"], key=lambda row: -row["gain"]["mean"])[:_NAMED]
    named = [
        f"{row['name']} ({row['budget']}) {words.money_with_range(row['gain'])}"
        for row in rows
        if row["gain"]["mean"] > 0
    ]
    if not named:
        return "Nobody so far: no agency's gains are above nought."
    said = f"The largest gains so far: {words.listed(named)}."
    open_part = sum(row["gross_fiscal"]["mean"] for row in answers.not_standing(value))
    if open_part:
        said += f" Of this, {words.pounds(open_part)} is for {answers.cannot_be_told(value)}."
    return said


def _budget(value: Record | None) -> str:
    if value is None:
        return answers.NOT_VALUED
    totals = value["totals"]
    return (
        f"{words.money_with_range(totals['cashable'])} could leave a budget, of "
        f"{words.money_with_range(totals['gross_fiscal'])} released, on this framework's own "
        "assumptions. The rest is capacity: time and places that others now use."
    )


def _changed(edition: Edition) -> str:
    """What came in since the last round, and how the main effects moved with it."""
    latest = edition.latest
    moved = [
        f"{words.within(o['plain_title'])} {text}"
        for o in edition.headline.with_role("primary")
        if (text := answers.moved(o))
    ]
    said = (
        "No returns are on record for this edition."
        if latest is None
        else (
            f"Since {words.day(latest.first_day)} "
            f"{words.counted(len(latest.receipts), 'return')} came in, with "
            f"{words.counted(latest.new, 'new figure')}; "
            f"{words.counted(len(latest.restated), 'figure')} known before "
            f"{'was' if len(latest.restated) == 1 else 'were'} restated."
        )
    )
    return f"{said} Effects moved: {'; '.join(moved)}." if moved else said
