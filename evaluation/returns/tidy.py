"""Any tidy table as returns: columns are mapped, rows are dealt out by submitter and period.

A table holds one row an area and period (outcomes side by side in columns) or one row a figure.
What comes out are the same return files as a submitter would send, each with the rows of the tables
that its own rows came from; they pass the same checks as anyone's.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field, model_validator

from evaluation import fingerprint
from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import PeriodError, ReturnFileError, UserError, WorkspaceError
from evaluation.programme import Programme
from evaluation.quarters import WRITTEN, Frequency, Period
from evaluation.returns.form import form
from evaluation.returns.monthly import counted, monthly_outcomes
from evaluation.returns.workbook import RawReturn, RawRow, csv_name, read_sheets

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_HEAD = 1_000_000
"""Bytes: a file without an end of line is not read whole to find its headings."""
ENDINGS = (".csv", ".csv.gz", ".xlsx", ".parquet")


class TableColumns(Frozen):
    """Which column of a table holds what (``load --mapping``).

    ``outcome`` is the column of codes, or the one code that the whole table is about; ``outcomes``
    maps columns of figures to codes where they stand side by side. ``site`` and ``agency`` are
    columns too, or a code; without them each row goes to who returns that outcome of that area.
    ``missing`` is the symbol that stands for an empty cell where no column of symbols is named.
    """

    area: str
    period: str
    outcome: str | None = None
    outcomes: dict[str, str] = Field(default_factory=dict)
    numerator: str | None = None
    denominator: str | None = None
    status: str | None = None
    note: str | None = None
    site: str | None = None
    agency: str | None = None
    missing: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> TableColumns:
        if bool(self.outcome) == bool(self.outcomes):
            raise ValueError("name either outcome, a column, or outcomes, columns and their codes")
        if self.outcome and not self.numerator:
            raise ValueError("name numerator, the column of the figures")
        return self


AS_RETURNED = TableColumns(
    area="area_code",
    period="quarter",
    outcome="outcome",
    numerator="numerator",
    denominator="denominator",
    status="status",
    note="note",
    site="site",
    agency="agency",
)
"""A table with the headings of a return, and perhaps site and agency."""


def read_mapping(path: Path) -> TableColumns:
    """The mapping in a YAML file.

    Raises
    ------
    WorkspaceError : it cannot be read, or names what no mapping has.
    """
    return validated(TableColumns, read_yaml(path), path)


class Place(NamedTuple):
    """Where a figure stands: the table, its row as a spreadsheet counts, and its column."""

    file: str
    row: int
    column: str


@dataclass(frozen=True, kw_only=True)
class DealtOut:
    """A return made of rows of tables; ``places`` are those of its rows, in their order."""

    raw: RawReturn
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Tables as returns. ``left_out`` says, in a sentence each, which rows are in none."""

    returns: tuple[DealtOut, ...]
    left_out: tuple[str, ...]


def is_table(path: Path) -> bool:
    """Whether a file can be read as a table at all, by its name."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith((".", "~$"))


def split_tables(paths: Sequence[Path], columns: TableColumns, programme: Programme) -> Split:
    """Read tables and deal their rows out to who returns them.

    What one submitter returns for one period is one return, from however many tables it comes.

    Raises
    ------
    ReturnFileError : it cannot be read, lacks a column, or a period in it cannot be read.
    WorkspaceError : two submitters both return a figure, and nothing says whose it is.
    UserError : a figure is infinite.
    """
    dealer = _Dealer(programme)
    for path in paths:
        table = _read(path)
        there = _there(columns, table, path, programme)
        for number, record in table.records(there):
            dealer.deal(there, Place(str(path), number, ""), record)
    return dealer.split()


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Columns as lists of cells; ``first`` is the row of the first record."""

    cells: Mapping[str, Sequence[Any]]
    first: int

    def records(self, columns: TableColumns) -> Iterator[tuple[int, dict[str, Any]]]:
        """Row number and the cells of the columns that are named."""
        wanted = [name for name in _named(columns) if name in self.cells]
        held = [self.cells[name] for name in wanted]
        for number, values in enumerate(zip(*held, strict=True), start=self.first):
            yield number, dict(zip(wanted, values, strict=True))


