"""The ground of an edition: everything but the ledger that its headline figures rest on, in files.

Declarations, protocol, lock, kept assignments and parameter tables, copied as they stood, with the
fingerprint of the code. The ledger keeps its own past, so of it a ground only names the vintage.
Two grounds and the ledger between them make every state that a change can be split by.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation import fingerprint
from evaluation.programme import Cost, Programme
from evaluation.publish import code
from evaluation.publish.headline import ASSIGNMENTS, OBSERVATIONS, PARAMETERS, STATE
from evaluation.publish.pieces import NEW, REVISED, Learned
from evaluation.study import assignment_store
from evaluation.study.kept import series_folder
from evaluation.study.panels import load_study
from evaluation.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.protocol import Protocol

PROTOCOL, CODE, PRICES = "protocol", "code", "parameters"
COST_COLUMNS = ("site", "agency", "kind", "period", "amount", "price_year")
FILE, MODULES = "ground.json", "code.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A ground as gathered.

    vintage : the instant up to which the ledger was known. figures_code, package : fingerprints of
    the code that figures rest on, and of all of it.
    """

    folder: Path
    programme_name: str
    study: str
    vintage: str
    figures_code: str
    package: str

    @property
    def name(self) -> str:
        return f"{self.programme_name}/{self.study}"

    @cached_property
    def _loaded(self) -> tuple[Programme, Protocol]:
        return load_study(Workspace(root=self.folder), self.name)

    @property
    def programme(self) -> Programme:
        return self._loaded[0]

    @property
    def protocol(self) -> Protocol:
        return self._loaded[1]

    @property
    def study_folder(self) -> Path:
        return self.folder / "studies" / self.programme_name / self.study

    @cached_property
    def declared(self) -> str:
        """Fingerprint of protocol, declarations, assignments; costs and the calendar are data."""
        programme = self.programme.model_dump(mode="json", exclude={"last", "costs"})
        kept = assignment_store.kept_fingerprint(self.folder)
        return fingerprint.of_data([programme, self.protocol.model_dump(mode="json"), kept])

    @cached_property
    def parameters(self) -> str:
        """Fingerprint of the tables of prices, rates and shares."""
        tables = sorted((self.folder / PARAMETERS).glob("*.csv"))
        return fingerprint.of_files(tables, self.folder)

    @cached_property
    def modules(self) -> dict[str, str]:
        """SHA-256 of each module that its figures rest on, by its path."""
        found: dict[str, str] = json.loads((self.folder / MODULES).read_text(encoding="utf-8"))
        return found

    @classmethod
    def read(cls, folder: Path) -> Ground:
        """A ground as it was gathered before."""
        return cls(folder=folder, **json.loads((folder / FILE).read_text(encoding="utf-8")))


def gather(workspace: Workspace, name: str, vintage: str, folder: Path) -> Ground:
    """Copy what ``programme/study`` rests on now into a folder."""
    programme_name, _, study = name.partition("/")
    declared = workspace.studies / programme_name
    for path in _declared(declared, study):
        _copy(path, folder / "studies" / path.relative_to(workspace.studies))
    programme, protocol = load_study(workspace, name)
    for outcome in programme.outcomes:
        path = workspace.schemas / "outcomes" / f"{outcome.code}.yaml"
        if path.is_file():
            _copy(path, folder / "data_schemas" / "outcomes" / path.name)
    (folder / "data_schemas" / "outcomes").mkdir(parents=True, exist_ok=True)
    tables = Path(str(resources.files("evaluation.value.parameters")))
    for path in tables.glob("*.csv"):
        _copy(path, folder / PARAMETERS / path.name)
    kept = series_folder(workspace, programme, protocol) / assignment_store.FILE
    if protocol.looks is not None and kept.is_file():
        _copy(kept, folder / ASSIGNMENTS)
    said = {
        "programme_name": programme_name,
        "study": study,
        "vintage": vintage,
        "figures_code": code.figures_fingerprint(),
        "package": code.package_fingerprint(),
    }
    for file, content in ((FILE, said), (MODULES, code.modules())):
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        (folder / file).write_text(text, encoding="utf-8")
    return Ground.read(folder)


