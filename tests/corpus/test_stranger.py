"""A stranger who has only the refused file and the reply does what each mend says, word for word.

Every mend here is an instruction that can be followed without asking anybody. The second
submission is accepted.
"""

from __future__ import annotations

import csv
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from evaluation.check.report import Confirmation, confirmed
from evaluation.check.stages import check_return
from evaluation.ledger.ledger import Ledger
from evaluation.returns.workbook import read_return
from tests.corpus.draft import NoRoom, draft
from tests.corpus.faults import FAULTS
from tests.corpus.test_corpus import Q3, SEEDS
from tests.corpus.world import world

# Mistakes that a reply can mend by itself; a wrong count can only be counted again.
MENDABLE = re.compile(
    r"withheld as|the text (N/A|n/a|none|-|nil|x) in numerator|the signs of (1,234|£12|\$7)|"
    r"the quarter|the other quarter|no quarter|the symbol (\[C\]|c|revised|confidential)|"
    r"a figure beside|nothing in|the number (0|-5000) in denominator|a letter for a digit|"
    r"a digit too many|a letter missing|a space inside in area|a row twice|headed|"
    r"a denominator of a mean|\[p\] beside"
)
WRITE = re.compile(r"(?:Write|Did you mean) (.+?)(?:, or .*|; .*)?(?:\.$|\?)")
QUARTER = re.compile(r"(?:If the figure is of|.* If it is) .+?, write (2026 Q3)[.;]")
"""The stranger has been told that every row is of this quarter: no mend decides that alone."""
STATUS = re.compile(r"(?:put|Put) (\[\w+\])[^.]* in status")


class Stranger:
    """Follows mends in a table of cells, without knowing what the figures mean."""

    def __init__(self, table: list[list[Any]]) -> None:
        self.table = table
        self.rows_to_delete: set[int] = set()
        self.columns_to_delete: set[int] = set()

    def follow(self, problems: list[dict[str, Any]]) -> None:
        for problem in problems:
            if problem["severity"] == "error":
                column, row = coordinate_from_string(problem["cell"])
                self._mend(problem["mend"], row - 1, column_index_from_string(column) - 1)
        for row in sorted(self.rows_to_delete, reverse=True):
            del self.table[row]
        for line in self.table:
            for column in sorted(self.columns_to_delete, reverse=True):
                del line[column : column + 1]

    def _mend(self, mend: str, row: int, column: int) -> None:
        if found := re.match(r"Write (\S+) in numerator and (\S+) in denominator", mend):
            self._put(row, self._column("numerator"), found[1])
            self._put(row, self._column("denominator"), found[2])
        elif found := QUARTER.match(mend) or WRITE.match(mend):
            self._put(row, column, found[1])
        elif mend.startswith("Leave the cell empty") and (found := STATUS.search(mend)):
            self._put(row, column, None)
            self._put(row, self._column("status"), found[1])
        elif found := STATUS.search(mend):
            self._put(row, self._column("status"), found[1])
        elif mend.startswith("Delete the figure or the symbol"):
            self._put(row, self._column("status"), None)
        elif mend.endswith("or empty.") or re.match("Leave the (denominator|status) empty", mend):
            self._put(row, column, None)
        elif mend.startswith("Delete the rows above"):
            self.rows_to_delete |= set(range(row))
        elif mend.startswith("Delete one of the two rows"):
            self.rows_to_delete.add(row)
        elif mend.startswith("Delete the column"):
            self.columns_to_delete.add(column)
        elif mend.startswith("Move it under a heading, or delete it"):
            self._put(row, column, None)
        else:
            raise AssertionError(f"nobody could follow this alone: {mend}")

    def _put(self, row: int, column: int, value: str | None) -> None:
        number = value is not None and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
        self.table[row][column] = float(value) if number and value else value

    def _column(self, name: str) -> int:
        """By the template: the officer may have renamed the heading."""
        return [
            "area_code",
            "area_name",
            "quarter",
            "outcome",
            "numerator",
            "denominator",
            "status",
            "note",
        ].index(name)


def table_of(path: Path) -> list[list[Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            table: list[list[Any]] = [[v or None for v in row] for row in csv.reader(stream)]
    else:
        sheet = openpyxl.load_workbook(path)["Return"]
        table = [list(row) for row in sheet.iter_rows(values_only=True)]
    width = max(len(row) for row in table)
    return [row + [None] * (width - len(row)) for row in table]


def save(path: Path, table: list[list[Any]]) -> None:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["" if v is None else v for v in row] for row in table])
        return
    book = openpyxl.load_workbook(path)
    sheet = book["Return"]
    sheet.delete_rows(1, sheet.max_row)
    for row in table:
        sheet.append(row)
    book.save(path)


@pytest.mark.parametrize("seed", range(5))
def test_the_second_submission_is_accepted(seed: int, tmp_path: Path) -> None:
    kind = ("xlsx", "csv")[seed % 2]
    spoilt = draft(world(SEEDS[seed % 3]), f"S{1 + seed:02d}", "council", Q3, kind, seed=seed)
    rng = random.Random(seed)
    able = [f for f in FAULTS if kind in f.kinds and not f.alone and MENDABLE.search(f.name)]
    injected = 0
    for fault in rng.sample(able, len(able)):
        try:
            injected += len(fault.plant(spoilt)) if injected < 14 else 0
        except NoRoom:
            continue
    path = spoilt.write(tmp_path)
    programme, before = spoilt.world.programme, replace(spoilt.before, today=None)

    refused = check_return(read_return(path), programme, before=before)
    assert not refused.accepted and len(refused.of("error")) >= injected >= 10
    table = table_of(path)
    Stranger(table).follow(refused.as_dict()["problems"])
    save(path, table)

    raw = read_return(path)
    again = check_return(raw, programme, before=before)
    assert again.of("error") == (), [(p.cell, p.value, p.message) for p in again.of("error")]
    why = [
        Confirmation(rule=p.rule, cell=p.cell or "", reason="as in our own system")
        for p in again.of("confirm")
    ]
    reasons, still_open = confirmed(again, why)
    assert still_open == () and again.returned is not None
    with Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "raw") as ledger:
        now = datetime(2026, 10, 20, tzinfo=UTC)
        receipt = ledger.submit(again.returned, raw.content, received=now, confirmations=reasons)
        assert not receipt.already_held and receipt.rows == len(again.returned.rows)
        identical = ledger.submit(again.returned, raw.content, received=now)
        assert identical.already_held and len(ledger.receipts()) == 1
