"""What a national study's inference costs: every outcome, look and assignment, on one thread.

``python -m benchmarks.inference`` takes 2,000 areas x 40 quarters x 19 outcomes, six sites, 9,999
assignments and 12 looks through statistics, look ledgers, closed testing, max-T and intervals, and
sets beside it a loop over diff-diff's Callaway-Sant'Anna, timed over 20 assignments in the same run
and extrapolated. It also records how the time grows, in processor seconds, which other work on the
machine moves less. Run it with ``OMP_NUM_THREADS=1``; the book shows what it writes.
"""

from __future__ import annotations

import json
import os
import time
import tracemalloc
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.invented import Invented
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did_looks import Window, did_looks
from evaluation.estimate.inference import placebo_interval
from evaluation.estimate.interim import LookPlan, repeated_interval, run_looks, sequential_p
from evaluation.estimate.multiple_testing import closed_look, westfall_young
from evaluation.panel import Panel

RESULT = Path(__file__).resolve().parents[1] / "book" / "inference.json"
RUNS = 3
SITES = 6
PEER_ASSIGNMENTS = 20


def with_sites(panel: Panel, first: int) -> Panel:
    """Six sites of one area each, two starting in each of three quarters."""
    areas = panel.areas.copy()
    columns = {c: areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")}
    for s in range(SITES):
        at = s * (len(areas) // SITES)
        columns["site"][at], columns["role"][at] = f"S{s}", "pilot"
        columns["start"][at] = panel.labels[first + s // 2]
    return replace(panel, areas=areas.assign(**columns))


def whole(
    figures: np.ndarray, assignments: Assignments, looks: tuple[int, ...]
) -> dict[str, float]:
    """Seconds of every step, from figures to verdicts and intervals."""
    took, plan = {}, LookPlan(horizon=len(looks))
    times = [(k + 1) / len(looks) for k in range(len(looks))]

    def clock(name: str, started: float) -> None:
        took[name] = time.perf_counter() - started

    begin = time.perf_counter()
    raw, shift = did_looks(figures, assignments, Window(first=0, last=100, looks=looks))
    clock("statistics", begin)
    begin = time.perf_counter()
    for rows in raw:
        run_looks(rows, times, plan)
    clock("look ledgers", begin)
    begin = time.perf_counter()
    before = None
    names = [str(k) for k in range(min(3, len(raw)))]
    for k, when in enumerate(times):
        before = closed_look({n: raw[int(n), k] for n in names}, when, plan, before)
    clock("closed testing", begin)
    begin = time.perf_counter()
    for k in range(len(looks)):
        westfall_young({str(n): row[k] for n, row in enumerate(raw)})
    clock("max-T", begin)
    begin = time.perf_counter()
    for rows in raw:
        for k in range(len(looks)):
            placebo_interval(rows[k], shift[k], 0.05)
    clock("intervals", begin)
    begin = time.perf_counter()
    for rows in raw[:3]:
        repeated_interval(rows, shift, times, plan)
    clock("repeated intervals of three", begin)
    begin = time.perf_counter()
    for rows in raw:
        sequential_p(rows, times, plan)
    clock("sequential p", begin)
    took["all"] = sum(took.values())
    return took


def processor(figures: np.ndarray, assignments: Assignments, looks: tuple[int, ...]) -> float:
    """Processor seconds of all steps, the least of three runs."""
    taken = []
    for _ in range(RUNS):
        begin = time.process_time()
        whole(figures, assignments, looks)
        taken.append(time.process_time() - begin)
    return min(taken)


def problem(
    areas: int, quarters: int, outcomes: int, n: int, looks: int
) -> tuple[np.ndarray, Assignments, tuple[int, ...]]:
    """Figures, assignments and looks of one size."""
    first = quarters - looks - 2
    panel = with_sites(
        Invented(areas=areas, quarters=quarters, authorities=areas // 5).draw(0), first
    )
    rng = np.random.default_rng(1)
    figures = panel.array("y") + rng.standard_normal((outcomes, areas, quarters))
    assignments = Assignments.draw(panel, n=n, block="area", strata=(), seed=0)
    return figures, assignments, tuple(range(quarters - looks, quarters))


def peer_seconds(figures: np.ndarray, assignments: Assignments) -> float:
    """Seconds of diff-diff for one outcome under one assignment (all event times at once)."""
    from diff_diff import CallawaySantAnna

    n, t = figures[0].shape
    long = pd.DataFrame(
        {
            "area": np.repeat(np.arange(n), t),
            "time": np.tile(np.arange(1, t + 1), n),
            "y": figures[0].ravel(),
        }
    )
    starts = assignments.treated.starts[assignments.treated.cohort_of] + 1
    begin = time.perf_counter()
    for pseudo_treated in assignments.pseudo_treated[:PEER_ASSIGNMENTS]:
        first = np.zeros(n, dtype=int)
        first[pseudo_treated] = starts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            CallawaySantAnna(n_bootstrap=0).fit(
                long.assign(first=np.repeat(first, t)),
                outcome="y",
                unit="area",
                time="time",
                first_treat="first",
                aggregate="simple",
            )
    return (time.perf_counter() - begin) / PEER_ASSIGNMENTS


def main() -> None:
    """Measure, print, record."""
    size = {"areas": 2_000, "quarters": 40, "outcomes": 19, "n": 9_999, "looks": 12}
    figures, assignments, looks = problem(**size)
    # NumPy reports its memory to tracemalloc; the figures themselves were there before.
    tracemalloc.start()
    whole(figures, assignments, looks)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    runs = [whole(figures, assignments, looks) for _ in range(RUNS)]
    took = min(runs, key=lambda one: one["all"])
    one = peer_seconds(figures, assignments)
    # diff-diff gives every period at once, so looks cost it nothing more here.
    peer = one * (size["n"] + 1) * size["outcomes"]
    growth: list[dict[str, Any]] = []
    for what, values in (
        ("areas", (500, 1_000, 2_000, 6_791)),
        ("n", (999, 4_999, 9_999)),
        ("looks", (3, 6, 12)),
        ("outcomes", (1, 5, 19)),
    ):
        for value in values:
            f, a, w = problem(**(size | {what: value}))
            growth.append({"what": what, "value": value, "processor_seconds": processor(f, a, w)})
    record = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.inference",
        "size": size,
        "sites": SITES,
        "load": os.getloadavg()[0],
        "seconds": took,
        "peer_assignments": PEER_ASSIGNMENTS,
        "megabytes_above": peak,
        "diff_diff_seconds_extrapolated": peer,
        "diff_diff_seconds_each": one,
        "ratio": peer / took["all"],
        "growth": growth,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