def _named(columns: TableColumns) -> list[str]:
    single = columns.model_dump(exclude={"outcomes", "missing"})
    return list(dict.fromkeys([*filter(None, single.values()), *columns.outcomes]))


def _read(path: Path) -> _Table:
    import pandas as pd

    name = path.name.lower()
    try:
        if name.endswith(".xlsx"):
            return _from_workbook(path)
        frame = pd.read_parquet(path) if name.endswith(".parquet") else _from_text(path)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        why = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise ReturnFileError(
            f"the table cannot be read ({why}).",
            where=str(path),
            expected="a table with one heading a column: .csv (UTF-8), .csv.gz, .xlsx or .parquet",
        ) from None
    # A table that was indexed by area or period when it was written has them outside its columns.
    if name.endswith(".parquet") and frame.index.names != [None]:
        frame = frame.reset_index()
    # pandas has several signs for a missing value, and some of them refuse to be compared.
    cells = {str(c): frame[c].astype(object).where(frame[c].notna(), None) for c in frame.columns}
    return _Table(cells={name: column.tolist() for name, column in cells.items()}, first=2)


def _from_text(path: Path) -> pd.DataFrame:
    import pandas as pd

    divider = _divider(path)
    with warnings.catch_warnings():
        # Otherwise a row with more cells than headings moves every cell one heading to the right.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            # As text: what a cell holds is read by the same readers as an officer's file.
            return pd.read_csv(
                path,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                sep=divider,
                index_col=False,
            )
        except pd.errors.ParserWarning:
            raise ValueError("its rows have more cells than there are headings") from None


def _divider(path: Path) -> str:
    """What divides the headings: semicolons, where a comma is the decimal mark."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as stream:
        head = stream.readline(_LONGEST_HEAD)
    return max(",;\t", key=head.decode("utf-8", errors="replace").count)


def _from_workbook(path: Path) -> _Table:
    """The first sheet that holds anything; its first filled row are the headings."""
    for rows in read_sheets(path).values():
        filled = [row for row in rows if not row.blank]
        if not filled:
            continue
        head, width = filled[0], len(filled[0].values)
        body = [row.values + (None,) * (width - len(row.values)) for row in rows[head.number :]]
        cells = {
            str(heading).strip(): [values[column] for values in body]
            for column, heading in enumerate(head.values)
            if heading is not None
        }
        return _Table(cells=cells, first=head.number + 1)
    raise ValueError("no sheet holds anything")


def _there(columns: TableColumns, table: _Table, path: Path, programme: Programme) -> TableColumns:
    """The mapping without what the table may lack; codes that stand for a whole table are kept."""
    known = table.cells.keys()
    if columns is AS_RETURNED:
        optional = ("denominator", "status", "note", "site", "agency")
        columns = columns.model_copy(
            update={name: None for name in optional if getattr(columns, name) not in known}
        )
    codes = {
        *programme.outcome_by_code,
        *programme.agencies,
        *(part for submitter in programme.submitters for part in submitter),
    }
    constant = {columns.outcome, columns.site, columns.agency} & codes
    if lacking := [name for name in _named(columns) if name not in known and name not in constant]:
        raise ReturnFileError(
            f"the table has no column {lacking[0]!r}.",
            where=str(path),
            expected=f"one of {', '.join(known)}",
            mend="name the column under --mapping as it is headed in the table",
        )
    if unknown := [c for c in columns.outcomes.values() if c not in programme.outcome_by_code]:
        raise ReturnFileError(
            f"{programme.name} has no outcome {unknown[0]!r}.",
            where=str(path),
            expected=", ".join(programme.outcome_by_code),
            mend="mend the codes under outcomes in the mapping",
        )
    return columns


class _Whose(NamedTuple):
    """A return: its submitter and period."""

    site: str
    agency: str
    period: Period


def _figures(columns: TableColumns, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Columns that hold figures, each with the code of its outcome."""
    if columns.outcomes:
        yield from columns.outcomes.items()
    elif columns.outcome is not None and columns.numerator is not None:
        # A word that heads no column is the outcome of the whole table.
        yield columns.numerator, _text(record.get(columns.outcome, columns.outcome))


