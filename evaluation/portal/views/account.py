"""Signing in and out, invitations, passwords, the second factor; in a demonstration, choosing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.contrib.auth.hashers import check_password, make_password
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods

from evaluation.portal import accounts, event_chain
from evaluation.portal.accounts import invitation_of, needs_second_factor, password_faults
from evaluation.portal.drafts import portal
from evaluation.portal.models import LOCAL, Person
from evaluation.portal.pages import fields, page
from evaluation.portal.permissions import Act, grants_of
from evaluation.portal.views.asking import address_of, begin_session, form, go, local, need, post
from evaluation.quarters import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

_HALF_FOR = timedelta(minutes=10)
_FROM_ONE_ADDRESS = 300
WRONG = (
    "That is not an e-mail address and a password of an account here, or there were too many wrong "
    "ones. After five, wait 15 minutes or choose a new password."
)
_TOO_OFTEN = "There were too many wrong passwords. Wait 15 minutes, then try again."


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: Any) -> HttpResponse:
    """By address and password; in a demonstration by choosing an invented person."""
    after = local(request.POST.get("next") or request.GET.get("next") or "/")
    if portal().demonstration:
        return _choose(request, after)
    if request.method != "POST":
        ended = "ended" in request.GET
        return _sign_in_page(request, after, ended=ended)
    if not portal().passwords:
        raise Http404
    given = fields(request.POST, "email")
    if _too_many_from(request):
        return _again(request, given["email"], after)
    person = accounts.signing_in(given["email"], request.POST.get("password", ""))
    if person is None:
        event_chain.record(address_of(request), "wrong sign-in from")
        return _again(request, given["email"], after)
    return go_in(request, person, after)


def _too_many_from(request: Any) -> bool:
    seen = event_chain.since("wrong sign-in from", timedelta(hours=1), who=address_of(request))
    return seen.count() >= _FROM_ONE_ADDRESS


def _again(request: Any, email: str, after: str) -> HttpResponse:
    return _sign_in_page(request, after, email=email, faults=[{"text": WRONG, "href": "#email"}])


def _sign_in_page(
    request: Any,
    after: str,
    *,
    ended: bool = False,
    email: str = "",
    faults: Sequence[dict[str, str]] = (),
) -> HttpResponse:
    return page(
        request,
        "sign_in",
        "Sign in",
        next=after,
        ended=ended,
        email=email,
        service=portal().service,
        passwords=portal().passwords,
        there=f"/sign-in/service?{urlencode({'next': after})}",
        faults=list(faults),
        status=422 if faults else 200,
    )


def go_in(
    request: Any, person: Person, after: str, *, strong: bool = False, leave: str = ""
) -> HttpResponse:
    """On once it is known who somebody is: to the code, to setting one up, or in.

    strong : who said so asked for a second factor already. leave : where the login service ends its
    own session; never that of who began to sign in here before.
    """
    request.session["leave"] = leave
    if strong or not needs_second_factor(person):
        accounts.succeeded(person)
        begin_session(request, person)
        return go(after)
    _half(request, person, after)
    return go("/sign-in/code" if person.second_factor else "/sign-in/set-up")


def _half(request: Any, person: Person, after: str) -> None:
    """Remember who has given a password and not yet a code."""
    leave = request.session.get("leave", "")
    request.session.flush()
    request.session["leave"] = leave
    request.session["half"] = {"person": person.pk, "at": now().timestamp(), "next": after}


def _of_half(request: Any) -> tuple[Person, str]:
    held = request.session.get("half")
    fresh = held and now().timestamp() - held["at"] < _HALF_FOR.total_seconds()
    person = Person.objects.filter(pk=held["person"], locked=False).first() if fresh else None
    if person is None:
        raise Http404
    return person, str(held["next"])


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: Any) -> HttpResponse:
    """The second factor: a code of six digits, taken once."""
    person, after = _of_half(request)
    if not person.second_factor:
        return go("/sign-in/set-up")
    if request.method != "POST":
        return page(request, "code", "Enter the code from your authenticator")
    locked = accounts.locked_out(person.email)
    if locked or not accounts.use_code(person, request.POST.get("code", "")):
        if not locked:
            accounts.failed(person.email)
        text = "The code is not right, or was used already. Wait for the next one and type that."
        faults = [{"text": WRONG if locked else text, "href": "#code"}]
        title = "Enter the code from your authenticator"
        return page(request, "code", title, status=422, faults=faults)
    accounts.succeeded(person)
    begin_session(request, person)
    return go(after)


@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: Any) -> HttpResponse:
    """Set up the second factor: a secret for an authenticator, and a first code of it."""
    person, after = _of_half(request)
    if person.second_factor:
        return go("/sign-in/code")
    secret = request.session.setdefault("secret", accounts.new_secret())
    request.session.modified = True
    faults = []
    if request.method == "POST":
        step = accounts.right_step(secret, request.POST.get("code", ""), after=0)
        if step is not None:
            Person.objects.filter(pk=person.pk).update(second_factor=secret, last_step=step)
            event_chain.record(person.name, "set up a second factor")
            accounts.succeeded(person)
            person.refresh_from_db()
            begin_session(request, person)
            return go(after)
        text = "The code is not right. Type the one that your authenticator shows now."
        faults = [{"text": text, "href": "#code"}]
    spelled = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return page(
        request,
        "set_up",
        "Set up a second step for signing in",
        faults=faults,
        spelled=spelled,
        account=person.email,
        status=422 if faults else 200,
    )


@post
def sign_out(request: Any) -> HttpResponse:
    """End the session; the service's own, if there is one, is ended by a link to it."""
    event_chain.record(request.person.name, "signed out")
    leave = request.session.get("leave", "")
    logout(request)
    request.person = None
    answer = (
        page(request, "signed_out", "You are signed out", leave=leave, service=portal().service)
        if leave
        else go("/sign-in")
    )
    # What the browser may still hold of the pages goes with the session.
    answer["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: Any, token: str) -> HttpResponse:
    """The page of a link: who is invited to what, and the password that they choose."""
    one = invitation_of(token)
    if one is None:
        return page(request, "link_gone", "This link does not work any more", status=404)
    person, faults = one.person, []
    # Who is known by a service has no password here, and gets none by a link.
    passwords = portal().passwords and person.issued_by == LOCAL
    if request.method == "POST":
        if not passwords:
            raise Http404
        password = request.POST.get("password", "")
        wrong = password_faults(person, password, request.POST.get("again", ""))
        faults = [{"text": text, "href": "#password"} for text in wrong]
        if not faults:
            if not accounts.accept(one, password):
                return page(request, "link_gone", "This link does not work any more", status=404)
            person.refresh_from_db()
            return go_in(request, person, "/")
    title = "Choose a new password" if one.kind == "reset" else "Begin your account"
    return page(
        request,
        "invitation",
        title,
        invited=person,
        kind=one.kind,
        faults=faults,
        grants=grants_of(person),
        until=one.ends,
        service=portal().service,
        passwords=passwords,
        there=f"/invitations/{token}/service",
        status=422 if faults else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link to choose a new password; the answer is the same for every address."""
    if not portal().passwords:
        raise Http404
    if request.method != "POST":
        return page(request, "forgotten", "Choose a new password", sent=False)
    if not _too_many_from(request):
        event_chain.record(address_of(request), "wrong sign-in from")
        accounts.forgotten(request.POST.get("email", ""))
    return page(request, "forgotten", "Look into your mail", sent=True)


@form
def account(request: Any) -> HttpResponse:
    """One's own account: what one may until when, and the password."""
    need(request, Act.OWN_ACCOUNT)
    person, faults, done = request.person, [], False
    own = person.issued_by == LOCAL
    if request.method == "POST":
        if not own:
            raise Http404
        faults = _change_password(request, person)
        done = not faults
    return page(
        request,
        "account",
        "Your account",
        grants=grants_of(person),
        done=done,
        faults=faults,
        second=bool(person.second_factor),
        own=own,
        status=422 if faults else 200,
    )


def _change_password(request: Any, person: Person) -> list[dict[str, str]]:
    # Who sits at somebody else's open page may guess no more often than at the door.
    if accounts.locked_out(person.email):
        return [{"text": _TOO_OFTEN, "href": "#current"}]
    if not check_password(request.POST.get("current", ""), person.password):
        accounts.failed(person.email)
        return [{"text": "Type your present password first.", "href": "#current"}]
    new = request.POST.get("password", "")
    wrong = password_faults(person, new, request.POST.get("again", ""))
    if wrong:
        return [{"text": text, "href": "#password"} for text in wrong]
    Person.objects.filter(pk=person.pk).update(password=make_password(new))
    event_chain.record(person.name, "changed the password")
    person.refresh_from_db()
    begin_session(request, person)  # every other session of the person ends with the old password
    return []


def _choose(request: Any, after: str) -> HttpResponse:
    """Choose one of the invented people: a demonstration has no passwords."""
    people = [one for one in Person.objects.filter(locked=False).order_by("pk") if grants_of(one)]
    if request.method == "POST":
        # From the list and nothing else.
        chosen = next((p for p in people if str(p.pk) == request.POST.get("person")), None)
        if chosen is not None:
            event_chain.record(chosen.email, "signed in", "chosen in a demonstration")
            begin_session(request, chosen)
            return go(after)
    faults = []
    if request.method == "POST":
        faults = [{"text": "Choose one of the people.", "href": "#person"}]
    listed = [{"person": one, "grants": grants_of(one)} for one in people]
    return page(
        request,
        "choose",
        "Who do you want to be?",
        people=listed,
        next=after,
        faults=faults,
        status=422 if faults else 200,
    )
