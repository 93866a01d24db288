"""Every figure and finding that prose may use, by id; a page that uses another id is not built.

The ids of the headline study stand alone (``ae_attendances.effect``); those of any other study
begin with its name (``enterprise_zones.claims.effect``). ``book/_edition/claims.json`` holds them
for the pages that people write, which use them through the ``claim`` role. A headline figure has a
page of its own that says where it comes from, and links to it wherever it is printed; its range,
which stands beside it, does not link again.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from markupsafe import Markup, escape

from evaluation.edition import answers, words
from evaluation.edition.edition import Edition
from evaluation.edition.pages import questions
from evaluation.errors import BookError
from evaluation.study.accounts_record import Ratio
from evaluation.study.record import OutcomeResult, Results
from evaluation.wording import Sentence

Kind = Literal[
    "effect", "people", "verdict", "chance", "money", "ratio", "count", "sentence", "text"
]
PAGES = "annex/claims"
NEAR = 3


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is printed for an id, and the result that bears it.

    Parameters
    ----------
    value, low, high : the figure in ``unit``, full digits; None where the claim is no figure, or
        no range can be given.
    outcome : the code of the outcome that it is about. estimator : what the value was estimated by.
    account : the total of the money accounts that it is.
    page : the id of the claim whose page says where it comes from, ``""`` for none.
    links : ids of the headline figures that a sentence says, as far as it says them.
    """

    text: str
    source: str = ""
    kind: Kind = "text"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    outcome: str = ""
    estimator: str = ""
    account: str = ""
    page: str = ""
    links: tuple[str, ...] = ()

    @property
    def figure(self) -> Mapping[str, float | None]:
        """The value and its ends, as they are compared when a claim is verified."""
        return {"value": self.value, "low": self.low, "high": self.high}


class Claims:
    """The claims of one edition; asking for an unknown one is an error of the book."""

    def __init__(self, edition: Edition) -> None:
        self._all: dict[str, Claim] = {}
        for study in edition.studies:
            headline = study is edition.headline
            prefix = "" if headline else f"{study.study}."
            source = f"{study.programme}/{study.study}"
            for key, claim in of_study(study).items():
                own = claim if headline else replace(claim, page="", links=())
                self._all[prefix + key] = replace(own, source=source)
        for key, text in _of_edition(edition).items():
            self._all[key] = Claim(text=text, source="edition")

    def __contains__(self, key: str) -> bool:
        return key in self._all

    def claim(self, key: str) -> Claim:
        """The claim of an id.

        Raises
        ------
        BookError : if no result bears it.
        """
        if key not in self._all:
            raise BookError(
                f"no result of this edition bears the claim {key!r}.",
                expected=near(key, self._all),
                mend="use an id of book/_edition/claims.json, or take the sentence out",
            )
        return self._all[key]

    def html(self, key: str, root: str | None = None) -> Markup:
        """The claim as it stands in a page: its text, marked with its id.

        ``root`` is the way from the page to the book's root; with it, figures that have a page of
        their own link to it.
        """
        claim = self.claim(key)
        inside = escape(claim.text) if root is None else self._linked(claim, root)
        unit = f" data-unit='{escape(claim.unit)}'" if claim.unit else ""
        return Markup(f"<span class='claim' data-claim='{escape(key)}'{unit}>{inside}</span>")

    def parts(self, claim: Claim) -> list[tuple[str, str]]:
        """The claim's text in pieces, each with the id of the page that it links to or ``""``.

        In a sentence its figures are linked: the parts that are the text of a claim it may link to.
        """
        if claim.page:
            return [(claim.text, claim.page)]
        said = [self._all[key] for key in claim.links if key in self._all]
        figures = {c.text: c.page for c in said if c.page and any(x.isdigit() for x in c.text)}
        found: list[tuple[str, str]] = []
        for text in claim.text.pieces() if isinstance(claim.text, Sentence) else [claim.text]:
            page = figures.get(text, "")
            if found and not page and not found[-1][1]:
                found[-1] = found[-1][0] + text, ""
            elif text:
                found.append((text, page))
        return found

    def headline(self) -> dict[str, Claim]:
        """The claims that have a page of their own, by id."""
        return {key: claim for key, claim in self._all.items() if claim.page == key}

    def all(self) -> Mapping[str, Claim]:
        """Every claim, by id."""
        return self._all

    def as_json(self) -> dict[str, dict[str, Any]]:
        """For the ``claim`` role, and for whoever cites a figure."""
        return {
            key: asdict(claim) | {"parts": [list(part) for part in self.parts(claim)]}
            for key, claim in self._all.items()
        }

    def _linked(self, claim: Claim, root: str) -> Markup:
        return Markup("").join(
            Markup("<a href='{}{}/{}.html'>{}</a>").format(root, PAGES, file_name(page), text)
            if page
            else escape(text)
            for text, page in self.parts(claim)
        )


