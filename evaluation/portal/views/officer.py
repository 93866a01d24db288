"""A data officer's pages: what is due, a return and its template, the draft, the receipt."""

from __future__ import annotations

import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods

from evaluation.check.report import report, shown
from evaluation.errors import PeriodError, ReplyTooLong, UserError
from evaluation.ledger.receipt_page import CONFIRMED_COLUMNS, as_page, words
from evaluation.ledger.submission import last_accepted
from evaluation.portal import drafts, event_chain, outbox
from evaluation.portal.drafts import Place, portal
from evaluation.portal.models import Draft, Withdrawal
from evaluation.portal.pages import page, refused, too_large
from evaluation.portal.permissions import Act, Thing, may, sends_for
from evaluation.portal.uploads import safe_name
from evaluation.portal.views.asking import address_of, form, get, go, need, place_of_return, post
from evaluation.quarters import NAMES, Period

if TYPE_CHECKING:
    from evaluation.ledger.receipt import Receipt

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN = 8
_CHECKS_AN_HOUR = 60
_REASON = re.compile(r"reason-[0-9]{1,6}")
NO_FILE = "Choose a file first."
_PANELS = {"destruction": "Destroyed", "withdrawal": "Withdrawn"}


@get
def start(request: Any) -> HttpResponse:
    """What is due, what waits, and what stands."""
    person = request.person
    sends = [(one.site, one.agency) for one in sends_for(person)]
    owed = [one for one in outbox.owed(portal()) if (one.site, one.agency) in sends]
    waiting = [
        one
        for one in Withdrawal.objects.filter(state="asked").select_related("asked_by")
        if may(person, Act.AGREE_WITHDRAWAL, _thing(one))
    ]
    return page(
        request,
        "start",
        "Returns",
        to_send=[_listed(one) for one in reversed(owed) if one.received is None],
        sent=[_listed(one) for one in reversed(owed) if one.received is not None][:_SHOWN],
        drafts=Draft.objects.filter(person=person, state__in=drafts.OPEN_STATES).order_by("-id"),
        sends=sends,
        waiting=waiting,
        nothing=not sends and not waiting,
    )


def _listed(due: Any) -> dict[str, Any]:
    place = Place(site=due.site, agency=due.agency, period=due.quarter)
    return {
        "due": due,
        "path": place.path,
        "days": (due.due - portal().workspace.now().date()).days,
    }


def _thing(asked: Withdrawal) -> Thing:
    return Thing(site=asked.site, agency=asked.agency, by=asked.asked_by.name)


def _versions(place: Place) -> list[tuple[Receipt, Any]]:
    """The accepted versions of a return, the newest first, each with its withdrawal or None."""
    gone = {one.return_id: one for one in drafts.acts() if one.kind == "withdrawal"}
    named = (place.site, place.agency, place.period.label)
    found = [one for one in drafts.receipts() if (one.site, one.agency, one.quarter) == named]
    return [(one, gone.get(one.return_id)) for one in reversed(found)]


def _standing(place: Place) -> Receipt | None:
    return next((one for one, act in _versions(place) if act is None), None)


@get
def one_return(request: Any, site: str, agency: str, slug: str) -> HttpResponse:
    """A return: what is asked, what stands, what can be done."""
    place = place_of_return(request, Act.SEE_RETURN, site, agency, slug)
    thing = Thing(site=site, agency=agency)
    due = next((o for o in outbox.owed(portal()) if _same(o, place)), None)
    return page(
        request,
        "return",
        f"Return of {site} {agency} for {place.period.described}",
        place=place,
        due=due,
        stands=_standing(place),
        draft=drafts.standing(request.person, place),
        may_send=may(request.person, Act.PREPARE, thing),
        of_a_site=place.site in portal().programme.site_by_code
        and may(request.person, Act.SEE_LETTER, thing),
        told=_told(place),
        may_withdraw=may(request.person, Act.ASK_WITHDRAWAL, thing),
        of_a=NAMES[place.period.frequency],
        over=place.period.last_day < portal().workspace.now().date(),
        asked=Withdrawal.objects.filter(
            site=site, agency=agency, quarter=place.period.label, state="asked"
        ).first(),
    )


