"""What else happened there: the estimate without the areas touched, and authorities that merged."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from evaluation import Panel, did
from evaluation.errors import WorkspaceError
from evaluation.estimate.sensitivity import without_touched
from evaluation.ledger.events import authority_at, read_events, touched
from evaluation.programme import Programme
from evaluation.workspace import Workspace

HEAD = "kind,areas,authority,outcomes,from,to,what,source,into\n"
ROWS = (
    "other programme,E05,,arrears,2025-04-01,,Family hubs,minutes,\n"
    "other programme,E06,,claimant_count,2025-04-01,,Work coaches,minutes,\n"
    "other programme,E06,,,2019-04-01,2019-06-30,Long ago,minutes,\n"
    "instrument change,,,,2025-07-01,,Counted otherwise,note,\n"
    "authority merger,,A1,,2026-04-01,,A1 joins A2,order,New\n"
    "authority merger,,A2,,2026-04-01,,A2 joins A1,order,New\n"
)


def written(workspace: Workspace, rows: str) -> None:
    (workspace.studies / "tiny" / "events.csv").write_text(HEAD + rows, "utf-8")


def test_areas_that_something_happened_to(tiny_workspace: Workspace, tiny: Programme) -> None:
    written(tiny_workspace, ROWS)
    events = read_events(tiny_workspace, tiny)
    found = touched(tiny, events, "arrears")
    assert found["Family hubs"] == ("E05",)
    assert not {"Work coaches", "Long ago", "Counted otherwise"} & set(found)


def test_authorities_are_followed_through_mergers(
    tiny_workspace: Workspace, tiny: Programme
) -> None:
    written(tiny_workspace, ROWS)
    events = read_events(tiny_workspace, tiny)
    assert authority_at("A1", events, date(2026, 3, 31)) == "A1"
    assert authority_at("A1", events, date(2026, 4, 1)) == "New"
    assert authority_at("A3", events, date(2027, 1, 1)) == "A3"


@pytest.mark.parametrize(
    "row",
    [
        "authority merger,,A1,,2026-04-01,,A1 is gone,order,\n",
        "authority merger,E01,,,2026-04-01,,E01 is gone,order,New\n",
        "other,,A1,,2026-04-01,,Something,order,New\n",
    ],
)
def test_a_merger_names_both(tiny_workspace: Workspace, tiny: Programme, row: str) -> None:
    written(tiny_workspace, row)
    with pytest.raises(WorkspaceError, match="successor"):
        read_events(tiny_workspace, tiny)


def test_the_estimate_without_the_areas_touched_stands_beside_it() -> None:
    """Two comparison areas fell by eight because of something else: without them the effect is."""
    draw = np.random.default_rng(3)
    rows = []
    for n in range(20):
        level = draw.normal(50, 5)
        for year in range(2015, 2023):
            after = year >= 2020
            figure = level + year - 2015 + draw.normal(0, 0.1)
            figure += -5 * after if n < 4 else (-8 * after if n in (4, 5) else 0)
            start = 2020 if n < 4 else 0
            rows.append({"area": f"A{n:02d}", "year": year, "y": figure, "start": start})
    panel = Panel.from_long(
        pd.DataFrame(rows), area="area", period="year", outcomes="y", start="start", frequency="A"
    )
    happened = {"Hubs": ["A04"], "Coaches": ["A05"], "Pilots gone": ["A00", "A01", "A02", "A03"]}

    def fit(held: Panel, outcome: str):  # type: ignore[no-untyped-def]
        return did(held, outcome, inference="placebo", seed=1)

    table = without_touched(panel, "y", happened, fit).set_index("without")
    assert list(table.index) == ["nothing", *happened, "all of these"]
    assert table.loc["nothing", "effect"] == pytest.approx(-4, abs=0.2)
    assert table.loc["nothing", "change"] == 0
    assert np.isnan(table.loc["Pilots gone", "effect"])
    both = without_touched(panel, "y", {"Both": ["A04", "A05"]}, fit).set_index("without")
    assert both.loc["Both", "effect"] == pytest.approx(-5, abs=0.1)
    assert both.loc["Both", "areas_left"] == 18
