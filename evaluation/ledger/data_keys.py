"""A key for each return: what is kept of it outside the database can be read only while it is here.

cryptography's only door. A raw file, and in a back-up the figures too, are sealed by AES-256 in
Galois/counter mode (NIST SP 800-38D; NIST SP 800-88r1 calls the loss of such a key, on purpose, a
cryptographic erase). Destroying the key makes every copy of what it sealed unreadable, wherever
that copy lies; in its place stays a note that says when, why and by which record of the chain.

The keys stand apart from what they seal: in the folder that ``NEWSTART_DATA_KEYS`` names, else in
``var/keys`` beside the raw files. Only where nothing else is named does a back-up lay a copy of
them beside itself, and the folder notes where, so that a destruction reaches it there.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.workspace import sync_all, sync_folder, write_once, write_whole

VARIABLE = "NEWSTART_DATA_KEYS"
LENGTH = 32
_MAGIC = b"newstart sealed 1\n"
# NIST SP 800-38D, 8.2.2: 96 bits at random, of a key that seals a handful of things.
_DRAWN = 12
_NAME = 12
_COPIES = "copies.json"
_GONE = ".destroyed.json"


class KeyMissing(LedgerError):
    """What is asked for is there, sealed, and its key is not."""


@dataclass(frozen=True, kw_only=True)
class DataKeys:
    """The folder of the keys; each stands in a file of its own under its return's id.

    named : whether the folder was named, and so is kept and copied by whoever named it.
    """

    folder: Path
    named: bool = False

    def path(self, name: str) -> Path:
        """Where the key of a return lies."""
        return self.folder / name[:2] / name

    def read(self, name: str) -> bytes | None:
        """The key of a return; None where there is none.

        Raises
        ------
        LedgerError : the file is there and holds no key, or cannot be read.
        """
        path = self.path(name)
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) and self.note(name) is not None:
                # Its destruction was interrupted: the bytes are written over, the file is there.
                return None
            why = error.strerror if isinstance(error, OSError) else "it holds no hexadecimal text"
            raise LedgerError(
                f"the data key of a return cannot be read: {why}.",
                where=str(path),
                mend="bring the folder of data keys back from its copy",
            ) from None
        if len(key) != LENGTH:
            raise LedgerError(
                f"the data key of a return has {len(key)} bytes.",
                where=str(path),
                expected=f"{LENGTH} bytes as {2 * LENGTH} hexadecimal digits",
            )
        return key

    def current(self, name: str) -> str:
        """The name of the key by which a return is sealed now.

        What was destroyed in part keeps what stayed under another key, so that back-ups of before
        stay unreadable.
        """
        while self.note(name) is not None:
            name = fingerprint.of_data(["what stays", name])[:_NAME]
        return name

    def make(self, name: str) -> bytes:
        """The key of a return, drawn now if there is none.

        Raises
        ------
        LedgerError : it was destroyed, or cannot be written.
        """
        held = self.read(name)
        if held is not None:
            return held
        if self.note(name) is not None:
            raise LedgerError("the data key of this return was destroyed.", where=name)
        made = secrets.token_bytes(LENGTH)
        self.put(name, made)
        # What lies there now: another process may have been the first, and has sealed by its own.
        return self.read(name) or made

    def put(self, name: str, key: bytes) -> None:
        """Write a key, readable by its owner alone; one that lies there is never written over.

        Raises
        ------
        LedgerError : it cannot be written.
        """
        path = self.path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # On the disk before anything is sealed by it: a lost key is a lost file.
            write_once(path, key.hex() + "\n", private=True)
        except FileExistsError:
            return
        except OSError as error:
            raise LedgerError(
                f"the data key could not be written ({error.strerror}); nothing was accepted.",
                where=str(self.folder),
                mend=f"make room or give the right to write there, or name another by {VARIABLE}",
            ) from None

    def note(self, name: str) -> dict[str, Any] | None:
        """What was noted when the key was destroyed; None where it was not."""
        path = self._note_path(name)
        if not path.is_file():
            return None
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said

    def destroy(self, name: str, note: dict[str, Any]) -> bool:
        """Destroy a key and leave the note in its place; whether there was one.

        The bytes are written over before the file goes. What a disk that never writes in place, or
        a copy of the folder, still holds of them is its keeper's to settle.
        """
        path = self.path(name)
        # The note first: where it fails, the key is still there and the call can be made again.
        write_whole(self._note_path(name), json.dumps(note, indent=2, ensure_ascii=False) + "\n")
        if not path.is_file():
            return False
        with path.open("r+b") as stream:
            stream.write(secrets.token_bytes(path.stat().st_size))
            stream.flush()
            os.fsync(stream.fileno())
        path.unlink()
        sync_folder(path.parent)
        return True

    def copy_to(self, folder: Path) -> int:
        """Copy every key and note to a new folder, and note that there is a copy."""
        made = DataKeys(folder=folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        count = 0
        for path in sorted(self.folder.glob("*/*")):
            if path.name.startswith("."):
                continue
            to = folder / path.relative_to(self.folder)
            to.parent.mkdir(exist_ok=True, mode=0o700)
            write_whole(to, path.read_bytes(), flushed=False, private=True)
            count += made.path(path.name) == to
        sync_all()
        copies = [*self.copies(), folder]
        listed = json.dumps(sorted({str(one.resolve()) for one in copies}), indent=2)
        write_whole(self.folder / _COPIES, listed + "\n")
        return count

    def copies(self) -> list[Path]:
        """The folders to which back-ups copied the keys."""
        path = self.folder / _COPIES
        if not path.is_file():
            return []
        return [Path(one) for one in json.loads(path.read_text(encoding="utf-8"))]

    def _note_path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}{_GONE}"


def keys_at(database: Path | str, raw: Path | str) -> DataKeys:
    """The keys of a ledger: where they are named, else beside its raw files or its database.

    Raises
    ------
    LedgerError : neither lies on this machine, and no folder is named.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return DataKeys(folder=Path(named).expanduser().resolve(), named=True)
    for place in (raw, database):
        if "://" not in str(place):
            return DataKeys(folder=Path(place).parent / "keys")
    raise LedgerError(
        "the ledger and its raw files lie elsewhere, and no folder is named for the data keys.",
        where=VARIABLE,
        expected="a folder that is apart from both, and of which there is a copy",
        mend=f"set {VARIABLE} to it",
    )


