"""The learning log: what was changed, why, what was expected of it, and what came of it.

Each entry takes the next place in the ledger's one chain, so that what was expected, and when that
was written down, cannot be changed afterwards without `evaluation.ledger.verify` finding it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import keyed
from evaluation.ledger.append import head_of, next_place, version_of
from evaluation.ledger.receipt import return_id
from evaluation.ledger.schema import log_entries, seals
from evaluation.quarters import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EntryKind = Literal[
    "change", "surprise", "harm", "assumption", "explanation", "decision", "trial", "outcome"
]
"""What an entry is: ``outcome`` says what came of an earlier one, ``explanation`` why a figure is
as it is, ``assumption`` that one was tested."""
KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
OF_THE_PAST = frozenset({"explanation", "surprise"})
"""Kinds that speak of a figure that has been seen, where it is not said of which period."""
WHOLE_PROGRAMME = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry as somebody writes it.

    site : its code; empty for the whole programme. what, why : in words. expects : the figure (code
    of an outcome or a practice) on which an effect is expected, or which is explained; by_when :
    the period by which. period : in which it happened, or of which a figure is explained; empty
    where that is the period of writing. seen : ids of the figures that had been seen. decided_by :
    names. about : id of the earlier entry whose outcome this is. rule : name of a decision rule.
    shared : whether other sites may read it in their letters.
    """

    programme: str
    site: str
    kind: EntryKind
    what: str
    why: str
    expects: str = ""
    by_when: str = ""
    period: str = ""
    seen: tuple[str, ...] = ()
    decided_by: str = ""
    about: str = ""
    rule: str = ""
    shared: bool = False


_APART = ("entry", "head")


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An entry in the ledger: what was written, by whom and when, and its place in the chain."""

    entry_id: str
    entry: Entry
    received: str
    by: str
    synthetic_clock: bool
    previous_hash: str
    chain_hash: str
    head: str = field(default="", compare=False, repr=False)
    """What documents name it by as the head of a chain."""

    def as_dict(self) -> dict[str, Any]:
        """As printed and kept in files."""
        held = asdict(self)
        return {**asdict(self.entry), **{k: v for k, v in held.items() if k not in _APART}}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An entry beside what came later: whether it was late, and what came of it.

    late : why it counts as written afterwards, in a sentence; empty where it was written before.
    """

    held: LogEntry
    late: str = ""
    outcomes: tuple[LogEntry, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        later = [one.as_dict() for one in self.outcomes]
        return self.held.as_dict() | {"late": self.late, "what_came_of_it": later}


@dataclass(frozen=True, kw_only=True)
class PublishedQuarter:
    """When figures up to a period were published: an edition's instant and its quarter."""

    quarter: str
    published: str


def as_content(entry: Entry) -> str:
    """An entry as the ledger stores it: canonical text, so that what is hashed is what is read."""
    return json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True)


def of_content(text: str) -> Entry:
    """Read back what `as_content` gave.

    Raises
    ------
    ValueError : it is no entry.
    """
    content = json.loads(text)
    if not isinstance(content, dict) or content.keys() != {one.name for one in fields(Entry)}:
        raise ValueError("it is no entry of the learning log")
    return Entry(**{**content, "seen": tuple(content["seen"])})


def entry_hash(
    *, previous_hash: str, content: str, received: str, by: str, synthetic_clock: bool
) -> str:
    """SHA-256 that binds an entry to the record before it in the same ledger."""
    return fingerprint.of_data(
        {
            "previous_hash": previous_hash,
            # Under a name that neither returns nor acts have: none can pass for another.
            "learning": content,
            "received": received,
            "by": by,
            "synthetic_clock": synthetic_clock,
        }
    )


def append_entry(
    connection: sa.Connection, entry: Entry, *, received: str, by: str, synthetic_clock: bool
) -> LogEntry:
    """Add an entry; the same one written again that day comes back as it is.

    Raises
    ------
    LedgerError : a word is missing, the kind is none, or the entry that it is about is not there.
    """
    _refuse(connection, entry)
    content = as_content(entry)
    known = connection.execute(
        _STORED.where(
            log_entries.c.content == content,
            log_entries.c.by == by,
            log_entries.c.received >= received[:10],
        )
    ).first()
    # A retry after a lost connection adds nothing; the same again on another day is another.
    if known is not None:
        return _read(known)
    place = next_place(connection)
    seq, previous = place.seq, place.previous
    held: dict[str, Any] = {"content": content, "received": received, "by": by}
    held |= {"previous_hash": previous, "synthetic_clock": synthetic_clock}
    chain = entry_hash(**held)
    stored = held | {"seq": seq, "entry_id": return_id(chain), "chain_hash": chain}
    connection.execute(log_entries.insert(), stored | {"programme": entry.programme})
    keyed.seal(connection, seq, [previous, content], repeatable=synthetic_clock)
    return _read(connection.execute(_STORED.where(log_entries.c.seq == seq)).one())


