"""Freeze a protocol: fix it, its assignments and its code before the data are seen.

The first freeze draws the assignments and keeps them. A re-lock, after a fault in the code was
mended, keeps the lock before it and sets the headline figures of both side by side.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from evaluation.errors import ProtocolError
from evaluation.progress import Progress
from evaluation.quarters import Period, format_instant
from evaluation.study.code import code_files, code_fingerprint
from evaluation.study.heterogeneity import scales_before_start
from evaluation.study.learned import learning_part, rules_of
from evaluation.study.lock import (
    ARRANGED_ANEW,
    VERSION,
    VINTAGE_RULES,
    Lock,
    declared_part,
    environment,
    protocol_part,
    relock_command,
)
from evaluation.study.lock_status import came_since
from evaluation.study.protocol_check import SEEN_AFTER_START, Checked, checked
from evaluation.study.record import Results
from evaluation.study.results import clean, read_results, results_of
from evaluation.study.run import run_study
from evaluation.study.stored_assignments import drawn
from evaluation.study.study import Study, StudyName

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import Programme
    from evaluation.workspace import Workspace


def freeze(
    workspace: Workspace,
    name: str,
    *,
    relock: str = "",
    exploratory: bool = False,
    registration: str = "",
    now: datetime | None = None,
    found: Checked | None = None,
    progress: Progress = lambda _: None,
) -> Lock:
    """Write the lock of ``programme/study``; one that still holds comes back as it is.

    Parameters
    ----------
    relock : the reason for locking anew what was locked before.
    exploratory : the analysis is fixed, and no result of it will be called confirmatory: no alpha
        is spent, and what would keep a confirmatory study from being locked may stand. It is never
        made confirmatory later, and figures that came after it need a new lock.
    registration : a registry's number, or a time stamp that somebody else gave.
    now : the instant of the lock; by default the workspace's clock. found : the check of the
        protocol, where it was made just now; by default it is made here.

    Raises
    ------
    ProtocolError : the check finds an error, something changed since the lock and no reason is
        given, there are no figures to draw the assignments on, or the study was locked as one that
        is confirmatory (or exploratory) and is asked for as the other.
    """
    found = found or checked(workspace, name)
    if errors := [one for one in found.errors if not (exploratory and one.confirmable_by)]:
        raise ProtocolError(
            f"the protocol cannot be frozen: {len(errors)} "
            f"{'errors' if len(errors) > 1 else 'error'}, the first: {errors[0].message}",
            where=f"{name}, line {errors[0].line}",
            mend=f"newstart protocol check {name}"
            if any(not one.confirmable_by for one in errors)
            else f"{errors[0].confirmable_by} Or lock it as exploratory, for good: newstart "
            f"protocol freeze {name} --exploratory",
        )
    study = found.study or Study.load(workspace, name)
    # Rules that cannot be read cannot be fixed.
    rules_of(study)
    before = study.lock
    if before is None and relock:
        raise ProtocolError(
            "there is no lock to lock anew.", where=name, mend=f"newstart protocol freeze {name}"
        )
    _refuse_other_kind(study, before, exploratory=exploratory)
    content = _content(study, before, now or workspace.now())
    content |= {
        "exploratory": exploratory,
        "registration": registration.strip() or (before.registration if before else ""),
        "needed": _needed(found) if exploratory else [],
    }
    # Questions do not stop a freeze; they are locked with it, so that nobody can say that they were
    # not asked.
    content["questions"] = [f"{one.rule}: {one.message}" for one in found.remarks]
    if before is not None:
        if not relock:
            _refuse_changed(before, content, name)
            _refuse_new(study, before, content)
            return before
        content |= _after(study, before, relock, progress)
    lock = Lock.of(clean(content))
    lock.write(study.folder)
    return lock


def _refuse_other_kind(study: Study, before: Lock | None, *, exploratory: bool) -> None:
    """A study stays what it was locked as: what was looked at once is no first look again."""
    was = before.exploratory if before else _ran_as_exploratory(study)
    if was is None or was == exploratory:
        return
    day = f" on {before.content['frozen'][:10]}" if before else ""
    kinds = ("exploratory", "confirmatory") if was else ("confirmatory", "exploratory")
    parts = StudyName.parse(study.name)
    raise ProtocolError(
        f"the study was locked as {kinds[0]}{day}, and is never made {kinds[1]}.",
        where=study.name,
        mend="give the question a study of its own, on figures that nobody has seen: "
        f"newstart protocol new {parts.programme}/OTHER"
        if was
        else f"leave --exploratory out, or give it a study of its own: newstart protocol new "
        f"{parts.programme}/OTHER",
    )


def _ran_as_exploratory(study: Study) -> bool | None:
    """Whether results were written under an exploratory lock that is gone; None if none were."""
    try:
        lock = read_results(study.workspace, study.name).lock
    except ProtocolError:
        return None
    return True if lock is not None and lock.exploratory else None


def _needed(found: Checked) -> list[str]:
    """What the study would need to be confirmatory: each lack, and what mends it."""
    lacks = [f"{one.message} {one.confirmable_by}" for one in found.needed]
    seen = [one for one in found.remarks if one.rule == SEEN_AFTER_START]
    return lacks + [f"{one.message} {one.mend}" for one in seen]


def _refuse_new(study: Study, before: Lock, content: dict[str, Any]) -> None:
    """Refuse to take back what another registration, or figures since an exploratory lock, ask."""
    if content["registration"] != before.registration:
        raise ProtocolError(
            f"it was locked on {before.content['frozen'][:10]}"
            + (
                f" with the registration {before.registration!r}."
                if before.registration
                else " without a registration."
            ),
            where=study.name,
            mend="leave --registration out, or lock it anew with its reason: "
            f"{relock_command(study.name, exploratory=before.exploratory)}",
        )
    if not before.exploratory:
        return
    with study.ledger() as ledger:
        came = came_since(study, ledger, before)
    if came:
        raise ProtocolError(
            f"it was locked as exploratory on {before.content['frozen'][:10]}, and returns came "
            f"in since (the last on {max(came)[:10]}): new data need a new lock.",
            where=study.name,
            mend=relock_command(study.name, exploratory=True),
        )


def _refuse_changed(before: Lock, content: dict[str, Any], name: str) -> None:
    parts = [
        part
        for part in ("protocol", "declared", "assignments", "code", "learning")
        # The environment is no part of it: a new version of a library is told with the lock and
        # does not end it.
        # What later releases fix too was not fixed before them.
        if part in before.content and before.content[part] != content[part]
    ]
    moved = before.files_gone(content["code"]["files"])
    if parts:
        raise ProtocolError(
            f"it was locked on {before.content['frozen'][:10]}, and the {', '.join(parts)} changed "
            f"since{': ' + ARRANGED_ANEW if moved else ''}.",
            where=name,
            mend=f"lock it anew: {relock_command(name)}"
            if moved
            else "restore what was changed, or lock anew with its reason: --relock --reason TEXT",
        )


def _content(study: Study, before: Lock | None, now: datetime) -> dict[str, Any]:
    programme, protocol, observations = study.programme, study.protocol, study.observations
    with study.ledger() as ledger:
        head = ledger.head()
        # Empty text sorts before every instant.
        latest = max((one.received for one in ledger.receipts(programme.name)), default="")
    if observations.empty:
        raise ProtocolError(
            "there are no figures yet to draw the assignments on.",
            where=protocol.study,
            mend="submit the returns of the quarters before the start first",
        )
    # A lock dated before returns that it could see would call them unseen.
    if latest > format_instant(now):
        raise ProtocolError(
            f"the ledger holds returns of {latest[:10]}, after the lock's own time "
            f"({format_instant(now)[:10]}).",
            where=protocol.study,
            mend="set the clock right: a lock cannot be dated back",
        )
    return {
        "lock_version": VERSION,
        "programme": programme.name,
        "study": protocol.study,
        "title": protocol.title,
        "frozen": format_instant(now),
        "synthetic_clock": study.workspace.synthetic_clock or programme.synthetic,
        "reason": "",
        "protocol": protocol_part(study.folder, protocol),
        "declared": declared_part(programme, protocol),
        "assignments": _assignments(study, before, now),
        "code": {"sha256": code_fingerprint(), "files": code_files()},
        "environment": environment(),
        "vintage_rule": {
            "name": protocol.vintage_rule,
            "says": VINTAGE_RULES[protocol.vintage_rule],
        },
        "ledger_head": {"returns": head.returns, "chain": head.chain},
        "between_sites": _scales(study, before),
        "learning": learning_part(study.folder, study.programme),
        "data_seen": _seen(programme, observations),
        "figures": {},
        "history": [],
    }


def _scales(study: Study, before: Lock | None) -> dict[str, float]:
    """How far sites may differ, by outcome: fixed once, before the start, and kept by a re-lock."""
    kept = before.first.get("between_sites") if before else None
    return dict(kept) if kept is not None else scales_before_start(study)


def _seen(programme: Programme, observations: pd.DataFrame) -> dict[str, Any]:
    """What had been seen: the last quarter held, and whether it lies after any start."""
    last = max(Period.parse(label) for label in observations["quarter"].unique())
    starts = [site.start for site in programme.sites]
    first = min(starts) if starts else None
    return {
        "last_quarter": last.label,
        "first_start": first.label if first else "",
        "after_start": first is not None and last >= first,
        # Both ends count.
        "started_quarters": max(0, last - first + 1) if first is not None else 0,
    }


def _assignments(study: Study, before: Lock | None, now: datetime) -> dict[str, Any]:
    """Draw and keep the assignments, or take those that looks were already judged against."""
    expected, whole = drawn(study.programme, study.protocol, study.panel)
    drawn_as_of: str | None = format_instant(now)
    kept = study.store.kept
    # The lock's own drawing is kept with its instant; only a fresh drawing gets a new one.
    if kept and before and kept.fingerprint == before.content["assignments"]["sha256"]:
        drawn_as_of = before.content["assignments"]["drawn_as_of"]
    # Looks were judged against these: a re-lock must not change the yardstick. When they were drawn
    # is then no longer known.
    elif kept and study.looks.rows():
        drawn_as_of = None
    else:
        kept = study.store.keep(expected, whole)
    held = kept.on(whole)
    return {
        "sha256": kept.fingerprint,
        "drawn_as_of": drawn_as_of,
        "drawn": len(held) - 1,
        # As text: the count can exceed what a double of JSON holds exactly.
        "distinct": str(held.distinct),
        "smallest_p": held.smallest_p,
        "block": held.block,
        "reason": held.reason,
        "seed": held.seed,
        "strata": list(held.banded_by),
    }


def _after(study: Study, before: Lock, reason: str, progress: Progress) -> dict[str, Any]:
    """What a re-lock adds: the reason, the lock before it, old and new figures side by side."""
    old = _held_headline(study, before)
    progress(f"{study.name}: running on the code and protocol that are to be locked")
    new = headline(results_of(run_study(study)))
    figures = {code: {"old": old.get(code), "new": new.get(code)} for code in sorted({*old, *new})}
    lock = dict(before.content)
    # Each earlier lock once: the history of the last one is moved up and emptied there.
    history = [*lock.pop("history"), {"hash": before.hash, "lock": {**lock, "history": []}}]
    return {"reason": reason, "figures": figures, "history": history}


def _held_headline(study: Study, before: Lock) -> dict[str, Any]:
    """The figures last written under the lock before; none if there are no results of its code."""
    try:
        results = read_results(study.workspace, study.name)
    except ProtocolError:
        return {}
    # Figures of other code are not those of the lock before.
    same = results.code_fingerprint == before.content["code"]["sha256"]
    return headline(results) if same else {}


def headline(results: Results) -> dict[str, Any]:
    """Primary outcome -> verdict and effect in percent with its range, of written results."""
    return {
        one.code: {
            "verdict": one.finding.verdict,
            "vintage": results.vintage,
            **one.finding.effect_percent.plain(),
        }
        for one in results.outcomes
        if one.role == "primary"
    }
