"""The pages of data quality and of the rules: who sent what when, and what each rule asks."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.check.rules import rule_groups, rules
from evaluation.edition import words
from evaluation.edition.edition import Edition, Restated
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.finance import lines_of, paying_agency
from evaluation.ledger.calendar import Due, calendar
from evaluation.programme import OPEN_SITE
from evaluation.quarters import NAMES, Period, parse_instant
from evaluation.release import Released
from evaluation.release.last_audit import LastAudit
from evaluation.release.protected import hidden_by_outcome, median_widening, widenings
from evaluation.study.record import OutcomeResult, Results
from evaluation.study.written import record_if_there

SHOWN_PERIODS = 8
"""As many columns as a page is wide."""


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the template of the page asks for."""
    return {
        "study": edition.headline,
        "calendar": _calendar(edition, edition.programme.submitters, _calendars(edition)),
        "shapes": _shapes(edition, out),
        "restated": _restated_table(edition),
        "outcomes": _outcome_table(edition),
        "confirmed": _confirmed_table(edition),
        "answered": sum(len(receipt["confirmations"]) for receipt in edition.receipts),
    }


def of_site(edition: Edition, site: str) -> Markup:
    """The returns of one site, by the programme's own periods: single months stand in the annex."""
    own = [one for one in _calendars(edition) if not one.by_month]
    return _calendar(edition, [one for one in edition.programme.submitters if one[0] == site], own)


def _shapes(edition: Edition, out: Generated) -> Markup:
    """The same calendar as charts: a shape for each return of the last periods."""
    drawn = [_shape(edition, out, one) for one in _calendars(edition)]
    return Markup("\n").join(drawn)


def _shape(edition: Edition, out: Generated, held: _Calendar) -> Markup:
    periods, owed = held.periods, held.owed
    rows = [
        figures.Sent(
            _who(edition, site, agency),
            [getattr(owed.get((site, agency, one)), "state", None) for one in periods],
        )
        for site, agency in held.among(edition.programme.submitters)
    ]
    states = [state for one in rows for state in one.states if state]
    count = {state: states.count(state) for state in ("received", "late", "missing", "due")}
    said = (
        f"Of {words.counted(len(states) - count['due'], 'return')} due for {periods[0]} to "
        f"{periods[-1]}, {words.number(count['received'])} came in time, "
        f"{words.number(count['late']) if count['late'] else 'none'} late and "
        f"{words.number(count['missing']) if count['missing'] else 'none'} "
        f"{'is' if count['missing'] == 1 else 'are'} missing."
    )
    if count["due"]:
        said += f" {words.counted(count['due'], 'more is', 'more are')} not due yet."
    name = f"{edition.headline.study}/calendar{'_months' if held.by_month else ''}"
    kind = f"Calendar of returns by submitter and {NAMES[Period.parse(periods[0]).frequency]}"
    return out.chart(name, "", kind, said, figures.returns_calendar, rows, periods, heads=True)


