"""Raw files in a store that is named by a URL: S3 and its kin, or anything else that fsspec opens.

fsspec's only door. What a folder promises and a store may not: a file in a folder is on the disk
before it has its name (``store.py``). A store is taken at its word: S3 shows an object whole or not
at all once it has answered, and what was written is read back and compared before it counts.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMS = "a folder, or a URL like s3://bucket/folder"
_SEE_TO_IT = "see that NEWSTART_RAW names it rightly, that it can be reached and may be used."


@dataclass(frozen=True, eq=False)
class Remote:
    """A store: where it is, as it was named, and the file system that reads and writes it."""

    url: str
    system: Any
    root: str

    @classmethod
    def open(cls, url: str) -> Remote:
        """The store at a URL; nothing is read or written yet. Keys come from the environment.

        Raises
        ------
        LedgerError : if the URL names no kind of store, or what it needs is not installed.
        """
        import fsspec

        kind = url.partition("://")[0]
        try:
            # Without a cache of what is there: another writer may have added to it.
            system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except ImportError:
            extra = "its extra 's3'" if kind in ("s3", "s3a") else f"what fsspec needs for {kind}"
            raise LedgerError(
                f"raw files are asked for in a store of the kind {kind}, whose client is not "
                "installed.",
                where=url,
                mend=f"install this package with {extra}.",
            ) from None
        except ValueError:
            raise LedgerError(
                "the address of the raw files cannot be read.", where=url, expected=_FORMS
            ) from None
        return cls(url=url, system=system, root=root.rstrip("/"))

    def name(self, sha256: str) -> str:
        """Where a file with this hash lies, for a message."""
        return f"{self.url.rstrip('/')}/{sha256[:2]}/{sha256}"

    def keep(self, content: bytes) -> None:
        """Write a file's bytes under their hash, once; then read them back and compare.

        Raises
        ------
        LedgerError : if the store refuses, or gives back other bytes.
        """
        sha256 = fingerprint.of_bytes(content)
        path = self._path(sha256)
        kept = "could not be kept; nothing was accepted"
        if self._ask(kept, lambda: self._size(path)) == len(content):
            return
        self._ask(kept, lambda: self._write(path, content))
        if self.read(sha256) != content:
            raise LedgerError(
                "the store gives back other bytes than were written; nothing was accepted.",
                where=self.name(sha256),
                mend="see to the store, and submit it again.",
            )

    def read(self, sha256: str) -> bytes | None:
        """A kept file's bytes; None if the store is there and holds none of this hash.

        Raises
        ------
        LedgerError : if the store cannot be read or is not there.
        """
        path = self._path(sha256)
        content: bytes | None = self._ask("cannot be read", lambda: self._content(path))
        if content is None and not self._ask("cannot be read", self._is_there):
            raise LedgerError(
                "there is no such store of raw files.",
                where=self.url,
                expected=_FORMS,
                mend=_SEE_TO_IT,
            )
        return content

    def remove(self, sha256: str) -> None:
        """Take a file out; one that is gone already stays gone.

        A store that keeps earlier versions of its files keeps this one too: that is its keeper's
        to settle.

        Raises
        ------
        LedgerError : if the store refuses.
        """
        path = self._path(sha256)
        self._ask(
            "could not be removed, though its redaction is recorded",
            lambda: self._size(path) is not None and self.system.rm_file(path),
        )

    def _path(self, sha256: str) -> str:
        return f"{self.root}/{sha256[:2]}/{sha256}"

    def _size(self, path: str) -> int | None:
        try:
            return int(self.system.info(path)["size"])
        except FileNotFoundError:
            return None

    def _content(self, path: str) -> bytes | None:
        try:
            return bytes(self.system.cat_file(path))
        except FileNotFoundError:
            return None

    def _write(self, path: str, content: bytes) -> None:
        self.system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.system.pipe_file(path, content)

    def _is_there(self) -> bool:
        """The bucket, or what is outermost: a folder in a bucket is there once a file is."""
        top = self.root.lstrip("/").partition("/")[0]
        return bool(self.system.exists(top))

    def _ask(self, said: str, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except _refusals() as error:
            raise LedgerError(
                f"a raw file {said} ({_short(error)}).", where=self.url, mend=_SEE_TO_IT
            ) from None


def _refusals() -> tuple[type[Exception], ...]:
    """What a store raises; the client of S3 has errors of its own kind, known once it is loaded."""
    client = sys.modules.get("botocore.exceptions")
    return (OSError, *((client.BotoCoreError, client.ClientError) if client else ()))


def _short(error: Exception) -> str:
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(told).splitlines()[0].rstrip(".")
