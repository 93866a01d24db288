"""Ten questions that a minister asks, and what is not known yet, with its day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from evaluation.edition import answers, words
from evaluation.edition.edition import Edition
from evaluation.edition.html_tables import table
from evaluation.edition.pages import changes, evidence, for_whom, places
from evaluation.ledger.calendar import due
from evaluation.quarters import Period
from evaluation.study.record import DiagnosticResult, OutcomeResult, Results

LIVES = "How people feel about their lives is not measured"
NO_SURVEY = "no survey has asked people in pilot and comparison areas alike"
PLAN_ONE = "No day: such a survey would first have to be planned."


@dataclass(frozen=True, kw_only=True)
class Open:
    """An open question.

    outcome : None where it is about none. said : what is open. settled : the day by which waiting
    alone settles it, in words; empty where it does not. why_not : why no day can be given.
    """

    outcome: OutcomeResult | None
    said: str
    settled: str = ""
    why_not: str = ""

    @property
    def when(self) -> str:
        return f"{self.settled}." if self.settled else self.why_not


def open_questions(edition: Edition) -> list[Open]:
    """In the order of the results; that people were not asked comes last."""
    study = edition.headline
    found = [
        Open(
            outcome=o,
            said=o.finding.sentence,
            settled=_settled(edition, o),
            why_not=_why_not(study, o),
        )
        for o in answers.unknowns(study)
    ]
    if not answers.measures_lives(study):
        found.append(Open(outcome=None, said=f"{LIVES}: {NO_SURVEY}.", why_not=PLAN_ONE))
    return found


def not_asked(edition: Edition) -> str:
    """That people were not asked yet, and in which period they will be, where a wave is named."""
    last = Period.parse(str(edition.headline.sample.last))
    waves = sorted(
        wave
        for source in edition.programme.sources
        for wave in source.waves
        if wave.ordinal > last.ordinal
    )
    when = f"They will be asked in {waves[0].label}." if waves else "No wave is planned."
    return f"{LIVES}: {NO_SURVEY}. {when}"


_LONG_ENOUGH = "when every site will have run long enough"


def _settled(edition: Edition, outcome: OutcomeResult) -> str:
    """When every site will have run its course, where that alone is waited for."""
    period = run_their_course(edition.headline)
    if failed_checks(outcome) or answers.style(outcome) != "early" or period is None:
        return ""
    return f"{_by(edition, period)}, {_LONG_ENOUGH}"


def _why_not(study: Results, outcome: OutcomeResult) -> str:
    detectable = outcome.finding.detectable_percent
    if failed := failed_checks(outcome):
        why = words.listed([f"“{c.title}”" for c in failed])
        which = "the check" if len(failed) == 1 else "the checks"
        return f"No day: waiting does not mend {which} that failed, {why}."
    if detectable is None:
        return "No day can be given."
    return (
        f"No day: a change below {words.percent(detectable)} may go unseen. Each further "
        f"{study.period_word} narrows that."
    )


def failed_checks(outcome: OutcomeResult) -> list[DiagnosticResult]:
    """The checks of an outcome that failed, controls left out: those are other outcomes."""
    return [
        check
        for check in outcome.diagnostics
        if check.result == "fails" and check.code != "negative_control"
    ]


def run_their_course(study: Results) -> Period | None:
    """The period in which the last site has run for as long as the protocol asks."""
    last = study.window[1]
    return Period.parse(study.starts[-1]) + last if study.starts else None


def _by(edition: Edition, period: Period) -> str:
    day = due(period, edition.programme).date()
    return f"By {day.day} {day:%B %Y}, with the returns of {period.label}"


def _following(edition: Edition) -> Period:
    return Period.parse(str(edition.headline.sample.last)) + 1


def next_edition(edition: Edition) -> str:
    """As in ``The next edition, with the returns of 2026 Q4, is due by 30 January 2027``."""
    returns = f"The next edition, with the returns of {_following(edition).label}"
    return f"{returns}, is due by {next_day(edition)}."


def next_day(edition: Edition) -> str:
    """The day by which the next edition is due: ``30 January 2027``."""
    day = due(_following(edition), edition.programme).date()
    return f"{day.day} {day:%B %Y}"


def view(edition: Edition) -> dict[str, Any]:
    """Everything that the page asks for."""
    return {
        "study": edition.headline,
        "questions": open_questions(edition),
        "detectable": _detectable(edition.headline),
    }


def _detectable(study: Results) -> Markup:
    rows = [
        [o.plain_title, words.percent(o.finding.detectable_percent), words.worth_having(o.finding)]
        for o in study.with_role("primary", "secondary")
        if o.finding.detectable_percent is not None
    ]
    heads = ["Outcome", "Found four times in five", "Worth having, by the protocol"]
    title = "The smallest change that these data can be expected to show"
    return table(title, heads, rows, numeric="tnn") if rows else Markup("")


def answer_what(edition: Edition) -> str:
    """What is not known, in a sentence or two."""
    found = open_questions(edition)
    titles = [words.within(str(one.outcome.plain_title)) for one in found if one.outcome]
    # Each begins with people or households: behind one another they would read as one sentence.
    parts = [f"Open is what the programme did to: {'; '.join(titles)}."] if titles else []
    if any(one.outcome is None for one in found):
        parts.append(f"{LIVES}: {NO_SURVEY}.")
    parts.append("Nor can this say what a new site would do, or which part of the bundle did it.")
    return " ".join(parts)


def answer_when(edition: Edition) -> str:
    """When the open questions will be settled, in a sentence or two."""
    found = open_questions(edition)
    dated = _titled([one for one in found if one.settled])
    undated = [one for one in found if not one.settled]
    parts = [next_edition(edition)]
    parts += [f"{_then(edition, when)}: {'; '.join(titles)}." for when, titles in dated.items()]
    if undated:
        names = [words.within(str(one.outcome.plain_title)) for one in undated if one.outcome]
        about = names + (["how people feel about lives"] if len(names) < len(undated) else [])
        parts.append(f"Waiting alone will not settle: {'; '.join(about)}.")
    return " ".join(parts)


def _then(edition: Edition, when: str) -> str:
    """When, after the next edition was named: its day is not said twice."""
    same = run_their_course(edition.headline) == _following(edition)
    return f"By then, {_LONG_ENOUGH}" if same else when


def _titled(questions: Sequence[Open]) -> dict[str, list[str]]:
    """When they are settled -> the titles of their outcomes."""
    grouped: dict[str, list[str]] = {}
    for one in questions:
        if one.outcome:
            grouped.setdefault(one.settled, []).append(words.within(one.outcome.plain_title))
    return grouped


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
    Question(key="working", asked="Is it working?", page="lives"),
    Question(key="whom", asked="For whom?", page="for-whom"),
    Question(key="sure", asked="How sure are we?", page="undo"),
    Question(key="cost", asked="What did it cost?", page="money"),
    Question(key="gains", asked="Who gets the savings?", page="money"),
    Question(key="budget", asked="Can I take it out of a budget?", page="money"),
    Question(key="changed", asked="What changed?", page="changes"),
    Question(key="harm", asked="Is any site doing harm?", page="sites"),
    Question(key="unknown", asked="What do we not know?", page="learning"),
    Question(key="when", asked="When will we know?", page="learning"),
)


def on_page(page: str) -> tuple[Question, ...]:
    """The questions that a page answers at its head."""
    return tuple(one for one in QUESTIONS if one.page == page)


def claims(edition: Edition) -> Mapping[str, str]:
    """Id -> answer, for every question, and what critics' pages say in a sentence."""
    study = edition.headline
    said = {
        "working": " ".join(answers.main_points(study)[:2]) or answers.lives(study),
        "whom": for_whom.answer(study),
        "sure": f"{evidence.answer(study)} {answers.how_sure(study)}",
        "cost": _cost(study),
        "gains": _gains(study),
        "budget": _budget(study),
        "changed": changes.answer(edition),
        "harm": answers.sites_worse(study) or "No effect can be estimated for a site alone yet.",
        "unknown": answer_what(edition),
        "when": answer_when(edition),
    }
    people = answers.people_said(study) if answers.asked_first(study) else not_asked(edition)
    return {f"asked.{key}": text for key, text in said.items()} | {
        **changes.sentences(edition),
        "answer.people": people,
        "answer.sites": answers.sites(study),
        "evidence.answer": evidence.answer(study),
        "edition.next": next_edition(edition),
        "chosen.differences": places.summary(study),
        "new_site.answer": for_whom.new_site_answer(study),
    }


