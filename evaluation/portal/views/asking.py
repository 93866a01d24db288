"""What every page asks before it shows anything: who is there, and may they."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from evaluation.errors import PeriodError, WorkspaceError
from evaluation.portal.accounts import BACKEND
from evaluation.portal.drafts import Place, portal
from evaluation.portal.permissions import NOTHING, Act, Thing, may
from evaluation.quarters import Period, now
from evaluation.returns.monthly import counted

if TYPE_CHECKING:
    from evaluation.portal.models import Person

View = Callable[..., HttpResponse]
SEE_OTHER = 303


def signed_in(view: View) -> View:
    """Only for who is signed in; others sign in first and come back."""

    @wraps(view)
    def answered(request: Any, *given: Any, **named: Any) -> HttpResponse:
        if request.person is None:
            # Back to where they were, but for a form: what was typed is not sent twice.
            after = request.get_full_path() if request.method == "GET" else "/"
            ended = "&ended=1" if request.ended else ""
            return go(f"/sign-in?{urlencode({'next': after})}{ended}")
        return view(request, *given, **named)

    return answered


def get(view: View) -> View:
    """A page that only shows."""
    return require_http_methods(["GET", "HEAD"])(signed_in(view))


def post(view: View) -> View:
    """A form that only does."""
    return require_http_methods(["POST"])(signed_in(view))


def form(view: View) -> View:
    """A page with a form on it."""
    return require_http_methods(["GET", "HEAD", "POST"])(signed_in(view))


def need(request: Any, act: Act, thing: Thing = NOTHING) -> None:
    """Go on only for who may.

    Raises
    ------
    Http404 : they may not; the answer is the same as for what is not there.
    """
    if not may(request.person, act, thing):
        raise Http404


def place_of_return(request: Any, act: Act, site: str, agency: str, slug: str) -> Place:
    """The return that an address names, for who may do this with it.

    Raises
    ------
    Http404 : there is no such return, or it is another's.
    """
    need(request, act, Thing(site=site, agency=agency))
    programme = portal().programme
    try:
        period = Period.parse(slug)
        _, outcomes = programme.expected(site, agency)
    except (PeriodError, WorkspaceError):
        raise Http404 from None
    # Written in one way only, within the programme, and of a frequency that is asked for.
    inside = period.slug == slug and programme.first.year <= period.year <= programme.last.year
    own = counted(period, programme)
    if own.frequency == programme.first.frequency:
        inside = inside and programme.first <= own <= programme.last
    if not inside or not any(o.period_frequency == period.frequency for o in outcomes):
        raise Http404
    return Place(site=site, agency=agency, period=period)


def go(path: str) -> HttpResponseRedirect:
    """On to another page of the portal, by GET."""
    return HttpResponseRedirect(path, status=SEE_OTHER)


def local(path: str) -> str:
    """An address to go back to, if it is one of the portal; else its first page."""
    plain = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if plain and path.isprintable() else "/"


def begin_session(request: Any, person: Person, *, coded: bool) -> None:
    """Sign in: the session gets another key, so that one set before is worth nothing.

    coded : whether a second factor was asked for; who comes to need one later signs in again.
    """
    leave = request.session.get("leave", "")
    request.session.flush()
    request.session["leave"], request.session["coded"] = leave, coded
    login(request, person, backend=BACKEND)
    request.session["began"] = request.session["seen"] = now().timestamp()
    request.person = person


def address_of(request: Any) -> str:
    """Where a request came from, for counting."""
    return str(request.META.get("REMOTE_ADDR", ""))
