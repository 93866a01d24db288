"""The snapshot of an edition: all but the ledger that its headline figures rest on, and code."""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation import fingerprint
from evaluation.declared import read_yaml
from evaluation.errors import BookError, EditionRefused
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Act, Receipt
from evaluation.programme import TABLES, Cost, Programme
from evaluation.protocol import as_stated
from evaluation.publish.headline import ASSIGNMENTS, OBSERVATIONS, PARAMETERS, STATE
from evaluation.quarters import Period, parse_instant
from evaluation.study.code import (
    figures_files,
    figures_fingerprint,
    package_fingerprint,
    source_fingerprint,
)
from evaluation.study.lock import FILE as LOCK_FILE
from evaluation.study.lock import PROTOCOL as PROTOCOL_FILE
from evaluation.study.stored_assignments import Store
from evaluation.study.study import Study
from evaluation.workspace import BOOK_SHELL, Workspace, package, packaged_schemas

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.protocol import Protocol


RUN = "evaluation.publish.headline"


def archive(expected: str) -> bytes:
    """The package's source and declarations, packed; the same bytes for the same files.

    Raises
    ------
    EditionRefused : the code is not that of ``expected`` any more.
    """
    # What runs was loaded when the process began: files changed since are not the code that made
    # the figures.
    if source_fingerprint(package()) != expected:
        raise EditionRefused(
            "the code was changed while the edition was being made, so it is not known which code "
            "made its figures.",
            where=str(package()),
            mend="publish again",
        )
    packed = io.BytesIO()
    # A format without optional headers, and entries without time or owner: the same files give the
    # same bytes.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for root, under in ((package(), "evaluation"), (packaged_schemas(), "data_schemas")):
            for path in sorted(root.rglob("*")):
                if not path.is_file() or not {"__pycache__", BOOK_SHELL}.isdisjoint(path.parts):
                    continue
                entry = tarfile.TarInfo(f"{under}/{path.relative_to(root).as_posix()}")
                content = path.read_bytes()
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return _compressed(packed.getvalue())


@lru_cache(maxsize=1)
def _compressed(packed: bytes) -> bytes:
    # Fixed, since the bytes are hashed.
    return lzma.compress(packed, preset=6)


def unpack(packed: Path, folder: Path, expected: str) -> Path:
    """The source of an archive under ``folder``; unpacked once, and anew where it is not whole.

    Raises
    ------
    BookError : what it holds is not the code of this fingerprint.
    """
    place = folder / expected[:16]
    # Asked each time: what is run must be what the edition names. What a power cut, or somebody,
    # left of it is unpacked anew.
    if _is_code(place, expected):
        return place
    unfinished = folder / f"{expected[:16]}.part"
    for stale in (unfinished, place):
        shutil.rmtree(stale, ignore_errors=True)
    with tarfile.open(packed, mode="r:xz") as tar:
        # No links and no paths out of the folder: an archive may have been tampered with.
        tar.extractall(unfinished, filter="data")
    unfinished.replace(place)
    if not _is_code(place, expected):
        raise BookError(
            "the code kept with the edition is not the code that it was computed by.",
            where=str(packed),
            mend="restore the archive from a back-up",
        )
    return place


def _is_code(place: Path, expected: str) -> bool:
    source = place / "evaluation"
    return source.is_dir() and source_fingerprint(source) == expected


