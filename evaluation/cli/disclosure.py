"""The verbs of disclosure control: the key, and the attack on what would be printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import PROBLEMS, AsJson, Session, print_json, say
from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from evaluation.disclosure.protection import Protection

app = typer.Typer(help="What may be printed of people's counts, and what it gives away.")
key_app = typer.Typer(help="The programme's one key, kept apart from the workspace.")
app.add_typer(key_app, name="key", no_args_is_help=True)


@key_app.command("create")
def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it, outside the workspace.")],
    shares: Annotated[
        bool, typer.Option(help="Also print three shares of which any two give the key back.")
    ] = False,
) -> None:
    """Make the programme's disclosure key, once and for ever; prints what names it."""
    from evaluation.disclosure import key

    session: Session = context.obj
    made = key.create(file, session.workspace.root)
    print(made.check_value)
    if shares:
        for share in key.shares(made):
            print(share)
        say("Give each share to another person. Any two of them make the key; one says nothing.")
    say(f"The key lies in {file}. Keep a sealed copy apart from the ledger and its back-ups.")
    say(f"It is used when {key.VARIABLE} names its file, and is never made anew: see")
    say("newstart disclosure key show")


@key_app.command("show")
def show() -> None:
    """Print what names the key, never the key."""
    from evaluation.disclosure import key

    held = key.read()
    print(held.check_value)
    say(
        "Two keys would round one count twice, and two roundings of one number close in on it: "
        "so it is never rotated. If it is lost, what was printed stays as it is and new counts "
        "take a second key. If it leaks, every count printed by it is known to within its true "
        "value's rounding, and to whoever holds two editions often exactly: stop publishing, and "
        "tell the controllers."
    )


@app.command("audit")
def audit(
    context: typer.Context,
    edition: Annotated[
        str, typer.Option(help="Attack with this edition alone.", show_default=False)
    ] = "",
    insider: Annotated[
        str,
        typer.Option(
            help="SITE/AGENCY: whoever sends its figures and knows them.", show_default=False
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Attack every count with all editions and what would be printed now; exit 1 below k values."""
    from evaluation.disclosure import key, protection
    from evaluation.edition.past import History
    from evaluation.publish.editions import MANIFEST
    from evaluation.quarters import parse_instant
    from evaluation.study.written import read_record

    session: Session = context.obj
    programme = session.programme
    site, _, agency = insider.partition("/")
    if insider and (site, agency) not in programme.submitters:
        raise DisclosureError(
            f"nobody sends figures as {insider}.",
            expected=", ".join(f"{s}/{a}" for s, a in programme.submitters),
        )
    made = key.read()
    history = History.read(session.workspace)
    published = (history.named(edition),) if edition else history.editions
    # Every edition of the workspace is in one history; those of another programme are not ours.
    manifests = {one.name: read_record(one.folder / MANIFEST) for one in published}
    instants = {
        name: parse_instant(one["vintage"])
        for name, one in manifests.items()
        if one["programme"] == programme.name
    }
    with session.ledger() as ledger:
        held = {
            name: protection.held(programme, ledger.observations(programme.name, as_of=at))
            for name, at in instants.items()
        }
        if not edition:
            held["now"] = protection.held(programme, ledger.observations(programme.name))
    found = protection.audit(held, programme, made, insider=(site, agency) if insider else None)
    if as_json:
        print_json(found.as_dict())
    else:
        _told(found)
    if not found.ok:
        raise typer.Exit(PROBLEMS)


def _told(found: Protection) -> None:
    if found.fewest is None:
        say("Nothing of what sites sent would be printed.")
        return
    print(
        f"{found.protected:,} counts attacked, {found.hidden} of them hidden; at least "
        f"{found.fewest} values stay possible for each ({found.k} are asked for)."
    )
    for one in found.worst:
        print(f"  {one.cell}: {one.low} to {one.high}, by {'; '.join(one.binding) or 'itself'}")
