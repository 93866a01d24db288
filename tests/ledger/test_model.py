"""The ledger against a plain dictionary: any order of submitting, withdrawing and looking back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from benchmarks.postgres import Cluster
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from evaluation.quarters import format_instant
from tests.ledger.returns_at_hand import DAY, Q2, Q3, returned, submit

AREAS = st.sampled_from(["E01", "E02", "E03"])
FIGURES = st.dictionaries(
    AREAS, st.one_of(st.none(), st.sampled_from([1.0, 2.0, 2.5])), min_size=1, max_size=3
)
Key = tuple[str, str]
Known = dict[Key, tuple[float | None, str]]


class LedgerModel(RuleBasedStateMachine):
    """What a ledger should say, kept as a list of what was done."""

    database: Path | str
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        place, raw = self._new()
        self.ledger = self.closing.enter_context(Ledger.open(place, raw))
        self.day = 0
        self.done: list[tuple[int, Receipt, str, dict[Key, float | None]]] = []
        self.gone: dict[str, int] = {}

    def _new(self) -> tuple[Path | str, Path]:
        raise NotImplementedError

    def teardown(self) -> None:
        self.closing.close()

    @rule(figures=FIGURES, period=st.sampled_from([Q2, Q3]), site=st.sampled_from(["S01", "S02"]))
    def submit(self, figures: dict[str, float | None], period: Any, site: str) -> None:
        self.day += 1
        content = {(area, period.label): figure for area, figure in figures.items()}
        standing = [
            one
            for one in self.done
            if one[1].return_id not in self.gone
            and (one[1].site, one[1].quarter) == (site, period.label)
        ]
        receipt = submit(self.ledger, returned(figures, period, site=site), days=self.day)
        if standing and standing[-1][3] == content:
            assert receipt.already_held and receipt == standing[-1][1]
            return
        assert not receipt.already_held
        self.done.append((self.day, receipt, site, content))

    @rule(which=st.integers(min_value=0, max_value=9))
    def withdraw(self, which: int) -> None:
        if which >= len(self.done):
            return
        self.day += 1
        receipt = self.done[which][1]
        act = self.ledger.withdraw(
            receipt.return_id, reason="wrong", received=DAY + timedelta(days=self.day)
        )
        first = self.gone.setdefault(receipt.return_id, self.day)
        assert act.received == format_instant(DAY + timedelta(days=first))

    def known(self, day: int) -> Known:
        """Later over earlier, without what was withdrawn by then."""
        known: Known = {}
        for at, receipt, _, content in self.done:
            if at <= day and self.gone.get(receipt.return_id, day + 1) > day:
                known |= {key: (figure, receipt.return_id) for key, figure in content.items()}
        return known

    @rule(back=st.integers(min_value=0, max_value=6))
    def look_back(self, back: int) -> None:
        day = max(0, self.day - back)
        frame = self.ledger.observations("tiny", as_of=DAY + timedelta(days=day))
        assert _read(frame) == self.known(day)

    @rule(back=st.integers(min_value=0, max_value=6))
    def compare(self, back: int) -> None:
        a = max(0, self.day - back)
        was, now = self.known(a), self.known(self.day)
        told = self.ledger.diff("tiny", DAY + timedelta(days=a), DAY + timedelta(days=self.day))
        kinds = {(one["area_code"], one["quarter"]): one["kind"] for one in told}
        expected = {}
        for key in was.keys() | now.keys():
            old, new = was.get(key), now.get(key)
            if old is not None and new is not None and old[0] == new[0]:
                continue
            lost = new is None or (new[0] is None and old is not None and old[0] is not None)
            expected[key] = "new" if old is None else "withdrawn" if lost else "revised"
        assert kinds == expected

    @rule()
    def verify(self) -> None:
        assert self.ledger.verify([one[1] for one in self.done]).ok

    @invariant()
    def holds_what_was_accepted(self) -> None:
        assert _read(self.ledger.observations("tiny")) == self.known(self.day)
        assert self.ledger.receipts() == [one[1] for one in self.done]


def _read(frame: Any) -> Known:
    figures = [None if number != number else number for number in frame["numerator"].tolist()]
    keys = zip(frame["area_code"], frame["quarter"], strict=True)
    values = zip(figures, frame["return_id"], strict=True)
    return dict(zip(keys, values, strict=True))


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


LIMITS = settings(
    stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_on_sqlite(folder: Path, examples: int) -> None:
    numbers = iter(range(10_000))

    class OnSqlite(LedgerModel):
        def _new(self) -> tuple[Path | str, Path]:
            number = next(numbers)
            return folder / f"{number}.sqlite", folder / f"raw{number}"

    run_state_machine_as_test(OnSqlite, settings=settings(LIMITS, max_examples=examples))


@pytest.mark.parametrize("examples", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_on_postgresql(folder: Path, cluster: Cluster, examples: int) -> None:
    numbers = iter(range(10_000))

    class OnPostgresql(LedgerModel):
        def _new(self) -> tuple[Path | str, Path]:
            made = cluster.new_database()
            self.closing.callback(cluster.drop, made)
            return made, folder / f"raw{next(numbers)}"

    run_state_machine_as_test(OnPostgresql, settings=settings(LIMITS, max_examples=examples))
