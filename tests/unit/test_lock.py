"""A look is confirmatory only while all is as it was locked; what is not is named, and mends."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.verify import read_witnesses
from evaluation.returns.workbook import read_return
from evaluation.study import code, stored_assignments
from evaluation.study.lock import Lock
from evaluation.study.lock_status import changed_code, standing_of
from evaluation.study.results import results_of, rounded, write_results
from evaluation.study.run import catch_up, run_study
from evaluation.study.study import Study
from tests.unit.locked import LOCKED, NAME, UNTIL, differences, instant, lay_out


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Frozen before the first start, then four quarters and their looks."""
    ground = lay_out(tmp_path_factory.mktemp("locked"))
    ground.submit(until=LOCKED)
    ground.freeze()
    ground.submit(after=LOCKED, until=UNTIL)
    catch_up(Study.load(ground.workspace, NAME))
    return ground


@pytest.fixture
def ground(made, tmp_path):
    """A copy that a test may spoil."""
    return made.copied(tmp_path / "w")


def looks_of(ground):
    return Study.load(ground.workspace, NAME).looks


def test_a_run_under_its_lock_is_confirmatory_and_a_new_quarter_keeps_it_so(ground):
    run = run_study(Study.load(ground.workspace, NAME))
    assert (run.label, run.differences) == ("confirmatory", ())
    ground.submit(after=UNTIL, until="2026-01-31")
    later = run_study(Study.load(ground.workspace, NAME))
    assert (later.label, later.differences) == ("confirmatory", ())
    assert later.panel.labels[-1] > run.panel.labels[-1]
    assert len(looks_of(ground).rows()) == 5
    data = results_of(later)
    assert data.lock.data_seen["last_quarter"] == "2024 Q3"
    assert {row.known["lock"] for row in looks_of(ground).rows()} == {data.lock.hash}


def test_a_run_reads_each_part_of_its_study_once(ground, monkeypatch):
    """Declarations, figures, lock, kept assignments: who asks after the first finds them read."""
    from evaluation.ledger.ledger import Ledger
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.study.stored_assignments import Kept

    read = []

    def counted(owner, name):
        before = getattr(owner, name)

        def again(*args, **options):
            read.append(f"{owner.__name__}.{name}")
            return before(*args, **options)

        monkeypatch.setattr(owner, name, again)

    for owner, name in (
        (Programme, "load"),
        (Protocol, "load"),
        (Lock, "read"),
        (Kept, "read"),
        (Panel, "from_observations"),
        (Ledger, "observations"),
    ):
        counted(owner, name)
    run_study(Study.load(ground.workspace, NAME))
    assert sorted(read) == [
        "Kept.read",
        # Its outcomes, what the returns of money say, and when the newest of these came in.
        "Ledger.observations",
        "Ledger.observations",
        "Ledger.observations",
        "Lock.read",
        "Panel.from_observations",
        "Programme.load",
        "Protocol.load",
    ]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("[0, 3]", "[0, 2]", "window is [0, 2] and was locked as [0, 3]"),
        ("seed: 7", "seed: 8", "assignments.seed is 8 and was locked as 7"),
        ("One front door.", "One front door!", "intervention is One front door! and was locked"),
        ("title: Locked", "title: Locked # x", "its text was changed, though no field of it"),
        ("ae_attendances: -8", "ae_attendances: -9", "hoped_percent.ae_attendances is -9"),
    ],
)
def test_one_character_of_the_protocol(ground, was, now, said):
    text = ground.protocol.read_text()
    assert was in text
    ground.protocol.write_text(text.replace(was, now, 1))
    assert any(said in one for one in differences(ground)), differences(ground)
    ground.protocol.write_text(text)
    assert differences(ground) == ()


def test_line_endings_are_no_change(ground):
    ground.protocol.write_bytes(ground.protocol.read_bytes().replace(b"\n", b"\r\n"))
    assert differences(ground) == ()


