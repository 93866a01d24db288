"""A new quarter runs the studies that it touches, and no other.

Two studies of a small synthetic programme: one on attendances, which health services report, one on
arrears, which councils report. Stand-in pages, since what is run does not hang on them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from evaluation.publish import refresh
from evaluation.publish.publish import Published
from evaluation.study.run import StudyRun, run_study
from evaluation.study.study import Study
from tests.publish.test_publish import EVE, QUARTERS, clock, issue, make
from tests.unit.locked import NAME, PROTOCOL, Ground, lay_out

ARREARS = "new_start/rent"
LAST, NOW = "2025-Q3", "2025-Q4"
UNLOCKED = {
    **{key: value for key, value in PROTOCOL.items() if key not in ("looks", "negative_control")},
    "study": "rent",
    "title": "Rent",
    "primary": ["arrears"],
    "scale": {},
    "hoped_percent": {"arrears": -8},
    "assignments": {"n": 99, "strata": [], "seed": 7},
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Both studies and an edition of 2025 Q3."""
    ground = lay_out(tmp_path_factory.mktemp("fresh"))
    protocol = ground.workspace.studies / ARREARS / "protocol.yaml"
    protocol.parent.mkdir()
    protocol.write_text(yaml.safe_dump(UNLOCKED, sort_keys=False))
    ground.submit(until=EVE)
    ground.freeze(EVE)
    with pytest.MonkeyPatch.context() as patch:
        make(ground, patch)
        ground.submit(after=EVE, until=QUARTERS[LAST])
        clock(patch, QUARTERS[LAST])
        issue(ground)
    return ground


@pytest.fixture
def ground(kept: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A copy that a test may change, on the day of its edition."""
    own = kept.copied(tmp_path / "own")
    make(own, monkeypatch)
    clock(monkeypatch, QUARTERS[LAST])
    return own


def only(ground: Ground, *senders: str) -> Ground:
    """The same ground with the returns of these agencies and sources alone still to come."""
    files = [path for path in ground.files if any(name in path.stem for name in senders)]
    return Ground(workspace=ground.workspace, files=files)


def published(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, came: Ground
) -> tuple[Published, list[str], list[str]]:
    """Publish the new quarter: what came of it, the studies that were run, what was told."""
    ran: list[str] = []
    told: list[str] = []

    def counted(study: Study, *, progress: Callable[[str], object]) -> StudyRun:
        ran.append(study.name)
        return run_study(study, progress=progress)

    monkeypatch.setattr(refresh, "run_study", counted)
    came.submit(after=QUARTERS[LAST], until=QUARTERS[NOW])
    clock(monkeypatch, QUARTERS[NOW])
    return issue(ground, progress=told.append), ran, told


def held(ground: Ground, name: str) -> dict[str, tuple[bytes, int]]:
    """Each file of a study's results: its content, and when it was written."""
    folder = ground.workspace.results(*name.split("/"))
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_new_quarter_leaves_a_study_that_it_does_not_touch(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: held(ground, name) for name in (NAME, ARREARS)}
    done, ran, told = published(ground, monkeypatch, only(ground, "nhs", "dft"))
    assert (done.new, done.edition.quarter) == (True, "2025 Q4")
    assert ran == [NAME]
    assert f"{ARREARS}: up to date" in told
    (why,) = [line for line in told if line.startswith(f"{NAME}: run, since ")]
    assert refresh.PARTS["figures"] in why
    assert held(ground, ARREARS) == before[ARREARS]
    assert held(ground, NAME) != before[NAME]


def test_a_new_quarter_runs_both_studies_where_it_touches_both(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ran, _ = published(ground, monkeypatch, ground)
    assert ran == [NAME, ARREARS]
