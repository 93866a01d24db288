"""What the sheets of a workbook hold, seen in their XML: extent, formulas, errors, what is hidden.

The parser that reads the values allocates the whole rectangle to the last cell, shows a formula
as its last result and a failed one as empty. All that is measured and found here, first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evaluation.errors import ReturnFileError
from evaluation.returns.archive import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_RECTANGLE,
    Attributes,
    Budget,
    damaged,
    parse,
    too_much,
)
from evaluation.returns.form import address, column_number, corners
from evaluation.returns.remarks import Remark, remarks_of, struck_formats

# Below Excel's 1,048,576 by far: the parser allocates to the last cell.
MAX_ROW = 99_999
MAX_COLUMN = "AZ"
MAX_SHEETS = 60
MAX_MERGED = 5_000
# Excel's own limit.
MAX_CELL_TEXT = 32_767
MAX_TEXT = 60 * 2**20
# Only where some shared string is long need repeats be counted: most workbooks are spared the work.
_LONG = 1_000
# From this size on, a sheet in which one cell of so many is filled is a table and a lone cell.
_SPARSE_FROM, _SPARSE = 50_000, 50
_COLUMNS = column_number(MAX_COLUMN) + 1

_RANGED = {"mergeCell", "hyperlink"}
_YES = {"1", "true"}
_NO = {"0", "false"}


@dataclass(kw_only=True)
class Sheet:
    """A sheet as its XML says; ``first`` is its first filled cell, None if it holds nothing.

    ``cells`` counts the filled ones and those that have a format only. ``formulas`` are the cells
    that hold one, ``errors`` the text of cells that show an Excel error, ``merged`` ranges,
    ``hidden_columns`` pairs of first and last, counted from 0. ``struck`` are the cells whose text
    is struck through, ``remarks`` what is said beside the cells.
    """

    title: str
    part: str
    hidden: bool
    first: str | None = None
    cells: int = 0
    filled: int = 0
    last_row: int = 0
    last_column: int = -1
    formulas: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    struck: set[str] = field(default_factory=set)
    remarks: tuple[Remark, ...] = ()


def listed(parts: dict[str, bytes], name: str) -> tuple[Sheet, ...]:
    """The sheets that the workbook names, in its order, not scanned yet.

    Raises
    ------
    ReturnFileError : if its list of sheets cannot be followed, or is longer than anybody's.
    """
    book, links = _Book(name), _Book(name)
    parse(parts["xl/workbook.xml"], "xl/workbook.xml", book)
    relations = "xl/_rels/workbook.xml.rels"
    if relations not in parts:
        raise damaged(name, "its list of sheets cannot be followed")
    parse(parts[relations], relations, links)
    if len(book.sheets) > MAX_SHEETS:
        raise too_much(
            name, f"the workbook has {len(book.sheets):,} sheets; a return has two or three."
        )
    found: list[Sheet] = []
    for title, link, state in book.sheets:
        target = links.targets.get(link, "")
        # Targets are relative to xl/ or absolute; both are written.
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if part not in parts:
            raise damaged(name, f"its sheet {title[:40]} is not in it")
        # Excel takes titles alike but for case as one.
        if title.casefold() in {sheet.title.casefold() for sheet in found}:
            raise damaged(name, f"two of its sheets are called {title[:40]}")
        found.append(Sheet(title=title, part=part, hidden=state in ("hidden", "veryHidden")))
    return tuple(found)


def scan(parts: dict[str, bytes], found: tuple[Sheet, ...], name: str) -> tuple[Sheet, ...]:
    """Fill in what each sheet holds.

    Raises
    ------
    ReturnFileError : if a sheet reaches beyond the bounds of a return, naming the cell.
    """
    strings = _Strings(name)
    for part, content in parts.items():
        # Case differs between programs that write it.
        if part.casefold() == "xl/sharedstrings.xml":
            parse(content, part, strings)
    lengths = strings.lengths if max(strings.lengths, default=0) > _LONG else []
    struck = struck_formats(parts.get("xl/styles.xml"), name)
    text, elements = 0, strings.elements
    for sheet in found:
        scanner = _Scanner(sheet, name, lengths)
        scanner.struck, scanner.struck_texts = struck, strings.struck
        scanner.total_text, scanner.elements = text, elements
        parse(parts[sheet.part], sheet.part, scanner)
        text, elements = scanner.total_text, scanner.elements
        rectangle = sheet.last_row * (sheet.last_column + 1)
        # A lone cell far away would make the parser allocate everything in between.
        scattered = rectangle > _SPARSE_FROM and rectangle > _SPARSE * sheet.filled
        if rectangle > MAX_RECTANGLE or scattered:
            raise _outside(name, scanner.farthest, sheet.title)
        sheet.remarks = remarks_of(parts, sheet.part, name)
    return found


def _outside(name: str, cell: str, title: str) -> ReturnFileError:
    return ReturnFileError(
        f"the sheet {title} has something in cell {cell[:20]}, far outside a return.",
        where=name,
        expected=f"nothing right of column {MAX_COLUMN} or below row {MAX_ROW:,}, and no lone cell"
        " far from the table",
        mend="clear everything outside the table, or copy the table to a fresh template.",
    )


class _Book(Budget):
    """Titles of the sheets, and targets of the links."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sheets: list[tuple[str, str, str]] = []
        self.targets: dict[str, str] = {}

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        local = tag.rpartition(":")[2]
        if local == "sheet":
            # The prefix of the relations' namespace is the writer's choice.
            link = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            self.sheets.append((attributes.get("name", ""), link, attributes.get("state", "")))
        elif local == "Relationship":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


