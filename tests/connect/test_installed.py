"""Recipes of kind ``file``: an installed package's data, with a lineage like any other's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.errors import WorkspaceError
from tests.journey.at_the_command_line import newstart, told

CASES = Path(__file__).parents[2] / "studies" / "real_cases"
FIELDS = {
    *("source", "recipe", "url", "parameters", "retrieved", "sha256", "rows_expected"),
    *("rows_received", "licence", "vintage", "rounding", "perturbed", "client"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CASES, tmp_path / "studies" / "real_cases")
    return tmp_path


def test_an_installed_file_has_a_lineage_and_is_replayed(root: Path) -> None:
    out = root / "out"
    newstart(root, "connect", "fetch", "causaldata", "--from", "2010-Q4", "--to", "2011-Q1",
             "-o", str(out))  # fmt: skip
    made = sorted(one.name for one in out.iterdir())
    assert made == [
        f"OPEN_causaldata_{quarter}{end}"
        for quarter in ("2010-Q4", "2011-Q1")
        for end in (".csv", ".lineage.json")
    ]
    lineage = json.loads((out / made[1]).read_text("utf-8"))
    assert set(lineage) >= FIELDS
    assert lineage["source"] == "file" and lineage["rows_received"] == 27
    assert lineage["url"] == "package:causaldata/organ_donations/organ_donation.csv"
    newstart(root, "connect", "replay", str(out), "-o", str(root / "again"))
    assert (root / "again" / made[0]).read_bytes() == (out / made[0]).read_bytes()


def test_a_package_that_is_not_installed(root: Path) -> None:
    path = root / "studies" / "real_cases" / "sources.yaml"
    text = path.read_text("utf-8").replace("package: causaldata", "package: nowhere_at_all")
    path.write_text(text, "utf-8")
    code, _, err = told(root, "connect", "fetch", "causaldata", "--from", "2010-Q4",
                        "-o", str(root / "out"))  # fmt: skip
    assert code == WorkspaceError.exit_code and "install the extra 'cases'" in err
