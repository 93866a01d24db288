"""Difference-in-differences beside its peers: processor time and memory, as ratios in one run.

``python -m benchmarks.did`` times group-time effects with 999 multiplier draws (overall, by event
time, by cohort), event studies with clustered errors, and imputation with its conservative errors,
at 2,000 x 40 and 30,000 x 40, half of the areas started in eight cohorts. Each program starts from
the same long table in a process of its own with one thread; importing and a first small run, which
some need for compilation, are not timed. Times are of the processor, the fastest of up to seven
runs, since other work may share it.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RESULT = Path(__file__).parent / "results" / "did.json"
SIZES, PERIODS, DRAWS, RUNS, PATIENCE = (2_000, 30_000), 40, 999, 7, 30.0
TIMEOUT = 1_800
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")
ONE_THREAD = {"POLARS_MAX_THREADS": "1", **{f"{name}_NUM_THREADS": "1" for name in THREADS}}


def long_table(n: int, seed: int = 0) -> pd.DataFrame:
    """A staggered panel: ``id, t, y, start`` (0 for never), an effect of 0.2."""
    rng = np.random.default_rng(seed)
    cohorts = np.linspace(PERIODS // 3, PERIODS - 6, 8).astype(int)
    start = np.where(rng.random(n) < 0.5, 0, rng.choice(cohorts, n))
    y = rng.normal(size=(n, 1)) + 0.1 * rng.normal(size=(n, PERIODS)).cumsum(axis=1)
    y += 0.2 * ((start[:, None] > 0) & (np.arange(PERIODS) >= start[:, None]))
    first = 2_000
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(1, n + 1), PERIODS),
            "t": np.tile(np.arange(first, first + PERIODS), n),
            "y": y.ravel(),
            "start": np.repeat(np.where(start > 0, first + start, 0), PERIODS),
        }
    )


def _ours(table: pd.DataFrame, kind: str) -> float:
    from evaluation.estimate.did import DidSettings, did
    from evaluation.estimate.imputation import imputation
    from evaluation.panel import Panel

    panel = Panel.from_long(
        table, area="id", period="t", outcomes="y", start="start", frequency="A"
    )
    if kind == "imputation":
        estimate = imputation(panel, "y", inference="analytic")
    else:
        how = "bootstrap" if kind == "group_time" else "analytic"
        settings = DidSettings(base="varying", bootstrap_draws=DRAWS)
        estimate = did(panel, "y", inference=how, settings=settings)  # type: ignore[arg-type]
    estimate.by("event_time")
    if kind == "group_time":
        estimate.by("cohort")
    return float(estimate.overall()["effect"].iloc[0])


def _diff_diff(table: pd.DataFrame, kind: str) -> float:
    from diff_diff import CallawaySantAnna, ImputationDiD

    columns = {"outcome": "y", "unit": "id", "time": "t", "first_treat": "start"}
    if kind == "imputation":
        return float(ImputationDiD().fit(table, aggregate="event_study", **columns).overall_att)
    draws = DRAWS if kind == "group_time" else 0
    aggregate = "all" if kind == "group_time" else "event_study"
    program = CallawaySantAnna(estimation_method="reg", n_bootstrap=draws, seed=0)
    return float(program.fit(table, aggregate=aggregate, **columns).overall_att)


def _csdid(table: pd.DataFrame, _: str) -> float:
    from csdid.att_gt import ATTgt

    fitted = ATTgt(
        yname="y",
        gname="start",
        idname="id",
        tname="t",
        data=table,
        biters=DRAWS,
        control_group="nevertreated",
    ).fit(est_method="reg", bstrap=True)
    for kind_of_average in ("dynamic", "group", "simple"):
        fitted.aggte(typec=kind_of_average, bstrap=True, biters=DRAWS)
    return float(fitted.atte["overall_att"])


def _differences(table: pd.DataFrame, _: str) -> float:
    from differences import ATTgt

    held = table.assign(start=table["start"].replace(0, np.nan)).set_index(["id", "t"])
    program = ATTgt(data=held, cohort_column="start")
    program.fit("y", boot_iterations=DRAWS, random_state=0, n_jobs=1, progress_bar=False)
    program.aggregate("event", boot_iterations=DRAWS, random_state=0)
    program.aggregate("cohort", boot_iterations=DRAWS, random_state=0)
    simple = program.aggregate("simple", boot_iterations=DRAWS, random_state=0)
    return float(simple.iloc[0, 0])


def _pyfixest(table: pd.DataFrame, kind: str) -> float:
    import pyfixest

    if kind == "imputation":
        held = table.assign(on=(table["start"] > 0) & (table["t"] >= table["start"]))
        fitted = pyfixest.did2s(
            held,
            yname="y",
            first_stage="~ 0 | id + t",
            second_stage="~ on",
            treatment="on",
            cluster="id",
        )
        return float(fitted.coef().iloc[-1])
    event = np.where(table["start"] > 0, table["t"] - table["start"], -1)
    fitted = pyfixest.feols(
        "y ~ i(event, ref=-1) | id + t", table.assign(event=event), vcov={"CRV1": "id"}
    )
    return float(fitted.coef().mean())


PROGRAMS: dict[str, Callable[[pd.DataFrame, str], float]] = {
    "ours": _ours,
    "diff-diff": _diff_diff,
    "csdid": _csdid,
    "differences": _differences,
    "pyfixest": _pyfixest,
}
COMPARED = {
    "group_time": ("ours", "diff-diff", "csdid", "differences"),
    "event_study": ("ours", "diff-diff", "pyfixest"),
    "imputation": ("ours", "diff-diff", "pyfixest"),
}


def measure(kind: str, name: str, n: int) -> dict[str, Any]:
    """One program on one task, in this process: its fastest run (others only slow it), memory."""
    warnings.simplefilter("ignore")
    run, table = PROGRAMS[name], long_table(n)
    run(long_table(200, seed=1), kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    while len(seconds) < RUNS and sum(seconds) < PATIENCE:
        begun = time.process_time()
        effect = run(table, kind)
        seconds.append(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": round(min(seconds), 4),
        "megabytes": round((peak - before) / 1024),
        "runs": len(seconds),
        "effect": effect,
    }


def measured(kind: str, name: str, n: int) -> dict[str, Any]:
    """The same in a process of its own; without figures where it took too long or failed."""
    command = [sys.executable, "-m", "benchmarks.did", kind, name, str(n)]
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, **ONE_THREAD},
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {TIMEOUT} seconds"}
    except subprocess.CalledProcessError as error:
        return {"failed": error.stderr.strip().splitlines()[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Every program on every task, and how many times ours each took."""
    rows = []
    for kind, names in COMPARED.items():
        for n in SIZES:
            own = measured(kind, "ours", n)
            for name in names:
                found = own if name == "ours" else measured(kind, name, n)
                row = {"task": kind, "areas": n, "periods": PERIODS, "program": name, **found}
                if "seconds" in found:
                    row["time_of_ours"] = round(own["seconds"] / found["seconds"], 3)
                    row["memory_of_ours"] = round(own["megabytes"] / max(found["megabytes"], 1), 3)
                rows.append(row)
                print(row, flush=True)
    record = {
        "command": "python -m benchmarks.did",
        "draws": DRAWS,
        "python": platform.python_version(),
        "note": "time_of_ours: our processor time divided by that program's, one thread. The event "
        "study of pyfixest is the two-way regression, its imputation the two-stage estimator.",
        "rows": rows,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        said = measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        print(json.dumps(said))
    else:
        main()
