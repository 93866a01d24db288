"""Publish an edition: run what changed, say why the headlines moved, build the book, freeze it.

Nothing of the last edition is touched until the new one lies complete beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.edition.build import book_inputs, build_book
from evaluation.edition.edition import Edition
from evaluation.edition.past import COMING, FOLDER, History, PastEdition
from evaluation.edition.records import read_record
from evaluation.errors import EditionRefused
from evaluation.publish import code, draft, sentences
from evaluation.publish.difference import difference
from evaluation.publish.draft import Draft, Name
from evaluation.publish.freeze import CODE_ARCHIVE, MAKING, MANIFEST, STATE, freeze, restamp
from evaluation.publish.fresh import refresh, studies_of
from evaluation.publish.ground import Ground, gather
from evaluation.publish.headline import of_results
from evaluation.publish.store import size
from evaluation.quarters import format_instant
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.edition.edition import StudyResults
    from evaluation.workspace import Workspace

Progress = Callable[[str], None]
LOCK, UNPACKED = ".publishing", ".code"
ROOM = 200_000_000
"""Bytes that must be free beside what the book itself takes."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a publication left. new : whether there was anything to publish. grown : in bytes."""

    edition: PastEdition
    new: bool
    grown: int


def publish(
    workspace: Workspace,
    *,
    programme: str,
    quarter: str = "",
    reason: str = "",
    pages: bool = True,
    now: datetime | None = None,
    progress: Progress = print,
) -> Published:
    """Publish what the ledger knows as an edition; nothing where nothing changed since the last.

    Parameters
    ----------
    quarter : the quarter that is meant; refused if the data end with another.
    reason : why a quarter that was published already is corrected.
    pages : whether the book is built and frozen too.

    Raises
    ------
    EditionRefused : see `draft.name_for`; or another publication runs, or there is too little room.
    BookError, ProtocolError, LedgerError : a step on the way fails; the last edition stands.
    """
    editions = workspace.var / FOLDER
    with _alone(editions), tempfile.TemporaryDirectory(prefix="newstart-edition-") as scratch:
        _enough_room(workspace, pages)
        history = History.read(workspace)
        before = size(editions)
        for study in studies_of(workspace):
            refresh(workspace, study, progress)
        headline = Edition.read(workspace, programme).headline
        _is_meant(quarter, str(headline.sample["last"]))
        ground = gather(
            workspace,
            f"{programme}/{headline.study}",
            draft.vintage_of(workspace, programme),
            Path(scratch) / STATE,
        )
        book = book_inputs(workspace, programme) if pages else ""
        made_of = draft.digest(workspace, programme, ground, book)
        if (stands := _unchanged(history, made_of)) is not None:
            progress(f"Nothing changed since edition {stands.name}.")
            restamp(workspace)
            return Published(edition=stands, new=False, grown=size(editions) - before)
        name = draft.name_for(history, str(headline.sample["last"]), reason)
        made = _draft(workspace, headline, ground, name, (now or workspace.now(), reason))
        with _coming(workspace, made, history, progress) as told:
            built = None
            if pages:
                built = build_book(workspace, programme=programme, progress=progress).parent
            edition = freeze(workspace, _complete(workspace, made, told, built), made_of)
        progress(f"Edition {edition.name} is published.")
        return Published(edition=edition, new=True, grown=size(editions) - before)


def changed_since(
    workspace: Workspace, before: PastEdition, after: Ground, name: str, headline: Mapping[str, Any]
) -> dict[str, Any]:
    """Why the headlines of a ground differ from those of an edition, as pages read it."""
    was = Ground.read(before.folder / STATE)
    found = difference(
        workspace, (was, after), (before.name, name), sources=sources(workspace, [before])
    )
    return sentences.as_record(found, headline, before.headline)


