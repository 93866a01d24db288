"""What the programme's team sees: what came in and what is late, questions, studies, people."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods

from evaluation.errors import UserError
from evaluation.portal import accounts, drafts, event_chain, outbox
from evaluation.portal.drafts import portal
from evaluation.portal.models import LOCAL, Draft, Event, Grant, Outgoing, Person
from evaluation.portal.pages import LOG, fields, page
from evaluation.portal.permissions import Act, Role, Thing, grants_of, may
from evaluation.portal.views.asking import get, go, need, post
from evaluation.portal.views.officer import attachment
from evaluation.quarters import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

_QUARTERS = 6
_EVENTS = 200
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


@require_http_methods(["GET", "HEAD"])
def health(request: HttpRequest) -> HttpResponse:
    """Whether the portal answers and its tables can be read; nothing else is said."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        LOG.warning("503: the portal's tables do not answer")
        said, status = "the tables do not answer\n", 503
    else:
        said, status = "ok\n", 200
    return HttpResponse(said, content_type="text/plain; charset=utf-8", status=status)


@require_http_methods(["GET", "HEAD"])
def about(request: HttpRequest) -> HttpResponse:
    """Accessibility, what is kept of whom, and whom to ask."""
    return page(request, "about", "About this portal")


@get
def programme(request: Any) -> HttpResponse:
    """What came in and what is late, the newest periods first."""
    need(request, Act.SEE_PROGRAMME)
    owed = outbox.owed(portal())
    periods = sorted({one.quarter for one in owed}, key=lambda p: (p.last_day, p.frequency))
    # As many of each length: a quarter's months would leave no room for the quarter before.
    each = {name: [p for p in periods if p.frequency == name][-_QUARTERS:] for name in NAMES}
    newest = [one for one in reversed(periods) if one in each[one.frequency]]
    number = request.GET.get("draft", "").strip().upper()
    shared = Draft.objects.filter(number=number, shared=True).first() if number else None
    return page(
        request,
        "programme",
        "What came in",
        late=[one for one in owed if one.state == "missing"],
        due=[one for one in owed if one.state == "due"],
        by="quarter" if all(one.frequency == "Q" for one in newest) else "period",
        periods=[(one, [d for d in owed if d.quarter == one]) for one in newest],
        receipts=list(reversed(drafts.receipts()))[:12],
        sees=may(request.person, Act.SEE_RETURN, Thing(site="", agency="")),
        number=number,
        shared=shared,
    )


def _asked() -> list[dict[str, str]]:
    """Every question that was answered with an accepted return, the newest first."""
    return [
        {
            "received": one.received[:10],
            "site": one.site,
            "agency": one.agency,
            "quarter": one.quarter,
            "cell": given["cell"],
            "rule": given["rule"],
            "value": given["value"],
            "reason": given["reason"],
            "by": given.get("by") or one.by,
            "return_id": one.return_id,
        }
        for one in reversed(drafts.receipts())
        for given in one.confirmations
    ]


@get
def questions(request: Any) -> HttpResponse:
    """What was asked about accepted figures, and what their senders answered."""
    need(request, Act.SEE_PROGRAMME)
    return page(request, "questions", "Questions and their answers", asked=_asked()[:_EVENTS])


@get
def questions_csv(request: Any) -> HttpResponse:
    """The same as a CSV, in which no cell is a formula."""
    need(request, Act.SEE_PROGRAMME)
    drafts.downloaded(request.person, "questions.csv")
    names = ("received", "site", "agency", "quarter", "cell", "rule", "value", "reason", "by")
    rows = [[one[name] for name in names] for one in _asked()]
    return as_csv("questions.csv", names, rows)


