"""How often pretend pilots on real areas are given a direction: nothing happened in any of them.

``OMP_NUM_THREADS=1 python -m benchmarks.pretend_pilots PANEL.csv[.gz] --area C --period C --value C
--authority C --deprivation C [--draws N] [--pilots N] [--looks N] [--estimator did|sdid]`` draws
pilots at random over all areas, then from one deprived authority at a time (of the tenth of
authorities with the highest deprivation, those that hold twice as many areas as there are pilots),
says that they start ``--looks`` quarters before the end of the panel, and takes the first look at
5 per cent. What moves together is chosen as a study chooses it: areas one by one where each pilot
lies in an authority of its own, else whole authorities. For deprived authorities it is also asked
within thirds of the level before the start, and, wrongly, area by area.

With ``sdid`` the fits are shared: every area's synthetic control is fitted once, with all complete
areas but the first as donors, and in each draw those that are pilots are dropped from it, as they
are under any assignment. Areas without a figure in the quarter of the start, or with fewer than
three before it, are left out. The result is kept by its name in
``benchmarks/results/pretend_pilots.json``.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation import quarters
from evaluation.design.calibrate import Columns, read_panel
from evaluation.design.simulation import OUTCOME, start_areas
from evaluation.errors import EstimateError
from evaluation.estimate import interim, registry, samples, synthetic_placebos, synthetic_weights
from evaluation.estimate.assignments import Assignments, Block
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.interim import Tested
from evaluation.estimate.registry import Choices
from evaluation.estimate.synthetic import SdidSettings, method_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.synthetic_placebos import SyntheticUnits
    from evaluation.panel import Panel

RESULT = Path(__file__).parent / "results" / "pretend_pilots.json"
ASSIGNMENTS, LEVEL = 999, 0.05
BAND = (0.035, 0.065)
DEPRIVED = 0.1
"""The share of authorities, from the most deprived down, that deprived pilots are drawn from."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """Who the pilots are, and how the placebo assignments are drawn."""

    name: str
    deprived: bool
    strata: tuple[str, ...] = ()
    block: Block | None = None


WAYS = (
    Way(name="anywhere", deprived=False),
    Way(name="one deprived authority", deprived=True),
    Way(name="one deprived authority, within thirds of level", deprived=True, strata=("level",)),
    Way(name="one deprived authority, area by area", deprived=True, block="area"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """The panel, who may be a pilot, and what is fitted once for all draws.

    deprived : the areas of each deprived authority. units : every area's synthetic control; None
    where the estimator needs none.
    """

    panel: Panel
    first: int
    deprived: list[NDArray[np.int64]]
    units: SyntheticUnits | None


def ground_of(given: Namespace) -> Ground:
    """The panel read, and its areas fitted."""
    columns = Columns(
        area=given.area, period=given.period, value=given.value, authority=given.authority
    )
    panel = read_panel(given.panel, columns, given.looks, keep_gaps=True).panel
    first = len(panel.periods) - given.looks
    # The first look sees the quarter of the start and none after it.
    panel = panel.until(panel.periods[first])
    units = None
    if given.estimator == "sdid":
        # Who is said to have started decides who is no donor: one area, which nobody misses.
        sample = samples.take(start_areas(panel, np.array([0]), first), OUTCOME, "level")
        units = synthetic_weights.fit_start(sample, first, method_of(SdidSettings()))
    return Ground(panel=panel, first=first, deprived=_deprived(panel, given), units=units)


def _deprived(panel: Panel, given: Namespace) -> list[NDArray[np.int64]]:
    table = pd.read_csv(given.panel, usecols=[given.area, given.deprivation])
    score = table.groupby(given.area)[given.deprivation].first()
    own = pd.Series(score.reindex(panel.areas.index).to_numpy())
    authority = panel.areas["authority"].astype(str).to_numpy()
    ranked = own.groupby(authority).mean().sort_values(ascending=False).index
    worst = ranked[: max(1, int(DEPRIVED * len(ranked)))]
    held = [np.flatnonzero(authority == name) for name in sorted(worst)]
    return [areas for areas in held if len(areas) >= 2 * given.pilots]


def p_of(ground: Ground, way: Way, count: int, seed: int) -> tuple[float, float] | None:
    """Estimate and p-value of one draw of pilots; None where it is refused."""
    rng = np.random.default_rng([seed, way.deprived])
    within = np.arange(len(ground.panel.areas))
    if way.deprived:
        within = ground.deprived[rng.integers(len(ground.deprived))]
    chosen = np.sort(rng.choice(within, size=count, replace=False))
    panel = start_areas(ground.panel, chosen, ground.first)
    try:
        drawn = Assignments.draw(
            panel, n=ASSIGNMENTS, block=way.block, strata=way.strata, seed=seed
        )
    except EstimateError:
        return None
    if ground.units is None:
        tested = registry.to_test("did", panel, OUTCOME, Choices(), drawn)
    else:
        tested = _by_shared_fits(panel, ground.units, ground.first, drawn)
    found = interim.statistic(tested, (0, 0))
    return found.effect, placebo_p(found.raw)


def _by_shared_fits(panel: Panel, units: SyntheticUnits, first: int, drawn: Assignments) -> Tested:
    sample = samples.take(panel, OUTCOME, "level")
    raw, shift = synthetic_placebos.raw_and_shift(sample, {first: units}, drawn)
    return Tested(
        outcome=OUTCOME,
        index=samples.entries(sample, {first: units.gaps}),
        effects=raw[0],
        draws=samples.finished_draws(drawn, raw, shift, raw),
    )


def measured(ground: Ground, given: Namespace) -> Iterator[dict[str, Any]]:
    """A row for each way of choosing and re-drawing pilots."""
    for way in WAYS:
        begun = time.process_time()
        each = [p_of(ground, way, given.pilots, given.seed + n) for n in range(given.draws)]
        found = np.array([one for one in each if one is not None])
        low = found[:, 1] <= LEVEL
        share = float(low.mean())
        yield {
            "pilots": way.name,
            "strata": list(way.strata),
            "block": way.block or "as a study chooses",
            "draws": len(found),
            "refused": given.draws - len(found),
            "false_direction": round(share, 4),
            "mc_se": round(float((share * (1 - share) / len(found)) ** 0.5), 4),
            "down": round(float((low & (found[:, 0] < 0)).mean()), 4),
            "up": round(float((low & (found[:, 0] > 0)).mean()), 4),
            "within_band": BAND[0] <= share <= BAND[1],
            "processor_seconds": round(time.process_time() - begun, 1),
        }


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.pretend_pilots")
    parser.add_argument("panel", type=Path)
    for name in ("area", "period", "value", "authority", "deprivation"):
        parser.add_argument(f"--{name}", required=True, help="a column")
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--pilots", type=int, default=12)
    parser.add_argument("--looks", type=int, default=8)
    parser.add_argument("--estimator", choices=("did", "sdid"), default="did")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main(given: Namespace) -> None:
    """Measure, print and keep."""
    begun = time.process_time()
    ground = ground_of(given)
    fitted = time.process_time() - begun
    rows = []
    for row in measured(ground, given):
        print(row, flush=True)
        rows.append(row)
    rest = [given.panel.name if word == str(given.panel) else word for word in sys.argv[1:]]
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    kept[f"{given.panel.name.partition('.')[0]}, {given.estimator}"] = {
        "command": " ".join(["python -m benchmarks.pretend_pilots", *rest]),
        "recorded": quarters.now().date().isoformat(),
        "areas": len(ground.panel.areas),
        "authorities": int(ground.panel.areas["authority"].nunique()),
        "start": str(ground.panel.periods[ground.first]),
        "assignments": ASSIGNMENTS,
        "deprived_authorities": len(ground.deprived),
        "seconds_to_read_and_fit": round(fitted, 1),
        "rows": rows,
    }
    RESULT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(_arguments())
