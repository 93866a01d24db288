"""Weights, errors and agreement beside other programs on the same people.

``python -m benchmarks.survey_peers`` draws a neighbourhood's sample of people in households and
compares: raked weights with ``ipfn``; the mean, its linearised and its jackknife error, and the
design effect of the weights with ``svy`` (with replacement, households as what was sampled);
Krippendorff's alpha with ``krippendorff``. The record is
``benchmarks/results/survey_peers.json``: the largest relative difference of each, and times.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from evaluation import quarters
from evaluation.wave.voices import krippendorff_alpha
from evaluation.wave.weights import (
    Margin,
    design_effect,
    jackknife_error,
    linearised_error,
    mean,
    rake,
)
from evaluation.workspace import write_whole

PEOPLE, SAMPLES, SEED = 300, 20, 20_261_130
RESULT = Path(__file__).parent / "results" / "survey_peers.json"
Floats = np.ndarray[Any, np.dtype[np.float64]]


class Sample:
    """People in households with answers, design weights and two margins."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([SEED, seed])
        self.weight = rng.integers(1, 4, PEOPLE).astype(float)
        age = rng.choice(5, PEOPLE, p=[0.1, 0.15, 0.25, 0.25, 0.25])
        tenure = rng.choice(3, PEOPLE, p=[0.62, 0.26, 0.12])
        self.household = np.arange(PEOPLE) * 4 // 5
        self.answers = np.clip(
            np.round(7 + 0.2 * age - 0.4 * tenure + rng.normal(0, 1.9, PEOPLE)), 0, 10
        )
        self.margins = [
            Margin(
                variable="age", codes=age, people=np.array([0.14, 0.18, 0.24, 0.24, 0.2]) * 6_500
            ),
            Margin(variable="tenure", codes=tenure, people=np.array([0.5, 0.28, 0.22]) * 6_500),
        ]


def by_ipfn(sample: Sample) -> Floats:
    """Raked weights by ipfn, on the table of design weights."""
    from ipfn.ipfn import ipfn

    age, tenure = (one.codes for one in sample.margins)
    table = np.zeros((5, 3))
    np.add.at(table, (age, tenure), sample.weight)
    totals = [one.people for one in sample.margins]
    with contextlib.redirect_stdout(io.StringIO()):
        raked = ipfn(
            table.copy(), totals, [[0], [1]], convergence_rate=1e-13, max_iteration=2_000
        ).iteration()
    found: Floats = sample.weight * raked[age, tenure] / table[age, tenure]
    return found


def by_svy(sample: Sample, weights: Floats) -> dict[str, float]:
    """Mean and errors by svy: Taylor, and delete-one-household jackknife."""
    import polars as pl
    import svy

    data = pl.DataFrame(
        {"y": sample.answers, "w": weights, "household": [f"h{one}" for one in sample.household]}
    )
    held = svy.Sample(data, svy.Design(wgt="w", psu="household", wr=True))
    taylor = held.estimation.mean("y")
    replicated = held.weighting.create_jk_wgts()
    jackknife = replicated.estimation.mean("y", method="replication", variance_center="estimate")
    return {
        "mean": float(taylor.estimates[0].est),
        "linearised": float(taylor.estimates[0].se),
        "jackknife": float(jackknife.estimates[0].se),
        "design_effect": float(held.deff_w),
    }


def by_krippendorff(ratings: Floats) -> float:
    """Nominal alpha."""
    import krippendorff

    return float(krippendorff.alpha(reliability_data=ratings, level_of_measurement="nominal"))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and in how many milliseconds."""
    begun = time.perf_counter()
    found = work()
    return found, 1_000 * (time.perf_counter() - begun)


def compare(samples: int) -> dict[str, Any]:
    """The largest relative difference of each figure over the samples."""
    apart: dict[str, float] = {}
    times: dict[str, list[float]] = {"rake": [], "ipfn": []}
    for number in range(samples):
        sample = Sample(number)
        weights, own = timed(lambda held=sample: rake(held.weight, held.margins))
        peer, other = timed(lambda held=sample: by_ipfn(held))
        times["rake"].append(own)
        times["ipfn"].append(other)
        ours = {
            "mean": mean(sample.answers, weights),
            "linearised": linearised_error(sample.answers, weights, sample.household),
            "jackknife": jackknife_error(sample.answers, weights, sample.household),
            "design_effect": design_effect(weights),
        }
        theirs = by_svy(sample, weights)
        pairs = {name: (ours[name], theirs[name]) for name in ours}
        ratings = np.random.default_rng([SEED, number]).integers(0, 3, (2, 80)).astype(float)
        ratings[1, :60] = ratings[0, :60]
        pairs["alpha"] = (krippendorff_alpha(ratings) or 0.0, by_krippendorff(ratings))
        apart["raked weights"] = max(
            apart.get("raked weights", 0.0), float(np.abs(weights / peer - 1).max())
        )
        for name, (mine, held) in pairs.items():
            apart[name] = max(apart.get(name, 0.0), abs(mine / held - 1))
    return {
        "samples": samples,
        "people": PEOPLE,
        "largest_relative_difference": apart,
        "milliseconds": {name: float(np.median(held)) for name, held in times.items()},
    }


def main() -> None:
    """Compare and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey_peers")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    asked = parser.parse_args()
    record = {
        "command": "python -m benchmarks.survey_peers",
        "versions": {name: version(name) for name in ("ipfn", "svy", "krippendorff")},
        "recorded": quarters.format_instant(quarters.now()),
        **compare(asked.samples),
    }
    for name, apart in record["largest_relative_difference"].items():
        print(f"{name:20} {apart:.1e}")
    print(record["milliseconds"])
    write_whole(asked.output, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
