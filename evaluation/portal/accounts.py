"""Accounts of the portal's own: invitations, passwords, a second factor, locks and resets.

Nothing tells a stranger whether an address has an account: not the words, not the time they take,
not the lock after wrong passwords.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from evaluation.errors import UserError
from evaluation.portal import event_chain
from evaluation.portal.models import LOCAL, Event, Grant, Invitation, Outgoing, Person
from evaluation.portal.permissions import SECOND_FACTOR, Role, grants_of
from evaluation.programme import Programme
from evaluation.quarters import now

INVITED_FOR = timedelta(hours=72)
RESET_FOR = timedelta(hours=2)
LONGEST_GRANT = timedelta(days=366)
MOST_WRONG, WITHIN = 5, timedelta(minutes=15)
"""So many wrong passwords or codes within so long lock an address for the rest of that time."""
_STEP = 30  # seconds, RFC 6238
_ASKED, _LINKS_AN_HOUR = "asked for a new password", 3
_SIGNED_IN, _FAILED = "signed in", "failed to sign in"


class SmallArgon2(Argon2PasswordHasher):
    """Argon2id with the least that OWASP names: 19 MiB, twice, in one lane.

    Django's own 100 MiB and eight lanes would take most of a small machine where fifty officers
    sign in at once on the day on which returns are due (OWASP Password Storage Cheat Sheet).
    """

    time_cost, memory_cost, parallelism = 2, 19 * 1024, 1


class LocalAccounts:
    """What Django asks for the person of a session; passwords are asked by `signing_in`."""

    def authenticate(self, _request: Any, **_given: Any) -> None:
        """Nobody: the portal's own pages sign people in."""

    def get_user(self, number: int) -> Person | None:
        """The person of a session, unless locked since."""
        return Person.objects.filter(pk=number, locked=False).first()


BACKEND = f"{LocalAccounts.__module__}.{LocalAccounts.__name__}"


