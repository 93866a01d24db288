"""Output checking and publishing: what is to be printed, who says yes, what was printed.

Each page calls what ``newstart release`` and ``newstart edition publish`` call; what those refuse
is here a page that says what is missing, and who can see to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse

from evaluation.disclosure import bundle as bundles
from evaluation.errors import DisclosureError, NotForPublication, UserError
from evaluation.ledger.ledger import Ledger
from evaluation.portal import drafts, event_chain, outbox
from evaluation.portal.drafts import portal
from evaluation.portal.models import Outgoing
from evaluation.portal.pages import fields, page, printed
from evaluation.portal.permissions import Act, Role, may, roles_of
from evaluation.portal.views.asking import form, get, go, need, post
from evaluation.portal.views.team import as_csv, study_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.disclosure.bundle import Bundle
    from evaluation.ledger.signatures import PrintedValue, Signature, SignatureKind

_SHOWN = 200
_BUNDLES = 20
_NOTE = 2_000
DECISIONS: Mapping[str, SignatureKind] = {
    "approve": "approval",
    "changes": "changes asked",
    "refuse": "refusal",
}
SAID: Mapping[str, str] = {
    "request": "asked for the release",
    "approval": "approved it",
    "changes asked": "asked for changes",
    "refusal": "refused it",
    "publication": "published it",
}
DO: Mapping[str, str] = {
    "key": "Whoever runs the portal names the file of the programme's key in "
    "NEWSTART_DISCLOSURE_KEY_FILE and begins the portal and its worker again. It is never made "
    "anew where there is one.",
    "agreement": "An evaluator renews the agreement with its controllers, writes it into "
    "agreements.yaml, and asks for the release anew.",
    "no person": "Have your name written under people in programme.yaml, as it stands on your "
    "account here.",
    "no bundle": "An evaluator asks for a release under Releases.",
    "bundle changed": "The file was changed or lost: an evaluator asks for the release anew.",
    "no checker": "Have your name written under people in programme.yaml with the role checker, as "
    "it stands on your account here.",
    "own request": "Another checker looks at it. Two have to, and neither may be who asked.",
    "no note": "Say in the note what you looked at, or what has to change.",
    "stale": "An evaluator asks for the release anew, and the checkers look at what is new.",
    "audit": "An evaluator looks at which printed figures bind the count, prints fewer of them, "
    "and asks for the release anew.",
    "refused": "See to what the note says, then an evaluator asks for the release anew.",
    "changes asked": "See to what the note says, then an evaluator asks for the release anew; or "
    "the checker who asked for changes approves it after all.",
    "approvals": "A checker who has not said so yet opens the bundle under Releases.",
    "no publisher": "Have your name written under people in programme.yaml with the role "
    "publisher, as it stands on your account here.",
    "only checker": "Another checker approves it too, or another publisher publishes it.",
    "never printed": "Look for it under What was printed, and take the address from there.",
}
"""What is to be done about each kind of thing that a release can lack, in a browser."""


def _lacks(request: Any, error: UserError, back: str) -> HttpResponse:
    """The page of what is missing, and who sees to it."""
    person = request.person
    event_chain.record(person.name, "was told what is missing", f"{request.path}: {_why(error)}")
    return page(
        request,
        "lacks",
        "Something is missing",
        status=422,
        what=error.what,
        do=DO.get(_why(error), error.mend),
        back=back,
    )


def _why(error: UserError) -> str:
    if isinstance(error, NotForPublication) and error.missing is not None:
        return error.missing.why
    return error.why if isinstance(error, DisclosureError) else ""


def _missing(request: Any) -> UserError | None:
    """What stands between now and a publication by this person; None where nothing does."""
    # Publishing loads what it prints with: not before somebody asks for a page of it.
    from evaluation.publish.publish import refuse_publication

    held = portal()
    # A publisher alone may lack the role; to others it is said what the release itself lacks.
    by = request.person.name if may(request.person, Act.PUBLISH) else ""
    try:
        refuse_publication(held.workspace, held.programme_name, by=by)
    except UserError as error:
        return error
    # Invented figures need no release; who tries the portal out walks the way of real ones.
    return bundles.what_is_missing(held.workspace, held.programme) if held.demonstration else None


@get
def releases(request: Any) -> HttpResponse:
    """What was asked for, who said what of it, and what is missing before it may be published."""
    need(request, Act.SEE_RELEASES)
    return _releases(request, {}, [])


def _releases(request: Any, typed: Mapping[str, str], said: Sequence[str]) -> HttpResponse:
    held = portal()
    signed = bundles.signatures(held.workspace, held.programme_name)
    asked = [one for one in reversed(signed) if one.signed.kind == "request"]
    missing = _missing(request)
    return page(
        request,
        "releases",
        "Releases",
        listed=[_listed(one, signed) for one in asked[:_BUNDLES]],
        missing=missing,
        do=DO.get(_why(missing), missing.mend) if missing else "",
        free=_free(),
        studies=study_names(),
        asks=may(request.person, Act.ASK_RELEASE),
        waiting=Outgoing.objects.filter(kind="release").order_by("-id")[:3],
        typed=typed,
        faults=[{"text": text, "href": "#study"} for text in said],
        status=422 if said else 200,
    )


def _free() -> bool:
    """Whether an edition needs no release: of invented figures, but where that way is shown."""
    return portal().programme.synthetic and not portal().demonstration


def _listed(request: Signature, signed: Sequence[Signature]) -> dict[str, Any]:
    """A bundle as the list shows it: who said what of it, each by the last word."""
    own = [one.signed for one in signed if one.signed.bundle == request.signed.bundle]
    last = {one.by: one.kind for one in own if one.kind in DECISIONS.values()}
    return {
        "name": request.signed.bundle,
        "by": request.signed.by,
        "at": request.received[:10],
        "said": [f"{by} {SAID[kind]}" for by, kind in last.items()],
        "published": any(one.kind == "publication" for one in own),
    }


@post
def ask(request: Any) -> HttpResponse:
    """Ask for a release; what would be printed is frozen and audited by the portal's worker."""
    from evaluation.publish.outputs import refuse_request
    from evaluation.study.study import StudyName

    need(request, Act.ASK_RELEASE)
    held, typed = portal(), fields(request.POST, "study", "exceptions")
    if typed["study"] not in study_names():
        return _releases(request, typed, ["Choose the study whose figures are to be printed."])
    try:
        name = StudyName.parse(typed["study"])
        refuse_request(held.workspace, held.programme, name, by=request.person.name)
    except UserError as error:
        return _lacks(request, error, "/releases")
    exceptions = [line.strip() for line in typed["exceptions"].splitlines() if line.strip()]
    outbox.wants_release(typed["study"], by=request.person.name, exceptions=exceptions)
    return go("/releases")


