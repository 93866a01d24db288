"""Publishing with nobody watching: each planted fault stops it with a sentence, and harms nothing.

By the command line, as a cron job would run it, but for the faults that a process has to be given.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.errors import BookError
from evaluation.publish import publish
from evaluation.study.study import Study
from evaluation.workspace import alone
from tests.publish.published import lay_out_valued, restate, withdraw
from tests.publish.test_publish import EVE, QUARTERS, clock, held, make
from tests.unit.locked import NAME, Ground

LAST, NOW = "2025-Q2", "2025-Q3"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """An edition of 2025 Q2; the returns of 2025 Q3 are in."""
    ground = lay_out_valued(tmp_path_factory.mktemp("unattended"))
    ground.submit(until=EVE)
    ground.freeze(EVE)
    with pytest.MonkeyPatch.context() as patch:
        make(ground, patch)
        ground.submit(after=EVE, until=QUARTERS[LAST])
        clock(patch, QUARTERS[LAST])
        assert run(ground) == 0
    ground.submit(after=QUARTERS[LAST], until=QUARTERS[NOW])
    return ground


@pytest.fixture
def ground(kept: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    own = kept.copied(tmp_path / "own")
    make(own, monkeypatch)
    clock(monkeypatch, QUARTERS[NOW])
    return own


def run(ground: Ground, *more: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--workspace", str(ground.workspace.root), "edition", "run", *more])
    return int(ended.value.code or 0)


def missing_return(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    clock(patch, QUARTERS["2025-Q4"])


def withdrawn_return(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    withdraw(ground, "2025-10-30")


def broken_lock(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    lock = ground.protocol.with_name("protocol.lock")
    lock.write_text(lock.read_text().replace('"reason": ""', '"reason": "mine"', 1))


def changed_protocol(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    ground.protocol.write_text(ground.protocol.read_text().replace("[0, 3]", "[0, 1]"))


def broken_ledger(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    raw = next(path for path in Path(ground.workspace.raw).rglob("*") if path.is_file())
    raw.chmod(0o644)
    raw.write_bytes(b"other")


def broken_look(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    (Study.load(ground.workspace, NAME).looks.folder / "001.npz").write_bytes(b"other")


def touched_edition(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    page = ground.workspace.var / "editions" / LAST / "pages" / "index.html"
    text = page.read_text()
    page.unlink()
    page.write_text(text.replace("Front", "Back"))


def no_book(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Path:
        raise BookError("no result of this edition bears the word 'reduced'.", where="index.md")

    patch.setattr(publish, "build_book", refuse)


def full_disk(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(ground.workspace.root)
    patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))


def another_runs(ground: Ground, patch: pytest.MonkeyPatch) -> None:
    running = alone(ground.workspace.var / "editions" / ".publishing.lock")
    assert running.__enter__()
    # Held until the test is over, and let go with it.
    patch.setattr(publish, "running", running, raising=False)


Plant = Callable[[Ground, pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("plant", "code", "said"),
    [
        (missing_return, 1, "returns of 2025 Q4 are missing: OPEN dft_open, OPEN nhs_england"),
        (withdrawn_return, 1, "1 return of 2025 Q3 is missing: S02 nhs"),
        (broken_lock, 1, "the lock was changed after it was written"),
        (changed_protocol, 1, "window is [0, 1] and was locked as [0, 3]"),
        (broken_ledger, 1, "The ledger does not hold"),
        (broken_look, 1, "its statistics (001.npz) are not what it saw"),
        (touched_edition, 1, "2025-Q2/pages/index.html was changed after publication"),
        (no_book, 2, "index.md: no result of this edition bears the word 'reduced'"),
        (full_disk, 1, "there is too little room on the disk: 1 MB are free"),
        (another_runs, 1, "another publication is running"),
    ],
)
def test_a_fault_stops_publication_and_harms_nothing(
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    plant: Plant,
    code: int,
    said: str,
) -> None:
    plant(ground, monkeypatch)
    before = held(ground)
    assert run(ground) == code
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed
    assert held(ground) == before


def test_a_quarter_that_is_not_due_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ground, "--quarter", "2025 Q4") == 1
    assert "edition 2025 Q4 is not due: its returns are to be in by 30 January 2026" in (
        capsys.readouterr().err
    )


def test_twice_is_once_and_a_correction_takes_a_person(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ground) == 0
    assert run(ground) == 0
    assert "Nothing changed since edition 2025-Q3" in capsys.readouterr().err
    restate(ground, "2025-11-02")
    assert run(ground) == 1
    assert "2025 Q3 was published already" in capsys.readouterr().err
