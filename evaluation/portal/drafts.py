"""The way of a return through the portal: upload, check, answer, submit, receipt.

A draft is a file that was checked; nothing of it is in the ledger. Submitting is one call of the
function that ``newstart submit`` calls, with the bytes that were checked.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from evaluation import fingerprint
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.report import (
    UNOPENED,
    Checked,
    Confirmation,
    Problem,
    confirmed,
    in_marked_copy,
    place_of,
    report,
    shown,
    unreadable,
    unused,
    with_notes,
)
from evaluation.check.stages import check_read, day_of_check
from evaluation.errors import ReturnFileError, UserError
from evaluation.ledger.destruction import Covers
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Act as LedgerAct
from evaluation.ledger.receipt import Receipt
from evaluation.ledger.submission import accept, accepted_figures, keep_receipt, perform, permit
from evaluation.ledger.vintages import changes
from evaluation.portal import event_chain, sealed
from evaluation.portal.configure import Portal
from evaluation.portal.models import Answer, Draft, Event, Person, Withdrawal
from evaluation.portal.permissions import Act, Thing, may
from evaluation.portal.uploads import holds_respondents, safe_name
from evaluation.programme import Programme
from evaluation.quarters import Period, now
from evaluation.returns.form import Return
from evaluation.returns.workbook import RawReturn, heading, of_bytes

KEPT_FOR = timedelta(days=30)
# No vowels and nothing that is misread on the telephone.
_SIGNS = "23456789BCDFGHJKMNPQRSTVWXZ"
OPEN_STATES = ("ready", "submitting")


def portal() -> Portal:
    """The portal that this process serves."""
    found: Portal = settings.PORTAL
    return found


@dataclass(frozen=True, kw_only=True)
class Place:
    """Whose return it is and for which period: what an address of the portal names."""

    site: str
    agency: str
    period: Period

    @property
    def path(self) -> str:
        return f"/returns/{self.site}/{self.agency}/{self.period.slug}"


class Opened(NamedTuple):
    """A file as it was read, None where it cannot be opened, and what stands against it."""

    raw: RawReturn | None
    checked: Checked

    @property
    def printed(self) -> str:
        """What ``newstart check --json`` prints of it."""
        extra = UNOPENED if self.raw is None else {}
        return as_json(self.checked.as_dict() | extra)


def as_json(content: Any) -> str:
    """JSON as the command line prints it, to the byte."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def check(programme: Programme, name: str, content: bytes, person: Person | None) -> Opened:
    """Check a file's bytes as ``newstart check`` does; nothing is kept.

    A file is compared with what was accepted only where the person may see the return that it says
    it is: a file made up in another's name would else be told that one's figures.
    """
    held = portal()
    workspace = held.workspace
    try:
        raw = of_bytes(name, content)
    except ReturnFileError as error:
        return Opened(None, unreadable(name, fingerprint.of_bytes(content), error))
    today = day_of_check(workspace, programme)
    if person is not None:

        def history(outcomes: Sequence[str]) -> AcceptedFigures:
            return accepted_figures(workspace, programme, outcomes)

        read, checked = check_read(raw, programme, history=history, today=today)
        if may(person, Act.SEE_RETURN, Thing(site=checked.site, agency=checked.agency)):
            return Opened(read, checked)
    return Opened(
        *check_read(raw, programme, history=lambda _: AcceptedFigures(programme), today=today)
    )


def refuse_respondents(opened: Opened) -> None:
    """Refuse a file of a survey's answers: they are people, and only sums of them are taken.

    Raises
    ------
    ReturnFileError : it is one.
    """
    if opened.raw is not None and holds_respondents(opened.raw):
        raise ReturnFileError(
            "this file holds the answers of single people, so it was not kept.",
            where=opened.raw.path_name,
            expected="a return: one row an area and outcome, made from the answers on your side",
            mend="make the return with newstart wave summarise, on a machine of your own, and"
            " upload that.",
        )


