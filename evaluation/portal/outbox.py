"""What is sent and done later: invitations, reminders, runs of a study; one loop, no broker.

A mail says that something is due or waits, and where; it holds no figure and no file's name, and no
token but the link of an invitation or of a new password, which is made when it is sent.
"""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from django.contrib.sessions.models import Session
from django.db import OperationalError, close_old_connections, connection, transaction

from evaluation.errors import UserError, WorkspaceError
from evaluation.ledger.calendar import Due, calendar
from evaluation.portal import accounts, drafts, event_chain
from evaluation.portal.configure import Portal
from evaluation.portal.models import Grant, Outgoing, Person, Reminder
from evaluation.portal.permissions import Role
from evaluation.quarters import now
from evaluation.workspace import write_once

LOG = logging.getLogger("portal")
REMINDED = (-14, -7, -1, 1, 7)
"""Days from the day on which a return is due; before it negative."""
_MOST_TRIES, _PAUSE = 6, 20
_LONGEST_RUN = 3 * 3_600
_MAIL_FOR, _WORK_FOR = timedelta(minutes=10), timedelta(seconds=_LONGEST_RUN + 600)
"""For so long what is being done is its taker's; who has not said by then what came of it was
ended, and it is done anew."""
_MOST_RUNS = 2


class NotSent(Exception):
    """A mail that could not be given to the server that sends mail; it is tried again."""


def owed(portal: Portal) -> tuple[Due, ...]:
    """Every return of a period that is over, and whether it came."""
    gone = {one.return_id for one in drafts.acts() if one.kind == "withdrawal"}
    held = [one.as_dict() for one in drafts.receipts() if one.return_id not in gone]
    return calendar(portal.programme, held, portal.workspace.now().date())


def remind(portal: Portal) -> int:
    """Put today's reminders into the outbox, each once; how many there were."""
    today, made = portal.workspace.now().date(), 0
    grants = [
        one
        for one in Grant.objects.filter(role=Role.OFFICER).select_related("person")
        if one.begins <= now() < one.ends and not one.person.locked
    ]
    for due in owed(portal):
        days = (today - due.due).days
        if due.received is not None or days not in REMINDED:
            continue
        for grant in grants:
            if (grant.site, grant.agency) == (due.site, due.agency):
                made += _remind(grant.person, due, days)
    return made


def _remind(person: Person, due: Due, days: int) -> int:
    with transaction.atomic():
        _, new = Reminder.objects.get_or_create(
            person=person, site=due.site, agency=due.agency, quarter=due.quarter.label, days=days
        )
        if new:
            content = {
                "site": due.site,
                "agency": due.agency,
                "quarter": due.quarter.label,
                "slug": due.quarter.slug,
                "months": due.quarter.months,
                "due": f"{due.due.day} {due.due:%B %Y}",
                "late": days > 0,
            }
            Outgoing.objects.create(kind="reminder", to=person.email, content=content, due=now())
    return int(new)


def wants_study(study: str, *, by: str) -> Outgoing:
    """Put a run of a study into the outbox, unless one waits already."""
    return _wants("study", study, {"by": by}, "asked for a run")


def wants_release(study: str, *, by: str, exceptions: list[str]) -> Outgoing:
    """Put the request of a release into the outbox, unless one waits already."""
    content = {"by": by, "exceptions": exceptions}
    return _wants("release", study, content, "asked for a release")


def wants_edition(programme: str, *, by: str, reason: str, pages: bool) -> Outgoing:
    """Put the publication of an edition into the outbox, unless one waits already."""
    content = {"by": by, "reason": reason, "pages": pages}
    return _wants("edition", programme, content, "asked for an edition")


def _wants(kind: str, of: str, content: dict[str, Any], said: str) -> Outgoing:
    with transaction.atomic():
        waiting = Outgoing.objects.filter(
            kind=kind, to=of, state__in=("waiting", "running")
        ).first()
        if waiting is None:
            waiting = Outgoing.objects.create(kind=kind, to=of, content=content, due=now())
            event_chain.record(content["by"], said, of)
    return waiting


