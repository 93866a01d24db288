"""What a workspace's ledger gives to a check, and takes from it: figures, a return, a receipt.

Command line and portal go the same way, so that a check says what a submission would.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.report import Checked, Confirmation
from evaluation.errors import LedgerError, NotPermitted
from evaluation.finance import asked_of, paying_agency
from evaluation.ledger.receipt import Act, ActKind, Receipt
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.workbook import RawReturn
from evaluation.workspace import Workspace, write_whole

if TYPE_CHECKING:
    from evaluation.ledger.ledger import Ledger


def last_accepted(
    workspace: Workspace, programme: Programme, site: str, agency: str, period: Period
) -> Figures:
    """The submitter's last accepted figures; none, and no ledger made, where there is none yet.

    The denominator is the newest that was accepted, also where the last figure came without one.
    """
    if not workspace.has_ledger:
        return {}
    # Imported here, so that checking a file without a ledger does not load SQLAlchemy.
    from evaluation.ledger.ledger import Ledger

    programme = asked_of(programme, agency)
    asked = [outcome.code for outcome in programme.expected(site, agency)[1]]
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        last = ledger.last_accepted(programme.name, site, agency, period)
        history = ledger.accepted(programme, outcomes=asked)
    earlier = history.before((site, agency), period).earlier
    newest = {
        # From the newest back to the first that has a denominator.
        key: next((one.denominator for one in reversed(held) if one.denominator is not None), None)
        for key, held in earlier.items()
    }
    return {key: (last.get(key, (None, None))[0], below) for key, below in newest.items()}


def accepted_figures(
    workspace: Workspace, programme: Programme, outcomes: Sequence[str]
) -> AcceptedFigures:
    """What a return is compared with; empty, and no ledger made, where there is none yet."""
    if not workspace.has_ledger:
        return AcceptedFigures(programme)
    from evaluation.ledger.ledger import Ledger

    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return ledger.accepted(programme, outcomes=outcomes)


def permit(
    programme: Programme, by: str, site: str, agency: str, act: ActKind | None = None
) -> None:
    """Refuse who may not send a submitter's return, or withdraw or redact it (``act``).

    Where the programme's ``people`` name nobody for it, anybody may. A return is withdrawn or
    redacted by who may send it, or by a publisher. A return of money is signed by somebody of the
    agency's finance department (role ``finance``), and never by nobody.

    Raises
    ------
    NotPermitted : no name is given where one is needed, or the person may not.
    """
    pays = paying_agency(programme, agency)
    roles = {"submitter" if pays is None else "finance"}
    roles |= set() if act is None else {"publisher"}
    if not any(roles & {*person.roles} for person in programme.people) and (by or pays is None):
        return
    may = [
        person.name
        for person in programme.people
        if (person.may_send_for(site, agency) if pays is None else person.may_sign_for(site, pays))
        or (act is not None and "publisher" in person.roles)
    ]
    if by in may:
        return
    if pays is not None and not by:
        raise NotPermitted(
            f"nobody signs what {pays} paid at {site}: a return of money is signed by its finance "
            "department.",
            where=f"people in studies/{programme.name}/programme.yaml",
            expected=f"--by {' or '.join(may) or 'NAME'}",
            mend="give the name of who signs it",
        )
    what = f"send returns of {site} {agency}" if pays is None else f"sign for {pays} at {site}"
    what = what if act is None else f"record a {act} of a return of {site} {agency}"
    raise NotPermitted(
        f"{by} may not {what}." if by else f"it is not said who is to {what}.",
        where=f"people in studies/{programme.name}/programme.yaml",
        expected=f"--by {' or '.join(may)}" if may else "a person with that role",
        mend="give your own name" if may else "declare one under people",
    )


def may_repeat(workspace: Workspace, programme: Programme) -> bool:
    """Whether secrets are made of content: where the clock is set and no figure hides anybody.

    Those are invented figures, and open ones of a programme in which no site sends any.
    """
    open_alone = not any(site.agencies for site in programme.sites)
    return workspace.synthetic_clock and (programme.synthetic or open_alone)


def perform(
    workspace: Workspace, kind: ActKind, return_id: str, *, reason: str, by: str = ""
) -> Act:
    """Withdraw or redact a return, by somebody who may; the act comes back.

    Raises
    ------
    NotPermitted : the person may not.
    LedgerError : there is no such return, no reason, or the ledger cannot be written.
    """
    from evaluation.ledger.ledger import Ledger

    with Ledger.open(workspace.database, workspace.raw) as ledger:
        for one in ledger.receipts():
            if one.return_id == return_id:
                programme = Programme.load(workspace, one.programme)
                permit(programme, by, one.site, one.agency, kind)
        do = ledger.withdraw if kind == "withdrawal" else ledger.redact
        act = do(
            return_id,
            reason=reason,
            received=workspace.now(),
            by=by,
            synthetic_clock=workspace.synthetic_clock,
        )
        if kind == "redaction":
            # The workspace's own copy of the receipt holds the nonce too.
            for one in ledger.receipts():
                if one.return_id == return_id:
                    keep_receipt(workspace, one)
        return act


def permit_entry(programme: Programme, by: str, site: str) -> None:
    """Refuse who may not write in the learning log.

    Where the programme names people, an evaluator or a publisher may, and who sends for the site.

    Raises
    ------
    NotPermitted : no name is given where one is needed, or the person may not.
    """
    if not programme.people:
        return
    may = [
        person.name
        for person in programme.people
        if {"evaluator", "publisher"} & {*person.roles}
        or ("submitter" in person.roles and site and (not person.sites or site in person.sites))
    ]
    if by in may:
        return
    where = f"of {site}" if site else "of the whole programme"
    raise NotPermitted(
        f"{by} may not write in the learning log {where}."
        if by
        else f"it is not said who writes in the learning log {where}.",
        where=f"people in studies/{programme.name}/programme.yaml",
        expected=f"--by {' or '.join(may)}" if may else "a person with that role",
        mend="give your own name" if may else "declare one under people",
    )


def accept(
    workspace: Workspace,
    raw: RawReturn,
    checked: Checked,
    reasons: tuple[Confirmation, ...] = (),
    *,
    by: str = "",
) -> Receipt:
    """Append a checked return to the workspace's ledger, and keep the receipt as a file too.

    Parameters
    ----------
    by : the person or service that sends it; whether they may is asked before (`permit`).

    Raises
    ------
    LedgerError : if an error stands against the return, or the ledger cannot be written.
    """
    from evaluation.ledger.ledger import Ledger

    named = checked.returned.programme if checked.returned else ""
    # Asked of the declaration only where a clock is set: nowhere else is anything made again.
    again = workspace.synthetic_clock and may_repeat(workspace, Programme.load(workspace, named))
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return accept_into(ledger, workspace, raw, checked, reasons, by=by, repeatable=again)


def accept_into(
    ledger: Ledger,
    workspace: Workspace,
    raw: RawReturn,
    checked: Checked,
    reasons: tuple[Confirmation, ...],
    *,
    by: str = "",
    history: bool = False,
    repeatable: bool = False,
) -> Receipt:
    """Append a checked return to an open ledger, and keep its receipt; see `accept`.

    Parameters
    ----------
    history : whether it is one of many that are loaded together. repeatable : see `may_repeat`.
    """
    if checked.returned is None or len(checked.of("confirm")) > len(reasons):
        raise LedgerError("the return has problems and was not accepted.", where=checked.file)
    receipt = ledger.submit(
        checked.returned,
        raw.content,
        received=workspace.now(),
        confirmations=reasons,
        by=by,
        synthetic_clock=workspace.synthetic_clock,
        history=history,
        repeatable=repeatable,
    )
    # After the commit: the ledger can print a receipt again, and a receipt without a record would
    # be a lie.
    keep_receipt(workspace, receipt, flushed=not history)
    return receipt


def keep_receipt(workspace: Workspace, receipt: Receipt | Act, *, flushed: bool = True) -> Path:
    """Write a receipt to ``var/receipts/<id>.json``, and beside it the page to print.

    The page comes back: ``<id>.html``.

    Parameters
    ----------
    flushed : False where many receipts are written, which the caller flushes together.
    """
    from evaluation.ledger.receipt_page import as_page

    name = receipt.act_id if isinstance(receipt, Act) else receipt.return_id
    # NaN is no JSON and other programs would refuse the receipt.
    text = json.dumps(receipt.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(workspace.receipts / f"{name}.json", text + "\n", flushed=flushed)
    page = page_of(workspace, receipt)
    write_whole(page, as_page(receipt), flushed=flushed)
    return page


def page_of(workspace: Workspace, receipt: Receipt | Act) -> Path:
    """Where the printable page of a receipt lies."""
    name = receipt.act_id if isinstance(receipt, Act) else receipt.return_id
    return workspace.receipts / f"{name}.html"
