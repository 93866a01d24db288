"""Whether a published edition still is what it was, and whether its figures can be made again.

Asked of each edition: its files have the hashes of its manifest and its manifest that of the index;
each page says of its standing what the index says; the ledger still holds its head; no look that it
saw was touched; and its own code, on what was known then, gives its headline figures again.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.edition.past import History, PastEdition
from evaluation.errors import LedgerError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import LedgerHead
from evaluation.publish import editions as status
from evaluation.publish.difference import source_of
from evaluation.publish.editions import MANIFEST, PAGES, STATE, expected_page
from evaluation.publish.publish import sources
from evaluation.publish.snapshot import Between, Snapshot, figures_by
from evaluation.study.interim_analyses import LookSeries
from evaluation.study.study import StudyName
from evaluation.study.written import Record, read_record

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

TOLERANCE = 1e-9
"""Relative: two runs of the same code on the same machine agree exactly; on two, to rounding."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was found wrong with an edition, a sentence each; nothing if it holds.

    files, figures : how many files and headline figures were checked.
    """

    edition: str
    faults: tuple[str, ...]
    files: int
    figures: int

    @property
    def holds(self) -> bool:
        return not self.faults


def verify(
    workspace: Workspace, editions: Sequence[PastEdition], *, figures: bool = True
) -> tuple[Proof, ...]:
    """Check editions.

    Parameters
    ----------
    figures : whether the headline figures are computed again too.
    """
    history = History.read(workspace)
    files = {edition.name: _files(history, edition) for edition in editions}
    # An edition whose files do not hold vouches for nothing: its manifest is not asked further.
    whole = [edition for edition in editions if not files[edition.name][0]]
    ledger = _ledger_faults(workspace, whole)
    proofs = []
    for edition in editions:
        faults, count = files[edition.name]
        computed = 0
        if edition in whole:
            manifest = read_record(edition.folder / MANIFEST)
            faults += _order(history, edition, manifest) + ledger[edition.name]
            faults += _looks(workspace, manifest)
            # On a ledger that does not hold, other figures would be no news.
            if figures and not ledger[edition.name]:
                again, computed = _figures(workspace, edition)
                faults += again
        proofs.append(
            Proof(edition=edition.name, faults=tuple(faults), files=count, figures=computed)
        )
    return tuple(proofs)


def _files(history: History, edition: PastEdition) -> tuple[list[str], int]:
    """Files that are gone, changed or were added, and pages whose standing is another."""
    path = edition.folder / MANIFEST
    # By the index, which names its hash: a manifest alone could be rewritten with its files.
    if not path.is_file() or fingerprint.of_bytes(path.read_bytes()) != edition.manifest:
        return [f"{edition.name}/{MANIFEST} is not the one that the index names."], 0
    manifest, faults = read_record(path), []
    there = {
        one.relative_to(edition.folder).as_posix()
        for one in edition.folder.rglob("*")
        if one.is_file()
    } - {MANIFEST}
    # What was added is a fault as well: it would be read as published.
    for name in sorted({*manifest["files"], *there}):
        if name not in there:
            faults.append(f"{edition.name}/{name} is gone.")
        elif name not in manifest["files"]:
            faults.append(f"{edition.name}/{name} was added after publication.")
        else:
            faults += _file(history, edition, name, manifest["files"][name])
    return faults, len(there)


def _file(history: History, edition: PastEdition, name: str, expected: str) -> list[str]:
    content = (edition.folder / name).read_bytes()
    # Pages are hashed without their status; every other file as it is.
    if not name.startswith(f"{PAGES}/") or not name.endswith(".html"):
        return [] if fingerprint.of_bytes(content) == expected else [_changed(edition, name)]
    page = content.decode("utf-8", errors="replace")
    if fingerprint.of_bytes(status.blank(page).encode()) != expected:
        return [_changed(edition, name)]
    if expected_page(history, edition, name.removeprefix(f"{PAGES}/"), page) != page:
        return [f"{edition.name}/{name} says of its standing what the index does not."]
    return []


def _changed(edition: PastEdition, name: str) -> str:
    return f"{edition.name}/{name} was changed after publication."


def _order(history: History, edition: PastEdition, manifest: Record) -> list[str]:
    """Whether the edition names the one before it, with the manifest that that one has."""
    place = history.editions.index(history.named(edition.name))
    last = history.editions[place - 1] if place else None
    expected = None if last is None else {"edition": last.name, "manifest": last.manifest}
    if manifest["previous"] == expected:
        return []
    return [f"{edition.name} was published after another edition than the index says."]


def _ledger_faults(workspace: Workspace, editions: Sequence[PastEdition]) -> dict[str, list[str]]:
    """Edition -> what the ledger has that it should not: one verification for all."""
    heads = {}
    for edition in editions:
        head = read_record(edition.folder / MANIFEST)["ledger_head"]
        heads[edition.name] = LedgerHead(
            returns=head["returns"], chain=head["chain"], where=edition.name
        )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        found = ledger.verify(against=list(heads.values()))
    messages = [one.what for one in found.broken]
    general = [text for text in messages if not any(_about(text, name) for name in heads)]
    return {
        name: [
            f"The ledger does not hold: {text}"
            for text in (*general, *(text for text in messages if _about(text, name)))
        ]
        for name in heads
    }


def _about(text: str, name: str) -> bool:
    """Whether a fault of the ledger names an edition: ``2026-Q3`` is not ``2026-Q3.1``."""
    return re.search(rf"{re.escape(name)}(?![\w.])", text) is not None


def _looks(workspace: Workspace, manifest: Record) -> list[str]:
    """Whether every look that the edition saw stands as it was: no verdict of the past moves."""
    faults = []
    for study, seen in manifest["looks"].items():
        folder = StudyName.parse(study).series(workspace, seen["series"])
        try:
            rows = LookSeries(folder=folder).rows()
        except LedgerError as error:
            faults.append(str(error))
            continue
        if not seen["rows"]:
            continue
        # Later looks may have been added; those that were seen must stand at their places.
        if len(rows) < seen["rows"] or rows[seen["rows"] - 1].hash != seen["head"]:
            faults.append(f"The look ledger of {study} is not the one that the edition saw.")
    return faults


def _same(found: float | None, figure: Mapping[str, Any]) -> bool:
    """Whether a figure is the one that was printed; a headline without a figure stays without.

    What was printed at a step may lie within one of what is known inside. Editions of before the
    release printed figures as they were, and have no step.
    """
    printed = figure["effect"]
    if found is None or printed is None:
        return found is printed
    return math.isclose(found, printed, rel_tol=TOLERANCE, abs_tol=figure.get("step", 0.0))


def _figures(workspace: Workspace, edition: PastEdition) -> tuple[list[str], int]:
    """The headline figures made again, by the edition's own code on what was known then."""
    snapshot = Snapshot.read(edition.folder / STATE)
    with tempfile.TemporaryDirectory(prefix="newstart-proof-") as scratch:
        # An edition against itself: all that was known at its vintage, and nothing learned.
        alone = Between.read(workspace, snapshot, snapshot)
        state = alone.write_state(Path(scratch) / "state", ())
        (found,) = figures_by(source_of(snapshot, sources(workspace, [edition])), [state])
    faults = []
    for key, figure in edition.headline.items():
        if not _same(found.get(key), figure):
            now = json.dumps(found.get(key))
            faults.append(f"{key} was {figure['effect']} and is {now} when computed again.")
    return faults, len(edition.headline)
