"""3,000 simulated findings: direction, size, sentence and figure, read independently, never differ.

The numbers that enter `judge` are drawn, and every kind of them: either scale, with and without
looks, ends on a boundary or without limit, margins that are none, families, checks, harm. From
there on everything is real: the rule, the words, the file, badges, ranges, charts and tables of the
book, and the grade. `contradictions` of `verdict_contradictions` judges, and is itself tried on
findings that were falsified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.diagnose import Diagnostic, blind_control
from evaluation.edition import answers, words
from evaluation.edition.formats.tables import finding_row
from evaluation.edition.pages.at_once import outcome_rows
from evaluation.finding import Judged, judge
from evaluation.finding.grade import Judgement, grade
from evaluation.finding.sentences import Looked
from evaluation.finding.undo import Undo
from evaluation.finding.verdict import Asked, Direction, Range, Size, Unclear, Verdict, rule
from evaluation.programme import load_outcomes
from evaluation.quarters import Period
from evaluation.study.record import FindingResult
from evaluation.study.results import clean, evidence_of, finding_as_data
from evaluation.study.run import with_blind_controls
from evaluation.workspace import packaged_schemas
from tests.completed import study_results
from tests.unit.verdict_contradictions import Case, contradictions, on_the_page

STUDIES, ROLES = 300, (*3 * ("primary",), *6 * ("secondary",), "negative_control")
OUTCOMES = load_outcomes(packaged_schemas() / "outcomes")
WINDOW, ALPHA = (0, 3), 0.05


@dataclass(frozen=True)
class Drawn:
    """An estimate of which only what `judge` asks is there."""

    row: dict[str, float]
    scale: str
    index: pd.DataFrame
    smallest: float
    level: float = 1 - ALPHA
    estimator: str = "did"
    estimand: str = "mean over areas and periods"

    def overall(self, window: object = None) -> pd.DataFrame:
        return pd.DataFrame([self.row])

    def detectable(self, alpha: float, *, window: object = None) -> float:
        return self.smallest


def some(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def interval(rng: np.random.Generator, scale: str, margin: float) -> tuple[float, float, float]:
    """Effect and ends; now and then an end lies on a boundary, beside it, or nowhere."""
    unit = 0.01 if scale == "log" else 1.0
    effect, half = unit * rng.normal(0, 6), unit * rng.gamma(2, 2.5) + 1e-6
    low, high = effect - half * rng.uniform(0.5, 1.5), effect + half * rng.uniform(0.5, 1.5)
    kind = rng.uniform()
    if kind < 0.2 and margin > 0:
        beside = some(rng, (0.0, margin, -margin)) + some(rng, (-0.03, -0.004, 0.0, 0.004, 0.03))
        on = np.log1p(beside / 100) if scale == "log" else beside
        low, high = (on, max(high, on)) if rng.uniform() < 0.5 else (min(low, on), on)
    elif kind < 0.25:
        low, high = some(rng, ((-np.inf, high), (low, np.inf), (-np.inf, np.inf)))
    elif kind < 0.32:
        # Over all looks, while the newest look says something else.
        low, high = low - 2.2 * effect, high - 2.2 * effect
    return effect, low, high


def drawn(rng: np.random.Generator, role: str, outcome: Any) -> tuple[Judged, Case]:
    """What enters `judge`, and the same for whoever judges by himself."""
    scale = some(rng, ("log", "log", "level"))
    margin = float(some(rng, (2.0, 5.0, 6.0, 6.0, 10.0, 12.5, 15.0, 0.0, np.nan)))
    effect, low, high = interval(rng, scale, margin)
    looked, p = rng.uniform() < 0.7, float(rng.beta(0.4, 3))
    adjusted_p = min(1.0, p * some(rng, (1, 1, 3, 7)))
    crossed, harmed = bool(rng.uniform() < 0.6), bool(looked and rng.uniform() < 0.1)
    family = {"primary": 3, "secondary": 6}.get(role, 1)
    objected, complete = bool(rng.uniform() < 0.1), bool(rng.uniform() < 0.7)
    baseline = float(some(rng, (100.0, 100.0, -100.0, 100.0, 0.0))) if scale == "level" else 7.0
    hoped = float(some(rng, (-8.0, 5.0))) if rng.uniform() < 0.6 else None
    events = range(-4, 4 if complete else 2)
    index = pd.DataFrame(
        {
            "site": "S1",
            "quarter": [(Period.parse("2025 Q1") + e).label for e in events],
            "event_time": list(events),
        }
    )
    ends = {"low": low, "high": high}
    alone = {"low": effect - 1.0, "high": effect + 1.0} if looked else ends
    row = {"effect": effect, "se": 0.01, "p_value": p, "n_areas": 6, **alone}
    held = index[index["event_time"] >= 0]
    observed = np.full(len(held), float(some(rng, (20.0, 900.0))))
    units = SimpleNamespace(index=held, observed=observed, exposure=observed / 50)
    at = f"{'crossed' if crossed else ''}"
    story = Looked(
        number=4,
        crossed=crossed,
        crossed_at="2025 Q3" if at else None,
        **ends,
        p=p,
        spent=0.02,
        alpha=ALPHA,
        harmed=harmed,
    )
    judged = Judged(
        outcome=outcome,
        estimate=Drawn(row, scale, index, float(some(rng, (0.01, 0.1, np.inf)))),  # type: ignore[arg-type]
        window=WINDOW,
        margin_percent=margin,
        hoped_percent=hoped,
        adjusted_p=adjusted_p,
        baseline=baseline,
        units=units if outcome.denominator and rng.uniform() < 0.8 else None,  # type: ignore[arg-type]
        objections=("pilot areas were already moving that way before the start",) * objected,
        family=family,
        looked=story if looked else None,
        primary=role == "primary",
        control=role == "negative_control",
    )
    case = Case(
        code=outcome.code,
        title=outcome.plain_title,
        polarity=outcome.polarity,
        role=role,
        scale=scale,
        effect=effect,
        **ends,
        p=p,
        adjusted_p=adjusted_p,
        alpha=ALPHA,
        margin=margin,
        hoped=hoped,
        baseline=baseline,
        crossed=crossed if looked else None,
        family=family,
        objected=objected,
        complete=complete,
        harmed=harmed,
    )
    return judged, case


@dataclass(frozen=True)
class Study:
    """A simulated study: its findings, what they rest on, and its results as a page reads them."""

    findings: tuple[Any, ...]
    cases: tuple[Case, ...]
    results: Any
    grades: dict[str, Any]


def simulated(number: int) -> Study:
    rng = np.random.default_rng([20, number])
    chosen = [OUTCOMES[k] for k in rng.permutation(len(OUTCOMES))[: len(ROLES)]]
    pairs = [drawn(rng, role, one) for role, one in zip(ROLES, chosen, strict=True)]
    found = {one.outcome.code: judge(one) for one, _ in pairs}
    control = chosen[-1]
    p = float(rng.uniform())
    check = Diagnostic(
        code="negative_control",
        result="fails" if p < ALPHA else "holds",
        p_value=p,
        names=(control.plain_title,),
    )
    trend = Diagnostic(code="pre_trend", result="holds", p_value=0.5, seen=0.1, unit="log points")
    protocol = SimpleNamespace(negative_control=(control.code,))
    programme = SimpleNamespace(outcome_by_code={one.code: one for one in chosen})
    checks = with_blind_controls(dict.fromkeys(found, (trend, check)), found, programme, protocol)  # type: ignore[arg-type]
    results = study_results(
        programme="new_start",
        study="s",
        label="confirmatory",
        sample={
            "first": "2020 Q1",
            "pilot_areas": 6,
            "comparison_areas": 30,
            "periods": ["2025 Q1"],
        },
        sites=[{"code": "S1", "name": "S", "start": "2025 Q1"}],
        outcomes=[
            clean(
                {
                    **one.model_dump(include={"code", "title", "plain_title", "people", "unit"}),
                    **one.model_dump(include={"polarity", "kind", "agency"}),
                    "instrument": str(one.instrument),
                    "measured_in": "all areas",
                    "role": role,
                    "finding": finding_as_data(found[one.code]),
                    "estimates": [{"overall": {"effect": case.effect}}],
                    "diagnostics": [as_data(c) for c in checks[one.code]],
                    "data": {"cells": 100},
                }
            )
            for one, role, (_, case) in zip(chosen, ROLES, pairs, strict=True)
        ],
    )
    graded = {
        one.code: grade(evidence_of(results, one), Judgement(comparison_argued="Alike."))
        for one in results.with_role("primary")
    }
    cases = tuple(case for _, case in pairs)
    return Study(tuple(found.values()), cases, results, graded)


def as_data(check: Diagnostic) -> dict[str, Any]:
    return {
        "code": check.code,
        "title": check.title,
        "result": check.result,
        "statistic": check.statistic,
        "sentence": check.sentence,
        "p_value": check.p_value,
        "brief": check.brief,
        "figures": {
            "size": check.size,
            "unit": check.unit,
            "seen": check.seen,
            "n": None,
            "threshold": check.threshold,
            "names": list(check.names),
        },
    }


def of_study(study: Study) -> list[str]:
    """What file, page, chart, table, grade and answers of a study say that is not so."""
    said, rows = [], outcome_rows(study.results.outcomes)
    for outcome, case, row in zip(study.results.outcomes, study.cases, rows, strict=True):
        shown = words.verdict(outcome.finding)
        effect = words.finding_percent(outcome.finding)
        said += on_the_page(outcome.finding, shown, effect, case)
        if (row["outcome"], row["mark"], row["said"]) != (case.title, shown.mark, effect):
            said.append(f"another mark or range in the chart: {row}")
        cells = finding_row(study.results, outcome)
        better = {True: "yes", False: "no", None: None}[case.better]
        if (cells["direction"], cells["size"], cells["better"]) != (
            case.direction,
            case.size_word,
            better,
        ):
            said.append(f"another verdict in the table of findings: {cells['verdict']}")
    return said + of_grades(study) + of_answers(study)


def of_grades(study: Study) -> list[str]:
    """A grade that is reassured by a control that could not have seen what is in question."""
    said = []
    control, blind_below = study.cases[-1], study.findings[-1].detectable_percent
    for case, outcome in zip(study.cases, study.results.outcomes, strict=True):
        if case.role != "primary":
            continue
        check = next(c for c in outcome.diagnostics if c.code == "negative_control")
        met = next(c for c in study.grades[case.code].conditions if c.code == "controls").met
        told = case.direction != "cannot tell" and np.isfinite(case.percent[0])
        question = abs(case.percent[0]) if told else case.margin
        wanted = "met" if blind_below <= question else "cannot tell"
        if (check.p_value or 0) < ALPHA:
            wanted = "unmet"
        if met != wanted:
            said.append(f"a control that is {met} and sees {blind_below} where {question} is asked")
        if wanted == "cannot tell" and "reassure" not in check.sentence:
            said.append(f"nothing of a blind control: {check.sentence}")
        reach = study.grades[case.code].certainty["imprecision"]
        leaves_out = not case.percent[1] <= 0 <= case.percent[2]
        finite = all(np.isfinite(case.percent))
        if finite and ("excludes" in reach) != leaves_out:
            said.append(f"a grade with another range: {reach}")
    moved = control.direction != "cannot tell" or any(
        (c.p_value or 0) < ALPHA
        for o in study.results.outcomes
        for c in o.diagnostics
        if c.code == "negative_control"
    )
    point = answers.main_points(study.results)
    if any(one.startswith("The control moved") for one in point) != moved:
        said.append(f"another word of the control: {point}")
    return said


def of_answers(study: Study) -> list[str]:
    """The first page's sentence and tally against the cases."""
    said = []
    lives = answers.lives(study.results)
    primary = [case for case in study.cases if case.role == "primary"]
    told = [case for case in primary if case.direction != "cannot tell"]
    if ("No main outcome has moved" in lives) != (not told):
        said.append(f"another answer: {lives}")
    for case in primary:
        named = words.whole(words.verdict(finding_of(study, case)).word)[:-1]
        if case not in told and f"{named}: " not in lives:
            said.append(f"an answer without {case.title}: {lives}")
    tally = next(one for one in answers.main_points(study.results) if one.startswith("Main"))
    counts = re.match(
        r"Main outcomes: of 3, (\w+) moved for the better.*?(\w+) for the worse", tally
    )
    better = [case for case in primary if case.better is True]
    worse = [case for case in primary if case.better is False]
    wanted = tuple(str(len(group)) if group else "none" for group in (better, worse))
    if counts is None or (counts[1], counts[2]) != wanted:
        said.append(f"another tally: {tally}")
    worth = re.search(r"better \((\w+) worth having", tally)
    large = sum(case.size == "large" for case in better)
    if better and (worth is None or worth[1] != (str(large) if large else "none")):
        said.append(f"another tally of sizes: {tally}")
    return said


