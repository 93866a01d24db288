"""A study's first notebook: written once, of code that runs."""

import re
import shutil

import pytest

from evaluation.cli import main
from evaluation.errors import ProtocolError
from evaluation.study.protocol_documents import new_notebook
from evaluation.workspace import Workspace, packaged_schemas

ROOT = packaged_schemas().parent
CELL = re.compile(r"```\{code-cell\} ipython3\n(.*?)```", re.DOTALL)


@pytest.fixture
def workspace(tmp_path):
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    (tmp_path / "studies" / "new_start" / "first_look" / "study.md").unlink()
    return Workspace(root=tmp_path)


def test_its_cells_are_code_and_name_the_study(workspace):
    text = new_notebook(workspace, "new_start/first_look").read_text()
    cells = CELL.findall(text)
    assert len(cells) == 6
    for cell in cells:
        compile(cell, "cell", "exec")
    assert 'Study.load(Workspace.find(), "new_start/first_look")' in text
    assert "ae_attendances" in text
    assert "{" + "name}" not in text


def test_a_notebook_is_never_written_over(workspace):
    path = new_notebook(workspace, "new_start/first_look")
    path.write_text("mine")
    with pytest.raises(ProtocolError, match="not written over"):
        new_notebook(workspace, "new_start/first_look")
    assert path.read_text() == "mine"


def test_the_verb(workspace, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--workspace", str(workspace.root), "study", "new", "new_start/first_look"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip().endswith("first_look/study.md")
