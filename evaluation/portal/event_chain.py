"""What happened, only ever added to: each event bound to the one before it by its hash.

The table refuses changes and deletions by triggers, as the ledger's do; ``verify`` tells a table
that was changed past them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction

from evaluation import fingerprint
from evaluation.portal.models import Event
from evaluation.quarters import format_instant, now

FIRST = "0" * 64
_ONE_WRITER = 7_301_960
"""The number of PostgreSQL's lock under which events are added, one after the other."""


def record(who: str, what: str, about: str = "", *, size: int = 0) -> Event:
    """Add an event; it holds once the transaction around it does.

    Parameters
    ----------
    who : the person's name, or the address that a request came from.
    about : what it concerns, without figures: a draft's number, a file's name, an address.
    size : bytes, where something was uploaded.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_WRITER])
        last = Event.objects.order_by("-id").values_list("chain", flat=True).first()
        at, previous = now(), last or FIRST
        who, about = printable(who)[:300], printable(about)[:300]
        bound = _bound(at, who=who, what=what, about=about, size=size)
        chain = fingerprint.of_data(bound | {"previous": previous})
        return Event.objects.create(
            at=at, who=who, what=what, about=about, size=size, previous=previous, chain=chain
        )


def printable(text: str) -> str:
    """A text in which signs that cannot be printed are seen to be there.

    A name typed by a stranger could break lines, or turn the rest of one round.
    """
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _bound(at: datetime, *, who: str, what: str, about: str, size: int) -> dict[str, Any]:
    return {"at": format_instant(at), "who": who, "what": what, "about": about, "size": size}


def verify() -> list[int]:
    """The numbers of events that do not hold: changed, or cut off from the one before."""
    broken, previous = [], FIRST
    for one in Event.objects.order_by("id").iterator():
        bound = _bound(one.at, who=one.who, what=one.what, about=one.about, size=one.size)
        chain = fingerprint.of_data(bound | {"previous": previous})
        if (one.previous, one.chain) != (previous, chain):
            broken.append(one.id)
        previous = one.chain
    return broken


def since(*what: str, ago: timedelta, **where: str) -> models.QuerySet[Event]:
    """The events of these kinds of the last while."""
    return Event.objects.filter(what__in=what, at__gte=now() - ago, **where)
