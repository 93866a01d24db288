"""A file of respondents: each planted fault is told at its row, and a clean one is summarised."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.check.rules import rules
from evaluation.programme import Programme
from evaluation.returns.form import column_letter
from evaluation.wave.fieldwork import changed_wording, items, questionnaire
from evaluation.wave.respondents import ReadWave, read_wave, span_of
from evaluation.wave.summarise import Summary, summarise
from evaluation.workspace import Workspace
from tests.wave.asked import CODES, HEAD, Row, people, surveyed, targets, write


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    return surveyed(tiny_workspace)


def read(folder: Path, programme: Programme, rows: list[Row], aims: list[Row]) -> ReadWave:
    head = list(dict.fromkeys(name for row in rows for name in row)) or list(HEAD)
    file = write(folder / "respondents.csv", rows, head)
    told = write(folder / "targets.csv", aims, ["area_code", "variable", "category", "people"])
    return read_wave(file, told, programme, items(programme))


def made(folder: Path, programme: Programme, rows: list[Row], **how: Any) -> Summary:
    found = read(folder, programme, rows, how.pop("aims", targets()))
    assert found.respondents is not None, [p.message for p in found.problems]
    return summarise(found.respondents, found.targets, items(programme), programme, **how)


def test_a_clean_file_has_nothing_to_mend(programme: Programme, tmp_path: Path) -> None:
    found = read(tmp_path, programme, people(), targets())
    assert not [p for p in found.problems if p.severity == "error"]
    assert found.respondents is not None and len(found.respondents.area) == 60 * len(CODES)


def put(row: int, column: str, value: Any) -> Callable[[list[Row], list[Row]], None]:
    def plant(rows: list[Row], _: list[Row]) -> None:
        rows[row][column] = value

    return plant


def twice(rows: list[Row], _: list[Row]) -> None:
    rows.insert(10, dict(rows[4]))


def numbered_twice(rows: list[Row], _: list[Row]) -> None:
    for place, row in enumerate(rows):
        row["respondent"] = place
    rows[20]["respondent"] = 3


def no_targets(_: list[Row], aims: list[Row]) -> None:
    aims[:] = [row for row in aims if row["area_code"] != "E02"]


def aim(row: int, column: str, value: Any) -> Callable[[list[Row], list[Row]], None]:
    def plant(_: list[Row], aims: list[Row]) -> None:
        aims[row][column] = value

    return plant


def aim_twice(_: list[Row], aims: list[Row]) -> None:
    aims.append(dict(aims[0]))


def nobody(_: list[Row], aims: list[Row]) -> None:
    for row in aims[:3]:
        row["people"] = 0


def two_waves(rows: list[Row], _: list[Row]) -> None:
    for place, row in enumerate(rows):
        row["quarter"] = "2026 Q1" if place % 2 else "2026 Q3"


def without(column: str) -> Callable[[list[Row], list[Row]], None]:
    def plant(rows: list[Row], _: list[Row]) -> None:
        for row in rows:
            del row[column]

    return plant


# Columns: A area_code, B household, C weight, D age, E age_band, F sex, G tenure, H mode, I ...
FAULTS = {
    "blank weight": (put(5, "weight", ""), "R113", "C7"),
    "weight in words": (put(5, "weight", "two"), "R113", "C7"),
    "negative weight": (put(5, "weight", -1), "R113", "C7"),
    "no weight at all": (put(5, "weight", 0), "R113", "C7"),
    "endless weight": (put(5, "weight", "inf"), "R113", "C7"),
    "weight as per cent": (put(5, "weight", "120%"), "R113", "C7"),
    "decimal comma": (put(5, "weight", "1,5"), "R113", "C7"),
    "the same row twice": (twice, "R114", "A12"),
    "the same number twice": (numbered_twice, "R114", "L22"),
    "a child by age": (put(8, "age", 15), "R115", "D10"),
    "a child by band": (put(8, "age_band", "10-15"), "R115", "E10"),
    "a child by words": (put(8, "age_band", "under 16"), "R115", "E10"),
    "age in words": (put(8, "age", "forty"), "R128", "D10"),
    "age beyond life": (put(8, "age", 250), "R128", "D10"),
    "half an age": (put(8, "age", 34.5), "R128", "D10"),
    "answer above": (put(9, "life_satisfaction", 11), "R116", "I11"),
    "answer below": (put(9, "life_satisfaction", -8), "R116", "I11"),
    "answer between": (put(9, "life_satisfaction", 7.5), "R116", "I11"),
    "answer in words": (put(9, "life_satisfaction", "quite"), "R116", "I11"),
    "answer of another item": (put(9, "belonging", 5), "R116", "K11"),
    "unknown label": (put(9, "belonging", "rather strongly"), "R116", "K11"),
    "unknown area": (put(3, "area_code", "E99"), "R111", "A5"),
    "no area": (put(3, "area_code", ""), "R111", "A5"),
    "area without targets": (no_targets, "R112", "A62"),
    "unknown category": (put(6, "sex", "F"), "R117", "F8"),
    "blank category": (put(6, "age_band", ""), "R117", "E8"),
    "targets below zero": (aim(1, "people", -20), "R118", "D3"),
    "targets in words": (aim(1, "people", "many"), "R118", "D3"),
    "targets blank": (aim(1, "people", ""), "R118", "D3"),
    "targets of no area": (aim(1, "area_code", "E77"), "R118", "A3"),
    "targets without a category": (aim(1, "category", ""), "R118", "C3"),
    "targets twice": (aim_twice, "R118", "C32"),
    "targets of nobody": (nobody, "R118", None),
    "two waves in one file": (two_waves, "R138", "L1"),
    "weight missing": (without("weight"), "R110", None),
    "area missing": (without("area_code"), "R110", None),
    "a target's variable missing": (without("sex"), "R110", None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_at_its_row(name: str, programme: Programme, tmp_path: Path) -> None:
    plant, rule, cell = FAULTS[name]
    rows, aims = people(), targets()
    plant(rows, aims)
    found = read(tmp_path, programme, rows, aims)
    told = [(p.rule, p.cell) for p in found.problems if p.severity == "error"]
    assert (rule, cell) in told
    assert found.respondents is None
    # One fault is told as one thing.
    assert {one for one, _ in told} == {rule}


def test_all_faults_are_told_in_one_pass(programme: Programme, tmp_path: Path) -> None:
    rows, aims = people(), targets()
    for name in ("blank weight", "a child by age", "answer above", "unknown category", "no area"):
        FAULTS[name][0](rows, aims)
    told = {p.rule for p in read(tmp_path, programme, rows, aims).problems}
    assert {"R113", "R115", "R116", "R117", "R111"} <= told


def test_a_file_with_no_respondent_or_no_item_is_refused(
    programme: Programme, tmp_path: Path
) -> None:
    none = read(tmp_path, programme, [], targets())
    assert any(p.rule == "R110" and "no row" in p.message for p in none.problems)
    bare = [{k: v for k, v in row.items() if k not in HEAD[8:]} for row in people()]
    assert any(
        "No column holds an answer" in p.message
        for p in read(tmp_path, programme, bare, targets()).problems
    )


def test_what_is_not_answered_is_no_fault(programme: Programme, tmp_path: Path) -> None:
    rows = people()
    for place, said in enumerate(("", "don't know", "Prefer not to say", "refused")):
        rows[place]["life_satisfaction"] = said
    rows[7]["belonging"] = "Very strongly"
    summary = made(tmp_path, programme, rows)
    (one,) = [
        f for f in summary.figures if (f.area_code, f.outcome) == ("E01", "life_satisfaction")
    ]
    assert one.respondents == 56 and one.unanswered == pytest.approx(4 / 60)


def test_a_column_of_own_words_is_told_and_not_read(programme: Programme, tmp_path: Path) -> None:
    rows = people()
    for row in rows:
        row["comments"] = "the centre on Mill Lane helped my mother a lot"
    found = read(tmp_path, programme, rows, targets())
    (told,) = [p for p in found.problems if p.rule == "R121"]
    assert "own words" in told.message and "Mill Lane" not in json.dumps(told.as_dict())


def test_fewer_than_ten_are_withheld_and_fewer_than_thirty_marked(
    programme: Programme, tmp_path: Path
) -> None:
    rows = people(9, ["E01"]) + people(10, ["E02"]) + people(29, ["E03"]) + people(30, ["E04"])
    summary = made(tmp_path, programme, rows)
    found = {f.area_code: f for f in summary.figures if f.outcome == "life_satisfaction"}
    assert found["E01"].mean is None and found["E01"].status == "[c]"
    assert [found[a].status for a in ("E02", "E03", "E04")] == ["[low]", "[low]", ""]
    assert any(p.rule == "R119" for p in summary.problems)


def test_targets_of_the_whole_programme_serve_areas_without_their_own(
    programme: Programme, tmp_path: Path
) -> None:
    aims = [row | {"area_code": ""} for row in targets(["E01"], adults=24_000)]
    summary = made(tmp_path, programme, people(), aims=aims)
    assert len([f for f in summary.figures if f.outcome == "belonging"]) == len(CODES)


def test_arms_that_answer_otherwise_or_are_measured_otherwise_are_told(
    programme: Programme, tmp_path: Path
) -> None:
    rows = people(200, CODES[:4]) + people(30, CODES[4:])
    for row in rows:
        row["mode"] = "web" if row["area_code"] in CODES[:4] else "paper"
    told = {p.rule for p in made(tmp_path, programme, rows).problems}
    assert {"R122", "R123"} <= told
    calm = {p.rule for p in made(tmp_path, programme, people()).problems}
    assert not {"R122", "R123", "R125"} & calm


def test_clients_alone_are_told_what_selection_gives(programme: Programme, tmp_path: Path) -> None:
    summary = made(tmp_path, programme, people(60, CODES[:4]))
    (told,) = [p for p in summary.problems if p.rule == "R125"]
    assert "1.06" in told.message and "never an effect" in told.message


def test_other_words_are_another_question(programme: Programme, tmp_path: Path) -> None:
    asked = items(programme)
    path = tmp_path / "asked.csv"
    path.write_text(questionnaire(asked), encoding="utf-8")
    assert changed_wording(path, asked) == []
    text = path.read_text("utf-8").replace("with your life nowadays", "with your life these days")
    path.write_text(text, encoding="utf-8")
    (told,) = changed_wording(path, asked)
    assert (told.rule, told.cell) == ("R124", "D2")
    lines = questionnaire(asked).splitlines()
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n", encoding="utf-8")
    assert [p.rule for p in changed_wording(path, asked)] == ["R137"]


def test_both_ways_to_an_error_agree(programme: Programme, tmp_path: Path) -> None:
    linear = made(tmp_path, programme, people())
    left_out = made(tmp_path, programme, people(), errors="jackknife")
    for one, other in zip(linear.figures, left_out.figures, strict=True):
        assert one.mean == other.mean and one.se is not None and other.se is not None
        assert other.se == pytest.approx(one.se, rel=0.25)


def test_a_share_that_nobody_gives_still_has_an_error(programme: Programme, tmp_path: Path) -> None:
    rows = [row | {"loneliness_often": 5} for row in people(40, ["E01", "E05"])]
    summary = made(tmp_path, programme, rows)
    found = [f for f in summary.figures if f.outcome == "loneliness_often"]
    assert [f.mean for f in found] == [0, 0] and all(1 < (f.se or 0) < 6 for f in found)


@pytest.mark.parametrize(
    ("band", "span"),
    [
        ("25-34", (25, 34)),
        ("25 to 34", (25, 34)),
        ("65+", (65, float("inf"))),
        ("under 16", (0, 15)),
    ],
)
def test_bands_are_read(band: str, span: tuple[float, float]) -> None:
    assert span_of(band) == span


def test_every_rule_of_respondents_has_a_case() -> None:
    """Those of returns are in test_returns, those of words in test_voices."""
    told_here = {rule for _, rule, _ in FAULTS.values()}
    told_here |= {"R119", "R121", "R122", "R123", "R124", "R125", "R137"}
    in_margins = {"R120", "R126", "R127", "R129"}
    asked = {code for code in rules() if "R110" <= code <= "R129"} | {"R137", "R138"}
    assert asked == told_here | in_margins


def test_other_spellings_of_a_category_are_read(programme: Programme, tmp_path: Path) -> None:
    rows = people()
    for row in rows:
        row["sex"] = row["sex"].capitalize()
        row["age_band"] = row["age_band"].replace("-", " \N{EN DASH} ")
    found = read(tmp_path, programme, rows, targets())
    assert found.respondents is not None, [p.message for p in found.problems]
    assert set(found.respondents.variables["sex"]) == {"female", "male"}


def test_what_may_have_been_meant_is_said_and_many_alike_are_told_once(
    programme: Programme, tmp_path: Path
) -> None:
    rows = people()
    for row in rows:
        row["sex"] = "F" if row["sex"] == "female" else row["sex"]
        row["area_code"] = {"E01": "e01", "E02": "Aldergate"}.get(
            row["area_code"], row["area_code"]
        )
        row["surname"] = "X"
    errors = read(tmp_path, programme, rows, targets()).problems
    said = [p.message for p in errors]
    assert any("Did you mean E01?" in one for one in said)
    assert any("Did you mean E02?" in one for one in said)
    assert sum(p.rule == "R117" for p in errors) == 1
    assert any("may lead to a person" in one for one in said)


def test_nobody_answered_an_item(programme: Programme, tmp_path: Path) -> None:
    rows = [row | {"belonging": ""} for row in people()]
    found = [f for f in made(tmp_path, programme, rows).figures if f.outcome == "belonging"]
    assert {f.status for f in found} == {"[x]"} and {f.respondents for f in found} == {0}


def test_what_weighting_cost_is_said(programme: Programme, tmp_path: Path) -> None:
    rows = [row for row in people() if not (row["area_code"] == "E01" and row["sex"] == "male")]
    rows[0]["weight"] = 60
    for row in rows:
        del row["household"]
    aims = targets()
    aims[-1]["people"] *= 3
    found = read(tmp_path, programme, rows, aims)
    assert {"R126", "R129"} <= {p.rule for p in found.problems}
    told = {p.rule for p in made(tmp_path, programme, rows, aims=aims).problems}
    assert {"R120", "R127"} <= told


def test_a_heading_below_blank_lines_is_named_where_it_stands(
    programme: Programme, tmp_path: Path
) -> None:
    file = tmp_path / "respondents.csv"
    write(file, [{**row, "diary": "x"} for row in people()], (*HEAD, "diary"))
    file.write_text("\n\n" + file.read_text("utf-8"), "utf-8")
    aims = tmp_path / "targets.csv"
    write(aims, targets())
    found = read_wave(file, aims, programme, items(programme))
    (unread,) = (one for one in found.problems if one.rule == "R121")
    assert unread.cell == f"{column_letter(len(HEAD))}3"
