"""The spreadsheet that people open, to the Analysis Function's rules, by its own gptables.

Cover, contents and notes; one marked-up table a sheet with its title in A1; one header row; nothing
merged, hidden, frozen or empty ("Releasing statistics in spreadsheets", Analysis Function). Cells
hold full digits and show as many as can be read; a sheet is printed as wide as a page.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from evaluation.edition import words
from evaluation.edition.formats.tidy import Column, Table, named
from evaluation.quarters import parse_instant

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition

ACCOUNTS = ("agencies", "over_time")
SHEETS = ("headline", "findings", *ACCOUNTS)
MISSING = "[z]"
MIXED, POUNDS, CHANCE = "[>=1000]#,##0;[<=-1000]-#,##0;0.00", "#,##0", "0.0000"
"""How figures are shown where large and small ones stand in a column, where all are pounds, and
where they are chances."""
WIDEST, NARROWEST, ROOM = 44, 9, 3
"""Characters of a column; what is longer is wrapped."""
FONT, LINE = 1.15, 16
"""The theme's letters are so much wider than those that widths count; a line's height in points."""
A4 = 9
_NOTES = [
    (
        "range",
        "Low and high are the ends of a range that is meant to hold 95 times in 100. "
        "A range that holds nought does not tell an effect from chance.",
    ),
    (
        "to_date",
        "Money is to date: nothing is assumed after the last quarter. Unit costs are "
        "averages, so what is released is capacity before it is money.",
    ),
]


def workbook(edition: Edition, held: Sequence[Table]) -> bytes:
    """The workbook of an edition."""
    known = {table.name for table in held}
    shown = [named(held, name) for name in SHEETS if name in known and named(held, name).rows]
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # gptables leaves its own theme's file open, and calls pandas in ways that it will drop.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        import gptables

        cover = _cover(gptables, edition)
        made = gptables.produce_workbook(
            filename=stream,
            cover=cover,
            contentsheet_label="Contents",
            sheets={_title(table.name): _sheet(gptables, table, edition) for table in shown},
            notes_table=pd.DataFrame(_NOTES, columns=["Note reference", "Note text"]),
            notesheet_label="Notes",
        )
    _lay_out(made, shown, _lines(cover))
    when = parse_instant(edition.headline.raw["vintage"]).replace(tzinfo=None)
    made.set_properties(
        {
            "title": f"{edition.programme.title}: results, edition {edition.quarter}",
            "author": "New Start evaluation framework",
            "created": when,
        }
    )
    made.close()
    return stream.getvalue()


def _sheet(gptables: ModuleType, table: Table, edition: Edition) -> object:
    frame = pd.DataFrame(
        [[MISSING if cell in (None, "") else cell for cell in row] for row in table.cells()],
        columns=[_heading(column.name) for column in table.columns],
    )
    return gptables.GPTable(
        table=frame,
        table_name=f"{table.name}_table",
        title=f"{table.title}, {edition.quarter}",
        subtitles=[f"{table.says}$$range$$$$to_date$$"],
        instructions="This sheet holds one table, with one header row.",
        legend=[f"{MISSING} means that no figure applies or none can be given."],
        source=f"Results of {edition.programme.title}, data as known on "
        f"{words.day(edition.headline.raw['vintage'])}.",
        index_columns={},
        additional_formatting=[
            {
                "column": {
                    "columns": [_heading(column.name)],
                    "include_names": False,
                    "format": _shown(column, table),
                }
            }
            for column in table.columns
        ],
    )


def _shown(column: Column, table: Table) -> dict[str, Any]:
    """How the cells of a column look; words keep off the figures to their left."""
    if column.kind != "number":
        return {"valign": "top", "indent": int(column != table.columns[0])}
    figures = POUNDS if table.name in ACCOUNTS else MIXED
    return {"valign": "top", "num_format": CHANCE if column.name == "p_value" else figures}


def _lay_out(made: Any, shown: Sequence[Table], cover: Sequence[str]) -> None:
    """Widths of columns, heights of rows whose words are wrapped, sheets that print whole."""
    for sheet in made.worksheets():
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
    for table in shown:
        columns = [
            [_heading(column.name), *(_said(row.get(column.name), column) for row in table.rows)]
            for column in table.columns
        ]
        sheet = made.get_worksheet_by_name(_title(table.name))
        widths = [
            min(WIDEST, max(NARROWEST, FONT * max(map(len, said)) + ROOM)) for said in columns
        ]
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        rows = list(zip(*columns, strict=True))
        _set_heights(sheet, sheet.dim_rowmax + 1 - len(rows), rows, widths)
    sheet = made.get_worksheet_by_name("Cover")
    sheet.set_column(0, 0, 2 * WIDEST)
    _set_heights(sheet, 0, [[said] for said in cover], [2 * WIDEST])
    made.get_worksheet_by_name("Contents").set_column(1, 1, WIDEST)
    sheet = made.get_worksheet_by_name("Notes")
    sheet.set_column(1, 1, 2 * WIDEST)
    _set_heights(sheet, sheet.dim_rowmax + 1 - len(_NOTES), _NOTES, [WIDEST, 2 * WIDEST])


def _set_heights(
    sheet: Any, first: int, rows: Sequence[Sequence[str]], widths: Sequence[float]
) -> None:
    """LibreOffice gives a row whose words are wrapped no more room than others, unless told."""
    for place, row in enumerate(rows, start=first):
        lines = max(
            len(textwrap.wrap(said, int(width / FONT)) or [""])
            for said, width in zip(row, widths, strict=True)
        )
        if lines > 1:
            sheet.set_row(place, lines * LINE)


def _said(cell: object, column: Column) -> str:
    """Roughly what a cell shows."""
    if cell in (None, ""):
        return MISSING
    return f"{cell:,.2f}" if column.kind == "number" and isinstance(cell, float) else str(cell)


def _cover(gptables: ModuleType, edition: Edition) -> Any:
    study = edition.headline
    synthetic = [words.SYNTHETIC] if study.synthetic else []
    return gptables.Cover(
        cover_label="Cover",
        title=f"{edition.programme.title}: is it working? Results",
        intro=[*synthetic, str(study.raw["question"])],
        about=[
            f"Edition {edition.quarter}; data as known on {words.day(study.raw['vintage'])}.",
            f"{str(study.raw['label']).capitalize()} analysis. Each headline figure has an id, by "
            "which it is cited and by which the book says where it comes from.",
        ],
        contact=["The programme's evaluation team; the framework is open source."],
    )


def _lines(cover: Any) -> list[str]:
    """The rows of the cover, each part under its heading."""
    told = [cover.title]
    for part in (cover.intro, cover.about, cover.contact):
        told += ["", *part]
    return told


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()
