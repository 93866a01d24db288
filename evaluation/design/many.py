"""Many rehearsals: over processors, resumable, and the same on any number of workers.

This is joblib's only door. Each rehearsal has a seed of its own, so neither the number of workers
nor a break in between changes a figure; finished parts are kept in a folder and taken from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation import fingerprint
from evaluation.design.trial import Outcome, Rehearsal, rehearse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName

PART = 25
Backend = Literal["loky", "threading", "sequential"]
PanelOf = Callable[[int], "Panel"]
Found = dict[str, "NDArray[Any]"]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """How many rehearsals, from which seed, on how many workers.

    resume : a folder that keeps finished parts; the same command goes on where it stopped.
    """

    simulations: int = 1_000
    seed: int = 0
    workers: int = 1
    backend: Backend = "loky"
    resume: Path | None = None


def rehearse_many(
    panel_of: PanelOf,
    name: EstimatorName,
    rehearsal: Rehearsal,
    effects: tuple[float, ...],
    runs: Runs,
    *,
    origin: str = "",
    progress: Callable[[str], object] = lambda _: None,
) -> Found:
    """Every rehearsal's outcome, stacked: arrays with one row a simulation.

    Parameters
    ----------
    panel_of : simulation number -> panel; it has to be picklable for more than one worker.
    origin : what identifies the panel (a fingerprint); parts of another panel are never mixed in.
    """
    simulations, seed, resume = runs.simulations, runs.seed, runs.resume
    if resume is not None:
        resume.mkdir(parents=True, exist_ok=True)
    what = fingerprint.of_data(
        [name, json.loads(json.dumps(asdict(rehearsal), default=str)), list(effects), seed, origin]
    )
    parts = [range(a, min(a + PART, simulations)) for a in range(0, simulations, PART)]
    files = [None if resume is None else resume / f"{what[:16]}_{p.start}.npz" for p in parts]
    missing = [k for k, file in enumerate(files) if file is None or not file.is_file()]
    done: dict[int, Found] = {}
    fresh = _over(
        [(panel_of, name, rehearsal, effects, parts[k], seed) for k in missing],
        runs.workers,
        runs.backend,
    )
    for k, found in zip(missing, fresh, strict=True):
        done[k] = found
        progress(f"{name}, {rehearsal.started} started: {parts[k].stop} of {simulations}")
        if (file := files[k]) is not None:
            _keep(file, found)
    for k, file in enumerate(files):
        if k not in done and file is not None:
            with np.load(file) as held:
                done[k] = {key: held[key] for key in held.files}
    ordered = [done[k] for k in range(len(parts))]
    return {key: np.concatenate([part[key] for part in ordered]) for key in ordered[0]}


Task = tuple[PanelOf, "EstimatorName", Rehearsal, tuple[float, ...], range, int]


def _over(tasks: Sequence[Task], workers: int, backend: Backend) -> Any:
    if workers == 1 or backend == "sequential":
        return (_part(task) for task in tasks)
    # One thread each: linear algebra of this size loses by sharing.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    from joblib import Parallel, delayed

    return Parallel(n_jobs=workers, backend=backend, return_as="generator")(
        delayed(_part)(task) for task in tasks
    )


def _part(task: Task) -> Found:
    panel_of, name, rehearsal, effects, numbers, seed = task
    found = [rehearse(panel_of(n), name, rehearsal, effects, seed + n) for n in numbers]
    return {key: np.stack([getattr(one, key) for one in found]) for key in Outcome.__annotations__}


def _keep(file: Path, found: Found) -> None:
    """Written beside and moved into place, so that a part is whole or not there."""
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as handle:
        np.savez_compressed(handle, **found)  # type: ignore[arg-type]
    unfinished.replace(file)