def finding_of(study: Study, case: Case) -> FindingResult:
    return next(o.finding for o in study.results.outcomes if o.code == case.code)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [simulated(number) for number in range(STUDIES)]


def test_3000_findings_say_one_thing(studies: list[Study]) -> None:
    said: list[str] = []
    count = 0
    for study in studies:
        for finding, case in zip(study.findings, study.cases, strict=True):
            said += contradictions(finding, case)
            count += 1
        said += of_study(study)
    assert count == 3_000
    assert said == []


def test_every_kind_of_verdict_was_among_them(studies: list[Study]) -> None:
    """Without which the test above would have tried less than it says."""
    found = [finding for study in studies for finding in study.findings]
    assert {one.verdict for one in found} == set(Verdict)
    # Of a study locked as exploratory nothing is judged: `tests.unit.test_exploratory`.
    assert {one.ruling.unclear for one in found} == {None, *Unclear} - {Unclear.EXPLORATORY}
    assert {one.ruling.better for one in found} == {True, False, None}
    met = {c.met for s in studies for g in s.grades.values() for c in g.conditions}
    assert met == {"met", "unmet", "cannot tell"}
    early_and_small = (one.size is Size.SMALLER for one in found if one.ruling.unclear)
    assert any(early_and_small)


def other(values: Any, but: object) -> Any:
    """The first of several values that is another."""
    return next(value for value in values if value != but)


