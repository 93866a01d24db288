"""How a run of a study stands to its lock: what is not as it was locked, each in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.ledger.calendar import due
from evaluation.ledger.learning_log import LogEntry
from evaluation.ledger.receipt import FIRST, Act, Receipt
from evaluation.ledger.signatures import Signature
from evaluation.quarters import Period, format_instant, parse_instant
from evaluation.study.code import code_files
from evaluation.study.lock import ARRANGED_ANEW, Lock, declared_part, protocol_part, relock_command
from evaluation.study.stored_assignments import drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.ledger.ledger import Ledger
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.study.interim_analyses import Seen
    from evaluation.study.study import Study


FILE = "deviations.yaml"


class Deviation(Frozen):
    """One departure from the protocol."""

    date: date
    what: str = Field(min_length=1)
    reason: str = Field(min_length=1)

    @property
    def sentence(self) -> str:
        return f"{self.date.isoformat()}: {self.what.rstrip('.')}. Reason: {self.reason}"


class _Deviations(Frozen):
    deviations: tuple[Deviation, ...] = ()


def read_deviations(folder: Path) -> tuple[Deviation, ...]:
    """The deviations of a study, in order of date; none where there is no file.

    Raises
    ------
    ProtocolError : one has no date, text or reason, or the file has another shape.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    held = validated(
        _Deviations,
        read_yaml(path),
        path,
        ProtocolError,
        expected="deviations: a list, each with date, what and reason",
    )
    return tuple(sorted(held.deviations, key=lambda one: one.date))


LONGEST = 80


def differing(was: Any, now: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Dotted place, old value and new one of everything that differs; a list is one value."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [
            found
            for key in dict.fromkeys([*was, *now])
            # A key that one side lacks reads as None: what was added changed from nothing.
            for found in differing(was.get(key), now.get(key), f"{place}.{key}".lstrip("."))
        ]
    return [] if was == now else [(place, was, now)]


def short(value: Any) -> str:
    """A value as it is quoted in a sentence."""
    text = "not stated" if value in (None, "", [], {}) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


Record = Receipt | Act | LogEntry | Signature


def not_by_the_rule(study: Study, ledger: Ledger, lock: Lock) -> list[str]:
    """Why the study's vintage is not one that the lock provides for; nothing if it is."""
    chain, until = _in_order(ledger), format_instant(study.as_of) if study.as_of else None
    known = [one for one in chain if until is None or one.received <= until]
    said = [
        found for step in lock.steps if (found := _not_ancestor(step, known, chain)) is not None
    ]
    # The whole ledger, from its raw bytes: a look on figures that do not verify is confirmatory of
    # nothing.
    broken = ledger.verify().broken
    said += [
        f"The ledger does not hold: {'return ' + one.return_id if one.return_id else 'it'}: "
        f"{one.what}"
        for one in broken[:NAMED]
    ]
    said += _received_out_of_order(lock, chain)
    if study.protocol.vintage_rule == "due_day" and not said:
        said += _after_due(study.programme, known)
    return said


def _in_order(ledger: Ledger) -> list[Record]:
    """Every record of the chain, each after the one that it follows."""
    records: list[Record] = [
        *ledger.receipts(),
        *ledger.acts(),
        *ledger.entries(),
        *ledger.signatures(),
    ]
    after = {one.previous_hash: one for one in records}
    chain: list[Record] = []
    head = FIRST
    # The count bounds it: a damaged chain could lead back into itself.
    while head in after and len(chain) < len(records):
        chain.append(after[head])
        head = after[head].chain_hash
    return chain


def _not_ancestor(step: object, known: list[Record], chain: list[Record]) -> str | None:
    assert isinstance(step, dict)
    head, day = step["ledger_head"]["chain"], step["frozen"][:10]
    # A lock made on an empty ledger is an ancestor of every ledger.
    if head == FIRST or any(head in (one.chain_hash, one.head) for one in known):
        return None
    if any(head in (one.chain_hash, one.head) for one in chain):
        return f"This vintage is older than the lock of {day}: it was known when that was made."
    return f"The ledger is not that of the lock of {day}: it does not hold the record named there."


def _received_out_of_order(lock: Lock, chain: list[Record]) -> list[str]:
    """Records after the first lock's head that claim an instant before the one they follow."""
    # A lock of before keyed hashes names the chain hash itself.
    places = {FIRST: 0}
    for place, one in enumerate(chain, start=1):
        places |= {one.chain_hash: place, one.head: place}
    head = lock.first["ledger_head"]["chain"]
    if head not in places:
        return []
    begin, said = places[head], []
    # The lock's own instant counts as well: a record put in later cannot have been received before
    # it.
    latest = max([one.received for one in chain[:begin]] + [lock.first["frozen"]])
    for one in chain[begin:]:
        if one.received < latest:
            name = one.chain_hash[:12]
            said.append(
                f"Record {name} was put into the ledger as if received on {one.received[:10]}, "
                f"before {latest[:10]}: a past vintage is another than it was."
            )
        # Against the latest so far and not only the neighbour, or a run of old dates would be told
        # once and then pass.
        latest = max(latest, one.received)
    return said[:NAMED]


