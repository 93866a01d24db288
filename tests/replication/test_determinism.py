"""The same figures under two hash seeds, two runs, one and two threads: 1e-10 relative."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

VARIANTS = {
    "first": {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "again": {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "other hash seed": {"PYTHONHASHSEED": "4242", "OMP_NUM_THREADS": "1"},
    "two threads": {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
}


def run_demo(place: Path, env: dict[str, str]) -> dict[str, Any]:
    (place / "studies").mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "evaluation.cli", "--workspace", str(place), "demo", "--tiny"],
        check=True,
        capture_output=True,
        env={**os.environ, **env},
    )
    found: dict[str, Any] = json.loads(
        (place / "var/results/new_start/first_look/results.json").read_text()
    )
    receipts = sorted(path.name for path in (place / "var/receipts").glob("*.json"))
    return {"results": found, "receipts": receipts}


def numbers(content: Any, place: str = "") -> dict[str, Any]:
    """Every leaf of nested data by its path."""
    if isinstance(content, dict):
        parts = content.items()
    elif isinstance(content, list):
        parts = enumerate(content)  # type: ignore[assignment]
    else:
        return {place: content}
    return {k: v for key, part in parts for k, v in numbers(part, f"{place}/{key}").items()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return numbers(run_demo(tmp_path_factory.mktemp("d") / "first", VARIANTS["first"]))


@pytest.mark.parametrize("variant", ["again", "other hash seed", "two threads"])
def test_nothing_moves(variant: str, first: dict[str, Any], tmp_path: Path) -> None:
    other = numbers(run_demo(tmp_path / "w", VARIANTS[variant]))
    assert first.keys() == other.keys()
    for place, value in first.items():
        if isinstance(value, float):
            assert other[place] == pytest.approx(value, rel=1e-10, abs=1e-12), place
        else:
            assert other[place] == value, place
