"""Small versions of the drills in benchmarks/ledger; their full size is recorded there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ledger.killed import killed
from benchmarks.ledger.writers import writers


@pytest.mark.slow
def test_fifty_kills_tear_and_lose_nothing(database: Path | str, raw: Path) -> None:
    _kills(database, raw, 50)


def test_a_few_kills_tear_and_lose_nothing(database: Path | str, raw: Path) -> None:
    _kills(database, raw, 5)


def _kills(database: Path | str, raw: Path, number: int) -> None:
    told = killed(database, raw, number, seed=1)
    assert told["acknowledged_and_lost"] == [] and told["torn"] == []
    assert told["chain_holds"] and told["held"] >= told["acknowledged"]


@pytest.mark.parametrize(
    ("processes", "each"), [(4, 4), pytest.param(16, 6, marks=pytest.mark.slow)]
)
def test_processes_that_submit_at_once_are_each_served_once(
    database: Path | str, raw: Path, processes: int, each: int
) -> None:
    told = writers(database, raw, processes, each)
    assert told["failed"] == [] and told["chain_holds"]
    assert told["returns"] == told["expected"] and told["submissions"] == processes * each
    assert told["acknowledged_and_lost"] == told["accepted_more_than_once"] == []
