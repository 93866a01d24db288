"""The chain from net draws to pounds at national size: seconds, memory, and beside a bare pass.

``python -m benchmarks.value`` values 10,000 draws of 19 outcomes over 10 sites and 40 quarters: 76
million cells, from net draws to every total, ratio and agency account. Beside it, in turn in the
same run, stands the peer: NumPy alone making the same cells and adding each outcome up, with no
prices, no agencies and nothing kept. Memory is the process's peak, its inputs (19 arrays of net
draws, 600 MB) among it. The record is ``results/value.json``.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evaluation.estimate.units import NetEffects
from evaluation.programme import Cost, Outcome, Programme, Site, load_outcomes
from evaluation.quarters import Period, period_range
from evaluation.value.parameters import Parameters
from evaluation.value.worth import Assumptions, value_of
from evaluation.workspace import packaged_schemas

DRAWS, ASSIGNMENTS, OUTCOMES, SITES, QUARTERS = 10_000, 9_999, 19, 10, 40
PAIRS = 3
SECONDS, MEGABYTES = 2.0, 1_024.0
RECORD = Path(__file__).parent / "results" / "value.json"
FIRST = Period.parse("2017 Q1")
FITTING = {
    "flow": (
        "ae_attendance",
        "emergency_admission",
        "ambulance_conveyance",
        "crisis_contact",
        "homelessness_application",
        "antisocial_behaviour",
        "violence",
    ),
    "stock": (
        "claimant",
        "sickness_benefit",
        "neet",
        "temporary_accommodation",
        "child_looked_after",
    ),
}


def outcomes() -> list[Outcome]:
    """Nineteen outcomes, each with a price that fits it."""
    held = [o for o in load_outcomes(packaged_schemas() / "outcomes") if o.form == "ratio"]
    return [
        o.model_copy(update={"unit_cost": FITTING[o.kind][n % len(FITTING[o.kind])]})
        for n, o in enumerate(held[:OUTCOMES])
    ]


def programme(held: list[Outcome]) -> Programme:
    """Ten sites whose agencies pay in every quarter."""
    periods = period_range(FIRST, FIRST + (QUARTERS - 1))
    sites = [f"S{n:02d}" for n in range(SITES)]
    return Programme(
        name="size",
        title="Size",
        question="?",
        synthetic=True,
        first=FIRST,
        last=periods[-1],
        agencies={},
        areas=(),
        outcomes=tuple(held),
        sites=tuple(Site(code=code, name=code, start=FIRST) for code in sites),
        costs=tuple(
            Cost(
                site=code,
                agency=agency,
                kind="running",
                period=period,
                amount=50_000,
                price_year=2024,
            )
            for code in sites
            for agency in ("council", "nhs")
            for period in periods
        ),
    )


def effects(held: list[Outcome]) -> list[NetEffects]:
    """Log effects around -5 % in every site and quarter, with their net draws."""
    rng = np.random.default_rng(0)
    periods = [period.label for period in period_range(FIRST, FIRST + (QUARTERS - 1))]
    index = pd.DataFrame(
        [(f"S{s:02d}", q) for s in range(SITES) for q in periods], columns=["site", "quarter"]
    )
    found = []
    for outcome in held:
        deviations = rng.standard_normal((ASSIGNMENTS, len(index)))
        deviations *= 0.1
        found.append(
            NetEffects(
                outcome=outcome.code,
                scale="log",
                index=index,
                widening=1.0,
                deviations=deviations,
                effects=rng.normal(-0.05, 0.02, len(index)),
                exposure=np.full(len(index), 8.0),
                observed=rng.uniform(50, 2_000, len(index)),
            )
        )
    return found


class Took(NamedTuple):
    """Seconds on the clock and of the processor; they part where the machine is busy."""

    clock: float
    processor: float


def since(started: tuple[float, float]) -> Took:
    """What has passed since ``(time.perf_counter(), time.process_time())``."""
    return Took(time.perf_counter() - started[0], time.process_time() - started[1])


def chain(nets: list[NetEffects], held: Programme, params: Parameters) -> Took:
    """What the chain and its tables take."""
    started = time.perf_counter(), time.process_time()
    value = value_of(nets, held, parameters=params, draws=DRAWS, assumptions=Assumptions())
    value.totals()
    value.ratios()
    value.by_budget()
    value.payback()
    return since(started)


def bare(nets: list[NetEffects]) -> Took:
    """What NumPy takes for making the same cells, an outcome at a time, and adding them up."""
    started = time.perf_counter(), time.process_time()
    rows = np.random.default_rng(0).integers(0, ASSIGNMENTS, DRAWS)
    for net in nets:
        cells = net.observed * np.expm1(net.deviations[rows] - net.effects)
        cells.reshape(DRAWS, SITES, QUARTERS).sum(axis=1)
    return since(started)


def peak_megabytes() -> float:
    """The most memory that the process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def main() -> None:
    """Run, print and record; ends with 1 if a bar is missed."""
    held, params = outcomes(), Parameters.load()
    assert len(held) == OUTCOMES
    whole, nets = programme(held), effects(held)
    inputs = peak_megabytes()
    ours = [chain(nets, whole, params) for _ in range(PAIRS)]
    after = peak_megabytes()
    theirs = [bare(nets) for _ in range(PAIRS)]
    record: dict[str, Any] = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.value",
        "recorded": pd.Timestamp.now(tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
        "draws": DRAWS,
        "outcomes": OUTCOMES,
        "sites": SITES,
        "quarters": QUARTERS,
        "processor_seconds": [round(one.processor, 2) for one in ours],
        "clock_seconds": [round(one.clock, 2) for one in ours],
        "bare_numpy_processor_seconds": [round(one.processor, 2) for one in theirs],
        "ratio_to_bare_numpy": round(
            statistics.median(one.processor for one in ours)
            / statistics.median(one.processor for one in theirs),
            2,
        ),
        "peak_megabytes": round(after),
        "peak_megabytes_of_inputs": round(inputs),
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "bars": {"processor_seconds": SECONDS, "megabytes": MEGABYTES},
        "met": {
            "processor_seconds": min(one.processor for one in ours) <= SECONDS,
            "megabytes": after <= MEGABYTES,
        },
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))
    raise SystemExit(0 if all(record["met"].values()) else 1)


if __name__ == "__main__":
    main()
