"""The spreadsheet that people open, to the Analysis Function's rules, by its own gptables.

Cover, contents and notes; one marked-up table a sheet with its title in A1; one header row; nothing
merged, hidden, frozen or empty ("Releasing statistics in spreadsheets", Analysis Function).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.edition import words
from evaluation.edition.formats.tidy import Table, named
from evaluation.quarters import parse_instant

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition

SHEETS = ("headline", "findings", "agencies", "over_time")
MISSING = "[z]"
_NOTES = [
    ("range", "Low and high are the ends of a range that is meant to hold 95 times in 100. "
     "A range that holds nought does not tell an effect from chance."),
    ("to_date", "Money is to date: nothing is assumed after the last quarter. Unit costs are "
     "averages, so what is released is capacity before it is money."),
]  # fmt: skip


def workbook(edition: Edition, held: Sequence[Table]) -> bytes:
    """The workbook of an edition."""
    known = {table.name for table in held}
    shown = [
        named(held, name) for name in SHEETS if name in known and named(held, name).rows
    ]  # fmt: skip
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # gptables leaves its own theme's file open, and calls pandas in ways that it will drop.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        import gptables

        made = gptables.produce_workbook(
            filename=stream, cover=_cover(gptables, edition), contentsheet_label="Contents",
            sheets={_title(table.name): _sheet(gptables, table, edition) for table in shown},
            notes_table=pd.DataFrame(_NOTES, columns=["Note reference", "Note text"]),
            notesheet_label="Notes",
        )  # fmt: skip
    when = parse_instant(edition.headline.raw["vintage"]).replace(tzinfo=None)
    made.set_properties({
        "title": f"{edition.programme.title}: results, edition {edition.quarter}",
        "author": "New Start evaluation framework", "created": when,
    })  # fmt: skip
    made.close()
    return stream.getvalue()


def _sheet(gptables: ModuleType, table: Table, edition: Edition) -> object:
    frame = pd.DataFrame(
        [[MISSING if cell in (None, "") else cell for cell in row] for row in table.cells()],
        columns=[_heading(column.name) for column in table.columns],
    )
    return gptables.GPTable(
        table=frame, table_name=f"{table.name}_table", title=f"{table.title}, {edition.quarter}",
        subtitles=[f"{table.says}$$range$$$$to_date$$"],
        instructions="This sheet holds one table, with one header row.",
        legend=[f"{MISSING} means that no figure applies or none can be given."],
        source=f"Results of {edition.programme.title}, data as known on "
        f"{words.day(edition.headline.raw['vintage'])}.",
        index_columns={},
    )  # fmt: skip


def _cover(gptables: ModuleType, edition: Edition) -> object:
    study = edition.headline
    synthetic = [words.SYNTHETIC] if study.synthetic else []
    return gptables.Cover(
        cover_label="Cover", title=f"{edition.programme.title}: is it working? Results",
        intro=[*synthetic, str(study.raw["question"])],
        about=[
            f"Edition {edition.quarter}; data as known on {words.day(study.raw['vintage'])}.",
            f"{str(study.raw['label']).capitalize()} analysis. Each headline figure has an id, by "
            "which it is cited and by which the book says where it comes from.",
        ],
        contact=["The programme's evaluation team; the framework is open source."],
    )  # fmt: skip


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()
