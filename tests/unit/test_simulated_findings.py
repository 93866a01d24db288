"""No finding of a simulated study says what its figures do not bear.

A sample of what ``benchmarks/findings.py`` measures on thousands, with the share of each verdict.
"""

from dataclasses import replace

import pytest

from evaluation.finding.verdict import Direction, Unclear, Verdict
from evaluation.programme import Programme, load_outcomes
from evaluation.workspace import Workspace, packaged_schemas
from tests.unit.simulated_findings import PRIMARY, SECONDARY, WORLDS, findings_of
from tests.unit.verdict_contradictions import contradictions


@pytest.fixture(scope="module")
def programme():
    held = Programme.load(Workspace(root=packaged_schemas().parent), "new_start")
    declared = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}
    chosen = tuple(declared[code] for code in (*PRIMARY, *SECONDARY))
    return held.model_copy(update={"outcomes": chosen})


@pytest.mark.parametrize("world", WORLDS, ids=lambda one: one.name)
def test_no_sentence_contradicts_its_figures(world, programme, tmp_path):
    findings, cases = findings_of(world, programme, 11, tmp_path)
    said = [one for code in findings for one in contradictions(findings[code], cases[code])]
    assert not said
    if world.looks < 6:
        assert {one.ruling.unclear for one in findings.values()} == {Unclear.TOO_EARLY}
    better = {one.ruling.better for one in findings.values()}
    if world.name == "planned":
        assert True in better and False not in better
    if world.name == "harm":
        assert False in better and True not in better


def test_a_contradiction_would_be_found(programme, tmp_path):
    """The check itself: a finding whose words are those of another is caught."""
    planned = next(one for one in WORLDS if one.name == "planned")
    findings, cases = findings_of(planned, programme, 11, tmp_path)
    code = next(c for c, f in findings.items() if f.direction is Direction.FELL)
    case, finding = cases[code], findings[code]
    turned = finding.sentence.replace("fewer", "more")
    assert contradictions(replace(finding, sentence=turned), case)
    for verdict in set(Verdict) - {finding.verdict}:
        ruling = replace(finding.ruling, verdict=verdict)
        assert contradictions(replace(finding, ruling=ruling), case)