def work(portal: Portal, *, once: bool, send: Callable[[EmailMessage], None] | None = None) -> int:
    """Send what waits, run what is asked for, remind, and remove what is past its time.

    Parameters
    ----------
    once : go through it once; otherwise for ever.
    send : how a mail leaves; by SMTP, or into a folder, as the environment says.

    Returns
    -------
    How many things were done.
    """
    if once:
        return _work_once(portal, send)
    while True:
        try:
            _work_once(portal, send)
        # A declaration that is being changed, a ledger or tables that another process holds: the
        # next round finds them mended, and a worker that had ended would send nothing any more.
        except UserError as error:
            LOG.warning("not all was done: %s", error.what)
        except OperationalError as error:
            LOG.warning("not all was done: the portal's tables did not answer (%s)", type(error))
        close_old_connections()
        time.sleep(_PAUSE)


def _work_once(portal: Portal, send: Callable[[EmailMessage], None] | None) -> int:
    remind(portal)
    drafts.empty_unreadable()
    drafts.expire()
    Session.objects.filter(expire_date__lt=now()).delete()
    done = 0
    while (one := _next()) is not None:
        _do(portal, one, send)
        done += 1
    return done


def _next() -> Outgoing | None:
    """The next thing to do, taken so that no other process takes it too.

    What somebody took and did not bring to its end in time is taken again: a process that was
    killed would else keep it for ever, and nobody could ask for it anew.
    """
    with transaction.atomic():
        open_ = Outgoing.objects.filter(state__in=("waiting", "running"), due__lte=now())
        waiting = open_.order_by("id")
        if connection.vendor == "postgresql":
            waiting = waiting.select_for_update(skip_locked=True)
        one = waiting.first()
        if one is not None:
            one.state, one.tries = "running", one.tries + 1
            one.due = now() + (_WORK_FOR if one.kind in WORK else _MAIL_FOR)
            one.save(update_fields=["state", "tries", "due"])
    return one


def _do(portal: Portal, one: Outgoing, send: Callable[[EmailMessage], None] | None) -> None:
    if one.kind in WORK:
        _run(portal, one)
        return
    try:
        way = send or sender(portal)
        way(mail(portal, one))
    # Where the server is not named as it should be, it is not lost either.
    except (NotSent, WorkspaceError) as error:
        # Twice as long each time: about an hour in all.
        one.due = now() + timedelta(minutes=2**one.tries)
        one.state = "failed" if one.tries >= _MOST_TRIES else "waiting"
        one.said = (error.what if isinstance(error, WorkspaceError) else str(error))[:300]
        one.save()
        event_chain.record("portal", "mail not sent", f"{one.kind}: {one.to}")
        return
    one.state, one.done, one.said = "sent", now(), ""
    one.save()
    event_chain.record("portal", "mail sent", f"{one.kind}: {one.to}")


WORK = {"study": "ran a study", "release": "froze a release", "edition": "published"}
"""Kinds of the outbox that are work of the command line's, and what happened once it is done."""


def _verb(one: Outgoing) -> list[str]:
    """The command line's own verb for a piece of work."""
    held = one.content
    if one.kind == "study":
        return ["study", "run", one.to]
    who = ["--as", held["by"]]
    if one.kind == "release":
        exceptions = [part for text in held["exceptions"] for part in ("--exception", text)]
        return ["release", "request", one.to, *who, *exceptions]
    reason = ["--reason", held["reason"]] if held["reason"] else []
    return ["edition", "publish", *who, *reason, *([] if held["pages"] else ["--no-pages"])]


