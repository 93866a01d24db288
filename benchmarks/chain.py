"""Is the broken link named: chains with one link that does not move, and whole ones.

``python -m benchmarks.chain [SEEDS]`` invents the findings of a chain of five links, each measured
by an outcome of its own. An effect that is there is found with power .99, with every outcome of the
family counted (Holm); beyond a broken link nothing moves. It counts how often the shipped
`evaluation.learning.chain.chain_of`, on verdicts of the shipped rule, names the link that was
broken, and how often it calls one broken in a chain that is whole.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from evaluation.finding.models import adjust
from evaluation.finding.theory import STAGES, Theory
from evaluation.finding.verdict import Asked, Range, rule
from evaluation.learning.chain import Chain, Seen, chain_of
from evaluation.learning.practice import Delivery

RESULT = Path(__file__).parent / "results" / "chain.json"
LINKS, POWER, ALPHA = 5, 0.99, 0.05
ELAPSED = (9, 9, 8, 8, 8, 8)
NORMAL = NormalDist()
# Found with power .99 at the smallest share of alpha that Holm's steps ever ask.
EFFECT = NORMAL.inv_cdf(1 - ALPHA / LINKS / 2) + NORMAL.inv_cdf(POWER)


def theory() -> Theory:
    """Five links in a row, each due within four periods, each with a figure that is to fall."""
    nodes = [f"n{k}" for k in range(LINKS + 1)]
    links = [
        {
            "from": nodes[k],
            "to": nodes[k + 1],
            "stage": STAGES[k],
            "due": [2, 4],
            "figure": nodes[k + 1],
            "direction": "down",
        }
        for k in range(LINKS)
    ]
    return Theory.model_validate(
        {
            "treatment": nodes[0],
            "causes": {node: {} for node in nodes},
            "outcomes": nodes[1:],
            "links": links,
        }
    )


def chain(broken: int | None, seed: int) -> Chain:
    """The chain as found, where no figure from the broken link on has moved.

    Parameters
    ----------
    broken : its place from 0; None for a chain that is whole.
    """
    drawn, graph = theory(), [f"n{k + 1}" for k in range(LINKS)]
    rng = np.random.default_rng([seed, -1 % 2**31 if broken is None else broken])
    moved = LINKS if broken is None else broken
    z = rng.normal(0, 1, LINKS) - np.where(np.arange(LINKS) < moved, EFFECT, 0.0)
    p = {code: math.erfc(abs(at) / math.sqrt(2)) for code, at in zip(graph, z, strict=True)}
    adjusted = adjust(p, "holm")
    seen = {}
    for code, at in zip(graph, z, strict=True):
        change = Range(effect=float(at), low=float(at) - 1.96, high=float(at) + 1.96)
        asked = Asked(
            polarity="down",
            margin_percent=1.0,
            rejects=adjusted[code] < ALPHA,
            alone=p[code] < ALPHA,
        )
        direction = rule(asked, change, change).verdict.direction
        seen[code] = Seen(title=code, direction=direction)
    return chain_of(drawn, seen, ELAPSED, delivery=Delivery.AS_DESIGNED)


def named(broken: int, seed: int) -> bool:
    """Whether the link that was broken is the one that is named."""
    found = chain(broken, seed).broken
    return found is not None and found.link.to == f"n{broken + 1}"


def measure(seeds: int) -> dict[str, Any]:
    """Shares over seeds, with their Monte Carlo errors."""
    rows = []
    for broken in range(LINKS):
        share = float(np.mean([named(broken, seed) for seed in range(seeds)]))
        rows.append({"broken": broken + 1, "named": share, "mc_error": _error(share, seeds)})
    whole = float(np.mean([chain(None, seed).broken is not None for seed in range(seeds)]))
    over = float(np.mean([row["named"] for row in rows]))
    return {
        "seeds": seeds,
        "power": POWER,
        "named_over_all": over,
        "named_over_all_mc_error": _error(over, seeds * LINKS),
        "by_place": rows,
        "whole_called_broken": whole,
        "whole_mc_error": _error(whole, seeds),
    }


def _error(share: float, draws: int) -> float:
    return round(math.sqrt(share * (1 - share) / draws), 4)


def main() -> None:
    """Measure and record."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    record = {
        "command": f"python -m benchmarks.chain {seeds}",
        "of_200": measure(200),
        "of_many": measure(seeds),
    }
    print(json.dumps(record, indent=1))
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