def _same(due: Any, place: Place) -> bool:
    return (due.site, due.agency, due.quarter) == (place.site, place.agency, place.period)


def _told(place: Place) -> list[tuple[str, str]]:
    from evaluation.returns.template import told

    lines = told(portal().programme, place.site, place.agency, place.period)
    return [(line.label, line.text) for line in lines[1:5]]


@get
def template(request: Any, site: str, agency: str, slug: str, ending: str) -> HttpResponse:
    """The return's template, filled in as far as it is known."""
    from evaluation.returns.template import write_template

    place = place_of_return(request, Act.SEE_RETURN, site, agency, slug)
    held = portal()
    last = last_accepted(held.workspace, held.programme, site, agency, place.period)
    name = f"{site}_{agency}_{slug}.{ending}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_template(held.programme, site, agency, place.period, path, last_accepted=last)
        content = path.read_bytes()
    drafts.downloaded(request.person, name)
    return attachment(content, name, _WORKBOOK if ending == "xlsx" else "text/csv; charset=utf-8")


def attachment(content: bytes, name: str, kind: str) -> HttpResponse:
    """A file to save; it is never shown in the portal's own window."""
    response = HttpResponse(content, content_type=kind)
    # Names here are the portal's own, or were passed by `safe_name`; quotes would end the header.
    plain = "".join(s if s.isascii() and (s.isalnum() or s in "._- ") else "_" for s in name)
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    return response


@form
def upload(request: Any, site: str, agency: str, slug: str) -> HttpResponse:
    """Choose a file; it is checked and kept as a draft, and nothing is submitted."""
    place = place_of_return(request, Act.PREPARE, site, agency, slug)
    if request.method != "POST":
        return _upload_page(request, place, [])
    file = request.FILES.get("file")
    if request.META.get("portal.too_large"):
        return too_large(request)
    if file is None:
        return _upload_page(request, place, [NO_FILE])
    try:
        draft = drafts.upload(request.person, place, file.name, file.read())
    except UserError as error:
        said = [f"{error.what[0].upper()}{error.what[1:]} {_sentence(error.mend)}".strip()]
        return _upload_page(request, place, said)
    return go(f"/drafts/{draft.number}")


def _sentence(text: str) -> str:
    return text and f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _upload_page(request: Any, place: Place, said: list[str]) -> HttpResponse:
    stands = drafts.standing(request.person, place)
    return page(
        request,
        "upload",
        f"Upload the return for {place.period.described}",
        place=place,
        draft=stands,
        stands=_standing(place),
        hours=portal().uploads,
        faults=[{"text": text, "href": "#file"} for text in said],
        status=422 if said else 200,
    )


def _draft(request: Any, number: str, act: Act) -> Draft:
    """A draft, for who may do this with it."""
    found = Draft.objects.select_related("person").filter(number=number).first()
    if found is None:
        raise Http404
    need(request, act, Thing(site=found.site, agency=found.agency, shared=found.shared))
    return found


def _place(draft: Draft) -> Place:
    return Place(site=draft.site, agency=draft.agency, period=Period.parse(draft.quarter))


@get
def draft(request: Any, number: str) -> HttpResponse:
    """A draft: which file it is, what is to be mended, what is asked, what would change."""
    return _draft_page(request, _draft(request, number, Act.SEE_DRAFT), [])


def _draft_page(request: Any, held: Draft, said: list[str]) -> HttpResponse:
    if held.state == "submitted":
        return go(f"/receipts/{held.return_id}")
    if held.state not in drafts.OPEN_STATES:
        return page(
            request,
            "draft_gone",
            "This file is not on its way any more",
            draft=held,
            place=_place(held),
            status=410,
        )
    problems = drafts.problems_of(held)
    errors = [one for one in problems if one.severity == "error"]
    other = drafts.otherwise(held)
    ready = drafts.ready(held)
    faults = [{"text": text, "href": None} for text in said or other]
    if errors and not said:
        what = "1 thing" if len(errors) == 1 else f"{len(errors):,} things"
        faults.append(
            {
                "text": f"There is {what} to mend."
                if len(errors) == 1
                else f"There are {what} to mend.",
                "href": "#mend",
            }
        )
    return page(
        request,
        "draft",
        "Can be submitted" if ready else "What the check found",
        draft=held,
        place=_place(held),
        errors=errors,
        questions=_questions(held),
        notes=[one for one in problems if one.severity == "note"],
        other=other,
        ready=ready,
        faults=faults,
        may_submit=may(request.person, Act.SUBMIT, Thing(site=held.site, agency=held.agency)),
        open=len(drafts.open_questions(held)),
    )


