"""What is said in a workbook outside its cells: comments on them, text boxes, struck-out text.

None of it is part of a cell's value, so a reader of values drops it without a word; what an officer
wrote there ("June missing") may decide whether a figure holds.
"""

from __future__ import annotations

from posixpath import join, normpath
from typing import Literal, NamedTuple

from evaluation.returns.archive import Attributes, Budget, parse
from evaluation.returns.form import address, corners

AUTHOR = "newstart check"
"""Whose comments are our own marks in a reply."""
OWN_WORDS = "\n\n(Your own comment) "
"""Stands between our mark and the comment of an officer that was there before it."""
# Text of one remark, far beyond what is shown of it.
_LONGEST = 2_000
_NO = {"0", "false"}
# Excel's own limits, counted from 0.
_LAST_ROW, _LAST_COLUMN = 1_048_575, 16_383


class Remark(NamedTuple):
    """Words beside the cells of a sheet, and the cell at which they stand."""

    kind: Literal["comment", "text box"]
    cell: str
    words: str


def remarks_of(parts: dict[str, bytes], sheet_part: str, name: str) -> tuple[Remark, ...]:
    """Every comment on and text box over a sheet, in the order of the file.

    Raises
    ------
    ReturnFileError : if a part of them is no sound XML or breaks a bound.
    """
    folder, _, file = sheet_part.rpartition("/")
    relations = f"{folder}/_rels/{file}.rels"
    if relations not in parts:
        return ()
    links = _Links(name)
    parse(parts[relations], relations, links)
    comments: dict[str, Remark] = {}
    boxes: list[Remark] = []
    # Threads last: where a cell has one, its old-style comment says only that there is a thread.
    for kind, target in sorted(links.targets, key=lambda link: link.kind == "threadedComment"):
        part = target.lstrip("/") if target.startswith("/") else normpath(join(folder, target))
        if part not in parts:
            continue
        if kind == "drawing":
            boxes += _boxes(parts[part], part, name)
        else:
            thread = kind == "threadedComment"
            found = _comments(parts[part], part, name, threads=thread)
            comments |= {one.cell: one for one in found}
    return (*comments.values(), *boxes)


def struck_formats(styles: bytes | None, name: str) -> frozenset[int]:
    """The numbers of the cell formats whose font strikes through."""
    if styles is None or b"strike" not in styles:
        return frozenset()
    reader = _Styles(name)
    parse(styles, "xl/styles.xml", reader)
    return frozenset(n for n, font in enumerate(reader.formats) if font in reader.struck)


class _Link(NamedTuple):
    kind: str
    target: str


class _Links(Budget):
    """The parts with remarks that a sheet links to."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.targets: list[_Link] = []

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        kind = attributes.get("Type", "").rpartition("/")[2]
        if kind in ("comments", "threadedComment", "drawing"):
            self.targets.append(_Link(kind, attributes.get("Target", "")))


class _Words(Budget):
    """Collects the text of the elements named, bounded."""

    def __init__(self, name: str, holders: frozenset[str]) -> None:
        super().__init__(name)
        self.holders, self.held = holders, ""

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        local = tag.rpartition(":")[2]
        self.listen(local in self.holders)
        self.begin(local, attributes)

    def end(self, tag: str) -> None:
        super().end(tag)
        self.listen(False)
        self.finish(tag.rpartition(":")[2])

    def text(self, text: str) -> None:
        if len(self.held) < _LONGEST:
            self.held += text

    def begin(self, local: str, attributes: Attributes) -> None:
        """Told each element as it begins."""

    def finish(self, local: str) -> None:
        """Told each element as it ends."""


class _Comments(_Words):
    def __init__(self, name: str, element: str) -> None:
        super().__init__(name, frozenset({"t", "text", "author"}))
        self.element, self.cell, self.by = element, "", ""
        self.authors: list[str] = []
        self.found: list[Remark] = []

    def begin(self, local: str, attributes: Attributes) -> None:
        if local == self.element:
            self.cell, self.held = attributes.get("ref", ""), ""
            self.by = attributes.get("authorId", "")
        elif local == "author":
            self.held = ""

    def finish(self, local: str) -> None:
        if local == "author":
            self.authors.append(self.held)
        elif local == self.element and (words := self._own(self.held).strip()):
            self.found.append(Remark("comment", _cell(self.cell), words))

    def _own(self, words: str) -> str:
        """Without our mark, where this is one of an earlier reply."""
        known = self.by.isdecimal() and int(self.by) < len(self.authors)
        if not known or self.authors[int(self.by)] != AUTHOR:
            return words
        return words.partition(OWN_WORDS)[2]


def _cell(reference: str) -> str:
    """The first cell of a reference; where a program wrote none that there is, A1."""
    place = corners(reference)
    if place is None or place.first_row > _LAST_ROW + 1 or place.first_column > _LAST_COLUMN:
        return "A1"
    return address(place.first_row, place.first_column)


def _comments(content: bytes, part: str, name: str, *, threads: bool) -> list[Remark]:
    reader = _Comments(name, "threadedComment" if threads else "comment")
    parse(content, part, reader)
    return reader.found


class _Boxes(_Words):
    """Text inside drawn shapes, at the cell to which each is anchored."""

    def __init__(self, name: str) -> None:
        super().__init__(name, frozenset({"t", "col", "row"}))
        self.column, self.row, self.inside = 0, 0, False
        self.words: list[str] = []
        self.found: list[Remark] = []

    def begin(self, local: str, attributes: Attributes) -> None:  # noqa: ARG002 - as in _Words
        if local.endswith("Anchor"):
            self.column, self.row, self.words = 0, 0, []
        self.inside = self.inside or local == "from"
        if local in ("t", "col", "row"):
            self.held = ""

    def finish(self, local: str) -> None:
        if local in ("col", "row") and self.inside and self.held.strip().isdecimal():
            place = int(self.held)
            if local == "col":
                self.column = min(place, _LAST_COLUMN)
            else:
                self.row = min(place, _LAST_ROW)
        elif local == "from":
            self.inside = False
        elif local == "t":
            self.words.append(self.held)
        elif local.endswith("Anchor") and (words := " ".join(" ".join(self.words).split())):
            cell = address(self.row + 1, self.column)
            self.found.append(Remark("text box", cell, words[:_LONGEST]))


def _boxes(content: bytes, part: str, name: str) -> list[Remark]:
    reader = _Boxes(name)
    parse(content, part, reader)
    return reader.found


class _Styles(Budget):
    """The fonts that strike through, and the font of each cell format."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.inside, self.font = "", -1
        self.struck: set[int] = set()
        self.formats: list[int] = []

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        local = tag.rpartition(":")[2]
        if local in ("fonts", "cellXfs", "cellStyleXfs", "dxfs"):
            self.inside = local
        elif local == "font" and self.inside == "fonts":
            self.font += 1
        elif local == "strike" and self.inside == "fonts" and attributes.get("val") not in _NO:
            self.struck.add(self.font)
        elif local == "xf" and self.inside == "cellXfs":
            given = attributes.get("fontId", "0")
            self.formats.append(int(given) if given.isdecimal() else 0)
