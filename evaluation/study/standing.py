"""How a run of a study stands to its lock: what is not as it was locked, each in a sentence.

A look is confirmatory only if nothing is said here. What can be restored (a changed protocol,
assignment, line of code, record of the ledger) stands apart from what cannot (results that had
been seen before the lock): under the first no look is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evaluation.quarters import parse_instant
from evaluation.study import assignment_store, kept
from evaluation.study.code import code_files
from evaluation.study.deviations import Deviation, read_deviations
from evaluation.study.differing import differing, short
from evaluation.study.lock import Lock, declared_part, protocol_part
from evaluation.study.panels import study_panel
from evaluation.study.vintage import not_by_the_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.ledger.ledger import Ledger
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.study.looks import Seen
    from evaluation.workspace import Workspace

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
    def record(self) -> bool:
        """Whether a look may be written to the look ledger."""
        return not self.changed

    @property
    def differences(self) -> tuple[str, ...]:
        """Everything that keeps a look from being confirmatory, but for the look itself."""
        return (NO_LOCK,) if self.lock is None else (*self.changed, *self.late)

    def with_look(self, seen: Seen | None) -> tuple[str, ...]:
        """The differences of a run, what is to be said of its look among them."""
        said = list(self.differences)
        if self.lock is None:
            return tuple(said)
        if seen is None:
            said.append("No look was taken: nothing has started, or no looks are planned.")
            return tuple(said)
        if not seen.written and not self.changed:
            said.append("This look is not written in the study's look ledger: a later look is.")
        strange = [
            str(row.number)
            for row in seen.rows
            if row.statistics and row.known.get("lock") not in self.lock.hashes
        ]
        if strange:
            said.append(f"Of the looks so far, {', '.join(strange)} were not taken under the lock.")
        return tuple(said)


def standing_of(
    workspace: Workspace,
    programme: Programme,
    protocol: Protocol,
    ledger: Ledger,
    as_of: datetime | None = None,
) -> Standing:
    """How a study stands to its lock at a vintage (default: all that the ledger knows).

    Kept assignments that are missing, as in a fresh clone, are drawn again as they were locked.

    Raises
    ------
    ProtocolError, LedgerError : the lock, the deviations or the kept assignments cannot be read.
    """
    folder = workspace.studies / programme.name / protocol.study
    lock, deviations = Lock.read(folder), read_deviations(folder)
    if lock is None:
        return Standing(lock=None, deviations=deviations)
    changed = [
        *_protocol(lock, protocol_part(folder, protocol)),
        *_declared(lock, declared_part(programme, protocol)),
        *changed_code(lock),
    ]
    what = (programme, protocol)
    if not changed:
        restore_assignments(workspace, what, ledger, lock)
    changed += _assignments(workspace, what, ledger, lock)
    changed += not_by_the_rule(what, ledger, lock, as_of)
    return Standing(
        lock=lock, changed=tuple(changed), late=tuple(_late(lock)), deviations=deviations
    )


def restore_assignments(
    workspace: Workspace, what: tuple[Programme, Protocol], ledger: Ledger, lock: Lock
) -> None:
    """Draw the kept assignments again as they were locked, where they are missing."""
    programme, protocol = what
    folder = kept.series_folder(workspace, programme, protocol)
    if protocol.looks is None or (folder / assignment_store.FILE).is_file():
        return
    panel = _drawn_on(what, ledger, lock)
    if panel is not None:
        kept.held_or_drawn(folder, programme, protocol, panel)


def _drawn_on(what: tuple[Programme, Protocol], ledger: Ledger, lock: Lock) -> Panel | None:
    """The panel on which the locked assignments were drawn; None if that is not known."""
    (programme, protocol), instant = what, lock.content["assignments"]["drawn_as_of"]
    if instant is None:
        return None
    as_of = parse_instant(instant)
    observations = ledger.observations(
        programme.name, as_of=as_of, outcomes=list(protocol.outcomes)
    )
    return None if observations.empty else study_panel(programme, protocol, observations, as_of)


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
    said += [
        f"The definition of the outcome {code} is another than was locked."
        for code in was["outcomes"]
        if code in now["outcomes"] and was["outcomes"][code] != now["outcomes"][code]
    ]
    if was["areas"] != now["areas"]:
        said.append("The list of eligible areas (or a fixed denominator) is another than locked.")
    return said


def changed_code(lock: Lock) -> list[str]:
    """Which files of the code that decides are not as they were locked, in a sentence."""
    was, now = lock.content["code"]["files"], code_files()
    changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    if not changed:
        return []
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return [f"The code is another than was locked: {', '.join(changed[:NAMED])}{more}."]


def _assignments(
    workspace: Workspace, what: tuple[Programme, Protocol], ledger: Ledger, lock: Lock
) -> list[str]:
    programme, protocol = what
    folder = kept.series_folder(workspace, programme, protocol)
    found = assignment_store.kept_fingerprint(folder)
    if found == lock.content["assignments"]["sha256"]:
        return []
    if not found:
        return ["The kept assignments are missing, or belong to another plan than was locked."]
    said = "The kept assignments are not those that were locked"
    panel = _drawn_on(what, ledger, lock)
    if panel is None:
        return [f"{said}."]
    expected, whole = kept.drawn(programme, protocol, panel)
    rows = assignment_store.changed_rows(folder, expected, whole)
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
        if parts and after["data_seen"]["after_start"]:
            said.append(
                f"The {' and '.join(parts)} changed at the re-lock of {after['frozen'][:10]}, when "
                f"figures up to {after['data_seen']['last_quarter']} had been seen "
                f"({after['reason']})."
            )
    return said
