"""Authorities that were merged or got another code: figures follow, or it is said why they cannot.

Councils of England changed in 2019, 2020, 2021 and 2023, and codes in 2025. Each case here is one
of another year, by a file that was dropped in as the department publishes it: rows of the codes
that were valid in its period, or a whole history by the new ones.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from evaluation.authorities import authority_changes, kin, stand_ins
from evaluation.connect.fetch import Fetched
from evaluation.errors import SourceError, WorkspaceError
from evaluation.programme import Programme
from evaluation.workspace import packaged_schemas
from tests.connect.conftest import Fetching
from tests.connect.fake import Nomis, serving

RECIPES = """
recipes:
  - name: duties
    kind: csv
    source: dwp_uc
    outcome: claims
    files: "duties*.csv"
    area_column: code
    period_column: period
    numerator: owed
    out_of: households
    period: "(?P<year>[0-9]{4}) Q(?P<quarter>[1-4])"
"""
CUMBERLAND = ("E07000026", "E07000028", "E07000029")


def areas(fetching: Fetching, *lines: str) -> None:
    """A pilot that nothing happened to, and the comparison authorities of a case."""
    folder = fetching.workspace.studies / "place"
    text = "code,name,authority,role,site,population\nE08000035,Leeds,Leeds,pilot,S01,800000\n"
    (folder / "areas.csv").write_text(text + "".join(f"{line}\n" for line in lines), "utf-8")
    (folder / "denominators.csv").write_text("area,outcome,denominator\n", "utf-8")
    (folder / "sources.yaml").write_text(RECIPES, "utf-8")
    declared = (folder / "programme.yaml").read_text("utf-8")
    (folder / "programme.yaml").write_text(declared.replace("2025 Q1", "2018 Q1"), "utf-8")


def fetched(fetching: Fetching, period: str, figures: dict[str, int]) -> Fetched:
    dropped = fetching.workspace.var / "dropped"
    dropped.mkdir(parents=True, exist_ok=True)
    lines = [f"{code},{period},{owed},{10 * owed}" for code, owed in figures.items()]
    (dropped / "duties.csv").write_text("code,period,owed,households\n" + "\n".join(lines), "utf-8")
    return fetching("duties", "http://127.0.0.1:9", source="nomis", first=period)


def rows(done: Fetched) -> list[dict[str, str]]:
    with done.written[0].open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def told(done: Fetched) -> str:
    return " ".join(str(one.what) for one in done.told)


def test_a_new_authority_has_the_sum_of_its_parts_before(fetching: Fetching) -> None:
    areas(fetching, "E06000063,Cumberland,Cumberland,comparison,,270000")
    figures = {"E08000035": 50, **dict(zip(CUMBERLAND, (10, 20, 30), strict=True))}
    done = fetched(fetching, "2022 Q4", figures)
    _, one = rows(done)
    assert (one["numerator"], one["denominator"]) == ("60", "600")
    assert "sum of 3" in one["note"]
    assert "E06000063 is made of the figures of E07000026, E07000028, E07000029" in told(done)
    beside = next(done.written[0].parent.glob("*.lineage.json"))
    (cell,) = json.loads(beside.read_text("utf-8"))["cells"]
    assert (cell["lineage"], cell["parts"]) == ("summed", list(CUMBERLAND))


def test_a_part_that_is_missing_makes_no_smaller_sum(fetching: Fetching) -> None:
    areas(fetching, "E06000063,Cumberland,Cumberland,comparison,,270000")
    done = fetched(fetching, "2022 Q4", {"E08000035": 50, "E07000026": 10, "E07000028": 20})
    _, one = rows(done)
    assert (one["numerator"], one["status"]) == ("", "[x]")


def test_its_own_figure_goes_before_the_sum(fetching: Fetching) -> None:
    """A department that gives its whole history by the new codes may leave the old ones in."""
    areas(fetching, "E06000066,Somerset,Somerset,comparison,,570000")
    old = dict.fromkeys(("E07000187", "E07000188", "E07000189", "E07000246"), 5)
    done = fetched(fetching, "2022 Q1", {"E08000035": 50, "E06000066": 21, **old})
    assert rows(done)[1]["numerator"] == "21" and "made of" not in told(done)


def test_a_part_that_was_made_of_others_itself(fetching: Fetching) -> None:
    """Somerset West and Taunton was made in 2019 and went into Somerset in 2023."""
    areas(fetching, "E06000066,Somerset,Somerset,comparison,,570000")
    old = ("E07000187", "E07000188", "E07000189", "E07000190", "E07000191")
    done = fetched(fetching, "2018 Q4", {"E08000035": 50, **dict.fromkeys(old, 7)})
    assert rows(done)[1]["numerator"] == "35"


def test_an_authority_that_is_no_more_is_told_and_missing(fetching: Fetching) -> None:
    areas(
        fetching,
        "E07000163,Craven,Craven,comparison,,57000",
        "E08000032,Bradford,Bradford,comparison,,540000",
    )
    done = fetched(fetching, "2023 Q2", {"E08000035": 50, "E08000032": 60, "E06000065": 70})
    craven = {row["area_code"]: row for row in rows(done)}["E07000163"]
    assert (craven["numerator"], craven["status"]) == ("", "[x]")
    said = told(done)
    assert "E07000163 (Craven) became part of E06000065 (North Yorkshire) on 2023-04-01" in said
    assert "cannot be parted" in said and "declare E06000065 in areas.csv" in said


def test_until_the_day_it_has_its_own(fetching: Fetching) -> None:
    areas(fetching, "E07000150,Corby,Corby,comparison,,70000")
    done = fetched(fetching, "2021 Q1", {"E08000035": 50, "E07000150": 9})
    assert rows(done)[1]["numerator"] == "9" and "became part" not in told(done)


def test_where_none_is_left_the_merger_is_named_and_no_vintage(fetching: Fetching) -> None:
    """More than half of the areas without a row used to be told as another vintage."""
    areas(
        fetching,
        "E07000004,Aylesbury Vale,Aylesbury Vale,comparison,,200000",
        "E07000005,Chiltern,Chiltern,comparison,,95000",
    )
    done = fetched(fetching, "2020 Q2", {"E08000035": 50, "E06000060": 31})
    assert told(done).count("became part of E06000060 (Buckinghamshire) on 2020-04-01") == 2


@pytest.mark.parametrize(
    ("own", "theirs"), [("E08000016", "E08000038"), ("E08000038", "E08000016")]
)
def test_the_same_place_under_another_code(fetching: Fetching, own: str, theirs: str) -> None:
    """Barnsley got another code in 2025; sources change over in their own time, both ways."""
    areas(fetching, f"{own},Barnsley,Barnsley,comparison,,245000")
    done = fetched(fetching, "2025 Q3", {"E08000035": 50, theirs: 12})
    assert rows(done)[1]["numerator"] == "12"
    assert f"{own} is made of the figures of {theirs}" in told(done)


def test_codes_of_another_vintage_are_still_refused(fetching: Fetching) -> None:
    areas(fetching, *(f"E0600000{n},Place {n},Place {n},comparison,,1000" for n in range(1, 5)))
    with pytest.raises(SourceError, match="another vintage"):
        fetched(fetching, "2024 Q1", {f"E060000{n}": 4 for n in range(70, 76)})


def test_a_service_is_asked_for_the_other_codes_too(fetching: Fetching) -> None:
    areas(fetching, "E06000061,North Northamptonshire,North Northamptonshire,comparison,,360000")
    old = ("E07000150", "E07000152", "E07000153", "E07000156")
    months = ("2020-10", "2020-11", "2020-12")
    figures = {(month, code): "40" for code in (*old, "E08000035") for month in months}
    with serving(Nomis(figures)) as fake:
        done = fetching("claimant_count", fake, source="nomis", first="2020 Q4")
        asked = fake.asked[0].query["geography"].split(",")
    assert {row["area_code"]: row["numerator"] for row in rows(done)} == {
        "E08000035": "40",
        "E06000061": "160",
    }
    assert set(old) < set(asked)


def test_the_register_is_the_one_of_the_events() -> None:
    """Each merger that the register of events tells has its codes, and the other way round."""
    with (packaged_schemas() / "known_events.csv").open(encoding="utf-8", newline="") as stream:
        told_there = {
            (row["authority"], row["into"], row["from"])
            for row in csv.DictReader(stream)
            if row["kind"] == "authority merger"
        }
    merged = [one for one in authority_changes() if one.from_name != one.to_name]
    assert told_there == {(one.from_name, one.to_name, one.since.isoformat()) for one in merged}
    assert {one.since.year for one in merged} == {2019, 2020, 2021, 2023}
    codes = [one.from_code for one in authority_changes()]
    assert len(codes) == len(set(codes)) and not {c for c in codes if c in kin(c)}


def test_what_cannot_be_had() -> None:
    assert stand_ins("E07000026", {"E06000063"}) == (), "a whole is not one of its parts"
    assert stand_ins("E06000063", {"E07000026", "E07000028"}) == ()
    assert stand_ins("E09000001", {"E09000002"}) == ()


SHARED = """
sources:
  - {{code: east, name: East, agency: council, authorities: [{east}]}}
  - {{code: rest, name: Rest, agency: council, authorities: [{rest}]}}
