"""``newstart``: the command line. Each verb is thin: it finds the things, calls one step, prints.

Results go to standard output, messages to standard error; exit codes are 0 (good), 1 (problems
found, or a confirmation is missing), 2 (could not run). Heavy libraries are imported inside the
verbs that need them, so that ``check`` does not pay for the estimators.
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from evaluation.errors import ReturnFileError, UserError
from evaluation.workspace import Workspace

if TYPE_CHECKING:
    from evaluation.check.problems import Problem
    from evaluation.ledger.ledger import Ledger
    from evaluation.ledger.receipt import Receipt
    from evaluation.programme import Programme

GOOD, PROBLEMS, COULD_NOT_RUN = 0, 1, 2

app = typer.Typer(
    name="newstart",
    help="From a site's return to a published book: each step is a verb.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ledger_app = typer.Typer(help="Every accepted return, and what was known when.")
app.add_typer(ledger_app, name="ledger", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass(frozen=True, kw_only=True)
class Session:
    """The global options: where to work and on which programme."""

    folder: Path | None
    programme_name: str

    @property
    def workspace(self) -> Workspace:
        if self.folder is None:
            return Workspace.find()
        if not (self.folder / "studies").is_dir():
            raise UserError("the folder holds no studies/.", where=str(self.folder))
        return Workspace(root=self.folder.resolve())

    @property
    def programme(self) -> Programme:
        from evaluation.programme import Programme

        return Programme.load(self.workspace, self.programme_name)

    def ledger(self) -> Ledger:
        from evaluation.ledger.ledger import Ledger

        return Ledger.open(self.workspace.ledger, self.workspace.raw)


@app.callback()
def _session(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option(help="The folder that holds studies/.", show_default=False)
    ] = None,
    programme: Annotated[str, typer.Option(help="Which programme.")] = "new_start",
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    context.obj = Session(folder=workspace, programme_name=programme)


@app.command()
def template(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The site's code; OPEN for an open source.")],
    quarter: Annotated[str, typer.Argument(help="The quarter, like 2026-Q3.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.xlsx or FILE.csv.")],
    agency: Annotated[str | None, typer.Option(help="Which agency, if there are several.")] = None,
) -> None:
    """Write the empty return of one submitter for one quarter."""
    from evaluation.ledger.submission import last_accepted
    from evaluation.quarters import Period
    from evaluation.returns.template import write_template
    from evaluation.returns.workbook import csv_name

    session: Session = context.obj
    programme = session.programme
    agency = agency or _only_agency(programme, site)
    period = Period.parse(quarter)
    programme.expected(site, agency)
    last = last_accepted(session.workspace, programme, site, agency, period)
    write_template(programme, site, agency, period, output, last_accepted=last)
    wanted = csv_name(site, agency, period)
    if output.suffix.lower() == ".csv" and output.name != wanted:
        _say(f"A CSV says whose return it is by its name: call it {wanted} before you check it.")
    print(output)


@app.command()
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The return, .xlsx or .csv.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Name everything that is wrong in a return, cell by cell; the ledger stays as it is."""
    from evaluation.check.problems import report
    from evaluation.ledger.submission import check_file

    session: Session = context.obj
    try:
        _, checked = check_file(session.workspace, session.programme, file)
    except ReturnFileError as error:
        _refuse_file(file, error, as_json)
    if as_json:
        _print_json(checked.as_dict())
    else:
        print(report(checked), end="")
        if checked.accepted:
            _say(f"Send it with: newstart submit {file}")
    raise typer.Exit(GOOD if checked.accepted else PROBLEMS)


