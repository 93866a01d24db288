"""What a return is compared with, how surprise is measured, and whose names are known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pytest

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before, Held, Spread
from evaluation.check.layout import lead_in, name_in
from evaluation.check.read import read_header
from evaluation.check.stages import before_return, day_of_check
from evaluation.check.usual import Rate, declared_spread, spread_of, usual
from evaluation.check.whose import places_of
from evaluation.errors import WorkspaceError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.submission import accepted_figures
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Return
from evaluation.returns.workbook import RawReturn, RawRow
from evaluation.workspace import Workspace
from tests.corpus.world import Row, returned, world

Q3 = Period.parse("2026 Q3")


def small(programme: Programme, period: Period, figures: list[int], agency: str = "nhs") -> Return:
    rows: list[Row] = [
        [area, "", str(period), outcome, figure, below, None, None, None]
        for figure, (area, outcome, below) in zip(
            figures,
            [
                ("E01", "ae_attendances", 5000),
                ("E02", "ae_attendances", 6000),
                ("E01", "crisis_contacts", 5000),
                ("E02", "crisis_contacts", 6000),
            ],
            strict=True,
        )
    ]
    return returned(programme, "S01", agency, period, rows)


def test_history_from_the_ledger_is_history_as_it_grew(
    tiny: Programme, tiny_workspace: Workspace
) -> None:
    grown = AcceptedFigures(tiny)
    with Ledger.open(tiny_workspace.ledger, tiny_workspace.raw) as ledger:
        for step, figures in enumerate(([210, 250, 20, 30], [220, 255, 25, 31], [1, 2, 3, 4])):
            one = small(tiny, Q3 + (step - 2), figures)
            content = str(figures).encode()
            one = Return(**(vars(one) | {"sha256": _sha(content)}))
            ledger.submit(one, content, received=datetime(2026, 10, step + 1, tzinfo=UTC))
            grown.add(one)
        read = ledger.accepted(tiny)
    for period in (Q3 + -1, Q3, Q3 + 1):
        assert read.before(("S01", "nhs"), period) == grown.before(("S01", "nhs"), period)
    before = grown.before(("S01", "nhs"), Q3)
    assert [held.numerator for held in before.earlier["E01", "ae_attendances"]] == [210, 220]
    assert before.accepted["E02", "crisis_contacts"].numerator == 4
    with pytest.raises(WorkspaceError, match="no submitter"):
        grown.before(("S09", "nhs"), Q3)


def _sha(content: bytes) -> str:
    from evaluation import fingerprint

    return fingerprint.of_bytes(content)


def test_a_figure_of_somebody_else_is_another_source(tiny: Programme) -> None:
    history = AcceptedFigures(tiny)
    history.add(small(tiny, Q3, [210, 250, 20, 30], agency="elsewhere"))
    before = history.before(("S01", "nhs"), Q3)
    assert before.accepted == {} and before.elsewhere["E01", "ae_attendances"].numerator == 210


def test_without_a_ledger_none_is_made(tiny: Programme, tiny_workspace: Workspace) -> None:
    guide = {"site": "S01", "agency": "nhs", "quarter": "2026 Q3"}
    raw = RawReturn(
        path_name="a.csv",
        content=b"",
        sha256="",
        sheet=None,
        guide=guide,
        header=RawRow(1, ()),
        rows=(),
    )
    history = partial(accepted_figures, tiny_workspace, tiny)
    places = places_of(raw, read_header(raw).value, tiny)
    assert before_return(places, tiny, history=history, today=None) == Before()
    assert not tiny_workspace.ledger.exists()


def test_an_invented_programme_has_only_an_invented_clock(
    tiny: Programme, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSTART_NOW", raising=False)
    assert day_of_check(tiny_workspace, tiny) is None
    assert day_of_check(tiny_workspace, tiny.model_copy(update={"synthetic": False})) is not None
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-20")
    assert day_of_check(tiny_workspace, tiny) == date(2026, 10, 20)


def test_surprise_counts_standard_deviations_for_small_and_large_counts(tiny: Programme) -> None:
    outcome = tiny.outcome_by_code["ae_attendances"]
    rng = np.random.default_rng(1)
    for level in (6.0, 40.0, 2_000.0):
        past = [Held(p, level, 5_000.0) for p in range(4)]
        expected = usual(outcome, past, Spread(cell=0.05, common=0.1), 5_000.0)
        assert expected is not None and expected.level == pytest.approx(level)
        truth = rng.poisson(level * rng.lognormal(0, 0.05, (4, 4_000)))
        deviations = []
        for history, figure in zip(truth.T, truth[0, ::-1], strict=True):
            own = [Held(p, float(n), 5_000.0) for p, n in enumerate(history)]
            one = usual(outcome, own, Spread(cell=0.05, common=0.1), 5_000.0)
            assert one is not None
            deviations.append(one.surprise(float(figure)))
        assert 0.8 <= np.std(deviations) <= 1.2


def test_the_spread_beyond_chance_is_learnt() -> None:
    rng = np.random.default_rng(2)
    below = np.full((150, 12), 8_000.0)
    moves = rng.normal(0, 0.10, (150, 12))
    above = rng.poisson(200 * np.exp(moves)).astype(float)
    rates = [list(map(Rate, *area)) for area in zip(above.tolist(), below.tolist(), strict=True)]
    learnt = spread_of(rates, counted=True)
    assert learnt.cell == pytest.approx(0.11, abs=0.025), "its own move and that of the level"
    assert learnt.fixed == 1.0 and learnt.repeats < 0.1
    assert spread_of([area[:3] for area in rates[:2]], counted=True) == declared_spread()


@pytest.mark.parametrize("areas", [40, 41])
def test_half_of_the_changes_lie_within_the_spread_and_chance(areas: int) -> None:
    """The property that defines the spread, for an odd and an even number of changes."""
    rng = np.random.default_rng(areas)
    above = rng.poisson(60 * np.exp(rng.normal(0, 0.2, (areas, 2)))).astype(float)
    rates = [[Rate(figure, 8_000.0) for figure in area] for area in above.tolist()]
    learnt = spread_of(rates, counted=True)
    assert learnt.changes == areas
    changes = np.log((above[:, 1] + 0.5) / (above[:, 0] + 0.5))
    chance = 2 / (above[:, 0] + 0.5)
    apart = np.abs(changes - np.median(changes)) / np.sqrt(learnt.cell**2 + chance)
    assert np.median(apart) == pytest.approx(1 / 1.4826, abs=1e-6)


def test_the_world_has_others_to_compare_with() -> None:
    before = world(11).before("S03", "council", Q3)
    assert before.others["arrears"].areas > 100 and before.others["arrears"].change is not None
    assert before.spreads["arrears"].fixed == 1.0


@pytest.mark.parametrize(
    "note",
    [
        "Restated: late records of two trusts added.",
        "Mark all rows as checked",
        "Moved to the Grange in April",
        "See May figures",
        "From 01/04/2026 to 30/06/2026",
        "Figures of 2026 Q3 by ward 1203",
        "Count 1234567",
        "The Rose Court scheme",
        "Will be revised; Dawn service ended",
        "Phone line down for 3 days",
    ],
)
def test_ordinary_notes_raise_no_question(note: str) -> None:
    assert name_in(note) is None and lead_in(note) is None


def test_names_of_places_are_no_names() -> None:
    assert name_in("John Street closed", frozenset({"street"})) is None
    assert name_in("Ashley Grange opened", frozenset({"ashley", "grange"})) is None
    assert name_in("Ask Helen Grange", frozenset({"hall"})) == "Helen Grange"
