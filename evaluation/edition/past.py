"""Editions that were published before: what pages may say of them, read from ``var/editions``.

``index.json`` lists every edition in order of publication and is only ever added to; the folder of
an edition is written once (`evaluation.publish`). ``coming.json`` holds what is known of the
edition that the pages are being built for: its name, its day, and how it differs from the last one.
A workspace that never published has no such folder, and an empty history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evaluation.errors import BookError
from evaluation.study.written import Record, read_record, record_if_there

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

Status = Literal["current", "superseded", "corrected"]
FOLDER, INDEX, COMING = "editions", "index.json", "coming.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class PastEdition:
    """One published edition.

    Attributes
    ----------
    name : its address, ``2026-Q3``; a correction of it is ``2026-Q3.1``.
    number : its place in the order of publication, from 1. correction : 0, or which correction.
    published : the instant. next_due : the day of the next edition, ``""`` if none is planned.
    reason : why a correction was published. pages : whether it holds the pages of the book.
    manifest : SHA-256 of its manifest. status : ``corrected`` if the same quarter was published
        again, ``superseded`` if only later quarters were. replaced_by : the edition that did.
    """

    name: str
    quarter: str
    number: int
    correction: int
    published: str
    next_due: str
    reason: str
    pages: bool
    manifest: str
    status: Status
    replaced_by: str
    folder: Path

    @cached_property
    def headline(self) -> Mapping[str, Record]:
        """Id -> ``title, unit, effect, low, high``: the figures that editions are compared by."""
        return read_record(self.folder / "headline.json")

    @cached_property
    def synthetic(self) -> bool:
        """Whether its figures are invented."""
        return bool(read_record(self.folder / "manifest.json")["synthetic"])

    @cached_property
    def claims(self) -> Mapping[str, Record]:
        """Id -> at least ``text``: every figure and finding that its pages could use."""
        path = self.folder / "claims.json"
        return record_if_there(path) or {}

    @cached_property
    def change(self) -> Record | None:
        """How its headline figures differ from the edition before, by cause; None for the first."""
        path = self.folder / "change.json"
        return record_if_there(path)


@dataclass(frozen=True, kw_only=True)
class ClaimStanding:
    """What became of a claim: ``now`` is the edition that counts today, with its text.

    ``current`` if the same text stands there, ``superseded`` if another does, ``withdrawn`` if
    none does.
    """

    status: Literal["current", "superseded", "withdrawn"]
    then: str
    now: str
    edition: str


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Every published edition, in order of publication, and what is known of the coming one."""

    editions: tuple[PastEdition, ...] = ()
    coming: Record | None = None

    @classmethod
    def read(cls, workspace: Workspace) -> History:
        """The history of a workspace.

        Raises
        ------
        BookError : the index, or what is said of the coming edition, cannot be read.
        """
        folder = workspace.var / FOLDER
        index, coming = folder / INDEX, folder / COMING
        listed = (record_if_there(index) or {"editions": []})["editions"]
        replaced = [_replaced(listed, place) for place in range(len(listed))]
        return cls(
            editions=tuple(
                PastEdition(**one, status=status, replaced_by=by, folder=folder / one["name"])
                for one, (status, by) in zip(listed, replaced, strict=True)
            ),
            coming=record_if_there(coming),
        )

    @property
    def current(self) -> PastEdition | None:
        """The edition that counts today."""
        return next((one for one in self.editions if one.status == "current"), None)

    def named(self, name: str) -> PastEdition:
        """The edition of a name (``2026-Q3``), or the newest one of a quarter (``2026 Q3``).

        Raises
        ------
        BookError : there is none.
        """
        found = [one for one in self.editions if name in (one.name, one.quarter)][-1:]
        if not found:
            raise BookError(
                f"no edition {name!r} was published.",
                expected=", ".join(one.name for one in self.editions) or "none was published yet",
                mend="newstart edition list",
            )
        return found[0]

    def standing(self, name: str, claim: str) -> ClaimStanding:
        """What became of a claim of an edition.

        Raises
        ------
        BookError : there is no such edition, or it never held the claim.
        """
        cited, current = self.named(name), self.current
        if claim not in cited.claims or current is None:
            raise BookError(f"edition {cited.name} holds no claim {claim!r}.")
        then = str(cited.claims[claim]["text"])
        if claim not in current.claims:
            return ClaimStanding(status="withdrawn", then=then, now="", edition=current.name)
        now = str(current.claims[claim]["text"])
        return ClaimStanding(
            status="current" if now == then else "superseded",
            then=then,
            now=now,
            edition=current.name,
        )


def _replaced(listed: list[dict[str, Any]], place: int) -> tuple[Status, str]:
    """Whether a later line of the index takes an edition's place, and which one.

    The edition of the latest quarter counts, in its last correction.
    """
    own = listed[place]
    again = [one for one in listed[place + 1 :] if one["quarter"] == own["quarter"]]
    if again:
        return "corrected", str(again[-1]["name"])
    newest = max(listed, key=lambda one: (one["quarter"], one["number"]))
    return ("current", "") if newest is own else ("superseded", str(newest["name"]))