def normal(email: str) -> str:
    """An address as it is compared: without spaces around it, in small letters."""
    return email.strip().casefold()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Who is invited to what: a role until a day, an officer's for a site and agency."""

    name: str
    email: str
    role: Role
    site: str = ""
    agency: str = ""
    until: date
    reason: str = "invited"


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link that was made: it is shown once and never stored."""

    person: Person
    path: str
    ends: datetime


def add_grant(programme: Programme, wanted: Wanted, *, by: str) -> Person:
    """Give a role, to somebody known or new; the person comes back.

    Raises
    ------
    UserError : an impossible address, site or day, or a name that is another person's.
    """
    email = normal(wanted.email)
    _possible(programme, wanted, email)
    moment = now()
    with transaction.atomic():
        # Whoever gives a role names a person by the address; at signing in nobody is known by it.
        person = Person.objects.filter(email=email).order_by("pk").first()
        if person is None:
            if Person.objects.filter(name=wanted.name.strip()).exists():
                raise UserError(
                    f"another person is called {wanted.name!r} already.",
                    mend="names stand on receipts: give this one a name that is only theirs",
                )
            person = Person.objects.create(
                issued_by=LOCAL,
                subject=email,
                email=email,
                name=wanted.name.strip(),
                password=make_password(None),
                began=moment,
            )
        Grant.objects.create(
            person=person,
            role=wanted.role,
            site=wanted.site,
            agency=wanted.agency,
            given_by=by,
            reason=wanted.reason,
            begins=moment,
            ends=datetime.combine(wanted.until, time.max, tzinfo=UTC),
        )
        whose = f" {wanted.site} {wanted.agency}".rstrip()
        event_chain.record(by, "granted", f"{person.name}: {wanted.role}{whose}, {wanted.until}")
    return person


def _possible(programme: Programme, wanted: Wanted, email: str) -> None:
    local, at, host = email.partition("@")
    if not (local and at and "." in host) or any(not s.isprintable() or s.isspace() for s in email):
        raise UserError("this is no e-mail address.", where=email, expected="name@council.gov.uk")
    if not wanted.name.strip() or not wanted.name.isprintable():
        raise UserError("the person has no name.", expected="a name as it stands on receipts")
    if wanted.role is Role.OFFICER:
        if (wanted.site, wanted.agency) not in programme.submitters:
            known = ", ".join(f"{s} {a}" for s, a in programme.submitters)
            raise UserError(
                f"{wanted.site or 'no site'} {wanted.agency or 'no agency'} sends no returns.",
                expected=f"one of {known}",
            )
    elif wanted.site or wanted.agency:
        raise UserError(f"the role {wanted.role} is of no site.", mend="leave site and agency out")
    if not now().date() <= wanted.until <= (now() + LONGEST_GRANT).date():
        raise UserError(
            "a role is given until a day within a year from today.", where=str(wanted.until)
        )


def end_grant(grant: Grant, *, by: str) -> None:
    """End a grant now."""
    with transaction.atomic():
        Grant.objects.filter(pk=grant.pk, ends__gt=now()).update(ends=now())
        event_chain.record(by, "ended a grant", f"{grant.person.name}: {grant.role}")


def make_link(person: Person, kind: str, *, by: str) -> Link:
    """Make a link that works once; every earlier one of the person stops working."""
    token, moment = secrets.token_urlsafe(32), now()
    ends = moment + (INVITED_FOR if kind == "invitation" else RESET_FOR)
    with transaction.atomic():
        Invitation.objects.filter(person=person, used=None).update(used=moment)
        Invitation.objects.create(
            person=person, kind=kind, token_hash=_hash(token), made_by=by, made=moment, ends=ends
        )
        event_chain.record(by, f"made a link ({kind})", person.name)
    return Link(person=person, path=f"/invitations/{token}", ends=ends)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invitation_of(token: str) -> Invitation | None:
    """The invitation of a link, if it still works."""
    one = Invitation.objects.select_related("person").filter(token_hash=_hash(token)).first()
    return one if one is not None and one.used is None and now() < one.ends else None


def password_faults(person: Person, password: str, again: str) -> list[str]:
    """What is wrong with a new password, each with its mend; empty where nothing is."""
    if password != again:
        return ["The two passwords are not the same. Type the same one twice."]
    try:
        validate_password(password, person)
    except ValidationError as error:
        return [str(text) for text in error.messages]
    return []


def accept(invitation: Invitation, password: str) -> bool:
    """Set the password of an invitation and use it up; False where it was used meanwhile.

    A lock after wrong passwords ends with it: who has the link has the mailbox.
    """
    person = invitation.person
    with transaction.atomic():
        used = Invitation.objects.filter(pk=invitation.pk, used=None).update(used=now())
        if not used:
            return False
        # Also ends every other session of this person: their hash is of the old password.
        Person.objects.filter(pk=person.pk).update(password=make_password(password))
        event_chain.record(person.name, "chose a password", invitation.kind)
        event_chain.record(person.email, _SIGNED_IN, "by a link")
    person.refresh_from_db()
    return True


def bind(invitation: Invitation, issuer: str, subject: str) -> bool:
    """Let a person sign in by a service from now on, and use the invitation up.

    False where it was used meanwhile, or where somebody else signs in so.
    """
    person = invitation.person
    with transaction.atomic():
        others = Person.objects.filter(issued_by=issuer, subject=subject).exclude(pk=person.pk)
        if others.exists():
            return False
        if not Invitation.objects.filter(pk=invitation.pk, used=None).update(used=now()):
            return False
        # A password that nobody has ends every session that began before.
        Person.objects.filter(pk=person.pk).update(
            issued_by=issuer, subject=subject, password=make_password(None)
        )
        event_chain.record(person.name, "is signed in by a service from now on", issuer)
    person.refresh_from_db()
    return True


def locked_out(email: str) -> bool:
    """Whether so many sign-ins of an address failed that no more are tried for a while.

    Counted for addresses without an account too. What was wrong before the last success, or before
    a new password, does not count.
    """
    recent = Event.objects.filter(
        who=normal(email)[:200], what__in=(_SIGNED_IN, _FAILED), at__gte=now() - WITHIN
    ).order_by("-id")[:MOST_WRONG]
    return len(recent) == MOST_WRONG and all(one.what == _FAILED for one in recent)


def signing_in(email: str, password: str) -> Person | None:
    """Whoever has this address and password; None where there is none, or the address is locked."""
    if locked_out(email):
        return None
    person = Person.objects.filter(issued_by=LOCAL, subject=normal(email), locked=False).first()
    # A stranger's address takes as long as a known one: the password is hashed all the same.
    if person is None or not person.has_usable_password():
        make_password(password)
        failed(email)
        return None
    if not check_password(password, person.password):
        failed(email)
        return None
    return person


def failed(email: str) -> None:
    """Count a wrong password or code against an address."""
    event_chain.record(normal(email)[:200], _FAILED)


def succeeded(person: Person) -> None:
    """Say that somebody signed in, which ends the count of wrong passwords."""
    event_chain.record(person.email, _SIGNED_IN)


def forgotten(email: str) -> None:
    """Put a link for a new password into the outbox, if the address has an account."""
    person = Person.objects.filter(issued_by=LOCAL, subject=normal(email), locked=False).first()
    asked = event_chain.since(_ASKED, timedelta(hours=1), who=normal(email)[:200]).count()
    event_chain.record(normal(email)[:200], _ASKED)
    # A stranger cannot fill somebody's mailbox.
    if person is not None and asked < _LINKS_AN_HOUR:
        Outgoing.objects.create(
            kind="reset", to=person.email, content={"person": person.pk}, due=now()
        )


def invite_by_mail(person: Person) -> None:
    """Put an invitation into the outbox; its link is made when it is sent."""
    Outgoing.objects.create(
        kind="invitation", to=person.email, content={"person": person.pk}, due=now()
    )


def needs_second_factor(person: Person) -> bool:
    """Whether one of the person's roles is one that checks or publishes."""
    return any(Role(one.role) in SECOND_FACTOR for one in grants_of(person))


def new_secret() -> str:
    """A secret for an authenticator, in the letters that people type into it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int) -> str:
    """The six digits of a time step of thirty seconds (RFC 6238, SHA-1)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


def right_step(secret: str, code: str, *, after: int, at: datetime | None = None) -> int | None:
    """The time step for which a code is right, one early or late at most; None where none is.

    Parameters
    ----------
    after : the last step whose code was used; that one and those before are not taken.
    """
    current = int((at or now()).timestamp()) // _STEP
    typed = "".join(code.split())
    for step in (current, current - 1, current + 1):
        if step > after and hmac.compare_digest(code_at(secret, step).encode(), typed.encode()):
            return step
    return None


def use_code(person: Person, code: str) -> bool:
    """Take a code once; False where it is wrong, or was taken already."""
    step = right_step(person.second_factor, code, after=person.last_step)
    if step is None:
        return False
    taken = Person.objects.filter(pk=person.pk, last_step__lt=step).update(last_step=step)
    return bool(taken)
