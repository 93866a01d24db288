"""Tables for programs: CSV and Parquet, described by a data package and by CSV on the Web.

Data Package 2.0 (datapackage.org) and CSVW (W3C, 2015) say the same of each column in two
vocabularies; both are written from one description.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.edition import words
from evaluation.edition.formats.tidy import Table

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition

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
        "created": edition.headline.raw["vintage"],
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
    known = f"Data as known at {edition.headline.raw['vintage']}."
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
