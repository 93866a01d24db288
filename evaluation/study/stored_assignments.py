"""The assignments of a study as they were first drawn, kept by area codes beside its looks."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.estimate.assignments import Assignments, TreatedAreas
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import AssignmentPlan, Protocol
    from evaluation.workspace import Workspace


FILE = "assignments.npz"
META = ("distinct", "enumerated", "block", "reason", "seed", "asked")


def keep(folder: Path, assignments: Assignments, panel: Panel) -> None:
    """Write assignments down by the codes of their areas and the labels of their starts."""
    folder.mkdir(parents=True, exist_ok=True)
    treated = assignments.treated
    meta = {name: getattr(assignments, name) for name in META}
    meta |= {
        "banded_by": list(assignments.banded_by),
        "names": list(treated.names),
        "starts": [panel.labels[g] for g in treated.starts.tolist()],
        "codes": [str(code) for code in panel.areas.index],
    }
    # The names in the file are those of 0.1.0: assignments that were kept go on being read.
    arrays: dict[str, Any] = {
        "meta": np.frombuffer(fingerprint.canonical(meta), dtype=np.uint8),
        "fillers": assignments.pseudo_treated.astype(np.int32),
        "places": treated.units,
        "slot_of": treated.cohort_of,
        "strata": assignments.strata,
    }
    unfinished = folder / "assignments.part"
    with unfinished.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)
    unfinished.replace(folder / FILE)


def kept_fingerprint(folder: Path) -> str:
    """SHA-256 of what is kept, by codes and labels, however the file was packed; "" if nothing is.

    Raises
    ------
    LedgerError : the file cannot be read.
    """
    if not (folder / FILE).is_file():
        return ""
    return _content_hash(_arrays(folder / FILE))


def _content_hash(arrays: dict[str, NDArray[Any]]) -> str:
    return fingerprint.of_data(
        {
            name: [
                str(a.dtype),
                list(a.shape),
                fingerprint.of_bytes(np.ascontiguousarray(a).tobytes()),
            ]
            for name, a in sorted(arrays.items())
        }
    )


def changed_rows(folder: Path, expected: Assignments, panel: Panel) -> list[int]:
    """Numbers of the kept assignments (0 is the real one) that are not the expected ones.

    Parameters
    ----------
    expected : drawn anew on ``panel``, by the same plan.
    """
    arrays = _arrays(folder / FILE)
    codes = np.array(json.loads(arrays["meta"].tobytes())["codes"], dtype=object)
    found = codes[arrays["fillers"]]
    wanted = panel.areas.index.astype(str).to_numpy(dtype=object)[expected.pseudo_treated]
    if found.shape != wanted.shape:
        return list(range(len(wanted)))
    return [int(row) for row in np.flatnonzero((found != wanted).any(axis=1))]


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        raise LedgerError(
            "the kept assignments cannot be read.",
            where=str(path),
            mend="take the file away: the study draws them again as they were locked",
        ) from None


def held(folder: Path, panel: Panel) -> Assignments | None:
    """The kept assignments on the areas and periods of a panel; None where none are kept.

    Parameters
    ----------
    panel : it holds every area of the assignments, and the start of every site.

    Raises
    ------
    LedgerError : the file cannot be read, or an area of the assignments is not in the panel.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    arrays = _arrays(path)
    meta = json.loads(arrays["meta"].tobytes())
    position = pd.Index(panel.areas.index.astype(str)).get_indexer(pd.Index(meta["codes"]))
    if (position < 0).any():
        lost = meta["codes"][int(np.flatnonzero(position < 0)[0])]
        raise LedgerError(
            f"area {lost} was part of the study's assignments and is not in the panel.",
            where=str(path),
            mend="submit its returns, or start a study of its own without it",
        )
    strata = np.full(len(panel.areas), -1, dtype=np.int64)
    strata[position] = arrays["strata"]
    treated = TreatedAreas(
        units=position[arrays["places"]],
        cohort_of=arrays["slot_of"],
        starts=np.array([Period.parse(s) - panel.periods[0] for s in meta["starts"]]),
        names=tuple(meta["names"]),
    )
    return Assignments(
        pseudo_treated=position[arrays["fillers"]],
        treated=treated,
        strata=strata,
        banded_by=tuple(meta["banded_by"]),
        **{name: meta[name] for name in META},
    )


def series_folder(workspace: Workspace, programme: Programme, protocol: Protocol) -> Path:
    """Where the looks of a study lie: one folder for each plan of assignments and set of sites."""
    plan = {
        "plan": protocol.assignments.model_dump(mode="json"),
        "sites": [[s.code, s.start.label] for s in programme.sites],
        "pilots": sorted(a.code for a in programme.areas if a.site),
    }
    of_plan = fingerprint.of_data(plan)[:16]
    return workspace.looks(programme.name, protocol.study) / of_plan


def assignments_of(
    workspace: Workspace, programme: Programme, protocol: Protocol, panel: Panel
) -> Assignments:
    """The assignments of a study on a panel, for the sites that have started in it.

    Where looks are planned they are drawn once, for every declared site, and kept.
    """
    if protocol.looks is None:
        return by_plan(panel, protocol.assignments)
    folder = series_folder(workspace, programme, protocol)
    return held_or_drawn(folder, programme, protocol, panel).known(panel)


def by_plan(panel: Panel, plan: AssignmentPlan, *, most: int | None = None) -> Assignments:
    """The assignments that a protocol plans, drawn on a panel; ``most`` of them at most."""
    n = plan.n if most is None else min(plan.n, most)
    return Assignments.draw(panel, n=n, block=plan.block, strata=plan.strata, seed=plan.seed)


def held_or_drawn(
    folder: Path, programme: Programme, protocol: Protocol, panel: Panel
) -> Assignments:
    """The assignments kept in a folder; drawn for this panel and kept where there are none."""
    kept = held(folder, panel)
    if kept is None:
        kept, whole = drawn(programme, protocol, panel)
        keep(folder, kept, whole)
    return kept


def drawn(programme: Programme, protocol: Protocol, panel: Panel) -> tuple[Assignments, Panel]:
    """The assignments of the plan, with the panel run on until every declared site has started."""
    starts = [s.start for s in programme.sites if s.start > panel.periods[-1]]
    whole = panel.ahead(max(starts)) if starts else panel
    return by_plan(whole, protocol.assignments), whole