def _after_due(programme: Programme, known: list[Record]) -> list[str]:
    own = [one for one in known if isinstance(one, Receipt) and one.programme == programme.name]
    if not own:
        return []
    last = max(Period.parse(one.quarter) for one in own)
    limit = due(last, programme)
    if max(one.received for one in own) <= format_instant(limit):
        return []
    return [
        f"This vintage holds returns of after {limit.date().isoformat()}, on which those "
        f"of {last} were due; the protocol looks at what was known by then."
    ]


NO_LOCK = "No protocol lock exists: the analysis was not frozen before the data."
NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A study beside its lock.

    changed : what is not as it was locked; restored, the run is as before. late : what no restoring
    mends.
    """

    lock: Lock | None
    changed: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    deviations: tuple[Deviation, ...] = ()

    @property
    def exploratory(self) -> bool:
        """Whether it was locked as exploratory: nothing is tested, and no alpha is spent."""
        return self.lock is not None and self.lock.exploratory

    @property
    def record(self) -> bool:
        """Whether a look may be written to the look ledger."""
        return not self.changed and not self.exploratory

    @property
    def differences(self) -> tuple[str, ...]:
        """Everything that keeps a look from being confirmatory, but for the look itself."""
        return (NO_LOCK,) if self.lock is None else (*self.changed, *self.late)

    def with_look(self, seen: Seen | None) -> tuple[str, ...]:
        """The differences of a run, what is to be said of its look among them."""
        said = list(self.differences)
        if self.lock is None or self.lock.exploratory:
            return tuple(said)
        if seen is None:
            said.append("No look was taken: nothing has started, or no looks are planned.")
            return tuple(said)
        if not seen.written and not self.changed:
            said.append("This look is not written in the study's look ledger: a later look is.")
        strange = [
            str(row.number)
            for row in seen.rows
            # A look not written down has no statistics and no lock to have been taken under.
            if row.statistics and row.known.get("lock") not in self.lock.hashes
        ]
        if strange:
            said.append(f"Of the looks so far, {', '.join(strange)} were not taken under the lock.")
        return tuple(said)


def standing_of(study: Study) -> Standing:
    """How a study stands to its lock at its vintage.

    Kept assignments that are missing, as in a fresh clone, are drawn again as they were locked.

    Raises
    ------
    ProtocolError, LedgerError : the lock, the deviations or the kept assignments cannot be read.
    """
    lock, deviations = study.lock, read_deviations(study.folder)
    if lock is None:
        return Standing(lock=None, deviations=deviations)
    changed = [
        *_protocol(lock, protocol_part(study.folder, study.protocol)),
        *_declared(lock, declared_part(study.programme, study.protocol)),
        *changed_code(lock, study.name),
    ]
    # Only as locked: on another protocol or code the same seed could draw others.
    if not changed:
        _restore_assignments(study, lock)
    changed += _assignments(study, lock)
    with study.ledger() as ledger:
        changed += not_by_the_rule(study, ledger, lock)
        late = as_exploratory(study, ledger, lock) if lock.exploratory else _late(lock)
    return Standing(lock=lock, changed=tuple(changed), late=tuple(late), deviations=deviations)


def came_since(study: Study, ledger: Ledger, lock: Lock) -> list[str]:
    """When returns of the study's programme came in after a lock, as far as they are known."""
    until = format_instant(study.as_of) if study.as_of else None
    return [
        one.received
        for one in ledger.receipts(study.programme.name)
        if one.received > lock.content["frozen"] and (until is None or one.received <= until)
    ]


def as_exploratory(study: Study, ledger: Ledger, lock: Lock) -> list[str]:
    """What is said of every run under an exploratory lock: what it is, and what it would need."""
    said = [
        f"It was locked as exploratory on {lock.content['frozen'][:10]}: no chance of a false "
        "finding was set aside, nothing is called better or worse, and it is never made "
        "confirmatory."
    ]
    said += [f"To be confirmatory it would have needed another plan. {one}" for one in lock.needed]
    if after := came_since(study, ledger, lock):
        said.append(
            f"Returns came in after that (the last on {max(after)[:10]}) and are not covered: "
            f"new data need a new lock ({relock_command(study.name, exploratory=True)})."
        )
    return said


def _restore_assignments(study: Study, lock: Lock) -> None:
    """Draw the kept assignments again as they were locked, where they are missing."""
    if study.protocol.looks is None or study.store.kept is not None:
        return
    panel = _drawn_on(study, lock)
    if panel is not None:
        study.store.kept_or_drawn(study.programme, study.protocol, panel)