def _refuse(connection: sa.Connection, entry: Entry) -> None:
    if entry.kind not in KINDS:
        raise LedgerError(f"{entry.kind!r} is no kind of entry.", expected=" or ".join(KINDS))
    for name in ("what", "why"):
        if not getattr(entry, name).strip():
            raise LedgerError(
                f"an entry of the learning log needs its {name}, which is kept for ever.",
                mend=f'--{name} "TEXT"',
            )
    if entry.kind == "outcome" and not entry.about:
        raise LedgerError(
            "what came of something names the entry that it came of.",
            mend="--about ENTRY, as newstart log list shows it",
        )
    ids = {one.entry_id for one in read_entries(connection, entry.programme)}
    if entry.about and entry.about not in ids:
        raise LedgerError(
            f"the learning log holds no entry {entry.about!r}.",
            expected="the id of an earlier entry",
            mend="newstart log list shows them",
        )


def read_entries(connection: sa.Connection, programme: str | None = None) -> list[LogEntry]:
    """Every entry in the order of the chain, of one programme or of all."""
    chosen = sa.true() if programme is None else log_entries.c.programme == programme
    rows = connection.execute(_STORED.where(chosen).order_by(log_entries.c.seq))
    return [_read(row) for row in rows]


def _read(row: sa.Row[Any]) -> LogEntry:
    try:
        entry = of_content(row.content)
    except (ValueError, TypeError):
        raise LedgerError(
            "an entry of the learning log cannot be read: it was changed after it was written.",
            where=str(row.entry_id),
            mend="newstart ledger verify names every record that does not hold",
        ) from None
    return LogEntry(
        entry_id=row.entry_id,
        entry=entry,
        received=row.received,
        by=row.by,
        synthetic_clock=row.synthetic_clock,
        previous_hash=row.previous_hash,
        chain_hash=row.chain_hash,
        head=head_of(row.chain_hash, row.chain_version, row.seal),
    )


_STORED = sa.select(log_entries, seals.c.seal, version_of(log_entries)).outerjoin(
    seals, seals.c.seq == log_entries.c.seq
)


def shown(entries: Iterable[LogEntry], published: Iterable[PublishedQuarter]) -> list[Shown]:
    """The entries that began something, each with what came of it and whether it was late."""
    held, editions = list(entries), list(published)
    came: dict[str, list[LogEntry]] = {}
    for one in held:
        if one.entry.about:
            came.setdefault(one.entry.about, []).append(one)
    return [
        Shown(held=one, late=late(one, editions), outcomes=tuple(came.get(one.entry_id, ())))
        for one in held
    ]


def late(one: LogEntry, published: Iterable[PublishedQuarter]) -> str:
    """Why an entry counts as written afterwards; empty where it was written before.

    An entry is late where the figure that it names had been published, for the period that it
    speaks of, before it was written; and where it expects something by a period that was over.
    """
    entry = one.entry
    about = Period.parse(entry.period) if entry.period else None
    past = about is not None or entry.kind in OF_THE_PAST
    if past and (entry.expects or entry.seen or entry.kind in OF_THE_PAST):
        known = [
            edition
            for edition in published
            # Instants of one format in UTC sort as text.
            if edition.published <= one.received and _shows(edition.quarter, about)
        ]
        if known:
            first = min(known, key=lambda edition: edition.published)
            return (
                f"written on {one.received[:10]}, after the figure was published on "
                f"{first.published[:10]}"
            )
    if entry.by_when and _is_over(Period.parse(entry.by_when), one.received):
        return f"written on {one.received[:10]}, when {entry.by_when} was over"
    return ""


def _shows(quarter: str, about: Period | None) -> bool:
    """Whether an edition of a quarter shows figures of a period; of any where none is named."""
    if about is None:
        return True
    # By days: a month, a quarter and a year do not compare as periods.
    return Period.parse(quarter).last_day >= about.last_day


def _is_over(period: Period, received: str) -> bool:
    return received[:10] > period.last_day.isoformat()


def ticks(entries: Iterable[LogEntry], site: str) -> list[Mapping[str, str]]:
    """Where the charts of a site show a mark: period, entry and what was changed."""
    return [
        {
            "period": one.entry.period or _period_of(one.received),
            "entry": one.entry_id,
            "kind": one.entry.kind,
            "what": one.entry.what,
        }
        for one in entries
        if one.entry.site in (site, WHOLE_PROGRAMME) and one.entry.kind in ("change", "harm")
    ]


def _period_of(received: str) -> str:
    """The quarter in which an instant lies."""
    year, month = int(received[:4]), int(received[5:7])
    return Period.quarter(year, (month + 2) // 3).label


def changes_inside(
    entries: Iterable[LogEntry], site: str, start: Period, window: tuple[int, int]
) -> list[LogEntry]:
    """The changes of practice that a site made inside the window that it is judged over.

    Parameters
    ----------
    start : the site's. window : first and last period since the start.
    """
    found = []
    for one in entries:
        if one.entry.site not in (site, WHOLE_PROGRAMME) or one.entry.kind != "change":
            continue
        when = Period.parse(one.entry.period or _period_of(one.received))
        # What was changed in a month or on a day lies in a period of the site's own calendar.
        if when.frequency != start.frequency:
            when = when.within(start.frequency)
        since = when - start
        if max(window[0], 0) <= since <= window[1]:
            found.append(one)
    return found