def as_csv(name: str, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> HttpResponse:
    """A CSV to save, in which no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(heading)
    writer.writerows([plain_cell(value) for value in row] for row in rows)
    return attachment(text.getvalue().encode("utf-8-sig"), name, "text/csv; charset=utf-8")


def plain_cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula: such a one gets a quote before it."""
    if text.lstrip(" ").startswith(_STARTS_A_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


@get
def studies(request: Any) -> HttpResponse:
    """The programme's studies, when each was run last, and what waits."""
    need(request, Act.RUN_STUDY)
    wanted = Outgoing.objects.filter(kind="study").order_by("-id")
    return page(
        request,
        "studies",
        "Studies",
        studies=[
            {"name": name, "last": next((one for one in wanted if one.to == name), None)}
            for name in study_names()
        ],
    )


def study_names() -> list[str]:
    """The studies of the programme that declare a protocol, as ``programme/study``."""
    held = portal()
    folder = held.workspace.studies / held.programme_name
    return [
        f"{held.programme_name}/{p.parent.name}" for p in sorted(folder.glob("*/protocol.yaml"))
    ]


@post
def run_study(request: Any, name: str) -> HttpResponse:
    """Ask for a run of a study; it is done by the portal's worker, as on the command line."""
    need(request, Act.RUN_STUDY)
    full = f"{portal().programme_name}/{name}"
    if full not in study_names():
        raise Http404
    outbox.wants_study(full, by=request.person.name)
    return go("/studies")


@get
def people(request: Any) -> HttpResponse:
    """Everybody with an account, and what they may until when."""
    need(request, Act.SEE_PEOPLE)
    return _people_page(request, {}, [])


def _people_page(
    request: Any, typed: dict[str, str], said: list[str], link: Any = None
) -> HttpResponse:
    listed = [
        {"person": one, "grants": grants_of(one), "out": accounts.locked_out(one.email)}
        for one in Person.objects.order_by("name")
    ]
    return page(
        request,
        "people",
        "People",
        people=listed,
        typed=typed,
        link=link,
        address=portal().address,
        submitters=portal().programme.submitters,
        all_roles=list(Role),
        failed=Outgoing.objects.filter(state="failed")
        .exclude(kind__in=outbox.WORK)
        .order_by("-id")[:20],
        faults=[{"text": text, "href": "#name"} for text in said],
        status=422 if said else 200,
    )


@post
def invite(request: Any) -> HttpResponse:
    """Give a role to somebody, who gets a link if the account is new."""
    need(request, Act.CHANGE_PEOPLE)
    typed = fields(request.POST, "name", "email", "role", "sends", "until", "reason")
    site, _, agency = typed["sends"].partition(" ")
    try:
        wanted = accounts.Wanted(
            name=typed["name"],
            email=typed["email"],
            role=_role(typed["role"]),
            site=site,
            agency=agency,
            until=_day(typed["until"]),
            reason=typed["reason"] or "invited",
        )
        if accounts.normal(wanted.email) == request.person.email:
            raise UserError("nobody gives a role to themselves: ask another admin.")
        person = accounts.add_grant(portal().programme, wanted, by=request.person.name)
    except UserError as error:
        return _people_page(
            request,
            typed,
            [f"{error.what} Right would be: {error.expected}." if error.expected else error.what],
        )
    link = None
    if person.issued_by == LOCAL and not person.has_usable_password():
        # Shown once, to be handed over where no mail is sent from here.
        link = accounts.make_link(person, "invitation", by=request.person.name)
    return _people_page(request, {}, [], link)


def _role(text: str) -> Role:
    if text not in set(Role):
        raise UserError("no role is chosen.", expected=", ".join(Role))
    return Role(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError("the last day is no date.", expected="like 2027-03-31") from None


@post
def change_person(request: Any, number: int, change: str) -> HttpResponse:
    """Lock an account, open it again, or send a link for a new password."""
    need(request, Act.CHANGE_PEOPLE)
    person = Person.objects.filter(pk=number).first()
    if person is None or person.pk == request.person.pk:
        raise Http404
    if change == "reset":
        # A lost telephone is the reason why most people ask.
        return _people_page(request, {}, [], accounts.reset(person, by=request.person.name))
    locked = change == "lock"
    Person.objects.filter(pk=person.pk).update(locked=locked)
    event_chain.record(request.person.name, "locked" if locked else "unlocked", person.name)
    return go("/people")


@post
def end_grant(request: Any, number: int) -> HttpResponse:
    """End a grant now."""
    need(request, Act.CHANGE_PEOPLE)
    grant = Grant.objects.select_related("person").filter(pk=number).first()
    if grant is None or grant.person_id == request.person.pk:
        raise Http404
    accounts.end_grant(grant, by=request.person.name)
    return go("/people")


@get
def events(request: Any) -> HttpResponse:
    """What happened, the newest first, and whether the chain holds."""
    need(request, Act.SEE_EVENTS)
    return page(
        request,
        "events",
        "What happened",
        events=Event.objects.order_by("-id")[:_EVENTS],
        broken=event_chain.verify(),
        many=Event.objects.count(),
    )


@get
def events_csv(request: Any) -> HttpResponse:
    """Everything that happened as a CSV, in which no cell is a formula."""
    need(request, Act.SEE_EVENTS)
    drafts.downloaded(request.person, "events.csv")
    rows = (
        [one.at.isoformat(), one.who, one.what, one.about, str(one.size), one.chain]
        for one in Event.objects.order_by("id").iterator()
    )
    return as_csv("events.csv", ("at", "who", "what", "about", "size", "chain"), rows)