def test_one_observation_of_a_past_vintage(ground):
    path = ground.workspace.ledger
    shutil.copy(path, path.with_suffix(".kept"))
    with closing(sqlite3.connect(path)) as database, database:
        for (name,) in database.execute(
            "select name from sqlite_master where type = 'trigger'"
        ).fetchall():
            database.execute(f"drop trigger {name}")
        key = database.execute(
            "select return_seq, area_code, quarter, outcome from observations "
            "where outcome = 'ae_attendances' order by quarter, area_code limit 1 offset 7"
        ).fetchone()
        database.execute(
            "update observations set numerator = numerator + 1 where return_seq = ? "
            "and area_code = ? and quarter = ? and outcome = ?",
            key,
        )
        changed = database.execute(
            "select return_id from returns where seq = ?", key[:1]
        ).fetchone()[0]
    said = differences(ground)
    assert any(changed in one and "does not hold" in one for one in said), said
    path.with_suffix(".kept").replace(path)
    assert differences(ground) == ()


def test_a_return_put_in_behind_the_present_is_named(ground):
    """The chain is whole, and yet a past vintage is another than it was."""
    late = next(p for p in ground.files if "2026-04-07" in str(p))
    workspace = ground.workspace
    programme = Study.load(workspace, NAME).programme
    from evaluation.check.stages import check_return

    checked = check_return(read_return(late), programme)
    assert checked.returned is not None
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        receipt = ledger.submit(checked.returned, late.read_bytes(), received=instant("2025-02-01"))
    said = differences(ground)
    assert any(receipt.return_id in one and "past vintage" in one for one in said), said


def test_another_ledger_is_not_that_of_the_lock(ground):
    (ground.workspace.ledger).unlink()
    ground.submit(after="2023-08-01", until=UNTIL)
    assert any(
        "It does not hold the record" in o or "does not hold the record" in o
        for o in differences(ground)
    )


