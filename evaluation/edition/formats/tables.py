"""The edition as tidy tables, one row one figure: data package, CSV on the Web, spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pandas as pd

from evaluation import fingerprint
from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.pages.claims import Claims
from evaluation.quarters import parse_instant
from evaluation.study.record import Results

Kind = Literal["string", "number", "integer", "boolean"]
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its name, what it holds, its kind."""

    name: str
    says: str
    kind: Kind = "string"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with the words that stand for it; ``key`` names the columns that tell rows apart."""

    name: str
    title: str
    says: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    key: tuple[str, ...]

    def cells(self) -> list[list[Any]]:
        """The rows as lists, in the order of the columns."""
        return [[row.get(column.name) for column in self.columns] for row in self.rows]


def _numbers(*named: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, says=says, kind="number") for name, says in named)


STUDY = Column(name="study", says="programme and study")
OUTCOME = Column(name="outcome", says="code of the outcome, as in the data dictionary")
RANGE = _numbers(
    ("low", "lower end of the range, in the unit; empty where none can be given"),
    ("high", "upper end of the range, in the unit; empty where none can be given"),
)
_SHOWN = ("effect", "se", "low", "high", "p_value")


def tables(edition: Edition, claims: Claims) -> tuple[Table, ...]:
    """Every table of an edition: headline figures, findings, effects, paths, accounts."""
    return (
        _headline(claims),
        _findings(edition),
        _effects(edition),
        _paths(edition),
        *_money(edition.headline),
    )


def _headline(claims: Claims) -> Table:
    rows = tuple(
        {
            "id": key,
            "study": c.source,
            "outcome": c.outcome,
            "account": c.account,
            "kind": c.kind,
            "value": c.value,
            "low": c.low,
            "high": c.high,
            "unit": c.unit,
            "text": c.text,
        }
        for key, c in claims.headline().items()
    )
    return Table(
        name="headline",
        title="Headline figures",
        rows=rows,
        key=("id",),
        says="Every figure that has a page of its own, under the id by which it is cited.",
        columns=(
            Column(name="id", says="the id by which the figure is cited"),
            STUDY,
            OUTCOME,
            Column(name="account", says="total of the accounts that it is, if it is one"),
            Column(name="kind", says="effect, people, money or ratio"),
            *_numbers(("value", "the best figure, in the unit")),
            *RANGE,
            Column(name="unit", says="what the figure is counted in"),
            Column(name="text", says="as the book prints it"),
        ),
    )


def _findings(edition: Edition) -> Table:
    rows = tuple(
        {
            "study": f"{s.programme}/{s.study}",
            "outcome": o.code,
            "title": o.plain_title,
            "role": o.role,
            "verdict": o.finding.verdict,
            "effect_percent": o.finding.effect_percent.effect,
            "low": o.finding.effect_percent.low,
            "high": o.finding.effect_percent.high,
            "p_value": o.finding.p_value,
            "label": s.label,
            "vintage": s.vintage,
            "sentence": o.finding.sentence,
        }
        for s in edition.studies
        for o in edition.as_written(s).outcomes
    )
    return Table(
        name="findings",
        title="Findings",
        rows=rows,
        key=("study", "outcome"),
        says="The verdict on every outcome of every study, whatever it is.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="title", says="the outcome in plain words"),
            Column(name="role", says="primary, secondary or negative_control"),
            Column(
                name="verdict",
                says="improved, worsened, no effect larger than, too early, cannot tell",
            ),
            *_numbers(("effect_percent", "effect in per cent of what would have been")),
            *RANGE,
            *_numbers(("p_value", "by re-drawn start dates, or analytic where the study says so")),
            Column(name="label", says="confirmatory or exploratory"),
            Column(name="vintage", says="the instant up to which data were known"),
            Column(name="sentence", says="the finding in a sentence"),
        ),
    )


def _effects(edition: Edition) -> Table:
    return Table(
        name="effects",
        title="Effects",
        rows=tuple(_effect_rows(edition)),
        key=("study", "outcome", "estimator", "by", "entry"),
        says="Every effect of every estimator, on the scale that it was estimated on.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="estimator", says="how it was estimated"),
            Column(name="scale", says="log (log points), level (the outcome's unit) or ratio"),
            Column(name="by", says="overall, event_time, site, cohort or quarter"),
            Column(name="entry", says="which of these; empty for overall"),
            *_numbers(("effect", "the estimate"), ("se", "standard error of the re-drawn effects")),
            *RANGE,
            *_numbers(("p_value", "of no effect")),
        ),
    )


def _effect_rows(edition: Edition) -> Iterator[Row]:
    for study in edition.studies:
        for outcome in study.outcomes:
            for e in outcome.estimates:
                for by, entry, row in e.entries():
                    yield {
                        "study": f"{study.programme}/{study.study}",
                        "outcome": outcome.code,
                        "estimator": e.estimator,
                        "scale": e.scale,
                        "by": by,
                        "entry": str(entry),
                        **{k: v for k, v in row.figures().items() if k in _SHOWN},
                    }


def _paths(edition: Edition) -> Table:
    rows = tuple(
        {"study": f"{s.programme}/{s.study}", "outcome": o.code, "unit": o.unit, **row.plain()}
        for s in edition.studies
        if edition.may_be_passed_on(s)
        for o in s.outcomes
        for row in o.paths
    )
    return Table(
        name="paths",
        title="Paths of pilots and comparisons",
        rows=rows,
        key=("study", "outcome", "period"),
        says="Pilot areas, what they would have been, and comparison areas, period by period. "
        "Sources that forbid it are left out.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="unit", says="the outcome's unit"),
            Column(name="period", says="quarter or year"),
            *_numbers(
                ("pilot", "pilot areas together"),
                ("comparison", "comparison areas"),
                ("counterfactual", "pilot areas without the programme, by the estimate"),
            ),
            *RANGE,
        ),
    )


def _money(study: Results) -> Iterator[Table]:
    if study.value is None:
        return
    value = study.value
    pounds = f"pounds of {value.price_base}"
    agencies = tuple(
        {
            "agency": row.name,
            "budget": row.budget,
            **{
                f"{part}_{end}": figure
                for part, held in (("gain", row.gain), ("cost", row.cost), ("net", row.net))
                for end, figure in held.plain().items()
            },
        }
        for row in value.by_agency
    )
    yield Table(
        name="agencies",
        title="Who pays and who gains",
        rows=agencies,
        key=("agency", "budget"),
        says=f"To date, in {pounds}; AME apart from DEL.",
        columns=(
            Column(name="agency", says="who pays or gains"),
            Column(name="budget", says="DEL, a department's own; AME, set by need"),
            *_numbers(
                *(
                    (f"{part}_{end}", f"{word}, {ending}")
                    for part, word in (
                        ("gain", "spending released"),
                        ("cost", "cost paid"),
                        ("net", "released less paid"),
                    )
                    for end, ending in (
                        ("mean", "best figure"),
                        ("low", "low end"),
                        ("high", "high end"),
                    )
                )
            ),
        ),
    )
    quarters = tuple(
        {
            "quarter": row.quarter,
            "released": row.gain.mean,
            "paid": row.cost,
            **{f"balance_{end}": figure for end, figure in row.cumulative_net.plain().items()},
        }
        for row in value.by_quarter
    )
    yield Table(
        name="over_time",
        title="Released and paid over time",
        rows=quarters,
        key=("quarter",),
        says=f"Each quarter, and the balance so far, in {pounds}.",
        columns=(
            Column(name="quarter", says="the quarter"),
            *_numbers(
                ("released", "public spending released in the quarter"),
                ("paid", "cost of the quarter"),
                ("balance_mean", "released less paid, added up: best figure"),
                ("balance_low", "its low end"),
                ("balance_high", "its high end"),
            ),
        ),
    )


def named(held: Sequence[Table], name: str) -> Table:
    """The table of a name."""
    return next(table for table in held if table.name == name)


LICENCE = {"name": "MIT", "title": "MIT License"}
_XSD = {"string": "string", "number": "double", "integer": "integer", "boolean": "boolean"}


def write_package(edition: Edition, held: Sequence[Table], folder: Path) -> list[Path]:
    """Write each table as CSV, Parquet and CSVW, and the package that lists them; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in held:
        files = {
            f"{table.name}.csv": as_csv(table).encode(),
            f"{table.name}.csv-metadata.json": _json(csvw(table, edition)),
            f"{table.name}.parquet": _parquet(table),
        }
        written += [write_new(folder / name, content) for name, content in files.items()]
    described = _json(datapackage(edition, held, folder))
    return [*written, write_new(folder / "datapackage.json", described)]


