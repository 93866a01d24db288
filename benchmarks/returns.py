"""How long a check takes: cold against the import of pandas, warm against a bare reading.

``python -m benchmarks.returns`` prints each measure with its bound. The two sides of a ratio are
measured in turn in the same run, and the median of five pairs is given.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl

from evaluation.check.report import reply
from evaluation.check.stages import check_return
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace

PAIRS = 5
ROWS = 2_000
OUTCOMES = ("ae_attendances", "emergency_admissions", "ambulance_conveyances", "crisis_contacts")
COLD_RATIO, WARM_SECONDS = 2.5, 0.5
_PROGRAMME = """
name: measured
title: A programme to be measured
question: How long does it take?
synthetic: true
first: 2025 Q1
last: 2026 Q4
agencies: {{nhs: The NHS}}
sources: [{{code: nhs_england, name: NHS England collections, agency: nhs}}]
sites: [{{code: S01, name: Alder, start: 2025 Q3, agencies: [nhs]}}]
areas: areas.csv
outcomes: [{outcomes}]
"""


def workspace(folder: Path, areas: int) -> Workspace:
    """A workspace without a ledger whose one submitter returns four outcomes of ``areas`` areas."""
    study = folder / "studies" / "measured"
    study.mkdir(parents=True)
    declared = _PROGRAMME.format(outcomes=", ".join(OUTCOMES))
    (study / "programme.yaml").write_text(declared, encoding="utf-8")
    lines = [f"E{n:05},Area {n},A{n % 9},pilot,S01,5000" for n in range(areas)]
    head = "code,name,authority,role,site,population"
    (study / "areas.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    (folder / "SYNTHETIC").touch()
    return Workspace(root=folder)


def filled(place: Workspace) -> Path:
    """A return of that submitter without a fault."""
    path = place.root / "return.xlsx"
    programme = Programme.load(place, "measured")
    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path)
    book = openpyxl.load_workbook(path)
    sheet = book["Return"]
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, 5).value, sheet.cell(row, 6).value = 20 + row % 17, 5000
    book.save(path)
    return path


def taken(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def pairs(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratios, measured in turn."""
    taken_by = [(taken(one), taken(other)) for _ in range(PAIRS)]
    firsts, seconds = zip(*taken_by, strict=True)
    ratio = statistics.median(a / b for a, b in taken_by)
    return statistics.median(firsts), statistics.median(seconds), ratio


def cold(folder: Path) -> str:
    """``newstart check`` in a new process against ``import pandas`` in another."""
    file = filled(workspace(folder, 10))
    script = Path(sys.executable).with_name("newstart")
    check = [str(script), "--workspace", str(folder), "--programme", "measured", "check", str(file)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the check that is measured does not pass:\n{done.stdout}{done.stderr}")

    def run(command: list[str]) -> Callable[[], object]:
        return lambda: subprocess.run(command, capture_output=True, check=True)

    mine, peer, ratio = pairs(run(check), run([sys.executable, "-c", "import pandas"]))
    return (
        f"check, cold, no ledger: {mine:.2f} s = {ratio:.2f} x import pandas ({peer:.2f} s);"
        f" bound {COLD_RATIO} x"
    )


def warm(folder: Path) -> list[str]:
    """A return of 2,000 rows, read and checked in this process, against a bare reading of it."""
    place = workspace(folder, ROWS // len(OUTCOMES))
    file, programme = filled(place), Programme.load(place, "measured")

    def check() -> None:
        checked = check_return(read_return(file), programme)
        if not checked.accepted or len(checked.returned.rows if checked.returned else ()) != ROWS:
            raise SystemExit("the check that is measured does not pass")

    def bare() -> None:
        book = openpyxl.load_workbook(file, read_only=True)
        for _ in book["Return"].iter_rows(values_only=True):
            pass

    def answer() -> None:
        raw = read_return(file)
        reply(raw, check_return(raw, programme), file.with_name("reply.xlsx"))

    with contextlib.redirect_stderr(io.StringIO()):
        check()
    mine, peer, ratio = pairs(check, bare)
    whole, _, more = pairs(answer, bare)
    return [
        f"check of {ROWS:,} rows, warm: {mine:.3f} s = {ratio:.2f} x openpyxl's bare reading"
        f" ({peer:.3f} s); bound {WARM_SECONDS} s",
        f"the same with the marked copy: {whole:.2f} s = {more:.1f} x that reading",
    ]


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cold").mkdir()
        (Path(folder) / "warm").mkdir()
        print(cold(Path(folder) / "cold"))
        print("\n".join(warm(Path(folder) / "warm")))


if __name__ == "__main__":
    main()
