"""A workspace begins from one file, says where it stands, and its declarations are explained."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evaluation.cli.session import Session
from evaluation.declared import parsed_yaml, validated
from evaluation.demo import run_demo
from evaluation.edition import build
from evaluation.errors import UserError, WorkspaceError
from evaluation.programme import Area, Cost, Deprivation, Programme
from evaluation.setup import beginning, declarations
from evaluation.setup.beginning import QUESTIONS, answered, begin, example
from evaluation.setup.overview import overview
from evaluation.simulate.trial import trial_returns
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "from.yaml"
    path.write_text(example(), "utf-8")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NEWSTART_WORKSPACE", raising=False)
    return folder


def test_it_writes_a_workspace_that_is_read_as_it_was_declared(source: Path, here: Path) -> None:
    newstart(here, "init", "cosy", "--from", str(source), "--folder", str(here / "w"))
    root = here / "w"
    programme = Programme.load(Workspace(root=root), "cosy")
    declared = yaml.safe_load(source.read_text("utf-8"))
    assert (programme.name, programme.title) == ("cosy", declared["title"])
    assert [site.code for site in programme.sites] == [one["code"] for one in declared["sites"]]
    assert len(programme.areas) == len(declared["areas"])
    assert {o.code for o in programme.outcomes} == {one["code"] for one in declared["outcomes"]}
    assert [one.name for one in programme.people] == [one["name"] for one in declared["people"]]
    text = (root / "studies" / "cosy" / "programme.yaml").read_text("utf-8")
    assert text.count("# ") > 8 and "# money:" in text
    assert (root / ".gitignore").read_text().splitlines()[0] == "var/"
    for name in ("book/_config.yml", "book/how-to-read.md", "README.md", "SYNTHETIC"):
        assert (root / name).is_file(), name
    assert "newstart status" in (root / "README.md").read_text("utf-8")
    protocol = yaml.safe_load((root / "studies/cosy/first_look/protocol.yaml").read_text("utf-8"))
    assert protocol["programme"] == "cosy" and protocol["primary"] == ["damp_repairs"]
    assert not (root / "book" / "decisions" / "real-cases-from-packages.md").exists()


def test_nothing_is_written_over(source: Path, here: Path) -> None:
    (here / "README.md").write_text("mine")
    (here / ".gitignore").write_text("mine")
    begin(here, "cosy", source)
    assert (here / "README.md").read_text() == (here / ".gitignore").read_text() == "mine"
    with pytest.raises(WorkspaceError, match="there is a programme cosy already"):
        begin(here, "cosy", source)
    assert begin(here, "other", source).workspace.programmes == ("cosy", "other")


@pytest.mark.parametrize("name", ["Warm Homes", "2warm", "warm-homes", "../x", "wärme"])
def test_a_name_that_is_none_for_a_folder(source: Path, here: Path, name: str) -> None:
    with pytest.raises(WorkspaceError, match="cannot be the name") as refused:
        begin(here, name, source)
    proposed = re.search(r"newstart init (\S+)", refused.value.mend)
    assert proposed and begin(here, proposed[1], source)


def test_a_file_with_a_fault_writes_nothing(source: Path, here: Path) -> None:
    text = source.read_text("utf-8")
    for was, now, said in (
        ("agency: housing\n    source: site", "agency: hous\n    source: site", "did you mean"),
        ("frequency: Q", "frequenzy: Q", "did you mean frequency"),
        ("primary: [damp", "primery: [damp", "study.primery is no field"),
        ("first: 2023 Q1", "first: 2023-13", "first"),
    ):
        assert was in text
        source.write_text(text.replace(was, now), "utf-8")
        code, _, err = told(here, "init", "cosy", "--from", str(source))
        assert code == 2 and said in err
    assert not list(here.iterdir())


def test_without_a_terminal_and_without_a_file(here: Path) -> None:
    code, out, err = told(here, "init", "cosy")
    assert (code, out) == (2, "") and "--from" in err and "--example" in err
    assert not list(here.iterdir())


def test_at_a_terminal_it_asks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "title": "Cosy",
        "question": "Does it?",
        "synthetic": "yes",
        "first": "2025 Q1",
        "last": "2026 Q4",
        "agencies": "{council: The council}",
        "sites": "[{code: S01, name: Alder, start: 2026 Q1, agencies: [council]}]",
        "sources": "[{code: council_collections, name: C, agency: council}]",
        "outcomes": "[arrears]",
        "areas": "[]",
    }
    assert set(given) == {one.field for one in QUESTIONS}
    texts = {one.text: one.field for one in QUESTIONS}
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda text, **_: given[texts[text]])
    newstart(here, "init", "cosy")
    found = overview(Workspace(root=here), Programme.load(Workspace(root=here), "cosy"))
    assert "areas.csv" in found.following
    with pytest.raises(WorkspaceError, match="the answer for sites cannot be read"):
        answered({"sites": "[{"})


def test_the_only_programme_is_meant(source: Path, here: Path) -> None:
    begin(here, "cosy", source)
    assert Session(folder=here).programme_name == "cosy"
    begin(here, "other", source)
    with pytest.raises(WorkspaceError, match="2 programmes") as refused:
        assert Session(folder=here).programme_name
    assert "cosy, other" in str(refused.value)
    assert Session(folder=here, asked="other").programme_name == "other"
    begin(here, "new_start", source)
    assert Session(folder=here).programme_name == "new_start"


VERBS = """status; outcomes; upgrade; ledger log; ledger verify; study run a/b; value a/b
protocol check a/b; book build; edition list; template S01 2026-Q3 -o x.csv; invent -o in
panel -o x.csv; protocol new a/b; design power a/b; protocol freeze a/b; edition publish"""


@pytest.mark.parametrize("verb", re.split(r"; |\n", VERBS))
def test_in_an_empty_folder_every_verb_says_what_to_do(here: Path, verb: str) -> None:
    code, out, err = told(here, *verb.split())
    assert (code, out) == (2, "")
    assert "newstart init" in err and "newstart demo" in err
    assert not list(here.iterdir())


def test_the_version(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    code, out, _ = told(here, "--version")
    assert code == 0 and re.fullmatch(r"newstart-evaluation \d+\.\d+\.\d+\n", out)


def test_status_says_what_is_declared_and_what_comes_next(source: Path, here: Path) -> None:
    begin(here, "cosy", source)
    first = json.loads(newstart(here, "status", "--json"))
    assert first["returns"]["in"] == 0 and first["returns"]["due"] == first["returns"]["late"] == 60
    assert first["studies"] == [
        {"study": "cosy/first_look", "label": "draft", "locked": False, "frozen": None, "run": None}
    ]
    assert "newstart template" in first["next"]
    assert first["declared"]["areas"] == {"pilot": 4, "comparison": 16, "excluded": 0}
    shown = newstart(here, "status")
    assert "no costs declared" in shown and "0 in of 60, 60 late" in shown


@pytest.mark.slow
def test_status_leads_from_step_to_step(source: Path, here: Path) -> None:
    begin(here, "cosy", source)
    workspace = Workspace(root=here)
    files = trial_returns(Programme.load(workspace, "cosy"), here / "in")
    for path in files:
        by = "Ada North" if path.name.startswith("W") else "collector"
        newstart(here, "submit", str(path), "--by", by)
    told_now = json.loads(newstart(here, "status", "--json"))
    assert told_now["returns"] == {"due": 60, "in": 60, "late": 0, "came_late": 60}
    assert "protocol freeze cosy/first_look --exploratory" in told_now["next"]
    newstart(here, "protocol", "freeze", "cosy/first_look", "--exploratory")
    locked = json.loads(newstart(here, "status", "--json"))
    assert locked["studies"][0]["locked"] and locked["studies"][0]["label"] == "exploratory"
    assert "study run cosy/first_look" in locked["next"]


def test_no_figure_is_invented_for_a_real_programme(source: Path, here: Path) -> None:
    source.write_text(source.read_text("utf-8").replace("synthetic: true", "synthetic: false"))
    begin(here, "cosy", source)
    assert not (here / "SYNTHETIC").exists()
    code, _, err = told(here, "invent", "-o", "in")
    assert code == 2 and "real returns" in err


def test_outcomes_are_listed_those_declared_and_the_catalogue(source: Path, here: Path) -> None:
    begin(here, "cosy", source)
    listed = newstart(here, "outcomes")
    assert "damp_repairs" in listed and "ae_attendances" not in listed
    assert "north_councils, south_councils" in listed
    assert "ae_attendances" in newstart(here, "outcomes", "--all")
    codes = [one["code"] for one in json.loads(newstart(here, "outcomes", "--json"))]
    assert codes == ["damp_repairs", "winter_admissions", "broken_windows"]


def test_the_reference_and_the_schemas_are_those_of_the_models() -> None:
    """Mended by: newstart declarations -o docs/declarations.md --schemas data_schemas"""
    assert (ROOT / "docs" / "declarations.md").read_text("utf-8") == declarations.reference()
    for name in declarations.WHOLE_FILES:
        held = json.loads((ROOT / "data_schemas" / f"{name}.schema.json").read_text("utf-8"))
        assert held == declarations.schema(name)


@pytest.mark.parametrize("name", list(declarations.MODELS))
def test_every_entry_is_explained_and_every_example_read(name: str) -> None:
    model, said = declarations.MODELS[name], declarations.texts()[name]
    written = {held.alias or field for field, held in model.model_fields.items()}
    assert set(said["fields"]) == written
    text = str(said["example"])
    if str(said.get("file", "")).endswith(".csv"):
        for row in csv.DictReader(io.StringIO(text), strict=True):
            held = {k: v for k, v in row.items() if v}
            assert validated({"area": Area, "cost": Cost}.get(name, model), held, Path(name))
        return
    content = parsed_yaml(text)
    if name == "programme":
        content |= {"areas": [], "outcomes": []}
    assert validated(model, content, Path(name))


def test_a_schema_takes_what_the_example_declares(source: Path) -> None:
    """By the schema's own words: every entry of the example is one, with its kind."""
    schema = declarations.schema("programme")
    content = yaml.safe_load(source.read_text("utf-8"))
    del content["study"]
    assert set(content) <= set(schema["properties"]) and not schema["additionalProperties"]
    assert schema["properties"]["first"]["description"]
    assert {"type": "string"} in schema["properties"]["areas"]["anyOf"]
    assert Deprivation.__name__ in schema["$defs"]