"""


def shared(path: Path, east: str, rest: str, authorities: tuple[str, str]) -> None:
    """An outcome of two councils, for one comparison area each."""
    declared = (path / "programme.yaml").read_text("utf-8")
    text = declared.replace("sources:", SHARED.format(east=east, rest=rest).strip())
    text = text.replace("[claimant_count, antisocial_behaviour, claims, pupils]", "[claims]")
    (path / "programme.yaml").write_text(text, "utf-8")
    outcome = (path / "outcomes" / "claims.yaml").read_text("utf-8")
    outcome = outcome.replace("comparison_source: dwp_uc", "comparison_source: [east, rest]")
    (path / "outcomes" / "claims.yaml").write_text(outcome, "utf-8")
    (path / "areas.csv").write_text(
        "code,name,authority,role,site,population\nP1,Alder,Leeds,pilot,S01,900\n"
        + "".join(
            f"C{n},Place {n},{name},comparison,,1000\n" for n, name in enumerate(authorities)
        ),
        "utf-8",
    )
    (path / "denominators.csv").write_text("area,outcome,denominator\n", "utf-8")


def test_a_council_that_was_made_of_others_sends_for_their_areas(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    shared(folder, "East Suffolk", "West Suffolk", ("Waveney", "Forest Heath"))
    programme = Programme.load(fetching.workspace, "place")
    assert [area.code for area in programme.expected("OPEN", "east")[0]] == ["C0"]
    assert [area.code for area in programme.expected("OPEN", "rest")[0]] == ["C1"]


def test_mergers_of_the_programmes_own_register_are_followed(fetching: Fetching) -> None:
    """Reorganisations to come are in no package: the register of events has them."""
    folder = fetching.workspace.studies / "place"
    (folder / "events.csv").write_text(
        "kind,areas,authority,outcomes,from,to,what,source,into\n"
        "authority merger,,Mole Valley,,2027-04-01,,Mole Valley joins,order,East Surrey\n"
        "authority merger,,East Surrey,,2029-04-01,,East Surrey joins,order,Surrey\n",
        "utf-8",
    )
    shared(folder, "Surrey", "Woking", ("Mole Valley", "Woking"))
    programme = Programme.load(fetching.workspace, "place")
    assert [area.code for area in programme.expected("OPEN", "east")[0]] == ["C0"]


def test_a_source_of_an_authority_that_is_no_more_is_told(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    shared(folder, "Eden", "Leeds", ("Westmorland and Furness", "Leeds"))
    with pytest.raises(WorkspaceError, match="write Westmorland and Furness"):
        Programme.load(fetching.workspace, "place")


def test_a_force_is_found_by_any_name_of_an_authority(fetching: Fetching) -> None:
    """Areas declared by the new authority, and a recipe that names the old ones."""
    names = fetching.programme.mergers.ever("North Yorkshire")
    assert names[0] == "North Yorkshire" and {"Craven", "Selby"} <= set(names)
    assert fetching.programme.mergers.ever("Poole") == (
        "Poole",
        "Bournemouth, Christchurch and Poole",
    )
