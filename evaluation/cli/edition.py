"""The publisher's and the book's verbs: publish, list, diff, verify; build, serve, export."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import PROBLEMS, AsJson, Session, print_json, say, timed

if TYPE_CHECKING:
    from evaluation.edition.recompute import Verified


app = typer.Typer(help="Publish editions of the book, and say what changed between them.")

LISTED = ["name", "quarter", "published", "status", "replaced_by", "reason", "pages", "manifest"]
Reason = Annotated[str, typer.Option(help="Why a quarter is published again: a correction.")]
NoPages = Annotated[bool, typer.Option("--no-pages", help="Figures alone, without the book.")]


@app.command("publish")
def edition_publish(
    context: typer.Context,
    quarter: Annotated[
        str, typer.Option(help="Refuse unless the figures end with this quarter.")
    ] = "",
    reason: Reason = "",
    no_pages: NoPages = False,
    person: Annotated[
        str, typer.Option("--as", help="Who publishes: a publisher.", show_default=False)
    ] = "",
) -> None:
    """Freeze what is known now as an edition; nothing if nothing changed."""
    from evaluation.publish.publish import publish

    session: Session = context.obj
    done = publish(
        session.workspace,
        programme=session.programme_name,
        quarter=quarter,
        reason=reason,
        pages=not no_pages,
        by=person,
        progress=lambda m: say(f"· {m}"),
    )
    _told(session, done.edition.name, done.grown)


@app.command("run")
def edition_run(
    context: typer.Context,
    quarter: Annotated[
        str, typer.Option(help="Default: the last one whose returns were due.")
    ] = "",
    no_pages: NoPages = False,
) -> None:
    """Publish unattended, as a cron or CI job does: refuses, and says why, if anything is wrong."""
    from evaluation.publish.unattended import publish_unattended

    session: Session = context.obj
    done = publish_unattended(
        session.workspace,
        programme=session.programme_name,
        quarter=quarter,
        pages=not no_pages,
        progress=lambda m: say(f"· {m}"),
    )
    _told(session, done.edition.name, done.grown)


def _told(session: Session, name: str, grown: int) -> None:
    from evaluation.edition.past import History

    history = History.read(session.workspace)
    edition = history.named(name)
    for sentence in (edition.change or {}).get("sentences", []) if grown else []:
        say(f"  {sentence}")
    say(f"Editions take {grown / 1e6:+,.1f} MB more than before.")
    if edition.next_due:
        say(f"The next edition follows the returns that are due on {edition.next_due}.")
    print(edition.folder / ("pages/index.html" if edition.pages else "headline.json"))


@app.command("list")
def edition_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List every edition, the newest first."""
    from evaluation.edition.past import History

    session: Session = context.obj
    history = History.read(session.workspace)
    if as_json:
        print_json([{name: getattr(one, name) for name in LISTED} for one in history.editions])
        return
    if not history.editions:
        say("No edition was published yet: newstart edition publish")
        return
    for edition in reversed(history.editions):
        by = f" ({edition.replaced_by})" if edition.replaced_by else ""
        print(f"{edition.name:<12} {edition.published[:10]}  {edition.status}{by}")
        if edition.reason:
            print(f"{'':<24}correction: {edition.reason}")
    current = history.current
    if current is not None and current.next_due:
        say(f"The next edition follows the returns that are due on {current.next_due}.")