def test_upgrade_replaces_the_frame_and_leaves_what_a_person_wrote(
    source: Path, here: Path
) -> None:
    begin(here, "cosy", source)
    (here / "book" / "_config.yml").write_text("old: true\n")
    (here / "book" / "methods.md").write_text("# Ours\n")
    (here / "book" / "glossary.md").unlink()
    shutil.rmtree(here / ".schemas")
    done = json.loads(newstart(here, "upgrade", "--json"))["done"]
    changed = [one["what"] for one in done if one["changed"]]
    assert len(changed) == 2 and "1 files added, 1 replaced" in changed[0]
    assert (here / "book" / "methods.md").read_text() == "# Ours\n"
    assert any("methods.md" in one["what"] and one["mend"] for one in done)
    assert (here / "var/before_upgrade/book/_config.yml").read_text() == "old: true\n"
    again = json.loads(newstart(here, "upgrade", "--json"))["done"]
    assert not any(one["changed"] for one in again)
    assert beginning.FIRST_STUDY == "first_look"


ANSWERS = (
    "Snug Rooms",
    "Are rooms warmer?",
    "perhaps",  # no truth
    "yes",
    "2024 Q7",  # no quarter
    "2024 Q1",
    "2025 Q4",
    "{housing: [}",  # no YAML
    "{housing: Housing}",
    "[{code: S01, name: North, start: soon, agencies: [housing]}]",  # no quarter inside
    "[{code: S01, name: North, start: 2025-02-03, agencies: [housing]}]",
    "[{code: councils, name: Councils, agency: housing}]",
    "[damp_repair]",  # no outcome
    "[]",
    "sub\\nowhere.csv",  # no file
)