def as_csv(table: Table) -> str:
    """The table as CSV: UTF-8, one header row, a missing figure empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows(table.cells())
    return stream.getvalue()


def datapackage(edition: Edition, held: Sequence[Table], folder: Path) -> dict[str, Any]:
    """The description of the whole: every file with its hash, every column with its meaning."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": re.sub(r"[^a-z0-9]+", "-", f"{edition.programme.name}-{edition.quarter}".lower()),
        "title": f"{edition.programme.title}: results, edition {edition.quarter}",
        "description": _stamp(edition),
        "version": edition.quarter.replace(" ", "-"),
        "created": edition.headline.vintage,
        "licenses": [LICENCE],
        "resources": [
            _resource(table, folder / f"{table.name}.{ending}")
            for table in held
            for ending in ("csv", "parquet")
        ],
    }


def _resource(table: Table, path: Path) -> dict[str, Any]:
    ending = path.suffix.removeprefix(".")
    media = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}[ending]
    content = path.read_bytes()
    return {
        "name": table.name.replace("_", "-") + ("" if ending == "csv" else "-parquet"),
        "path": path.name,
        "title": table.title,
        "description": table.says,
        "format": ending,
        "mediatype": media,
        "bytes": len(content),
        "hash": f"sha256:{fingerprint.of_bytes(content)}",
        **({"encoding": "utf-8"} if ending == "csv" else {}),
        "schema": {
            "fields": [
                {"name": c.name, "type": c.kind, "description": c.says} for c in table.columns
            ],
            "primaryKey": list(table.key),
            "missingValues": [""],
        },
    }


