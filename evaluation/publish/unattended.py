"""Publishing every quarter with nobody watching: all that a person would look at first is asked.

Whatever is wrong stops it before anything is touched, each in a sentence. It never publishes a
correction: that takes a person who says why.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.edition import words
from evaluation.edition.edition import programmes_shown
from evaluation.edition.past import History
from evaluation.errors import EditionRefused, LedgerError, ProtocolError
from evaluation.ledger.calendar import calendar, due, passed
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.progress import Progress
from evaluation.publish.proof import verify
from evaluation.publish.publish import Published, publish
from evaluation.publish.refresh import studies_of
from evaluation.quarters import Period
from evaluation.returns.monthly import counted
from evaluation.study.lock_status import standing_of
from evaluation.study.study import Study

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

NAMED = 5


def publish_unattended(
    workspace: Workspace,
    *,
    programme: str,
    quarter: str = "",
    pages: bool = True,
    progress: Progress = print,
) -> Published:
    """Publish the last quarter whose returns were due, if nothing speaks against it.

    An edition of it that stands as it was made is left as it is.

    Parameters
    ----------
    quarter : another one, by its label.

    Raises
    ------
    NotForPublication : the programme is closed.
    EditionRefused : a fault was found, each in a line; the last edition stands as it was.
    UserError : a step on the way failed, which says what; the last edition stands as it was.
    """
    # Before the faults: what may not leave at all has no others to see to.
    refuse_unreleased(workspace, programmes_shown(workspace, programme))
    declared, now = Programme.load(workspace, programme), workspace.now()
    wanted = _quarter(declared, quarter, now)
    progress(f"Edition {wanted}: looking for what speaks against it")
    if found := faults(workspace, declared, wanted, now):
        raise EditionRefused(
            f"edition {wanted} is not published, for {words.counted(len(found), 'reason')}:\n"
            + "\n".join(f"  - {one}" for one in found),
            mend="see to each, then run this again; the last edition stands as it was",
        )
    return publish(
        workspace,
        programme=programme,
        quarter=wanted.label,
        pages=pages,
        now=now,
        progress=progress,
    )


def faults(workspace: Workspace, programme: Programme, quarter: Period, now: datetime) -> list[str]:
    """What speaks against publishing a quarter, a sentence each."""
    editions = History.read(workspace).editions
    found = []
    if editions:
        # Files, chain and ledger alone: every old edition's figures again would take its own code,
        # and long.
        proofs = verify(workspace, editions, figures=False)
        messages = [fault for proof in proofs for fault in proof.faults]
        found += list(dict.fromkeys(messages))[:NAMED]
    else:
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            found += [f"The ledger does not hold: {one.what}" for one in ledger.verify().broken]
    # What does not hold makes all further questions moot.
    if found:
        return found
    found += _missing(workspace, programme, quarter, now)
    for name in studies_of(workspace, programme.name):
        found += _study(workspace, name)
    return found


def _quarter(programme: Programme, asked: str, now: datetime) -> Period:
    """The quarter to be published: the one asked for, or the last whose due day has passed."""
    over = passed(programme.first, programme, now)
    if asked:
        wanted = Period.parse(asked)
        if wanted not in over:
            day = words.day(due(wanted, programme).isoformat())
            raise EditionRefused(
                f"edition {wanted} is not due: its returns are to be in by {day}.",
                expected=f"at the latest {over[-1]}" if over else "",
            )
        return wanted
    if not over:
        raise EditionRefused("no quarter of the programme is over and due yet.")
    return over[-1]


def _missing(
    workspace: Workspace, programme: Programme, quarter: Period, now: datetime
) -> list[str]:
    """The returns of the quarter and its months that did not come, or were withdrawn."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        gone = {act.return_id for act in ledger.acts() if act.kind == "withdrawal"}
        held = [
            {"site": r.site, "agency": r.agency, "quarter": r.quarter, "received": r.received}
            for r in ledger.receipts(programme.name)
            if r.return_id not in gone
        ]
    owed = [
        f"{one.site} {one.agency}" + (f" ({one.quarter})" if one.quarter != quarter else "")
        for one in calendar(programme, held, now.date())
        if counted(one.quarter, programme) == quarter and one.received is None
    ]
    if not owed:
        return []
    verb = "is" if len(owed) == 1 else "are"
    count = words.counted(len(owed), "return")
    return [f"{count} of {quarter} {verb} missing: {words.listed(owed)}."]


def _study(workspace: Workspace, name: str) -> list[str]:
    """What is not as it was locked in a study, or not as it was looked at."""
    try:
        study = Study.load(workspace, name)
        if study.protocol.looks is not None:
            # Reading checks the chain of looks.
            study.looks.rows()
        standing = standing_of(study)
    except (ProtocolError, LedgerError) as error:
        return [f"{name}: {error}"]
    # A study that was never locked is exploratory and says so; that stops no edition.
    if standing.lock is None:
        return []
    return [f"{name}: the lock does not hold. {one}" for one in standing.changed[:NAMED]]
