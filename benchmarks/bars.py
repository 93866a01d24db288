"""The bars that the inference has to meet, measured on invented panels, and recorded for the book.

Each bar is a rate of many simulations with the band that it must meet, fixed before anything was
run. A rate passes if the band lies within two Monte Carlo standard errors of it. Whatever comes out
is recorded, failures among it. ``python -m benchmarks.bars`` measures what is missing and
writes ``book/bars.json``; it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import family_bars
from benchmarks.invented import Invented
from evaluation import quarters
from evaluation.design.calibrate import bar_row
from evaluation.design.many import Runs, simulate_many
from evaluation.design.simulation import Simulation
from evaluation.estimate.registry import SUMS_OF_GAPS, Choices
from evaluation.workspace import Workspace, write_whole

if TYPE_CHECKING:
    from evaluation.design.many import Found
    from evaluation.protocol import EstimatorName


SIMULATIONS, SEED = 2_000, 20_261_125
SIXTY, THREE_HUNDRED = Invented(areas=60), Invented(areas=300, authorities=100)
STARTED = (1, 3, 6, 12)
SIZE = (0.035, 0.065)
AT_MOST_SIZE = (0.0, 0.065)
COVERAGE = (0.935, 1.0)
PART_FOUND = (0.95, 1.05)
ESTIMATORS: tuple[EstimatorName, ...] = (
    "did",
    "imputation",
    "synthetic_control",
    "augmented_synthetic_control",
    "synthetic_did",
)
FAMILIES = "families"
LEAST = 999
"""Placebo assignments of each simulation; a study has ten times as many."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One rate and its band.

    measure : ``size`` at the first look, ``size over looks``, ``coverage`` of the last look's
        interval, ``coverage over looks`` of the repeated one, or ``part found`` of the planted
        effect, on the mean over simulations. claim : False where the rate is shown for what it is
        and promises nothing.
    """

    what: str
    estimator: EstimatorName
    panel: Invented
    simulation: Simulation
    effects: tuple[float, ...]
    measure: str
    band: tuple[float, float]
    claim: bool = True


def bars() -> Iterator[Bar]:
    """Every bar, the cheap ones first."""
    for name in ESTIMATORS:
        for panel in (SIXTY, THREE_HUNDRED):
            for started in STARTED:
                yield from _plain(name, panel, started)
    for name in ESTIMATORS:
        yield from _harder(name)
        yield from _shown(name)


def _plain(name: EstimatorName, panel: Invented, started: int) -> Iterator[Bar]:
    how = Simulation(started=started, assignments=LEAST)
    said = f"{started} of {panel.areas} started"
    # With one area of 60 there are 60 distinct p-values, and early looks can remove nothing.
    coarse = started == 1 and panel.areas == SIXTY.areas
    both = {"size": SIZE, "size over looks": AT_MOST_SIZE if coarse else SIZE}
    for measure, band in both.items():
        yield Bar(
            what=f"{measure}, {said}",
            estimator=name,
            panel=panel,
            simulation=how,
            effects=(0.0, -2.0),
            measure=measure,
            band=band,
        )
    for measure in ("coverage", "coverage over looks"):
        yield Bar(
            what=f"{measure}, {said}",
            estimator=name,
            panel=panel,
            simulation=how,
            effects=(0.0, -2.0),
            measure=measure,
            band=COVERAGE,
        )


def _harder(name: EstimatorName) -> Iterator[Bar]:
    how = Simulation(started=6, assignments=LEAST)
    small = replace(SIXTY, by_population=True)
    yield Bar(
        what="size over looks, the smallest third started, within thirds of population",
        estimator=name,
        panel=small,
        effects=(0.0,),
        measure="size over looks",
        band=(0.0, 0.07),
        simulation=replace(how, pilots="smallest", strata=("population",)),
    )
    if name in SUMS_OF_GAPS:
        yield Bar(
            what="size over looks, the smallest third started, gaps to scale by population",
            estimator=name,
            panel=small,
            effects=(0.0,),
            measure="size over looks",
            band=(0.0, 0.07),
            simulation=replace(how, pilots="smallest", choices=Choices(gaps="by_population")),
        )
    yield Bar(
        what="size over looks, 30 % of looks skipped",
        estimator=name,
        panel=SIXTY,
        effects=(0.0,),
        simulation=replace(how, skipped=0.3),
        measure="size over looks",
        band=AT_MOST_SIZE,
    )
    yield Bar(
        what="size over looks, quarters restated after each look",
        estimator=name,
        panel=SIXTY,
        simulation=replace(how, restated=0.5),
        effects=(0.0,),
        measure="size over looks",
        band=AT_MOST_SIZE,
    )
    for shape in ("ramp", "heterogeneous"):
        yield Bar(
            what=f"coverage over looks, {shape} effects",
            estimator=name,
            panel=SIXTY,
            simulation=replace(how, shape=shape),
            effects=(-2.0,),
            measure="coverage over looks",
            band=COVERAGE,
        )
    shared = replace(SIXTY, shared=0.3, areas=120, authorities=20)
    yield Bar(
        what="size over looks, six areas in two authorities, whole blocks re-drawn",
        estimator=name,
        panel=shared,
        effects=(0.0,),
        measure="size over looks",
        band=AT_MOST_SIZE,
        simulation=replace(how, pilots="two_authorities", block="authority"),
    )


def _shown(name: EstimatorName) -> Iterator[Bar]:
    """Where the inference fails, beside what mends it."""
    how = Simulation(started=6, assignments=LEAST)
    drifting = replace(SIXTY, areas=120, authorities=20, shared=0.3)
    failures = {
        "six areas in two authorities, areas re-drawn one by one": (
            drifting,
            replace(how, pilots="two_authorities"),
        ),
        "the smallest third started, no strata": (
            replace(SIXTY, by_population=True),
            replace(how, pilots="smallest"),
        ),
        "pilots chosen on level": (SIXTY, replace(how, pilots="top_level")),
        "pilots chosen on level, within thirds of level": (
            SIXTY,
            replace(how, pilots="top_level", strata=("level",)),
        ),
        "pilots chosen on a rise before the start": (SIXTY, replace(how, pilots="top_trend")),
        "small counts withheld": (replace(SIXTY, counts=9.0), replace(how, withheld=5.0)),
        "small counts withheld, areas of unlike size": (
            replace(SIXTY, counts=9.0, by_population=True),
            replace(how, withheld=5.0),
        ),
        "pilots that vary most": (SIXTY, replace(how, pilots="variable")),
    }
    for what, (panel, simulation) in failures.items():
        yield Bar(
            what=f"size over looks, {what}",
            estimator=name,
            panel=panel,
            simulation=simulation,
            effects=(0.0,),
            measure="size over looks",
            band=AT_MOST_SIZE,
            claim=False,
        )
    yield Bar(
        what="coverage over looks of a fall by 3 points of a level of 9, small counts withheld",
        estimator=name,
        panel=replace(SIXTY, counts=9.0),
        measure="coverage over looks",
        simulation=replace(how, withheld=5.0),
        effects=(-33.0,),
        band=COVERAGE,
        claim=False,
    )
    yield Bar(
        what="part that is found of a fall by 3 points of a level of 9, small counts withheld",
        estimator=name,
        panel=replace(SIXTY, counts=9.0),
        measure="part found",
        simulation=replace(how, withheld=5.0),
        effects=(-33.0,),
        band=PART_FOUND,
        claim=False,
    )


def measured(bar: Bar, found: Found) -> dict[str, Any]:
    """The rate of a bar, its Monte Carlo standard error, and whether it meets its band."""
    said = {
        "what": bar.what,
        "estimator": bar.estimator,
        "areas": bar.panel.areas,
        "band": bar.band,
        "claim": bar.claim,
    }
    held = ~found["refused"]
    refused = float(found["refused"].mean())
    if bar.measure == "part found":
        return bar_row(said, 1 + found["errors"][held, -1] / found["planted"][held, -1], refused)
    key, look = {
        "size": ("rejects", 0),
        "size over looks": ("crosses", 0),
        "coverage": ("covers", -1),
        "coverage over looks": ("held", -1),
    }[bar.measure]
    return bar_row(said, found[key][held, look, -1], refused)


def measure(
    runs: Runs, only: tuple[str, ...] = ESTIMATORS, largest: int = 10**6
) -> Iterator[dict[str, Any]]:
    """Every bar of some estimators, one after another; simulations of one plan are run once."""
    held: dict[tuple[object, ...], Found] = {}
    for bar in bars():
        if bar.estimator not in only or bar.panel.areas > largest:
            continue
        key = (bar.estimator, bar.panel, bar.simulation, bar.effects)
        if key not in held:
            held[key] = simulate_many(
                bar.panel.draw,
                bar.estimator,
                bar.simulation,
                bar.effects,
                runs,
                origin=repr(bar.panel),
            )
        yield measured(bar, held[key])


def main() -> None:
    """Measure and record; rows of other estimators in the record stay."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bars")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--only",
        default=",".join((FAMILIES, *ESTIMATORS)),
        help="families or estimators, with commas",
    )
    parser.add_argument(
        "--largest", type=int, default=10**6, help="panels of at most so many areas"
    )
    parser.add_argument("--scheduler", help="address of a dask scheduler whose workers to use")
    asked = parser.parse_args()
    workspace = Workspace.find()
    path = workspace.book / "bars.json"
    runs = Runs(
        simulations=asked.simulations,
        seed=SEED,
        workers=asked.workers,
        resume=workspace.var / "simulations",
        scheduler=asked.scheduler,
    )
    only = tuple(asked.only.split(","))
    families = family_bars.rows(asked.simulations, SEED) if FAMILIES in only else iter(())
    for row in itertools.chain(families, measure(runs, only, asked.largest)):
        print(f"{row['estimator']:18} {row['what']:70} {100 * row['measured']:5.1f} %", flush=True)
        _record(path, row)


def _record(path: Path, row: dict[str, Any]) -> None:
    """Put one row into the record, in the place of an older one of the same name."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    names = ("estimator", "what", "areas")
    kept = [old for old in record["rows"] if any(old[name] != row[name] for name in names)]
    order = [("did", one.what, family_bars.PANEL.areas) for one in family_bars.BARS.values()]
    order += [(bar.estimator, bar.what, bar.panel.areas) for bar in bars()]
    rows = sorted([*kept, row], key=lambda one: order.index(tuple(one[name] for name in names)))
    record = {
        "command": "python -m benchmarks.bars",
        "seed": SEED,
        "recorded": quarters.format_instant(quarters.now()),
        "rows": rows,
    }
    write_whole(path, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
