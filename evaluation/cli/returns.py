"""The data officer's verbs: template, check, submit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from evaluation.cli.session import (
    GOOD,
    PROBLEMS,
    AsJson,
    By,
    Session,
    print_json,
    say,
    without_collector,
    writable,
)
from evaluation.errors import ReplyTooLong, ReturnFileError, UserError

if TYPE_CHECKING:
    from evaluation.check.report import Checked, Problem
    from evaluation.check.stages import CheckedFile
    from evaluation.ledger.receipt import Receipt
    from evaluation.programme import Programme
    from evaluation.quarters import Period
    from evaluation.returns.workbook import RawReturn


def template(
    context: typer.Context,
    site: Annotated[
        str, typer.Argument(help="The site's code, or OPEN for a source of published statistics.")
    ],
    quarter: Annotated[
        str, typer.Argument(help="The quarter, like 2026-Q3, or the month, like 2026-07.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.xlsx or FILE.csv.")],
    agency: Annotated[
        str | None,
        typer.Option(help="The site's agency, or the source; needed where there are several."),
    ] = None,
) -> None:
    """Write the empty return of one submitter for one quarter or month."""
    from evaluation.finance import asked_of
    from evaluation.ledger.submission import last_accepted
    from evaluation.returns.template import told, write_template
    from evaluation.returns.workbook import csv_name

    session: Session = context.obj
    programme = session.programme
    agency = agency or _only_agency(programme, site)
    programme = asked_of(programme, agency)
    period = _one_period(quarter, programme)
    programme.expected(site, agency)
    _in_calendar(programme, period)
    writable(output, (".xlsx", ".csv"))
    last = last_accepted(session.workspace, programme, site, agency, period)
    unknown = write_template(programme, site, agency, period, output, last_accepted=last)
    for line in told(programme, site, agency, period)[1:-1]:
        say(f"{line.label}: {line.text}")
    if unknown:
        say(f"{unknown} denominators are not known yet: fill in column F of these rows.")
    wanted = csv_name(site, agency, period)
    if output.suffix.lower() == ".csv" and output.name != wanted:
        say(f"A CSV says whose return it is by its name: call it {wanted} before you check it.")
    print(output)


def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The return, .xlsx or .csv.", show_default=False)],
    as_json: AsJson = False,
    reply: Annotated[
        Path | None,
        typer.Option(help="Also write the return back with its problem cells marked: FILE.xlsx."),
    ] = None,
) -> None:
    """Name everything that is wrong in a return, cell by cell; the ledger stays as it is."""
    from evaluation.check.report import confirmed, in_marked_copy, report

    session: Session = context.obj
    with without_collector():
        raw, checked = _checked(session, file, as_json)
        if as_json:
            print_json(checked.as_dict())
        else:
            print(report(checked), end="")
            if checked.accepted:
                say(f"Send it with: newstart submit {file}")
            elif answered := confirmed(checked, in_marked_copy(raw)).kept:
                many = "1 question is" if len(answered) == 1 else f"{len(answered)} questions are"
                say(f"{many} answered on its sheet Problems; newstart submit reads that.")
        if reply is not None:
            _write_reply(file, raw, checked, reply)
    raise typer.Exit(GOOD if checked.accepted else PROBLEMS)


def _checked(session: Session, file: Path, as_json: bool) -> CheckedFile:
    """The file and what stands against it; where it cannot be opened, the report of that alone."""
    from evaluation.check.stages import check_file, day_of_check
    from evaluation.ledger.submission import accepted_figures

    workspace, programme = session.workspace, session.programme
    try:
        return check_file(
            file,
            programme,
            history=partial(accepted_figures, workspace, programme),
            today=day_of_check(workspace, programme),
        )
    except ReturnFileError as error:
        _refuse_file(file, error, as_json)


def _write_reply(file: Path, raw: RawReturn, checked: Checked, path: Path) -> None:
    from evaluation.check.report import reply

    if path.resolve() == file.resolve():
        raise UserError(
            "the reply would overwrite the return itself.",
            where=str(path),
            mend="give it another name.",
        )
    try:
        reply(raw, checked, path)
    except ReplyTooLong as error:  # what was found stands; only its marked copy is not made
        say(str(error))
        return
    own = "your own workbook" if raw.sheet is not None else "a workbook"
    say(f"The same list, in {own} with the cells marked: {path}")


def submit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The return, .xlsx or .csv.", show_default=False)],
    confirm: Annotated[
        Path | None,
        typer.Option(
            help="Why each unusual figure is right: a CSV with the columns rule, cell, reason."
        ),
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Check a return and, if nothing stands against it, accept it into the ledger."""
    from evaluation.check.report import (
        confirmed,
        in_marked_copy,
        read_confirmations,
        report,
        unused,
        with_notes,
    )
    from evaluation.ledger.submission import accept, page_of, permit

    session: Session = context.obj
    given = read_confirmations(confirm) if confirm else ()
    raw, checked = _checked(session, file, as_json)
    given = (*given, *in_marked_copy(raw))
    kept, still_open = confirmed(checked, given)
    checked = with_notes(checked, unused(checked, given))
    if checked.returned is None or still_open:
        if as_json:
            print_json(_submitted(None, checked.problems))
        else:
            print(report(checked), end="")
        raise typer.Exit(PROBLEMS)
    permit(session.programme, by, checked.site, checked.agency)
    receipt = accept(session.workspace, raw, checked, kept, by=by)
    if as_json:
        print_json(_submitted(receipt, checked.problems))
    else:
        for note in checked.problems:
            if note.rule == "R095":
                say(f"Not used: {note.message}")
        _print_receipt(receipt, page_of(session.workspace, receipt))
        if not receipt.by:
            say("It is not said who sent it: --by NAME puts that on the receipt.")


