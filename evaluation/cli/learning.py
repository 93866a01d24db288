"""The verbs of learning: what was changed and why, and what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import AsJson, By, Session, print_json, print_table, say, writable
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.ledger.learning_log import EntryKind, PublishedQuarter, Shown
    from evaluation.programme import Programme

decisions_app = typer.Typer(help="Decision rules, fixed with the protocol: which are met.")
practice_app = typer.Typer(help="What sites did: how far as agreed, what is unusual.")
log_app = typer.Typer(help="The learning log: what was changed, why, and what came of it.")


@log_app.command("add")
def log_add(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Option(
            help="change, surprise, harm, assumption (tested), explanation, decision, trial or "
            "outcome (what came of an earlier entry)."
        ),
    ],
    what: Annotated[str, typer.Option(help="What was done, seen or decided.")],
    why: Annotated[str, typer.Option(help="Why.")],
    site: Annotated[str, typer.Option(help="The site's code; left out: the programme.")] = "",
    expects: Annotated[
        str, typer.Option(help="Code of the figure that is expected to move, or is explained.")
    ] = "",
    by_when: Annotated[str, typer.Option(help="By which period, like 2027-Q1.")] = "",
    period: Annotated[
        str, typer.Option(help="When it happened, or which period is explained; else now.")
    ] = "",
    seen: Annotated[
        list[str] | None, typer.Option(help="Id of a figure that had been seen; repeat it.")
    ] = None,
    decided_by: Annotated[str, typer.Option(help="Who decided.")] = "",
    about: Annotated[str, typer.Option(help="The earlier entry that this came of.")] = "",
    rule: Annotated[
        str, typer.Option(help="The decision rule that it follows or departs from.")
    ] = "",
    shared: Annotated[bool, typer.Option(help="Other sites may read it in their letters.")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add an entry; it stands in the ledger's chain and is never changed."""
    from evaluation.ledger.learning_log import Entry, shown
    from evaluation.ledger.submission import permit_entry

    session: Session = context.obj
    programme, workspace = session.programme, session.workspace
    permit_entry(programme, by, site)
    entry = Entry(
        programme=programme.name,
        site=_site(programme, site),
        kind=_kind(kind),
        what=what.strip(),
        why=why.strip(),
        expects=_figure(programme, expects),
        by_when=_period(by_when),
        period=_period(period),
        seen=tuple(seen or ()),
        decided_by=decided_by.strip(),
        about=about.strip(),
        rule=rule.strip(),
        shared=shared,
    )
    with session.ledger() as ledger:
        held = ledger.note(
            entry, received=workspace.now(), by=by, synthetic_clock=workspace.synthetic_clock
        )
    (row,) = shown([held], _published(session))
    if as_json:
        print_json(row.as_dict())
        return
    print(held.entry_id)
    if row.late:
        say(f"It is labelled: {row.late}.")


