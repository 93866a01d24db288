"""Published synthetic controls with predictors, searched anew, and how open V leaves their effect.

``OMP_NUM_THREADS=1 python -m benchmarks.predictor_cases`` fits Proposition 99 (Abadie, Diamond and
Hainmueller 2010, JASA 105, table 2: Utah .334, Nevada .234, Montana .199, Colorado .164,
Connecticut .069) from the file that the package statspai carries, with the paper's predictors, and
the prisons of Texas (Cunningham 2021, chapter 10) from causaldata. Both packages are read as data.
For each it records the weights beside the published ones, the fit before the start of both, V, the
effect, how far it moves over V that fit as well, and p, with V searched anew for every placebo.

The Basque Country and West Germany (Abadie and Gardeazabal 2003; Abadie, Diamond and Hainmueller
2015) are not here: no package of a registry that this project installs carries their data, and what
statspai gives by these names is simulated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.published import data_of
from evaluation.estimate.predictors import Predictor
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control
from evaluation.panel import Panel

RECORD = Path(__file__).parent / "results" / "predictor_cases.json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A published case: the panel's table, what is met, and what was printed."""

    name: str
    table: pd.DataFrame
    area: str
    outcome: str
    treated: str
    start: int
    predictors: tuple[Predictor, ...]
    published: dict[str, float]

    @property
    def panel(self) -> Panel:
        """Its panel of years."""
        names = [self.outcome, *(p.outcome for p in self.predictors)]
        frame = self.table.assign(
            start=np.where(self.table[self.area] == self.treated, self.start, 0)
        )
        return Panel.from_long(
            frame,
            area=self.area,
            period="year",
            outcomes=list(dict.fromkeys(names)),
            start="start",
            frequency="A",
        )


def proposition_99() -> Case:
    """Predictors of the paper's table 1: four averages, and three years of sales."""
    return Case(
        name="Proposition 99",
        table=pd.read_csv(data_of("statspai", "datasets/data/california_prop99.csv")),
        area="state",
        outcome="cigsale",
        treated="California",
        start=1989,
        predictors=(
            *(Predictor(name, (1980, 1988)) for name in ("lnincome", "retprice", "age15to24")),
            Predictor("beer", (1984, 1988)),
            *(Predictor("cigsale", (year, year)) for year in (1975, 1980, 1988)),
        ),
        published={
            "Utah": 0.334,
            "Nevada": 0.234,
            "Montana": 0.199,
            "Colorado": 0.164,
            "Connecticut": 0.069,
        },
    )


def texas() -> Case:
    """Predictors of the chapter's call of synth."""
    import causaldata

    from tests.replication.test_texas_prisons import PREDICTORS, WEIGHTS

    return Case(
        name="Prisons of Texas",
        table=causaldata.texas.load_pandas().data,
        area="state",
        outcome="bmprison",
        treated="Texas",
        start=1993,
        predictors=PREDICTORS,
        published=WEIGHTS,
    )


def compared(case: Case) -> dict[str, Any]:
    """One case, ours beside the published weights on the same panel."""
    panel = case.panel
    settings = SyntheticSettings(predictors=case.predictors, v="nested")
    found = synthetic_control(panel, case.outcome, settings=settings)
    own = found.weights.set_index("donor")["weight"]
    figures = panel.array(case.outcome)
    position = panel.areas.index.get_loc(case.treated)
    weights = np.array([case.published.get(area, 0.0) for area in panel.areas.index])
    gap, first = figures[position] - weights @ figures, int(panel.start_index.max())
    plain = synthetic_control(panel, case.outcome)
    row = found.overall().iloc[0]
    return {
        "case": case.name,
        "weights": {area: round(float(w), 4) for area, w in own.items() if w > 5e-4},
        "published_weights": case.published,
        "largest_difference_of_weights": float(
            max(
                abs(own.get(area, 0.0) - case.published.get(area, 0.0))
                for area in panel.areas.index
            )
        ),
        "fit_before": found.diagnostics["pre_period_rmspe"],
        "fit_before_of_published_weights": float(np.sqrt((gap[:first] ** 2).mean())),
        "effect": float(row["effect"]),
        "effect_of_published_weights": float(gap[first:].mean()),
        "effect_without_predictors": float(plain.overall()["effect"].iloc[0]),
        "p_value": float(row["p_value"]),
        "v": {name: round(share, 5) for name, share in found.diagnostics["v"].items()},
        **{
            name: found.diagnostics[f"v_{name}"]
            for name in ("effect_low", "effect_high", "tried", "as_well")
        },
    }


def main() -> None:
    """Compute every case, write the record and print it."""
    rows = [compared(case) for case in (proposition_99(), texas())]
    RECORD.write_text(
        json.dumps(
            {
                "command": "OMP_NUM_THREADS=1 python -m benchmarks.predictor_cases",
                "not_to_be_had": ["Basque Country", "West Germany"],
                "cases": rows,
            },
            indent=1,
        )
        + "\n"
    )
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