def _submitted(receipt: Receipt | None, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "accepted": receipt is not None,
        "already_held": receipt is not None and receipt.already_held,
        "receipt": receipt.as_dict() if receipt else None,
        "problems": [problem.as_dict() for problem in problems],
    }


def _print_receipt(receipt: Receipt, page: Path) -> None:
    from evaluation.ledger.receipt_page import as_text

    if receipt.already_held:
        print(f"This content is held already since {receipt.received}; nothing was added.")
    print(as_text(receipt), end="")
    say(f"The same, to print: {page}")


def _refuse_file(file: Path, error: ReturnFileError, as_json: bool) -> NoReturn:
    """A file that cannot be opened is a problem like others: the same report, exit code 1."""
    from evaluation import fingerprint
    from evaluation.check.report import UNOPENED, report, unreadable

    checked = unreadable(file.name, fingerprint.of_file(file), error)
    if as_json:
        print_json(checked.as_dict() | UNOPENED)
    else:
        print(report(checked), end="")
    raise typer.Exit(PROBLEMS)


def _only_agency(programme: Programme, site: str) -> str:
    agencies = [agency for code, agency in programme.submitters if code == site]
    if len(agencies) == 1:
        return agencies[0]
    if not agencies:
        sites = dict.fromkeys(code for code, _ in programme.submitters)
        raise UserError(f"{programme.name} has no site {site!r}.", expected=", ".join(sites))
    raise UserError(
        f"{site} has {len(agencies)} agencies that send returns.",
        expected=f"--agency with one of {', '.join(agencies)}",
    )


def _one_period(text: str, programme: Programme) -> Period:
    """A quarter in any notation that can mean only one; which one it is is said with the rest.

    Where something is returned by month, a month too.
    """
    from evaluation.quarters import Period
    from evaluation.returns.monthly import monthly_outcomes
    from evaluation.returns.notation import notation

    of = programme.first.frequency
    found = notation(text, of)
    if found.month and monthly_outcomes(programme):
        found = notation(text, "M")
    if len(found.periods) > 1:
        raise UserError(
            f"{text!r} can mean {' or '.join(one.described for one in found.periods)}.",
            mend=f"write it like {found.periods[0].slug}",
        )
    return found.periods[0] if found.periods and not found.month else Period.parse(text, of, "A")


def _in_calendar(programme: Programme, period: Period) -> None:
    """Refuse a template for a period whose return would be refused."""
    from evaluation.returns.monthly import counted

    inside = counted(period, programme)
    alike = inside.frequency == programme.first.frequency
    if alike and not programme.first <= inside <= programme.last:
        raise UserError(
            f"{period} lies outside the programme, {programme.first} to {programme.last}.",
            mend=f"set last: {inside} in studies/{programme.name}/programme.yaml first",
        )
