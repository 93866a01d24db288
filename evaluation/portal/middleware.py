"""What holds for every request: headers, who is asking, how long a session lasts, how often.

Written as Django's middleware: a function that wraps the next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, logout
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.utils.crypto import constant_time_compare

from evaluation.errors import UserError
from evaluation.portal.accounts import LocalAccounts, needs_second_factor
from evaluation.portal.configure import IDLE, LONGEST
from evaluation.portal.pages import down
from evaluation.quarters import now

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from evaluation.portal.models import Person

    Answering = Callable[[HttpRequest], HttpResponse]

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# Writing the session at every page would make every page wait for the writers of drafts.
_SEEN_EVERY = timedelta(minutes=1)


def headers(answer: Answering) -> Answering:
    """Put the headers on every answer that keep browsers from doing more than show it."""

    def answered(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        response.setdefault("Content-Security-Policy", POLICY)
        response["X-Frame-Options"] = "DENY"
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response["X-Robots-Tag"] = "noindex"
        response.setdefault("Cache-Control", "no-store")
        return response

    return answered


def who(answer: Answering) -> Answering:
    """Say who is asking as ``request.person``; a session past its time is ended before."""

    def answered(request: Any) -> HttpResponse:
        request.get_host()  # refuses a name that is not ours, of which no link may ever be made
        request.person, request.ended = None, False
        try:
            if request.session.get(SESSION_KEY) is not None:
                request.person = _of_session(request)
        except DatabaseError:
            return down(request)
        return answer(request)

    return answered


def plain(answer: Answering) -> Answering:
    """Refuse zero bytes, which no form sends and PostgreSQL does not keep."""

    def answered(request: HttpRequest) -> HttpResponse:
        typed = [request.path, *request.GET.values()]
        if request.method == "POST":
            typed += request.POST.values()
        if any("\0" in text for text in typed):
            raise SuspiciousOperation("a zero byte")
        return answer(request)

    return answered


class Reached:
    """Says on a page of its own that tables, ledger or declarations cannot be read just now.

    A class, since Django asks middleware for errors of a page by a method of this name.
    """

    def __init__(self, answer: Answering) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer as it is."""
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page in place of an answer, where that is what is wrong; None for a fault of ours."""
        return down(request) if isinstance(error, (UserError, DatabaseError)) else None


def _of_session(request: Any) -> Person | None:
    moment = now().timestamp()
    began, seen = request.session.get("began", 0.0), request.session.get("seen", 0.0)
    if moment - seen > IDLE.total_seconds() or moment - began > LONGEST.total_seconds():
        logout(request)
        request.ended = True
        return None
    found = LocalAccounts().get_user(int(request.session[SESSION_KEY]))
    if found is None or not _same_password(request, found):
        request.session.flush()
        return None
    # A role that is given while somebody is signed in asks of them what it asks of all.
    if request.session.get("coded") is False and needs_second_factor(found):
        logout(request)
        request.ended = True
        return None
    if moment - seen > _SEEN_EVERY.total_seconds():
        request.session["seen"] = moment
    return found


def _same_password(request: Any, person: Person) -> bool:
    """Whether the session began with the password of now: a new one ends all the others.

    The session holds a keyed hash of the password's hash; one by a key of before counts too.
    """
    held = request.session.get(HASH_SESSION_KEY, "")
    hashes = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held, one) for one in hashes)
