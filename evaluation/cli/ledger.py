"""The ledger's verbs: every accepted return, and what was known when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from evaluation.cli.session import AsJson, Session, print_json, say

app = typer.Typer(help="Every accepted return, and what was known when.")


@app.command("log")
def ledger_log(context: typer.Context, as_json: AsJson = False) -> None:
    """List every accepted return in the order of acceptance."""
    session: Session = context.obj
    receipts = []
    if session.workspace.ledger.is_file():
        with session.ledger() as ledger:
            receipts = ledger.receipts()
    if as_json:
        print_json([receipt.as_dict() for receipt in receipts])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("return", "received", "programme", "site", "agency", "quarter", "rows", box=None)
    for one in receipts:
        received = one.received[:16].replace("T", " ") + (" (set)" if one.synthetic_clock else "")
        row = [one.return_id, received, one.programme, one.site, one.agency, one.quarter]
        table.add_row(*row, str(one.rows))
    Console(soft_wrap=True).print(table)


@app.command("diff")
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
        print_json(changed)
        return
    for one in changed:
        before, after = (
            shown(side["numerator"], side["denominator"], side["status"]) if side else "nothing"
            for side in (one["before"], one["after"])
        )
        place = f"{one['outcome']}, {one['area_code']}, {one['quarter']}"
        print(f"{one['kind']:9}  {place}: {before} -> {after}  {one['reason']}".rstrip())
    say("1 figure differs." if len(changed) == 1 else f"{len(changed)} figures differ.")


def _instant(text: str, received: dict[str, str]) -> datetime:
    from evaluation.quarters import parse_instant

    return parse_instant(received.get(text, text))
