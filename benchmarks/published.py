"""Tables that the field knows, computed here from the data in installed packages.

``python -m benchmarks.published`` writes ``book/published.json``: the published figure, ours, the
difference and why there is one; beside them, for the book, the rates of the checks and the speed as
last recorded. A test computes every row anew and holds it to its tolerance.
Nothing is copied from the packages; moderndid is read as data and never imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.diagnose.event_study import EventStudy
from evaluation.diagnose.honest import honest_interval
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Weights
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.panel import Panel

PRINTED = Path(__file__).parents[1] / "book" / "published.json"
Part = Literal["effect", "error", "low", "high"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One published figure and ours. ``tolerance`` : what the published digits allow."""

    case: str
    what: str
    source: str
    published: float
    ours: float
    tolerance: float
    why: str = ""

    @property
    def difference(self) -> float:
        return self.ours - self.published


def data_of(package: str, path: str) -> Path:
    """A data file of an installed package, which is not imported."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / path


@cache
def counties() -> Panel:
    """Mpdta: minimum wages and teenage employment in 500 counties, 2003-2007."""
    frame = pd.read_pickle(data_of("moderndid", "core/datasets/mpdta_long.pkl.gz"))
    return Panel.from_long(
        frame,
        area="countyreal",
        period="year",
        outcomes="lemp",
        start="first.treat",
        covariates=["lpop"],
        frequency="A",
    )


@cache
def medicaid() -> EventStudy:
    """Ehec: insurance after the 2014 expansion of Medicaid, in 43 states, 2008-2015.

    Published errors come from a two-way regression clustered by state: influence functions times
    the small-sample factor of fixest, G/(G-1) (n-1)/(n-K), K = 7 coefficients and 8 years
    (effects nested in the clusters are not counted).
    """
    frame = pd.read_pickle(data_of("moderndid", "core/datasets/ehec_data.pkl.gz"))
    frame = frame[(frame["year"] < 2016) & (frame["yexp2"] != 2015)]
    frame = frame.assign(start=np.where(frame["yexp2"] == 2014, 2014, 0))
    held = Panel.from_long(
        frame, area="stfips", period="year", outcomes="dins", start="start", frequency="A"
    )
    settings = DidSettings(replication=True)
    study = EventStudy.of(did(held, "dins", inference="analytic", settings=settings))
    n, groups, counted = len(frame), len(held.areas), 7 + 8
    factor = groups / (groups - 1) * (n - 1) / (n - counted)
    return replace(study, covariance=study.covariance * factor)


@cache
def castle() -> Panel:
    """Castle doctrine laws and homicide in 50 states, 2000-2010 (Cheng and Hoekstra 2013)."""
    frame = pd.read_stata(data_of("causaldata", "castle/castle.dta"))
    first = frame[frame["post"] == 1].groupby("sid")["year"].min()
    frame["start"] = frame["sid"].map(first).fillna(0).astype(int)
    return Panel.from_long(
        frame,
        area="sid",
        period="year",
        outcomes="l_homicide",
        start="start",
        covariates=["popwt"],
        frequency="A",
    )


def rows() -> list[Row]:
    """Every published figure with ours."""
    # That module's rows are of the type defined here.
    from benchmarks.published_synthetic import proposition_99

    return [*_mpdta(), *_medicaid(), *_castle(), *proposition_99()]


MPDTA: dict[str, tuple[Weights, dict[str, tuple[float, float]]]] = {
    "all started counties and years": (
        "simple",
        {"none": (-0.0399513, 0.0120340), "lpop": (-0.0417518, 0.0115028)},
    ),
    "mean of event times": (
        "event_time",
        {"none": (-0.0772398, 0.0199650), "lpop": (-0.0803539, 0.0189576)},
    ),
    "mean of cohorts": (
        "cohort",
        {"none": (-0.0310183, 0.0124461), "lpop": (-0.0328196, 0.0118982)},
    ),
    "mean of years": (
        "quarter",
        {"none": (-0.0417004, 0.0159719), "lpop": (-0.0441774, 0.0150382)},
    ),
}


def _mpdta() -> Iterator[Row]:
    for covariate in ("none", "lpop"):
        covariates = () if covariate == "none" else (covariate,)
        settings = DidSettings(base="varying", method="dr", covariates=covariates)
        estimate = did(counties(), "lemp", inference="analytic", settings=settings)
        beside = "" if covariate == "none" else ", doubly robust with log population"
        for what, (weights, stored) in MPDTA.items():
            ours = estimate.overall(weights).iloc[0]
            for part, column, published in zip(
                ("effect", "error"), ("effect", "se"), stored[covariate], strict=True
            ):
                yield Row(
                    case="mpdta",
                    what=f"{what}{beside}: {part}",
                    source="R package did 2.5",
                    published=published,
                    ours=float(ours[column]),
                    tolerance=5e-8,
                )


RELATIVE = {
    0.5: (0.0241, 0.0673),
    1.0: (0.0171, 0.0720),
    1.5: (0.00859, 0.0796),
    2.0: (-0.00107, 0.0883),
}
SMOOTH = {
    0.0: (0.0259, 0.0607),
    0.01: (0.0132, 0.0787),
    0.02: (0.00286, 0.0907),
    0.03: (-0.00714, 0.101),
    0.04: (-0.0171, 0.111),
    0.05: (-0.0271, 0.121),
}


def _medicaid() -> Iterator[Row]:
    why = {
        "relative_magnitudes": "R takes the ends from a grid and the first stage from 1,000 draws",
        "smoothness": "R searches a grid of biases and simulates the critical value",
    }
    named = {"relative_magnitudes": "relative magnitudes", "smoothness": "smoothness"}
    for kind, stored in (("relative_magnitudes", RELATIVE), ("smoothness", SMOOTH)):
        for bound, published in stored.items():
            ours = honest_interval(medicaid(), kind, bound, window=(0, 0))  # type: ignore[arg-type]
            for part, theirs, own in zip(("low", "high"), published, ours, strict=True):
                yield Row(
                    case="Medicaid (ehec)",
                    what=f"{named[kind]}, M = {bound:g}: {part}",
                    source="R package HonestDiD, README",
                    published=theirs,
                    ours=own,
                    tolerance=1e-3,
                    why=why[kind],
                )


CASTLE: dict[str, tuple[str | None, dict[Part, float]]] = {
    "two-way fixed effects": (None, {"effect": 0.0694, "error": 0.0559}),
    "two-way fixed effects, weighted by population": ("popwt", {"effect": 0.0755, "error": 0.0332}),
}


def _castle() -> Iterator[Row]:
    for what, (weights, stored) in CASTLE.items():
        settings = TwoWaySettings(replication=True, errors="nested", weights=weights)
        ours = two_way_fixed_effects(
            castle(), "l_homicide", inference="analytic", settings=settings
        ).overall()
        for part, published in stored.items():
            column = "se" if part == "error" else part
            yield Row(
                case="castle doctrine",
                what=f"{what}: {part}",
                source="the data's own two-way regression, clustered by state",
                published=published,
                ours=float(ours[column].iloc[0]),
                tolerance=5e-5,
            )


def main() -> None:
    """Write the table."""
    table = [{**asdict(row), "difference": row.difference} for row in rows()]
    record: dict[str, Any] = {"command": "python -m benchmarks.published", "rows": table}
    for name, recorded in (("checks", "diagnostics"), ("speed", "did")):
        path = Path(__file__).parent / "results" / f"{recorded}.json"
        if path.is_file():
            record[name] = json.loads(path.read_text(encoding="utf-8"))
    PRINTED.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    worst = max(rows(), key=lambda row: abs(row.difference) / row.tolerance)
    print(f"{PRINTED}: {len(table)} figures; nearest to its tolerance: {worst}")


if __name__ == "__main__":
    main()
