"""What a workspace's ledger gives to a check, and takes from it: figures, a return, a receipt.

Command line and portal go the same way, so that a check says what a submission would.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.report import Checked, Confirmation
from evaluation.errors import LedgerError
from evaluation.ledger.receipt import Act, Receipt
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.workbook import RawReturn
from evaluation.workspace import Workspace, write_whole


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


def accept(
    workspace: Workspace, raw: RawReturn, checked: Checked, reasons: tuple[Confirmation, ...] = ()
) -> Receipt:
    """Append a checked return to the workspace's ledger, and keep the receipt as a file too.

    Raises
    ------
    LedgerError : if an error stands against the return, or the ledger cannot be written.
    """
    from evaluation.ledger.ledger import Ledger

    if checked.returned is None or len(checked.of("confirm")) > len(reasons):
        raise LedgerError("the return has problems and was not accepted.", where=checked.file)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        receipt = ledger.submit(
            checked.returned,
            raw.content,
            received=workspace.now(),
            confirmations=reasons,
            synthetic_clock=workspace.synthetic_clock,
        )
    # After the commit: the ledger can print a receipt again, and a receipt without a record would
    # be a lie.
    keep_receipt(workspace, receipt)
    return receipt


def keep_receipt(workspace: Workspace, receipt: Receipt | Act) -> Path:
    """Write a receipt to ``var/receipts/<id>.json``, and beside it the page to print.

    The page comes back: ``<id>.html``.
    """
    from evaluation.ledger.receipt_page import as_page

    name = receipt.act_id if isinstance(receipt, Act) else receipt.return_id
    # NaN is no JSON and other programs would refuse the receipt.
    text = json.dumps(receipt.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(workspace.receipts / f"{name}.json", text + "\n")
    page = page_of(workspace, receipt)
    write_whole(page, as_page(receipt))
    return page


def page_of(workspace: Workspace, receipt: Receipt | Act) -> Path:
    """Where the printable page of a receipt lies."""
    name = receipt.act_id if isinstance(receipt, Act) else receipt.return_id
    return workspace.receipts / f"{name}.html"
