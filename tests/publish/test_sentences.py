"""What a difference between editions says, in sentences that stumble over nothing."""

from types import SimpleNamespace

import pytest

from evaluation.edition.words import MINUS
from evaluation.publish import difference
from evaluation.publish.attribution import Causes, Part
from evaluation.publish.difference import Change
from evaluation.publish.headline import of_results
from evaluation.publish.snapshot import NEW, PRICES, REVISED, WITHDRAWN
from evaluation.study.record import Effect

NOTHING = Causes(
    restated=0,
    late=0,
    areas={},
    outcomes={},
    reasons=(),
    withdrawn=(),
    quarters=(),
    checks=(),
    protocol=(),
    deviations=(),
    code=(),
    parameters=(),
)


def changed(before, after, **parts):
    told = tuple(
        Part(cause=cause, amount=by, shapley=by, low=by, high=by) for cause, by in parts.items()
    )
    return Change(id="x.percent", before=before, after=after, parts=told, revised={}, areas=())


def told(**facts):
    return Causes(**(NOTHING.__dict__ | facts))


def test_a_change_below_the_digits_shown_is_not_said_to_go_from_a_figure_to_itself() -> None:
    said = difference.sentence(changed(-3.61, -3.64, **{NEW: -0.53, REVISED: 0.5}), "Visits", "%")
    assert "from" not in said
    assert said == (
        f"Visits stayed at {MINUS}3.6%, in the digits shown: the new quarter {MINUS}0.53 points "
        "and restated or late figures +0.50 points. Without the correction of what was known "
        f"before, it would be {MINUS}0.53 points."
    )
    nothing = changed(-3.61, -3.61, **{NEW: 0.0004})
    assert difference.sentence(nothing, "Visits", "%") == f"Visits stayed at {MINUS}3.6%."
    said = difference.sentence(changed(-3.1, -3.6, **{NEW: -0.5}), "Visits", "%")
    assert "went from" in said and "stayed" not in said


@pytest.mark.parametrize(
    ("cause", "facts", "said"),
    [
        (
            REVISED,
            {"restated": 12, "areas": {"pilot": 2, "comparison": 0}},
            "12 figures restated, in pilot areas.",
        ),
        (
            REVISED,
            {
                "restated": 1,
                "areas": {"pilot": 1, "comparison": 3},
                "reasons": ("Late coding.", "A merger."),
            },
            "Fewer than 5 figures restated, in pilot areas and comparison areas. "
            "Reason given: Late coding; A merger.",
        ),
        (
            REVISED,
            {"restated": 2, "reasons": ("Restated: late records.", "Restated: twice.")},
            "Fewer than 5 figures restated. Reason given: late records; twice.",
        ),
        (NEW, {"quarters": ("2026 Q3",)}, "2026 Q3."),
        (REVISED, {"late": 3}, "Fewer than 5 figures came late."),
        (WITHDRAWN, {"withdrawn": ("S01 2026 Q1: sent twice.",)}, "S01 2026 Q1: sent twice."),
        (
            PRICES,
            {"parameters": ("deflator: another file.", "rate: 3.0 for 3.5.")},
            "Deflator: another file; rate: 3.0 for 3.5.",
        ),
    ],
)
def test_reasons_name_what_was_and_no_more(cause, facts, said) -> None:
    assert difference.reason(cause, told(**facts)) == said


def test_a_stock_is_counted_at_any_one_time() -> None:
    effect = Effect(effect=1.0, low=0.0, high=2.0)
    finding = SimpleNamespace(effect_percent=effect, people=SimpleNamespace(per_quarter=effect))
    for kind, said in (("stock", "Claims at any one time"), ("flow", "Claims a quarter")):
        outcome = SimpleNamespace(
            role="primary",
            code="claims",
            plain_title="Claims",
            people="people",
            kind=kind,
            finding=finding,
        )
        results = SimpleNamespace(period_word="quarter", value=None, outcomes=(outcome,))
        found = of_results(results)
        assert found["claims.people"]["title"] == said
