"""A small programme with a survey of both arms, and files of people who answered it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.conftest import AREAS, PROGRAMME

SURVEY = """
  - {code: survey, name: The survey, agency: survey, waves: [2026 Q1, 2026 Q3]}
"""
ITEMS = ("life_satisfaction", "loneliness_often", "belonging")
HEAD = ("area_code", "household", "weight", "age", "age_band", "sex", "tenure", "mode", *ITEMS)
BANDS = {"16-34": 0.3, "35-64": 0.45, "65+": 0.25}
SEXES = {"female": 0.51, "male": 0.49}
CODES = ("E01", "E02", "E03", "E04", "E05", "E06")
Row = dict[str, Any]


def surveyed(workspace: Workspace, outcomes: Sequence[str] = ITEMS, more: str = "") -> Programme:
    """The tiny programme with a survey; written over the one that lies there."""
    folder = workspace.studies / "tiny"
    text = PROGRAMME.replace("dwp: DWP}", "dwp: DWP, survey: The survey}")
    text = text.replace("sites:\n", SURVEY.lstrip("\n") + "sites:\n", 1)
    text = text.replace("claimant_count]", f"claimant_count, {', '.join(outcomes)}]")
    (folder / "programme.yaml").write_text(text + more, encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    return Programme.load(workspace, "tiny")


def people(n: int = 60, areas: Iterable[str] = CODES, seed: int = 1) -> list[Row]:
    """So many respondents an area, some of them of one household."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for area in areas:
        for k in range(n):
            band = str(rng.choice(list(BANDS), p=[0.2, 0.45, 0.35]))
            low = int(band[:2])
            rows.append(
                {
                    "area_code": area,
                    "household": f"{area}-{k * 4 // 5}",
                    "weight": int(rng.integers(1, 4)),
                    "age": low + int(rng.integers(0, 15)),
                    "age_band": band,
                    "sex": str(rng.choice(list(SEXES))),
                    "tenure": str(rng.choice(["owner", "social rent", "private rent"])),
                    "mode": "web" if rng.random() < 0.7 else "paper",
                    "life_satisfaction": int(np.clip(round(rng.normal(7.3, 1.9)), 0, 10)),
                    "loneliness_often": int(rng.integers(1, 6)),
                    "belonging": int(rng.integers(1, 5)),
                }
            )
    return rows


def targets(areas: Iterable[str] = CODES, adults: int = 4_000) -> list[Row]:
    """Who lives there, by age and sex."""
    groups = {"age_band": BANDS, "sex": SEXES}
    return [
        {"area_code": a, "variable": v, "category": c, "people": round(adults * share)}
        for a in areas
        for v, held in groups.items()
        for c, share in held.items()
    ]


def write(path: Path, rows: Sequence[Row], head: Sequence[str] | None = None) -> Path:
    """Rows as a CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, head or list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path
