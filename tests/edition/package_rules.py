"""The rules of an OOXML package (ECMA-376) that a spreadsheet program insists on, as a checker.

It knows nothing of who wrote the package: zip and XML are read by the standard library alone.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

TYPES = "[Content_Types].xml"
PACKAGE = "{http://schemas.openxmlformats.org/package/2006/%s}"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
RELATIONS = "application/vnd.openxmlformats-package.relationships+xml"
EXTENDED = "application/vnd.openxmlformats-officedocument"
TYPE_OF = {
    "officeDocument": f"{EXTENDED}.spreadsheetml.sheet.main+xml",
    "worksheet": f"{EXTENDED}.spreadsheetml.worksheet+xml",
    "table": f"{EXTENDED}.spreadsheetml.table+xml",
    "styles": f"{EXTENDED}.spreadsheetml.styles+xml",
    "sharedStrings": f"{EXTENDED}.spreadsheetml.sharedStrings+xml",
    "theme": f"{EXTENDED}.theme+xml",
    "extended-properties": f"{EXTENDED}.extended-properties+xml",
    "core-properties": "application/vnd.openxmlformats-package.core-properties+xml",
}
"""The last word of a relationship's type -> the content type of the part that it leads to."""
LAST = (16_384, 1_048_576)
"""The last column and row that a sheet can have."""
STYLED = {"fontId": "fonts", "fillId": "fills", "borderId": "borders", "xfId": "cellStyleXfs"}

Box = tuple[int, int, int, int]


