"""A site that joins later: the locked study goes on, and the latecomer has one of its own."""

import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.study.run import catch_up
from evaluation.study.study import Study
from tests.unit.locked import LOCKED, NAME, UNTIL, Ground, differences, lay_out


def added_site(ground: Ground) -> None:
    """A fourth site joins the programme in an area that nobody had declared before."""
    folder = ground.workspace.studies / "new_start"
    declared = yaml.safe_load((folder / "programme.yaml").read_text())
    declared["sites"].append(
        {**declared["sites"][0], "code": "S99", "name": "Latecomer", "start": "2025 Q4"}
    )
    (folder / "programme.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    lines = (folder / "areas.csv").read_text().splitlines()
    row = dict(
        zip(lines[0].split(","), next(x for x in lines if ",pilot," in x).split(","), strict=True)
    )
    row |= {"code": "X99999", "name": "Late", "authority": "Latefield", "site": "S99"}
    (folder / "areas.csv").write_text("\n".join([*lines, ",".join(row.values())]) + "\n")


def study_of(ground: Ground, study: str, **fields: object) -> None:
    folder = ground.workspace.studies / "new_start" / study
    folder.mkdir(exist_ok=True)
    content = yaml.safe_load(ground.protocol.read_text()) | {"study": study, **fields}
    (folder / "protocol.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def test_a_site_that_joins_later_leaves_a_study_of_named_sites_confirmatory(tmp_path) -> None:
    """The locked study goes on with its sites and assignments; the latecomer is set apart."""
    ground = lay_out(tmp_path)
    sites = [s.code for s in Study.load(ground.workspace, NAME).programme.sites]
    study_of(ground, "first_look", sites=sites)
    ground.submit(until=LOCKED)
    ground.freeze()
    ground.submit(after=LOCKED, until=UNTIL)
    catch_up(Study.load(ground.workspace, NAME))
    assert differences(ground) == ()
    added_site(ground)
    assert differences(ground) == ()
    programme = Study.load(ground.workspace, NAME).programme
    assert "S99" not in programme.site_by_code
    assert programme.area_by_code["X99999"].role == "excluded"


def test_studies_of_different_sites_have_assignments_looks_and_an_alpha_of_their_own(
    tmp_path,
) -> None:
    """Both are locked, looked at, confirmatory; neither compares with the other's pilots."""
    ground = lay_out(tmp_path)
    first, *others = (s.code for s in Study.load(ground.workspace, NAME).programme.sites)
    study_of(ground, "first_look", sites=[first])
    study_of(ground, "latecomers", sites=others)
    ground.submit(until=LOCKED)
    for name in (NAME, "new_start/latecomers"):
        ground.freeze(name=name)
    ground.submit(after=LOCKED, until=UNTIL)
    held = {}
    for name in (NAME, "new_start/latecomers"):
        study = Study.load(ground.workspace, name)
        catch_up(study)
        assert differences(ground, name) == ()
        # Alpha is spent by each study's own calendar, from its own first start on.
        held[name] = [row.look_at("ae_attendances").spent for row in study.looks.rows()]
        panel = study.panel
        assert set(panel.areas["site"].dropna()) == set(study.protocol.sites)
        others_areas = {
            a.code for a in study.programme.areas if a.reason == "a site of another study"
        }
        assert others_areas and not others_areas & set(panel.areas.index)
    assert len(held[NAME]) == len(held["new_start/latecomers"]) + 1
    assert held[NAME][0] == held["new_start/latecomers"][0]


def test_without_named_sites_one_that_joins_turns_the_label_and_is_named(tmp_path) -> None:
    ground = lay_out(tmp_path)
    ground.submit(until=LOCKED)
    ground.freeze()
    ground.submit(after=LOCKED, until=UNTIL)
    added_site(ground)
    assert any(
        "site S99 starts in 2025Q4 and was locked with no start" in said.replace(" Q", "Q")
        for said in differences(ground)
    )


def test_an_unknown_site_is_named_with_those_there_are(tmp_path) -> None:
    ground = lay_out(tmp_path)
    study_of(ground, "elsewhere", sites=["S42"])
    with pytest.raises(ProtocolError, match="no site 'S42'"):
        Study.load(ground.workspace, "new_start/elsewhere")