def refuse_many(person: Person, size: int) -> None:
    """Refuse an upload beyond what one person may send in an hour and in a day.

    Raises
    ------
    UserError : too many files, or too many bytes.
    """
    held = portal()
    in_hour = event_chain.since("uploaded", timedelta(hours=1), who=person.name)
    in_day = event_chain.since("uploaded", timedelta(days=1), who=person.name)
    if in_hour.count() >= held.uploads:
        raise UserError(
            f"you have uploaded {held.uploads} files within an hour: no more are taken.",
            mend="wait an hour; what you uploaded is kept.",
        )
    if sum(in_day.values_list("size", flat=True)) + size > held.megabytes * 2**20:
        raise UserError(
            f"you have uploaded {held.megabytes} MB within a day, which is as much as is taken.",
            mend="go on tomorrow; what you uploaded is kept.",
        )


def upload(person: Person, place: Place, given_name: str, content: bytes) -> Draft:
    """Check a file and keep it as a draft; an earlier draft of the same return is replaced.

    Raises
    ------
    UserError : too many uploads, a file that may not be kept, or a name that cannot be used.
    """
    refuse_many(person, len(content))
    programme = portal().programme
    try:
        name = safe_name(given_name)
        opened = check(programme, name, content, person)
        refuse_respondents(opened)
    except ReturnFileError as error:
        event_chain.record(person.name, "refused", f"{given_name}: {error.what}", size=len(content))
        raise
    number = "".join(secrets.choice(_SIGNS) for _ in range(10))
    stored = _store(sealed.sealed(number, content))
    moment = now()
    with transaction.atomic():
        open_before = _open_of(person, place)
        draft = Draft.objects.create(
            number=number,
            person=person,
            programme=programme.name,
            site=place.site,
            agency=place.agency,
            quarter=place.period.label,
            file_name=name,
            file_sha256=opened.checked.sha256,
            size=len(content),
            stored=stored,
            rows=_rows(opened),
            report=opened.printed,
            text=report(opened.checked),
            changes=list(_changes(opened)),
            totals=_totals(programme, place, opened),
            made=moment,
            ends=moment + KEPT_FOR,
        )
        _keep_answers(draft, opened, open_before)
        Draft.objects.filter(pk__in=[one.pk for one in open_before]).update(state="replaced")
        event_chain.record(
            person.name, "uploaded", f"{number}: {name} for {_said(place)}", size=len(content)
        )
        event_chain.record(person.name, "checked", f"{number}: {_counts(opened.checked)}")
    return draft


def _open_of(person: Person, place: Place) -> list[Draft]:
    found = Draft.objects.filter(
        person=person,
        site=place.site,
        agency=place.agency,
        quarter=place.period.label,
        state="ready",
    )
    return list(found.prefetch_related("answers"))


def standing(person: Person, place: Place) -> Draft | None:
    """The draft of this return on which the person is at work, if there is one."""
    found = _open_of(person, place)
    return found[-1] if found else None


def _said(place: Place) -> str:
    return f"{place.site} {place.agency} {place.period.label}"


def _counts(checked: Checked) -> str:
    found = {kind: len(checked.of(kind)) for kind in ("error", "confirm", "note")}
    return ", ".join(f"{many} {kind}" for kind, many in found.items())


def _rows(opened: Opened) -> int:
    if opened.raw is None:
        return 0
    returned = opened.checked.returned
    return len(returned.rows) if returned else sum(not row.blank for row in opened.raw.rows)


def _store(content: bytes) -> str:
    """Keep a file under a random name that only the portal's own account can read."""
    name = secrets.token_hex(24)
    path = portal().uploaded / name
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return name


def stored(draft: Draft) -> Path:
    """Where a draft's file lies, sealed."""
    return portal().uploaded / draft.stored


def content_of(draft: Draft) -> bytes:
    """A draft's file as it was uploaded.

    Raises
    ------
    LedgerError : its key is not here, or it is not as it was sealed.
    """
    return sealed.opened(stored(draft).read_bytes())


