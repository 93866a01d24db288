"""Size and coverage on synthetic programmes with a known truth, recorded for the book.

Each seed draws a programme anew and goes the estimator's whole way: panel, assignments, group-time
difference-in-differences, interval. Coverage counts the seeds whose 95 % interval holds the true
overall effect; size counts rejections when the reform does nothing. Both come with their Monte
Carlo standard error. `make calibration` writes ``book/calibration.json``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from evaluation import quarters
from evaluation.diagnose import negative_control, pre_level, pre_trend, spillover
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.units import in_units
from evaluation.programme import Programme
from evaluation.simulate import (
    Figures,
    Scenario,
    Switches,
    draw_figures,
    invent_programme,
    panel_of,
)
from evaluation.simulate.places import Preset
from evaluation.workspace import Workspace

LEVEL = 0.95
SWITCHES = (
    "chosen_on_level",
    "chosen_on_trend",
    "spillover",
    "other_programme",
    "changed_instrument",
)
SAID = {
    None: "no departure",
    "chosen_on_level": "pilots chosen on level",
    "chosen_on_trend": "pilots chosen on trend",
    "spillover": "spillover to neighbours",
    "other_programme": "another programme in some comparison areas",
    "changed_instrument": "an instrument changed in pilots only",
}
CHECKS = ("pre_level", "pre_trend", "spillover", "negative_control")
ALLOWED_ERRORS = 2.5


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of seeds with its Monte Carlo standard error."""

    share: float
    mc_se: float
    seeds: int

    @classmethod
    def of(cls, hits: list[bool]) -> Rate:
        share = float(np.mean(hits))
        return cls(
            share=share, mc_se=float(np.sqrt(share * (1 - share) / len(hits))), seeds=len(hits)
        )

    def as_dict(self) -> dict[str, float | int]:
        return {"share": self.share, "mc_se": self.mc_se, "seeds": self.seeds}


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """One programme whose figures are drawn again for every seed."""

    programme: Programme
    scenario: Scenario
    preset: Preset
    outcome: str
    settings: DidSettings
    strata: tuple[str, ...]

    @classmethod
    def of(cls, workspace: Workspace, preset_name: str, outcome: str) -> Bench:
        scenario = Scenario.load(workspace.schemas)
        preset = scenario.presets[preset_name]
        return cls(
            programme=invent_programme(scenario, preset, workspace.schemas),
            scenario=scenario,
            preset=preset,
            outcome=outcome,
            settings=DidSettings(scale="log", base="mean"),
            strata=(),
        )

    def draw(self, seed: int, switches: Switches) -> Figures:
        return draw_figures(
            self.programme, self.scenario, self.preset, seed=seed, switches=switches
        )

    def truth(self, figures: Figures) -> float:
        """The mean true effect over started areas and quarters, in log points."""
        gap = np.log(figures.with_reform[self.outcome]) - np.log(
            figures.without_reform[self.outcome]
        )
        started = [
            (row, start - self.programme.first)
            for row, area in enumerate(self.programme.areas)
            if (start := self.programme.start_of(area)) is not None
        ]
        return float(np.concatenate([gap[row, first:] for row, first in started]).mean())

    def true_events(self, figures: Figures) -> float:
        """The true change in events over all started areas and quarters."""
        per = self.programme.outcome_by_code[self.outcome].per
        change = figures.with_reform[self.outcome] - figures.without_reform[self.outcome]
        events = change * figures.denominators[self.outcome][:, None] / per
        return float(
            sum(
                events[row, start - self.programme.first :].sum()
                for row, area in enumerate(self.programme.areas)
                if (start := self.programme.start_of(area)) is not None
            )
        )


def coverage(bench: Bench, seeds: int, switches: Switches | None = None) -> dict[str, Any]:
    """Coverage of the overall effect, size under no effect, bias, over ``seeds`` seeds."""
    found = _map(partial(_one_coverage, bench, switches or Switches()), seeds)
    errors = [one[3] for one in found]
    return {
        "coverage": Rate.of([one[0] for one in found]).as_dict(),
        "events": Rate.of([one[1] for one in found]).as_dict(),
        "size": Rate.of([one[2] for one in found]).as_dict(),
        "bias": float(np.mean(errors)),
        "rmse": float(np.sqrt(np.mean(np.square(errors)))),
        "bias_mc_se": float(np.std(errors, ddof=1) / np.sqrt(len(errors))),
    }


