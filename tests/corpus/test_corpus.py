"""Planted faults, each found at its cell in the first pass; clean returns without an error."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.check.report import Checked
from evaluation.check.rules import rules
from evaluation.check.stages import check_return
from evaluation.quarters import Period
from evaluation.returns.workbook import read_return
from tests.corpus.draft import Draft, NoRoom, draft
from tests.corpus.faults import FAULTS, Fault, Sought
from tests.corpus.questions import QUESTIONS
from tests.corpus.world import world

SEEDS = (11, 12, 13)
Q3 = Period.parse("2026 Q3")
SURVEYS = {code for code in rules() if code >= "R100"}
ELSEWHERE = {"R001", "R095", *SURVEYS}
"""A file that cannot be read has no cells, and a reason is given beside it; other tests do that.

Those of a survey's figures stand in returns of a survey, which tests/wave has."""
SUBMITTERS = [(f"S{n:02d}", agency) for n in range(1, 7) for agency in ("council", "nhs")]
INJECTED = [(fault, kind) for fault in (*FAULTS, *QUESTIONS) for kind in fault.kinds]


def checked(spoilt: Draft, folder: Path) -> Checked:
    raw = read_return(spoilt.write(folder))
    return check_return(raw, spoilt.world.programme, before=spoilt.before)


def places(found: Checked) -> set[tuple[str, str]]:
    return {(p.rule, _place(p.sheet, p.cell)) for p in found.problems}


def _place(sheet: str | None, cell: str | None) -> str:
    if cell is None:
        return ""
    return cell if sheet in (None, "Return") else f"{sheet}!{cell}"


def missed(wanted: Sequence[Sought], found: Checked) -> list[tuple[frozenset[str], str]]:
    told = places(found)
    return [
        (one.rules, one.at())
        for one in wanted
        if not told & {(rule, at) for rule in one.rules for at in one.at().split("|")}
    ]


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(INJECTED) >= 400


def test_every_rule_has_a_case() -> None:
    drafted: set[str] = set()
    for number, (fault, kind) in enumerate(INJECTED):
        spoilt = draft(world(SEEDS[0]), "S03", "council", Q3, kind, seed=number)
        for wanted in fault.plant(spoilt):
            drafted |= wanted.rules
    assert set(rules()) - drafted == ELSEWHERE
    assert len(drafted) >= 40


def cases() -> Iterator[Any]:
    """Every fault in every kind of file; the quick tests make each in one kind."""
    for number, (fault, kind) in enumerate(INJECTED):
        quick = len(fault.kinds) == 1 or number % 4 in (0, 3)
        marks = [] if quick else [pytest.mark.slow]
        yield pytest.param(number, fault, kind, id=f"{fault.name}-{kind}", marks=marks)


@pytest.mark.parametrize(("number", "fault", "kind"), list(cases()))
def test_a_fault_is_found_in_its_cell(number: int, fault: Fault, kind: str, tmp_path: Path) -> None:
    site = f"S{1 + number % 6:02d}"
    spoilt = draft(world(SEEDS[number % len(SEEDS)]), site, "council", Q3, kind, seed=number)
    wanted = fault.plant(spoilt)
    found = checked(spoilt, tmp_path)
    assert missed(wanted, found) == [], sorted(places(found))
    if not fault.alone:
        errors = {(p.rule, _place(p.sheet, p.cell)) for p in found.of("error")}
        allowed = {(rule, w.at()) for w in wanted for rule in w.rules}
        assert {e for e in errors - allowed if e[0] != "R036"} == set(), (
            "one fault, told as several"
        )


def clean_returns() -> Iterator[tuple[int, str, str, Period, str]]:
    n = 0
    for seed in SEEDS[:2]:
        for period in (Q3, Q3 + -1, Q3 + -3, Q3 + -6):
            for site, agency in SUBMITTERS:
                n += 1
                yield seed, site, agency, period, ("xlsx", "csv")[n % 4 > 0]
    for site, agency in [("OPEN", s.code) for s in world(SEEDS[0]).programme.sources]:
        # In a quarter without a wave the survey's return would be empty.
        if list(world(SEEDS[0]).rows(site, agency, Q3)):
            yield SEEDS[0], site, agency, Q3, "csv"


@pytest.mark.slow
def test_a_hundred_clean_returns_have_no_error(tmp_path: Path) -> None:
    count = questions = 0
    for seed, site, agency, period, kind in clean_returns():
        found = checked(draft(world(seed), site, agency, period, kind), tmp_path)
        assert found.of("error") == (), (seed, site, agency, period)
        count += 1
        questions += len(found.of("confirm"))
    assert count >= 100
    assert questions <= count


def combined(seed: int, kind: str, faults: int) -> tuple[Draft, list[Sought]]:
    rng = random.Random(seed)
    site = f"S{1 + seed % 6:02d}"
    agency = "council"
    spoilt = draft(world(SEEDS[seed % len(SEEDS)]), site, agency, Q3, kind, seed=seed)
    able = [fault for fault in FAULTS if kind in fault.kinds and not fault.alone]
    rng.shuffle(able)
    wanted: list[Sought] = []
    used = 0
    for fault in able:
        if used == faults:
            break
        try:
            wanted += fault.plant(spoilt)
            used += 1
        except NoRoom:
            continue
    return spoilt, wanted


@pytest.mark.parametrize("seed", range(6))
def test_thirty_faults_at_once_are_all_found(seed: int, tmp_path: Path) -> None:
    spoilt, wanted = combined(seed, ("xlsx", "csv")[seed % 2], 30)
    assert len(wanted) >= 30
    assert missed(wanted, checked(spoilt, tmp_path)) == []


@pytest.mark.slow
def test_thirty_faults_in_each_of_a_hundred_files_are_all_found(tmp_path: Path) -> None:
    lost = []
    for seed in range(100, 200):
        spoilt, wanted = combined(seed, ("xlsx", "csv")[seed % 2], 30)
        assert len(wanted) >= 30
        lost += [(seed, *one) for one in missed(wanted, checked(spoilt, tmp_path))]
    assert lost == []