def _changes(opened: Opened) -> tuple[str, ...]:
    """What accepting a file would change in what stands, in the words of its receipt."""
    returned, held = opened.checked.returned, portal()
    if returned is None:
        return ()
    if not held.workspace.has_ledger:
        return changes(returned, {})
    with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
        return ledger.would_change(returned)


def _totals(programme: Programme, place: Place, opened: Opened) -> list[dict[str, Any]]:
    """An outcome a row: how many figures, their total, and that of the last accepted period.

    Means are averaged and not added.
    """
    returned, held = opened.checked.returned, portal()
    if returned is None:
        return []
    before: dict[str, list[float]] = defaultdict(list)
    if held.workspace.has_ledger:
        with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
            last = ledger.last_accepted(programme.name, place.site, place.agency, place.period)
        for (_, outcome), (numerator, _) in last.items():
            if numerator is not None:
                before[outcome].append(numerator)
    return [
        _total(programme, code, returned, before.get(code, []))
        for code in dict.fromkeys(row.outcome for row in returned.rows)
    ]


def _total(
    programme: Programme, code: str, returned: Return, before: list[float]
) -> dict[str, Any]:
    outcome = programme.outcome_by_code[code]
    rows = [row for row in returned.rows if row.outcome == code]
    figures = [row.numerator for row in rows if row.numerator is not None]
    mean = outcome.form == "value"

    def summed(values: list[float]) -> float | None:
        return None if not values else sum(values) / (len(values) if mean else 1)

    return {
        "outcome": outcome.plain_title,
        "code": code,
        "what": "average" if mean else "total",
        "figures": len(figures),
        "missing": len(rows) - len(figures),
        "now": summed(figures),
        "before": summed(before),
    }


def _keep_answers(draft: Draft, opened: Opened, earlier: Iterable[Draft]) -> None:
    """Keep the reasons that the file itself gives, and those given to the same questions before."""
    given = {
        (one.rule, one.cell, one.asked, one.value): one.reason
        for old in earlier
        for one in old.answers.all()
    }
    in_file = list(in_marked_copy(opened.raw)) if opened.raw is not None else []
    for asked in opened.checked.of("confirm"):
        alone, _ = confirmed(_only(opened.checked, asked), in_file)
        key = _key(asked)
        reason = alone[0].reason if alone else given.get(key, "")
        if reason:
            _answer(draft, asked, reason)


def _only(checked: Checked, asked: Problem) -> Checked:
    return replace(checked, problems=(asked,))


def _key(asked: Problem) -> tuple[str, str, str, str]:
    return asked.rule, cell_of(asked), asked.message, shown(asked.value)


def cell_of(asked: Problem) -> str:
    """The cell of a question as the check names it; empty where it is in none."""
    return "" if asked.cell is None else place_of(asked)


def _answer(draft: Draft, asked: Problem, reason: str) -> None:
    rule, cell, message, value = _key(asked)
    held = _answered(draft, asked) or Answer(draft=draft, rule=rule, cell=cell, asked=message)
    held.value, held.reason = value, reason
    held.save()


def _answered(draft: Draft, asked: Problem) -> Answer | None:
    # The question is sealed, so it is compared here and not by the database.
    rule, cell, message, _ = _key(asked)
    given = draft.answers.filter(rule=rule, cell=cell)
    return next((one for one in given if one.asked == message), None)


def answers_of(draft: Draft) -> tuple[Confirmation, ...]:
    """The reasons given for a draft, as the check takes them."""
    return tuple(
        Confirmation(
            rule=one.rule, cell=one.cell, reason=one.reason, value=one.value, asked=one.asked
        )
        for one in draft.answers.order_by("id")
    )


def save_answers(draft: Draft, reasons: dict[int, str], *, by: str) -> None:
    """Keep the reasons that were typed, by the place of each question in the report."""
    asked = [one for one in problems_of(draft) if one.severity == "confirm"]
    with transaction.atomic():
        Draft.objects.select_for_update().get(pk=draft.pk)  # one answer a question
        for place, one in enumerate(asked):
            reason = " ".join(reasons.get(place, "").split())
            if reason:
                _answer(draft, one, reason[:1_000])
            elif (given := _answered(draft, one)) is not None:
                given.delete()
        event_chain.record(by, "answered", draft.number)


