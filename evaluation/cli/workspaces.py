"""The verbs of a workspace: init, status, outcomes, declarations, invent, upgrade."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from evaluation.cli.session import AsJson, Session, print_json, print_table, say, writable
from evaluation.errors import UserError

Name = Annotated[
    str, typer.Argument(help="The programme's name, in small letters.", show_default=False)
]


def init(
    context: typer.Context,
    name: Name = "",
    source: Annotated[
        Path | None, typer.Option("--from", help="Everything from this file; nothing is asked.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the workspace goes; here, if none is named.")
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print a complete file for --from.")
    ] = False,
    months: Annotated[
        bool, typer.Option("--months", help="With --example: one that counts in months.")
    ] = False,
) -> None:
    """Begin a workspace: a programme, its first study's draft, the frame of the book."""
    from evaluation.setup import beginning

    if example:
        print(beginning.example(months=months), end="")
        return
    if not name:
        raise UserError(
            "the programme needs a name.", mend="newstart init NAME, or newstart init --example"
        )
    session: Session = context.obj
    # Before anything is asked, or the answers would be lost with the name.
    beginning.refuse_name(name)
    declared = source if source is not None else _answers(name)
    try:
        begun = beginning.begin(
            folder or session.folder or Path.cwd(), name, declared, progress=lambda m: say(f"· {m}")
        )
    except UserError as error:
        if not isinstance(declared, Path):
            _kept(name, declared)
        raise error
    root = begun.workspace.root
    for path in begun.files:
        say(f"  {path.relative_to(root)}{'/' if path.is_dir() else ''}")
    elsewhere = "" if root == Path.cwd().resolve() else f"cd {root} && "
    say(f"What comes next: {elsewhere}newstart status")
    print(root)


def _answers(name: str) -> dict[str, object]:
    """What a person says at a terminal; where there is none, nobody can be asked."""
    from evaluation.setup.beginning import QUESTIONS, answered

    if not sys.stdin.isatty():
        raise UserError(
            "init asks, and this is no terminal.",
            expected="a terminal, or a file that says everything",
            mend=f"newstart init --example > {name}.yaml, change it, newstart init {name} "
            f"--from {name}.yaml",
        )
    declared: dict[str, object] = {}
    try:
        for one in QUESTIONS:
            say(f"\n{one.why}")
            while one.field not in declared:
                given = typer.prompt(one.text, default=one.default or None, err=True)
                try:
                    declared |= answered({one.field: given})
                except UserError as error:
                    say(str(error))
    except typer.Abort:
        if declared:
            _kept(name, declared)
        raise
    return declared


def _kept(name: str, declared: Mapping[str, object]) -> None:
    """Say where the answers are, of which none is lost."""
    from evaluation.setup.beginning import keep_answers

    path = keep_answers(name, declared)
    say(f"\nWhat you answered is in {path}: mend it there, then newstart init {name} --from {path}")


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is declared, what is in, late and locked, and what comes next."""
    from evaluation.setup.overview import overview

    session: Session = context.obj
    found = overview(session.workspace, session.programme)
    if as_json:
        print_json(found.as_dict())
        return
    told, programme = found.as_dict(), found.programme
    declared, areas = told["declared"], told["declared"]["areas"]
    print(f"{programme.title} ({programme.name}){', invented' if programme.synthetic else ''}")
    print(
        f"  declared  {declared['sites']} sites, {areas['pilot']} pilot and {areas['comparison']} "
        f"comparison areas, {declared['outcomes']} outcomes, {declared['submitters']} submitters, "
        f"{declared['first']} to {declared['last']}"
        + ("" if declared["costs"] else "; no costs declared")
    )
    for code, without in found.nobody.items():
        print(f"            nobody returns {code} for {without} areas")
    returns = told["returns"]
    print(f"  returns   {returns['in']} in of {returns['due']}, {returns['late']} late")
    if programme.money is not None:
        costs = told["costs"]
        print(f"  costs     {costs['in']} in of {costs['due']}, {costs['late']} late (among these)")
    for one in found.late[:5]:
        print(f"            {one.quarter} {one.site} {one.agency}, due {one.due}")
    if len(found.late) > 5:
        print("            and more: newstart ledger calendar")
    for study in found.studies:
        locked = f", locked {study.frozen[:10]}" if study.locked else ", not locked"
        run = f", run on what was known {study.run[:10]}" if study.run else ", not run yet"
        print(f"  study     {study.study}: {study.label}{locked}{run}")
    print(f"  next      {found.following}")


def outcomes(
    context: typer.Context,
    whole: Annotated[
        bool, typer.Option("--all", help="Those of the shared catalogue, declared here or not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the outcomes: who measures each, where, and which way is better."""
    from rich.table import Table

    from evaluation.programme import load_outcomes
    from evaluation.workspace import packaged_schemas

    session: Session = context.obj
    listed = load_outcomes(packaged_schemas() / "outcomes") if whole else session.programme.outcomes
    if as_json:
        print_json([one.model_dump(mode="json") for one in listed])
        return
    table = Table("code", "outcome", "unit", "better", "agency", "pilots", "comparisons", box=None)
    for one in listed:
        sources = [", ".join(one.sources_for(role)) for role in ("pilot", "comparison")]
        table.add_row(one.code, one.title, one.unit, one.polarity, one.agency, *sources)
    print_table(table)


def declarations(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="FILE.md; printed if none is named.")
    ] = None,
    schemas: Annotated[
        Path | None, typer.Option(help="Also write the JSON schemas for editors to this folder.")
    ] = None,
) -> None:
    """Print the reference of every declaration file, with an example each."""
    from evaluation.setup.declarations import reference, write_schemas

    for path in write_schemas(schemas) if schemas is not None else ():
        print(path)
    if output is None:
        if schemas is None:
            print(reference(), end="")
        return
    writable(output, (".md",))
    output.write_text(reference(), encoding="utf-8")
    print(output)


def invent(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder for the files.")],
    until: Annotated[
        str, typer.Option(help="The last period; that of the programme if none is named.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Other figures with another.")] = 1,
) -> None:
    """Write every return of a synthetic programme with invented figures, to try the way."""
    from evaluation.quarters import Period
    from evaluation.simulate.trial import trial_returns

    session: Session = context.obj
    last = Period.parse(until, "Q", "A", "M") if until else None
    files = trial_returns(session.programme, output, until=last, seed=seed)
    say(f"{len(files)} returns of invented figures; nothing in them is a finding.")
    print(output)


def upgrade(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring a workspace and its ledger to this version, and say what was done."""
    from evaluation.setup.upgrade import upgrade as bring

    session: Session = context.obj
    steps = bring(session.workspace)
    if as_json:
        print_json({"version": steps.version, "done": [one.as_dict() for one in steps.done]})
        return
    for one in steps.done:
        print(f"{'done' if one.changed else 'as it was':10} {one.what}")
        if one.mend:
            print(f"{'':10} {one.mend}")
