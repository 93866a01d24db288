"""A workspace with plausible, invented results, so that the book can be tested without a study.

Nothing of this is ever shipped: the figures only have the shape that ``study run`` writes.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import yaml

from evaluation.finding.sentences import percent_text
from evaluation.finding.verdict import Range, Ruling, Unclear, Verdict
from evaluation.study.record import Results
from evaluation.wording import Sentence, sentences_as_data
from tests.completed import completed

PERIODS = [f"{2020 + q // 4} Q{q % 4 + 1}" for q in range(28)]
SITES = [
    ("S01", "Alder Vale", "2024 Q2", 4),
    ("S02", "Brackwater", "2024 Q2", 3),
    ("S03", "Corrie Bridge", "2024 Q4", 5),
    ("S04", "Dunmarsh", "2025 Q1", 4),
    ("S05", "Eastholm", "2025 Q3", 3),
    ("S06", "Fenwick Cross", "2025 Q3", 5),
]
OUTCOMES = {
    # code: (role, percent effect, half width, verdict, level in the outcome's unit)
    "ae_attendances": ("primary", -8.1, 4.6, (Verdict.FELL, True, None), 96.0),
    "claimant_count": ("primary", -2.0, 4.9, (Verdict.CANNOT_TELL, None, Unclear.TOO_EARLY), 52.0),
    "homelessness_duties": ("primary", 0.9, 5.0, (Verdict.SMALLER, None, Unclear.CHANCE), 4.1),
    "emergency_admissions": (
        "secondary",
        -3.4,
        6.0,
        (Verdict.CANNOT_TELL, None, Unclear.CHANCE),
        6.2,
    ),
    "crisis_contacts": ("secondary", 9.0, 6.2, (Verdict.ROSE, False, None), 8.4),
    "neet": ("secondary", -1.0, 8.0, (Verdict.CANNOT_TELL, None, Unclear.TOO_EARLY), 61.0),
    "road_casualties": ("negative_control", 0.7, 7.0, (Verdict.SMALLER, None, Unclear.CHANCE), 1.1),
}
AGENCIES = {"nhs": "NHS", "council": "Council", "dwp": "DWP", "police": "Police", "dft": "DfT"}


def write_workspace(root: Path, schemas: Path) -> Path:
    """Fill ``root`` with studies, results and receipts; returns it."""
    folder = root / "studies" / "new_start"
    (folder / "first_look").mkdir(parents=True)
    (root / "SYNTHETIC").touch()
    (folder / "programme.yaml").write_text(yaml.safe_dump(_programme()), encoding="utf-8")
    (root / "studies" / "real_cases").mkdir()
    (root / "studies" / "real_cases" / "programme.yaml").write_text(_CASES, encoding="utf-8")
    (folder / "first_look" / "study.md").write_text(_NOTEBOOK, encoding="utf-8")
    protocol = (schemas / "demo/protocol_tiny.yaml").read_text(encoding="utf-8")
    # Of what these results hold.
    (folder / "first_look" / "protocol.yaml").write_text(
        protocol.replace("[arrears]", "[homelessness_duties]"), encoding="utf-8"
    )
    for name, study in (
        ("new_start/first_look", _first_look(schemas)),
        ("real_cases/enterprise_zones", _zones()),
    ):
        _dump(
            root / f"var/results/{name}/results.json",
            completed(Results, {**study, "sentences": sentences_as_data(study)}),
        )
    for number, receipt in enumerate(_receipts()):
        _dump(root / f"var/receipts/{number:04d}.json", receipt)
    return root


def _dump(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _programme() -> dict[str, Any]:
    sites = [
        {"code": c, "name": n, "start": s, "agencies": ["nhs", "council"], "about": f"{n} today."}
        for c, n, s, _ in SITES
    ]
    areas = [
        {
            "code": f"{c}-{k}",
            "name": f"{n} {k}",
            "authority": f"A{c}",
            "role": "pilot",
            "site": c,
            "population": 8000,
            "x": 5.0 + 11 * int(c[1:]),
            "y": 6.0 + 4 * k,
        }
        for c, n, _, many in SITES
        for k in range(many)
    ]
    areas += [
        {
            "code": f"C{k:03d}",
            "name": f"Place {k}",
            "authority": f"B{k // 5}",
            "role": "comparison",
            "population": 8000,
            "x": 12.0 * (k % 6),
            "y": 14.0 * (k // 6),
        }
        for k in range(30)
    ]
    return {
        "name": "new_start",
        "title": "New Start",
        "question": "New Start: is it working?",
        "synthetic": True,
        "first": PERIODS[0],
        "last": PERIODS[-1],
        "agencies": AGENCIES,
        "sources": [{"code": "dwp_open", "name": "DWP open data", "agency": "dwp"}]
        + [
            {"code": code, "name": f"Comparison figures ({code})", "agency": agency}
            for code, agency in sorted(_COMPARISON_SOURCES.items())
        ],
        "sites": sites,
        "areas": areas,
        "outcomes": list(OUTCOMES),
    }


_COMPARISON_SOURCES = {
    "council_collections": "council",
    "dft_open": "dft",
    "nhs_england": "nhs",
    "police_open": "police",
}


def _row(effect: float, half: float, areas: int = 24, **index: Any) -> dict[str, Any]:
    se = half / 1.96
    return index | {
        "effect": effect,
        "se": se,
        "low": effect - half,
        "high": effect + half,
        "low_band": effect - 1.4 * half,
        "high_band": effect + 1.4 * half,
        "p_value": min(1.0, math.erfc(abs(effect) / se / math.sqrt(2))),
        "n_areas": areas,
    }


def _estimate(
    rng: random.Random, label: str, estimator: str, percent: float, half: float
) -> dict[str, Any]:
    log, width = math.log1p(percent / 100), half / 100
    events = [
        _row(
            (log * min(1, (e + 1) / 4) if e >= 0 else 0) + rng.gauss(0, width / 4),
            width * (1.1 if e < 4 else 1.6),
            24 if e < 3 else 7,
            event_time=e,
        )
        for e in range(-8, 8)
        if e != -1
    ]
    sites = [
        _row(log + rng.gauss(0, width / 2), 2 * width, many, site=code)
        for code, _, _, many in SITES
    ]
    return {
        "estimator": estimator,
        "label": label,
        "primary": estimator == "did",
        "unit": "log points",
        "scale": "log",
        "inference": "placebo" if estimator != "two_way" else "analytic",
        "overall": _row(log, width),
        "event_time": events,
        "site": sites,
        "cohort": [_row(log, 2 * width, 7, cohort="2024 Q2")],
        "quarter": [_row(log, 2 * width, 7, quarter=q) for q in PERIODS[17:]],
        "warnings": [],
    }


def _paths(rng: random.Random, level: float, percent: float, half: float) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for t, period in enumerate(PERIODS):
        season = 1 + 0.04 * math.sin(t * math.pi / 2) - (0.12 if t == 2 else 0)
        base = level * season * (1 + 0.002 * t) * (1 + rng.gauss(0, 0.008))
        share = max(0, min(1, (t - 16) / 5))
        started = t >= 17
        rows.append(
            {
                "period": period,
                "pilot": base * (1 + share * percent / 100),
                "counterfactual": base if started else None,
                "low": base * (1 - half / 100) if started else None,
                "high": base * (1 + half / 100) if started else None,
                "comparison": base * 0.9,
            }
        )
    return rows


def _twin(rng: random.Random, level: float, percent: float) -> dict[str, Any]:
    rows = []
    for row in _paths(rng, level, percent, 2.0):
        synthetic_unit = row["counterfactual"] or row["pilot"] * (1 + rng.gauss(0, 0.004))
        rows.append(
            {
                "period": row["period"],
                "observed": math.log(row["pilot"]),
                "twin": math.log(synthetic_unit),
                "low": math.log(0.98 * synthetic_unit),
                "high": math.log(1.02 * synthetic_unit),
            }
        )
    donors = [{"name": f"Place {k}", "weight": 0.3 / (k + 1)} for k in range(15)]
    return {"estimator": "synthetic_control", "scale": "log", "rows": rows, "donors": donors}


def _grade(level: int, fails: bool) -> dict[str, Any]:
    path = {
        "code": "path",
        "title": "One path before the start",
        "met": "unmet" if fails else "met",
        "reason": "Pilots were already moving." if fails else "They moved together.",
        "mend": "Comparison areas that were on the pilots' path." if fails else "",
    }
    before = {
        "code": "before",
        "title": "Figures of pilots before and after the start",
        "met": "met",
        "reason": "17 periods before the first start.",
        "mend": "",
    }
    return {
        "level": level,
        "sentence": f"Level {level} of 5.",
        "raises": [path["mend"]] if fails else [],
        "conditions": [before, path],
        "judgement": {"signed": None},
        "robins_i": {},
        "certainty": {},
    }


def _equity() -> list[dict[str, Any]]:
    primary = [code for code, found in OUTCOMES.items() if found[0] == "primary"]
    rows = []
    for fifth in range(1, 6):
        found = [
            {
                "outcome": code,
                "scale": "log",
                "effect": OUTCOMES[code][1] / 100,
                "low": (OUTCOMES[code][1] - 9) / 100,
                "high": (OUTCOMES[code][1] + 9) / 100,
                "p_value": 0.4,
            }
            for code in primary
        ]
        rows.append(
            {
                "fifth": fifth,
                "pilot_areas": 5,
                "comparison_areas": 30,
                "reason": "" if fifth < 5 else "no pilot area lies in this fifth",
                "effects": found if fifth < 5 else [],
            }
        )
    return rows


def _outcome(code: str, schemas: Path, rng: random.Random) -> dict[str, Any]:
    declared = yaml.safe_load((schemas / "outcomes" / f"{code}.yaml").read_text(encoding="utf-8"))
    role, percent, half, (verdict, better, unclear), level = OUTCOMES[code]
    margin = 8.0 if role == "negative_control" else 6.0
    ruling = Ruling(verdict=verdict, better=better, unclear=unclear, margin_percent=margin)
    scale = 24 * 8000 / declared["per"] * level / 100
    per_quarter = {
        "effect": percent * scale,
        "low": (percent - half) * scale,
        "high": (percent + half) * scale,
    }
    to_date = {key: value * 5 for key, value in per_quarter.items()}
    title = declared["plain_title"]
    finding = {
        "verdict": ruling.said,
        "direction": verdict.direction,
        "size": verdict.size,
        "better": better,
        "unclear": unclear,
        "hoped_percent": {"ae_attendances": -8.0}.get(code),
        "sentence": Sentence.of(
            f"{title}, {ruling.said}, in New Start areas: {{change}}.",
            change=percent_text(
                Range(effect=percent, low=percent - half, high=percent + half), margin
            ),
        ),
        "paragraph": "The real start quarters were compared with 9,999 re-draws over comparable "
        "areas. The range is what those re-draws bear.",
        "analyst": "Difference-in-differences, not-yet-started comparison areas.",
        "reasons": ["the checks before the start hold", "six sites are few"],
        "effect_percent": {"effect": percent, "low": percent - half, "high": percent + half},
        "people": {"per_quarter": per_quarter, "to_date": to_date},
        "p_value": 0.004 if verdict.directed else 0.41,
        "adjusted_p": None,
        "margin_percent": margin,
    }
    return {
        "code": code,
        "title": declared["title"],
        "plain_title": title,
        "people": declared["people"],
        "unit": declared["unit"],
        "per": declared["per"],
        "polarity": declared["polarity"],
        "role": role,
        "domain": declared["domain"],
        "agency": declared["agency"],
        "kind": declared["kind"],
        "finding": finding,
        "estimates": [
            _estimate(rng, "Difference-in-differences", "did", percent, half),
            _estimate(rng, "Synthetic control", "synthetic_control", percent * 0.9, half * 0.9),
            _estimate(rng, "Two-way fixed effects", "two_way", percent * 0.8, half * 0.7),
            _estimate(rng, "First differences", "first_differences", percent * 1.1, half * 1.5),
        ],
        "paths": _paths(rng, level, percent, half),
        "placebo_gaps": {
            "event_times": list(range(-8, 8)),
            "real": [percent / 100 * max(0, min(1, (e + 1) / 4)) for e in range(-8, 8)],
            "gaps": [[rng.gauss(0, half / 200) for _ in range(16)] for _ in range(120)],
        },
        "diagnostics": [
            {
                "code": "pre_trend",
                "title": "Same path before the start",
                "result": "holds",
                "statistic": "p = 0.62",
                "sentence": "Pilots and comparisons moved alike before.",
            },
            {
                "code": "spillover",
                "title": "No spillover to neighbours",
                "result": "cannot tell",
                "statistic": "3 neighbouring areas",
                "sentence": "Too few neighbours to tell.",
            },
            {
                "code": "negative_control",
                "title": "Nothing where nothing is expected",
                "result": "fails",
                "statistic": "p = 0.03",
                "sentence": "The negative control moved.",
            },
        ],
        "equally_likely": [(percent + half * (k - 9.5) / 9.5) / 100 for k in range(20)],
        "new_site": {
            "sites": 6,
            "mean": percent / 100,
            "se": 0.02,
            "tau": 0.03,
            "low": (percent - 2 * half) / 100,
            "high": (percent + 2 * half) / 100,
            "p_alike": 0.2,
        },
        "breaks": {
            "breakdown": 0.4,
            "rows": [
                {
                    "bound": m,
                    "low": (percent - half * (1 + 3 * m)) / 100,
                    "high": (percent + half * (1 + 3 * m)) / 100,
                }
                for m in (0.0, 0.5, 1.0)
            ],
        }
        if role == "primary"
        else None,
        "twin": _twin(rng, level, percent) if role == "primary" else None,
        "looks": [
            {
                "quarter": q,
                "vintage": "2027-02-10",
                "effect": percent / 100 + 0.001 * k,
                "low": (percent - half) / 100,
                "high": (percent + half) / 100,
                "spent": 0.01 * k,
                "crossed": False,
            }
            for k, q in enumerate(PERIODS[-3:])
        ],
        "data": {"cells": 4872, "missing": 31, "suppressed": 12, "revised": 4},
    }


def _range(mean: float, half: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _value() -> dict[str, Any]:
    agencies = [
        ("nhs", "NHS", "DEL", 2.1e6, 0.9e6, 2.6e6),
        ("dwp", "DWP", "AME", 0.6e6, 0.7e6, 1e6),
        ("council", "Council", "DEL", 0.2e6, 0.4e6, 4.5e6),
    ]
    totals: dict[str, Any] = {
        "gross_fiscal": _range(2.9e6, 1.8e6),
        "gross_economic": _range(0.4e6, 0.5e6),
        "gross_social": _range(0.8e6, 0.6e6),
        "cashable": _range(0.4e6, 0.3e6),
        "cost": _range(8.1e6, 0),
        "net_fiscal": _range(-5.2e6, 1.8e6),
        "npsv": _range(-4.0e6, 2.2e6),
        "bcr": _range(0.51, 0.27),
        "p_npsv_positive": 0.0012,
    }
    return {
        "price_base": 2024,
        "parameters": "2026",
        "to_date": True,
        "totals": totals,
        "by_agency": [
            {
                "agency": a,
                "name": n,
                "budget": b,
                "gain": _range(g, h),
                "cost": _range(c, 0),
                "net": _range(g - c, h),
            }
            for a, n, b, g, h, c in agencies
        ],
        "by_outcome": [
            {
                "outcome": "ae_attendances",
                "title": "A&E attendances",
                "events_avoided": _range(7450, 4200),
                "people": "A&E attendances",
                "unit_cost": 180.0,
                "cost_per": "event",
                "price_year": "2011/12",
                "confidence": "green",
                "kind": "fiscal",
                "agency": "nhs",
                "budget": "DEL",
                "share": 1.0,
                "given_up": False,
                "transfer": False,
                "value": _range(1.34e6, 0.76e6),
                "note": "An average cost: what one more attendance saves is less.",
            },
            {
                "outcome": "claimant_count",
                "title": "Claimant count",
                "events_avoided": _range(50, 55),
                "people": "claimants, person-years",
                "unit_cost": 12000.0,
                "cost_per": "person_year",
                "price_year": "2012/13",
                "confidence": "amber",
                "kind": "fiscal",
                "agency": "dwp",
                "budget": "AME",
                "share": 1.0,
                "given_up": False,
                "transfer": True,
                "value": _range(0.6e6, 0.7e6),
                "note": "",
            },
            {
                "outcome": "claimant_count",
                "title": "Claimant count",
                "events_avoided": _range(50, 55),
                "people": "claimants, person-years",
                "unit_cost": 8000.0,
                "cost_per": "person_year",
                "price_year": "2012/13",
                "confidence": "amber",
                "kind": "economic",
                "agency": "people",
                "budget": "none",
                "share": 1.0,
                "given_up": False,
                "transfer": False,
                "value": _range(0.4e6, 0.5e6),
                "note": "",
            },
            {
                "outcome": "temporary_accommodation",
                "title": "Temporary accommodation",
                "events_avoided": _range(10, 12),
                "people": "households, person-years",
                "unit_cost": 484.5,
                "cost_per": "week",
                "price_year": "2010/11",
                "confidence": "amber",
                "kind": "fiscal",
                "agency": "council",
                "budget": "DEL",
                "share": 0.8,
                "given_up": False,
                "transfer": False,
                "value": _range(0.2e6, 0.24e6),
                "note": "",
            },
        ],
        "base_period": PERIODS[16],
        "not_standing": [],
        "by_quarter": [
            {
                "quarter": q,
                "gain": _range(2.9e6 / 11 * k / 5, 1e5 * k),
                "cost": 8.1e6 / 11,
                "cumulative_net": _range(-8.1e6 / 11 * (k + 1) + 26e3 * k * k, 6e4 * (k + 1)),
            }
            for k, q in enumerate(PERIODS[17:])
        ],
        "payback": {"quarter": "not within the horizon", "last": PERIODS[-1]},
        "information": {
            "decision": "whether to go on",
            "perfect": 9000.0,
            "of_one": [{"what": "effect", "title": "Effect on: A&E attendances", "worth": 0.0}],
        },
        "what_if": {
            "draws": 2,
            "of": 10_000,
            "level": 0.95,
            "price_base": 2024,
            "last": PERIODS[-1],
            "years": 10,
            "cost": 8_000_000,
            "share": None,
            "ahead": {"standard": [1.0] * 10},
            "gain": {
                "today": [4_000_000, 2_000_000, 6_000_000],
                "last": {"standard": [900_000, 500_000, 1_300_000]},
            },
            "cash": {"today": [0, 0, 0], "last": [0, 0, 0]},
        },
        "notes": [
            "No effect is assumed to last beyond the last quarter.",
            "Average costs are not marginal savings.",
        ],
    }


def _study(**more: Any) -> dict[str, Any]:
    prints = {f"{key}_fingerprint": f"{key:0<64}" for key in ("protocol", "panel", "code")}
    return prints | {"label": "exploratory", "vintage": "2027-02-10T09:00:00Z"} | more


def _first_look(schemas: Path) -> dict[str, Any]:
    rng = random.Random(7)
    return _study(
        programme="new_start",
        study="first_look",
        title="New Start: first look",
        question="Do fewer people need crisis help where New Start has started?",
        differences=["The protocol was not frozen before the data were seen."],
        synthetic=True,
        sample={
            "pilot_areas": 24,
            "comparison_areas": 150,
            "excluded_areas": 6,
            "authorities": 36,
            "sites": 6,
            "first": PERIODS[0],
            "last": PERIODS[-1],
            "periods": PERIODS,
        },
        assignments={
            "drawn": 9999,
            "distinct": 9999,
            "smallest_p": 0.0001,
            "block": "authority",
            "reason": "Sites lie in one authority each.",
        },
        sites=[
            {
                "code": c,
                "name": n,
                "start": s,
                "areas": k,
                "about": f"{n} brings the front "
                "doors of the council, the job centre and the practice together.",
            }
            for c, n, s, k in SITES
        ],
        outcomes=[_outcome(code, schemas, rng) for code in OUTCOMES],
        value=_value(),
        published=[],
        window=[0, 7],
        level=0.95,
        equity=_equity(),
        grades={
            "ae_attendances": _grade(3, False),
            "claimant_count": _grade(2, True),
            "homelessness_duties": _grade(3, False),
        },
        balance=[
            {
                "outcome": code,
                "characteristic": what,
                "pilots": 10.0,
                "comparisons": 9.5,
                "difference": rng.gauss(0, 0.3),
                "p_value": rng.random(),
            }
            for code in OUTCOMES
            for what in ("level", "path")
        ],
        text=[
            "Six sites are few: one unusual place can move the mean.",
            "An effect is one of the whole bundle, not of a part of it.",
        ],
    )


def _zones() -> dict[str, Any]:
    rng = random.Random(3)
    years = [str(y) for y in range(1980, 1989)]
    width = 0.15
    estimate = _estimate(rng, "First differences", "first_differences", -16.6, 15)
    estimate |= {
        "primary": True,
        "cohort": [_row(-0.18, width, 6, cohort="1984")],
        "quarter": [],
        "site": [],
        "event_time": [
            _row(-0.1 if e >= 0 else 0.01, width, 10, event_time=e) for e in range(-4, 5)
        ],
    }
    paths = [
        {
            "period": y,
            "pilot": 90e3 - 4e3 * t,
            "comparison": 70e3 - 3e3 * t,
            "counterfactual": 95e3 - 4e3 * t if t >= 4 else None,
            "low": 80e3 - 4e3 * t if t >= 4 else None,
            "high": 110e3 - 4e3 * t if t >= 4 else None,
        }
        for t, y in enumerate(years)
    ]
    outcome = {
        "code": "claims",
        "title": "Unemployment claims",
        "plain_title": "Unemployment claims",
        "people": "claims",
        "unit": "claims a year",
        "per": 1,
        "polarity": "down",
        "role": "primary",
        "domain": "work",
        "agency": "state",
        "kind": "flow",
        "finding": {
            "verdict": "cannot tell",
            "direction": "cannot tell",
            "size": "cannot tell",
            "unclear": "the range includes no change",
            "sentence": "Claims: cannot tell; so far they are -17 % (-29 to +0.4).",
            "paragraph": "Twenty-two cities.",
            "analyst": "First differences.",
            "reasons": ["22 cities"],
            "effect_percent": {"effect": -16.6, "low": -29.0, "high": 0.4},
            "people": None,
            "p_value": 0.05,
            "adjusted_p": None,
            "margin_percent": 10.0,
        },
        "estimates": [estimate],
        "paths": paths,
        "placebo_gaps": {"event_times": [], "real": [], "gaps": []},
        "diagnostics": [],
        "data": {"cells": 198, "missing": 0, "suppressed": 0, "revised": 0},
    }
    return _study(
        programme="real_cases",
        study="enterprise_zones",
        title="Indiana enterprise zones",
        question="Did enterprise zones cut unemployment claims?",
        differences=[],
        synthetic=False,
        sites=[
            {
                "code": "Z1",
                "name": "Zones of 1984",
                "start": "1984",
                "areas": 6,
                "about": "Six cities.",
            }
        ],
        sample={
            "pilot_areas": 10,
            "comparison_areas": 12,
            "excluded_areas": 0,
            "authorities": 22,
            "sites": 10,
            "first": "1980",
            "last": "1988",
            "periods": years,
        },
        assignments={
            "drawn": 999,
            "distinct": 999,
            "smallest_p": 0.001,
            "block": "area",
            "reason": "No blocks.",
        },
        outcomes=[outcome],
        value=None,
        published=[
            {
                "what": "First differences",
                "outcome": "claims",
                "source": "Papke (1994)",
                "published": {"effect": -0.1819, "error": 0.0782, "p_value": None},
                "ours": {"effect": -0.18188, "error": 0.0782, "p_value": 0.02},
                "difference": 2e-5,
                "inference": "analytic",
                "why": "Same estimator, same data.",
            }
        ],
        text=["Twenty-two cities bear a large effect only."],
    )


def _receipts() -> list[dict[str, Any]]:
    found = []
    for quarter, day in (("2026 Q3", "2026-11-09"), ("2026 Q4", "2027-02-09")):
        for site in ("OPEN", *(s[0] for s in SITES)):
            for agency in ("dwp_open",) if site == "OPEN" else ("nhs", "council"):
                if (site, agency, quarter) == ("S04", "council", "2026 Q4"):
                    continue
                found.append(
                    {
                        "return_id": f"{site}-{agency}-{quarter[-1]}",
                        "programme": "new_start",
                        "site": site,
                        "agency": agency,
                        "quarter": quarter,
                        "received": f"{day}T09:30:00.000000Z",
                        "rows": 24,
                        "content_hash": "c" * 64,
                        "keyed_hash": "k" * 64,
                        "chain_version": 3,
                        "previous_hash": "p" * 64,
                        "chain_hash": "h" * 64,
                        "changes": [],
                        "confirmations": [],
                    }
                )
    return found


_CASES = """\
name: real_cases
title: Real cases
question: Does it find what was published?
synthetic: false
first: 1980
last: 1988
agencies: {state: State}
sources: [{code: book, name: A textbook, agency: state, redistribute: false}]
sites: [{code: Z1, name: Zones of 1984, start: 1984}]
areas: [{code: C1, name: City 1, authority: IN, role: pilot, site: Z1}]
outcomes: []
"""

_NOTEBOOK = """\
---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# First look

The number of sites in this study, computed here:

```{code-cell} ipython3
import pandas as pd

print("a line that is far too long for a telephone, and longer than the column at a desk, too " * 3)
pd.DataFrame({"sites": [2 * 3]}, index=pd.Index(["New Start"], name="programme"))
```

```{code-cell} ipython3
pd.DataFrame({"areas": [24]})
```
"""
