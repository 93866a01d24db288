"""The second audit: the study is computed again with one count moved by one person."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evaluation.cli import main
from evaluation.programme import Programme
from evaluation.release import Released, release, terms_of
from evaluation.release.recomputed import compared, moved, neighbours
from evaluation.study.results import results_of
from evaluation.study.run import run_study
from evaluation.study.study import Study
from tests.unit.locked import NAME, Ground


def test_the_same_book_is_printed_of_neighbouring_counts(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ground.workspace.root)
    with pytest.raises(SystemExit) as ended:
        main(["disclosure", "recompute", NAME, "--counts", "2", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (ended.value.code or 0) == 0, found
    assert len(found) == 2 and len({one["moved"] for one in found}) == 2
    for one in found:
        assert one["ok"] and one["beyond"] == []
        assert one["figures"] > 500 and one["alike"] > 0.9 * one["figures"]


def test_a_count_that_leaves_as_it_is_would_be_found(ground: Ground) -> None:
    """It fails where a figure is printed at full digits, or a count is shown otherwise."""
    programme = Programme.load(ground.workspace, "new_start")
    terms = terms_of(ground.workspace, programme)
    study = Study.load(ground.workspace, NAME)
    given = replace(study, given=study.observations)
    one = next(iter(neighbours(programme, study, terms, 1)))
    before = release(results_of(run_study(given)), terms)
    after = release(results_of(run_study(moved(given, one))), terms)
    assert compared(one.says, before, after).ok

    def with_truth(released: Released, count: int) -> Released:
        first = next(e for e in released.entries if e.kind == "count")
        rest = [e for e in released.entries if e.address != first.address]
        return replace(released, entries=(replace(first, printed=count), *rest))

    leaking = compared(one.says, with_truth(before, 41), with_truth(after, 42))
    assert not leaking.ok and ".count." in leaking.beyond[0]
    dropped = compared(one.says, before, replace(after, entries=after.entries[1:]))
    assert len(dropped.beyond) == 1
