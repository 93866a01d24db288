"""Places of a return that contradict each other: which one is wrong is named, and ties are asked.

Each case is drawn: a submitter, a kind of file, a name that says whose it is or not, a ledger that
knows the past or nothing, and one place that says something else. What the evidence bears is
counted here by itself: places that say the truth, and what a ledger adds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.report import Checked, Confirmation, Problem, confirmed, unused
from evaluation.check.stages import check_file
from evaluation.check.whose import in_name
from evaluation.quarters import Period
from tests.corpus.draft import Draft, draft
from tests.corpus.world import TODAY, World, world

Q3 = Period.parse("2026 Q3")
SITES = tuple(f"S{n:02d}" for n in range(1, 7))
PLACES = {
    ("name", "site"): "file name",
    ("name", "agency"): "file name",
    ("name", "quarter"): "file name",
    ("guide", "site"): "Guide!B3",
    ("guide", "agency"): "Guide!B4",
    ("guide", "quarter"): "Guide!B5",
    ("rows", "site"): "Return!A",
    ("rows", "agency"): "Return!D",
    ("rows", "quarter"): "Return!C",
}


@dataclass(frozen=True)
class Case:
    """One contradiction: ``line`` is wrong in ``place``, and ``tells`` whether the name says."""

    seed: int
    kind: Literal["csv", "xlsx"]
    place: Literal["name", "guide", "rows"]
    line: Literal["site", "agency", "quarter"]
    named: bool
    ledger: bool

    @property
    def decided(self) -> bool:
        """Whether more speaks for the truth than for the place that is wrong.

        A CSV has two places, its name and its rows; a workbook has the guide too, and the name if
        it says anything. A ledger knows which quarter is due, and whose denominators these are: of
        rows that were another site's it would say the same, so it is no help there.
        """
        places = 1 + (self.kind == "xlsx") + self.named
        if places == 3:
            return True
        helps = self.line == "quarter" or self.place != "rows"
        return self.ledger and helps


def cases() -> list[Case]:
    found = []
    for seed in range(400):
        rng = random.Random(seed)
        kind = rng.choice(("csv", "xlsx"))
        named = kind == "csv" or rng.random() < 0.6
        places = [p for p in ("name", "guide", "rows") if (p != "guide" or kind == "xlsx")]
        place = rng.choice([p for p in places if p != "name" or named])
        line = rng.choice(("site", "agency", "quarter"))
        one = Case(seed, kind, place, line, named, rng.random() < 0.75)
        # Rows of another site under a name of this one, and a ledger that knows both: whoever is
        # right, the rows agree with themselves.
        if one.kind == "csv" and place == "rows" and line != "quarter" and one.ledger:
            continue
        if not named and kind == "xlsx" and place == "rows" and line != "quarter" and one.ledger:
            continue
        found.append(one)
    return found[:240]


CASES = cases()


def other(case: Case, site: str, agency: str) -> tuple[str, str, Period]:
    """The submitter and quarter of which the wrong place speaks."""
    rng = random.Random(case.seed + 1)
    if case.line == "site":
        return rng.choice([one for one in SITES if one != site]), agency, Q3
    if case.line == "agency":
        return site, "nhs" if agency == "council" else "council", Q3
    return site, agency, Q3 + rng.choice((-1, -1, -2, -4))


def spoil(case: Case) -> Draft:
    rng = random.Random(case.seed + 2)
    held: World = world(11)
    site, agency = rng.choice(SITES), rng.choice(("council", "nhs"))
    made = draft(held, site, agency, Q3, case.kind, seed=case.seed)
    wrong = other(case, site, agency)
    made.name = f"{site}_{agency}_{Q3.slug}" if case.named else "return for you"
    if case.place == "name":
        made.name = f"{wrong[0]}_{wrong[1]}_{wrong[2].slug}"
    elif case.place == "guide":
        value = {"site": wrong[0], "agency": wrong[1], "quarter": str(wrong[2])}
        made.guide[case.line] = value[case.line]
    elif case.line == "quarter":
        for row in made.rows:
            row["quarter"] = str(wrong[2])
    else:
        made.rows = draft(held, wrong[0], wrong[1], Q3, case.kind).rows
    return made


def check(made: Draft, ledger: bool, folder: Path) -> Checked:
    programme = made.world.programme
    known = made.world.history(Q3) if ledger else AcceptedFigures(programme)
    file = made.write(folder)
    return check_file(file, programme, history=lambda _: known, today=TODAY).checked


def about_places(checked: Checked) -> list[Problem]:
    return [p for p in checked.problems if p.place is not None]


def judged(case: Case, folder: Path) -> str:
    """What is wrong with the answer to a case; empty where it is right."""
    made = spoil(case)
    checked = check(made, case.ledger, folder)
    told = about_places(checked)
    marked = [p.place for p in told if p.likely_wrong]
    wrong = other(case, made.site, made.agency)
    if any("delete" in f"{p.message} {p.mend}".lower() for p in checked.problems):
        return "told to delete"
    values = {"site": wrong[0], "agency": wrong[1], "quarter": str(wrong[2])}
    if case.decided:
        if marked != [PLACES[case.place, case.line]]:
            return f"marked {marked}"
        if any(p.severity == "confirm" for p in told) or checked.accepted:
            return "asked although it is decided"
        if f"write {values[case.line]}" in told[0].mend or (checked.site, checked.quarter) != (
            made.site,
            str(Q3),
        ):
            return f"advised to file elsewhere: {told[0].mend}"
        return ""
    if marked or not any(p.severity == "confirm" for p in told):
        return f"a tie marked {marked}"
    if any(f"write {v}" in p.mend.lower() for p in told for v in (*values.values(), str(Q3))):
        return "a tie with advice"
    return ""


def share_right(chosen: list[Case], folder: Path) -> tuple[float, list[str]]:
    wrong = [f"{case}: {what}" for case in chosen if (what := judged(case, folder))]
    return 1 - len(wrong) / len(chosen), wrong


def test_there_are_two_hundred_of_each_sort_of_place_and_line() -> None:
    assert len(CASES) >= 200
    drawn = {(case.place, case.line, case.kind, case.decided) for case in CASES}
    assert len(drawn) >= 20
    assert sum(not case.decided for case in CASES) >= 20


def quick(sort: bool) -> Iterator[Case]:
    yield from [case for case in CASES if case.decided is sort][:25]


def test_the_one_wrong_place_is_named_and_nothing_else(tmp_path: Path) -> None:
    share, wrong = share_right(list(quick(True)), tmp_path)
    assert share >= 0.95, wrong


def test_where_as_much_speaks_for_both_it_is_asked(tmp_path: Path) -> None:
    share, wrong = share_right(list(quick(False)), tmp_path)
    assert share == 1, wrong


@pytest.mark.slow
@pytest.mark.parametrize("decided", [True, False])
def test_every_contradiction_is_answered_rightly(decided: bool, tmp_path: Path) -> None:
    share, wrong = share_right([case for case in CASES if case.decided is decided], tmp_path)
    assert share >= (0.95 if decided else 1), wrong


def test_an_accepted_quarter_is_not_replaced_unasked(tmp_path: Path) -> None:
    """Everything in the file says 2026 Q2, and the figures are new: Q2's stand already."""
    made = draft(world(11), "S03", "council", Q3, "xlsx")
    made.name, made.guide["quarter"] = "S03_council_2026-Q2", "2026 Q2"
    for row in made.rows:
        row["quarter"] = "2026 Q2"
    checked = check(made, True, tmp_path)
    asked = next(p for p in checked.of("confirm") if p.rule == "R092")
    assert "April to June 2026" in asked.message and not checked.accepted


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Tarn return Q2 2026-27", "2026 Q3"),
        ("Tarn return Q2_2026_27", "2026 Q3"),
        ("Tarn return 2026-27 Q2", "2026 Q3"),
        ("Tarn return Q1 2026-27", "2026 Q2"),
        ("Tarn return Q3 2026", "2026 Q3"),
        ("Tarn return 2026 Q3 12", "2026 Q3"),
        ("Tarn return Q3 2026-10-12", None),
    ],
)
def test_a_financial_year_in_a_name_is_read_as_one(name: str, says: str | None) -> None:
    assert in_name(f"{name}.xlsx", world(11).programme).get("quarter") == says


