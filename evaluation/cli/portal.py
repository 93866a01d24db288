"""The verbs of the sites' portal: serve, work, invite, grant, keys, check."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import GOOD, PROBLEMS, AsJson, By, Session, print_json, say
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.portal.accounts import Wanted
    from evaluation.portal.configure import Portal

app = typer.Typer(help="The sites' portal: returns sent from a browser.")

_NAME = Annotated[str, typer.Argument(help="The person's name, as it stands on receipts.")]
_EMAIL = Annotated[str, typer.Option(help="The person's e-mail address.")]
_ROLE = Annotated[str, typer.Option(help="officer, evaluator, checker, publisher or admin.")]
_SITE = Annotated[str, typer.Option(help="For an officer: the site, or OPEN for a source.")]
_AGENCY = Annotated[str, typer.Option(help="For an officer: the agency, or the source.")]
_UNTIL = Annotated[str, typer.Option(help="The last day of the role, like 2027-03-31.")]
_REASON = Annotated[str, typer.Option(help="Why; it is kept.")]


def _portal(session: Session, *, demonstration: bool = False) -> Portal:
    from evaluation.portal.configure import from_environment

    return from_environment(session.workspace, session.programme_name, demonstration=demonstration)


def _begun(session: Session) -> Portal:
    from evaluation.portal.configure import begin

    portal = _portal(session)
    begin(portal)
    return portal


@app.command("serve")
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to answer at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for any that is free.")] = 8000,
    demonstration: Annotated[
        bool,
        typer.Option(
            "--demonstration", help="An invented programme of its own, with people to choose from."
        ),
    ] = False,
    accounts: Annotated[
        bool, typer.Option("--accounts", help="Sign in with accounts, in an invented one too.")
    ] = False,
    working: Annotated[
        bool, typer.Option("--work/--no-work", help="Also do what newstart portal work does.")
    ] = True,
) -> None:
    """Serve the portal; its address is printed first.

    In an invented workspace people are chosen from a list, on this machine alone.

    Everywhere else they sign in.
    """
    from dataclasses import replace

    from evaluation.portal.server import is_loopback
    from evaluation.portal.server import serve as run

    session: Session = context.obj
    if demonstration and accounts:
        raise UserError("--demonstration has no accounts: leave one of the two out.")
    if demonstration and not is_loopback(host):
        from evaluation.portal.server import refuse_demonstration

        refuse_demonstration(_portal(session, demonstration=True), host)
    if demonstration:
        from evaluation.demo import demonstration_key, portal_workspace
        from evaluation.disclosure.key import VARIABLE

        outer = session.workspace_or_new()
        own = portal_workspace(outer, progress=lambda m: say(f"· {m}"))
        # For the worker too, which runs the verbs in processes of their own.
        os.environ[VARIABLE] = str(demonstration_key(outer))
        session = replace(session, folder=own.root, asked=None)
    chosen = session.workspace.synthetic and not accounts
    portal = _portal(session, demonstration=chosen)
    run(portal, host, port, working=working, said=lambda address: print(address, flush=True))


@app.command("work")
def work(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Go through it once and end.")] = False,
) -> None:
    """Send waiting mail and reminders, run, release and publish as asked, remove old drafts."""
    portal = _begun(context.obj)  # before what needs its tables can be imported
    from evaluation.portal.outbox import work as do

    done = do(portal, once=once)
    say(f"{done} done.")


@app.command("invite")
def invite(
    context: typer.Context,
    name: _NAME,
    email: _EMAIL,
    role: _ROLE,
    until: _UNTIL,
    site: _SITE = "",
    agency: _AGENCY = "",
    reason: _REASON = "invited",
    mail: Annotated[bool, typer.Option("--mail", help="Send the link by mail.")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Invite a person: a role until a day, and a link that works once, within 72 hours."""
    portal = _begun(context.obj)
    from evaluation.portal import accounts

    wanted = _wanted(name, email=email, role=role, until=until, whose=(site, agency), reason=reason)
    person = accounts.add_grant(portal.programme, wanted, by=by or "command line")
    _warn(portal, wanted)
    if mail:
        accounts.invite_by_mail(person)
        say("The link is made when the mail is sent: newstart portal work.")
        return
    link = accounts.make_link(person, "invitation", by=by or "command line")
    address = f"{portal.address}{link.path}"
    if as_json:
        print_json({"name": person.name, "link": address, "ends": link.ends.isoformat()})
        return
    say(f"For {person.name}, once, until {link.ends:%Y-%m-%d %H:%M} UTC:")
    print(address)