def _bundle(name: str) -> Bundle:
    """A bundle by its name.

    Raises
    ------
    Http404 : none has this name.
    DisclosureError : its file is not as it was frozen.
    """
    held = portal()
    try:
        return bundles.read_bundle(held.workspace, held.programme_name, name)
    except DisclosureError as error:
        if error.why == "no bundle":
            raise Http404 from None
        raise


@get
def bundle(request: Any, name: str) -> HttpResponse:
    """A bundle: what would be printed, what of it is new, the audit, and who said what."""
    need(request, Act.SEE_RELEASES)
    return _bundle_page(request, name, {}, [])


def _bundle_page(
    request: Any, name: str, typed: Mapping[str, str], said: Sequence[dict[str, str]]
) -> HttpResponse:
    held = portal()
    try:
        found = _bundle(name)
        now = bundles.standing_of(held.workspace, held.programme, found)
    except UserError as error:
        return _lacks(request, error, "/releases")
    content, checks = found.content, may(request.person, Act.CHECK_RELEASE)
    if checks:
        event_chain.record(request.person.name, "looked at a release", found.name)
    values = {one["address"]: printed(one["printed"]) for one in content["printed"]}
    before = {one.address: printed(json.loads(one.printed)) for one in _register()}
    parts = {
        part: [
            {"address": a, "before": before.get(a, ""), "now": values.get(a, "")}
            for a in content["difference"][part][:_SHOWN]
        ]
        for part in ("new", "changed", "dropped")
    }
    return page(
        request,
        "bundle",
        f"Release {found.name}",
        bundle=found,
        content=content,
        standing=now,
        said=[_told(one) for one in now.said],
        rows=parts,
        many={part: len(content["difference"][part]) for part in parts},
        audit=content.get("audit"),
        most=_SHOWN,
        counts=content["underlying_counts"][:_SHOWN] if checks else [],
        checks=checks,
        own=found.asked_by == request.person.name,
        gives_roles=Role.ADMIN in roles_of(request.person),
        typed=typed,
        faults=said,
        status=422 if said else 200,
    )


def _told(one: Signature) -> dict[str, str]:
    return {
        "by": one.signed.by,
        "what": SAID.get(one.signed.kind, one.signed.kind),
        "at": one.received.replace("T", ", ").rstrip("Z")[:17],
        "note": one.signed.note,
    }


@post
def decide(request: Any, name: str) -> HttpResponse:
    """Approve a bundle, ask for changes or refuse it, with a note that stays."""
    need(request, Act.CHECK_RELEASE)
    held, typed = portal(), fields(request.POST, "decision", "note")
    faults = []
    if typed["decision"] not in DECISIONS:
        faults.append({"text": "Choose what you say of it.", "href": "#decision"})
    if not typed["note"]:
        text = "Say in the note what you looked at, or what has to change."
        faults.append({"text": text, "href": "#note"})
    if len(typed["note"]) > _NOTE:
        faults.append({"text": f"The note has more than {_NOTE:,} signs.", "href": "#note"})
    if faults:
        return _bundle_page(request, name, typed, faults)
    try:
        found = _bundle(name)
        bundles.sign_off(
            held.workspace,
            held.programme,
            found,
            DECISIONS[typed["decision"]],
            by=request.person.name,
            note=typed["note"],
        )
    except UserError as error:
        return _lacks(request, error, f"/releases/{name}")
    event_chain.record(request.person.name, SAID[DECISIONS[typed["decision"]]], found.name)
    return go(f"/releases/{name}")


