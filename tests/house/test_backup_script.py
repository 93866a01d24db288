"""The night's back-up as it is run, and ended at each of its steps: no key is ever out of the copy.

The script is the real one; the program that makes the back-up is a stand-in, and each command that
the script calls may be made to end the run just before it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "hosting" / "backup.sh"
CALLED = ("rm", "cp", "mv", "mkdir", "find", "sync")
STAND_IN = '#!/bin/bash\nmkdir -p "$3" && echo sealed > "$3/figures"\n'
# Counts every call of a command, and kills the script at the one that is wanted.
COUNTS = """#!/bin/bash
exec 9>>"$CALLS.lock"; flock 9
made=$(( $(cat "$CALLS" 2> /dev/null || echo 0) + 1 )); echo "$made" > "$CALLS"
exec 9>&-
if [ "$made" = "${DIES:-none}" ]; then
  kill -KILL -- "-$(ps -o pgid= -p $$ | tr -d ' ')"
fi
exec REAL "$@"
"""


class Night:
    """A machine's keys, the copy of them, and the back-ups."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.copy, self.backups = folder / "keys", folder / "copy", folder / "backups"
        self.bin, self.calls = folder / "bin", folder / "calls"
        self.bin.mkdir()
        for name in CALLED:
            real = shutil.which(name)
            assert real is not None
            self.program(name, COUNTS.replace("REAL", real))
        self.program("newstart", STAND_IN)
        self.holds(self.keys, {"ab/abcd": "old", "ab/abff": "stays", "cd/cdef": "destroyed later"})

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, "utf-8")
        (self.bin / name).chmod(0o755)

    def holds(self, folder: Path, files: dict[str, str]) -> None:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")

    def run(self, *, dies: int = 0) -> subprocess.CompletedProcess[str]:
        self.calls.unlink(missing_ok=True)
        said = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "BACKUPS": str(self.backups),
            "KEYS_COPY": str(self.copy),
            "NEWSTART_DATA_KEYS": str(self.keys),
            "CALLS": str(self.calls),
            "DIES": str(dies or "none"),
        }
        return subprocess.run(
            ["bash", str(SCRIPT)],
            env=said,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )


def found(folder: Path) -> dict[str, str]:
    """What a folder holds, as whoever restores from it reads it."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".new" not in path.parts
    }


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """After one whole night; since then a key came, one was destroyed, one was written anew."""
    made = Night(tmp_path)
    done = made.run()
    assert done.returncode == 0, done.stderr
    assert found(made.copy) == found(made.keys)
    shutil.rmtree(made.backups)  # two nights of one second would bear one name
    (made.keys / "cd/cdef").unlink()
    made.holds(made.keys, {"cd/cdef.gone": "a note", "ee/ee01": "new", "ab/abcd": "anew"})
    return made


def test_the_copy_mirrors_the_keys_of_now(night: Night) -> None:
    assert night.run().returncode == 0
    assert found(night.copy) == found(night.keys) and "cd/cdef" not in found(night.copy)
    assert not (night.copy / ".new").exists()
    nights = sorted(path.name for path in night.backups.iterdir())
    assert nights and all(name.startswith("20") for name in nights)


def test_ended_at_any_step_no_key_is_out_of_the_copy(night: Night) -> None:
    night_before = night.copy.with_name("copy-before")
    shutil.copytree(night.copy, night_before)
    before, wanted = found(night.copy), found(night.keys)
    assert night.run().returncode == 0
    shutil.rmtree(night.backups)
    steps = int(night.calls.read_text())
    assert steps > 12
    for dies in range(1, steps + 1):
        shutil.rmtree(night.copy)
        shutil.copytree(night_before, night.copy)
        shutil.rmtree(night.backups, ignore_errors=True)
        assert night.run(dies=dies).returncode == -signal.SIGKILL
        left = found(night.copy)
        for name in before.keys() & wanted.keys():
            assert left.get(name) in (before[name], wanted[name]), (dies, name)
        nights = [*night.backups.glob("20*")] if night.backups.exists() else []
        assert all((path / "figures").is_file() for path in nights), "a part bears a name"
    # The next night makes it whole, and what was destroyed is gone from the copy.
    shutil.rmtree(night.backups)
    done = night.run()
    assert done.returncode == 0, done.stderr
    assert found(night.copy) == wanted


def test_a_disk_of_keys_that_goes_on_the_way_empties_no_copy(night: Night) -> None:
    """Unmounted once its keys are copied: what is gone from there is gone from no copy."""
    wanted = found(night.keys)
    away = night.keys.with_name("unmounted")
    night.program("sync", f'#!/bin/bash\n[ ! -d "{night.keys}" ] || mv "{night.keys}" "{away}"\n')
    assert night.run().returncode == 0
    assert found(night.copy) == wanted


def test_a_key_that_is_destroyed_on_the_way_is_in_no_copy(night: Night) -> None:
    destroyed = f'rm -f "{night.keys}/ab/abff" && echo a > "{night.keys}/ab/abff.destroyed.json"'
    night.program("sync", f"#!/bin/bash\n{destroyed}\n")
    assert night.run().returncode == 0
    assert "ab/abff" not in found(night.copy)


def test_a_disk_of_keys_that_is_not_there_empties_no_copy(night: Night) -> None:
    before = found(night.copy)
    shutil.rmtree(night.keys)
    night.keys.mkdir()
    done = night.run()
    assert done.returncode == 1 and "holds no key" in done.stderr
    night.keys.rmdir()
    assert night.run().returncode != 0
    assert found(night.copy) == before


def test_as_many_nights_are_kept_as_are_wanted(night: Night) -> None:
    days = [f"2026-0{month}-{day}T023000Z" for month in (1, 2) for day in range(10, 28)]
    night.holds(night.backups, {f"{day}/figures": "sealed" for day in days})
    assert night.run().returncode == 0
    kept = sorted(path.name for path in night.backups.iterdir())
    assert len(kept) == 30 and kept[:-1] == days[-29:]
