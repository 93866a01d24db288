"""The verbs of official statistics: what can be fetched, fetching it, replaying it, area sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.cli.session import GOOD, PROBLEMS, AsJson, Session, print_json, print_table, say
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.connect.fetch import Fetched

app = typer.Typer(help="Official statistics into returns, with their lineage beside them.")


@app.command("list")
def list_recipes(context: typer.Context, as_json: AsJson = False) -> None:
    """What can be fetched for this programme, and from where."""
    from rich.table import Table

    from evaluation.connect.recipes import SERVICES, all_recipes

    session: Session = context.obj
    rows: list[dict[str, Any]] = [
        {
            "recipe": one.name,
            "kind": one.kind,
            "source": one.service or "file",
            "address": SERVICES[one.service] if one.service else "",
            "submitter": getattr(one, "source", ""),
            "outcome": getattr(one, "outcome", ""),
            "vintage": one.vintage,
            "about": one.about,
        }
        for one in all_recipes(session.workspace, session.programme)
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("recipe", "source", "outcome", "vintage", "about", box=None)
    for row in rows:
        table.add_row(*(row[name] for name in ("recipe", "source", "outcome", "vintage", "about")))
    print_table(table)


@app.command()
def fetch(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, or a source of the programme.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the returns.")],
    first: Annotated[
        str | None, typer.Option("--from", help="The first period, like 2026-Q1.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="The last one; the same if left out.")
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=URL: ask this source at another address.", show_default=False),
    ] = None,
) -> None:
    """Fetch official statistics: one return a period, and its lineage beside it."""
    from evaluation.connect.fetch import Means, Order
    from evaluation.connect.fetch import fetch as fetch_recipe
    from evaluation.quarters import Period

    session: Session = context.obj
    programme = session.programme
    begins = Period.parse(first or last or str(programme.last))
    ends = Period.parse(last or str(begins))
    if ends.frequency != begins.frequency or ends < begins:
        raise UserError(f"--from {begins} --to {ends} is no stretch of time.")
    order = Order(
        name=recipe, first=begins, last=ends, out=output, bases=dict(map(_base, base or ()))
    )
    done = fetch_recipe(session.workspace, programme, order, Means(say=say))
    _tell(done)


def _base(given: str) -> tuple[str, str]:
    name, sign, address = given.partition("=")
    if not sign or not address:
        raise UserError(f"--base {name!r} names no address.", expected="--base nomis=https://...")
    return name.strip(), address.strip()


def _tell(done: Fetched) -> None:
    for one in done.told:
        say(f"{one.where}: {one.what}")
    for path in done.written:
        print(path)


@app.command()
def replay(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where an earlier fetch put its returns.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the returns.")],
) -> None:
    """Make the returns of an earlier fetch again, from the bytes that were kept."""
    from evaluation.connect.fetch import replay as replay_fetch

    session: Session = context.obj
    done = replay_fetch(session.workspace, session.programme, folder, output)
    _tell(done)
    for name in done.differing:
        say(
            f"{name} is not the same to the byte: the programme's areas, denominators or the "
            "software changed since it was fetched."
        )
    raise typer.Exit(PROBLEMS if done.differing else GOOD)
