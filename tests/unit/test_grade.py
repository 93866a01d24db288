"""The grade of evidence follows its conditions; both real cases are graded by hand beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.errors import ProtocolError
from evaluation.finding.grade import Evidence, Judgement, grade

ARGUED = Judgement(comparison_argued="The same county, the same rules.")
SOUND = Evidence(
    one_instrument=True,
    pilot_areas=8,
    comparison_areas=60,
    periods_before=12,
    trend=("holds", "They moved together."),
    complete=0.99,
    agree=3,
    others=3,
    excludes_none=True,
    fixed_before=True,
    how_chosen="By lot among those that asked.",
    controls=(("holds", "Road casualties did not move by more than chance could explain."),),
    spillover=("holds", "The ring moved like those beyond."),
)


def unmet(found):
    return {one.code for one in found.conditions if one.met != "met"}


def test_the_most_that_these_designs_can_reach_is_three():
    found = grade(SOUND, ARGUED)
    assert (found.level, unmet(found), found.raises) == (3, set(), ())
    assert found.sentence.startswith("Level 3 of 5 on the Maryland scale (at most 3")


@pytest.mark.parametrize(
    ("change", "level", "code", "raised"),
    [
        ({"periods_before": 2}, 2, "path", "2 more periods before the start."),
        ({"periods_before": 3}, 2, "path", "1 more period before the start."),
        ({"trend": ("fails", "They parted.")}, 2, "path", "were on the pilots' path"),
        ({"trend": ("cannot tell", "Not tested.")}, 2, "path", "were on the pilots' path"),
        ({"comparison_areas": 0}, 1, "comparison", "One instrument"),
        ({"one_instrument": False}, 1, "comparison", "One instrument"),
        ({"complete": 0.92}, 3, "complete", "Completeness from 92 % to 95 %."),
        ({"fixed_before": False}, 3, "timing", "A protocol locked before the first start."),
        ({"spillover": ("fails", "It leaked.")}, 3, "untouched", "farther away"),
        ({"controls": ()}, 3, "controls", "Name an outcome"),
        # Blind below what is in question: it earns nothing.
        ({"controls": (("cannot tell", "Blind."),)}, 3, "controls", "A control that can see"),
    ],
)
def test_each_condition_has_its_level_and_its_mend(change, level, code, raised):
    found = grade(replace(SOUND, **change), ARGUED)
    assert found.level == level
    assert unmet(found) == {code}
    assert any(raised in one for one in found.raises)
    assert "1 of 8 conditions is not shown to be met" in found.sentence


def test_a_comparison_that_nobody_argues_for():
    found = grade(SOUND, Judgement())
    assert found.level == 2 and unmet(found) == {"argued"}


def test_a_person_reads_seven_domains_and_signs(tmp_path: Path):
    found = grade(SOUND, ARGUED)
    assert len(found.robins_i) == 7
    assert "By lot among those that asked." in found.robins_i["confounding"]
    assert found.certainty["start"] == "Observational evidence starts at low."
    judged = "robins_i: {confounding: {judgement: serious, why: Chosen by need.}}\n"
    (tmp_path / "grade.yaml").write_text(judged)
    with pytest.raises(ProtocolError, match="nobody has signed"):
        Judgement.load(tmp_path)
    (tmp_path / "grade.yaml").write_text(
        judged + "signed: {name: A. Reader, role: methods lead, date: 2026-11-24}\n"
    )
    held = Judgement.load(tmp_path)
    assert held.robins_i["confounding"].judgement == "serious"
    (tmp_path / "grade.yaml").write_text("robins_i: {weather: {judgement: low, why: x}}\n")
    with pytest.raises(ProtocolError, match="robins_i"):
        Judgement.load(tmp_path)
    assert Judgement.load(tmp_path / "none") == Judgement()