def csvw(table: Table, edition: Edition) -> dict[str, Any]:
    """The table's metadata in the vocabulary of CSV on the Web."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": f"{table.name}.csv",
        "dc:title": table.title,
        "dc:description": f"{table.says} {_stamp(edition)}",
        "dialect": {"encoding": "utf-8", "header": True, "delimiter": ","},
        "tableSchema": {
            "columns": [
                {
                    "name": c.name,
                    "titles": c.name,
                    "datatype": _XSD[c.kind],
                    "dc:description": c.says,
                    "required": c.name in table.key and c.name != "entry",
                }
                for c in table.columns
            ],
            "primaryKey": list(table.key),
        },
    }


def _stamp(edition: Edition) -> str:
    known = f"Data as known at {edition.headline.vintage}."
    return f"{words.SYNTHETIC} {known}" if edition.headline.synthetic else known


def _parquet(table: Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "string": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
    }
    fields = [
        pa.field(c.name, kinds[c.kind], metadata={"description": c.says}) for c in table.columns
    ]
    columns = {
        c.name: [None if (v := row.get(c.name)) is None else _as(c.kind, v) for row in table.rows]
        for c in table.columns
    }
    sink = io.BytesIO()
    schema = pa.schema(fields, metadata={"title": table.title, "description": table.says})
    pq.write_table(pa.table(columns, schema=schema), sink)
    return sink.getvalue()


def _as(kind: str, value: Any) -> Any:
    return float(value) if kind == "number" else str(value) if kind == "string" else value


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def write_new(path: Path, content: bytes) -> Path:
    """Write a file only if its content is new, so that what rests on its date is not made again."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)
    return path


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
    when = parse_instant(edition.headline.vintage).replace(tzinfo=None)
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
        f"{words.day(edition.headline.vintage)}.",
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
        intro=[*synthetic, study.question],
        about=[
            f"Edition {edition.quarter}; data as known on {words.day(study.vintage)}.",
            f"{study.label.capitalize()} analysis. Each headline figure has an id, by "
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