def _cost(study: Results) -> str:
    value = study.value
    if value is None:
        return answers.not_valued(study)
    kinds: dict[str, float] = {}
    for row in value.costs:
        kinds[row.kind] = kinds.get(row.kind, 0.0) + row.amount
    split = [
        f"{words.pounds(amount)} {kind}"
        for kind, amount in sorted(kinds.items(), key=lambda item: -item[1])
    ]
    total = words.pounds(value.totals.cost.mean)
    of_it = f": {words.listed(split)}" if split else ""
    return f"{total} to date, in {value.price_base} prices{of_it}."


def _gains(study: Results) -> str:
    """The agencies with the largest gains, and what of it is still open."""
    value = study.value
    if value is None:
        return answers.not_valued(study)
    rows = sorted(value.by_agency, key=lambda row: -row.gain.mean)[:_NAMED]
    named = [
        f"{row.name} ({row.budget}) {words.money_with_range(row.gain)}"
        for row in rows
        if row.gain.mean > 0
    ]
    if not named:
        return "Nobody so far: no agency's gains are above zero."
    return f"The largest gains so far: {words.listed(named)}."


def _budget(study: Results) -> str:
    value = study.value
    if value is None:
        return answers.not_valued(study)
    totals = value.totals
    if not value.stands:
        return "No: no outcome with a price has checks that hold."
    return (
        f"At most {words.money_with_range(totals.cashable)} of the "
        f"{words.pounds(totals.gross_fiscal.mean)} released could leave a budget, on this "
        f"framework's own assumptions; {answers.taken_out(value)}. The rest is capacity: time and "
        "places that others now use."
    )


