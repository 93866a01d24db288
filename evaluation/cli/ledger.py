"""The ledger's verbs: every accepted return, what was known when, back-up and export."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import (
    GOOD,
    PROBLEMS,
    AsJson,
    By,
    Session,
    print_json,
    print_table,
    say,
    writable,
)
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.ledger.receipt import Act, ActKind, Receipt
    from evaluation.portal.configure import Portal
    from evaluation.setup.destroy import Destruction


ReturnId = Annotated[str, typer.Argument(help="The return's id, as on its receipt.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]

_STATES = ("received", "late", "due", "missing")

app = typer.Typer(help="Every accepted return, and what was known when.")


@app.command("log")
def ledger_log(
    context: typer.Context,
    as_json: AsJson = False,
    inside: Annotated[
        bool,
        typer.Option(
            "--inside",
            help="With --json: also the nonces and the hashes of figures, which stay inside.",
        ),
    ] = False,
) -> None:
    """List every accepted return in the order of acceptance."""
    session: Session = context.obj
    receipts: list[Receipt] = []
    acts: list[Act] = []
    if session.workspace.has_ledger:
        with session.ledger() as ledger:
            receipts, acts = ledger.receipts(), ledger.acts()
    withdrawn = {act.return_id for act in acts if act.kind == "withdrawal"}
    if as_json:
        heads = {one.chain_hash: one.head for one in receipts}
        heads |= {one.chain_hash: one.head for one in acts}
        print_json([one.as_dict() if inside else one.as_listed(heads) for one in receipts])
        if inside:
            say("Not for publication: whoever has these hashes can try counts until one fits.")
        return
    from rich.table import Table

    table = Table(
        "return", "received", "programme", "site", "agency", "quarter", "rows", "by", "", box=None
    )
    for one in receipts:
        received = one.received[:16].replace("T", " ") + (" (set)" if one.synthetic_clock else "")
        row = [one.return_id, received, one.programme, one.site, one.agency, one.quarter]
        table.add_row(
            *row, str(one.rows), one.by, "withdrawn" if one.return_id in withdrawn else ""
        )
    print_table(table)


@app.command("calendar")
def ledger_calendar(context: typer.Context, as_json: AsJson = False) -> None:
    """Say which returns are due, received, late or missing, by site, agency and quarter."""
    from evaluation.ledger.calendar import calendar

    session: Session = context.obj
    programme, records = session.programme, []
    if session.workspace.has_ledger:
        with session.ledger() as ledger:
            gone = {act.return_id for act in ledger.acts() if act.kind == "withdrawal"}
            records = [
                receipt.as_dict()
                for receipt in ledger.receipts(programme.name)
                if receipt.return_id not in gone
            ]
    owed = calendar(programme, records, session.workspace.now().date())
    if as_json:
        print_json([one.as_dict() for one in owed])
        return
    for one in owed:
        came = f"received {one.received}" if one.received else ""
        print(
            f"{one.quarter}  {one.site} {one.agency}: {one.state}, due {one.due}  {came}".rstrip()
            + f"  (for {one.quarter.months})"
        )
    counts = {state: sum(one.state == state for one in owed) for state in _STATES}
    say(", ".join(f"{count} {state}" for state, count in counts.items()) + ".")


@app.command("verify")
def ledger_verify(
    context: typer.Context,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="A receipt, a protocol's lock, an edition, or a folder of them, kept elsewhere."
        ),
    ] = None,
    receipts: Annotated[
        list[Path] | None, typer.Argument(help="More of them for --against.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute everything from the raw files up, and name the first record that does not hold."""
    from evaluation.ledger.verify import read_witnesses

    session: Session = context.obj
    paths = (*(against or ()), *(receipts or ()))
    kept = [one for path in paths for one in read_witnesses(path)]
    with session.ledger() as ledger:
        found = ledger.verify(kept)
    if as_json:
        print_json(found.as_dict())
    else:
        for number, one in enumerate(found.broken):
            print(f"{'first: ' if number == 0 else '       '}{one.return_id}: {one.what}")
        beside = f"{len(kept)} records" if len(kept) > 1 else "1 record"
        with_receipts = f", and against {beside} kept elsewhere" if kept else ""
        held = "hold" if found.ok else f"were read; {len(found.broken)} faults"
        say(f"{found.returns} returns {held}{with_receipts}.")
        if found.destroyed:
            say(f"Destroyed, and not broken: {', '.join(found.destroyed)}.")
        if found.ok and not kept:
            say("Only a receipt, a lock or an edition kept elsewhere tells a ledger that was")
            say("rewritten: --against FILE.")
    raise typer.Exit(GOOD if found.ok else PROBLEMS)


