"""What vouches for the ledger from outside: receipts, and every document that names its head.

A protocol's lock, the manifest of an edition, or anyone's file of their own: JSON that holds
``ledger_head`` = ``{"returns": n, "chain": hash}``, the state of the ledger when it was written.
A chain that was rewritten or cut short agrees with itself; none of these agrees with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.errors import LedgerError
from evaluation.ledger.receipt import Act, LedgerHead, Receipt, read_receipt

Witness = Receipt | Act | LedgerHead
HEAD = "ledger_head"
_ENDINGS = (".json", ".lock")
_CHAIN = re.compile(r"[0-9a-f]{64}")
_WANTED = 'a receipt, or JSON that holds "ledger_head": {"returns": 12, "chain": "64 digits"}'


def read_witnesses(path: Path) -> list[Witness]:
    """What vouches for the ledger in a file, or in all files of a folder that do.

    Raises
    ------
    LedgerError : if the file cannot be read or vouches for nothing; for a folder, if none does.
    """
    if not path.is_dir():
        return [_read(path)]
    found = [one for file in _files(path) if (one := _read_if_any(file)) is not None]
    if not found:
        raise LedgerError(
            "no file in this folder vouches for a ledger.", where=str(path), expected=_WANTED
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.suffix in _ENDINGS and one.is_file())


def _read(path: Path) -> Witness:
    content = _content(path)
    if HEAD in content:
        return _head(content[HEAD], path)
    if content.keys() & {"receipt", "return_id", "act_id"}:
        return read_receipt(path)
    raise LedgerError(
        "this vouches for no ledger: it is no receipt and names no ledger_head.",
        where=str(path),
        expected=_WANTED,
    )


def _read_if_any(path: Path) -> Witness | None:
    """Of a folder's files those count that say something of the ledger; what they say must hold."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    says = isinstance(content, dict) and content.keys() & {HEAD, "chain_hash", "receipt"}
    return _read(path) if says else None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LedgerError(
            f"the file cannot be read ({error.strerror}).",
            where=str(path),
            expected=_WANTED,
            mend="name a file that is there and that you may read",
        ) from None
    except ValueError:
        raise LedgerError(
            "this is no receipt: it is no JSON.", where=str(path), expected=_WANTED
        ) from None
    if not isinstance(content, dict):
        raise LedgerError("this is no receipt.", where=str(path), expected=_WANTED)
    return content


def _head(given: Any, path: Path) -> LedgerHead:
    held = given if isinstance(given, dict) else {}
    count, chain = held.get("returns"), held.get("chain")
    sound = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    if not sound or not isinstance(chain, str) or not _CHAIN.fullmatch(chain):
        raise LedgerError("its ledger_head cannot be read.", where=str(path), expected=_WANTED)
    return LedgerHead(returns=int(count or 0), chain=chain, where=path.name)
