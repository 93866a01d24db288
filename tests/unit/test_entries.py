"""A profile of module entries counts what a reader turns to, and how often he turns back."""

import sys

from benchmarks import entries
from evaluation import fingerprint, quarters
from evaluation.workspace import package


def test_returns_are_entries_of_what_was_left_before():
    found = entries.counted(["a.py", "a.py", "b/c.py", "a.py", "b/c.py", "b/d.py"])
    assert {name: found[name] for name in ("entered", "entries", "returns")} == {
        "entered": 3,
        "entries": 5,
        "returns": 2,
    }
    assert found["most"] == {"a.py": 2, "b/c.py": 2}


def test_a_room_is_a_folder_and_the_ground_floor_one():
    assert [entries.room(one) for one in ("panel.py", "estimate/did.py", "estimate/a/b.py")] == [
        "top",
        "estimate",
        "estimate",
    ]


def test_a_function_is_read_at_its_first_call_alone():
    walk = entries.Walk(package())
    before = sys.getprofile()
    sys.setprofile(walk.profile)
    try:
        for _ in range(3):
            quarters.Period.parse("2026 Q3").label  # noqa: B018
            fingerprint.of_bytes(b"")
    finally:
        sys.setprofile(before)
    assert entries.entries(walk.modules) == ["quarters.py", "fingerprint.py"]
    assert walk.calls == 6
