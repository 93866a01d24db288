"""Signing in by a service: there, back, and who came; whatever goes wrong is a page."""

from __future__ import annotations

import hmac
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_http_methods

from evaluation.portal import accounts, event_chain, sign_on
from evaluation.portal.drafts import portal
from evaluation.portal.models import Invitation, Person
from evaluation.portal.pages import page
from evaluation.portal.sign_on import AGAIN, Begun, Proven, Service, SignOnRefused
from evaluation.portal.views.account import go_in
from evaluation.portal.views.asking import address_of, local
from evaluation.quarters import now

if TYPE_CHECKING:
    from django.http import HttpRequest

_UNDER_WAY, _FOR = "service", timedelta(minutes=15)
_LONGEST = 4_096  # signs of a code or a state


def _service() -> Service:
    """The service that signs people in here.

    Raises
    ------
    Http404 : there is none.
    """
    found = portal().service
    if found is None or portal().demonstration:
        raise Http404
    return found


def _back() -> str:
    return f"{portal().address}/sign-in/back"


@require_http_methods(["GET"])
def go_there(request: Any) -> HttpResponse:
    """On to the service, which sends the browser back."""
    return _leaves(request, after=local(request.GET.get("next") or "/"))


@require_http_methods(["GET"])
def accept(request: Any, token: str) -> HttpResponse:
    """On to the service with an invitation: whoever comes back is the person who was invited."""
    one = accounts.invitation_of(token)
    if one is None:
        return page(request, "link_gone", "This link does not work any more", status=404)
    return _leaves(request, after="/", invitation=one.pk)


def _leaves(request: Any, *, after: str, invitation: int | None = None) -> HttpResponse:
    service = _service()
    try:
        begun = sign_on.begin(service, _back())
    except SignOnRefused as error:
        return _refused(request, error)
    # What was under way in this browser is begun anew: a state is of one sign-in and works once.
    request.session[_UNDER_WAY] = {
        **asdict(begun),
        "address": "",
        "at": now().timestamp(),
        "next": after,
        "invitation": invitation,
    }
    return HttpResponseRedirect(begun.address)


@require_http_methods(["GET"])
def come_back(request: Any) -> HttpResponse:
    """Back from the service, with a code that works once."""
    service = _service()
    held = request.session.pop(_UNDER_WAY, None)
    given = {name: request.GET.get(name, "")[:_LONGEST] for name in ("state", "code", "iss")}
    try:
        if held is None or now().timestamp() - held["at"] > _FOR.total_seconds():
            raise SignOnRefused(
                "this sign-in was not begun in this browser, was used already, or took too long.",
                mend=AGAIN,
            )
        if not hmac.compare_digest(given["state"].encode(), held["state"].encode()):
            raise SignOnRefused("this is the answer to another sign-in.", mend=AGAIN)
        # What is said twice is said by two, and what failed brings no code (RFC 6749, 3.1, 4.1.2).
        twice = any(len(request.GET.getlist(name)) > 1 for name in request.GET)
        if twice or "error" in request.GET or not given["code"]:
            raise SignOnRefused(f"{service.name} did not sign you in.", mend=AGAIN)
        begun = Begun(**{name: held[name] for name in ("address", "state", "nonce", "verifier")})
        proven = sign_on.finish(service, _back(), begun, given["code"], issuer=given["iss"])
        person = _person(proven, held["invitation"])
    except SignOnRefused as error:
        return _refused(request, error)
    strong = service.second_factor and proven.strong
    after = local(str(held["next"]))
    return go_in(request, person, after, strong=strong, leave=proven.leave)


def _person(proven: Proven, invitation: int | None) -> Person:
    """Whose account it is: that of an invitation, else that of this issuer and subject.

    Raises
    ------
    SignOnRefused : nobody's, or a locked one, or the invitation is used or another's already.
    """
    if invitation is not None:
        one = Invitation.objects.select_related("person").filter(pk=invitation, used=None).first()
        open_still = one is not None and now() < one.ends and not one.person.locked
        if one is None or not open_still or not accounts.bind(one, proven.issuer, proven.subject):
            raise SignOnRefused(
                "the link of your invitation was used already, or somebody else signs in here as "
                "you just did.",
                mend="Ask who invited you for another link, or for the role to be given to the "
                "account that you have.",
            )
        return one.person
    person = Person.objects.filter(issued_by=proven.issuer, subject=proven.subject).first()
    if person is None or person.locked:
        raise SignOnRefused(
            "the service says who you are, and there is no open account of yours here.",
            mend="Accounts are by invitation: open the link that you were sent, and sign in from "
            "there. If you did so before, ask who invited you.",
        )
    return person


def _refused(request: Any, error: SignOnRefused) -> HttpResponse:
    """A page, no session, and an event without anything that the service said."""
    # Who is signed in stays so: else any page could sign people out by sending them here.
    if request.person is None:
        request.session.flush()
    event_chain.record(address_of(request), "was not signed in by the service", error.what)
    return page(
        request,
        "not_signed_in",
        "You are not signed in",
        status=422,
        what=error.what,
        do=error.mend,
        service=portal().service,
    )


@require_http_methods(["GET"])
def keys(request: HttpRequest) -> HttpResponse:
    """The public halves of the keys by which the portal proves itself to the service."""
    service = _service()
    if not service.keys:
        raise Http404
    return JsonResponse(sign_on.public_keys(service))
