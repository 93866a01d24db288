"""areas.csv without handwork: roles and reasons from lookups, whatever their columns are called."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from evaluation.connect.area_sets import read_population
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

LADS = ("Leeds", "Leeds", "Hull", "Hull", "York", "York")


def write(path: Path, lines: list[str], encoding: str = "utf-8") -> str:
    path.write_text("\n".join(lines) + "\n", encoding)
    return str(path)


def given(root: Path) -> list[str]:
    (root / "studies").mkdir(exist_ok=True)
    codes = [f"E0100000{n}" for n in range(1, 7)]
    pilots = write(root / "pilots.csv", ["code,site", f"{codes[0]},S01"])
    lookup = write(
        root / "lookup.csv",
        ["LSOA21CD,LSOA21NM,LAD25CD,LAD25NM"]
        + [f"{c},Place {n},E0800000{n // 2},{LADS[n]}" for n, c in enumerate(codes)],
        "utf-8-sig",
    )
    iod = write(
        root / "File_7.csv",
        [
            "LSOA code (2021),Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived "
            "10% of LSOAs),Total population: mid 2022,x,y,other programme"
        ]
        + [
            f'{c},{decile},"1,{500 + n}",{400 + n}000,300000,{"Levelling" if n == 4 else ""}'
            for n, (c, decile) in enumerate(zip(codes, (1, 2, 2, 9, 1, 1), strict=True))
        ],
    )
    return ["--pilots", pilots, "--lookup", lookup, "--lookup", iod]


def areas(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return {row["code"][-1]: row for row in csv.DictReader(stream)}


def test_each_area_has_a_role_and_each_exclusion_a_reason(tmp_path: Path) -> None:
    out = tmp_path / "areas.csv"
    newstart(tmp_path, "programme", "areas", *given(tmp_path), "-o", str(out))
    held = areas(out)
    assert [held[n]["role"] for n in "123456"] == [
        "pilot", "excluded", "comparison", "excluded", "excluded", "comparison",
    ]  # fmt: skip
    assert held["1"]["site"] == "S01" and held["1"]["name"] == "Place 0"
    assert held["2"]["reason"] == "in a pilot's authority"
    assert held["4"]["reason"] == "deprivation fifth 5; pilots are in 1"
    assert held["5"]["reason"] == "in another programme: Levelling"
    assert held["3"]["population"] == "1502" and float(held["3"]["x"]) == 402


def test_a_buffer_and_wider_sets(tmp_path: Path) -> None:
    out = tmp_path / "areas.csv"
    more = ["--buffer-km", "2.5", "--any-deprivation", "--same-authority"]
    newstart(tmp_path, "programme", "areas", *given(tmp_path), *more, "-o", str(out))
    held = areas(out)
    assert held["2"]["reason"] == "buffer: 1.0 km from a pilot"
    assert [held[n]["role"] for n in "346"] == ["excluded", "comparison", "comparison"]


def test_pilots_of_another_vintage_are_told(tmp_path: Path) -> None:
    arguments = given(tmp_path)
    write(tmp_path / "pilots.csv", ["code,site", "E01999999,S01"])
    code, _, err = told(
        tmp_path, "programme", "areas", *arguments, "-o", str(tmp_path / "areas.csv")
    )
    assert code == 2 and "vintage" in err and "E01999999" in err


def test_lookups_that_share_no_code_are_told(tmp_path: Path) -> None:
    arguments = given(tmp_path)
    write(tmp_path / "File_7.csv", ["LSOA11CD,decile", "E01777777,3"])
    code, _, err = told(
        tmp_path, "programme", "areas", *arguments, "-o", str(tmp_path / "areas.csv")
    )
    assert code == 2 and "shares no code" in err and "do not join by code" in err


def test_areas_made_of_several(tmp_path: Path) -> None:
    """Pilots are wards; deprivation and population come by LSOA."""
    arguments = given(tmp_path)
    write(tmp_path / "pilots.csv", ["code,site", "W1,S01"])
    codes = [f"E0100000{n}" for n in range(1, 7)]
    write(
        tmp_path / "lookup.csv",
        ["LSOA21CD,WD25CD,WD25NM,LAD25NM"]
        + [f"{c},W{1 + n // 2},Ward {1 + n // 2},{LADS[n]}" for n, c in enumerate(codes)],
    )
    out = tmp_path / "areas.csv"
    newstart(tmp_path, "programme", "areas", *arguments, "--any-deprivation", "-o", str(out))
    held = areas(out)
    assert list(held) == ["1", "2", "3"]
    assert held["1"]["population"] == "3001" and held["2"]["name"] == "Ward 2"


def test_a_table_of_shares_from_a_fetched_lookup(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    lookup = write(tmp_path / "lookup.csv", ["LSOA11CD,LSOA21CD,CHGIND", "A,B,S", "A,C,S", "D,D,U"])
    people = write(tmp_path / "people.csv", ["code,population", "B,100", "C,300"])
    out = tmp_path / "code_shares.csv"
    newstart(
        tmp_path, "programme", "codes", "--lookup", lookup, "--population", people,
        "--year", "2022", "-o", str(out),
    )  # fmt: skip
    with out.open(encoding="utf-8") as stream:
        held = {row["to_code"]: row for row in csv.DictReader(stream)}
    assert (held["B"]["share"], held["C"]["share"], held["D"]["share"]) == ("0.25", "0.75", "1.0")
    assert held["B"]["kind"] == "split" and held["B"]["year"] == "2022"


def test_a_buffer_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    command = given(tmp_path)
    code, _, err = told(
        tmp_path, "programme", "areas", *command[:4], "--buffer-km", "3",
        "-o", str(tmp_path / "areas.csv"),
    )  # fmt: skip
    assert code == 2 and "no buffer can be kept: 1 pilots have no place" in err
    assert not (tmp_path / "areas.csv").exists()


def test_what_no_lookup_holds_is_said(tmp_path: Path) -> None:
    command = given(tmp_path)
    code, _, err = told(
        tmp_path, "programme", "areas", *command[:4], "-o", str(tmp_path / "areas.csv")
    )
    assert code == 0 and "No lookup holds the pilots' deprivation" in err
    assert "No lookup holds populations" in err


def test_what_is_proposed_is_a_programmes_areas(place: Workspace) -> None:
    """The proposal is read as areas.csv is: the pilots start, the rest may be compared or not."""
    root = place.root
    out = place.studies / "place" / "areas.csv"
    newstart(root, "programme", "areas", *given(root), "-o", str(out))
    programme = Programme.load(place, "place")
    roles = {area.code[-1]: area.role for area in programme.areas}
    assert roles["1"] == "pilot" and roles["3"] == "comparison" and roles["5"] == "excluded"
    (pilot,) = (area for area in programme.areas if area.role == "pilot")
    assert programme.start_of(pilot) == programme.sites[0].start
    assert all(area.reason for area in programme.areas if area.role == "excluded")


def test_pilots_without_a_code_are_no_pilots(tmp_path: Path) -> None:
    arguments = given(tmp_path)
    write(tmp_path / "pilots.csv", ["code,site", ",S01", " ,S02"])
    out = tmp_path / "areas.csv"
    code, _, err = told(tmp_path, "programme", "areas", *arguments, "-o", str(out))
    assert code == 2 and "no pilot is named" in err and not out.exists()


@pytest.mark.parametrize(
    ("codes", "people", "said"),
    [
        (["LSOA11CD", "A"], ["code,population", "A,1"], "the column lsoa11cd alone"),
        (["old,new", "A,B", "A,C"], ["code,people", "B,1"], "no column population"),
        (["old,new", "A,B", "A,C"], ["code,population", "B,many"], "'many', which is no number"),
        (["old,new", "A,B", "A,C"], ["code,population", "B,"], "'', which is no number"),
    ],
)
def test_a_table_of_codes_that_lacks_something_is_told(
    tmp_path: Path, codes: list[str], people: list[str], said: str
) -> None:
    (tmp_path / "studies").mkdir()
    files = [write(tmp_path / "lookup.csv", codes), write(tmp_path / "people.csv", people)]
    code, _, err = told(
        tmp_path, "programme", "codes", "--lookup", files[0], "--population", files[1],
        "--year", "2022", "-o", str(tmp_path / "out.csv"),
    )  # fmt: skip
    assert code == 2 and said in err and "fault of ours" not in err


def test_populations_may_have_commas_at_thousands(tmp_path: Path) -> None:
    file = Path(write(tmp_path / "people.csv", ["code,population", 'b,"1,500"', "C,300"]))
    assert read_population(file) == {"B": 1500.0, "C": 300.0}