@app.command("withdraw")
def ledger_withdraw(
    context: typer.Context,
    return_id: ReturnId,
    reason: Reason,
    by: By = "",
    show: Annotated[
        bool, typer.Option("--show", help="Only show which figures would change; do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask at the terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the ledger without a return from now on; its record stays for ever.

    The figures that stand again are shown before anything is done, and at a terminal asked about.
    """
    session: Session = context.obj
    with session.ledger() as ledger:
        changes = ledger.brought_back(return_id)
    if show and as_json:
        print_json({"return_id": return_id, "changes": list(changes)})
    elif changes and not as_json:
        print("\n".join([f"Withdrawing {return_id} changes these figures:", *changes]))
    elif show:
        print(f"Withdrawing {return_id} changes no figure: none of it stands.")
    asked = bool(changes) and not (yes or show) and sys.stdin.isatty()
    if show or (asked and not typer.confirm("Withdraw it?")):
        say("Nothing was done.")
        raise typer.Exit(PROBLEMS)
    _show_act(session, _act(session, "withdrawal", return_id, reason, by), as_json)


@app.command("redact")
def ledger_redact(
    context: typer.Context,
    return_id: ReturnId,
    reason: Reason,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Remove a return's raw file for good; its hash, its figures and the reason stay."""
    _show_act(context.obj, _act(context.obj, "redaction", return_id, reason, by), as_json)


@app.command("destroy")
def ledger_destroy(
    context: typer.Context,
    agreement: Annotated[
        str, typer.Option(help="Its name in agreements.yaml, or AGENCY/ARM, or the agency alone.")
    ],
    reason: Annotated[
        str, typer.Option(help="Why; kept for ever. Left out, the agreement's retention.")
    ] = "",
    by: By = "",
    show: Annotated[
        bool, typer.Option("--show", help="Only show what would be destroyed; do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask at the terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy an agreement's figures for good, here and in every back-up; write a certificate.

    The chain still verifies, and says what was destroyed; published editions stand.
    """
    from evaluation.ledger.destruction import refuse_nothing
    from evaluation.setup import destroy as setup

    session: Session = context.obj
    setup.permit_destruction(session.programme, by)
    with session.ledger() as ledger:
        planned = setup.plan(session.workspace, ledger, session.programme, agreement)
        named = planned.agreement.named
        refuse_nothing(planned.returns, named)
        if show and as_json:
            print_json(planned.as_dict())
        elif not as_json:
            say(f"{named}: {planned.figures:,} figures of {len(planned.returns)} returns.")
            for one in planned.returns if show else ():
                kept = f", {one.left} others stay" if one.left else ""
                print(
                    f"{one.return_id}  {one.quarter}  {one.site} {one.agency}: {one.figures}{kept}"
                )
        asked = not (yes or show) and sys.stdin.isatty()
        if show or (asked and not typer.confirm("Destroy them? Nothing brings them back.")):
            say("Nothing was done.")
            raise typer.Exit(PROBLEMS)
        # First what lies outside the ledger: interrupted, the same command finds it all again.
        drafts = _forget_drafts(session, planned, by)
        path = setup.destroy(
            session.workspace, ledger, planned, reason=reason, by=by, drafts=drafts
        )
    said = json.loads(path.read_text(encoding="utf-8"))
    if as_json:
        print_json(said | {"certificate": str(path)})
        return
    say(f"Destroyed. Published editions stand; {session.programme_name}'s studies are run anew.")
    for copy in said["data_keys"]["copies_not_reached"]:
        say(f"A copy of the data keys was not reached, and has to lose the same keys: {copy}")
    if not said["database_written_anew"]:
        say("The owner of the tables has to run VACUUM FULL on them: the certificate says which.")
    print(path.with_suffix(".md"))


def _forget_drafts(session: Session, planned: Destruction, by: str) -> int:
    if (portal := _portal(session)) is None:
        return 0
    from dataclasses import replace

    from evaluation.portal import configure
    from evaluation.setup.destroy import covers_of, senders_of

    portal = replace(portal, programme_name=session.programme_name)
    configure.begin(portal)  # before what needs its tables can be imported
    from evaluation.portal.drafts import forget

    covers = covers_of(planned.programme, planned.agreement)
    return forget(senders_of(planned), by=by, covers=covers)


def _act(session: Session, kind: ActKind, return_id: str, reason: str, by: str) -> Act:
    from evaluation.ledger.submission import perform

    return perform(session.workspace, kind, return_id, reason=reason, by=by)


def _show_act(session: Session, act: Act, as_json: bool) -> None:
    from evaluation.ledger.receipt_page import as_text
    from evaluation.ledger.submission import keep_receipt

    workspace = session.workspace
    page = keep_receipt(workspace, act)
    if as_json:
        print_json(act.as_dict())
        return
    print(as_text(act), end="")
    if act.kind == "redaction" and not isinstance(workspace.raw, Path):
        say("Where the store keeps earlier versions of a file, have this one removed there too.")
    say(f"The same, to print: {page}")


@app.command("diff")
def ledger_diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="A date, an instant, or a return's id.")],
    b: Annotated[str, typer.Argument(help="The later one.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed in what was known between two instants."""
    from evaluation.ledger.vintages import shown

    session: Session = context.obj
    with session.ledger() as ledger:
        received = {one.return_id: one.received for one in ledger.receipts()}
        earlier, later = _instant(a, received), _instant(b, received)
        if later < earlier:
            raise UserError(
                f"{b} comes before {a}; a difference runs forwards.",
                mend=f"newstart ledger diff {b} {a}",
            )
        changed = ledger.diff(session.programme_name, earlier, later)
    session.stays_inside()
    if as_json:
        print_json(changed)
        return
    for one in changed:
        before, after = (
            shown(side["numerator"], side["denominator"], side["status"]) if side else "nothing"
            for side in (one["before"], one["after"])
        )
        place = f"{one['outcome']}, {one['area_code']}, {one['quarter']}"
        print(f"{one['kind']:9}  {place}: {before} -> {after}  {one['reason']}".rstrip())
    say("1 figure differs." if len(changed) == 1 else f"{len(changed)} figures differ.")


@app.command("history")
def ledger_history(
    context: typer.Context,
    area: Annotated[str, typer.Argument(help="The area's code.")],
    outcome: Annotated[str, typer.Argument(help="The outcome's code.")],
    quarter: Annotated[
        str, typer.Argument(help="The quarter, like 2026-Q3, or the month, like 2026-07.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell one figure's story: every version, from whom, when, and which one stands."""
    from evaluation.ledger.vintages import shown
    from evaluation.quarters import Period

    session: Session = context.obj
    period = Period.parse(quarter, "Q", "A", "M")
    with session.ledger() as ledger:
        versions = ledger.history(session.programme_name, area, outcome, period)
    session.stays_inside()
    if as_json:
        print_json(versions)
        return
    for one in versions:
        figure = shown(one["numerator"], one["denominator"], one["status"], one["note"])
        gone = f"; withdrawn: {one['withdrawn']['reason']}" if one["withdrawn"] else ""
        mark = "  <- stands" if one["stands"] else gone
        sender = f"{one['site']} {one['agency']}, return {one['return_id']}"
        print(f"{one['received'][:19]}Z  {figure}  ({sender}){mark}")
    if not versions:
        say(f"No figure of {outcome} in {area} for {period} was ever accepted.")


@app.command("revisions")
def ledger_revisions(context: typer.Context, as_json: AsJson = False) -> None:
    """Show how far figures moved after they were accepted, in pilot and comparison areas."""
    session: Session = context.obj
    with session.ledger() as ledger:
        sizes = ledger.revision_sizes(session.programme)
    if as_json:
        print_json(sizes)
        return
    from rich.table import Table

    table = Table(
        "outcome", "areas", "figures", "revised", "mean %", "size %", "largest %", box=None
    )
    for one in sizes:
        measured = [one["changed_per_cent"], one["size_per_cent"], one["largest_per_cent"]]
        figures = ["-" if number is None else f"{number:+.2f}" for number in measured[:1]]
        figures += ["-" if number is None else f"{number:.2f}" for number in measured[1:]]
        table.add_row(
            one["outcome"], one["role"], f"{one['figures']:,}", f"{one['revised']:,}", *figures
        )
    print_table(table)


@app.command("events")
def ledger_events(
    context: typer.Context,
    known: Annotated[
        bool,
        typer.Option("--known", help="Those that the package knows of, to begin a register with."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write them there, as events.csv.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what else happened to areas: other programmes, roll-outs, boundaries, instruments."""
    from evaluation.ledger.events import as_register, known_events, read_events
    from evaluation.workspace import write_whole

    session: Session = context.obj
    programme = session.programme
    events = known_events(programme) if known else read_events(session.workspace, programme)
    if output is not None:
        writable(output, (".csv",))
        if output.exists():
            raise UserError(
                "this file is there already, and a register is not written over.",
                where=str(output),
                mend="write to another file, and take the rows over by hand",
            )
        write_whole(output, as_register(events))
        print(output)
        return
    if as_json:
        print_json([one.as_dict() for one in events])
        return
    for one in events:
        when = f"{one.since} to {one.until}" if one.until else f"{one.since} on"
        where = one.authority or ", ".join(one.areas) or "everywhere"
        print(f"{when}  {one.kind}, {where}: {one.what} ({one.source})")
    if known:
        say("Look each up at its source before anything rests on it; other programmes of a place")
        say("are not among them: ask the authorities.")
    elif not events:
        say("No events are recorded in studies/<programme>/events.csv; see ledger events --known.")


def _instant(text: str, received: dict[str, str]) -> datetime:
    from evaluation.quarters import parse_instant

    return parse_instant(received.get(text, text))


files_app = typer.Typer()


@files_app.command()
def backup(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]
) -> None:
    """Write every record and every raw file to a folder, and check what was written."""
    from evaluation.ledger.backup import back_up, keys_beside

    session: Session = context.obj
    with session.ledger() as ledger:
        manifest = back_up(ledger, folder)
    rows = manifest["rows"]
    say(f"{rows['returns']} returns, {rows['observations']:,} figures, {rows['acts']} acts.")
    if (portal := _portal(session)) is not None:
        from evaluation.portal import configure

        drafts = configure.back_up(portal, folder / "portal")
        say(f"The portal's tables, and {drafts} files of its drafts.")
    beside = keys_beside(folder)
    if beside.is_dir():
        say(f"A copy of the data keys: {beside}. Keep it apart from the back-up, which cannot be")
        say("read without it; whoever has both has the figures.")
    else:
        say("The data keys are not in it: keep a copy of their folder apart.")
    print(folder)


def _portal(session: Session) -> Portal | None:
    """The portal of this workspace, if there is one."""
    from evaluation.portal.configure import Portal

    found = Portal(workspace=session.workspace, programme_name="")
    return found if found.folder.is_dir() else None


@files_app.command()
def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A back-up's folder.")],
    lost: Annotated[
        str,
        typer.Option(help="Why data keys are missing that nobody destroyed: take what is left."),
    ] = "",
    by: By = "",
) -> None:
    """Take a back-up into an empty ledger, whole or not at all, and verify it."""
    from evaluation.ledger.backup import restore as take

    session: Session = context.obj
    with session.ledger() as ledger:
        manifest = take(ledger, folder, lost=lost, received=session.workspace.now(), by=by)
        gone = ledger.verify().destroyed
    say("Restored and verified.")
    if gone:
        say(f"{len(gone)} of its returns have no figures any more: {', '.join(gone)}.")
    if (folder / "portal").is_dir():
        from evaluation.portal import configure

        kept = configure.Portal(workspace=session.workspace, programme_name="")
        say(f"The portal's tables, and {configure.restore(kept, folder / 'portal')} files.")
    print(f"{manifest['rows']['returns']} returns, the last record {manifest['head'][:12]}")


@files_app.command()
def export(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="Where the files go.")]
) -> None:
    """Write one Parquet file a return, by quarter; a later export adds only what is new."""
    from evaluation.ledger.export import export as write
    from evaluation.ledger.unreleased import mark_inside
    from evaluation.programme import Programme

    session: Session = context.obj
    with session.ledger() as ledger:
        names = sorted({receipt.programme for receipt in ledger.receipts()})
        programmes = {name: Programme.load(session.workspace, name) for name in names}
        done = write(ledger, folder, programmes)
    mark_inside(folder, "\n".join(filter(None, map(session.stays_inside, names))))
    say(f"{done.written} returns written, {done.there_already} were there already.")
    if done.withheld:
        say(f"{done.withheld} are of sources that may not be passed on, and were left out.")
    print(folder)


@files_app.command()
def prepare(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="The role by which the program will write.")],
    reader: Annotated[str, typer.Option(help="A role that only reads; it sees no secret.")] = "",
) -> None:
    """On PostgreSQL, as the owner: make the tables, and let a role add and read, nothing else."""
    session: Session = context.obj
    with session.ledger() as ledger:
        ledger.prepare(role, reader)
    say(f"{role} may add records and read them, and nothing else.")
    if reader:
        say(f"{reader} may read them, without nonces and seals.")


@files_app.command()
def grants(
    role: Annotated[str, typer.Option(help="The role by which the program will write.")],
    reader: Annotated[str, typer.Option(help="A role that only reads; it sees no secret.")] = "",
) -> None:
    """Print the statements that prepare would run, for whoever looks after the database."""
    from evaluation.ledger.engine import grants as statements

    for statement in statements(role, reader):
        print(f"{statement};")
