"""Begin a workspace: a programme, its first study's draft, the book's frame, what to do next.

Everything comes from one file of the shape of ``programme.yaml`` (`example` is a complete one), or
from what a person is asked. Nothing that is there already is written over.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from evaluation.declared import parsed_yaml, read_yaml, starts_on_days
from evaluation.errors import WorkspaceError
from evaluation.programme import TABLES, Programme, find_outcome, refuse_uncollected, rows_of
from evaluation.progress import Progress
from evaluation.protocol import Protocol
from evaluation.setup.declarations import SCHEMAS_HERE, editors_line, write_schemas
from evaluation.study.protocol_documents import draft, questions
from evaluation.workspace import Workspace, packaged_book, packaged_schemas, write_whole

if TYPE_CHECKING:
    import jinja2
    from pydantic import BaseModel

FIRST_STUDY = "first_look"
STUDY = "study"
"""The part of the file that is no part of the programme: answers for the first protocol."""
NAMED = re.compile(r"[a-z][a-z0-9_]*")
SYNTHETIC = "Synthetic: this workspace holds invented figures; NEWSTART_NOW may set its clock.\n"
IGNORED = "var/\nbook/_build/\nbook/_edition/\n"
# Of this repository and its demonstration, and of no other programme.
NOT_TAKEN = ("_build", "_edition", "__pycache__", "the-house.*", "real-cases-from-packages.md")


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What `begin` wrote: the workspace, the programme's name, the study, and each file."""

    workspace: Workspace
    programme: str
    study: str
    files: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question to whoever begins a programme: the field it fills, why, and a usual answer.

    The answer is read as YAML, so that ``[a, b]`` is a list.
    """

    field: str
    text: str
    why: str
    default: str


QUESTIONS = (
    Asked(field="title", text="Title", why="What the programme is called in the book.", default=""),
    Asked(
        field="question",
        text="Question",
        why="The one sentence that the evaluation is to answer.",
        default="",
    ),
    Asked(
        field="synthetic",
        text="Invented figures only?",
        why="yes for a trial run; no for a programme that collects real returns.",
        default="no",
    ),
    Asked(field="first", text="First quarter", why="Of which figures are there.", default=""),
    Asked(field="last", text="Last quarter", why="To which returns are asked for.", default=""),
    Asked(
        field="agencies",
        text="Agencies",
        why="Who measures: {code: name, code: name}.",
        default="{council: The council, nhs: NHS}",
    ),
    Asked(
        field="sites",
        text="Sites",
        why="A list: [{code: S01, name: ..., start: 2026 Q3, agencies: [council]}].",
        default="[]",
    ),
    Asked(
        field="sources",
        text="Sources",
        why="Who sends comparison figures: [{code: ..., name: ..., agency: council}].",
        default="[]",
    ),
    Asked(
        field="outcomes",
        text="Outcomes",
        why="Codes of the shared catalogue (newstart outcomes --all); your own come later, a file "
        "each in outcomes/.",
        default="[]",
    ),
    Asked(
        field="areas",
        text="Areas",
        why="A CSV with the columns code, name, authority, role, site, population; or [] for now.",
        default="[]",
    ),
)


def example(*, months: bool = False) -> str:
    """A complete file for `begin`, with comments: an invented programme of another name.

    Parameters
    ----------
    months : one that counts in months, and in which finance departments report.
    """
    name = "example_months.yaml" if months else "example.yaml"
    path = resources.files("evaluation") / "setup" / "templates" / name
    return path.read_text(encoding="utf-8")


def answered(given: Mapping[str, str]) -> dict[str, Any]:
    """Answers to `QUESTIONS` as a declaration.

    Raises
    ------
    WorkspaceError : one of them cannot be read, or is none that its field takes.
    """
    declared: dict[str, Any] = {}
    for field, text in given.items():
        text = text.strip().removeprefix("\ufeff")
        try:
            # A path holds signs that are YAML's own, as in C:\\areas.csv.
            plain = field in ("title", "question") or (field == "areas" and text[:1] not in "[{")
            declared[field] = text if plain else parsed_yaml(text)
        except yaml.YAMLError:
            raise WorkspaceError(
                f"the answer for {field} cannot be read: {text!r}.",
                expected="a word, [a, list], or {code: name}",
            ) from None
        _refuse_answer(field, declared[field])
    return declared


def _refuse_answer(field: str, value: Any) -> None:
    """Refuse an answer by itself, before the next is asked for."""
    here = Path("programme.yaml").resolve()
    if field == "outcomes" and isinstance(value, list):
        for one in value:
            if not isinstance(one, dict):
                find_outcome(str(one), here, packaged_schemas())
        return
    if field == "areas" and isinstance(value, str):
        rows_of(field, here.parent / value)
        return
    if field == "sites":
        # A start may be a day; of which period it is, the calendar says in the end.
        value = starts_on_days({"sites": value, "frequency": "Q"})
    try:
        Programme.model_validate({field: value})
    except ValidationError as wrong:
        for fault in wrong.errors():
            if fault["loc"][0] == field:
                place = ".".join(str(part) for part in fault["loc"])
                example = next(one for one in QUESTIONS if one.field == field)
                raise WorkspaceError(
                    f"{place}: {fault['msg']}.", expected=example.why or example.default
                ) from None


def keep_answers(name: str, declared: Mapping[str, Any]) -> Path:
    """What was answered so far as a file for ``--from``, so that nothing need be typed again."""
    path, number = Path(f"{name}.yaml"), 1
    while path.exists():
        number += 1
        path = Path(f"{name}_{number}.yaml")
    text = yaml.safe_dump({"name": name, **declared}, sort_keys=False, allow_unicode=True)
    return _write(path, text)


def begin(
    folder: Path,
    name: str,
    declared: Path | Mapping[str, Any],
    *,
    progress: Progress = lambda _: None,
) -> Begun:
    """Write a workspace for the programme ``name``, or add it to one that is there.

    Parameters
    ----------
    declared : a file of the shape of ``programme.yaml``, with an optional ``study``; or the same as
        a mapping, whose tables are looked for in the present folder.

    Raises
    ------
    WorkspaceError : the name is none for a folder, the programme is there already, or what is
        declared cannot be read, contradicts itself or leaves an outcome to nobody.
    """
    refuse_name(name)
    path = declared if isinstance(declared, Path) else Path("programme.yaml").resolve()
    content = dict(read_yaml(declared) if isinstance(declared, Path) else declared)
    answers = _study_part(content, path)
    if content.get("name", name) != name:
        progress(f"The programme is called {name} here, and {content['name']} in the file.")
    programme = Programme.parsed(content | {"name": name}, path, packaged_schemas())
    refuse_uncollected(programme, path)
    workspace = Workspace(root=folder.resolve())
    place = workspace.studies / name
    if place.exists():
        raise WorkspaceError(
            f"there is a programme {name} already, and it is not written over.",
            where=str(place),
            mend="give this one another name, or mend that one by hand",
        )
    framed = _frame(workspace, synthetic=programme.synthetic, progress=progress)
    written = [*framed, *_declare(place, programme, content)]
    study = f"{name}/{FIRST_STUDY}"
    written.append(_first_study(workspace, study, answers))
    written.append(_what_next(workspace, programme))
    return Begun(workspace=workspace, programme=name, study=study, files=tuple(written))


def frame(root: Path) -> Workspace:
    """An empty workspace: studies/, the book's frame and what git leaves out."""
    workspace = Workspace(root=root)
    workspace.studies.mkdir(parents=True, exist_ok=True)
    _frame(workspace, synthetic=False, progress=lambda _: None)
    return workspace


