"""The evaluator's verbs: demo, panel, study, protocol, value."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import GOOD, PROBLEMS, AsJson, Session, print_json, say, timed, writable
from evaluation.errors import ProtocolError, UserError

if TYPE_CHECKING:
    from evaluation.study.accounts_record import GrossAccounts
    from evaluation.study.lock import Lock
    from evaluation.study.protocol_documents import Question


study_app = typer.Typer(help="Run a study on what the ledger knows.")

Name = Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")]
AsOf = Annotated[
    str | None, typer.Option(help="What was known at this date or instant (inclusive).")
]


def demo(
    context: typer.Context,
    tiny: Annotated[bool, typer.Option("--tiny", help="A small one, for tests.")] = False,
    editions: Annotated[
        int, typer.Option(min=1, help="Publish so many last quarters one after another.")
    ] = 1,
) -> None:
    """Invent a programme, submit its returns, run its studies, build the book."""
    from evaluation.demo import run_demo

    session: Session = context.obj
    started = time.monotonic()
    left = run_demo(
        session.workspace_or_new(), tiny=tiny, editions=editions, progress=lambda m: say(f"· {m}")
    )
    timed(started)
    if left.book is None:
        say("There is no book/ in this workspace, so none was built.")
        print(left.workspace.root)
        return
    what = "synthetic programme" + ("; the real cases are real" if left.real_cases else "")
    root = left.workspace.root
    of_clone = root == Path.cwd() and (root / "Makefile").is_file()
    serve = "make serve" if of_clone else f'newstart --workspace "{root}" book serve'
    say(f"Open the book ({what}), or run: {serve}")
    print(left.book)


def panel(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.parquet or FILE.csv.")],
    as_of: AsOf = None,
    outcome: Annotated[list[str] | None, typer.Option(help="An outcome's code.")] = None,
) -> None:
    """Write the figures as known at a date, one row an area, quarter and outcome."""
    from evaluation.errors import PanelError
    from evaluation.quarters import parse_instant
    from evaluation.study.study import long_table

    session: Session = context.obj
    writable(output, (".csv", ".parquet"))
    programme = session.programme
    unknown = [code for code in outcome or [] if code not in programme.outcome_by_code]
    if unknown:
        raise PanelError(
            f"{programme.name} has no outcome {unknown[0]!r}.",
            expected=", ".join(programme.outcome_by_code),
        )
    if not session.workspace.has_ledger:
        raise PanelError("there is no ledger yet.", mend="submit a return first")
    with session.ledger() as ledger:
        held = ledger.observations(
            programme.name,
            as_of=parse_instant(as_of) if as_of else None,
            # By name, since what finance departments sent is of no area.
            outcomes=outcome or list(programme.outcome_by_code),
        )
    table = long_table(held, programme)
    if note := session.stays_inside():
        # Parquet carries it in its metadata; a CSV has no place for it.
        table.attrs["note"] = note
    if output.suffix.lower() == ".csv":
        table.to_csv(output, index=False)
    else:
        table.to_parquet(output, index=False)
    say(f"{len(table):,} rows.")
    print(output)


@study_app.command("run")
def study_run(
    context: typer.Context, study: Name, as_of: AsOf = None, as_json: AsJson = False
) -> None:
    """Estimate, diagnose, judge and value, and write the results."""
    from evaluation.quarters import parse_instant
    from evaluation.study.results import read_results, write_results
    from evaluation.study.run import run_study
    from evaluation.study.study import Study

    session: Session = context.obj
    then = parse_instant(as_of) if as_of else None
    run = run_study(
        Study.load(session.workspace, study, as_of=then), progress=lambda m: say(f"· {m}")
    )
    path = write_results(session.workspace, run)
    session.stays_inside(study)
    if as_json:
        # As they were written: making them a second time takes seconds on a national panel.
        name = f"{run.programme.name}/{run.protocol.study}"
        print_json(read_results(session.workspace, name).plain())
        return
    say(f"{run.label}{': ' if run.differences else ''}{' '.join(run.differences)}")
    for deviation in run.deviations:
        say(f"Deviation, {deviation.sentence}")
    for finding in run.findings.values():
        print(f"{finding.outcome}: {finding.said}\n    {finding.sentence}")
    print(path)


@study_app.command("new")
def study_new(context: typer.Context, study: Name) -> None:
    """Write a notebook that takes the study's first primary outcome step by step."""
    from evaluation.study.protocol_documents import new_notebook

    session: Session = context.obj
    path = new_notebook(session.workspace, study)
    say("Build the book to see it executed: newstart book build")
    print(path)


