"""The demonstration's survey over many seeds: its bias, and how often its ranges hold the truth.

``python -m benchmarks.survey_coverage [--seeds N]`` draws the full demonstration's survey of life
satisfaction anew with each seed, estimates it as the protocol does (difference-in-differences of
all waves after the start less all before, starts drawn again by authority), and holds the mean
effect and the WELLBYs, with their ranges of 95 %, against the simulator's truth. The truth counts
quarters that no wave saw as they were; the estimate runs straight between waves. The record is
``benchmarks/results/survey_coverage.json``.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation import quarters
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.simulate import Figures, Scenario, draw_figures, invent_programme, panel_of
from evaluation.value import wellbeing
from evaluation.workspace import packaged_schemas, write_whole

SEEDS, FIRST_SEED, ASSIGNMENTS, DRAWS = 200, 20_261_130, 999, 2_000
LIFE = "life_satisfaction"
RESULT = Path(__file__).parent / "results" / "survey_coverage.json"


def true_mean(programme: Programme, figures: Figures) -> float:
    """The effect over pilot areas and the waves since their starts, each alike."""
    gap = figures.with_reform[LIFE] - figures.without_reform[LIFE]
    seen = np.isfinite(figures.surveyed[LIFE].mean)
    kept = [
        gap[row, t]
        for row, area in enumerate(programme.areas)
        if (start := programme.start_of(area)) is not None
        for t in range(start - programme.first, gap.shape[1])
        if seen[row, t]
    ]
    return float(np.mean(kept))


def true_wellbys(programme: Programme, figures: Figures) -> float:
    """Points times adults times a quarter, from the first wave after a start to the last."""
    gap = figures.with_reform[LIFE] - figures.without_reform[LIFE]
    waves = np.flatnonzero(np.isfinite(figures.surveyed[LIFE].mean).any(axis=0))
    total = 0.0
    for row, area in enumerate(programme.areas):
        start = programme.start_of(area)
        if start is None:
            continue
        after = waves[waves >= start - programme.first]
        adults = programme.fixed_denominators[area.code, LIFE]
        total += adults * gap[row, after[0] : after[-1] + 1].sum() / 4
    return total


def one_seed(programme: Programme, scenario: Scenario, seed: int) -> dict[str, float]:
    """What is found with one seed, and what is true."""
    preset = scenario.presets["full"]
    figures = draw_figures(programme, scenario, preset, seed=seed)
    panel = panel_of(programme, figures, (LIFE,)).eligible()
    drawn = Assignments.draw(panel, n=ASSIGNMENTS, strata=(), seed=seed)
    estimate = did(panel, LIFE, settings=DidSettings(base="mean"), assignments=drawn)
    row = estimate.overall().iloc[0]
    totals = wellbeing(estimate, programme, stands=True, draws=DRAWS, seed=seed).totals()
    return {
        "effect": float(row["effect"]),
        "low": float(row["low"]),
        "high": float(row["high"]),
        "truth": true_mean(programme, figures),
        "wellbys": float(totals.loc["wellbys", "mean"]),
        "wellbys_low": float(totals.loc["wellbys", "low"]),
        "wellbys_high": float(totals.loc["wellbys", "high"]),
        "true_wellbys": true_wellbys(programme, figures),
    }


def survey_alone(scenario: Scenario) -> Programme:
    """The full demonstration's programme with its survey of life satisfaction and nothing else."""
    preset = scenario.presets["full"].model_copy(update={"outcomes": (LIFE,)})
    programme = invent_programme(scenario, preset, packaged_schemas())
    assert Period.parse(str(programme.first)) == programme.first
    return programme


def measured(rows: pd.DataFrame) -> dict[str, Any]:
    """Bias and coverage with their Monte Carlo errors."""
    n = len(rows)
    found: dict[str, Any] = {"seeds": n}
    for name, estimate, truth, low, high in (
        ("effect", "effect", "truth", "low", "high"),
        ("wellbys", "wellbys", "true_wellbys", "wellbys_low", "wellbys_high"),
    ):
        off = rows[estimate] - rows[truth]
        held = ((rows[low] <= rows[truth]) & (rows[truth] <= rows[high])).mean()
        found[name] = {
            "truth": float(rows[truth].mean()),
            "bias": float(off.mean()),
            "bias_error": float(off.std(ddof=1) / math.sqrt(n)),
            "sd": float(off.std(ddof=1)),
            "coverage": float(held),
            "coverage_error": math.sqrt(max(held * (1 - held), 1e-9) / n),
        }
    return found


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey_coverage")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    asked = parser.parse_args()
    scenario = Scenario.load(packaged_schemas())
    programme = survey_alone(scenario)
    rows = [one_seed(programme, scenario, FIRST_SEED + k) for k in range(asked.seeds)]
    record = {
        "command": "python -m benchmarks.survey_coverage",
        "first_seed": FIRST_SEED,
        "assignments": ASSIGNMENTS,
        "recorded": quarters.format_instant(quarters.now()),
        **measured(pd.DataFrame(rows)),
    }
    for name in ("effect", "wellbys"):
        print(name, {key: round(held, 4) for key, held in record[name].items()})
    write_whole(asked.output, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
