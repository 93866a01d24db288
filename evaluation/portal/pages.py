"""How pages are shown: the design system's macros, one frame, errors that say what to do.

Every value is escaped; no page holds a script or a style of its own.
"""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

import jinja2
from django.db import DatabaseError
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template import loader

from evaluation.check.report import shown
from evaluation.errors import UserError
from evaluation.portal.drafts import portal
from evaluation.portal.permissions import Act, may, roles_of
from evaluation.quarters import Period

if TYPE_CHECKING:
    from django.http import HttpRequest

LOG = logging.getLogger("portal")


def environment(**options: Any) -> jinja2.Environment:
    """Jinja2 with the design system's macros, everything escaped and nothing undefined ignored."""
    own = options.pop("loader", None)
    library = jinja2.PackageLoader("govuk_frontend_jinja")
    options["autoescape"] = True
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([own, jinja2.PrefixLoader({"govuk_frontend_jinja": library})]),
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
    made.filters |= {
        "day": day,
        "moment": moment,
        "figure": figure,
        "shown": shown,
        "printed": printed,
        "counted": counted,
        "period": lambda label: Period.parse(label).described,
    }
    made.globals |= {macro: _macro(made, folder, macro) for folder, macro in _MACROS.items()}
    return made


def _macro(made: jinja2.Environment, folder: str, macro: str) -> object:
    found = made.get_template(f"govuk_frontend_jinja/components/{folder}/macro.html").module
    return getattr(found, macro)


_MACROS = {
    "back-link": "govukBackLink",
    "button": "govukButton",
    "checkboxes": "govukCheckboxes",
    "error-summary": "govukErrorSummary",
    "file-upload": "govukFileUpload",
    "input": "govukInput",
    "inset-text": "govukInsetText",
    "skip-link": "govukSkipLink",
    "textarea": "govukTextarea",
}


def day(given: date | datetime) -> str:
    """A day in words."""
    return f"{given.day} {given:%B %Y}"


def moment(given: datetime) -> str:
    """An instant in words, in UTC."""
    return f"{day(given)}, {given:%H:%M} UTC"


def figure(given: float | None) -> str:
    """A figure with its thousands apart; a dash where there is none."""
    if given is None:
        return "–"
    return f"{given:,.0f}" if float(given).is_integer() else f"{given:,.2f}"


def printed(value: float | str | None) -> str:
    """A printed value as it stands in a release; "hidden" where nothing is shown of it."""
    if value is None:
        return "hidden"
    return value if isinstance(value, str) else f"{value:,.10g}"


