"""The ledger's verbs that move it as a whole: back-up, restore, export, and who may write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evaluation.cli.session import Session, say

app = typer.Typer()


@app.command()
def backup(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]
) -> None:
    """Write every record and every raw file to a folder, and check what was written."""
    from evaluation.ledger.backup import back_up

    session: Session = context.obj
    with session.ledger() as ledger:
        manifest = back_up(ledger, folder)
    rows = manifest["rows"]
    say(f"{rows['returns']} returns, {rows['observations']:,} figures, {rows['acts']} acts.")
    print(folder)


@app.command()
def restore(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="A back-up's folder.")]
) -> None:
    """Take a back-up into an empty ledger, whole or not at all, and verify it."""
    from evaluation.ledger.backup import restore as take

    session: Session = context.obj
    with session.ledger() as ledger:
        manifest = take(ledger, folder)
    say("Restored and verified.")
    print(f"{manifest['rows']['returns']} returns, the last record {manifest['head'][:12]}")


@app.command()
def export(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="Where the files go.")]
) -> None:
    """Write one Parquet file a return, by quarter; a later export adds only what is new."""
    from evaluation.ledger.export import export as write
    from evaluation.programme import Programme

    session: Session = context.obj
    with session.ledger() as ledger:
        names = sorted({receipt.programme for receipt in ledger.receipts()})
        programmes = {name: Programme.load(session.workspace, name) for name in names}
        done = write(ledger, folder, programmes)
    say(f"{done.written} returns written, {done.there_already} were there already.")
    if done.withheld:
        say(f"{done.withheld} are of sources that may not be passed on, and were left out.")
    print(folder)


@app.command()
def prepare(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="The role by which the program will write.")],
) -> None:
    """On PostgreSQL, as the owner: make the tables, and let a role add and read, nothing else."""
    session: Session = context.obj
    with session.ledger() as ledger:
        ledger.prepare(role)
    say(f"{role} may add records and read them, and nothing else.")
