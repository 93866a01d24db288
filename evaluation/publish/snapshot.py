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
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation import fingerprint
from evaluation.errors import BookError, EditionRefused
from evaluation.ledger.receipt import Act, Receipt
from evaluation.programme import Cost, Programme
from evaluation.publish.headline import ASSIGNMENTS, OBSERVATIONS, PARAMETERS, STATE
from evaluation.quarters import Period
from evaluation.study import stored_assignments
from evaluation.study.stored_assignments import series_folder
from evaluation.study.study import load_study
from evaluation.workspace import Workspace, package, packaged_schemas

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.ledger.ledger import Ledger
    from evaluation.protocol import Protocol


SHOWS = ("cli/", "demo.py", "edition/", "publish/")
"""What only shows or publishes figures: a change there changes none, so it is no cause of one."""
RUN = "evaluation.publish.headline"


def figures_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over the code that figures rest on: everything below the pages."""
    return _of(root or package(), shows=False)


def modules() -> dict[str, str]:
    """SHA-256 of each module that figures rest on, by its path."""
    root = package()
    return {
        path.relative_to(root).as_posix(): fingerprint.of_bytes(path.read_bytes())
        for path in _files(root, shows=False)
    }


@lru_cache(maxsize=8)
def _of(root: Path, *, shows: bool) -> str:
    return fingerprint.of_files(_files(root, shows=shows), root)


def _files(root: Path, *, shows: bool) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*.py"))
        if shows or not path.relative_to(root).as_posix().startswith(SHOWS)
    ]


def package_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over every line of the package's code."""
    return _of(root or package(), shows=True)


def archive(expected: str) -> bytes:
    """The package's source and declarations, packed; the same bytes for the same files.

    Raises
    ------
    EditionRefused : the code is not that of ``expected`` any more.
    """
    if _of.__wrapped__(package(), shows=True) != expected:
        raise EditionRefused(
            "the code was changed while the edition was being made, so it is not known which code "
            "made its figures.",
            where=str(package()),
            mend="publish again",
        )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for root, under in ((package(), "evaluation"), (packaged_schemas(), "data_schemas")):
            for path in sorted(root.rglob("*")):
                if not path.is_file() or "__pycache__" in path.parts:
                    continue
                entry = tarfile.TarInfo(f"{under}/{path.relative_to(root).as_posix()}")
                content = path.read_bytes()
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return _compressed(packed.getvalue())


@lru_cache(maxsize=1)
def _compressed(packed: bytes) -> bytes:
    return lzma.compress(packed, preset=6)


def unpack(packed: Path, folder: Path, expected: str) -> Path:
    """The source of an archive under ``folder``; unpacked once.

    Raises
    ------
    BookError : what it holds is not the code of this fingerprint.
    """
    place = folder / expected[:16]
    if not (place / "evaluation").is_dir():
        unfinished = folder / f"{expected[:16]}.part"
        with tarfile.open(packed, mode="r:xz") as tar:
            tar.extractall(unfinished, filter="data")
        unfinished.replace(place)
    if _of.__wrapped__(place / "evaluation", shows=True) != expected:
        raise BookError(
            "the code kept with the edition is not the code that it was computed by.",
            where=str(packed),
            mend="restore the archive from a back-up",
        )
    return place


def run(source: Path | None, states: Sequence[Path]) -> list[dict[str, float]]:
    """The headline figures of states by a source of the code (None: the one that runs now).

    Raises
    ------
    BookError : that code cannot compute one of them.
    """
    if source is None:
        from evaluation.publish.headline import figures

        return [figures(state) for state in states]
    if not states:
        return []
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", RUN, *map(str, states)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=source,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BookError(
            f"the code of that edition could not compute the figures: {said}",
            where=str(source),
            expected="a state that both codes can read",
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


REVISED, WITHDRAWN, NEW = "revised", "withdrawn", "new"
PIECES = (REVISED, WITHDRAWN, NEW)
KEY = ["outcome", "area_code", "quarter"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The versions of a study's figures, and which returns came, went and when.

    versions : as `Ledger.versions` gives them. before, after : the two instants, inclusive.
    came : return -> its piece, of those received between the two and not withdrawn again by then.
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
        came = {
            name: _piece(one, last)
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
    def pieces(self) -> tuple[str, ...]:
        """The pieces that hold anything for these outcomes, in the order of `PIECES`."""
        held = set(self.versions["return_id"])
        there = {piece for name, piece in self.came.items() if name in held}
        there |= {WITHDRAWN} if held & set(self.gone) else set()
        return tuple(piece for piece in PIECES if piece in there)

    def known(
        self, pieces: Collection[str], revised: Callable[[pd.DataFrame], pd.Series] | None = None
    ) -> pd.DataFrame:
        """The latest version of each figure with only these pieces learned.

        Parameters
        ----------
        revised : of the rows given again, those that count (a mask); by default all of them.
        """
        chosen = set(self.standing) | {n for n, piece in self.came.items() if piece in pieces}
        if WITHDRAWN in pieces:
            chosen -= set(self.gone)
        rows = self.versions[self.versions["return_id"].isin(chosen)]
        if revised is not None:
            again = rows["return_id"].map(self.came).eq(REVISED)
            rows = rows[~again | revised(rows)]
        return rows[~rows.duplicated(KEY, keep="last")].reset_index(drop=True)


def _away(away: dict[str, Act], name: str, instant: str) -> bool:
    return name in away and away[name].received <= instant


def _piece(receipt: Receipt, last: Period | None) -> str:
    """A return of a quarter after the last one known is new; any other is given again, or late."""
    return (
        NEW if last is None or Period.parse(receipt.quarter).last_day > last.last_day else REVISED
    )


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
        kept = stored_assignments.kept_fingerprint(self.folder)
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
    kept = series_folder(workspace, programme, protocol) / stored_assignments.FILE
    if protocol.looks is not None and kept.is_file():
        _copy(kept, folder / ASSIGNMENTS)
    said = {
        "programme_name": programme_name,
        "study": study,
        "vintage": vintage,
        "figures_code": figures_fingerprint(),
        "package": package_fingerprint(),
    }
    for file, content in ((FILE, said), (MODULES, modules())):
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
