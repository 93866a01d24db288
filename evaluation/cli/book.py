"""The book's verbs: build, serve, export, verify."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import PROBLEMS, AsJson, Session, print_json, say, timed

if TYPE_CHECKING:
    from evaluation.edition.verify import Verified

app = typer.Typer(help="Build the book, show it on this machine, export it, compute a figure anew.")


@app.command("build")
def build(context: typer.Context) -> None:
    """Write the edition's pages and build the book."""
    from evaluation.edition.build import build_book

    session: Session = context.obj
    started = time.monotonic()
    index = build_book(
        session.workspace, programme=session.programme_name, progress=lambda m: say(f"· {m}")
    )
    timed(started)
    print(index)


@app.command("serve")
def serve(
    context: typer.Context, port: Annotated[int, typer.Option(help="On localhost.")] = 8000
) -> None:
    """Show the built book on this machine only, until you press Ctrl-C."""
    from evaluation.edition.build import serve_book

    session: Session = context.obj
    say(f"http://localhost:{port}/ (Ctrl-C ends it)")
    serve_book(session.workspace, port)


@app.command("export")
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


@app.command("verify")
def verify(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(help="The id of a figure, say ae_attendances.effect.")],
    as_json: AsJson = False,
) -> None:
    """Compute a figure of the book anew from the ledger; 0 if it is the same, 1 if it is not."""
    from evaluation.edition import verify as anew

    session: Session = context.obj
    found = anew.verify(
        session.workspace, session.programme_name, claim, progress=lambda m: say(f"· {m}")
    )
    if as_json:
        print_json(asdict(found))
    else:
        _told(found)
    if not found.same:
        raise typer.Exit(PROBLEMS)


def _told(found: Verified) -> None:
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