def _drawn_on(study: Study, lock: Lock) -> Panel | None:
    """The panel on which the locked assignments were drawn; None if that is not known."""
    instant = lock.content["assignments"]["drawn_as_of"]
    if instant is None:
        return None
    # At the instant of the lock: strata and masks follow the panel of that day.
    then = study.at(parse_instant(instant))
    return None if then.observations.empty else then.panel


def _protocol(lock: Lock, now: Mapping[str, Any]) -> list[str]:
    was = lock.content["protocol"]
    # A field that a later version of the software adds is no difference.
    known = {field: now["content"].get(field) for field in was["content"]}
    said = [
        f"protocol.yaml: {place} is {short(new)} and was locked as {short(old)}."
        for place, old, new in differing(was["content"], known)
    ]
    if not said and was["sha256"] != now["sha256"]:
        said.append("protocol.yaml: its text was changed, though no field of it (a comment?).")
    return said


def _declared(lock: Lock, now: Mapping[str, Any]) -> list[str]:
    was = lock.content["declared"]
    said = [
        f"programme.yaml: site {code} starts in {now['sites'].get(code, 'no quarter')} and was "
        f"locked with {was['sites'].get(code, 'no start')}."
        for code in sorted({*was["sites"], *now["sites"]})
        if was["sites"].get(code) != now["sites"].get(code)
    ]
    # Only a lock of sites that began inside a period names their days.
    before, after = was.get("began", {}), now.get("began", {})
    said += [
        f"programme.yaml: site {code} began on {after.get(code, 'the first day')} and was locked "
        f"with {before.get(code, 'the first day')}."
        for code in sorted({*before, *after})
        if before.get(code) != after.get(code)
    ]
    said += [
        f"The definition of the outcome {code} is another than was locked."
        for code in was["outcomes"]
        if code in now["outcomes"] and was["outcomes"][code] != now["outcomes"][code]
    ]
    if was["areas"] != now["areas"]:
        said.append("The list of eligible areas (or a fixed denominator) is another than locked.")
    if was.get("prices") != now.get("prices"):
        said.append("The programme's own unit costs or overlaps are others than were locked.")
    return said


def changed_code(lock: Lock, name: str) -> list[str]:
    """Which files of the code that decides are not as they were locked, in a sentence.

    A file that was locked and is no more was moved by a release, and everything with it: then no
    file is to be mended, and the sentence says so and how to lock ``programme/study`` anew.
    """
    was, now = lock.content["code"]["files"], code_files()
    changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    if not changed:
        return []
    if lock.files_gone(now):
        return [
            f"The code is another than was locked: {ARRANGED_ANEW}. "
            f"Lock the study anew: {relock_command(name)}"
        ]
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return [f"The code is another than was locked: {', '.join(changed[:NAMED])}{more}."]


def _assignments(study: Study, lock: Lock) -> list[str]:
    kept = study.store.kept
    if (kept.fingerprint if kept else "") == lock.content["assignments"]["sha256"]:
        return []
    if kept is None:
        return ["The kept assignments are missing, or belong to another plan than was locked."]
    said = "The kept assignments are not those that were locked"
    panel = _drawn_on(study, lock)
    if panel is None:
        return [f"{said}."]
    expected, whole = drawn(study.programme, study.protocol, panel)
    rows = kept.changed_rows(expected, whole)
    if not rows:
        return [f"{said}: their description was changed, though no assignment."]
    named = ", ".join(map(str, rows[:NAMED])) + (" ..." if len(rows) > NAMED else "")
    return [f"{said}: {len(rows)} of {len(expected)} differ (number {named})."]


def _late(lock: Lock) -> list[str]:
    """What cannot be mended: what had been seen before the first lock, or before a change to it."""
    first, said = lock.first, []
    seen = first["data_seen"]
    if seen["after_start"]:
        said.append(
            f"When the protocol was frozen ({first['frozen'][:10]}) figures up to "
            f"{seen['last_quarter']} had been seen, and the first start was {seen['first_start']}."
        )
    # Neighbours: the second list is one shorter by design.
    for before, after in zip(lock.steps, lock.steps[1:], strict=False):
        parts = [
            name
            for name, part in (
                ("protocol", "protocol"),
                ("declarations", "declared"),
                ("assignments", "assignments"),
            )
            if before[part] != after[part]
        ]
        # A change before any figure of after the start was seen is no harm: nothing could have
        # guided it.
        if parts and after["data_seen"]["after_start"]:
            said.append(
                f"The {' and '.join(parts)} changed at the re-lock of {after['frozen'][:10]}, when "
                f"figures up to {after['data_seen']['last_quarter']} had been seen "
                f"({after['reason']})."
            )
    return said