@get
def values_csv(request: Any, name: str) -> HttpResponse:
    """Everything that a bundle would print, each value with the ends that it stands for."""
    need(request, Act.SEE_RELEASES)
    try:
        found = _bundle(name)
    except UserError as error:
        return _lacks(request, error, "/releases")
    drafts.downloaded(request.person, f"values of {found.name}")
    difference = found.content["difference"]
    state = {a: part for part in ("new", "changed") for a in difference[part]}
    names = ("address", "kind", "printed", "low", "high")
    rows = [
        [
            *("" if one[key] is None else str(one[key]) for key in names),
            state.get(one["address"], ""),
        ]
        for one in found.content["printed"]
    ]
    return as_csv(f"{found.name}-values.csv", (*names, "difference"), rows)


@get
def counts_csv(request: Any, name: str) -> HttpResponse:
    """The counts behind a bundle, for its checkers alone."""
    need(request, Act.CHECK_RELEASE)
    try:
        found = _bundle(name)
    except UserError as error:
        return _lacks(request, error, "/releases")
    drafts.downloaded(request.person, f"counts of {found.name}")
    rows = [
        [one["cell"], "" if one["count"] is None else str(one["count"])]
        for one in found.content["underlying_counts"]
    ]
    return as_csv(f"{found.name}-counts.csv", ("cell", "count"), rows)


def _register() -> list[PrintedValue]:
    held = portal()
    if not held.workspace.has_ledger:
        return []
    with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
        return ledger.register(held.programme_name)


@get
def register(request: Any) -> HttpResponse:
    """Every value that was ever printed, the newest first, as far as an address is looked for."""
    need(request, Act.SEE_RELEASES)
    return _register_page(request, {}, [])


def _register_page(
    request: Any, typed: Mapping[str, str], said: Sequence[dict[str, str]]
) -> HttpResponse:
    wanted = request.GET.get("find", "").strip()
    lines = _register()
    found = [one for one in reversed(lines) if wanted.casefold() in one.address.casefold()]
    gone = {
        one.signed.hash: one
        for one in bundles.signatures(portal().workspace, portal().programme_name)
        if one.signed.kind == "cell withdrawn"
    }
    return page(
        request,
        "register",
        "What was printed",
        lines=[
            {"line": one, "printed": printed(json.loads(one.printed))} for one in found[:_SHOWN]
        ],
        gone=gone,
        many=len(found),
        most=_SHOWN,
        wanted=wanted,
        withdraws=may(request.person, Act.WITHDRAW_CELL),
        typed=typed,
        faults=said,
        status=422 if said else 200,
    )


@get
def register_csv(request: Any) -> HttpResponse:
    """The whole register as a CSV."""
    need(request, Act.SEE_RELEASES)
    drafts.downloaded(request.person, "register.csv")
    names = ("edition", "address", "kind", "printed", "low", "high")
    lines = (one.as_dict() for one in _register())
    rows = [["" if one[key] is None else str(one[key]) for key in names] for one in lines]
    return as_csv("register.csv", names, rows)


@post
def withdraw(request: Any) -> HttpResponse:
    """Withdraw a printed value that shows somebody: no edition prints it again."""
    from evaluation.publish.outputs import withdraw_cell

    need(request, Act.WITHDRAW_CELL)
    held, typed = portal(), fields(request.POST, "address", "note")
    faults = [
        {"text": text, "href": f"#{name}"}
        for name, text in (
            ("address", "Give the address of the value, as it is listed here."),
            ("note", "Say why it is withdrawn."),
        )
        if not typed[name]
    ]
    if not faults and not any(one.address == typed["address"] for one in _register()):
        text = "Nothing was ever printed at this address: take it from the list."
        faults = [{"text": text, "href": "#address"}]
    if faults:
        return _register_page(request, typed, faults)
    try:
        withdraw_cell(
            held.workspace, typed["address"], by=request.person.name, note=typed["note"][:_NOTE]
        )
    except UserError as error:
        return _lacks(request, error, "/register")
    event_chain.record(request.person.name, "withdrew a printed value", typed["address"])
    return go("/register")


@form
def publish(request: Any) -> HttpResponse:
    """Publish what was approved; the edition is made by the portal's worker."""
    need(request, Act.PUBLISH)
    held, missing = portal(), _missing(request)
    if request.method == "POST":
        if missing is not None:
            return _lacks(request, missing, "/publish")
        outbox.wants_edition(
            held.programme_name,
            by=request.person.name,
            reason=request.POST.get("reason", "").strip()[:_NOTE],
            pages=request.POST.get("pages") == "yes",
        )
        return go("/publish")
    return page(
        request,
        "publish",
        "Publish an edition",
        free=_free(),
        book=held.workspace.book.is_dir(),
        lies=held.workspace.var / "editions" / "latest" / "index.html"
        if held.demonstration
        else "",
        missing=missing,
        do=DO.get(_why(missing), missing.mend) if missing else "",
        waiting=Outgoing.objects.filter(kind="edition").order_by("-id")[:5],
    )