def problems_of(draft: Draft) -> tuple[Problem, ...]:
    """What a draft's report names, in its order."""
    return tuple(Problem(**one) for one in json.loads(draft.report)["problems"])


def otherwise(draft: Draft) -> list[str]:
    """Where the file says another site, agency or quarter than the page that it was uploaded to."""
    held = json.loads(draft.report)
    named = (("site", draft.site), ("agency", draft.agency), ("quarter", draft.quarter))
    return [
        f"This page is for the {what} {wanted}; the file says {held[what]}."
        for what, wanted in named
        if held[what] and held[what] != wanted
    ]


def open_questions(draft: Draft) -> list[Problem]:
    """The questions of a draft that have no reason yet."""
    given = {(one.rule, one.cell, one.asked) for one in draft.answers.all()}
    return [
        one
        for one in problems_of(draft)
        if one.severity == "confirm" and (one.rule, cell_of(one), one.message) not in given
    ]


def ready(draft: Draft) -> bool:
    """Whether a draft can be submitted as it stands."""
    faults = any(one.severity == "error" for one in problems_of(draft))
    return draft.state in OPEN_STATES and not (faults or otherwise(draft) or open_questions(draft))


class Changed(UserError):
    """What is known has changed since the draft was checked: its report is a new one now."""


def submit(draft: Draft, person: Person) -> Receipt:
    """Send a draft to the ledger, once; the receipt comes back, the same however often it is asked.

    A process that ends between the ledger and the draft leaves the draft ``submitting``: the next
    call finds what the ledger accepted by the file's hash.

    Raises
    ------
    Changed : the check says something else than the sender has seen.
    UserError : the draft cannot be submitted, or the person may not send this return.
    """
    held = portal()
    with transaction.atomic():
        draft = Draft.objects.select_for_update().get(pk=draft.pk)
        if draft.state == "submitted":
            return receipt_of(draft)
        if not ready(draft):
            raise UserError(
                "this file cannot be submitted as it stands.",
                where=draft.file_name,
                mend="look at what is to be mended or answered, and upload it again.",
            )
        if draft.state == "ready":
            draft.asked_after = _returns_held(held)
            draft.state = "submitting"
            draft.save(update_fields=["asked_after", "state"])
    with transaction.atomic():
        draft = Draft.objects.select_for_update().get(pk=draft.pk)
        if draft.state == "submitted":
            return receipt_of(draft)
        receipt = _accepted_before(draft) or _accept(draft, person)
        if receipt is not None:
            draft.state, draft.return_id = "submitted", receipt.return_id
            draft.save(update_fields=["state", "return_id"])
            event_chain.record(person.name, "submitted", f"{draft.number}: {receipt.return_id}")
            return receipt
    # Outside the transaction, which has kept the new report.
    raise Changed(
        "something has changed since you uploaded this file, so it was checked again.",
        where=draft.file_name,
        mend="look at the new report below.",
    )


def _returns_held(held: Portal) -> int:
    if not held.workspace.has_ledger:
        return 0
    with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
        return ledger.head().returns


def _accepted_before(draft: Draft) -> Receipt | None:
    """The receipt of a draft that the ledger accepted and the draft does not know of."""
    workspace = portal().workspace
    if not workspace.has_ledger:
        return None
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        own = {one.return_id for one in ledger.receipts_of_file(draft.programme, draft.file_sha256)}
        later = ledger.receipts()[draft.asked_after or 0 :]
    found = next((one for one in later if one.return_id in own), None)
    if found is not None:
        keep_receipt(workspace, found)  # which may be what the process died before
    return found