def faults(path: Path) -> list[str]:
    """What a spreadsheet program would mend or refuse; nothing in a package that is well formed."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        parts = {name: archive.read(name) for name in names}
        broken = archive.testzip()
    found = [f"{broken}: damaged"] if broken else []
    found += [f"{name}: twice in the package" for name in {n for n in names if names.count(n) > 1}]
    trees = {}
    for name, content in parts.items():
        try:
            trees[name] = ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            found.append(f"{name}: no XML ({error})")
    if found:
        return found
    held = Package(parts=trees)
    found += [*held.types(), *held.relationships()]
    return found or [*held.workbook(), *held.styles(), *held.strings(), *held.sheets()]


def box(ref: str) -> Box:
    """First column, first row, last column, last row of ``A1`` or ``A1:B2``, counted from 1."""
    corners = [re.fullmatch(r"\$?([A-Z]{1,3})\$?([1-9]\d*)", part) for part in ref.split(":")]
    if not 1 <= len(corners) <= 2 or None in corners:
        raise ValueError(f"{ref!r} is no range of cells")
    numbers = []
    for corner in corners:
        assert corner is not None
        column = 0
        for letter in corner[1]:
            column = 26 * column + ord(letter) - ord("A") + 1
        numbers.append((column, int(corner[2])))
    (left, top), (right, bottom) = numbers[0], numbers[-1]
    if not (left <= right <= LAST[0] and top <= bottom <= LAST[1]):
        raise ValueError(f"{ref!r} lies outside what a sheet can have")
    return left, top, right, bottom


def within(inner: Box, outer: Box) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


@dataclass(frozen=True, kw_only=True)
class Package:
    """The parts of a package, as XML."""

    parts: dict[str, Element]

    @cached_property
    def links(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Part -> id -> (last word of the type, part that it leads to); the root's part is ''."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for name, tree in self.parts.items():
            if not name.endswith(".rels"):
                continue
            folder, file = posixpath.split(name)
            source = posixpath.join(posixpath.dirname(folder), file.removesuffix(".rels"))
            found[source] = {
                one.get("Id", ""): (
                    one.get("Type", "").rpartition("/")[2],
                    posixpath.normpath(
                        posixpath.join(posixpath.dirname(source), one.get("Target", ""))
                    ).lstrip("/"),
                )
                for one in tree.iter(PACKAGE % "relationships" + "Relationship")
                if one.get("TargetMode") != "External"
            }
        return found

    def types(self) -> Iterator[str]:
        """Each part has a content type, and none is given to a part that is not there."""
        if next(iter(self.parts), "") != TYPES:
            yield f"{TYPES} does not come first"
        space = PACKAGE % "content-types"
        by_ending = {
            one.get("Extension"): one.get("ContentType")
            for one in self.parts[TYPES].iter(f"{space}Default")
        }
        own = [
            (one.get("PartName", ""), one.get("ContentType"))
            for one in self.parts[TYPES].iter(f"{space}Override")
        ]
        for name, _ in own:
            if name.removeprefix("/") not in self.parts or not name.startswith("/"):
                yield f"{TYPES} names {name}, which is not there"
        if len(dict(own)) < len(own):
            yield f"{TYPES} names a part twice"
        said = dict(own)
        for name in self.parts.keys() - {TYPES}:
            kind = said.get(f"/{name}", by_ending.get(name.rpartition(".")[2]))
            if kind is None or (name.endswith(".rels") and kind != RELATIONS):
                yield f"{name}: content type {kind}"
        for source, links in self.links.items():
            for word, target in links.values():
                if word not in TYPE_OF or said.get(f"/{target}") != TYPE_OF[word]:
                    yield f"{source or 'the package'} calls {target} a {word}, {TYPES} does not"

    def relationships(self) -> Iterator[str]:
        """Each leads from a part to a part, and each part is led to."""
        reached, waiting = {TYPES}, [""]
        for name, tree in self.parts.items():
            ids = [one.get("Id") for one in tree] if name.endswith(".rels") else []
            if len(set(ids)) < len(ids):
                yield f"{name}: an id twice"
        while waiting:
            source = waiting.pop()
            folder, file = posixpath.split(source)
            reached.add(posixpath.join(folder, "_rels", f"{file}.rels"))
            for _, target in self.links.get(source, {}).values():
                if target not in self.parts:
                    yield f"{source or 'the package'} leads to {target}, which is not there"
                elif target not in reached:
                    reached.add(target)
                    waiting.append(target)
        for name in sorted(self.parts.keys() - reached):
            yield f"{name}: nothing leads to it"

    @cached_property
    def book(self) -> str:
        """The part that is the workbook."""
        return next(to for word, to in self.links[""].values() if word == "officeDocument")

    @cached_property
    def sheet_parts(self) -> dict[str, str]:
        """Sheet -> its part, '' where there is none."""
        links = self.links[self.book]
        return {
            one.get("name", ""): links.get(one.get(f"{LINK}id", ""), ("", ""))[1]
            for one in self.parts[self.book].iter(f"{MAIN}sheet")
        }

    def _one(self, word: str) -> Element:
        return self.parts[next(to for one, to in self.links[self.book].values() if one == word)]

    @cached_property
    def texts(self) -> list[str]:
        """The shared texts."""
        return [
            "".join(part.text or "" for part in one.iter(f"{MAIN}t"))
            for one in self._one("sharedStrings").iter(f"{MAIN}si")
        ]

    def workbook(self) -> Iterator[str]:
        """Sheets that are there, under names that Excel takes; defined names that lead to cells."""
        listed = list(self.parts[self.book].iter(f"{MAIN}sheet"))
        names = [one.get("name", "") for one in listed]
        for name in names:
            if not 1 <= len(name) <= 31 or re.search(r"[\[\]:*?/\\]|^'|'$", name):
                yield f"sheet {name!r}: no name for a sheet"
        if len({name.casefold() for name in names}) < len(names):
            yield "two sheets have one name"
        if len({one.get("sheetId") for one in listed}) < len(listed):
            yield "two sheets have one number"
        for name, part in self.sheet_parts.items():
            if part not in self.parts or self.parts[part].tag != f"{MAIN}worksheet":
                yield f"sheet {name!r}: no worksheet"
        for one in self.parts[self.book].iter(f"{MAIN}definedName"):
            yield from self._leads(f"the name {one.get('name')!r}", one.text or "")

    def _leads(self, what: str, ref: str) -> Iterator[str]:
        """Nothing where ``ref`` is cells of a sheet that is there: ``'Over time'!A1``."""
        sheet, _, cells = ref.rpartition("!")
        sheet = sheet[1:-1].replace("''", "'") if sheet.startswith("'") else sheet
        if sheet not in self.sheet_parts:
            yield f"{what} leads to {ref!r}, no sheet that is there"
            return
        try:
            box(cells)
        except ValueError as error:
            yield f"{what}: {error}"

    def styles(self) -> Iterator[str]:
        """What a style is made of is there."""
        tree = self._one("styles")
        counted = {part.tag.removeprefix(MAIN): len(part) for part in tree}
        for part in tree:
            if part.get("count", str(len(part))) != str(len(part)):
                yield f"styles: {part.tag.removeprefix(MAIN)} are not {part.get('count')}"
        formats = {one.get("numFmtId") for one in tree.iter(f"{MAIN}numFmt")}
        for one in tree.iter(f"{MAIN}xf"):
            for key, of in STYLED.items():
                if int(one.get(key, 0)) >= counted.get(of, 0):
                    yield f"styles: {key} {one.get(key)} is not there"
            number = one.get("numFmtId", "0")
            if int(number) >= 164 and number not in formats:
                yield f"styles: number format {number} is not there"

    def strings(self) -> Iterator[str]:
        """The shared texts are as many as is said."""
        tree = self._one("sharedStrings")
        used = sum(
            cell.get("t") == "s"
            for part in self.sheet_parts.values()
            for cell in self.parts[part].iter(f"{MAIN}c")
        )
        if int(tree.get("uniqueCount", len(self.texts))) != len(self.texts):
            yield f"shared texts: {len(self.texts)} are not {tree.get('uniqueCount')}"
        # Cells that were written over are counted too, and no program minds.
        if int(tree.get("count", used)) < used:
            yield f"shared texts: {used} cells hold one, more than {tree.get('count')}"

    def sheets(self) -> Iterator[str]:
        """Cells in order and of a style that is there; tables on cells that bear their heads."""
        styles = len(next(self._one("styles").iter(f"{MAIN}cellXfs")))
        tables: list[Element] = []
        for name, part in self.sheet_parts.items():
            tree = self.parts[part]
            cells: dict[tuple[int, int], Element] = {}
            try:
                yield from _cells(name, tree, cells)
                yield from self._values(name, cells, styles)
                yield from self._inside(name, tree)
                for one in tree.iter(f"{MAIN}tablePart"):
                    word, target = self.links[part].get(one.get(f"{LINK}id", ""), ("", ""))
                    if word != "table":
                        yield f"sheet {name!r}: no table that is there"
                        continue
                    tables.append(self.parts[target])
                    yield from self._table(name, self.parts[target], cells)
            except ValueError as error:
                yield f"sheet {name!r}: {error}"
        for key in ("id", "name", "displayName"):
            held = [table.get(key, "").casefold() for table in tables]
            if len(set(held)) < len(held):
                yield f"two tables have one {key}"

    def _values(
        self, name: str, cells: dict[tuple[int, int], Element], styles: int
    ) -> Iterator[str]:
        for at, cell in cells.items():
            value = cell.findtext(f"{MAIN}v")
            if int(cell.get("s", 0)) >= styles:
                yield f"sheet {name!r}: the style of {at} is not there"
            if cell.get("t") == "s" and not 0 <= int(value or -1) < len(self.texts):
                yield f"sheet {name!r}: the text of {at} is not there"
            if cell.get("t", "n") == "n" and value is not None:
                float(value)

    def _inside(self, name: str, tree: Element) -> Iterator[str]:
        merged = [box(one.get("ref", "")) for one in tree.iter(f"{MAIN}mergeCell")]
        for number, one in enumerate(merged):
            if any(_meet(one, other) for other in merged[:number]):
                yield f"sheet {name!r}: merged cells lie upon each other"
        for one in tree.iter(f"{MAIN}hyperlink"):
            box(one.get("ref", ""))
            if one.get(f"{LINK}id") is None:
                yield from self._leads(f"sheet {name!r}: a link", one.get("location", ""))

    def _table(
        self, name: str, table: Element, cells: dict[tuple[int, int], Element]
    ) -> Iterator[str]:
        what = f"table {table.get('name')!r} of sheet {name!r}"
        left, top, right, bottom = at = box(table.get("ref", ""))
        if bottom == top or not {(left, top), (right, bottom)} <= cells.keys():
            yield f"{what} reaches beyond the cells of its sheet"
        for one in table.iter(f"{MAIN}autoFilter"):
            if not within(box(one.get("ref", "")), at):
                yield f"{what}: its filter reaches beyond it"
        columns = next(table.iter(f"{MAIN}tableColumns"))
        if not len(columns) == int(columns.get("count", -1)) == right - left + 1:
            yield f"{what} has not as many columns as it says"
        heads = [cells[k, top] for k in range(left, right + 1) if (k, top) in cells]
        said = [self.texts[int(c.findtext(f"{MAIN}v", ""))] for c in heads if c.get("t") == "s"]
        if said != [one.get("name") for one in columns] or len(set(said)) < len(said):
            yield f"{what}: its columns are not named as its first row is"


def _cells(name: str, tree: Element, cells: dict[tuple[int, int], Element]) -> Iterator[str]:
    """Puts the cells into ``cells``; says what is out of order or beyond the sheet's extent."""
    last = 0
    for row in tree.iter(f"{MAIN}row"):
        number = int(row.get("r", 0))
        if number <= last:
            yield f"sheet {name!r}: row {number} after row {last}"
        last, before = number, 0
        for cell in row.iter(f"{MAIN}c"):
            column, at, *_ = box(cell.get("r", ""))
            if at != number or column <= before:
                yield f"sheet {name!r}: {cell.get('r')} out of order in row {number}"
            before = column
            cells[column, at] = cell
    extent = box(next(tree.iter(f"{MAIN}dimension")).get("ref", ""))
    if not all(within((*at, *at), extent) for at in cells):
        yield f"sheet {name!r}: cells beyond its dimension"


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