def sources(workspace: Workspace, editions: list[PastEdition]) -> dict[str, Path]:
    """Fingerprint -> unpacked source of the code of editions that is not the code that runs."""
    running = code.figures_fingerprint()
    found = {}
    for edition in editions:
        ground = Ground.read(edition.folder / STATE)
        if ground.figures_code != running:
            found[ground.package] = code.unpack(
                edition.folder / CODE_ARCHIVE, workspace.var / FOLDER / UNPACKED, ground.package
            )
    return found


def _draft(
    workspace: Workspace,
    headline: StudyResults,
    ground: Ground,
    name: Name,
    when_and_why: tuple[datetime, str],
) -> Draft:
    now, reason = when_and_why
    programme = ground.programme
    results = {f"{name}.json": path for name, path in draft.results_of(workspace).items()}
    return Draft(
        name=name,
        published=format_instant(now),
        reason=reason,
        programme=programme.name,
        study=headline.study,
        vintage=ground.vintage,
        synthetic=programme.synthetic,
        next_due=draft.next_due(programme, name.quarter),
        ground=ground.folder,
        headline=of_results(headline.raw),
        results=results,
        stands_on=draft.stands_on(workspace, programme.name, ground.vintage),
    )


def _complete(workspace: Workspace, made: Draft, told: dict[str, Any], built: Path | None) -> Draft:
    claims = workspace.book / "_edition" / "claims.json"
    return replace(
        made, change=told["change"], pages=built, claims=claims if built is not None else None
    )


@contextlib.contextmanager
def _coming(
    workspace: Workspace, made: Draft, history: History, progress: Progress
) -> Iterator[dict[str, Any]]:
    """Tell the pages of the coming edition; if it does not come, they are told what they were."""
    path = workspace.var / FOLDER / COMING
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    change, last = None, history.current
    if last is not None:
        progress(f"Comparing with edition {last.name}, cause by cause")
        change = changed_since(
            workspace, last, Ground.read(made.ground), made.name.address, made.headline
        )
    told = {
        "name": made.name.address,
        "quarter": made.name.quarter,
        "number": made.name.number,
        "correction": made.name.correction,
        "published": made.published,
        "next_due": made.next_due,
        "reason": made.reason,
        "vintage": made.vintage,
        "headline": made.headline,
        "change": change,
    }
    write_whole(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    came = False
    try:
        yield told
        came = True
    finally:
        if not came and before is not None:
            write_whole(path, before)
        elif not came:
            path.unlink()


def _unchanged(history: History, made_of: str) -> PastEdition | None:
    """The edition that stands, if it was made of the same."""
    current = history.current
    if current is None:
        return None
    return current if read_record(current.folder / MANIFEST)["made_of"] == made_of else None


def _is_meant(quarter: str, last: str) -> None:
    if quarter and quarter.replace("-", " ") != last:
        raise EditionRefused(
            f"the edition of {quarter} cannot be made: the last quarter with figures is {last}.",
            mend="submit the returns of that quarter, or leave --quarter",
        )


def _enough_room(workspace: Workspace, pages: bool) -> None:
    html = workspace.book / "_build" / "html"
    wanted = ROOM + (size(html) if pages and html.is_dir() else 0)
    workspace.var.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(workspace.var).free
    if free < wanted:
        raise EditionRefused(
            f"there is too little room on the disk: {free / 1e6:,.0f} MB are free.",
            where=str(workspace.var),
            expected=f"at least {wanted / 1e6:,.0f} MB",
        )


@contextlib.contextmanager
def _alone(editions: Path) -> Iterator[None]:
    """One publication at a time; one that was killed is in nobody's way."""
    editions.mkdir(parents=True, exist_ok=True)
    lock = editions / LOCK
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.kill(int(lock.read_text()), 0)
        raise EditionRefused(
            "another publication is running.", where=str(lock), mend="wait until it has ended"
        )
    lock.write_text(str(os.getpid()), encoding="utf-8")
    try:
        yield
    finally:
        lock.unlink()
        shutil.rmtree(editions / MAKING, ignore_errors=True)
