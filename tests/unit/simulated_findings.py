"""Findings of simulated studies, through the study's own looks and verdicts; and what contradicts.

A study has three primary and four secondary outcomes, 40 areas, looks every quarter. Its *world*
says what is true: nothing moves, the planned effect, harm, or both signs at once; with few pilots,
early, or noisy. The outcomes are the programme's own, so that their words and polarity are.
"""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.invented import Invented
from evaluation.diagnose import pre_trend
from evaluation.estimate.assignments import Assignments
from evaluation.protocol import Protocol
from evaluation.study.interim_analyses import LookSeries, look_at
from evaluation.study.run import estimate_by
from evaluation.study.run import findings_of as judged
from tests.unit.verdict_contradictions import Case

PRIMARY = ("ae_attendances", "claimant_count", "homelessness_duties")
SECONDARY = ("crisis_contacts", "arrears", "gp_within_14_days", "talking_therapies_referrals")
FIRST, AREAS, PERIODS, WINDOW = 12, 40, 20, (0, 5)
MARGIN = 6.0


@dataclass(frozen=True)
class World:
    """What is true: effects in percent on primaries and secondaries, in the better direction."""

    name: str
    better: tuple[float, float]
    pilots: int = 6
    looks: int = 8
    noise: float = 1.0
    mixed: bool = False


WORLDS = (
    World("nothing", (0.0, 0.0)),
    World("nothing, one pilot", (0.0, 0.0), pilots=1),
    World("nothing, early", (0.0, 0.0), looks=2),
    World("nothing, noisy", (0.0, 0.0), noise=3.0),
    World("planned", (6.0, 4.0)),
    World("planned, early", (6.0, 4.0), looks=2),
    World("harm", (-6.0, -4.0)),
    World("both signs", (6.0, 4.0), mixed=True),
)


def protocol_of(window=WINDOW):
    return Protocol.model_validate(
        {
            "study": "s",
            "programme": "new_start",
            "title": "t",
            "question": "q",
            "how_pilots_were_chosen": "invented",
            "primary": PRIMARY,
            "secondary": SECONDARY,
            "assignments": {"n": 399, "strata": [], "seed": 1},
            "window": window,
            "default_margin_percent": MARGIN,
            "hoped_percent": {"ae_attendances": -8},
            "looks": {"horizon": 8},
            "estimators": ["did"],
        }
    )


def panel_of(world, programme, seed):
    base = Invented(areas=AREAS, quarters=PERIODS).draw(seed)
    rng = np.random.default_rng([seed, 3])
    pilots = rng.permutation(AREAS)[: world.pilots]
    columns = {
        c: base.areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")
    }
    for column, value in (("site", "S01"), ("start", base.labels[FIRST]), ("role", "pilot")):
        columns[column][pilots] = value
    figures, denominators = {}, {}
    common = base.array("y")
    for k, code in enumerate((*PRIMARY, *SECONDARY)):
        own = Invented(areas=AREAS, quarters=PERIODS).draw(seed + 100_000 * (k + 1)).array("y")
        y = 100 + world.noise * (0.6 * (common - 100) + 0.8 * (own - 100))
        y = np.maximum(y, 1.0)
        better = world.better[code not in PRIMARY] * (-1 if world.mixed and k % 2 else 1)
        down = programme.outcome_by_code[code].polarity == "down"
        y[pilots, FIRST:] *= 1 + (-better if down else better) / 100
        figures[code], denominators[code] = y, np.full(y.shape, 1_000.0)
    return replace(
        base,
        areas=base.areas.assign(**columns),
        figures=figures,
        denominators=denominators,
        per=dict.fromkeys(figures, 1_000.0),
    )


def findings_of(world, programme, seed, folder):
    """Every finding of one simulated study after its looks, and the case that each rests on."""
    protocol, whole = protocol_of(), panel_of(world, programme, seed)
    drawn = Assignments.draw(whole, n=399, strata=(), seed=seed)
    for k in range(world.looks):
        panel = whole.until(whole.periods[FIRST + k])
        known = {"quarter": panel.labels[-1], "vintage": f"{k:02d}", "panel": panel.fingerprint}
        assignments = drawn.known(panel)
        seen = look_at(LookSeries(folder=folder), panel, protocol, programme, assignments, known)
    estimates = {
        code: (estimate_by("did", panel, code, protocol, assignments),)
        for code in protocol.outcomes
    }
    checks = {code: (pre_trend(group[0]),) for code, group in estimates.items()}
    found = judged(
        estimates,
        programme=programme,
        protocol=protocol,
        panel=panel,
        diagnostics=checks,
        seen=seen,
    )
    return found, cases_of(world, programme, protocol, estimates, checks, seen)


def cases_of(world, programme, protocol, estimates, checks, seen):
    """What each finding rests on: its estimate, its looks, its family's p, its check."""
    looked, level = seen.verdicts(), protocol.level
    falsely = benjamini_hochberg({code: looked[code].p for code in SECONDARY})
    found = {}
    for code, (estimate,) in estimates.items():
        outcome, effect = programme.outcome_by_code[code], estimate.overall(window=WINDOW)["effect"]
        (check,) = checks[code]
        found[code] = Case(
            code=code,
            title=outcome.plain_title,
            polarity=outcome.polarity,
            role="primary" if code in PRIMARY else "secondary",
            scale=estimate.scale,
            effect=float(effect.iloc[0]),
            low=looked[code].low,
            high=looked[code].high,
            p=looked[code].p,
            adjusted_p=falsely.get(code, 1.0),
            alpha=1 - level,
            margin=MARGIN,
            hoped=protocol.hoped_percent.get(code),
            crossed=looked[code].crossed if code in PRIMARY else None,
            family=len(PRIMARY) if code in PRIMARY else len(SECONDARY),
            # A trend objects only to an effect in its own direction.
            objected=check.result == "fails" and check.size * float(effect.iloc[0]) > 0,
            complete=world.looks > WINDOW[1],
            harmed=looked[code].harmed,
        )
    return found


def benjamini_hochberg(p_values):
    """Adjusted p-values by the definition of the step-up procedure."""
    many, ranked = len(p_values), sorted(p_values, key=p_values.get)
    scaled = {code: many * p_values[code] / rank for rank, code in enumerate(ranked, start=1)}
    return {
        code: min(1.0, *(scaled[other] for other in ranked[place:]), scaled[code])
        for place, code in enumerate(ranked)
    }


def truth_of(world, code):
    """The effect in percent that is true of an outcome, in size."""
    return abs(world.better[code not in PRIMARY])