class _Strings(Budget):
    """The length of each shared string: a sheet can repeat one a million times."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lengths: list[int] = []
        self.struck: set[int] = set()

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        local = tag.rpartition(":")[2]
        if local == "si":
            self.lengths.append(0)
            self.listen(True)
        elif local == "strike" and attributes.get("val") not in _NO:
            self.struck.add(len(self.lengths) - 1)

    def text(self, text: str) -> None:
        self.lengths[-1] += len(text)
        if self.lengths[-1] > MAX_CELL_TEXT:
            raise too_much(
                self.name, f"a cell holds a text of more than {MAX_CELL_TEXT:,} characters."
            )


class _Scanner(Budget):
    """Walks one sheet; positions are counted on where a cell does not name its own."""

    def __init__(self, sheet: Sheet, name: str, lengths: list[int]) -> None:
        super().__init__(name)
        self.sheet, self.lengths = sheet, lengths
        self.row, self.column = 0, -1
        self.cell, self.kind, self.inside = "", "", ""
        self.collected: list[str] = []
        self.farthest = "A1"
        self.total_text = 0
        self.row_is_hidden = False
        self.struck: frozenset[int] = frozenset()
        self.struck_texts: set[int] = set()
        self.format = ""
        self._starts = {"c": self._cell, "row": self._row, "v": self._value, "is": self._value}
        self._starts |= {"f": self._formula, "col": self._columns, "strike": self._strike}

    def start(self, tag: str, attributes: Attributes) -> None:
        self.elements += 1  # as in Budget, without the call: it happens a million times
        self.depth += 1
        if self.depth > MAX_DEPTH or self.elements > MAX_ELEMENTS:
            self.spent()
        # Some programs write every tag with a prefix.
        if ":" in tag:
            tag = tag.rpartition(":")[2]
        known = self._starts.get(tag)
        if known is not None:
            known(attributes)
        elif tag in _RANGED:
            self._range(tag, attributes.get("ref", ""))

    def end(self, tag: str) -> None:  # noqa: ARG002 - fixed by expat
        self.depth -= 1
        if self.inside:
            self._close()

    def text(self, text: str) -> None:
        self.collected.append(text)

    def _row(self, attributes: Attributes) -> None:
        given = attributes.get("r")
        self.row = int(given) if given else self.row + 1
        self.column = -1
        # A height of nothing hides a row as well.
        self.row_is_hidden = attributes.get("hidden") in _YES or attributes.get("ht") == "0"

    def _cell(self, attributes: Attributes) -> None:
        given = attributes.get("r")
        self.sheet.cells += 1
        self.kind, self.format = attributes.get("t", ""), attributes.get("s", "")
        if given is None:
            self.column += 1
            self.cell = ""
            return
        letters = given.rstrip("0123456789")
        self.cell = given
        # Letters alone may be of another script, and no column.
        if not (letters.isascii() and letters.isupper() and len(letters) <= 3):
            raise damaged(self.name, f'a cell of it calls itself "{given[:20]}"')
        self.row, self.column = int(given[len(letters) :]), column_number(letters)

    def _value(self, _: Attributes) -> None:
        sheet, row, column = self.sheet, self.row, self.column
        if row > MAX_ROW or column >= _COLUMNS or row < 1 or column < 0:
            raise _outside(self.name, self.cell or f"in row {row}", sheet.title)
        if sheet.first is None:
            sheet.first = self._named()
        sheet.filled += 1
        if row > sheet.last_row:
            sheet.last_row, self.farthest = row, self._named()
        if column > sheet.last_column:
            sheet.last_column, self.farthest = column, self._named()
        if self.row_is_hidden:
            sheet.hidden_rows.add(row)
        if self.struck and self.format.isdecimal() and int(self.format) in self.struck:
            sheet.struck.add(self._named())
        # Text is only listened to where it is needed: errors, long and struck shared strings.
        if self.kind == "e" or ((self.lengths or self.struck_texts) and self.kind == "s"):
            self.inside, self.collected = self.kind, []
            self.listen(True)

    def _strike(self, attributes: Attributes) -> None:
        """Part of a text that stands in the cell itself."""
        if attributes.get("val") not in _NO:
            self.sheet.struck.add(self._named())

    def _formula(self, _: Attributes) -> None:
        self.sheet.formulas.add(self._named())
        if self.row > MAX_ROW or self.column >= _COLUMNS:
            raise _outside(self.name, self._named(), self.sheet.title)

    def _named(self) -> str:
        if not self.cell:
            self.cell = address(self.row, self.column)
        return self.cell

    def _close(self) -> None:
        text = "".join(self.collected)
        if self.inside == "e":
            self.sheet.errors[self._named()] = text or "#ERROR"
        else:
            at = int(text or "0")
            if at in self.struck_texts:
                self.sheet.struck.add(self._named())
            self.total_text += self.lengths[at] if 0 <= at < len(self.lengths) else 0
            if self.total_text > MAX_TEXT:
                raise too_much(
                    self.name, f"the texts of its cells come to more than {MAX_TEXT // 2**20} MB."
                )
        self.inside = ""
        self.listen(False)

    def _columns(self, attributes: Attributes) -> None:
        if attributes.get("hidden") in _YES or attributes.get("width") == "0":
            first, last = int(attributes.get("min", "1")), int(attributes.get("max", "1"))
            self.sheet.hidden_columns.append((first - 1, last - 1))

    def _range(self, tag: str, reference: str) -> None:
        found = corners(reference)
        if found is None:
            raise damaged(self.name, f'the range "{reference[:20]}" is none')
        rows, columns = found[2] - found[0] + 1, found[3] - found[1] + 1
        if found[2] > MAX_ROW or found[3] >= _COLUMNS or rows * columns > MAX_RECTANGLE:
            raise _outside(self.name, reference, self.sheet.title)
        if tag == "mergeCell":
            self.sheet.merged.append(reference)
            if len(self.sheet.merged) > MAX_MERGED:
                raise too_much(
                    self.name,
                    f"the sheet {self.sheet.title} has more than {MAX_MERGED:,} merged ranges.",
                )
