"""How far each estimator errs, and how often it cries wolf, where nothing has happened.

``python -m benchmarks.placebo_study NAME PATH --outcome value --period q --area area_code
--windows 2014Q1:11:4`` takes a long table of real figures in which no programme started, gives a
start to areas drawn at random, and estimates the average effect that is not there: its root mean
squared error in 100 x log points, and how often p is at most 0.05. The table stays where it is;
only results are recorded. A window is first quarter : periods before : periods after.

Difference-in-differences needs no drawing: its error over all areas is known exactly
(``did_exactly``), so that ``rmse_adjusted`` takes out of every estimator's error how lucky the
drawn areas were for it.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation import Assignments, Panel, did
from evaluation.estimate import samples, synthetic_weights
from evaluation.estimate.did import DidSettings
from evaluation.estimate.synthetic import (
    AugmentedSettings,
    SdidSettings,
    Settings,
    SyntheticSettings,
    estimate_from,
    method_of,
)
from evaluation.estimate.synthetic_placebos import Augmented
from evaluation.quarters import Period, period_range

RESULTS = Path(__file__).parent / "results" / "placebo_study.json"
STARTED, DONORS, DRAWS, LEVEL = (1, 3, 6), 200, 999, 0.05


SYNTHETIC: dict[str, Settings] = {
    "synthetic_control": SyntheticSettings(scale="log"),
    "augmented_synthetic_control": AugmentedSettings(scale="log"),
    "synthetic_did": SdidSettings(scale="log"),
}
ESTIMATORS = ("did", *SYNTHETIC)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Periods before and after an invented start."""

    first: Period
    before: int
    after: int

    @classmethod
    def parse(cls, text: str) -> Window:
        first, before, after = text.split(":")
        return cls(first=Period.parse(first), before=int(before), after=int(after))


def window_panel(table: pd.DataFrame, roles: argparse.Namespace, window: Window) -> Panel:
    """The complete areas of a window; those with a missing figure or a zero are left out."""
    last = window.first + (window.before + window.after - 1)
    labels = {p.label for p in period_range(window.first, last)}
    period = table[roles.period].map(lambda text: Period.parse(str(text)).label)
    inside = table[period.isin(labels)]
    wide = inside.pivot_table(index=roles.area, columns=roles.period, values=roles.outcome)
    whole = wide.index[
        (wide.notna() & (wide > 0)).all(axis=1) & (wide.count(axis=1) == len(labels))
    ]
    kept = inside[inside[roles.area].isin(whole)].rename(columns={roles.outcome: "y"})
    return Panel.from_long(kept, area=roles.area, period=roles.period, outcomes="y")


def started(panel: Panel, places: np.ndarray, donors: np.ndarray, window: Window) -> Panel:
    """A panel in which the areas at ``places`` start after the periods before."""
    first = panel.periods[window.before].label
    areas = panel.areas.copy()
    areas["start"] = areas["start"].astype(object)
    areas.iloc[places, areas.columns.get_loc("start")] = first
    areas.iloc[places, areas.columns.get_loc("role")] = "pilot"
    keep = np.zeros(len(areas), dtype=bool)
    keep[places], keep[donors] = True, True
    return replace(panel, areas=areas).select(keep)


Found = dict[tuple[str, int], list[tuple[float, bool]]]


def study(panel: Panel, window: Window, times: int, seed: int) -> dict[int, dict[str, Any]]:
    """Errors and false positives by number of started areas, over many invented starts."""
    rng = np.random.default_rng(seed)
    found: Found = {(name, n): [] for name in ESTIMATORS for n in STARTED}
    for _ in range(times):
        drawn = rng.permutation(len(panel.areas))[: max(STARTED) + DONORS]
        for key, row in once(panel, drawn, window, seed).items():
            found[key].append(row)
    return {n: {name: _summary(found[name, n]) for name in ESTIMATORS} for n in STARTED}


