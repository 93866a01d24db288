"""The verbs of disclosure control: the key, and the attack on what would be printed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.cli.session import PROBLEMS, AsJson, Session, print_json, say
from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from evaluation.disclosure.protection import Protection
    from evaluation.ledger.signatures import SignatureKind

TOLD = 4
"""Of the figures that bind a count, how many are told."""
app = typer.Typer(help="What may be printed of people's counts, and what it gives away.")
key_app = typer.Typer(help="The programme's one key, kept apart from the workspace.")
app.add_typer(key_app, name="key", no_args_is_help=True)


@key_app.command("create")
def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it, outside the workspace.")],
    shares: Annotated[
        bool, typer.Option(help="Also print three shares of which any two give the key back.")
    ] = False,
) -> None:
    """Make the programme's disclosure key, once and for ever; prints what names it."""
    from evaluation.disclosure import key

    session: Session = context.obj
    made = key.create(file, session.workspace.root)
    print(made.check_value)
    if shares:
        for share in key.shares(made):
            print(share)
        say("Give each share to another person. Any two of them make the key; one says nothing.")
    say(f"The key lies in {file}. Keep a sealed copy apart from the ledger and its back-ups.")
    say(f"It is used when {key.VARIABLE} names its file, and is never made anew: see")
    say("newstart disclosure key show")


@key_app.command("join")
def join(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it, outside the workspace.")],
) -> None:
    """Give a lost key back from two of its shares; asks for them, or reads them a line each."""
    from evaluation.disclosure import key

    session: Session = context.obj
    # Never as arguments: those stay in the shell's history and show to whoever lists processes.
    given = (
        [
            typer.prompt(f"Share of person {one}", hide_input=True)
            for one in range(1, key.ENOUGH + 1)
        ]
        if sys.stdin.isatty()
        else [line for line in sys.stdin.read().splitlines() if line.strip()]
    )
    back = key.join(given)
    key.keep(back, file, session.workspace.root)
    print(back.check_value)
    say(
        f"The key lies in {file}. Compare the code above with the one that was printed when the key"
    )
    say("was made, or with `key` in newstart disclosure register --json: shares that do not belong")
    say("together give another key.")


@key_app.command("show")
def show() -> None:
    """Print what names the key, never the key."""
    from evaluation.disclosure import key

    held = key.read()
    print(held.check_value)
    say(
        "Two keys would round one count twice, and two roundings of one number close in on it: "
        "so it is never rotated. If it is lost, what was printed stays as it is and new counts "
        "take a second key. If it leaks, every count printed by it is known to within its true "
        "value's rounding, and to whoever holds two editions often exactly: stop publishing, and "
        "tell the controllers."
    )