def _accept(draft: Draft, person: Person) -> Receipt | None:
    """Check the draft's bytes again and have the ledger accept them.

    None where the check says something new: the draft then holds the new report and is ``ready``.
    """
    held = portal()
    programme = held.programme
    content = content_of(draft)
    if fingerprint.of_bytes(content) != draft.file_sha256:
        raise UserError(
            "the file that is kept here is not the one that was checked; nothing was submitted.",
            where=draft.number,
            mend="upload it again, and tell the programme's team.",
        )
    opened = check(programme, draft.file_name, content, person)
    given = answers_of(draft)
    kept, still_open = confirmed(opened.checked, given)
    if opened.raw is None or opened.checked.returned is None or still_open:
        draft.report, draft.text = opened.printed, report(opened.checked)
        draft.state = "ready"
        draft.save(update_fields=["report", "text", "state"])
        return None
    checked = with_notes(opened.checked, unused(opened.checked, given))
    permit(programme, person.name, checked.site, checked.agency)
    return accept(held.workspace, opened.raw, checked, kept, by=person.name)


def receipt_of(draft: Draft) -> Receipt:
    """The receipt of a submitted draft."""
    found = find_receipt(draft.return_id)
    if found is None:
        raise UserError(
            "the ledger does not hold this receipt.",
            where=draft.return_id,
            mend="tell the programme's team its number: the draft is kept.",
        )
    return found


def receipts() -> list[Receipt]:
    """Every receipt of the programme, in the order of acceptance."""
    held = portal()
    if not held.workspace.has_ledger:
        return []
    with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
        return ledger.receipts(held.programme_name)


def acts() -> list[LedgerAct]:
    """Every withdrawal, redaction and destruction."""
    held = portal()
    if not held.workspace.has_ledger:
        return []
    with Ledger.open(held.workspace.database, held.workspace.raw) as ledger:
        return ledger.acts()


def find_receipt(return_id: str) -> Receipt | None:
    """One receipt, by its number."""
    return next((one for one in receipts() if one.return_id == return_id), None)


def discard(draft: Draft, *, by: str) -> None:
    """Remove a draft's file; that there was one stays in the events."""
    with transaction.atomic():
        found = Draft.objects.filter(pk=draft.pk, state="ready").update(state="discarded")
        if found:
            event_chain.record(by, "discarded", draft.number)
    if found:
        stored(draft).unlink(missing_ok=True)


_EMPTIED = {"report": "", "text": "", "changes": [], "totals": [], "file_sha256": "", "rows": 0}
_SEALED = ("report", "text", "changes", "totals", "file_sha256")


def expire() -> int:
    """Empty drafts that are past their time, with their files and keys; how many there were."""
    past = Draft.objects.filter(ends__lt=now()).exclude(state__in=("expired", "submitting"))
    held = past.exclude(report="").defer(*_SEALED)
    return _empty(held, "expired", by="portal", why="a draft's time was over")


def empty_unreadable() -> int:
    """Empty drafts whose keys are gone, as after a restore of before; how many there were."""
    kept = Draft.objects.annotate(kept=Cast("report", TextField()))
    held = kept.filter(kept__startswith=sealed.MARK).defer(*_SEALED)
    gone = [one for one in held if not sealed.readable(one.number)]
    return _empty(gone, "destroyed", by="portal", why="its key was gone")


def forget(senders: Collection[tuple[str, str]], *, by: str, covers: Covers | None = None) -> int:
    """Empty the drafts of figures that were destroyed, with their files and keys; how many.

    That there was a draft, of whom and when, stays, and an event says that it was emptied.

    Parameters
    ----------
    senders : (site, agency) of each whose drafts they are, by where a draft was uploaded or by what
        its file says it is.
    covers : whether a figure of an outcome and an area is one that was destroyed; a draft of
        somebody else that holds one goes too, and one of which that cannot be told.
    """
    empty_unreadable()
    every = Draft.objects.filter(programme=portal().programme_name).exclude(report="")
    found = [
        one
        for one in every
        if (one.site, one.agency) in senders
        or _said_to_be(one) in senders
        or (covers is not None and _holds(one, covers))
    ]
    _empty(found, "destroyed", by=by or "command line", why="its figures were destroyed")
    if connection.vendor == "sqlite":
        # What was deleted would stay in the file's free pages and in its log.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(found)


