"""The verbs of a protocol: write it, check it, freeze it, hand it to a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import GOOD, PROBLEMS, AsJson, Session, print_json, say
from evaluation.errors import ProtocolError

if TYPE_CHECKING:
    from evaluation.study.interview import Question
    from evaluation.study.lock import Lock

app = typer.Typer(help="Fix the analysis before the data are seen.")

Study = Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")]
Answers = Annotated[
    Path | None, typer.Option(help="A YAML file of answers, instead of being asked.")
]
Power = Annotated[bool, typer.Option(help="Also ask what the looks could find (a minute or so).")]
Relock = Annotated[bool, typer.Option("--relock", help="Lock anew what was locked before.")]
Reason = Annotated[str, typer.Option(help="Why it is locked anew; kept for ever.")]
Folder = Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the two files.")]


@app.command("new")
def new(context: typer.Context, study: Study, answers: Answers = None) -> None:
    """Ask for what a protocol needs, and write a filled draft."""
    from evaluation.study.interview import draft, questions, read_answers

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
    context: typer.Context, study: Study, power: Power = False, as_json: AsJson = False
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
    study: Study,
    relock: Relock = False,
    reason: Reason = "",
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
        session.workspace, study, relock=reason.strip(), progress=lambda m: say(f"· {m}")
    )
    if as_json:
        print_json({**lock.content, "hash": lock.hash})
        return
    _tell(lock)
    print(session.workspace.studies / study / FILE)


def _tell(lock: Lock) -> None:
    seen = lock.content["data_seen"]
    say(f"Locked {lock.content['frozen'][:10]}; figures seen up to {seen['last_quarter']}.")
    if seen["after_start"]:
        say(f"That is after the first start ({seen['first_start']}): looks stay exploratory.")
    for code, pair in lock.content["figures"].items():
        for which in ("old", "new"):
            held = pair[which]
            shown = (
                f"{held['effect']:+.2f} % ({held['low']} to {held['high']}), {held['verdict']}"
                if held
                else "no results"
            )
            say(f"  {code}, {which}: {shown}")


@app.command("export")
def export(context: typer.Context, study: Study, output: Folder = None) -> None:
    """Write a record for a registry: Markdown to read, JSON to enter."""
    from evaluation.study.registry import write_record

    session: Session = context.obj
    for path in write_record(session.workspace, study, output):
        print(path)