NOBODY = "This programme names nobody to write to; its data officers know whom to ask."
ASKED_BACK = (
    "Which page, and which figure or sentence?",
    "What were you looking for?",
    "What is missing, unclear or wrong?",
    "What do you use this for?",
    "May we write back, and to whom?",
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PAGE = re.compile(r"https://\S+[^\s.,;)]")


def feedback_view(edition: Edition) -> dict[str, Any]:
    """To whom, a filled-in message where an address is declared, and the questions themselves."""
    whom = edition.programme.contact
    title = f"{edition.programme.title}, edition {edition.quarter}: feedback"
    message = "\n\n".join((title, *ASKED_BACK))
    return {
        "whom": words.sentence(whom) if whom else NOBODY,
        "address": address(whom, title, "\n\n\n".join(ASKED_BACK)),
        "message": message,
    }


def address(contact: str, title: str, text: str) -> str:
    """A filled-in message to the first address that a contact names; empty where it names none.

    An e-mail, or the page of an issue tracker that takes ``title`` and ``body``.
    """
    if found := _MAIL.search(contact):
        asked = urlencode({"subject": title, "body": text}, quote_via=quote)
        return f"mailto:{found[0]}?{asked}"
    if found := _PAGE.search(contact):
        return f"{found[0]}?{urlencode({'title': title, 'body': text}, quote_via=quote)}"
    return ""