def _questions(held: Draft) -> list[dict[str, Any]]:
    given = {(one.rule, one.cell, one.asked): one.reason for one in drafts.answers_of(held)}
    return [
        {
            "number": number,
            "asked": one,
            "cell": drafts.cell_of(one),
            "value": shown(one.value),
            "reason": given.get((one.rule, drafts.cell_of(one), one.message), ""),
        }
        for number, one in enumerate(
            one for one in drafts.problems_of(held) if one.severity == "confirm"
        )
    ]


@post
def answers(request: Any, number: str) -> HttpResponse:
    """Keep the reasons that were typed; an empty one is taken away."""
    held = _draft(request, number, Act.PREPARE)
    if held.state != "ready":
        return go(f"/drafts/{number}")
    given = {
        int(name.removeprefix("reason-")): text
        for name, text in request.POST.items()
        if _REASON.fullmatch(name)
    }
    drafts.save_answers(held, given, by=request.person.name)
    return go(f"/drafts/{number}")


@post
def share(request: Any, number: str) -> HttpResponse:
    """Let the programme's team see this file, or no longer."""
    held = _draft(request, number, Act.PREPARE)
    shared = request.POST.get("shared") == "yes"
    Draft.objects.filter(pk=held.pk).update(shared=shared)
    event_chain.record(request.person.name, "shared" if shared else "stopped sharing", number)
    return go(f"/drafts/{number}")


@post
def discard(request: Any, number: str) -> HttpResponse:
    """Remove a draft's file."""
    held = _draft(request, number, Act.PREPARE)
    drafts.discard(held, by=request.person.name)
    return go(_place(held).path)


@get
def found(request: Any, number: str, ending: str) -> HttpResponse:
    """The report of a draft as the command line prints it: JSON, or text."""
    held = _draft(request, number, Act.SEE_DRAFT)
    if held.state in ("discarded", "expired"):
        raise Http404
    drafts.downloaded(request.person, f"{number} {ending}")
    text, kind = (
        (held.report, "application/json") if ending == "json" else (held.text, "text/plain")
    )
    return HttpResponse(text.encode(), content_type=f"{kind}; charset=utf-8")


@get
def marked(request: Any, number: str) -> HttpResponse:
    """The sender's own workbook with the cells marked and room for reasons."""
    from evaluation.check.report import reply

    held = _draft(request, number, Act.SEE_DRAFT)
    if held.state not in drafts.OPEN_STATES:
        raise Http404
    opened = drafts.check(
        portal().programme, held.file_name, drafts.content_of(held), request.person
    )
    if opened.raw is None:
        raise Http404
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marked.xlsx"
        try:
            reply(opened.raw, opened.checked, path)
        except ReplyTooLong as error:
            return refused(request, error)
        content = path.read_bytes()
    name = f"{Path(held.file_name).stem}.reply.xlsx"
    drafts.downloaded(request.person, f"{number} marked copy")
    return attachment(content, name, _WORKBOOK)


@form
def submit(request: Any, number: str) -> HttpResponse:
    """Say once more what is sent, and send it; the same draft is never sent twice."""
    held = _draft(request, number, Act.SUBMIT)
    if held.state == "submitted":
        return go(f"/receipts/{held.return_id}")
    if request.method != "POST":
        return _submit_page(request, held, []) if drafts.ready(held) else go(f"/drafts/{number}")
    if request.POST.get("declared") != "yes":
        return _submit_page(request, held, ["Say that the figures are right, then submit."])
    if request.POST.get("file") != held.file_sha256:
        return _submit_page(request, held, ["This page was of another file. Look at it again."])
    try:
        receipt = drafts.submit(held, request.person)
    except drafts.Changed as error:
        held.refresh_from_db()
        return _draft_page(request, held, [_sentence(error.what)])
    except UserError as error:
        event_chain.record(request.person.name, "not submitted", f"{number}: {error.what}")
        return refused(request, error)
    return go(f"/receipts/{receipt.return_id}{'?held=1' if receipt.already_held else ''}")