def _one_coverage(bench: Bench, switches: Switches, seed: int) -> tuple[bool, bool, bool, float]:
    figures = bench.draw(seed, switches)
    estimate = _estimate(bench, figures)
    row = estimate.overall().iloc[0]
    truth = bench.truth(figures)
    nothing = bench.draw(seed, replace(switches, no_effect=True))
    p = float(_estimate(bench, nothing).overall()["p_value"].iloc[0])
    covered = bool(row["low"] <= truth <= row["high"])
    low, high = np.quantile(
        in_units(estimate).draws.sum(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    )
    events = bool(low <= bench.true_events(figures) <= high)
    return covered, events, p <= 1 - LEVEL, float(row["effect"]) - truth


def diagnostics(bench: Bench, seeds: int, switch: str | None) -> dict[str, Any]:
    """How often each diagnostic fires with one switch on (None: all off)."""
    switches = Switches() if switch is None else Switches(**{switch: True})
    found = _map(partial(_checks, bench, switches), seeds)
    fires = {check: Rate.of([one[check] for one in found]).as_dict() for check in CHECKS}
    return {"switch": switch or "none", "fires": fires}


def _map(function: Callable[[int], Any], seeds: int) -> list[Any]:
    """The function at every seed, in order, over the machine's processors.

    Workers are started anew with one thread each: linear algebra of this size loses by sharing.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, range(seeds), chunksize=max(1, seeds // 50)))


def _estimate(bench: Bench, figures: Figures, outcome: str | None = None) -> Estimate:
    code = outcome or bench.outcome
    panel = panel_of(bench.programme, figures, (code,)).eligible()
    assignments = Assignments.draw(panel, n=999, strata=bench.strata, seed=0)
    settings = bench.settings if code == bench.outcome else replace(bench.settings, scale="level")
    return did(panel, code, settings=settings, assignments=assignments)


def _checks(bench: Bench, switches: Switches, seed: int) -> dict[str, bool]:
    figures = bench.draw(seed, switches)
    panel = panel_of(bench.programme, figures, (bench.outcome,)).eligible()
    assignments = Assignments.draw(panel, n=999, strata=bench.strata, seed=0)
    estimate = did(panel, bench.outcome, settings=bench.settings, assignments=assignments)
    control = _estimate(bench, figures, "road_casualties")
    ring = bench.scenario.switches["spillover_km"]
    found = (
        pre_level(panel, bench.outcome, assignments),
        pre_trend(estimate),
        spillover(panel, bench.outcome, ring, bench.settings, 0),
        negative_control(control, "Road casualties"),
    )
    return {check.code: check.result == "fails" for check in found}


def calibrate(
    workspace: Workspace,
    *,
    seeds: int = 500,
    full_seeds: int = 100,
    progress: Callable[[str], object] = print,
) -> dict[str, Any]:
    """The whole record: tiny and full programmes, and the diagnostics under every switch."""
    tiny = Bench.of(workspace, "tiny", "ae_attendances")
    full = Bench.of(workspace, "full", "ae_attendances")
    progress(f"Coverage and size, tiny programme, {seeds} seeds")
    rows = _rows("tiny programme (2 sites)", coverage(tiny, seeds))
    progress(f"Coverage and size, full programme, {full_seeds} seeds")
    rows += _rows("full programme (6 sites)", coverage(full, full_seeds))
    fires = []
    for switch in (None, *SWITCHES):
        progress(f"Departure: {SAID[switch]}")
        if switch is not None:
            departed = coverage(full, full_seeds, Switches(**{switch: True}))
            rows += _rows(SAID[switch], departed)
        fires.append(diagnostics(full, full_seeds, switch) | {"what": SAID[switch]})
    return {
        "command": f"make calibration SEEDS={seeds} FULL_SEEDS={full_seeds}",
        "recorded": quarters.format_instant(quarters.now()),
        "seeds": seeds,
        "full_seeds": full_seeds,
        "level": LEVEL,
        "estimator": "did",
        "base": "mean",
        "rows": rows,
        "diagnostics": fires,
    }


def _rows(what: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    named = {"coverage": LEVEL, "coverage of events": LEVEL, "false positives": 1 - LEVEL}
    for name, nominal in named.items():
        key = {"coverage": "coverage", "coverage of events": "events", "false positives": "size"}
        rate = found[key[name]]
        allowed = ALLOWED_ERRORS * float(np.sqrt(LEVEL * (1 - LEVEL) / rate["seeds"]))
        rows.append(
            {
                "what": f"{name}, {what}",
                "nominal": round(nominal, 10),
                "measured": rate["share"],
                "mc_se": rate["mc_se"],
                "seeds": rate["seeds"],
                "bias": found["bias"],
                "passes": bool(abs(rate["share"] - nominal) <= allowed),
            }
        )
    return rows


def main() -> None:
    """Write the record to ``book/calibration.json``; seeds may follow as two numbers."""
    given = [int(number) for number in sys.argv[1:3]] or [500, 100]
    workspace = Workspace.find()
    record = calibrate(workspace, seeds=given[0], full_seeds=given[-1])
    path = workspace.book / "calibration.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
