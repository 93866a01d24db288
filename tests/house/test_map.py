"""The package's front: its public names, and what importing it loads."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import evaluation

ROOT = Path(__file__).resolve().parents[2]

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
    "between_sites",
    "calibrate",
    "did",
    "forest",
    "honest_bounds",
    "imputation",
    "judge",
    "plot_bounds",
    "pooled_synthetic_control",
    "power",
    "synthetic_control",
    "synthetic_did",
    "triple_difference",
    "two_way_fixed_effects",
    "worth",
}
IMPORT = """
import sys
import evaluation
print(*sys.modules)
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


def test_importing_the_package_loads_no_other_module_of_it_and_no_library() -> None:
    """So it costs next to nothing; ``python -m benchmarks.imports`` says how little."""
    loaded = set(_python(IMPORT).stdout.split())
    assert {name for name in loaded if name.startswith("evaluation")} == {"evaluation"}
    ours = loaded - set(_python("import sys; print(*sys.modules)").stdout.split())
    assert {name.partition(".")[0] for name in ours} <= {"evaluation", *sys.stdlib_module_names}


def test_check_help_loads_no_heavy_library() -> None:
    loaded = set(_python(CHECK_HELP).stderr.split())
    assert "typer" in loaded
    assert loaded.isdisjoint({"pandas", "statsmodels", "linearmodels", "scipy", "matplotlib"})


def test_every_name_in_the_guide_for_contributors_loads() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = sorted(set(re.findall(r"`(evaluation(?:\.[a-z_]+)+)\.([a-z_]+)\(", guide)))
    assert len(named) >= 4
    for module, name in named:
        assert getattr(import_module(module), name).__doc__