def typed(folder: Path, *answers: str, end: str = "") -> subprocess.CompletedProcess[str]:
    """`newstart init snug` at a terminal of its own, with these lines typed."""
    mine, its = pty.openpty()
    os.write(mine, "".join(f"{one}\n" for one in answers).encode() + end.encode())
    done = subprocess.run(
        [sys.executable, "-m", "evaluation.cli", "init", "snug"],
        stdin=its,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=120,
    )
    os.close(its)
    os.close(mine)
    return done


def test_a_wrong_answer_is_asked_again_and_no_answer_is_lost(here: Path) -> None:
    rows = "code;name;authority;role;site\r\nN1;North;Alder;pilot;S01\r\n"
    (here / "sub").mkdir()
    (here / "sub" / "areas.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    done = typed(here, *ANSWERS, "sub\\areas.csv")
    assert done.returncode == 0, done.stderr
    for said in (
        "synthetic: Input should be a valid boolean",
        "'2024 Q7' is no quarter",
        "the answer for agencies cannot be read",
        "sites.0.start",
        "outcome 'damp_repair' is declared nowhere",
        "nowhere.csv: the file does not exist",
    ):
        assert said in done.stderr, (said, done.stderr)
    assert "fault of ours" not in done.stderr and "Traceback" not in done.stderr
    assert "N1" in (here / "studies" / "snug" / "areas.csv").read_text("utf-8")


def test_what_was_answered_before_the_way_was_left_is_kept(here: Path) -> None:
    done = typed(here, "Snug Rooms", "Are rooms warmer?", "yes", end="\x04")
    assert done.returncode != 0 and "What you answered is in snug.yaml" in done.stderr
    assert "Traceback" not in done.stderr and "fault of ours" not in done.stderr
    held = yaml.safe_load((here / "snug.yaml").read_text("utf-8"))
    assert held == {"name": "snug", "title": "Snug Rooms", "question": "Are rooms warmer?"} | {
        "synthetic": "yes"
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_is_read_as_other_systems_save_it(here: Path, encoding: str) -> None:
    (here / "from.yaml").write_bytes(example().replace("\n", "\r\n").encode(encoding))
    assert newstart(here, "init", "warm_homes", "--from", "from.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (example().replace("Norrick", "N\u00f6rrick").encode("latin-1"), "not written as UTF-8"),
        (b"", "holds no mapping"),
        (b"\x00", "no valid YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(
    here: Path, content: bytes, said: str
) -> None:
    (here / "from.yaml").write_bytes(content)
    code, _, err = told(here, "init", "warm_homes", "--from", "from.yaml")
    assert code == 2 and said in err and "fault of ours" not in err
    code, _, err = told(here, "init", "warm_homes", "--from", str(here))
    assert code == 2 and "is a folder" in err
    code, _, err = told(here, "init", "Warm Homes", "--from", "from.yaml")
    assert code == 2 and "newstart init warm_homes" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("code,name,authority,role\nN1,North,Alder,comparison,7\n", "line 2"),
        ("code,name,authority,rol\nN1,North,Alder,comparison\n", "rol"),
        ("code,name,authority\nN1,North,Alder\n", "add the column role"),
        ("code,name,authority,role\nN1,North,Alder,control\n", "line 2"),
        ("\n", "no headings"),
        ("code,name,authority,role\n\nN1,North,Ald\xe9r,comparison\n", "line 3"),
    ],
)
def test_a_table_names_the_line_at_fault(here: Path, table: str, said: str) -> None:
    content = yaml.safe_load(example()) | {"areas": "areas.csv"}
    (here / "from.yaml").write_text(yaml.safe_dump(content), "utf-8")
    (here / "areas.csv").write_bytes(table.encode("latin-1"))
    code, _, err = told(here, "init", "warm_homes", "--from", "from.yaml")
    assert code == 2 and said in err and "areas.csv" in err and "fault of ours" not in err, err


def test_a_demonstration_with_a_book_asks_first_for_what_books_are_built_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book").mkdir()
    workspace = Workspace(root=tmp_path)
    monkeypatch.setattr(build, "find_spec", lambda name: None if name == "gptables" else name)
    with pytest.raises(UserError) as told:
        run_demo(workspace, tiny=True)
    assert "gptables" in str(told.value)
    assert 'pip install "newstart-evaluation[book]"' in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["book"]