def falsified(finding: Any) -> dict[str, Any]:
    """One finding told wrongly in every way that there is: what was done -> the finding."""
    ruling, said = finding.ruling, finding.sentence

    def with_ruling(**changes: Any) -> Any:
        return replace(finding, ruling=replace(ruling, **changes))

    def with_words(old: str, new: str) -> Any:
        return replace(
            finding, sentence=said.replace(old, new), paragraph=finding.paragraph.replace(old, new)
        )

    margin = f"({finding.margin_percent:g} %"
    found = {
        "another verdict": with_ruling(verdict=other(Verdict, finding.verdict)),
        "better or worse": with_ruling(better=not ruling.better),
        "another reason": with_ruling(unclear=other((None, *Unclear), ruling.unclear)),
        "another margin": with_ruling(margin_percent=finding.margin_percent + 1),
        "the paragraph alone": replace(finding, paragraph=finding.paragraph.replace(said, "So.")),
        "another hope": replace(finding, paragraph=finding.paragraph + " Hoped for: +3 %."),
        "the watch for harm": replace(finding, sentence=f"{said} The separate watch for harm."),
        "fewer": with_words(" fewer ", " more "),
        "more": with_words(" more ", " fewer "),
        "fell": with_words(" fell: ", " rose: "),
        "rose": with_words(" rose: ", " fell: "),
        "smaller": with_words("smaller than worth having", "worth having"),
        "worth having": with_words(", worth having", ", smaller than worth having"),
        "matters": with_words("large enough to matter", "smaller than what matters"),
        "may be nothing": with_words("but not clear enough", "which may be nothing and not clear"),
        "told": with_words("cannot tell", "can tell"),
        "a margin in words": with_words(margin, f"({finding.margin_percent + 4:g} %"),
        "a side": with_words("to -", "to +"),
        "a range": with_words("% (-", "% (-1"),
        "curse": replace(finding, paragraph=finding.paragraph.replace("too large", "right")),
        "rests": replace(finding, paragraph=finding.paragraph.replace("can prove it", "proves it")),
        "inside": replace(finding, paragraph=finding.paragraph.replace("lies inside", "lies at")),
        "undo": replace(finding, undo=Undo(breaks=0.5, cause=1.5)),
    }
    # A word that was not there cannot be falsified.
    return {
        what: one
        for what, one in found.items()
        if (one.ruling, one.sentence, one.paragraph, one.undo)
        != (ruling, said, finding.paragraph, finding.undo)
    }


