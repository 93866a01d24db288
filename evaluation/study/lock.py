"""The lock of a protocol: what was fixed, when, on which code, and what had been seen by then."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import ProtocolError
from evaluation.protocol import as_stated
from evaluation.quarters import parse_instant
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from evaluation.programme import Programme
    from evaluation.protocol import Protocol


FILE, PROTOCOL = "protocol.lock", "protocol.yaml"
VERSION = 1
VINTAGE_RULES = {
    "extends": "any vintage of the ledger that only adds to the ledger as it stood at the lock",
    "due_day": "only what was known at the end of the day on which a quarter's returns were due",
}


ARRANGED_ANEW = "a later release arranged the framework anew, and its files lie elsewhere in it"


def relock_command(name: str, *, exploratory: bool = False) -> str:
    """The command that locks a study anew, to be copied."""
    kind = " --exploratory" if exploratory else ""
    return f'newstart protocol freeze {name}{kind} --relock --reason "TEXT"'


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A lock as read; ``content`` is the whole of it but its own hash."""

    content: Mapping[str, Any]
    hash: str

    @property
    def frozen(self) -> datetime:
        """When the protocol was last frozen."""
        return parse_instant(self.content["frozen"])

    @property
    def exploratory(self) -> bool:
        """Whether it fixes an analysis that was never meant to be confirmatory."""
        return bool(self.content.get("exploratory", False))

    @property
    def registration(self) -> str:
        """Where else it was recorded: a registry's number, or a time stamp from outside."""
        return str(self.content.get("registration", ""))

    @property
    def needed(self) -> tuple[str, ...]:
        """What an exploratory study would have needed to be confirmatory, a sentence each."""
        return tuple(self.content.get("needed", ()))

    @property
    def first(self) -> Mapping[str, Any]:
        """The first lock of this study: what had been seen before anything was fixed."""
        history = self.content["history"]
        return history[0]["lock"] if history else self.content

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """Every lock of this study, the first one first."""
        return [*(one["lock"] for one in self.content["history"]), self.content]

    @property
    def hashes(self) -> set[str]:
        """The hashes of this lock and of those before it."""
        return {self.hash, *(one["hash"] for one in self.content["history"])}

    def files_gone(self, now: Collection[str]) -> list[str]:
        """Files of code that were locked and are not among those of now: a release moved them."""
        return sorted(set(self.content["code"]["files"]) - set(now))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Lock:
        """A lock of this content, with its hash."""
        # Hashed as data and not as text: indentation or the order of keys in the file does not
        # matter.
        return cls(content=content, hash=fingerprint.of_data(dict(content)))

    def write(self, folder: Path) -> Path:
        """Write it beside the protocol; returns the file."""
        path = folder / FILE
        # On lines, so that a repository's history shows what a re-lock changed.
        text = json.dumps({**self.content, "hash": self.hash}, indent=1, ensure_ascii=False)
        write_whole(path, text + "\n")
        return path

    @classmethod
    def read(cls, folder: Path) -> Lock | None:
        """The lock in a study's folder; None where there is none.

        Raises
        ------
        ProtocolError : it cannot be read, or was changed after it was written.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        mend = "restore it from your repository's history; a lock is never edited by hand"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            said = content.pop("hash")
            lock = cls.of(content)
            known = lock.content["lock_version"] == VERSION
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ProtocolError("the lock cannot be read.", where=str(path), mend=mend) from None
        if not known:
            raise ProtocolError(
                "the lock is of another version than this software reads.",
                where=str(path),
                expected=f"lock_version {VERSION}",
            )
        if said != lock.hash:
            raise ProtocolError(
                "the lock was changed after it was written: its hash does not hold.",
                where=str(path),
                mend=mend,
            )
        return lock


def protocol_part(folder: Path, protocol: Protocol) -> dict[str, Any]:
    """The protocol as locked: the hash of its text, and every field as it was understood."""
    return {"sha256": text_hash(folder), "content": as_stated(protocol)}


def text_hash(folder: Path) -> str:
    """SHA-256 of ``protocol.yaml``; how lines end, which a checkout may change, does not count."""
    return fingerprint.of_bytes((folder / PROTOCOL).read_bytes().replace(b"\r\n", b"\n"))


def declared_part(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    """What the programme declares that an analysis rests on: starts, eligible areas, outcomes."""
    # Names are left out: renaming an area is no change of the analysis.
    areas = [
        [a.code, a.role, a.authority, a.site, a.geography, a.population, a.x, a.y]
        for a in programme.areas
        if a.role != "excluded"
    ]
    # Only where some are declared: a lock of before holds no such part.
    own = [one.model_dump(mode="json") for one in (*programme.unit_costs, *programme.overlaps)]
    prices = {"prices": fingerprint.of_data(own)} if own and protocol.value else {}
    denominators = sorted([d.area, d.outcome, d.denominator] for d in programme.denominators)
    began = {site.code: site.began.isoformat() for site in programme.sites if site.began}
    return {
        # Only where a site began inside a period, so that other locks are as they were.
        **({"began": began} if began else {}),
        "sites": {site.code: site.start.label for site in programme.sites},
        # As text, since a missing coordinate and a number do not compare.
        "areas": fingerprint.of_data([sorted(areas, key=str), denominators]),
        "outcomes": {
            code: fingerprint.of_data(programme.outcome_by_code[code].model_dump(mode="json"))
            for code in protocol.outcomes
        },
        **prices,
    }


# Those whose release can move a digit of a figure.
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "linearmodels")


def environment() -> dict[str, str]:
    """The interpreter and the libraries that figures rest on beside our own code."""
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **versions}