def _said_to_be(draft: Draft) -> tuple[str, str]:
    held = json.loads(draft.report)
    return str(held.get("site") or ""), str(held.get("agency") or "")


def _holds(draft: Draft, covers: Covers) -> bool:
    """Whether a draft's file has a row of what was destroyed; so too where it cannot be told."""
    try:
        raw = of_bytes(draft.file_name, content_of(draft))
    except (ReturnFileError, OSError):
        return True
    names = [heading(value) for value in raw.header.values]
    if not {"outcome", "area_code"} <= set(names):
        return True
    outcome, area = names.index("outcome"), names.index("area_code")
    rows = (row.values for row in raw.rows if len(row.values) > max(outcome, area))
    return any(covers(str(one[outcome]).strip(), str(one[area]).strip()) for one in rows)


def _empty(found: Iterable[Draft], what: str, *, by: str, why: str) -> int:
    """Take what drafts hold out of their rows, remove their files, and destroy their keys."""
    many = 0
    for one in found:
        # A return that was accepted stays known as sent; nothing else is left to send.
        state = "submitted" if one.state == "submitted" else "expired"
        stored(one).unlink(missing_ok=True)
        with transaction.atomic():
            Draft.objects.filter(pk=one.pk).update(state=state, **_EMPTIED)
            one.answers.all().delete()
            event_chain.record(by, what, one.number)
        sealed.destroy_key(one.number, why)
        many += 1
    return many


def ask_withdrawal(receipt: Receipt, person: Person, reason: str) -> Withdrawal:
    """Ask that a return be withdrawn; nothing happens until a second person agrees.

    Raises
    ------
    UserError : it is asked for already, was withdrawn, or no reason is given.
    """
    said = " ".join(reason.split())
    if not said:
        raise UserError("a withdrawal needs a reason.", mend="say in a sentence what is wrong.")
    gone = {one.return_id for one in acts() if one.kind == "withdrawal"}
    if receipt.return_id in gone:
        raise UserError("this return was withdrawn already.", where=receipt.return_id)
    with transaction.atomic():
        waiting = Withdrawal.objects.filter(return_id=receipt.return_id, state="asked").first()
        if waiting is not None:
            raise UserError(
                f"{waiting.asked_by.name} has asked for this already.",
                where=receipt.return_id,
                mend="a second person can agree to it now.",
            )
        event_chain.record(person.name, "asked for a withdrawal", receipt.return_id)
        return Withdrawal.objects.create(
            number="".join(secrets.choice(_SIGNS) for _ in range(10)),
            return_id=receipt.return_id,
            site=receipt.site,
            agency=receipt.agency,
            quarter=receipt.quarter,
            reason=said[:1_000],
            asked_by=person,
            asked=now(),
        )


def decide_withdrawal(asked: Withdrawal, person: Person, *, agree: bool) -> Withdrawal:
    """Agree to a withdrawal, which carries it out, or refuse it.

    The name in the chain is that of who asked; who agreed stands in the reason, and in the events.

    Raises
    ------
    UserError : it was decided already, or the programme does not let who asked withdraw it.
    """
    with transaction.atomic():
        asked = Withdrawal.objects.select_for_update().get(pk=asked.pk)
        if asked.state != "asked":
            raise UserError(f"this was {asked.state} already.", where=asked.number)
        if agree:
            act = perform(
                portal().workspace,
                "withdrawal",
                asked.return_id,
                reason=f"{asked.reason} (agreed to by {person.name})",
                by=asked.asked_by.name,
            )
            keep_receipt(portal().workspace, act)
            asked.act_id = act.act_id
        asked.state = "agreed" if agree else "refused"
        asked.decided_by, asked.decided = person, now()
        asked.save()
        event_chain.record(person.name, f"{asked.state} a withdrawal", asked.return_id)
    return asked


def downloaded(person: Person | None, what: str) -> Event:
    """Say that something was downloaded, and by whom."""
    return event_chain.record(person.name if person else "anybody", "downloaded", what)
