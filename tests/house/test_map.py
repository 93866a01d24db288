"""The package's front: its public names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import evaluation

PUBLIC = {
    "Assignments",
    "Edition",
    "Estimate",
    "Finding",
    "Ledger",
    "Panel",
    "Problem",
    "Programme",
    "Protocol",
    "Receipt",
    "Return",
    "Value",
    "augmented_synthetic_control",
    "calibrate",
    "did",
    "honest_bounds",
    "imputation",
    "judge",
    "pooled_synthetic_control",
    "power",
    "synthetic_control",
    "synthetic_did",
    "two_way_fixed_effects",
    "worth",
}
# What it loads; how long it takes is printed by `python -m benchmarks.house --seconds`.
IMPORT = """
import sys
before = set(sys.modules)
import evaluation
print(*sorted(set(sys.modules) - before))
"""
CHECK_HELP = """
import sys
from evaluation.cli import main
try:
    main(["check", "--help"])
except SystemExit as end:
    assert end.code == 0, end.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )


def test_the_public_names_are_what_they_are() -> None:
    assert set(evaluation.__all__) == PUBLIC
    assert len(PUBLIC) <= 30
    assert list(evaluation.__all__) == sorted(evaluation.__all__)
    assert set(evaluation.__all__) <= set(dir(evaluation))


def test_every_public_name_loads_and_is_documented() -> None:
    for name in evaluation.__all__:
        assert getattr(evaluation, name).__doc__, name


def test_importing_the_package_loads_nothing_but_its_map() -> None:
    loaded = set(_python(IMPORT).stdout.split())
    outside = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert outside == {"evaluation"}
    assert {name for name in loaded if name.startswith("evaluation.")} == set()


def test_check_help_loads_no_heavy_library() -> None:
    loaded = set(_python(CHECK_HELP).stderr.split())
    assert "typer" in loaded
    assert loaded.isdisjoint({"pandas", "statsmodels", "linearmodels", "scipy", "matplotlib"})
