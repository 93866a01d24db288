"""Codes of 2011 in areas of 2021, for all of England and Wales: no total changes, no rate jumps."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from evaluation.errors import GeographyError
from evaluation.geography import (
    Change,
    CodeShare,
    Crosswalk,
    Span,
    apportioned_people,
    blocks,
    explained,
    shares_in,
    shares_of,
    write_shares,
)
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.connect.conftest import CODES
from tests.journey.at_the_command_line import told

UNCHANGED, SPLIT, CHILDREN, MERGED, INTO, COMPLEX = 33_647, 861, 1_900, 239, 119, 6
SPAN = Span(vintage_from="LSOA 2011", vintage_to="LSOA 2021", year=2021)


def england_and_wales() -> list[Change]:
    """An exact-fit lookup of the size and shape of the real one, with invented codes."""
    changes = [Change(f"U{n:05d}", f"U{n:05d}", "U") for n in range(UNCHANGED)]
    extra = CHILDREN - 2 * SPLIT  # so many are split in three or more, one each
    made = 0
    for n in range(SPLIT):
        parts = 2 + (1 if n < extra else 0)
        changes += [Change(f"S{n:05d}", f"C{made + part:05d}", "S") for part in range(parts)]
        made += parts
    # 119 areas out of 239: all but one of two, one of three.
    for n in range(MERGED):
        changes.append(Change(f"M{n:05d}", f"J{min(n // 2, INTO - 1):05d}", "M"))
    # Six old and six new ones that only as a whole are the same.
    for n in range(COMPLEX):
        changes += [Change(f"X{n:05d}", f"Y{m:05d}", "X") for m in (n, (n + 1) % COMPLEX)]
    return changes


@pytest.fixture(scope="module")
def changes() -> list[Change]:
    return england_and_wales()


@pytest.fixture(scope="module")
def population(changes: list[Change]) -> dict[str, float]:
    codes = sorted({one.to_code for one in changes})
    return {code: 1_000 + 7 * (n % 301) for n, code in enumerate(codes)}


@pytest.fixture(scope="module")
def shares(changes: list[Change], population: dict[str, float]) -> tuple[CodeShare, ...]:
    return shares_of(changes, population, SPAN)


def test_every_old_code_is_there_once_with_the_kind_of_its_change(
    shares: tuple[CodeShare, ...],
) -> None:
    kinds = {one.from_code: one.kind for one in shares}
    assert len(kinds) == 34_753
    assert Counter(kinds.values()) == {
        "unchanged": UNCHANGED,
        "split": SPLIT,
        "merged": MERGED,
        "complex": COMPLEX,
    }
    assert len({one.to_code for one in shares}) == UNCHANGED + CHILDREN + INTO + COMPLEX == 35_672


def test_totals_are_conserved_in_every_family(shares: tuple[CodeShare, ...]) -> None:
    counts: dict[str, float | None] = {
        one.from_code: float(7 * int(one.from_code[1:]) % 97) for one in shares
    }
    made = Crosswalk.of(shares).convert(counts)
    before = math.fsum(value for value in counts.values() if value is not None)
    after = math.fsum(one.figure for one in made.values() if one.figure is not None)
    assert after == pytest.approx(before, rel=1e-12)
    families = blocks(shares)
    for name in set(families.values()):
        old = math.fsum(counts[code] or 0 for code in name.split("+"))
        new = math.fsum(made[code].figure or 0 for code, own in families.items() if own == name)
        assert new == pytest.approx(old, rel=1e-12)


def test_rates_never_jump(shares: tuple[CodeShare, ...], population: dict[str, float]) -> None:
    """With weights of the denominator's own year all children have their parent's rate."""
    people = {
        code: math.fsum(population[one.to_code] for one in own)
        for code, own in _by_old(shares).items()
        if own[0].kind in ("unchanged", "split")
    }
    rate = {code: 0.01 + (n % 50) / 1_000 for n, code in enumerate(people)}
    counts: dict[str, float | None] = {code: rate[code] * people[code] for code in people}
    merged = Counter(one.to_code for one in shares if one.kind == "merged")
    # A merged area's parts and a union's have one rate here, so that any other is a fault.
    for one in shares:
        if one.kind == "merged":
            counts[one.from_code] = 0.02 * population[one.to_code] / merged[one.to_code]
        if one.kind == "complex":
            union = math.fsum(population[f"Y{n:05d}"] for n in range(COMPLEX))
            counts[one.from_code] = 0.03 * union / COMPLEX
    made = Crosswalk.of(shares).convert(counts)
    parent = {one.to_code: one.from_code for one in shares}
    for code, one in made.items():
        expected = {"J": 0.02, "Y": 0.03}.get(code[0]) or rate[parent[code]]
        assert one.figure is not None
        assert one.figure / population[code] == pytest.approx(expected, rel=1e-9)


def _by_old(shares: tuple[CodeShare, ...]) -> dict[str, list[CodeShare]]:
    found: dict[str, list[CodeShare]] = {}
    for one in shares:
        found.setdefault(one.from_code, []).append(one)
    return found


def test_weights_of_another_year_make_rates_jump_and_are_refused() -> None:
    changes = [Change("A", "B", "S"), Change("A", "C", "S")]
    table = [
        *shares_of(changes, {"B": 100, "C": 300}, SPAN),
        *shares_of(
            changes,
            {"B": 300, "C": 100},
            Span(vintage_from="LSOA 2011", vintage_to="LSOA 2021", year=2024),
        ),
    ]
    with pytest.raises(GeographyError, match="2 vintages or years"):
        Crosswalk.of(table)
    then = Crosswalk.of(shares_in(table, 2021)).convert({"A": 40.0})
    assert then["B"].figure == 10 and then["C"].figure == 30
    with pytest.raises(GeographyError, match=r"of 2019(?s:.*)2021, 2024"):
        shares_in(table, 2019)


def test_lineage_says_exact_summed_or_apportioned(shares: tuple[CodeShare, ...]) -> None:
    way = Crosswalk.of(shares)
    counts: dict[str, float | None] = dict.fromkeys(way.codes, 10.0)
    made = way.convert(counts)
    said = Counter(one.lineage for one in made.values())
    assert said == {"exact": UNCHANGED, "apportioned": CHILDREN + COMPLEX, "summed": INTO}
    assert made["C00000"].apportioned == 1 and made["U00000"].apportioned == 0


def test_a_split_inside_one_area_vanishes() -> None:
    changes = [Change("A", "B", "S"), Change("A", "C", "S"), Change("D", "D", "U")]
    way = Crosswalk.of(shares_of(changes, {"B": 1, "C": 2, "D": 5}, SPAN))
    inside = way.into({"all": ("B", "C", "D"), "none": ()}).convert({"A": 7.0, "D": 1.0})
    assert inside["all"] == (8.0, "summed", 0.0, ("A", "D"))
    assert inside["none"].figure is None
    across = way.into({"one": ("B", "D"), "other": ("C",)}).convert({"A": 9.0, "D": 3.0})
    assert across["one"] == (6.0, "apportioned", 0.5, ("A", "D"))
    assert across["other"].figure == 6.0


def test_a_part_that_is_missing_makes_the_area_missing() -> None:
    changes = [Change("A", "C", "M"), Change("B", "C", "M")]
    way = Crosswalk.of(shares_of(changes, {}, SPAN))
    assert way.convert({"A": 4.0, "B": None})["C"].figure is None
    assert way.convert({"A": 4.0})["C"].figure is None
    assert way.convert({"A": 4.0, "B": 0.0})["C"].figure == 4.0


def test_a_split_family_is_one_block(shares: tuple[CodeShare, ...]) -> None:
    found = blocks(shares)
    assert len(found) == CHILDREN + COMPLEX
    assert len(set(found.values())) == SPLIT + 1
    assert found["C00000"] == found["C00001"] == "S00000"
    assert found["Y00000"] == "+".join(f"X{n:05d}" for n in range(COMPLEX))


@pytest.mark.parametrize(
    ("changes", "population", "sentence"),
    [
        ([("A", "B", "S"), ("A", "C", "S")], {"B": 1.0}, "has no population"),
        ([("A", "B", "S"), ("A", "C", "S")], {"B": 0.0, "C": 0.0}, "nobody lives"),
        ([("A", "B", "S"), ("A", "C", "S")], {"B": math.nan, "C": 1.0}, "nobody lives"),
        ([("A", "B", "S"), ("A", "C", "S")], {"B": -1.0, "C": 3.0}, "nobody lives"),
        ([("A", "B", "U"), ("A", "B", "U")], {}, "twice"),
        ([("A", "B", "U"), ("A", "C", "U")], {"B": 1.0, "C": 1.0}, "as unchanged, and its rows"),
        ([("A", "B", "S")], {}, "as split, and its rows make it unchanged"),
        ([("A", "B", "Q")], {}, "marks A as 'Q'"),
    ],
)
def test_a_lookup_that_does_not_hold(
    changes: list[tuple[str, str, str]], population: dict[str, float], sentence: str
) -> None:
    with pytest.raises(GeographyError, match=sentence):
        shares_of([Change(*one) for one in changes], population, SPAN)


def test_shares_that_lose_or_double_something_are_refused() -> None:
    half = CodeShare(
        from_code="A", to_code="B", vintage_from="1", vintage_to="2", share=0.5, kind="split"
    )
    with pytest.raises(GeographyError, match=r"sum to 0\.5"):
        Crosswalk.of([half])
    with pytest.raises(GeographyError, match="no count"):
        Crosswalk.identity(["A"]).convert({"A": math.inf})


def test_old_codes_are_explained() -> None:
    changes = [
        *(Change("A", f"B{n}", "S") for n in range(6)),
        Change("C", "E", "M"), Change("D", "E", "M"), Change("F", "F", "U"), Change("G", "H", "U"),
    ]  # fmt: skip
    by = _by_old(shares_of(changes, dict.fromkeys((f"B{n}" for n in range(6)), 1.0), SPAN))
    assert explained(by["A"]) == (
        "A is a code of LSOA 2011; in LSOA 2021 it is split into B0, B1, B2, B3 and others."
    )
    assert explained(by["C"]).endswith("it is part of E.")
    assert explained(by["F"]).endswith("it is unchanged.")
    assert explained(by["G"]).endswith("it is H.")


@pytest.fixture
def recoded(place: Workspace) -> Workspace:
    """The fifth area is half of a split one, and the sixth its other half."""
    folder = place.studies / "place"
    split = [Change("E01OLD005", code, "S") for code in CODES[4:]]
    kept = [Change(code, code, "U") for code in CODES[:4]]
    people = dict.fromkeys(CODES, 1_000.0)
    write_shares(folder / "code_shares.csv", shares_of([*split, *kept], people, SPAN))
    path = folder / "programme.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("outcomes:", "code_shares: code_shares.csv\noutcomes:"), "utf-8")
    return place


def test_an_old_code_in_a_return_is_recognised_and_explained(recoded: Workspace) -> None:
    path = recoded.root / "OPEN_dwp_open_2026-Q1.csv"
    path.write_text(
        "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
        "E01OLD005,,2026 Q1,claimant_count,10,600,,\n",
        "utf-8",
    )
    code, out, _ = told(recoded.root, "--programme", "place", "check", str(path))
    assert code == 1
    assert "E01OLD005 is a code of LSOA 2011; in LSOA 2021 it is split into" in out
    assert "Give the figures by codes of LSOA 2021" in out


def test_a_later_code_in_a_return_is_recognised_and_explained(place: Workspace) -> None:
    """The programme counts by the codes of its lock; two of its areas have been merged since."""
    folder = place.studies / "place"
    merged = [Change(code, "E01NEW099", "M") for code in CODES[4:]]
    kept = [Change(code, code, "U") for code in CODES[:4]]
    write_shares(folder / "code_shares.csv", shares_of([*merged, *kept], {}, SPAN))
    path = folder / "programme.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("outcomes:", "code_shares: code_shares.csv\noutcomes:"), "utf-8")
    sent = place.root / "OPEN_dwp_open_2026-Q1.csv"
    sent.write_text(
        "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
        "E01NEW099,,2026 Q1,claimant_count,10,600,,\n",
        "utf-8",
    )
    code, out, _ = told(place.root, "--programme", "place", "check", str(sent))
    assert code == 1
    assert "E01NEW099 is a code of LSOA 2021; in LSOA 2011, by which this programme counts" in out
    assert "E01000005, E01000006" in out and "Give the figures by codes of LSOA 2011" in out


def test_the_share_of_an_area_that_is_apportioned(recoded: Workspace) -> None:
    programme = Programme.load(recoded, "place")
    found = apportioned_people(programme.code_shares)
    assert [found[code] for code in CODES] == [0, 0, 0, 0, 1, 1]
