"""Verdicts follow their rules, and no sentence says more than its figures."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.diagnose import Diagnostic, objections
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.units import in_units
from evaluation.finding import Judged, adjust, judge
from evaluation.finding.sentences import percent_text, rounded, span
from evaluation.finding.undo import Breaks, Undo, undo_of
from evaluation.finding.verdict import Direction, Range, Size, Unclear
from evaluation.simulate import Scenario, Switches, draw_figures, invent_programme, panel_of
from evaluation.wording import PLAIN
from tests.unit.verdict_contradictions import Case, contradictions

SCHEMAS = Path(__file__).parents[2] / "data_schemas"


def judged(seed: int, switches: Switches, preset: str = "tiny") -> Judged:
    scenario = Scenario.load(SCHEMAS)
    chosen = scenario.presets[preset]
    programme = invent_programme(scenario, chosen, SCHEMAS)
    figures = draw_figures(programme, scenario, chosen, seed=seed, switches=switches)
    panel = panel_of(programme, figures, ("ae_attendances",))
    assignments = Assignments.draw(panel, n=199, strata=())
    estimate = did(
        panel,
        "ae_attendances",
        settings=DidSettings(scale="log", base="mean"),
        assignments=assignments,
    )
    p = float(estimate.overall(window=(0, 3))["p_value"].iloc[0])
    return Judged(
        outcome=programme.outcome_by_code["ae_attendances"],
        estimate=estimate,
        window=(0, 3),
        margin_percent=6,
        adjusted_p=p,
        baseline=100.0,
        units=in_units(estimate),
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("nothing", [True, False])
def test_no_sentence_contradicts_its_figures(seed: int, nothing: bool) -> None:
    case = judged(seed, Switches(no_effect=nothing))
    finding = judge(case)
    row = case.estimate.overall(window=case.window).iloc[0]
    rests_on = Case(
        code=case.outcome.code,
        title=case.outcome.plain_title,
        polarity=case.outcome.polarity,
        role="secondary",
        scale="log",
        **{key: float(row[key]) for key in ("effect", "low", "high")},
        p=float(row["p_value"]),
        adjusted_p=case.adjusted_p,
        alpha=1 - case.estimate.level,
        margin=case.margin_percent,
        complete=finding.speaks <= max(case.estimate.index["quarter"].astype(str)),
    )
    assert not contradictions(finding, rests_on)


def test_an_objection_withholds_both_parts_and_says_why() -> None:
    clear = replace(judged(13, Switches()), adjusted_p=0.001)
    assert judge(clear).direction is Direction.FELL
    forced = judge(
        replace(clear, objections=("something moved that the programme cannot explain",))
    )
    assert (forced.direction, forced.size) == (Direction.CANNOT_TELL, Size.CANNOT_TELL)
    assert forced.ruling.unclear is Unclear.OBJECTION
    assert "something moved" in forced.sentence


def test_a_window_not_complete_is_too_early() -> None:
    case = judged(3, Switches(no_effect=True))
    late = replace(case, window=(0, 50), margin_percent=0.001, adjusted_p=0.9)
    assert judge(late).said == "too early to say"
    done = replace(case, margin_percent=0.001, adjusted_p=0.9)
    assert judge(done).said == "cannot tell"


def test_a_level_below_zero_rises_where_its_figure_rises() -> None:
    """Per cent of the size of a baseline, as ``design power`` has it: a fall stays a fall."""
    level = replace(judged(13, Switches()), adjusted_p=0.001)
    level = replace(level, estimate=replace(level.estimate, scale="level"), units=None)
    above, below, none = (judge(replace(level, baseline=b)) for b in (100.0, -100.0, 0.0))
    assert above.percent == below.percent
    assert above.direction is below.direction is none.direction is Direction.FELL
    assert np.isnan(none.percent.effect) and none.size is Size.CANNOT_TELL
    assert "cannot be given in percent" in none.sentence and "nan" not in none.paragraph


def test_what_would_undo_it_is_in_the_finding() -> None:
    case = replace(judged(13, Switches()), adjusted_p=0.001, undoing=True)
    found = judge(case)
    assert found.undo is not None and found.breaks is not None
    assert found.undo.breaks == found.breaks.breakdown
    ratio = 1 / (1 + found.percent.high / 100)
    assert found.undo.cause == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))
    assert found.undo.sentence in found.paragraph
    assert judge(replace(case, adjusted_p=0.9)).undo is None
    assert judge(replace(case, undoing=False)).undo is None


def test_what_would_undo_it_in_words() -> None:
    fell = Range(effect=-3.7, low=-5.9, high=-1.2)
    said = undo_of(fell, Breaks(breakdown=0.0799, rows=())).sentence
    assert "more than 0.08 times the largest" in said and "1.12 times as common" in said
    assert "0.004 times" in Undo(breaks=0.004, cause=None).sentence
    assert "even without a break" in Undo(breaks=0.0, cause=1.2).sentence
    assert "No break" in Undo(breaks=np.inf, cause=None).sentence
    assert Undo(breaks=None, cause=None).sentence == ""
    # A fall by all there is has no ratio that a cause could be held against.
    assert undo_of(Range(effect=-120, low=-140, high=-105), None).cause is None


def test_no_figure_is_rounded_across_what_its_verdict_says() -> None:
    said = percent_text(Range(effect=-3.0, low=-5.96, high=-0.02), 6.0)
    assert said == "-3.0 % (-5.96 to -0.02)"
    assert percent_text(Range(effect=-3.0, low=-6.04, high=-1.0), 6.0) == "-3.0 % (-6.04 to -1.0)"


def test_a_trend_objects_only_to_an_effect_in_its_own_direction() -> None:
    check = Diagnostic(code="pre_trend", result="fails", size=-0.1)
    assert objections((check,), -1.0)
    assert not objections((check,), 1.0)
    assert not objections((replace(check, result="holds"),), -1.0)


def test_adjusted_p_values_are_those_of_the_textbook() -> None:
    holm = adjust({"a": 0.01, "b": 0.04, "c": 0.03}, "holm")
    assert holm == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    bh = adjust({"a": 0.01, "b": 0.04, "c": 0.03}, "fdr_bh")
    assert bh == pytest.approx({"a": 0.03, "b": 0.04, "c": 0.04})
    assert adjust({}, "holm") == {}


def test_holm_by_hand_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    for number in (1, 20):
        drawn = rng.uniform(size=number).round(1)  # with ties
        wanted = multipletests(drawn, method="holm")[1]
        found = adjust({f"o{k}": p for k, p in enumerate(drawn)}, "holm")
        assert list(found.values()) == wanted.tolist()


def test_numbers_are_rounded_to_what_their_range_supports() -> None:
    write = PLAIN.write
    assert write(rounded(731.4, 390)) == "730"
    assert write(rounded(57.3, 25)) == "57"
    assert write(rounded(3.14159, 0.8)) == "3.1"
    assert write(rounded(12_345, 4_000)) == "12,300"
    assert write(rounded(float("inf"), 1)) == "no limit"
    assert write(rounded(6.4, 195.0, apart=True)) == "6", "and not 10, the first step of its digits"
    assert write(rounded(13.0, 195.0, apart=True)) == "10"
    ends = span(Range(effect=-731, low=-1142, high=-356), flip=True)
    assert {name: write(figure) for name, figure in ends.items()} == {
        "effect": "730",
        "low": "360",
        "high": "1,140",
    }


def test_an_unbounded_interval_is_said_in_words() -> None:
    case = judged(1, Switches())
    few = Assignments.draw(panel_of_case(), n=9, strata=())
    estimate = did(
        panel_of_case(),
        "ae_attendances",
        assignments=few,
        settings=DidSettings(scale="log", base="mean"),
    )
    finding = judge(replace(case, estimate=estimate, units=in_units(estimate), adjusted_p=0.1))
    assert np.isinf(finding.percent.high)
    assert "no limit can be given" in finding.sentence
    assert not re.search(r"\binf\b|nan", finding.sentence)


def panel_of_case():  # type: ignore[no-untyped-def]
    scenario = Scenario.load(SCHEMAS)
    preset = scenario.presets["tiny"]
    programme = invent_programme(scenario, preset, SCHEMAS)
    return panel_of(
        programme, draw_figures(programme, scenario, preset, seed=1), ("ae_attendances",)
    )


def test_what_could_be_found_is_a_fall_where_a_fall_is_better() -> None:
    """As ``newstart design power`` says it: the same size in logs is a smaller fall than rise."""
    case = judged(13, Switches())
    seen = case.estimate.detectable(1 - case.estimate.level, window=case.window)
    fall = judge(case)
    assert case.outcome.polarity == "down"
    assert fall.detectable_percent == pytest.approx(100 * (1 - np.exp(-seen)))
    up = replace(case, outcome=case.outcome.model_copy(update={"polarity": "up"}))
    assert judge(up).detectable_percent == pytest.approx(100 * (np.exp(seen) - 1))