def test_a_falsified_finding_is_caught(studies: list[Study]) -> None:
    tried: dict[str, int] = {}
    for study in studies[:60]:
        for finding, case in zip(study.findings, study.cases, strict=True):
            if not case.margin > 0:
                continue
            for what, wrong in falsified(finding).items():
                # Words of a finding that was told are not those of one that may be nothing.
                assert contradictions(wrong, case), f"{what}: {wrong.sentence}"
                tried[what] = tried.get(what, 0) + 1
    assert len(tried) == 23 and min(tried.values()) >= 3, tried


def with_finding(study: Study, code: str, **changes: Any) -> Study:
    """The study with one finding of its file changed."""
    outcomes = tuple(
        one.model_copy(update={"finding": one.finding.model_copy(update=changes)})
        if one.code == code
        else one
        for one in study.results.outcomes
    )
    return replace(study, results=study.results.model_copy(update={"outcomes": outcomes}))


def test_a_falsified_file_or_grade_is_caught(studies: list[Study]) -> None:
    tried = {"direction": 0, "better": 0, "size": 0, "range": 0, "grade": 0, "control": 0}
    for study in studies[:40]:
        for case in study.cases[:3]:
            held = finding_of(study, case)
            wrong = {}
            if case.direction in ("fell", "rose"):
                wrong["direction"] = {"direction": {"fell": "rose", "rose": "fell"}[case.direction]}
                wrong["better"] = {"better": not case.better}
                effect = held.effect_percent
                if effect.low is not None and effect.high is not None:
                    turned = effect.model_copy(update={"low": -effect.high, "high": -effect.low})
                    wrong["range"] = {"effect_percent": turned}
            if case.size == "smaller":
                wrong["size"] = {"size": Size.CANNOT_TELL}
            for what, change in wrong.items():
                assert of_study(with_finding(study, case.code, **change)), (what, case)
                tried[what] += 1
        for code, found in study.grades.items():
            conditions = tuple(
                replace(one, met="met" if one.met != "met" else "cannot tell")
                if one.code == "controls"
                else one
                for one in found.conditions
            )
            grades = {**study.grades, code: replace(found, conditions=conditions)}
            assert of_study(replace(study, grades=grades))
            tried["grade"] += 1
        moved = study.cases[-1].direction != "cannot tell"
        told = {"direction": "cannot tell", "size": "cannot tell", "unclear": Unclear.CHANCE}
        untold = {"direction": "fell", "size": "cannot tell", "unclear": None}
        assert of_study(with_finding(study, study.cases[-1].code, **(told if moved else untold)))
        tried["control"] += 1
    assert min(tried.values()) >= 10, tried


