"""The book of before, as a small fixture of numbers: what it printed of three sites.

Invented: four, three and one areas, eight quarters, counts of 0 to 40 and their populations. It is
no copy of a book that was printed: no such book is kept. It is what the book of before would have
printed of these counts, by the way in which it made its figures, which was every figure at full
digits, made of true counts: `tests/release/test_before.py` holds that it is consistent in itself,
and that each of its figures can be worked out from the counts. Estimates, money and sentences in
the same results are those of the small study of `tests.edition.ground`, and not of these counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluation.disclosure.policy import Policy
from evaluation.release import Released, Terms, public_key, release
from evaluation.study.record import Results
from evaluation.study.written import read_written
from tests.edition.ground import laid_out

PER = 1000.0
QUARTERS = tuple(f"{2025 + k // 4} Q{k % 4 + 1}" for k in range(8))
PEOPLE = {
    "S01": {"X01": 4013, "X02": 3877, "X03": 5101, "X04": 4420},
    "S02": {"X05": 3999, "X06": 4703, "X07": 4391},
    "S03": {"X08": 4111},
}
COUNTS = {
    "X01": (12, 9, 14, 11, 8, 13, 10, 9),
    "X02": (7, 11, 6, 9, 12, 8, 10, 7),
    "X03": (19, 17, 22, 18, 20, 16, 21, 15),
    "X04": (10, 12, 9, 13, 11, 10, 12, 8),
    "X05": (14, 16, 12, 15, 13, 17, 11, 12),
    "X06": (9, 8, 11, 7, 10, 9, 12, 8),
    "X07": (21, 18, 20, 23, 17, 19, 22, 16),
    "X08": (3, 0, 5, 2, 7, 1, 4, 0),
}
ROOMY = ("S01", "S02")
"""The sites of several areas, whose counts are large enough to be shown."""


def true_count(site: str, place: int) -> int:
    """A site's true count in a quarter."""
    return sum(COUNTS[area][place] for area in PEOPLE[site])


def people_of(*sites: str) -> int:
    """Everybody who lives in some sites."""
    return sum(sum(PEOPLE[site].values()) for site in sites)


def results(folder: Path, sites: tuple[str, ...] = tuple(PEOPLE), **changed: int) -> Results:
    """The results of before, of these sites; ``changed`` adds people to an area's last count."""
    laid_out(folder)
    path = folder / "var" / "results" / "new_start" / "first_look" / "results.json"
    raw = read_written(Results, path).plain()
    one = raw["outcomes"][0]
    counts = {area: list(held) for area, held in COUNTS.items()}
    for area, more in changed.items():
        counts[area][-1] += more
    rows: list[dict[str, Any]] = []
    paths: list[dict[str, Any]] = []
    for place, quarter in enumerate(QUARTERS):
        total = 0
        for site in sites:
            held = sum(counts[area][place] for area in PEOPLE[site])
            total += held
            rows.append(
                {
                    "site": site,
                    "period": quarter,
                    "numerator": float(held),
                    "denominator": float(people_of(site)),
                    "areas": sorted(PEOPLE[site]),
                }
            )
        rate = PER * total / people_of(*sites)
        told = {"comparison": 2.5, "counterfactual": rate + 0.0712345678, "low": None, "high": None}
        paths.append({"period": quarter, "pilot": rate, **told})
    one |= {"counts": rows, "paths": paths, "per": PER}
    return Results.model_validate(raw)


def released(before: Results) -> Released:
    """The same as it leaves, by the public key of an invented programme."""
    policies = {one.code: Policy() for one in before.outcomes}
    return release(before, Terms(key=public_key("new_start"), policies=policies))
