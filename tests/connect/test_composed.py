"""Areas made of several, denominators of one year, and a yearly figure carried to quarters."""

from __future__ import annotations

import pytest

from evaluation.errors import GeographyError, SourceError, WorkspaceError
from tests.connect.conftest import CODES, SOURCES, Fetching
from tests.connect.fake import Asked, Nomis, Reply, serving
from tests.connect.test_nomis import lineage, rows

REQUEST = (
    "/x.csv?geography={areas}&date={first}...{last}&select=record_count"
    "&RecordLimit={limit}&RecordOffset={offset}"
)
PEOPLE = (
    "/people.csv?geography={areas}&date={year}&select=record_count"
    "&RecordLimit={limit}&RecordOffset={offset}"
)
RECIPES = f"""
  - name: claimants
    kind: nomis
    source: dwp_open
    outcome: claimant_count
    request: "{REQUEST}"
    rounding: 5
    vintage: LSOA 2021
    denominator: {{recipe: people, year: 2022}}
    members: members.csv
  - name: people
    kind: nomis
    source: dwp_open
    outcome: claimant_count
    request: "{PEOPLE}"
    month_to_quarter: carried
    vintage: LSOA 2021
    members: members.csv
"""
PARTS = {code: (f"{code}A", f"{code}B") for code in CODES}
MONTHS = ("2026-01", "2026-02", "2026-03")


@pytest.fixture(autouse=True)
def _recipes(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    (folder / "sources.yaml").write_text(SOURCES + RECIPES, "utf-8")
    lines = [f"{area},{part}" for area, parts in PARTS.items() for part in parts]
    (folder / "members.csv").write_text("area_code,code\n" + "\n".join(lines) + "\n", "utf-8")


def served(missing: str = "") -> Nomis:
    claims = {(month, part): "10" for month in MONTHS for parts in PARTS.values() for part in parts}
    people = {("2022", part): "300" for parts in PARTS.values() for part in parts}
    return Nomis({key: value for key, value in (claims | people).items() if key[1] != missing})


def test_an_area_is_the_sum_of_its_members_out_of_the_people_of_one_year(
    fetching: Fetching,
) -> None:
    with serving(served()) as fake:
        done = fetching("claimants", fake, source="nomis")
    held = rows(done.written[0])
    assert {(row["numerator"], row["denominator"]) for row in held.values()} == {("20", "600")}
    assert held[CODES[0]]["note"] == (
        "rounded to 1; mean of 3 months and sum of 2 areas that the source rounds to 5"
    )
    said = lineage(done.written[0])
    assert {cell["lineage"] for cell in said["cells"]} == {"summed"}  # type: ignore[attr-defined]
    assert len(said["pulls"]) == 2  # type: ignore[arg-type]


def test_a_member_without_a_figure_leaves_its_area_without_one(fetching: Fetching) -> None:
    with serving(served(missing=PARTS[CODES[1]][0])) as fake:
        done = fetching("claimants", fake, source="nomis")
    row = rows(done.written[0])[CODES[1]]
    assert (row["numerator"], row["status"]) == ("", "[x]")


def test_areas_without_members_are_told(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "members.csv"
    path.write_text("area_code,code\nE01000001,E01000001A\n", "utf-8")
    with serving(served()) as fake, pytest.raises(WorkspaceError, match="5 areas have no members"):
        fetching("claimants", fake, source="nomis")


def test_a_population_of_a_year_that_is_not_out_yet(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(path.read_text("utf-8").replace("year: 2022", "year: 2025"), "utf-8")
    with serving(served()) as fake, pytest.raises(SourceError, match="no row for 2025 Q4"):
        fetching("claimants", fake, source="nomis")


@pytest.mark.parametrize(("quarter", "year"), [("2026 Q1", "2025"), ("2026 Q3", "2026")])
def test_a_yearly_figure_is_carried_from_its_mid_year_on(
    fetching: Fetching, quarter: str, year: str
) -> None:
    asked: list[str] = []

    def answer(one: Asked) -> Reply:
        asked.append(one.query["date"])
        return Nomis({(year, part): "300" for parts in PARTS.values() for part in parts})(one)

    with serving(answer) as fake:
        done = fetching("people", fake, source="nomis", first=quarter)
    assert asked == [year]
    assert rows(done.written[0])[CODES[0]]["numerator"] == "600"


def test_a_mean_is_not_summed(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    path = folder / "outcomes" / "claimant_count.yaml"
    path.write_text(
        (folder / "outcomes" / "pupils.yaml")
        .read_text("utf-8")
        .replace("pupils", "claimant_count")
        .replace("frequency: year", "frequency: quarter")
        .replace("whole: true", "whole: false")
        .replace("dfe", "dwp_open"),
        "utf-8",
    )
    below = folder / "denominators.csv"
    below.write_text(
        "\n".join(x for x in below.read_text("utf-8").splitlines() if "claimant" not in x), "utf-8"
    )
    with serving(served()) as fake, pytest.raises(GeographyError, match="only counts"):
        fetching("claimants", fake, source="nomis")