def _declared(folder: Path, study: str) -> list[Path]:
    """The files of a programme and one of its studies; not what other studies lie beside it."""
    found = [*folder.glob("*.*"), *folder.glob("outcomes/*"), *folder.glob(f"{study}/*")]
    return [path for path in found if path.is_file()]


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def factors(before: Ground, after: Ground, learned: Learned) -> tuple[str, ...]:
    """In what two grounds and the ledger between them differ; each may move a headline."""
    data = set(learned.pieces) | _pieces_of_costs(before, after, learned)
    found = [piece for piece in (REVISED, "withdrawn", NEW) if piece in data]
    found += [PROTOCOL] if before.declared != after.declared else []
    found += [CODE] if before.figures_code != after.figures_code else []
    found += [PRICES] if before.parameters != after.parameters else []
    return tuple(found)


def costs_differ(before: Ground, after: Ground, learned: Learned) -> bool:
    """Whether costs of quarters that were known before are others."""
    return REVISED in _pieces_of_costs(before, after, learned)


def _pieces_of_costs(before: Ground, after: Ground, learned: Learned) -> set[str]:
    was, now = (_keyed(one.programme.costs) for one in (before, after))
    changed = [key for key in {*was, *now} if was.get(key) != now.get(key)]
    return {_piece_of(key, was, now, learned) for key in changed}


def write_state(
    folder: Path,
    grounds: tuple[Ground, Ground],
    learned: Learned,
    chosen: Collection[str],
    revised: Callable[[pd.DataFrame], pd.Series] | None = None,
) -> Path:
    """A state in which only the chosen factors stand as in the later ground.

    Parameters
    ----------
    revised : of the figures given again, those that count; by default all.
    """
    before, after = grounds
    declared = after if PROTOCOL in chosen else before
    prices = after if PRICES in chosen else before
    shutil.copytree(declared.folder / "studies", folder / "studies")
    shutil.copytree(declared.folder / "data_schemas", folder / "data_schemas")
    shutil.copytree(prices.folder / PARAMETERS, folder / PARAMETERS)
    if (declared.folder / ASSIGNMENTS).is_file():
        shutil.copyfile(declared.folder / ASSIGNMENTS, folder / ASSIGNMENTS)
    _write_programme(folder / "studies" / declared.programme_name, grounds, learned, chosen)
    learned.known(chosen, revised).to_parquet(folder / OBSERVATIONS, index=False)
    asked = {"version": 1, "programme": declared.programme_name, "study": declared.study}
    (folder / STATE).write_text(json.dumps(asked), encoding="utf-8")
    return folder


def _write_programme(
    folder: Path, grounds: tuple[Ground, Ground], learned: Learned, chosen: Collection[str]
) -> None:
    """The declared programme with the later calendar, and the costs of the chosen pieces."""
    path = folder / "programme.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["last"] = max(one.programme.last for one in grounds).label
    was, now = (_keyed(one.programme.costs) for one in grounds)
    rows = []
    for key in sorted({*was, *now}, key=str):
        held = now if _piece_of(key, was, now, learned) in chosen else was
        rows += [held[key]] if key in held else []
    if rows:
        content["costs"] = "costs.csv"
        with (folder / "costs.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COST_COLUMNS)
            writer.writerows([_cell(getattr(row, name)) for name in COST_COLUMNS] for row in rows)
    else:
        content.pop("costs", None)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


_Key = tuple[str, str, str, str]


def _keyed(costs: Collection[Cost]) -> dict[_Key, Cost]:
    return {(c.site, c.agency, c.kind, c.period.label): c for c in costs}


def _piece_of(key: _Key, was: dict[_Key, Cost], now: dict[_Key, Cost], learned: Learned) -> str:
    """Whether a cost belongs to a quarter known before (given again) or to a new one."""
    period = (now.get(key) or was[key]).period
    new = learned.last is None or period.last_day > learned.last.last_day
    return NEW if new else REVISED


def _cell(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else str(value)
