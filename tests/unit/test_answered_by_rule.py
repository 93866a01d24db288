"""An effect beside itself without the figures that one reason for a whole rule let in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation import fingerprint
from evaluation.check.report import Confirmation
from evaluation.edition.pages.outcomes import _blanket
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return
from evaluation.study.run import estimate_by, without_blanket
from evaluation.study.study import Study
from tests.unit.locked import NAME, Ground, instant, lay_out

CODE, QUARTER = "ae_attendances", Period.parse("2025 Q3")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Everything submitted; then one comparison figure sent again as ten times what it was."""
    ground = lay_out(tmp_path_factory.mktemp("blanket"))
    ground.submit()
    study = Study.load(ground.workspace, NAME)
    held = study.observations
    area = next(a.code for a in study.programme.areas if a.role == "comparison")
    chosen = (held["outcome"] == CODE) & (held["quarter"] == QUARTER.label)
    row = held[chosen & (held["area_code"] == area)].iloc[0]
    figure = Observation(area, QUARTER, CODE, 10 * row["numerator"], row["denominator"], "", "")
    content = b"sent again"
    again = Return(
        programme="new_start",
        site="OPEN",
        agency="nhs_england",
        period=QUARTER,
        rows=(figure,),
        sha256=fingerprint.of_bytes(content),
    )
    answer = Confirmation(
        rule="R060",
        cell="E2",
        reason="A new system.",
        scope="rule",
        by="Ada",
        area_code=area,
        outcome=CODE,
    )
    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        ledger.submit(again, content, received=instant("2027-01-31"), confirmations=(answer,))
        assert ledger.verify().ok
    return ground


def test_the_effect_stands_beside_that_without_such_figures(ground: Ground) -> None:
    study = Study.load(ground.workspace, NAME)
    estimates = {
        code: (estimate_by("did", study.panel, code, study.protocol, study.assignments),)
        for code in study.protocol.outcomes
    }
    found = without_blanket(study, estimates)
    assert set(found) == {CODE} and found[CODE].cells == 1
    row = estimates[CODE][0].overall(window=study.protocol.window).iloc[0]
    assert found[CODE].effect == row["effect"]
    # Nine tenths of one comparison figure were wrong: without it the comparison is lower.
    assert found[CODE].without > found[CODE].effect
    before = Study.load(ground.workspace, NAME, as_of=instant("2027-01-30"))
    assert without_blanket(before, estimates) == {}
    assert without_blanket(replace(study, given=study.observations), estimates) == {}


def test_a_page_says_both() -> None:
    from types import SimpleNamespace

    estimate = SimpleNamespace(scale="log", unit="log points")
    outcome = SimpleNamespace(blanket=SimpleNamespace(cells=2, effect=-0.1, without=-0.05))
    said = _blanket(SimpleNamespace(outcome=outcome, estimate=estimate))  # type: ignore[arg-type]
    assert said.startswith("2 unusual figures were accepted by one reason for all of their kind.")
    assert "9.5%" in said and "4.9%" in said
    outcome.blanket = None
    assert _blanket(SimpleNamespace(outcome=outcome, estimate=estimate)) == ""  # type: ignore[arg-type]
