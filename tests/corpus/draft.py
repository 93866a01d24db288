"""A return that is being spoilt: rows and columns keep their identity until it is written."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl

from evaluation.check.before import Before
from evaluation.returns.template import write_return
from tests.corpus.world import World

COLUMNS = [
    "area_code",
    "area_name",
    "quarter",
    "outcome",
    "numerator",
    "denominator",
    "status",
    "note",
]
GUIDE = ["template_version", "programme", "site", "agency", "quarter"]
Row = dict[str, Any]


class NoRoom(Exception):
    """No row is left in which the fault could be planted by itself."""


@dataclass(eq=False)
class Draft:
    """A clean return, in columns that have names and rows that are objects."""

    world: World
    site: str
    agency: str
    period: Any
    rows: list[Row]
    kind: str
    rng: random.Random
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    headings: dict[str, Any] = field(default_factory=lambda: {c: c for c in COLUMNS})
    above: list[list[Any]] = field(default_factory=list)
    guide: dict[str, str] = field(default_factory=dict)
    name: str = ""
    book: list[Callable[[Any, Draft], None]] = field(default_factory=list)
    past: list[Callable[[Before], Before]] = field(default_factory=list)
    taken: set[tuple[int, str]] = field(default_factory=set)

    def cell(self, row: Row, column: str) -> str:
        """Where a value of a row will stand."""
        number = next(i for i, one in enumerate(self.rows) if one is row)
        return f"{self.letter(column)}{number + 2 + len(self.above)}"

    def letter(self, column: str) -> str:
        return openpyxl.utils.get_column_letter(self.columns.index(column) + 1)

    def heading(self, column: str) -> str:
        return f"{self.letter(column)}{1 + len(self.above)}"

    def of(self, outcome: str) -> list[Row]:
        return [row for row in self.rows if row.get("outcome") == outcome]

    def pick(self, *columns: str, where: Callable[[Row], bool] = lambda row: True) -> Row:
        """A row that no other fault has touched in these columns."""
        free = [
            row
            for row in self.rows
            if row and where(row) and not any((id(row), c) in self.taken for c in columns)
        ]
        if not free:
            raise NoRoom
        row = self.rng.choice(free)
        self.taken |= {(id(row), column) for column in columns}
        return row

    def take_all(self, *columns: str) -> None:
        """Claim whole columns: nothing else may be wrong in them."""
        claimed = {(id(row), column) for row in self.rows for column in columns}
        if claimed & self.taken:
            raise NoRoom
        self.taken |= claimed

    @property
    def before(self) -> Before:
        """What had been accepted before; a fault may lie in that."""
        before = self.world.before(self.site, self.agency, self.period)
        for change in self.past:
            before = change(before)
        return before

    def write(self, folder: Path) -> Path:
        stem = self.name or f"{self.site}_{self.agency}_{self.period.slug}"
        path = folder / f"{stem}.{self.kind}"
        table = [*self.above, [self.headings.get(c) for c in self.columns]]
        table += [[row.get(c) for c in self.columns] for row in self.rows]
        if self.kind == "csv":
            with path.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([["" if v is None else v for v in r] for r in table])
            return path
        write_return(path, [self.guide[line] for line in GUIDE], [])
        book = openpyxl.load_workbook(path)
        sheet = book["Return"]
        sheet.delete_rows(1, sheet.max_row)
        for number, values in enumerate(table, start=1):
            for place, value in enumerate(values, start=1):
                if value is not None:
                    target = sheet.cell(number, place)
                    target.value = value
                    if isinstance(value, str) and value.startswith("#"):
                        target.data_type = "e"
        for change in self.book:
            change(book, self)
        book.save(path)
        return path


def draft(world: World, site: str, agency: str, period: Any, kind: str, seed: int = 0) -> Draft:
    rows = [dict(zip(COLUMNS, row, strict=False)) for row in world.rows(site, agency, period)]
    guide = {
        "template_version": "1",
        "programme": world.programme.name,
        "site": site,
        "agency": agency,
        "quarter": str(period),
    }
    return Draft(world, site, agency, period, rows, kind, random.Random(seed), guide=guide)
