"""Say what can be measured, and what was: each recorded result with the command that made it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

HERE = Path(__file__).parent
RESULTS, BOOK = HERE / "results", HERE.parent / "book"
RUN = (
    "python -m benchmarks.house [--at PATH ...] [--show] [--picture FILE.svg]",
    "python -m benchmarks.imports",
    "python -m benchmarks.published",
    "python -m benchmarks.walk WORKSPACE [PROGRAMME [FOLDER OF LETTERS]]",
    "python -m benchmarks.reading WORKSPACE [--pdf]",
    "python -m benchmarks.screens WORKSPACE FOLDER [--only PAGE]",
    "python -m benchmarks.did",
    "python -m benchmarks.agreement",
    "python -m benchmarks.entries WORKSPACE [STUDY] [--record NAME]",
    "OMP_NUM_THREADS=1 python -m benchmarks.synthetic",
    "OMP_NUM_THREADS=1 python -m benchmarks.predictor_cases",
    "OMP_NUM_THREADS=1 python -m benchmarks.solver_proofs [PATH]",
    "python -m benchmarks.donors_started",
    "python -m benchmarks.placebo_study NAME PATH --area .. --period .. --outcome .. --windows ..",
    "OMP_NUM_THREADS=1 python -m benchmarks.west_yorkshire WHEEL",
    "OMP_NUM_THREADS=1 python -m benchmarks.referendum FILE",
    "OMP_NUM_THREADS=1 python -m benchmarks.connect_national [QUARTERS]",
    "python -m benchmarks.outgrown [--spark PYTHON] [MILLIONS ...]",
    "OMP_NUM_THREADS=1 python -m benchmarks.pretend_pilots PANEL --area .. --period .. [--draws N]",
    "python -m benchmarks.calibration [SEEDS] [FULL_SEEDS]",
    "python -m benchmarks.bars [--simulations N] [--workers N] [--only NAMES] [--largest AREAS]",
    "OMP_NUM_THREADS=1 python -m benchmarks.inference",
    "python -m benchmarks.precision [--simulations N] [--only WORDS]",
    "python -m benchmarks.survey_design [--simulations N] [--only WORDS]",
    "python -m benchmarks.survey_coverage [--seeds N]",
    "python -m benchmarks.survey_peers [--samples N]",
    "OMP_NUM_THREADS=1 python -m benchmarks.many_donors",
    "python -m benchmarks.intervals [PANELS]",
    "OMP_NUM_THREADS=1 python -m benchmarks.between_sites [--simulations N] [--others N]",
    "OMP_NUM_THREADS=1 python -m benchmarks.gaps",
    "python -m benchmarks.chain [SEEDS]",
    "python -m benchmarks.control_charts [SERIES]",
    "python -m benchmarks.trials [TRIALS]",
    "python -m benchmarks.diagnostics PROGRAMMES",
    "OMP_NUM_THREADS=1 python -m benchmarks.refuters [SEEDS]",
    "OMP_NUM_THREADS=1 python -m benchmarks.findings [SEEDS] [SEEDS_OF_NOTHING]",
    "python -m benchmarks.value",
    "python -m benchmarks.value_coverage SEEDS",
    "python -m benchmarks.returns",
    "python -m benchmarks.check",
    "python -m benchmarks.questions [SEEDS]",
    "python -m benchmarks.false_questions PANEL --area .. --period .. --value .. [--name NAME]",
    "OMP_NUM_THREADS=1 python -m benchmarks.national_study PANEL --area .. --period .. --value ..",
    "python -m benchmarks.history returns|table|slips [PANEL --area .. --period .. --value ..]",
    "python -m benchmarks.hostile",
    "python -m benchmarks.ledger killed --engine sqlite|postgresql --number KILLS",
    "python -m benchmarks.ledger writers --engine sqlite|postgresql --number PROCESSES",
    "python -m benchmarks.ledger flips --engine sqlite|postgresql --number FLIPS",
    "python -m benchmarks.ledger load --engine sqlite|postgresql --number AREAS",
    "python -m benchmarks.ledger national --number AREAS",
    "python -m benchmarks.ledger readers --number RETURNS [--spark PYTHON]",
    "python -m benchmarks.ledger s3 --number RETURNS",
    "python -m benchmarks.ledger.book",
    "OMP_NUM_THREADS=1 python -m benchmarks.disclosure [--programmes N]",
    "python -m benchmarks.audit_times WORKSPACE",
    "python -m benchmarks.released_ranges [--draws N]",
    "python -m benchmarks.portal_kills [--number N] [--seed N]",
    "python -m benchmarks.portal_load [--logins N] [--uploads N]",
    "python -m benchmarks.book_times [--tiny] [--in FOLDER] [--record NAME]",
    "python -m benchmarks.editions [COUNT] [--tiny] [--keep FOLDER]",
)


def module_of(command: str) -> Path:
    """The file that a command of `RUN` runs."""
    words = command.split()
    path = HERE.parent / words[words.index("-m") + 1].replace(".", "/")
    return path / "__main__.py" if path.is_dir() else path.with_suffix(".py")


def recorded() -> dict[str, str]:
    """Each recorded result, and the commands that made it: its own, or those of its parts."""
    found = {}
    for path in (*sorted(BOOK.glob("*.json")), *sorted(RESULTS.glob("*.json"))):
        record = json.loads(path.read_text(encoding="utf-8"))
        made = [record, *(part for part in record.values() if isinstance(part, dict))]
        commands = dict.fromkeys(str(one["command"]) for one in made if "command" in one)
        found[path.relative_to(HERE.parent).as_posix()] = "; ".join(commands)
    return found


def main() -> None:
    """Print both lists; a command's purpose is the first line of its module."""
    print("What can be run:")
    for command in RUN:
        purpose = ast.get_docstring(ast.parse(module_of(command).read_text(encoding="utf-8")))
        print(f"  {command}\n      {(purpose or '').splitlines()[0]}")
    print("What is recorded, and by which command:")
    for name, commands in recorded().items():
        print(f"  {name}: {commands}")


if __name__ == "__main__":
    main()