class _Dealer:
    """Rows of a table on their way into returns."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._rows: dict[_Whose, list[tuple[Any, ...]]] = {}
        self._places: dict[_Whose, list[Place]] = {}
        self._periods: dict[tuple[Any, Frequency], Period] = {}
        self._by_month = {one.code for one in monthly_outcomes(programme)}
        self._strange: dict[str, int] = {}
        self._outside: dict[str, int] = {}
        self._nobodys: dict[str, int] = {}
        self._senders = _senders(programme)

    def deal(self, columns: TableColumns, place: Place, record: dict[str, Any]) -> None:
        """Put the figures of one record into the returns that they belong to."""
        area = _text(record[columns.area])
        if area not in self.programme.area_by_code:
            self._strange[area] = self._strange.get(area, 0) + 1
            return
        outside: Period | None = None
        for column, outcome in _figures(columns, record):
            period = self._period(record[columns.period], place, outcome)
            if not self._inside(period):
                outside = period
                continue
            whose = self._whose(columns, place, record, area, period, outcome)
            if whose is not None:
                cells = self._cells(columns, record, area, outcome, record[column])
                self._rows.setdefault(whose, []).append(cells)
                self._places.setdefault(whose, []).append(place._replace(column=column))
        if outside is not None:
            # A row is told of once, however many figures it holds.
            self._outside[str(outside)] = self._outside.get(str(outside), 0) + 1

    def _cells(
        self, columns: TableColumns, record: dict[str, Any], area: str, outcome: str, figure: Any
    ) -> tuple[str | None, ...]:
        """A row of a return but for its period, which is that of the whole return."""
        above, declared = _text(figure), self.programme.outcome_by_code.get(outcome)
        below = _text(record[columns.denominator]) if columns.denominator else ""
        if not below and (area, outcome) in self.programme.fixed_denominators:
            below = _text(self.programme.fixed_denominators[area, outcome])
        if declared is not None and declared.form == "value":
            below = ""
        status = _text(record[columns.status]) if columns.status else ""
        if not above and not status:
            status = columns.missing
        note = _text(record[columns.note]) if columns.note else ""
        return area, None, outcome, above or None, below or None, status or None, note or None

    def _whose(
        self,
        columns: TableColumns,
        place: Place,
        record: dict[str, Any],
        area: str,
        period: Period,
        outcome: str,
    ) -> _Whose | None:
        site = _text(record.get(columns.site, columns.site)) if columns.site else ""
        agency = _text(record.get(columns.agency, columns.agency)) if columns.agency else ""
        if site and agency:
            return _Whose(site, agency, period)
        found = [
            one
            for one in self._senders.get((area, outcome), ())
            if (not site or one[0] == site) and (not agency or one[1] == agency)
        ]
        if len(found) > 1:
            raise WorkspaceError(
                f"{' and '.join(' '.join(one) for one in found)} both return {outcome} of {area}:"
                " whose figure this is cannot be told.",
                where=f"{place.file}, row {place.row}",
                mend="name the columns site and agency under --mapping",
            )
        if not found:
            key = f"{outcome} of {self.programme.area_by_code[area].role} areas"
            self._nobodys[key] = self._nobodys.get(key, 0) + 1
            return None
        return _Whose(*found[0], period)

    def _inside(self, period: Period) -> bool:
        first, own = self.programme.first, counted(period, self.programme)
        return own.frequency != first.frequency or first <= own <= self.programme.last

    def _period(self, cell: Any, place: Place, outcome: str) -> Period:
        of: Frequency = "M" if outcome in self._by_month else self.programme.first.frequency
        if (cell, of) not in self._periods:
            self._periods[cell, of] = self._read_period(cell, place, of)
        return self._periods[cell, of]

    def _read_period(self, cell: Any, place: Place, of: Frequency) -> Period:
        # A day in a cell that is a date stands for the quarter, month or year that it lies in.
        if isinstance(cell, date):
            return Period.around(cell, of)
        try:
            return Period.parse(_text(cell), of, "Q", "A")
        except PeriodError:
            raise ReturnFileError(
                f"{_text(cell)!r} is no period.",
                where=f"{place.file}, row {place.row}",
                expected=f"like {WRITTEN[of]}"
                if of == "M"
                else "like 2026 Q3, 2026Q3 or 2026-Q3, or a year",
            ) from None

    def split(self) -> Split:
        """The returns, by period and then as the programme lists who sends them."""
        order = {one: place for place, one in enumerate(self.programme.submitters)}
        last = len(order)
        by_time = sorted(
            self._rows,
            key=lambda w: (
                w.period.last_day,
                order.get((w.site, w.agency), last),
                # A month ends with its quarter, and the two are not compared.
                w.period.frequency,
                w[:2],
            ),
        )
        returns = tuple(
            DealtOut(
                raw=_as_file(whose, self._rows[whose], self.programme.name),
                places=tuple(self._places[whose]),
            )
            for whose in by_time
        )
        return Split(returns=returns, left_out=tuple(self._told()))

    def _told(self) -> Iterator[str]:
        for many, what in (
            (self._strange, "of areas that are not the programme's"),
            (self._outside, "of periods outside the programme"),
            (self._nobodys, "that nobody is declared to return"),
        ):
            if many:
                named = ", ".join(list(many)[:3]) + (" ..." if len(many) > 3 else "")
                yield f"{sum(many.values()):,} rows are left out, {what} ({named})."


def _senders(programme: Programme) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(area, outcome) -> who returns it."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for site, agency in programme.submitters:
        for outcome in programme.expected(site, agency)[1]:
            for area in programme.areas_of(site, agency, outcome.code):
                found.setdefault((area, outcome.code), []).append((site, agency))
    return found


def _as_file(whose: _Whose, rows: Sequence[tuple[Any, ...]], programme: str) -> RawReturn:
    """The return as the CSV that its sender would have sent: what is checked is what is kept."""
    period, out = str(whose.period), io.StringIO(newline="")
    # The period after area's code and name, as the template has it.
    rows = [(*row[:2], period, *row[2:]) for row in rows]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(form().names)
    writer.writerows(rows)
    content = out.getvalue().encode()
    guide = dict.fromkeys(form().guide, "") | {
        "programme": programme,
        "site": whose.site,
        "agency": whose.agency,
        "quarter": period,
    }
    return RawReturn(
        path_name=csv_name(whose.site, whose.agency, whose.period),
        content=content,
        sha256=fingerprint.of_bytes(content),
        sheet=None,
        guide=guide,
        header=RawRow(1, form().names),
        rows=tuple(RawRow(number, row) for number, row in enumerate(rows, start=2)),
    )


def _text(cell: Any) -> str:
    """A cell as a CSV would hold it: nothing for what is missing, whole numbers without ``.0``."""
    if isinstance(cell, str):
        return cell.strip(" ")
    if cell is None or cell != cell:  # not a number
        return ""
    if isinstance(cell, float):
        if math.isinf(cell):
            raise UserError("a figure is infinite.", mend="look for a division by zero")
        return str(int(cell)) if cell.is_integer() else repr(float(cell))
    return str(cell)