def near(key: str, known: Mapping[str, object]) -> str:
    """Ids like a wrong one, in a sentence; empty where there are none."""
    found = difflib.get_close_matches(key, known, n=NEAR, cutoff=0.5)
    return f"perhaps {' or '.join(found)}" if found else ""


def file_name(key: str) -> str:
    """The name of a claim's page: its id without dots, which would look like an ending."""
    return key.replace(".", "-")


def _of_edition(edition: Edition) -> dict[str, str]:
    latest = edition.latest
    restated = latest.figures_restated if latest else 0
    return {
        "edition.quarter": edition.quarter,
        "edition.vintage": words.day(edition.headline.vintage),
        "edition.programme": edition.programme.title,
        "edition.question": edition.programme.question,
        "edition.returns": words.number(len(edition.receipts)),
        "edition.new_returns": words.counted(len(latest.receipts) if latest else 0, "return"),
        "edition.one_sided": _one_sided(edition),
        "edition.since": words.day(latest.first_day) if latest else "no day on record",
        "edition.new_figures": words.counted(latest.new if latest else 0, "figure"),
        "edition.restated": f"{words.few(restated)} figures known before were restated",
        **questions.claims(edition),
    }


def _one_sided(edition: Edition) -> str:
    """Which restatements of the last rounds reached pilots alone, or comparison areas alone."""
    touched: dict[str, set[str]] = {}
    for one in edition.rounds:
        for again in one.restated:
            sides = {again.side} if again.side else {"pilot", "comparison"}
            touched.setdefault(again.received or one.last_day, set()).update(sides)
    said = []
    for received, sides in sorted(touched.items()):
        if len(sides) == 1:
            (side,) = sides
            other = "comparison" if side == "pilot" else "pilot"
            day = words.day(received)
            said.append(f"those received on {day} reached {side} areas and no {other} area")
    if not said:
        return "In the last year's rounds none did."
    return f"In the last year's rounds, of the restated figures, {'; '.join(said)}."


def of_study(study: Results) -> dict[str, Claim]:
    """The claims of one study's results, by ids without the study's name."""
    found = _sample(study)
    assignments = study.assignments
    texts = {
        "assignments.smallest_p": words.least_chance(assignments.smallest_p),
        "assignments.block": str(assignments.block),
        "assignments.reason": words.whole(assignments.reason or "no reason given"),
        "study.title": study.title,
        "study.question": study.question,
        "study.chosen": words.sentence(str(study.how_pilots_were_chosen or "not recorded")),
        "study.label": study.label,
        "study.vintage": words.day(study.vintage),
    }
    sentences = {
        **{f"points.{k}": text for k, text in enumerate(answers.main_points(study), start=1)},
        "answer.how_sure": answers.how_sure(study),
        "answer.lives": answers.lives(study),
        "answer.money": answers.money(study),
    }
    links = {
        "answer.lives": tuple(f"{o.code}.people" for o in study.with_role("primary")),
        "answer.money": ("money.cost", "money.gross_fiscal", "money.bcr"),
    }
    found |= {key: Claim(text=text) for key, text in texts.items()}
    found |= {
        key: Claim(text=text, kind="sentence", links=links.get(key, ()))
        for key, text in sentences.items()
    }
    for outcome in study.outcomes:
        found |= {
            f"{outcome.code}.{key}": claim for key, claim in _of_outcome(study, outcome).items()
        }
    return found | _of_value(study)


def _sample(study: Results) -> dict[str, Claim]:
    named = ("pilot_areas", "comparison_areas", "excluded_areas", "authorities")
    counts = {
        **{f"sample.{name}": getattr(study.sample, name) for name in named},
        "sample.sites": len(study.sites),
        "assignments.drawn": study.assignments.drawn,
        "assignments.distinct": study.assignments.distinct,
    }
    ends = {"sample.first": study.sample.first, "sample.last": study.sample.last}
    return {key: _count(count) for key, count in counts.items()} | {
        key: Claim(text=period) for key, period in ends.items()
    }


