"""The programme's disclosure key: made once, kept apart, never rotated.

Every offset is drawn by it. A second key for the same counts would give a second, independent
rounding of them, and two roundings of one number intersect: that is why it is never rotated, and
why what was printed before a loss stays as it was printed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import fingerprint
from evaluation.errors import DisclosureError
from evaluation.workspace import write_once

LENGTH = 32
VARIABLE = "NEWSTART_DISCLOSURE_KEY_FILE"
SHARES, ENOUGH = 3, 2


@dataclass(frozen=True, kw_only=True)
class Key:
    """A disclosure key; its bytes are never shown."""

    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.check_value})"

    @property
    def check_value(self) -> str:
        """What names the key without giving it away: a keyed hash of a constant, 16 hex digits."""
        return self._digest("check value")[:8].hex()

    def draw(self, content: Any, below: int) -> int:
        """A secret whole number from 0 to ``below`` - 1, always the same for the same content.

        64 bits of HMAC-SHA256 over the canonical JSON: the bias of the remainder is under 1e-18.
        """
        return int.from_bytes(self._digest(content)[:8], "big") % below

    def share_of(self, content: Any) -> float:
        """A secret number from 0 up to 1, always the same for the same content."""
        return self.draw(content, 2**53) / 2**53

    def digest(self, content: bytes, nonce: bytes) -> str:
        """A hash that cannot be found again by trying contents: keyed, and over a nonce too."""
        return hmac.new(self.secret, nonce + content, hashlib.sha256).hexdigest()

    def _digest(self, content: Any) -> bytes:
        return hmac.new(self.secret, fingerprint.canonical(content), hashlib.sha256).digest()


def create(path: Path, inside: Path) -> Key:
    """Make a key and write it to ``path``, readable by its owner alone.

    Raises
    ------
    DisclosureError : something lies there already, or ``path`` is in the workspace ``inside``,
        where back-ups and repositories would carry it along with the figures that it protects.
    """
    made = Key(secret=secrets.token_bytes(LENGTH))
    keep(made, path, inside)
    return made


def keep(key: Key, path: Path, inside: Path) -> None:
    """Write a key to ``path``: a new one, or one that came back from its shares.

    Raises
    ------
    DisclosureError : as for `create`.
    """
    if path.resolve().is_relative_to(inside.resolve()):
        raise DisclosureError(
            "the key would lie in the workspace, beside the figures that it protects.",
            where=str(path),
            mend="name a place outside it that its back-ups do not reach",
        )
    try:
        # Whole or not there: half a key would be kept for ever in the place of one.
        write_once(path, key.secret.hex() + "\n", private=True)
    except FileExistsError:
        raise DisclosureError(
            "a file lies there already; a key is never written over.",
            where=str(path),
            mend="keep it: a programme has one key for ever",
        ) from None
    except OSError as error:
        raise DisclosureError(
            f"the key could not be written ({error.strerror}).", where=str(path)
        ) from None


def read() -> Key:
    """The key of the file that ``NEWSTART_DISCLOSURE_KEY_FILE`` names.

    Raises
    ------
    DisclosureError : the variable is not set, or the file is missing or holds no key.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        raise DisclosureError(
            f"no disclosure key is named: {VARIABLE} is not set.",
            why="key",
            mend=f"set {VARIABLE} to the file of the programme's key, or make one, once: "
            "newstart disclosure key create FILE",
        )
    path = Path(named)
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no hexadecimal text"
        raise DisclosureError(
            f"the disclosure key cannot be read: {why}.", why="key", where=str(path)
        ) from None
    if len(secret) != LENGTH:
        raise DisclosureError(
            f"the disclosure key has {len(secret)} bytes.",
            why="key",
            where=str(path),
            expected=f"{LENGTH} bytes as {2 * LENGTH} hexadecimal digits",
        )
    return Key(secret=secret)


def shares(key: Key) -> tuple[str, ...]:
    """Three texts of which any two give the key back and one alone says nothing.

    Shamir (1979), *How to share a secret*, Communications of the ACM 22(11): each byte of the key
    is the constant of a line over GF(256), and share x holds its value at x.
    """
    slopes = secrets.token_bytes(LENGTH)
    return tuple(
        f"{x}-{bytes(c ^ _times(m, x) for c, m in zip(key.secret, slopes, strict=True)).hex()}"
        for x in range(1, SHARES + 1)
    )


def join(texts: Sequence[str]) -> Key:
    """The key of two shares.

    Raises
    ------
    DisclosureError : a text is no share, or the two are one.
    """
    found: dict[int, bytes] = {}
    for text in texts:
        number, dash, held = text.strip().partition("-")
        if not dash or not number.isdigit() or not 1 <= int(number) <= SHARES:
            raise DisclosureError("a share begins with its number: 1-, 2- or 3-.")
        try:
            found[int(number)] = bytes.fromhex(held)
        except ValueError:
            raise DisclosureError(f"share {number} holds no hexadecimal text.") from None
        if len(found[int(number)]) != LENGTH:
            raise DisclosureError(f"share {number} is cut short, or too long.")
    if len(found) < ENOUGH:
        raise DisclosureError("two different shares are needed.")
    (x, at_x), (y, at_y) = sorted(found.items())[:ENOUGH]
    # The line through (x, a) and (y, b) at zero: (a y + b x) / (x + y), where + is exclusive or.
    over = _inverse(x ^ y)
    return Key(
        secret=bytes(
            _times(_times(a, y) ^ _times(b, x), over) for a, b in zip(at_x, at_y, strict=True)
        )
    )


def _times(a: int, b: int) -> int:
    """The product in GF(256), reduced by x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _inverse(a: int) -> int:
    return next(b for b in range(1, 256) if _times(a, b) == 1)
