"""The verbs of official statistics: what can be fetched, fetching it, replaying it, area sets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.cli.session import (
    GOOD,
    PROBLEMS,
    AsJson,
    Session,
    print_json,
    print_table,
    say,
    writable,
)
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.quarters import Period

app = typer.Typer(help="Official statistics into returns, with their lineage beside them.")


@app.command("list")
def list_recipes(context: typer.Context, as_json: AsJson = False) -> None:
    """List what can be fetched for this programme, and from where."""
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
    from evaluation.connect.fetch import Means
    from evaluation.connect.fetch import fetch as fetch_recipe
    from evaluation.connect.fetches import Order

    session: Session = context.obj
    programme = session.programme
    begins = _period(first or last or str(programme.last))
    ends = _period(last or str(begins))
    if ends.frequency != begins.frequency or ends < begins:
        raise UserError(f"--from {begins} --to {ends} is no stretch of time.")
    order = Order(
        name=recipe, first=begins, last=ends, out=output, bases=dict(map(_base, base or ()))
    )
    done = fetch_recipe(session.workspace, programme, order, Means(say=say))
    for path in done.written:
        print(path)


def _period(text: str) -> Period:
    """A quarter or a year; a month stands for the quarter that it lies in."""
    from evaluation.quarters import Period

    month = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text.strip())
    if month is None:
        return Period.parse(text, "Q", "A")
    return Period.quarter(int(month[1]), (int(month[2]) + 2) // 3)


def _base(given: str) -> tuple[str, str]:
    name, sign, address = given.partition("=")
    if not sign or not address:
        raise UserError(f"--base {name!r} names no address.", expected="--base nomis=https://...")
    return name.strip(), address.strip()


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
    for one in done.told:
        say(f"{one.where}: {one.what}")
    for path in done.written:
        print(path)
    for name in done.differing:
        say(
            f"{name} is not the same to the byte: the programme's areas, denominators or the "
            "software changed since it was fetched."
        )
    raise typer.Exit(PROBLEMS if done.differing else GOOD)


programme_app = typer.Typer(help="A programme's areas and codes, from lookups.")


@programme_app.command()
def areas(
    pilots: Annotated[Path, typer.Option(help="A CSV of the pilots: code, site.")],
    lookup: Annotated[
        list[Path], typer.Option(help="Lookups: authority, deprivation, population, x and y.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="areas.csv")],
    buffer_km: Annotated[
        float, typer.Option(help="Leave out areas nearer to a pilot, in km.", min=0)
    ] = 0.0,
    same_authority: Annotated[
        bool, typer.Option(help="Areas of a pilot's own authority may serve.")
    ] = False,
    any_deprivation: Annotated[
        bool, typer.Option(help="Areas of other deprivation fifths may serve.")
    ] = False,
) -> None:
    """Propose areas.csv: the pilots, what they can be compared with, and why the rest cannot."""
    from collections import Counter

    from evaluation.connect.area_sets import AreaPlan, propose, read_pilots, read_table, write_areas

    writable(output, (".csv",))
    plan = AreaPlan(buffer_km=buffer_km, same_authority=same_authority, fifths=not any_deprivation)
    found = propose(read_pilots(pilots), [read_table(path) for path in lookup], plan)
    write_areas(output, found, plan)
    roles = Counter(area.role for area in found)
    say(f"{roles['pilot']:,} pilots, {roles['comparison']:,} comparison areas.")
    # A reason with a distance or a name in it differs from area to area: told by its kind.
    for reason, areas_left in Counter(one.reason.split(":")[0] for one in found).most_common():
        if reason:
            say(f"Excluded: {areas_left:,} areas, {reason}.")
    # Each is a choice that a lookup left out would make in silence.
    if not any_deprivation and all(one.fifth is None for one in found if one.role == "pilot"):
        say("No lookup holds the pilots' deprivation: areas of every fifth may serve.")
    if all(one.population is None for one in found):
        say("No lookup holds populations: rates and strata by population will need them.")
    say("Choose among the comparison areas with: newstart design match PROGRAMME/STUDY")
    print(output)


@programme_app.command()
def codes(
    lookup: Annotated[Path, typer.Option(help="What became of each code, as fetched.")],
    population: Annotated[Path, typer.Option(help="A CSV: code, population, of the new areas.")],
    year: Annotated[int, typer.Option(help="The year of that population: the denominator's.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="code_shares.csv")],
    before: Annotated[str, typer.Option("--from", help="The old vintage.")] = "LSOA 2011",
    after: Annotated[str, typer.Option("--to", help="The new vintage.")] = "LSOA 2021",
) -> None:
    """Write the table of shares by which counts under old codes are brought to new ones."""
    from evaluation.connect.area_sets import read_changes, read_population
    from evaluation.geography import Span, shares_of, write_shares

    writable(output, (".csv",))
    span = Span(vintage_from=before, vintage_to=after, year=year)
    found = shares_of(read_changes(lookup), read_population(population), span)
    write_shares(output, found)
    say(f"{len({one.from_code for one in found}):,} codes of {before} are now in {after}.")
    say("Declare it in programme.yaml: code_shares: code_shares.csv")
    print(output)