@app.command("audit")
def audit(
    context: typer.Context,
    edition: Annotated[
        str, typer.Option(help="Attack with this edition alone.", show_default=False)
    ] = "",
    insider: Annotated[
        str,
        typer.Option(
            help="SITE/AGENCY: whoever sends its figures and knows them.", show_default=False
        ),
    ] = "",
    every_insider: Annotated[
        bool, typer.Option(help="Attack as each submitter too, who knows what they sent.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Attack what did not change since the last audit too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Attack every count with all editions and what would be printed now; exit 1 below k values."""
    from evaluation.disclosure.protection import submitters_tried
    from evaluation.publish.outputs import audit_of
    from evaluation.release import terms_of

    session: Session = context.obj
    programme = session.programme
    site, _, agency = insider.partition("/")
    if insider and (site, agency) not in programme.submitters:
        raise DisclosureError(
            f"nobody sends figures as {insider}.",
            expected=", ".join(f"{s}/{a}" for s, a in programme.submitters),
        )
    found = audit_of(
        session.workspace,
        programme,
        terms_of(session.workspace, programme),
        edition=edition,
        insider=(site, agency) if insider else None,
        insiders=submitters_tried(programme) if every_insider else (),
        keep=not anew,
    )
    if as_json:
        print_json(found.as_dict())
    else:
        _told(found)
    if not found.ok:
        raise typer.Exit(PROBLEMS)


@app.command("recompute")
def recompute(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY, which was run.")],
    counts: Annotated[int, typer.Option(help="How many counts to move by one person.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Compute a study again of neighbouring counts; exit 1 where what is printed tells them."""
    from evaluation.release import recomputed, terms_of

    session: Session = context.obj
    programme = session.programme
    terms = terms_of(session.workspace, programme)
    found = recomputed(session.workspace, programme, terms, study, most=counts, progress=say)
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        for one in found:
            print(f"{one.moved}: {one.alike:,} of {one.figures:,} figures are printed alike")
            for address in one.beyond:
                print(f"  moved by more than its step: {address}")
    if not all(one.ok for one in found):
        raise typer.Exit(PROBLEMS)


def _told(found: Protection) -> None:
    if found.fewest is None:
        say("Nothing of what sites sent would be printed.")
        return
    print(
        f"{found.protected:,} counts attacked with {found.figures:,} printed figures, "
        f"{found.hidden} counts hidden; at least {found.fewest} values stay possible for each "
        f"({found.k} are asked for)."
    )
    for one in found.worst:
        print(f"  {one.cell}: {one.low} to {one.high} ({one.values} values)")
        for address in one.binding[:TOLD]:
            print(f"    by {address}")
        if len(one.binding) > TOLD:
            print(f"    and {len(one.binding) - TOLD} more: --json names them")
    for line in _insiders_told([one.as_dict() for one in found.insiders]):
        print(line)
    if not found.ok:
        _refused(found)


def _refused(found: Protection) -> None:
    """Say which count could be found, and what is done about a figure that is out already."""
    short = [one for one in found.worst if one.values < found.k]
    short += [i.worst for i in found.insiders if i.worst and i.worst.values < found.k]
    for one in dict.fromkeys(short):
        many = "1 value" if one.values == 1 else f"{one.values} values"
        by = f", by {one.binding[0]}" if one.binding else ""
        say(f"{one.cell} could be narrowed to {many}, and {found.k} are asked for{by}.")
    say("Do not publish. What would be printed now has to be coarser or left out; what an edition")
    say("printed is withdrawn: newstart release withdraw ADDRESS --as CHECKER --note WHY")


def _insiders_told(tried: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who was tried as an attacker besides, with what each was left with."""
    if tried:
        yield f"Tried as each of {len(tried)} submitters too, who know what they sent:"
    for one in tried:
        worst = one["worst"]
        least = f", {worst['cell']}" if worst else ""
        left = "nothing else is printed" if one["fewest"] is None else f"{one['fewest']} values"
        yield f"  {one['insider']}: {left}{least}"


@app.command("register")
def register(context: typer.Context, as_json: AsJson = False) -> None:
    """List every value that was ever printed of the programme, in the order in which it was."""
    session: Session = context.obj
    lines = []
    if session.workspace.has_ledger:
        with session.ledger() as ledger:
            lines = ledger.register(session.programme_name)
    if as_json:
        print_json([one.as_dict() for one in lines])
        return
    for one in lines:
        print(f"{one.edition}  {one.address}  {one.printed}")
    say("1 value was printed." if len(lines) == 1 else f"{len(lines):,} values were printed.")


@app.command("hidden")
def hidden(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what of each outcome would not be printed now, and by how much ranges widen."""
    from dataclasses import asdict

    from evaluation.publish.outputs import released_now
    from evaluation.release.protected import hidden_by_outcome

    session: Session = context.obj
    rows = [
        {"study": study, **asdict(one)}
        for study, made in released_now(session.workspace, session.programme).items()
        for one in hidden_by_outcome(made)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        wider = "" if row["widening"] is None else f"; ranges wider by {row['widening']:.0f} %"
        print(
            f"{row['study']} {row['outcome']}: {row['hidden']} of {row['counts']} counts of sites "
            f"hidden, {row['periods_hidden']} of {row['periods']} periods of all sites; "
            f"{row['rows_withheld']} rows of estimates withheld{wider}"
        )
    counts, gone = sum(one["counts"] for one in rows), sum(one["hidden"] for one in rows)
    share = f" ({100 * gone / counts:.1f} %)" if counts else ""
    say(f"{gone:,} of {counts:,} counts of sites are hidden{share}.")


@app.command("methods")
def methods(
    context: typer.Context,
    sign: Annotated[
        str, typer.Option(help="Print the one-page note of this method, to sign.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Audit each method by which counts may be printed, alike; or print a note to sign."""
    from evaluation.disclosure.methods import METHODS, audited, note
    from evaluation.disclosure.policy import threshold_warnings

    if sign:
        chosen = next((one for one in METHODS if one == sign), None)
        if chosen is None:
            raise DisclosureError(f"{sign!r} is no method.", expected=" or ".join(METHODS))
        print(note(context.obj.programme, chosen), end="")
        return
    found = [audited(one) for one in METHODS]
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    for one in found:
        print(f"{one.method}: {one.says}")
        values = "1 value" if one.fewest == 1 else f"{one.fewest} values"
        print(
            f"  8 editions, every revision known: at least {values} left; "
            f"{100 * one.exact:.0f} % exact, {100 * one.under_k:.0f} % under 5"
        )
    for line in threshold_warnings(context.obj.programme):
        say(line)


release_app = typer.Typer(help="Ask for a release, look at it, and approve or refuse it.")
As = Annotated[
    str, typer.Option("--as", help="Who: a person of the programme.", envvar="NEWSTART_BY")
]
Note = Annotated[str, typer.Option("--note", help="What was looked at, or why; kept for ever.")]
Name = Annotated[str, typer.Argument(help="The bundle; the last one if none is named.")]


@release_app.command("request")
def request(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY.")],
    person: As = "",
    exception: Annotated[
        list[str] | None,
        typer.Option(help="What is to be printed otherwise than the policy says, and why."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Freeze what a study would print, audited, for two checkers; exit 1 if the audit fails."""
    from evaluation.publish.outputs import request_release

    session: Session = context.obj
    found = request_release(session.workspace, study, by=person, exceptions=exception or ())
    if as_json:
        print_json(found.as_dict())
    else:
        print(found.bundle.name)
        _told(found.audit)
        say("Two checkers, neither of whom asked for it, look at it: newstart release show")
    if not found.audit.ok:
        raise typer.Exit(PROBLEMS)


@release_app.command("show")
def show_release(context: typer.Context, bundle: Name = "", as_json: AsJson = False) -> None:
    """Show a bundle: what is new in it, what the audit found, and who said what."""
    from evaluation.disclosure.bundle import read_bundle, standing_of

    session: Session = context.obj
    held = read_bundle(session.workspace, session.programme_name, bundle)
    now = standing_of(session.workspace, session.programme, held)
    if as_json:
        print_json(now.as_dict() | {"audit": held.content["audit"], "content": held.content})
        return
    difference = held.content["difference"]
    print(f"{held.name} of {held.study}, asked for by {held.asked_by} ({held.hash})")
    for part in ("new", "changed", "dropped"):
        print(f"  {len(difference[part]):,} values {part}")
    print(f"  {len(held.content['hidden'])} hidden, {len(held.content['exceptions'])} exceptions")
    print(f"  approved by {', '.join(now.approved) or 'nobody'}")
    for by in now.refused:
        print(f"  refused by {by}")
    for by in now.changes:
        print(f"  changes asked by {by}")
    for one in now.said:
        if one.signed.note:
            print(f"  {one.signed.by}, {one.signed.kind}: {one.signed.note}")
    for what in now.stale:
        print(f"  stale: {what} changed since")
    audit = held.content["audit"]
    left = "none of them printed" if audit["fewest"] is None else f"at least {audit['fewest']}"
    print(f"  audit: {audit['protected']:,} counts, values left to each: {left}")
    for line in _insiders_told(audit.get("insiders", [])):
        print(f"  {line}")
    say("It holds counts, for the checkers alone: --json prints all of it.")


@release_app.command("approve")
def approve(
    context: typer.Context, bundle: Name, person: As = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Approve a bundle, as a checker who did not ask for it."""
    _signed(context, bundle, "approval", person, note, as_json)


@release_app.command("changes")
def ask_changes(
    context: typer.Context, bundle: Name, person: As = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Ask for changes of a bundle, with what has to change; it is not published as it is."""
    _signed(context, bundle, "changes asked", person, note, as_json)


@release_app.command("refuse")
def refuse(
    context: typer.Context, bundle: Name, person: As = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Refuse a bundle, with why it may not be printed at all."""
    _signed(context, bundle, "refusal", person, note, as_json)


def _signed(
    context: typer.Context, bundle: str, kind: SignatureKind, person: str, note: str, as_json: bool
) -> None:
    from evaluation.disclosure.bundle import read_bundle, sign_off, standing_of

    session: Session = context.obj
    workspace, programme = session.workspace, session.programme
    held = read_bundle(workspace, programme.name, bundle)
    signature = sign_off(workspace, programme, held, kind, by=person, note=note)
    now = standing_of(workspace, programme, held)
    if as_json:
        print_json(now.as_dict() | {"signature": signature.as_dict()})
        return
    print(f"{held.name}: {kind} by {person}, in the chain as {signature.signature_id}")
    if now.complete:
        say("It may be published: newstart edition publish")


@release_app.command("withdraw")
def withdraw(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="As newstart disclosure register lists it.")],
    person: As = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Withdraw a printed value that shows somebody: no edition prints it again."""
    from evaluation.publish.outputs import withdraw_cell

    session: Session = context.obj
    signature = withdraw_cell(session.workspace, address, by=person, note=note)
    if as_json:
        print_json(signature.as_dict())
        return
    print(f"{address} is withdrawn, in the chain as {signature.signature_id}")
    say("The register keeps that it was printed, and audits take it as known. Publish a correction")
    say("without it, and take the pages that show it off the web.")