def once(
    panel: Panel, drawn: np.ndarray, window: Window, seed: int
) -> dict[tuple[str, int], tuple[float, bool]]:
    """Every estimator with the first, the first three and all six pilots; each area fitted once.

    The twins of a panel with fewer pilots are the same: pilots are nobody's donors.
    """
    pilots, donors = drawn[: max(STARTED)], drawn[max(STARTED) :]
    whole = started(panel, pilots, donors, window)
    fitted = {
        name: synthetic_weights.fit_all(whole, "y", "log", method_of(settings))
        for name, settings in SYNTHETIC.items()
    }
    found = {}
    for n in STARTED:
        held = started(panel, pilots[:n], donors, window)
        kept = whole.areas.index.isin(held.areas.index)
        assignments = Assignments.draw(held, n=DRAWS, strata=(), block="area", seed=seed)
        plain = DidSettings(scale="log", base="mean")
        estimates = {"did": did(held, "y", settings=plain, assignments=assignments)}
        for name, settings in SYNTHETIC.items():
            part = _fewer(fitted[name], held, kept)
            estimates[name] = estimate_from(
                part,
                "y",
                settings,
                assignments,
                estimator=name,
                estimand="gap",
                level=0.95,
                seed=seed,
            )
        for name, estimate in estimates.items():
            row = estimate.overall().iloc[0]
            found[name, n] = (100 * float(row["effect"]), bool(row["p_value"] <= LEVEL))
    return found


def _fewer(
    fitted: synthetic_weights.Fitted, held: Panel, kept: np.ndarray
) -> synthetic_weights.Fitted:
    sample = samples.take(held, "y", "log")
    place = np.cumsum(kept) - 1
    synthetic_units = {
        g: replace(
            synthetic_unit,
            donors=place[synthetic_unit.donors],
            unit_weights=synthetic_unit.unit_weights[kept],
            time_weights=synthetic_unit.time_weights[kept],
            figures=sample.figures,
            converged=synthetic_unit.converged[kept],
            augmented=_rows(synthetic_unit.augmented, kept),
        )
        for g, synthetic_unit in fitted.synthetic_units.items()
    }
    return synthetic_weights.Fitted(sample=sample, synthetic_units=synthetic_units, said=())


def _rows(augmented: Augmented | None, kept: np.ndarray) -> Augmented | None:
    if augmented is None:
        return None
    return Augmented(base=augmented.base[kept], penalty=augmented.penalty[kept])


def did_exactly(panel: Panel, window: Window, n_started: int) -> float:
    """Root mean squared error of difference-in-differences over every choice of started areas."""
    y = 100 * np.log(panel.array("y"))
    change = y[:, window.before :].mean(axis=1) - y[:, : window.before].mean(axis=1)
    variance = change.var(ddof=1)
    return float(np.sqrt(variance / n_started + variance / DONORS))


def _summary(rows: list[tuple[float, bool]]) -> dict[str, float]:
    square = np.array([error for error, _ in rows]) ** 2
    found = np.array([rejects for _, rejects in rows])
    rmse = float(np.sqrt(square.mean()))
    return {
        "rmse": round(rmse, 2),
        "rmse_error": round(float(square.std(ddof=1) / np.sqrt(len(square)) / (2 * rmse)), 2),
        "false_positives_percent": round(100 * float(found.mean()), 1),
        "false_positives_error": round(
            100 * float(np.sqrt(found.mean() * (1 - found.mean()) / len(found))), 1
        ),
    }


def main() -> None:
    """Study every window and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("path")
    for role in ("area", "period", "outcome"):
        parser.add_argument(f"--{role}", required=True)
    parser.add_argument("--windows", nargs="+", required=True)
    parser.add_argument("--times", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table = pd.read_csv(asked.path)
    for text in asked.windows:
        window = Window.parse(text)
        panel = window_panel(table, asked, window)
        by_number = study(panel, window, asked.times, asked.seed)
        for n_started, found in by_number.items():
            exact = did_exactly(panel, window, n_started)
            for row in found.values():
                row["rmse_adjusted"] = round(row["rmse"] * exact / found["did"]["rmse"], 2)
            found["did_exactly"] = round(exact, 2)
            _record(asked, text, n_started, {"areas": len(panel.areas), **found})


def _record(asked: argparse.Namespace, window: str, n_started: int, found: dict[str, Any]) -> None:
    """Add a result to those recorded, with the command that makes it again."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"studies": {}}
    command = (
        f"python -m benchmarks.placebo_study {asked.name} PATH --area {asked.area} --period "
        f"{asked.period} --outcome {asked.outcome} --windows {window} --times {asked.times} "
        f"--seed {asked.seed}"
    )
    kept["command"] = "python -m benchmarks.placebo_study NAME PATH --area ... --windows ..."
    kept["unit"] = "100 x log points; errors are Monte Carlo standard errors"
    kept["donors"], kept["placebo_assignments"] = DONORS, DRAWS
    row = kept["studies"].setdefault(f"{asked.name} {window}", {})
    row["command"], row["areas"] = command, found.pop("areas")
    row["load_of_the_machine"] = round(os.getloadavg()[0], 1)
    row[f"started_{n_started}"] = found
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({f"{asked.name} {window} {n_started}": found}), flush=True)


if __name__ == "__main__":
    main()
