"""What may differ between two runs of the demonstration that give the same figures, by name.

Everything else must be equal: words to the letter, numbers to `comparing.RELATIVE`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup


@dataclass(frozen=True, kw_only=True)
class Mask:
    """One thing that may differ, and why.

    what : the name that stands in the record in its place, or of what is left out.
    """

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Hashed(Mask):
    """A hash that depends on more than figures: read where it is kept, masked wherever it stands.

    files : a pattern below the workspace. keys : the way to it in each row of such a file, ``*``
    for every key.
    """

    files: str
    keys: tuple[str, ...]


_CODE = "the bytes of the source: a module that moves changes it and no figure"
_LOCK = "it covers the code that the lock was made under, and the versions of libraries"
_CHAIN = "it covers the code and the lock that the look was taken under, and the look before it"
_MANIFEST = "it covers the code, the versions of libraries and the bytes of every page"
_BITS = "the bits of arrays, which are in the record as sums"
HASHES = (
    Hashed(what="hash of code", why=_CODE,
           files="var/results/*/*/results.json", keys=("code_fingerprint",)),
    Hashed(what="hash of code", why=_CODE,
           files="var/looks/*/*/*/looks.jsonl", keys=("known", "code")),
    Hashed(what="hash of code", why=_CODE,
           files="var/editions/*/manifest.json", keys=("code", "*")),
    Hashed(what="hash of lock", why=_LOCK,
           files="studies/*/*/protocol.lock", keys=("hash",)),
    Hashed(what="hash of look", why=_CHAIN,
           files="var/looks/*/*/*/looks.jsonl", keys=("previous",)),
    Hashed(what="hash of look", why=_CHAIN,
           files="var/editions/*/manifest.json", keys=("looks", "*", "head")),
    Hashed(what="hash of statistics", why=_BITS,
           files="var/looks/*/*/*/looks.jsonl", keys=("statistics",)),
    Hashed(what="hash of figures", why="the figures rounded, all of which are in the record",
           files="var/results/*/*/results.json", keys=("figures_fingerprint",)),
    Hashed(what="hash of manifest", why=_MANIFEST,
           files="var/editions/index.json", keys=("editions", "*", "manifest")),
)  # fmt: skip
SHORTENED = 16
"""Digits of a hash that a page shows where it does not show all."""


@dataclass(frozen=True, kw_only=True)
class Written(Mask):
    """A way of writing that is masked in every text; ``what`` stands in its place."""

    pattern: re.Pattern[str]


TEXTS = (
    Written(
        what="(module)",
        why="where code lies and what it is called, which may change without a figure",
        pattern=re.compile(r"\b(?:evaluation|benchmarks|tests)(?:[./]\w+)+(?::\d+|:\w+)?"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Part(Mask):
    """A part of a page that is left out. where : a CSS selector."""

    where: str


PARTS = (
    Part(what="navigation", why="the list of pages, the same on each; their names are sections",
         where="nav, header, .bd-sidebar-primary, .bd-toc, .headerlink, script, style, template"),
    Part(what="cells of notebooks as typed", why="code, whose imports may change; what they print "
         "is in the record", where=".cell_input"),
    Part(what="source of functions", why="code", where="details:has(pre), .table-box > pre"),
    Part(what="functions and where they lie", why="code",
         where=".table-box:has([href*='/code/'])"),
    Part(what="standing of a page", why="later editions may rewrite it", where=".edition-status"),
)  # fmt: skip

LEFT_OUT = (
    Mask(what="inputs.json", why="hashes of what a study was run on, code among it"),
    Mask(what="manifest.json", why="hashes of files; the files are in the record themselves"),
    Mask(what="datapackage.json", why="hashes and sizes of the tables beside it"),
    Mask(what="*.parquet", why="the table beside it that is in the record, in bytes"),
    Mask(what="*.xlsx", why="the same tables, in bytes"),
    Mask(what="*.pdf", why="set from claims that are in the record, in bytes"),
    Mask(what="*-narrow.svg", why="the chart that is in the record, for a small screen"),
    Mask(what="*.py.txt", why="code"),
)


def hidden(workspace: Path) -> dict[str, str]:
    """Each hash of this workspace that may differ -> what stands in its place."""
    found: dict[str, str] = {}
    for mask in HASHES:
        for path in sorted(workspace.glob(mask.files)):
            for row in _rows(path):
                for value in _at(row, mask.keys):
                    found |= {value: f"({mask.what})", value[:SHORTENED]: f"({mask.what})"}
    return found


def _rows(path: Path) -> Iterator[Any]:
    text = path.read_text(encoding="utf-8")
    yield from map(json.loads, text.splitlines() if path.suffix == ".jsonl" else [text])


def _at(content: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if not keys:
        if isinstance(content, str) and len(content) > SHORTENED:
            yield content
        return
    below = content.values() if isinstance(content, dict) else content
    if keys[0] == "*":
        for one in below:
            yield from _at(one, keys[1:])
    elif keys[0] in content:
        yield from _at(content[keys[0]], keys[1:])


def masked(text: str, hashes: dict[str, str]) -> str:
    """A text with what may differ named in its place."""
    for value, what in sorted(hashes.items(), key=lambda one: -len(one[0])):
        text = text.replace(value, what)
    for written in TEXTS:
        text = written.pattern.sub(written.what, text)
    return text


def is_left_out(path: Path) -> bool:
    """Whether a file is no part of the record."""
    return any(path.match(mask.what) for mask in LEFT_OUT)


def without_parts(page: BeautifulSoup) -> None:
    """Take out of a page what is left out of the record."""
    for part in PARTS:
        for found in page.select(part.where):
            found.decompose()
