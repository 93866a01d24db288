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
from evaluation.declared import read_yaml
from evaluation.disclosure.released import each_number, readable
from evaluation.edition import answers, words
from evaluation.edition.edition import Edition
from evaluation.edition.pages import changes
from evaluation.edition.pages.claims import Claims
from evaluation.quarters import parse_instant
from evaluation.study.accounts_record import Accounts, Gain, Mean
from evaluation.study.record import OutcomeResult, Results
from evaluation.wording import half_away

Kind = Literal["string", "number", "integer", "boolean"]
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its name, what it holds, its kind.

    unit : what all its figures are counted in; empty where each row names its own.
    """

    name: str
    says: str
    kind: Kind = "string"
    unit: str = ""

    @property
    def heading(self) -> str:
        """As a spreadsheet heads it: in words, with the unit."""
        said = self.name.replace("_", " ").capitalize()
        return f"{said} ({self.unit})" if self.unit else said


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


_SHOWN = ("effect", "se", "low", "high", "p_value")


def tables(edition: Edition, claims: Claims) -> tuple[Table, ...]:
    """Every table of an edition: headline figures, findings, effects, paths, accounts.

    What stands in their columns is said in ``tables.yaml``, beside this module.
    """
    value, studies = edition.headline.value, edition.studies
    rows: dict[str, list[Row]] = {
        "headline": [
            {**vars(claim), "id": key, "study": claim.source}
            for key, claim in claims.headline().items()
        ],
        "findings": [
            finding_row(study, outcome) for study in studies for outcome in study.outcomes
        ],
        "effects": [row for study in studies for row in _effects(study)],
        "sites": _sites(edition.headline),
        "paths": [
            {"study": _name(study), "outcome": o.code, "unit": o.unit, **row.plain()}
            for study in studies
            if edition.may_be_passed_on(study)
            for o in study.outcomes
            for row in o.paths
        ],
    }
    if moved := _changes(edition):
        rows["changes"] = moved
    if value is not None:
        rows |= {"agencies": _agencies(value), "over_time": _over_time(value)}
    declared = read_yaml(Path(__file__).with_suffix(".yaml"))
    base = "" if value is None else value.price_base
    return tuple(_table(name, declared[name], held, base) for name, held in rows.items())


def finding_row(study: Results, outcome: OutcomeResult) -> Row:
    """A finding with everything that its table has a column for."""
    finding = outcome.finding
    undo = finding.undo
    return {
        **vars(outcome),
        "outcome": outcome.code,
        "title": outcome.plain_title,
        **vars(finding),
        "verdict": words.verdict(finding).word,
        **finding.effect_percent.plain(),
        "effect_percent": finding.effect_percent.effect,
        # Empty and not "no" where neither direction is better.
        "better": {True: "yes", False: "no", None: None}[finding.better],
        "undoing_break": undo and undo.breaks,
        "undoing_cause": undo and undo.cause,
        "study": _name(study),
        "label": study.label,
        "vintage": study.vintage,
    }


def _table(name: str, declared: Row, rows: Sequence[Row], price_base: object) -> Table:
    """A table as it is declared, of what rows hold for its columns."""
    columns = tuple(Column(**column) for column in declared["columns"])
    names = [column.name for column in columns]
    return Table(
        name=name,
        title=declared["title"],
        says=declared["says"].format(price_base=price_base),
        columns=columns,
        # Without digits that no step has.
        rows=tuple(
            each_number({name: row[name] for name in names if name in row}, readable)
            for row in rows
        ),
        key=tuple(declared["key"]),
    )


def _name(study: Results) -> str:
    return f"{study.programme}/{study.study}"


def _effects(study: Results) -> Iterator[Row]:
    for outcome in study.outcomes:
        for e in outcome.estimates:
            for by, entry, row in e.entries():
                yield {
                    "study": _name(study),
                    "outcome": outcome.code,
                    "estimator": e.estimator,
                    "scale": e.scale,
                    "by": by,
                    "entry": str(entry),
                    **{k: v for k, v in row.figures().items() if k in _SHOWN},
                }


def _sites(study: Results) -> list[Row]:
    """The effect on every outcome at every site that has one, in the order of their starts."""
    sites = {site.code: site for site in sorted(study.sites, key=lambda one: (one.start, one.code))}
    return [
        {
            "site": site.code,
            "name": site.name,
            "start": site.start,
            "areas": site.areas,
            "outcome": outcome.code,
            "unit": UNITS.get(words.tick_unit(words.compared_on(outcome)), outcome.unit),
            **{key: shown[key] for key in ("effect", "low", "high")},
            "text": words.shown_with_range(words.compared_on(outcome), shown),
        }
        for site in sites.values()
        for outcome in study.outcomes
        for row in outcome.estimate.site
        if row.site == site.code and (shown := words.compared(outcome, row))["effect"] is not None
    ]


def _changes(edition: Edition) -> list[Row]:
    """How each headline moved since the last edition, a row a cause; none where nothing did."""
    told = changes.here(edition)
    change = told["change"] if told else None
    if not change:
        return []
    return [
        {
            "since": change["before"],
            "figure": key,
            "title": figure["title"],
            "unit": UNITS.get(figure["unit"], figure["unit"]),
            "before": figure["before"],
            "after": figure["after"],
            "cause": change["titles"][part["cause"]],
            "amount": part["amount"],
        }
        for key, figure in change["figures"].items()
        for part in figure["parts"]
    ]


def _agencies(value: Accounts) -> list[Row]:
    """Every agency's account, and what it gained with the outcomes that a check objects to."""
    holds = {(row.agency, row.budget): row for row in value.by_agency}
    every = value.with_objected.by_agency if value.with_objected else value.by_agency
    found: list[Row] = []
    for row in every:
        own = holds.get((row.agency, row.budget))
        gain = _gain("gain", value, own, with_objected=False) if own else {}
        found.append(
            {"agency": row.name, "budget": row.budget}
            | _ends("cost", row.cost)
            | gain
            | (_ends("net", own.net) if own else {})
            | _gain("gain_with_objected", value, row, with_objected=True)
        )
    return found


