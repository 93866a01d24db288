"""The words of an exploratory study: how pilots differ from comparison areas, and no verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from evaluation.finding.sentences import percent_text, span
from evaluation.finding.verdict import Unclear
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from evaluation.finding.judge import Finding
    from evaluation.programme import Outcome

UNTESTED = Sentence.of(Unclear.EXPLORATORY.value, "exploratory")


def as_compared(finding: Finding, outcome: Outcome) -> Finding:
    """The finding of an exploratory study: its figures as they are, its words without a verdict.

    It says fewer or more than in the comparison areas, never better or worse, and not that the
    programme did it.
    """
    sentence = _sentence(finding, outcome)
    return replace(
        finding,
        sentence=sentence,
        paragraph=Sentence.of(
            "{sentence} The difference is {change}. It bears no verdict: {untested}.",
            sentence=sentence,
            change=percent_text(finding.percent, finding.margin_percent),
            untested=UNTESTED,
        ),
        reasons=(UNTESTED,),
    )


def _sentence(finding: Finding, outcome: Outcome) -> Sentence:
    people = finding.per_quarter
    if people is None or not all(map(math.isfinite, (people.low, people.high))):
        return Sentence.of(
            "Exploratory: {name} changed by {change} against the comparison areas.",
            name=outcome.plain_title,
            change=percent_text(finding.percent, finding.margin_percent),
        )
    down = people.effect < 0
    when = "a quarter" if outcome.kind == "flow" else "at a time"
    return Sentence.of(
        f"Exploratory: about {{effect}} {'fewer' if down else 'more'} {{people}} {when} than in "
        "the comparison areas, given where both began (likely between {low} and {high}).",
        people=outcome.people,
        **span(people, flip=down, apart=True),
    )