@app.command()
def submit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The return, .xlsx or .csv.", show_default=False)],
    confirm: Annotated[
        Path | None, typer.Option(help="CSV with the columns rule, cell, reason.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a return and, if nothing stands against it, accept it into the ledger."""
    from evaluation.check.confirmations import confirmed, read_confirmations
    from evaluation.check.problems import report
    from evaluation.ledger.submission import accept, check_file

    session: Session = context.obj
    given = read_confirmations(confirm) if confirm else ()
    try:
        raw, checked = check_file(session.workspace, session.programme, file)
    except ReturnFileError as error:
        _refuse_file(file, error, as_json)
    kept, still_open = confirmed(checked, given)
    if checked.returned is None or still_open:
        if as_json:
            _print_json(_submitted(None, checked.problems))
        else:
            print(report(checked), end="")
        raise typer.Exit(PROBLEMS)
    receipt = accept(session.workspace, raw, checked, kept)
    if as_json:
        _print_json(_submitted(receipt, checked.problems))
    else:
        _print_receipt(receipt)


@ledger_app.command("log")
def ledger_log(context: typer.Context, as_json: AsJson = False) -> None:
    """List every accepted return in the order of acceptance."""
    session: Session = context.obj
    receipts = []
    if session.workspace.ledger.is_file():
        with session.ledger() as ledger:
            receipts = ledger.receipts()
    if as_json:
        _print_json([receipt.as_dict() for receipt in receipts])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("return", "received", "programme", "site", "agency", "quarter", "rows", box=None)
    for one in receipts:
        received = one.received[:16].replace("T", " ") + (" (set)" if one.synthetic_clock else "")
        row = [one.return_id, received, one.programme, one.site, one.agency, one.quarter]
        table.add_row(*row, str(one.rows))
    Console(soft_wrap=True).print(table)


@ledger_app.command("diff")
def ledger_diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="A date, an instant, or a return's id.")],
    b: Annotated[str, typer.Argument(help="The later one.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed in what was known between two instants."""
    from evaluation.ledger.changes import shown

    session: Session = context.obj
    with session.ledger() as ledger:
        received = {one.return_id: one.received for one in ledger.receipts()}
        changed = ledger.diff(session.programme_name, _instant(a, received), _instant(b, received))
    if as_json:
        _print_json(changed)
        return
    for one in changed:
        before, after = (
            shown(side["numerator"], side["denominator"], side["status"]) if side else "nothing"
            for side in (one["before"], one["after"])
        )
        place = f"{one['outcome']}, {one['area_code']}, {one['quarter']}"
        print(f"{one['kind']:9}  {place}: {before} -> {after}  {one['reason']}".rstrip())
    _say("1 figure differs." if len(changed) == 1 else f"{len(changed)} figures differ.")


def _submitted(receipt: Receipt | None, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "accepted": receipt is not None,
        "already_held": receipt is not None and receipt.already_held,
        "receipt": receipt.as_dict() if receipt else None,
        "problems": [problem.as_dict() for problem in problems],
    }


def _print_receipt(receipt: Receipt) -> None:
    if receipt.already_held:
        print(f"This content is held already since {receipt.received}; nothing was added.")
    else:
        print(f"Accepted: {receipt.rows} figures.")
    print(f"  receipt   {receipt.return_id}, received {receipt.received}")
    print(f"  content   {receipt.content_hash}")
    print(f"  chain     {receipt.chain_hash}")
    for change in receipt.changes:
        print(f"  {change}")
    for one in receipt.confirmations:
        print(f"  confirmed {one['cell']} ({one['rule']}): {one['reason']}")


def _refuse_file(file: Path, error: ReturnFileError, as_json: bool) -> NoReturn:
    """A file that cannot be opened is a problem like others: the same JSON, exit code 1."""
    if not as_json:
        raise error
    from evaluation import fingerprint
    from evaluation.check.problems import Checked, Stage, problem

    one = problem("R001", error.what, sheet=None, mend=error.mend)
    checked = Checked(
        file=file.name,
        sha256=fingerprint.of_bytes(file.read_bytes()),
        site="",
        agency="",
        quarter="",
        problems=(one,),
        stages=(Stage("file", False, error.what),),
        returned=None,
    )
    _print_json(checked.as_dict() | {"already_held": False, "receipt": None})
    raise typer.Exit(PROBLEMS)


def _only_agency(programme: Programme, site: str) -> str:
    agencies = [agency for code, agency in programme.submitters if code == site]
    if len(agencies) == 1:
        return agencies[0]
    raise UserError(
        f"{site} has {len(agencies) or 'no'} agencies that send returns.",
        expected=f"--agency with one of {', '.join(agencies)}" if agencies else "",
        mend="" if agencies else "use a site's code from the programme.",
    )


def _instant(text: str, received: dict[str, str]) -> datetime:
    from evaluation.quarters import parse_instant

    return parse_instant(received.get(text, text))


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _print_json(content: Any) -> None:
    print(_as_json(content))


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(given)
    except UserError as error:
        if "--debug" in given:
            traceback.print_exc()
        _say(str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - a front door: a sentence for the user
        if "--debug" in given:
            traceback.print_exc()
        _say(f"This is a fault of ours ({type(error).__name__}: {error}).")
        _say("Run it again as newstart --debug ... and send us what it prints.")
        sys.exit(COULD_NOT_RUN)
    sys.exit(GOOD)


if __name__ == "__main__":
    main()