def _submit_page(request: Any, held: Draft, said: list[str]) -> HttpResponse:
    return page(
        request,
        "submit",
        "Submit the return",
        draft=held,
        place=_place(held),
        told=_told(_place(held)),
        answers=drafts.answers_of(held),
        stands=_standing(_place(held)),
        faults=[{"text": text, "href": "#declared"} for text in said],
        status=422 if said else 200,
    )


def _receipt(request: Any, number: str) -> Receipt:
    found = drafts.find_receipt(number)
    if found is None:
        raise Http404
    need(request, Act.SEE_RETURN, Thing(site=found.site, agency=found.agency))
    return found


@get
def receipt(request: Any, number: str) -> HttpResponse:
    """A receipt: what was accepted, when, from whom, and the hashes that prove it."""
    held = _receipt(request, number)
    acts = [one for one in drafts.acts() if one.return_id == number]
    kinds = {one.kind for one in acts}
    place = Place(site=held.site, agency=held.agency, period=Period.parse(held.quarter))
    return page(
        request,
        "receipt",
        "Receipt",
        receipt=held,
        words=words(held),
        columns=CONFIRMED_COLUMNS,
        acts=acts,
        panel=next((_PANELS[kind] for kind in _PANELS if kind in kinds), "Accepted"),
        stands=kinds.isdisjoint(_PANELS),
        place=place,
        held="held" in request.GET,
    )


@get
def receipt_file(request: Any, number: str, ending: str) -> HttpResponse:
    """The receipt to keep: as JSON, or as a page to print."""
    held = _receipt(request, number)
    drafts.downloaded(request.person, f"receipt {number} {ending}")
    if ending == "json":
        return attachment(
            drafts.as_json(held.as_dict()).encode(),
            f"{number}.json",
            "application/json; charset=utf-8",
        )
    return _own_style(as_page(held))


@get
def letter(request: Any, site: str, slug: str) -> HttpResponse:
    """The programme's letter to a site about a quarter: one page, in plain words, to print."""
    from evaluation.edition.edition import Edition
    from evaluation.edition.letter import as_html
    from evaluation.edition.letter import letter as written

    need(request, Act.SEE_LETTER, Thing(site=site))
    held = portal()
    if site not in held.programme.site_by_code:
        raise Http404
    language = "cy" if request.GET.get("language") == "cy" else "en"
    try:
        edition = Edition.read(held.workspace, held.programme_name)
        made = written(
            held.workspace,
            edition,
            site,
            Period.parse(edition.headline.sample.last) if slug == "newest" else Period.parse(slug),
            language=language,
        )
    except PeriodError:
        raise Http404 from None
    except UserError as error:
        return refused(request, error, status=404)
    drafts.downloaded(request.person, f"letter {site} {slug}")
    return _own_style(as_html(made))


def _own_style(text: str) -> HttpResponse:
    """A page that carries its own style, as it does when it lies in a folder, and nothing else."""
    response = HttpResponse(text)
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    )
    return response


@get
def history(request: Any, site: str, agency: str, slug: str) -> HttpResponse:
    """Every version of a return that was accepted, and what became of it."""
    place = place_of_return(request, Act.SEE_RETURN, site, agency, slug)
    return page(
        request,
        "history",
        f"History of {site} {agency} for {place.period.described}",
        place=place,
        versions=_versions(place),
        asked=Withdrawal.objects.filter(site=site, agency=agency, quarter=place.period.label)
        .select_related("asked_by", "decided_by")
        .order_by("-id"),
        uploads=Draft.objects.filter(site=site, agency=agency, quarter=place.period.label)
        .select_related("person")
        .order_by("-id")[:50],
    )


