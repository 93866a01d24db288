"""The reference of every declaration file, and JSON schemas by which editors complete them.

Entries, types and defaults come from the models that read the files; what each means, and an
example of each, stand in ``templates/declarations.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from evaluation.finding.theory import Link, Theory
from evaluation.geography import CodeShare
from evaluation.instrument import Instrument
from evaluation.learning.decisions import Rival, Rule
from evaluation.learning.practice import Charted, Component, Practice
from evaluation.prices import OwnCost, OwnOverlap
from evaluation.programme import (
    TABLES,
    Area,
    BudgetLine,
    Cost,
    Denominator,
    Deprivation,
    Money,
    Outcome,
    Person,
    Programme,
    Site,
    Source,
    TakenOut,
)
from evaluation.protocol import (
    AssignmentPlan,
    DidPlan,
    Eligibility,
    LooksPlan,
    Protocol,
    Published,
    Reach,
)
from evaluation.quarters import Period
from evaluation.study.lock_status import Deviation
from evaluation.workspace import write_whole

MODELS: dict[str, type[BaseModel]] = {
    "programme": Programme,
    "site": Site,
    "source": Source,
    "money": Money,
    "budget_line": BudgetLine,
    "person": Person,
    "outcome": Outcome,
    "instrument": Instrument,
    "area": Area,
    "cost": Cost,
    "taken_out": TakenOut,
    "denominator": Denominator,
    "deprivation": Deprivation,
    "code_share": CodeShare,
    "unit_cost": OwnCost,
    "overlap": OwnOverlap,
    "protocol": Protocol,
    "eligibility": Eligibility,
    "reach": Reach,
    "did": DidPlan,
    "assignments": AssignmentPlan,
    "looks": LooksPlan,
    "published": Published,
    "theory": Theory,
    "link": Link,
    "decision": Rule,
    "practice": Practice,
    "component": Component,
    "charted": Charted,
    "rival": Rival,
    "deviation": Deviation,
}
"""Declaration -> the model that reads it, in the order of the reference."""
WHOLE_FILES = ("programme", "outcome", "protocol", "theory")
"""Those that are YAML files by themselves, and have a schema."""
SCHEMAS_HERE = ".schemas"
"""The folder of a workspace in which editors find the schemas."""
HEAD = (
    "# Declarations\n\nWhat is evaluated, measured, asked and planned is declared in files; none "
    "of it is code. This page is written by `newstart declarations -o docs/declarations.md` from "
    "the models that read the files. Editors complete them by the JSON schemas in `data_schemas/` "
    "(in a workspace, `.schemas/`), which the first line of each file names.\n"
)


class _Schema(GenerateJsonSchema):
    """A quarter is written as text, a year as a number; to the models both are a period."""

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        if schema["cls"] is Period:
            return {"type": ["string", "integer"]}
        return super().dataclass_schema(schema)


@lru_cache(maxsize=1)
def texts() -> Mapping[str, Mapping[str, Any]]:
    """What is said of each declaration: its file, an example, what its entries mean."""
    path = resources.files("evaluation") / "setup" / "templates" / "declarations.yaml"
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def reference() -> str:
    """The page of all declarations, as Markdown."""
    parts = [HEAD]
    for name, model in MODELS.items():
        said = texts()[name]
        where = f"`{said['file']}`" if "file" in said else f"A row of {said['inside']}"
        form = "csv" if Path(str(said.get("file", ""))).suffix == ".csv" else "yaml"
        parts += [
            f"## {name.capitalize()}\n\n{where}. {said['about']}\n",
            "| entry | is | if left out | means |\n|---|---|---|---|",
            *(_row(field, model, said["fields"]) for field in model.model_fields),
            f"\n```{form}\n{str(said['example']).rstrip()}\n```\n",
        ]
    return "\n".join(parts)


def _row(field: str, model: type[BaseModel], meanings: Mapping[str, str]) -> str:
    held = model.model_fields[field]
    default = (
        "needed" if held.is_required() else _shown(held.get_default(call_default_factory=True))
    )
    # As it is written in the file: `from` is no name in Python.
    written = held.alias or field
    return f"| `{written}` | {_kind(_schema(model), written)} | {default} | {meanings[written]} |"


def _shown(default: Any) -> str:
    if default is None or default in ("", (), {}):
        return "nothing"
    if isinstance(default, BaseModel):
        default = default.model_dump(mode="json", exclude_none=True)
    if isinstance(default, tuple):
        default = list(default)
    text = yaml.safe_dump([default], default_flow_style=True).strip()[1:-1]
    return f"`{text}`"


@lru_cache(maxsize=32)
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=_Schema)


def _kind(schema: Mapping[str, Any], field: str) -> str:
    """The type of an entry in a few words."""
    return _words(schema["properties"][field], schema.get("$defs", {}))


def _words(part: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in part:
        model = str(part["$ref"]).rsplit("/", 1)[-1]
        if model in (told := {held.__name__: name for name, held in MODELS.items()}):
            return f"[{told[model]}](#{told[model]})"
        inside = defs[model]
        return (
            "{" + ", ".join(inside["properties"]) + "}"
            if "properties" in inside
            else _words(inside, defs)
        )
    if "anyOf" in part or "allOf" in part:
        kinds = [_words(one, defs) for one in part.get("anyOf", part.get("allOf"))]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "nothing"))
    if "enum" in part:
        return " or ".join(f"`{one}`" for one in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    match part.get("type"):
        case "array" if "items" in part:
            return f"a list of {_words(part['items'], defs)}"
        case "array":
            return " and ".join(_words(one, defs) for one in part.get("prefixItems", ()))
        case "object" if "additionalProperties" in part:
            return f"names with {_words(part['additionalProperties'], defs)}"
        case ["string", "integer"]:
            return "a period"
        case "string":
            return "a date" if part.get("format") == "date" else "text"
        case "number" | "integer":
            return "a number"
        case "boolean":
            return "`true` or `false`"
        case _:
            return "nothing"


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of a whole file, as editors read it."""
    content = json.loads(json.dumps(_schema(MODELS[name])))
    _explain(content, name)
    for other, model in MODELS.items():
        if model.__name__ in content.get("$defs", {}):
            _explain(content["$defs"][model.__name__], other)
    if name == "programme":
        properties = content["properties"]
        # As they may also be written: a CSV beside the file, an outcome by its code.
        for table in TABLES:
            whole = properties[table]
            properties[table] = {
                "description": whole.pop("description", ""),
                "anyOf": [{"type": "string"}, whole],
            }
        items = properties["outcomes"]["items"]
        properties["outcomes"]["items"] = {"anyOf": [{"type": "string"}, items]}
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return dict(content)


def _explain(content: dict[str, Any], name: str) -> None:
    content["description"] = texts()[name]["about"]
    for field, part in content["properties"].items():
        part["description"] = texts()[name]["fields"][field]


def write_schemas(folder: Path) -> list[Path]:
    """Write ``<name>.schema.json`` for each whole file; returns the files."""
    written = []
    for name in WHOLE_FILES:
        path = folder / f"{name}.schema.json"
        text = json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"
        write_whole(path, text)
        written.append(path)
    return written


def editors_line(name: str, *, depth: int) -> str:
    """The first line of a file ``depth`` folders deep in a workspace: where its schema is."""
    return f"# yaml-language-server: $schema={'../' * depth}{SCHEMAS_HERE}/{name}.schema.json"
