"""Whoever waits at a terminal is told every five seconds how far it is; nobody else is."""

import io
import time
from collections.abc import Callable

import pytest

from evaluation import progress
from evaluation.design.calibrate import calibrate
from evaluation.design.many import Runs
from evaluation.design.simulation import Simulation
from evaluation.errors import PanelError
from evaluation.progress import watched
from tests.unit.panels import long_table, panel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that goes when it is told to."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def test_what_is_quick_says_nothing_and_what_is_slow_says_how_far(
    tick: Callable[[float], None],
) -> None:
    told: list[str] = []
    for _ in watched("fits", range(4), tell=told.append):
        tick(1.0)
    assert told == []
    for _ in watched("fits", [1, 2, 3, 4, 5], tell=told.append):
        tick(2.6)
    assert told == ["fits: 2 of 5", "fits: 4 of 5"]
    for _ in watched("rounds", iter("ab"), tell=told.append):
        tick(6.0)
    assert told[2:] == ["rounds: 1 done"]


def test_only_a_terminal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, said in ((Terminal(), "· half\n"), (io.StringIO(), "")):
        monkeypatch.setattr("sys.stderr", stream)
        progress.to_terminal("half")
        assert stream.getvalue() == said


def test_calibration_tells_a_terminal_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    held = panel(long_table(starts=False))
    how = Simulation(started=1, looks=2, assignments=19)
    calibrate(held, ["did"], started=[1], effects=[0.0], simulation=how, runs=Runs(2, 0))
    assert terminal.getvalue() == "· did, 1 started: 2 of 2\n"


def test_calibration_refuses_started_areas_before_it_simulates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evaluation.design.calibrate.simulate_many", None)
    held = panel(long_table())
    with pytest.raises(PanelError, match="4 areas of the panel have started") as refused:
        calibrate(held, ["did"])
    assert "the first is a00, in 2005" in refused.value.what
    assert "panel.select(~panel.treated)" in refused.value.mend
    monkeypatch.undo()
    left = held.select(~held.treated)
    how = Simulation(started=1, looks=2, assignments=19)
    found = calibrate(left, ["did"], started=[1], simulation=how, runs=Runs(2, 0))
    assert found["areas"] == 20


def test_calibration_takes_an_outcome_of_any_name_and_no_two() -> None:
    table = long_table(starts=False).assign(z=lambda t: t["y"])
    how = Simulation(started=1, looks=2, assignments=19)
    held = panel(table)
    named = type(held)(areas=held.areas, periods=held.periods, figures={"claims": held.array("y")})
    asked = {"started": [1], "simulation": how, "runs": Runs(2, 0)}
    one, other = (calibrate(p, ["did"], **asked) for p in (held, named))  # type: ignore[arg-type]
    assert one["rows"] == other["rows"]
    both = type(held)(
        areas=held.areas, periods=held.periods, figures={"a": held.array("y"), "b": held.array("y")}
    )
    with pytest.raises(PanelError, match="holds 2 outcomes"):
        calibrate(both, ["did"])
