"""The same figures under two hash seeds, two runs, one and two threads: 1e-10 relative."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import demonstrate

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TWO_THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
VARIANTS = {
    "all at once": {"PYTHONHASHSEED": "4242", **TWO_THREADS},
    "again": {"PYTHONHASHSEED": "0", **ONE_THREAD},
    "other hash seed": {"PYTHONHASHSEED": "4242", **ONE_THREAD},
    "two threads": {"PYTHONHASHSEED": "0", **TWO_THREADS},
}
"""What moves under one of them moves under all at once too; one by one they say which it was."""


def held(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (place / "var/results/new_start/first_look/results.json").read_text()
    )
    receipts = sorted(path.name for path in (place / "var/receipts").glob("*.json"))
    return numbers({"results": found, "receipts": receipts})


def numbers(content: Any, place: str = "") -> dict[str, Any]:
    """Every leaf of nested data by its path."""
    if isinstance(content, dict):
        parts = content.items()
    elif isinstance(content, list):
        parts = enumerate(content)  # type: ignore[assignment]
    else:
        return {place: content}
    return {k: v for key, part in parts for k, v in numbers(part, f"{place}/{key}").items()}


@pytest.mark.parametrize(
    "variant",
    ["all at once", *(pytest.param(name, marks=pytest.mark.slow) for name in list(VARIANTS)[1:])],
)
def test_nothing_moves(variant: str, demonstration: Path, tmp_path: Path) -> None:
    first = held(demonstration)
    demonstrate(tmp_path / "w", **VARIANTS[variant])
    other = held(tmp_path / "w")
    assert first.keys() == other.keys()
    for place, value in first.items():
        if isinstance(value, float):
            assert other[place] == pytest.approx(value, rel=1e-10, abs=1e-12), place
        else:
            assert other[place] == value, place