def test_each_question_about_a_name_takes_a_reason_of_its_own(tmp_path: Path) -> None:
    """That the site is right says nothing of the quarter."""
    held = world(11)
    made = draft(held, "S03", "council", Q3, "csv")
    made.name = "S04_nhs_2026-Q2"
    file = made.write(tmp_path)
    nothing = AcceptedFigures(held.programme)
    checked = check_file(file, held.programme, history=lambda _: nothing, today=TODAY).checked
    asked = [one for one in checked.of("confirm") if one.place == "file name"]
    assert len(asked) > 1

    def reasons(*words: str) -> list[Confirmation]:
        return [Confirmation(rule="R038", cell="FILE NAME", reason=word) for word in words]

    alone = reasons("the site is S03")
    assert confirmed(checked, alone).kept == ()
    (note,) = unused(checked, alone)
    assert f"asks {len(asked)} things of file name: give a reason for each" in note.message
    words = [f"reason {n}" for n in range(len(asked))]
    assert [one.reason for one in confirmed(checked, reasons(*words)).kept] == words
    assert unused(checked, reasons(*words)) == ()


@pytest.mark.parametrize("quarter", ["2026 Q4", "2018 Q1"])
def test_a_quarter_outside_the_programme_is_told_once_and_marks_no_place(
    tmp_path: Path, quarter: str
) -> None:
    """Name and rows say the same: nothing disagrees, and nothing is to be rewritten."""
    held = world(11)
    made = draft(held, "S03", "council", Q3, "csv")
    made.name = f"S03_council_{quarter.replace(' ', '-')}"
    for row in made.rows:
        row["quarter"] = quarter
    nothing = AcceptedFigures(held.programme)
    file = made.write(tmp_path)
    checked = check_file(file, held.programme, history=lambda _: nothing, today=TODAY).checked
    (told,) = [one for one in checked.problems if "lies outside the programme" in one.message]
    assert not told.likely_wrong
    assert "write" not in told.mend
    assert "Do not change it to another one" in told.mend
    assert not any("The other places say" in one.message for one in checked.problems)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("S99_council_2026-Q3", "says S99, which is no site of"),
        ("S03_plumbing_2026-Q3", "says plumbing, which is no agency of"),
        ("data_council_2026-Q3", ""),
        ("S03_council_2026-Q3", ""),
        ("returns of Tarn", ""),
    ],
)
def test_a_workbooks_name_with_a_site_that_is_none_is_not_passed_over(
    tmp_path: Path, name: str, said: str
) -> None:
    """It is accepted, since a workbook may have any name, and told for whose it was taken."""
    held = world(11)
    made = draft(held, "S03", "council", Q3, "xlsx")
    made.name = name
    nothing = AcceptedFigures(held.programme)
    file = made.write(tmp_path)
    checked = check_file(file, held.programme, history=lambda _: nothing, today=TODAY).checked
    told = [one.message for one in checked.of("note") if one.place == "file name"]
    assert [said in one and "figures of" in one for one in told] == ([True] if said else [])
    assert checked.accepted
