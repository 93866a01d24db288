"""Bars of what stands on several outcomes or on the other side of the test, over eight looks.

Three primary outcomes by closed testing, "no effect larger than X", and the separate watch for
harm: how often each is said falsely, on invented panels with correlated outcomes, difference-in-
differences as the estimator. The engine is the one that a study runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.invented import Invented
from evaluation.design.calibrate import bar_row
from evaluation.design.simulation import start_areas
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did_looks import Window, did_looks
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.interim import Look, LookPlan, run_looks
from evaluation.estimate.multiple_testing import Subset, closed_look, rejected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


PANEL = Invented(areas=60)
LOOKS, STARTED, PLACEBOS = 8, 6, 999
CORRELATION = 0.5
EFFECT, MARGIN = -2.0, 3.0
PLAN = LookPlan(horizon=LOOKS)
TIMES = [(look + 1) / LOOKS for look in range(LOOKS)]
CODES = ("first", "second", "third")


@dataclass(frozen=True, kw_only=True)
class FamilyBar:
    """A rate over simulations, its band, and whether it is promised or only shown."""

    what: str
    band: tuple[float, float]
    claim: bool = True


BARS = {
    "none": FamilyBar(what="any false finding among three primaries, no effect", band=(0.0, 0.06)),
    "one": FamilyBar(
        what="any false finding among three primaries, an effect on one", band=(0.0, 0.06)
    ),
    "two": FamilyBar(
        what="any false finding among three primaries, effects on two", band=(0.0, 0.06)
    ),
    "equivalent": FamilyBar(
        what="'smaller than worth having' said of an effect as large", band=(0.0, 0.06)
    ),
    "harm": FamilyBar(what="harm said by its own watch, where there is none", band=(0.0, 0.065)),
    "alone": FamilyBar(
        what="any false finding, one primary tested at 5 % at every look",
        band=(0.0, 0.06),
        claim=False,
    ),
    "naive": FamilyBar(
        what="any false finding, three primaries each tested at 5 % at every look",
        band=(0.0, 0.06),
        claim=False,
    ),
    "found": FamilyBar(
        what="a harm of two standard deviations found by its own watch",
        band=(0.8, 1.0),
        claim=False,
    ),
}


def rows(simulations: int, seed: int) -> Iterator[dict[str, Any]]:
    """Each bar's rate, as `benchmarks.bars` records it."""
    found = [simulate(seed + number) for number in range(simulations)]
    for key, bar in BARS.items():
        said = {"estimator": "did", "areas": PANEL.areas, **asdict(bar)}
        yield bar_row(said, np.array([one[key] for one in found]))


def simulate(seed: int) -> dict[str, bool]:
    """What is said in one invented programme, by bar."""
    raw, shift = statistics(seed)
    plain = {code: raw[k] for k, code in enumerate(CODES)}
    moved = {code: raw[k] + EFFECT * shift for k, code in enumerate(CODES)}
    return {
        "none": any(_closed(plain).values()),
        "one": _false({**plain, "first": moved["first"]}, ("second", "third")),
        "two": _false({**moved, "third": plain["third"]}, ("third",)),
        "equivalent": equivalent(raw[0] + MARGIN * shift, shift, MARGIN),
        "harm": harmful(raw[0]),
        "alone": any(placebo_p(row) <= PLAN.alpha for row in raw[0]),
        "naive": any(placebo_p(row) <= PLAN.alpha for one in raw for row in one),
        "found": harmful(raw[0] - EFFECT * shift),
    }


def statistics(seed: int) -> tuple[Floats, Floats]:
    """(3, L, B + 1) of three correlated outcomes without any effect, and (L, B + 1) of a unit."""
    panels = [PANEL.draw(4 * seed + k) for k in range(4)]
    common, *own = (panel.array("y") for panel in panels)
    mixed = [np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * one for one in own]
    started = piloted(panels[0], np.random.default_rng([seed, STARTED]))
    assignments = Assignments.draw(started, n=PLACEBOS, block="area", strata=(), seed=seed)
    first = PANEL.quarters - LOOKS
    window = Window(first=0, last=LOOKS - 1, looks=tuple(range(first, PANEL.quarters)))
    return did_looks(np.array(mixed), assignments, window)


def piloted(panel: Panel, rng: np.random.Generator) -> Panel:
    """The panel with six areas, drawn by lot, that start for the last eight periods."""
    chosen = rng.choice(len(panel.areas), size=STARTED, replace=False)
    return start_areas(panel, chosen, len(panel.periods) - LOOKS)


def _closed(statistics_of: dict[str, Floats]) -> dict[str, bool]:
    """Outcome -> whether closed testing has rejected it by the last look."""
    looks: dict[Subset, Look] | None = None
    for number, time in enumerate(TIMES):
        at = {code: rows_of[number] for code, rows_of in statistics_of.items()}
        looks = closed_look(at, time, PLAN, looks)
    assert looks is not None  # there is at least one look
    return rejected(looks)


def _false(statistics_of: dict[str, Floats], null: tuple[str, ...]) -> bool:
    found = _closed(statistics_of)
    return any(found[code] for code in null)


def equivalent(raw: Floats, shift: Floats, margin: float) -> bool:
    """Whether "no effect larger than the margin" is said: the repeated interval lies within it.

    An interval is the effects that are not rejected, so both margins are rejected by then.
    """
    return all(run_looks(raw - side * margin * shift, TIMES, PLAN)[-1].crossed for side in (-1, 1))


def harmful(raw: Floats) -> bool:
    """Whether the separate watch, one-sided by Pocock's spending, has said harm (a rise)."""
    watch = replace(PLAN, spending="pocock", side="greater")
    return run_looks(raw, TIMES, watch)[-1].crossed