@log_app.command("list")
def log_list(
    context: typer.Context,
    site: Annotated[str, typer.Option(help="One site's entries.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the entries in the order in which they were written."""
    from rich.table import Table

    session: Session = context.obj
    rows = [one for one in _entries(session) if not site or one.held.entry.site == site]
    if as_json:
        print_json([one.as_dict() for one in rows])
        return
    table = Table("entry", "written", "site", "kind", "what", "expects", "by", "", box=None)
    for one in rows:
        entry = one.held.entry
        when = one.held.received[:10] + (" (set)" if one.held.synthetic_clock else "")
        expects = " by ".join(filter(None, (entry.expects, entry.by_when)))
        table.add_row(
            one.held.entry_id,
            when,
            entry.site,
            entry.kind,
            entry.what,
            expects,
            one.held.by,
            one.late,
        )
    print_table(table)


def _entries(session: Session) -> list[Shown]:
    """The learning log of the programme, each entry with whether it was late."""
    from evaluation.ledger.learning_log import shown

    if not session.workspace.has_ledger:
        return []
    with session.ledger() as ledger:
        held = ledger.entries(session.programme_name)
    return shown(held, _published(session))


def _published(session: Session) -> list[PublishedQuarter]:
    from evaluation.edition.past import History
    from evaluation.ledger.learning_log import PublishedQuarter

    return [
        PublishedQuarter(quarter=one.quarter, published=one.published)
        for one in History.read(session.workspace).editions
    ]


def _kind(given: str) -> EntryKind:
    from evaluation.ledger.learning_log import KINDS

    known: dict[str, EntryKind] = {kind: kind for kind in KINDS}
    # As people say it.
    known["assumption tested"] = "assumption"
    if given not in known:
        raise UserError(f"{given!r} is no kind of entry.", expected=" or ".join(KINDS))
    return known[given]


def _site(programme: Programme, site: str) -> str:
    if site and site not in programme.site_by_code:
        raise UserError(
            f"{programme.name} has no site {site}.", expected=", ".join(programme.site_by_code)
        )
    return site


def _figure(programme: Programme, figure: str) -> str:
    """A figure's code; what stands behind a point, as in ``ae_attendances.effect``, is kept."""
    from difflib import get_close_matches

    code = figure.partition(".")[0].strip()
    if code and code not in programme.outcome_by_code:
        near = get_close_matches(code, programme.outcome_by_code, n=1)
        raise UserError(
            f"{programme.name} has no figure {figure!r}.",
            expected="an outcome's code: " + ", ".join(programme.outcome_by_code),
            mend=f"did you mean {near[0]}?" if near else "",
        )
    return figure.strip()


def _period(text: str) -> str:
    from evaluation.quarters import Period

    return Period.parse(text).label if text else ""


def letter(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The site's code.")],
    quarter: Annotated[str, typer.Argument(help="The quarter, like 2026-Q3.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.html or FILE.pdf.")],
    language: Annotated[str, typer.Option(help="en or cy.")] = "en",
) -> None:
    """Write the letter to a site: one page, in plain words."""
    from evaluation.edition.edition import Edition
    from evaluation.edition.letter import as_html, as_pdf
    from evaluation.edition.letter import letter as write
    from evaluation.quarters import Period

    session: Session = context.obj
    writable(output, (".html", ".pdf"))
    period = Period.parse(quarter)
    edition = Edition.read(session.workspace, session.programme_name)
    made = write(session.workspace, edition, site, period, language=language)
    if output.suffix.lower() == ".pdf":
        output.write_bytes(as_pdf(made))
    else:
        output.write_text(as_html(made), encoding="utf-8")
    print(output)


Study = Annotated[
    str, typer.Argument(help="PROGRAMME/STUDY; left out: every study that declares rules.")
]


@decisions_app.command("list")
def decisions_list(context: typer.Context, study: Study = "", as_json: AsJson = False) -> None:
    """Say of each rule whether it is met, and by which facts; what to do is for people."""
    from evaluation.study.learned import learned, studies_with_rules

    session: Session = context.obj
    workspace = session.workspace
    names = [study] if study else studies_with_rules(workspace, session.programme_name)
    found = [learned(workspace, name, published=_published(session)) for name in names]
    if as_json:
        print_json([one.as_dict() | {"study": held.study} for held in found for one in held.rules])
        return
    for held in found:
        for said in held.changed:
            say(f"{held.study}: {said}")
        for one in held.rules:
            word = {True: "met", False: "not met", None: "not known"}[one.met]
            print(f"{word:9}  {one.rule.name} ({one.rule.who}): {one.rule.when}")
            print(f"           {one.why}")
    if not any(held.rules for held in found):
        say("No rules are declared: studies/PROGRAMME/STUDY/decisions.yaml.")


@decisions_app.command("facts")
def decisions_facts(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")],
    as_json: AsJson = False,
) -> None:
    """List every fact that a rule of the study can name."""
    from evaluation.learning.decisions import vocabulary_of
    from evaluation.study.study import Study

    known = vocabulary_of(Study.load(context.obj.workspace, study).protocol)
    if as_json:
        print_json([{"fact": name, "kind": f.kind, "says": f.says} for name, f in known.items()])
        return
    for name, fact in known.items():
        words = f" ({', '.join(fact.words)})" if fact.words else ""
        print(f"{name}  {fact.kind}{words}: {fact.says}")


@decisions_app.command("chances")
def decisions_chances(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")],
    simulations: Annotated[int, typer.Option(min=50, help="Draws for each cell.")] = 400,
    as_json: AsJson = False,
) -> None:
    """Before the lock: how likely each rule is to be met, by true effect and number of sites."""
    from evaluation.study.planning import rule_chances

    found = rule_chances(context.obj.workspace, study, simulations=simulations)
    for said in found.warnings:
        say(str(said))
    if as_json:
        print_json([one.as_dict() for one in found.chances])
        return
    from rich.table import Table

    table = Table("rule", "sites", "effect", "met", box=None)
    for one in found.chances:
        met = "not known before the lock: " + ", ".join(one.lacks)
        if one.chance is not None:
            met = f"{100 * one.chance:.0f} %"
        table.add_row(one.rule, str(one.sites), f"{one.effect:g} X", met)
    print_table(table)


def chain(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")],
    as_json: AsJson = False,
) -> None:
    """Say of each link of the theory of change whether it moves, and which one broke."""
    from evaluation.study.learned import learned

    found = learned(context.obj.workspace, study).chain
    if found is None:
        raise UserError(
            "no links are declared.",
            where=f"studies/{study}/theory.yaml",
            mend="add links: [{from: .., to: .., stage: .., due: [first, last], figure: .., "
            "direction: ..}]",
        )
    if as_json:
        print_json([one.as_dict() for one in found.links])
        return
    for one in found.links:
        mark = " (pilots alone)" if one.descriptive else ""
        print(f"{one.state}{mark}  {one.link.name}: {one.why}")
    say(str(found.sentence))


@practice_app.callback(invoke_without_command=True)
def practice(context: typer.Context, as_json: AsJson = False) -> None:
    """Say of each site and period how far it did what was agreed."""
    from evaluation.study.learned import practice_of

    if context.invoked_subcommand is not None:
        return
    session: Session = context.obj
    shown, said = practice_of(session.workspace, session.programme)
    if as_json:
        print_json(shown)
        return
    last = ""
    for row in shown:
        if (head := f"{row['site']} {row['period']}: {row['state']}") != last:
            print(head)
            last = head
        value = "-" if row["value"] is None else f"{row['value']:.1f}"
        print(f"  {row['figure']} {value} (floor {row['floor']:g}): {row['delivery']}")
    if said:
        say(str(said))


@practice_app.command("charts")
def practice_charts(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The site's code; left out: all sites.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what is unusual for a site in the months of its own practice, by control charts.

    Made of the figures as they were sent, for whoever works inside; the book draws the printed.
    """
    from evaluation.learning.practice_charts import rows
    from evaluation.study.learned import charts_of

    session: Session = context.obj
    programme = session.programme
    chosen = _site(programme, site)
    charts = charts_of(session.workspace, programme)
    found = [one for one in charts if not chosen or one.site == chosen]
    if as_json:
        print_json(rows(found))
        return
    if not found:
        say(f"{site} has chosen no chart.")
    for one in found:
        print(f"{one.site} {one.charted.figure} ({one.charted.chart}): {one.said()}")
        for held in one.months:
            value = "-" if held.value is None else f"{held.value:.1f}"
            limits = f"{held.low:.1f} to {held.high:.1f}" if held.low is not None else ""
            marks = f"unusual: {', '.join(held.rules)}" if held.rules else ""
            print(f"  {held.month}  {value:>8}  {limits:18}{marks}".rstrip())