@pytest.mark.parametrize(
    "name",
    [
        "quarters.py",
        "programme.py",
        "protocol.py",
        "panel.py",
        "estimate/did.py",
        "diagnose/checks.py",
        "finding/judge.py",
        "finding/models.py",
        "estimate/solvers/simplex.py",
        "study/interim_analyses.py",
        "study/run.py",
        "study/stored_assignments.py",
        "study/study.py",
    ],
)
def test_one_line_of_the_code_that_decides(made, tmp_path, monkeypatch, name):
    """Estimators, what forbids a verdict, the judge, the looks: a lock knows each of them."""
    lock = Lock.read(made.protocol.parent)
    copy = tmp_path / "evaluation"
    shutil.copytree(code.package(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "package", lambda: copy)
    assert not changed_code(lock, NAME)
    source = copy / name
    source.write_text(source.read_text() + "# one line\n")
    assert changed_code(lock, NAME) == [f"The code is another than was locked: {name}."]


def test_one_line_of_code_makes_a_run_exploratory(ground, tmp_path, monkeypatch):
    copy = tmp_path / "evaluation"
    shutil.copytree(code.package(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "package", lambda: copy)
    assert differences(ground) == ()
    source = copy / "estimate" / "did.py"
    text = source.read_text()
    source.write_text(text + "# one line\n")
    assert differences(ground) == ("The code is another than was locked: estimate/did.py.",)
    source.write_text(text)
    assert differences(ground) == ()


def locked_by_another_arrangement(ground):
    """The lock as a release made it whose files lay elsewhere, some of which are no more."""
    folder = ground.protocol.parent
    content = json.loads(json.dumps(dict(Lock.read(folder).content)))
    files = content["code"]["files"]
    files |= {"study/looks.py": "0" * 64, "estimate/slots.py": "1" * 64}
    del files["study/interim_analyses.py"]
    Lock.of(content).write(folder)


def test_a_lock_of_another_arrangement_says_so_and_how_to_lock_anew(ground, capsys):
    """No file is at fault where a release moved them all, so none is named."""
    locked_by_another_arrangement(ground)
    command = f'newstart protocol freeze {NAME} --relock --reason "TEXT"'
    said = (
        "The code is another than was locked: a later release arranged the framework anew, and its "
        f"files lie elsewhere in it. Lock the study anew: {command}",
    )
    run = run_study(Study.load(ground.workspace, NAME))
    assert run.label == "exploratory" and set(said) <= set(run.differences)
    told = []
    assert catch_up(Study.load(ground.workspace, NAME), progress=told.append) == 0
    assert told == [f"{NAME}: no look is taken. {said[0]}"]
    with pytest.raises(ProtocolError) as refused:
        ground.freeze("2026-01-02")
    assert "the code changed since: a later release arranged the framework anew" in str(
        refused.value
    )
    assert f"lock it anew: {command}" in str(refused.value)
    relocked = ground.freeze("2026-01-02", relock="The framework was arranged anew.")
    assert len(relocked.content["history"]) == 1
    assert not any("code" in one for one in differences(ground))


def test_every_module_is_of_one_class_and_every_pattern_of_some_module():
    root = code.package()
    modules = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
    odd = {one: found for one in modules if len(found := code.classes_of(one)) != 1}
    assert not odd, "name it in DECIDES, COUNTS or SHOWS of evaluation/study/code.py"
    for pattern in (*code.DECIDES, *code.COUNTS, *code.SHOWS):
        assert any(one == pattern or one.startswith(pattern) for one in modules), pattern


def test_what_a_lock_and_an_edition_name_are_those_classes():
    names, figures = set(code.code_files()), set(code.figures_files())
    assert names < figures
    assert {code.classes_of(one)[0] for one in names} == {"decides"}
    assert {code.classes_of(one)[0] for one in figures} == {"decides", "counts"}
    assert {"estimate/solvers/simplex.py", "finding/judge.py", "study/study.py"} <= names
    assert "value/worth.py" in figures - names and "publish/headline.py" not in figures


def test_one_assignment(ground):
    path = looks_of(ground).folder / stored_assignments.FILE
    kept = path.read_bytes()
    with np.load(path) as held:
        arrays = {name: held[name] for name in held.files}
    pseudo_treated = arrays["fillers"].copy()
    pseudo_treated[17, 0] = next(k for k in range(24) if k not in pseudo_treated[17])
    np.savez_compressed(path, allow_pickle=False, **{**arrays, "fillers": pseudo_treated})
    assert differences(ground) == (
        "The kept assignments are not those that were locked: 1 of 200 differ (number 17).",
    )
    path.write_bytes(kept)
    assert differences(ground) == ()
    path.unlink()
    assert differences(ground) == (), "drawn again as they were locked"


def test_a_start_an_area_and_an_outcome(ground):
    folder = ground.workspace.studies / "new_start"
    for name, was, now, said in (
        ("programme.yaml", "announced: 2024 Q2", "announced: 2024 Q1", None),
        ("areas.csv", "comparison,neighbourhood,,", "excluded,neighbourhood,,", "eligible areas"),
    ):
        path = folder / name
        text = path.read_text()
        assert was in text
        path.write_text(text.replace(was, now, 1))
        if said:
            from evaluation.errors import LedgerError

            with pytest.raises(LedgerError, match="is not in the panel"):
                differences(ground)
        else:
            assert differences(ground) == ()
        path.write_text(text)
    own = folder / "outcomes"
    own.mkdir()
    held = ground.workspace.schemas / "outcomes" / "ae_attendances.yaml"
    (own / "ae_attendances.yaml").write_text(
        held.read_text().replace("per: 1000", "per: 100") + "\nsoft_limits: {low: 1}\n"
    )
    assert any("definition of the outcome ae_attendances" in one for one in differences(ground))


def test_nothing_is_written_while_something_is_changed(ground):
    before = [row.hash for row in looks_of(ground).rows()]
    text = ground.protocol.read_text()
    ground.protocol.write_text(text.replace("Locked", "Lockes", 1))
    ground.submit(after=UNTIL, until="2026-01-31")
    said = differences(ground)
    assert len(said) == 1 and "title" in said[0]
    assert catch_up(Study.load(ground.workspace, NAME)) == 0
    assert [row.hash for row in looks_of(ground).rows()] == before
    ground.protocol.write_text(text)
    assert differences(ground) == ()
    assert len(looks_of(ground).rows()) == len(before) + 1


def test_a_vintage_of_before_the_lock_is_exploratory(ground):
    standing = standing_of(Study.load(ground.workspace, NAME, as_of=instant("2024-08-01")))
    assert "older than the lock of 2024-12-31" in standing.differences[0]


def test_the_due_day_rule_refuses_what_came_later(tmp_path):
    ground = lay_out(tmp_path)
    ground.protocol.write_text(ground.protocol.read_text() + "vintage_rule: due_day\n")
    ground.submit(until=LOCKED)
    ground.freeze()
    ground.submit(after=LOCKED, until="2026-01-31")
    assert differences(ground) == ()
    ground.submit(after="2026-01-31", until="2026-04-10")  # corrections of 7 April
    assert any("after 2026-01-30" in one for one in differences(ground))
    assert differences(ground, as_of=instant("2026-01-30")) == ()


def test_frozen_after_the_start_stays_exploratory_and_says_what_was_seen(tmp_path):
    ground = lay_out(tmp_path)
    ground.submit(until="2025-06-01")
    lock = ground.freeze("2025-06-01")
    assert lock.content["data_seen"] == {
        "last_quarter": "2025 Q1",
        "first_start": "2024 Q4",
        "after_start": True,
        "started_quarters": 2,
    }
    assert differences(ground) == (
        "When the protocol was frozen (2025-06-01) figures up to 2025 Q1 had been seen, and the "
        "first start was 2024 Q4.",
    )
    assert looks_of(ground).rows(), "its looks are written all the same"


def test_what_freezing_refuses(tmp_path):
    ground = lay_out(tmp_path)
    with pytest.raises(ProtocolError, match="no figures yet"):
        ground.freeze()
    ground.submit(until=LOCKED)
    with pytest.raises(ProtocolError, match="after the lock's own time"):
        ground.freeze("2024-06-01")
    with pytest.raises(ProtocolError, match="no lock to lock anew"):
        ground.freeze(relock="why not")
    first = ground.freeze()
    assert ground.freeze("2025-01-05").hash == first.hash, "one that holds comes back as it is"
    text = ground.protocol.read_text()
    ground.protocol.write_text(text.replace("Locked", "Other", 1))
    with pytest.raises(ProtocolError, match="the protocol changed since"):
        ground.freeze("2025-01-05")
    ground.protocol.write_text(text.replace("did", "dud", 1))
    with pytest.raises(ProtocolError, match="cannot be frozen"):
        ground.freeze("2025-01-05")


def test_a_mended_fault_is_locked_anew_with_both_figures(ground, tmp_path, monkeypatch):
    workspace = ground.workspace
    old = write_results(workspace, run_study(Study.load(workspace, NAME)))
    shown = json.loads(old.read_text())["outcomes"][0]["finding"]["effect_percent"]["effect"]
    copy = tmp_path / "evaluation"
    shutil.copytree(code.package(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "package", lambda: copy)
    source = copy / "estimate" / "did.py"
    source.write_text(source.read_text() + "# mended\n")
    assert run_study(Study.load(workspace, NAME)).label == "exploratory"
    with pytest.raises(ProtocolError, match="the code changed since"):
        ground.freeze("2026-01-02")
    lock = ground.freeze("2026-01-02", relock="A fault in the base period was mended.")
    pair = lock.content["figures"]["ae_attendances"]
    assert pair["old"]["effect"] == pytest.approx(shown)
    assert pair["new"]["effect"] == pytest.approx(shown)
    assert len(lock.content["history"]) == 1
    again = run_study(Study.load(workspace, NAME))
    assert (again.label, again.differences) == ("confirmatory", ())
    told = results_of(again).lock.relocks
    assert told[0].reason == "A fault in the base period was mended."
    ground.protocol.write_text(ground.protocol.read_text().replace("[0, 3]", "[0, 2]", 1))
    ground.freeze("2026-01-03", relock="A shorter window looks better.")
    said = differences(ground)
    assert any(
        "The protocol changed at the re-lock of 2026-01-03" in one
        and "A shorter window looks better" in one
        for one in said
    ), said


def test_a_fresh_clone_gives_the_same_figures(made, tmp_path):
    """The lock and the returns alone: no ledger, no assignments, no looks, no results."""
    clone = lay_out(tmp_path)
    shutil.copy(made.protocol.with_name("protocol.lock"), clone.protocol.with_name("protocol.lock"))
    clone.submit(until=LOCKED)
    clone.submit(after=LOCKED, until=UNTIL)
    catch_up(Study.load(clone.workspace, NAME))
    one, other = (run_study(Study.load(g.workspace, NAME)) for g in (made, clone))
    assert one.label == other.label == "confirmatory"
    first, second = results_of(one).plain(), results_of(other).plain()
    assert first["figures_fingerprint"] == second["figures_fingerprint"]
    assert rounded(first, 10) == rounded(second, 10)
    assert looks_of(made).head == looks_of(clone).head


def test_deviations_are_carried_and_need_date_and_reason(ground):
    path = ground.protocol.with_name("deviations.yaml")
    noted = {
        "date": "2025-09-01",
        "what": "The look of July was taken a week late.",
        "reason": "A site asked for time.",
    }
    path.write_text(yaml.safe_dump({"deviations": [noted]}))
    run = run_study(Study.load(ground.workspace, NAME))
    assert run.label == "confirmatory"
    assert results_of(run).deviations == (
        "2025-09-01: The look of July was taken a week late. Reason: A site asked for time.",
    )
    path.write_text(yaml.safe_dump({"deviations": [{"date": "2025-09-01", "what": "Something."}]}))
    with pytest.raises(ProtocolError, match="reason"):
        differences(ground)


def test_a_lock_is_never_edited_and_vouches_for_the_ledger(ground):
    path = ground.protocol.with_name("protocol.lock")
    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        assert ledger.verify(read_witnesses(path)).ok
    text = path.read_text()
    path.write_text(text.replace("2024-12-31", "2023-12-31", 1))
    with pytest.raises(ProtocolError, match="its hash does not hold"):
        differences(ground)
    path.write_text("{")
    with pytest.raises(ProtocolError, match="cannot be read"):
        Lock.read(path.parent)
    path.unlink()
    assert differences(ground)[0].startswith("No protocol lock exists")


def test_the_clock_of_a_lock_is_the_workspaces(tmp_path, monkeypatch):
    ground = lay_out(tmp_path)
    ground.submit(until=LOCKED)
    monkeypatch.setenv("NEWSTART_NOW", "2024-12-30T10:00:00Z")
    from evaluation.study.freeze import freeze

    lock = freeze(ground.workspace, NAME)
    assert lock.frozen == instant("2024-12-30T10:00:00Z")
    assert lock.content["synthetic_clock"] is True
    assert lock.frozen + timedelta(days=1) < instant("2025-01-01")


def test_a_study_is_challenged_without_its_finding_moving(ground):
    from evaluation.finding.refutation import available
    from evaluation.study.challenge import challenge

    if not available():
        pytest.skip("the extra causal is not installed")
    path = write_results(ground.workspace, run_study(Study.load(ground.workspace, NAME)))
    before = path.read_bytes()
    ground.protocol.with_name("theory.yaml").write_text(
        "treatment: new_start\noutcomes: [ae_attendances]\n"
        "causes: {new_start: {}, ae_attendances: {}, deprivation: {held_by: area}}\n"
        "arrows: [[new_start, ae_attendances], [deprivation, new_start],"
        " [deprivation, ae_attendances]]\n"
    )
    found = challenge(Study.load(ground.workspace, NAME), simulations=4)
    assert found.theory["ae_attendances"].adjustment_set == ("deprivation",)
    assert found.theory["ae_attendances"].closed is False, "the protocol names none"
    kinds = {one.code: one.kind for one in found.refuted["ae_attendances"]}
    assert kinds["placebo_start"] == "validity" and kinds["data_subset"] == "stability"
    (cause,) = [one for one in found.refuted["ae_attendances"] if one.code == "random_common_cause"]
    assert cause.result == "holds" and cause.under == pytest.approx(cause.effect, abs=0.02)
    assert "unmeasured cause" in found.unobserved["ae_attendances"].sentence
    assert path.read_bytes() == before
    assert differences(ground) == ()
