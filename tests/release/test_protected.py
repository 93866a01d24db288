"""What a release hides and widens is told of printed values; verdicts are those of inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.disclosure.key import Key
from evaluation.edition.edition import Edition
from evaluation.release import Terms, release
from evaluation.release.protected import hidden_by_outcome, median_widening, widenings
from evaluation.release.rounding import Rounding
from evaluation.study.record import Results
from evaluation.study.written import read_written
from evaluation.workspace import Workspace
from tests.edition.ground import laid_out


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Results:
    workspace = laid_out(tmp_path_factory.mktemp("protected"))
    return read_written(Results, workspace.root / "var/results/new_start/first_look/results.json")


@pytest.mark.parametrize("secret", [b"\x00", b"\x11", b"\x7f", b"\xfe"])
def test_verdicts_and_sides_are_the_same_inside_and_printed(raw: Results, secret: bytes) -> None:
    made = release(raw, Terms(key=Key(secret=secret * 32)))
    assert len(made.results.outcomes) == len(raw.outcomes)
    for inside, shown in zip(raw.outcomes, made.results.outcomes, strict=True):
        assert shown.finding.ruling.verdict == inside.finding.ruling.verdict
        assert (shown.finding.direction, shown.finding.size) == (
            inside.finding.direction,
            inside.finding.size,
        )
        ours, theirs = inside.finding.effect_percent, shown.finding.effect_percent
        if None in (ours.low, ours.high) or theirs.low is None or theirs.high is None:
            continue
        assert theirs.low <= ours.low and theirs.high >= ours.high, "ends go outwards"
        margin = inside.finding.margin_percent
        for line in (0.0, *(() if margin is None else (margin, -margin))):
            assert (theirs.low > line, theirs.high < line) == (ours.low > line, ours.high < line)


def test_ranges_widen_by_what_is_told_of_printed_values_alone() -> None:
    """By one step at each end on the mean over keys, whatever the range."""
    inside, step, wider, told = 10.0, 1.0, [], []
    for number in range(400):
        rounding = Rounding(address="a.b.c", key=Key(secret=number.to_bytes(32, "big")))
        low = rounding.at(-3.3, step, "finding.low", away=-1)
        high = rounding.at(-3.3 + inside, step, "finding.high", away=1)
        assert low is not None and high is not None
        wider.append(100 * ((high - low) / inside - 1))
        told += list(widenings(rounding.entries).values())
    assert sum(wider) / len(wider) == pytest.approx(20, abs=1.5)
    assert sum(told) / len(told) == pytest.approx(20, abs=1.5)


def test_what_is_hidden_is_told_by_outcome(raw: Results) -> None:
    made = release(raw, Terms(key=Key(secret=bytes(32))))
    rows = {one.outcome: one for one in hidden_by_outcome(made)}
    assert set(rows) <= {one.code for one in raw.outcomes} and rows
    assert sum(one.hidden for one in rows.values()) == sum(c.hidden for c in made.counts.values())
    assert sum(one.counts for one in rows.values()) == len(made.counts)
    assert sum(one.rows_withheld for one in rows.values()) <= len(made.withheld)
    middle = median_widening(made)
    assert middle is not None and 0 < middle < 60


def test_the_page_tells_what_was_hidden_and_widened(tmp_path: Path) -> None:
    from evaluation.edition.pages.quality import protected_view

    workspace: Workspace = laid_out(tmp_path)
    seen = protected_view(Edition.read(workspace, "new_start"))
    assert "wider than inside, at the median" in seen["widened"]
    assert "Ranges wider by" in seen["hidden"]