def _count(count: int | None) -> Claim:
    return Claim(text=words.number(count), kind="count", value=count)


def _of_outcome(study: Results, outcome: OutcomeResult) -> dict[str, Claim]:
    finding, code = outcome.finding, outcome.code
    effect = finding.effect_percent
    about = Claim(
        text="",
        outcome=code,
        estimator=outcome.estimate.estimator,
        kind="effect",
        value=effect.effect,
        low=effect.low,
        high=effect.high,
        unit="per cent",
        page=f"{code}.effect",
    )
    found = {
        "effect": replace(about, text=words.finding_percent(finding)),
        "point": replace(about, text=words.finding_point(finding)),
        "interval": replace(about, text=words.finding_ends(finding), page=""),
        "verdict": replace(about, kind="verdict", text=words.verdict(finding).word),
        "p": replace(
            about,
            kind="chance",
            text=words.chance(finding.p_value),
            value=finding.p_value,
            low=None,
            high=None,
            unit="",
            page="",
        ),
    }
    found |= _people(about, outcome, study.period_word)
    sentences = {
        "sentence": _in_parts(study, finding.sentence),
        "paragraph": _in_parts(study, finding.paragraph),
        "analyst": words.capital(finding.analyst),
        "reason": words.whole(finding.reasons[-1]) if finding.reasons else "",
        "undo": _in_parts(study, finding.undo.sentence) if finding.undo else "",
    }
    links = tuple(f"{code}.{key}" for key in ("effect", "point", "people"))
    found |= {
        key: Claim(text=text, kind="sentence", outcome=code, links=links)
        for key, text in sentences.items()
    }
    texts = {
        "title": outcome.plain_title,
        "unit": outcome.unit,
        "detectable": words.percent(finding.detectable_percent),
        "margin": words.worth_having(finding),
        "hoped": words.hoped_for(finding),
    }
    found |= {key: Claim(text=text, outcome=code) for key, text in texts.items()}
    return found | {
        f"data.{key}": replace(_count(count), outcome=code)
        for key, count in outcome.data.plain().items()
    }


def _in_parts(study: Results, text: str) -> str:
    """A sentence of a study's results with the figures that it was made from, if they are known."""
    return Sentence.of_data(study.sentences[text]) if text in study.sentences else text


def _people(about: Claim, outcome: OutcomeResult, period: str) -> dict[str, Claim]:
    people = outcome.finding.people
    figure = people.per_quarter if people else None
    counted = replace(
        about,
        kind="people",
        value=figure.effect if figure else None,
        low=figure.low if figure else None,
        high=figure.high if figure else None,
        unit=f"{outcome.people} {answers.when(outcome, period)}" if people else "",
        page=f"{outcome.code}.people" if people else "",
    )
    return {
        "people": replace(counted, text=answers.people(outcome, period)),
        "range": replace(counted, text=answers.people_range(outcome), page=""),
    }


def _of_value(study: Results) -> dict[str, Claim]:
    value = study.value
    if value is None:
        return {}
    found: dict[str, Claim] = {}
    for key, figure in value.totals.accounts().items():
        about = Claim(text="", account=key, page=f"money.{key}", value=figure.mean)
        about = replace(about, low=figure.low, high=figure.high)
        if isinstance(figure, Ratio):
            unit = "for each pound of cost"
            own = replace(about, text=answers.ratio(figure), kind="ratio", unit=unit)
        else:
            unit = f"pounds of {value.price_base}"
            own = replace(about, text=words.money_with_range(figure), kind="money", unit=unit)
            if not answers.valued(value, key):
                said = answers.unvalued(key, apart=answers.lives_apart(study))
                own = replace(own, text=said, value=None, low=None, high=None)
        found[f"money.{key}"] = own
    found |= {
        f"money.judgement.{one.e.lower()}": Claim(text=one.said, kind="sentence")
        for one in value.four_es
    }
    never = words.in_hundred(value.break_even.p_never)
    return found | {
        "money.never_even": Claim(text=never, value=value.break_even.p_never),
        "money.price_base": Claim(text=str(value.price_base)),
        "money.parameters": Claim(text=value.parameters),
        "money.chance": Claim(
            text=answers.chance_of_gain(value), kind="sentence", value=value.totals.p_npsv_positive
        ),
    }