@dataclass(frozen=True, kw_only=True)
class _Calendar:
    """The periods of one length that returns are about, and what is owed for each of them."""

    by_month: bool
    periods: list[str]
    owed: dict[tuple[str, str, str], Due]

    def among(self, submitters: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of months, those who owe one: most send nothing by month."""
        months = {(site, agency) for site, agency, _ in self.owed}
        return [one for one in submitters if one in months or not self.by_month]


def _calendars(edition: Edition) -> list[_Calendar]:
    """The calendar of the programme's own periods and, where some are returned, that of months.

    Returns of whole years beside the quarters have no column.
    """
    programme = edition.programme
    of = programme.first.frequency
    held = {Period.parse(r["quarter"]) for r in edition.receipts}
    today = parse_instant(edition.headline.vintage).date()
    owed = calendar(programme, edition.receipts, today)
    # A month is owed whether or not one ever came.
    months = {one.quarter for one in owed if one.quarter.frequency == "M" != of}
    shown = (
        (False, sorted(one for one in held if one.frequency == of)[-SHOWN_PERIODS:]),
        (True, sorted(months)[-SHOWN_PERIODS:]),
    )
    return [
        _Calendar(
            by_month=by_month,
            periods=[one.label for one in periods],
            owed={
                (one.site, one.agency, one.quarter.label): one
                for one in owed
                if one.quarter in periods
            },
        )
        for by_month, periods in shown
        if periods
    ]


def _calendar(
    edition: Edition, submitters: Sequence[tuple[str, str]], calendars: Sequence[_Calendar]
) -> Markup:
    found = []
    for held in calendars:
        rows = [
            [
                _who(edition, site, agency),
                *(_cell(held.owed.get((site, agency, one))) for one in held.periods),
            ]
            for site, agency in held.among(submitters)
        ]
        each = "monthly return" if held.by_month else "return"
        title = f"Day on which each {each} was first received"
        if rows:
            found.append(table(title, ["Sent by", *held.periods], rows, style="dense"))
    return Markup("\n").join(found)


def _who(edition: Edition, site: str, agency: str) -> str:
    programme = edition.programme
    if site == OPEN_SITE:
        return next((s.name for s in programme.sources if s.code == agency), agency)
    paying = paying_agency(programme, agency)
    name = programme.agencies.get(paying or agency, agency)
    return f"{programme.site_by_code[site].name}, {name}{' (finance)' if paying else ''}"


def _cell(owed: Due | None) -> str | Markup:
    if owed is None:
        return ""
    if owed.received is None:
        return "not due yet" if owed.state == "due" else "missing"
    notes = ["late"] if owed.state == "late" else []
    notes += [f"{owed.versions} versions"] if owed.versions > 1 else []
    day = f"{owed.received.day} {owed.received:%b %Y}"
    return Markup("{}<span class='from'>{}</span>").format(day, ", ".join(notes)) if notes else day


def _confirmed_table(edition: Edition) -> Markup:
    """The questions that were answered, by question: never which figure, nor what was written."""
    known = rules()
    asked = Counter(one["rule"] for r in edition.receipts for one in r["confirmations"])
    rows = [
        [known[rule].title if rule in known else rule, words.few(count)]
        for rule, count in asked.most_common()
    ]
    heads = ["Question", "Answered"]
    return table("Questions that were answered", heads, rows, numeric="tn") if rows else Markup("")


def _restated_table(edition: Edition) -> Markup:
    """What was replaced, newest first: by whom, of which quarter, how many figures, and why."""
    found = [one for held in edition.rounds[::-1] for one in held.restated]
    rows = [
        [
            _who(edition, one.site, one.agency) if one.agency else "",
            _title(edition, one.outcome),
            one.quarter,
            words.few(one.figures),
            _joined(words.day(one.received)) if one.received else "return withdrawn",
            _reason(one),
        ]
        for one in sorted(found, key=lambda one: one.received, reverse=True)
    ]
    heads = ["Sent by", "Outcome", "Quarter", "Figures", "Received", "Reason"]
    title = "What was replaced, newest first"
    return table(title, heads, rows, numeric="tttntt") if rows else Markup("")


def _joined(day: str) -> str:
    """A day that no narrow column breaks into a tower."""
    return day.replace(" ", "\N{NO-BREAK SPACE}")


def _reason(one: Restated) -> str:
    return words.sentence(words.reason_given(one.reason or "no reason given"))


def _title(edition: Edition, outcome: str) -> str:
    known = edition.programme.outcome_by_code.get(outcome)
    if known:
        return known.plain_title
    lines = {line.code: line.title for line in lines_of(edition.programme)}
    return lines.get(outcome, outcome)


class Asked(NamedTuple):
    """How many figures of an outcome were due, and how many of them are missing."""

    due: int
    missing: int


def asked_for(study: Results, outcome: OutcomeResult) -> Asked:
    """How many figures were due, and how many of them are missing.

    Of a survey none is due in a period without a wave.
    """
    data = outcome.data
    items = study.lives.items if study.lives else ()
    waves = next(({w.quarter for w in i.waves} for i in items if i.outcome == outcome.code), None)
    periods = len(study.sample.periods)
    if not waves or not periods:
        return Asked(data.cells, data.missing)
    due = data.cells * len(waves) // periods
    return Asked(due, max(0, data.missing - (data.cells - due)))


def _outcome_table(edition: Edition) -> Markup:
    asked = {o.code: asked_for(edition.headline, o) for o in edition.headline.outcomes}
    rows = [
        [
            o.plain_title,
            words.number(asked[o.code].due),
            words.number(asked[o.code].missing),
            words.few(o.data.suppressed),
            words.few(o.data.revised),
            words.number(o.data.rounded),
            words.number(o.blanket.cells if o.blanket else 0),
            words.number(o.data.lineage.summed if o.data.lineage else 0),
            words.number(o.data.lineage.apportioned if o.data.lineage else 0),
        ]
        for o in edition.headline.outcomes
    ]
    heads = ["Outcome", "Figures", "Missing", "Withheld", "Restated", "Rounded"]
    heads = [*heads, "Accepted by rule", "Sums", "Shared out"]
    # Columns of what is rare, only where there is any.
    blanket = any(o.blanket for o in edition.headline.outcomes)
    lineage = any(o.data.lineage for o in edition.headline.outcomes)
    shown = [True] * 6 + [blanket, lineage, lineage]
    heads, *rows = (list(compress(row, shown)) for row in (heads, *rows))
    title = "Number of figures in pilot and comparison areas, by outcome"
    return table(title, heads, rows, numeric="tnnnnnnnn"[: len(heads)])


KINDS = {"error": "Refused", "confirm": "Asked", "note": "Noted"}


def rule_pages_view(book: Path, out: Generated) -> dict[str, Any]:
    """Everything that the template of the page asks for.

    Raises
    ------
    BookError : if the record of the questions holds no valid JSON.
    """
    content: dict[str, Any] = {"groups": rule_groups(), "kinds": KINDS, "record": None}
    record = record_if_there(book / "questions.json")
    if record is None:
        return content
    return content | {
        "record": record,
        "said": said(record),
        "chart": _chart(record, out),
        "trade_off": _table(record["rows"]),
    }


def declared(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of the record at the thresholds as they are declared."""
    row: Mapping[str, Any] = next(row for row in record["rows"] if row["factor"] == 1.0)
    return row


def said(record: Mapping[str, Any]) -> str:
    """The finding in words."""
    row = declared(record)
    shares = [f"{name} {words.percent(100 * share, 0)}" for name, share in row["caught"].items()]
    return (
        f"In {words.number(record['clean_returns'])} invented returns without a fault there were "
        f"{words.number(row['questions'], 2)} questions a return. Of the slips that were planted, "
        f"one in a return, these shares were asked about: {words.listed(shares)}."
    )


def _chart(record: Mapping[str, Any], out: Generated) -> Markup:
    names = list(record["rows"][0]["caught"])
    lines = [
        figures.Caught(name, [(row["questions"], row["caught"][name]) for row in record["rows"]])
        for name in names
    ]
    alt, now = f"Line chart. {said(record)}", declared(record)["questions"]
    return out.plate("questions", "../", alt, figures.trade_off, lines, now)


def _table(rows: Sequence[Mapping[str, Any]]) -> Markup:
    names = list(rows[0]["caught"])
    cells = [
        [
            words.number(row["jump"], 1),
            words.number(row["questions"], 2),
            *(words.percent(100 * row["caught"][name], 0) for name in names),
        ]
        for row in rows
    ]
    heads = [
        "Asked from, standard deviations",
        "Questions a clean return",
        *(words.capital(name) for name in names),
    ]
    return table(
        "What stricter and laxer thresholds catch and cost", heads, cells, numeric="n" * len(heads)
    )


def protected_view(edition: Edition) -> dict[str, Any]:
    """What the page of how people are protected shows: what was hidden, what not printed."""
    study = edition.headline
    made = edition.released.get(f"{study.programme}/{study.study}")
    return {
        "study": study,
        "hidden": _hidden(study, made) if made else Markup(""),
        "withheld": _withheld(study, made) if made else Markup(""),
        "said": _hidden_in_all(made) if made else "",
        "widened": _widened(made) if made else "",
        "values": words.number(len(made.entries)) if made else "",
        "open_data": study.programme in edition.open_data,
        "attacked": _attacked(edition.audit, f"{study.programme}/{study.study}", made),
    }


def hidden_share(made: Released) -> float:
    """Of a hundred counts of sites, how many are hidden."""
    return 100 * sum(one.hidden for one in made.counts.values()) / max(len(made.counts), 1)


def _attacked(audit: LastAudit | None, study: str, made: Released | None) -> str:
    """What the last audit found, and whether it is of what is printed here."""
    if audit is None or made is None:
        return "No audit was run where this book was built."
    if audit.fewest is None:
        return "When it was last run, no count of people was printed, and so none attacked."
    many = words.number(audit.editions)
    others = {0: "no earlier edition", 1: "one earlier edition"}.get(
        audit.editions, f"{many} earlier editions"
    )
    said = (
        f"When it was last run, on {words.day(audit.run)}, it held {words.number(audit.figures)} "
        f"printed figures, those of {others} among them. Of {words.number(audit.protected)} counts "
        f"of sites, of single areas and of revisions, each kept at least "
        f"{words.number(audit.fewest)} possible values."
    )
    if audit.insiders and audit.insiders_fewest is not None:
        said += (
            f" It was run as {words.counted(audit.insiders, 'submitter')} too, one by one, who "
            "know what they sent: of what others sent, at least "
            f"{words.number(audit.insiders_fewest)} values were left."
        )
    if not audit.is_of(study, made):
        said += " Figures have come in since, so it was run on another state than this book's."
    return said


def _hidden_in_all(made: Released) -> str:
    """How many counts of sites, and of all pilots together, are hidden."""
    sites, hidden = len(made.counts), sum(one.hidden for one in made.counts.values())
    if not sites:
        return "No count of a site is printed in this edition."
    share = words.percent(hidden_share(made), 1)
    whole = [one for one in made.entries if one.kind == "path" and one.step is None]
    gone = sum(one.printed is None for one in whole)
    quarters = f"{words.number(gone)} of {words.number(len(whole))}" if whole else "none"
    return (
        f"Of {words.number(sites)} counts of a site in a period, {words.number(hidden)} are hidden "
        f"({share}); of the programme's own periods, {quarters}: a period of all sites is the sum "
        "of printed counts, and is hidden where one of them is."
    )


def _hidden(study: Results, made: Released) -> Markup:
    """By outcome: counts of sites, and periods of the whole programme, that are hidden."""
    titles = {one.code: one.plain_title for one in study.outcomes}
    rows = [
        [
            titles.get(one.outcome, one.outcome),
            words.number(one.counts),
            words.number(one.hidden),
            words.number(one.periods_hidden),
            "" if one.widening is None else words.percent(one.widening, 0),
        ]
        for one in hidden_by_outcome(made)
    ]
    heads = [
        "Outcome",
        "Counts of sites",
        "Hidden",
        "Periods of the programme hidden",
        "Ranges wider by",
    ]
    title = "What was hidden, by outcome"
    return table(title, heads, rows, numeric="tnnnn") if rows else Markup("")


def _widened(made: Released) -> str:
    """By how much printing widens ranges, of headlines and of all, at the median."""
    headline, whole = median_widening(made), list(widenings(made.entries).values())
    if headline is None or not whole:
        return ""
    return (
        f"The ranges of this edition's headlines are {words.percent(headline, 0)} wider than "
        f"inside, at the median; all ranges {words.percent(statistics.median(whole), 0)}, and the "
        f"widest by {words.percent(max(whole), 0)}."
    )


def _withheld(study: Results, made: Released) -> Markup:
    """Rows of estimates that are not printed, by outcome and by why."""
    found = Counter((one.outcome, one.by, one.reason) for one in made.withheld)
    titles = {one.code: one.plain_title for one in study.outcomes}
    rows = [
        [titles.get(code, code), by.replace("_", " "), reason, words.number(many)]
        for (code, by, reason), many in sorted(found.items())
    ]
    heads = ["Outcome", "Rows by", "Why", "Rows"]
    title = "Estimates that are not printed"
    return table(title, heads, rows, numeric="tttn") if rows else Markup("")
