"""Accepted files as they came, by SHA-256: in a folder here, or in a store named by a URL."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.workspace import sync_folder, write_whole

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

    def keep(self, content: bytes, sha256: str = "") -> None:
        """Write a file's bytes under a hash, once; then read them back and compare.

        Raises
        ------
        LedgerError : if the store refuses, or gives back other bytes.
        """
        sha256 = sha256 or fingerprint.of_bytes(content)
        path = self._path(sha256)
        kept = "could not be kept; nothing was accepted"
        # Under this hash and of this length it is taken as kept, without a download; verify
        # compares bytes.
        if self._ask(kept, lambda: self._size(path)) == len(content):
            return
        self._ask(kept, lambda: self._write(path, content))
        # A store may accept a write and lose it: the record must not be made before the bytes came
        # back.
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
        # A missing bucket and a missing file look alike to fsspec, and mean a wrong address or a
        # lost file.
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
            "could not be removed",
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

    def _ask(self, message: str, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except _refusals() as error:
            raise LedgerError(
                f"a raw file {message} ({_short(error)}).", where=self.url, mend=_SEE_TO_IT
            ) from None


def _refusals() -> tuple[type[Exception], ...]:
    """What a store raises; the client of S3 has errors of its own kind, known once it is loaded."""
    # Looked up and not imported: only who names an s3 store has the client.
    client = sys.modules.get("botocore.exceptions")
    return (OSError, *((client.BotoCoreError, client.ClientError) if client else ()))


def _short(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    # Clients add traces and request ids below the first line.
    return str(text).splitlines()[0].rstrip(".")


_SHA256 = re.compile(r"[0-9a-f]{64}")


Raw = Path | Remote
"""Where raw files are kept."""


def open_raw(place: Path | str) -> Raw:
    """The store at a place: a folder, or what a URL names; ``file://`` is a folder too.

    Raises
    ------
    LedgerError : if the URL cannot be read, or what it needs is not installed.
    """
    if isinstance(place, Path):
        return place
    kind, found, rest = place.partition("://")
    if not found:
        return Path(place)
    # file:///data leaves /data after the slashes of the scheme.
    return Path(rest) if kind in ("file", "local") else Remote.open(place)


def where(raw: Raw, sha256: str) -> str:
    """Where a file with this hash lies, for a message."""
    return raw.name(sha256) if isinstance(raw, Remote) else str(raw_path(raw, sha256))


def raw_path(raw: Path, sha256: str) -> Path:
    """Where a file with this hash lies under the store ``raw``."""
    return raw / sha256[:2] / sha256


def keep(raw: Raw, content: bytes, sha256: str = "") -> None:
    """Keep a file's bytes under their hash; a file that is there already is left as it is.

    Parameters
    ----------
    sha256 : the hash under which they are kept, where the bytes are a file sealed (see data_keys).

    Raises
    ------
    LedgerError : if the store cannot be written.
    """
    if isinstance(raw, Remote):
        raw.keep(content, sha256)
        return
    path = raw_path(raw, sha256 or fingerprint.of_bytes(content))
    try:
        # A file cut short by an earlier crash has another length, and is written anew.
        if path.is_file() and path.stat().st_size == len(content):
            return
        write_whole(path, content)
    except OSError as error:
        raise LedgerError(
            f"the file could not be kept ({error.strerror}); nothing was accepted.",
            where=str(raw),
            mend="make room or give the right to write there, and submit it again.",
        ) from None


def read(raw: Raw, sha256: str) -> bytes | None:
    """A kept file's bytes, as they are: whoever reads them compares their hash; None for none.

    Raises
    ------
    LedgerError : if the store cannot be read.
    """
    # The hash comes from the database: anything else could name a path outside the store.
    if not _SHA256.fullmatch(sha256):
        return None
    if isinstance(raw, Remote):
        return raw.read(sha256)
    try:
        return raw_path(raw, sha256).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(
            f"a kept file cannot be read ({error.strerror}).", where=str(raw_path(raw, sha256))
        ) from None


def remove(raw: Raw, sha256: str) -> None:
    """Take a file out for good; one that is gone already stays gone.

    Raises
    ------
    LedgerError : if it cannot be removed.
    """
    if isinstance(raw, Remote):
        raw.remove(sha256)
        return
    path = raw_path(raw, sha256)
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            # A removal, too, is on the disk only once the folder is.
            sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            f"a raw file could not be removed ({error.strerror}).",
            where=str(path),
            mend="give the right to remove it, and give the same command again.",
        ) from None
