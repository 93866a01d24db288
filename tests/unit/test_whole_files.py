"""Files that are written whole, and locks that end with their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.design.simulation import OUTCOME, _before_restatement
from evaluation.panel import Panel
from evaluation.publish.proof import _same
from evaluation.workspace import alone, write_once, write_whole

HOLDER = """
import sys, time
from pathlib import Path
from evaluation.workspace import alone
with alone(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_and_given_back(tmp_path: Path) -> None:
    lock = tmp_path / "new" / ".lock"
    with alone(lock) as first, alone(lock) as second:
        assert (first, second) == (True, False)
    with alone(lock) as held:
        assert held


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with alone(lock) as held:
            assert not held
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with alone(lock) as held:
        assert held


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "results.json"
    write_whole(path, "é\n")
    assert path.read_bytes() == "é\n".encode()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "half")
    assert path.read_text(encoding="utf-8") == "é\n"


@pytest.mark.parametrize(
    ("found", "printed", "same"),
    [(None, None, True), (1.0, None, False), (None, 1.0, False), (1.0, 1.0 + 1e-15, True)],
)
def test_a_headline_without_a_figure_is_proven_too(
    found: float | None, printed: float | None, same: bool
) -> None:
    assert _same(found, {"effect": printed}) is same


def test_a_headline_printed_at_a_step_is_proven_within_it() -> None:
    assert _same(1.004, {"effect": 1.0, "step": 0.005})
    assert not _same(1.006, {"effect": 1.0, "step": 0.005})


def test_neighbouring_simulations_share_no_restatement() -> None:
    rows = [(f"A{i}", 2010 + t, float(i + t + (i * t) % 3)) for i in range(5) for t in range(6)]
    frame = pd.DataFrame(rows, columns=["area", "year", OUTCOME])
    panel = Panel.from_long(frame, area="area", period="year", outcomes=OUTCOME, frequency="A")
    one = _before_restatement(panel, 1.0, (5, 1)).array(OUTCOME)
    other = _before_restatement(panel, 1.0, (6, 0)).array(OUTCOME)
    assert not np.isclose(one[:, -2:], panel.array(OUTCOME)[:, -2:]).any()
    assert not np.isclose(one[:, -2:], other[:, -2:]).any()


def test_a_full_disk_leaves_nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (write_whole, write_once):
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / "key", "half")
    assert not list(tmp_path.iterdir())


def test_what_may_not_be_written_over_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    write_once(path, "first", private=True)
    assert path.stat().st_mode & 0o777 == 0o600

    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    for links in (os.link, no_links):
        monkeypatch.setattr(os, "link", links)
        with pytest.raises(FileExistsError):
            write_once(path, "second")
    write_once(tmp_path / "other", "second")
    assert [one.read_text() for one in sorted(tmp_path.iterdir())] == ["first", "second"]