def counted(many: int, one: str, several: str = "") -> str:
    """``1 thing``, ``2 things``: a count with its noun."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def page(
    request: HttpRequest, name: str, title: str, *, status: int = 200, **shown_: Any
) -> HttpResponse:
    """A page: its template, its title, and what every page shows besides.

    Where ``faults`` are given (each a text and, where there is one, the id of its field) the title
    begins with "Error: ", since no script moves the focus to them.
    """
    held = portal()
    person = getattr(request, "person", None)
    frame = {
        "person": person,
        "roles": sorted(roles_of(person)) if person else [],
        "links": _links(request, person),
        "programme": held.programme.title,
        "synthetic": held.programme.synthetic,
    }
    return _drawn(request, name, title, status, {**frame, **shown_})


def _drawn(
    request: HttpRequest, name: str, title: str, status: int, shown_: Mapping[str, Any]
) -> HttpResponse:
    held = portal()
    context = {
        "title": title,
        "faults": [],
        "demonstration": held.demonstration,
        "help": held.help,
        "brand": held.brand is not None,
        "csrf": get_token(request),
        **shown_,
    }
    text = loader.render_to_string(f"{name}.html", context, request)
    return HttpResponse(text, status=status)


def _links(request: HttpRequest, person: Any) -> list[dict[str, Any]]:
    """The way between the parts of the portal, as far as a person may go there."""
    offered = (
        ("/", "Returns", Act.SEE_START),
        ("/programme", "What came in", Act.SEE_PROGRAMME),
        ("/questions", "Questions", Act.SEE_PROGRAMME),
        ("/studies", "Studies", Act.RUN_STUDY),
        ("/releases", "Releases", Act.SEE_RELEASES),
        ("/register", "What was printed", Act.SEE_RELEASES),
        ("/publish", "Publish", Act.PUBLISH),
        ("/people", "People", Act.SEE_PEOPLE),
        ("/events", "What happened", Act.SEE_EVENTS),
        ("/account", "Your account", Act.OWN_ACCOUNT),
    )
    links = [
        {"href": href, "text": text, "current": request.path == href}
        for href, text, act in offered
        if may(person, act)
    ]
    if portal().open_check or person is not None:
        links.append(
            {"href": "/check", "text": "Check a file", "current": request.path == "/check"}
        )
    return links


def refused(request: HttpRequest, error: UserError, *, status: int = 422) -> HttpResponse:
    """A page for what cannot be done: what is wrong, what was expected, what to do."""
    return page(
        request, "refused", "This cannot be done", status=status, error=error, back=request.path
    )


def error_page(request: HttpRequest, status: int, title: str, lines: list[str]) -> HttpResponse:
    """An error page with a number, under which the log has the request."""
    number = secrets.token_hex(4).upper()
    person = getattr(request, "person", None)
    LOG.warning(
        "%s: %s %s %s by %s%s",
        number,
        status,
        request.method,
        _printable(_without_token(request.path)),
        person.name if person else "nobody",
        _where() if status >= _OURS else "",
    )
    told = {"lines": lines, "number": number}
    if status < _OURS:
        try:
            return page(request, "error", title, status=status, **told)
        except (UserError, DatabaseError):
            return down(request)
    # What is wrong may be the tables or the declarations: nothing is read of either.
    held = portal()
    bare: dict[str, Any] = {"person": None, "links": [], "programme": held.programme_name}
    shown_ = {**bare, "synthetic": held.workspace.synthetic, **told}
    return _drawn(request, "error", title, status, shown_)


_OURS = 500


def _where() -> str:
    """The kind of an error and the lines that led to it; its words may quote a figure."""
    error = sys.exc_info()[1]
    if error is None:
        return ""
    lines = [f"{Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)]
    return f" {type(error).__name__} at {' '.join(lines)}"


def _without_token(path: str) -> str:
    """A path for the log: who could read a link's token there could begin the account."""
    return f"{_LINKS}..." if path.startswith(_LINKS) else path


_LINKS = "/invitations/"


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text)[:200]


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Nothing is here, or nothing that this person may see: both read the same."""
    if getattr(request, "person", None) is None:
        # An address that somebody wrote down before signing in may well be right.
        lines = [
            "If you came by a link or a bookmark, sign in first: it may lead to something then."
        ]
    else:
        lines = ["Check the address, or begin at Returns."]
    return error_page(request, 404, "Nothing is here for you", lines)


def too_large(request: HttpRequest) -> HttpResponse:
    """A file beyond the bound."""
    return error_page(
        request,
        413,
        "This file is too large",
        ["A return is at most 5 MB.", "Send the sheet of figures alone, without pictures."],
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that no browser sends by itself."""
    return error_page(
        request, 400, "This request cannot be read", ["Go back to Returns and begin again."]
    )


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from a page of this portal, or from one that is too old."""
    return error_page(
        request,
        403,
        "This form is too old to be sent",
        ["Nothing was done.", "Go back, load the page anew and send it again."],
    )


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours: what was typed or uploaded before is kept."""
    return error_page(
        request,
        500,
        "Something is wrong with the portal",
        ["It is a fault of ours. What you uploaded before is kept.", "Try again in a few minutes."],
    )


def down(request: HttpRequest) -> HttpResponse:
    """Something that the portal itself only asks does not answer, or cannot be read just now."""
    answer = error_page(
        request,
        503,
        "This cannot be shown just now",
        [
            "Something that the portal needs does not answer or is being changed: its tables, the "
            "ledger, or the programme's declarations.",
            "What you uploaded before is kept. Try again in a few minutes.",
        ],
    )
    answer["Retry-After"] = "60"
    return answer


def fields(given: Mapping[str, Any], *names: str) -> dict[str, str]:
    """What was typed into the named fields, as text."""
    return {name: str(given.get(name, "")).strip() for name in names}