def test_a_control_reassures_only_of_what_it_could_have_seen() -> None:
    """Road casualties at -7.8 %, blind below 13 %, beside an effect of 3.7 %."""
    check = Diagnostic(code="negative_control", result="holds", p_value=0.2, names=("Casualties",))
    blind = blind_control(check, 13.0, 3.7)
    assert blind.result == "cannot tell"
    assert blind.sentence == (
        "Casualties did not move visibly, but a change below 13.0 % may go unseen, and 3.7 % is in "
        "question: it does not reassure."
    )
    assert blind_control(check, np.inf, 50.0).result == "cannot tell"
    assert blind_control(check, np.nan, 50.0).result == "cannot tell"
    seeing = blind_control(check, 13.0, 15.0)
    assert seeing.result == "holds" and "13.0 % would be seen" in seeing.sentence
    fired = blind_control(replace(check, result="fails"), 13.0, 3.7)
    assert fired.result == "fails"


FOUND = {"rejects": True, "alone": True}
OPEN = {"rejects": False, "alone": True}


@pytest.mark.parametrize(
    ("change", "margin", "polarity", "asked", "said"),
    [
        # A&E attendances and crisis calls of the demonstration.
        ((-3.7, -5.9, -1.2), 6, "down", FOUND, "fell: better, but smaller than worth having (6 %)"),
        (
            (-5.4, -9.3, -0.8),
            10,
            "down",
            OPEN,
            "cannot tell which way, but smaller than worth having (10 %)",
        ),
        (
            (-9.8, -16.1, -3.3),
            10,
            "down",
            FOUND,
            "fell: better; cannot tell whether worth having (10 % or more)",
        ),
        ((-9.8, -16.1, -10.0), 10, "down", FOUND, "fell: better, and worth having (10 % or more)"),
        (
            (9.8, 6.0, 16.1),
            6,
            "down",
            FOUND,
            "rose: worse, and large enough to matter (6 % or more)",
        ),
        ((9.8, 6.0, 16.1), 6, "up", FOUND, "rose: better, and worth having (6 % or more)"),
        ((3.0, 1.0, 5.0), 6, "down", FOUND, "rose: worse, but smaller than what matters (6 %)"),
        ((9.8, 6.0, 16.1), 6, "care", FOUND, "rose, and large enough to matter (6 % or more)"),
        # A change that is worth having has passed its test.
        ((-9.8, -16.1, -10.0), 10, "down", OPEN, "cannot tell"),
        ((-9.8, -16.1, -7.0), 6, "down", {**FOUND, "objected": True}, "cannot tell"),
        ((-1.0, -4.0, 2.0), 6, "down", {**OPEN, "objected": True}, "cannot tell"),
        ((-1.0, -8.0, 2.0), 6, "down", {**OPEN, "complete": False}, "too early to say"),
        ((-7.0, -9.0, -5.0), 0, "down", FOUND, "fell: better"),
        ((-7.0, -np.inf, -6.0), 6, "down", FOUND, "fell: better, and worth having (6 % or more)"),
        ((-7.0, -np.inf, np.inf), 6, "down", FOUND, "cannot tell"),
    ],
)
def test_the_rule_case_by_case(
    change: tuple[float, float, float],
    margin: float,
    polarity: Any,
    asked: dict[str, bool],
    said: str,
) -> None:
    held = Range(effect=change[0], low=change[1], high=change[2])
    found = rule(Asked(polarity=polarity, margin_percent=margin, **asked), held, held)
    assert found.said == said


def test_what_cannot_be_told_together_is_no_verdict() -> None:
    for size in (Size.WORTH_HAVING, Size.MATTERS):
        with pytest.raises(ValueError, match="is not a valid Verdict"):
            Verdict((Direction.CANNOT_TELL, size))
