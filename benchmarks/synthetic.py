"""Synthetic control with every placebo, and SDID with its placebo draws, beside named peers.

``python -m benchmarks.synthetic`` fits every area of invented panels in turn as if it had started.
Peers do the same job one area after another; where that would take minutes they fit some of the
areas and the time is multiplied, which the record says (``fits_timed``). One thread each, and
processor seconds, because the machine is shared. A peer's ratio is taken in the same run, ours
first and last. Peers are asked for outcomes only, no covariates.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import synthetic_peers as peers
from benchmarks.check import peak_above
from evaluation import Assignments, Panel, augmented_synthetic_control, synthetic_did
from evaluation.drawing import WIDE
from evaluation.drawing.canvas import MUTED, PILOT, Drawing, Margins, say_ticks
from evaluation.edition import words
from evaluation.estimate.solvers import simplex

RESULTS = Path(__file__).parent / "results" / "synthetic.json"
SIZES = ((38, 19), (200, 60), (1_000, 60))
NATIONAL = (6_790, 24)
PROTOTYPE = {38: 0.005, 200: 0.040, 1_000: 0.36, 6_790: 6.9}
PROTOTYPE_SDID = {38: 0.012, 200: 0.145}
PATIENCE = 6.0
GROWTH = (50, 100, 200, 400, 800, 1_600, 3_200)
COMMAND = "OMP_NUM_THREADS=1 python -m benchmarks.synthetic"
AFTER = 12


def figures(donors: int, periods: int, seed: int = 0) -> np.ndarray:
    """(periods, donors + 1) invented figures: three common factors, own walks, noise."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(periods, 3)).cumsum(axis=0) @ rng.normal(size=(3, donors + 1))
    own = 0.3 * rng.normal(size=(periods, donors + 1)).cumsum(axis=0)
    return common + own + 0.3 * rng.normal(size=(periods, donors + 1))


def ours(x: np.ndarray) -> simplex.SimplexFit:
    """Every area in turn, its own column barred."""
    return simplex.fit(x, x.T, np.arange(x.shape[1])[:, None])


def one_by_one(fit: Callable[[np.ndarray, int], Any], x: np.ndarray) -> dict[str, Any]:
    """Seconds for all areas, from as many as can be fitted within the patience."""
    start, done = time.process_time(), 0
    while done < x.shape[1] and time.process_time() - start < PATIENCE:
        fit(x, done)
        done += 1
    spent = time.process_time() - start
    print(f"{fit.__name__}: {done} fits, {spent:.1f} s", file=sys.stderr)
    return {"seconds": spent * x.shape[1] / done, "fits_timed": done}


def seconds(run: Callable[[], Any], times: int = 5) -> float:
    """The least of some runs: what other work on the machine adds is not the program's."""
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def control(donors: int, periods: int) -> dict[str, Any]:
    """Every area in turn, ours and the peers."""
    x = figures(donors, periods)
    before = seconds(lambda: ours(x), 5 if donors <= 1_000 else 2)
    result: dict[str, Any] = {"areas": donors + 1, "periods_before": periods}
    result["peers"] = _peers_control(x)
    result["seconds"] = min(before, seconds(lambda: ours(x), 3 if donors <= 1_000 else 1))
    fitted = ours(x)
    result["status"] = {
        name: int((fitted.status == code).sum())
        for name, code in (
            ("optimal", simplex.OPTIMAL),
            ("rounded", simplex.ROUNDED),
            ("stopped", simplex.STOPPED),
        )
    }
    result["largest_gap"] = float(fitted.gap[fitted.status == simplex.OPTIMAL].max())
    result["prototype_seconds"] = PROTOTYPE[donors]
    for peer in result.get("peers", {}).values():
        peer["ratio"] = round(peer["seconds"] / result["seconds"], 1)
        peer["seconds"] = round(peer["seconds"], 4)
    result["seconds"] = round(result["seconds"], 4)
    return result


def _peers_control(x: np.ndarray) -> dict[str, dict[str, Any]]:
    """The peers' seconds for all areas; whole programs with many donors by a lower bound.

    quadprog is left out of the national panel: its time grows with the cube of the donors, and one
    fit would need a matrix of 6,790 x 6,790.
    """
    areas = x.shape[1]
    found = {"clarabel": one_by_one(peers.by_clarabel, x)}
    if areas < NATIONAL[0]:
        found["quadprog"] = one_by_one(peers.by_quadprog, x)
    found["mlsynth"] = one_by_one(peers.by_mlsynth, x[:, :201])
    whole = x[:, :1_001]
    spent = seconds(lambda: peers.by_statspai(whole), 2)
    found["statspai"] = {"seconds": spent, "fits_timed": whole.shape[1]}
    for name, timed in (("mlsynth", 201), ("statspai", 1_001)):
        if areas > timed:
            found[name]["seconds"] *= areas / timed
            found[name]["note"] = (
                f"timed with {timed - 1} donors and multiplied by the number of areas: a lower "
                "bound, since every fit has more donors"
            )
    return found


def _panel(table: pd.DataFrame, before: int) -> Panel:
    table = table.assign(start=np.where(table["ever"] == 1, peers.FIRST_PERIOD + before, 0))
    return Panel.from_long(
        table, area="unit", period="time", outcomes="y", start="start", frequency="A"
    )