@app.command("grant")
def grant(
    context: typer.Context,
    name: _NAME,
    role: _ROLE,
    until: Annotated[str, typer.Option(help="The last day of the role, like 2027-03-31.")] = "",
    site: _SITE = "",
    agency: _AGENCY = "",
    reason: _REASON = "granted",
    end: Annotated[bool, typer.Option("--end", help="End the role now.")] = False,
    by: By = "",
) -> None:
    """Give a person who has an account one more role until a day, or end one."""
    portal = _begun(context.obj)
    from evaluation.portal import accounts
    from evaluation.portal.models import Person
    from evaluation.portal.permissions import grants_of

    person = Person.objects.filter(name=name).first()
    if person is None:
        raise UserError(f"nobody is called {name!r}.", mend="newstart portal invite NAME ...")
    if end:
        held = [g for g in grants_of(person) if (g.role, g.site, g.agency) == (role, site, agency)]
        if not held:
            raise UserError(f"{name} does not have this role.")
        for one in held:
            accounts.end_grant(one, by=by or "command line")
        say(f"{name} is no {role} any more.")
        return
    wanted = _wanted(
        name, email=person.email, role=role, until=until, whose=(site, agency), reason=reason
    )
    accounts.add_grant(portal.programme, wanted, by=by or "command line")
    _warn(portal, wanted)
    say(f"{name} is {role} until {until}.")


def _wanted(
    name: str, *, email: str, role: str, until: str, whose: tuple[str, str], reason: str
) -> Wanted:
    from evaluation.portal.accounts import Wanted
    from evaluation.portal.permissions import Role

    if role not in set(Role):
        raise UserError(f"there is no role {role!r}.", expected=", ".join(Role))
    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise UserError(f"{until!r} is no date.", expected="--until 2027-03-31") from None
    site, agency = whose
    return Wanted(
        name=name, email=email, role=Role(role), site=site, agency=agency, until=last, reason=reason
    )


def _warn(portal: Portal, wanted: Wanted) -> None:
    """Say where the programme's own list of people would still refuse what is granted."""
    from evaluation.errors import NotPermitted
    from evaluation.ledger.submission import permit

    if not wanted.site:
        return
    try:
        permit(portal.programme, wanted.name, wanted.site, wanted.agency)
    except NotPermitted as error:
        say(f"The programme does not let {wanted.name} send yet: {error.where} names others.")


@app.command("keys")
def keys(
    context: typer.Context, what: Annotated[str, typer.Argument(help="show, or rotate.")] = "show"
) -> None:
    """Say how many keys sign sessions, or begin to sign with a new one."""
    from evaluation.portal.configure import keys as held
    from evaluation.portal.configure import rotate_keys

    portal = _portal(context.obj)
    if what not in ("show", "rotate"):
        raise UserError(f"keys are shown or rotated, not {what!r}.", expected="show or rotate")
    many = rotate_keys(portal) if what == "rotate" else len(held(portal))
    # Never a key itself: it would stand in a terminal's history.
    say(f"{many} {'key' if many == 1 else 'keys'} in {portal.key_file}; the first one signs.")
    if what == "rotate":
        say("Begin the portal again. What the key before signed is still read; rotate twice to end")
        say("every session.")


@app.command("check")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say whether the portal is set as a real one should be, and whether its events hold."""
    portal = _begun(context.obj)
    from evaluation.portal.server import findings

    found = findings(portal)
    if as_json:
        print_json({"ok": not found, "findings": [one.as_dict() for one in found]})
    else:
        for one in found:
            print(f"{one.what} {one.mend}")
        if not found:
            say("Nothing to mend.")
    raise typer.Exit(PROBLEMS if found else GOOD)
