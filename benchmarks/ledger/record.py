"""Where a drill's result is kept: one file a drill, with the command and the machine."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"


def record(name: str, command: str, result: dict[str, Any]) -> Path:
    """Write the result of a drill of the ledger, and print it."""
    return record_as(name, f"python -m benchmarks.ledger {command}", result)


def record_as(name: str, command: str, result: dict[str, Any]) -> Path:
    """Write ``benchmarks/results/<name>.json`` and print it."""
    path = RESULTS / f"{name}.json"
    machine = {"processors": os.cpu_count(), "python": platform.python_version()}
    content = {"command": command, "machine": machine, **result}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))
    return path