def sdid(donors: int, periods: int) -> dict[str, Any]:
    """SDID and its placebo error: ours enumerates every placebo, peers draw 200."""
    table = peers.long_table(figures(donors, periods + AFTER), periods)
    panel = _panel(table, periods)
    assignments = Assignments.draw(panel, n=peers.DRAWS, strata=())
    result: dict[str, Any] = {
        "areas": donors + 1,
        "periods_before": periods,
        "periods_after": AFTER,
        "our_placebos": len(assignments) - 1,
        "peers_draws": peers.DRAWS,
    }
    run = lambda: synthetic_did(panel, "y", assignments=assignments)  # noqa: E731
    result["seconds"] = seconds(run)
    result["peers"] = {
        "diff-diff": {"seconds": seconds(lambda: peers.sdid_by_diff_diff(table, periods), 1)},
        "mlsynth": {"seconds": seconds(lambda: peers.sdid_by_mlsynth(table), 1)},
        "azcausal": _azcausal(table),
    }
    result["seconds"] = min(result["seconds"], seconds(run))
    for peer in result["peers"].values():
        peer["ratio"] = round(peer["seconds"] / result["seconds"], 1)
        peer["seconds"] = round(peer["seconds"], 3)
    result["prototype_seconds"] = PROTOTYPE_SDID[donors]
    result["augmented_seconds"] = round(
        seconds(lambda: augmented_synthetic_control(panel, "y", assignments=assignments), 2), 4
    )
    result["seconds"] = round(result["seconds"], 4)
    return result


def _azcausal(table: pd.DataFrame) -> dict[str, Any]:
    """A tenth of the draws, times ten: all of them take minutes."""
    one = seconds(lambda: peers.sdid_by_azcausal(table, 0), 1)
    few = seconds(lambda: peers.sdid_by_azcausal(table, peers.DRAWS // 10), 1)
    return {"seconds": one + 10 * (few - one), "draws_timed": peers.DRAWS // 10}


def _growth(donors: int) -> dict[str, Any]:
    x = figures(donors, 24)
    return {
        "areas": donors + 1,
        "periods_before": 24,
        "seconds": round(seconds(lambda: ours(x), 2), 4),
    }


def draw(content: dict[str, Any]) -> None:
    """Draw how the seconds grow, from what was recorded."""
    rows = [(row["areas"], row["seconds"]) for row in content["growth"]]
    logs = np.log(np.array(rows, dtype=float))
    power = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
    content["growth_power"] = round(power, 2)
    path = RESULTS.with_name("synthetic_growth.svg")
    path.write_text(growth_on_logs(rows, power), "utf-8")
    _write(content)
    print(f"{path}: seconds grow as the number of areas to the power of {power:.2f}")


def growth_on_logs(rows: Sequence[tuple[int, float]], power: float) -> str:
    """Seconds against areas, both axes logarithmic: (areas, seconds) a point.

    Parameters
    ----------
    power : seconds grow as the areas to this power, which is the slope of the points.
    """
    drawing = Drawing(WIDE, 300, Margins(left=56, right=30, bottom=48))
    axes = drawing.axes
    areas, seconds = [float(n) for n, _ in rows], [spent for _, spent in rows]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(areas, seconds, color=PILOT, linewidth=2, marker="o", markersize=5)
    axes.set_xticks(areas, [words.number(n) for n in areas], minor=False)
    axes.minorticks_off()
    say_ticks(axes, "y", lambda tick: f"{tick:g}")
    axes.text(
        0.03,
        0.94,
        f"as areas to the power of {words.number(power, 1)}",
        color=MUTED,
        transform=axes.transAxes,
        va="top",
        fontsize=WIDE.text - 0.5,
    )
    axes.set_xlabel("areas, each fitted by all others", color=MUTED, fontsize=WIDE.text - 0.5)
    drawing.unit("seconds on one thread")
    return drawing.svg()


def _write(content: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Measure everything and record it; with --draw, only draw what was recorded."""
    if "--draw" in sys.argv:
        draw(json.loads(RESULTS.read_text("utf-8")))
        return
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit(f"Run it on one thread: {COMMAND}")
    warnings.simplefilter("ignore")
    few = figures(12, 8)
    peers.by_mlsynth(few, 0)
    peers.by_statspai(few)
    national = figures(*NATIONAL)
    memory = peak_above(lambda: ours(national))
    content = {
        "command": COMMAND,
        "machine": {
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "load_at_start": round(os.getloadavg()[0], 1),
        },
        "threads": 1,
        "synthetic_control_all_placebos": [
            *(control(donors, periods) for donors, periods in SIZES),
            control(*NATIONAL),
        ],
        "national_megabytes_above_the_figures": round(memory),
        "synthetic_did": [sdid(donors, periods) for donors, periods in SIZES[:2]],
        "growth": [_growth(donors) for donors in GROWTH],
    }
    content["machine"]["load_at_end"] = round(os.getloadavg()[0], 1)  # type: ignore[index]
    _write(content)
    print(json.dumps(content, indent=2))
    draw(content)


if __name__ == "__main__":
    main()
