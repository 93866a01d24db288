"""Drafts that hold destroyed figures: their files, reports and answers go with them.

Without that, a draft is kept for thirty days (`drafts.KEPT_FOR`), refused or not, and forgotten by
`newstart portal work`.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction

from evaluation.portal import event_chain
from evaluation.portal.configure import Portal
from evaluation.portal.models import Draft

_GONE = {"report": "", "text": "", "changes": [], "totals": [], "file_sha256": "", "rows": 0}


def forget_drafts(portal: Portal, senders: Collection[tuple[str, str]], *, by: str) -> int:
    """Remove what drafts of some senders hold; how many drafts there were.

    That there was a draft, of whom and when, stays, and an event says that it was emptied.

    Parameters
    ----------
    senders : (site, agency) of each.
    """
    found = [
        one
        for one in Draft.objects.filter(programme=portal.programme_name)
        if (one.site, one.agency) in senders
    ]
    for one in found:
        (portal.uploaded / one.stored).unlink(missing_ok=True)
        with transaction.atomic():
            state = one.state if one.state == "submitted" else "expired"
            Draft.objects.filter(pk=one.pk).update(state=state, **_GONE)
            one.answers.all().delete()
            event_chain.record(by or "command line", "destroyed", one.number)
    if connection.vendor == "sqlite":
        # What was deleted would stay in the file's free pages and in its log.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(found)
