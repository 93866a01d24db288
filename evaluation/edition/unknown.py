"""What is not known yet, and when it will be: each open question with its day, or why it has none.

A date is given only where waiting settles the question: every site has then run for the quarters
that the protocol asks for. A failed check is not mended by waiting, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from evaluation.edition import answers, words
from evaluation.edition.edition import Edition, StudyResults
from evaluation.edition.records import Record
from evaluation.edition.tables import table
from evaluation.quarters import Period
from evaluation.study.calendar import due

LIVES = "How people feel about their lives is not measured"
NO_SURVEY = "no survey has asked people in pilot and comparison areas alike"
PLAN_ONE = "No day: such a survey would first have to be planned."


@dataclass(frozen=True, kw_only=True)
class Open:
    """An open question: ``outcome`` (None where it is about none), what is open, and when."""

    outcome: Record | None
    said: str
    when: str


def open_questions(edition: Edition) -> list[Open]:
    """In the order of the results; that people were not asked comes last."""
    study = edition.headline
    found = [
        Open(outcome=o, said=words.sentence(o["finding"]["sentence"]), when=_when(edition, o))
        for o in answers.unknowns(study)
    ]
    if not answers.measures_lives(study):
        found.append(Open(outcome=None, said=f"{LIVES}: {NO_SURVEY}.", when=PLAN_ONE))
    return found


def _when(edition: Edition, outcome: Record) -> str:
    study, detectable = edition.headline, outcome["finding"].get("detectable_percent")
    if failed := failed_checks(outcome):
        why = words.listed([f"“{words.tidy(c['title'])}”" for c in failed])
        which = "the check" if len(failed) == 1 else "the checks"
        return f"No day: waiting does not mend {which} that failed, {why}."
    if answers.style(outcome) == "early" and (settled := run_their_course(study)):
        return f"{_by(edition, settled)}, when every site will have run long enough."
    if detectable is None:
        return "No day can be given."
    return (
        f"No day: a change below {words.percent(detectable)} may go unseen. Each further "
        f"{study.period_word} narrows that."
    )


def failed_checks(outcome: Record) -> list[Record]:
    """The checks of an outcome that failed, controls left out: those are other outcomes."""
    return [
        check
        for check in outcome["diagnostics"]
        if check["result"] == "fails" and check["code"] != "negative_control"
    ]


def run_their_course(study: StudyResults) -> Period | None:
    """The period in which the last site has run for as long as the protocol asks."""
    window = study.raw.get("window")
    return Period.parse(study.starts[-1]) + int(window[1]) if window and study.starts else None


def _by(edition: Edition, period: Period) -> str:
    day = due(period, edition.programme).date()
    return f"By {day.day} {day:%B %Y}, with the returns of {period.label}"


def next_edition(edition: Edition) -> str:
    """As in ``The next look, at 2026 Q4, is due by 30 January 2027``."""
    following = Period.parse(str(edition.headline.sample["last"])) + 1
    day = due(following, edition.programme).date()
    returns = f"The next edition, with the returns of {following.label}"
    return f"{returns}, is due by {day.day} {day:%B %Y}."


def view(edition: Edition) -> dict[str, Any]:
    """Everything that the page asks for."""
    return {
        "study": edition.headline,
        "questions": open_questions(edition),
        "detectable": _detectable(edition.headline),
    }


def _detectable(study: StudyResults) -> Markup:
    rows = [
        [
            o["plain_title"],
            words.percent(o["finding"]["detectable_percent"]),
            words.percent(o["finding"]["margin_percent"]),
        ]
        for o in study.with_role("primary", "secondary")
        if o["finding"].get("detectable_percent") is not None
    ]
    heads = ["Outcome", "Found four times in five", "Would matter, by the protocol"]
    title = "The smallest change that these data can be expected to show"
    return table(title, heads, rows, numeric="tnn") if rows else Markup("")


def answer_what(edition: Edition) -> str:
    """What is not known, in a sentence or two."""
    found = open_questions(edition)
    titles = [words.within(str(one.outcome["plain_title"])) for one in found if one.outcome]
    parts = [f"What the programme did to {words.listed(titles)} is open."] if titles else []
    if any(one.outcome is None for one in found):
        parts.append(f"{LIVES}: {NO_SURVEY}.")
    parts.append("Nor can this say what a new site would do, or which part of the bundle did it.")
    return " ".join(parts)


def answer_when(edition: Edition) -> str:
    """When the open questions will be settled, in a sentence or two."""
    dated = _titled(edition, "By ")
    undated = [one for one in open_questions(edition) if not one.when.startswith("By ")]
    parts = [next_edition(edition)]
    parts += [f"{when.rstrip('.')}: {words.listed(titles)}." for when, titles in dated.items()]
    if undated:
        names = [words.within(str(one.outcome["plain_title"])) for one in undated if one.outcome]
        about = [f"what the programme did to {words.listed(names)}"] if names else []
        about += ["how people feel about their lives"] if len(names) < len(undated) else []
        parts.append(f"Waiting alone will not settle {' or '.join(about)}.")
    return " ".join(parts)


def _titled(edition: Edition, start: str) -> dict[str, Sequence[str]]:
    grouped: dict[str, list[str]] = {}
    for one in open_questions(edition):
        if one.outcome and one.when.startswith(start):
            grouped.setdefault(one.when, []).append(words.within(str(one.outcome["plain_title"])))
    return dict(grouped)
