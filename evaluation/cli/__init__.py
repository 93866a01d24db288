"""``newstart``: the command line. Each verb is thin: it finds the things, calls one step, prints.

Exit codes are 0 (good), 1 (problems found, or a confirmation is missing), 2 (could not run). Heavy
libraries are imported inside the verbs that need them, so that ``check`` does not pay for the
estimators.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from evaluation.cli import (
    design,
    disclosure,
    draws,
    edition,
    learning,
    ledger,
    load,
    official,
    portal,
    returns,
    studies,
    waves,
    workspaces,
)
from evaluation.cli.session import COULD_NOT_RUN, GOOD, Session, say
from evaluation.errors import UserError, missing

app = typer.Typer(
    name="newstart",
    help="From a site's return to a published book: each step is a verb. It ends with 0 if all is "
    "well, with 1 if problems were found, with 2 if it could not run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for first in (workspaces.init, workspaces.status, workspaces.outcomes, workspaces.declarations):
    app.command()(first)
app.command()(workspaces.invent)
app.command()(workspaces.upgrade)
for verb in (returns.template, returns.check, returns.submit, studies.panel, studies.value):
    app.command()(verb)
app.command("load")(load.load)
app.command("voices")(waves.voices)
app.command("demo")(studies.demo)
ledger.app.add_typer(ledger.files_app)
app.add_typer(ledger.app, name="ledger", no_args_is_help=True)
design.app.command("more")(draws.more)
design.app.add_typer(draws.lottery_app, name="lottery", no_args_is_help=True)
app.add_typer(draws.trial_app, name="trial", no_args_is_help=True)
app.add_typer(design.app, name="design", no_args_is_help=True)
app.add_typer(studies.app, name="protocol", no_args_is_help=True)
app.add_typer(studies.study_app, name="study", no_args_is_help=True)
app.add_typer(edition.book_app, name="book", no_args_is_help=True)
app.add_typer(disclosure.app, name="disclosure", no_args_is_help=True)
app.add_typer(disclosure.release_app, name="release", no_args_is_help=True)
app.add_typer(edition.app, name="edition", no_args_is_help=True)
app.add_typer(portal.app, name="portal", no_args_is_help=True)
app.add_typer(learning.log_app, name="log", no_args_is_help=True)
app.add_typer(learning.decisions_app, name="decisions", no_args_is_help=True)
app.command("chain")(learning.chain)
app.command("letter")(learning.letter)
app.add_typer(learning.practice_app, name="practice")
app.add_typer(waves.app, name="wave", no_args_is_help=True)
app.add_typer(official.app, name="connect", no_args_is_help=True)
app.add_typer(official.programme_app, name="programme", no_args_is_help=True)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"newstart-evaluation {version('newstart-evaluation')}")
        raise typer.Exit


@app.callback()
def _session(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option(help="The folder that holds studies/.", show_default=False)
    ] = None,
    programme: Annotated[
        str | None,
        typer.Option(help="Which programme; the only one, if there is one.", show_default=False),
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    context.obj = Session(folder=workspace, asked=programme, debug=debug)


@contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    """Keep the warnings of libraries from who can do nothing about them.

    They are not filtered, so that a test that makes errors of them still meets each.
    """
    shown = warnings.showwarning
    if not debug:
        warnings.showwarning = lambda *_, **__: None
    try:
        yield
    finally:
        warnings.showwarning = shown


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        with _quiet("--debug" in given):
            app(given)
    except UserError as error:
        if "--debug" in given:
            traceback.print_exc()
        say(str(error))
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if "--debug" in given:
            traceback.print_exc()
        say(str(missing(error)))
        sys.exit(COULD_NOT_RUN)
    except Exception as error:  # noqa: BLE001 - a front door: a sentence for the user
        if "--debug" in given:
            traceback.print_exc()
        if isinstance(error, OSError) and error.filename is not None:
            # No room, no right to write there, a folder where a file should be: no fault of ours.
            say(f"{error.filename}: this machine refuses it ({error.strerror}).")
            sys.exit(COULD_NOT_RUN)
        say(f"This is a fault of ours ({type(error).__name__}: {error}).")
        say("Run it again as newstart --debug ... and send us what it prints.")
        sys.exit(COULD_NOT_RUN)
    sys.exit(GOOD)