@form
def withdraw(request: Any, site: str, agency: str, slug: str) -> HttpResponse:
    """Ask that the return that stands be withdrawn; a second person has to agree."""
    place = place_of_return(request, Act.ASK_WITHDRAWAL, site, agency, slug)
    stands, said = _standing(place), []
    if stands is None:
        return go(place.path)
    if request.method == "POST":
        try:
            asked = drafts.ask_withdrawal(stands, request.person, request.POST.get("reason", ""))
        except UserError as error:
            said = [_sentence(error.what) + " " + _sentence(error.mend)]
        else:
            return go(f"/withdrawals/{asked.number}")
    return page(
        request,
        "withdraw",
        f"Withdraw the return for {place.period.described}",
        place=place,
        stands=stands,
        changes=_brought_back(stands.return_id),
        faults=[{"text": text, "href": "#reason"} for text in said],
        status=422 if said else 200,
    )


def _brought_back(return_id: str) -> tuple[str, ...]:
    from evaluation.ledger.ledger import Ledger

    workspace = portal().workspace
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return ledger.brought_back(return_id)


@form
def withdrawal(request: Any, number: str) -> HttpResponse:
    """A request to withdraw: what it would change, and the second person's yes or no."""
    asked = (
        Withdrawal.objects.select_related("asked_by", "decided_by").filter(number=number).first()
    )
    if asked is None:
        raise Http404
    need(request, Act.SEE_RETURN, Thing(site=asked.site, agency=asked.agency))
    decides = may(request.person, Act.AGREE_WITHDRAWAL, _thing(asked))
    if request.method == "POST":
        if not decides:
            raise Http404
        if request.POST.get("decision") not in ("agree", "refuse"):
            return go(f"/withdrawals/{number}")
        try:
            drafts.decide_withdrawal(
                asked, request.person, agree=request.POST["decision"] == "agree"
            )
        except UserError as error:
            return refused(request, error)
        return go(f"/withdrawals/{number}")
    place = Place(site=asked.site, agency=asked.agency, period=Period.parse(asked.quarter))
    changes = _brought_back(asked.return_id) if asked.state == "asked" else ()
    return page(
        request,
        "withdrawal",
        "Withdrawal of a return",
        asked=asked,
        decides=decides,
        place=place,
        changes=changes,
        own=asked.asked_by_id == request.person.pk,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def check_only(request: Any) -> HttpResponse:
    """Check a file and keep nothing; without an account where the portal allows it."""
    if request.person is None and not portal().open_check:
        return go("/sign-in?next=/check")
    title = "Check a file without sending it"
    if request.method != "POST":
        return page(request, "check", title, opened=None)
    whose = request.person.name if request.person else address_of(request)
    file = request.FILES.get("file")
    if request.META.get("portal.too_large"):
        return too_large(request)
    try:
        if file is None:
            raise UserError(NO_FILE)
        if (
            event_chain.since("checked only", ago=timedelta(hours=1), who=whose).count()
            >= _CHECKS_AN_HOUR
        ):
            raise UserError(f"{_CHECKS_AN_HOUR} files were checked within an hour: wait a little.")
        content = file.read()
        # Before it is read: what is refused counts too.
        event_chain.record(whose, "checked only", size=len(content))
        opened = drafts.check(portal().programme, safe_name(file.name), content, request.person)
        drafts.refuse_respondents(opened)
    except UserError as error:
        said = [{"text": f"{error.what} {_sentence(error.mend)}".strip(), "href": "#file"}]
        return page(request, "check", title, opened=None, faults=said, status=422)
    if request.POST.get("as") == "json":
        return HttpResponse(opened.printed.encode(), content_type="application/json; charset=utf-8")
    return _checked_only(request, opened, title)


def _checked_only(request: Any, opened: Any, title: str) -> HttpResponse:
    checked = opened.checked
    problems = checked.problems
    errors = [one for one in problems if one.severity == "error"]
    faults = [{"text": report(checked).partition("\n")[0], "href": "#mend"}] if errors else []
    return page(
        request,
        "check",
        title,
        opened=checked,
        errors=errors,
        faults=faults,
        questions=[one for one in problems if one.severity == "confirm"],
        notes=[one for one in problems if one.severity == "note"],
    )
