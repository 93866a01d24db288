"""People's own words: coders blind to the arm, their agreement, shares by arm, quotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.check.rules import rules
from evaluation.cli import app
from evaluation.programme import Programme
from evaluation.wave.voices import Voices, krippendorff_alpha, leads_to_a_person, read_voices
from evaluation.workspace import Workspace
from tests.wave.asked import CODES, Row, surveyed, write

QUOTE = "Somebody rang me back the same week, and I did not have to tell it all again."


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    return surveyed(tiny_workspace)


def coded(n: int = 20, seed: int = 3) -> list[Row]:
    """Both coders nearly alike on help and money, unlike on hope; help is named more by pilots."""
    rng = np.random.default_rng(seed)
    rows = []
    for area in CODES:
        for _ in range(n):
            said = {"help"} if rng.random() < (0.7 if area < "E05" else 0.3) else set()
            said |= {"money"} if rng.random() < 0.4 else set()
            second = said ^ ({"money"} if rng.random() < 0.04 else set())
            first = said | ({"hope"} if rng.random() < 0.3 else set())
            second |= {"hope"} if rng.random() < 0.3 else set()
            rows.append(
                {
                    "area_code": area,
                    "coder_1": ";".join(sorted(first)),
                    "coder_2": "; ".join(sorted(second)),
                    "consent_quote": "no",
                    "quote": "",
                    "read_by": "",
                    "changes": "",
                }
            )
    rows[0] |= {"consent_quote": "yes", "quote": QUOTE, "read_by": "Ada; Ben", "changes": "a name"}
    return rows


def read(folder: Path, programme: Programme, rows: list[Row]) -> Voices:
    return read_voices(write(folder / "coded.csv", rows), programme)


def test_alpha_is_that_of_the_package_of_that_name() -> None:
    import krippendorff

    rng = np.random.default_rng(11)
    for _ in range(20):
        ratings = rng.integers(0, 4, (3, 40)).astype(float)
        ratings[:, :25] = ratings[0, :25]
        ratings[rng.random(ratings.shape) < 0.15] = np.nan
        peer = krippendorff.alpha(reliability_data=ratings, level_of_measurement="nominal")
        assert krippendorff_alpha(ratings) == pytest.approx(peer, abs=1e-12)


def test_alpha_of_those_who_always_agree_and_of_nothing() -> None:
    assert krippendorff_alpha(np.array([[0.0, 1, 1], [0, 1, 1]])) == 1
    assert krippendorff_alpha(np.zeros((2, 5))) is None


def test_codes_become_shares_by_arm_where_coders_agree(
    programme: Programme, tmp_path: Path
) -> None:
    found = read(tmp_path, programme, coded(40))
    assert found.ok and found.people == {"pilot": 160, "comparison": 80}
    by_code = {one.code: one for one in found.codes}
    help_, money, hope = by_code["help"], by_code["money"], by_code["hope"]
    assert help_.grade == "publish" and help_.difference is not None and help_.difference > 20
    assert help_.difference == pytest.approx((help_.pilot or 0) - (help_.comparison or 0))
    # Two of three authorities hold pilots: three ways to draw them.
    assert help_.p_value == pytest.approx(1 / 3, abs=0.02)
    assert money.grade == "publish"
    assert hope.grade == "recode" and hope.pilot is None and hope.p_value is None
    assert [p.rule for p in found.problems] == ["R136"]


def test_a_quotation_stands_beside_with_its_log(programme: Programme, tmp_path: Path) -> None:
    found = read(tmp_path, programme, coded(40))
    (one,) = found.quotations
    assert one.text == QUOTE
    assert (one.read_by, one.changes) == (("Ada", "Ben"), "a name")


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no consent": ({"quote": QUOTE, "read_by": "Ada; Ben"}, "R133", "E4"),
    "consent unsaid": ({"consent_quote": "perhaps"}, "R133", "D4"),
    "one reader": ({"consent_quote": "yes", "quote": QUOTE, "read_by": "Ada"}, "R134", "F4"),
    "one reader twice": (
        {"consent_quote": "yes", "quote": QUOTE, "read_by": "Ada; ada"},
        "R134",
        "F4",
    ),
    "a place": (
        {"consent_quote": "yes", "quote": "In Cedar Dale it is bad.", "read_by": "A; B"},
        "R135",
        "E4",
    ),
    "a telephone": (
        {"consent_quote": "yes", "quote": "Ring 01632 960123 now.", "read_by": "A; B"},
        "R135",
        "E4",
    ),
    "no such area": ({"area_code": "E99"}, "R111", "A4"),
    "no area": ({"area_code": ""}, "R111", "A4"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_at_its_row(name: str, programme: Programme, tmp_path: Path) -> None:
    changes, rule, cell = FAULTS[name]
    rows = coded()
    rows[2] |= changes
    found = read(tmp_path, programme, rows)
    errors = [(p.rule, p.cell) for p in found.problems if p.severity == "error"]
    assert errors == [(rule, cell)]
    told = json.dumps([p.as_dict() for p in found.problems])
    assert QUOTE not in told and "960123" not in told


@pytest.mark.parametrize(
    ("column", "rule"), [("arm", "R130"), ("Treated", "R130"), ("text", "R131")]
)
def test_coders_are_blind_and_texts_stay(
    column: str, rule: str, programme: Programme, tmp_path: Path
) -> None:
    rows = [row | {column: "x"} for row in coded()]
    assert rule in {p.rule for p in read(tmp_path, programme, rows).problems}


def test_coders_who_never_differ_are_asked_about(programme: Programme, tmp_path: Path) -> None:
    rows = [row | {"coder_2": row["coder_1"]} for row in coded()]
    assert "R132" in {p.rule for p in read(tmp_path, programme, rows).problems}


def test_shares_of_a_handful_are_withheld(programme: Programme, tmp_path: Path) -> None:
    rows = [row for k, row in enumerate(coded()) if row["area_code"] < "E05" or k % 20 < 4]
    found = read(tmp_path, programme, rows)
    assert found.people["comparison"] == 8 and all(one.pilot is None for one in found.codes)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("write to a.b@c.org", "an e-mail address"),
        ("ring +44 1632 960 123", "a telephone number"),
        ("my number is AB 12 34 56 C", "a national insurance number"),
        ("at AB1 2CD", "a postcode"),
        ("on 3/4/2026", "a date"),
        ("at 12 Mill Lane", "an address"),
        ("Mrs Example helped", "a title with a name"),
        ("they have me as 943 476 5919", "an NHS number"),
        ("I was born in 1961", "a date of birth"),
    ],
)
def test_what_leads_to_a_person_is_seen(text: str, what: str) -> None:
    assert what in leads_to_a_person(text)
    assert leads_to_a_person(QUOTE) == ()


def test_the_verb_passes_nobody_s_words_on_where_something_is_wrong(
    programme: Programme, tiny_workspace: Workspace, tmp_path: Path
) -> None:
    path = write(tmp_path / "coded.csv", coded(40))
    args = ["--workspace", str(tiny_workspace.root), "voices", str(path), "--json"]
    good = json.loads(CliRunner().invoke(app, args).stdout)
    assert {"people", "agreement", "codes", "quotations", "problems"} <= set(good)
    rows = coded(40)
    rows[5] |= {"quote": "Ring 01632 960123 now.", "read_by": "A; B", "consent_quote": "yes"}
    write(path, rows)
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 1 and "960123" not in done.stdout and QUOTE not in done.stdout


def test_every_rule_of_words_has_a_case() -> None:
    told = {rule for _, rule, _ in FAULTS.values()} | {"R130", "R131", "R132", "R136"}
    assert {code for code in rules() if "R130" <= code <= "R136"} <= told