def _run(portal: Portal, one: Outgoing) -> None:
    """Do a piece of work by the command line's own verb, in a process of its own."""
    if one.tries > _MOST_RUNS:
        _came_of(one, "failed", "it was begun twice and came to no end: the machine ended it")
        return
    command = [sys.executable, "-m", "evaluation.cli", "--workspace", str(portal.workspace.root)]
    started = time.monotonic()
    try:
        done = subprocess.run(
            [*command, "--programme", portal.programme_name, *_verb(one)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        _came_of(one, "failed", f"it was ended after {_LONGEST_RUN // 3_600} hours")
        return
    # A release whose audit fails is frozen all the same, for its checkers to see; it says so there.
    frozen = one.kind == "release" and done.returncode == 1 and done.stdout.strip()
    good = done.returncode == 0 or bool(frozen)
    took = f"{time.monotonic() - started:.0f} s"
    _came_of(one, "sent" if good else "failed", took if good else _why(done.stderr))


def _came_of(one: Outgoing, state: str, said: str) -> None:
    one.state, one.said, one.done = state, said, now()
    one.save()
    event_chain.record("portal", WORK[one.kind], f"{one.to}: {one.state}")


def _why(said: str) -> str:
    """What the command line said was wrong: its last line that is neither progress nor a mend."""
    lines = [line for line in said.splitlines() if line and not line.startswith((" ", "·"))]
    return lines[-1][:300] if lines else "the command line says no reason"


_SUBJECTS = {
    "invitation": "You are invited to send returns",
    "reset": "Choose a new password",
    "reminder": "A return is due",
}


def mail(portal: Portal, one: Outgoing) -> EmailMessage:
    """The mail of an entry of the outbox; a link in it is made now and stored as its hash alone."""
    title = portal.programme.title
    if one.kind == "reminder":
        text = _reminder(portal, one.content)
    else:
        person = Person.objects.get(pk=one.content["person"])
        link = accounts.make_link(person, one.kind, by="portal")
        what = "begin" if one.kind == "invitation" else "choose a new password"
        text = (
            f"Dear {person.name},\n\nWith this link you {what}; it works once, until "
            f"{link.ends:%d %B %Y, %H:%M} UTC:\n\n{portal.address}{link.path}\n\n"
            "If you did not expect it, do nothing: without the link nothing happens.\n"
        )
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{_SUBJECTS[one.kind]}: {title}"
    message["From"] = os.environ.get("NEWSTART_PORTAL_FROM", "portal@localhost")
    message["To"] = one.to
    message.set_content(text)
    return message


def _reminder(portal: Portal, held: dict[str, Any]) -> str:
    when = f"was due on {held['due']}" if held["late"] else f"is due on {held['due']}"
    return (
        f"The return of {held['site']} {held['agency']} for {held['quarter']} ({held['months']}) "
        f"{when}, and has not come in yet.\n\nSend it here:\n"
        f"{portal.address}/returns/{held['site']}/{held['agency']}/{held['slug']}\n"
    )


def sender(portal: Portal) -> Callable[[EmailMessage], None]:
    """How mail leaves: by the server that NEWSTART_PORTAL_SMTP names, else into a folder.

    Raises
    ------
    WorkspaceError : the server is not named as HOST:PORT.
    """
    named = os.environ.get("NEWSTART_PORTAL_SMTP", "")
    if not named:
        return lambda message: _into_folder(portal.folder / "mail", message)
    host, _, port = named.partition(":")
    if not port.isdecimal():
        raise WorkspaceError(
            "the server that sends mail is not named.",
            where=f"NEWSTART_PORTAL_SMTP={named}",
            expected="HOST:PORT, like mail.example.org:587",
        )
    return lambda message: _by_smtp(host, int(port), message)


def _into_folder(folder: Path, message: EmailMessage) -> None:
    try:
        write_once(folder / f"{now():%Y%m%dT%H%M%S%f}.eml", message.as_bytes(), private=True)
    except OSError as error:
        raise NotSent(f"{type(error).__name__}: {error.strerror}") from None


def _by_smtp(host: str, port: int, message: EmailMessage) -> None:
    user = os.environ.get("NEWSTART_PORTAL_SMTP_USER")
    try:
        secret = _smtp_password()
        with smtplib.SMTP(host, port, timeout=10) as server:
            if user and secret:
                # Without a context of its own smtplib takes any certificate, an attacker's too.
                server.starttls(context=ssl.create_default_context())
                server.login(user, secret)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"{type(error).__name__}") from None


def _smtp_password() -> str:
    path = os.environ.get("NEWSTART_PORTAL_SMTP_PASSWORD_FILE")
    return Path(path).read_text("utf-8").strip() if path else ""
