"""``newstart``: the command line. Each verb is thin: it finds the things, calls one step, prints.

Exit codes are 0 (good), 1 (problems found, or a confirmation is missing), 2 (could not run). Heavy
libraries are imported inside the verbs that need them, so that ``check`` does not pay for the
estimators.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from evaluation.cli import design, edition, ledger, load, returns, studies
from evaluation.cli.session import COULD_NOT_RUN, GOOD, Session, say
from evaluation.errors import UserError

app = typer.Typer(
    name="newstart",
    help="From a site's return to a published book: each step is a verb.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (returns.template, returns.check, returns.submit, studies.panel, studies.value):
    app.command()(verb)
app.command("load")(load.load)
app.command("demo")(studies.demo)
ledger.app.add_typer(ledger.files_app)
app.add_typer(ledger.app, name="ledger", no_args_is_help=True)
app.add_typer(design.app, name="design", no_args_is_help=True)
app.add_typer(studies.app, name="protocol", no_args_is_help=True)
app.add_typer(studies.study_app, name="study", no_args_is_help=True)
app.add_typer(edition.book_app, name="book", no_args_is_help=True)
app.add_typer(edition.app, name="edition", no_args_is_help=True)


@app.callback()
def _session(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option(help="The folder that holds studies/.", show_default=False)
    ] = None,
    programme: Annotated[str, typer.Option(help="Which programme.")] = "new_start",
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    context.obj = Session(folder=workspace, programme_name=programme, debug=debug)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(given)
    except UserError as error:
        if "--debug" in given:
            traceback.print_exc()
        say(str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - a front door: a sentence for the user
        if "--debug" in given:
            traceback.print_exc()
        say(f"This is a fault of ours ({type(error).__name__}: {error}).")
        say("Run it again as newstart --debug ... and send us what it prints.")
        sys.exit(COULD_NOT_RUN)
    sys.exit(GOOD)
