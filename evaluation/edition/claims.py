"""Every figure and finding that prose may use, by id; a page that uses another id is not built.

The ids of the headline study stand alone (``ae_attendances.effect``); those of any other study
begin with its name (``enterprise_zones.claims.effect``). ``book/_edition/claims.json`` holds them
for the pages that people write, which use them through the ``claim`` role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from evaluation.edition import answers, points, words
from evaluation.edition.edition import Edition, Record, StudyResults
from evaluation.errors import BookError


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is printed for an id, and the result that bears it."""

    text: str
    source: str


class Claims:
    """The claims of one edition; asking for an unknown one is an error of the book."""

    def __init__(self, edition: Edition) -> None:
        self._all: dict[str, Claim] = {}
        for study in edition.studies:
            prefix = "" if study is edition.headline else f"{study.study}."
            source = f"{study.programme}/{study.study}"
            for key, text in _of_study(study).items():
                self._all[prefix + key] = Claim(text=text, source=source)
        for key, text in _of_edition(edition).items():
            self._all[key] = Claim(text=text, source="edition")

    def claim(self, key: str) -> Claim:
        """The claim of an id.

        Raises
        ------
        BookError : if no result bears it.
        """
        if key not in self._all:
            raise BookError(
                f"no result of this edition bears the claim {key!r}.",
                mend="use an id of book/_edition/claims.json, or take the sentence out",
            )
        return self._all[key]

    def html(self, key: str) -> Markup:
        """The claim as it stands in a page: its text, marked with its id."""
        text = escape(self.claim(key).text)
        return Markup(f"<span class='claim' data-claim='{escape(key)}'>{text}</span>")

    def as_json(self) -> dict[str, dict[str, str]]:
        """For the ``claim`` role."""
        return {key: {"text": c.text, "source": c.source} for key, c in self._all.items()}


def _of_edition(edition: Edition) -> dict[str, str]:
    latest = edition.latest
    restated = len(latest.restated) if latest else 0
    return {
        "edition.quarter": edition.quarter,
        "edition.vintage": words.day(edition.headline.raw["vintage"]),
        "edition.programme": edition.programme.title,
        "edition.question": edition.programme.question,
        "edition.returns": words.number(len(edition.receipts)),
        "edition.new_returns": words.counted(len(latest.receipts) if latest else 0, "return"),
        "edition.one_sided": _one_sided(edition),
        "edition.since": words.day(latest.first_day) if latest else "no day on record",
        "edition.new_figures": words.counted(latest.new if latest else 0, "figure"),
        "edition.restated": words.counted(
            restated, "figure known before was restated", "figures known before were restated"
        ),
    }


def _one_sided(edition: Edition) -> str:
    """Which restatements of the last rounds reached pilots alone, or comparison areas alone."""
    roles = {area.code: area.role for area in edition.programme.areas}
    touched: dict[str, dict[str, set[str]]] = {}
    for one in edition.rounds:
        for change in one.restated:
            by_role = touched.setdefault(one.received(change) or one.last_day, {})
            by_role.setdefault(roles.get(change["area_code"], ""), set()).add(change["area_code"])
    said = []
    for received, by_role in sorted(touched.items()):
        sides = [role for role in ("pilot", "comparison") if role in by_role]
        if len(sides) == 1:
            (side,) = sides
            other = "comparison" if side == "pilot" else "pilot"
            count = words.counted(len(by_role[side]), f"{side} area")
            said.append(
                f"those received on {words.day(received)} reached {count} and no {other} area"
            )
    if not said:
        return "In the last year's rounds none did."
    return f"In the last year's rounds, of the restated figures, {'; '.join(said)}."


def _of_study(study: StudyResults) -> dict[str, str]:
    found = {
        f"sample.{key}": words.number(study.sample[key])
        for key in ("pilot_areas", "comparison_areas", "excluded_areas", "authorities")
    }
    found["sample.sites"] = words.number(len(study.sites))
    found |= {f"sample.{key}": str(study.sample[key]) for key in ("first", "last")}
    assignments = study.raw["assignments"]
    found |= {
        "assignments.drawn": words.number(assignments["drawn"]),
        "assignments.distinct": words.number(assignments["distinct"]),
        "assignments.smallest_p": chance(assignments["smallest_p"]),
        "assignments.block": str(assignments["block"]),
        "assignments.reason": words.sentence(str(assignments["reason"] or "no reason given")),
        "study.title": str(study.raw["title"]), "study.question": str(study.raw["question"]),
        "study.chosen": words.sentence(
            str(study.raw.get("how_pilots_were_chosen") or "not recorded")),
        "study.label": str(study.raw["label"]), "study.vintage": words.day(study.raw["vintage"]),
        **{f"points.{k}": text for k, text in enumerate(points.main_points(study), start=1)},
        "answer.how_sure": answers.how_sure(study),
        "answer.lives": answers.lives(study), "answer.money": answers.money(study),
    }  # fmt: skip
    for outcome in study.outcomes:
        found |= {
            f"{outcome['code']}.{key}": text
            for key, text in _of_outcome(outcome, study.period_word).items()
        }
    return found | _of_value(study.value)


def _of_outcome(outcome: Record, period: str) -> dict[str, str]:
    finding = outcome["finding"]
    found = {
        "title": outcome["plain_title"], "unit": outcome["unit"],
        "verdict": words.verdict(finding["verdict"]).word,
        "effect": words.effect_with_range(finding["effect_percent"], words.signed_percent),
        "reason": words.sentence(finding["reasons"][-1]) if finding["reasons"] else "",
        "point": words.signed_percent((finding["effect_percent"] or {}).get("effect")),
        "interval": answers.interval(finding["effect_percent"]),
        "people": answers.people(outcome, period), "range": answers.people_range(outcome),
        "p": chance(finding["p_value"]),
        "detectable": words.percent(finding.get("detectable_percent")),
        "margin": words.percent(finding["margin_percent"]),
    }  # fmt: skip
    found |= {key: words.sentence(finding[key]) for key in ("sentence", "paragraph", "analyst")}
    return found | {f"data.{key}": words.number(count) for key, count in outcome["data"].items()}


def _of_value(value: Record | None) -> dict[str, str]:
    if value is None:
        return {}
    totals = value["totals"]
    say: dict[str, Callable[[Record], str]] = {"bcr": answers.ratio}
    found = {
        f"money.{key}": say.get(key, words.money_with_range)(figure)
        for key, figure in totals.items() if isinstance(figure, Mapping)
    }  # fmt: skip
    return found | {
        "money.price_base": str(value["price_base"]),
        "money.parameters": str(value["parameters"]),
        "money.chance": answers.chance_of_gain(value),
    }


def chance(value: float | None) -> str:
    """A probability with the digits that are worth reading."""
    if value is None:
        return "not known"
    if value < 0.001:
        return "less than 0.001"
    return f"{value:.3f}" if value < 0.01 else f"{value:.2f}"
