"""A fetch as it is kept: what was ordered, when it began, and what it wrote.

It has a folder under ``var/connect/<programme>/<recipe>/``, numbered, with ``fetch.json`` and the
journal of its answers. A fetch that was killed is gone on with within a day: answers of two days
may be of two publications, and a return made of both would be of none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from evaluation import fingerprint
from evaluation.connect.pulls import Say
from evaluation.connect.recipes import AnyRecipe, Recipes
from evaluation.declared import validated
from evaluation.errors import WorkspaceError
from evaluation.quarters import Period, format_instant, parse_instant, period_range
from evaluation.workspace import Workspace, write_whole

LINEAGE = ".lineage.json"
"""How the name of a lineage ends."""
_GOES_ON = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be fetched: a recipe (or all of a source), for which periods, from where.

    ``bases`` : source -> address in place of its own.
    """

    name: str
    first: Period
    last: Period
    out: Path
    bases: Mapping[str, str] = field(default_factory=dict)


class Written(NamedTuple):
    """A file that an earlier fetch wrote: its SHA-256, and when that fetch began."""

    sha256: str
    started: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """One fetch: its folder, and what it is for."""

    folder: Path
    content: dict[str, Any]

    @classmethod
    def open(
        cls, workspace: Workspace, home: Path, order: Order, recipes: Sequence[AnyRecipe], say: Say
    ) -> Session:
        """The last one that was not finished and is for the same, if it is of today; else new."""
        now = workspace.now()
        asked = {
            "programme": home.parent.name,
            "recipe": order.name,
            "recipes": [one.model_dump(mode="json") for one in recipes],
            "from": str(order.first),
            "to": str(order.last),
            "bases": dict(order.bases),
        }
        numbers = _numbers(home)
        if numbers:
            last = cls.read(home / f"{numbers[-1]:04d}")
            same = all(last.content.get(name) == value for name, value in asked.items())
            young = now - parse_instant(last.content["started"]) < _GOES_ON
            if same and young and not last.content.get("finished"):
                kept = len(list(last.folder.glob("*.json"))) - 1
                if kept:
                    say(f"Going on with the fetch of {last.content['started'][:16]}: {kept} kept.")
                return last
        folder = home / f"{(numbers[-1] if numbers else 0) + 1:04d}"
        made = cls(folder=folder, content={**asked, "started": format_instant(now)})
        made._write()
        return made

    @classmethod
    def read(cls, folder: Path) -> Session:
        """The fetch that is kept in a folder.

        Raises
        ------
        WorkspaceError : it cannot be read.
        """
        path = folder / "fetch.json"
        try:
            return cls(folder=folder, content=json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            raise WorkspaceError(
                "this fetch cannot be read.",
                where=str(path),
                mend=f"put the file back from a backup, or move the folder {folder.name} away: "
                "its answers are then asked for anew",
            ) from None

    def earlier(self, name: str) -> Written | None:
        """The file of this name as the last finished fetch before this one wrote it."""
        own = int(self.folder.name)
        for number in reversed([one for one in _numbers(self.folder.parent) if one < own]):
            before = Session.read(self.folder.parent / f"{number:04d}").content
            if name in before.get("written", {}):
                return Written(before["written"][name], before["started"])
        return None

    def finish(self, written: Sequence[Path], now: str) -> None:
        """Say that it is done, with the hash of each file."""
        self.content["written"] = {path.name: fingerprint.of_file(path) for path in written}
        self.content["finished"] = now
        self._write()

    def _write(self) -> None:
        text = json.dumps(self.content, indent=2, ensure_ascii=False)
        write_whole(self.folder / "fetch.json", text + "\n")

    @cached_property
    def recipes(self) -> tuple[AnyRecipe, ...]:
        """The recipes as they were when it began."""
        return validated(
            Recipes, {"recipes": self.content["recipes"]}, self.folder / "fetch.json"
        ).recipes

    @property
    def periods(self) -> tuple[Period, ...]:
        """The periods that were ordered."""
        first, last = (Period.parse(self.content[name]) for name in ("from", "to"))
        return period_range(first, last)


def _numbers(home: Path) -> list[int]:
    """The numbers of a recipe's fetches; a folder that a cut left empty is none of them."""
    folders = (one.parent.name for one in home.glob("[0-9]*/fetch.json"))
    return sorted(int(name) for name in folders if name.isdecimal())


def sessions_of(workspace: Workspace, folder: Path) -> list[Session]:
    """The fetches that the returns of a folder came from, the earliest first; or the one it is.

    Raises
    ------
    WorkspaceError : there are no lineages in it, or they name a fetch that is not held here.
    """
    if (folder / "fetch.json").is_file():
        return [Session.read(folder)]
    found: dict[Path, None] = {}
    for path in sorted(folder.glob(f"*{LINEAGE}")):
        try:
            held = workspace.var / "connect" / str(json.loads(path.read_text("utf-8"))["fetch"])
        except (ValueError, KeyError, TypeError):
            raise WorkspaceError(
                "this lineage cannot be read, or names no fetch.",
                where=str(path),
                mend="put it back from a backup; or replay the fetch's own folder in var/connect",
            ) from None
        if not (held / "fetch.json").is_file():
            raise WorkspaceError(
                f"{path.name} names a fetch that this workspace does not hold.",
                where=str(held),
                mend="replay it where it was fetched, or bring var/connect from there",
            )
        found[held] = None
    if not found:
        raise WorkspaceError(
            "nothing was fetched into this folder.",
            where=str(folder),
            expected="returns with their lineages, as newstart connect fetch writes them",
        )
    return [Session.read(held) for held in sorted(found)]
