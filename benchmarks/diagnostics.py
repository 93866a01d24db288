"""How often each diagnostic fires: with nothing wrong, and with one thing made wrong on purpose.

``python -m benchmarks.diagnostics SEEDS`` draws the full synthetic programme with each switch on in
turn and writes ``benchmarks/results/diagnostics.json``: the share of programmes in which each check
fails, with its Monte Carlo standard error. Every check has to fail in about one programme in twenty
where nothing is wrong, and the one that a switch is meant for, nearly always where it is on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.diagnose import (
    Diagnostic,
    balance,
    changed_instrument,
    denominators,
    influence,
    influence_table,
    negative_control,
    other_programme,
    outlier_controls,
    pre_level,
    pre_trend,
    regression_to_the_mean,
    spillover,
)
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.simulate import (
    Scenario,
    Switches,
    draw_figures,
    in_other_programme,
    invent_programme,
    panel_of,
)
from evaluation.workspace import Workspace

RESULT = Path(__file__).parent / "results" / "diagnostics.json"
ROOT = Path(__file__).parents[1]
OUTCOME, CONTROL, REDRAWN, INFLUENCE_SEEDS = "ae_attendances", "road_casualties", 499, 50
MEANT_FOR = {
    "chosen_on_level": ("pre_level", "balance"),
    "chosen_on_trend": ("pre_trend",),
    "chosen_on_dip": ("regression_to_the_mean",),
    "spillover": ("spillover",),
    "other_programme": ("other_programme", "odd_comparisons"),
    "changed_instrument": ("changed_instrument",),
}
SETTINGS = DidSettings(scale="log", base="mean")


def checks_of(
    programme: Programme, scenario: Scenario, switches: Switches, seed: int
) -> tuple[Diagnostic, ...]:
    """Every diagnostic of one drawn programme."""
    figures = draw_figures(
        programme, scenario, scenario.presets["full"], seed=seed, switches=switches
    )
    panel = panel_of(programme, figures, (OUTCOME,)).eligible()
    drawn = Assignments.draw(panel, n=REDRAWN, strata=(), seed=0)
    estimate = did(panel, OUTCOME, settings=SETTINGS, assignments=drawn)
    control_panel = panel_of(programme, figures, (CONTROL,)).eligible()
    control = did(
        control_panel, CONTROL, settings=replace(SETTINGS, scale="level"), assignments=drawn
    )
    running = in_other_programme(programme, scenario)
    found = [
        pre_level(panel, OUTCOME, drawn),
        balance(panel, OUTCOME, drawn, covariates=("population",)),
        pre_trend(estimate),
        regression_to_the_mean(estimate),
        changed_instrument(estimate),
        other_programme(panel, OUTCOME, running, SETTINGS, 0),
        outlier_controls(panel, OUTCOME),
        negative_control(control, "Road casualties"),
        denominators(panel, OUTCOME, drawn),
    ]
    # The dearest two are measured where they matter: with nothing wrong, and where they are meant.
    nothing = not any(vars(switches).values())
    if nothing or switches.spillover:
        ring = scenario.switches["spillover_km"]
        found.append(spillover(panel, OUTCOME, ring, SETTINGS, 0))
    if nothing and seed < INFLUENCE_SEEDS:
        found.append(influence(influence_table(panel, _refit)))
    return tuple(found)


def _refit(panel: Panel) -> Estimate:
    """The effect alone: one placebo is drawn, since nothing is judged."""
    few = Assignments.draw(panel, n=1, block="area", strata=(), seed=0)
    return did(panel, OUTCOME, settings=SETTINGS, assignments=few)


def fired(
    programme: Programme, scenario: Scenario, switches: Switches, seed: int
) -> dict[str, bool]:
    """Which checks fail in one drawn programme."""
    return {c.code: c.result == "fails" for c in checks_of(programme, scenario, switches, seed)}


def rates(seeds: int, switch: str | None) -> dict[str, Any]:
    """Share of programmes in which each check fails, with its Monte Carlo error."""
    workspace = Workspace(root=ROOT)
    scenario = Scenario.load(workspace.schemas)
    programme = invent_programme(scenario, scenario.presets["full"], workspace.schemas)
    switches = Switches(**{switch: True}) if switch else Switches()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        found = list(
            pool.map(partial(fired, programme, scenario, switches), range(seeds), chunksize=10)
        )
    fires = {}
    for code in found[0]:
        hits = [one[code] for one in found if code in one]
        share = float(np.mean(hits))
        error = float(np.sqrt(share * (1 - share) / len(hits)))
        fires[code] = {"share": share, "mc_se": error, "seeds": len(hits)}
    return {
        "switch": switch or "none",
        "fires": fires,
        "meant_for": list(MEANT_FOR.get(switch or "", ())),
    }


def main() -> None:
    """Record the rates of every switch."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    before, rows = time.perf_counter(), []
    for switch in (None, *MEANT_FOR):
        row = rates(seeds, switch)
        shown = {code: round(rate["share"], 3) for code, rate in row["fires"].items()}
        print(f"{row['switch']:>20}: {shown}", flush=True)
        rows.append(row)
    record = {
        "command": f"python -m benchmarks.diagnostics {seeds}",
        "seeds": seeds,
        "nominal": 0.05,
        "outcome": OUTCOME,
        "assignments": REDRAWN,
        "seconds": round(time.perf_counter() - before),
        "rows": rows,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