@app.command("diff")
def edition_diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="An edition, or a quarter.")],
    b: Annotated[str, typer.Argument(help="A later one.")],
    order: Annotated[
        str, typer.Option(help="The causes in order of substitution, with commas between.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say how each headline figure moved from one edition to another, cause by cause."""
    from evaluation.publish.publish import compared, lines

    session: Session = context.obj
    record = compared(session.workspace, a, b, order)
    if as_json:
        print_json(record)
        return
    for text in lines(record):
        print(text)


@app.command("verify")
def edition_verify(
    context: typer.Context,
    edition: Annotated[str, typer.Argument(help="An edition, or a quarter; default: all.")] = "",
    no_figures: Annotated[
        bool, typer.Option("--no-figures", help="Hashes alone; compute nothing again.")
    ] = False,
) -> None:
    """Recompute the hashes of editions, and their headline figures by their own code."""
    from evaluation.edition.past import History
    from evaluation.publish.proof import verify

    session: Session = context.obj
    history = History.read(session.workspace)
    chosen = [history.named(edition)] if edition else list(history.editions)
    if not chosen:
        say("No edition was published yet: newstart edition publish")
        return
    proofs = verify(session.workspace, chosen, figures=not no_figures)
    for proof in proofs:
        checked = f"{proof.files} files, {proof.figures} headline figures"
        print(f"{proof.edition}: {'holds' if proof.holds else 'DOES NOT HOLD'} ({checked})")
        for fault in proof.faults:
            print(f"  {fault}")
    if not all(proof.holds for proof in proofs):
        raise typer.Exit(PROBLEMS)


book_app = typer.Typer(
    help="Build the book, show it on this machine, export it, compute a figure anew."
)


@book_app.command("build")
def build(context: typer.Context, as_json: AsJson = False) -> None:
    """Write the edition's pages and build the book; with --json, its pages, words and seconds."""
    from evaluation.edition.build import build_book
    from evaluation.edition.shape import measured

    session: Session = context.obj
    started = time.monotonic()
    index = build_book(
        session.workspace, programme=session.programme_name, progress=lambda m: say(f"· {m}")
    )
    timed(started)
    if as_json:
        seconds = {"seconds": round(time.monotonic() - started, 1)}
        sizes = measured(index.parent)
        print(json.dumps({part: {**size, **seconds} for part, size in sizes.items()}))
    else:
        print(index)


@book_app.command("serve")
def serve(
    context: typer.Context, port: Annotated[int, typer.Option(help="On localhost.")] = 8000
) -> None:
    """Show the built book on this machine only, until you press Ctrl-C."""
    from evaluation.edition.build import serve_book

    session: Session = context.obj
    say(f"http://localhost:{port}/ (Ctrl-C ends it)")
    serve_book(session.workspace, port)


@book_app.command("scan")
def scan(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Built pages, or exported files; those built last if none is named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold every number of the built book against what was released; exit 1 if one was not."""
    from evaluation.edition.edition import Edition
    from evaluation.edition.scan import built

    session: Session = context.obj
    edition = Edition.read(session.workspace, session.programme_name)
    found = built.scan(session.workspace, edition, folder)
    if as_json:
        print_json(
            {
                "ok": not found.leaks,
                "files": found.files,
                "numbers": found.numbers,
                "leaks": [asdict(one) for one in found.leaks],
            }
        )
    else:
        for one in found.leaks:
            print(one)
        say(
            f"{found.numbers:,} numbers in {found.files:,} files: "
            + ("all of them released, or constants." if not found.leaks else "see above.")
        )
    if found.leaks:
        raise typer.Exit(PROBLEMS)


@book_app.command("export")
def export(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A folder; var/exports/<edition> if none is named."),
    ] = None,
) -> None:
    """Write the edition as tables, spreadsheet, briefing and, with Chromium, the book as PDF."""
    from evaluation.edition.formats import export as formats

    session: Session = context.obj
    place = formats.export(
        session.workspace, session.programme_name, output, progress=lambda m: say(f"· {m}")
    )
    print(place)


@book_app.command("verify")
def verify(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(help="The id of a figure, say ae_attendances.effect.")],
    as_json: AsJson = False,
) -> None:
    """Compute a figure of the book anew from the ledger; 0 if it is the same, 1 if it is not."""
    from evaluation.edition import recompute

    session: Session = context.obj
    found = recompute.verify(
        session.workspace, session.programme_name, claim, progress=lambda m: say(f"· {m}")
    )
    if as_json:
        print_json(asdict(found))
    else:
        _book_told(found)
    if not found.same:
        raise typer.Exit(PROBLEMS)


def _book_told(found: Verified) -> None:
    print(f"{found.key}: {found.text}, of {found.study} as known at {found.vintage}")
    for part, was in found.published.items():
        now = found.computed[part]
        print(f"  {part:5} published {_digits(was):>24}  computed anew {_digits(now):>24}")
    print("The same." if found.same else "Not the same.")
    print(f"Of the study's {found.others} other headline figures {found.others_same} are the same.")
    print(f"The new run is {found.label}.", *found.differences)
    if not found.same_code:
        print("The code has changed since the figure was published: run the study again.")


def _digits(value: float | None) -> str:
    return "none" if value is None else repr(value)