def refuse_name(name: str) -> None:
    """Refuse what cannot name a programme's folder.

    Raises
    ------
    WorkspaceError : it is none of small letters, digits and _, a letter first.
    """
    if NAMED.fullmatch(name):
        return
    near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    near = near if NAMED.fullmatch(near) else f"programme_{near}".rstrip("_")
    raise WorkspaceError(
        f"{name!r} cannot be the name of a programme, which is that of a folder.",
        expected="small letters, digits and _, a letter first",
        mend=f"newstart init {near} (its title is said in the file, or when you are asked)",
    )


def _study_part(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The answers for the first protocol, taken out of the declaration."""
    answers = content.pop(STUDY, None) or {}
    if not isinstance(answers, dict):
        raise WorkspaceError(
            f"{STUDY} is no mapping of a protocol's fields.",
            where=str(path),
            expected="study: {how_pilots_were_chosen: ..., primary: [...]}",
        )
    if odd := [field for field in answers if field not in Protocol.model_fields]:
        raise WorkspaceError(
            f"{STUDY}.{odd[0]} is no field of a protocol.",
            where=str(path),
            expected=", ".join(Protocol.model_fields),
        )
    return answers


def _frame(workspace: Workspace, *, synthetic: bool, progress: Progress) -> list[Path]:
    """What every workspace has: the book's frame, the schemas for editors, what git leaves out."""
    root, written = workspace.root, []
    root.mkdir(parents=True, exist_ok=True)
    if not workspace.book.exists():
        progress("Writing the frame of the book")
        write_frame(workspace.book)
        written.append(workspace.book)
    else:
        progress("The book that is there is left as it is.")
    if synthetic and not (root / "SYNTHETIC").exists():
        written.append(_write(root / "SYNTHETIC", SYNTHETIC))
    if not (root / ".gitignore").exists():
        written.append(_write(root / ".gitignore", IGNORED))
    return [*written, *write_schemas(root / SCHEMAS_HERE)]


def write_frame(book: Path) -> None:
    """Write the frame of the book where there is none; half of it never stands there."""
    unfinished = book.with_name(f".{book.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(packaged_book(), unfinished, ignore=shutil.ignore_patterns(*NOT_TAKEN))
    unfinished.replace(book)


def _declare(place: Path, programme: Programme, content: Mapping[str, Any]) -> list[Path]:
    """The programme's own files: the declaration, its outcomes, its tables."""
    own = [one for one in content.get("outcomes") or [] if isinstance(one, dict)]
    codes = [outcome.code for outcome in programme.outcomes]
    tables = {name: getattr(programme, name) for name in TABLES if getattr(programme, name)}
    text = (
        _templates()
        .get_template("programme.yaml.j2")
        .render(
            programme=programme,
            outcomes=codes,
            tables=list(tables),
            line=editors_line("programme", depth=2),
        )
    )
    written = [_write(place / "programme.yaml", text)]
    for one in own:
        head = editors_line("outcome", depth=3)
        body = yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=100)
        written.append(_write(place / "outcomes" / f"{one['code']}.yaml", f"{head}\n{body}"))
    tables.setdefault("areas", ())
    return written + [
        _write(place / f"{name}.csv", _as_csv(name, rows)) for name, rows in tables.items()
    ]


def _first_study(workspace: Workspace, study: str, answers: Mapping[str, Any]) -> Path:
    """The protocol's draft, with what is known already in place of what would be asked."""
    given: dict[str, Any] = {one.field: one.default for one in questions(workspace, study)}
    path = draft(workspace, study, given | dict(answers))
    line = editors_line("protocol", depth=3)
    write_whole(path, f"{line}\n{path.read_text(encoding='utf-8')}")
    return path


def _what_next(workspace: Workspace, programme: Programme) -> Path:
    """The first steps for this very programme, with its own names in them."""
    site, agency = next(iter(programme.submitters[::-1]), ("SITE", "AGENCY"))
    text = (
        _templates()
        .get_template("next.md.j2")
        .render(
            programme=programme, study=f"{programme.name}/{FIRST_STUDY}", site=site, agency=agency
        )
    )
    path = workspace.root / "README.md"
    return _write(
        path if not path.exists() else workspace.studies / programme.name / path.name, text
    )


def _as_csv(name: str, rows: tuple[BaseModel, ...]) -> str:
    columns = list(type(rows[0]).model_fields) if rows else []
    if not columns and name == "areas":
        columns = ["code", "name", "authority", "role", "geography", "site", "population"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        plain = row.model_dump(mode="json")
        writer.writerow(["" if plain[c] is None else plain[c] for c in columns])
    return stream.getvalue()


def _write(path: Path, text: str) -> Path:
    write_whole(path, text)
    return path


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.setup"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    templates.filters["flow"] = _flow
    return templates


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    inside = yaml.safe_dump(
        [value], default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False
    )
    return inside.strip()[1:-1]
