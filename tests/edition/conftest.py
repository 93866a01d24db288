"""A workspace with invented results, its edition and its claims; no Jupyter Book is run here."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from evaluation.edition.claims import Claims
from evaluation.edition.edition import Edition
from evaluation.workspace import Workspace, packaged_schemas

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("claims")
    made = runpy.run_path(str(REPOSITORY / "tests" / "browser" / "edition_results.py"))
    made["write_workspace"](root, packaged_schemas())
    (root / "book" / "decisions").mkdir(parents=True)
    shutil.copy(REPOSITORY / "book" / "_toc.yml", root / "book")
    return Workspace(root=root)


@pytest.fixture(scope="session")
def edition(workspace: Workspace) -> Edition:
    return Edition.read(workspace, "new_start")


@pytest.fixture(scope="session")
def claims(edition: Edition) -> Claims:
    return Claims(edition)
