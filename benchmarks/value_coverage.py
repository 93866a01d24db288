"""Does the range of the pounds hold the truth? Known effects through the whole chain, 500 times.

``python -m benchmarks.value_coverage [SEEDS [KEPT]]`` draws programmes with nine priced outcomes
whose shocks are shared by outcomes, sites, authorities and regions, plants effects that are
additive, relative, and different from site to site, estimates them by re-assignment, and turns them
into pounds. It counts how often the 95 % range of the total fiscal value holds the true one: with
unit costs held fixed, with unit costs drawn from the law that the module assumes, and, beside it,
with outcomes taken as independent. Seeds that the file KEPT holds already are not run again. The
record is ``results/value_coverage.json``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.units import NetEffects
from evaluation.panel import Panel
from evaluation.programme import Outcome, Programme
from evaluation.simulate import Scenario, invent_programme
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import Line, price_factors, priced_lines
from evaluation.value.tally import net_effects
from evaluation.value.worth import Assumptions, value_of
from evaluation.workspace import packaged_schemas

Floats = NDArray[np.float64]
RECORD = Path(__file__).parent / "results" / "value_coverage.json"
DRAWS, ASSIGNMENTS, LEVEL = 10_000, 499, 0.95
PRICE_BASE = 2024
# How the planted effect acts, its size (log points, or share of the mean rate), quarters of ramp.
EFFECTS: dict[str, tuple[str, float, int]] = {
    "ae_attendances": ("log", -0.08, 5),
    "claimant_count": ("log", -0.05, 8),
    "neet": ("log", 0.03, 3),
    "crisis_contacts": ("heterogeneous", -0.10, 4),
    "emergency_admissions": ("heterogeneous", -0.05, 6),
    "antisocial_behaviour": ("heterogeneous", 0.0, 1),
    "homelessness_duties": ("additive", -0.12, 6),
    "temporary_accommodation": ("additive", -0.10, 6),
    "children_looked_after": ("additive", -0.06, 8),
}
SITE_SPREAD = 0.06  # of the heterogeneous effects, log points between sites
SHARED_BY_OUTCOMES = 0.5  # correlation of any two outcomes' shocks
REGIONS, REGION_SPREAD = 6, 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A programme and its outcomes, whose figures are drawn anew for every seed."""

    programme: Programme
    scenario: Scenario
    outcomes: tuple[Outcome, ...]
    params: Parameters
    lines: tuple[Line, ...]

    @classmethod
    def laid_out(cls, preset: str = "full") -> Ground:
        schemas = packaged_schemas()
        scenario = Scenario.load(schemas)
        programme = invent_programme(scenario, scenario.presets[preset], schemas)
        outcomes = tuple(o for o in programme.outcomes if o.code in EFFECTS)
        params = Parameters.load()
        counting = {o.agency for o in outcomes}
        lines = tuple(
            line for o in outcomes for line in priced_lines(o, params, PRICE_BASE, counting)
        )
        return cls(
            programme=programme,
            scenario=scenario,
            outcomes=outcomes,
            params=params,
            lines=tuple(line for line in lines if line.fiscal),
        )


def shocks(ground: Ground, rng: np.random.Generator) -> Floats:
    """(outcomes, areas, quarters) log points: own, of the authority, of the region.

    Each part is autocorrelated; within a part any two outcomes are correlated.
    """
    areas, n_periods = ground.programme.areas, len(ground.programme.periods)
    authority = pd.factorize(np.array([a.authority for a in areas]))[0]
    region = rng.integers(0, REGIONS, authority.max() + 1)[authority]
    noise = np.array([ground.scenario.processes[o.code].noise for o in ground.outcomes])
    shared = np.array([ground.scenario.processes[o.code].authority for o in ground.outcomes])
    own = _paths(len(areas), n_periods, len(noise), ground, rng)
    of_authority = _paths(authority.max() + 1, n_periods, len(noise), ground, rng)[:, authority]
    of_region = _paths(REGIONS, n_periods, len(noise), ground, rng)[:, region]
    found: Floats = (
        noise[:, None, None] * own
        + shared[:, None, None] * of_authority
        + REGION_SPREAD * of_region
    )
    return found