def seal(key: bytes, name: str, content: bytes) -> bytes:
    """Content sealed under the key of the return ``name``, which it is bound to."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = _MAGIC + name.encode("ascii")
    drawn = secrets.token_bytes(_DRAWN)
    # The head is authenticated too: what was sealed for one return cannot pass for another's.
    return head + drawn + AESGCM(key).encrypt(drawn, content, head)


def sealed_for(content: bytes) -> str:
    """The id of the return under whose key something is sealed; "" where it is not sealed."""
    at = len(_MAGIC)
    if content[:at] != _MAGIC or len(content) < at + _NAME + _DRAWN:
        return ""
    return content[at : at + _NAME].decode("ascii", "replace")


def unseal(keys: DataKeys, content: bytes) -> bytes:
    """What was sealed; as it is, where it was not.

    Bytes that were changed since they were sealed come back as they are, so that whoever compares
    their hash with the one that was accepted finds them to be others.

    Raises
    ------
    KeyMissing : the key is not here.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name = sealed_for(content)
    if not name:
        return content
    key = keys.read(name)
    if key is None:
        gone = keys.note(name)
        raise KeyMissing(
            f"its data key was destroyed on {str(gone.get('received'))[:10]}."
            if gone
            else "its data key is not here.",
            where=str(keys.path(name)),
            mend="" if gone else f"bring the folder of data keys back ({VARIABLE} names it)",
        )
    at = len(_MAGIC) + _NAME
    head, drawn = content[:at], content[at : at + _DRAWN]
    try:
        return AESGCM(key).decrypt(drawn, content[at + _DRAWN :], head)
    except InvalidTag:
        return content


def unsealed(keys: DataKeys | None, sha256: str, content: bytes | None) -> bytes | None:
    """A kept file's own bytes: as they are where they have the hash already, else unsealed.

    Raises
    ------
    KeyMissing : the key is not here.
    """
    if content is None or keys is None or fingerprint.of_bytes(content) == sha256:
        return content
    return unseal(keys, content)
