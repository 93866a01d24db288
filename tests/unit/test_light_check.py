"""A check of one return waits for none of the heavy libraries, with and without a ledger."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation import fingerprint
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return
from evaluation.workspace import Workspace

HEAVY = {"numpy", "pandas", "pandera", "scipy", "pyarrow", "alembic"}
RUN = """
import sys
from evaluation.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
HEADINGS = "area_code,area_name,quarter,outcome,numerator,denominator,status,note"
AREAS = {"E01": 5000.0, "E02": 6000.0}
OUTCOMES = {"ae_attendances": 200.0, "crisis_contacts": 20.0}


def write_return(folder: Path) -> Path:
    path = folder / "S01_nhs_2026-Q3.csv"
    rows = [
        f"{area},,2026 Q3,{outcome},{-3 if area == 'E01' else 900},{below:g},,"
        for outcome in OUTCOMES
        for area, below in AREAS.items()
    ]
    path.write_text("\n".join([HEADINGS, *rows]) + "\n", encoding="utf-8")
    return path


def accept_a_quarter(workspace: Workspace, programme: Programme, period: Period) -> None:
    rows = tuple(
        Observation(area, period, outcome, figure, below, "", "")
        for outcome, figure in OUTCOMES.items()
        for area, below in AREAS.items()
    )
    content = str(period).encode()
    one = Return(
        programme=programme.name,
        site="S01",
        agency="nhs",
        period=period,
        rows=rows,
        sha256=fingerprint.of_bytes(content),
    )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        ledger.submit(one, content, received=datetime(2026, 7, 1, tzinfo=UTC))


@pytest.mark.parametrize("quarters", [0, 2])
def test_a_check_loads_no_heavy_library(
    quarters: int, tiny: Programme, tiny_workspace: Workspace, tmp_path: Path
) -> None:
    for step in range(quarters):
        accept_a_quarter(tiny_workspace, tiny, Period.parse("2026 Q1") + step)
    options = ["--workspace", str(tiny_workspace.root), "--programme", "tiny"]
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *options, "check", str(write_return(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert "There cannot be fewer than no A&E attendances." in ran.stdout
    assert ("last accepted figure is 200" in ran.stdout) is bool(quarters)
    loaded = set(ran.stderr.splitlines()[-1].split())
    assert "evaluation" in loaded and not HEAVY & loaded