@study_app.command("looks")
def study_looks(context: typer.Context, study: Name) -> None:
    """Take every look whose due date has passed, each on what was known at the end of that day."""
    from evaluation.study.run import catch_up
    from evaluation.study.study import Study

    session: Session = context.obj
    taken = catch_up(Study.load(session.workspace, study), progress=lambda m: say(f"· {m}"))
    print(f"{taken} looks taken.")


@study_app.command("challenge")
def study_challenge(
    context: typer.Context,
    study: Name,
    simulations: Annotated[int, typer.Option(help="Of each attack that draws at random.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Attack the study: its theory against the figures, refuters on its own estimator."""
    from evaluation.study.challenge import challenge, record
    from evaluation.study.study import Study

    session: Session = context.obj
    asked = Study.load(session.workspace, study)
    found = challenge(asked, simulations=simulations, progress=lambda m: say(f"· {m}"))
    path = record(asked, found)
    session.stays_inside(study)
    if as_json:
        print_json(found.plain())
        return
    say(f"Kept for the book in {path}")
    for said in found.implications:
        print(said)
    for code, unobserved in found.unobserved.items():
        print(f"{code}: {unobserved.sentence}")
    for code, attacks in found.refuted.items():
        for one in attacks:
            print(f"{code}: {one.title} ({one.kind}) {one.result}. {one.sentence}")


def value(context: typer.Context, study: Name, as_json: AsJson = False) -> None:
    """Say what a study's effects are worth, by agency, to date."""
    from evaluation.study.results import read_results

    session: Session = context.obj
    results = read_results(session.workspace, study)
    accounts = results.value
    if results.gross is not None:
        _tell_gross(results.gross, as_json)
        return
    if accounts is None:
        raise UserError(
            "the protocol asks for no value.", where=study, mend="set value: true in its protocol"
        )
    session.stays_inside(study)
    if as_json:
        print_json(accounts.plain())
        return
    print(f"Pounds of {accounts.price_base}, to date ({accounts.last}); likely range.")
    for row in accounts.by_agency:
        print(
            f"{row.name:36} {row.budget:4} gains {row.gain.mean:>13,.0f} "
            f"({row.gain.low:,.0f} to {row.gain.high:,.0f})  costs {row.cost.mean:>11,.0f}  "
            f"net {row.net.mean:>13,.0f}"
        )
    for note in accounts.notes:
        say(note)


def _tell_gross(gross: GrossAccounts, as_json: bool) -> None:
    """Gains of a programme that declares no costs."""
    if as_json:
        print_json({**gross.plain(), "costs": "not declared"})
        return
    print(f"Pounds of {gross.price_base}, to date ({gross.last}); likely range. No costs declared.")
    for row in gross.by_agency:
        print(
            f"{row.name:36} {row.budget:4} gains {row.gain.mean:>13,.0f} "
            f"({row.gain.low:,.0f} to {row.gain.high:,.0f})"
        )
    for note in gross.notes:
        say(note)


app = typer.Typer(help="Fix the analysis before the data are seen.")

Answers = Annotated[
    Path | None, typer.Option(help="A YAML file of answers, instead of being asked.")
]
Power = Annotated[bool, typer.Option(help="Also ask what the looks could find (a minute or so).")]
Relock = Annotated[bool, typer.Option("--relock", help="Lock anew what was locked before.")]
Reason = Annotated[str, typer.Option(help="Why it is locked anew; kept for ever.")]
Exploratory = Annotated[
    bool,
    typer.Option("--exploratory", help="As one that claims nothing: no alpha spent, for good."),
]
Registration = Annotated[
    str, typer.Option(help="A registry's number, or a time stamp that somebody else gave.")
]
Folder = Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the two files.")]


@app.command("new")
def new(context: typer.Context, study: Name, answers: Answers = None) -> None:
    """Ask for what a protocol needs, and write a filled draft."""
    from evaluation.study.protocol_documents import draft, questions, read_answers

    session: Session = context.obj
    asked = questions(session.workspace, study)
    given = read_answers(answers, asked) if answers else _ask(asked)
    path = draft(session.workspace, study, given)
    say(f"Read it, then: newstart protocol check {study}")
    print(path)


def _ask(asked: tuple[Question, ...]) -> dict[str, str]:
    given = {}
    for one in asked:
        say(f"\n{one.why}")
        given[one.field] = typer.prompt(one.text, default=one.default, err=True)
    return given


@app.command("check")
def check(
    context: typer.Context, study: Name, power: Power = False, as_json: AsJson = False
) -> None:
    """Say what is missing, contradictory or unwise in a protocol, with its line."""
    from evaluation.study.protocol_check import check_protocol

    session: Session = context.obj
    remarks = check_protocol(session.workspace, study, power=power)
    errors = sum(one.severity == "error" for one in remarks)
    if as_json:
        print_json({"study": study, "errors": errors, "remarks": [r.as_dict() for r in remarks]})
    else:
        for one in remarks:
            print(one)
        say(f"{errors} errors, {len(remarks) - errors} questions.")
    raise typer.Exit(PROBLEMS if errors else GOOD)


@app.command("freeze")
def freeze(
    context: typer.Context,
    study: Name,
    relock: Relock = False,
    reason: Reason = "",
    exploratory: Exploratory = False,
    registration: Registration = "",
    as_json: AsJson = False,
) -> None:
    """Lock protocol, assignments and code, with what had been seen; beside the protocol."""
    from evaluation.study.freeze import freeze as freeze_study
    from evaluation.study.lock import FILE

    session: Session = context.obj
    if relock and not reason.strip():
        raise ProtocolError(
            "a re-lock needs its reason, which is kept for ever.",
            where=study,
            mend="--relock --reason TEXT",
        )
    if reason and not relock:
        raise ProtocolError("a reason is given and no re-lock asked for.", mend="add --relock")
    lock = freeze_study(
        session.workspace,
        study,
        relock=reason.strip(),
        exploratory=exploratory,
        registration=registration,
        progress=lambda m: say(f"· {m}"),
    )
    if as_json:
        print_json({**lock.content, "hash": lock.hash})
        return
    _tell(lock)
    print(session.workspace.studies / study / FILE)


def _tell(lock: Lock) -> None:
    seen = lock.content["data_seen"]
    say(f"Locked {lock.content['frozen'][:10]}; figures seen up to {seen['last_quarter']}.")
    if lock.exploratory:
        say("As exploratory: nothing of it will be called better or worse, and it stays so.")
        for needed in lock.needed:
            say(f"  To be confirmatory it would need more. {needed}")
    elif seen["after_start"]:
        say(f"That is after the first start ({seen['first_start']}): looks stay exploratory.")
    for code, pair in lock.content["figures"].items():
        for which in ("old", "new"):
            held = pair[which]
            shown = (
                f"{_size(held['effect'])} % ({_size(held['low'])} to {_size(held['high'])}), "
                f"{held['verdict']}"
                if held
                else "no results"
            )
            say(f"  {code}, {which}: {shown}")


def _size(value: float | None) -> str:
    return "no limit" if value is None else f"{value:+.2f}"


@app.command("export")
def export(context: typer.Context, study: Name, output: Folder = None) -> None:
    """Write a record for a registry: Markdown to read, JSON to enter."""
    from evaluation.study.protocol_documents import write_record

    session: Session = context.obj
    for path in write_record(session.workspace, study, output):
        print(path)
