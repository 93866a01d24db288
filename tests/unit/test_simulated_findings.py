"""No finding of a simulated study says what its figures do not bear.

A sample of what ``benchmarks/findings.py`` measures on thousands, with the share of each verdict.
"""

import pytest

from evaluation.finding.sentences import Verdict
from evaluation.programme import Programme, load_outcomes
from evaluation.workspace import Workspace, packaged_schemas
from tests.unit.simulated_findings import PRIMARY, SECONDARY, WORLDS, contradictions, findings_of


@pytest.fixture(scope="module")
def programme():
    held = Programme.load(Workspace(root=packaged_schemas().parent), "new_start")
    declared = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}
    chosen = tuple(declared[code] for code in (*PRIMARY, *SECONDARY))
    return held.model_copy(update={"outcomes": chosen})


@pytest.mark.parametrize("world", WORLDS, ids=lambda one: one.name)
def test_no_sentence_contradicts_its_figures(world, programme, tmp_path):
    findings, last = findings_of(world, programme, 11, tmp_path)
    said = [
        one
        for code, finding in findings.items()
        for one in contradictions(finding, programme.outcome_by_code[code], last)
    ]
    assert not said
    verdicts = {finding.verdict for finding in findings.values()}
    if world.looks < 6:
        assert verdicts == {"too early to say"}
    if world.name == "planned":
        assert "improved" in verdicts and "worsened" not in verdicts
    if world.name == "harm":
        assert "worsened" in verdicts and "improved" not in verdicts


def test_a_contradiction_would_be_found(programme, tmp_path):
    """The check itself: a finding whose words are those of another is caught."""
    from dataclasses import replace

    planned = next(one for one in WORLDS if one.name == "planned")
    findings, last = findings_of(planned, programme, 11, tmp_path)
    code = next(c for c, f in findings.items() if f.verdict == "improved")
    outcome, finding = programme.outcome_by_code[code], findings[code]
    turned = finding.sentence.replace("fewer", "more")
    assert contradictions(replace(finding, sentence=turned), outcome, last)
    assert contradictions(replace(finding, verdict=Verdict.WORSENED), outcome, last)
    assert contradictions(replace(finding, verdict=Verdict.CANNOT_TELL), outcome, last)
