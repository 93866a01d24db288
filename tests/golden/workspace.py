"""The record of a workspace after a demonstration: results, claims, tables and pages as lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bs4 import BeautifulSoup, Tag

from tests.golden import masks, plain
from tests.golden.plain import Record

FILES = ("results", "claims", "tables", "pages")
"""The parts of a record, each a file."""
_BLOCKS = (
    "p", "li", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "tr", "caption", "figcaption", "summary",
    "pre", "div", "section", "blockquote", "aside", "details", "label", "option", "br",
)  # fmt: skip
_WORDS = re.compile(r"<text[^>]*>([^<]*)<")
_NO_PAGES = ("genindex", "search", "reports/", "_static/")


def record_of(workspace: Path) -> dict[str, Record]:
    """The record of a workspace, by the names of `FILES`.

    Raises
    ------
    ValueError : no demonstration was run there.
    """
    edition = workspace / "book" / "_edition"
    if not (edition / "claims.json").is_file():
        raise ValueError(f"{workspace} holds no finished demonstration: run newstart demo there")
    hashes = masks.hidden(workspace)
    claims = _read(edition / "claims.json", hashes)
    return {
        "results": dict(_results(workspace, hashes)),
        "claims": {key: _lines_of(one) for key, one in sorted(claims.items())},
        "tables": dict(_tables(edition / "files", hashes)),
        "pages": dict(_pages(workspace / "book" / "_build" / "html", hashes)),
    }


def _lines_of(claim: Any) -> list[str]:
    """A claim with what it holds; most of its fields are empty."""
    return [f"{key}: {plain.written(value)}" for key, value in claim.items() if value or value == 0]


def _results(workspace: Path, hashes: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Results of studies, their looks with the statistics kept, and every edition's headlines."""
    var = workspace / "var"
    names = ("results/*/*/*.json", "editions/*/headline.json", "editions/*/change.json")
    for path in _below(var, *names):
        if not masks.is_left_out(path):
            name = path.relative_to(var).with_suffix("").as_posix()
            yield from plain.sections(name, _read(path, hashes)).items()
    for path in _below(var, "looks/*/*/*/looks.jsonl"):
        rows = [
            json.loads(masks.masked(line, hashes)) for line in path.read_text("utf-8").splitlines()
        ]
        name = "/".join(path.relative_to(var).parts[:3])
        yield from plain.sections(name, rows).items()
    for path in _below(var, "looks/*/*/*/*.npz"):
        name = "/".join((*path.relative_to(var).parts[:3], path.stem))
        yield name, list(_arrays(path))


def _arrays(path: Path) -> Iterator[str]:
    with np.load(path) as held:
        for name in sorted(held.files):
            numbers = np.asarray(held[name]).ravel()
            if numbers.dtype != np.uint8:  # bytes of JSON, which say what the record says
                yield f"{name}: {plain.sums(numbers.astype(float).tolist())}"


def _tables(files: Path, hashes: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Every table offered for download, the words of every chart, and how the edition is cited."""
    for path in _below(files, "**/*.csv", "**/*.json", "**/*.svg", "**/*.cff"):
        if not masks.is_left_out(path):
            name, text = path.relative_to(files).as_posix(), path.read_text("utf-8")
            yield name, list(_told(path.suffix, masks.masked(text, hashes)))


def _told(kind: str, text: str) -> Iterable[str]:
    """A file as lines; of what JSON says again beside a table, its words and sums."""
    if kind == ".csv":
        rows = list(csv.reader(io.StringIO(text)))
        return plain.table([list(map(_cell, row)) for row in rows]) if rows else []
    if kind == ".json":
        content = json.loads(text)
        said = content.get("says") if isinstance(content, dict) else None
        return [*([said] if said else []), plain.sums(list(plain.numbers_in(content)))]
    if kind == ".svg":
        return [" / ".join(" ".join(word.split()) for word in _WORDS.findall(text))]
    return text.splitlines()


def _cell(text: str) -> str:
    """A cell of a table; a number with the digits that the record keeps."""
    try:
        return plain.written(float(text)) if "." in text else text
    except ValueError:
        return " ".join(text.split())


def _pages(html: Path, hashes: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    for path in _below(html, "**/*.html"):
        name = path.relative_to(html).as_posix()
        if not name.startswith(_NO_PAGES):
            yield name, page_lines(path.read_text("utf-8"), hashes)


def page_lines(html: str, hashes: dict[str, str]) -> list[str]:
    """What a page says to its reader, a line a paragraph, row or item; pictures by their words."""
    page = BeautifulSoup(html, "html.parser")
    masks.without_parts(page)
    main = page.select_one("article") or page.select_one("main") or page.body or page
    for picture in main.find_all("img"):
        picture.replace_with(f"\n[chart] {picture.get('alt', '')}\n")
    for cell in main.find_all(["td", "th"]):
        cell.insert_after(" | ")
    for row in main.find_all("tr"):
        _on_one_line(row)
    for block in main.find_all(_BLOCKS):
        block.insert_before("\n")
        block.insert_after("\n")
    text = masks.masked(main.get_text(), hashes)
    lines = (" ".join(line.split()).removesuffix(" |") for line in text.splitlines())
    return [line for line in lines if line]


def _on_one_line(row: Tag) -> None:
    row.string = " ".join(row.get_text().split())


def _below(folder: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _read(path: Path, hashes: dict[str, str]) -> Any:
    return json.loads(masks.masked(path.read_text("utf-8"), hashes))