def figures_by(source: Path | None, states: Sequence[Path]) -> list[dict[str, float]]:
    """The headline figures of states by a source of the code (None: the one that runs now).

    Raises
    ------
    BookError : that code cannot compute one of them.
    """
    if source is None:
        return [dict(_figures_of(_State.of(state))) for state in states]
    if not states:
        return []
    # The old code comes first on the path; libraries are those installed now.
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONUTF8": "1"}
    # A process of its own: two versions of one package cannot be loaded into one interpreter.
    done = subprocess.run(
        [sys.executable, "-m", RUN, *map(str, states)],
        capture_output=True,
        text=True,
        env=environment,
        # Python puts the working directory first when it runs a module.
        cwd=source,
        check=False,
    )
    if done.returncode != 0:
        last_line = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BookError(
            f"the code of that edition could not compute the figures: {last_line}",
            where=str(source),
            expected="a state that both codes can read",
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass(frozen=True, kw_only=True)
class _State:
    """A state by what lies in it; two of the same content are one."""

    content: str
    folder: Path = field(compare=False)

    @classmethod
    def of(cls, folder: Path) -> _State:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return cls(content=fingerprint.of_files(files, folder), folder=folder)


@lru_cache(maxsize=64)
def _figures_of(state: _State) -> Mapping[str, float]:
    """The figures of a state, once: the end of one comparison is asked for by itself as well."""
    from evaluation.publish.headline import figures

    return figures(state.folder)


REVISED, WITHDRAWN, NEW = "revised", "withdrawn", "new"
DATA_CAUSES = (REVISED, WITHDRAWN, NEW)
"""What returns may do to figures: give known ones again or late, take them back, add new ones."""
KEY = ["outcome", "area_code", "quarter"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The versions of a study's figures, and which returns came, went and when.

    versions : as `Ledger.versions` gives them. before, after : the two instants, inclusive.
    came : return -> its cause, of those received between the two and not withdrawn again by then.
    gone : the returns known before and withdrawn between the two, with the reason.
    standing : the returns known and not withdrawn before.
    last : the last quarter with a figure before; None where nothing was known.
    """

    versions: pd.DataFrame
    before: str
    after: str
    came: dict[str, str]
    gone: dict[str, str]
    standing: frozenset[str]
    last: Period | None

    @classmethod
    def read(
        cls, ledger: Ledger, programme: str, outcomes: Collection[str], before: str, after: str
    ) -> Learned:
        """What was learned of these outcomes after ``before``, up to ``after``."""
        versions = ledger.versions(programme, outcomes=list(outcomes))
        # A few hundred returns stand behind tens of thousands of figures: looked up once each.
        versions["return_id"] = versions["return_id"].astype("category")
        acts = [act for act in ledger.acts() if act.kind == "withdrawal" and act.received <= after]
        receipts = {
            one.return_id: one for one in ledger.receipts(programme) if one.received <= after
        }
        away = {act.return_id: act for act in acts}
        standing = frozenset(
            name
            for name, one in receipts.items()
            if one.received <= before and not _away(away, name, before)
        )
        held = versions.loc[versions["return_id"].isin(standing), "quarter"].unique()
        last = max((Period.parse(label) for label in held), default=None)
        # What came and went between the two vintages was never in an edition.
        came = {
            name: _cause_of(one, last)
            for name, one in receipts.items()
            if one.received > before and name not in away
        }
        gone = {name: away[name].reason for name in standing if name in away}
        return cls(
            versions=versions,
            before=before,
            after=after,
            came=came,
            gone=gone,
            standing=standing,
            last=last,
        )

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes that touch any figure of these outcomes, in the order of `DATA_CAUSES`."""
        # Returns without a figure of these outcomes are no cause.
        held = set(self.versions["return_id"])
        there = {cause for name, cause in self.came.items() if name in held}
        there |= {WITHDRAWN} if held & set(self.gone) else set()
        return tuple(cause for cause in DATA_CAUSES if cause in there)

    def known(
        self, causes: Collection[str], revised: Callable[[pd.DataFrame], pd.Series] | None = None
    ) -> pd.DataFrame:
        """The latest version of each figure with only these causes learned.

        Parameters
        ----------
        revised : of the rows given again, those that count (a mask); by default all of them.
        """
        chosen = set(self.standing) | {n for n, cause in self.came.items() if cause in causes}
        if WITHDRAWN in causes:
            chosen -= set(self.gone)
        rows = self.versions[self.versions["return_id"].isin(chosen)]
        if revised is not None:
            again = rows["return_id"].map(self.came).eq(REVISED)
            rows = rows[~again | revised(rows)]
        # Versions come in the order of acceptance.
        return rows[~rows.duplicated(KEY, keep="last")].reset_index(drop=True)


def _away(away: dict[str, Act], name: str, instant: str) -> bool:
    return name in away and away[name].received <= instant


def _cause_of(receipt: Receipt, last: Period | None) -> str:
    """A return of a quarter after the last one known is new; any other is given again, or late."""
    return (
        # By day: a year's return is new only if it ends after the last quarter known.
        NEW if last is None or Period.parse(receipt.quarter).last_day > last.last_day else REVISED
    )


CHECKS, PROTOCOL, CODE, PRICES = "checks", "protocol", "code", "parameters"
AS_DATA = {"last", "costs", "taken_out", "planned_costs", "money"}
"""What of a programme's declaration is told as data and is no change of what is analysed."""
COST_COLUMNS = ("site", "agency", "kind", "period", "amount", "price_year")
# The first is called as it was in the first editions, which are read for ever.
FILE, MODULES = "ground.json", "code.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """What the headline figures of a study rest on, as it lies in a folder.

    vintage : the instant up to which the ledger was known. figures_code, package : fingerprints of
    the code that figures rest on, and of all of it. objected : the outcomes that a check objected
    to, which the headline of money leaves out; none in an edition of before it was kept.
    """

    folder: Path
    programme_name: str
    study: str
    vintage: str
    figures_code: str
    package: str
    objected: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.programme_name}/{self.study}"

    @cached_property
    def _study(self) -> Study:
        return Study.load(Workspace(root=self.folder), self.name)

    @property
    def programme(self) -> Programme:
        return self._study.programme

    @property
    def protocol(self) -> Protocol:
        return self._study.protocol

    @property
    def study_folder(self) -> Path:
        return self.folder / "studies" / self.programme_name / self.study

    @cached_property
    def declared(self) -> str:
        """Fingerprint of protocol, declarations, assignments; costs and the calendar are data."""
        programme = self.programme.model_dump(mode="json", exclude=AS_DATA)
        kept = Store(folder=self.folder).kept
        return fingerprint.of_data(
            [programme, as_stated(self.protocol), kept.fingerprint if kept else ""]
        )

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
    def read(cls, folder: Path) -> Snapshot:
        """A snapshot as it was taken before."""
        held = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(folder=folder, **{**held, "objected": tuple(held.get("objected", ()))})


def take_snapshot(
    workspace: Workspace, name: str, vintage: str, folder: Path, objected: Collection[str] = ()
) -> Snapshot:
    """Copy what ``programme/study`` rests on now into a folder.

    Parameters
    ----------
    objected : the outcomes with a price that a check objects to.
    """
    study = Study.load(workspace, name, as_of=parse_instant(vintage))
    for path in _declared(study.folder):
        _copy(path, folder / "studies" / path.relative_to(workspace.studies))
    if study.programme.money is not None:
        # A state is read without a ledger: what was known of money then lies in a table.
        _write_costs(folder / "studies" / study.programme.name, study.programme.costs)
    for outcome in study.programme.outcomes:
        path = workspace.schemas / "outcomes" / f"{outcome.code}.yaml"
        if path.is_file():
            _copy(path, folder / "data_schemas" / "outcomes" / path.name)
    # An empty folder too: a state is read as a workspace is.
    (folder / "data_schemas" / "outcomes").mkdir(parents=True, exist_ok=True)
    tables = Path(str(resources.files("evaluation.value.parameters")))
    for path in tables.glob("*.csv"):
        _copy(path, folder / PARAMETERS / path.name)
    if study.protocol.looks is not None and study.store.path.is_file():
        _copy(study.store.path, folder / ASSIGNMENTS)
    taken: dict[str, Any] = {
        "programme_name": study.programme.name,
        "study": study.protocol.study,
        "vintage": vintage,
        "figures_code": figures_fingerprint(),
        "package": package_fingerprint(),
    }
    if objected:
        taken["objected"] = sorted(objected)
    for file, content in ((FILE, taken), (MODULES, figures_files())):
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        (folder / file).write_text(text, encoding="utf-8")
    return Snapshot.read(folder)


KEPT_OF_STUDY = (PROTOCOL_FILE, LOCK_FILE, "*.yaml", "*.md")
KEPT_OF_PROGRAMME = ("*.yaml", "outcomes/*.yaml")


def _declared(folder: Path) -> list[Path]:
    """What a study and its programme declare; not what else lies there, nor in other studies.

    An edition is kept where its pages are. What people wrote, what an attack on the study computed
    to the last digit and whatever somebody left in the folder are no declarations, and stay inside.
    """
    found = {path for kind in KEPT_OF_STUDY for path in folder.glob(kind)}
    found |= {path for kind in KEPT_OF_PROGRAMME for path in folder.parent.glob(kind)}
    declared = read_yaml(folder.parent / "programme.yaml")
    tables = (declared.get(name) for name in TABLES)
    found |= {folder.parent / name for name in tables if isinstance(name, str)}
    return sorted(path for path in found if path.is_file())


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


_Key = tuple[str, str, str, str]
"""Site, agency, kind and period of a cost."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Between:
    """Two snapshots, and what the ledger learned from the vintage of one to that of the other."""

    before: Snapshot
    after: Snapshot
    learned: Learned

    @classmethod
    def read(cls, workspace: Workspace, before: Snapshot, after: Snapshot) -> Between:
        """The two with what a workspace's ledger learned between them."""
        # Outcomes of either protocol: one dropped or added has to be computable in both states.
        outcomes = list(dict.fromkeys([*before.protocol.outcomes, *after.protocol.outcomes]))
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            learned = Learned.read(
                ledger, after.programme_name, outcomes, before.vintage, after.vintage
            )
        return cls(before=before, after=after, learned=learned)

    @property
    def causes(self) -> tuple[str, ...]:
        """In what the two and the ledger between them differ; each may move a headline."""
        before, after = self.before, self.after
        data = set(self.learned.causes) | self._causes_of_costs
        found = [cause for cause in DATA_CAUSES if cause in data]
        found += [CHECKS] if before.objected != after.objected else []
        found += [PROTOCOL] if before.declared != after.declared else []
        found += [CODE] if before.figures_code != after.figures_code else []
        found += [PRICES] if before.parameters != after.parameters else []
        return tuple(found)

    @property
    def costs_differ(self) -> bool:
        """Whether costs of quarters that were known before are others."""
        return REVISED in self._causes_of_costs

    @cached_property
    def _costs(self) -> tuple[dict[_Key, Cost], dict[_Key, Cost]]:
        """The costs before and after, by what they were for."""
        return _keyed(self.before.programme.costs), _keyed(self.after.programme.costs)

    @property
    def _causes_of_costs(self) -> set[str]:
        was, now = self._costs
        changed = [key for key in {*was, *now} if was.get(key) != now.get(key)]
        return {self._cause_of_cost((now.get(key) or was[key]).period) for key in changed}

    def _cause_of_cost(self, period: Period) -> str:
        """Whether a cost belongs to a quarter known before (given again) or to a new one."""
        last = self.learned.last
        return NEW if last is None or period.last_day > last.last_day else REVISED

    def write_state(
        self,
        folder: Path,
        chosen: Collection[str],
        revised: Callable[[pd.DataFrame], pd.Series] | None = None,
    ) -> Path:
        """A state in which only the chosen causes stand as in the later snapshot.

        Parameters
        ----------
        revised : of the figures given again, those that count; by default all.
        """
        declared = self.after if PROTOCOL in chosen else self.before
        prices = self.after if PRICES in chosen else self.before
        shutil.copytree(declared.folder / "studies", folder / "studies")
        shutil.copytree(declared.folder / "data_schemas", folder / "data_schemas")
        shutil.copytree(prices.folder / PARAMETERS, folder / PARAMETERS)
        if (declared.folder / ASSIGNMENTS).is_file():
            shutil.copyfile(declared.folder / ASSIGNMENTS, folder / ASSIGNMENTS)
        self._write_programme(folder / "studies" / declared.programme_name, chosen)
        self.learned.known(chosen, revised).to_parquet(folder / OBSERVATIONS, index=False)
        checked = self.after if CHECKS in chosen else self.before
        asked = {
            "version": 1,
            "programme": declared.programme_name,
            "study": declared.study,
            "objected": list(checked.objected),
        }
        (folder / STATE).write_text(json.dumps(asked), encoding="utf-8")
        return folder

    def _write_programme(self, folder: Path, chosen: Collection[str]) -> None:
        """The declared programme with the later calendar, and the costs of the chosen causes."""
        path = folder / "programme.yaml"
        content: dict[str, Any] = read_yaml(path)
        # The later calendar in every state: a new quarter's figures would otherwise lie outside it.
        content["last"] = max(one.programme.last for one in (self.before, self.after)).label
        was, now = self._costs
        rows = []
        for key in sorted({*was, *now}, key=str):
            period = (now.get(key) or was[key]).period
            # Costs follow the cause of their quarter, as returns do: no cause is left to the
            # declarations.
            held = now if self._cause_of_cost(period) in chosen else was
            rows += [held[key]] if key in held else []
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        _write_costs(folder, rows)


def _write_costs(folder: Path, costs: Collection[Cost]) -> None:
    """Costs as a table of the programme declared in a folder, in place of what it declares."""
    path = folder / "programme.yaml"
    content: dict[str, Any] = read_yaml(path)
    for name in ("money", "costs", "taken_out"):
        content.pop(name, None)
    if costs:
        content["costs"] = "costs.csv"
        with (folder / "costs.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COST_COLUMNS)
            writer.writerows([_cell(getattr(one, name)) for name in COST_COLUMNS] for one in costs)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _keyed(costs: Collection[Cost]) -> dict[_Key, Cost]:
    return {(c.site, c.agency, c.kind, c.period.label): c for c in costs}


def _cell(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else str(value)
