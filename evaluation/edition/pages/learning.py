"""What the page of learning shows: chain, practice, log, rules and rival explanations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from evaluation.edition import words
from evaluation.edition.html_tables import table
from evaluation.edition.pages import changes, questions
from evaluation.learning import practice as practices
from evaluation.learning.decisions import OF_ALL, OF_OUTCOME
from evaluation.learning.practice import Delivery, SitePeriod
from evaluation.learning.predicates import Comparison, Joined, Not
from evaluation.ledger.learning_log import PublishedQuarter, ticks
from evaluation.quarters import NAMES
from evaluation.study.learned import Learned, learned
from evaluation.study.study import StudyName

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition
    from evaluation.edition.files import Generated
    from evaluation.edition.pages.claims import Claims
    from evaluation.finding.theory import Link
    from evaluation.learning.predicates import Facts, Predicate, Value
    from evaluation.programme import Outcome, Programme
    from evaluation.wording import Sentence
    from evaluation.workspace import Workspace

# Periods of a strip that fit a telephone.
SHOWN_PERIODS = 8
MARKS: Mapping[Delivery, str] = {
    Delivery.AS_DESIGNED: "■",
    Delivery.PARTLY: "◧",
    Delivery.NOT: "□",
    Delivery.NOT_KNOWN: "?",
    Delivery.NOT_DUE: "·",
}
"""Shapes and no colours: what each says stands beside it in words."""
_CLAIM = re.compile(r"\{([\w.]+)\}")


def known(workspace: Workspace, edition: Edition) -> Learned | None:
    """What the headline study has learned; None where its declarations are not at hand."""
    name = f"{edition.headline.programme}/{edition.headline.study}"
    if not (StudyName.parse(name).folder(workspace) / "protocol.yaml").is_file():
        return None
    published = [
        PublishedQuarter(quarter=one.quarter, published=one.published)
        for one in edition.history.editions
    ]
    return learned(workspace, name, published=published, shown_as=edition.as_printed)


def view(found: Learned | None, edition: Edition, claims: Claims, out: Generated) -> dict[str, Any]:
    """Everything that the template asks for beside the open questions."""
    if found is None:
        return {"learned": None}
    if found.strips:
        out.table("practice", practices.rows(found.strips))
    if found.chain:
        out.table("chain", [_flat(one.as_dict()) for one in found.chain.links])
    if found.entries:
        out.table("learning-log", [_flat(one.as_dict()) for one in found.entries])
    marks = [
        {"site": site.code, **one}
        for site in edition.programme.sites
        for one in ticks([held.held for held in found.entries], site.code)
    ]
    if marks:
        out.table("ticks", marks)
    titles = {one.code: one.plain_title for one in edition.programme.outcomes}
    return {
        "learned": found,
        "chain": _chain_table(found),
        "broken": _broken(found),
        "practice": _practice_table(found, edition.programme),
        "delivered": practices.said_of_estimate(found.strips),
        "log": _log_table(found, titles),
        "decided": _decided_table(found),
        "rules": _rules_table(found, edition.programme.outcome_by_code),
        "rivals": _rivals_table(found, claims, changes.published(edition)),
    }


def of_site(found: Learned | None, site: str) -> dict[str, Any]:
    """What the page of one site shows: its strip, in words, and what it changed."""
    if found is None:
        return {"strip": "", "changes": "", "charted": False}
    own = [one for one in found.strips if one.site == site]
    entries = [one for one in found.entries if one.held.entry.site == site]
    inside = set(found.changed_inside.get(site, ()))
    rows = [
        [
            one.held.entry.period or one.held.received[:10],
            one.held.entry.what,
            one.held.entry.why,
            "inside the time that is judged" if one.held.entry_id in inside else "",
        ]
        for one in entries
    ]
    return {
        "strip": _components(own) if own else "",
        "changes": table("What was changed here", ["When", "What", "Why", ""], rows)
        if rows
        else "",
        "charted": any(one.site == site for one in found.charts),
    }


def changes_at(found: Learned | None, site: str) -> str:
    """How many changes of its practice a site has logged."""
    own = [one for one in found.entries if one.held.entry.site == site] if found else []
    return words.counted(len(own), "change") if own else "none"


def strips(found: Learned | None, sites: Sequence[str]) -> dict[str, Markup]:
    """Site -> its strip, a shape for each period, read aloud as words."""
    if found is None:
        return {}
    return {site: _strip([one for one in found.strips if one.site == site]) for site in sites}


def _strip(own: Sequence[SitePeriod]) -> Markup:
    last = own[-SHOWN_PERIODS:]
    said = "; ".join(f"{one.period.label} {one.state}" for one in last)
    shapes = "".join(MARKS[one.state] for one in last)
    return Markup("<span role='img' aria-label='{}' title='{}'>{}</span>").format(
        said, said, shapes
    )


def _components(own: Sequence[SitePeriod]) -> Markup:
    """One row a component, with its floor, its last figure and what it is by period."""
    rows = []
    for cell in own[-1].cells:
        code = cell.component.figure
        of_all = [next(c for c in one.cells if c.component.figure == code) for one in own]
        last = next((c.figure for c in reversed(of_all) if c.figure is not None), None)
        rows.append(
            [
                cell.component.says or code,
                f"at {'least' if cell.component.better == 'up' else 'most'} "
                f"{cell.component.floor:g}",
                "not known" if last is None else words.number(last),
                Markup("<span role='img' aria-label='{}'>{}</span>").format(
                    ", ".join(str(c.state) for c in of_all[-SHOWN_PERIODS:]),
                    "".join(MARKS[c.state] for c in of_all[-SHOWN_PERIODS:]),
                ),
                str(cell.state),
            ]
        )
    heads = ["What is counted", "Agreed", "Now", "Last periods", "State"]
    title = "Practice, by the site's own figures"
    return table(title, heads, rows, numeric="ttntt", style="close")


def _chain_table(found: Learned) -> Markup | str:
    if found.chain is None or found.theory is None:
        return ""
    rows, says = [], found.theory.said
    for number, one in enumerate(found.chain.links, start=1):
        state = str(one.state) + (" (pilots alone)" if one.descriptive else "")
        named = _link(one.link, says)
        bold = Markup("<strong>{}</strong>").format(named)
        shown = bold if one is found.chain.broken else Markup(escape(named))
        rows.append([Markup("{}. {}").format(number, shown), one.link.stage, state, str(one.why)])
    return table("The links of the chain, in their order", ["Link", "Stage", "State", "Why"], rows)


def _link(link: Link, says: Mapping[str, str]) -> str:
    return f"{says[link.from_]} → {says[link.to]}"


def _broken(found: Learned) -> Sentence | str:
    """Which link broke, by what is said of its ends and not by their codes."""
    if found.chain is None or found.theory is None or found.chain.broken is None:
        return ""
    link = found.chain.broken.link
    names = {link.name: f"“{_link(link, found.theory.said)}”"}
    return found.chain.sentence.spelled(replace(words.BOOK, names=names))


def _practice_table(found: Learned, programme: Programme) -> Markup | str:
    if not found.strips or found.practice is None:
        return ""
    unit = found.practice.dose_unit(programme)
    rows = [
        [
            site.name,
            site.start.label,
            _strip([one for one in found.strips if one.site == site.code]),
            str(practices.latest(found.strips, site.code)),
            str(practices.dose(found.strips, site, unit)),
        ]
        for site in sorted(programme.sites, key=lambda site: (site.start, site.code))
    ]
    heads = ["Site", "Start", "Last periods", "Now", f"{NAMES[unit].capitalize()}s as designed"]
    title = "What sites did, in the order of their start"
    return table(title, heads, rows, numeric="ttttn", style="close")


def _log_table(found: Learned, titles: Mapping[str, str]) -> Markup | str:
    rows = []
    for one in found.entries:
        entry = one.held.entry
        if entry.kind == "decision" or entry.about:
            continue
        figure = titles.get(entry.expects, entry.expects)
        expected = " by ".join(filter(None, (figure, entry.by_when)))
        came = "; ".join(later.entry.what for later in one.outcomes)
        rows.append(
            [
                one.held.received[:10],
                entry.site or "all",
                f"{entry.kind}: {entry.what}",
                entry.why,
                expected,
                came or ("written afterwards" if one.late else ""),
            ]
        )
        if one.late:
            rows[-1][3] = Markup("{} <small>({})</small>").format(entry.why, one.late)
    heads = ["Written", "Site", "What", "Why", "Expected", "What came of it"]
    return table("The learning log", heads, rows) if rows else ""


def _decided_table(found: Learned) -> Markup | str:
    rows = [
        [
            one.held.received[:10],
            one.held.entry.what,
            one.held.entry.decided_by,
            one.held.entry.why,
            "; ".join(later.entry.what for later in one.outcomes),
        ]
        for one in found.entries
        if one.held.entry.kind == "decision"
    ]
    heads = ["Decided", "What", "By whom", "Why", "What came of it"]
    return table("What was decided", heads, rows) if rows else ""


def _said(fact: str, titles: Mapping[str, str]) -> str:
    """A fact in words; one of an outcome with its title."""
    if fact in OF_ALL:
        return OF_ALL[fact].says
    code, _, word = fact.rpartition(".")
    return f"{titles.get(code, code)}, {OF_OUTCOME[word].says}"


_SIGNS = {
    "<=": "at most",
    ">=": "at least",
    "<": "below",
    ">": "above",
    "==": "exactly",
    "!=": "other than",
}
_TURNED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}
_OPPOSITE = {"<=": ">", ">=": "<", "<": ">=", ">": "<=", "==": "!=", "!=": "=="}
_BETTER_UP = {
    "benefit": "the effect",
    "benefit_low": "the worse end of its range",
    "benefit_high": "the better end of its range",
    "next_site_low": "the worse end of the range for the next site",
    "next_site_high": "the better end of the range for the next site",
}
"""Facts that count more as better, and what they are where they are turned back."""


def _when(predicate: Predicate, held: Facts, outcomes: Mapping[str, Outcome]) -> str:
    """What a rule asks, in words, with what each fact is now."""
    match predicate:
        case Not(part=Comparison() as one) if not isinstance(one.value, (bool, str)):
            return _when(replace(one, sign=_OPPOSITE[one.sign]), held, outcomes)
        case Not():
            return f"not ({_when(predicate.part, held, outcomes)})"
        case Joined():
            parts = [_when(one, held, outcomes) for one in predicate.parts]
            nested = [isinstance(one, Joined) for one in predicate.parts]
            shown = [
                _inner(p, one) if deep else p
                for p, one, deep in zip(parts, predicate.parts, nested, strict=True)
            ]
            return f", {predicate.by} ".join(shown)
    code, _, word = predicate.fact.rpartition(".")
    asked, now, sign = predicate.value, held.get(predicate.fact), predicate.sign
    said = _said(predicate.fact, {key: one.plain_title for key, one in outcomes.items()})
    if word in _BETTER_UP and code in outcomes and outcomes[code].polarity == "down":
        # Less is better here: told as the book prints it, and not turned round.
        said, sign = f"{outcomes[code].plain_title}, {_BETTER_UP[word]}", _TURNED.get(sign, sign)
        asked, now = -float(asked), None if now is None else -float(now)
    told = partial(_fact, word)
    if asked is True and sign == "==":
        return f"{said} (now: {told(now)})"
    # Of what is counted, fewer than one is none.
    none = (sign, asked) in (("==", 0), ("<", 1), ("<=", 0)) and predicate.fact in OF_ALL
    wanted = "none" if none and word != "chance" else f"{_SIGNS[sign]} {told(asked)}"
    return f"{said}: {wanted} (now {told(now)})"


def _inner(told: str, predicate: Predicate) -> str:
    """Predicates joined within others: ``both at once: ..``; in brackets where they are more."""
    if isinstance(predicate, Joined) and len(predicate.parts) == 2:
        return f"{'both at once' if predicate.by == 'and' else 'either'}: {told}"
    return f"({told})"


def _fact(word: str, held: Value | None) -> str:
    if held is None:
        return "not known"
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, str):
        return held
    if word == "chance":
        return words.in_hundred(held)
    in_percent = word in (*_BETTER_UP, "effect", "low", "high")
    return words.signed_percent(held) if in_percent else f"{held:,.6g}"


def _rules_table(found: Learned, outcomes: Mapping[str, Outcome]) -> Markup | str:
    states = {True: "met", False: "not met", None: "not known"}
    rows = [
        [
            one.rule.name.replace("_", " "),
            states[one.met],
            one.rule.who,
            words.capital(_when(one.predicate, one.held, outcomes)),
        ]
        for one in found.rules
    ]
    heads = ["Rule", "State", "Who decides", "When (and what is known now)"]
    title = "What was agreed to be decided on"
    return table(title, heads, rows, style="named") if rows else ""


def next_decision(found: Learned | None, following: str) -> str:
    """Which rules are met and for whom, and when the next figures to decide on come.

    Parameters
    ----------
    following : what is said of the next edition.
    """
    if found is None or not found.rules:
        return f"No rule says what is decided on what. {following}"
    met = [one.rule for one in found.rules if one.met]
    named = [f"{one.name.replace('_', ' ')}, for {one.who} to decide" for one in met]
    count = f"Of {words.counted(len(found.rules), 'rule')} agreed beforehand, "
    count += f"{words.number(len(met)) if met else 'none'} {'is' if len(met) < 2 else 'are'} met"
    return f"{count}{': ' + '; '.join(named) if named else ''}. {following}"


def next_decisions(found: Learned | None, outcomes: Mapping[str, Outcome], day: str) -> list[str]:
    """Each decision that a rule calls for: who decides, by when, what was agreed, and on what.

    Parameters
    ----------
    day : by which it is to be decided: when the next figures come.
    """
    if found is None or not found.rules:
        return ["No rule says what is decided on what, so no decision is called for."]
    met = [one for one in found.rules if one.met]
    if not met:
        many = words.counted(len(found.rules), "rule")
        return [f"No decision is called for: of {many} agreed beforehand, none is met."]
    said = []
    for one in met:
        rule = one.rule
        agreed = str(rule.decision or rule.name).replace("_", " ")
        when = words.within(_when(one.predicate, one.held, outcomes))
        needs = (
            f" Still to be known: {words.within(words.sentence(rule.needs))}" if rule.needs else ""
        )
        said.append(
            f"Next decision: whether to {agreed}, as a rule agreed beforehand asks. To be "
            f"decided by: {rule.who}. By when: {day}, before the next edition. The rule is met: "
            f"{when}.{needs}"
        )
    return said


def decisions_of(found: Learned | None, edition: Edition) -> list[str]:
    """`next_decisions` of an edition, by when the next one is due."""
    return next_decisions(found, edition.programme.outcome_by_code, questions.next_day(edition))


def _rivals_table(found: Learned, claims: Claims, published: str) -> Markup | str:
    """The rival explanations with who signed them; ``published`` is the edition's instant."""
    if found.rivals is None:
        return ""

    def filled(text: str) -> str:
        return _CLAIM.sub(lambda held: claims.claim(held[1]).text, text)

    rows = [
        [filled(one.claim), filled(one.for_), filled(one.against), filled(one.verdict)]
        for one in found.rivals.rivals
    ]
    on = found.rivals.signed_on.isoformat()
    # A later hand can have known what the edition says: nobody is to take it for an earlier one.
    after = ", after this edition was published" if published and on > published[:10] else ""
    signed = f"Signed by {found.rivals.signed_by} on {words.day(on)}{after}"
    heads = ["Another explanation", "For", "Against", "Verdict"]
    return table(f"Rival explanations. {signed}", heads, rows)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table for programs: lists as text, what is nested left out."""
    return {
        name: " ".join(map(str, held)) if isinstance(held, list | tuple) else held
        for name, held in row.items()
        if not isinstance(held, dict) and name != "what_came_of_it"
    }
