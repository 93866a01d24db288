"""An invented programme with a history: clean returns of it, and what was accepted before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before
from evaluation.programme import Programme, load_outcomes
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return
from evaluation.simulate import Scenario, draw_figures, invent_programme, rows_of
from evaluation.simulate.figures import Figures, Row
from evaluation.workspace import packaged_schemas

VALUE = "life_satisfaction"
QUARTERS = 14
TODAY = date(2026, 10, 20)


@dataclass(frozen=True, eq=False)
class World:
    """A programme whose council also returns a survey's mean, and figures drawn with one seed."""

    programme: Programme
    figures: Figures
    seed: int

    def rows(self, site: str, agency: str, period: Period) -> list[Row]:
        simulated = self.programme.model_copy(
            update={"outcomes": tuple(o for o in self.programme.outcomes if o.code != VALUE)}
        )
        rows = rows_of(simulated, self.figures, site, agency, period)
        if agency in ("council", "council_collections"):
            areas = dict.fromkeys((row[0], row[1]) for row in rows)
            for place, (code, name) in enumerate(areas):
                rng = np.random.default_rng([self.seed, place, period.ordinal])
                mean = round(float(7.2 + 0.05 * (place % 5) + rng.normal(0, 0.08)), 2)
                rows.append([code, name, str(period), VALUE, mean, None, None, None, None])
        return rows

    @lru_cache(maxsize=64)  # noqa: B019 - worlds live as long as the tests
    def history(self, until: Period) -> AcceptedFigures:
        """Every return accepted of the quarters before ``until``, sources' of ``until`` too."""
        history = AcceptedFigures(self.programme)
        for step in range(QUARTERS, -1, -1):
            period = until + -step
            for site, agency in self.programme.submitters:
                if step or site == "OPEN":
                    history.add(self.returned(site, agency, period))
        return history

    def returned(self, site: str, agency: str, period: Period) -> Return:
        return returned(self.programme, site, agency, period, self.rows(site, agency, period))

    def before(self, site: str, agency: str, period: Period) -> Before:
        return self.history(period).before((site, agency), period, today=TODAY)


def returned(
    programme: Programme, site: str, agency: str, period: Period, rows: list[Row]
) -> Return:
    observed = tuple(
        Observation(str(r[0]), period, str(r[3]), _number(r[4]), _number(r[5]), str(r[6] or ""), "")
        for r in rows
    )
    return Return(
        programme=programme.name, site=site, agency=agency, period=period, rows=observed, sha256=""
    )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


@lru_cache(maxsize=8)
def world(seed: int) -> World:
    schemas = packaged_schemas()
    scenario = Scenario.load(schemas)
    preset = scenario.presets["full"]
    programme = invent_programme(scenario, preset, schemas)
    figures = draw_figures(programme, scenario, preset, seed=seed)
    survey = next(o for o in load_outcomes(schemas / "outcomes") if o.code == VALUE)
    # As an agency's own figure: a council returns it, quarter by quarter, for its site.
    own = {"source": "site", "agency": "council", "comparison_source": "council_collections"}
    survey = survey.model_copy(update=own | {"frequency": "quarter", "instrument": "one survey"})
    programme = programme.model_copy(update={"outcomes": (*programme.outcomes, survey)})
    return World(programme, figures, seed)