def _gain(name: str, value: Accounts, row: Gain, *, with_objected: bool) -> dict[str, Any]:
    """What an agency gained; empty where none was counted, which a zero would not say."""
    said = answers.gained(value, row, with_objected=with_objected)
    return {} if said == answers.NONE_COUNTED else _ends(name, row.gain)


def _over_time(value: Accounts) -> list[Row]:
    return [
        {"quarter": row.quarter, "released": row.gain.mean, "paid": row.cost}
        | _ends("balance", row.cumulative_net)
        for row in value.by_quarter
    ]


def _ends(name: str, figure: Mean) -> dict[str, Any]:
    """A figure and its ends as columns of their own."""
    return {f"{name}_{end}": held for end, held in figure.plain().items()}


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


UNITS = {"%": "per cent", "£": "pounds"}
"""A sign alone is no word to whoever is read a table."""
ACCOUNTS = ("agencies", "over_time")
SHEETS = ("headline", "findings", "sites", "changes", *ACCOUNTS)
MISSING = "[z]"
MIXED, POUNDS = "[>=1000]#,##0;[<=-1000]-#,##0;0.00", "#,##0"
"""How figures are shown where large and small ones stand in a column, and where all are pounds."""
CHANCE = '[<0.0001]"<0.0001";0.0000'
FINEST = 6
"""The most decimals that a column shows, so that its smallest figure is not shown as 0."""
WIDEST, NARROWEST, ROOM = 44, 9, 3
"""Characters of a column; what is longer is wrapped."""
FONT, LINE = 1.15, 16
"""The theme's letters are so much wider than those that widths count; a line's height in points."""
A4 = 9


def _notes(level: float) -> list[tuple[str, str]]:
    """What stands below the tables; ``level`` is that of the study's ranges."""
    return [
        (
            "range",
            f"Low and high are the ends of a range that is meant to hold {100 * level:g} times in "
            "100. A range that includes zero does not tell an effect from chance.",
        ),
        (
            "to_date",
            "Money is to date: nothing is assumed after the last quarter. Unit costs are "
            "averages, so what is released is capacity before it is money.",
        ),
        ("rounded", words.NEED_NOT_ADD),
    ]


def workbook(edition: Edition, held: Sequence[Table]) -> bytes:
    """The workbook of an edition."""
    known = {table.name for table in held}
    shown = [named(held, name) for name in SHEETS if name in known and named(held, name).rows]
    notes, stream = _notes(edition.headline.level), io.BytesIO()
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
            notes_table=pd.DataFrame(notes, columns=["Note reference", "Note text"]),
            notesheet_label="Notes",
        )
    _lay_out(made, shown, _lines(cover), notes)
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
        columns=[column.heading for column in table.columns],
    )
    return gptables.GPTable(
        table=frame,
        table_name=f"{table.name}_table",
        title=f"{table.title}, {edition.quarter}",
        subtitles=[f"{table.says}$$range$$$$to_date$$$$rounded$$"],
        instructions="This sheet holds one table, with one header row.",
        legend=[f"{MISSING} means that no figure applies or none can be given."],
        source=f"Results of {edition.programme.title}, data as known on "
        f"{words.day(edition.headline.vintage)}.",
        index_columns={},
        additional_formatting=[
            {
                "column": {
                    "columns": [column.heading],
                    "include_names": False,
                    "format": _shown(column, table),
                }
            }
            for column in table.columns
        ],
    )


def _shown(column: Column, table: Table) -> dict[str, Any]:
    """How the cells of a column look; words keep off the figures to their left."""
    if column.kind not in ("number", "integer"):
        return {"valign": "top", "indent": int(column != table.columns[0])}
    return {"valign": "top", "num_format": number_format(column, table)}


def number_format(column: Column, table: Table) -> str:
    """The format of a column of figures, fine enough that none but 0 is shown as 0."""
    if column.name == "p_value":
        return CHANCE
    if column.kind == "integer":
        return POUNDS
    held = [abs(v) for row in table.rows if (v := row.get(column.name)) not in (None, "", 0)]
    whole, least = POUNDS if column.unit == "£" else MIXED, min(held, default=1.0)
    shown = 0 if column.unit == "£" else 2
    needed = shown
    while needed < FINEST and half_away(least, needed) == 0:
        needed += 1
    if needed == shown:
        return whole
    return f"[>=1000]#,##0;[<=-1000]-#,##0;0.{needed * '0'}"


def _lay_out(
    made: Any, shown: Sequence[Table], cover: Sequence[str], notes: Sequence[tuple[str, str]]
) -> None:
    """Widths of columns, heights of rows whose words are wrapped, sheets that print whole."""
    for sheet in made.worksheets():
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
    for table in shown:
        columns = [
            [column.heading, *(_said(row.get(column.name), column) for row in table.rows)]
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
    _set_heights(sheet, sheet.dim_rowmax + 1 - len(notes), notes, [WIDEST, 2 * WIDEST])


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
    if column.kind == "number" and isinstance(cell, float):
        return words.number(cell, 2)
    return str(cell)


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
        contact=[words.capital(changes.contact(edition.programme))],
    )


def _lines(cover: Any) -> list[str]:
    """The rows of the cover, each part under its heading."""
    told = [cover.title]
    for part in (cover.intro, cover.about, cover.contact):
        told += ["", *part]
    return told


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
