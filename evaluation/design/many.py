"""Many simulations: over processors or machines, resumable, and the same on any number of workers.

This is joblib's only door, and that of dask, which joblib needs for more than one machine. Each
simulation has a seed of its own, so neither the number of workers nor a break in between changes a
figure; finished parts are kept in a folder and taken from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation import fingerprint
from evaluation.design.simulation import Replicate, Simulation, simulate_looks
from evaluation.errors import UserError
from evaluation.estimate import arguments
from evaluation.progress import Progress, to_terminal, watched
from evaluation.workspace import package

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName

# Simulations in a file: a break loses at most as many, and a folder of thousands stays readable.
PART = 25
WAIT = "10s"
Backend = Literal["loky", "threading", "sequential"]
PanelOf = Callable[[int], "Panel"]
Found = dict[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Runs:
    """How many simulations, from which seed, on how many workers.

    resume : a folder that keeps finished parts; the same command goes on where it stopped.
    scheduler : address of a dask scheduler, whose workers are used instead of this machine's.
    """

    simulations: int = 1_000
    seed: int = 0
    workers: int = 1
    _: KW_ONLY
    backend: Backend = "loky"
    resume: Path | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        arguments.a_count("simulations", self.simulations)
        arguments.a_count("seed", self.seed, 0)


def simulate_many(
    panel_of: PanelOf,
    name: EstimatorName,
    simulation: Simulation,
    effects: tuple[float, ...],
    runs: Runs,
    *,
    origin: str = "",
    progress: Progress = to_terminal,
) -> Found:
    """Every simulation's outcome, stacked: arrays with one row a simulation.

    Parameters
    ----------
    panel_of : simulation number -> panel; it has to be picklable for more than one worker.
    origin : what identifies the panel (a fingerprint); parts of another panel, or that other code
        made, are never mixed in.

    Raises
    ------
    UserError : a scheduler is asked for and dask is missing, it does not answer, or its workers
        run other code.
    """
    simulations, seed, resume = runs.simulations, runs.seed, runs.resume
    if resume is not None:
        resume.mkdir(parents=True, exist_ok=True)
    # Through JSON, since tuples and paths have no canonical form of their own.
    plan = [name, json.loads(json.dumps(asdict(simulation), default=str)), list(effects)]
    # Only where parts are kept: without a folder nothing old can be mixed in.
    what = fingerprint.of_data([*plan, seed, origin, "" if resume is None else _code()])[:16]
    parts = [range(a, min(a + PART, simulations)) for a in range(0, simulations, PART)]
    files = [None if resume is None else resume / f"{what}_{p.start}-{p.stop}.npz" for p in parts]
    missing = [k for k, file in enumerate(files) if file is None or not file.is_file()]
    done: dict[int, Found] = {}
    tasks = [
        Task(
            panel_of=panel_of,
            name=name,
            simulation=simulation,
            effects=effects,
            numbers=parts[k],
            seed=seed,
        )
        for k in missing
    ]
    fresh = _over(tasks, runs)
    for k, found in zip(missing, fresh, strict=True):
        done[k] = found
        progress(f"{name}, {simulation.started} started: {parts[k].stop} of {simulations}")
        if (file := files[k]) is not None:
            _keep(file, found)
    for k, file in enumerate(files):
        if k not in done and file is not None:
            with np.load(file) as held:
                done[k] = {key: held[key] for key in held.files}
    # In order of number, whichever worker was done first.
    ordered = [done[k] for k in range(len(parts))]
    return {key: np.concatenate([part[key] for part in ordered]) for key in ordered[0]}


@dataclass(frozen=True, kw_only=True)
class Task:
    """A part of the simulations, as a worker takes it; ``seed`` is that of simulation 0."""

    panel_of: PanelOf
    name: EstimatorName
    simulation: Simulation
    effects: tuple[float, ...]
    numbers: range
    seed: int


def _over(tasks: Sequence[Task], runs: Runs) -> Iterator[Found]:
    if runs.scheduler is not None:
        yield from _elsewhere(tasks, runs.scheduler)
    elif runs.workers == 1 or runs.backend == "sequential":
        yield from (_part(task, watch=True) for task in tasks)
    else:
        # One thread each: linear algebra of this size loses by sharing.
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        from joblib import Parallel, delayed

        yield from Parallel(n_jobs=runs.workers, backend=runs.backend, return_as="generator")(
            delayed(_part)(task) for task in tasks
        )


def _elsewhere(tasks: Sequence[Task], scheduler: str) -> Iterator[Found]:
    """The same on the workers of a dask scheduler, which have to run this very code."""
    if find_spec("distributed") is None:
        raise UserError(
            "a scheduler needs dask, which is not installed.",
            mend="install the extra: pip install 'newstart-evaluation[cluster]'",
        )
    from distributed import Client
    from joblib import Parallel, delayed, parallel_config

    try:
        client = Client(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            "no dask scheduler answers.",
            where=scheduler,
            expected="an address such as tcp://10.0.0.5:8786",
            mend="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
        ) from error
    with client:
        # Other code on one worker would mix figures of two versions, and no figure would show it.
        code = client.run(_code)
        if other := sorted(worker for worker, held in code.items() if held != _code()):
            raise UserError(
                f"a worker runs other code than this machine: {other[0]}.",
                where=scheduler,
                mend="install the same version of this package there",
            )
        if not code:
            raise UserError(
                "the dask scheduler has no workers.",
                where=scheduler,
                mend="start some with `dask worker ADDRESS`",
            )
        with parallel_config(backend="dask", client=client):
            yield from Parallel(n_jobs=-1, return_as="generator")(
                delayed(_part)(task) for task in tasks
            )


def _code() -> str:
    """SHA-256 over this package's modules, here or on the worker that runs this."""
    return fingerprint.of_files(package().rglob("*.py"), package())


def _part(task: Task, *, watch: bool = False) -> Found:
    """The simulations of a part; ``watch``: a slow one is heard of before the part is done."""
    numbers: Iterable[int] = task.numbers
    if watch:
        what = f"{task.name}, {task.simulation.started} started, from {task.numbers.start} on"
        numbers = watched(what, task.numbers)
    # The seed goes with the number, so that no figure hangs on who computes it.
    found = [
        simulate_looks(task.panel_of(n), task.name, task.simulation, task.effects, task.seed + n)
        for n in numbers
    ]
    return {
        key: np.stack([getattr(one, key) for one in found]) for key in Replicate.__annotations__
    }


def _keep(file: Path, found: Found) -> None:
    """Written beside and moved into place, so that a part is whole or not there."""
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as handle:
        np.savez_compressed(handle, **found)  # type: ignore[arg-type]
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)