def _paths(
    n: int, n_periods: int, n_outcomes: int, ground: Ground, rng: np.random.Generator
) -> Floats:
    """(outcomes, n, quarters) stationary AR(1) of variance 1, correlated between outcomes."""
    common = rng.standard_normal((1, n, n_periods))
    single = rng.standard_normal((n_outcomes, n, n_periods))
    fresh = np.sqrt(SHARED_BY_OUTCOMES) * common + np.sqrt(1 - SHARED_BY_OUTCOMES) * single
    rho = ground.scenario.persistence
    for t in range(1, n_periods):
        fresh[..., t] = rho * fresh[..., t - 1] + np.sqrt(1 - rho**2) * fresh[..., t]
    return fresh


def rates(ground: Ground, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(outcomes, areas, quarters) expected counts for one of the denominator, without and with."""
    areas, periods = ground.programme.areas, ground.programme.periods
    log_rate = shocks(ground, rng)
    for row, outcome in enumerate(ground.outcomes):
        process = ground.scenario.processes[outcome.code]
        lasting = rng.normal(0, process.area, len(areas))
        log_rate[row] += np.log(process.rate / 1_000) + lasting[:, None]
        log_rate[row] += process.trend * np.arange(len(periods))
    without = np.exp(log_rate)
    changed = without.copy()
    starts = {site.code: site.start - ground.programme.first for site in ground.programme.sites}
    for row, outcome in enumerate(ground.outcomes):
        how, size, ramp = EFFECTS[outcome.code]
        mean = ground.scenario.processes[outcome.code].rate / 1_000
        for site, first in starts.items():
            here = np.array([area.site == site for area in areas])
            grown = np.clip((np.arange(len(periods)) - first + 1) / ramp, 0, 1)
            spread = rng.normal(0, SITE_SPREAD) if how == "heterogeneous" else 0.0
            if how == "additive":
                changed[row, here] = np.maximum(without[row, here] + size * mean * grown, 1e-9)
            else:
                changed[row, here] = without[row, here] * np.exp((size + spread) * grown)
    return without, changed


def one_seed(ground: Ground, seed: int) -> dict[str, Any]:
    """The truth of one programme in pounds, and the range that each way of counting gives."""
    rng = np.random.default_rng([20_260_101, seed])
    without, changed = rates(ground, rng)
    population = np.array([area.population or 0 for area in ground.programme.areas])
    shares = ground.scenario.shares
    people = np.array(
        [
            np.round(population * shares[(o.denominator or "residents").split(",")[0]])
            for o in ground.outcomes
        ]
    )
    counts = rng.poisson(people[:, :, None] * changed)
    avoided = {
        o.code: float((people[row][:, None] * (without[row] - changed[row])).sum())
        for row, o in enumerate(ground.outcomes)
    }
    nets = estimated(ground, people, counts, seed)
    truly_off = {
        name: float(factor[1])
        for name, factor in price_factors(ground.lines, ground.params, 1, rng).items()
    }
    truth = {
        "fixed": sum(avoided[ln.outcome.code] * ln.pounds_for_one for ln in ground.lines),
        "drawn": sum(
            avoided[ln.outcome.code] * ln.pounds_for_one * truly_off[ln.factor]
            for ln in ground.lines
        ),
    }
    ways = {
        "fixed": (truth["fixed"], Assumptions(uncertain=())),
        "drawn": (truth["drawn"], Assumptions(uncertain=("unit_costs",))),
        "independent": (truth["fixed"], Assumptions(uncertain=(), jointly=False)),
    }
    return {name: _range(ground, nets, seed, true, how) for name, (true, how) in ways.items()}


def estimated(
    ground: Ground, people: Floats, counts: NDArray[np.int64], seed: int
) -> list[NetEffects]:
    """Estimate every outcome by re-assignment, on the scale on which its effect was planted."""
    areas, periods = ground.programme.areas, ground.programme.periods
    rows = [
        pd.DataFrame(
            {
                "area_code": np.repeat([a.code for a in areas], len(periods)),
                "quarter": np.tile([p.label for p in periods], len(areas)),
                "outcome": outcome.code,
                "numerator": counts[row].ravel().astype(float),
                "denominator": np.repeat(people[row], len(periods)),
                "status": "",
            }
        )
        for row, outcome in enumerate(ground.outcomes)
    ]
    codes = tuple(outcome.code for outcome in ground.outcomes)
    panel = Panel.from_observations(pd.concat(rows), ground.programme, codes).eligible()
    assignments = Assignments.draw(panel, n=ASSIGNMENTS, strata=(), seed=seed)
    scale = {"additive": "level", "log": "log", "heterogeneous": "log"}
    return [
        net_effects(
            did(
                panel,
                code,
                assignments=assignments,
                level=LEVEL,
                settings=DidSettings(scale=scale[EFFECTS[code][0]], base="mean"),
            ),  # type: ignore[arg-type]
            ground.programme,
        )
        for code in codes
    ]


def _range(
    ground: Ground, nets: list[NetEffects], seed: int, truth: float, how: Assumptions
) -> dict[str, float]:
    value = value_of(
        nets,
        ground.programme,
        parameters=ground.params,
        price_base=PRICE_BASE,
        draws=DRAWS,
        seed=seed,
        assumptions=how,
        level=LEVEL,
    )
    found = value.summary(value.total(value.fiscal))
    return {"truth": truth, **found}


def coverage(found: list[dict[str, float]]) -> dict[str, float | int]:
    """Share of seeds whose range holds the truth, with its Monte Carlo error, bias and width."""
    held = [one["low"] <= one["truth"] <= one["high"] for one in found]
    share = float(np.mean(held))
    errors = np.array([one["mean"] - one["truth"] for one in found])
    return {
        "coverage": share,
        "mc_se": float(np.sqrt(share * (1 - share) / len(held))),
        "seeds": len(held),
        "mean_truth": float(np.mean([one["truth"] for one in found])),
        "bias": float(errors.mean()),
        "bias_mc_se": float(errors.std() / np.sqrt(len(errors))),
        "below": float(np.mean([one["truth"] < one["low"] for one in found])),
        "above": float(np.mean([one["truth"] > one["high"] for one in found])),
        "mean_width": float(np.mean([one["high"] - one["low"] for one in found])),
    }


def run(seeds: int, first: int = 0, kept: Path | None = None) -> dict[str, dict[str, float | int]]:
    """Coverage of the three ways over so many seeds; each is added to ``kept`` when it is done."""
    ground = Ground.laid_out()
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.is_file() else []
    found: dict[int, dict[str, Any]] = {one["seed"]: one["found"] for one in map(json.loads, lines)}
    for seed in range(first, first + seeds):
        if seed in found:
            continue
        found[seed] = one_seed(ground, seed)
        if kept is not None:
            with kept.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"seed": seed, "found": found[seed]}) + "\n")
    wanted = [found[seed] for seed in range(first, first + seeds)]
    return {name: coverage([one[name] for one in wanted]) for name in wanted[0]}


def main() -> None:
    """Run and record."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    measured = run(seeds, kept=Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    record = {
        "command": f"python -m benchmarks.value_coverage {seeds}",
        "recorded": pd.Timestamp.now(tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
        "nominal": LEVEL,
        "draws": DRAWS,
        "assignments": ASSIGNMENTS,
        "outcomes": len(EFFECTS),
        "what": "total fiscal value to date of a synthetic programme, six sites, nine outcomes",
        "effects": {code: how for code, (how, _, _) in EFFECTS.items()},
        "measured": measured,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
